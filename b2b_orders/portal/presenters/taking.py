"""What can be done with a document besides downloading it, and with all of an order's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from b2b_orders.documents.queries import DocumentRow
from b2b_orders.documents.viewing import may_be_shown
from b2b_orders.portal import formats
from b2b_orders.portal.addresses import Addresses
from b2b_orders.portal.presenters.actions import DocumentAction


@dataclass(frozen=True, slots=True)
class AllFiles:
    """The button that takes all documents of an order."""

    text: str
    url: str


def taking_actions(
    row: DocumentRow, what: str, *, order: UUID, to: Addresses
) -> Iterator[DocumentAction]:
    """Offer to show a document and to send it, where that is possible."""
    if may_be_shown(row):
        yield DocumentAction(
            label=_("View"),
            full=_("View %(document)s") % {"document": what},
            url=to.to("view-document", order=order, public_id=row.public_id),
            opens_aside=True,
        )
    if row.state == "available":
        yield DocumentAction(
            label=_("Send"),
            full=_("Send %(document)s") % {"document": what},
            url=to.to("send-document", order=order, public_id=row.public_id),
        )


def all_files(rows: Iterable[DocumentRow], *, order: UUID, to: Addresses) -> AllFiles | None:
    """Offer all files of an order, with how many there are and what is known of their size."""
    # What is paid or replaced is told of in the index, and not among the files.
    tried = {"available", "failed", "damaged"}
    there = [row for row in rows if row.state in tried and not row.is_withheld]
    if not there:
        return None
    count = ngettext("%(count)s file", "%(count)s files", len(there))
    sizes = [row.size for row in there]
    size = formats.size(sum(size or 0 for size in sizes)) if all(sizes) else ""
    parts = [_("Download all (ZIP)"), count % {"count": formats.count(len(there))}, size]
    return AllFiles(
        text=" · ".join(part for part in parts if part),
        url=to.to("order-zip", public_id=order),
    )
