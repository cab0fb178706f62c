"""Telling people when a document that they wait for is there: once, by mail."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from b2b_orders.audit.models import Action
from b2b_orders.audit.services import record as record_audit
from b2b_orders.common.errors import NotAllowed
from b2b_orders.common.mail import refusal_ends_it, send_each
from b2b_orders.companies.access import Actor, Viewer
from b2b_orders.companies.viewers import read_standing
from b2b_orders.documents.models import Document, State, Watch
from b2b_orders.documents.queries import get_document, visible_documents


@dataclass(frozen=True, slots=True)
class Arrival:
    """A document that is there now, for the person who waits for it: nothing to pay with."""

    email: str
    person_name: str
    language: str
    company: uuid.UUID
    company_name: str
    order: uuid.UUID
    order_title: str
    document: uuid.UUID
    kind: str
    invoice_number: str


def watch(*, viewer: Viewer, actor: Actor, public_id: uuid.UUID, now: datetime) -> bool:
    """Tell the viewer when a document is there; say whether there is anything to wait for.

    `NotVisible` for what is not the viewer's; `NotAllowed` for the seller's people, whose
    customers are told, not they.
    """
    document = get_document(viewer=viewer, public_id=public_id)
    if viewer.is_staff:
        raise NotAllowed
    if document.state != State.EXPECTED:
        return False
    mine = Watch.objects.filter(document=document, person_id=viewer.person_id)
    if mine.filter(told_at=None).exists():
        return True
    # It was there before, and is awaited anew.
    mine.delete()
    Watch.objects.bulk_create(
        [
            Watch(
                document=document,
                company_id=viewer.company_id,
                person_id=viewer.person_id,
                asked_at=now,
            )
        ],
        ignore_conflicts=True,
    )
    _audit(document, actor, now, is_undone=False)
    return True


def unwatch(*, viewer: Viewer, actor: Actor, public_id: uuid.UUID, now: datetime) -> None:
    """Take the wish to be told back."""
    document = get_document(viewer=viewer, public_id=public_id)
    mine = Watch.objects.filter(document=document, person_id=viewer.person_id, told_at=None)
    if mine.delete()[0]:
        _audit(document, actor, now, is_undone=True)


@dataclass(frozen=True, slots=True)
class WatchView:
    """A document that the viewer waits for."""

    document: uuid.UUID
    order: uuid.UUID
    order_title: str
    kind: str
    invoice_number: str
    asked_at: datetime


def list_watches(*, viewer: Viewer) -> tuple[WatchView, ...]:
    """List the documents that the viewer waits for, those first that they asked for last."""
    mine = Watch.objects.filter(
        document__in=visible_documents(viewer=viewer).filter(record__order__isnull=False),
        person_id=viewer.person_id,
        company_id=viewer.company_id,
        told_at=None,
    )
    names = (
        *("document__public_id", "document__record__order__public_id"),
        *("document__record__order__title", "document__kind", "document__invoice_number"),
    )
    rows = mine.order_by("-asked_at", "-pk").values_list(*names, "asked_at")
    return tuple(WatchView(*row) for row in rows)


def _audit(document: Document, actor: Actor, now: datetime, *, is_undone: bool) -> None:
    order = document.record.order
    record_audit(
        Action.DOCUMENT_WATCHED,
        actor=actor,
        company_id=document.company_id,
        object_kind="document",
        object_id=str(document.public_id),
        detail={
            "kind": document.kind,
            "order": str(order.public_id) if order else "",
            "undone": is_undone,
        },
        now=now,
    )


# --- the worker's side ----------------------------------------------------------------------


def tell_watchers(
    *,
    now: datetime,
    send: Callable[[Arrival], None],
    quiet: Collection[int] = (),
    limit: int = 50,
) -> int:
    """Tell those who wait for a document that is there now; say how many were told.

    `quiet` are people who are told later. A mail server that is away is tried again at the next
    call, everything else once.
    """
    waiting = Watch.objects.filter(told_at=None, document__state=State.AVAILABLE)
    if quiet:
        waiting = waiting.exclude(person_id__in=quiet)
    return send_each(
        "watch",
        list(waiting.order_by("pk").values_list("pk", flat=True)[:limit]),
        lambda pk: _tell(pk, send, now),
    )


@transaction.atomic
def _tell(pk: int, send: Callable[[Arrival], None], now: datetime) -> bool:
    """Tell one person; the row stays locked meanwhile, so that no second worker does too."""
    watch = Watch.objects.select_for_update(skip_locked=True).filter(pk=pk, told_at=None).first()
    if watch is None:
        return False
    arrival = _arrival(watch)
    if arrival is None:
        # Who may not see it any more is not told of it.
        watch.delete()
        return False
    with refusal_ends_it("watch", pk):
        send(arrival)
    Watch.objects.filter(pk=pk).update(told_at=now)
    return True


def _arrival(watch: Watch) -> Arrival | None:
    """Say what a person is told, by what they may see at this moment."""
    viewer = read_standing(watch.person_id).viewer_of_member(watch.company_id)
    if not watch.person.is_active or viewer is None or viewer.company_id != watch.company_id:
        return None
    document = (
        visible_documents(viewer=viewer)
        .filter(pk=watch.document_id, state=State.AVAILABLE)
        .select_related("record__order", "company")
        .defer("record__payload", "record__facts", "record__order__facts")
        .first()
    )
    if document is None or document.record.order is None or document.company is None:
        return None
    return Arrival(
        email=watch.person.email,
        person_name=watch.person.name,
        language=watch.person.language,
        company=document.company.public_id,
        company_name=document.company.name,
        order=document.record.order.public_id,
        order_title=document.record.order.title,
        document=document.public_id,
        kind=document.kind,
        invoice_number=document.invoice_number,
    )
