"""The boletos of many orders at once, for lists of what is to pay."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from b2b_orders.companies.access import Viewer
from b2b_orders.documents.models import State
from b2b_orders.documents.queries import visible_documents
from erp_bridge.records import DocumentKind


@dataclass(frozen=True, slots=True)
class BoletoRow:
    """A boleto that can be taken, and by what it is told which title it pays."""

    order_id: int
    public_id: uuid.UUID
    invoice_number: str
    instalment: str
    typeable_line: str
    due_on: date | None


def available_boletos(*, viewer: Viewer, order_ids: Iterable[int]) -> tuple[BoletoRow, ...]:
    """Return the boletos of some orders that stand and can be taken. One SQL statement."""
    rows = (
        visible_documents(viewer=viewer)
        .filter(
            kind=DocumentKind.BOLETO,
            state=State.AVAILABLE,
            replaced_by="",
            record__order_id__in=set(order_ids),
        )
        .order_by("record_id", "position", "pk")
        .values_list(
            "record__order_id",
            "public_id",
            "invoice_number",
            "instalment",
            "typeable_line",
            "due_on",
        )
    )
    return tuple(BoletoRow(*row) for row in rows)


def boleto_of(
    boletos: Iterable[BoletoRow],
    *,
    order_id: int,
    typeable_line: str,
    invoice_number: str,
    instalment: str,
    due_on: date | None,
) -> BoletoRow | None:
    """Find the boleto of a title: by its line, else by invoice, instalment and due date.

    What either does not state does not tell them apart; two that fit are none.
    """
    own = [each for each in boletos if each.order_id == order_id]
    by_line = [
        each for each in own if typeable_line and _digits(each.typeable_line) == typeable_line
    ]
    if by_line:
        return by_line[0]
    fits = [
        each
        for each in own
        if not (each.typeable_line and typeable_line)
        and _fits(each.invoice_number, invoice_number)
        and _fits(each.instalment, instalment)
        and _fits(each.due_on, due_on)
    ]
    return fits[0] if len(fits) == 1 else None


def _fits(one: object, other: object) -> bool:
    return not one or not other or one == other


def _digits(text: str) -> str:
    return "".join(sign for sign in text if sign.isdigit())
