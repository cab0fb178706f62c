"""Sorting a list of orders so that any page is a range of an index: pure, builds SQL.

A sort is a row of *stretches*: within one all orders are sorted by one column, and each
stretch is a range of an index of its own. What has no total or no promised day is a stretch
after the rest, whichever way the list runs; a status is a stretch for each word, as orders
go through them. A page starts in the stretch, and after the value and id, at which another
ended.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Final

from b2b_orders.common.errors import InvalidInput
from b2b_orders.orders.filtering import OrderFilter, SortBy
from erp_bridge.records import Fulfilment

_COLUMN: Final = {
    SortBy.PLACED: "sorted_at",
    SortBy.TOTAL: "total_cents",
    SortBy.STATUS: "sorted_at",
    SortBy.PROMISED: "promised_on",
    SortBy.CHANGED: "changed_at",
}
_CAN_LACK: Final = frozenset({SortBy.TOTAL, SortBy.PROMISED})
# The stretch of what has no value.
_WITHOUT = "-"
# Before a place: the page ends there instead of starting.
_BACK = "~"


def _moment(text: str) -> datetime:
    value = datetime.fromisoformat(text)
    if value.tzinfo is None:
        raise ValueError(text)
    # At the ends of the calendar another time zone may have no such moment.
    return value.astimezone(UTC)


def _cents(text: str) -> int:
    value = int(text)
    if abs(value) >= 2**63:
        raise ValueError(text)
    return value


_READ: Final[Mapping[SortBy, Callable[[str], Any]]] = {
    SortBy.PLACED: _moment,
    SortBy.TOTAL: _cents,
    SortBy.STATUS: _moment,
    SortBy.PROMISED: date.fromisoformat,
    SortBy.CHANGED: _moment,
}


@dataclass(frozen=True, slots=True)
class Stretch:
    """Orders of a list that one range of an index has. `sql` is the condition over `o`."""

    name: str
    sql: str
    has_value: bool = True


@dataclass(frozen=True, slots=True)
class Place:
    """An order's place in a list: its stretch, the value it is sorted by, and its id."""

    stretch: str
    value: Any
    pk: int


@dataclass(frozen=True, slots=True)
class Start:
    """Where a page starts, or with `is_back` where it ends. Never without a place but at first."""

    place: Place | None = None
    is_back: bool = False


@dataclass(frozen=True, slots=True)
class Sorting:
    """How the orders of a list follow each other."""

    code: str
    column: str
    is_down: bool
    stretches: tuple[Stretch, ...]
    read: Callable[[str], Any]

    def reversed(self) -> Sorting:
        """Return the same list from its end."""
        return replace(self, is_down=not self.is_down, stretches=self.stretches[::-1])

    @property
    def order_by(self) -> str:
        """Build the order within a stretch."""
        way = "DESC" if self.is_down else "ASC"
        return f"o.{self.column} {way}, o.id {way}"

    def place_of(self, values: Mapping[str, Any]) -> Place:
        """Find the place of an order, by its columns."""
        value, pk = values[self.column], values["id"]
        if len(self.stretches) == 1:
            return Place(self.stretches[0].name, value, pk)
        if not self.stretches[0].has_value or not self.stretches[-1].has_value:
            return Place("" if value is not None else _WITHOUT, value, pk)
        return Place(str(values["fulfilment"]), value, pk)

    def after(self, place: Place | None) -> list[tuple[Stretch, str, dict[str, Any]]]:
        """List the stretches from a place on, each with its condition and parameters."""
        names = [each.name for each in self.stretches]
        if place is None:
            return [(each, each.sql, {}) for each in self.stretches]
        at = names.index(place.stretch) if place.stretch in names else len(names)
        if at == len(names):
            return []
        first, *rest = self.stretches[at:]
        sign = "<" if self.is_down else ">"
        if first.has_value:
            start = f"(o.{self.column}, o.id) {sign} (%(p_value)s, %(p_id)s)"
        else:
            start = f"o.id {sign} %(p_id)s"
        params = {"p_value": place.value, "p_id": place.pk}
        begun = (first, f"{first.sql} AND {start}", params)
        return [begun, *((each, each.sql, {}) for each in rest)]

    def encode(self, place: Place, *, is_back: bool = False) -> str:
        """Write where a page starts, for an address."""
        value = place.value
        text = "" if value is None else getattr(value, "isoformat", value.__str__)()
        raw = f"{self.code}|{place.stretch}|{text}|{place.pk}".encode()
        return (_BACK if is_back else "") + base64.urlsafe_b64encode(raw).decode().rstrip("=")

    def decode(self, text: str | None) -> Start:
        """Read it back; `InvalidInput` when it is none of this sort."""
        if not text:
            return Start()
        is_back = text.startswith(_BACK)
        packed = text.removeprefix(_BACK)
        try:
            raw = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)).decode()
            code, stretch, value, pk = raw.split("|")
            place = Place(stretch, self.read(value) if value else None, int(pk))
        except (ValueError, OverflowError, binascii.Error) as error:
            raise InvalidInput("after", "not a page") from error
        known = {each.name: each for each in self.stretches}
        of_this = code == self.code and stretch in known and 0 <= place.pk < 2**63
        if not of_this or known[stretch].has_value is (place.value is None):
            raise InvalidInput("after", "not a page")
        return Start(place, is_back)


def sorting_of(wanted: OrderFilter) -> Sorting:
    """Build how the orders of a filter follow each other."""
    sort, is_down = wanted.sort_by, not wanted.is_ascending
    code = ("-" if is_down else "") + sort.value
    if sort is SortBy.STATUS:
        # Newest first within each status, whichever way the statuses run.
        stretches = _statuses(wanted.statuses)
        return Sorting(
            code=code,
            column="sorted_at",
            is_down=True,
            stretches=stretches[::-1] if is_down else stretches,
            read=_READ[sort],
        )
    column = _COLUMN[sort]
    stretches = (Stretch("", "true"),)
    if sort in _CAN_LACK:
        stretches = (
            Stretch("", f"o.{column} IS NOT NULL"),
            Stretch(_WITHOUT, f"o.{column} IS NULL", has_value=False),
        )
    return Sorting(code, column, is_down, stretches, _READ[sort])


def _statuses(only: Sequence[Fulfilment]) -> tuple[Stretch, ...]:
    """List the statuses as orders go through them."""
    return tuple(
        Stretch(each.value, f"o.fulfilment = '{each.value}'")
        for each in Fulfilment
        if not only or each in only
    )
