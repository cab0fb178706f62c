"""One person who follows, a mailbox, and clocks that a test can turn."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from b2b_orders.common.mail import MailFailed
from b2b_orders.companies.access import Actor, Viewer
from b2b_orders.notifications import following, noticing, telling
from b2b_orders.notifications.telling import Digest, Fact
from b2b_orders.orders.filtering import read_filter
from b2b_orders.orders.models import Order
from tests.b2b_orders.documents.conftest import as_web, viewer_of
from tests.factories import NOW

HOUR = timedelta(hours=1)


@dataclass
class Mailbox:
    """Takes in what is sent, or fails as it is told to."""

    digests: list[Digest] = field(default_factory=list)
    failure: MailFailed | None = None

    def __call__(self, digest: Digest) -> None:
        if self.failure:
            raise self.failure
        self.digests.append(digest)

    def facts(self, number: int = -1) -> dict[str, list[Fact]]:
        """Give what one mail tells, by the title of the order."""
        return {
            order.title: list(order.facts)
            for company in self.digests[number].companies
            for order in company.orders
        }

    def kinds(self, number: int = -1) -> dict[str, list[str]]:
        return {title: [f.kind for f in facts] for title, facts in self.facts(number).items()}


@pytest.fixture
def box() -> Mailbox:
    return Mailbox()


@pytest.fixture
def ana(cast: Any) -> Viewer:
    return viewer_of(cast.alfa, cast.ana)


def follow(viewer: Viewer, order: Order, *kinds: str, now: datetime = NOW) -> None:
    with as_web(viewer):
        following.follow_order(
            viewer=viewer,
            actor=Actor(person_id=viewer.person_id),
            public_id=order.public_id,
            kinds=kinds,
            now=now,
        )


def follow_list(viewer: Viewer, *kinds: str, now: datetime = NOW, **given: str) -> None:
    wanted = read_filter({name: [value] for name, value in given.items()}).wanted
    with as_web(viewer):
        following.follow_list(
            viewer=viewer,
            actor=Actor(person_id=viewer.person_id),
            wanted=wanted,
            name="Minha lista",
            kinds=kinds,
            now=now,
        )


def change(order: Order, at: datetime, **fields: object) -> None:
    """Change an order as a reading does."""
    Order.objects.filter(pk=order.pk).update(changed_at=at, **fields)


def sweep_and_tell(at: datetime, box: Mailbox, after: timedelta = timedelta(minutes=6)) -> int:
    """Let workers look, and tell once the little pause is over."""
    noticing.sweep_changes(now=at)
    noticing.look_in_turn(now=at)
    return telling.tell(now=at + after, send=box)
