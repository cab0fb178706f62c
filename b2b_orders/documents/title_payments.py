"""Amounts due that have a line and no boleto's file: the same card, from what was last read."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable
from datetime import date, datetime
from typing import Final

from django.utils import timezone

from b2b_orders.audit.models import Action
from b2b_orders.audit.services import record as record_audit
from b2b_orders.common.errors import NotVisible
from b2b_orders.companies.access import Actor, Right, Viewer
from b2b_orders.documents.hidden_lines import order_as_shown
from b2b_orders.documents.models import State
from b2b_orders.documents.payables import Payable, Standing, alarm, payer_name
from b2b_orders.documents.payments import Paper, read_payment
from b2b_orders.documents.queries import DocumentRow, list_documents
from b2b_orders.orders.queries import OrderDetail, TitleRow, get_order
from erp_bridge.identifiers import clean
from erp_bridge.records import DocumentKind, TitleState

# No source can be asked about an amount alone.
NOT_ASKED: Final = "not-asked"
_NOT_THERE: Final = frozenset({State.EXPECTED, State.NOT_APPLICABLE})
_STANDINGS: Final = {
    TitleState.PAID: Standing.PAID,
    TitleState.CANCELLED: Standing.CANCELLED,
}


def title_ref(key: str) -> str:
    """Name a title in an address: its key may be the very line, which must not be in one."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def documents_of_titles(
    titles: Iterable[TitleRow], documents: Iterable[DocumentRow]
) -> dict[str, DocumentRow]:
    """Find the boleto of each title, by the title's key: by key, by line, else by what it says."""
    boletos = [
        each
        for each in documents
        if each.kind == DocumentKind.BOLETO and each.state not in _NOT_THERE
    ]
    found = {}
    for title in titles:
        for is_it in (_has_key, _has_line, _says_the_same):
            alike = [each for each in boletos if is_it(title, each)]
            if len(alike) == 1:
                found[title.key] = alike[0]
                break
    return found


def _has_key(title: TitleRow, document: DocumentRow) -> bool:
    return title.key == document.key


def _has_line(title: TitleRow, document: DocumentRow) -> bool:
    return bool(title.typeable_line) and clean(document.typeable_line) == clean(title.typeable_line)


def _says_the_same(title: TitleRow, document: DocumentRow) -> bool:
    here = (title.invoice_number, title.instalment, title.due_on)
    there = (document.invoice_number, document.instalment, document.due_on)
    return here == there and title.due_on is not None and bool(title.invoice_number)


def show_title(
    *, viewer: Viewer, actor: Actor, order_public_id: uuid.UUID, ref: str, now: datetime
) -> Payable | uuid.UUID:
    """Return an amount due with what pays it, and write the audit line.

    The id of its boleto instead, where there is one: that can be checked at its source.
    `NotVisible` for what is not there or not the viewer's, and for one without a line or code.
    """
    detail = order_as_shown(
        viewer=viewer, detail=get_order(viewer=viewer, public_id=order_public_id, line_limit=0)
    )
    title = next((each for each in detail.titles if title_ref(each.key) == ref), None)
    if title is None or not viewer.can(Right.FINANCE):
        raise NotVisible
    documents = list_documents(viewer=viewer, order_id=detail.row.id)
    if boleto := documents_of_titles(detail.titles, documents).get(title.key):
        return boleto.public_id
    if not (title.typeable_line or title.pix):
        raise NotVisible
    payable = _payable(viewer, detail, title, now)
    for finding in payable.payment.findings:
        if finding.severity != "warn":
            alarm(
                finding.code,
                connection_name="",
                company_id=viewer.company_id,
                object_kind="title",
                object_id=f"{detail.row.public_id}/{ref}",
                now=now,
            )
    record_audit(
        Action.PAYMENT_SHOWN,
        actor=actor,
        company_id=viewer.company_id,
        object_kind="order",
        object_id=str(detail.row.public_id),
        detail={
            "kind": "title",
            "title": ref,
            "outcome": "refused" if payable.payment.is_refused else payable.standing.value,
            "checked": payable.problem or "answered",
        },
        now=now,
    )
    return payable


def _payable(viewer: Viewer, detail: OrderDetail, title: TitleRow, now: datetime) -> Payable:
    issued = {invoice.number: invoice.issued_on for invoice in detail.invoices}
    payment = read_payment(
        Paper(
            is_slip=False,
            typeable_line=title.typeable_line,
            pix=title.pix,
            amount=title.amount,
            due_on=title.due_on,
            reference=_reference(detail, issued.get(title.invoice_number), now),
            payee_name=title.payee_name,
            payee_tax_id=title.payee_tax_id,
        )
    )
    standing = _STANDINGS.get(title.state, Standing.PAYABLE)
    due_on = title.due_on or payment.due_on
    return Payable(
        public_id=None,
        order_public_id=detail.row.public_id,
        kind=DocumentKind.BOLETO.value,
        standing=standing,
        is_stated=title.state is TitleState.OPEN,
        # Of several sources the one that was read longest ago may be the one that says it.
        answered_at=min((source.as_of for source in detail.sources), default=now),
        problem=NOT_ASKED if standing is Standing.PAYABLE else "",
        amount=payment.amount if title.amount is None else title.amount,
        due_on=due_on,
        is_overdue=due_on is not None and due_on < timezone.localdate(now),
        settled_on=title.settled_on,
        replaced_by=None,
        instalment=title.instalment,
        invoice_number=title.invoice_number,
        invoice_series="",
        title="",
        payee_name=title.payee_name,
        payee_tax_id=title.payee_tax_id,
        payee_before=None,
        payer_name=payer_name(detail.row.establishment_name, viewer),
        payer_tax_id=detail.row.establishment_tax_id,
        payment=payment,
        has_file=False,
    )


def _reference(detail: OrderDetail, issued_on: date | None, now: datetime) -> date:
    return issued_on or detail.row.placed_on or timezone.localdate(now)
