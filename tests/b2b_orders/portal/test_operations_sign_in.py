"""Operations' page of identity providers and e-mail domains, and the command."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from allauth.socialaccount.models import SocialAccount
from django.core.management import CommandError, call_command
from django.test import Client

from b2b_orders.audit.models import Action, AuditEvent
from b2b_orders.common import secrets
from b2b_orders.companies.models import EmailDomain, IdentityProvider, ProviderKind
from b2b_orders.companies.provider_setup import certificate_ends
from b2b_orders.ingest import errands
from b2b_orders.ingest.errands import run_errand
from b2b_orders.ingest.models import Errand
from tests.b2b_orders.portal.pages import words
from tests.factories import NOW
from tests.factories.identity import (
    CLIENT_ID,
    CLIENT_SECRET,
    IDP_ENTITY,
    make_pair,
    make_provider,
    oidc_server,
)

PAGE = "/operacao/acesso"
OIDC = {
    "change": "put",
    "is_new": "yes",
    "kind": "oidc",
    "slug": "alfa-id",
    "label": "Alfa",
    "company": "Alfa Distribuidora",
    "server_url": "https://login.alfa.example",
    "client_id": "portal",
    "secret": "do-not-show",
}


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errands, "_wake_worker_aside", lambda errand_id: None)
    monkeypatch.setattr(errands, "wake_worker", lambda errand_id: None)


@pytest.fixture
def olga(cast, client_for) -> Client:
    return client_for(cast.olga)


def post(client: Client, errand: str = "sign-in-provider", **fields):
    return client.post(PAGE, {"errand": errand, "form": "new-oidc", **fields})


def do() -> Errand:
    errand = Errand.objects.get(state="waiting")
    run_errand(errand_id=errand.pk, clock=lambda: NOW + timedelta(seconds=2))
    errand.refresh_from_db()
    return errand


def test_a_provider_is_made_by_a_worker_and_recorded_without_its_secret(olga, cast):
    response = post(olga, **OIDC, groups="compras = buyer\nfin = finance", lets_in="yes")
    assert response.status_code == 302
    assert not IdentityProvider.objects.exists()
    # What waits for the worker is in the database: it is encrypted there already.
    assert "do-not-show" not in str(Errand.objects.values())
    assert do().outcome == {"code": "provider-saved"}

    row = IdentityProvider.objects.get()
    assert (row.slug, row.kind, row.company, row.lets_in) == ("alfa-id", "oidc", cast.alfa, True)
    assert row.settings == {
        "server_url": "https://login.alfa.example",
        "client_id": "portal",
        "groups": {"compras": "buyer", "fin": "finance"},
    }
    assert secrets.decrypt(row.secret) == "do-not-show"
    line = AuditEvent.objects.get(action=Action.PROVIDER_CHANGED)
    assert (line.person, line.company_id, line.object_id) == (cast.olga, cast.alfa.pk, "alfa-id")
    assert line.detail["has_new_secret"] is True
    assert "do-not-show" not in str(line.detail)
    shown = olga.get(PAGE).content.decode()
    assert "Alfa Distribuidora" in shown
    assert "/accounts/oidc/alfa-id/login/callback/" in shown
    assert "do-not-show" not in shown


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"slug": "Alfa ID"}, "slug"),
        ({"label": ""}, "label"),
        ({"company": "Nobody"}, "company"),
        ({"server_url": "http://login.alfa.example"}, "server_url"),
        ({"server_url": "https://10.0.0.1"}, "server_url"),
        ({"client_id": ""}, "client_id"),
        ({"secret": ""}, "secret"),
        ({"groups": "compras: buyer"}, "groups"),
        ({"groups": "compras = owner"}, "groups"),
        ({"role": "owner"}, "role"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_and_the_secret_is_not_sent_back(olga, settings, wrong, field):
    settings.PORTAL_ALLOW_PLAIN_HTTP = False
    response = post(olga, **(OIDC | wrong))

    assert response.status_code == 400
    assert response.context["slip"].field == field
    assert "do-not-show" not in response.content.decode()
    assert not Errand.objects.exists()


def test_changing_a_provider_keeps_its_secret_its_company_and_what_the_page_does_not_show(
    olga, cast
):
    make_provider(
        "alfa-id",
        cast.alfa,
        settings={"server_url": "https://a.example", "client_id": "x", "scope": "openid mail"},
    )
    changed = OIDC | {"is_new": "no", "secret": "", "company": "Beta Comércio", "kind": "saml"}
    post(olga, **(changed | {"kind": "oidc"}), is_required="yes")
    do()

    row = IdentityProvider.objects.get()
    assert (row.company, row.is_required) == (cast.alfa, True)
    assert secrets.decrypt(row.secret) == CLIENT_SECRET
    assert row.settings["scope"] == "openid mail"
    assert row.settings["server_url"] == "https://login.alfa.example"


def test_a_name_that_is_taken_is_not_taken_over(olga, cast):
    make_provider("alfa-id", cast.beta)

    response = post(olga, **OIDC)

    assert response.context["slip"].field == "slug"
    assert IdentityProvider.objects.get().company == cast.beta


def test_a_provider_is_switched_off_and_on(olga, cast):
    make_provider("alfa-id", cast.alfa)

    post(olga, change="switch", slug="alfa-id", is_active="no")
    assert do().outcome == {"code": "provider-off"}
    assert not IdentityProvider.objects.get().is_active
    post(olga, change="switch", slug="alfa-id", is_active="yes")
    do()
    assert IdentityProvider.objects.get().is_active
    assert AuditEvent.objects.filter(action=Action.PROVIDER_CHANGED).count() == 2


def test_a_test_asks_the_provider_who_it_is(olga, cast, settings):
    settings.PORTAL_PRIVATE_HOSTS = ["127.0.0.1"]
    settings.PORTAL_ALLOW_PLAIN_HTTP = True
    with oidc_server() as server:
        make_provider(
            "alfa-id", cast.alfa, settings={"server_url": server.url, "client_id": CLIENT_ID}
        )
        post(olga, change="check", slug="alfa-id")
        assert do().outcome == {"code": "provider-works"}
        server.description = {"issuer": "https://another.example"}
        post(olga, change="check", slug="alfa-id")
        outcome = do().outcome

    assert outcome["code"] == "provider-broken"
    assert "another name" in outcome["text"]


def test_a_certificate_that_ends_is_warned_of(cast, client_for):
    certificate = make_pair(1, days=3)[1]
    make_provider(
        "alfa-id",
        cast.alfa,
        kind=ProviderKind.SAML,
        settings={
            "entity_id": IDP_ENTITY,
            "sso_url": "https://idp.example/sso",
            "x509cert": certificate,
        },
    )
    ends = certificate_ends({"x509cert": certificate})[0]

    def shown(days):
        with time_machine.travel(ends + timedelta(days=days), tick=False):
            page = client_for(cast.olga).get(PAGE)
        (item,) = page.context["items"]
        assert item.certificate in page.content.decode()
        return item.certificate_warns, "terminou" in item.certificate

    assert shown(-90) == (False, False)
    assert shown(-29) == (True, False)
    assert shown(1) == (True, True)
    assert "/accounts/saml/alfa-id/acs/" in client_for(cast.olga).get(PAGE).content.decode()


def test_a_provider_of_saml_needs_a_certificate_that_is_one(olga):
    fields = {
        "change": "put",
        "is_new": "yes",
        "kind": "saml",
        "slug": "alfa-id",
        "label": "Alfa",
        "company": "Alfa Distribuidora",
        "entity_id": IDP_ENTITY,
        "sso_url": "https://idp.example/sso",
    }
    assert post(olga, **fields, x509cert="no").context["slip"].field == "x509cert"

    assert post(olga, **fields, x509cert=make_pair()[1]).status_code == 302
    do()
    stored = IdentityProvider.objects.get().settings["x509cert"]
    assert "BEGIN" not in stored
    assert len(certificate_ends({"x509cert": stored})) == 1


def test_an_identity_is_forgotten_so_that_an_address_can_have_another_person(olga, cast):
    make_provider("alfa-id", cast.alfa)
    SocialAccount.objects.create(provider="alfa-id", uid="s-1", user=cast.ana)
    SocialAccount.objects.create(provider="other", uid="s-1", user=cast.ana)

    post(olga, change="forget", slug="alfa-id", email="Ana@example.com")
    assert do().outcome == {"code": "identity-forgotten"}
    post(olga, change="forget", slug="alfa-id", email="ana@example.com")
    assert do().outcome == {"code": "identity-unknown"}

    assert [each.provider for each in SocialAccount.objects.all()] == ["other"]
    line = AuditEvent.objects.filter(action=Action.PROVIDER_CHANGED).earliest("id")
    assert line.detail["email"] == "ana@example.com"
    assert post(olga, change="forget", slug="alfa-id", email="ana").status_code == 400


# --- domains ---------------------------------------------------------------------------------


def domain(client, name, **fields):
    return post(
        client, "email-domain", **{"change": "put", "domain": name, "reason": "TXT seen", **fields}
    )


def test_a_domain_is_verified_for_a_providers_company_by_whom_the_record_names(olga, cast):
    make_provider("alfa-id", cast.alfa)

    domain(olga, "@Alfa.COM.BR", provider="alfa-id", may_join="yes")
    assert do().outcome == {"code": "domain-verified"}

    row = EmailDomain.objects.get()
    assert (row.domain, row.company, row.provider.slug) == ("alfa.com.br", cast.alfa, "alfa-id")
    assert (row.verified_by, row.may_join, row.verified_at is not None) == (cast.olga, True, True)
    line = AuditEvent.objects.get(action=Action.EMAIL_DOMAIN_CHANGED)
    assert (line.reason, line.object_id) == ("TXT seen", "alfa.com.br")
    assert "alfa.com.br" in words(olga.get(PAGE))


@pytest.mark.parametrize("name", ["gmail.com", "Hotmail.com", "", "alfa", "al fa.com", "1.2.3.4"])
def test_what_is_no_companys_domain_is_refused(olga, name):
    assert domain(olga, name, company="Alfa Distribuidora").context["slip"].field == "domain"


def test_how_a_domain_was_verified_must_be_said(olga):
    response = domain(olga, "alfa.com.br", company="Alfa Distribuidora", reason="")

    assert response.context["slip"].field == "reason"


def test_a_domain_has_one_provider(olga, cast):
    make_provider("alfa-id", cast.alfa, "grupo.example")
    make_provider("beta-id", cast.beta)

    domain(olga, "grupo.example", provider="beta-id")
    assert do().outcome["code"] == "conflict"
    domain(olga, "grupo.example", company="Beta Comércio")
    assert do().outcome["code"] == "domain-verified"

    assert EmailDomain.objects.filter(domain="grupo.example").count() == 2


def test_a_domain_is_taken_away_from_the_company_that_is_named(olga, cast):
    make_provider("alfa-id", cast.alfa, "grupo.example")
    EmailDomain.objects.create(domain="grupo.example", company=cast.beta, verified_at=NOW)

    domain(olga, "grupo.example", change="drop", company=str(cast.beta.public_id))
    assert do().outcome == {"code": "domain-dropped"}

    assert EmailDomain.objects.get().company == cast.alfa


# --- the command -----------------------------------------------------------------------------


def test_the_command_makes_a_provider_with_its_domains(cast, monkeypatch, capsys):
    monkeypatch.setenv("IDP_SECRET", "from-outside")
    call_command(
        "add_identity_provider",
        *("--slug", "seller", "--kind", "oidc", "--label", "Loja", "--domain", "seller.example"),
        *("--server-url", "https://login.seller.example", "--client-id", "portal"),
        *("--secret-env", "IDP_SECRET", "--vouches-second-factor", "--is-required"),
    )

    row = IdentityProvider.objects.get()
    assert (row.company, row.is_required) == (None, True)
    assert row.settings["vouches_second_factor"] is True
    assert secrets.decrypt(row.secret) == "from-outside"
    assert EmailDomain.objects.get().provider == row
    said = capsys.readouterr().out
    assert "/accounts/oidc/seller/login/callback/" in said
    assert "from-outside" not in said
    assert AuditEvent.objects.get().action == Action.PROVIDER_CHANGED


def test_the_command_says_what_is_wrong_and_makes_nothing(cast, monkeypatch):
    monkeypatch.setenv("IDP_SECRET", "from-outside")
    with pytest.raises(CommandError, match="domain"):
        call_command(
            "add_identity_provider",
            *("--slug", "seller", "--kind", "oidc", "--label", "Loja", "--domain", "gmail.com"),
            *("--server-url", "https://login.seller.example", "--client-id", "portal"),
            *("--secret-env", "IDP_SECRET"),
        )

    assert not IdentityProvider.objects.exists()
