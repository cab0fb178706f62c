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
from erp_bridge.records import TitleState

Text = str | Promise

_KIND: Final[Mapping[str, Text]] = {
    "nfe_xml": lazy("NF-e XML"),
    "danfe": "DANFE",
    "boleto": "Boleto",
    "transfer": lazy("Transfer copy"),
    "gnre": "GNRE",
    "gare": "GARE",
    "serials": lazy("Serial numbers"),
    "cte_xml": lazy("CT-e XML"),
    "dacte": "DACTE",
    "event_xml": lazy("Invoice event"),
    "cce": lazy("Correction letter (CC-e)"),
    "other": lazy("Other document"),
}
KINDS: Final = tuple(_KIND)
# By the states of documents, the codes of sources, and our own.
_REASON: Final[Mapping[str, Text]] = {
    State.EXPECTED: lazy("It is being issued."),
    State.NOT_APPLICABLE: lazy("This order needs no such document."),
    State.CANCELLED: lazy("It was cancelled."),
    State.REPLACED: lazy("It was replaced by another one."),
    "unreachable": lazy("The source did not answer in time."),
    "throttled": lazy("The source asks to wait."),
    "source-failing": lazy("The source failed."),
    "credentials-rejected": lazy("The source refuses our connection."),
    "not-found": lazy("The source does not have this file."),
    "no-longer-listed": lazy("The source does not list this file any more."),
    "busy": lazy("Somebody else was fetching it. Try again."),
    "no-time-left": lazy("There was no time left to fetch it. Download it alone, or as a pack."),
    "not-visible": lazy("It is not there any more."),
    "paid": lazy("It has been paid."),
    "being-made": lazy("It is being prepared. Download it alone in a moment."),
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


def reason_words(reason: str, state: str = "") -> str:
    """Say why a document cannot be had."""
    if state == State.DAMAGED:
        return _("The supplier's system sent a damaged file. The team has been told.")
    known = _REASON.get(reason) or _REASON.get(state)
    return str(known or _("The source did not hand out this file."))


def settled_words(title_state: str) -> str:
    """Say that a paper to pay is settled; nothing while it may have to be paid."""
    if title_state == TitleState.PAID:
        return _("This has been paid: do not pay it again.")
    if title_state == TitleState.CANCELLED:
        return _("This is no longer due: do not pay it.")
    return ""


def copy_filename(filename: str, fetched_at: datetime) -> str:
    """Mark in its name a paper to pay that is a copy of a moment: it may be paid or replaced."""
    stem, _dot, extension = filename.rpartition(".")
    made = timezone.localtime(fetched_at)
    note = _("copy-of-%(date)s-check-before-paying") % {"date": f"{made:%Y-%m-%d-%H%M}"}
    return f"{stem}-{note}.{extension}"


def copy_words(fetched_at: datetime) -> str:
    """Say of a paper to pay that it is a copy of a moment."""
    text = _("Copy of %(date)s: check whether it is still to be paid before you pay it.")
    return text % {"date": moment_words(fetched_at)}


def moment_words(moment: datetime) -> str:
    """Write a moment for people: 28/11/2026 10:54, in English 28 Nov 2026 10:54."""
    local = timezone.localtime(moment)
    return date_format(local, "j M Y H:i" if get_language() == "en" else "d/m/Y H:i")
