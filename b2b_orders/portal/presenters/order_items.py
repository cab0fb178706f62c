"""The items of an order: some of them at a time, searched, and with the invoices they are on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from b2b_orders.orders.queries import InvoiceRow, LineRow
from b2b_orders.portal import formats
from b2b_orders.portal.addresses import Addresses
from b2b_orders.portal.presenters.documents import InvoiceGroup
from b2b_orders.portal.words import Text

FIRST_LINES = 50
LONGEST_SEARCH = 200


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of an item: its column's label, for a phone, and its text."""

    label: str
    text: str
    is_number: bool


@dataclass(frozen=True, slots=True)
class Item:
    """An item of the order: its name heads the row."""

    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class ItemsPart:
    """Some items, and how to come to the rest; `columns` are those that any of them fills."""

    items: tuple[Item, ...]
    columns: tuple[Cell, ...]
    count: int
    count_words: str
    search: str
    search_url: str
    # The items without the search, "" where there is none.
    clear: str
    more: str
    more_words: str
    first: str
    deliveries: tuple[InvoiceGroup, ...]
    # An order that has no items at all yet, or none that were looked for.
    is_unknown: bool
    none_found: str


@dataclass(frozen=True, slots=True)
class _Column:
    """How a column is called and filled; one that no item fills is left out."""

    name: str
    label: Text
    fill: Callable[[LineRow, str], str]
    is_number: bool = True


def _quantity(line: LineRow, _currency: str) -> str:
    if line.quantity is None:
        return ""
    return f"{formats.quantity(line.quantity)} {line.unit}".rstrip()


def _text(name: str) -> Callable[[LineRow, str], str]:
    def fill(line: LineRow, _currency: str) -> str:
        return str(getattr(line, name))

    return fill


def _price(line: LineRow, currency: str) -> str:
    return formats.unit_price(line.unit_price, currency)


def _of(name: str) -> Callable[[LineRow, str], str]:
    def fill(line: LineRow, _currency: str) -> str:
        value: Decimal | None = getattr(line, name)
        return formats.quantity(value)

    return fill


def _money(name: str) -> Callable[[LineRow, str], str]:
    def fill(line: LineRow, currency: str) -> str:
        value: Decimal | None = getattr(line, name)
        return formats.amount(value, currency)

    return fill


def _invoices(line: LineRow, _currency: str) -> str:
    """Name the invoices of an item, with how much of it where they share it."""
    if len(line.invoices) == 1:
        return line.invoices[0][0]
    # A line ends between two invoices, not before how much is on one.
    return ", ".join(
        f"{name}\N{NO-BREAK SPACE}({formats.quantity(Decimal(much))})"
        for name, much in line.invoices
    )


_COLUMNS = (
    _Column("sku", lazy("Product code"), _text("sku"), is_number=False),
    _Column("customer_code", lazy("Your code"), _text("customer_code"), is_number=False),
    _Column("quantity", lazy("Qty ordered"), _quantity),
    _Column("reserved", lazy("Qty reserved"), _of("reserved")),
    _Column("invoiced", lazy("Qty invoiced"), _of("invoiced")),
    _Column("shipped", lazy("Qty shipped"), _of("shipped")),
    _Column("cancelled", lazy("Qty cancelled"), _of("cancelled")),
    _Column(
        "unit_price",
        lazy("Unit price"),
        _price,
    ),
    _Column("discount", lazy("Discount"), _money("discount")),
    _Column("tax", lazy("Taxes"), _money("tax")),
    _Column("total", lazy("Total"), _money("total")),
    _Column("invoices", lazy("NF"), _invoices, is_number=False),
)


def items_part(
    lines: Sequence[LineRow],
    *,
    order: UUID,
    to: Addresses,
    typed: str,
    currency: str,
    filled: frozenset[str],
    count: int,
    all_count: int,
    search: str = "",
    after: int | None = None,
    limit: int | None = FIRST_LINES,
    deliveries: tuple[InvoiceGroup, ...] = (),
) -> ItemsPart:
    """Present items; `lines` may hold one more than `limit`, which says that there are more.

    `count` of `all_count` items are found; `filled` are the columns that any item of the order
    fills, so that each page of items has the same ones.
    """
    shown = lines if limit is None else lines[:limit]
    columns = [column for column in _COLUMNS if column.name in filled]
    query = {"q": typed, "item": search}
    more, rest = "", ""
    if len(shown) < len(lines):
        more = to.to("order-items", query | {"depois": str(shown[-1].position)}, public_id=order)
        rest = _("Show the next items")
    return ItemsPart(
        items=tuple(_item(line, columns, currency) for line in shown),
        columns=tuple(Cell(str(each.label), "", each.is_number) for each in columns),
        count=count,
        count_words=_count_words(len(shown), count, all_count, search, is_later=after is not None),
        search=search,
        search_url=to.to("order-items", public_id=order),
        clear=to.to("order-items", {"q": typed}, public_id=order) if search else "",
        more=more,
        more_words=rest,
        first=to.to("order-items", query, public_id=order) if after is not None else "",
        deliveries=deliveries,
        is_unknown=not all_count,
        none_found=_('No item with "%(text)s" in this order.') % {"text": search}
        if search and not count
        else "",
    )


def _item(line: LineRow, columns: Sequence[_Column], currency: str) -> Item:
    return Item(
        name=line.name or line.sku,
        cells=tuple(
            Cell(str(column.label), column.fill(line, currency), column.is_number)
            for column in columns
        ),
    )


def _count_words(shown: int, count: int, all_count: int, search: str, *, is_later: bool) -> str:
    if search:
        return _found_words(shown, count, all_count, is_later=is_later)
    if is_later:
        return _("%(shown)s more of %(all)s items") % {
            "shown": formats.count(shown),
            "all": formats.count(all_count),
        }
    if shown < all_count:
        return _("The first %(shown)s of %(all)s items") % {
            "shown": formats.count(shown),
            "all": formats.count(all_count),
        }
    return ngettext("%(count)s item", "%(count)s items", all_count) % {
        "count": formats.count(all_count)
    }


def _found_words(shown: int, count: int, all_count: int, *, is_later: bool) -> str:
    """Say how many items were found, and that not all of them are shown."""
    numbers = {"shown": formats.count(shown), "count": formats.count(count)}
    if is_later:
        return _("%(shown)s more of %(count)s items with these words") % numbers
    if shown < count:
        return _("The first %(shown)s of %(count)s items with these words") % numbers
    return ngettext(
        "%(count)s of %(all)s items with these words",
        "%(count)s of %(all)s items with these words",
        count,
    ) % {"count": numbers["count"], "all": formats.count(all_count)}


def is_delivery(invoice: InvoiceRow) -> bool:
    """Say whether an invoice tells how its goods come."""
    return bool(
        invoice.carrier or invoice.tracking_number or invoice.tracking_url or invoice.delivered_at
    )
