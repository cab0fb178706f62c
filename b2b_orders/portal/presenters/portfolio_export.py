"""What of an order stands in the export of a portfolio: the columns of who exports, no more."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _

from b2b_orders.companies.access import Right, Viewer
from b2b_orders.orders.queries import NumberRow, OrderRow
from b2b_orders.portal import words
from b2b_orders.portal.spreadsheets import Cell, Number
from erp_bridge.records import NumberKind


def order_columns(viewer: Viewer) -> list[str]:
    """Name the columns that a viewer gets."""
    return [
        _("Company"),
        _("CNPJ"),
        _("Order"),
        _("ERP order"),
        _("Your number"),
        _("Date"),
        _("Placed by"),
        _("Origin"),
        _("Status"),
        _("Expected delivery"),
        *([_("Total"), _("Currency")] if viewer.can(Right.PRICES) else []),
        *([_("Payment")] if viewer.can(Right.FINANCE) else []),
    ]


def order_cells(row: OrderRow, *, viewer: Viewer, company: str) -> list[Cell]:
    """Write an order's cells."""
    total = row.total
    return [
        company,
        Number(row.establishment_tax_id),
        Number(row.title),
        _numbers(row.numbers, NumberKind.ERP),
        _numbers(row.numbers, NumberKind.CUSTOMER),
        row.placed_on,
        row.placed_by_name,
        words.text(words.ORIGIN, row.origins),
        words.fulfilment(row.fulfilment, row.status_raw).text,
        row.promised_on,
        *(
            [total.amount if total else None, total.currency if total else ""]
            if viewer.can(Right.PRICES)
            else []
        ),
        *([_payment(row)] if viewer.can(Right.FINANCE) else []),
    ]


def _numbers(numbers: Iterable[NumberRow], kind: NumberKind) -> Cell:
    """Write the numbers of a kind; one alone stays a number to a spreadsheet."""
    found = list(dict.fromkeys(each.written for each in numbers if each.kind is kind))
    return Number(found[0]) if len(found) == 1 else ", ".join(found)


def _payment(row: OrderRow) -> str:
    word = words.PAYMENT.get(row.payment or "")
    return str(word.text) if word else ""
