"""Signing in by a provider of OpenID Connect, and everything that must not work."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.account.adapter import get_adapter
from allauth.socialaccount.models import SocialAccount
from django.db import connections
from django.test import Client
from django.utils import timezone

from b2b_orders.accounts.models import Person, SignInMail
from b2b_orders.audit.models import Action, AuditEvent
from b2b_orders.common import tenancy
from b2b_orders.companies.models import (
    EmailDomain,
    Establishment,
    IdentityProvider,
    Invitation,
    Membership,
    Role,
    StaffRole,
)
from b2b_orders.portal.views import single_sign_on
from tests.factories import PASSWORD, make_member, make_person, make_staff
from tests.factories.identity import CLIENT_ID, make_provider

START = "/accounts/oidc/alfa-id/login/"
BACK = "/accounts/oidc/alfa-id/login/callback/"
LOGIN = "/accounts/login/"


def begin(client, start=START, **query):
    response = client.get(start, query)
    assert response.status_code == 302, response.content
    return response.url


def come_back(client, oidc, back=BACK):
    return client.get(back, oidc.log_in(begin(client)))


def signed_in_as(client):
    key = client.session.get("_auth_user_id")
    return Person.objects.get(pk=key).email if key else None


def refusals():
    rows = AuditEvent.objects.filter(action=Action.LOGIN_FAILED).order_by("id")
    return [(row.detail["why"], row.person_id) for row in rows]


def test_a_member_comes_in_by_the_provider(client, cast, oidc):
    response = come_back(client, oidc)

    assert (response.status_code, response.url) == (302, "/")
    assert signed_in_as(client) == "ana@example.com"
    line = AuditEvent.objects.get()
    assert (line.action, line.person_id) == (Action.LOGIN, cast.ana.pk)
    account = SocialAccount.objects.get()
    assert (account.provider, account.uid, account.user_id) == ("alfa-id", "s-1", cast.ana.pk)
    assert account.extra_data == {}
    assert client.get("/pedidos").status_code == 200


def test_the_question_names_us_and_keeps_its_secrets(client, oidc):
    asked = parse_qs(urlsplit(begin(client)).query)

    assert asked["client_id"] == [CLIENT_ID]
    assert asked["redirect_uri"] == [f"http://127.0.0.1:8000{BACK}"]
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["scope"] == ["openid profile email"]
    assert len(asked["state"][0]) >= 16
    assert len(asked["nonce"][0]) >= 32
    assert len({parse_qs(urlsplit(begin(client)).query)["nonce"][0] for _ in range(3)}) == 3


def test_the_page_that_was_wanted_comes_afterwards_and_no_other_site(client, oidc):
    ours = begin(client, next="/pedidos?q=0815")
    assert client.get(BACK, oidc.log_in(ours)).url == "/pedidos?q=0815"

    theirs = begin(Client(), next="https://evil.example/")
    assert "evil" not in theirs
    other = Client()
    assert other.get(BACK, oidc.log_in(begin(other, next="//evil.example"))).url == "/"


def test_a_renamed_person_stays_who_they_are(client, cast, oidc):
    come_back(client, oidc)
    oidc.claims["email"] = "ana.souza@example.com"

    again = Client()
    come_back(again, oidc)

    assert signed_in_as(again) == "ana@example.com"


def test_an_address_that_was_given_to_somebody_else_opens_nothing(client, cast, oidc):
    come_back(client, oidc)
    oidc.claims["sub"] = "s-2"

    successor = Client()
    response = come_back(successor, oidc)

    assert response.status_code == 403
    assert signed_in_as(successor) is None
    assert refusals() == [("other-identity", cast.ana.pk)]


@pytest.mark.parametrize(
    "lies",
    [
        {"nonce": "another log-in's"},
        {"nonce": None},
        {"aud": "somebody-else"},
        {"iss": "http://127.0.0.1:1"},
        {"exp": 1},
        {"exp": None},
        {"sub": None},
        {"azp": "somebody-else"},
    ],
    ids=lambda lies: " ".join(f"{name} {value}" for name, value in lies.items()),
)
def test_a_token_that_is_wrong_in_one_thing_opens_nothing(client, oidc, lies):
    oidc.lies = lies

    response = come_back(client, oidc)

    assert response.status_code == 403
    assert signed_in_as(client) is None
    assert refusals() == [("not-believed", None)]


@pytest.mark.parametrize(("key", "algorithm"), [(2, "RS256"), (1, "HS256"), (1, "none")])
def test_a_token_that_the_providers_key_did_not_sign_opens_nothing(client, oidc, key, algorithm):
    oidc.key, oidc.algorithm = key, algorithm

    assert come_back(client, oidc).status_code == 403
    assert signed_in_as(client) is None
    assert refusals() == [("not-believed", None)]


def test_a_page_of_another_person_than_the_tokens_is_not_believed(client, oidc):
    oidc.person = {"sub": "s-9", "email": "rita@example.com", "email_verified": True}

    assert come_back(client, oidc).status_code == 403
    assert refusals() == [("not-believed", None)]


def test_what_the_page_of_the_person_says_does_not_outweigh_the_token(client, oidc):
    oidc.person = {"sub": "s-1", "email": "rita@example.com", "email_verified": True}

    come_back(client, oidc)

    assert signed_in_as(client) == "ana@example.com"


def test_a_log_in_that_another_browser_began_is_not_finished_here(client, oidc):
    returned = oidc.log_in(begin(client))

    victim = Client()
    response = victim.get(BACK, returned)

    assert response.status_code == 403
    assert signed_in_as(victim) is None
    assert refusals() == [("not-begun-here", None)]


def test_a_state_counts_once_and_for_its_provider_only(client, cast, oidc):
    make_provider(
        "beta-id",
        cast.beta,
        "beta.example",
        settings={"server_url": oidc.url, "client_id": CLIENT_ID},
    )
    returned = oidc.log_in(begin(client))
    assert client.get(BACK.replace("alfa-id", "beta-id"), returned).status_code == 403
    assert client.get(BACK, returned).status_code == 302
    client.post("/accounts/logout/")

    assert client.get(BACK, returned).status_code == 403
    assert signed_in_as(client) is None


def test_a_code_of_another_log_in_is_not_exchanged(client, oidc):
    """The verifier stays with the browser that began: a stolen code is worth nothing."""
    stolen = oidc.log_in(begin(Client()))["code"]
    mine = oidc.log_in(begin(client))["state"]

    assert client.get(BACK, {"code": stolen, "state": mine}).status_code == 403
    assert signed_in_as(client) is None


def test_what_the_provider_refuses_is_said_and_can_be_tried_again(client, oidc):
    state = oidc.log_in(begin(client))["state"]

    response = client.get(BACK, {"error": "access_denied", "state": state})

    assert response.status_code == 403
    assert START in response.content.decode()
    assert refusals() == [("cancelled", None)]


@pytest.mark.parametrize("verified", [False, None, "false", 0])
def test_an_address_that_is_not_verified_links_to_nobody(client, oidc, verified):
    oidc.claims["email_verified"] = verified

    assert come_back(client, oidc).status_code == 403
    assert signed_in_as(client) is None
    assert [why for why, _ in refusals()] == ["not-verified"]


def test_a_verified_address_verifies_no_other_one(client, oidc):
    """Names that people choose themselves, or two addresses of which one is verified."""
    row = IdentityProvider.objects.get()
    row.settings["claims"] = {"email": "preferred_username"}
    row.save()
    oidc.claims = {"sub": "s-9", "email": "eva@example.com", "email_verified": True}
    oidc.claims["preferred_username"] = "ana@example.com"
    assert come_back(client, oidc).status_code == 403

    row.settings["claims"] = {}
    row.save()
    oidc.claims = {"sub": "s-9", "email": "ana@example.com"}
    oidc.person = {"sub": "s-9", "email": "eva@example.com", "email_verified": True}
    assert come_back(client, oidc).status_code == 403

    assert signed_in_as(client) is None
    assert [why for why, _ in refusals()] == ["not-verified", "not-verified"]


def test_an_identity_opens_nobody_whose_domain_went_elsewhere(client, cast, oidc):
    """A part of Alfa is Beta's now, and its provider still knows who worked there."""
    come_back(client, oidc)
    client.post("/accounts/logout/")
    EmailDomain.objects.create(
        domain="alfa.example",
        company=cast.alfa,
        provider=IdentityProvider.objects.get(),
        verified_at=timezone.now(),
    )
    EmailDomain.objects.filter(domain="example.com").delete()
    oidc.claims["email"] = "thief@alfa.example"

    assert come_back(client, oidc).status_code == 403
    assert signed_in_as(client) is None
    assert refusals() == [("other-domain", cast.ana.pk)]


def test_two_long_ids_that_begin_alike_are_two_people(client, cast, oidc):
    oidc.claims["sub"] = "x" * 190 + "1"
    come_back(client, oidc)
    client.post("/accounts/logout/")
    oidc.claims |= {"sub": "x" * 190 + "2", "email": "bruno@example.com"}

    come_back(client, oidc)

    assert signed_in_as(client) == "bruno@example.com"


def test_a_provider_may_vouch_for_the_addresses_of_its_domains(client, oidc):
    oidc.claims["email_verified"] = None
    row = IdentityProvider.objects.get()
    row.settings["vouches_email"] = True
    row.save()

    come_back(client, oidc)

    assert signed_in_as(client) == "ana@example.com"


@pytest.mark.parametrize(
    ("email", "why"),
    [
        ("ana@beta.example", "other-domain"),
        ("ana@example.com.evil.example", "other-domain"),
        ("ana@sub.example.com", "other-domain"),
        ("", "no-address"),
    ],
)
def test_a_provider_speaks_for_its_own_domains_only(client, cast, oidc, email, why):
    make_member(make_person("Zoe", "ana@beta.example"), cast.alfa)
    oidc.claims["email"] = email

    assert come_back(client, oidc).status_code == 403
    assert signed_in_as(client) is None
    assert [code for code, _ in refusals()] == [why]


def test_a_domain_that_is_not_verified_is_nobodys(client, oidc):
    EmailDomain.objects.update(verified_at=None)

    assert come_back(client, oidc).status_code == 403
    assert refusals() == [("other-domain", None)]


@pytest.mark.parametrize(
    ("who", "why"),
    [
        ("beto", "not-invited"),  # of Beta
        ("suzana", "staff"),
        ("nobody", "not-invited"),
    ],
)
def test_who_is_not_of_the_company_stays_out(client, cast, oidc, who, why):
    oidc.claims["email"] = f"{who}@example.com"
    people = Person.objects.count()

    assert come_back(client, oidc).status_code == 403
    assert signed_in_as(client) is None
    assert refusals() == [(why, getattr(cast, who).pk if who != "nobody" else None)]
    assert Person.objects.count() == people
    assert not SocialAccount.objects.exists()


def test_somebody_who_was_removed_is_not_let_in_again(client, cast, oidc):
    IdentityProvider.objects.update(lets_in=True)
    Membership.objects.filter(person=cast.ana).update(is_active=False)

    assert come_back(client, oidc).status_code == 403
    assert refusals() == [("removed", cast.ana.pk)]
    assert not Membership.objects.get(person=cast.ana).is_active


def test_somebody_who_was_removed_comes_back_by_a_new_invitation(client, cast, oidc):
    branch = Establishment.objects.filter(company=cast.alfa).first()
    removed = Membership.objects.filter(person=cast.ana)
    removed.update(is_active=False, removed_at=timezone.now(), sees_prices=True)
    invitation = Invitation.objects.create(
        company=cast.alfa,
        email=cast.ana.email,
        role=Role.VIEWER,
        is_scoped=True,
        establishment_ids=[branch.pk],
        rights={"sees_finance": True},
        invited_by=cast.rita,
        token_hash="0" * 64,
        asked_at=timezone.now(),
        expires_at=timezone.now() + timedelta(days=1),
    )

    come_back(client, oidc)

    assert signed_in_as(client) == cast.ana.email
    member = Membership.objects.get(person=cast.ana)
    assert (member.is_active, member.removed_at, member.role) == (True, None, Role.VIEWER)
    # What they had before is gone; what was promised now is there.
    assert (member.sees_prices, member.sees_finance) == (None, True)
    assert [scope.establishment_id for scope in member.scopes.all()] == [branch.pk]
    invitation.refresh_from_db()
    assert (invitation.person_id, invitation.accepted_at is None) == (cast.ana.pk, False)
    assert AuditEvent.objects.filter(action=Action.INVITATION_ACCEPTED).count() == 1


def test_an_account_that_is_switched_off_stays_off(client, cast, oidc):
    Person.objects.filter(pk=cast.ana.pk).update(is_active=False)

    assert come_back(client, oidc).status_code == 403
    assert refusals() == [("inactive", cast.ana.pk)]


@pytest.mark.parametrize("off", ["provider", "company", "unknown"])
def test_a_provider_that_is_off_has_no_addresses(client, cast, oidc, off):
    if off == "provider":
        IdentityProvider.objects.update(is_active=False)
    if off == "company":
        cast.alfa.is_active = False
        cast.alfa.save()
    slug = "unknown" if off == "unknown" else "alfa-id"

    for address in (START, BACK):
        assert client.get(address.replace("alfa-id", slug)).status_code == 404


def test_a_provider_that_was_switched_off_meanwhile_finishes_nothing(client, oidc):
    returned = oidc.log_in(begin(client))
    IdentityProvider.objects.update(is_active=False)

    assert client.get(BACK, returned).status_code == 404
    assert signed_in_as(client) is None


def test_a_provider_that_calls_itself_otherwise_is_not_asked(client, oidc):
    oidc.description = {"issuer": "https://somebody-else.example"}

    assert client.get(START).status_code == 403
    assert refusals() == [("provider-down", None)]


def test_a_provider_inside_the_network_is_not_asked(client, oidc, settings):
    settings.PORTAL_PRIVATE_HOSTS = []

    assert client.get(START).status_code == 403
    assert oidc.asked == []


def test_an_address_inside_the_network_that_a_provider_names_is_not_asked(client, oidc):
    oidc.description = {"token_endpoint": "http://169.254.169.254/latest/"}

    assert come_back(client, oidc).status_code == 403
    assert signed_in_as(client) is None


def test_somebody_who_floods_is_turned_away_and_not_written_down(client, oidc, monkeypatch):
    monkeypatch.setattr(single_sign_on, "_MOST_STEPS", 2)
    answers = [client.get(BACK, {"state": "made-up"}).status_code for _ in range(4)]

    assert answers == [403, 403, 429, 429]
    assert len(refusals()) == 2
    assert client.get(START, REMOTE_ADDR="192.0.2.9").status_code == 302


# --- who is let in --------------------------------------------------------------------------


def test_a_provider_that_lets_in_brings_its_people(client, cast, oidc):
    IdentityProvider.objects.update(lets_in=True, role=Role.BUYER)
    oidc.claims |= {"sub": "s-7", "email": "Nova@Example.com", "name": "Nova Pessoa"}

    come_back(client, oidc)

    person = Person.objects.get(email="nova@example.com")
    member = Membership.objects.get(person=person)
    assert (person.name, person.has_usable_password()) == ("Nova Pessoa", False)
    assert (member.company_id, member.role, member.is_scoped) == (cast.alfa.pk, "buyer", False)
    line = AuditEvent.objects.get(action=Action.MEMBER_ADDED)
    assert (line.company_id, line.person_id) == (cast.alfa.pk, person.pk)
    assert line.detail == {"provider": "alfa-id", "role": "buyer"}
    assert client.get("/pedidos").status_code == 200


def test_a_company_whose_default_is_establishments_shows_nothing_until_they_are_chosen(
    client, cast, oidc
):
    IdentityProvider.objects.update(lets_in=True)
    cast.alfa.default_scope = "establishments"
    cast.alfa.save()
    oidc.claims |= {"sub": "s-7", "email": "nova@example.com"}

    come_back(client, oidc)

    assert Membership.objects.get(person__email="nova@example.com").is_scoped


def test_an_invitation_is_accepted_by_coming(client, cast, oidc):
    now = timezone.now()
    Invitation.objects.create(
        company=cast.alfa,
        email="Nova@example.com",
        name="Nova",
        role=Role.FINANCE,
        is_scoped=True,
        establishment_ids=[cast.alfa_branch.pk, cast.beta_main.pk],
        rights={"sees_prices": False},
        token_hash="x",
        asked_at=now,
        expires_at=now + timedelta(days=1),
    )
    oidc.claims |= {"sub": "s-7", "email": "nova@example.com"}

    come_back(client, oidc)

    member = Membership.objects.get(person__email="nova@example.com")
    assert (member.role, member.sees_prices, member.is_scoped) == ("finance", False, True)
    # Not the one of another company that the row names.
    assert [scope.establishment_id for scope in member.scopes.all()] == [cast.alfa_branch.pk]
    invitation = Invitation.objects.get()
    assert invitation.accepted_at is not None
    assert invitation.person_id == member.person_id
    assert AuditEvent.objects.filter(action=Action.INVITATION_ACCEPTED).count() == 1


@pytest.mark.parametrize("change", ["expires_at", "revoked_at", "invited_by"])
def test_an_invitation_that_is_over_lets_nobody_in(client, cast, oidc, change):
    """Nor one of somebody who may invite nobody."""
    now = timezone.now()
    past = {change: cast.bruno if change == "invited_by" else now - timedelta(minutes=1)}
    Invitation.objects.create(
        **{
            "company": cast.alfa,
            "email": "nova@example.com",
            "role": Role.FINANCE,
            "token_hash": "x",
            "asked_at": now - timedelta(days=9),
            "expires_at": now + timedelta(days=1),
            **past,
        }
    )
    oidc.claims |= {"sub": "s-7", "email": "nova@example.com"}

    assert come_back(client, oidc).status_code == 403
    assert refusals() == [("not-invited", None)]


@pytest.mark.parametrize(
    ("before", "groups", "after"),
    [
        ("viewer", ["fin"], "finance"),
        ("viewer", ["buy", "fin"], "finance"),
        ("finance", [], "viewer"),
        ("finance", "buy", "buyer"),
        # Given by hand: no group of the provider has it, so none takes it away.
        ("admin", [], "admin"),
        ("admin", ["fin"], "admin"),
    ],
)
def test_groups_give_roles_and_take_back_what_they_gave(client, cast, oidc, before, groups, after):
    row = IdentityProvider.objects.get()
    row.settings |= {"groups": {"fin": "finance", "buy": "buyer"}}
    row.save()
    Membership.objects.filter(person=cast.ana).update(role=before)
    oidc.claims["groups"] = groups

    come_back(client, oidc)

    assert Membership.objects.get(person=cast.ana).role == after
    changed = AuditEvent.objects.filter(action=Action.MEMBER_CHANGED)
    assert [line.detail["role"] for line in changed] == ([after] if after != before else [])


@pytest.mark.parametrize(("has_another", "after"), [(False, "admin"), (True, "viewer")])
def test_groups_leave_a_company_its_last_administrator(client, cast, oidc, has_another, after):
    row = IdentityProvider.objects.get()
    row.settings |= {"groups": {"adm": "admin"}}
    row.save()
    if has_another:
        make_member(make_person("Bia"), cast.alfa, role=Role.ADMIN)
    oidc.claims |= {"sub": "s-2", "email": cast.rita.email, "groups": []}

    come_back(client, oidc)

    assert signed_in_as(client) == cast.rita.email
    assert Membership.objects.get(person=cast.rita).role == after


def test_roles_are_left_alone_where_no_groups_are_mapped(client, cast, oidc):
    come_back(client, oidc)

    assert Membership.objects.get(person=cast.ana).role == "buyer"


def test_staff_come_by_the_sellers_own_provider_and_nobody_else_does(cast, oidc):
    make_provider(
        "seller",
        None,
        "seller.example",
        settings={"server_url": oidc.url, "client_id": CLIENT_ID},
        lets_in=True,
    )
    make_staff(make_person("Sam", "sam@seller.example"), StaffRole.SUPPORT)
    make_member(make_person("Buy", "buy@seller.example"), cast.alfa)
    found = {}
    for name in ("sam", "buy", "new"):
        client = Client()
        oidc.claims = {"sub": name, "email": f"{name}@seller.example", "email_verified": True}
        start = START.replace("alfa-id", "seller")
        client.get(BACK.replace("alfa-id", "seller"), oidc.log_in(begin(client, start)))
        found[name] = signed_in_as(client)

    assert found == {"sam": "sam@seller.example", "buy": None, "new": None}
    assert not Person.objects.filter(email="new@seller.example").exists()


# --- the other ways ---------------------------------------------------------------------------


def test_where_a_provider_is_required_a_password_opens_nothing(client, cast, oidc):
    IdentityProvider.objects.update(is_required=True)

    response = client.post(LOGIN, {"login": "ana@example.com", "password": PASSWORD})

    assert signed_in_as(client) is None
    assert START in response.content.decode()
    assert "password" not in response.content.decode()


def test_whoever_logs_in_by_whatever_way_is_asked_for_the_provider(rf, cast, oidc):
    """Codes, passkeys and new passwords all end in `pre_login`: there it is decided."""
    IdentityProvider.objects.update(is_required=True)
    request = rf.get("/")
    kept = {"email_verification": "none", "signal_kwargs": {}, "email": None, "signup": False}

    refused = get_adapter().pre_login(request, cast.ana, redirect_url=None, **kept)
    staff = get_adapter().pre_login(request, cast.suzana, redirect_url=None, **kept)

    assert START in refused.content.decode()
    assert staff is None
    assert refusals() == [("needs-provider", cast.ana.pk)]


def test_no_code_and_no_new_password_is_mailed_to_whom_it_would_not_help(cast, oidc):
    IdentityProvider.objects.update(is_required=True)
    for address in ("ana@example.com", "nobody@example.com"):
        get_adapter().send_mail("account/email/login_code", address, {"code": "123456"})

    assert list(SignInMail.objects.values_list("person", flat=True)) == [None, None]


def test_a_second_factor_at_the_provider_counts_for_its_own_company_alone(
    client, cast, oidc, settings
):
    """Neither another company's demand nor the seller's is Alfa's to vouch for."""
    settings.PORTAL_STAFF_SECOND_FACTOR = True
    cast.alfa.requires_second_factor = True
    cast.alfa.save()
    come_back(client, oidc)
    row = IdentityProvider.objects.get()
    row.settings["vouches_second_factor"] = True
    row.save()
    vouched = Client()
    come_back(vouched, oidc)
    asked = [each.get("/pedidos").status_code for each in (client, vouched)]

    make_member(cast.ana, cast.beta)
    as_before = vouched.get("/pedidos").status_code
    cast.beta.requires_second_factor = True
    cast.beta.save()
    of_beta = vouched.get("/pedidos")
    cast.beta.requires_second_factor = False
    cast.beta.save()
    make_staff(cast.ana, StaffRole.SUPPORT)
    of_staff = vouched.get("/atendimento")

    assert asked == [302, 200]
    assert as_before == 200
    assert of_beta["Location"].startswith("/conta/segundo-fator?")
    assert of_staff["Location"].startswith("/conta/segundo-fator?")


def test_the_sellers_own_provider_vouches_for_staff(client, cast, oidc, settings):
    settings.PORTAL_STAFF_SECOND_FACTOR = True
    provider = make_provider(
        "seller",
        None,
        "seller.example",
        settings={
            "server_url": oidc.url,
            "client_id": CLIENT_ID,
            "vouches_second_factor": True,
        },
    )
    make_staff(make_person("Sam", "sam@seller.example"), StaffRole.SUPPORT)
    oidc.claims = {"sub": "sam", "email": "sam@seller.example", "email_verified": True}
    start, back = (each.replace("alfa-id", provider.slug) for each in (START, BACK))

    client.get(back, oidc.log_in(begin(client, start)))

    assert client.get("/atendimento").status_code == 200


# --- the log-in page --------------------------------------------------------------------------


def ask(email, **more):
    return Client().post(LOGIN, {"login": email, **more}, follow=True).content.decode()


def test_the_address_comes_first_and_its_domain_leads_on(oidc):
    first = Client().get(LOGIN).content.decode()
    assert 'name="login"' in first
    assert 'name="password"' not in first

    led = ask("ana@EXAMPLE.com", next="/pedidos?q=1")
    assert f'href="{START}?next=%2Fpedidos%3Fq%3D1"' in led
    assert 'value="password"' in led  # not the only way
    assert 'name="password"' in ask("ana@elsewhere.example")
    assert 'name="password"' in ask("ana@example.com", way="password")


def test_a_required_provider_is_all_that_is_offered(oidc):
    IdentityProvider.objects.update(is_required=True)

    led = ask("ana@example.com", way="password")

    assert f'content="0; url={START}"' in led
    assert "password" not in led


def test_strangers_do_not_learn_who_has_an_account(oidc):
    def told(email):
        page = ask(email).replace(email, "")
        return re.sub(r'(csrfmiddlewaretoken" value=|nonce=)"[^"]*"', "", page)

    assert told("ana@example.com") == told("nobody@example.com")
    assert told("ana@elsewhere.example") == told("nobody@elsewhere.example")


def test_a_company_sees_no_other_companys_provider(client_for, cast, oidc):
    with tenancy.scope(role=tenancy.WEB, company_id=cast.beta.pk, person_id=cast.beto.pk):
        assert list(IdentityProvider.objects.all()) == []
        assert list(EmailDomain.objects.all()) == []


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_held_while_a_provider_is_waited_for(client, oidc):
    """A provider that trickles must hold no row and no snapshot of ours."""
    ours = connections["default"]
    held = []
    answer = oidc.answer
    oidc.answer = lambda *asked: (held.append((asked[1], ours.in_atomic_block)), answer(*asked))[1]

    assert come_back(client, oidc).status_code == 302

    assert held == [
        ("/.well-known/openid-configuration", False),
        ("/token", False),
        ("/keys", False),
        ("/person", False),
    ]
    assert signed_in_as(client) == "ana@example.com"
