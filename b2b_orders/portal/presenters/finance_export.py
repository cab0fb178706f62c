"""What of a title stands in the export, a cell each."""

from __future__ import annotations

from django.utils.translation import gettext as _

from b2b_orders.orders.titles import Standing, TitleLine
from b2b_orders.portal.presenters.finance import order_of, state_chip
from b2b_orders.portal.spreadsheets import Cell, Number


def export_columns() -> list[str]:
    """Name the columns."""
    return [
        _("Invoice (NF)"),
        _("Instalment"),
        _("Order"),
        _("Your number"),
        _("CNPJ"),
        _("Branch"),
        _("Due date"),
        _("Amount"),
        _("Currency"),
        _("Status"),
        _("Paid on"),
        _("Note"),
    ]


def export_row(title: TitleLine) -> list[Cell]:
    """Write a title's cells."""
    amount = title.amount
    is_gone = title.is_order_dead and title.standing is not Standing.UNCLEAR
    return [
        Number(title.invoice_number),
        Number(title.instalment),
        Number(order_of(title)),
        Number(title.own_number),
        Number(title.establishment_tax_id),
        title.establishment_name,
        title.due_on,
        amount.amount if amount else None,
        amount.currency if amount else "",
        state_chip(title).text,
        title.settled_on if title.standing is Standing.PAID else None,
        _("Order cancelled") if is_gone else "",
    ]
