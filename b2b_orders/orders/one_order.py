"""Reading one order, and what hangs on it."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Any

from b2b_orders.common.errors import NotVisible
from b2b_orders.common.visibility import visible_sql
from b2b_orders.companies.access import Right, Viewer
from b2b_orders.orders.models import (
    Divergence,
)
from b2b_orders.orders.rows import (
    DivergenceRow,
    DivergenceValue,
    EventRow,
    InvoiceRow,
    LineCounts,
    LineRow,
    OrderDetail,
    TitleRow,
)
from b2b_orders.orders.selecting import FROM, ROW_FIELDS, SELECT, fetch, order_row, visible
from erp_bridge.records import (
    TitleState,
)

_AMOUNT_FIELDS = frozenset({"total", "items", "discount", "freight", "taxes"})
_FACTS = ", o.company_id, o.facts::json, o.provenance::json "
# What hangs on an order, and is read with it.
PARTS = frozenset({"lines", "invoices", "titles", "events"})
_LINE_COLUMNS = (
    "position, sku, name, quantity, unit, unit_price, total, invoiced, customer_code, discount,"
    " tax, reserved, shipped, cancelled, invoices::json"
)
# What a search inside an order looks through, and by how many words at most.
_LINE_TEXT = "lower(concat_ws(' ', t.name, t.sku, t.customer_code, t.invoices::text))"
_MOST_WORDS = 8
# When a column of an order's items says anything.
_LINE_FILLED = {
    **{name: f"t.{name} <> ''" for name in ("sku", "customer_code")},
    **{
        name: f"t.{name} IS NOT NULL"
        for name in ("quantity", "invoiced", "shipped", "unit_price", "discount", "tax", "total")
    },
    **{name: f"t.{name} <> 0" for name in ("reserved", "cancelled")},
    "invoices": "t.invoices <> '[]'",
}


def get_order(
    *,
    viewer: Viewer,
    public_id: uuid.UUID,
    line_limit: int | None = None,
    parts: Collection[str] = PARTS,
) -> OrderDetail:
    """Read one order with everything on its page, or its first `line_limit` items.

    Of what hangs on it only some `parts` are read when they are named; the rest is empty.

    Follows the address of an order that was joined to another. Raises `NotVisible`, after
    the very same statements, for an order that does not exist and for somebody else's.
    At most seven SQL statements.
    """
    found = _find(viewer, "o.public_id = %(public_id)s", public_id)
    if found is None:
        # The aliases of the company's orders are its own: the order must be visible too.
        joined = (
            "o.id IN (SELECT a.order_id FROM orders_orderalias a"
            " WHERE a.company_id = %(company)s AND a.public_id = %(public_id)s)"
        )
        found = _find(viewer, joined, public_id)
    if found is None:
        raise NotVisible
    *values, company_id, facts, provenance = found
    row = order_row(values, viewer)
    return OrderDetail(
        row=row,
        company_id=company_id,
        currency=values[ROW_FIELDS.index("currency")],
        facts=_visible_facts(viewer, facts),
        provenance=provenance,
        lines=list_lines(viewer=viewer, order_id=row.id, limit=line_limit)
        if "lines" in parts
        else (),
        invoices=_invoices(viewer, row.id) if "invoices" in parts else (),
        titles=_titles(viewer, row.id) if "titles" in parts else (),
        events=_events(viewer, row.id) if "events" in parts else (),
        divergences=_divergences(viewer, row.id),
    )


def _find(viewer: Viewer, sql: str, public_id: uuid.UUID) -> tuple[Any, ...] | None:
    where = visible(viewer).and_(sql, public_id=public_id)
    found = fetch(f"{SELECT}{_FACTS} {FROM} WHERE {where.sql}", where.params)
    return found[0] if found else None


def list_lines(
    *,
    viewer: Viewer,
    order_id: int,
    after_position: int | None = None,
    limit: int | None = None,
    text: str = "",
) -> tuple[LineRow, ...]:
    """List the items of an order by position, some after one. One SQL statement.

    `text` keeps those with all of its words in their name, codes or invoices.
    """
    words = {f"word{at}": each for at, each in enumerate(text.split()[:_MOST_WORDS])}
    wanted = "".join(f" AND strpos({_LINE_TEXT}, lower(%({name})s)) > 0" for name in words)
    rows = _of_order(
        viewer,
        order_id,
        "orders_line",
        _LINE_COLUMNS,
        "(%(after)s::int IS NULL OR t.position > %(after)s)"
        f"{wanted} ORDER BY t.position LIMIT %(limit)s",
        after=after_position,
        limit=limit,
        **words,
    )
    return tuple(_line_row(row, viewer) for row in rows)


def count_lines(*, viewer: Viewer, order_id: int, text: str = "") -> LineCounts:
    """Count the items of an order that a text keeps, and say what they fill. One SQL statement."""
    words = {f"word{at}": each for at, each in enumerate(text.split()[:_MOST_WORDS])}
    kept = " AND ".join(f"strpos({_LINE_TEXT}, lower(%({name})s)) > 0" for name in words)
    visible, params = visible_sql(viewer, "t", establishment_of="o")
    [(count, all_count, *filled)] = fetch(
        f"""SELECT count(*) FILTER (WHERE {kept or "true"}), count(*),
            {", ".join(f"bool_or({said})" for said in _LINE_FILLED.values())}
        FROM orders_line t JOIN orders_order o ON o.id = t.order_id
        WHERE {visible} AND t.order_id = %(order)s""",  # noqa: S608 placeholders only
        {**params, **words, "order": order_id},
    )
    names = {name for name, is_filled in zip(_LINE_FILLED, filled, strict=True) if is_filled}
    if not viewer.can(Right.PRICES):
        names -= {"unit_price", "total", "discount", "tax"}
    return LineCounts(count, all_count, frozenset(names))


def _line_row(row: tuple[Any, ...], viewer: Viewer) -> LineRow:
    *plain, invoices = row
    named = tuple((name, much) for name, much in invoices or ())
    line = replace(LineRow(*plain), invoices=named)
    if viewer.can(Right.PRICES):
        return line
    return replace(line, unit_price=None, total=None, discount=None, tax=None)


def _of_order(
    viewer: Viewer, order_id: int, table: str, columns: str, rest: str, **params: object
) -> list[tuple[Any, ...]]:
    """Read what hangs on an order that the viewer sees."""
    visible, values = visible_sql(viewer, "t", establishment_of="o")
    names = ", ".join(f"t.{name}" for name in columns.split(", "))
    return fetch(
        f"SELECT {names} FROM {table} t JOIN orders_order o ON o.id = t.order_id"  # noqa: S608 placeholders only
        f" WHERE {visible} AND t.order_id = %(order)s AND {rest}",
        {**values, **params, "order": order_id},
    )


def _visible_facts(viewer: Viewer, facts: dict[str, Any]) -> dict[str, Any]:
    if viewer.can(Right.PRICES):
        return facts
    return {key: value for key, value in facts.items() if key != "amounts"}


def _invoices(viewer: Viewer, order_id: int) -> tuple[InvoiceRow, ...]:
    rows = _of_order(
        viewer,
        order_id,
        "orders_invoice",
        "number, series, access_key, issued_on, total, carrier, tracking_number, tracking_url,"
        " delivered_at, is_return",
        "true ORDER BY t.issued_on, t.number, t.series, t.id",
    )
    if viewer.can(Right.PRICES):
        return tuple(InvoiceRow(*row) for row in rows)
    return tuple(replace(InvoiceRow(*row), total=None) for row in rows)


def _titles(viewer: Viewer, order_id: int) -> tuple[TitleRow, ...]:
    if not viewer.can(Right.FINANCE):
        return ()
    rows = _of_order(
        viewer,
        order_id,
        "orders_title",
        "key, instalment, invoice_number, due_on, amount, state, typeable_line, pix, settled_on,"
        " payee_name, payee_tax_id",
        "true ORDER BY t.due_on, t.instalment, t.id",
    )
    return tuple(
        TitleRow(key, instalment, invoice, due_on, amount, TitleState(state), *rest)
        for key, instalment, invoice, due_on, amount, state, *rest in rows
    )


def _events(viewer: Viewer, order_id: int) -> tuple[EventRow, ...]:
    rows = _of_order(
        viewer, order_id, "orders_event", "at, connection, code, text", "true ORDER BY t.at, t.id"
    )
    return tuple(EventRow(*row) for row in rows)


def _divergences(viewer: Viewer, order_id: int) -> tuple[DivergenceRow, ...]:
    divergences = Divergence.objects.visible_to(viewer).filter(order_id=order_id)
    if not viewer.can(Right.PRICES):
        divergences = divergences.exclude(field__in=_AMOUNT_FIELDS)
    if not viewer.can(Right.FINANCE):
        divergences = divergences.exclude(field="payment")
    return tuple(
        DivergenceRow(field, tuple(_divergence_value(each) for each in values), since)
        for field, values, since in divergences.order_by("field").values_list(
            "field", "values", "since"
        )
    )


def _divergence_value(value: dict[str, Any]) -> DivergenceValue:
    return DivergenceValue(
        connection=value["connection"],
        system=value["system"],
        value=str(value["value"]),
        as_of=datetime.fromisoformat(value["as_of"]) if value.get("as_of") else None,
        rules=bool(value.get("rules")),
    )
