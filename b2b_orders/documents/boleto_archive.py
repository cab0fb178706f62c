"""The boletos of amounts due that somebody selected, as one streamed ZIP file."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator
from datetime import date, datetime
from typing import Final

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from b2b_orders.audit.services import Action
from b2b_orders.audit.services import record as record_audit
from b2b_orders.common import tenancy
from b2b_orders.common.errors import InvalidInput
from b2b_orders.companies.access import Actor, Viewer
from b2b_orders.documents.archive_words import invoice_words, kind_words, reason_words
from b2b_orders.documents.archives import Archive, Heading, Item
from b2b_orders.documents.boletos import available_boletos, boleto_of
from b2b_orders.documents.models import State
from b2b_orders.documents.packing import OrderArchive, Taking
from b2b_orders.documents.queries import DocumentRow, describe_documents
from b2b_orders.documents.services import PaidForSource
from b2b_orders.orders.titles import Standing, TitleLine, list_chosen
from erp_bridge.records import DocumentKind

# As many as a page lists; each has its source asked whether it is still to be paid.
MOST: Final = 50


def open_boleto_archive(
    *,
    viewer: Viewer,
    actor: Actor,
    title_ids: Collection[int],
    source: PaidForSource,
    clock: Callable[[], datetime],
    today: date,
    role: str = tenancy.WEB,
) -> OrderArchive:
    """Hand out the boletos of some amounts due, with an index of which have none and why.

    The stream is read after the request's scope has ended, like that of
    `packing.open_order_archive`. `NotVisible` for who sees no finance, `InvalidInput` when
    nothing is selected, too much, or nothing that has a boleto to take.
    """
    titles = list_chosen(viewer=viewer, ids=title_ids, today=today)
    if not titles:
        raise InvalidInput("sel", "nothing-selected")
    if len(title_ids) > MOST:
        raise InvalidInput("sel", "too-many-selected")
    found = _boletos(viewer, titles)
    if not found:
        raise InvalidInput("sel", "no-boleto")
    record_audit(
        Action.DOCUMENTS_PACKED,
        actor=actor,
        company_id=viewer.company_id,
        object_kind="titles",
        detail={"how": "boletos", "titles": len(titles), "documents": len(found)},
        now=clock(),
    )
    language = translation.get_language() or settings.LANGUAGE_CODE
    taking = Taking(viewer, actor, source, clock, language, role)
    # One boleto may be of several lines; it is handed out once.
    rows = {row.public_id: (row, title.order_title) for title, row in found}
    with_boleto = {title.id for title, _row in found}
    missing = [_missing(title) for title in titles if title.id not in with_boleto]
    made = timezone.localtime(clock())
    heading = Heading(
        (_("Boletos of selected items"), f"{settings.PORTAL_SELLER_NAME}, {made:%Y-%m-%d %H:%M}")
    )
    items: Iterator[Item] = itertools.chain(taking.items(tuple(rows.values())), missing)
    return OrderArchive(
        f"boletos-{today.isoformat()}.zip", Archive(heading, language).stream(items)
    )


def _boletos(
    viewer: Viewer, titles: tuple[TitleLine, ...]
) -> tuple[tuple[TitleLine, DocumentRow], ...]:
    boletos = available_boletos(viewer=viewer, order_ids={title.order_id for title in titles})
    chosen = {}
    for title in titles:
        boleto = boleto_of(
            boletos,
            order_id=title.order_id,
            typeable_line=title.typeable_line,
            invoice_number=title.invoice_number,
            instalment=title.instalment,
            due_on=title.due_on,
        )
        if boleto is not None and title.standing not in {Standing.PAID, Standing.CANCELLED}:
            chosen[title.id] = boleto.public_id
    described = describe_documents(viewer=viewer, public_ids=chosen.values())
    rows = {row.public_id: row for row in described}
    return tuple(
        (title, rows[chosen[title.id]]) for title in titles if chosen.get(title.id) in rows
    )


def _missing(title: TitleLine) -> Item:
    if title.standing is Standing.PAID:
        problem = reason_words("paid")
    elif title.standing is Standing.CANCELLED:
        problem = reason_words(State.CANCELLED)
    else:
        problem = _("The source lists no boleto for it that can be taken.")
    return Item(
        folders=(),
        filename="",
        order=title.order_title,
        invoice=invoice_words(title.invoice_number, ""),
        kind=kind_words(DocumentKind.BOLETO, title.instalment),
        problem=problem,
    )
