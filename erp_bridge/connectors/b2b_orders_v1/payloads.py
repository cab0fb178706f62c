"""What arrives, read tolerantly: names without regard to capitals, numbers and dates as text.

The contract was published twice and typed by hand into many gateways. Nothing here
raises on a value it cannot read: it is absent, and the raw answer is kept beside it.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal, InvalidOperation

# Columns that take amounts hold 14 digits before the point; more is a broken payload.
_LARGEST = Decimal(10) ** 13
# A .NET gateway writes 0001-01-01 for "no date"; others 1900-01-01 or 1899-12-30.
_FIRST_YEAR, _LAST_YEAR = 1990, 2100

# The seller's margin and costs: dropped here, so that they are neither mapped nor stored.
_PRIVATE = re.compile(r"comiss|commiss|margem|margin|custo(?!mer)|cost", re.IGNORECASE)
_LINKS = frozenset({"url"})
# Files that a list carries in itself: documents are kept elsewhere, if at all.
_BODIES = frozenset({"conteudo", "arquivobase64"})

_MILLISECONDS = re.compile(r"/Date\((-?\d{1,15})([+-]\d{4})?\)/")
_DAY_FIRST = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2}))?.*)?")
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ].*)?")
_AMOUNT = re.compile(r"-?(?:\d[\d.,]*|[.,]\d+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class When:
    """A moment or a plain date. `at` is None when the source gave a date alone."""

    on: date | None = None
    at: datetime | None = None


class Fields:
    """One JSON object, read by names without regard to capitals or to Addres/Address."""

    __slots__ = ("_values", "path", "payload")

    def __init__(self, payload: Mapping[str, object], path: str = "") -> None:
        self.path = path
        self.payload = payload
        self._values: dict[str, object] = {}
        for name, value in payload.items():
            if value is not None:
                self._values.setdefault(_plain(name), value)

    def raw(self, *names: str) -> object:
        """Return the first of the names that is there and not null, else None."""
        for name in names:
            if (value := self._values.get(_plain(name))) is not None:
                return value
        return None

    def text(self, *names: str, limit: int = 300) -> str:
        """Return the first of the names that holds text or a number, as one clean line."""
        for name in names:
            if value := as_text(self._values.get(_plain(name))):
                return value[:limit].rstrip()
        return ""

    def spellings(self, name: str) -> set[str]:
        """Return all that is said under a name in any capitals: more than one contradict."""
        wanted = _plain(name)
        return {
            as_text(v) for n, v in self.payload.items() if _plain(n) == wanted and v is not None
        }

    def decimal(self, *names: str) -> Decimal | None:
        """Return the first of the names that holds an amount."""
        for name in names:
            if (amount := as_decimal(self._values.get(_plain(name)))) is not None:
                return amount
        return None

    def when(self, *names: str, zone: tzinfo) -> When:
        """Return the first of the names that holds a date or a moment."""
        for name in names:
            if (moment := as_when(self._values.get(_plain(name)), zone)) != When():
                return moment
        return When()

    def objects(self, *names: str) -> list[Fields]:
        """Return the objects of a list; what is not an object is passed over."""
        for name in names:
            value = self._values.get(_plain(name))
            if isinstance(value, list):
                return list(objects_of(value, f"{self.path}{name}"))
        return []


def objects_of(values: list[object], path: str) -> Iterator[Fields]:
    """Read each object of a list, remembering its place."""
    for index, value in enumerate(values):
        if isinstance(value, Mapping):
            yield Fields(value, f"{path}[{index}].")


def _plain(name: str) -> str:
    return name.casefold().replace("address", "addres")


def as_text(value: object) -> str:
    """Return text or a number as one line without control characters, else ""."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, Decimal):
        # A gateway in a language without integers writes an id as 12345.0.
        if not value.is_finite() or abs(value) >= Decimal(10) ** 40:
            return ""
        value = int(value) if value == value.to_integral_value() else value
        return format(value, "f") if isinstance(value, Decimal) else str(value)
    if isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str):
        return ""
    # NUL and lone surrogates are legal JSON and refused by every database.
    clean = "".join(" " if unicodedata.category(ch) in {"Cc", "Cs"} else ch for ch in value)
    return " ".join(clean.split())


def as_decimal(value: object) -> Decimal | None:
    """Return an amount from a JSON number, "1234.56" or "1.234,56"; None when it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        value = _decimal_text(value)
    elif isinstance(value, float):
        value = str(value)
    if not isinstance(value, str | int | Decimal):
        return None
    try:
        amount = Decimal(value)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and abs(amount) < _LARGEST else None


def _decimal_text(text: str) -> str:
    """Bring written amounts to Python's form: the last of point and comma is the decimal one."""
    bare = re.sub(r"[\s\u00a0]|R\$", "", text)
    if not _AMOUNT.fullmatch(bare):
        return ""
    comma, point = bare.rfind(","), bare.rfind(".")
    if comma > point:
        if bare.count(",") > 1:
            return bare.replace(",", "") if point < 0 else ""
        return bare.replace(".", "").replace(",", ".")
    if comma >= 0 or bare.count(".") > 1:
        # 1,234.56 and 1.234.567: whatever stands before the last mark parts thousands.
        return bare.replace(",", "") if comma >= 0 else bare.replace(".", "")
    return bare


def as_when(value: object, zone: tzinfo) -> When:
    """Return a moment or date from any of the forms the contract's readers met.

    No zone means the connection's. Exactly midnight, as written, is a date: gateways
    without a date type write one so, and reading it as a moment shows the day before.
    """
    if not isinstance(value, str):
        return When()
    text = value.strip()
    try:
        moment = _moment(text, zone)
    except (ValueError, OverflowError):
        return When()
    if moment is None or not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        return When()
    if moment.time() == time():
        return When(on=moment.date())
    return When(on=moment.astimezone(zone).date(), at=moment.astimezone(UTC))


def _moment(text: str, zone: tzinfo) -> datetime | None:
    if match := _MILLISECONDS.fullmatch(text):
        return _from_milliseconds(int(match[1]), match[2], zone)
    if match := _DAY_FIRST.fullmatch(text):
        day, month, year, hour, minute, second = (int(part or 0) for part in match.groups())
        return datetime(year, month, day, hour, minute, second, tzinfo=zone)
    if _ISO.fullmatch(text):
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=zone)
    return None


def _from_milliseconds(milliseconds: int, offset: str | None, zone: tzinfo) -> datetime:
    moment = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)
    if offset:
        sign = -1 if offset[0] == "-" else 1
        shift = timedelta(hours=int(offset[1:3]), minutes=int(offset[3:]))
        return moment.astimezone(timezone(sign * shift))
    # Without an offset a date alone may be midnight of either zone.
    return moment if moment.time() == time() else moment.astimezone(zone)


def without_private(value: object) -> object:
    """Return an answer without commissions and costs, its links' queries and its files' bytes."""
    if isinstance(value, Mapping):
        return {
            name: _without_query(inner) if name.casefold() in _LINKS else without_private(inner)
            for name, inner in value.items()
            if not _PRIVATE.search(name) and name.casefold() not in _BODIES
        }
    if isinstance(value, list):
        return [without_private(inner) for inner in value]
    return value


def _without_query(value: object) -> object:
    # A signed link is a key to the file for as long as it lives.
    return re.split(r"[?#]", value, maxsplit=1)[0] if isinstance(value, str) else None


def to_payload(value: object) -> bytes:
    """Write an answer back as JSON, as kept beside the record; numbers keep their digits."""
    return json.dumps(without_private(value), default=_number, separators=(",", ":")).encode()


def _number(value: object) -> float | str:
    if isinstance(value, Decimal):
        # A double keeps fifteen digits; longer numbers are kept as text, which is read alike.
        return float(value) if len(value.as_tuple().digits) <= 15 else str(value)
    raise TypeError(type(value).__name__)
