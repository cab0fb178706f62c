"""Writes a calendar of whole days as RFC 5545 wants it: nothing else of the standard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

MAX_OCTETS = 75
_CONTROL = dict.fromkeys((*range(32), 127), " ")


@dataclass(frozen=True, slots=True)
class DayEvent:
    """Something on a day. `uid` names it for good; `changed_at` is when it last changed."""

    uid: str
    on: date
    changed_at: datetime
    summary: str
    description: str = ""
    url: str = ""


def write_calendar(*, name: str, about: str, events: Iterable[DayEvent]) -> bytes:
    """Write a calendar; the same events give the same bytes."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//B2B Orders//Due dates//EN",
        "CALSCALE:GREGORIAN",
        # RFC 7986, and what clients older than it read.
        f"NAME:{_text(name)}",
        f"X-WR-CALNAME:{_text(name)}",
        f"DESCRIPTION:{_text(about)}",
        f"X-WR-CALDESC:{_text(about)}",
        "REFRESH-INTERVAL;VALUE=DURATION:PT6H",
        "X-PUBLISHED-TTL:PT6H",
    ]
    for event in events:
        lines += _event(event)
    lines.append("END:VCALENDAR")
    return "".join(f"{part}\r\n" for line in lines for part in _folded(line)).encode()


def _event(event: DayEvent) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{_text(event.uid)}"
    yield f"DTSTAMP:{event.changed_at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    yield f"LAST-MODIFIED:{event.changed_at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    yield f"DTSTART;VALUE=DATE:{event.on:%Y%m%d}"
    # The day after: an end is not part of what it ends.
    yield f"DTEND;VALUE=DATE:{event.on + timedelta(days=1):%Y%m%d}"
    yield f"SUMMARY:{_text(event.summary)}"
    if event.description:
        yield f"DESCRIPTION:{_text(event.description)}"
    if event.url:
        yield f"URL:{event.url.translate(_CONTROL)}"
    yield "CLASS:PRIVATE"
    # A due date makes nobody busy.
    yield "TRANSP:TRANSPARENT"
    yield "END:VEVENT"


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    lines = escaped.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\\n".join(line.translate(_CONTROL) for line in lines)


def _folded(line: str) -> Iterator[str]:
    """Break a line after at most 75 octets, never inside a character."""
    part, size = "", 0
    for sign in line:
        octets = len(sign.encode())
        if size + octets > MAX_OCTETS:
            yield part
            # The space that marks a continued line counts.
            part, size = " ", 1
        part += sign
        size += octets
    yield part
