"""Lines and codes of amounts due, where operations hide boletos: they are boletos without paper.

A rule hides a kind of document, and a title states its line without one. The amount and its
day stay: what is owed is no document. A rule for one connection hides the lines of all, since
a title of a merged order may be any source's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from django.db.models import Q

from b2b_orders.companies.access import Viewer
from b2b_orders.companies.models import Company
from b2b_orders.documents.models import DocumentRule, RuleEffect
from b2b_orders.orders.rows import OrderDetail, OrderRow
from b2b_orders.orders.titles import TitleLine
from erp_bridge.records import DocumentKind, NumberKind

_LINE = NumberKind.BOLETO_LINE


def order_as_shown(*, viewer: Viewer, detail: OrderDetail) -> OrderDetail:
    """Return an order with the lines of its titles, or without where boletos are hidden."""
    if not any(title.typeable_line or title.pix for title in detail.titles):
        return detail
    if not _hides_boletos(viewer):
        return detail
    return replace(
        detail,
        row=_without_line(detail.row),
        titles=tuple(replace(title, typeable_line="", pix="") for title in detail.titles),
    )


def rows_as_shown(*, viewer: Viewer, rows: Iterable[OrderRow]) -> tuple[OrderRow, ...]:
    """Return orders with the lines that they are found by, or without where boletos are hidden."""
    known = tuple(rows)
    if not any(number.kind is _LINE for row in known for number in row.numbers):
        return known
    return tuple(map(_without_line, known)) if _hides_boletos(viewer) else known


def _without_line(row: OrderRow) -> OrderRow:
    # Somebody who typed a part of a line would be told the rest.
    matched = None if row.matched and row.matched.kind is _LINE else row.matched
    numbers = tuple(number for number in row.numbers if number.kind is not _LINE)
    return replace(row, numbers=numbers, matched=matched)


def titles_as_shown(*, viewer: Viewer, titles: Iterable[TitleLine]) -> tuple[TitleLine, ...]:
    """Return titles with their lines, or without where boletos are hidden."""
    known = tuple(titles)
    if not any(title.has_code or title.typeable_line for title in known):
        return known
    if not _hides_boletos(viewer):
        return known
    return tuple(replace(title, typeable_line="", has_code=False) for title in known)


def _hides_boletos(viewer: Viewer) -> bool:
    own = Company.objects.filter(pk=viewer.company_id)
    return DocumentRule.objects.filter(
        Q(customer_type="") | Q(customer_type__in=own.values("customer_type")),
        is_enabled=True,
        effect=RuleEffect.HIDE,
        kind=DocumentKind.BOLETO,
    ).exists()
