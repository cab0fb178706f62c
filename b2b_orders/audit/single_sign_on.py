"""Signing in by a company's own identity provider: what it says is believed, or refused, here.

The providers are rows of ours, not allauth's. Their protocols are spoken by `erp_bridge.identity`;
allauth keeps the state of a log-in under way and makes the session.
"""

from __future__ import annotations

import hashlib
import secrets as random
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urljoin

from allauth.account.models import EmailAddress
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.helpers import complete_social_login
from allauth.socialaccount.internal import statekit
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialLogin
from allauth.socialaccount.providers.base import Provider as AllauthProvider
from allauth.socialaccount.providers.base import ProviderAccount
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from b2b_orders.accounts.factors import note_second_factor, note_vouched_factor
from b2b_orders.accounts.models import Person
from b2b_orders.audit.failures import record_failed_login
from b2b_orders.audit.models import Action
from b2b_orders.audit.services import record
from b2b_orders.common import clock, secrets, tenancy
from b2b_orders.companies.access import Actor
from b2b_orders.companies.models import IdentityProvider, ProviderKind
from b2b_orders.companies.provider_setup import certificate_ends
from b2b_orders.companies.providers import (
    NotLetIn,
    Provider,
    Vouched,
    admit,
    find_provider,
    of_row,
    required_provider,
)
from erp_bridge.connector import Call, Purpose
from erp_bridge.errors import BridgeError, ConfigError, TransientError
from erp_bridge.http import Policy
from erp_bridge.identity import oidc, saml

# As long as a person waits for one step; a provider that takes longer is as good as down.
_SECONDS = 12.0
_DISCOVERY_SECONDS = 600
_LONGEST_ID = 190
_SCOPE = "openid profile email"
_EMAIL_FORMAT = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
# What providers call an address, a name and groups, unless their row says otherwise.
_SAML_NAMES: Mapping[str, tuple[str, ...]] = {
    "email": (
        "email",
        "mail",
        "urn:oid:0.9.2342.19200300.100.1.3",
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
    ),
    "name": (
        "name",
        "displayName",
        "urn:oid:2.16.840.1.113730.3.1.241",
        "http://schemas.microsoft.com/identity/claims/displayname",
    ),
    "groups": (
        "groups",
        "memberOf",
        "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups",
    ),
}
# Mails of allauth that carry a way in.
_OPENING_MAILS = (
    *("account/email/login_code", "account/email/password_reset"),
    "account/email/unknown_account",
)
_ADDED: Mapping[str, Action] = {
    "added": Action.MEMBER_ADDED,
    "accepted": Action.INVITATION_ACCEPTED,
    "changed": Action.MEMBER_CHANGED,
}


def addresses_of(kind: str, slug: str) -> dict[str, str]:
    """Return the addresses that a provider's administrator has to know, by what they are."""
    if kind == ProviderKind.OIDC:
        return {
            "redirect": _whole("oidc_callback", slug),
            "start": _whole("oidc_login", slug),
        }
    return {
        "entity": _whole("saml_metadata", slug),
        "acs": _whole("saml_acs", slug),
        "start": _whole("saml_login", slug),
    }


def _whole(name: str, slug: str) -> str:
    return urljoin(settings.PORTAL_URL, reverse(name, kwargs={"slug": slug}))


def outside_policy() -> Policy:
    """Say which addresses providers may have: as sources, none inside unless it is listed."""
    return Policy(
        private_hosts=frozenset(settings.PORTAL_PRIVATE_HOSTS),
        allow_plain_http=settings.PORTAL_ALLOW_PLAIN_HTTP,
    )


def check_provider(row: IdentityProvider) -> None:
    """Ask a provider who it is, or read its certificates; raises what is wrong. For workers."""
    provider = of_row(row)
    if provider.kind is ProviderKind.OIDC:
        oidc_client(provider).discover(_call())
        return
    saml_config(provider)
    ends = certificate_ends(provider.settings)
    if not ends or max(ends) <= clock.now():
        raise ConfigError("x509cert", "the certificate has ended")


def forget_identity(*, slug: str, email: str) -> int:
    """Forget by which id of a provider's somebody came; say how many were known. For workers.

    Whoever comes with the address next is taken for its person.
    """
    known = SocialAccount.objects.filter(provider=slug, user__email=email)
    count, _each = known.delete()
    return int(count)


# --- allauth's side ----------------------------------------------------------------------


class SignInProvider(AllauthProvider):  # type: ignore[misc] # allauth has no types
    """A row of ours as allauth sees it."""

    id = "single_sign_on"
    name = "Single sign-on"
    account_class = ProviderAccount
    uses_apps = True


class SocialAccountAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc] # no types
    """Providers come from our own rows; nobody signs up or links an account by themselves."""

    def list_apps(self, *_args: Any, **_kwargs: Any) -> list[SocialApp]:
        """List none: which providers there are is nobody's business."""
        return []

    def get_provider(
        self, request: HttpRequest, provider: str, client_id: str | None = None
    ) -> SignInProvider:
        """Build the provider of a row, by its name."""
        found = find_provider(client_id or provider)
        if found is None:
            raise SocialApp.DoesNotExist
        return as_allauth(request, found)

    def is_open_for_signup(self, *_args: Any, **_kwargs: Any) -> bool:
        """Say no: whom a provider may bring in is decided by `providers.admit`."""
        return False

    def authenticate_by_email(self, _sociallogin: SocialLogin) -> None:
        """Find nobody: an address alone proves nothing before its domain is looked at."""

    def get_requests_session(self) -> Any:
        """Refuse: everything that leaves goes through the one door."""
        raise NotImplementedError

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Let the person in, or raise `NotLetIn`; both leave their line in the record."""
        provider: Provider = sociallogin.found
        vouched: Vouched = sociallogin.vouched
        account = sociallogin.account
        before = Person.objects.get(pk=account.user_id) if account.pk else None
        if before is None and (other := _who_has_address(provider, vouched)):
            # The address was given to somebody else there; who had it keeps what is theirs.
            raise NotLetIn("other-identity", other)
        now = clock.now()
        admitted = admit(provider=provider, vouched=vouched, person=before, now=now)
        actor = _actor(request, admitted.person.pk)
        if admitted.change:
            with tenancy.scope(
                role=tenancy.WEB, company_id=provider.company_id, person_id=admitted.person.pk
            ):
                record(
                    _ADDED[admitted.change],
                    actor=actor,
                    company_id=provider.company_id,
                    object_kind="person",
                    object_id=str(admitted.person.public_id),
                    detail={"provider": provider.slug, **admitted.about},
                    now=now,
                )
        sociallogin.user = account.user = admitted.person
        account.save()


def _who_has_address(provider: Provider, vouched: Vouched) -> int | None:
    """Find who came from the provider before, by another id and with this address."""
    known = SocialAccount.objects.filter(
        provider=provider.slug, user__email=vouched.email.strip().lower()
    )
    found: int | None = known.values_list("user_id", flat=True).first()
    return found


def as_allauth(request: HttpRequest, provider: Provider) -> SignInProvider:
    """Build what allauth takes for the provider; its settings and secret stay with us."""
    app = SocialApp(provider=SignInProvider.id, provider_id=provider.slug, name=provider.label)
    return SignInProvider(request, app=app)


class SingleSignOnRules:
    """What an account adapter adds: who must sign in elsewhere does, in every way there is."""

    def pre_login(
        self, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any
    ) -> HttpResponse | None:
        """Refuse whoever has to come by a provider and did not; runs at every log-in."""
        login: SocialLogin | None = (kwargs.get("signal_kwargs") or {}).get("sociallogin")
        if login is not None:
            _note_factor(request, login.found, user.pk)
        elif isinstance(user, Person) and (needed := required_provider(user.email)):
            refuse(request, needed.slug, NotLetIn("needs-provider", user.pk))
            return render(request, "account/to_provider.html", to_provider(needed))
        answer: HttpResponse | None = super().pre_login(  # type: ignore[misc] # a mixin
            request, user, **kwargs
        )
        return answer


def _note_factor(request: HttpRequest, provider: Provider, person_id: int) -> None:
    """Note the second factor that a provider vouches for: a company's for that company alone."""
    if not provider.vouches_second_factor:
        return
    if provider.company_id is None:
        note_second_factor(request, person_id=person_id)
    else:
        note_vouched_factor(request, person_id=person_id, company_id=provider.company_id)


def to_provider(provider: Provider, *, wanted: str = "") -> dict[str, Any]:
    """Build what the page shows that leads to a provider."""
    name = "oidc_login" if provider.kind is ProviderKind.OIDC else "saml_login"
    return {
        "provider_label": provider.label,
        "provider_url": reverse(name, kwargs={"slug": provider.slug}),
        "wanted": wanted,
        "is_required": provider.is_required,
    }


# --- both protocols -------------------------------------------------------------------------


def refuse(request: HttpRequest, slug: str, refused: NotLetIn) -> None:
    """Write down that a provider's word was not enough, or that another way was tried."""
    actor = _actor(request, refused.person_id)
    record_failed_login(actor=actor, provider=slug, detail={"why": refused.code}, now=clock.now())


def _actor(request: HttpRequest, person_id: int | None) -> Actor:
    around: Actor = getattr(request, "actor", Actor())
    return Actor(person_id=person_id, address=around.address, request_id=around.request_id)


def _finish(
    request: HttpRequest, provider: Provider, vouched: Vouched, state: dict[str, Any]
) -> HttpResponse:
    account = SocialAccount(provider=provider.slug, uid=vouched.uid, extra_data={})
    address = EmailAddress(email=vouched.email, verified=vouched.is_email_verified, primary=True)
    login = SocialLogin(
        user=Person(),
        account=account,
        email_addresses=[address],
        provider=as_allauth(request, provider),
    )
    login.state = {"process": "login"} | ({"next": state["next"]} if state.get("next") else {})
    login.found, login.vouched = provider, vouched
    answer: HttpResponse = complete_social_login(request, login)
    return answer


def _begin(
    request: HttpRequest,
    provider: Provider,
    kept: dict[str, Any],
    wanted: str,
    state_id: str | None = None,
) -> str:
    state = kept | ({"next": wanted} if wanted else {})
    found: str = statekit.stash_state(
        request, provider_id=provider.slug, state=state, state_id=state_id
    )
    return found


def _take(request: HttpRequest, provider: Provider, state_id: str) -> dict[str, Any]:
    """Take the state of a log-in that this very browser began: once."""
    state = statekit.unstash_state(request, provider_id=provider.slug, state_id=state_id)
    if state is None:
        raise NotLetIn("not-begun-here")
    return dict(state)


def _named(provider: Provider, what: str, standard: str) -> str:
    claims = provider.settings.get("claims")
    found = claims.get(what) if isinstance(claims, Mapping) else None
    return found if isinstance(found, str) and found else standard


def _lasting(uid: str) -> str:
    """Return a provider's id of somebody as it is kept: of two long ones not the same part."""
    return uid if len(uid) <= _LONGEST_ID else hashlib.sha256(uid.encode()).hexdigest()


def _texts(value: object) -> frozenset[str]:
    if isinstance(value, str):
        return frozenset({value})
    return (
        frozenset(str(each) for each in value) if isinstance(value, list | tuple) else frozenset()
    )


# --- OpenID Connect ----------------------------------------------------------------------------


def oidc_client(provider: Provider) -> oidc.OidcClient:
    """Build what speaks to a provider of OpenID Connect."""
    chosen = provider.settings
    secret = secrets.decrypt(provider.secret) if provider.secret else ""
    config = oidc.OidcConfig(
        server_url=str(chosen.get("server_url", "")),
        client_id=str(chosen.get("client_id", "")),
        client_secret=secret,
        issuer=str(chosen.get("issuer", "")),
    )
    return oidc.OidcClient(config, outside_policy(), source=provider.slug)


def _call() -> Call:
    return Call.within(_SECONDS, Purpose.INTERACTIVE)


def _discover(provider: Provider, client: oidc.OidcClient) -> oidc.Discovery:
    key = f"oidc:{provider.slug}:{provider.changed_at.timestamp()}"
    known: oidc.Discovery | None = cache.get(key)
    if known is None:
        with tenancy.leave():
            known = client.discover(_call())
        cache.set(key, known, _DISCOVERY_SECONDS)
    return known


def begin_oidc(request: HttpRequest, provider: Provider, *, wanted: str) -> str:
    """Return the address at the provider to which this browser is to go."""
    client = oidc_client(provider)
    try:
        discovery = _discover(provider, client)
    except BridgeError as error:
        raise NotLetIn("provider-down") from error
    nonce, verifier = random.token_urlsafe(24), random.token_urlsafe(48)
    state = _begin(request, provider, {"nonce": nonce, "verifier": verifier}, wanted)
    return client.authorize_url(
        discovery,
        redirect_uri=_whole("oidc_callback", provider.slug),
        state=state,
        nonce=nonce,
        verifier=verifier,
        scope=str(provider.settings.get("scope") or _SCOPE),
    )


def finish_oidc(request: HttpRequest, provider: Provider) -> HttpResponse:
    """Log the person in with whom a provider sent this browser back."""
    state = _take(request, provider, request.GET.get("state", ""))
    code = request.GET.get("code", "")
    if "error" in request.GET or not code:
        is_theirs = request.GET.get("error") == "access_denied"
        raise NotLetIn("cancelled" if is_theirs else "provider-refused")
    client = oidc_client(provider)
    email_name = _named(provider, "email", "email")
    try:
        discovery = _discover(provider, client)
        with tenancy.leave():
            call = _call()
            tokens = client.exchange(
                discovery,
                code=code,
                redirect_uri=_whole("oidc_callback", provider.slug),
                verifier=state["verifier"],
                call=call,
            )
            claims = client.claims(discovery, tokens, nonce=state["nonce"], call=call, more=True)
    except BridgeError as error:
        is_down = isinstance(error, TransientError)
        raise NotLetIn("provider-down" if is_down else "not-believed") from error
    email = str(claims.get(email_name) or "")
    vouched = Vouched(
        uid=_lasting(str(claims["sub"])),
        email=email,
        # Only a real true: some send it as a text, and "false" is one too. And it is said of
        # `email` alone: a name that people choose themselves is not verified by it.
        is_email_verified=claims.get("email_verified") in (True, "true")
        and email == claims.get("email"),
        name=str(claims.get(_named(provider, "name", "name")) or ""),
        groups=_texts(claims.get(_named(provider, "groups", "groups"))),
    )
    return _finish(request, provider, vouched, state)


# --- SAML ------------------------------------------------------------------------------------


def saml_config(provider: Provider) -> saml.SamlConfig:
    """Build what SAML needs of a row; `ConfigError` names what is wrong with it."""
    chosen = provider.settings
    certificates = (str(chosen.get(name) or "") for name in ("x509cert", "x509cert_next"))
    own = addresses_of(provider.kind, provider.slug)
    return saml.SamlConfig(
        entity_id=str(chosen.get("entity_id", "")),
        sso_url=str(chosen.get("sso_url", "")),
        certificates=tuple(saml.read_certificate(each)[0] for each in certificates if each),
        own_entity_id=str(chosen.get("own_entity_id") or own["entity"]),
        acs_url=own["acs"],
    )


def saml_metadata(provider: Provider) -> bytes:
    """Write down who we are to a provider of SAML."""
    return saml.metadata(saml_config(provider))


def begin_saml(request: HttpRequest, provider: Provider, *, wanted: str) -> str:
    """Return the address at the provider to which this browser is to go."""
    try:
        question = saml.ask(saml_config(provider))
    except ConfigError as error:
        raise NotLetIn("provider-down") from error
    _begin(request, provider, {}, wanted, state_id=question.request_id)
    return question.url


def finish_saml(request: HttpRequest, provider: Provider, *, response: str) -> HttpResponse:
    """Log the person in of whom a provider's answer speaks."""
    question = saml.question_of(response)
    if not question:
        # Somebody's browser was sent here with an answer to nothing: refused whoever signed it.
        raise NotLetIn("not-begun-here")
    state = _take(request, provider, question)
    try:
        said = saml.read_answer(saml_config(provider), response=response, request_id=question)
    except (BridgeError, ConfigError) as error:
        raise NotLetIn("not-believed") from error
    left = said.valid_until - clock.now() + timedelta(minutes=10)
    seen = f"saml:{provider.slug}:{said.id}"
    if not cache.add(seen, 1, max(60, int(left.total_seconds()))):
        raise NotLetIn("not-believed")
    return _finish(request, provider, _vouched_by(provider, said), state)


def _vouched_by(provider: Provider, said: saml.Assertion) -> Vouched:
    def values(what: str) -> tuple[str, ...]:
        own = _named(provider, what, "")
        names = (own,) if own else _SAML_NAMES[what]
        found = (tuple(said.attributes[name]) for name in names if said.attributes.get(name))
        return next(found, ())

    email = next(iter(values("email")), "")
    if not email and said.name_id_format == _EMAIL_FORMAT:
        email = said.name_id
    own_id = next(iter(said.attributes.get(_named(provider, "uid", ""), ())), "")
    # A transient id is another one each time: then the address is who it is.
    lasting = said.name_id if not said.name_id_format.endswith(":transient") else email.lower()
    return Vouched(
        uid=_lasting(own_id or lasting),
        email=email,
        # SAML knows no such claim: a provider speaks for the addresses of its verified domains.
        is_email_verified=True,
        name=next(iter(values("name")), ""),
        groups=frozenset(values("groups")),
    )
