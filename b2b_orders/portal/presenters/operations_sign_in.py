"""Identity providers and e-mail domains, worded for operations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _

from b2b_orders.audit.single_sign_on import addresses_of
from b2b_orders.companies.provider_setup import DomainRow, ProviderRow
from b2b_orders.portal import formats, words
from b2b_orders.portal.presenters.operations import Moment, moment
from b2b_orders.portal.presenters.operations_documents import Choice

# A certificate takes an administrator of another company some weeks to renew.
_SOON = timedelta(days=30)
KIND = {"oidc": "OpenID Connect", "saml": "SAML 2.0"}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a provider's form; `kind` is "text", "area", "secret", "choice" or "flag"."""

    name: str
    label: str
    value: str = ""
    kind: str = "text"
    help: str = ""
    is_needed: bool = False
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class Address:
    """Something that the provider's administrator has to know of us."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class ProviderItem:
    """A provider as a card."""

    slug: str
    form: str
    kind: str
    kind_name: str
    label: str
    whose: str
    state: words.Chip
    is_active: bool
    facts: tuple[str, ...]
    domains: str
    addresses: tuple[Address, ...]
    certificate: str
    certificate_warns: bool
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class DomainItem:
    """An e-mail domain as a row."""

    domain: str
    whose: str
    company_id: str
    provider: str
    may_join: bool
    at: Moment | None
    by: str


@dataclass(frozen=True, slots=True)
class NewForm:
    """The form of a new provider of one kind."""

    kind: str
    form: str
    text: str
    fields: tuple[Field, ...]


def provider_items(
    rows: Iterable[ProviderRow], typed: Mapping[str, str], *, now: datetime
) -> tuple[ProviderItem, ...]:
    """Present all providers."""
    return tuple(_item(row, typed, now) for row in rows)


def _item(row: ProviderRow, typed: Mapping[str, str], now: datetime) -> ProviderItem:
    form = f"provider-{row.slug}"
    ends = max(row.certificates, default=None)
    return ProviderItem(
        slug=row.slug,
        form=form,
        kind=row.kind,
        kind_name=KIND.get(row.kind, row.kind),
        label=row.label,
        whose=row.company or _("The seller's staff"),
        state=words.Chip(_("In use"), "good", "check")
        if row.is_active
        else words.Chip(_("Not in use"), "plain", "minus"),
        is_active=row.is_active,
        facts=tuple(_facts(row)),
        domains=", ".join(row.domains),
        addresses=_addresses(row),
        certificate=_certificate(ends, now) if ends else "",
        certificate_warns=ends is not None and ends - now < _SOON,
        fields=_fields(row.kind, typed if typed.get("form") == form else _known(row), is_new=False),
    )


def _facts(row: ProviderRow) -> Iterable[str]:
    if row.is_required:
        yield _("the only way for its domains")
    if row.lets_in:
        yield _("lets people in without an invitation")
    if row.settings.get("vouches_email") is True:
        yield _("stands for the addresses of its domains")
    if row.settings.get("vouches_second_factor") is True:
        yield _("its log-in counts as one with a second factor")
    groups = row.settings.get("groups")
    if isinstance(groups, Mapping) and groups:
        yield _("roles by groups: %(groups)s") % {
            "groups": ", ".join(f"{name} = {role}" for name, role in groups.items())
        }


def _addresses(row: ProviderRow) -> tuple[Address, ...]:
    labels = {
        "redirect": _("Redirect URI"),
        "entity": _("Entity ID and metadata"),
        "acs": _("Reply URL (ACS)"),
        "start": _("Log-in address"),
    }
    found = addresses_of(row.kind, row.slug)
    return tuple(Address(labels[name], text) for name, text in found.items())


def _certificate(ends: datetime, now: datetime) -> str:
    when = formats.moment(ends, now)
    if ends <= now:
        return _("The certificate ended %(when)s: nobody can sign in by it.") % {"when": when}
    return _("The certificate ends %(when)s.") % {"when": when}


def _known(row: ProviderRow) -> dict[str, str]:
    texts: dict[str, Any] = dict(row.settings)
    claims = texts.pop("claims", None)
    groups = texts.pop("groups", None)
    found = {name: "yes" if value is True else str(value) for name, value in texts.items()}
    for name, value in (claims or {}).items():
        found[f"claim_{name}"] = str(value)
    found["groups"] = "\n".join(f"{name} = {role}" for name, role in (groups or {}).items())
    flags = {"is_required": row.is_required, "lets_in": row.lets_in}
    found |= {name: "yes" for name, value in flags.items() if value}
    return found | {"slug": row.slug, "label": row.label, "role": row.role}


def new_provider_forms(typed: Mapping[str, str]) -> tuple[NewForm, ...]:
    """Build the forms of new providers, one a kind, filled in with what was typed."""
    return tuple(
        NewForm(
            kind,
            f"new-{kind}",
            _("New provider: %(kind)s") % {"kind": name},
            _fields(kind, typed if typed.get("form") == f"new-{kind}" else {}, is_new=True),
        )
        for kind, name in KIND.items()
    )


def _fields(kind: str, chosen: Mapping[str, str], *, is_new: bool) -> tuple[Field, ...]:
    def text(name: str, label: str, note: str = "", **more: Any) -> Field:
        return Field(name, label, chosen.get(name, ""), help=note, **more)

    def flag(name: str, label: str, note: str = "") -> Field:
        return Field(name, label, chosen.get(name, ""), "flag", note)

    named = (
        text("slug", _("Name in addresses"), _("Stays as it is"), is_needed=True),
        text("company", _("Company's name or id"), _("Empty for the seller's staff")),
    )
    roles = (
        ("viewer", _("Read only")),
        ("buyer", _("Buyer")),
        ("finance", _("Finance")),
        ("admin", _("Administrator")),
    )
    role = chosen.get("role", "viewer")
    return (
        *(named if is_new else ()),
        text("label", _("Name that people read"), is_needed=True),
        *(_oidc_fields(text, is_new=is_new) if kind == "oidc" else _saml_fields(text)),
        Field(
            "role",
            _("Role of whom it lets in"),
            kind="choice",
            choices=tuple(Choice(value, word, role == value) for value, word in roles),
        ),
        text(
            "groups", _("Roles by groups"), _("One line a group: purchasing = buyer"), kind="area"
        ),
        text("claim_email", _("Claim of the e-mail address"), _("Empty for the usual one")),
        text("claim_name", _("Claim of the name"), _("Empty for the usual one")),
        text("claim_groups", _("Claim of the groups"), _("Empty for the usual one")),
        flag("is_required", _("The only way for people of its domains")),
        flag("lets_in", _("Let people in without an invitation")),
        *(
            (flag("vouches_email", _("It stands for the addresses of its domains")),)
            if kind == "oidc"
            else ()
        ),
        flag("vouches_second_factor", _("Its log-in counts as one with a second factor")),
    )


def _oidc_fields(text: Any, *, is_new: bool) -> tuple[Field, ...]:
    note = "" if is_new else _("Empty keeps the one there is")
    return (
        text("server_url", _("Address of the provider"), is_needed=True),
        text("issuer", _("Issuer"), _("Where it differs from its address")),
        text("client_id", _("Client ID"), is_needed=True),
        Field("secret", _("Client secret"), kind="secret", help=note, is_needed=is_new),
    )


def _saml_fields(text: Any) -> tuple[Field, ...]:
    return (
        text("entity_id", _("Entity ID of the provider"), is_needed=True),
        text("sso_url", _("Log-in URL of the provider"), is_needed=True),
        text("x509cert", _("Certificate"), kind="area", is_needed=True),
        text("x509cert_next", _("Next certificate"), _("While it changes its key"), kind="area"),
        text("claim_uid", _("Attribute of the lasting id"), _("Empty for the NameID")),
    )


def domain_items(rows: Iterable[DomainRow], *, now: datetime) -> tuple[DomainItem, ...]:
    """Present all e-mail domains."""
    return tuple(
        DomainItem(
            domain=row.domain,
            whose=row.company or _("The seller's staff"),
            company_id=row.company_id,
            provider=row.provider,
            may_join=row.may_join,
            at=moment(row.verified_at, now) if row.verified_at else None,
            by=row.verified_by,
        )
        for row in rows
    )


def provider_choices(rows: Iterable[ProviderRow], typed: Mapping[str, str]) -> tuple[Choice, ...]:
    """Offer the providers for a domain."""
    chosen = typed.get("provider", "") if typed.get("form") == "domain" else ""
    named = [(row.slug, f"{row.label} ({row.company or _('staff')})") for row in rows]
    return (
        Choice("", _("none"), not chosen),
        *(Choice(slug, text, slug == chosen) for slug, text in named),
    )
