"""Having a document e-mailed: to people of the company, or with a reason to somebody new.

The web process writes a row and records who sends what to whom and why; a worker sends
(`ingest.mail_work`). A mail is never sent twice: one that a killed worker may or may not
have handed over is not tried again, and its sender is told so.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import connection as database
from django.db.models import Q, QuerySet

from b2b_orders.audit.services import Action, record
from b2b_orders.common.errors import Conflict, InvalidInput
from b2b_orders.common.requests import without_nul
from b2b_orders.companies.access import RIGHTS_OF_ROLE, Actor, Right, Viewer
from b2b_orders.companies.models import Membership, Role
from b2b_orders.documents.models import Document, Mailing, State
from b2b_orders.documents.queries import FINANCIAL, get_document

REASON_MIN, REASON_MAX = 5, 200
# As long as one that is delivered can be (RFC 5321), and as our rows hold.
_LONGEST_ADDRESS: Final = 254
_LOCK: Final = 7044  # first half of our advisory locks: "a mail of this person is asked for"
_CANNOT_BE_SENT: Final = frozenset(
    {State.CANCELLED, State.REPLACED, State.EXPECTED, State.NOT_APPLICABLE}
)


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody of the company who may see the document, too."""

    public_id: uuid.UUID
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class MailingView:
    """What became of a mail. `outcome` is a code; `is_known` False for a new address."""

    public_id: uuid.UUID
    recipient: str
    is_known: bool
    reason: str
    state: str
    outcome: str
    sent_by: str
    is_of_staff: bool
    asked_at: datetime
    finished_at: datetime | None


def list_contacts(*, viewer: Viewer, public_id: uuid.UUID) -> tuple[Contact, ...]:
    """List the company's active people who may see a document, if the viewer may."""
    document = get_document(viewer=viewer, public_id=public_id)
    found = _memberships_that_see(document).order_by("person__name", "pk")
    people = found.values_list("person__public_id", "person__name", "person__email")
    return tuple(Contact(*person) for person in people)


def may_still_receive(*, document: Document, email: str) -> bool:
    """Say whether somebody of the company with this address may see a document now."""
    return _memberships_that_see(document).filter(person__email__iexact=email).exists()


def _memberships_that_see(document: Document) -> QuerySet[Membership]:
    needs_finance = document.kind in FINANCIAL
    roles = [role for role in Role if Right.FINANCE in RIGHTS_OF_ROLE[role]]
    by_role = Q(sees_finance=None, role__in=roles)
    may_see = Q(sees_finance=True) | by_role if needs_finance else Q()
    order = document.record.order
    establishment = order.establishment_id if order else None
    in_scope = Q(is_scoped=False) | Q(scopes__establishment_id=establishment or 0)
    return (
        Membership.objects.filter(
            in_scope,
            may_see,
            company_id=document.company_id or 0,
            company__is_active=True,
            is_active=True,
            person__is_active=True,
        )
        .distinct()
        .select_related("person")
    )


def request_mailing(
    *,
    viewer: Viewer,
    actor: Actor,
    public_id: uuid.UUID,
    contact: uuid.UUID | None,
    address: str,
    reason: str,
    language: str,
    now: datetime,
) -> int:
    """Have a document e-mailed, and record by whom, to whom and why; return the mailing's id.

    To a `contact` of the company, else to a new `address`, which needs a reason. Raises
    `InvalidInput` naming the field, `Conflict` after too many mails in an hour.
    """
    document = get_document(viewer=viewer, public_id=public_id)
    if document.state in _CANNOT_BE_SENT:
        raise InvalidInput("document", "not-available")
    reason = " ".join(without_nul(reason).split())[:REASON_MAX]
    contacts = list_contacts(viewer=viewer, public_id=public_id)
    recipient, is_known = _recipient(contacts, contact, address, reason)
    _check_pace(viewer, now)
    mailing = Mailing.objects.create(
        company_id=viewer.company_id,
        document=document,
        person_id=viewer.person_id,
        staff_role=viewer.staff_role or "",
        recipient=recipient,
        is_known=is_known,
        reason=reason or viewer.reason,
        language=language,
        asked_at=now,
    )
    record(
        Action.DOCUMENT_MAILED,
        actor=actor,
        company_id=viewer.company_id,
        object_kind="document",
        object_id=str(document.public_id),
        reason=reason,
        detail={
            "kind": document.kind,
            "recipient": recipient,
            "is_known": is_known,
            "mailing": str(mailing.public_id),
            "acting": viewer.acting_id,
        },
        now=now,
    )
    return mailing.pk


def _recipient(
    contacts: tuple[Contact, ...], contact: uuid.UUID | None, address: str, reason: str
) -> tuple[str, bool]:
    address = address.strip()
    if contact is not None:
        chosen = next((each for each in contacts if each.public_id == contact), None)
        if chosen is None:
            raise InvalidInput("contact", "not-a-contact")
        return chosen.email, True
    if not address:
        raise InvalidInput("contact", "no-recipient")
    if len(address) > _LONGEST_ADDRESS:
        raise InvalidInput("address", "not-an-address")
    try:
        validate_email(address)
    except ValidationError as error:
        raise InvalidInput("address", "not-an-address") from error
    known = next((each for each in contacts if each.email.lower() == address.lower()), None)
    if known is not None:
        # As we know it: what was typed may look alike and be another mailbox.
        return known.email, True
    if len(reason) < REASON_MIN:
        raise InvalidInput("reason", "reason-too-short")
    return address, False


def _check_pace(viewer: Viewer, now: datetime) -> None:
    """Raise `Conflict` for one mail too many; who asks at the same moment is counted, too."""
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK, viewer.person_id % 2**31])
    recent = Mailing.objects.filter(
        company_id=viewer.company_id,
        person_id=viewer.person_id,
        asked_at__gt=now - timedelta(hours=1),
    )
    if recent.count() >= settings.PORTAL_MAILS_AN_HOUR:
        raise Conflict("too-many-mails")


def list_mailings(
    *, viewer: Viewer, public_id: uuid.UUID, limit: int = 20
) -> tuple[MailingView, ...]:
    """List the mails with a document that the viewer may see, newest first."""
    rows = (
        Mailing.objects.filter(
            company_id=viewer.company_id, document=get_document(viewer=viewer, public_id=public_id)
        )
        .select_related("person")
        .order_by("-asked_at", "-pk")[:limit]
    )
    return tuple(
        MailingView(
            public_id=row.public_id,
            recipient=row.recipient,
            is_known=row.is_known,
            reason=row.reason,
            state=row.state,
            outcome=row.outcome,
            sent_by=row.person.name,
            is_of_staff=bool(row.staff_role),
            asked_at=row.asked_at,
            finished_at=row.finished_at,
        )
        for row in rows
    )
