"""Choosing many documents, and handing out all of an order's as one streamed ZIP file."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.conf import settings
from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThanOrEqual, LessThanOrEqual
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from b2b_orders.audit.services import Action
from b2b_orders.audit.services import record as record_audit
from b2b_orders.common import tenancy
from b2b_orders.common.errors import InvalidInput, NotVisible, ProductError
from b2b_orders.common.visibility import VisibleQuerySet
from b2b_orders.companies.access import Actor, Viewer
from b2b_orders.companies.viewers import still
from b2b_orders.documents.archive_words import (
    copy_filename,
    copy_words,
    invoice_words,
    kind_words,
    moment_words,
    reason_words,
    settled_words,
)
from b2b_orders.documents.archives import Archive, Heading, Item, safe_name
from b2b_orders.documents.listing import PAYABLE
from b2b_orders.documents.models import Document, State
from b2b_orders.documents.patience import PatientSource
from b2b_orders.documents.queries import DocumentRow, list_documents, visible_documents
from b2b_orders.documents.services import (
    DocumentUnavailable,
    Download,
    PaidForSource,
    open_download,
)
from b2b_orders.orders.queries import get_order, search

# Of an order number searched for: as many orders as a pack may be narrowed to.
_MOST_ORDERS: Final = 500
# What is never handed out as something to pay.
GONE: Final = frozenset({State.CANCELLED, State.REPLACED})
_DAY: Final = Coalesce("issued_on", "record__order__placed_on")
_ABSENT: Final = frozenset({State.EXPECTED, State.NOT_APPLICABLE})


@dataclass(frozen=True, slots=True)
class Choice:
    """Which documents are wanted. Both days are included; empty means all.

    `establishment` is a tax id, `text` what would be typed to find orders, `orders` some that
    were picked by hand.
    """

    since: date | None = None
    until: date | None = None
    kinds: tuple[str, ...] = ()
    establishment: str = ""
    text: str = ""
    order: uuid.UUID | None = None
    orders: tuple[uuid.UUID, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Write it down."""
        return {
            "since": self.since.isoformat() if self.since else "",
            "until": self.until.isoformat() if self.until else "",
            "kinds": list(self.kinds),
            "establishment": self.establishment,
            "text": self.text,
            "order": str(self.order or ""),
            **({"orders": [str(each) for each in self.orders]} if self.orders else {}),
        }

    @classmethod
    def of_json(cls, written: dict[str, Any]) -> Choice:
        """Read it back."""
        return cls(
            since=date.fromisoformat(written["since"]) if written.get("since") else None,
            until=date.fromisoformat(written["until"]) if written.get("until") else None,
            kinds=tuple(written.get("kinds", ())),
            establishment=written.get("establishment", ""),
            text=written.get("text", ""),
            order=uuid.UUID(written["order"]) if written.get("order") else None,
            orders=tuple(uuid.UUID(each) for each in written.get("orders", ())),
        )


@dataclass(frozen=True, slots=True)
class ChoiceCount:
    """How many documents a choice has, how many of them are available, and the bytes held."""

    total: int
    available: int
    held: int
    size: int


class TooManyToWait(ProductError):
    """So many files are better built into a pack by a worker."""

    code = "too-many-to-wait"


def chosen_documents(*, viewer: Viewer, choice: Choice) -> VisibleQuerySet[Document]:
    """Return the documents of a choice that the viewer may take; those that do not apply are none.

    A document is of the day of its issue, else of its order's.
    """
    rows = visible_documents(viewer=viewer).exclude(state=State.NOT_APPLICABLE)
    if choice.kinds:
        rows = rows.filter(kind__in=choice.kinds)
    if choice.order:
        rows = rows.filter(record__order__public_id=choice.order)
    if choice.orders:
        rows = rows.filter(record__order__public_id__in=choice.orders)
    if choice.establishment:
        rows = rows.filter(record__order__establishment__tax_id=choice.establishment)
    if choice.since:
        rows = rows.filter(GreaterThanOrEqual(_DAY, choice.since))
    if choice.until:
        rows = rows.filter(LessThanOrEqual(_DAY, choice.until))
    if choice.text.strip():
        rows = rows.filter(record__order_id__in=_orders_found(viewer, choice.text))
    return rows


def count_choice(*, viewer: Viewer, choice: Choice) -> ChoiceCount:
    """Count the documents of a choice. One SQL statement, more with a text to find orders by."""
    is_held = Q(file__isnull=False)
    found = chosen_documents(viewer=viewer, choice=choice).aggregate(
        total=Count("pk"),
        available=Count("pk", filter=~Q(state__in=_ABSENT | {State.FAILED, State.DAMAGED})),
        held=Count("pk", filter=is_held),
        size=Sum("file__size", default=0),
    )
    return ChoiceCount(**found)


def has_documents(*, viewer: Viewer) -> bool:
    """Say whether there is anything at all to choose from. One SQL statement."""
    return chosen_documents(viewer=viewer, choice=Choice()).exists()


def _orders_found(viewer: Viewer, text: str) -> list[int]:
    found: list[int] = []
    after: str | None = None
    while len(found) < _MOST_ORDERS:
        result = search(viewer=viewer, text=text, after=after, limit=100)
        if result.recognised.shape == "too_long":
            raise InvalidInput("q", "too-long")
        found.extend(row.id for row in result.rows)
        after = result.next
        if after is None:
            break
    return found


# --- all of an order ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OrderArchive:
    """A ZIP file of an order's documents; `stream` may be read once."""

    filename: str
    stream: Iterator[bytes]


def open_order_archive(
    *,
    viewer: Viewer,
    actor: Actor,
    order_public_id: uuid.UUID,
    source: PaidForSource,
    clock: Callable[[], datetime],
    role: str = tenancy.WEB,
) -> OrderArchive:
    """Hand out all documents of an order as one ZIP file, with an index of what is missing.

    The stream is read after the request's scope has ended: it opens one of its own for each
    file. Raises `NotVisible`, and `TooManyToWait` when too many files would have to be
    fetched while a person waits.
    """
    order = get_order(viewer=viewer, public_id=order_public_id, line_limit=0)
    rows = [
        row
        for row in list_documents(viewer=viewer, order_id=order.row.id)
        if row.state != State.NOT_APPLICABLE
    ]
    if not rows:
        raise NotVisible
    to_fetch = sum(row.size is None and row.state not in _ABSENT for row in rows)
    if to_fetch > settings.PORTAL_ZIP_FETCHES or len(rows) > settings.PORTAL_ZIP_FILES:
        raise TooManyToWait
    record_audit(
        Action.DOCUMENTS_PACKED,
        actor=actor,
        company_id=viewer.company_id,
        object_kind="order",
        object_id=str(order.row.public_id),
        detail={"how": "zip", "documents": len(rows)},
        now=clock(),
    )
    language = translation.get_language() or settings.LANGUAGE_CODE
    archive = Archive(
        order_heading(order.row.title, clock()),
        language,
        tuple((folder,) for folder in dict.fromkeys(folder_of(row) for row in rows)),
    )
    taking = Taking(viewer, actor, source, clock, language, role)
    # What we hold first, so that the first bytes do not wait for a source.
    rows.sort(key=lambda row: (row.size is None, row.kind in PAYABLE))
    return OrderArchive(
        f"{safe_name(_('Order %(number)s') % {'number': order.row.title})}.zip",
        archive.stream(taking.items([(row, order.row.title) for row in rows])),
    )


def order_heading(title: str, now: datetime) -> Heading:
    """Write what an order's index begins with."""
    made = timezone.localtime(now)
    return Heading(
        (
            _("Documents of order %(number)s") % {"number": title},
            f"{settings.PORTAL_SELLER_NAME}, {moment_words(made)}",
        )
    )


def folder_of(row: DocumentRow | Document) -> str:
    """Name the folder of a document: its invoice's, or the one of all others."""
    if not row.invoice_number:
        return _("Other documents")
    return "-".join(part for part in ("NF", row.invoice_number, row.invoice_series) if part)


@dataclass(frozen=True, slots=True)
class Taking:
    """Takes documents one after the other, each as if it were downloaded alone."""

    viewer: Viewer
    actor: Actor
    source: PaidForSource
    clock: Callable[[], datetime]
    language: str
    role: str

    def items(self, rows: Sequence[tuple[DocumentRow, str]]) -> Iterator[Item]:
        """Take documents, each of the order of this title."""
        source = PatientSource.within(
            self.source, seconds=settings.PORTAL_ZIP_SECONDS, each=settings.PORTAL_DOCUMENT_SECONDS
        )
        for row, order in rows:
            scope = tenancy.scope(
                role=self.role,
                company_id=self.viewer.company_id,
                person_id=self.viewer.person_id,
            )
            # Ends before the item is handed on: no transaction is open while a slow
            # reader takes its time.
            with scope, translation.override(self.language):
                item = self._item(row, order, source)
            yield item

    def _item(self, row: DocumentRow, order: str, source: PatientSource) -> Item:
        if row.state in _ABSENT or is_gone(row):
            return make_item(row, order=order, problem=reason_words(row.state, row.state))
        if row.size is None and source.is_over:
            return make_item(row, order=order, problem=reason_words("no-time-left"))
        viewer = still(self.viewer)
        if viewer is None:
            return make_item(row, order=order, problem=reason_words("not-visible"))
        try:
            taken = open_download(
                viewer=viewer,
                actor=self.actor,
                public_id=row.public_id,
                source=source,
                now=self.clock(),
                about={"how": "zip"},
            )
        except DocumentUnavailable as error:
            return make_item(row, order=order, problem=reason_words(error.reason, error.state))
        except NotVisible:
            return make_item(row, order=order, problem=reason_words("not-visible"))
        return make_item(row, order=order, file=taken, is_copy=not taken.is_checked)


def is_gone(row: DocumentRow | Document) -> bool:
    """Say whether a file is not handed out any more; a cancelled invoice's is, for the books."""
    return row.state in GONE and (row.kind in PAYABLE or row.state == State.REPLACED)


def make_item(
    row: DocumentRow | Document,
    *,
    order: str,
    file: Download | None = None,
    problem: str = "",
    is_copy: bool = False,
    above: tuple[str, ...] = (),
) -> Item:
    """Make a document an item of a ZIP file; a paper to pay that is a copy is marked so."""
    filename = file.filename if file else ""
    note = settled_words(row.title_state) if row.kind in PAYABLE else ""
    if file and row.state == State.CANCELLED:
        note = reason_words(row.state, row.state)
    if file and is_copy and not note:
        filename = copy_filename(filename, file.fetched_at)
        note = copy_words(file.fetched_at)
    return Item(
        folders=(*above, folder_of(row)),
        filename=filename,
        order=order,
        invoice=invoice_words(row.invoice_number, row.invoice_series),
        kind=kind_words(row.kind, row.instalment),
        file=file,
        problem=problem,
        note=note if file else "",
        fetched=f"{timezone.localtime(file.fetched_at):%Y-%m-%d %H:%M}" if file else "",
    )
