"""Getting a file from its source: once for all who want it, checked whole, and kept.

Whoever is first asks; who comes meanwhile waits and takes what came of it, a failure too.
The lock belongs to the database session, and while the source is asked or waited for there
is no transaction: neither a killed process nor a source that trickles holds anything.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, Protocol

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import F

from b2b_orders.audit.services import report_incident
from b2b_orders.common import tenancy
from b2b_orders.companies.models import Establishment
from b2b_orders.documents import storage
from b2b_orders.documents.checks import Verdict, Whose, check
from b2b_orders.documents.models import Document, State, StoredFile
from b2b_orders.documents.reading.findings import Instalment, Word
from b2b_orders.orders.models import Invoice
from erp_bridge.connector import Call, DocumentStream, Purpose
from erp_bridge.errors import (
    BridgeError,
    ContractViolation,
    CredentialsRejected,
    Refused,
    TerminalError,
    Unsupported,
    WrongOwner,
)
from erp_bridge.records import DocumentKind

# Somebody fetches it just now, or too many are being fetched: nothing is known of the file.
BUSY: Final = "busy"
# What no source lists as such; a file listed as OTHER may turn out to be one.
FISCAL_XML: Final = frozenset({DocumentKind.NFE_XML, DocumentKind.CTE_XML, DocumentKind.EVENT_XML})
_FOUND_OUT: Final = FISCAL_XML - {DocumentKind.NFE_XML}
# What a file is once our settings have let it in.
_SETTLED: Final[Mapping[str, str]] = MappingProxyType(
    {
        Word.SERVE_AFTER_DECODING.value: Word.SERVE.value,
        Word.POLICY.value: Word.WARN.value,
        Word.REFUSE_OR_SANITISE.value: Word.WARN.value,
    }
)
# What the row of a file that is handed out says of it.
HANDED_OUT: Final = frozenset(
    _SETTLED.get(word.value, word.value) for word in Word if word is not Word.REFUSE
)
# Two-key advisory locks of this app have this first key.
_LOCK_SPACE: Final = 0x446F63
_POLL_SECONDS: Final = 0.1
# What a title says of a file of no kind that a worker should read by itself.
_PROMISING: Final = re.compile(
    r"\bxml\b|\bct-?e\b|\bcc-?e\b|\bevento\b|carta de corre|\bcancelamento\b", re.IGNORECASE
)
# A worker waits the longer the more often it asked in vain, and at last asks no more.
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=2), timedelta(days=1)
MOST_FAILURES: Final = 12


class DocumentSource(Protocol):
    """Where the bytes of documents come from."""

    def open(
        self, connection: str, company_id: int, external_id: str, document_key: str, call: Call
    ) -> AbstractContextManager[DocumentStream]:
        """Open one file of one order of a company; raises `BridgeError`."""
        ...

    def accepts_branches(self, connection: str) -> bool:
        """Say whether an invoice to a branch that we do not know is the company's all the same."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """How asking the source ended. `problem` is "" when the document is held and fresh."""

    problem: str = ""
    # The source could not be asked: what we hold may still be handed out.
    is_passing: bool = False


def is_read_early(kind: str, title: str) -> bool:
    """Say whether a worker reads a file before anybody asks: it says something of the order."""
    return kind in FISCAL_XML or (kind == DocumentKind.OTHER and bool(_PROMISING.search(title)))


# --- once -----------------------------------------------------------------------------------


def fetch_once(
    document: Document, company_id: int, source: DocumentSource, call: Call, now: datetime
) -> Outcome:
    """Fetch a file, once for all who ask for it at the same time.

    What was done before in the caller's scope is committed, see `tenancy.leave`.
    """
    with _place(call) as is_free:
        if not is_free:
            return Outcome(BUSY, is_passing=True)
        return _fetch_alone(document, company_id, source, call, now)


def _fetch_alone(
    document: Document, company_id: int, source: DocumentSource, call: Call, now: datetime
) -> Outcome:
    with _alone(document.pk, call) as is_ours:
        if not is_ours:
            return Outcome(BUSY, is_passing=True)
        latest = Document.objects.filter(pk=document.pk).values_list("tries", "problem", "state")
        found = latest.first()
        if found is not None and found[0] != document.tries:
            # Whoever was before us has asked since we wanted to.
            return Outcome(found[1], is_passing=found[2] not in {State.FAILED, State.DAMAGED})
        return _fetch(document, company_id, source, call, now)


_counting = threading.Lock()
_at_once = 0


@contextmanager
def _place(call: Call) -> Iterator[bool]:
    """Take one of the places for fetching in this process; say whether one was free.

    A source that is slow must not take every thread that pages need. Workers have no pages.
    """
    global _at_once  # noqa: PLW0603 one count a process, as its threads are the process's
    if call.purpose is not Purpose.INTERACTIVE:
        yield True
        return
    with _counting:
        is_free = _at_once < settings.PORTAL_DOCUMENTS_AT_ONCE
        _at_once += is_free
    try:
        yield is_free
    finally:
        with _counting:
            _at_once -= is_free


@contextmanager
def _alone(document_id: int, call: Call) -> Iterator[bool]:
    """Be the only one who fetches a document, anywhere; say whether that came about in time.

    Who waits is let in only after what was found is committed. Within a transaction of
    somebody else's the lock is the transaction's, so that this holds too.
    """
    is_session = tenancy.can_leave()
    lock = "pg_try_advisory_lock" if is_session else "pg_try_advisory_xact_lock"
    is_waited_for = call.purpose is Purpose.INTERACTIVE
    while not _ask_database(lock, document_id):
        if not is_waited_for or call.seconds_left < _POLL_SECONDS:
            yield False
            return
        with tenancy.leave():
            time.sleep(_POLL_SECONDS)
    try:
        yield True
    finally:
        if is_session:
            _unlock(document_id)


def _unlock(document_id: int) -> None:
    try:
        with tenancy.leave():
            _ask_database("pg_advisory_unlock", document_id)
    except DatabaseError:
        # The session has gone, or is of no use in a failed transaction: its end gives it back.
        connection.close()


def _ask_database(function: str, document_id: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s, %s)", [_LOCK_SPACE, document_id % 2**31])
        row = cursor.fetchone()
    return bool(row and row[0])


# --- fetching ---------------------------------------------------------------------------------


def _fetch(
    document: Document, company_id: int, source: DocumentSource, call: Call, now: datetime
) -> Outcome:
    whose = whose_of(document, company_id, source)
    try:
        with (
            source.open(
                document.record.connection,
                company_id,
                document.record.external_id,
                document.key,
                call,
            ) as stream,
            storage.spool(stream, max_bytes=settings.PORTAL_DOCUMENT_MAX_BYTES) as spooled,
        ):
            verdict = _check(document, spooled, whose)
            stored = None if verdict.problem else _keep(spooled, verdict, now)
    except BridgeError as error:
        return _note_failed(document, error, now)
    # Only now: while a source is read the scope is left, and no row is ours to change.
    if stored is None:
        return _note_damaged(document, verdict, spooled.sha256, now)
    note_checked(document, stored, verdict, company_id, now)
    return Outcome()


def _keep(spooled: storage.Spooled, verdict: Verdict, now: datetime) -> StoredFile:
    # Wrapped for the way: what was meant is what is inside.
    whole = spooled if verdict.decoded is None else storage.spooled_bytes(verdict.decoded)
    return storage.keep(whole, content_type=verdict.content_type, now=now)


def _check(document: Document, spooled: storage.Spooled, whose: Whose) -> Verdict:
    # What turned out to be an XML of some kind is listed as something of no kind.
    kind = DocumentKind(document.kind)
    return check(DocumentKind.OTHER if kind in _FOUND_OUT else kind, spooled.file, whose)


def whose_of(document: Document, company_id: int, source: DocumentSource) -> Whose:
    """Collect what an XML must match: all of the company's tax ids, and the order's invoices."""
    tax_ids = Establishment.objects.filter(company_id=company_id)
    return Whose(
        tax_ids=frozenset(tax_ids.values_list("tax_id", flat=True)),
        invoices=tuple(
            (i.number, i.series, i.access_key) for i in invoices_of(document, company_id)
        ),
        instalments=_announced(document),
        reference=document.issued_on,
        same_root_allowed=source.accepts_branches(document.record.connection),
        active_content="warn" if settings.PORTAL_ACTIVE_CONTENT == "warn" else "refuse",
    )


def _announced(document: Document) -> tuple[Instalment, ...]:
    """Say what the source announced to be paid by a bank slip; tax slips are not the buyer's."""
    if document.kind != DocumentKind.BOLETO:
        return ()
    return (
        Instalment(
            number=document.instalment,
            due_on=document.due_on,
            amount=document.amount,
            invoice_number=document.invoice_number,
        ),
    )


def invoices_of(document: Document, company_id: int) -> list[Invoice]:
    """Return the invoices of a document's order, returns left out."""
    order_id = document.record.order_id
    if order_id is None:
        return []
    return list(
        Invoice.objects.filter(order_id=order_id, company_id=company_id, is_return=False).order_by(
            "pk"
        )
    )


def check_again(
    document: Document, held: storage.Held, company_id: int, source: DocumentSource, now: datetime
) -> str:
    """Check what we hold for the company that has the document now; return what is wrong.

    An order may have been another company's when its files were fetched.
    """
    if held.content is None:
        # Only an XML says whose it is, and none is as large.
        return ""
    whose = whose_of(document, company_id, source)
    verdict = _check(document, storage.spooled_bytes(held.content), whose)
    if not verdict.problem:
        note_checked(
            document, held.stored, verdict, company_id, now, fetched_at=document.fetched_at
        )
        return ""
    Document.objects.filter(pk=document.pk).update(file=None, access_key="", fetched_at=None)
    document.file = None
    return _note_damaged(document, verdict, held.stored.sha256, now, is_held=False).problem


# --- what came of it --------------------------------------------------------------------------


def note_checked(
    document: Document,
    stored: StoredFile,
    verdict: Verdict,
    company_id: int,
    now: datetime,
    *,
    fetched_at: datetime | None = None,
) -> None:
    """Note a right file, and all that reading it found; it is of now, or was fetched earlier."""
    values: dict[str, object] = {
        "file": stored,
        "fetched_at": fetched_at or now,
        "checked_at": now,
        "checked_for": company_id,
        "verdict": _SETTLED.get(verdict.verdict, verdict.verdict),
        "findings": list(verdict.reasons),
        "signature": verdict.signature,
        "facts": dict(verdict.facts),
        "tries": F("tries") + 1,
        "failures": 0,
        "tried_at": now,
        "problem": "",
        "due_at": None,
    }
    is_right = document.state == State.AVAILABLE and not document.reason
    if document.state in {State.AVAILABLE, State.FAILED, State.DAMAGED} and not is_right:
        values |= {"state": State.AVAILABLE, "reason": "", "state_since": now}
    if verdict.access_key:
        values["access_key"] = verdict.access_key
    if verdict.kind in FISCAL_XML and document.kind in {DocumentKind.OTHER, *_FOUND_OUT}:
        values["kind"] = verdict.kind
    Document.objects.filter(pk=document.pk).update(**values)


def _note_damaged(
    document: Document,
    verdict: Verdict,
    sha256: str,
    now: datetime,
    *,
    is_held: bool | None = None,
) -> Outcome:
    """Note a file that is not what it should be, and tell operations.

    What we already hold of it is right, and goes on being handed out.
    """
    is_held = storage.is_held(document.file) if is_held is None else is_held
    is_known = (document.state, document.reason) == (State.DAMAGED, verdict.problem)
    found: dict[str, object] = {}
    if not is_held:
        found = _state(document, State.DAMAGED, verdict.problem, now)
        found |= {"verdict": "refuse", "findings": [verdict.problem], "facts": {}}
        if document.checked_at is not None:
            # What an earlier file taught its order is taken back.
            found["checked_at"] = now
    # Trying again and again is no news.
    is_news = not is_known and document.problem != verdict.problem
    _note_vain(document, verdict.problem, now, found)
    if is_news:
        detail = {"found": verdict.format.value, "sha256": sha256}
        _report(verdict.problem, document, detail, now)
    return Outcome(verdict.problem, is_passing=is_held)


def _note_failed(document: Document, error: BridgeError, now: datetime) -> Outcome:
    """Tell a source that cannot be asked now from one that does not have the file."""
    about_the_source = (ContractViolation, CredentialsRejected, Unsupported)
    if not isinstance(error, TerminalError) or isinstance(error, about_the_source):
        _note_vain(document, error.code, now, {})
        return Outcome(error.code, is_passing=True)
    is_alarming = isinstance(error, Refused | WrongOwner)
    if is_alarming and error.code not in {document.reason, document.problem}:
        code = "document-refused" if isinstance(error, Refused) else "wrong-company"
        _report(code, document, {"message": error.message}, now)
    _note_vain(document, error.code, now, _state(document, State.FAILED, error.code, now))
    return Outcome(error.code)


def _note_vain(document: Document, problem: str, now: datetime, values: dict[str, object]) -> None:
    """Note that the source was asked in vain, and when a worker asks again if it does."""
    values |= {
        "tries": F("tries") + 1,
        "failures": F("failures") + 1,
        "tried_at": now,
        "problem": problem,
    }
    if document.due_at is not None:
        pause = min(_FIRST_PAUSE * 2 ** min(document.failures, 20), _LONGEST_PAUSE)
        is_given_up = document.failures + 1 >= MOST_FAILURES
        values["due_at"] = None if is_given_up else now + pause
    Document.objects.filter(pk=document.pk).update(**values)


def _state(document: Document, state: State, reason: str, now: datetime) -> dict[str, object]:
    if (document.state, document.reason) == (state, reason):
        return {}
    return {"state": state, "reason": reason, "state_since": now}


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


def report_corrupt(document: Document, now: datetime) -> None:
    """Tell operations that what we hold of a document is not what was stored."""
    sha256 = document.file_id or ""
    _report("stored-file-corrupt", document, {"sha256": sha256}, now)
