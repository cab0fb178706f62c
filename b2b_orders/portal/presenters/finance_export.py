"""What of a title stands in the export, a cell each."""

from __future__ import annotations

from django.utils.translation import gettext as _

from b2b_orders.orders.titles import Standing, TitleLine
from b2b_orders.portal import spreadsheets
from b2b_orders.portal.presenters.finance import state_chip


def export_columns(*, shows_amounts: bool) -> list[str]:
    """Name the columns; who may not see amounts has none for them."""
    return [
        _("Invoice (NF)"),
        _("Instalment"),
        _("Order"),
        _("Your number"),
        _("CNPJ"),
        _("Branch"),
        _("Due date"),
        *([_("Amount"), _("Currency")] if shows_amounts else []),
        _("State"),
        _("Paid on"),
        _("Note"),
    ]


def export_row(title: TitleLine, *, shows_amounts: bool) -> list[str]:
    """Write a title's cells."""
    amount = title.amount
    is_gone = title.is_order_dead and title.standing is not Standing.UNCLEAR
    return [
        spreadsheets.number(title.invoice_number),
        spreadsheets.number(title.instalment),
        spreadsheets.number(title.order_title),
        spreadsheets.number(title.own_number),
        spreadsheets.number(title.establishment_tax_id),
        spreadsheets.plain(title.establishment_name),
        spreadsheets.day(title.due_on),
        *(
            [
                spreadsheets.amount(amount.amount if amount else None),
                amount.currency if amount else "",
            ]
            if shows_amounts
            else []
        ),
        state_chip(title).text,
        spreadsheets.day(title.settled_on if title.standing is Standing.PAID else None),
        _("Order cancelled") if is_gone else "",
    ]
