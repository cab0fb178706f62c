"""Taking over what sources list: the rows of an order's files, all of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction

from b2b_orders.audit.services import report_incident
from b2b_orders.documents.fetching import FISCAL_XML, is_read_early
from b2b_orders.documents.models import Document, State
from b2b_orders.documents.payments import payee_changed
from erp_bridge.records import DocumentKind, DocumentRecord

# States that what the source lists decides alone.
_LISTED_STATES: Final = frozenset({State.AVAILABLE, State.REPLACED})
# What is paid by a paper changes: whether it is still to be paid, and how much.
PAYABLE: Final = frozenset({DocumentKind.BOLETO, DocumentKind.GARE, DocumentKind.GNRE})
NO_LONGER_LISTED: Final = "no-longer-listed"


@dataclass(frozen=True, slots=True)
class Listing:
    """The files that a source lists for one of its orders, all of them, in its order."""

    record_id: int
    company_id: int | None
    documents: tuple[DocumentRecord, ...]


def record_listings(*, listings: Sequence[Listing], now: datetime) -> None:
    """Store what sources list, all of an order's files at once; the same list changes nothing.

    A file that is no longer listed stays: held bytes can still be taken, others wait as
    failed until they are listed again. Four SQL statements at most, however many orders.
    """
    before = _documents_of([listing.record_id for listing in listings])
    new: list[Document] = []
    changed: list[Document] = []
    listed: list[int] = []
    for listing in listings:
        known = before.get(listing.record_id, {})
        for position, record in enumerate(listing.documents):
            document = known.pop(record.key, None)
            if document is None:
                new.append(_new(listing, record, position, now))
                continue
            listed.append(document.pk)
            if take_over(document, listing, record, position, now):
                changed.append(document)
        changed.extend(document for document in known.values() if miss(document, now))
    with transaction.atomic():
        # Two processes may list one order at once: the second finds the first's rows.
        Document.objects.bulk_create(new, ignore_conflicts=True)
        Document.objects.bulk_update(changed, LISTED)
        Document.objects.filter(pk__in=listed).update(listed_at=now)


_FACTS: Final = (
    "company_id",
    "position",
    "kind",
    "title",
    "invoice_number",
    "invoice_series",
    "instalment",
    "issued_on",
    "due_on",
    "amount",
    "title_state",
    "settled_on",
    "typeable_line",
    "pix",
    "payee_name",
    "payee_tax_id",
    "replaced_by",
    "payee_before",
)
# What a listing may change of a document.
LISTED: Final = (*_FACTS, "state", "reason", "state_since")


def _documents_of(record_ids: Sequence[int]) -> dict[int, dict[str, Document]]:
    found: dict[int, dict[str, Document]] = {}
    for document in Document.objects.filter(record_id__in=record_ids):
        found.setdefault(document.record_id, {})[document.key] = document
    return found


def _facts(listing: Listing, record: DocumentRecord, position: int) -> dict[str, object]:
    return {
        "company_id": listing.company_id,
        "position": position,
        "kind": record.kind.value,
        "title": record.title[:300],
        "invoice_number": record.invoice_number[:40],
        "invoice_series": record.invoice_series[:10],
        "instalment": record.instalment[:20],
        "issued_on": record.issued_on,
        "due_on": record.due_on,
        "amount": None if record.amount is None else round(record.amount, 2),
        "title_state": record.title_state.value,
        "settled_on": record.settled_on,
        "typeable_line": record.typeable_line[:60],
        "pix": record.pix,
        "payee_name": record.payee.name[:150],
        "payee_tax_id": record.payee.tax_id[:20],
        "replaced_by": record.replaced_by[:120],
    }


def _new(listing: Listing, record: DocumentRecord, position: int, now: datetime) -> Document:
    return Document(
        record_id=listing.record_id,
        key=record.key,
        state=State.REPLACED if record.replaced_by else State.AVAILABLE,
        state_since=now,
        listed_at=now,
        # What says something of the order is read by a worker before anybody asks for it.
        due_at=now if is_read_early(record.kind, record.title) else None,
        **_facts(listing, record, position),
    )


def take_over(
    document: Document, listing: Listing, record: DocumentRecord, position: int, now: datetime
) -> bool:
    """Give a document what its source says of it now, unsaved; say whether that changed it."""
    note_payee(document, record, now)
    facts = _facts(listing, record, position)
    if record.kind is DocumentKind.OTHER and document.kind in FISCAL_XML:
        # Its source does not say what it is; we have read it.
        facts["kind"] = document.kind
    is_changed = any(getattr(document, name) != value for name, value in facts.items())
    for name, value in facts.items():
        setattr(document, name, value)
    if document.reason == NO_LONGER_LISTED:
        document.state, document.reason, document.state_since = State.AVAILABLE, "", now
        is_changed = True
    if document.state in _LISTED_STATES and bool(record.replaced_by) != (
        document.state == State.REPLACED
    ):
        document.state = State.REPLACED if record.replaced_by else State.AVAILABLE
        document.reason, document.state_since = "", now
        is_changed = True
    return is_changed


def note_payee(document: Document, record: DocumentRecord, now: datetime) -> None:
    """Remember who was to be paid before, and tell operations: fraud changes the payee."""
    before = (document.payee_name, document.payee_tax_id)
    after = (record.payee.name, record.payee.tax_id)
    if document.kind not in PAYABLE or not payee_changed(before, after):
        return
    document.payee_before = {
        "name": before[0],
        "tax_id": before[1],
        "changed_at": now.isoformat(),
    }
    report_incident(
        "payee-changed",
        connection=document.record.connection,
        company_id=document.company_id,
        object_kind="document",
        object_id=str(document.public_id),
        detail={"kind": document.kind, "before": before[1], "now": record.payee.tax_id[:20]},
        now=now,
    )


def miss(document: Document, now: datetime) -> bool:
    """Mark a file that is not listed any more; a paper to pay may have been replaced."""
    if document.state != State.AVAILABLE or document.reason == NO_LONGER_LISTED:
        return False
    if document.file_id is not None and document.kind not in PAYABLE:
        return False
    document.state, document.reason, document.state_since = State.FAILED, NO_LONGER_LISTED, now
    return True
