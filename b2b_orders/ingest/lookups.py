"""Asking for a number that we do not have, or for fresher data: the web process's side.

It writes a row and wakes a worker; `live` does the asking. Everything runs in the scope
of one company.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection as database
from django.db import transaction

from b2b_orders.common.errors import InvalidInput, NotVisible
from b2b_orders.common.requests import without_nul
from b2b_orders.companies.access import Viewer
from b2b_orders.ingest import waking
from b2b_orders.ingest.models import Lookup, LookupState
from b2b_orders.orders.models import Order
from b2b_orders.orders.numbers import MAX_VALUE, normalise, recognise

_LOCK = 7002  # first half of our advisory locks: "this number is being asked for"


@dataclass(frozen=True, slots=True)
class LookupView:
    """A look-up as its company may see it.

    `answers` says for each connection "found", "not-found" or the code of what went
    wrong; `is_new` is False when somebody asked the same a moment ago.
    """

    public_id: UUID
    state: LookupState
    answers: Mapping[str, str]
    found_public_id: UUID | None
    asked_at: datetime
    is_new: bool = False
    has_news: bool = False


def request_lookup(*, viewer: Viewer, text: str, now: datetime) -> LookupView:
    """Have a number looked up at the sources, once per company and 30 seconds.

    `InvalidInput` when the text is empty or too long to be a number.
    """
    recognised = recognise(text)
    if recognised.shape in {"empty", "too_long"} or len(written := _clean(text)) > MAX_VALUE:
        raise InvalidInput("q", "not a number")
    value = recognised.candidates[0].value if recognised.candidates else normalise(text)
    return _request(viewer, value=value, written=written, order_id=None, now=now)


def request_refresh(*, viewer: Viewer, order_public_id: UUID, now: datetime) -> LookupView:
    """Have an order read again from every source; `NotVisible` if it is not the viewer's."""
    order = Order.objects.filter(public_id=order_public_id, company_id=viewer.company_id).first()
    if order is None or not _is_in_scope(viewer, order):
        raise NotVisible
    return _request(
        viewer, value=f"order:{order.pk}", written=order.title, order_id=order.pk, now=now
    )


def get_lookup(*, viewer: Viewer, public_id: UUID) -> LookupView:
    """Return a look-up of the viewer's company; `NotVisible` for any other."""
    lookup = Lookup.objects.filter(public_id=public_id, company_id=viewer.company_id).first()
    if lookup is None:
        raise NotVisible
    return _view(viewer, lookup)


def _request(
    viewer: Viewer, *, value: str, written: str, order_id: int | None, now: datetime
) -> LookupView:
    with transaction.atomic():
        _take_turn(viewer.company_id, value)
        since = now - timedelta(seconds=settings.PORTAL_LOOKUP_SECONDS)
        recent = (
            Lookup.objects.filter(company_id=viewer.company_id, value=value, asked_at__gt=since)
            .order_by("-asked_at")
            .first()
        )
        if recent:
            return _view(viewer, recent)
        lookup = Lookup.objects.create(
            company_id=viewer.company_id,
            person_id=viewer.person_id,
            value=value,
            written=written,
            order_id=order_id,
            asked_at=now,
        )
        transaction.on_commit(lambda: _wake_worker_aside(lookup.pk))
    return _view(viewer, lookup, is_new=True)


def _take_turn(company_id: int, value: str) -> None:
    """Wait for whoever asks for the same number at this moment to have written the row."""
    key = zlib.crc32(f"{company_id} {value}".encode()) - 2**31
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK, key])


def wake_worker(lookup_id: int) -> None:
    """Send the look-up to a worker; without a broker the sweeper finds its row."""
    waking.send("ingest.run_lookup", expires=settings.PORTAL_LOOKUP_SECONDS, lookup_id=lookup_id)


def _wake_worker_aside(lookup_id: int) -> None:
    waking.aside(lambda: wake_worker(lookup_id))


def _view(viewer: Viewer, lookup: Lookup, *, is_new: bool = False) -> LookupView:
    state, found, has_news = LookupState(lookup.state), None, False
    if state is LookupState.FOUND and lookup.found_order_id is not None:
        order = Order.objects.filter(pk=lookup.found_order_id, company_id=viewer.company_id).first()
        if order and _is_in_scope(viewer, order):
            found, has_news = order.public_id, order.changed_at >= lookup.asked_at
        else:
            # Found for the company, but not for this person: as if it did not exist.
            state = LookupState.NOT_FOUND
    return LookupView(
        public_id=lookup.public_id,
        state=state,
        answers=lookup.answers if found or state is not LookupState.NOT_FOUND else _unfound(lookup),
        found_public_id=found,
        asked_at=lookup.asked_at,
        is_new=is_new,
        has_news=has_news,
    )


def _unfound(lookup: Lookup) -> dict[str, str]:
    return {
        name: "not-found" if answer == "found" else answer
        for name, answer in lookup.answers.items()
    }


def _is_in_scope(viewer: Viewer, order: Order) -> bool:
    ids = viewer.establishment_ids
    return ids is None or order.establishment_id in ids


def _clean(text: str) -> str:
    return " ".join(without_nul(text).split()).lstrip("# ")
