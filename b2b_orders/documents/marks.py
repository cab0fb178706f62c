"""What says whether an order's page would show anything new."""

from __future__ import annotations

import hashlib

from django.db.models import Count, Max

from b2b_orders.companies.access import Viewer
from b2b_orders.documents.queries import visible_documents
from b2b_orders.orders.models import Order, Question


def order_mark(*, viewer: Viewer, order_id: int) -> str:
    """Return a text that changes when an order, its documents or its questions do.

    It tells nothing of what the viewer may not see. Three SQL statements.
    """
    changed = Order.objects.visible_to(viewer).filter(pk=order_id).values_list("changed_at")
    documents = visible_documents(viewer=viewer).filter(record__order_id=order_id)
    asked = Question.objects.visible_to(viewer).filter(order_id=order_id)
    told = (
        changed.first(),
        documents.aggregate(count=Count("pk"), since=Max("state_since")),
        asked.aggregate(asked=Count("pk"), answered=Max("answers__at")),
    )
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]
