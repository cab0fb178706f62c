"""A page of our own making that is not drawn yet is waited for, by mails and by packs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from b2b_orders.common import tenancy
from b2b_orders.companies.access import Actor
from b2b_orders.documents.mailing import request_mailing
from b2b_orders.documents.models import JobState, Mailing
from b2b_orders.ingest import mail_work, packs_work
from b2b_orders.orders.models import Order
from tests.b2b_orders.documents.conftest import FakeSource, as_web, viewer_of
from tests.b2b_orders.documents.test_rendering import (
    PAGE,
    drawn,
    make_xml,
    offered,
    work,
)
from tests.factories import NOW, make_order

__all__ = ["drawn"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("drawn")]


@pytest.fixture(autouse=True)
def _own_store(settings, tmp_path, monkeypatch):
    options = settings.STORAGES["documents"] | {"OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = settings.STORAGES | {"documents": options}
    monkeypatch.setattr(packs_work, "wake", lambda _pk: None)


@pytest.fixture
def order(cast) -> Order:
    order = make_order(cast.alfa, establishment=cast.alfa_main)
    # So long that it is drawn only once somebody asks.
    make_xml(order, facts={"item_count": 500})
    return order


def send(mailing: int, now=NOW) -> str | None:
    with tenancy.scope(role=tenancy.WORKER):
        return mail_work.run_mailing(mailing_id=mailing, clock=lambda: now, source=FakeSource())


@pytest.fixture
def mailing(cast, order) -> int:
    (danfe,) = offered(order)
    viewer = viewer_of(cast.alfa, cast.ana)
    with as_web(viewer):
        return request_mailing(
            viewer=viewer,
            actor=Actor(viewer.person_id),
            public_id=danfe.public_id,
            contact=cast.bruno.public_id,
            address="",
            reason="",
            language="en",
            now=NOW,
        )


def test_a_mail_goes_out_once_its_page_is_drawn(mailing, mailoutbox):
    assert send(mailing) == JobState.WAITING
    assert mailoutbox == []

    assert work() == [JobState.DONE]

    assert send(mailing) == JobState.DONE
    [mail] = mailoutbox
    assert mail.attachments[0][1] == PAGE


def test_a_mail_whose_page_is_never_drawn_is_given_up(mailing, mailoutbox):
    later = NOW + timedelta(minutes=31)

    assert send(mailing, later) == JobState.FAILED
    assert (Mailing.objects.get().outcome, mailoutbox) == ("unavailable", [])
