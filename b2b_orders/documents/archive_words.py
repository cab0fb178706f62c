"""What indexes, mails and shared pages say of a document: they are made below the pages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from b2b_orders.documents.models import Document, State
from b2b_orders.documents.services import Download
from erp_bridge.records import TitleState

Text = str | Promise

_KIND: Final[Mapping[str, Text]] = {
    "nfe_xml": lazy("NF-e XML"),
    "danfe": "DANFE",
    "boleto": "Boleto",
    "transfer": lazy("Transfer copy"),
    "gnre": "GNRE",
    "gare": "GARE / DARE",
    "serials": lazy("Serial numbers"),
    "cte_xml": lazy("CT-e XML"),
    "dacte": "DACTE",
    "event_xml": lazy("Invoice event"),
    "cce": lazy("Correction letter (CC-e)"),
    "other": lazy("Other document"),
}
KINDS: Final = tuple(_KIND)
# Why a page of ours cannot be made.
RENDER_FAILURE: Final[Mapping[str, Text]] = {
    "render-unreadable": lazy("The XML could not be read."),
    "render-characters": lazy("The XML has characters that the printed form does not know."),
    "render-layout": lazy("The XML follows a layout that we cannot print, an old one perhaps."),
    "render-memory": lazy("The XML is too large to be printed here."),
    "render-too-large": lazy("The XML is too large to be printed here."),
    "render-time": lazy("Making the page took too long and was stopped."),
    "render-crashed": lazy("Making the page failed twice."),
    "render-gave-up": lazy("Making the page failed twice."),
    "render-xml-gone": lazy("The XML it is made from cannot be used at the moment."),
}
_CANNOT: Final = lazy("The source did not hand out this file.")
_UNLISTED: Final = lazy("The source does not list this file any more.")
# By the states of documents, the codes of sources and checks, and our own.
_REASON: Final[Mapping[str, Text]] = {
    State.EXPECTED: lazy("It is being issued."),
    State.NOT_APPLICABLE: lazy("This order needs no such document."),
    State.CANCELLED: lazy("It was cancelled."),
    State.REPLACED: lazy("It was replaced by another one."),
    State.FAILED: _CANNOT,
    State.DAMAGED: lazy("The supplier's system sent a damaged file. The team has been told."),
    # sources
    "unreachable": lazy("The source did not answer in time."),
    "throttled": lazy("The source asks to wait."),
    "source-failing": lazy("The source failed."),
    "transient": lazy("The source failed."),
    "credentials-rejected": lazy("The source refuses our connection."),
    "not-found": lazy("The source does not have this file."),
    "resource-missing": lazy("The source does not have this file."),
    "bridge": _CANNOT,
    "terminal": _CANNOT,
    "bad-request": _CANNOT,
    "unsupported": _CANNOT,
    "contract-violation": _CANNOT,
    "wrong-owner": lazy("A source answered with another company's order"),
    "refused": lazy("Refused file: too large, or at an address that is not allowed"),
    # our own
    "no-longer-listed": _UNLISTED,
    "unlisted": _UNLISTED,
    "busy": lazy("Somebody else was fetching it. Try again."),
    "no-time-left": lazy("There was no time left to fetch it. Download it alone, or as a pack."),
    "not-held": _CANNOT,
    "not-visible": lazy("It is not there any more."),
    "paid": lazy("It has been paid."),
    # checks of what came
    "instead-of": lazy("Damaged file: something else instead of the document"),
    "empty": lazy("The file is empty."),
    "damaged-pdf": lazy("Damaged file: a PDF that is cut or broken"),
    "malformed-xml": lazy("Damaged file: an XML that cannot be read"),
    "unsafe-xml": lazy("Refused file: an XML with declarations that are not allowed"),
    "wrong-root": lazy("Refused file: not the kind of XML that was announced"),
    "wrong-kind": lazy("Refused file: not the kind that was announced"),
    "too-large": lazy("Refused file: too large"),
    "too-many-pages": lazy("Refused file: a PDF with far too many pages"),
    "active-content": lazy("Refused file: a PDF with scripts or attachments"),
    "bad-access-key": lazy("Refused file: its access key does not add up"),
    "bad-signature": lazy("Refused file: its signature does not fit what it says"),
    "not-authorised": lazy("Refused file: the tax authority did not authorise it"),
    "document-of-another-company": lazy("Refused file: it belongs to another company"),
    "document-of-another-branch": lazy("Refused file: it belongs to another branch of the company"),
    "document-of-another-order": lazy("Refused file: it belongs to another order"),
    # pages that we make
    "being-made": lazy("It is being made. Try again in a moment."),
    **RENDER_FAILURE,
}


def kind_words(kind: str, instalment: str = "") -> str:
    """Name a kind of document, and which instalment it is for."""
    name = str(_KIND.get(kind, _KIND["other"]))
    return f"{name} {instalment}" if instalment else name


def invoice_words(number: str, series: str) -> str:
    """Name the invoice that a document belongs to; nothing without one."""
    if not number:
        return ""
    return f"NF {number}/{series}" if series else f"NF {number}"


def document_words(document: Document) -> str:
    """Name a document with its invoice."""
    kind = kind_words(document.kind, document.instalment)
    invoice = invoice_words(document.invoice_number, document.invoice_series)
    return f"{kind} · {invoice}" if invoice else kind


def has_reason_words(reason: str) -> bool:
    """Say whether a code has words of its own."""
    return _code(reason) in _REASON


def reason_words(reason: str, state: str = "") -> str:
    """Say why a document cannot be had; by its state where the reason has no words."""
    known = _REASON.get(_code(reason)) or _REASON.get(state) or _CANNOT
    return str(known)


def _code(reason: str) -> str:
    # `html-instead-of-pdf` and its like are one sentence.
    return "instead-of" if "-instead-of-" in reason else reason


def settled_words(title_state: str) -> str:
    """Say that a paper to pay is settled; nothing while it may have to be paid."""
    if title_state == TitleState.PAID:
        return _("This has been paid: do not pay it again.")
    if title_state == TitleState.CANCELLED:
        return _("This is no longer due: do not pay it.")
    return ""


def name_to_save(taken: Download) -> str:
    """Name a file as people save it: a paper not to be paid as it is says so in its name."""
    if taken.is_copy:
        return _noted(taken.filename, _("copy-of-a-paid-boleto"))
    return taken.filename if taken.is_checked else copy_filename(taken.filename, taken.fetched_at)


def copy_filename(filename: str, fetched_at: datetime) -> str:
    """Mark in its name a paper to pay that is a copy of a moment: it may be paid or replaced."""
    made = timezone.localtime(fetched_at)
    note = _("copy-of-%(date)s-check-before-paying") % {"date": f"{made:%Y-%m-%d-%H%M}"}
    return _noted(filename, note)


def _noted(filename: str, note: str) -> str:
    stem, _dot, extension = filename.rpartition(".")
    return f"{stem}-{note}.{extension}"


def copy_words(fetched_at: datetime) -> str:
    """Say of a paper to pay that it is a copy of a moment."""
    text = _("Copy of %(date)s: check whether it is still to be paid before you pay it.")
    return text % {"date": moment_words(fetched_at)}


def moment_words(moment: datetime) -> str:
    """Write a moment for people: 28/11/2026 10:54, in English 28 Nov 2026 10:54."""
    local = timezone.localtime(moment)
    return date_format(local, "j M Y H:i" if get_language() == "en" else "d/m/Y H:i")
