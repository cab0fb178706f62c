"""Taking over what sources list: the rows of an order's files, all of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction

from b2b_orders.documents.models import Document, Origin, State
from erp_bridge.records import DocumentKind, DocumentRecord

# What is paid by a paper changes: whether it is still to be paid, and how much.
PAYABLE: Final = frozenset({DocumentKind.BOLETO, DocumentKind.GARE, DocumentKind.GNRE})
_NO_LONGER_LISTED: Final = "no-longer-listed"


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
            if _take_over(document, listing, record, position, now):
                changed.append(document)
        changed.extend(document for document in known.values() if _miss(document, now))
    with transaction.atomic():
        # Two processes may list one order at once: the second finds the first's rows.
        Document.objects.bulk_create(new, ignore_conflicts=True)
        Document.objects.bulk_update(changed, [*_FACTS, "state", "reason", "state_since"])
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
)


def _documents_of(record_ids: Sequence[int]) -> dict[int, dict[str, Document]]:
    found: dict[int, dict[str, Document]] = {}
    # What we made ourselves no source lists.
    ours = Document.objects.exclude(origin=Origin.RENDERED)
    for document in ours.filter(record_id__in=record_ids):
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
    }


def _new(listing: Listing, record: DocumentRecord, position: int, now: datetime) -> Document:
    return Document(
        record_id=listing.record_id,
        key=record.key,
        state=State.AVAILABLE,
        state_since=now,
        listed_at=now,
        **_facts(listing, record, position),
    )


def _take_over(
    document: Document, listing: Listing, record: DocumentRecord, position: int, now: datetime
) -> bool:
    facts = _facts(listing, record, position)
    is_changed = any(getattr(document, name) != value for name, value in facts.items())
    for name, value in facts.items():
        setattr(document, name, value)
    if document.reason == _NO_LONGER_LISTED:
        document.state, document.reason, document.state_since = State.AVAILABLE, "", now
        is_changed = True
    return is_changed


def _miss(document: Document, now: datetime) -> bool:
    """Mark a file that is not listed any more; a paper to pay may have been replaced."""
    if document.state != State.AVAILABLE or document.reason == _NO_LONGER_LISTED:
        return False
    if document.file_id is not None and document.kind not in PAYABLE:
        return False
    document.state, document.reason, document.state_since = State.FAILED, _NO_LONGER_LISTED, now
    return True
