"""The files of an order as a viewer may see them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import connection
from django.utils import timezone

from b2b_orders.common import clock
from b2b_orders.common.visibility import VisibleQuerySet, visible_sql
from b2b_orders.companies.access import Right, Viewer
from b2b_orders.documents.listing import NO_LONGER_LISTED
from b2b_orders.documents.models import Document, State
from b2b_orders.documents.names import filename_of, title_of
from b2b_orders.orders.models import Invoice
from erp_bridge.records import DocumentKind, TitleState

# Payable papers say what a company owes: they need the right to see its finances.
FINANCIAL = frozenset(
    {DocumentKind.BOLETO, DocumentKind.TRANSFER, DocumentKind.GARE, DocumentKind.GNRE}
)


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """One file of an order. `amount` is None without the right to see prices.

    `is_overdue`: its due date has passed, in the installation's time zone, and the source
    says that it is open; where the source says nothing, nobody knows. `size` and
    `fetched_at` are None until held.
    """

    id: int
    public_id: uuid.UUID
    kind: str
    title: str
    invoice_number: str
    invoice_series: str
    instalment: str
    issued_on: date | None
    due_on: date | None
    amount: Decimal | None
    title_state: str
    is_overdue: bool
    state: str
    reason: str
    state_since: datetime
    filename: str
    size: int | None
    listed_at: datetime
    fetched_at: datetime | None
    # Its key at its source, and the line to pay it with: never shown as they are.
    key: str = ""
    typeable_line: str = ""
    settled_on: date | None = None

    @property
    def is_withheld(self) -> bool:
        """Say whether it is a boleto that must not be paid, so that it is not handed out as one."""
        is_settled = self.title_state in {TitleState.PAID, TitleState.CANCELLED}
        return self.kind == DocumentKind.BOLETO and (is_settled or self.state == State.REPLACED)

    @property
    def can_be_paid(self) -> bool:
        """Say whether it is a boleto that is, as far as is known, still to be paid."""
        if self.kind != DocumentKind.BOLETO or self.is_withheld or self.reason == NO_LONGER_LISTED:
            return False
        return self.state in {State.AVAILABLE, State.FAILED, State.DAMAGED}


def visible_documents(*, viewer: Viewer) -> VisibleQuerySet[Document]:
    """Return the documents that a viewer may take: without a right they do not exist."""
    if not viewer.can(Right.DOCUMENTS):
        return Document.objects.none()
    rows: VisibleQuerySet[Document] = Document.objects.visible_to(viewer)
    return rows if viewer.can(Right.FINANCE) else rows.exclude(kind__in=FINANCIAL)


def list_documents(*, viewer: Viewer, order_id: int) -> tuple[DocumentRow, ...]:
    """Return an order's files in the order the source lists them. Two SQL statements."""
    documents = list(
        visible_documents(viewer=viewer)
        .filter(record__order_id=order_id)
        .select_related("file")
        .order_by("record_id", "position", "pk")
    )
    if not documents:
        return ()
    invoices = list(Invoice.objects.visible_to(viewer).filter(order_id=order_id, is_return=False))
    today = timezone.localdate(clock.now())
    return tuple(_row(document, invoices, viewer, today) for document in documents)


def count_documents(*, viewer: Viewer, order_ids: Iterable[int]) -> dict[int, tuple[int, int]]:
    """Return for each order with files how many are available and how many there are."""
    if not viewer.can(Right.DOCUMENTS):
        return {}
    # Written out because every search runs it; the rules are those of `visible_documents`.
    visible, params = visible_sql(viewer, "d", establishment_of="o")
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT r.order_id, count(*) FILTER (WHERE d.state = %(available)s), count(*)
            FROM documents_document d JOIN orders_sourcerecord r ON r.id = d.record_id
                JOIN orders_order o ON o.id = r.order_id
            WHERE {visible} AND r.order_id = ANY(%(orders)s)
                AND d.state <> %(not_applicable)s AND d.kind <> ALL(%(hidden)s)
            GROUP BY r.order_id""",  # noqa: S608 placeholders only
            params
            | {
                "orders": list(order_ids),
                "available": State.AVAILABLE.value,
                "not_applicable": State.NOT_APPLICABLE.value,
                "hidden": [] if viewer.can(Right.FINANCE) else sorted(FINANCIAL),
            },
        )
        return {order: (available, expected) for order, available, expected in cursor.fetchall()}


def _row(
    document: Document, invoices: Sequence[Invoice], viewer: Viewer, today: date
) -> DocumentRow:
    return DocumentRow(
        id=document.pk,
        public_id=document.public_id,
        kind=document.kind,
        title=title_of(document, shows_prices=viewer.can(Right.PRICES)),
        invoice_number=document.invoice_number,
        invoice_series=document.invoice_series,
        instalment=document.instalment,
        issued_on=document.issued_on,
        due_on=document.due_on,
        amount=document.amount if viewer.can(Right.PRICES) else None,
        title_state=document.title_state,
        is_overdue=document.title_state == TitleState.OPEN
        and document.due_on is not None
        and document.due_on < today,
        state=document.state,
        reason=document.reason,
        state_since=document.state_since,
        filename=filename_of(document, invoices, shows_prices=viewer.can(Right.PRICES)),
        size=document.file.size if document.file else None,
        listed_at=document.listed_at,
        fetched_at=document.fetched_at,
        key=document.key,
        typeable_line=document.typeable_line,
        settled_on=document.settled_on,
    )
