"""When an ERP's order is read again although nobody said that it changed: pure, by a table.

Files and titles of an order change without its row changing, and no ERP of the old contract
tells of it. What can still change is asked for often, what is closed never.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from erp_bridge.records import Fulfilment, OrderRecord, TitleState

FINAL = (Fulfilment.DELIVERED, Fulfilment.CANCELLED, Fulfilment.REPLACED)
# Banks tell of a payment on one of the next working days.
_BEFORE_DUE, _AFTER_DUE = timedelta(days=3), timedelta(days=5)
_YOUNG, _OLD = timedelta(days=3), timedelta(days=180)
# Files of an invoice follow it within days.
_FILES_COME = timedelta(days=10)


# An order of which a document is expected: while it waits less than this, it is read again
# after so long. People are told "every 10 minutes" on the first day.
WAITING = (
    (timedelta(days=1), timedelta(minutes=10)),
    (timedelta(days=3), timedelta(hours=1)),
    (_FILES_COME, timedelta(hours=12)),
)


@dataclass(frozen=True, slots=True)
class Rule:
    """After how long an order that a condition fits is read again, and why."""

    fits: Callable[[OrderRecord, date], bool]
    after: timedelta | None
    reason: str


def again_after(
    record: OrderRecord, now: datetime, *, waits_since: datetime | None = None
) -> timedelta | None:
    """Say after how long an order should be read again; None for never.

    `waits_since`: since when a document of it is expected that its source does not list.
    """
    today = now.date()
    after = next(rule.after for rule in RULES if rule.fits(record, today))
    if waits_since is None or not _has_young_invoice(record, today):
        return after
    waited = now - waits_since
    soon = next((pause for limit, pause in WAITING if waited < limit), None)
    return min((each for each in (after, soon) if each is not None), default=None)


def _age(day: date | None, today: date) -> timedelta:
    return today - day if day else _OLD + timedelta(days=1)


def _has_title_at_its_date(record: OrderRecord, today: date) -> bool:
    return any(
        # A state that an ERP never tells does not change either.
        title.state is TitleState.OPEN
        and title.due_on is not None
        and title.due_on - _BEFORE_DUE <= today <= title.due_on + _AFTER_DUE
        for title in record.titles
    )


def _has_open_title(record: OrderRecord, today: date) -> bool:
    del today
    return any(title.state is TitleState.OPEN for title in record.titles)


def _is_old(record: OrderRecord, today: date) -> bool:
    last = max(
        (day for day in (record.placed_on, *(t.due_on for t in record.titles)) if day),
        default=None,
    )
    return _age(last, today) > _OLD


def _is_young(record: OrderRecord, today: date) -> bool:
    return _age(record.placed_on, today) <= _YOUNG and record.fulfilment not in FINAL


def _is_open(record: OrderRecord, today: date) -> bool:
    del today
    return record.fulfilment not in FINAL


def _has_new_invoice(record: OrderRecord, today: date) -> bool:
    return any(_age(invoice.issued_on, today) <= _FILES_COME for invoice in record.invoices)


def _has_young_invoice(record: OrderRecord, today: date) -> bool:
    """Say whether a file can still be on its way: history that lacks one is not asked again."""
    return any(_age(i.issued_on or record.placed_on, today) <= _FILES_COME for i in record.invoices)


def _always(record: OrderRecord, today: date) -> bool:
    del record, today
    return True


# The first that fits decides.
RULES = (
    Rule(_is_old, None, "given up on by everybody, or kept open by mistake"),
    Rule(_has_title_at_its_date, timedelta(hours=1), "a boleto about to be paid, or just paid"),
    Rule(_is_young, timedelta(hours=1), "released, picked and invoiced in these days"),
    Rule(_has_open_title, timedelta(hours=12), "a boleto may be paid or replaced at any time"),
    Rule(_is_open, timedelta(hours=24), "goes on, slowly"),
    Rule(_has_new_invoice, timedelta(hours=24), "its files may still be on their way"),
    Rule(_always, None, "closed: nothing of it changes any more"),
)
