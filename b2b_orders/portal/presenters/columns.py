"""The cells of a list of orders: what each column shows, on a page and in a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from b2b_orders.companies.access import Viewer
from b2b_orders.orders.columns import (
    NOTHING,
    Column,
    Further,
    allowed_columns,
    default_columns,
)
from b2b_orders.orders.filtering import is_late
from b2b_orders.orders.queries import OrderRow
from b2b_orders.portal import formats, words
from b2b_orders.portal.leading import leading_number
from b2b_orders.portal.presenters.marks import Marked
from b2b_orders.portal.spreadsheets import Cell as FileCell
from b2b_orders.portal.spreadsheets import Number
from erp_bridge.records import NumberKind

NAME: Final[dict[Column, words.Text]] = {
    Column.OWN_NUMBER: lazy("Your number"),
    Column.PLACED: lazy("Date"),
    Column.BRANCH: lazy("Branch"),
    Column.PLACED_BY: lazy("Placed by"),
    Column.STATUS: lazy("Status"),
    Column.TOTAL: lazy("Total"),
    Column.DOCUMENTS: lazy("Documents"),
    Column.WEB_NUMBER: lazy("Web order number"),
    Column.ERP_NUMBER: lazy("ERP order number"),
    Column.INVOICES: lazy("Invoices (NF)"),
    Column.PROMISED: lazy("Expected delivery"),
    Column.DELIVERED: lazy("Delivered on"),
    Column.CARRIER: lazy("Carrier and tracking"),
    Column.TERMS: lazy("Payment terms"),
    Column.OPEN_AMOUNT: lazy("Open amount"),
    Column.CURRENCY: lazy("Currency"),
    Column.CHANGED: lazy("Last change"),
    Column.AS_OF: lazy("Data as of"),
}
# What the stylesheet knows by a name of its own; the others are lines of a card on a phone.
_PLACE: Final = {
    Column.OWN_NUMBER: "c-own",
    Column.PLACED: "c-date",
    Column.BRANCH: "c-branch",
    Column.PLACED_BY: "c-by",
    Column.STATUS: "c-status",
    Column.TOTAL: "c-total",
    Column.DOCUMENTS: "c-docs",
}
_RIGHTWARDS: Final = frozenset({Column.TOTAL, Column.DOCUMENTS, Column.OPEN_AMOUNT})
_UNBROKEN: Final = frozenset(
    {Column.PLACED, Column.BRANCH, Column.PROMISED, Column.DELIVERED, Column.CHANGED, Column.AS_OF}
)
# So many of one kind of number stand in a cell of a page; a file holds all.
_NUMBERS: Final = 3


@dataclass(frozen=True, slots=True)
class Head:
    """A column's head; `url` sorts by it, `sorted_by` is what `aria-sort` says."""

    name: str
    text: str
    css: str
    url: str = ""
    sorted_by: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a page: a marked number, a chip, a moment, or plain text by `kind`."""

    kind: str
    css: str
    text: str = ""
    # Named in front of it on a phone, where there is no head.
    label: str = ""
    marked: Marked | None = None
    title: str = ""
    iso: str = ""
    chip: words.Chip | None = None
    differs: bool = False
    is_late: bool = False


def heads(
    columns: Iterable[Column], sorts: Mapping[str, tuple[str, str]] | None = None
) -> tuple[Head, ...]:
    """Present the heads of columns; `sorts` has an address and `aria-sort` by column."""
    known = sorts or {}
    return tuple(
        Head(each.value, str(NAME[each]), _css(each), *known.get(each.value, ("", "")))
        for each in columns
    )


def _css(column: Column) -> str:
    names = [_PLACE.get(column, "c-more")]
    if column in _RIGHTWARDS:
        names.append("number")
    if column in _UNBROKEN:
        names.append("nowrap")
    return " ".join(names)


def cells(
    row: OrderRow,
    columns: Iterable[Column],
    *,
    own: Marked | None,
    counts: tuple[int, int] | None,
    further: Further = NOTHING,
    now: datetime | None = None,
) -> tuple[Cell, ...]:
    """Present an order's cells."""
    return tuple(_cell(row, each, own, counts, further, now) for each in columns)


def _cell(
    row: OrderRow,
    column: Column,
    own: Marked | None,
    counts: tuple[int, int] | None,
    further: Further,
    now: datetime | None,
) -> Cell:
    css, label = _css(column), "" if column in _PLACE else str(NAME[column])
    found: Cell
    match column:
        case Column.OWN_NUMBER:
            found = Cell("marked", css, marked=own)
        case Column.STATUS:
            chip = words.fulfilment(row.fulfilment, row.status_raw)
            late = now is not None and is_late(row, today=formats.today(now), now=now)
            differs = bool(row.divergence_count)
            found = Cell("status", css, chip=chip, differs=differs, is_late=late)
        case Column.DOCUMENTS:
            found = Cell("documents", css, *_documents(counts))
        case Column.PLACED | Column.PROMISED:
            day = row.placed_on if column is Column.PLACED else row.promised_on
            found = Cell("time", css, formats.day(day), label, iso=formats.iso(day))
        case Column.DELIVERED | Column.CHANGED | Column.AS_OF:
            at = _moment(row, column, further)
            text = formats.moment(at, now) if at and now else ""
            full = formats.full_moment(at)
            found = Cell("time", css, text, label, title=full, iso=formats.iso(at))
        case Column.BRANCH:
            ending = formats.tax_id_ending(row.establishment_tax_id) if _branch(row) else ""
            found = Cell("titled", css, ending, label, title=row.establishment_name)
        case _:
            found = Cell("text", css, _text(row, column, further), label)
    return found


def _branch(row: OrderRow) -> bool:
    return bool(row.establishment_tax_id)


def _documents(counts: tuple[int, int] | None) -> tuple[str, str, None, str]:
    available, expected = counts or (0, 0)
    if not expected:
        return "", "", None, ""
    said = _("%(available)s of %(all)s documents available")
    return f"{available}/{expected}", "", None, said % {"available": available, "all": expected}


def _moment(row: OrderRow, column: Column, further: Further) -> datetime | None:
    if column is Column.DELIVERED:
        return further.delivered_at
    if column is Column.CHANGED:
        return further.changed_at
    # The oldest of what it is made of: no fact in the row is older.
    return min((each.as_of for each in row.sources), default=None)


def _text(row: OrderRow, column: Column, further: Further) -> str:
    match column:
        case Column.PLACED_BY:
            text = row.placed_by_name
        case Column.TOTAL:
            text = formats.money(row.total)
        case Column.OPEN_AMOUNT:
            text = formats.amount(further.open_amount, further.currency)
        case Column.TERMS:
            text = further.terms
        case Column.CURRENCY:
            text = further.currency
        case Column.CARRIER:
            text = _carriers(further)
        case _:
            text = _shortened(_numbers(row, column))
    return text


_KIND: Final = {
    Column.OWN_NUMBER: NumberKind.CUSTOMER,
    Column.WEB_NUMBER: NumberKind.WEB,
    Column.ERP_NUMBER: NumberKind.ERP,
    Column.INVOICES: NumberKind.INVOICE,
}


def _numbers(row: OrderRow, column: Column) -> list[str]:
    kind = _KIND[column]
    return list(dict.fromkeys(each.written for each in row.numbers if each.kind is kind))


def _shortened(numbers: Sequence[str]) -> str:
    shown = ", ".join(numbers[:_NUMBERS])
    more = len(numbers) - _NUMBERS
    return f"{shown} +{formats.count(more)}" if more > 0 else shown


def _carriers(further: Further) -> str:
    return "; ".join(" ".join(part for part in each if part) for each in further.carriers)


# --- as a file -----------------------------------------------------------------------------


def file_heads(columns: Iterable[Column]) -> list[str]:
    """Name the columns of a file: the order first, as on the page."""
    found = [_("Order")]
    for each in columns:
        found.append(str(NAME[each]))
        if each is Column.TOTAL and Column.CURRENCY not in columns:
            found.append(_("Currency"))
        if each is Column.DOCUMENTS:
            found[-1:] = [_("Documents available"), _("Documents expected")]
        if each is Column.BRANCH:
            found[-1:] = [_("Branch (CNPJ)"), _("Branch")]
    return found


def file_cells(
    row: OrderRow,
    columns: Sequence[Column],
    *,
    counts: tuple[int, int] | None,
    further: Further = NOTHING,
) -> list[FileCell]:
    """Write an order's cells for a file."""
    found: list[FileCell] = [Number(leading_number(row.title, row.numbers))]
    for each in columns:
        found += _file_cell(row, each, counts, further, has_currency=Column.CURRENCY in columns)
    return found


def _file_cell(
    row: OrderRow,
    column: Column,
    counts: tuple[int, int] | None,
    further: Further,
    *,
    has_currency: bool,
) -> list[FileCell]:
    found: list[FileCell]
    match column:
        case Column.PLACED:
            found = [row.placed_on]
        case Column.PROMISED:
            found = [row.promised_on]
        case Column.DELIVERED | Column.CHANGED | Column.AS_OF:
            found = [_moment(row, column, further)]
        case Column.BRANCH:
            found = [Number(row.establishment_tax_id), row.establishment_name]
        case Column.STATUS:
            found = [words.fulfilment(row.fulfilment, row.status_raw).text]
        case Column.TOTAL:
            currency = [] if has_currency else [row.total.currency if row.total else ""]
            found = [row.total.amount if row.total else None, *currency]
        case Column.OPEN_AMOUNT:
            found = [further.open_amount]
        case Column.DOCUMENTS:
            available, expected = counts or (0, 0)
            found = [available, expected]
        case _ if column in _KIND:
            found = [_file_numbers(_numbers(row, column))]
        case _:
            found = [_text(row, column, further)]
    return found


def _file_numbers(numbers: Sequence[str]) -> FileCell:
    """Write numbers of a kind; one alone stays a number to a spreadsheet."""
    return Number(numbers[0]) if len(numbers) == 1 else ", ".join(numbers)


# --- the page where columns are chosen -----------------------------------------------------


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """A column to choose, with its place among all of them."""

    name: str
    text: str
    is_chosen: bool
    is_first: bool
    is_last: bool
    up: str
    down: str
    # The button that was pressed keeps the focus.
    focus: str = ""


def column_choices(
    viewer: Viewer, order: Sequence[Column], chosen: Iterable[Column], *, moved: str = ""
) -> tuple[ColumnChoice, ...]:
    """Present all columns in an order, those that are chosen marked."""
    kept = frozenset(chosen)
    rest = [each for each in allowed_columns(viewer) if each not in order]
    every = [*order, *rest]
    return tuple(
        ColumnChoice(
            name=each.value,
            text=str(NAME[each]),
            is_chosen=each in kept,
            is_first=at == 0,
            is_last=at == len(every) - 1,
            up=_("Move %(column)s up") % {"column": NAME[each]},
            down=_("Move %(column)s down") % {"column": NAME[each]},
            focus=_focus(moved, each, is_first=at == 0, is_last=at == len(every) - 1),
        )
        for at, each in enumerate(every)
    )


def _focus(moved: str, column: Column, *, is_first: bool, is_last: bool) -> str:
    """Say which button of a moved column has the focus: the one pressed, if it is still there."""
    way, _colon, name = moved.partition(":")
    if name != column.value:
        return ""
    if way == "up":
        return "down" if is_first else "up"
    return "up" if is_last else "down"


def moved(order: Sequence[Column], column: Column, *, by: int) -> tuple[Column, ...]:
    """Move a column among the others by one place; at the end it stays where it is."""
    found = list(order)
    if column in found:
        at = found.index(column)
        found.pop(at)
        found.insert(max(0, min(len(found), at + by)), column)
    return tuple(found)


def is_default(viewer: Viewer, columns: Sequence[Column]) -> bool:
    """Say whether these are the columns of who chose nothing."""
    return tuple(columns) == default_columns(viewer)
