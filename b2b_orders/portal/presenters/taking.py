"""What can be done with a document besides downloading it, and with all of an order's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from b2b_orders.documents.listing import PAYABLE
from b2b_orders.documents.queries import DocumentRow
from b2b_orders.documents.viewing import may_be_shown
from b2b_orders.portal import formats
from b2b_orders.portal.addresses import Addresses
from b2b_orders.portal.presenters.actions import DocumentAction
from erp_bridge.records import DocumentKind, TitleState


@dataclass(frozen=True, slots=True)
class AllFiles:
    """The button that takes all documents of an order; `left_out` says what it does not take."""

    text: str
    url: str
    left_out: str = ""


def view_action(
    row: DocumentRow, what: str, *, order: UUID, to: Addresses
) -> Iterator[DocumentAction]:
    """Offer to show a document in the browser, where that is possible."""
    if may_be_shown(row):
        yield DocumentAction(
            label=_("View"),
            full=_("View %(document)s") % {"document": what},
            url=to.to("view-document", order=order, public_id=row.public_id),
            opens_aside=True,
        )


def send_action(
    row: DocumentRow, what: str, *, order: UUID, to: Addresses
) -> Iterator[DocumentAction]:
    """Offer to send a document, by mail or as a link, where it is there."""
    if row.state == "available":
        yield DocumentAction(
            label=_("Send"),
            full=_("Send %(document)s") % {"document": what},
            url=to.to("send-document", order=order, public_id=row.public_id),
        )


def is_taken_along(row: DocumentRow) -> bool:
    """Say whether a document is among all files of its order, if its source still has it."""
    if row.state == "cancelled":
        return row.kind not in PAYABLE
    # What is paid or replaced is told of in the index, and not among the files.
    return row.state in {"available", "failed", "damaged"} and not row.is_withheld


def all_files(rows: Iterable[DocumentRow], *, order: UUID, to: Addresses) -> AllFiles | None:
    """Offer all files of an order, with how many there are and what is known of their size."""
    listed = tuple(rows)
    there = [row for row in listed if is_taken_along(row)]
    if not there:
        return None
    count = ngettext("%(count)s file", "%(count)s files", len(there))
    sizes = [row.size for row in there]
    size = formats.size(sum(size or 0 for size in sizes)) if all(sizes) else ""
    parts = [_("Download all (ZIP)"), count % {"count": formats.count(len(there))}, size]
    return AllFiles(
        text=" · ".join(part for part in parts if part),
        url=to.to("order-zip", public_id=order),
        left_out=_left_out(listed),
    )


def _left_out(rows: Iterable[DocumentRow]) -> str:
    """Count the boletos that are there and do not come along, for they are paid."""
    count = sum(
        row.kind == DocumentKind.BOLETO
        and row.state == "available"
        and row.title_state == TitleState.PAID
        for row in rows
    )
    if not count:
        return ""
    said = ngettext("without %(count)s paid boleto", "without %(count)s paid boletos", count)
    return said % {"count": formats.count(count)}
