"""What a source record is after any number of readings."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from b2b_orders.orders.readings import Known, Part, from_row, to_parts
from b2b_orders.orders.records_json import from_json
from erp_bridge.records import (
    Detail,
    Fulfilment,
    InvoiceRecord,
    OrderLine,
    OrderRecord,
    Reading,
    System,
)

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
FULL = OrderRecord(
    System.ERP,
    "1",
    fulfilment=Fulfilment.PICKING,
    status_raw="3",
    total=Decimal(10),
    note="",
    lines=(OrderLine(1, "A"),),
    invoices=(InvoiceRecord("1001", "1"),),
)
ROW = OrderRecord(
    System.ERP,
    "1",
    detail=Detail.SUMMARY,
    fulfilment=Fulfilment.SHIPPED,
    status_raw="4",
    total=Decimal(11),
    note="obs",
    customer_numbers=("PO-1",),
    invoices=(InvoiceRecord("1001"), InvoiceRecord("1002", "1")),
)


def take(known, record, minutes=0, version=None):
    at = AT + timedelta(minutes=minutes)
    record = replace(record, version=version and AT + timedelta(minutes=version))
    return known.take(record.detail, Part.of(Reading(record, b"{}", at)))


def known_after(*readings):
    known, outcomes = Known(), []
    for reading in readings:
        known, outcome = take(known, *reading)
        outcomes.append(outcome)
    return known, outcomes


def record(known):
    return from_json(known.facts())


def test_a_first_reading_is_new_and_the_same_again_unchanged():
    _, outcomes = known_after((FULL, 0), (FULL, 0), (FULL, 5))

    assert outcomes == ["new", "unchanged", "unchanged"]


def test_an_older_version_read_later_is_stale():
    known, outcomes = known_after(
        (replace(FULL, status_raw="b"), 0, 2), (replace(FULL, status_raw="a"), 9, 1)
    )

    assert outcomes == ["new", "stale"]
    assert record(known).status_raw == "b"


def test_without_versions_the_later_reading_rules():
    known, outcomes = known_after((FULL, 5), (replace(FULL, note="x"), 1))

    assert (outcomes, record(known).note) == (["new", "stale"], "")


def test_a_row_of_a_list_brings_the_status_and_keeps_the_details():
    known, outcomes = known_after((FULL, 0), (ROW, 1))

    merged = record(known)
    assert outcomes == ["new", "changed"]
    assert (merged.status_raw, merged.fulfilment) == ("4", Fulfilment.SHIPPED)
    assert (merged.total, merged.note, merged.customer_numbers) == (Decimal(10), "obs", ("PO-1",))
    assert merged.lines == FULL.lines
    assert [i.number for i in merged.invoices] == ["1001", "1002"]


def test_details_are_wanted_again_when_a_row_tells_that_they_are_old():
    stale, _ = known_after((FULL, 0), (ROW, 1))
    fresh, _ = known_after((FULL, 0), (ROW, 1), (FULL, 2))
    same, outcomes = known_after((FULL, 0), (replace(FULL, detail=Detail.SUMMARY, lines=()), 1))

    assert (stale.detail, fresh.detail, same.detail) == (
        Detail.SUMMARY,
        Detail.FULL,
        Detail.FULL,
    )
    assert outcomes == ["new", "unchanged"]


def test_a_row_that_states_no_status_changes_none():
    silent = replace(ROW, fulfilment=Fulfilment.UNMAPPED, status_raw="")

    known, _ = known_after((FULL, 0), (silent, 1))

    assert record(known).status_raw == "3"


def test_a_row_older_than_the_details_is_nothing_new():
    known, outcomes = known_after((FULL, 5), (ROW, 1))

    assert (outcomes, record(known)) == (["new", "stale"], FULL)


@pytest.mark.parametrize(
    "readings",
    [
        [(FULL, 1), (ROW, 2), (replace(FULL, note="x"), 3), (replace(ROW, note="y"), 4)],
        [(FULL, 2), (ROW, 2), (replace(ROW, status_raw="9"), 2), (replace(FULL, note="z"), 2)],
        [(FULL, 1, 3), (replace(FULL, note="x"), 9, 2), (ROW, 5), (replace(FULL, note="v"), 2, 3)],
    ],
    ids=["by time", "at once", "by version"],
)
def test_readings_in_any_order_end_in_the_same_record(readings):
    ends = {
        (repr(known.facts()), known.detail, known.newest.read_at)
        for order in itertools.permutations(readings)
        for known in [known_after(*order)[0]]
    }

    assert len(ends) == 1


@pytest.mark.parametrize("readings", [[(FULL, 0)], [(ROW, 0)], [(FULL, 0), (ROW, 1)]])
def test_a_stored_record_is_known_again(readings):
    known, _ = known_after(*readings)
    newest = known.newest

    again = from_row(
        version=newest.version,
        read_at=newest.read_at,
        content_hash=newest.digest,
        facts=known.facts(),
        parts=to_parts(known),
    )

    assert again.facts() == known.facts()
    assert (again.detail, again.newest.read_at) == (known.detail, newest.read_at)
    for record_, minutes in ((FULL, 0), (ROW, 1), (replace(FULL, note="n"), 2)):
        assert take(again, record_, minutes)[1] == take(known, record_, minutes)[1]
