"""Who may administer whom in a company, and what its administrators see of its people.

An administrator is whoever has the right to manage people. One whose own scope is some
establishments sees and changes only people whose scope lies within it, and lets people in
only there. Nobody hands out a right that they lack, and nobody changes themself.
"""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from b2b_orders.common.errors import InvalidInput, NotAllowed, NotVisible
from b2b_orders.common.paging import PageOf
from b2b_orders.companies.access import RIGHT_OF_FIELD, Right, Viewer, rights_of
from b2b_orders.companies.models import (
    Company,
    EmailDomain,
    Establishment,
    Invitation,
    Membership,
    MembershipScope,
    Role,
)

_LOCK: Final = 7051  # first half of our advisory locks: "people of this company are changed"
PAGE: Final = 50
ADMINISTRATORS: Final = 3


@dataclass(frozen=True, slots=True)
class Branch:
    """An establishment that a scope may name."""

    id: int
    tax_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Administrator:
    """Somebody of one's own company to ask for more rights."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Grant:
    """What somebody may see in a company. `own` are rights that differ from the role's."""

    role: Role
    establishment_ids: frozenset[int] | None = None
    own: Mapping[str, bool] = field(default_factory=dict)

    @property
    def rights(self) -> frozenset[Right]:
        """Return the rights that it comes to."""
        return rights_of(self.role, self.own)

    @property
    def administrates_all(self) -> bool:
        """Say whether whoever has it may manage everybody of the company."""
        return Right.PEOPLE in self.rights and self.establishment_ids is None


@dataclass(frozen=True, slots=True)
class PersonRow:
    """Somebody of a company, as its administrators see them."""

    membership_id: int
    person_id: int
    public_id: uuid.UUID
    name: str
    email: str
    grant: Grant
    branches: tuple[Branch, ...]
    is_active: bool
    removed_at: datetime | None
    since: datetime
    last_seen: datetime | None
    has_second_factor: bool
    is_self: bool


@dataclass(frozen=True, slots=True)
class PeopleFilter:
    """Which people of a company are asked for."""

    text: str = ""
    role: str = ""
    establishment_id: int | None = None
    is_removed: bool = False
    # Who has come in, and for whom nobody has chosen establishments yet.
    sees_nothing: bool = False


# --- rules ----------------------------------------------------------------------------------


def administrates(viewer: Viewer) -> bool:
    """Say whether somebody may change people of the company that they look at."""
    return viewer.can(Right.PEOPLE) and not viewer.is_staff


def require_administrator(viewer: Viewer, *, of_all: bool = False) -> None:
    """Raise `NotVisible` for who does not administer, `NotAllowed` for who acts for them.

    `of_all` is for what concerns the whole company.
    """
    require_sight(viewer, of_all=of_all)
    if viewer.is_staff:
        raise NotAllowed


def require_sight(viewer: Viewer, *, of_all: bool = False) -> None:
    """Raise `NotVisible` for who sees no administration: it is not there for them.

    Support that acts for the company reads it; with a member's eyes it sees what they see.
    """
    if not may_see_people(viewer) or (of_all and viewer.establishment_ids is not None):
        raise NotVisible


def may_see_people(viewer: Viewer) -> bool:
    """Say whether somebody sees who belongs to the company."""
    acts = viewer.acting_id is not None and viewer.seen_as_id is None
    return administrates(viewer) or acts


def check_grant(*, viewer: Viewer, grant: Grant, had: frozenset[Right] = frozenset()) -> None:
    """Raise `InvalidInput` for more than the viewer may hand out; what one `had` may stay."""
    beyond = grant.rights - had - viewer.rights
    if beyond:
        raise InvalidInput("rights", "beyond-your-rights")
    if grant.establishment_ids is None:
        if viewer.establishment_ids is not None:
            raise InvalidInput("scope", "beyond-your-scope")
        return
    if not grant.establishment_ids:
        raise InvalidInput("scope", "no-establishment")
    if grant.establishment_ids - {branch.id for branch in list_branches(viewer=viewer)}:
        raise InvalidInput("scope", "beyond-your-scope")


def grant_of_invitation(row: Invitation) -> Grant:
    """Read what an invitation gives."""
    return Grant(
        role=Role(row.role),
        establishment_ids=frozenset(row.establishment_ids) if row.is_scoped else None,
        own=row.rights,
    )


def may_still_invite(*, company_id: int, person_id: int | None, grant: Grant) -> bool:
    """Say whether who asked somebody in could still do so: a link gives no more than they can.

    Without a person it was somebody of operations.
    """
    if person_id is None:
        return True
    member = Membership.objects.filter(
        company_id=company_id, person_id=person_id, is_active=True, person__is_active=True
    ).first()
    if member is None:
        return False
    scopes = member.scopes.values_list("establishment_id", flat=True)
    own = grant_of(member, scopes)
    within = own.establishment_ids is None or (
        grant.establishment_ids is not None and grant.establishment_ids <= own.establishment_ids
    )
    return Right.PEOPLE in own.rights and grant.rights <= own.rights and within


def lock_people(company_id: int) -> None:
    """Let nobody else change people of a company until this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK, company_id % 2**31])


def has_administrator(company_id: int, *, without: int = 0) -> bool:
    """Say whether an active person may manage everybody, one membership left aside."""
    admins = Membership.objects.filter(
        _manages(), company_id=company_id, is_active=True, is_scoped=False, person__is_active=True
    )
    return admins.exclude(pk=without).exists()


def _manages() -> Q:
    return Q(manages_people=True) | Q(manages_people=None, role=Role.ADMIN)


def administrators(company_id: int) -> QuerySet[Membership]:
    """Return who manages everybody of a company; for workers that tell them something."""
    found = Membership.objects.filter(
        _manages(), company_id=company_id, is_active=True, is_scoped=False, person__is_active=True
    )
    return found.select_related("person").order_by("pk")


# --- reading --------------------------------------------------------------------------------


def list_branches(*, viewer: Viewer) -> tuple[Branch, ...]:
    """List the establishments that the viewer sees, which a scope may name."""
    found = Establishment.objects.filter(company_id=viewer.company_id)
    if viewer.establishment_ids is not None:
        found = found.filter(pk__in=viewer.establishment_ids)
    return tuple(
        Branch(*row) for row in found.order_by("tax_id").values_list("pk", "tax_id", "name")
    )


def list_administrators(*, viewer: Viewer) -> tuple[Administrator, ...]:
    """Name some of those who manage everybody of the viewer's company, for its own people."""
    found = administrators(viewer.company_id).exclude(person_id=viewer.person_id)
    rows = found.values_list("person__name", "person__email")[:ADMINISTRATORS]
    return tuple(Administrator(*row) for row in rows)


def visible_members(*, viewer: Viewer) -> QuerySet[Membership]:
    """Return the memberships that a viewer may administer; `NotVisible` if there are none to."""
    require_sight(viewer)
    members = Membership.objects.filter(company_id=viewer.company_id)
    if viewer.establishment_ids is None:
        return members
    scopes = MembershipScope.objects.filter(membership=OuterRef("pk"))
    return members.filter(
        Exists(scopes),
        ~Exists(scopes.exclude(establishment_id__in=viewer.establishment_ids)),
        is_scoped=True,
    )


def list_people(
    *, viewer: Viewer, wanted: PeopleFilter, after: str = "", limit: int | None = PAGE
) -> PageOf[PersonRow]:
    """List people of a company by name, a page at a time; all of them without a limit."""
    members = visible_members(viewer=viewer).filter(is_active=not wanted.is_removed)
    if text := wanted.text.strip():
        members = members.filter(Q(person__name__icontains=text) | Q(person__email__icontains=text))
    if wanted.role:
        members = members.filter(role=wanted.role)
    if wanted.establishment_id is not None:
        scopes = MembershipScope.objects.filter(
            membership=OuterRef("pk"), establishment_id=wanted.establishment_id
        )
        members = members.filter(Q(is_scoped=False) | Exists(scopes))
    if wanted.sees_nothing:
        members = members.filter(_sees_nothing())
    if after:
        name, pk = _read_cursor(after)
        members = members.filter(Q(person__name__gt=name) | Q(person__name=name, pk__gt=pk))
    members = members.order_by("person__name", "pk")
    rows = _rows(members if limit is None else members[: limit + 1], viewer)
    if limit is None or len(rows) <= limit:
        return PageOf(rows)
    return PageOf(rows[:limit], _write_cursor(rows[limit - 1]))


def count_without_sight(*, viewer: Viewer) -> int:
    """Count active people who see nothing because no establishment was chosen for them."""
    return visible_members(viewer=viewer).filter(_sees_nothing(), is_active=True).count()


def _sees_nothing() -> Q:
    scopes = MembershipScope.objects.filter(membership=OuterRef("pk"))
    return Q(~Exists(scopes), is_scoped=True)


def get_person(*, viewer: Viewer, public_id: uuid.UUID) -> PersonRow:
    """Read one person of the company; `NotVisible` when the viewer does not administer them."""
    members = visible_members(viewer=viewer).filter(person__public_id=public_id)
    if rows := _rows(members, viewer):
        return rows[0]
    raise NotVisible


def people_without_second_factor(*, viewer: Viewer) -> tuple[str, ...]:
    """List the names of active people who could not sign in if a second factor were required."""
    members = visible_members(viewer=viewer).filter(is_active=True)
    factors = _factors(OuterRef("person_id"))
    found = members.filter(~Exists(factors)).order_by("person__name", "pk")
    return tuple(found.values_list("person__name", flat=True))


@dataclass(frozen=True, slots=True)
class DomainRow:
    """An e-mail domain of the company; one that is not verified lets nobody ask."""

    id: int
    domain: str
    may_join: bool
    is_verified: bool


def list_domains(*, viewer: Viewer) -> tuple[DomainRow, ...]:
    """List the company's e-mail domains."""
    require_sight(viewer, of_all=True)
    found = EmailDomain.objects.filter(company_id=viewer.company_id).order_by("domain")
    return tuple(
        DomainRow(row.pk, row.domain, row.may_join, row.verified_at is not None) for row in found
    )


def company_of(*, viewer: Viewer) -> Company:
    """Read the company's own row for its administrators."""
    require_sight(viewer)
    return Company.objects.get(pk=viewer.company_id)


def _factors(person_id: OuterRef) -> QuerySet[Authenticator]:
    codes = Authenticator.Type.RECOVERY_CODES
    found: QuerySet[Authenticator] = Authenticator.objects.filter(user_id=person_id)
    return found.exclude(type=codes)


def _rows(members: QuerySet[Membership], viewer: Viewer) -> tuple[PersonRow, ...]:
    found = members.select_related("person").prefetch_related("scopes__establishment")
    sessions = UserSession.objects.filter(user_id=OuterRef("person_id")).order_by("-last_seen_at")
    found = found.annotate(
        has_factor=Exists(_factors(OuterRef("person_id"))),
        seen_at=Subquery(sessions.values("last_seen_at")[:1]),
    )
    return tuple(_row(member, viewer) for member in found)


def _row(member: Membership, viewer: Viewer) -> PersonRow:
    branches = tuple(
        Branch(each.establishment_id, each.establishment.tax_id, each.establishment.name)
        for each in sorted(member.scopes.all(), key=lambda scope: scope.establishment.tax_id)
    )
    # A session that ended is not listed any more; when it began is known.
    seen = (member.person.last_login, member.seen_at)  # type: ignore[attr-defined] # annotated
    return PersonRow(
        membership_id=member.pk,
        person_id=member.person_id,
        public_id=member.person.public_id,
        name=member.person.name,
        email=member.person.email,
        grant=grant_of(member, (branch.id for branch in branches)),
        branches=branches,
        is_active=member.is_active,
        removed_at=member.removed_at,
        since=member.created_at,
        last_seen=max(filter(None, seen), default=None),
        has_second_factor=member.has_factor,  # type: ignore[attr-defined] # annotated above
        is_self=member.person_id == viewer.person_id,
    )


def grant_of(member: Membership, establishment_ids: Iterable[int]) -> Grant:
    """Read what a membership gives."""
    own = {name: getattr(member, name) for name in RIGHT_OF_FIELD}
    return Grant(
        role=Role(member.role),
        establishment_ids=frozenset(establishment_ids) if member.is_scoped else None,
        own={name: value for name, value in own.items() if value is not None},
    )


def _write_cursor(row: PersonRow) -> str:
    return base64.urlsafe_b64encode(f"{row.membership_id}|{row.name}".encode()).decode().rstrip("=")


def _read_cursor(text: str) -> tuple[str, int]:
    try:
        pk, _bar, name = (
            base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().partition("|")
        )
        return name.replace("\0", ""), int(pk) % 2**63
    except (ValueError, binascii.Error) as error:
        raise InvalidInput("after", "not a page") from error


# --- writing, without the record: see `audit.people` ------------------------------------------


def put_grant(*, person_id: int, company_id: int, grant: Grant) -> Membership:
    """Let a person into a company, or change what they may see there.

    Establishments that left the company meanwhile are left out, which may leave nothing to see.
    """
    own = {name: grant.own.get(name) for name in RIGHT_OF_FIELD}
    membership, _made = Membership.objects.update_or_create(
        person_id=person_id,
        company_id=company_id,
        defaults={
            "role": grant.role,
            "is_scoped": grant.establishment_ids is not None,
            "is_active": True,
            "removed_at": None,
            **own,
        },
    )
    membership.scopes.all().delete()
    still = Establishment.objects.filter(
        company_id=company_id, pk__in=grant.establishment_ids or ()
    )
    MembershipScope.objects.bulk_create(
        MembershipScope(
            membership=membership,
            establishment_id=pk,
            company_id=company_id,
            person_id=person_id,
        )
        for pk in still.order_by("pk").values_list("pk", flat=True)
    )
    return membership


def open_invitations(company_id: int) -> QuerySet[Invitation]:
    """Select the invitations of a company that were neither accepted nor revoked."""
    return Invitation.objects.filter(company_id=company_id, accepted_at=None, revoked_at=None)


def take_up(invitation: Invitation, *, person_id: int, now: datetime) -> bool:
    """Let a person into a company as an invitation says; False when it is open no more.

    One way for its mailed link and for a provider that vouches for its address. Also somebody
    who was removed before comes back by it.
    """
    company_id = invitation.company_id
    lock_people(company_id)
    grant = grant_of_invitation(invitation)
    # Now that nobody else changes people: who sent it may have just been changed.
    if not may_still_invite(company_id=company_id, person_id=invitation.invited_by_id, grant=grant):
        return False
    alive = open_invitations(company_id).filter(pk=invitation.pk, expires_at__gt=now)
    if not alive.update(accepted_at=now, person_id=person_id):
        return False
    before = Membership.objects.filter(
        company_id=company_id, person_id=person_id, is_active=True
    ).first()
    # Somebody may have let them in otherwise meanwhile; the newer word is the invitation, but
    # it takes nobody's last administrator away.
    if (
        before is None
        or grant.administrates_all
        or has_administrator(company_id, without=before.pk)
    ):
        put_grant(person_id=person_id, company_id=company_id, grant=grant)
    return True
