"""Operations' rules for documents: which are expected, which need not be, which are hidden."""

from __future__ import annotations

from django.http import HttpResponse
from django.http.response import HttpResponseBase

from b2b_orders.common import clock
from b2b_orders.documents.operations import list_rules, list_typed_companies
from b2b_orders.ingest.errands import Kind
from b2b_orders.ingest.operations import list_connection_labels
from b2b_orders.portal.errands import Slip, ask, asked_kind
from b2b_orders.portal.presenters.operations_documents import document_rule_items, rule_fields
from b2b_orders.portal.views.operations import (
    OperationsRequest,
    operations_page,
    show,
    shows_and_asks,
)

FIELDS: dict[Kind, tuple[str, ...]] = {
    Kind.DOCUMENT_RULE: (
        *("change", "rule", "kind", "effect", "connection", "customer_type"),
        *("crosses_state", "has_titles", "from_states", "to_states", "is_enabled", "place"),
    ),
    Kind.CUSTOMER_TYPE: ("company", "customer_type"),
}


@operations_page
@shows_and_asks
def rules(request: OperationsRequest) -> HttpResponseBase:
    """Show the rules in the order in which they decide, and change them."""
    slip: Slip | None = None
    if request.method == "POST":
        kind = asked_kind(request, FIELDS)
        answer = ask(request, kind, {name: request.POST.get(name, "") for name in FIELDS[kind]})
        if isinstance(answer, HttpResponse):
            return answer
        slip = answer
    typed = slip.typed if slip else {}
    labels = list_connection_labels(viewer=request.staff)
    context = {
        "items": document_rule_items(
            list_rules(viewer=request.staff), labels, typed, now=clock.now()
        ),
        "fields": rule_fields(labels, typed if typed.get("form") == "rule" else {}),
        "companies": list_typed_companies(viewer=request.staff),
    }
    return show(request, "documents", context, slip)
