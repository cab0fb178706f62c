"""Papers to pay: asked for at their source when somebody wants to pay, and what came of it.

A boleto may have been paid, cancelled or made anew since it was last read, so whoever
opens one has its source asked first: once for all papers of its order and all who click.
What it says is written to the rows. Who gets no answer is told of when what we hold is.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final, Protocol

from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from b2b_orders.audit.models import Action
from b2b_orders.audit.services import record as record_audit
from b2b_orders.audit.services import report_incident
from b2b_orders.common.errors import NotVisible
from b2b_orders.companies.access import Actor, Right, Viewer
from b2b_orders.companies.models import Company, Establishment
from b2b_orders.documents.listing import (
    LISTED,
    NO_LONGER_LISTED,
    PAYABLE,
    Listing,
    is_another_print,
    miss,
    printed,
    take_over,
)
from b2b_orders.documents.models import Document, State
from b2b_orders.documents.payments import Paper, Payment, read_payment
from b2b_orders.documents.queries import visible_documents
from b2b_orders.orders.models import Invoice
from erp_bridge.connector import Call, Purpose
from erp_bridge.errors import BridgeError, WrongOwner
from erp_bridge.records import DocumentKind, DocumentRecord, TitleState

RECHECK_SECONDS: Final = 4.0
# Who clicks within that time gets the answer of who clicked before; a source that did not
# answer may be tried again sooner.
_ANSWER_LASTS: Final = timedelta(seconds=30)
_SILENCE_LASTS: Final = timedelta(seconds=10)
_LOCK_SPACE: Final = 0x506179
_POLL_SECONDS: Final = 0.05
_ALARM_SECONDS: Final = 86_400
# Nobody could be asked because somebody else is asking.
_BUSY: Final = "busy"
# What a title says that a person sees or pays by: its order is read again when it changes.
_TITLE_FACTS: Final = (
    "due_on",
    "amount",
    "title_state",
    "settled_on",
    "typeable_line",
    "pix",
    "payee_name",
    "payee_tax_id",
)


class Standing(StrEnum):
    """What became of a paper to pay."""

    PAYABLE = "payable"
    PAID = "paid"
    CANCELLED = "cancelled"
    REPLACED = "replaced"
    UNLISTED = "unlisted"


# These do not become payable again: nobody is asked.
_ENDED: Final = frozenset({Standing.PAID, Standing.CANCELLED, Standing.REPLACED})
# Such a boleto is not handed out as one to pay; the values are codes of `DocumentUnavailable`.
WITHHELD: Final = frozenset(Standing) - {Standing.PAYABLE}


class PayableSource(Protocol):
    """Who can be asked whether something is still to be paid."""

    def listed(
        self, connection: str, company_id: int, external_id: str, call: Call
    ) -> list[DocumentRecord]:
        """List the files of one order of a company; raises `BridgeError`."""
        ...

    def note_change(self, viewer: Viewer, order_public_id: uuid.UUID, now: datetime) -> None:
        """Have the order read again, because its source says something new."""
        ...


@dataclass(frozen=True, slots=True)
class Payable:
    """A paper to pay, or an amount due without one (no `public_id`), as it may be shown.

    `answered_at` is when its source last said what is shown, `problem` the code of why it
    did not just now. `is_stated` is False where the source does not say whether it is
    paid. `payee_before` is who was to be paid until that changed, as name and tax id.
    """

    public_id: uuid.UUID | None
    order_public_id: uuid.UUID
    kind: str
    standing: Standing
    is_stated: bool
    answered_at: datetime
    problem: str
    amount: Decimal | None
    due_on: date | None
    is_overdue: bool
    settled_on: date | None
    replaced_by: uuid.UUID | None
    instalment: str
    invoice_number: str
    invoice_series: str
    title: str
    payee_name: str
    payee_tax_id: str
    payee_before: tuple[str, str] | None
    payer_name: str
    payer_tax_id: str
    payment: Payment
    has_file: bool


def show_payable(
    *,
    viewer: Viewer,
    actor: Actor,
    public_id: uuid.UUID,
    source: PayableSource,
    now: datetime,
) -> Payable:
    """Return a paper to pay, checked with its source at this moment, and write the audit line.

    `NotVisible` for what is not there, not the viewer's, or nothing to pay. Takes no longer
    than four seconds, whatever the source does.
    """
    document = _get(viewer, public_id)
    call = Call.within(RECHECK_SECONDS, Purpose.INTERACTIVE)
    recheck(document, viewer=viewer, source=source, call=call, now=now)
    document = _get(viewer, public_id)
    payable = _payable(document, viewer, now)
    outcome = "refused" if payable.payment.is_refused else payable.standing.value
    _alarm(document, payable.payment, now)
    record_audit(
        Action.PAYMENT_SHOWN,
        actor=actor,
        company_id=viewer.company_id,
        object_kind="document",
        object_id=str(public_id),
        detail={
            "kind": document.kind,
            "order": str(payable.order_public_id),
            "outcome": outcome,
            "checked": payable.problem or "answered",
        },
        now=now,
    )
    return payable


def standing_of(document: Document) -> Standing:
    """Say what became of a paper to pay, as its row says."""
    if document.replaced_by or document.state == State.REPLACED:
        return Standing.REPLACED
    if document.state == State.CANCELLED or document.title_state == TitleState.CANCELLED:
        return Standing.CANCELLED
    if document.title_state == TitleState.PAID:
        return Standing.PAID
    if document.state == State.FAILED and document.reason == NO_LONGER_LISTED:
        return Standing.UNLISTED
    return Standing.PAYABLE


# --- asking ------------------------------------------------------------------------------


def recheck(
    document: Document, *, viewer: Viewer, source: PayableSource, call: Call, now: datetime
) -> str:
    """Ask a paper's source what became of it, and write that down; return "" or why not.

    One asks for all: who comes meanwhile waits, who comes just after takes the answer.
    What ended stays ended and is not asked for. The rows have changed after it.
    """
    if standing_of(document) in _ENDED:
        return ""
    before = document.asked_at
    if _is_fresh(document, now):
        return document.answer
    while not _try_lock(document.record_id):
        if call.seconds_left < _POLL_SECONDS:
            return _BUSY
        time.sleep(_POLL_SECONDS)
    # Somebody may have asked while we waited.
    asked = Document.objects.filter(pk=document.pk).values_list("asked_at", "answer").first()
    if asked and asked[0] != before:
        return asked[1]
    record = document.record
    try:
        listed = source.listed(record.connection, viewer.company_id, record.external_id, call)
    except BridgeError as error:
        return _note_silence(document, viewer, error, now)
    if _note_answer(document, viewer, listed, now) and record.order is not None:
        source.note_change(viewer, record.order.public_id, now)
    return ""


def _is_fresh(document: Document, now: datetime) -> bool:
    """Say whether the last answer, or silence, still holds."""
    if document.asked_at is None:
        return False
    lasts = _SILENCE_LASTS if document.answer else _ANSWER_LASTS
    return now - document.asked_at < lasts


def _try_lock(record_id: int) -> bool:
    """Be the one who asks for this order's papers, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [_LOCK_SPACE, record_id % 2**31])
        row = cursor.fetchone()
    return bool(row and row[0])


def _siblings(document: Document, company_id: int) -> list[Document]:
    return list(
        Document.objects.filter(
            record_id=document.record_id, company_id=company_id, kind__in=PAYABLE
        )
        .select_related("record")
        .defer("record__payload", "record__facts")
        .order_by("pk")
    )


def _note_silence(document: Document, viewer: Viewer, error: BridgeError, now: datetime) -> str:
    if isinstance(error, WrongOwner):
        report_incident(
            "wrong-company",
            connection=document.record.connection,
            company_id=document.company_id,
            object_kind="document",
            object_id=str(document.public_id),
            detail={"external_id": document.record.external_id},
            now=now,
        )
    ids = [each.pk for each in _siblings(document, viewer.company_id)]
    Document.objects.filter(pk__in=ids).update(asked_at=now, answer=error.code)
    return error.code


def _note_answer(
    document: Document, viewer: Viewer, listed: list[DocumentRecord], now: datetime
) -> bool:
    """Write what a source lists to the papers of the order; say whether that is any news."""
    records = {record.key: record for record in listed}
    listing = Listing(document.record_id, document.company_id, tuple(listed))
    is_news = False
    papers = _siblings(document, viewer.company_id)
    for paper in papers:
        paper.asked_at, paper.answer = now, ""
        record = records.get(paper.key)
        if record is None:
            is_news |= miss(paper, now)
            continue
        before = [getattr(paper, name) for name in _TITLE_FACTS]
        print_before = printed(paper)
        is_news |= take_over(paper, listing, record, paper.position, now)
        paper.listed_at = now
        is_news |= before != [getattr(paper, name) for name in _TITLE_FACTS]
        if is_another_print(print_before, printed(paper)):
            # Nor does what its text says go with what is to be paid now.
            paper.file, paper.facts = None, {}
    own = ("asked_at", "answer", "listed_at", "file", "facts")
    Document.objects.bulk_update(papers, [*LISTED, *own])
    return is_news


# --- showing -----------------------------------------------------------------------------


def _get(viewer: Viewer, public_id: uuid.UUID) -> Document:
    document = (
        visible_documents(viewer=viewer)
        .filter(public_id=public_id, kind__in=PAYABLE, record__order__isnull=False)
        .exclude(state__in=(State.EXPECTED, State.NOT_APPLICABLE))
        .select_related("record__order__establishment", "file")
        .defer("record__payload", "record__facts", "record__order__facts")
        .first()
    )
    if document is None or not viewer.can(Right.FINANCE):
        raise NotVisible
    return document


def _payable(document: Document, viewer: Viewer, now: datetime) -> Payable:
    order = document.record.order
    if order is None:
        raise NotVisible
    standing = standing_of(document)
    payment = read_payment(_paper(document, viewer, now))
    establishment = order.establishment
    before = document.payee_before
    is_named = document.payee_name or document.payee_tax_id
    return Payable(
        public_id=document.public_id,
        order_public_id=order.public_id,
        kind=document.kind,
        standing=standing,
        is_stated=document.title_state == TitleState.OPEN,
        answered_at=document.listed_at,
        problem=_problem(document, standing, now),
        amount=payment.amount if document.amount is None else document.amount,
        due_on=document.due_on or payment.due_on,
        is_overdue=_is_overdue(document.due_on or payment.due_on, now),
        settled_on=document.settled_on,
        replaced_by=_replacement(document, viewer),
        instalment=document.instalment,
        invoice_number=document.invoice_number,
        invoice_series=document.invoice_series,
        title=document.title,
        payee_name=document.payee_name,
        # Beside a name of the source's, the file's tax id may be another payee's.
        payee_tax_id=document.payee_tax_id if is_named else _text(document.facts, "payee"),
        payee_before=(before.get("name", ""), before.get("tax_id", "")) if before else None,
        payer_name=payer_name(establishment.name if establishment else "", viewer),
        payer_tax_id=establishment.tax_id if establishment else "",
        payment=payment,
        has_file=document.state == State.AVAILABLE,
    )


def payer_name(establishment: str, viewer: Viewer) -> str:
    """Name who pays: the establishment or, where that has no name, the company."""
    if establishment:
        return establishment
    names = Company.objects.filter(pk=viewer.company_id).values_list("name", flat=True)
    return names.first() or ""


def _problem(document: Document, standing: Standing, now: datetime) -> str:
    """Say why what is shown is not of this moment; "" when it is, or need not be."""
    if standing in _ENDED:
        return ""
    if document.answer:
        return document.answer
    # Who waited for another in vain reads a row of before.
    return "" if document.asked_at is not None and _is_fresh(document, now) else _BUSY


def _is_overdue(due_on: date | None, now: datetime) -> bool:
    return due_on is not None and due_on < timezone.localdate(now)


def _paper(document: Document, viewer: Viewer, now: datetime) -> Paper:
    """Put together what the source says and, where it says nothing, what the file says."""
    facts = document.facts
    tax_ids = Establishment.objects.filter(company_id=viewer.company_id)
    file_line = _text(facts, "line")
    return Paper(
        is_slip=document.kind != DocumentKind.BOLETO,
        typeable_line=document.typeable_line or file_line,
        pix=document.pix or _text(facts, "pix"),
        amount=document.amount,
        due_on=document.due_on,
        reference=_reference(document, viewer, now),
        payee_name=document.payee_name,
        payee_tax_id=document.payee_tax_id or _text(facts, "payee"),
        file_line=file_line,
        # Taxes are paid by the seller: their payer says nothing of whose paper it is.
        payer_tax_id=_text(facts, "payer") if document.kind == DocumentKind.BOLETO else "",
        payers=frozenset(tax_ids.values_list("tax_id", flat=True)),
    )


def _text(facts: object, name: str) -> str:
    value = facts.get(name) if isinstance(facts, dict) else None
    return value if isinstance(value, str) else ""


def _reference(document: Document, viewer: Viewer, now: datetime) -> date:
    """Name the day from which a due factor is read: of the paper, its invoice or its order."""
    order = document.record.order
    issued = document.issued_on
    if issued is None and order is not None and document.invoice_number:
        issued = (
            Invoice.objects.visible_to(viewer)
            .filter(order_id=order.pk, number=document.invoice_number, is_return=False)
            .values_list("issued_on", flat=True)
            .first()
        )
    if issued is None and order is not None:
        issued = order.placed_on
    return issued or timezone.localdate(now)


def _replacement(document: Document, viewer: Viewer) -> uuid.UUID | None:
    if not document.replaced_by:
        return None
    return (
        visible_documents(viewer=viewer)
        .filter(record_id=document.record_id, key=document.replaced_by, kind=document.kind)
        .exclude(pk=document.pk)
        .values_list("public_id", flat=True)
        .first()
    )


def _alarm(document: Document, payment: Payment, now: datetime) -> None:
    """Tell operations what must not be paid like that, once a day for each paper and finding."""
    for finding in payment.findings:
        if finding.severity == "warn":
            continue
        alarm(
            finding.code,
            connection_name=document.record.connection,
            company_id=document.company_id,
            object_kind="document",
            object_id=str(document.public_id),
            now=now,
        )


def alarm(
    problem: str,
    *,
    connection_name: str,
    company_id: int | None,
    object_kind: str,
    object_id: str,
    now: datetime,
) -> None:
    """Put a payment that is not right on operations' list, once a day; never with its line."""
    if not cache.add(f"payment:{object_kind}:{object_id}:{problem}", 1, _ALARM_SECONDS):
        return
    report_incident(
        "payment-wrong",
        connection=connection_name,
        company_id=company_id,
        object_kind=object_kind,
        object_id=object_id,
        detail={"problem": problem},
        now=now,
    )
