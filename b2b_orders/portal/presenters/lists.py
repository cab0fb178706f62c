"""Rows of orders as lists show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from b2b_orders.orders.columns import NOTHING, Column, Further
from b2b_orders.orders.queries import OrderRow
from b2b_orders.portal import formats, words
from b2b_orders.portal.addresses import Addresses
from b2b_orders.portal.leading import best_first, leading_number
from b2b_orders.portal.list_address import address
from b2b_orders.portal.presenters.columns import Cell, cells
from b2b_orders.portal.presenters.marks import Marked, mark

OTHER_NUMBERS = 3


@dataclass(frozen=True, slots=True)
class OtherNumber:
    """A further number of an order, with what it is."""

    label: str
    text: Marked


@dataclass(frozen=True, slots=True)
class OrderItem:
    """An order in a list, worded and formatted."""

    url: str
    title: Marked
    others: tuple[OtherNumber, ...]
    own_number: Marked | None
    found_by: str
    origin: str
    date: str
    date_iso: str
    branch: str
    branch_name: str
    placed_by: str
    status: words.Chip
    total: str
    documents: str
    documents_title: str
    differs: bool
    # Its name in a form of those that are picked.
    public_id: str = ""
    cells: tuple[Cell, ...] = ()


def count_words(found: int, *, is_counted: bool = True) -> str:
    """Say how many orders a search found."""
    if not is_counted:
        return _("More than %(count)s orders, newest first") % {"count": formats.count(found)}
    return ngettext("%(count)s order found", "%(count)s orders found, newest first", found) % {
        "count": formats.count(found)
    }


def order_items(
    rows: Iterable[OrderRow],
    *,
    to: Addresses,
    typed: str = "",
    documents: Mapping[int, tuple[int, int]] | None = None,
    came_from: Sequence[tuple[str, str]] = (),
    columns: Sequence[Column] = (),
    further: Mapping[int, Further] | None = None,
    now: datetime | None = None,
) -> tuple[OrderItem, ...]:
    """Present rows of orders; `documents` counts those available and all, by order.

    `came_from` is the list's filter, which an order's address keeps for its neighbours;
    `further` is what their columns need besides the rows, by order.
    """
    counted, known = documents or {}, further or {}
    pairs = [("q", typed), *came_from]
    return tuple(
        _with_cells(
            _item(row, to, pairs, counted.get(row.id)),
            row,
            columns,
            counted.get(row.id),
            known.get(row.id, NOTHING),
            now,
        )
        for row in rows
    )


def _with_cells(
    item: OrderItem,
    row: OrderRow,
    columns: Sequence[Column],
    counts: tuple[int, int] | None,
    further: Further,
    now: datetime | None,
) -> OrderItem:
    if not columns:
        return item
    shown = cells(row, columns, own=item.own_number, counts=counts, further=further, now=now)
    return replace(item, cells=shown)


def _item(
    row: OrderRow, to: Addresses, pairs: Sequence[tuple[str, str]], counts: tuple[int, int] | None
) -> OrderItem:
    hit = row.matched
    own = next((number.written for number in row.numbers if number.kind == "customer"), "")
    available, expected = counts or (0, 0)
    title = leading_number(row.title, row.numbers)
    return OrderItem(
        url=address(to.to("order", public_id=row.public_id), pairs),
        title=_marked(row, title),
        others=_others(row, title),
        own_number=_marked(row, own) if own else None,
        found_by=words.text(words.NUMBER_KIND, hit.kind) if hit else "",
        origin=words.text(words.ORIGIN, row.origins),
        date=formats.day(row.placed_on),
        date_iso=formats.iso(row.placed_on),
        branch=formats.tax_id_ending(row.establishment_tax_id) if row.establishment_tax_id else "",
        branch_name=row.establishment_name,
        placed_by=row.placed_by_name,
        status=words.fulfilment(row.fulfilment, row.status_raw),
        total=formats.money(row.total),
        documents=f"{available}/{expected}" if expected else "",
        documents_title=_("%(available)s of %(all)s documents available")
        % {"available": available, "all": expected}
        if expected
        else "",
        differs=bool(row.divergence_count),
        public_id=str(row.public_id),
    )


def _marked(row: OrderRow, written: str) -> Marked:
    hit = row.matched
    if hit and hit.written == written:
        return mark(written, hit.typed, hit.how)
    return Marked(written)


def _others(row: OrderRow, title: str) -> tuple[OtherNumber, ...]:
    """Pick the numbers shown under the title: the one that matched, then another system's.

    Where the title itself matched, its kind alone is said: the same number may be of several.
    """
    hit = row.matched
    shown: list[OtherNumber] = []
    seen = {title}
    if hit and hit.written == title:
        shown.append(OtherNumber(words.text(words.NUMBER_KIND, hit.kind), Marked("")))
    if hit and hit.written not in seen and hit.kind != "customer":
        seen.add(hit.written)
        label = words.text(words.NUMBER_KIND, hit.kind)
        shown.append(OtherNumber(label, mark(hit.written, hit.typed, hit.how)))
    own_kind = next((each.kind for each in row.numbers if each.written == title), None)
    for number in best_first(row.title, row.numbers):
        is_other = number.kind in {"erp", "web"} and number.kind != own_kind
        if not is_other or number.written in seen:
            continue
        seen.add(number.written)
        label = words.text(words.NUMBER_KIND, number.kind)
        shown.append(OtherNumber(label, Marked(number.written)))
    return tuple(shown[:OTHER_NUMBERS])


def anchor_of(kind: str, written: str) -> str:
    """Name the place in the order page that a number leads to."""
    if kind == "access_key":
        return "#nf-" + "".join(sign for sign in written if sign.isalnum()).upper()
    if kind == "boleto_line":
        return "#boleto-" + "".join(sign for sign in written if sign.isdigit())
    if kind == "invoice":
        return "#" + invoice_slug(*written.partition("/")[::2])
    return ""


def invoice_slug(number: str, series: str) -> str:
    """Name an invoice's place in the order page."""
    kept = "".join(sign for sign in number if sign.isalnum())
    tail = "".join(sign for sign in series if sign.isalnum())
    return f"nf-{kept}-{tail}" if tail else f"nf-{kept}"
