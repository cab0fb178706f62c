"""Calendars that every client reads, whatever the texts in them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from b2b_orders.portal.ical import DayEvent, write_calendar
from tests.b2b_orders.portal.ics import parse

AT = datetime(2026, 3, 10, 13, 0, tzinfo=UTC)


def event(**fields) -> DayEvent:
    known = {"uid": "1@portal", "on": date(2026, 2, 28), "changed_at": AT, "summary": "Boleto"}
    return DayEvent(**known | fields)


def written(*events: DayEvent, name: str = "Alfa") -> bytes:
    return write_calendar(name=name, about="about", events=events)


def test_a_day_is_a_whole_day_without_a_time_zone():
    (found,) = parse(written(event())).inside

    assert found.properties == {
        "UID": "1@portal",
        "DTSTAMP": "20260310T130000Z",
        "LAST-MODIFIED": "20260310T130000Z",
        "DTSTART;VALUE=DATE": "20260228",
        "DTEND;VALUE=DATE": "20260301",
        "SUMMARY": "Boleto",
        "CLASS": "PRIVATE",
        "TRANSP": "TRANSPARENT",
    }


def test_moments_are_written_in_utc():
    there = AT.astimezone(timezone(timedelta(hours=-3)))

    assert written(event(changed_at=there)) == written(event(changed_at=AT))


@pytest.mark.parametrize(
    "text",
    [
        "a;b,c\\d:e",
        "um\ndois",
        "\\n is no line end; \\, neither",
        "ação " * 40,
        "😀" * 60,
        "x" * 74 + "é",
        'DTSTART;VALUE=DATE:20200101 "quoted"',
    ],
)
def test_any_text_comes_out_as_it_went_in(text):
    calendar = parse(written(event(summary=text, description=text), name=text))

    assert calendar.properties["X-WR-CALNAME"] == text
    assert calendar.inside[0].properties["SUMMARY"] == text
    assert calendar.inside[0].properties["DESCRIPTION"] == text


def test_no_text_begins_a_line_or_an_event_of_its_own():
    hostile = "x\r\nEND:VEVENT\rBEGIN:VALARM\0\x0b"

    calendar = parse(written(event(summary=hostile, url="https://x/\r\nATTACH:y")))

    (found,) = calendar.inside
    assert found.properties["SUMMARY"] == "x\nEND:VEVENT\nBEGIN:VALARM  "
    assert found.properties["URL"] == "https://x/  ATTACH:y"


def test_a_calendar_without_events_is_one():
    assert parse(written()).inside == []
