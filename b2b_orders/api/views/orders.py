"""Orders as JSON: found by a number, the latest ones, and one with everything of it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.response import Response

from b2b_orders.api.filters import wanted_filter
from b2b_orders.api.serializers import (
    DivergenceOutput,
    DocumentOutput,
    EventOutput,
    InvoiceOutput,
    LineOutput,
    ScopeOutput,
    TitleOutput,
    order_output,
)
from b2b_orders.api.views.base import CompanyInput, CompanyView, ViewerApiRequest, checked
from b2b_orders.audit.services import Action, record
from b2b_orders.common import clock
from b2b_orders.common.errors import InvalidInput
from b2b_orders.companies.access import Viewer
from b2b_orders.documents.hidden_lines import order_as_shown, rows_as_shown
from b2b_orders.documents.queries import list_documents
from b2b_orders.ingest.queries import list_source_states
from b2b_orders.orders.filtering import NAMES, OrderFilter
from b2b_orders.orders.queries import (
    OrderRow,
    count_orders,
    get_order,
    list_orders,
    near_orders,
    scope_facts,
    search,
)
from b2b_orders.orders.seen import note_first_seen
from erp_bridge.records import NumberKind


class OrdersInput(CompanyInput):
    number = serializers.CharField(required=False, max_length=100_000)
    kind = serializers.ChoiceField(choices=[kind.value for kind in NumberKind], required=False)
    after = serializers.CharField(required=False, max_length=200)
    limit = serializers.IntegerField(required=False, min_value=1, max_value=100, default=25)


class OrdersView(CompanyView):
    """`number` finds orders however it is written; without it, the latest come first.

    Both within the filter and sort that the pages have, by the same names: see `api.filters`.
    """

    def get(self, request: ViewerApiRequest) -> Response:
        viewer = self.viewer(request)
        asked = checked(OrdersInput, request, besides=NAMES)
        wanted = wanted_filter(request, viewer)
        if "number" in asked:
            body = _found(request, viewer, asked, wanted)
        else:
            page = list_orders(
                viewer=viewer, wanted=wanted, after=asked.get("after"), limit=asked["limit"]
            )
            count = count_orders(viewer=viewer, wanted=wanted)
            body = {
                "results": _orders(viewer, page.rows, _context(request)),
                "next": page.next,
                "previous": page.previous,
                "count": count.count,
                "count_is_exact": count.is_exact,
                "searched": _searched(viewer),
            }
        return Response(body)


class OrderView(CompanyView):
    """One order with items, invoices, titles, documents, events and divergences."""

    def get(self, request: ViewerApiRequest, public_id: uuid.UUID) -> Response:
        viewer = self.viewer(request)
        checked(CompanyInput, request)
        order = get_order(viewer=viewer, public_id=public_id)
        order = order_as_shown(viewer=viewer, detail=order)
        documents = list_documents(viewer=viewer, order_id=order.row.id)
        now = clock.now()
        record(
            Action.ORDER_VIEWED,
            actor=request.actor,
            company_id=viewer.company_id,
            object_kind="order",
            object_id=str(order.row.public_id),
            now=now,
        )
        note_first_seen(viewer=viewer, order_id=order.row.id, now=now)
        context = _context(request) | {"order": order.row.public_id}
        return Response(
            order_output(order.row, context)
            | {
                "items": LineOutput(order.lines, many=True).data,
                "invoices": InvoiceOutput(order.invoices, many=True).data,
                "titles": TitleOutput(order.titles, many=True).data,
                "documents": DocumentOutput(documents, many=True, context=context).data,
                "events": EventOutput(order.events, many=True).data,
                "divergences": DivergenceOutput(order.divergences, many=True).data,
            }
        )


def _found(
    request: ViewerApiRequest, viewer: Viewer, asked: dict[str, Any], wanted: OrderFilter
) -> dict[str, Any]:
    kind = asked.get("kind")
    result = search(
        viewer=viewer,
        text=asked["number"],
        only=NumberKind(kind) if kind else None,
        after=asked.get("after"),
        limit=asked["limit"],
        wanted=wanted,
    )
    if result.recognised.shape == "too_long":
        raise InvalidInput("number", _("This is longer than any number."))
    near: Sequence[OrderRow] = [result.near_order] if result.near_order else []
    if not result.rows and not near and not asked.get("after"):
        only = NumberKind(kind) if kind else None
        near = near_orders(viewer=viewer, text=asked["number"], only=only)
    context = _context(request)
    return {
        "results": _orders(viewer, result.rows, context),
        "next": result.next,
        "previous": result.previous,
        "count": result.count,
        "count_is_exact": result.is_counted,
        "near": _orders(viewer, near, context),
        "searched": _searched(viewer, [kind] if kind else list(NumberKind))
        | {"shape": result.recognised.shape, "problem": result.recognised.problem},
    }


def _searched(viewer: Viewer, kinds: list[Any] | None = None) -> dict[str, Any]:
    return {"kinds": kinds or [], **ScopeOutput(scope_facts(viewer=viewer)).data}


def _orders(
    viewer: Viewer, rows: Sequence[OrderRow], context: dict[str, Any]
) -> list[dict[str, Any]]:
    return [order_output(row, context) for row in rows_as_shown(viewer=viewer, rows=rows)]


def _context(request: ViewerApiRequest) -> dict[str, Any]:
    company = request.query_params.get("company", "")
    is_staff = request.viewer is not None and request.viewer.is_staff
    return {
        "states": {state.connection: state.state for state in list_source_states()},
        "page_company": company if is_staff else "",
    }
