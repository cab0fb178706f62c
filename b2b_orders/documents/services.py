"""Handing out a file of an order: from our store, or from the source."""

from __future__ import annotations

import time
import uuid
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO, ClassVar, Final, Protocol

from django.conf import settings
from django.db import connection, transaction

from b2b_orders.audit.models import Action
from b2b_orders.audit.services import record as record_audit
from b2b_orders.audit.services import report_incident
from b2b_orders.common.errors import NotVisible, ProductError
from b2b_orders.companies.access import Actor, Right, Viewer
from b2b_orders.companies.models import Establishment
from b2b_orders.documents import storage
from b2b_orders.documents.checks import Verdict, Whose, check
from b2b_orders.documents.listing import PAYABLE
from b2b_orders.documents.models import Document, State, StoredFile
from b2b_orders.documents.names import filename_of
from b2b_orders.documents.payables import (
    RECHECK_SECONDS,
    WITHHELD,
    PayableSource,
    Standing,
    recheck,
    standing_of,
)
from b2b_orders.documents.queries import visible_documents
from b2b_orders.orders.models import Invoice
from erp_bridge.connector import Call, DocumentStream, Purpose
from erp_bridge.errors import (
    BridgeError,
    ContractViolation,
    CredentialsRejected,
    Refused,
    TerminalError,
    Unsupported,
)
from erp_bridge.records import DocumentKind, TitleState

_FRESH: Final = timedelta(minutes=15)
_SETTLED: Final = frozenset({TitleState.PAID, TitleState.CANCELLED})
# Two-key advisory locks of this app have this first key.
_LOCK_SPACE: Final = 0x446F63
_POLL_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Download:
    """A file to hand out. `is_checked` is False when a paper to pay could not be asked for again.

    `fetched_at` says of when the bytes are. `is_copy`: of a boleto that is paid.
    """

    filename: str
    content_type: str
    size: int
    sha256: str
    fetched_at: datetime
    is_checked: bool
    stored: StoredFile
    is_copy: bool = False

    def open(self) -> IO[bytes]:
        """Open the bytes, exactly as the source issued them; the caller closes it."""
        return storage.open_stored(self.stored)


class DocumentUnavailable(ProductError):
    """The file cannot be handed out now. `reason` is a code; `state` what the document is in."""

    code: ClassVar[str] = "document-unavailable"

    def __init__(self, reason: str, state: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.state = state

    @property
    def is_damaged(self) -> bool:
        """Say whether the source sent something that is not the document."""
        return self.state == State.DAMAGED


class DocumentSource(PayableSource, Protocol):
    """Where the bytes of documents come from, and who says whether a boleto is still to pay."""

    def open(
        self, connection: str, company_id: int, external_id: str, document_key: str, call: Call
    ) -> AbstractContextManager[DocumentStream]:
        """Open one file of one order of a company; raises `BridgeError`."""
        ...


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How asking the source ended. `problem` is "" when the document is held and fresh."""

    problem: str = ""
    # The source could not be asked: what we hold may still be handed out.
    is_passing: bool = False


def open_download(
    *,
    viewer: Viewer,
    actor: Actor,
    public_id: uuid.UUID,
    source: DocumentSource,
    now: datetime,
    as_copy: bool = False,
) -> Download:
    """Hand out a file as issued, from our store or the source, and write the audit line.

    A boleto that is no longer to be paid is not handed out, but a paid one `as_copy`.

    Raises `NotVisible` for what is not there or not the viewer's; `DocumentUnavailable`
    with the reason when the source does not hand out a right file. What was found wrong is
    written before it raises, so a caller in a transaction must handle the error inside it.
    """
    document = _get(viewer, public_id)
    if document.state in {State.EXPECTED, State.NOT_APPLICABLE}:
        raise DocumentUnavailable(document.state, document.state)
    call = Call.within(RECHECK_SECONDS, Purpose.INTERACTIVE)
    outcome = _still_payable(document, viewer, source, call, now, as_copy=as_copy)
    document = _get(viewer, public_id)
    if not outcome.problem and _must_ask(document, now):
        with transaction.atomic():
            outcome = _ask_once(document, viewer, source, now, call.seconds_left)
        document = _get(viewer, public_id)
    is_stale_copy = outcome.is_passing and storage.is_held(document.file)
    if (outcome.problem and not is_stale_copy) or document.file is None:
        _audit(Action.DOCUMENT_REFUSED, document, actor, now, reason=outcome.problem)
        raise DocumentUnavailable(outcome.problem, document.state)
    invoices = _invoices(document, viewer)
    download = Download(
        filename=filename_of(document, invoices, shows_prices=viewer.can(Right.PRICES)),
        content_type=document.file.content_type,
        size=document.file.size,
        sha256=document.file.sha256,
        fetched_at=document.fetched_at or document.file.stored_at,
        is_checked=not outcome.problem,
        stored=document.file,
        is_copy=as_copy and document.title_state == TitleState.PAID,
    )
    _audit(Action.DOCUMENT_DOWNLOADED, document, actor, now, download=download)
    return download


def _get(viewer: Viewer, public_id: uuid.UUID) -> Document:
    document = (
        visible_documents(viewer=viewer)
        .filter(public_id=public_id)
        .select_related("file", "record__order")
        .defer("record__payload", "record__facts", "record__order__facts")
        .first()
    )
    if document is None:
        raise NotVisible
    return document


def _still_payable(
    document: Document,
    viewer: Viewer,
    source: DocumentSource,
    call: Call,
    now: datetime,
    *,
    as_copy: bool,
) -> _Outcome:
    """Ask the source of a boleto whether it is still to be paid; for others there is no need."""
    if document.kind != DocumentKind.BOLETO:
        return _Outcome()
    problem = recheck(document, viewer=viewer, source=source, call=call, now=now)
    standing = standing_of(_get(viewer, document.public_id))
    if standing in WITHHELD and not (as_copy and standing is Standing.PAID):
        return _Outcome(standing)
    return _Outcome(problem, is_passing=bool(problem))


def _must_ask(document: Document, now: datetime) -> bool:
    """Say whether the source must be asked: not held, or a paper to pay that is not fresh."""
    if document.state in {State.FAILED, State.DAMAGED} or not storage.is_held(document.file):
        return True
    if document.kind not in PAYABLE or document.title_state in _SETTLED:
        return False
    return document.fetched_at is None or now - document.fetched_at > _FRESH


def _ask_once(
    document: Document,
    viewer: Viewer,
    source: DocumentSource,
    now: datetime,
    recheck_seconds: float,
) -> _Outcome:
    """Fetch a file, once for all who ask for it at the same time.

    Whoever comes second waits for the first to finish and takes what it stored. The lock
    belongs to the transaction, so that a killed process leaves none behind.
    """
    is_held = storage.is_held(document.file)
    seconds = recheck_seconds if is_held else settings.PORTAL_DOCUMENT_SECONDS
    call = Call.within(seconds, Purpose.INTERACTIVE)
    asked = document.fetched_at
    while not _try_lock(document.pk):
        if call.seconds_left < _POLL_SECONDS:
            return _Outcome("busy", is_passing=True)
        time.sleep(_POLL_SECONDS)
    # It may have been fetched while we waited.
    fetched = Document.objects.filter(pk=document.pk).values_list("fetched_at", "state").first()
    if fetched and fetched[0] != asked and fetched[1] == State.AVAILABLE:
        return _Outcome()
    return _fetch(document, viewer, source, call, now)


def _try_lock(document_id: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(%s, %s)", [_LOCK_SPACE, document_id % 2**31]
        )
        row = cursor.fetchone()
    return bool(row and row[0])


def _fetch(
    document: Document, viewer: Viewer, source: DocumentSource, call: Call, now: datetime
) -> _Outcome:
    try:
        with (
            source.open(
                document.record.connection,
                viewer.company_id,
                document.record.external_id,
                document.key,
                call,
            ) as stream,
            storage.spool(stream, max_bytes=settings.PORTAL_DOCUMENT_MAX_BYTES) as spooled,
        ):
            verdict = check(DocumentKind(document.kind), spooled.file, _whose(document, viewer))
            if verdict.problem:
                return _note_damaged(document, verdict, spooled.sha256, now)
            stored = storage.keep(spooled, content_type=verdict.content_type, now=now)
    except BridgeError as error:
        return _note_failed(document, error, now)
    _note_held(document, stored, verdict, now)
    return _Outcome()


def _whose(document: Document, viewer: Viewer) -> Whose:
    """Collect what an XML must match: all of the company's tax ids, and the order's invoices."""
    tax_ids = Establishment.objects.filter(company_id=viewer.company_id)
    return Whose(
        tax_ids=frozenset(tax_ids.values_list("tax_id", flat=True)),
        invoices=tuple((i.number, i.series, i.access_key) for i in _invoices(document, viewer)),
    )


def _invoices(document: Document, viewer: Viewer) -> list[Invoice]:
    order_id = document.record.order_id
    if order_id is None:
        return []
    return list(
        Invoice.objects.filter(
            order_id=order_id, company_id=viewer.company_id, is_return=False
        ).order_by("pk")
    )


def _note_held(document: Document, stored: StoredFile, verdict: Verdict, now: datetime) -> None:
    values: dict[str, object] = {"file": stored, "fetched_at": now}
    if document.state != State.AVAILABLE or document.reason:
        values |= {"state": State.AVAILABLE, "reason": "", "state_since": now}
    if verdict.access_key:
        values["access_key"] = verdict.access_key
    Document.objects.filter(pk=document.pk).update(**values)


def _note_damaged(document: Document, verdict: Verdict, sha256: str, now: datetime) -> _Outcome:
    """Note a file that is not what it should be, and tell operations.

    What we already hold of it is right, and goes on being handed out.
    """
    is_held = storage.is_held(document.file)
    is_known = (document.state, document.reason) == (State.DAMAGED, verdict.problem)
    if not is_held:
        _note_state(document, State.DAMAGED, verdict.problem, now)
    # Trying again and again is no news.
    if not is_known:
        detail = {"found": verdict.format.value, "sha256": sha256}
        _report(verdict.problem, document, detail, now)
    return _Outcome(verdict.problem, is_passing=is_held)


def _note_failed(document: Document, error: BridgeError, now: datetime) -> _Outcome:
    """Tell a source that cannot be asked now from one that does not have the file."""
    about_the_source = (ContractViolation, CredentialsRejected, Unsupported)
    if not isinstance(error, TerminalError) or isinstance(error, about_the_source):
        return _Outcome(error.code, is_passing=True)
    if isinstance(error, Refused) and document.reason != error.code:
        _report("document-refused", document, {"message": error.message}, now)
    _note_state(document, State.FAILED, error.code, now)
    return _Outcome(error.code)


def _report(code: str, document: Document, detail: dict[str, str], now: datetime) -> None:
    report_incident(
        code,
        connection=document.record.connection,
        company_id=document.company_id,
        object_kind="document",
        object_id=str(document.public_id),
        detail={"kind": document.kind, "external_id": document.record.external_id} | detail,
        now=now,
    )


def _note_state(document: Document, state: State, reason: str, now: datetime) -> None:
    if (document.state, document.reason) != (state, reason):
        Document.objects.filter(pk=document.pk).update(state=state, reason=reason, state_since=now)


def _audit(
    action: Action,
    document: Document,
    actor: Actor,
    now: datetime,
    *,
    reason: str = "",
    download: Download | None = None,
) -> None:
    order = document.record.order
    detail: dict[str, object] = {
        "kind": document.kind,
        "order": str(order.public_id) if order else "",
    }
    if download is not None:
        detail |= {
            "filename": download.filename,
            "sha256": download.sha256,
            "size": download.size,
        }
    if reason:
        detail["problem"] = reason
    record_audit(
        action,
        actor=actor,
        company_id=document.company_id,
        object_kind="document",
        object_id=str(document.public_id),
        detail=detail,
        now=now,
    )
