"""Documents of an order, grouped by invoice, each with its state in a word and an icon."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from b2b_orders.documents.accesses import AccessedDocument
from b2b_orders.documents.archive_words import RENDER_FAILURE
from b2b_orders.documents.queries import DocumentRow
from b2b_orders.orders.queries import InvoiceRow
from b2b_orders.portal import formats, words, words_rules
from b2b_orders.portal.addresses import Addresses
from b2b_orders.portal.presenters.actions import DocumentAction
from b2b_orders.portal.presenters.lists import invoice_slug
from b2b_orders.portal.presenters.payments import payment_link
from b2b_orders.portal.presenters.taking import send_action, view_action
from b2b_orders.portal.words_documents import (
    FINDING,
    FOR_BUYERS,
    MADE,
    SIGNATURE,
    xml_instead_words,
)

XML = frozenset({"nfe_xml", "cte_xml", "event_xml"})
# Kinds whose name alone does not say which document it is.
DESCRIBED = frozenset({"transfer", "gnre", "gare", "serials", "other"})
PAYABLE = frozenset({"boleto", "gnre", "gare"})
# What the customer wonders about: who has the file asks about the order.
ASKED_ABOUT = frozenset({"expected", "failed", "damaged"})
# What most people come for, by one key each.
KEYS = {"boleto": "b", "nfe_xml": "x", "danfe": "n"}
_INVOICE_CANCELLED = "invoice-cancelled"
# What the buyer owes. Tax slips are the seller's: their dates are no debt of the buyer.
DEBTS = frozenset({"boleto"})


@dataclass(frozen=True, slots=True)
class DocumentItem:
    """One document, worded. The first of its actions is the one most people want."""

    id: str
    icon: str
    name: str
    meaning: str
    title: str
    meta: str
    due: str
    amount: str
    state: words.Chip
    why: str
    why_tone: str
    actions: tuple[DocumentAction, ...]
    # What reading the file found, and who made it.
    notes: tuple[words.Chip, ...] = ()
    # The key that takes it: of the first of its kind.
    key: str = ""
    # What is owed beyond the amount once its day has passed.
    beyond: str = ""


@dataclass(frozen=True, slots=True)
class InvoiceGroup:
    """An invoice with its documents; without a heading for those of no invoice."""

    slug: str
    key_anchor: str
    heading: str
    date: str
    total: str
    key: str
    key_grouped: str
    carrier: str
    tracking: str
    tracking_url: str
    delivered: str
    documents: tuple[DocumentItem, ...]
    # What became of the invoice itself, where it does not stand any more.
    state: words.Chip | None = None


@dataclass(frozen=True, slots=True)
class _Frame:
    """What wording a document needs beyond the document."""

    order: UUID
    to: Addresses
    today: date
    now: datetime
    failure: tuple[UUID, str] | None
    is_down: bool
    # Who looks is told by mail when asked for; staff look for somebody else.
    can_watch: bool = False


def invoice_groups(
    invoices: Iterable[InvoiceRow],
    documents: Iterable[DocumentRow],
    *,
    order: UUID,
    to: Addresses,
    now: datetime,
    failure: tuple[UUID, str] | None = None,
    is_down: bool = False,
    can_watch: bool = False,
) -> tuple[InvoiceGroup, ...]:
    """Present invoices with their documents, then what belongs to no invoice.

    `failure` is a document that could not be handed out just now, with the reason;
    `is_down`: a source does not answer, so papers to pay cannot be checked.
    """
    frame = _Frame(order, to, formats.today(now), now, failure, is_down, can_watch)
    known = tuple(invoices)
    placed: dict[int, list[DocumentRow]] = {at: [] for at in range(len(known))}
    loose: dict[tuple[str, str], list[DocumentRow]] = {}
    for document in documents:
        at = _home(document, known)
        if at is None:
            key = (document.invoice_number, document.invoice_series)
            loose.setdefault(key, []).append(document)
        else:
            placed[at].append(document)
    groups = [_group(invoice, placed[at], frame) for at, invoice in enumerate(known)]
    # Documents that name an invoice we do not know come before those that name none.
    for (number, series), rows in sorted(loose.items(), key=lambda item: item[0] == ("", "")):
        groups.append(_loose_group(number, series, rows, frame, alone=not known))
    return tuple(_keyed(groups))


def _keyed(groups: Iterable[InvoiceGroup]) -> Iterator[InvoiceGroup]:
    """Leave each key with the first document that has it."""
    taken = {""}
    for group in groups:
        items = []
        for item in group.documents:
            items.append(replace(item, key="") if item.key in taken else item)
            taken.add(item.key)
        yield replace(group, documents=tuple(items))


def _home(document: DocumentRow, invoices: tuple[InvoiceRow, ...]) -> int | None:
    """Find the invoice a document belongs to; a missing series fits a number known once."""
    fits = [at for at, invoice in enumerate(invoices) if invoice.number == document.invoice_number]
    if document.invoice_series:
        fits = [at for at in fits if invoices[at].series in {document.invoice_series, ""}]
    return fits[0] if document.invoice_number and len(fits) == 1 else None


def _group(invoice: InvoiceRow, rows: list[DocumentRow], frame: _Frame) -> InvoiceGroup:
    number = f"{invoice.number}/{invoice.series}" if invoice.series else invoice.number
    heading = _("Return invoice %(number)s") if invoice.is_return else _("NF %(number)s")
    url = invoice.tracking_url if is_safe_link(invoice.tracking_url) else ""
    return InvoiceGroup(
        slug=invoice_slug(invoice.number, invoice.series),
        key_anchor=f"nf-{invoice.access_key}" if invoice.access_key else "",
        heading=heading % {"number": number},
        date=formats.day(invoice.issued_on),
        total=formats.amount(invoice.total),
        key=invoice.access_key,
        key_grouped=formats.grouped(invoice.access_key),
        carrier=invoice.carrier,
        tracking=invoice.tracking_number or ("" if url else invoice.tracking_url),
        tracking_url=url,
        delivered=_("Delivered on %(date)s")
        % {"date": formats.day(formats.local(invoice.delivered_at).date())}
        if invoice.delivered_at
        else "",
        documents=_items(rows, frame),
        state=_invoice_state(rows),
    )


def _invoice_state(rows: Iterable[DocumentRow]) -> words.Chip | None:
    if any(row.reason == _INVOICE_CANCELLED for row in rows):
        return words.Chip(_("Invoice cancelled"), "bad", "cross")
    return None


def _loose_group(
    number: str, series: str, rows: list[DocumentRow], frame: _Frame, *, alone: bool
) -> InvoiceGroup:
    if number:
        heading = _("NF %(number)s") % {"number": f"{number}/{series}" if series else number}
    else:
        heading = _("Documents of the order") if alone else _("Other documents")
    return InvoiceGroup(
        slug=invoice_slug(number, series) if number else "other-documents",
        key_anchor="",
        heading=heading,
        date="",
        total="",
        key="",
        key_grouped="",
        carrier="",
        tracking="",
        tracking_url="",
        delivered="",
        documents=_items(rows, frame),
    )


def _items(rows: list[DocumentRow], frame: _Frame) -> tuple[DocumentItem, ...]:
    order = {kind: at for at, kind in enumerate(words.KIND_ORDER)}
    ranked = sorted(
        rows, key=lambda row: (order.get(row.kind, 99), row.due_on or date.min, row.title)
    )
    return tuple(_item(row, frame) for row in ranked)


def _item(row: DocumentRow, frame: _Frame) -> DocumentItem:
    why, can_retry = _why(row, frame)
    state = _state(row, frame)
    name, title, meaning = _names(row)
    return DocumentItem(
        id=f"doc-{row.public_id}",
        icon=words.DOCUMENT_KIND.get(row.kind, words.DOCUMENT_KIND["other"]).icon,
        name=name,
        meaning=meaning,
        title=title,
        meta=_meta(row),
        due=""
        if _is_ended(row)
        else due_words(row.due_on, row.title_state if row.kind in DEBTS else "", frame.today),
        # What must not be paid shows no amount as if it were.
        amount="" if _is_ended(row) else formats.amount(row.amount),
        state=state,
        why=why,
        why_tone=state.tone if state.tone in {"bad", "warn"} else "",
        actions=tuple(_actions(row, frame, can_retry=can_retry)),
        notes=document_notes(row),
        key=KEYS.get(row.kind, "") if row.state == "available" else "",
        beyond=beyond_words() if row.is_overdue and _is_owed(row) else "",
    )


def _is_owed(row: DocumentRow) -> bool:
    return row.kind in DEBTS and row.amount is not None and not _is_ended(row)


def document_name(row: DocumentRow | AccessedDocument) -> str:
    """Name a document for who does not see where it stands: with its invoice."""
    name, *_more = _names(row)
    return f"{name} · NF {row.invoice_number}" if row.invoice_number else name


def _names(row: DocumentRow | AccessedDocument) -> tuple[str, str, str]:
    """Return a document's name, what its source's title adds, and what the name means."""
    kind = words.DOCUMENT_KIND.get(row.kind, words.DOCUMENT_KIND["other"])
    name = f"{kind.name} {row.instalment}" if row.instalment else str(kind.name)
    title = _own_title(row, name) if row.kind in DESCRIBED else ""
    if title and row.kind == "other":
        # What fits no kind has no better name than its source's.
        return title, "", name
    return name, title, str(kind.meaning)


def _own_title(row: DocumentRow | AccessedDocument, name: str) -> str:
    """Return what a source's title adds: its kind, invoice and amount stand beside it already."""
    text = row.title
    if row.invoice_number:
        number = re.escape(row.invoice_number)
        text = re.sub(rf"\bNF-?e?\s*0*{number}(?:/\d+)?(?!\d)", "", text, flags=re.IGNORECASE)
    if row.amount is not None:
        cents = f"{abs(row.amount):.2f}".replace(".", "")
        for written in re.findall(r"R\$\s*[\d.,]+\d", text):
            if re.sub(r"\D", "", written) == cents:
                text = text.replace(written, "")
    for known in (name, _seller_name(row.kind)):
        if text.casefold().startswith(known.casefold()):
            text = text[len(known) :]
    return " ".join(text.split()).strip(" -\u2013\u00b7:,/")


def _seller_name(kind: str) -> str:
    """Name a kind as sellers' systems do, whatever the reader's language."""
    with translation.override("pt-br"):
        return str(words.DOCUMENT_KIND[kind].name)


def _is_ended(row: DocumentRow) -> bool:
    """Say whether there is nothing to pay with it any more: it was cancelled or replaced."""
    if row.kind in DEBTS and row.title_state == "cancelled":
        return True
    return row.kind in PAYABLE and row.state in {"cancelled", "replaced"}


def _actions(row: DocumentRow, frame: _Frame, *, can_retry: bool) -> Iterator[DocumentAction]:
    """Offer what can be done with a document in its state, the most wanted first."""
    what = document_name(row)
    if link := payment_link(row, what, order=frame.order, to=frame.to):
        is_payment = row.kind in DEBTS and row.can_be_paid
        yield DocumentAction(link.label, link.full, link.url, is_payment=is_payment)
    if row.is_withheld:
        return
    yield from view_action(row, what, order=frame.order, to=frame.to)
    if row.state == "available" or can_retry:
        full = _("Try again: %(document)s") if can_retry else _("Download %(document)s")
        yield DocumentAction(
            label=_("Try again") if can_retry else _("Download"),
            full=full % {"document": what},
            url=frame.to.to("document", order=frame.order, public_id=row.public_id),
        )
    yield from _standing_actions(what, row, frame)
    yield from send_action(row, what, order=frame.order, to=frame.to)
    if frame.can_watch and row.state in ASKED_ABOUT:
        yield DocumentAction(
            label=_("Ask"),
            full=_("Ask about: %(document)s") % {"document": what},
            url=frame.to.to(
                "ask-question", {"document": str(row.public_id)}, public_id=frame.order
            ),
        )


def _standing_actions(what: str, row: DocumentRow, frame: _Frame) -> Iterator[DocumentAction]:
    """Offer what goes with what became of a document: expected, replaced, or cancelled."""
    if row.state == "expected" and frame.can_watch:
        full = _("Do not tell me: %(document)s") if row.is_watched else _("Tell me: %(document)s")
        yield DocumentAction(
            label=_("Do not tell me") if row.is_watched else _("Tell me"),
            full=full % {"document": what},
            url=frame.to.to("watch", order=frame.order, public_id=row.public_id),
            is_post=True,
            posts="undo" if row.is_watched else "",
        )
    elif row.state == "replaced" and row.replacement:
        yield DocumentAction(
            label=_("Show the new one"),
            full=_("Show what took the place of: %(document)s") % {"document": what},
            url=f"#doc-{row.replacement}",
        )
    elif row.state == "cancelled" and row.kind not in PAYABLE:
        # An invoice that was cancelled is kept with its books.
        yield DocumentAction(
            label=_("Download"),
            full=_("Download %(document)s") % {"document": what},
            url=frame.to.to("document", order=frame.order, public_id=row.public_id),
        )


def document_notes(row: DocumentRow) -> tuple[words.Chip, ...]:
    """Say of a file that it was checked, what to mind when using it, and if we made it."""
    if row.origin == "rendered":
        made = words.text(MADE, row.kind)
        return (words.Chip(made, "plain", "code"),)
    if row.state not in {"available", "cancelled"}:
        return ()
    signed = (row.signature,) if row.signature in SIGNATURE else ()
    found = sorted(FOR_BUYERS.intersection(row.findings), key=list(FINDING).index)
    return (
        *(words.chip(SIGNATURE, code) for code in signed),
        *(words.chip(FINDING, code) for code in found),
    )


def _meta(row: DocumentRow) -> str:
    form = "XML" if row.kind in XML else "PDF" if row.kind != "other" else ""
    if row.state == "not_applicable":
        form = ""
    # A boleto is one page: what matters stands beside it, when and how much to pay.
    size = "" if row.kind in DEBTS else formats.size(row.size)
    return " · ".join(part for part in (form, size, formats.day(row.issued_on)) if part)


def _state(row: DocumentRow, frame: _Frame) -> words.Chip:
    """Word the state; of a payable document that is there, whether it is paid or due."""
    if frame.failure and frame.failure[0] == row.public_id:
        code = "damaged" if row.state == "damaged" else "failed"
        return words.chip(words.DOCUMENT_STATE, code)
    if (
        row.state == "available"
        and row.kind in DEBTS
        and row.title_state in {"open", "paid", "cancelled"}
    ):
        return title_chip(row.title_state, is_overdue=row.is_overdue)
    return words.chip(words.DOCUMENT_STATE, "late" if row.is_late else row.state)


def _why(row: DocumentRow, frame: _Frame) -> tuple[str, bool]:
    """Say why a document cannot be had, and whether trying again makes sense."""
    if frame.failure and frame.failure[0] == row.public_id:
        return frame.failure[1], True
    if row.state == "damaged":
        return damaged_words(), True
    if row.state == "failed":
        return _failed_words(row), row.origin != "rendered"
    if row.state in {"expected", "not_applicable", "cancelled", "replaced"} or _is_ended(row):
        return _why_standing(row, frame), False
    if frame.is_down and row.kind in PAYABLE and row.fetched_at and row.title_state != "paid":
        return _(
            "Could not check with the bank just now. Copy of %(time)s: check amount and"
            " beneficiary before paying."
        ) % {"time": formats.moment(row.fetched_at, frame.now)}, False
    return "", False


def _why_standing(row: DocumentRow, frame: _Frame) -> str:
    """Say since when a document is expected, or why there is none to take."""
    since = {"since": formats.moment(row.state_since, frame.now)}
    if row.state == "expected":
        said = (
            _("Expected since %(since)s. We go on looking; your contact at the seller can help.")
            if row.is_late
            else _("Being issued since %(since)s. We check every 10 minutes.")
        )
        told = _("We will write to you when it is there.") if row.is_watched else ""
        why = words.text(words_rules.REASON, row.reason) if row.reason in words_rules.REASON else ""
        return " ".join(part for part in (said % since, why, told) if part)
    if row.state == "replaced":
        return _("Replaced: pay the new one only.") if row.kind in PAYABLE else ""
    if row.state == "available":
        return _("Do not pay it.")
    if row.reason == _INVOICE_CANCELLED:
        said, warning = _("The seller cancelled this invoice."), _("Do not pay it.")
        return f"{said} {warning}" if row.kind in PAYABLE else said
    return words.text(words_rules.REASON, row.reason) if row.reason in words_rules.REASON else ""


def _failed_words(row: DocumentRow) -> str:
    if row.origin == "rendered":
        why = words.text(RENDER_FAILURE, row.reason)
        return " ".join((why, xml_instead_words()))
    return _("The source did not hand out this file. You can try again.")


def damaged_words() -> str:
    """Say that a source sent something that is not the document."""
    return _("The supplier's system sent a damaged file. The team has been told; try again later.")


def title_chip(state: str, *, is_overdue: bool) -> words.Chip:
    """Word what became of an amount due."""
    return words.chip(words.TITLE_STATE, "overdue" if is_overdue else state)


def beyond_words() -> str:
    """Say that an overdue amount is the one it was made for: no source states today's."""
    return _("plus fine and interest, if any")


def due_words(due: date | None, state: str, today: date) -> str:
    """Say when something is due and, while it is known to be open, how far that is."""
    if due is None:
        return ""
    written = formats.day(due)
    if state != "open":
        return _("due on %(date)s") % {"date": written}
    days = (due - today).days
    if days < 0:
        far = ngettext("overdue for %(days)s day", "overdue for %(days)s days", -days)
    elif days == 0:
        far = _("due today")
    else:
        far = ngettext("due in %(days)s day", "due in %(days)s days", days)
    return f"{far % {'days': abs(days)}} · {written}"


def is_safe_link(url: str) -> bool:
    """Say whether an address from a source may be a link: http and https only."""
    return url.startswith(("https://", "http://")) and not any(sign.isspace() for sign in url)
