"""The files of an order as a viewer may see them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db import connection
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from b2b_orders.common import clock
from b2b_orders.common.errors import NotVisible
from b2b_orders.common.visibility import VisibleQuerySet, visible_sql
from b2b_orders.companies.access import Right, Viewer
from b2b_orders.documents.listing import NO_LONGER_LISTED
from b2b_orders.documents.models import (
    Document,
    DocumentRule,
    Origin,
    RuleEffect,
    State,
    Watch,
)
from b2b_orders.documents.names import filename_of, title_of
from b2b_orders.orders.models import Invoice
from erp_bridge.records import DocumentKind, TitleState

# Payable papers say what a company owes: they need the right to see its finances.
FINANCIAL = frozenset(
    {DocumentKind.BOLETO, DocumentKind.TRANSFER, DocumentKind.GARE, DocumentKind.GNRE}
)

# What is expected for longer is late.
LATE_AFTER = timedelta(days=1)
# What an order is not said to lack, nor to have.
_UNCOUNTED = (State.NOT_APPLICABLE, State.CANCELLED, State.REPLACED)
# A page of ours that is not offered: the source has its own, or the XML is gone.
SUPERSEDED = Q(origin=Origin.RENDERED) & ~Q(
    state__in=(State.AVAILABLE, State.FAILED, State.CANCELLED)
)


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """One file of an order. `amount` is None for who may not see it, see `shows_amount`.

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
    # Expected for so long that somebody should ask.
    is_late: bool = False
    # The one that took its place, when the viewer may see that one.
    replacement: uuid.UUID | None = None
    # The viewer is told when it is there.
    is_watched: bool = False
    origin: str = Origin.SOURCE
    # Of a rendered page, the document that it is made of.
    made_from: uuid.UUID | None = None
    # What reading the file found; codes.
    verdict: str = ""
    findings: tuple[str, ...] = ()
    signature: str = ""
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
    """Return the documents that a viewer may take: without a right they do not exist.

    Nor do kinds that operations' rules hide; whatever reads documents for people begins here.
    """
    if not viewer.can(Right.DOCUMENTS):
        return Document.objects.none()
    hidden = DocumentRule.objects.filter(
        Q(connection="") | Q(connection=OuterRef("record__connection")),
        Q(customer_type="") | Q(customer_type=OuterRef("company__customer_type")),
        is_enabled=True,
        effect=RuleEffect.HIDE,
        kind=OuterRef("kind"),
    )
    rows: VisibleQuerySet[Document] = Document.objects.visible_to(viewer).filter(~Exists(hidden))
    return rows if viewer.can(Right.FINANCE) else rows.exclude(kind__in=FINANCIAL)


def get_document(*, viewer: Viewer, public_id: uuid.UUID) -> Document:
    """Return a document with its file and order; `NotVisible` for what the viewer may not take."""
    document: Document | None = (
        visible_documents(viewer=viewer)
        .filter(public_id=public_id)
        .select_related("file", "record__order")
        .defer("record__payload", "record__facts", "record__order__facts")
        .first()
    )
    if document is None:
        raise NotVisible
    return document


def list_documents(*, viewer: Viewer, order_id: int) -> tuple[DocumentRow, ...]:
    """Return an order's files in the order the source lists them. Two SQL statements."""
    documents = list(
        visible_documents(viewer=viewer)
        .filter(record__order_id=order_id)
        .exclude(SUPERSEDED)
        .select_related("file", "made_from")
        .annotate(
            is_watched=Exists(
                Watch.objects.filter(
                    document=OuterRef("pk"), person_id=viewer.person_id, told_at=None
                )
            )
        )
        .order_by("record_id", "position", "pk")
    )
    if not documents:
        return ()
    invoices = list(Invoice.objects.visible_to(viewer).filter(order_id=order_id, is_return=False))
    now = clock.now()
    by_key = {(each.record_id, each.key): each.public_id for each in documents}
    return tuple(
        replace(
            _row(document, invoices, viewer, timezone.localdate(now)),
            is_late=document.state == State.EXPECTED and now - document.state_since > LATE_AFTER,
            replacement=by_key.get((document.record_id, document.replaced_by)),
            is_watched=document.is_watched,
        )
        for document in documents
    )


def describe_document(*, viewer: Viewer, public_id: uuid.UUID) -> DocumentRow:
    """Return one file of an order; `NotVisible` when the viewer may not take it."""
    document = visible_documents(viewer=viewer).filter(public_id=public_id)
    found = document.select_related("file", "record").defer("record__payload").first()
    if found is None:
        raise NotVisible
    order_id = found.record.order_id or 0
    invoices = Invoice.objects.visible_to(viewer).filter(order_id=order_id, is_return=False)
    return _row(found, list(invoices), viewer, timezone.localdate(clock.now()))


def describe_documents(
    *, viewer: Viewer, public_ids: Iterable[uuid.UUID]
) -> tuple[DocumentRow, ...]:
    """Return files of any orders, those that the viewer may take. Two SQL statements."""
    documents = list(
        visible_documents(viewer=viewer)
        .filter(public_id__in=set(public_ids))
        .select_related("file", "record", "made_from")
        .defer("record__payload", "record__facts")
        .order_by("pk")
    )
    of_order: dict[int, list[Invoice]] = {}
    order_ids = {document.record.order_id or 0 for document in documents}
    for invoice in Invoice.objects.visible_to(viewer).filter(
        order_id__in=order_ids, is_return=False
    ):
        of_order.setdefault(invoice.order_id, []).append(invoice)
    today = timezone.localdate(clock.now())
    return tuple(
        _row(document, of_order.get(document.record.order_id or 0, []), viewer, today)
        for document in documents
    )


def count_documents(*, viewer: Viewer, order_ids: Iterable[int]) -> dict[int, tuple[int, int]]:
    """Return for each order with files how many are available and how many there should be.

    What does not apply, was cancelled or replaced counts for neither.
    """
    if not viewer.can(Right.DOCUMENTS):
        return {}
    # Written out because every search runs it; the rules are those of `visible_documents`.
    visible, params = visible_sql(viewer, "d", establishment_of="o")
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT r.order_id, count(*) FILTER (WHERE d.state = %(available)s), count(*)
            FROM documents_document d JOIN orders_sourcerecord r ON r.id = d.record_id
                JOIN orders_order o ON o.id = r.order_id
                JOIN companies_company c ON c.id = d.company_id
            WHERE {visible} AND r.order_id = ANY(%(orders)s)
                AND d.state <> ALL(%(uncounted)s) AND d.kind <> ALL(%(withheld)s)
                AND NOT EXISTS (SELECT FROM documents_documentrule h
                    WHERE h.is_enabled AND h.effect = %(hide)s AND h.kind = d.kind
                        AND h.connection IN ('', r.connection)
                        AND h.customer_type IN ('', c.customer_type))
            GROUP BY r.order_id""",  # noqa: S608 placeholders only
            params
            | {
                "orders": list(order_ids),
                "available": State.AVAILABLE.value,
                "uncounted": [state.value for state in _UNCOUNTED],
                "hide": RuleEffect.HIDE.value,
                "withheld": [] if viewer.can(Right.FINANCE) else sorted(FINANCIAL),
            },
        )
        return {order: (available, expected) for order, available, expected in cursor.fetchall()}


def shows_amount(*, viewer: Viewer, kind: str) -> bool:
    """Say whether a viewer sees what a document of a kind comes to.

    Who may see finance sees what is due on papers to pay; all other amounts are prices.
    """
    return viewer.can(Right.FINANCE if kind in FINANCIAL else Right.PRICES)


def _row(
    document: Document, invoices: Sequence[Invoice], viewer: Viewer, today: date
) -> DocumentRow:
    shows = shows_amount(viewer=viewer, kind=document.kind)
    return DocumentRow(
        id=document.pk,
        public_id=document.public_id,
        kind=document.kind,
        title=title_of(document, shows_prices=shows),
        invoice_number=document.invoice_number,
        invoice_series=document.invoice_series,
        instalment=document.instalment,
        issued_on=document.issued_on,
        due_on=document.due_on,
        amount=document.amount if shows else None,
        title_state=document.title_state,
        is_overdue=document.title_state == TitleState.OPEN
        and document.due_on is not None
        and document.due_on < today,
        state=document.state,
        reason=document.reason,
        state_since=document.state_since,
        filename=filename_of(document, invoices, shows_prices=shows),
        size=document.file.size if document.file else None,
        listed_at=document.listed_at,
        fetched_at=document.fetched_at,
        origin=document.origin,
        made_from=document.made_from.public_id if document.made_from else None,
        verdict=document.verdict,
        findings=tuple(document.findings),
        signature=document.signature,
        key=document.key,
        typeable_line=document.typeable_line,
        settled_on=document.settled_on,
    )
