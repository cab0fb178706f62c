"""Taking over what sources list: the rows of an order's files, all of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction

from b2b_orders.audit.services import report_incident
from b2b_orders.documents.fetching import FISCAL_XML, is_read_early
from b2b_orders.documents.models import Document, Origin, State
from b2b_orders.documents.payments import payee_changed
from b2b_orders.orders.unite import shown_number
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


def record_listings(*, listings: Sequence[Listing], now: datetime) -> frozenset[int]:
    """Store what sources list, all of an order's files at once; say of which records it is news.

    The same list changes nothing; a file that was expected takes its row, and who waits for it.

    A file that is no longer listed stays: held bytes can still be taken, others wait as
    failed until they are listed again. Five SQL statements at most, however many orders.
    """
    before = _documents_of([listing.record_id for listing in listings])
    new: list[Document] = []
    changed: list[Document] = []
    listed: list[int] = []
    came: list[int] = []
    stale: list[int] = []
    for listing in listings:
        known = before.get(listing.record_id, {})
        for position, record in enumerate(listing.documents):
            document = known.pop(record.key, None) or _adopt(known, record, now)
            if document is None:
                new.append(_new(listing, record, position, now))
                continue
            listed.append(document.pk)
            if document.state == State.EXPECTED and is_read_early(record.kind, record.title):
                came.append(document.pk)
            before_it = printed(document)
            if take_over(document, listing, record, position, now):
                changed.append(document)
                if is_another_print(before_it, printed(document)):
                    stale.append(document.pk)
        changed.extend(document for document in known.values() if miss(document, now))
    with transaction.atomic():
        # Two processes may list one order at once: the second finds the first's rows.
        Document.objects.bulk_create(new, ignore_conflicts=True)
        Document.objects.bulk_update(changed, LISTED)
        Document.objects.filter(pk__in=listed).update(listed_at=now)
        if stale:
            Document.objects.filter(pk__in=stale).update(file=None, facts={})
        if came:
            Document.objects.filter(pk__in=came).update(due_at=now)
    return frozenset(document.record_id for document in (*new, *changed))


# What is printed on a paper to pay: with another value the file that we hold is another paper.
_PRINTED: Final = ("due_on", "amount", "typeable_line")
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
LISTED: Final = (*_FACTS, "key", "origin", "rule", "state", "reason", "state_since", "due_at")


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


def _adopt(known: dict[str, Document], record: DocumentRecord, now: datetime) -> Document | None:
    """Find the expected document that a file is, and give it the file's key."""
    fits = [
        (rank, document.key)
        for document in known.values()
        if (rank := _likeness(document, record)) is not None
    ]
    if not fits:
        return None
    document = known.pop(max(fits, key=lambda fit: (fit[0], -len(fit[1]), fit[1]))[1])
    document.key, document.origin, document.rule_id = record.key, Origin.SOURCE, None
    document.state, document.state_since = State.EXPECTED, now
    return document


def _likeness(document: Document, record: DocumentRecord) -> int | None:
    """Say how surely an expected document is a file; None when it is another's."""
    if document.origin != Origin.RULE or document.kind != record.kind:
        return None
    number, series = shown_number(record.invoice_number), shown_number(record.invoice_series)
    if number not in {"", document.invoice_number}:
        return None
    if series and document.invoice_series not in {"", series}:
        return None
    told = (
        (instalment_number(document.instalment), instalment_number(record.instalment)),
        (document.due_on, record.due_on),
    )
    if any(mine and theirs and mine != theirs for mine, theirs in told):
        return None
    return sum(mine == theirs and bool(mine) for mine, theirs in told) + bool(number)


def instalment_number(text: str) -> str:
    """Read which instalment a text names (`1/3`, `001`); "" when it is no plain number."""
    first = text.partition("/")[0].strip()
    return first.lstrip("0") if first.isascii() and first.isdigit() else ""


def take_over(
    document: Document, listing: Listing, record: DocumentRecord, position: int, now: datetime
) -> bool:
    """Give a document what its source says of it now, unsaved; say whether that changed it."""
    note_payee(document, record, now)
    facts = _facts(listing, record, position)
    if record.kind is DocumentKind.OTHER and document.kind in FISCAL_XML:
        # Its source does not say what it is; we have read it.
        facts["kind"] = document.kind
    # What was expected has its key already, and is written whole.
    is_changed = document.state == State.EXPECTED or any(
        getattr(document, name) != value for name, value in facts.items()
    )
    for name, value in facts.items():
        setattr(document, name, value)
    if document.reason == NO_LONGER_LISTED or document.state == State.EXPECTED:
        document.state, document.reason, document.state_since = State.AVAILABLE, "", now
        document.due_at = now if is_read_early(record.kind, record.title) else None
        is_changed = True
    if document.state in _LISTED_STATES and bool(record.replaced_by) != (
        document.state == State.REPLACED
    ):
        document.state = State.REPLACED if record.replaced_by else State.AVAILABLE
        document.reason, document.state_since = "", now
        is_changed = True
    return is_changed


def printed(document: Document) -> tuple[object, ...]:
    """Return what its source says that is printed on a paper to pay; () for other kinds."""
    return tuple(getattr(document, name) for name in _PRINTED) if document.kind in PAYABLE else ()


def is_another_print(before: Sequence[object], after: Sequence[object]) -> bool:
    """Say whether the file that we hold shows something else than what is now to be paid."""
    return any(
        was not in {None, ""} and is_now not in {None, ""} and was != is_now
        for was, is_now in zip(before, after, strict=True)
    )


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
    if document.origin != Origin.SOURCE:
        # Nobody lists what we made ourselves.
        return False
    if document.state != State.AVAILABLE or document.reason == NO_LONGER_LISTED:
        return False
    if document.file_id is not None and document.kind not in PAYABLE:
        return False
    document.state, document.reason, document.state_since = State.FAILED, NO_LONGER_LISTED, now
    return True
