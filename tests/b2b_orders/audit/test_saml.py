"""Signing in by a provider of SAML, and everything that must not work."""

from __future__ import annotations

import base64
import re
from html import unescape

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from b2b_orders.accounts.models import Person
from b2b_orders.audit.models import Action, AuditEvent
from b2b_orders.companies.models import IdentityProvider, ProviderKind
from tests.factories.identity import (
    IDP_ENTITY,
    SamlAnswer,
    make_pair,
    make_provider,
    read_question,
)

START = "/accounts/saml/alfa-id/login/"
ACS = "/accounts/saml/alfa-id/acs/"
METADATA = "/accounts/saml/alfa-id/metadata/"
HOST = "http://127.0.0.1:8000"
TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
ADDRESS = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"


@pytest.fixture
def provider(cast):
    return make_provider(
        "alfa-id",
        cast.alfa,
        "example.com",
        kind=ProviderKind.SAML,
        settings={
            "entity_id": IDP_ENTITY,
            "sso_url": "https://idp.example/sso",
            "x509cert": make_pair()[1],
        },
    )


def begin(client, start=START):
    response = client.get(start)
    assert response.status_code == 302
    assert response.url.startswith("https://idp.example/sso?SAMLRequest=")
    return read_question(response.url)


def post(client, encoded, acs=ACS):
    """Post an answer as the provider's page does, and follow to where we go on."""
    posted = client.post(acs, {"SAMLResponse": encoded})
    if posted.status_code != 302:
        return posted
    assert posted.url == f"{acs}finish/"
    return client.get(posted.url)


def signed_in_as(client):
    key = client.session.get("_auth_user_id")
    return Person.objects.get(pk=key).email if key else None


def refusals():
    rows = AuditEvent.objects.filter(action=Action.LOGIN_FAILED).order_by("id")
    return [row.detail["why"] for row in rows]


def assert_refused(client, response, why="not-believed"):
    assert response.status_code == 403
    assert signed_in_as(client) is None
    assert refusals() == [why]
    assert not SocialAccount.objects.exists()


def test_a_member_comes_in_by_the_provider(client, cast, provider):
    answer = SamlAnswer(begin(client))

    response = post(client, answer.encoded())

    assert (response.status_code, response.url) == (302, "/")
    assert signed_in_as(client) == "ana@example.com"
    account = SocialAccount.objects.get()
    assert (account.provider, account.uid, account.user_id) == ("alfa-id", "u-1", cast.ana.pk)
    assert [event.action for event in AuditEvent.objects.all()] == [Action.LOGIN]
    assert client.get("/pedidos").status_code == 200


def test_the_question_names_us_by_our_fixed_addresses(client, provider):
    question = begin(client)

    assert question.issuer == f"{HOST}{METADATA}"
    assert question.acs_url == f"{HOST}{ACS}"


def test_who_we_are_can_be_read_in_by_the_providers_administrator(client, provider):
    response = client.get(METADATA)

    text = response.content.decode()
    assert response["Content-Type"] == "application/samlmetadata+xml"
    assert f'entityID="{HOST}{METADATA}"' in text
    assert f'Location="{HOST}{ACS}"' in text
    assert 'WantAssertionsSigned="true"' in text


def test_the_answer_is_kept_for_the_browser_that_brought_it_and_once(client, provider):
    encoded = SamlAnswer(begin(client)).encoded()
    posted = client.post(ACS, {"SAMLResponse": encoded})
    cookie = posted.cookies["saml_answer"]

    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (
        True,
        "Lax",
        f"{ACS}finish/",
    )
    assert client.get(posted.url).status_code == 302
    client.post("/accounts/logout/")
    assert client.get(posted.url).status_code == 403
    assert signed_in_as(client) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"audience": "https://another-service.example"},
        {"recipient": "https://another-service.example/acs"},
        {"recipient": f"https://evil.example/?{HOST}{ACS}"},
        {"has_audience": False},
        {"has_recipient": False},
        {"minutes": -6},  # beyond what clocks may differ by
        {"issuer": "https://another-idp.example"},
        {"key": 2},
        {"is_signed": False},
        {"assertion_in_response_to": "_another-question"},
        # As an answer to nothing has it: put into an answer to our question.
        {"assertion_in_response_to": ""},
    ],
    ids=lambda wrong: " ".join(f"{name} {value}" for name, value in wrong.items()),
)
def test_an_answer_that_is_wrong_in_one_thing_opens_nothing(client, provider, wrong):
    answer = SamlAnswer(begin(client), **wrong)

    assert_refused(client, post(client, answer.encoded()))


@pytest.mark.parametrize("answered", ["", "_another-question"])
def test_an_answer_to_no_question_of_this_browser_opens_nothing(client, provider, answered):
    question = begin(client)
    answer = SamlAnswer(question, in_response_to=answered, assertion_in_response_to=answered)

    assert_refused(client, post(client, answer.encoded()), "not-begun-here")


def test_an_answer_that_somebody_else_was_given_opens_nothing(client, provider):
    encoded = SamlAnswer(begin(Client())).encoded()
    begin(client)

    assert_refused(client, post(client, encoded), "not-begun-here")


def test_an_answer_opens_once(client, provider):
    encoded = SamlAnswer(begin(client)).encoded()
    post(client, encoded)
    client.post("/accounts/logout/")

    assert post(client, encoded).status_code == 403
    assert signed_in_as(client) is None


def test_an_assertion_opens_once_even_in_answer_to_two_questions(client, provider):
    """As from a provider that is tricked into using an id twice."""
    answer = SamlAnswer(begin(client), id="_the-same")
    post(client, answer.encoded())
    other = Client()

    response = post(other, SamlAnswer(begin(other), id="_the-same").encoded())

    assert response.status_code == 403
    assert signed_in_as(other) is None


def test_a_word_changed_after_signing_opens_nothing(client, provider):
    xml = SamlAnswer(begin(client), email="beto@example.com").xml()

    changed = xml.replace("beto@example.com", "rita@example.com")

    assert_refused(client, post(client, base64.b64encode(changed.encode()).decode()))


@pytest.mark.parametrize("place", ["before", "after", "inside", "extensions"])
def test_a_false_assertion_wrapped_around_a_true_one_opens_nothing(client, provider, place):
    question = begin(client)
    true = SamlAnswer(question, email="ana@example.com").assertion()
    false = SamlAnswer(question, email="rita@example.com", uid="u-9", is_signed=False).assertion()
    body = {
        "before": false + true,
        "after": true + false,
        "inside": false.replace("<saml:Subject>", f"{true}<saml:Subject>"),
        "extensions": f"<samlp:Extensions>{true}</samlp:Extensions>{false}",
    }[place]
    answer = SamlAnswer(question)

    assert_refused(client, post(client, answer.encoded(answer.xml(body))))


def test_a_comment_inside_an_address_cuts_nothing_off(client, cast, provider):
    """A comment is not signed: `ana@example.com<!-- -->.evil.example` is still one address."""
    answer = SamlAnswer(begin(client), email="ana@example.com.evil.example")
    cut = answer.assertion().replace("example.com.evil", "example.com<!-- x -->.evil")

    response = post(client, answer.encoded(answer.xml(cut)))

    assert response.status_code == 403
    assert signed_in_as(client) is None
    assert refusals()[0] in {"other-domain", "not-believed"}


@pytest.mark.parametrize(
    "posted",
    [
        "",
        "%%%",
        base64.b64encode(b"<not-closed").decode(),
        base64.b64encode(
            b'<!DOCTYPE r [<!ENTITY e SYSTEM "file:///etc/passwd">]><r InResponseTo="x">&e;</r>'
        ).decode(),
        "A" * 400_001,
    ],
    ids=["nothing", "no Base64", "no XML", "entities", "too long"],
)
def test_what_is_no_answer_is_refused(client, provider, posted):
    begin(client)

    assert post(client, posted).status_code == 403
    assert signed_in_as(client) is None


def test_an_answer_for_one_provider_is_not_taken_by_another(client, cast, provider):
    make_provider(
        "beta-id", cast.beta, "beta.example", kind=ProviderKind.SAML, settings=provider.settings
    )
    encoded = SamlAnswer(begin(client)).encoded()

    response = post(client, encoded, ACS.replace("alfa-id", "beta-id"))

    assert_refused(client, response, "not-begun-here")


def test_a_provider_of_saml_speaks_for_its_own_domains_only(client, provider):
    answer = SamlAnswer(begin(client), email="ana@beta.example")

    assert_refused(client, post(client, answer.encoded()), "other-domain")


def test_two_certificates_count_while_a_provider_changes_its_key(client, provider):
    provider.settings["x509cert_next"] = make_pair(2)[1]
    provider.save()

    post(client, SamlAnswer(begin(client), key=2).encoded())

    assert signed_in_as(client) == "ana@example.com"


def test_an_id_that_changes_each_time_is_not_who_somebody_is(client, provider):
    for uid in ("t-1", "t-2"):
        client = Client()
        answer = SamlAnswer(begin(client), uid=uid, name_format=TRANSIENT)
        post(client, answer.encoded())
        assert signed_in_as(client) == "ana@example.com"

    assert [account.uid for account in SocialAccount.objects.all()] == ["ana@example.com"]


def test_attributes_may_have_names_of_their_own(client, cast, provider):
    IdentityProvider.objects.update(lets_in=True)
    provider.refresh_from_db()
    provider.settings |= {
        "claims": {"email": "mail-of", "name": "who", "groups": "teams", "uid": "number"},
        "groups": {"fin": "finance"},
    }
    provider.save()
    answer = SamlAnswer(
        begin(client),
        email="wrong@example.com",
        attributes={"mail-of": "nova@example.com", "who": "Nova", "teams": "fin", "number": "77"},
    )

    post(client, answer.encoded())

    person = Person.objects.get(email="nova@example.com")
    assert (person.name, person.memberships.get().role) == ("Nova", "finance")
    assert SocialAccount.objects.get().uid == "77"


def test_the_page_wanted_comes_afterwards(client, provider):
    question = begin(client, f"{START}?next=/pedidos%3Fq%3D0815")

    assert post(client, SamlAnswer(question).encoded()).url == "/pedidos?q=0815"


def test_the_log_in_page_leads_to_a_provider_of_saml_too(client, provider):
    page = client.post(
        "/accounts/login/", {"login": "ana@example.com"}, follow=True
    ).content.decode()

    assert START in [unescape(link) for link in re.findall(r'href="([^"]+)"', page)]


def test_the_addresses_of_one_protocol_do_not_serve_the_other(client, provider):
    assert client.get("/accounts/oidc/alfa-id/login/").status_code == 404
    assert client.get(ACS).status_code == 405
