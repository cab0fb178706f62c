"""A draft as the rows of its tables, and the hash that says whether they changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import models

from b2b_orders.orders import bulk
from b2b_orders.orders.merge import Draft, divergence_values
from b2b_orders.orders.models import (
    Divergence,
    Event,
    Invoice,
    Line,
    Order,
    OrderNumber,
    Title,
)
from b2b_orders.orders.records_json import digest

# What tells a table's rows of one order apart.
_KEYS: dict[type[models.Model], tuple[str, ...]] = {
    OrderNumber: ("company_id", "value", "kind", "order_id"),
    Line: ("order_id", "position"),
    Invoice: ("order_id", "number", "series", "is_return", "access_key"),
    Title: ("order_id", "key"),
    Event: ("order_id", "at", "connection", "code", "text"),
    Divergence: ("order_id", "field"),
}


@dataclass(slots=True)
class Rows:
    """One order's rows, encoded; `digest` leaves out when each side was last confirmed."""

    order: dict[str, Any]
    digest: str
    children: dict[type[models.Model], list[dict[str, Any]]] = field(default_factory=dict)
    order_id: int = 0
    is_new: bool = True

    def set_order(self, order_id: int, *, is_new: bool) -> None:
        """Say which order the rows are of."""
        self.order_id, self.is_new = order_id, is_new
        for rows in self.children.values():
            for row in rows:
                row["order_id"] = order_id


def order_rows(
    draft: Draft, *, company_id: int | None, establishment_id: int | None, seen_at: datetime
) -> Rows:
    """Build the rows of a draft. `seen_at` dates an order that no source dates."""
    order = bulk.encode(
        Order,
        {
            "company_id": company_id,
            "establishment_id": establishment_id,
            "origins": draft.origins,
            "title": draft.title,
            "fulfilment": str(draft.fulfilment),
            "billing": str(draft.billing),
            "payment": str(draft.payment),
            "status_raw": draft.status_raw,
            "status_system": str(draft.status_system),
            "placed_on": draft.placed_on,
            "sorted_at": draft.sorted_at or seen_at,
            "promised_on": draft.promised_on,
            "placed_by_name": draft.placed_by_name,
            "placed_by_code": draft.placed_by_code,
            "currency": draft.currency,
            "total": draft.total,
            "line_count": len(draft.lines),
            "divergence_count": len(draft.divergences),
            "facts": draft.facts,
            "provenance": draft.provenance,
        },
    )
    children = _children(draft, company_id, establishment_id)
    content = {model.__name__: rows for model, rows in children.items()} | {"order": order}
    content[Line.__name__] = [_without_later(row) for row in children[Line]]
    order["draft_hash"] = digest(content)
    children[Divergence] = [
        bulk.encode(
            Divergence,
            {"company_id": company_id, "field": d.field, "values": divergence_values(d)},
        )
        for d in draft.divergences
    ]
    return Rows(order, order["draft_hash"], children)


def _children(
    draft: Draft, company_id: int | None, establishment_id: int | None
) -> dict[type[models.Model], list[dict[str, Any]]]:
    own = {"company_id": company_id}
    numbers = draft.numbers if company_id else ()
    return {
        OrderNumber: _encoded(OrderNumber, numbers, own | {"establishment_id": establishment_id}),
        Line: _encoded(Line, draft.lines, own),
        Invoice: _encoded(Invoice, draft.invoices, own),
        Title: _encoded(Title, draft.titles, own),
        Event: _encoded(Event, draft.events, own),
        Divergence: [
            {"field": d.field, "sides": [(s.connection, s.value, s.rules) for s in d.values]}
            for d in draft.divergences
        ],
    }


# Columns that came later: where they say nothing, an order's hash is what it was before them,
# so that not every order of every company seems to have changed on the day they came.
_LATER = ("customer_code", "discount", "tax", "reserved", "shipped", "cancelled", "invoices")


def _without_later(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in _LATER or value}


def _encoded(
    model: type[models.Model], items: Iterable[Any], own: dict[str, Any]
) -> list[dict[str, Any]]:
    rows = []
    for item in items:
        names = [f.name for f in dataclasses.fields(item)]
        rows.append(bulk.encode(model, {name: getattr(item, name) for name in names} | own))
    return rows


def write_children(changed: Sequence[Rows], confirmed: Sequence[Rows], now: datetime) -> None:
    """Make the changed orders' rows what they should be, each table in one statement.

    Of orders that were only confirmed, the divergences learn when.
    """
    for model, key in _KEYS.items():
        orders = [*changed, *confirmed] if model is Divergence else changed
        rows = [row for order in orders for row in order.children[model]]
        if model is Divergence:
            rows = [row | {"since": now.isoformat()} for row in rows]
        bulk.sync(
            model,
            rows,
            key=key,
            within="order_id",
            ids=[order.order_id for order in orders if not order.is_new],
            keep=("since",),
        )
