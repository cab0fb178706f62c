"""Asking people into a company by a mailed link, and letting in who opens it.

Of a link's secret only its hash is kept; the worker that mails it derives it from the row.
Unknown, expired, revoked and used links are one answer, after the same statements.
"""

from __future__ import annotations

import hashlib
import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q, QuerySet, Sum
from django.utils.crypto import salted_hmac

from b2b_orders.accounts.models import Person
from b2b_orders.accounts.services import make_invited_person, prove_email
from b2b_orders.audit.models import Action
from b2b_orders.audit.people import grant_words
from b2b_orders.audit.services import record
from b2b_orders.common import tenancy
from b2b_orders.common.errors import Conflict, InvalidInput, NotAllowed, NotVisible
from b2b_orders.common.mail import MailFailed, send_each
from b2b_orders.common.requests import without_nul
from b2b_orders.companies.access import Actor, Viewer
from b2b_orders.companies.models import Company, Invitation, Membership, Role
from b2b_orders.companies.people import (
    Grant,
    check_grant,
    grant_of_invitation,
    lock_people,
    may_still_invite,
    open_invitations,
    require_administrator,
    require_sight,
    take_up,
)
from b2b_orders.companies.providers import required_provider

logger = logging.getLogger(__name__)
_SALT: Final = "b2b_orders.invitation"
_LONGEST_NAME, LONGEST_ADDRESS = 150, 254
# A mail that could not be handed over for so long is given up, and says so.
_GIVEN_UP: Final = timedelta(days=1)
GIVEN_UP: Final = "given-up"
_DAY: Final = timedelta(days=1)
# How many mails in a day one address gets from a company, however it is asked.
_OF_ONE_A_DAY: Final = 5
# How soon the same mail may be sent again.
_AGAIN: Final = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class InvitationRow:
    """An invitation as administrators see it; `outcome` says why its mail did not go out."""

    public_id: uuid.UUID
    email: str
    name: str
    grant: Grant
    invited_by: str
    asked_at: datetime
    expires_at: datetime
    sent_at: datetime | None
    outcome: str
    is_expired: bool


@dataclass(frozen=True, slots=True)
class OpenInvitation:
    """What the page of a link shows. `signs_in_by` is the provider that the address must use."""

    company: str
    company_id: int
    email: str
    name: str
    invited_by: str
    role: Role
    expires_at: datetime
    has_account: bool
    signs_in_by: str


@dataclass(frozen=True, slots=True)
class InvitationMail:
    """What the mail of an invitation says."""

    email: str
    name: str
    company: str
    invited_by: str
    secret: str
    expires_at: datetime
    language: str


def secret_of(invitation: Invitation) -> str:
    """Derive the secret of an invitation's link, so that it need not be kept."""
    key = str(invitation.public_id)
    return salted_hmac(_SALT, key, algorithm="sha256").hexdigest()


def hash_of(secret: str) -> str:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def clean_email(text: str) -> str:
    """Return an address as it is kept; `InvalidInput` when it is none."""
    email = without_nul(text).strip().lower()
    try:
        validate_email(email)
    except ValidationError as error:
        raise InvalidInput("email", "not-an-address") from error
    if len(email) > LONGEST_ADDRESS:
        raise InvalidInput("email", "not-an-address")
    return email


# --- administrators --------------------------------------------------------------------------


def invite(
    *,
    viewer: Viewer,
    actor: Actor,
    email: str,
    name: str,
    grant: Grant,
    language: str,
    now: datetime,
) -> uuid.UUID:
    """Ask somebody into the company; a worker mails the link.

    Raises `InvalidInput` for what is no address, belongs to somebody who is in already, was
    asked already, or for more than the viewer may hand out.
    """
    require_administrator(viewer)
    check_grant(viewer=viewer, grant=grant)
    email = clean_email(email)
    lock_people(viewer.company_id)
    if problem := problem_of(company_id=viewer.company_id, email=email, now=now):
        raise InvalidInput("email", problem)
    check_pace(company_id=viewer.company_id, more=1, now=now, email=email)
    invitation = new_invitation(
        viewer=viewer, email=email, name=name, grant=grant, language=language, now=now
    )
    end_expired(company_id=viewer.company_id, emails=[email], now=now)
    invitation.save(force_insert=True)
    _record(Action.PERSON_INVITED, invitation, actor, now)
    return invitation.public_id


def problem_of(*, company_id: int, email: str, now: datetime) -> str:
    """Say why an address cannot be invited, as a code; "" when it can."""
    members = Membership.objects.filter(company_id=company_id, is_active=True)
    if members.filter(person__email=email).exists():
        return "already-in"
    if open_invitations(company_id).filter(email=email, expires_at__gt=now).exists():
        return "already-invited"
    return ""


def check_pace(*, company_id: int, more: int, now: datetime, email: str = "") -> None:
    """Raise `InvalidInput` for more invitations than a company sends in a day, or to one address.

    We mail whom a customer names: without a bound, whoever took over one administrator's
    account could mail the world in the seller's name.
    """
    recent = Invitation.objects.filter(company_id=company_id, asked_at__gt=now - _DAY)
    asked = recent.aggregate(all=Sum("times_asked"), same=Sum("times_asked", filter=Q(email=email)))
    is_pestered = bool(email) and (asked["same"] or 0) >= _OF_ONE_A_DAY
    if is_pestered or (asked["all"] or 0) + more > settings.PORTAL_INVITATIONS_A_DAY:
        raise InvalidInput("email", "too-many-invitations")


def end_expired(*, company_id: int, emails: list[str], now: datetime) -> None:
    """Put away invitations that ran out, so that the addresses can be asked anew."""
    open_invitations(company_id).filter(email__in=emails, expires_at__lte=now).update(
        revoked_at=now
    )


def new_invitation(
    *, viewer: Viewer, email: str, name: str, grant: Grant, language: str, now: datetime
) -> Invitation:
    """Build an invitation, without saving it."""
    invitation = Invitation(
        company_id=viewer.company_id,
        email=email,
        name=" ".join(without_nul(name).split())[:_LONGEST_NAME],
        role=grant.role,
        is_scoped=grant.establishment_ids is not None,
        establishment_ids=sorted(grant.establishment_ids or ()),
        rights=dict(grant.own),
        language=language,
        invited_by_id=viewer.person_id,
        asked_at=now,
        expires_at=now + timedelta(days=settings.PORTAL_INVITATION_DAYS),
    )
    invitation.token_hash = hash_of(secret_of(invitation))
    return invitation


def list_invitations(
    *, viewer: Viewer, now: datetime, text: str = "", limit: int = 200
) -> tuple[InvitationRow, ...]:
    """List the invitations that nobody accepted yet, newest first."""
    found = _visible(viewer).select_related("invited_by").order_by("-asked_at", "-pk")
    if text := text.strip():
        found = found.filter(Q(email__icontains=text) | Q(name__icontains=text))
    return tuple(
        InvitationRow(
            public_id=row.public_id,
            email=row.email,
            name=row.name,
            grant=grant_of_invitation(row),
            invited_by=row.invited_by.name if row.invited_by else "",
            asked_at=row.asked_at,
            expires_at=row.expires_at,
            sent_at=row.sent_at,
            outcome=row.outcome,
            is_expired=row.expires_at <= now,
        )
        for row in found
        if _is_within(row, viewer)
    )[:limit]


def send_again(*, viewer: Viewer, actor: Actor, public_id: uuid.UUID, now: datetime) -> str:
    """Mail an invitation's link again, for its whole time; return the address."""
    invitation = _to_change(viewer, public_id)
    if problem_of(company_id=viewer.company_id, email=invitation.email, now=now) == "already-in":
        raise InvalidInput("email", "already-in")
    if not invitation.outcome and invitation.asked_at > now - _AGAIN:
        raise InvalidInput("email", "sent-just-now")
    check_grant(viewer=viewer, grant=grant_of_invitation(invitation))
    check_pace(company_id=viewer.company_id, more=1, now=now, email=invitation.email)
    began = invitation.day_began_at or invitation.asked_at
    is_same_day = began > now - _DAY
    Invitation.objects.filter(pk=invitation.pk).update(
        # Anew: the key that secrets are derived with may have been changed meanwhile.
        token_hash=hash_of(secret_of(invitation)),
        expires_at=now + timedelta(days=settings.PORTAL_INVITATION_DAYS),
        asked_at=now,
        times_asked=invitation.times_asked + 1 if is_same_day else 1,
        day_began_at=began if is_same_day else now,
        sent_at=None,
        outcome="",
        invited_by_id=viewer.person_id,
    )
    _record(Action.PERSON_INVITED, invitation, actor, now, {"again": True})
    return invitation.email


def revoke(*, viewer: Viewer, actor: Actor, public_id: uuid.UUID, now: datetime) -> None:
    """End an invitation: its link leads nowhere any more."""
    invitation = _to_change(viewer, public_id)
    Invitation.objects.filter(pk=invitation.pk).update(revoked_at=now)
    _record(Action.INVITATION_REVOKED, invitation, actor, now)


def _visible(viewer: Viewer) -> QuerySet[Invitation]:
    require_sight(viewer)
    return open_invitations(viewer.company_id)


def _is_within(row: Invitation, viewer: Viewer) -> bool:
    """Say whether an invitation is for a scope within the viewer's own."""
    if viewer.establishment_ids is None:
        return True
    ids = grant_of_invitation(row).establishment_ids
    return bool(ids) and frozenset(ids or ()) <= viewer.establishment_ids


def _to_change(viewer: Viewer, public_id: uuid.UUID) -> Invitation:
    require_administrator(viewer)
    lock_people(viewer.company_id)
    row = _visible(viewer).filter(public_id=public_id).first()
    if row is None or not _is_within(row, viewer):
        raise NotVisible
    return row


# --- who opens the link ------------------------------------------------------------------------


def look_at_invitation(*, secret: str, now: datetime) -> OpenInvitation:
    """Say what a link leads to; `NotVisible` if it leads nowhere."""
    with _entered(secret, now) as (invitation, shown):
        del invitation
        return shown


def accepted_by(*, secret: str, person_id: int) -> int | None:
    """Return the company that this very person came into by a link; None for everybody else."""
    with tenancy.scope(role=tenancy.WEB):
        tenancy.enter_token(hash_of(secret))
        found = Invitation.objects.filter(
            token_hash=hash_of(secret), person_id=person_id, accepted_at__isnull=False
        )
        company_id = found.values_list("company_id", flat=True).first()
        tenancy.enter_token("")
    return company_id


def accept_as(*, secret: str, person_id: int, actor: Actor, now: datetime) -> int:
    """Let the person who is signed in into the company of a link; return the company's id.

    Raises `NotAllowed` for somebody else than the one whose address was asked.
    """
    with _entered(secret, now) as (invitation, _shown):
        person = Person.objects.get(pk=person_id)
        if person.email != invitation.email:
            raise NotAllowed
        return _let_in(invitation, person, actor, now)


def accept_as_new(
    *, secret: str, name: str, password: str, language: str, actor: Actor, now: datetime
) -> tuple[Person, int]:
    """Make the person whom a link was mailed to and let them in.

    Raises `InvalidInput` for a name or password that cannot be used, `Conflict` when there is
    such a person already, `NotAllowed` when the company's own provider must sign them in.
    """
    with _entered(secret, now) as (invitation, shown):
        if shown.has_account:
            raise Conflict("person-exists")
        if shown.signs_in_by:
            raise NotAllowed
        person = make_invited_person(
            email=invitation.email, name=name, password=password, language=language
        )
        return person, _let_in(invitation, person, actor, now)


@contextmanager
def _entered(secret: str, now: datetime) -> Iterator[tuple[Invitation, OpenInvitation]]:
    """Enter the company of a link; `NotVisible` for every link that is not alive."""
    with tenancy.scope(role=tenancy.WEB):
        tenancy.enter_token(hash_of(secret))
        found = (
            Invitation.objects.filter(token_hash=hash_of(secret))
            .select_related("invited_by")
            .first()
        )
        tenancy.enter_token("")
        tenancy.enter_company(found.company_id if found else None)
        company = Company.objects.filter(pk=found.company_id if found else 0).first()
        person = Person.objects.filter(email=found.email if found else "").first()
        is_open = found is not None and found.accepted_at is None and found.revoked_at is None
        if (
            found is None
            or company is None
            or not company.is_active
            or not is_open
            or now >= found.expires_at
            or (person is not None and not person.is_active)
        ):
            raise NotVisible
        if not may_still_invite(
            company_id=company.pk,
            person_id=found.invited_by_id,
            grant=grant_of_invitation(found),
        ):
            raise NotVisible
        provider = required_provider(found.email)
        yield (
            found,
            OpenInvitation(
                company=company.name,
                company_id=company.pk,
                email=found.email,
                name=found.name,
                invited_by=found.invited_by.name if found.invited_by else "",
                role=Role(found.role),
                expires_at=found.expires_at,
                has_account=person is not None,
                signs_in_by=provider.label if provider else "",
            ),
        )


def _let_in(invitation: Invitation, person: Person, actor: Actor, now: datetime) -> int:
    if not take_up(invitation, person_id=person.pk, now=now):
        # Somebody was quicker: the same link, opened twice, or an administrator.
        raise NotVisible
    prove_email(person)
    by_person = Actor(person_id=person.pk, address=actor.address, request_id=actor.request_id)
    _record(Action.INVITATION_ACCEPTED, invitation, by_person, now)
    return invitation.company_id


def _record(
    action: Action,
    invitation: Invitation,
    actor: Actor,
    now: datetime,
    more: dict[str, object] | None = None,
) -> None:
    grant = grant_words(grant_of_invitation(invitation))
    record(
        action,
        actor=actor,
        company_id=invitation.company_id,
        object_kind="invitation",
        object_id=str(invitation.public_id),
        detail={"email": invitation.email, **grant, **(more or {})},
        now=now,
    )


# --- the worker's side -------------------------------------------------------------------------


def send_invitations(
    *, now: datetime, send: Callable[[InvitationMail], None], limit: int = 50
) -> int:
    """Mail the links of invitations that wait; say how many were mailed.

    A mail server that is away is tried again at the next call, for a day at most.
    """
    waiting = Invitation.objects.filter(
        sent_at=None, outcome="", accepted_at=None, revoked_at=None, expires_at__gt=now
    )
    return send_each(
        "invitation",
        list(waiting.order_by("asked_at", "pk").values_list("pk", flat=True)[:limit]),
        lambda pk: _send(pk, send, now),
    )


@transaction.atomic
def _send(pk: int, send: Callable[[InvitationMail], None], now: datetime) -> bool:
    """Mail one link; the row stays locked meanwhile, so that no second worker does too."""
    rows = Invitation.objects.select_for_update(of=("self",), skip_locked=True)
    row = (
        rows.filter(pk=pk, sent_at=None, outcome="", accepted_at=None, revoked_at=None)
        .select_related("company", "invited_by")
        .first()
    )
    if row is None:
        return False
    if not row.company.is_active:
        Invitation.objects.filter(pk=pk).update(revoked_at=now)
        return False
    mail = InvitationMail(
        email=row.email,
        name=row.name,
        company=row.company.name,
        invited_by=row.invited_by.name if row.invited_by else "",
        secret=secret_of(row),
        expires_at=row.expires_at,
        language=row.language,
    )
    try:
        send(mail)
    except MailFailed as error:
        if not error.is_final and now - row.asked_at < _GIVEN_UP:
            raise
        logger.warning("a mail was refused", extra={"invitation": pk, "reason": error.reason})
        outcome = error.reason if error.is_final else GIVEN_UP
        Invitation.objects.filter(pk=pk).update(outcome=outcome)
        return False
    # As it was derived: the key may have been changed since the row was written.
    Invitation.objects.filter(pk=pk).update(sent_at=now, token_hash=hash_of(mail.secret))
    return True
