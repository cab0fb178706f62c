"""The columns of a list of orders: which there are, who may see them, what a person chose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from django.db import connection

from b2b_orders.common.visibility import visible_sql
from b2b_orders.companies.access import Right, Viewer
from erp_bridge.records import Fulfilment, TitleState


class Column(StrEnum):
    """A column after that of the order itself. One that can be sorted has its sort's name."""

    OWN_NUMBER = "seu_numero"
    PLACED = "data"
    BRANCH = "filial"
    PLACED_BY = "feito_por"
    STATUS = "situacao"
    TOTAL = "total"
    DOCUMENTS = "documentos"
    WEB_NUMBER = "pedido_site"
    ERP_NUMBER = "pedido_erp"
    INVOICES = "nf"
    PROMISED = "previsao"
    DELIVERED = "entregue"
    CARRIER = "transporte"
    TERMS = "condicao"
    OPEN_AMOUNT = "em_aberto"
    CURRENCY = "moeda"
    CHANGED = "alterado"
    AS_OF = "dados_de"


DEFAULT: Final = (
    Column.OWN_NUMBER,
    Column.PLACED,
    Column.BRANCH,
    Column.PLACED_BY,
    Column.STATUS,
    Column.TOTAL,
    Column.DOCUMENTS,
)
# Whoever lacks the right neither sees the column nor reads of it.
_RIGHT: Final = {
    Column.TOTAL: Right.PRICES,
    Column.CURRENCY: Right.PRICES,
    Column.DOCUMENTS: Right.DOCUMENTS,
    Column.OPEN_AMOUNT: Right.FINANCE,
}
# What a row of a list does not hold by itself.
_FURTHER: Final = frozenset(
    {
        Column.DELIVERED,
        Column.CARRIER,
        Column.TERMS,
        Column.OPEN_AMOUNT,
        Column.CURRENCY,
        Column.CHANGED,
    }
)
# Nothing is due of these, whatever their titles say.
_DEAD: Final = (Fulfilment.CANCELLED.value, Fulfilment.REPLACED.value)


@dataclass(frozen=True, slots=True)
class Further:
    """What optional columns show of an order besides its row."""

    currency: str = ""
    changed_at: datetime | None = None
    terms: str = ""
    # When the last of its goods came; None while some are on their way.
    delivered_at: datetime | None = None
    # Carrier and tracking number of each invoice, "" for what is not known.
    carriers: tuple[tuple[str, str], ...] = ()
    open_amount: Decimal | None = None


NOTHING: Final = Further()


def allowed_columns(viewer: Viewer) -> tuple[Column, ...]:
    """List the columns that a viewer may choose, as they stand without a choice."""
    return tuple(each for each in Column if _may_see(viewer, each))


def _may_see(viewer: Viewer, column: Column) -> bool:
    right = _RIGHT.get(column)
    return right is None or viewer.can(right)


def read_columns(viewer: Viewer, written: object) -> tuple[Column, ...]:
    """Read a choice as it was kept or typed: words that are none, or not for this viewer, go.

    Empty is "no choice": the default then holds.
    """
    if not isinstance(written, (list, tuple)):
        return ()
    known = {each.value: each for each in allowed_columns(viewer)}
    return tuple(dict.fromkeys(known[each] for each in written if each in known))


def default_columns(viewer: Viewer) -> tuple[Column, ...]:
    """Return what is shown to who chose nothing."""
    return tuple(each for each in DEFAULT if _may_see(viewer, each))


def list_further(
    *, viewer: Viewer, order_ids: Sequence[int], columns: Iterable[Column]
) -> Mapping[int, Further]:
    """Read what chosen columns need besides the rows. One SQL statement at most."""
    wanted = frozenset(columns) & _FURTHER & frozenset(allowed_columns(viewer))
    if not wanted or not order_ids:
        return {}
    visible, params = visible_sql(viewer, "o")
    # What was not asked for is not read, and what may not be seen never leaves the database.
    invoices = (
        """(SELECT CASE WHEN bool_and(i.delivered_at IS NOT NULL) THEN max(i.delivered_at) END
            FROM orders_invoice i WHERE i.order_id = o.id AND NOT i.is_return),
        (SELECT json_agg(DISTINCT jsonb_build_array(i.carrier, i.tracking_number))
            FROM orders_invoice i WHERE i.order_id = o.id AND NOT i.is_return
                AND (i.carrier <> '' OR i.tracking_number <> ''))"""
        if wanted & {Column.DELIVERED, Column.CARRIER}
        else "NULL::timestamptz, NULL::json"
    )
    due = (
        """(SELECT sum(t.amount) FROM orders_title t WHERE t.order_id = o.id
            AND t.state = %(open)s AND o.fulfilment <> ALL(%(dead)s))"""
        if Column.OPEN_AMOUNT in wanted
        else "NULL::numeric"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT o.id, o.currency, o.changed_at, o.facts->>'payment_terms', {invoices}, {due}
            FROM orders_order o WHERE {visible} AND o.id = ANY(%(orders)s)""",  # noqa: S608 our own text
            params | {"orders": list(order_ids), "open": TitleState.OPEN.value, "dead": [*_DEAD]},
        )
        return {
            pk: Further(
                currency=currency,
                changed_at=changed_at,
                terms=terms or "",
                delivered_at=delivered_at,
                carriers=tuple((carrier, number) for carrier, number in carriers or ()),
                open_amount=due_amount,
            )
            for pk, currency, changed_at, terms, delivered_at, carriers, due_amount in cursor
        }
