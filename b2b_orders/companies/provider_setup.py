"""Operations' side of identity providers and e-mail domains: listed, checked, written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q

from b2b_orders.accounts.models import Person
from b2b_orders.accounts.sessions import end_sessions_of
from b2b_orders.common import secrets, tenancy
from b2b_orders.common.errors import Conflict, InvalidInput, NotAllowed, NotVisible
from b2b_orders.companies.access import StaffViewer
from b2b_orders.companies.models import (
    Company,
    EmailDomain,
    IdentityProvider,
    ProviderKind,
    Role,
    StaffProfile,
)
from b2b_orders.companies.providers import domain_of
from erp_bridge.errors import ConfigError
from erp_bridge.http import Policy, address_problem
from erp_bridge.identity.saml import read_certificate

MOST_TEXT, MOST_CERTIFICATE, MOST_GROUPS = 300, 20_000, 100
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?", re.ASCII)
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*", re.ASCII)
# What each kind must and may be told; the rest of `settings` is flags and names of claims.
TEXTS: Mapping[str, tuple[str, ...]] = {
    ProviderKind.OIDC: ("server_url", "client_id", "issuer"),
    ProviderKind.SAML: ("entity_id", "sso_url", "x509cert", "x509cert_next"),
}
_NEEDED = frozenset({"server_url", "client_id", "entity_id", "sso_url", "x509cert"})
_BY_COMMAND = ("scope", "own_entity_id")
_ADDRESSES = frozenset({"server_url", "sso_url"})
FLAGS = ("vouches_email", "vouches_second_factor")
CLAIMS = ("email", "name", "groups", "uid")
# Where anybody can have an address: no company's, whoever says so.
EVERYBODYS = frozenset(
    {
        *("gmail.com", "googlemail.com", "hotmail.com", "hotmail.com.br", "outlook.com"),
        *("outlook.com.br", "live.com", "msn.com", "yahoo.com", "yahoo.com.br", "ymail.com"),
        *("icloud.com", "me.com", "uol.com.br", "bol.com.br", "terra.com.br", "ig.com.br"),
        *("globo.com", "globomail.com", "r7.com", "proton.me", "protonmail.com", "gmx.com"),
        *("aol.com", "zoho.com", "mail.com", "yandex.com", "yahoo.es", "hotmail.es"),
        *("yahoo.com.ar", "yahoo.com.mx"),
    }
)


@dataclass(frozen=True, slots=True)
class ProviderRow:
    """A provider as operations see it; its secret is not among it."""

    slug: str
    kind: str
    label: str
    company: str
    company_id: str
    settings: Mapping[str, Any]
    is_active: bool
    is_required: bool
    lets_in: bool
    role: str
    changed_at: datetime
    domains: tuple[str, ...]
    # When the certificates end by which it signs; empty for a provider of OpenID Connect.
    certificates: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True)
class DomainRow:
    """An e-mail domain as operations see it."""

    domain: str
    company: str
    company_id: str
    provider: str
    may_join: bool
    verified_at: datetime | None
    verified_by: str


@dataclass(frozen=True, slots=True)
class ProviderChange:
    """What a provider is to be. The secret is encrypted already; "" keeps the one there is."""

    slug: str
    kind: str
    label: str
    company: str
    settings: dict[str, Any]
    secret: str = field(repr=False)
    is_required: bool
    lets_in: bool
    role: str


# --- lists ---------------------------------------------------------------------------------


def list_providers(*, viewer: StaffViewer) -> tuple[ProviderRow, ...]:
    """List all identity providers; operations only."""
    with _operations(viewer):
        domains: dict[int, list[str]] = {}
        pairs = EmailDomain.objects.exclude(provider=None).order_by("domain")
        for provider_id, domain in pairs.values_list("provider_id", "domain"):
            if provider_id is not None:
                domains.setdefault(provider_id, []).append(domain)
        rows = IdentityProvider.objects.order_by("slug").values(
            *("id", "slug", "kind", "label", "company__name", "company__public_id", "settings"),
            *("is_active", "is_required", "lets_in", "role", "changed_at"),
        )
        return tuple(
            ProviderRow(
                slug=row["slug"],
                kind=row["kind"],
                label=row["label"],
                company=row["company__name"] or "",
                company_id=str(row["company__public_id"] or ""),
                settings=row["settings"],
                is_active=row["is_active"],
                is_required=row["is_required"],
                lets_in=row["lets_in"],
                role=row["role"],
                changed_at=row["changed_at"],
                domains=tuple(domains.get(row["id"], ())),
                certificates=certificate_ends(row["settings"]),
            )
            for row in rows[:500]
        )


def list_domains(*, viewer: StaffViewer) -> tuple[DomainRow, ...]:
    """List all e-mail domains; operations only."""
    with _operations(viewer):
        rows = list(
            EmailDomain.objects.order_by("domain", "id").values_list(
                *("domain", "company__name", "company__public_id", "provider__slug", "may_join"),
                *("verified_at", "verified_by_id"),
            )[:1000]
        )
    # The staff role knows no people by name.
    names = dict(
        Person.objects.filter(pk__in={row[-1] for row in rows if row[-1]}).values_list("pk", "name")
    )
    return tuple(
        DomainRow(
            *(domain, name or "", str(public_id or ""), slug or "", may_join, at),
            verified_by=names.get(by, "") if by else "",
        )
        for domain, name, public_id, slug, may_join, at, by in rows
    )


def _operations(viewer: StaffViewer) -> Any:
    if not viewer.can_operate:
        raise NotAllowed
    return tenancy.scope(role=tenancy.STAFF, person_id=viewer.person_id)


def certificate_ends(settings: Mapping[str, Any]) -> tuple[datetime, ...]:
    """Return when the certificates in a row's settings end, as far as they can be read."""
    found = []
    for name in ("x509cert", "x509cert_next"):
        text = settings.get(name)
        if isinstance(text, str) and text:
            try:
                found.append(read_certificate(text)[1])
            except ConfigError:
                continue
    return tuple(found)


# --- checks: read only, as the staff role or in a command --------------------------------------


def clean_provider(
    params: Mapping[str, Any], *, policy: Policy, needs_secret: bool = False
) -> dict[str, Any]:
    """Return what a form or command says of a provider, cleaned, its secret encrypted.

    `InvalidInput` names the field that is wrong, with a code for its wording.
    """
    slug, kind = _text(params, "slug", 40).lower(), _text(params, "kind", 10)
    if not _SLUG.fullmatch(slug):
        raise InvalidInput("slug", "slug-wrong")
    if kind not in ProviderKind.values:
        raise InvalidInput("kind", "provider-kind-missing")
    label = _text(params, "label", 80)
    if not label:
        raise InvalidInput("label", "label-missing")
    role = _text(params, "role", 10) or Role.VIEWER
    if role not in Role.values:
        raise InvalidInput("role", "role-wrong")
    settings = _settings(params, kind, policy)
    secret = str(params.get("secret") or "").strip()
    if needs_secret and kind == ProviderKind.OIDC and not secret:
        raise InvalidInput("secret", "secret-missing")
    if len(secret) > MOST_TEXT:
        raise InvalidInput("secret", "text-too-long")
    return {
        "slug": slug,
        "kind": kind,
        "label": label,
        "company": _text(params, "company", 150),
        "settings": settings,
        "secret": secrets.encrypt(secret).decode() if secret else "",
        "is_required": _flag(params, "is_required"),
        "lets_in": _flag(params, "lets_in"),
        "role": str(role),
    }


def _settings(params: Mapping[str, Any], kind: str, policy: Policy) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in TEXTS[kind]:
        most = MOST_CERTIFICATE if name.startswith("x509cert") else MOST_TEXT
        text = _text(params, name, most)
        if not text and name in _NEEDED:
            raise InvalidInput(name, "field-missing")
        if text and name in _ADDRESSES and address_problem(text, policy):
            raise InvalidInput(name, "address-wrong")
        if text and name.startswith("x509cert"):
            try:
                text, _ends = read_certificate(text)
            except ConfigError as error:
                raise InvalidInput(name, "certificate-wrong") from error
        if text:
            found[name] = text
    found |= {name: text for name in _BY_COMMAND if (text := _text(params, name, MOST_TEXT))}
    found |= {name: True for name in FLAGS if _flag(params, name)}
    claims = {name: text for name in CLAIMS if (text := _text(params, f"claim_{name}", 150))}
    if claims:
        found["claims"] = claims
    if groups := _groups(str(params.get("groups") or "")):
        found["groups"] = groups
    return found


def _groups(text: str) -> dict[str, str]:
    """Read lines such as `purchasing = buyer`."""
    found = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, equals, role = line.rpartition("=")
        if not equals or not name.strip() or role.strip() not in Role.values:
            raise InvalidInput("groups", "groups-wrong")
        found[name.strip()[:150]] = role.strip()
    if len(found) > MOST_GROUPS:
        raise InvalidInput("groups", "groups-wrong")
    return found


def clean_domain(text: str) -> str:
    """Return an e-mail domain as it is stored; `InvalidInput` for what is none, or everybody's."""
    domain = domain_of("x@" + text.strip().removeprefix("@"))
    if not _DOMAIN.fullmatch(domain):
        raise InvalidInput("domain", "domain-wrong")
    if domain in EVERYBODYS:
        raise InvalidInput("domain", "domain-everybodys")
    return domain


def _text(params: Mapping[str, Any], name: str, most: int) -> str:
    text = str(params.get(name) or "").strip()
    if len(text) > most:
        raise InvalidInput(name, "text-too-long")
    return text


def _flag(params: Mapping[str, Any], name: str) -> bool:
    return params.get(name) in (True, "yes")


# --- writes: workers and commands ---------------------------------------------------------------


@transaction.atomic
def put_provider(*, change: ProviderChange, now: datetime) -> tuple[IdentityProvider, bool]:
    """Make a provider, or change the one of that name; say whether it is new.

    Whose it is and how it speaks stay as they were: that is another provider, with a name of
    its own, and people who came by the old one are not taken for the new one's.
    """
    company = None
    if change.company:
        company = Company.objects.filter(public_id=UUID(change.company)).first()
        if company is None:
            raise NotVisible
    row = IdentityProvider.objects.select_for_update().filter(slug=change.slug).first()
    is_new, was_binding = row is None, row is not None and _is_binding(row)
    if row is None:
        row = IdentityProvider(
            slug=change.slug, kind=change.kind, company=company, created_at=now, secret=b""
        )
    elif row.kind != change.kind or row.company_id != (company.pk if company else None):
        raise Conflict(f"{change.slug} is of another company or kind: choose another name")
    # What only the command sets stays when the page, which does not show it, saves.
    kept = {name: value for name, value in row.settings.items() if name in _BY_COMMAND}
    row.label, row.settings = change.label, kept | change.settings
    row.is_required, row.lets_in, row.role = change.is_required, change.lets_in, change.role
    if change.secret:
        row.secret = change.secret.encode()
    row.changed_at = now
    row.save()
    if not was_binding:
        _end_other_log_ins(row)
    return row, is_new


def _is_binding(row: IdentityProvider) -> bool:
    return row.is_active and row.is_required


def _end_other_log_ins(row: IdentityProvider, *domains: str) -> None:
    """End the open log-ins of whom a provider alone may sign in from this moment on.

    They may have come by a password that the company has ended elsewhere. Asking them anew on
    our own page would take just that password; so they come again, by their provider. Staff
    never depend on a customer's.
    """
    if not _is_binding(row):
        return
    found = EmailDomain.objects.filter(provider=row, verified_at__isnull=False)
    named = domains or tuple(found.values_list("domain", flat=True))
    of_domain = Q(pk__in=())
    for each in named:
        of_domain |= Q(email__iendswith=f"@{_as_written(each)}") | Q(email__iendswith=f"@{each}")
    people = Person.objects.filter(of_domain)
    if row.company_id is not None:
        people = people.exclude(pk__in=StaffProfile.objects.values("person_id"))
    end_sessions_of(people)


def _as_written(domain: str) -> str:
    """Return a domain as people may have it in their address: with its accents."""
    try:
        return domain.encode("ascii").decode("idna")
    except UnicodeError:
        return domain


def switch_provider(*, slug: str, is_active: bool, now: datetime) -> IdentityProvider:
    """Switch a provider on or off; off, nobody signs in by it and its domains are free again."""
    row = get_row(slug)
    was_binding = _is_binding(row)
    row.is_active, row.changed_at = is_active, now
    row.save(update_fields=["is_active", "changed_at"])
    if not was_binding:
        _end_other_log_ins(row)
    return row


def get_row(slug: str) -> IdentityProvider:
    """Return a provider's row; `NotVisible` when there is none."""
    row = IdentityProvider.objects.filter(slug=slug).first()
    if row is None:
        raise NotVisible
    return row


@transaction.atomic
def put_domain(
    *,
    domain: str,
    company: str,
    provider: str,
    may_join: bool,
    person_id: int | None,
    now: datetime,
) -> EmailDomain:
    """Say that a domain is verified to be a company's, or the seller's, and who signs it in.

    `Conflict` when another provider signs its people in already.
    """
    owner = None
    if company:
        owner = Company.objects.filter(public_id=UUID(company)).first()
        if owner is None:
            raise NotVisible
    signs_in = get_row(provider) if provider else None
    if signs_in is not None and signs_in.company_id != (owner.pk if owner else None):
        raise Conflict(f"{provider} is another company's")
    try:
        with transaction.atomic():
            row, _ = EmailDomain.objects.update_or_create(
                domain=domain,
                company=owner,
                defaults={
                    "provider": signs_in,
                    "may_join": may_join and owner is not None,
                    "verified_at": now,
                    "verified_by_id": person_id,
                },
            )
    except IntegrityError as error:
        raise Conflict(f"{domain} has another provider") from error
    if signs_in is not None:
        _end_other_log_ins(signs_in, domain)
    return row


def drop_domain(*, domain: str, company: str) -> int | None:
    """Take a domain from a company, or from the seller; return whose it was."""
    rows = EmailDomain.objects.filter(domain=domain)
    rows = rows.filter(company__public_id=company) if company else rows.filter(company=None)
    row = rows.first()
    if row is None:
        raise NotVisible
    company_id = row.company_id
    row.delete()
    return company_id
