"""What a list of orders is narrowed to and sorted by: read from an address, written into it.

An address, a saved view, an export and a follow all keep the same text, so that each of
them finds the very same orders. Whoever opens it sees what they may see of those.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Final, TypeVar
from urllib.parse import parse_qs, urlencode

from b2b_orders.companies.access import Right, Viewer
from b2b_orders.orders.models import IN_WORK
from b2b_orders.orders.open_orders import ON_ITS_WAY_FOR
from b2b_orders.orders.rows import OrderRow
from erp_bridge.records import Fulfilment, TitleState

MAX_TEXT: Final = 80
# As long may a filter be that is kept: columns hold no more.
MAX_QUERY: Final = 2000
# How far ahead "to pay soon" looks, today included.
DUE_SOON: Final = timedelta(days=7)
_ON_ITS_WAY = (Fulfilment.INVOICED.value, Fulfilment.SHIPPED.value)
_DEAD = (Fulfilment.CANCELLED.value, Fulfilment.REPLACED.value)
# "1.234" is a thousand and some: what we write ourselves has two places.
_THOUSANDS: Final = re.compile(r"[0-9]{1,3}(?:[.,][0-9]{3})+")
Word = TypeVar("Word", bound=StrEnum)


class Origin(StrEnum):
    """Which kinds of source know an order; the value of its column `origins`."""

    SITE = "vtex"
    ERP = "erp"
    BOTH = "erp+vtex"


class Only(StrEnum):
    """What an order must be besides: what the chips above a list count."""

    OPEN = "andamento"
    LATE = "atrasados"
    DUE_SOON = "a_pagar"
    DIFFERS = "divergentes"
    MISSING_DOCUMENTS = "docs_faltando"
    NEW_DOCUMENTS = "docs_novos"


class SortBy(StrEnum):
    """What a list can be sorted by."""

    PLACED = "data"
    TOTAL = "total"
    STATUS = "situacao"
    PROMISED = "previsao"
    CHANGED = "alterado"


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """What is kept of a list of orders, and in which order. Everything given must hold.

    `branches` are tax ids of establishments; days are those on which an order was placed;
    amounts are in the order's own currency. Without anything: all orders, newest first.
    """

    statuses: tuple[Fulfilment, ...] = ()
    origins: tuple[Origin, ...] = ()
    branches: tuple[str, ...] = ()
    placed_by: str = ""
    since: date | None = None
    until: date | None = None
    at_least: Decimal | None = None
    at_most: Decimal | None = None
    only: tuple[Only, ...] = ()
    sort_by: SortBy = SortBy.PLACED
    is_ascending: bool = False

    @property
    def is_narrowed(self) -> bool:
        """Say whether it leaves any order out."""
        return self.unsorted() != OrderFilter()

    def unsorted(self) -> OrderFilter:
        """Return it without its sort."""
        return replace(self, sort_by=SortBy.PLACED, is_ascending=False)

    def allowed_to(self, viewer: Viewer) -> OrderFilter:
        """Return it without what would tell a viewer of things that they may not see."""
        allowed = self
        if not viewer.can(Right.PRICES):
            allowed = replace(allowed, at_least=None, at_most=None)
            if allowed.sort_by is SortBy.TOTAL:
                allowed = allowed.unsorted()
        hidden = set()
        if not viewer.can(Right.FINANCE):
            hidden.add(Only.DUE_SOON)
        if not viewer.can(Right.DOCUMENTS):
            hidden |= {Only.MISSING_DOCUMENTS, Only.NEW_DOCUMENTS}
        return replace(allowed, only=tuple(each for each in allowed.only if each not in hidden))

    def pairs(self) -> list[tuple[str, str]]:
        """Write it as the names and values of an address, always in the same order."""
        found = [
            *(("situacao", each.value) for each in self.statuses),
            *(("origem", each.value) for each in self.origins),
            *(("filial", each) for each in self.branches),
            ("feito_por", self.placed_by),
            ("de", self.since.isoformat() if self.since else ""),
            ("ate", self.until.isoformat() if self.until else ""),
            ("minimo", "" if self.at_least is None else f"{self.at_least:f}"),
            ("maximo", "" if self.at_most is None else f"{self.at_most:f}"),
            *(("so", each.value) for each in self.only),
        ]
        if self.sort_by is not SortBy.PLACED or self.is_ascending:
            found.append(("ordem", ("" if self.is_ascending else "-") + self.sort_by.value))
        return [(name, value) for name, value in found if value]

    def to_query(self) -> str:
        """Write it as the text that is kept: `from_query` reads it back."""
        return urlencode(self.pairs())

    @classmethod
    def from_query(cls, text: str) -> OrderFilter:
        """Read what `to_query` wrote; what cannot be used any more is left out."""
        return read_filter(parse_qs(text)).wanted


EVERYTHING: Final = OrderFilter()
# The names that a filter has in an address.
NAMES: Final = (
    "situacao",
    "origem",
    "filial",
    "feito_por",
    "de",
    "ate",
    "minimo",
    "maximo",
    "so",
    "ordem",
)


@dataclass(frozen=True, slots=True)
class ReadFilter:
    """A filter as it was typed: what of it can be used, and what is wrong with the rest.

    `problems` are codes by the name of the field: "bad-date", "bad-amount", "swapped".
    """

    wanted: OrderFilter
    problems: Mapping[str, str] = field(default_factory=dict)


def read_filter(given: Mapping[str, Sequence[str]]) -> ReadFilter:
    """Read a filter from names with their values; words that are none are left out."""
    problems: dict[str, str] = {}
    since, until = (_date(given, name, problems) for name in ("de", "ate"))
    if since and until and since > until:
        problems["de"], since, until = "swapped", None, None
    at_least, at_most = (_amount(given, name, problems) for name in ("minimo", "maximo"))
    if at_least is not None and at_most is not None and at_least > at_most:
        problems["minimo"], at_least, at_most = "swapped", None, None
    sort = _first(given, "ordem")
    sort_by = _words(SortBy, [sort.removeprefix("-")])
    wanted = OrderFilter(
        statuses=_words(Fulfilment, given.get("situacao", ())),
        origins=_words(Origin, given.get("origem", ())),
        branches=tuple(dict.fromkeys(_clean(each) for each in given.get("filial", ()) if each)),
        placed_by=_first(given, "feito_por"),
        since=since,
        until=until,
        at_least=at_least,
        at_most=at_most,
        only=_words(Only, given.get("so", ())),
        sort_by=sort_by[0] if sort_by else SortBy.PLACED,
        is_ascending=bool(sort_by) and not sort.startswith("-"),
    )
    return ReadFilter(wanted, problems)


def _first(given: Mapping[str, Sequence[str]], name: str) -> str:
    values = given.get(name) or ("",)
    return _clean(values[0])


def _clean(text: str) -> str:
    return " ".join(text.replace("\0", "").split())[:MAX_TEXT]


def _words(kind: type[Word], values: Sequence[str]) -> tuple[Word, ...]:
    known = {each.value: each for each in kind}
    return tuple(dict.fromkeys(known[each] for each in values if each in known))


def _date(given: Mapping[str, Sequence[str]], name: str, problems: dict[str, str]) -> date | None:
    typed = _first(given, name)
    if not typed:
        return None
    try:
        return date.fromisoformat(typed)
    except ValueError:
        problems[name] = "bad-date"
        return None


def _amount(
    given: Mapping[str, Sequence[str]], name: str, problems: dict[str, str]
) -> Decimal | None:
    """Read an amount as people write it: 1234.5, 1.234,50, 1,234.50 or R$ 1234."""
    typed = _first(given, name).removeprefix("R$").replace(" ", "")
    if not typed:
        return None
    comma, point = typed.rfind(","), typed.rfind(".")
    if _THOUSANDS.fullmatch(typed):
        typed = typed.replace(",", "").replace(".", "")
    elif comma > point:
        typed = typed.replace(".", "").replace(",", ".")
    else:
        typed = typed.replace(",", "")
    try:
        value = Decimal(typed)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or not 0 <= value < Decimal(10) ** 14:
        problems[name] = "bad-amount"
        return None
    return value.quantize(Decimal("0.01"))


# What is known above this layer says here what it counts: its condition over orders `o`, for a
# viewer and a moment, and the parameters of it. Whatever lists, counts or exports asks it.
Condition = tuple[str, Mapping[str, Any]]
_ADDED: Final[dict[Only, Callable[[Viewer, datetime], Condition]]] = {}


def add_condition(only: Only, build: Callable[[Viewer, datetime], Condition]) -> None:
    """Let a layer above build the condition of a chip."""
    _ADDED[only] = build


def filter_sql(
    viewer: Viewer, wanted: OrderFilter, *, today: date, now: datetime
) -> tuple[str, dict[str, Any]]:
    """Build the condition over orders `o`, and its parameters."""
    wanted = wanted.allowed_to(viewer)
    values = {
        "f_statuses": [each.value for each in wanted.statuses],
        "f_origins": [each.value for each in wanted.origins],
        "f_branches": list(wanted.branches),
        # Some sources write two blanks within a name.
        "f_by": wanted.placed_by and f"%{_escaped(wanted.placed_by).replace(' ', '%')}%",
        "f_since": wanted.since,
        "f_until": wanted.until,
        "f_least": _cents(wanted.at_least),
        "f_most": _cents(wanted.at_most),
    }
    parts = [_PARTS[name] for name, value in values.items() if value not in (None, "", [])]
    params: dict[str, Any] = values | {"company": viewer.company_id, **moments(today, now)}
    for name, (several, one) in _OF_ONE.items():
        if len(params[name]) == 1:
            parts[parts.index(several)] = one
            [params[name]] = params[name]
    for only in wanted.only:
        sql, more = only_sql(viewer, only, now=now)
        parts.append(f"({sql})")
        params.update(more)
    return " AND ".join(parts) or "true", params


def _cents(amount: Decimal | None) -> int | None:
    return None if amount is None else int(amount * 100)


def only_sql(viewer: Viewer, only: Only, *, now: datetime) -> Condition:
    """Build the condition of a chip, and those of its parameters that `moments` has not."""
    return _ADDED[only](viewer, now) if only in _ADDED else (_ONLY[only], {})


def moments(today: date, now: datetime) -> dict[str, Any]:
    """Return the parameters by which chips know what is late, soon and under way."""
    return {
        "f_in_work": list(IN_WORK),
        "f_on_way": list(_ON_ITS_WAY),
        "f_way_since": now - ON_ITS_WAY_FOR,
        "f_today": today,
        "f_soon": today + DUE_SOON,
        "f_open": TitleState.OPEN.value,
        "f_dead": list(_DEAD),
    }


# The day an order was placed is that of the moment by which lists are sorted, give or take a
# time zone: said of both, a period is a range of their index.
_MARGIN = "interval '2 days'"
_BRANCH = "SELECT f.id FROM companies_establishment f WHERE f.company_id = %(company)s AND f.tax_id"
_PARTS: Final = {
    "f_statuses": "o.fulfilment = ANY(%(f_statuses)s)",
    "f_origins": "o.origins = ANY(%(f_origins)s)",
    "f_branches": f"o.establishment_id = ANY(ARRAY({_BRANCH} = ANY(%(f_branches)s)))",
    # Behind row-level security ILIKE uses no index: it looks through the company's few names,
    # each found by a step over the index, and orders are found by whole names.
    "f_by": """o.placed_by_name = ANY(ARRAY(
        WITH RECURSIVE names AS (
            (SELECT b.placed_by_name AS name FROM orders_order b
             WHERE b.company_id = %(company)s ORDER BY b.placed_by_name LIMIT 1)
            UNION ALL
            SELECT (SELECT b.placed_by_name FROM orders_order b
                    WHERE b.company_id = %(company)s AND b.placed_by_name > names.name
                    ORDER BY b.placed_by_name LIMIT 1)
            FROM names WHERE names.name IS NOT NULL)
        SELECT name FROM names WHERE name ILIKE %(f_by)s))""",
    "f_since": "o.placed_on >= %(f_since)s"
    f" AND o.sorted_at >= (%(f_since)s::date - {_MARGIN})::timestamptz",
    "f_until": "o.placed_on <= %(f_until)s"
    f" AND o.sorted_at < (%(f_until)s::date + {_MARGIN})::timestamptz",
    "f_least": "o.total_cents >= %(f_least)s",
    "f_most": "o.total_cents <= %(f_most)s",
}
# Of one value alone an index has the orders as they are sorted.
_OF_ONE: Final = {
    "f_statuses": (_PARTS["f_statuses"], "o.fulfilment = %(f_statuses)s"),
    "f_origins": (_PARTS["f_origins"], "o.origins = %(f_origins)s"),
    "f_branches": (
        _PARTS["f_branches"],
        f"o.establishment_id = ({_BRANCH} = %(f_branches)s LIMIT 1)",
    ),
}
_OPEN = (
    "o.fulfilment = ANY(%(f_in_work)s)"
    " OR (o.fulfilment = ANY(%(f_on_way)s) AND o.sorted_at >= %(f_way_since)s)"
)
_ONLY: Final = {
    Only.OPEN: _OPEN,
    Only.LATE: f"o.promised_on < %(f_today)s AND ({_OPEN})",
    # As `titles` counts what is to pay: nothing is, of an order that has ended unfulfilled.
    Only.DUE_SOON: (
        "o.fulfilment <> ALL(%(f_dead)s) AND o.id IN (SELECT t.order_id FROM orders_title t"
        " WHERE t.company_id = %(company)s AND t.state = %(f_open)s"
        " AND t.due_on BETWEEN %(f_today)s AND %(f_soon)s)"
    ),
    Only.DIFFERS: "o.divergence_count > 0",
}


def is_late(row: OrderRow, *, today: date, now: datetime) -> bool:
    """Say of an order that was read already what `Only.LATE` says of those that are sought."""
    if row.promised_on is None or row.promised_on >= today:
        return False
    is_on_its_way = row.fulfilment in _ON_ITS_WAY and row.placed_at >= now - ON_ITS_WAY_FOR
    return row.fulfilment in IN_WORK or is_on_its_way


def _escaped(text: str) -> str:
    """Take the meaning from what LIKE would read as a pattern."""
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
