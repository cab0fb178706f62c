"""When an ERP's order is read again although nobody said that it changed."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from b2b_orders.ingest.refreshing import RULES, again_after
from erp_bridge.records import Fulfilment, InvoiceRecord, OrderRecord, System, TitleRecord
from erp_bridge.records import TitleState as State
from tests.factories import NOW

TODAY = NOW.date()
HOUR, HALF_DAY, DAY = timedelta(hours=1), timedelta(hours=12), timedelta(hours=24)


def order(
    fulfilment: Fulfilment = Fulfilment.DELIVERED,
    *,
    placed: int | None = 30,
    due: int | None = None,
    state: State = State.OPEN,
    invoiced: int | None = None,
) -> OrderRecord:
    """Build an order; days count back from today, `due` counts ahead."""
    return OrderRecord(
        System.ERP,
        "1",
        fulfilment=fulfilment,
        placed_on=ago(placed),
        titles=() if due is None else (TitleRecord("1", due_on=ago(-due), state=state),),
        invoices=() if invoiced is None else (InvoiceRecord("1", issued_on=ago(invoiced)),),
    )


def ago(days: int | None) -> date | None:
    return None if days is None else TODAY - timedelta(days=days)


@pytest.mark.parametrize(
    ("record", "after"),
    [
        (order(due=2), HOUR),
        (order(due=-5), HOUR),
        (order(due=-6), HALF_DAY),
        (order(due=20), HALF_DAY),
        (order(placed=400, due=20), HALF_DAY),
        (order(due=2, state=State.PAID), None),
        (order(due=2, state=State.CANCELLED), None),
        (order(due=2, state=State.UNKNOWN), None),
        (order(due=-200, placed=230), None),
        (order(Fulfilment.PICKING, placed=1), HOUR),
        (order(Fulfilment.PICKING, placed=4), DAY),
        (order(Fulfilment.UNMAPPED, placed=4), DAY),
        (order(Fulfilment.PICKING, placed=181), None),
        (order(Fulfilment.PICKING, placed=None), None),
        (order(placed=2), None),
        (order(Fulfilment.CANCELLED, placed=2), None),
        (order(invoiced=10), DAY),
        (order(invoiced=11), None),
    ],
)
def test_what_can_still_change_is_read_again(record, after):
    assert again_after(record, NOW) == after


def test_every_rule_says_why():
    assert all(rule.reason for rule in RULES)
    assert len({rule.fits for rule in RULES}) == len(RULES)


@pytest.mark.parametrize(
    ("waited", "after"),
    [
        (timedelta(0), timedelta(minutes=10)),
        (timedelta(hours=23), timedelta(minutes=10)),
        (timedelta(days=1), HOUR),
        (timedelta(days=3), HALF_DAY),
        (timedelta(days=10), DAY),
    ],
)
def test_what_waits_for_a_file_is_read_again_soon_and_then_less_often(waited, after):
    record = order(invoiced=10)
    assert again_after(record, NOW, waits_since=NOW - waited) == after


def test_waiting_never_makes_an_order_be_read_less_often():
    record = order(due=1, invoiced=5)
    assert again_after(record, NOW, waits_since=NOW - timedelta(days=5)) == HOUR


@pytest.mark.parametrize("record", [order(invoiced=11), order(placed=2)])
def test_history_that_lacks_a_file_is_not_asked_for_again_and_again(record):
    assert again_after(record, NOW, waits_since=NOW) is None
