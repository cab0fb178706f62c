"""Sending documents that people had e-mailed: once at most, and no stale paper to pay."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import connection as database
from django.urls import reverse
from django.utils import translation

from b2b_orders.common.errors import Conflict, NotVisible
from b2b_orders.common.mail import Attachment, MailFailed, absolute, send_mail
from b2b_orders.companies.access import Actor, Viewer
from b2b_orders.companies.models import Acting, StaffRole
from b2b_orders.companies.viewers import viewer_of_asker
from b2b_orders.documents.archive_words import document_words, settled_words
from b2b_orders.documents.listing import PAYABLE
from b2b_orders.documents.mailing import may_still_receive
from b2b_orders.documents.models import Document, JobState, Mailing
from b2b_orders.documents.payables import WITHHELD
from b2b_orders.documents.rendering import BEING_MADE
from b2b_orders.documents.services import (
    DocumentUnavailable,
    Download,
    PaidForSource,
    open_download,
)
from b2b_orders.ingest import waking
from b2b_orders.ingest.documents_source import ConnectionDocuments
from b2b_orders.ingest.lanes import session_lock

logger = logging.getLogger(__name__)
_LOCK: Final = 7043  # first half of our advisory locks: "this mail is being sent"
_LOST: Final = timedelta(seconds=5)
# What could not be sent for so long is given up: whoever asked for it has seen so by then.
_GIVEN_UP: Final = timedelta(minutes=30)


def wake(mailing_id: int) -> None:
    """Send a mailing to a worker; without a broker the sweeper finds its row."""
    waking.send("ingest.send_mailing", expires=60, mailing_id=mailing_id)


def wake_aside(mailing_id: int) -> None:
    """Wake a worker without making a page wait."""
    waking.aside(lambda: wake(mailing_id))


class _NotToBeSent(Exception):
    """It must not go out; `outcome` is a code that pages word."""

    def __init__(self, outcome: str) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class _NotYet(Exception):
    """A page of ours is still being made; the sweeper comes back to it."""


def run_mailing(
    *, mailing_id: int, clock: Callable[[], datetime], source: PaidForSource | None = None
) -> JobState | None:
    """Send a mail that waits; None when there is none, or somebody else is at it."""
    try:
        with session_lock(_LOCK, mailing_id):
            return _run(mailing_id, clock, source or ConnectionDocuments())
    except Conflict:
        return None
    except _NotYet:
        return JobState.WAITING


def _run(mailing_id: int, clock: Callable[[], datetime], source: PaidForSource) -> JobState | None:
    mailing = Mailing.objects.filter(pk=mailing_id).select_related("person", "company").first()
    if mailing is None or mailing.state not in {JobState.WAITING, JobState.RUNNING}:
        return None
    if mailing.state == JobState.RUNNING:
        # Whoever began to hand it over was killed: it may have gone out.
        return _end(mailing, JobState.FAILED, "unsure", clock())
    try:
        document, taken = _prepare(mailing, source, clock())
    except _NotToBeSent as error:
        return _end(mailing, JobState.FAILED, error.outcome, clock())
    # Committed before the mail server is spoken to: from here on it is not tried again.
    Mailing.objects.filter(pk=mailing.pk).update(state=JobState.RUNNING)
    try:
        _send(mailing, document, taken)
    except MailFailed as error:
        logger.warning("a mail failed", extra={"mailing": mailing.pk, "error": error.reason})
        if error.is_final or clock() - mailing.asked_at > _GIVEN_UP:
            return _end(mailing, JobState.FAILED, error.reason, clock())
        # It was refused before it was taken: the sweeper tries again.
        Mailing.objects.filter(pk=mailing.pk).update(state=JobState.WAITING, outcome=error.reason)
        return JobState.WAITING
    return _end(mailing, JobState.DONE, "", clock())


def _end(mailing: Mailing, state: JobState, outcome: str, now: datetime) -> JobState:
    Mailing.objects.filter(pk=mailing.pk).update(state=state, outcome=outcome, finished_at=now)
    return state


def _prepare(mailing: Mailing, source: PaidForSource, now: datetime) -> tuple[Document, Download]:
    """Take the document as its sender may now; raises `_NotToBeSent`."""
    viewer = _sender(mailing)
    document = (
        Document.objects.filter(pk=mailing.document_id)
        .select_related("record__order", "company")
        .first()
    )
    if viewer is None or document is None:
        raise _NotToBeSent("no-longer-allowed")
    if mailing.is_known and not may_still_receive(document=document, email=mailing.recipient):
        raise _NotToBeSent("recipient-gone")
    role = StaffRole(mailing.staff_role) if mailing.staff_role else None
    try:
        taken = open_download(
            viewer=viewer,
            actor=Actor(person_id=mailing.person_id, staff_role=role, reason=mailing.reason),
            public_id=document.public_id,
            source=source,
            now=now,
            # Recorded when it was asked for, with the address it was asked from.
            action=None,
            about={"mailing": str(mailing.public_id)},
        )
    except NotVisible as error:
        raise _NotToBeSent("no-longer-allowed") from error
    except DocumentUnavailable as error:
        if error.reason == BEING_MADE and now - mailing.asked_at < _GIVEN_UP:
            raise _NotYet from error
        why = "settled" if error.reason in WITHHELD else "unavailable"
        raise _NotToBeSent(why) from error
    document.refresh_from_db(fields=("title_state",))
    if document.kind in PAYABLE and settled_words(document.title_state):
        raise _NotToBeSent("settled")
    if document.kind in PAYABLE and not taken.is_checked:
        raise _NotToBeSent("unchecked")
    return document, taken


def _sender(mailing: Mailing) -> Viewer | None:
    """Build the sender's viewer. Of an agent, any time of acting for the company will do."""
    acting = None
    if mailing.staff_role == StaffRole.SUPPORT:
        times = Acting.objects.filter(
            person_id=mailing.person_id,
            company_id=mailing.company_id,
            started_at__lte=mailing.asked_at,
        )
        acting = times.order_by("-started_at").values_list("pk", flat=True).first()
    return viewer_of_asker(
        person_id=mailing.person_id,
        company_id=mailing.company_id,
        is_staff=bool(mailing.staff_role),
        acting_id=acting,
    )


def _send(mailing: Mailing, document: Document, taken: Download) -> None:
    order = document.record.order
    is_attached = taken.size <= settings.PORTAL_MAIL_BYTES
    attachments: tuple[Attachment, ...] = ()
    if is_attached:
        with taken.open() as file:
            attachments = (Attachment(taken.filename, file.read(), taken.content_type),)
    with translation.override(mailing.language or settings.LANGUAGE_CODE):
        name = document_words(document)
    context = {
        "document": name,
        "order": order.title if order else "",
        "company": mailing.company.name,
        # An agent writes for the seller; a colleague by name.
        "sender": "" if mailing.staff_role else mailing.person.name,
        "filename": taken.filename,
        "link": "" if is_attached or order is None else _link(document),
    }
    send_mail(
        to=mailing.recipient,
        subject=f"{name} · {order.title}" if order else name,
        template="document",
        context=context,
        language=mailing.language,
        attachments=attachments,
    )


def _link(document: Document) -> str:
    order = document.record.order
    parts = {"order": order.public_id if order else None, "public_id": document.public_id}
    if document.company is not None:
        # Whoever opens it may look at another company of theirs.
        parts["company"] = document.company.public_id
    return absolute(reverse("portal:document", kwargs=parts))


_WAITING = """
    SELECT m.id FROM documents_mailing AS m
    WHERE m.state IN ('waiting', 'running') AND m.asked_at <= %(lost)s
      AND NOT EXISTS (
          SELECT 1 FROM pg_locks AS k
          WHERE k.locktype = 'advisory' AND k.classid = %(lock)s AND k.objid = m.id
            AND k.objsubid = 2
            AND k.database = (SELECT oid FROM pg_database WHERE datname = current_database()))
    ORDER BY m.asked_at LIMIT 20
"""


def waiting_mailings(*, now: datetime) -> list[int]:
    """Return mails that nobody sends: their message or their worker was lost, or mail was down."""
    with database.cursor() as cursor:
        cursor.execute(_WAITING, {"lost": now - _LOST, "lock": _LOCK})
        return [pk for (pk,) in cursor.fetchall()]
