"""Reads a calendar as strictly as RFC 5545 is written, for tests of what writes one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_LINE = re.compile(
    r'(?P<name>[A-Z0-9-]+)(?P<params>(?:;[A-Z0-9-]+=(?:"[^"]*"|[^";:,]*))*):(?P<value>.*)',
    re.DOTALL,
)
_TEXTS = {"SUMMARY", "DESCRIPTION", "UID", "NAME", "X-WR-CALNAME", "X-WR-CALDESC"}
_ONCE = {"UID", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY", "DESCRIPTION", "URL", "LAST-MODIFIED"}


@dataclass
class Component:
    """A calendar or an event: properties by name with parameters, and what is inside."""

    name: str
    properties: dict[str, str] = field(default_factory=dict)
    inside: list[Component] = field(default_factory=list)


def parse(body: bytes) -> Component:
    """Parse one calendar; anything that the standard does not allow is an error."""
    assert body.endswith(b"\r\n")
    physical = body.removesuffix(b"\r\n").split(b"\r\n")
    for line in physical:
        assert len(line) <= 75, line
        assert not set(line) & set(b"\r\n"), line
        line.decode()  # no character is cut in two
    lines = b"\r\n".join(physical).replace(b"\r\n ", b"").decode().split("\r\n")
    root = Component("")
    open_ones = [root]
    for line in lines:
        match = _LINE.fullmatch(line)
        assert match, line
        assert not re.search(r"[\x00-\x08\x0a-\x1f\x7f]", line), line
        name, value = match["name"] + match["params"], match["value"]
        if name == "BEGIN":
            open_ones[-1].inside.append(Component(value))
            open_ones.append(open_ones[-1].inside[-1])
        elif name == "END":
            assert open_ones.pop().name == value
        else:
            assert name.split(";")[0] not in _ONCE or name not in open_ones[-1].properties, line
            open_ones[-1].properties[name] = _unescaped(value) if name in _TEXTS else value
    assert open_ones == [root]
    (calendar,) = root.inside
    _check(calendar)
    return calendar


def _unescaped(value: str) -> str:
    assert not re.search(r"(?<!\\)(?:\\\\)*[;,]", value), value
    assert re.fullmatch(r"(?:[^\\]|\\[\\;,nN])*", value), value
    return re.sub(r"\\(.)", lambda sign: "\n" if sign[1] in "nN" else sign[1], value)


def _check(calendar: Component) -> None:
    assert calendar.name == "VCALENDAR"
    assert calendar.properties["VERSION"] == "2.0"
    assert calendar.properties["PRODID"]
    seen = set()
    for event in calendar.inside:
        found = event.properties
        assert event.name == "VEVENT"
        assert found["UID"] not in seen
        seen.add(found["UID"])
        assert re.fullmatch(r"\d{8}T\d{6}Z", found["DTSTAMP"])
        assert re.fullmatch(r"\d{8}", found["DTSTART;VALUE=DATE"])
        assert re.fullmatch(r"\d{8}", found["DTEND;VALUE=DATE"])
        assert found["DTEND;VALUE=DATE"] > found["DTSTART;VALUE=DATE"]
