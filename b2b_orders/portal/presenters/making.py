"""A page that is being made of an XML, worded."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _

from b2b_orders.documents.archive_words import RENDER_FAILURE
from b2b_orders.documents.rendering import Progress
from b2b_orders.portal import words
from b2b_orders.portal.addresses import Addresses
from b2b_orders.portal.words_documents import xml_instead_words


@dataclass(frozen=True, slots=True)
class MakingPage:
    """How far it is, in words, and where to go from there."""

    heading: str
    sentence: str
    is_waiting: bool
    is_ready: bool
    here: str
    file: str
    xml: str
    back: str


def making_page(progress: Progress, *, order: UUID, public_id: UUID, to: Addresses) -> MakingPage:
    """Present how far a page is: waiting, ready or given up."""
    is_waiting = not progress.is_ready and not progress.problem
    if is_waiting:
        sentence = _(
            "This takes some seconds, up to a minute for an invoice with many items. This page"
            " goes on by itself."
        )
    elif progress.is_ready:
        sentence = _("The download starts by itself.")
    else:
        why = words.text(RENDER_FAILURE, progress.problem)
        sentence = f"{why} {xml_instead_words()}"
    return MakingPage(
        heading=_heading(progress, is_waiting=is_waiting),
        sentence=sentence,
        is_waiting=is_waiting,
        is_ready=progress.is_ready,
        here=to.to("document-making", order=order, public_id=public_id),
        file=to.to("document", order=order, public_id=public_id),
        xml=to.to("document", order=order, public_id=progress.xml),
        back=to.to("order", public_id=order) + "#documents",
    )


def _heading(progress: Progress, *, is_waiting: bool) -> str:
    kind = words.DOCUMENT_KIND.get(progress.kind)
    name = str(kind.name) if kind else progress.kind
    if progress.invoice_number:
        name = f"{name} · NF {progress.invoice_number}"
    if is_waiting:
        return _("Being made: %(document)s") % {"document": name}
    if progress.is_ready:
        return _("Ready: %(document)s") % {"document": name}
    return _("Could not be made: %(document)s") % {"document": name}
