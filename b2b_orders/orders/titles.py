"""A company's amounts due over all its orders: what is to pay, overdue, paid, and when.

Nothing is claimed that a source does not state. A title is to pay only while its source says
that it is open and its order stands; what is not stated, and what is open on an order that
was cancelled or replaced, is to be checked and counts in no sum to pay. A title belongs to
its order; one boleto line that stands on several orders is one debt and is listed once.
"""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from django.db import connection

from b2b_orders.common.errors import InvalidInput, NotVisible
from b2b_orders.common.paging import PageOf
from b2b_orders.common.visibility import visible_sql
from b2b_orders.companies.access import Right, Viewer
from b2b_orders.orders.numbers import recognise
from b2b_orders.orders.rows import NumberRow
from b2b_orders.orders.searching import exact_sql
from erp_bridge.records import Fulfilment, Money, NumberKind


class Standing(StrEnum):
    """How a title stands today. `unclear` is neither owed nor settled as far as anybody says."""

    OPEN = "open"
    OVERDUE = "overdue"
    PAID = "paid"
    CANCELLED = "cancelled"
    UNCLEAR = "unclear"


class Group(StrEnum):
    """Which titles a list shows. What is overdue is also to pay."""

    TO_PAY = "to_pay"
    OVERDUE = "overdue"
    PAID = "paid"
    CANCELLED = "cancelled"
    UNCLEAR = "unclear"
    ALL = "all"


class Age(StrEnum):
    """For how long something to pay has been due."""

    NOT_DUE = "not_due"
    TO_7 = "to_7"
    TO_30 = "to_30"
    TO_60 = "to_60"
    OVER_60 = "over_60"
    UNDATED = "undated"


class Sort(StrEnum):
    """What a list is sorted by; what has no date or amount comes last."""

    DUE = "due"
    DUE_LATEST = "-due"
    AMOUNT = "amount"
    AMOUNT_LARGEST = "-amount"


@dataclass(frozen=True, slots=True)
class TitleFilter:
    """What of a company's titles is asked for. `tax_id` is an establishment's."""

    group: Group = Group.TO_PAY
    due_from: date | None = None
    due_to: date | None = None
    tax_id: str = ""
    number: str = ""
    sort: Sort = Sort.DUE


@dataclass(frozen=True, slots=True)
class TitleLine:
    """A title in a list. `amount` is None when it is not known.

    `has_code`: it states a line or a Pix code to be paid by, shown here or not.
    """

    id: int
    key: str
    invoice_number: str
    instalment: str
    due_on: date | None
    amount: Money | None
    standing: Standing
    settled_on: date | None
    typeable_line: str
    is_order_dead: bool
    order_id: int
    order_public_id: uuid.UUID
    order_title: str
    # By which people call the order: the customer's, the site's and the ERP's.
    numbers: tuple[NumberRow, ...]
    changed_at: datetime
    establishment_tax_id: str
    establishment_name: str
    has_code: bool = False

    @property
    def own_number(self) -> str:
        """Return the customer's own number of the order."""
        own = (each.written for each in self.numbers if each.kind is NumberKind.CUSTOMER)
        return next(own, "")

    @property
    def is_to_pay(self) -> bool:
        """Say whether it is known to be open, due or not."""
        return self.standing in _STANDINGS[Group.TO_PAY]


@dataclass(frozen=True, slots=True)
class Cell:
    """Titles of one standing, age and currency: how many, their sum, how many lack an amount."""

    standing: Standing
    age: Age | None
    currency: str
    count: int
    amount: Decimal
    without_amount: int


@dataclass(frozen=True, slots=True)
class Sums:
    """How many titles there are and what they come to, by currency.

    `without_amount` says how many are in none.
    """

    count: int
    amounts: tuple[Money, ...]
    without_amount: int


@dataclass(frozen=True, slots=True)
class TitleSummary:
    """All that a filter's titles come to, whatever page is looked at."""

    cells: tuple[Cell, ...]

    def of(self, group: Group) -> Sums:
        """Add up a group."""
        return self._add(cell for cell in self.cells if cell.standing in _STANDINGS[group])

    def aged(self, age: Age) -> Sums:
        """Add up what is to pay and of one age."""
        return self._add(cell for cell in self.cells if cell.age is age)

    def _add(self, cells: Iterable[Cell]) -> Sums:
        known = tuple(cells)
        amounts: dict[str, Decimal] = {}
        for cell in known:
            if cell.count > cell.without_amount:
                amounts[cell.currency] = amounts.get(cell.currency, Decimal(0)) + cell.amount
        return Sums(
            count=sum(cell.count for cell in known),
            amounts=tuple(Money(amounts[each], each) for each in sorted(amounts)),
            without_amount=sum(cell.without_amount for cell in known),
        )


@dataclass(frozen=True, slots=True)
class DueDay:
    """What is to pay on one day."""

    on: date
    sums: Sums


_STANDINGS: Mapping[Group, frozenset[Standing]] = {
    Group.TO_PAY: frozenset({Standing.OPEN, Standing.OVERDUE}),
    Group.OVERDUE: frozenset({Standing.OVERDUE}),
    Group.PAID: frozenset({Standing.PAID}),
    Group.CANCELLED: frozenset({Standing.CANCELLED}),
    Group.UNCLEAR: frozenset({Standing.UNCLEAR}),
    Group.ALL: frozenset(Standing),
}

# --- SQL ------------------------------------------------------------------------------
# Written out: one statement over an index made for it. Whoever runs it ends it by the first
# wall, see `_where`.

_DEAD = f"IN ('{Fulfilment.CANCELLED.value}', '{Fulfilment.REPLACED.value}')"
_IS_TO_PAY = f"t.state = 'open' AND o.fulfilment NOT {_DEAD}"
_GROUP_SQL: Mapping[Group, str] = {
    Group.TO_PAY: _IS_TO_PAY,
    Group.OVERDUE: f"{_IS_TO_PAY} AND t.due_on < %(today)s",
    Group.PAID: "t.state = 'paid'",
    Group.CANCELLED: "t.state = 'cancelled'",
    Group.UNCLEAR: "t.state NOT IN ('open', 'paid', 'cancelled')"
    f" OR t.state = 'open' AND o.fulfilment {_DEAD}",
    Group.ALL: "true",
}
_STANDING_SQL = f"""CASE WHEN t.state IN ('paid', 'cancelled') THEN t.state
    WHEN t.state <> 'open' OR o.fulfilment {_DEAD} THEN 'unclear'
    WHEN t.due_on < %(today)s THEN 'overdue' ELSE 'open' END"""
_AGE_SQL = f"""CASE WHEN NOT ({_IS_TO_PAY}) THEN NULL
    WHEN t.due_on IS NULL THEN 'undated' WHEN t.due_on >= %(today)s THEN 'not_due'
    WHEN t.due_on >= %(today)s::date - 7 THEN 'to_7'
    WHEN t.due_on >= %(today)s::date - 30 THEN 'to_30'
    WHEN t.due_on >= %(today)s::date - 60 THEN 'to_60' ELSE 'over_60' END"""
_FROM = """FROM orders_title t JOIN orders_order o ON o.id = t.order_id
    LEFT JOIN companies_establishment e ON e.id = o.establishment_id"""
_NAMING = ", ".join(
    f"'{kind.value}'" for kind in (NumberKind.CUSTOMER, NumberKind.WEB, NumberKind.ERP)
)
_COLUMNS = f"""t.id, t.key, t.invoice_number, t.instalment, t.due_on, t.amount, {_STANDING_SQL},
    t.settled_on, t.typeable_line, o.fulfilment {_DEAD}, o.id, o.public_id, o.title,
    (SELECT json_agg(json_build_array(n.kind, n.written) ORDER BY n.id) FROM orders_ordernumber n
     WHERE n.order_id = o.id AND n.kind IN ({_NAMING})),
    o.changed_at, COALESCE(e.tax_id, ''), COALESCE(e.name, ''), o.currency,
    ltrim(t.typeable_line, '0') > '' OR t.pix > ''"""  # noqa: S608 our own names
# What `_COLUMNS` reads, in its order.
_FIELDS = (
    "id",
    "key",
    "invoice_number",
    "instalment",
    "due_on",
    "amount",
    "standing",
    "settled_on",
    "typeable_line",
    "is_order_dead",
    "order_id",
    "order_public_id",
    "order_title",
    "numbers",
    "changed_at",
    "establishment_tax_id",
    "establishment_name",
    "currency",
    "has_code",
)
_OF_INVOICE = [NumberKind.INVOICE.value, NumberKind.ACCESS_KEY.value]
# Where an access key has its invoice's number.
_NUMBER_IN_KEY = slice(25, 34)
# A line of zeros is how some ERPs write that there is none.
_HAS_LINE = (
    "{0}.typeable_line > '' AND length({0}.typeable_line) IN (47, 48)"
    " AND ltrim({0}.typeable_line, '0') <> ''"
)


def _rank(title: str, order: str) -> str:
    """Build which of several orders' words on one debt counts: settled before open, then live."""
    return (
        f"(CASE {title}.state WHEN 'paid' THEN 0 WHEN 'cancelled' THEN 1"
        f" WHEN 'open' THEN CASE WHEN {order}.fulfilment {_DEAD} THEN 3 ELSE 2 END ELSE 4 END,"
        f" {title}.id)"
    )


@dataclass(frozen=True, slots=True)
class _Where:
    sql: str
    params: Mapping[str, Any]

    def and_(self, sql: str, **params: object) -> _Where:
        return _Where(f"{self.sql} AND ({sql})", {**self.params, **params})


def _where(viewer: Viewer, wanted: TitleFilter, today: date) -> _Where:
    """Build the condition of the titles that are asked for, whatever their group."""
    if not viewer.can(Right.FINANCE):
        raise NotVisible
    visible, params = visible_sql(viewer, "t", establishment_of="o")
    others, _ = visible_sql(viewer, "d", establishment_of="p")
    where = _Where(visible, params | {"today": today}).and_(
        f"NOT EXISTS (SELECT 1 FROM orders_title d JOIN orders_order p ON p.id = d.order_id"  # noqa: S608 placeholders only
        f" WHERE {others} AND {_HAS_LINE.format('t')} AND d.typeable_line = t.typeable_line"
        f" AND {_HAS_LINE.format('d')} AND {_rank('d', 'p')} < {_rank('t', 'o')})"
    )
    if wanted.due_from:
        where = where.and_("t.due_on >= %(due_from)s", due_from=wanted.due_from)
    if wanted.due_to:
        where = where.and_("t.due_on <= %(due_to)s", due_to=wanted.due_to)
    if wanted.tax_id:
        where = where.and_("e.tax_id = %(tax_id)s", tax_id=wanted.tax_id)
    return _of_number(where, viewer, wanted.number) if wanted.number.strip() else where


def _of_number(where: _Where, viewer: Viewer, typed: str) -> _Where:
    """Keep titles of an invoice, of a boleto line, or of an order by any of its numbers.

    A title that names its invoice is found by that one only, not by its order's others.
    """
    recognised = recognise(typed)
    if not recognised.candidates:
        return where.and_("false")
    values = sorted({each.value for each in recognised.candidates})
    wanted, params = exact_sql(recognised.candidates, None)
    visible, _ = visible_sql(viewer, "n")
    hits = f"SELECT n.order_id FROM orders_ordernumber n WHERE {visible} AND ({wanted})"  # noqa: S608 placeholders only
    of_order = f"{hits} AND n.kind <> ALL(%(narrower)s)"
    of_invoice = f"t.order_id IN ({hits} AND n.kind = ANY(%(of_invoice)s))"
    same = "ltrim(t.invoice_number, '0') = ANY(%(invoices)s)"
    if recognised.shape == "access_key":
        # Another emitter's invoice may have the same number.
        invoices = {value[_NUMBER_IN_KEY].lstrip("0") for value in values}
        by_invoice = f"{of_invoice} AND (t.invoice_number = '' OR {same})"
    else:
        invoices = {value.split("/")[0].lstrip("0") for value in values}
        by_invoice = f"{same} OR t.invoice_number = '' AND {of_invoice}"
    return where.and_(
        f"t.order_id IN ({of_order})"  # noqa: S608 placeholders only
        # Listed once, under another order that shares the line.
        f" OR t.typeable_line IN (SELECT s.typeable_line FROM orders_title s"
        f" WHERE s.company_id = %(company)s AND {_HAS_LINE.format('s')}"
        f" AND s.order_id IN ({of_order}))"
        f" OR t.typeable_line = ANY(%(values)s) OR {by_invoice}",
        values=values,
        invoices=sorted(invoices - {""}),
        of_invoice=_OF_INVOICE,
        narrower=[*_OF_INVOICE, NumberKind.BOLETO_LINE.value],
        **params,
    )


def _fetch(sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


# --- reads ----------------------------------------------------------------------------


def sum_titles(*, viewer: Viewer, wanted: TitleFilter, today: date) -> TitleSummary:
    """Count and add up the titles of a filter, of every group. One SQL statement."""
    where = _where(viewer, wanted, today)
    rows = _fetch(
        f"SELECT {_STANDING_SQL}, {_AGE_SQL}, o.currency, count(*), COALESCE(sum(t.amount), 0),"
        f" count(*) - count(t.amount) {_FROM} WHERE {where.sql} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        where.params,
    )
    cells = tuple(
        Cell(Standing(standing), Age(age) if age else None, *rest) for standing, age, *rest in rows
    )
    return TitleSummary(cells)


@dataclass(frozen=True, slots=True)
class Owed:
    """What is overdue, and what falls due next."""

    overdue: Sums
    next_on: date | None
    next_amounts: tuple[Money, ...]


def sum_owed(*, viewer: Viewer, today: date) -> Owed:
    """Add up what is overdue, and what is to pay on the next day. Two SQL statements.

    Reads nothing of what is paid: a company has years of that.
    """
    due = TitleFilter(due_to=today - timedelta(days=1))
    overdue = _sums(_where(viewer, due, today).and_(_IS_TO_PAY))
    coming = _where(viewer, TitleFilter(due_from=today), today).and_(_IS_TO_PAY)
    rows = _fetch(
        f"SELECT t.due_on, o.currency, sum(t.amount) {_FROM} WHERE {coming.sql}"
        " GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 3",
        coming.params,
    )
    next_on = rows[0][0] if rows else None
    amounts = (Money(amount, currency) for on, currency, amount in rows if on == next_on and amount)
    return Owed(overdue, next_on, tuple(amounts))


def to_pay_sql(*, viewer: Viewer, until: date, today: date) -> tuple[str, str, Mapping[str, Any]]:
    """Build tables and condition of titles `t` of orders `o` to pay until a day, each debt once."""
    where = _where(viewer, TitleFilter(due_to=until), today).and_(_IS_TO_PAY)
    return _FROM, where.sql, where.params


def _sums(where: _Where) -> Sums:
    rows = _fetch(
        f"SELECT o.currency, count(*), COALESCE(sum(t.amount), 0), count(*) - count(t.amount)"
        f" {_FROM} WHERE {where.sql} GROUP BY 1 ORDER BY 1",
        where.params,
    )
    cells = tuple(Cell(Standing.OVERDUE, None, *row) for row in rows)
    return TitleSummary(cells).of(Group.ALL)


def list_titles(
    *,
    viewer: Viewer,
    wanted: TitleFilter,
    today: date,
    after: str | None = None,
    limit: int = 50,
) -> PageOf[TitleLine]:
    """List the titles of a filter, a page after a cursor. One SQL statement, at the end two.

    Raises `InvalidInput` for a cursor of another order.
    """
    column, is_down = _order_by(wanted.sort)
    where = _where(viewer, wanted, today).and_(_GROUP_SQL[wanted.group])
    place = _Place.decode(after, column) if after else None
    found: list[tuple[Any, ...]] = []
    if place is None or place.value is not None:
        dated = where.and_(f"{column} IS NOT NULL")
        if place:
            sign = "<" if is_down else ">"
            dated = dated.and_(
                f"({column}, t.id) {sign} (%(value)s, %(after_id)s)",
                value=place.value,
                after_id=place.pk,
            )
        way = "DESC" if is_down else "ASC"
        found = _rows(dated, f"{column} {way}, t.id {way}", limit + 1)
    # What has no date or amount comes after what has.
    if len(found) <= limit:
        rest = where.and_(f"{column} IS NULL")
        if place and place.value is None:
            rest = rest.and_("t.id > %(after_id)s", after_id=place.pk)
        found += _rows(rest, "t.id", limit + 1 - len(found))
    rows = tuple(_line(values) for values in found[:limit])
    if len(found) <= limit:
        return PageOf(rows)
    last = found[limit - 1]
    value = last[5] if column == "t.amount" else last[4]
    return PageOf(rows, _Place(column, value, last[0]).encode())


def list_chosen(*, viewer: Viewer, ids: Collection[int], today: date) -> tuple[TitleLine, ...]:
    """List these titles, those that the viewer sees, the earliest due first. One SQL statement."""
    known = sorted(each for each in ids if 0 < each < 2**63)
    where = _where(viewer, TitleFilter(), today).and_("t.id = ANY(%(ids)s)", ids=known)
    found = _rows(where, "t.due_on, t.id", len(known))
    return tuple(_line(values) for values in found)


def due_days(
    *, viewer: Viewer, first: date, last: date, today: date
) -> tuple[tuple[DueDay, ...], Sums]:
    """Add up what is to pay by day, between two days, and altogether. One SQL statement."""
    wanted = TitleFilter(due_from=first, due_to=last)
    where = _where(viewer, wanted, today).and_(_IS_TO_PAY)
    rows = _fetch(
        f"SELECT t.due_on, o.currency, count(*), COALESCE(sum(t.amount), 0),"
        f" count(*) - count(t.amount) {_FROM} WHERE {where.sql} GROUP BY 1, 2 ORDER BY 1, 2",
        where.params,
    )
    days: dict[date, list[Cell]] = {}
    for on, *rest in rows:
        days.setdefault(on, []).append(Cell(Standing.OPEN, None, *rest))
    every = TitleSummary(tuple(cell for cells in days.values() for cell in cells))
    return (
        tuple(DueDay(on, TitleSummary(tuple(cells)).of(Group.ALL)) for on, cells in days.items()),
        every.of(Group.ALL),
    )


def _order_by(sort: Sort) -> tuple[str, bool]:
    if sort in {Sort.DUE, Sort.DUE_LATEST}:
        return "t.due_on", sort is Sort.DUE_LATEST
    return "t.amount", sort is Sort.AMOUNT_LARGEST


def _rows(where: _Where, order: str, limit: int) -> list[tuple[Any, ...]]:
    return _fetch(
        f"SELECT {_COLUMNS} {_FROM} WHERE {where.sql} ORDER BY {order} LIMIT %(limit)s",
        {**where.params, "limit": limit},
    )


def _line(values: tuple[Any, ...]) -> TitleLine:
    fields = dict(zip(_FIELDS, values, strict=True))
    amount, currency = fields.pop("amount"), fields.pop("currency")
    return TitleLine(
        **fields
        | {
            "amount": Money(amount, currency) if amount is not None else None,
            "standing": Standing(fields["standing"]),
            "numbers": tuple(
                NumberRow(NumberKind(kind), written) for kind, written in fields["numbers"] or ()
            ),
        }
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a page of a list ended: the value it is sorted by, None after the last, and the id."""

    column: str
    value: date | Decimal | None
    pk: int

    def encode(self) -> str:
        raw = f"{self.column}|{'' if self.value is None else self.value}|{self.pk}".encode()
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str, column: str) -> _Place:
        try:
            raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
            of, value, pk = raw.split("|")
            read = date.fromisoformat if column == "t.due_on" else _amount
            place = cls(of, read(value) if value else None, int(pk))
        except (ValueError, InvalidOperation, binascii.Error) as error:
            raise InvalidInput("after", "not a page") from error
        if of != column or not 0 <= place.pk < 2**63:
            raise InvalidInput("after", "not a page")
        return place


def _amount(text: str) -> Decimal:
    value = Decimal(text)
    if not value.is_finite() or abs(value) >= Decimal(10) ** 14:
        raise ValueError(text)
    return value
