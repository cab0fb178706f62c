"""Where an agent starts: who is waiting, whom they acted for last, what they wait for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from b2b_orders.companies.recent import RecentCompany
from b2b_orders.companies.viewers import ActingView
from b2b_orders.orders.awaiting import AwaitedView
from b2b_orders.orders.questions import OpenQuestion
from b2b_orders.portal import formats
from b2b_orders.portal.addresses import Addresses
from b2b_orders.portal.presenters.acting import minutes_words
from b2b_orders.portal.presenters.questions import WaitingItem, waiting_items


@dataclass(frozen=True, slots=True)
class RecentItem:
    """A company that the agent acted for; `url` goes on where acting has not ended."""

    name: str
    ending: str
    reason: str
    at: str
    at_iso: str
    url: str
    left: str


@dataclass(frozen=True, slots=True)
class AwaitedItem:
    """A number that the agent waits for; `url` searches for it once it has come."""

    id: int
    number: str
    state: str
    url: str


@dataclass(frozen=True, slots=True)
class AgentHome:
    """What stands below the one box."""

    questions: tuple[WaitingItem, ...]
    recent: tuple[RecentItem, ...]
    awaited: tuple[AwaitedItem, ...]


def agent_home(
    recent: Iterable[RecentCompany],
    awaited: Iterable[AwaitedView],
    questions: Iterable[OpenQuestion],
    *,
    acting: Iterable[ActingView],
    page: str,
    acts: bool = True,
    now: datetime,
) -> AgentHome:
    """Present what an agent comes back to; who `acts` enters a company before its pages."""
    live = {view.company_public_id: view for view in acting}
    return AgentHome(
        questions=waiting_items(questions, entered=frozenset(live), acts=acts, now=now),
        recent=tuple(_recent(row, live.get(row.public_id), now) for row in recent),
        awaited=tuple(_awaited(row, page, now) for row in awaited),
    )


def _recent(row: RecentCompany, live: ActingView | None, now: datetime) -> RecentItem:
    return RecentItem(
        name=row.name,
        ending=f"…{row.tax_id_ending}" if row.tax_id_ending else "",
        reason=live.reason if live else row.reason,
        at=formats.moment(row.at, now),
        at_iso=formats.iso(row.at),
        url=Addresses(row.public_id).to("orders") if live else "",
        left=minutes_words(live.minutes_left) if live else "",
    )


def _awaited(row: AwaitedView, page: str, now: datetime) -> AwaitedItem:
    if row.found_at is None:
        state = _("awaited since %(time)s") % {"time": formats.moment(row.kept_at, now)}
        return AwaitedItem(row.id, row.written, state, "")
    state = _("is there since %(time)s") % {"time": formats.moment(row.found_at, now)}
    return AwaitedItem(row.id, row.written, state, f"{reverse(page)}?{urlencode({'q': row.value})}")
