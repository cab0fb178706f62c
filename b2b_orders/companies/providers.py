"""Identity providers as signing in needs them: who leads where, and who is let in by them.

Asked before anybody is signed in, as the web role: a scope sees the one provider or e-mail domain
that it names, and after that the company of the provider alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from b2b_orders.accounts.models import Person
from b2b_orders.common import tenancy
from b2b_orders.common.requests import without_nul
from b2b_orders.companies.models import (
    Company,
    DefaultScope,
    EmailDomain,
    IdentityProvider,
    Invitation,
    Membership,
    ProviderKind,
    Role,
    StaffProfile,
)
from b2b_orders.companies.people import (
    grant_of,
    grant_of_invitation,
    has_administrator,
    lock_people,
    may_still_invite,
    open_invitations,
    take_up,
)

# From the least to the most: of several groups the one that may most decides.
_RANKS = (Role.VIEWER, Role.BUYER, Role.FINANCE, Role.ADMIN)
MOST_NAME = 150


@dataclass(frozen=True, slots=True)
class Provider:
    """An identity provider that is in use, of a company that is active or of the staff."""

    id: int
    slug: str
    kind: ProviderKind
    label: str
    company_id: int | None
    settings: Mapping[str, Any] = field(repr=False)
    secret: bytes = field(repr=False)
    is_required: bool
    lets_in: bool
    role: Role
    changed_at: datetime

    @property
    def vouches_email(self) -> bool:
        """Whether it stands for the addresses of its domains without saying so each time."""
        return self.settings.get("vouches_email") is True

    @property
    def vouches_second_factor(self) -> bool:
        """Whether a log-in there is one with a second factor."""
        return self.settings.get("vouches_second_factor") is True

    @property
    def roles_of_groups(self) -> dict[str, Role]:
        """Which of its groups has which role here."""
        groups = self.settings.get("groups")
        if not isinstance(groups, Mapping):
            return {}
        return {str(name): Role(role) for name, role in groups.items() if role in Role.values}


@dataclass(frozen=True, slots=True)
class Vouched:
    """What a provider says of a person, proved by its protocol."""

    uid: str
    email: str
    is_email_verified: bool
    name: str = ""
    groups: frozenset[str] = frozenset()


class NotLetIn(Exception):
    """The provider's word does not open the portal; `code` says why."""

    def __init__(self, code: str, person_id: int | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.person_id = person_id


@dataclass(frozen=True, slots=True)
class Admitted:
    """Who is let in, and what became of their membership by it: a code, and figures."""

    person: Person
    change: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)


def domain_of(email: str) -> str:
    """Return the domain of an e-mail address as it is stored, "" when there is none."""
    _local, at, domain = without_nul(email).strip().rpartition("@")
    if not at:
        return ""
    try:
        # Within the standard library: what browsers and mail servers make of these names.
        return domain.rstrip(".").lower().encode("idna").decode("ascii")[:190]
    except UnicodeError:
        return ""


@contextmanager
def _knowing(name: str) -> Iterator[None]:
    with tenancy.scope(role=tenancy.WEB):
        tenancy.enter_sign_in(name)
        yield
        tenancy.enter_sign_in("")


def find_provider(slug: str) -> Provider | None:
    """Find a provider by the name in its addresses; None when it signs nobody in."""
    slug = without_nul(slug)[:40]
    if not slug:
        return None
    with _knowing(slug):
        row = IdentityProvider.objects.filter(slug=slug, is_active=True).first()
    return _in_use(row)


def provider_of_email(email: str) -> Provider | None:
    """Find the provider that signs in people with an address of this domain.

    The domain alone decides, not whether anybody has that address.
    """
    domain = domain_of(email)
    if not domain:
        return None
    with _knowing(domain):
        known = (
            EmailDomain.objects.filter(
                domain=domain, verified_at__isnull=False, provider__is_active=True
            )
            .select_related("provider")
            .first()
        )
    return _in_use(known.provider) if known else None


def _in_use(row: IdentityProvider | None) -> Provider | None:
    if row is None:
        return None
    if row.company_id is not None:
        with tenancy.scope(role=tenancy.WEB, company_id=row.company_id):
            if not Company.objects.filter(pk=row.company_id, is_active=True).exists():
                return None
    return of_row(row)


def of_row(row: IdentityProvider) -> Provider:
    """Return what signing in needs of a row."""
    return Provider(
        id=row.pk,
        slug=row.slug,
        kind=ProviderKind(row.kind),
        label=row.label,
        company_id=row.company_id,
        settings=row.settings,
        secret=bytes(row.secret),
        is_required=row.is_required,
        lets_in=row.lets_in,
        role=Role(row.role),
        changed_at=row.changed_at,
    )


def required_provider(email: str) -> Provider | None:
    """Find the provider by which alone somebody with this address may sign in, if any.

    Staff never depend on a company's provider, whatever their address.
    """
    provider = provider_of_email(email)
    if provider is None or not provider.is_required:
        return None
    if provider.company_id is not None:
        with tenancy.scope(role=tenancy.WEB):
            if StaffProfile.objects.filter(person__email=email.strip().lower()).exists():
                return None
    return provider


def check_vouched(provider: Provider, vouched: Vouched) -> str:
    """Return the address that a provider vouches for; `NotLetIn` when it may not.

    It speaks for its own verified domains only, and only of addresses that it has verified.
    """
    email = without_nul(vouched.email).strip().lower()
    if not email or not vouched.uid:
        raise NotLetIn("no-address")
    owner = provider_of_email(email)
    if owner is None or owner.id != provider.id:
        raise NotLetIn("other-domain")
    if not (vouched.is_email_verified or provider.vouches_email):
        raise NotLetIn("not-verified")
    return email


def admit(
    *, provider: Provider, vouched: Vouched, person: Person | None, now: datetime
) -> Admitted:
    """Let somebody in whom a provider vouches for, or say why not by `NotLetIn`.

    `person` is whom the provider named by the same id before. Runs in the company of the
    provider, where alone the web process may let people in.
    """
    email = check_vouched(provider, vouched)
    if person is not None:
        # Whom it named before it may have lost since, with the domain of their address.
        owner = provider_of_email(person.email)
        if owner is None or owner.id != provider.id:
            raise NotLetIn("other-domain", person.pk)
    known = person or Person.objects.filter(email=email).first()
    if known is not None and not known.is_active:
        raise NotLetIn("inactive", known.pk)
    with tenancy.scope(
        role=tenancy.WEB,
        company_id=provider.company_id,
        person_id=known.pk if known else None,
    ):
        is_staff = known is not None and StaffProfile.objects.filter(person=known).exists()
        if provider.company_id is None:
            if known is None or not is_staff:
                raise NotLetIn("not-staff", known.pk if known else None)
            return Admitted(known)
        if is_staff:
            raise NotLetIn("staff", known.pk if known else None)
        return _member(provider, provider.company_id, vouched, email, known, now)


def _member(
    provider: Provider,
    company_id: int,
    vouched: Vouched,
    email: str,
    known: Person | None,
    now: datetime,
) -> Admitted:
    invitation = (
        open_invitations(company_id).filter(email__iexact=email, expires_at__gt=now).first()
    )
    if invitation is not None and not may_still_invite(
        company_id=company_id,
        person_id=invitation.invited_by_id,
        grant=grant_of_invitation(invitation),
    ):
        invitation = None
    member = None
    if known is not None:
        member = Membership.objects.filter(person=known, company_id=company_id).first()
    # Who was removed and then asked in again comes back by the newer word.
    if member is not None and not member.is_active and invitation is None:
        raise NotLetIn("removed", member.person_id)
    if member is not None and member.is_active:
        return _with_role(provider, vouched, member)
    if invitation is None and not provider.lets_in:
        raise NotLetIn("not-invited", known.pk if known else None)
    if known is None:
        name = " ".join(without_nul(vouched.name).split())[:MOST_NAME] or email.partition("@")[0]
        if invitation is not None and invitation.name:
            name = invitation.name
        known, _ = Person.objects.get_or_create(
            email=email, defaults={"name": name, "password": "!"}
        )
    if invitation is not None:
        return _accept(invitation, known, now)
    role = _role_of(provider, vouched)
    company = Company.objects.get(pk=company_id)
    # Until somebody says which: a scoped member with no establishment sees nothing.
    is_scoped = company.default_scope == DefaultScope.ESTABLISHMENTS
    Membership.objects.get_or_create(
        person=known, company_id=company_id, defaults={"role": role, "is_scoped": is_scoped}
    )
    return Admitted(known, "added", {"role": str(role)})


def _accept(invitation: Invitation, person: Person, now: datetime) -> Admitted:
    """Do what an open invitation promised; its mailed link is no longer needed."""
    if not take_up(invitation, person_id=person.pk, now=now):
        # Revoked at this very moment.
        raise NotLetIn("not-invited", person.pk)
    about = {"role": invitation.role, "invitation": str(invitation.public_id)}
    return Admitted(person, "accepted", about)


def _with_role(provider: Provider, vouched: Vouched, member: Membership) -> Admitted:
    """Follow the provider's groups, as far as the provider gives roles by them.

    It takes away only what it can give: a role that none of its groups has was given by hand,
    and stays. Nor does it leave a company without an administrator.
    """
    roles = provider.roles_of_groups
    wanted = _role_of(provider, vouched)
    before = Role(member.role)
    is_given_here = before not in {*roles.values(), provider.role}
    if not roles or wanted == before or is_given_here or _is_last_administrator(member, wanted):
        return Admitted(member.person)
    Membership.objects.filter(pk=member.pk).update(role=wanted)
    return Admitted(member.person, "changed", {"before": str(before), "role": str(wanted)})


def _is_last_administrator(member: Membership, wanted: Role) -> bool:
    """Say whether nobody could manage the company's people any more after the change."""
    before = grant_of(member, ())
    if not before.administrates_all or replace(before, role=wanted).administrates_all:
        return False
    lock_people(member.company_id)
    return not has_administrator(member.company_id, without=member.pk)


def _role_of(provider: Provider, vouched: Vouched) -> Role:
    roles = provider.roles_of_groups
    given = [role for name, role in roles.items() if name in vouched.groups]
    return max(given, key=_RANKS.index) if given else provider.role
