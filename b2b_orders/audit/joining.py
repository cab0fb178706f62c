"""Asking to be let into a company whose e-mail domain one's address has.

Whoever asks is always answered alike, and is told no company's name. A mailed link proves
the address first. Where several companies share a domain, the administrators of each see the
wish and decide for their own company; nobody else could tell which one is meant.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils.crypto import salted_hmac

from b2b_orders.audit import invitations
from b2b_orders.audit.models import Action
from b2b_orders.audit.services import record
from b2b_orders.common import tenancy
from b2b_orders.common.errors import InvalidInput, NotVisible
from b2b_orders.common.mail import refusal_ends_it, send_each
from b2b_orders.common.requests import without_nul
from b2b_orders.companies.access import Actor, Viewer
from b2b_orders.companies.models import (
    EmailDomain,
    JoinRequest,
    JoinState,
    Membership,
)
from b2b_orders.companies.people import (
    Grant,
    administrators,
    lock_people,
    require_administrator,
    require_sight,
)
from b2b_orders.companies.providers import domain_of

_SALT: Final = "b2b_orders.joining"
_LONGEST_NAME, _LONGEST_MESSAGE = 150, 300
# How many companies that share a domain are asked, and for how long a link proves an address.
_MOST_COMPANIES: Final = 5
# No company has this id; a row of it is never kept.
_NOBODYS: Final = -1
PROOF_TIME: Final = timedelta(days=2)
# What nobody decided is asked anew after this time.
_STALE: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class JoinRow:
    """A wish to join, as administrators see it."""

    public_id: uuid.UUID
    email: str
    name: str
    message: str
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class ProofMail:
    """The mail whose link proves an address; it names no company."""

    email: str
    name: str
    secret: str
    language: str


@dataclass(frozen=True, slots=True)
class WaitingMail:
    """The mail that tells an administrator that somebody waits."""

    email: str
    admin_name: str
    language: str
    company: str
    company_public_id: uuid.UUID
    name: str
    asker: str


def secret_of(wish: JoinRequest) -> str:
    """Derive the secret of the link that proves an address."""
    key = str(wish.public_id)
    return salted_hmac(_SALT, key, algorithm="sha256").hexdigest()


# --- who asks --------------------------------------------------------------------------------


def ask_to_join(
    *, email: str, name: str, message: str, language: str, actor: Actor, now: datetime
) -> None:
    """Note that somebody asks to be let in, where their domain's company allows to ask.

    Raises `InvalidInput` for what is no address or has no name, whatever the domain.
    """
    email = invitations.clean_email(email)
    name = " ".join(without_nul(name).split())[:_LONGEST_NAME]
    if not name:
        raise InvalidInput("name", "no-name")
    message = without_nul(message).strip()[:_LONGEST_MESSAGE]
    domain = domain_of(email)
    with tenancy.scope(role=tenancy.WEB):
        tenancy.enter_sign_in(domain)
        found = EmailDomain.objects.filter(
            domain=domain, may_join=True, verified_at__isnull=False, company_id__isnull=False
        )
        company_ids = list(found.order_by("company_id").values_list("company_id", flat=True))
        tenancy.enter_sign_in("")
        # Of a domain that is nobody's the same is done, and taken back: no answer is quicker.
        for company_id in company_ids[:_MOST_COMPANIES] or [_NOBODYS]:
            with transaction.atomic():
                tenancy.enter_company(company_id)
                if not _is_asked_already(company_id, email, now):
                    _note(company_id, email, name, message, language, now)
                transaction.set_rollback(company_id == _NOBODYS)
        tenancy.enter_company(None)
    record(
        Action.JOIN_ASKED,
        actor=actor,
        object_kind="domain",
        object_id=domain,
        detail={"companies": len(company_ids)},
        now=now,
    )


def _is_asked_already(company_id: int, email: str, now: datetime) -> bool:
    members = Membership.objects.filter(company_id=company_id, is_active=True, person__email=email)
    wishes = JoinRequest.objects.filter(
        company_id=company_id, email=email, state=JoinState.WAITING, asked_at__gt=now - _STALE
    )
    # One whose link was not opened in its time is asked anew.
    unproved_too_long = wishes.filter(proved_at=None, asked_at__lte=now - PROOF_TIME)
    return members.exists() or wishes.exclude(pk__in=unproved_too_long.values("pk")).exists()


def _note(
    company_id: int, email: str, name: str, message: str, language: str, now: datetime
) -> None:
    wish = JoinRequest(
        company_id=company_id,
        email=email,
        name=name,
        message=message,
        language=language,
        asked_at=now,
    )
    wish.token_hash = invitations.hash_of(secret_of(wish))
    wish.save(force_insert=True)


def look_at_proof(*, secret: str, now: datetime) -> str:
    """Return the address that a link proves; `NotVisible` for one that leads nowhere."""
    return _by_secret(secret, now).email


def prove(*, secret: str, now: datetime) -> None:
    """Note that whoever asked reads the mail of their address; a worker tells administrators."""
    with tenancy.scope(role=tenancy.WEB):
        wish = _by_secret(secret, now)
        tenancy.enter_company(wish.company_id)
        JoinRequest.objects.filter(pk=wish.pk, proved_at=None).update(proved_at=now)


def _by_secret(secret: str, now: datetime) -> JoinRequest:
    token_hash = invitations.hash_of(secret)
    with tenancy.scope(role=tenancy.WEB):
        tenancy.enter_token(token_hash)
        wish = JoinRequest.objects.filter(token_hash=token_hash).first()
        tenancy.enter_token("")
    if wish is None or wish.state != JoinState.WAITING or now >= wish.asked_at + PROOF_TIME:
        raise NotVisible
    return wish


# --- administrators ---------------------------------------------------------------------------


def list_wishes(*, viewer: Viewer, limit: int = 200) -> tuple[JoinRow, ...]:
    """List who asks to be let in and proved their address, oldest first."""
    require_sight(viewer, of_all=True)
    found = _waiting(viewer.company_id).order_by("asked_at", "pk")[:limit]
    return tuple(
        JoinRow(row.public_id, row.email, row.name, row.message, row.asked_at) for row in found
    )


def count_wishes(*, viewer: Viewer) -> int:
    """Count who waits for the viewer's decision; nobody does for who decides of none."""
    if viewer.establishment_ids is not None:
        return 0
    return _waiting(viewer.company_id).count()


def approve(
    *, viewer: Viewer, actor: Actor, public_id: uuid.UUID, grant: Grant, now: datetime
) -> str:
    """Let somebody in who asked: they are mailed an invitation; return their address."""
    wish = _to_decide(viewer, public_id)
    problem = invitations.problem_of(company_id=viewer.company_id, email=wish.email, now=now)
    if not problem:
        invitations.invite(
            viewer=viewer,
            actor=actor,
            email=wish.email,
            name=wish.name,
            grant=grant,
            language=wish.language,
            now=now,
        )
    _decide(wish, JoinState.APPROVED, viewer, actor, now)
    return wish.email


def decline(*, viewer: Viewer, actor: Actor, public_id: uuid.UUID, now: datetime) -> None:
    """Let somebody not in who asked; they are not told by whom."""
    _decide(_to_decide(viewer, public_id), JoinState.DECLINED, viewer, actor, now)


def get_wish(*, viewer: Viewer, public_id: uuid.UUID) -> JoinRow:
    """Read one wish that waits; `NotVisible` when there is none."""
    require_sight(viewer, of_all=True)
    row = _waiting(viewer.company_id).filter(public_id=public_id).first()
    if row is None:
        raise NotVisible
    return JoinRow(row.public_id, row.email, row.name, row.message, row.asked_at)


def _waiting(company_id: int) -> QuerySet[JoinRequest]:
    return JoinRequest.objects.filter(
        company_id=company_id, state=JoinState.WAITING, proved_at__isnull=False
    )


def _to_decide(viewer: Viewer, public_id: uuid.UUID) -> JoinRequest:
    require_administrator(viewer, of_all=True)
    lock_people(viewer.company_id)
    wish = _waiting(viewer.company_id).filter(public_id=public_id).first()
    if wish is None:
        raise NotVisible
    return wish


def _decide(
    wish: JoinRequest, state: JoinState, viewer: Viewer, actor: Actor, now: datetime
) -> None:
    JoinRequest.objects.filter(pk=wish.pk).update(
        state=state, decided_by_id=viewer.person_id, decided_at=now
    )
    record(
        Action.JOIN_DECIDED,
        actor=actor,
        company_id=viewer.company_id,
        object_kind="join_request",
        object_id=str(wish.public_id),
        detail={"email": wish.email, "state": str(state)},
        now=now,
    )


# --- the worker's side ------------------------------------------------------------------------


def send_proofs(*, now: datetime, send: Callable[[ProofMail], None], limit: int = 50) -> int:
    """Mail the links that prove addresses: one for all companies that share the domain."""
    waiting = JoinRequest.objects.filter(
        sent_at=None, state=JoinState.WAITING, asked_at__gt=now - PROOF_TIME
    )
    return send_each(
        "wish",
        list(waiting.order_by("asked_at", "pk").values_list("pk", flat=True)[:limit]),
        lambda pk: _send_proof(pk, send, now),
    )


@transaction.atomic
def _send_proof(pk: int, send: Callable[[ProofMail], None], now: datetime) -> bool:
    rows = JoinRequest.objects.select_for_update(skip_locked=True)
    wish = rows.filter(pk=pk, sent_at=None).first()
    if wish is None:
        return False
    secret = secret_of(wish)
    with refusal_ends_it("wish", pk):
        send(ProofMail(wish.email, wish.name, secret, wish.language))
    _together(wish).filter(sent_at=None).update(sent_at=now)
    JoinRequest.objects.filter(pk=pk).update(token_hash=invitations.hash_of(secret))
    return True


def _together(wish: JoinRequest) -> QuerySet[JoinRequest]:
    """Return what was asked at once: of each company that shares the domain."""
    return JoinRequest.objects.filter(email=wish.email, asked_at=wish.asked_at)


def tell_administrators(
    *, now: datetime, send: Callable[[WaitingMail], None], limit: int = 50
) -> int:
    """Tell administrators of whoever proved their address; say of how many they were told."""
    proved = JoinRequest.objects.filter(
        state=JoinState.WAITING, proved_at__isnull=False, told_at=None
    )
    return send_each(
        "wish",
        list(proved.order_by("proved_at", "pk").values_list("pk", flat=True)[:limit]),
        lambda pk: _tell(pk, send, now),
    )


@transaction.atomic
def _tell(pk: int, send: Callable[[WaitingMail], None], now: datetime) -> bool:
    rows = JoinRequest.objects.select_for_update(of=("self",), skip_locked=True)
    wish = rows.filter(pk=pk, told_at=None).select_related("company").first()
    if wish is None:
        return False
    # One link proved the address for all; the others come up at the next turn.
    _together(wish).filter(proved_at=None).update(proved_at=wish.proved_at)
    if wish.company.is_active:
        for member in administrators(wish.company_id):
            mail = WaitingMail(
                email=member.person.email,
                admin_name=member.person.name,
                language=member.person.language,
                company=wish.company.name,
                company_public_id=wish.company.public_id,
                name=wish.name,
                asker=wish.email,
            )
            with refusal_ends_it("wish", pk):
                send(mail)
    JoinRequest.objects.filter(pk=pk).update(told_at=now)
    return True


def forget_unproved(*, now: datetime) -> int:
    """Forget who asked and never opened the link that proves their address."""
    unproved = JoinRequest.objects.filter(proved_at=None, asked_at__lt=now - _STALE)
    return unproved.delete()[0]
