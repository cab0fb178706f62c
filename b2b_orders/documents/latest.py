"""A company's latest documents: what came last, whatever order it is of."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from b2b_orders.companies.access import Viewer
from b2b_orders.documents.models import State
from b2b_orders.documents.queries import (
    SUPERSEDED,
    DocumentRow,
    describe_documents,
    visible_documents,
)


@dataclass(frozen=True, slots=True)
class LatestDocument:
    """A document that is there to take, with its order."""

    document: DocumentRow
    order_public_id: uuid.UUID
    order_title: str


def latest_documents(*, viewer: Viewer, limit: int = 3) -> tuple[LatestDocument, ...]:
    """List the documents that became available last, the latest first. Three SQL statements."""
    found = (
        visible_documents(viewer=viewer)
        .filter(state=State.AVAILABLE, record__order__isnull=False)
        .exclude(SUPERSEDED)
        .order_by("-state_since", "-pk")
        .values_list("public_id", "record__order__public_id", "record__order__title")
    )
    orders = {document: (order, title) for document, order, title in found[:limit]}
    if not orders:
        return ()
    rows = {row.public_id: row for row in describe_documents(viewer=viewer, public_ids=orders)}
    return tuple(
        LatestDocument(rows[document], *order)
        for document, order in orders.items()
        if document in rows
    )
