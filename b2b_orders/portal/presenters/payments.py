"""A paper to pay, worded: whom, how much, by which line and code, and whether that is checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from b2b_orders.documents.barcodes import Drawing, draw_itf, draw_qr
from b2b_orders.documents.payables import Payable, Standing
from b2b_orders.documents.payments import Finding, Pix
from b2b_orders.documents.queries import DocumentRow
from b2b_orders.documents.title_payments import NOT_ASKED, documents_of_titles, title_ref
from b2b_orders.orders.queries import TitleRow
from b2b_orders.portal import formats, words
from b2b_orders.portal.addresses import Addresses

BOLETO = "boleto"
SLIPS = frozenset({"gnre", "gare"})
SETTLED = frozenset({"paid", "cancelled"})


@dataclass(frozen=True, slots=True)
class Note:
    """Something said about the payment: how it stands, or what does not fit."""

    tone: str
    icon: str
    heading: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Detail:
    """A label and what stands beside it."""

    label: str
    text: str
    more: str = ""


@dataclass(frozen=True, slots=True)
class PixCode:
    """A PIX code to copy or to scan, and who gets the money."""

    payload: str
    receiver: str
    city: str
    amount: str
    picture: Drawing


@dataclass(frozen=True, slots=True)
class PaymentPage:
    """All that the payment page shows; without line and code what may not be paid with them."""

    heading: str
    subtitle: str
    alarms: tuple[Note, ...]
    status: Note
    warnings: tuple[Note, ...]
    is_slip: bool
    payee: str
    payee_tax_id: str
    amount: str
    due: str
    details: tuple[Detail, ...]
    line: str
    groups: tuple[str, ...]
    line_label: str
    copied: str
    barcode: Drawing | None
    pix: PixCode | None
    missing: str
    is_payable: bool
    retry: str
    newer: str
    file: str
    file_label: str
    order: str


def payment_page(payable: Payable, *, to: Addresses, here: str, now: datetime) -> PaymentPage:
    """Present a paper to pay."""
    is_slip = payable.kind in SLIPS
    is_open = payable.standing is Standing.PAYABLE
    payment = payable.payment if is_open else None
    pix = None if payment is None or is_slip else _pix(payment.pix)
    line = payment.line if payment else ""
    order = to.to("order", public_id=payable.order_public_id)
    notes = tuple(_warnings(payable)) if is_open else ()
    return PaymentPage(
        heading=_heading(payable),
        subtitle=_subtitle(payable),
        alarms=tuple(note for note in notes if note.tone == "bad"),
        status=_status(payable, now),
        warnings=tuple(note for note in notes if note.tone != "bad"),
        is_slip=is_slip,
        payee=payable.payee_name,
        payee_tax_id=formats.tax_id(payable.payee_tax_id),
        amount=formats.amount(payable.amount),
        due=formats.day(payable.due_on),
        details=tuple(_details(payable)),
        line=line,
        groups=payment.groups if payment else (),
        line_label=_("Number line of the slip") if is_slip else _("Boleto number line"),
        copied=_("Number line copied: %(count)s digits") % {"count": len(line)},
        barcode=draw_itf(payment.barcode) if payment and payment.barcode else None,
        pix=pix,
        missing=_missing(payable) if is_open and not line and not pix else "",
        is_payable=is_open and not is_slip and bool(line or pix),
        retry=here if _may_change(payable) else "",
        newer=_document(payable, payable.replaced_by, to) if payable.replaced_by else "",
        file=_file(payable, to),
        file_label=_("Copy of the paid boleto (PDF)")
        if payable.standing is Standing.PAID
        else _("Download the PDF"),
        order=order,
    )


def _may_change(payable: Payable) -> bool:
    """Say whether looking again may show more: an answer, or the new boleto, soon read."""
    if payable.standing is Standing.REPLACED:
        return payable.replaced_by is None
    return payable.problem not in {"", NOT_ASKED}


def _missing(payable: Payable) -> str:
    """Say where a line can be found that the source does not give; nothing of a wrong one."""
    if payable.payment.findings or not payable.has_file:
        return ""
    return _(
        "The supplier's system gives no number line and no PIX code here: they are in the PDF."
    )


def _document(payable: Payable, public_id: UUID, to: Addresses) -> str:
    return to.to("payment", order=payable.order_public_id, public_id=public_id)


def _file(payable: Payable, to: Addresses) -> str:
    """Link the file as issued; of what is not to be paid any more only a paid one's copy."""
    if not payable.has_file or payable.public_id is None:
        return ""
    if payable.payment.is_refused and payable.standing is Standing.PAYABLE:
        return ""
    if payable.standing not in {Standing.PAYABLE, Standing.PAID}:
        return ""
    query = {"copia": "1"} if payable.standing is Standing.PAID else {}
    parts = {"order": payable.order_public_id, "public_id": payable.public_id}
    return to.to("document", query, **parts)


def _heading(payable: Payable) -> str:
    kind = words.DOCUMENT_KIND.get(payable.kind, words.DOCUMENT_KIND["other"])
    name = f"{kind.name} {payable.instalment}" if payable.instalment else str(kind.name)
    if payable.kind in SLIPS:
        return _("Data of %(document)s") % {"document": name}
    return _("Payment data: %(document)s") % {"document": name}


def _subtitle(payable: Payable) -> str:
    number = payable.invoice_number
    if not number:
        return ""
    series = payable.invoice_series
    return _("NF %(number)s") % {"number": f"{number}/{series}" if series else number}


# --- how it stands -----------------------------------------------------------------------


def _status(payable: Payable, now: datetime) -> Note:
    if payable.standing is Standing.PAYABLE and payable.payment.is_refused:
        return Note(
            "bad",
            "alert",
            _("Do not pay: the data of this document do not add up"),
            _("They are not shown, and the team has been told."),
        )
    made = {
        Standing.PAYABLE: _payable_note,
        Standing.PAID: _paid_note,
        Standing.CANCELLED: _cancelled_note,
        Standing.REPLACED: _replaced_note,
        Standing.UNLISTED: _unlisted_note,
    }
    return made[payable.standing](payable, now)


def _payable_note(payable: Payable, now: datetime) -> Note:
    at = {"time": formats.moment(payable.answered_at, now)}
    if payable.kind in SLIPS:
        # The seller pays it: whether it is paid is no question to the buyer.
        if payable.problem:
            text = _("Data of %(time)s: the source did not answer just now.") % at
            return Note("info", "clock", text)
        return Note("info", "check", _("Checked just now, %(time)s.") % at)
    if payable.problem == NOT_ASKED:
        return Note(
            "warn",
            "clock",
            _("As of %(time)s. Check amount and beneficiary before paying.") % at,
        )
    if payable.problem:
        return Note(
            "warn",
            "alert",
            _(
                "Could not check with the bank just now. Copy of %(time)s: check amount and"
                " beneficiary before paying."
            )
            % at,
        )
    if payable.is_stated:
        return Note("good", "check", _("Checked just now, %(time)s: still to be paid.") % at)
    return Note(
        "info",
        "clock",
        _("Checked just now, %(time)s.") % at,
        _("The supplier's system does not say whether it has been paid already."),
    )


def _paid_note(payable: Payable, now: datetime) -> Note:
    del now
    heading = (
        _("Paid on %(date)s") % {"date": formats.day(payable.settled_on)}
        if payable.settled_on
        else _("Paid")
    )
    return Note("good", "check", heading, _("Do not pay it again."))


def _cancelled_note(payable: Payable, now: datetime) -> Note:
    del now
    heading = (
        _("Cancelled on %(date)s") % {"date": formats.day(payable.settled_on)}
        if payable.settled_on
        else _("Cancelled")
    )
    return Note("bad", "cross", heading, _("Do not pay it."))


def _replaced_note(payable: Payable, now: datetime) -> Note:
    del payable, now
    return Note("warn", "swap", _("Replaced by another boleto"), _("Do not pay this one."))


def _unlisted_note(payable: Payable, now: datetime) -> Note:
    del payable, now
    return Note(
        "warn",
        "alert",
        _("The supplier no longer lists this document"),
        _("It may have been paid or replaced: do not pay by data that you saved before."),
    )


# --- what does not fit -------------------------------------------------------------------


def _warnings(payable: Payable) -> Iterator[Note]:
    if payable.payee_before:
        name, tax_id = payable.payee_before
        before = " · ".join(part for part in (name, formats.tax_id(tax_id)) if part)
        yield Note(
            "bad",
            "alert",
            _("The payee has changed"),
            _("Before: %(name)s. Ask the supplier before you pay.") % {"name": before},
        )
    for finding in payable.payment.findings:
        tone = "warn" if finding.severity == "warn" else "bad"
        yield Note(tone, "alert", *_finding_words(finding))


def _finding_words(finding: Finding) -> tuple[str, str]:
    told = _("The team has been told. Ask the supplier for a new one.")
    ask = _("Ask the supplier before you pay.")
    check = _("Check it on your bank's screen before you pay.")
    values = {
        "amount": formats.amount(finding.amount),
        "date": formats.day(finding.day),
        "name": finding.text,
    }
    table = {
        "line-digits": (_("The number line has wrong digits and is not shown"), told),
        "line-of-slip": (_("The number line is a tax slip's and is not shown"), told),
        "line-of-boleto": (_("The number line is a boleto's and is not shown"), told),
        "line-bank": (_("The number line names no bank and is not shown"), told),
        "pix-broken": (_("The PIX code is damaged and is not shown"), told),
        "payer-differs": (_("The file names another payer than your company"), told),
        "line-differs-from-file": (_("The number line differs from the one in the PDF"), ask),
        "pix-receiver-differs": (
            _("The PIX code pays another name: %(name)s") % values,
            ask,
        ),
        "amount-differs": (
            _("Updated amount: the number line says %(amount)s") % values,
            check,
        ),
        "pix-amount-differs": (_("Updated amount: the PIX code says %(amount)s") % values, check),
        "due-differs": (_("The number line says that it is due on %(date)s") % values, check),
    }
    return table[finding.code]


# --- details -----------------------------------------------------------------------------


def _details(payable: Payable) -> Iterator[Detail]:
    # Taxes are the seller's to pay, whoever the goods go to.
    if payable.kind not in SLIPS and (payable.payer_name or payable.payer_tax_id):
        yield Detail(
            _("Payer"),
            payable.payer_name or formats.tax_id(payable.payer_tax_id),
            formats.tax_id(payable.payer_tax_id) if payable.payer_name else "",
        )
    number = " · ".join(part for part in (payable.invoice_number, payable.instalment) if part)
    if number or payable.title:
        yield Detail(_("Document number"), number or payable.title)
    if payable.payment.bank and payable.standing is Standing.PAYABLE:
        yield Detail(_("Bank"), payable.payment.bank)


def _pix(pix: Pix | None) -> PixCode | None:
    if pix is None:
        return None
    try:
        picture = draw_qr(pix.payload)
    except ValueError:
        return None
    return PixCode(
        payload=pix.payload,
        receiver=pix.receiver,
        city=pix.city,
        amount=formats.amount(pix.amount),
        picture=picture,
    )


# --- on the order's page -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PaymentLink:
    """A way to the payment page: a word, the same for who hears it, and the address."""

    label: str
    full: str
    url: str


def payment_link(row: DocumentRow, what: str, *, order: UUID, to: Addresses) -> PaymentLink | None:
    """Offer a document's payment page; of a paid boleto its copy, and nothing of others."""
    url = to.to("payment", order=order, public_id=row.public_id)
    named = {"document": what}
    if row.kind in SLIPS and row.state == "available":
        return PaymentLink(_("Data"), _("Data of %(document)s") % named, url)
    if row.kind != BOLETO:
        return None
    if row.state == "replaced":
        return PaymentLink(_("See the new one"), _("What replaced %(document)s") % named, url)
    if row.title_state == "paid" and row.state == "available":
        copy = to.to("document", {"copia": "1"}, order=order, public_id=row.public_id)
        return PaymentLink(_("Paid copy"), _("Copy of %(document)s, paid") % named, copy)
    return PaymentLink(_("Pay"), _("Pay %(document)s") % named, url) if row.can_be_paid else None


def title_links(
    titles: Iterable[TitleRow], documents: Iterable[DocumentRow], *, order: UUID, to: Addresses
) -> dict[str, str]:
    """Find the payment page of each amount that is to be paid, by the title's key."""
    known = tuple(titles)
    boletos = documents_of_titles(known, documents)
    links = {}
    for title in known:
        if title.state in SETTLED:
            continue
        boleto = boletos.get(title.key)
        if boleto is not None:
            if boleto.can_be_paid:
                links[title.key] = to.to("payment", order=order, public_id=boleto.public_id)
        elif title.typeable_line or title.pix:
            query = {"titulo": title_ref(title.key)}
            links[title.key] = to.to("title-payment", query, public_id=order)
    return links
