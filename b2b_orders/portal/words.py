"""The words of the pages, as tables: our codes on the left, what people read on the right.

A code that is not in a table is shown as the source wrote it, never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Word:
    """A word with its tone and icon: state is never told by colour alone."""

    text: Text
    tone: str
    icon: str


@dataclass(frozen=True, slots=True)
class Chip:
    """A word ready to be shown; `note` is added for those who ask what it means."""

    text: str
    tone: str
    icon: str
    note: str = ""


FULFILMENT: dict[str, Word] = {
    "placed": Word(lazy("Received"), "plain", "inbox"),
    "awaiting_approval": Word(lazy("Awaiting your approval"), "warn", "clock"),
    "awaiting_payment": Word(lazy("Awaiting payment"), "warn", "clock"),
    "awaiting_erp": Word(lazy("Waiting to enter the ERP"), "plain", "dots"),
    "commercial_review": Word(lazy("Commercial release"), "info", "clock"),
    "credit_review": Word(lazy("Credit release"), "info", "clock"),
    "picking": Word(lazy("Being picked"), "info", "box"),
    "partly_invoiced": Word(lazy("Partly invoiced"), "info", "half"),
    "invoiced": Word(lazy("Invoiced"), "info", "invoice"),
    "shipped": Word(lazy("Shipped"), "info", "truck"),
    "delivered": Word(lazy("Delivered"), "good", "check"),
    "cancel_requested": Word(lazy("Cancellation requested"), "warn", "alert"),
    "cancelled": Word(lazy("Cancelled"), "bad", "cross"),
    "replaced": Word(lazy("Replaced"), "plain", "swap"),
}

# A state that is not known is not shown: it says nothing.
BILLING: dict[str, Word] = {
    "not_invoiced": Word(lazy("Not invoiced yet"), "plain", "clock"),
    "partly_invoiced": Word(lazy("Partly invoiced"), "info", "half"),
    "invoiced": Word(lazy("Invoiced"), "info", "invoice"),
    "returned": Word(lazy("Goods returned"), "plain", "swap"),
    "cancelled": Word(lazy("Not to be invoiced"), "plain", "cross"),
}
PAYMENT: dict[str, Word] = {
    "awaiting": Word(lazy("Awaiting payment"), "warn", "clock"),
    "authorised": Word(lazy("Payment authorised"), "info", "check"),
    "partly_paid": Word(lazy("Partly paid"), "info", "half"),
    "paid": Word(lazy("Paid"), "good", "check"),
    "denied": Word(lazy("Payment denied"), "bad", "cross"),
    "refunded": Word(lazy("Refunded"), "plain", "swap"),
    "cancelled": Word(lazy("Nothing to pay"), "plain", "cross"),
}

STEPS = (
    "placed",
    "commercial_review",
    "credit_review",
    "picking",
    "invoiced",
    "shipped",
    "delivered",
)
# What a status says that the bar of steps cannot.
LAYOUT: dict[str, Text] = {
    "partly": lazy("Some of the items are invoiced; the rest follows on another invoice."),
    "cancel_requested": lazy("Cancellation was requested and is not decided yet."),
    "cancelled": lazy("This order was cancelled. Its documents are kept for the record."),
    "replaced": lazy("Another order took the place of this one."),
}
# Where a status that is no step of its own stands on the bar.
STEP_OF = {
    "awaiting_approval": "placed",
    "awaiting_payment": "placed",
    "awaiting_erp": "placed",
    "partly_invoiced": "invoiced",
}

NUMBER_KIND: dict[str, Text] = {
    "web": lazy("Web order"),
    "erp": lazy("ERP order"),
    "customer": lazy("Your number"),
    "invoice": lazy("Invoice (NF)"),
    "access_key": lazy("Access key"),
    "boleto_line": lazy("Boleto number line"),
    "tracking": lazy("Tracking"),
}

# Numbers of the site that are told from its order's own by how they are written.
NUMBER_FORM: dict[str, Text] = {
    "sequence": lazy("Sequence"),
    "seller": lazy("Seller order id"),
}

SYSTEM: dict[str, Text] = {"vtex": lazy("Website"), "erp": "ERP"}

ORIGIN: dict[str, Text] = {
    "vtex": lazy("Website"),
    "erp": "ERP",
    "erp+vtex": lazy("Website + ERP"),
}


@dataclass(frozen=True, slots=True)
class KindWord:
    """A kind of document: its name, which stays Brazilian, and what it is."""

    name: Text
    meaning: Text
    icon: str


DOCUMENT_KIND: dict[str, KindWord] = {
    "nfe_xml": KindWord(lazy("NF-e XML"), lazy("Brazilian electronic invoice, as data"), "code"),
    "danfe": KindWord("DANFE", lazy("printed form of the NF-e"), "file"),
    "boleto": KindWord("Boleto", lazy("bank payment slip"), "barcode"),
    "transfer": KindWord(lazy("Transfer copy"), lazy("copy of the bank transfer"), "file"),
    "gnre": KindWord("GNRE", lazy("interstate tax payment form"), "file"),
    "gare": KindWord("GARE / DARE", lazy("São Paulo tax form"), "file"),
    "serials": KindWord(lazy("Serial numbers"), lazy("serial numbers of the products"), "list"),
    "cte_xml": KindWord(lazy("CT-e XML"), lazy("electronic freight document, as data"), "truck"),
    "dacte": KindWord("DACTE", lazy("printed form of the CT-e"), "truck"),
    "event_xml": KindWord(
        lazy("Invoice event"), lazy("cancellation or correction of an NF-e, as data"), "code"
    ),
    "cce": KindWord(lazy("Correction letter (CC-e)"), "", "file"),
    "other": KindWord(lazy("Other document"), "", "file"),
}
KIND_ORDER = tuple(DOCUMENT_KIND)

DOCUMENT_STATE: dict[str, Word] = {
    "expected": Word(lazy("Being issued"), "plain", "dots"),
    "late": Word(lazy("Expected, late"), "warn", "clock"),
    "available": Word(lazy("Available"), "good", "check"),
    "failed": Word(lazy("Failed"), "warn", "alert"),
    "damaged": Word(lazy("Damaged file"), "bad", "alert"),
    "cancelled": Word(lazy("Cancelled"), "bad", "cross"),
    "replaced": Word(lazy("Replaced"), "plain", "swap"),
    "not_applicable": Word(lazy("Does not apply"), "plain", "minus"),
}

TITLE_STATE: dict[str, Word] = {
    "open": Word(lazy("Not yet due"), "info", "clock"),
    "paid": Word(lazy("Paid"), "good", "check"),
    "overdue": Word(lazy("Overdue"), "bad", "alert"),
    "cancelled": Word(lazy("Cancelled"), "plain", "cross"),
    "unknown": Word(lazy("State not stated"), "plain", "dots"),
}

FIELD: dict[str, Text] = {
    "total": lazy("Total"),
    "fulfilment": lazy("Status"),
    "billing": lazy("Invoicing"),
    "payment": lazy("Payment"),
    "lines": lazy("Items"),
    "items": lazy("Items"),
    "currency": lazy("Currency"),
}

# By the codes of `erp_bridge.vtex.mapping`; what a carrier says is its own text.
EVENT: dict[str, Text] = {
    "created": lazy("Order placed"),
    # A card or a credit limit that said yes: not money, which may still be awaited.
    "authorized": lazy("Payment authorised"),
    "invoiced": lazy("Invoice issued"),
    "tracking": lazy("Tracking"),
    "delivered": lazy("Goods delivered"),
    "cancelled": lazy("Order cancelled"),
    "cancel_requested": lazy("Cancellation requested"),
    # What files say that were checked, see `documents.learning`.
    "nfe-cancelled": lazy("The seller cancelled the invoice"),
    "nfe-corrected": lazy("Correction letter of the invoice"),
    "nfe-event": lazy("Event of the invoice"),
}

SOURCE_STATE: dict[str, Word] = {
    "ok": Word(lazy("Answering"), "good", "check"),
    "down": Word(lazy("Not answering"), "bad", "alert"),
    "never": Word(lazy("Not read yet"), "plain", "dots"),
    # Only operations are told that an outage is rehearsed.
    "outage": Word(lazy("Outage rehearsed"), "warn", "clock"),
    "off": Word(lazy("Switched off"), "plain", "minus"),
}

# By the codes of `documents.checks`, of refused downloads and of ingest.
INCIDENT: dict[str, Text] = {
    "instead-of": lazy("Damaged file: something else instead of the document"),
    "damaged-pdf": lazy("Damaged file: a PDF that is cut or broken"),
    "malformed-xml": lazy("Damaged file: an XML that cannot be read"),
    "unsafe-xml": lazy("Refused file: an XML with declarations that are not allowed"),
    "wrong-root": lazy("Refused file: not the kind of XML that was announced"),
    "wrong-kind": lazy("Refused file: not the kind that was announced"),
    "too-large": lazy("Refused file: too large"),
    "active-content": lazy("Refused file: a PDF with scripts or attachments"),
    "bad-access-key": lazy("Refused file: its access key does not add up"),
    "document-of-another-company": lazy("Refused file: it belongs to another company"),
    "bad-signature": lazy("Refused file: its signature does not fit what it says"),
    "not-authorised": lazy("Refused file: the tax authority did not authorise it"),
    "too-many-pages": lazy("Refused file: a PDF with far too many pages"),
    "document-of-another-branch": lazy("Refused file: it belongs to another branch of the company"),
    "document-of-another-order": lazy("Refused file: it belongs to another order"),
    "rendering-failed": lazy("The printed form of an XML could not be made"),
    "document-refused": lazy("Refused file: too large, or at an address that is not allowed"),
    "stored-file-corrupt": lazy("A file in our store is not what was stored; it is fetched again"),
    "payee-changed": lazy("A paper to pay names another payee than before"),
    "payment-wrong": lazy("A paper to pay does not add up: its line, code, payee or payer"),
    "wrong-company": lazy("A source answered with another company's order"),
    "order-of-two-companies": lazy("A source gave one order to two companies"),
    "feed-foreign": lazy(
        "The VTEX feed of our key serves another purpose: nothing is read from it"
    ),
    "feed-vanished": lazy("The VTEX feed was gone and has been set up again"),
    "feed-ageing": lazy("Changes have waited in the VTEX feed for half of the time it keeps them"),
    "hook-foreign": lazy("The VTEX hook of our key calls somebody else"),
    "hook-refused": lazy("A call to the VTEX hook was refused"),
    # By the codes of `audit.alarms`.
    "guessing": lazy("Somebody opens one unknown address after the other"),
    "bulk-misuse": lazy("Somebody of staff opens unusually much"),
    "login-failures": lazy("Many log-ins failed"),
    "staff-factor-reset": lazy("The second factor of somebody of staff was reset"),
    "operations-given": lazy("Somebody was given the rights of operations"),
    "audit-chain-broken": lazy("The audit record is not as it was written"),
    "limits-not-counted": lazy("The cache does not answer: requests are not limited"),
}

# What a person is in their company.
ROLE: dict[str, Text] = {
    "buyer": lazy("Buyer"),
    "finance": lazy("Finance"),
    "viewer": lazy("Read only"),
    "admin": lazy("Company admin"),
}

ANSWER: dict[str, Text] = {
    "found": lazy("found it"),
    "not-found": lazy("does not have it"),
    "unreachable": lazy("did not answer in time"),
    "throttled": lazy("asks to wait"),
    "source-failing": lazy("failed"),
    "credentials-rejected": lazy("refuses our connection"),
    "unsupported": lazy("cannot be asked for this"),
}


# What somebody of the seller is to a customer.
STAFF_ROLE: dict[str, Text] = {
    "support": lazy("Support"),
    "telesales": lazy("Telesales"),
    "operations": lazy("Operations"),
}


def staff_name(name: str, role: str) -> str:
    """Name somebody of the seller with what they are there."""
    return f"{name} ({text(STAFF_ROLE, role)})" if role else name


def incident(code: str) -> str:
    """Word an incident; `html-instead-of-pdf` and its like are one sentence."""
    return text(INCIDENT, "instead-of" if "-instead-of-" in code else code)


def fulfilment(code: str, raw: str = "") -> Chip:
    """Word a status; one that we do not know is shown as received."""
    word = FULFILMENT.get(code)
    if word is None:
        # As the source wrote it, and marked: a word that is not in our table.
        return Chip(" ".join((raw or code, "(" + _("unmapped") + ")")), "plain", "question")
    return Chip(str(word.text), word.tone, word.icon)


def chip(table: dict[str, Word], code: str) -> Chip:
    """Word a code by a table; an unknown one as itself."""
    word = table.get(code)
    return Chip(str(word.text), word.tone, word.icon) if word else Chip(code, "plain", "question")


def text(table: Mapping[str, Text], code: str) -> str:
    """Word a code by a table; an unknown one as itself."""
    return str(table.get(code, code))
