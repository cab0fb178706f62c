"""Reading values of a payload in which every field may be absent, null, or of another type."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import Any

# VTEX writes year 1 where it has no date.
_FIRST_YEAR = 1990
_WHOLE = re.compile(r"-?[0-9]{1,15}", re.ASCII)
_TOO_LARGE = 10**15
_BARE_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def child(holder: object, name: str) -> dict[str, Any]:
    """Give an object in an object; an empty one when it is not there."""
    value = holder.get(name) if isinstance(holder, dict) else None
    return value if isinstance(value, dict) else {}


def rows(holder: object, name: str) -> list[dict[str, Any]]:
    """Give the objects of a list in an object."""
    value = holder.get(name) if isinstance(holder, dict) else None
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def text(holder: object, *names: str) -> str:
    """Give the first text that is not blank; numbers are written as text."""
    if not isinstance(holder, dict):
        return ""
    for name in names:
        value = holder.get(name)
        if isinstance(value, str):
            if not value.isascii():  # half of a pair cannot be stored
                value = value.encode("utf-8", "replace").decode()
            value = value.replace("\x00", "").strip()
            if value:
                return value
        elif isinstance(value, int | Decimal) and not isinstance(value, bool):
            return str(value)
    return ""


def whole(holder: object, name: str) -> int | None:
    """Give a whole number, also one written as text or as 12.0."""
    value = holder.get(name) if isinstance(holder, dict) else None
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        return int(value)
    if not isinstance(value, int | Decimal) or isinstance(value, bool):
        return None
    # Compared first: 1E+999999999 takes a lifetime to write out.
    is_usual = -_TOO_LARGE < value < _TOO_LARGE
    return int(value) if is_usual and value == int(value) else None


def cents(holder: object, name: str) -> Decimal | None:
    """Give an amount that VTEX writes in cents."""
    value = whole(holder, name)
    return None if value is None else Decimal(value).scaleb(-2)


def moment(holder: object, *names: str) -> datetime | None:
    """Give the first moment there is, in UTC; seven fractional digits are cut to six."""
    for name in names:
        written = text(holder, name)
        if not written:
            continue
        try:
            value = datetime.fromisoformat(written)
            value = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        except (ValueError, OverflowError):
            continue
        if value.year >= _FIRST_YEAR:
            return value
    return None


def day(holder: object, name: str, zone: tzinfo) -> date | None:
    """Give a day as the store's calendar has it.

    Midnight UTC is how a bare date comes back, so it stays the day that was written.
    """
    value = moment(holder, name)
    if value is None:
        return None
    written = text(holder, name)
    is_bare = _BARE_DATE.fullmatch(written) or value.time() == datetime.min.time()
    return value.date() if is_bare else value.astimezone(zone).date()
