"""Handing out a file of an order: from our store, or from the source."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO, ClassVar, Final, Protocol

from django.conf import settings

from b2b_orders.audit.models import Action
from b2b_orders.audit.services import record as record_audit
from b2b_orders.common import tenancy
from b2b_orders.common.errors import ProductError
from b2b_orders.companies.access import Actor, Viewer
from b2b_orders.documents import rendering, storage
from b2b_orders.documents.fetching import (
    FISCAL_XML,
    DocumentSource,
    Outcome,
    check_again,
    fetch_once,
    invoices_of,
    report_corrupt,
)
from b2b_orders.documents.listing import PAYABLE
from b2b_orders.documents.models import Document, Origin, State, StoredFile
from b2b_orders.documents.names import filename_of
from b2b_orders.documents.payables import (
    RECHECK_SECONDS,
    WITHHELD,
    PayableSource,
    Standing,
    recheck,
    standing_of,
)
from b2b_orders.documents.queries import get_document, shows_amount
from erp_bridge.connector import Call, Purpose
from erp_bridge.records import DocumentKind, TitleState

__all__ = ["DocumentSource", "DocumentUnavailable", "Download", "PaidForSource", "open_download"]

_FRESH: Final = timedelta(minutes=15)
_NOT_HELD: Final = "not-held"
_SETTLED: Final = frozenset({TitleState.PAID, TitleState.CANCELLED})


def _nothing() -> None:
    """Do nothing: where nobody is to be told."""


@dataclass(frozen=True, slots=True)
class Download:
    """A file to hand out. `is_checked` is False when a paper to pay could not be asked for again.

    `fetched_at` says of when the bytes are; `warnings` are codes of what whoever takes it
    should know, such as "active-content". `content` are the bytes of a small file. `is_copy`:
    of a boleto that is paid.
    """

    filename: str
    content_type: str
    size: int
    sha256: str
    fetched_at: datetime
    is_checked: bool
    stored: StoredFile
    is_copy: bool = False
    warnings: tuple[str, ...] = ()
    content: bytes | None = None
    on_corrupt: Callable[[], None] = _nothing

    def open(self) -> IO[bytes]:
        """Open the bytes, exactly as the source issued them; the caller closes it.

        Reading raises `CorruptFile` before the last piece of a file that has changed since.
        """
        return storage.Held(self.stored, self.content).open(self.on_corrupt)


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


class PaidForSource(DocumentSource, PayableSource, Protocol):
    """Where the bytes of documents come from, and who says whether a boleto is still to pay."""


def open_download(
    *,
    viewer: Viewer,
    actor: Actor,
    public_id: uuid.UUID,
    source: PaidForSource,
    now: datetime,
    action: Action | None = Action.DOCUMENT_DOWNLOADED,
    about: Mapping[str, object] | None = None,
    as_copy: bool = False,
) -> Download:
    """Hand out a file as issued, from our store or the source, and write the audit line.

    `action` is what the line says was done, `about` what else it tells; without an action
    only a refusal is written, because the caller records what is done itself.
    A boleto that is no longer to be paid is not handed out, but a paid one `as_copy`.
    Raises `NotVisible` for what is not there or not the viewer's; `DocumentUnavailable`
    with the reason when the source does not hand out a right file. What was found wrong is
    written before it raises, so a caller in a transaction must handle the error inside it.
    """
    document = get_document(viewer=viewer, public_id=public_id)
    is_ended = document.state in {State.CANCELLED, State.REPLACED}
    if document.state in {State.EXPECTED, State.NOT_APPLICABLE} or (
        is_ended and document.kind in PAYABLE
    ):
        # Nobody is to pay what was cancelled or replaced; its other files are kept.
        raise DocumentUnavailable(document.state, document.state)
    document, outcome, held = _Wanted(viewer, source, now, as_copy=as_copy).get(document)
    if held is None or document.file is None:
        reason = outcome.problem or _NOT_HELD
        _audit(Action.DOCUMENT_REFUSED, document, actor, now, reason=reason, about=about)
        raise DocumentUnavailable(reason, document.state)
    download = _download(document, held, viewer, now, is_checked=not outcome.problem)
    if action is not None:
        _audit(action, document, actor, now, download=download, about=about)
    return download


def stored_download(*, viewer: Viewer, document: Document, now: datetime) -> Download | None:
    """Hand out what we hold of a document the viewer has just taken; None when it is nothing."""
    try:
        held = storage.look(document.file)
    except storage.CorruptFile:
        return None
    return _download(document, held, viewer, now, is_checked=False) if held else None


def _download(
    document: Document, held: storage.Held, viewer: Viewer, now: datetime, *, is_checked: bool
) -> Download:
    invoices = invoices_of(document, viewer.company_id)
    stored = held.stored
    return Download(
        filename=filename_of(
            document, invoices, shows_prices=shows_amount(viewer=viewer, kind=document.kind)
        ),
        content_type=stored.content_type,
        size=stored.size,
        sha256=stored.sha256,
        fetched_at=document.fetched_at or stored.stored_at,
        is_checked=is_checked,
        stored=stored,
        is_copy=document.kind == DocumentKind.BOLETO and document.title_state == TitleState.PAID,
        warnings=tuple(document.findings) if document.verdict == "warn" else (),
        content=held.content,
        on_corrupt=_nothing if held.content is not None else _reporter(document, now),
    )


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Somebody's wish for documents, at a moment."""

    viewer: Viewer
    source: PaidForSource
    now: datetime
    as_copy: bool = False

    def get(self, document: Document) -> tuple[Document, Outcome, storage.Held | None]:
        """Get a document's bytes, of ours or from the source, and its row as it is then."""
        if document.origin == Origin.RENDERED:
            return self._made(document)
        company_id = self.viewer.company_id
        call = Call.within(RECHECK_SECONDS, Purpose.INTERACTIVE)
        if document.kind == DocumentKind.BOLETO:
            outcome = self._still_payable(document, call)
            document = get_document(viewer=self.viewer, public_id=document.public_id)
            if outcome.problem:
                return document, outcome, self._held(document) if outcome.is_passing else None
        outcome, held = Outcome(), self._held(document)
        if held and _is_of_before(document):
            problem = check_again(document, held, company_id, self.source, self.now)
            if problem:
                return (
                    get_document(viewer=self.viewer, public_id=document.public_id),
                    Outcome(problem),
                    None,
                )
        if _must_ask(document, held, self.now):
            if not held:
                call = Call.within(settings.PORTAL_DOCUMENT_SECONDS, Purpose.INTERACTIVE)
            outcome = fetch_once(document, company_id, self.source, call, self.now)
            # Not there any more when it was taken from the viewer meanwhile.
            document = get_document(viewer=self.viewer, public_id=document.public_id)
            # What we hold stands in for a source that cannot be asked, not for its refusal.
            is_usable = not outcome.problem or outcome.is_passing
            held = self._held(document) if is_usable else None
        return document, outcome, held

    def _made(self, document: Document) -> tuple[Document, Outcome, storage.Held | None]:
        """Get a page of our own making; no source has it."""
        made = rendering.file_for(document, now=self.now)
        document.file = made.file
        held = self._held(document) if made.file else None
        if made.file and not held:
            # Its bytes were corrupt and are gone now: it is asked for afresh.
            made = rendering.file_for(document, now=self.now)
        if made.problem == rendering.BEING_MADE:
            raise DocumentUnavailable(made.problem, document.state)
        return document, Outcome(made.problem), held

    def _still_payable(self, document: Document, call: Call) -> Outcome:
        """Ask the source of a boleto whether it is still to be paid."""
        problem = recheck(document, viewer=self.viewer, source=self.source, call=call, now=self.now)
        standing = standing_of(get_document(viewer=self.viewer, public_id=document.public_id))
        if standing in WITHHELD and not (self.as_copy and standing is Standing.PAID):
            return Outcome(standing)
        return Outcome(problem, is_passing=bool(problem))

    def _held(self, document: Document) -> storage.Held | None:
        try:
            return storage.look(document.file)
        except storage.CorruptFile:
            # Nothing of it was handed out yet: as if it were not there, and fetched afresh.
            report_corrupt(document, self.now)
            storage.discard(document.file_id or "")
            return None


def _reporter(document: Document, now: datetime) -> Callable[[], None]:
    """Build what is done when a file proves corrupt while it is handed out: after this scope."""
    place = tenancy.here()

    def report() -> None:
        storage.discard(document.file_id or "")
        with tenancy.again(place):
            report_corrupt(document, now)

    return report


def _is_of_before(document: Document) -> bool:
    """Say whether a held XML was checked for another company than has it now, or never."""
    is_fiscal = document.kind in FISCAL_XML or document.kind == DocumentKind.OTHER
    return is_fiscal and document.checked_for != document.company_id


def _must_ask(document: Document, held: storage.Held | None, now: datetime) -> bool:
    """Say whether the source must be asked: not held, or a paper to pay that is not fresh."""
    if document.state in {State.FAILED, State.DAMAGED} or held is None:
        return True
    if document.kind not in PAYABLE or document.title_state in _SETTLED:
        return False
    return document.fetched_at is None or now - document.fetched_at > _FRESH


def _audit(
    action: Action,
    document: Document,
    actor: Actor,
    now: datetime,
    *,
    reason: str = "",
    download: Download | None = None,
    about: Mapping[str, object] | None = None,
) -> None:
    order = document.record.order
    detail: dict[str, object] = {
        "kind": document.kind,
        "order": str(order.public_id) if order else "",
        **(about or {}),
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
