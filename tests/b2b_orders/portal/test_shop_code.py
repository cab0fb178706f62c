"""Logging in by a code that VTEX ID mails: it proves an address, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client

from b2b_orders.accounts.models import Person
from b2b_orders.audit.models import Action, AuditEvent
from b2b_orders.companies.models import Membership
from b2b_orders.ingest.models import Connection
from erp_bridge.connector import Call
from erp_bridge.errors import ContractViolation, CredentialsRejected
from erp_bridge.simulators.vtex import VtexSimulator
from erp_bridge.simulators.world import small_world
from erp_bridge.vtex.identity import VtexIdentity
from tests.b2b_orders.ingest.conftest import connect_vtex
from tests.erp_bridge.loopback import POLICY
from tests.factories.identity import make_provider

CODE = "/accounts/shop-code/"
EMAIL = "ana@example.com"


@pytest.fixture(scope="module")
def running() -> Iterator[VtexSimulator]:
    with VtexSimulator(small_world()) as vtex:
        yield vtex


@pytest.fixture
def vtex(running: VtexSimulator) -> VtexSimulator:
    running.identity.lies = {}
    running.identity.codes.clear()
    return running


@pytest.fixture
def shop(vtex: VtexSimulator, cast, settings) -> VtexSimulator:
    settings.PORTAL_PRIVATE_HOSTS = ["127.0.0.1"]
    settings.PORTAL_ALLOW_PLAIN_HTTP = True
    connect_vtex(vtex.url, sign_in=1)
    return vtex


def ask(client, email=EMAIL, **more):
    return client.post(CODE, {"login": email, **more})


def give(client, code):
    return client.post(CODE, {"code": code})


def signed_in_as(client):
    key = client.session.get("_auth_user_id")
    return Person.objects.get(pk=key).email if key else None


def test_a_code_of_the_shop_opens_the_portal(client, cast, shop):
    offered = client.post("/accounts/login/", {"login": EMAIL}, follow=True).content.decode()
    asked = ask(client, "Ana@Example.com", next="/pedidos?q=1")

    response = give(client, f" {shop.identity.codes[EMAIL]} ")

    assert CODE in offered
    assert asked.status_code == 200
    assert (response.status_code, response.url) == (302, "/pedidos?q=1")
    assert signed_in_as(client) == EMAIL
    assert [event.action for event in AuditEvent.objects.all()] == [Action.LOGIN]
    assert client.get("/pedidos").status_code == 200


def test_membership_is_ours_and_not_the_shops(client, cast, shop):
    """Somebody the shop knows and we do not stays outside, and nobody is made."""
    ask(client, "shopper@example.com")
    response = give(client, shop.identity.codes["shopper@example.com"])

    assert response.status_code == 403
    assert signed_in_as(client) is None
    assert not Person.objects.filter(email="shopper@example.com").exists()
    Membership.objects.filter(person=cast.ana).update(is_active=False)
    ask(client)
    give(client, shop.identity.codes[EMAIL])
    assert client.get("/pedidos").status_code == 403


@pytest.mark.parametrize(
    "lies",
    [
        {"account": "anothershop"},
        {"audience": "admin"},
        {"token_type": "app"},
        {"user": "rita@example.com"},
        {"null": True},
    ],
    ids=str,
)
def test_a_token_of_somebody_elses_opens_nothing(client, cast, shop, lies):
    shop.identity.lies = lies
    ask(client)

    assert give(client, shop.identity.codes[EMAIL]).status_code == 403
    assert signed_in_as(client) is None
    line = AuditEvent.objects.get()
    assert (line.action, line.person, line.detail) == (
        Action.LOGIN_FAILED,
        cast.ana,
        {"why": "code-wrong"},
    )


def test_a_wrong_code_opens_nothing_and_cannot_be_guessed_for_long(client, shop):
    ask(client)
    right = shop.identity.codes[EMAIL]
    for _ in range(5):
        assert give(client, "000000").status_code == 403

    response = give(client, right)

    assert (response.status_code, response.url) == (302, "/accounts/login/")
    assert signed_in_as(client) is None


def test_a_code_counts_for_the_browser_and_address_that_asked(client, shop):
    ask(client)
    other = Client()
    ask(other, "beto@example.com")

    assert give(other, shop.identity.codes[EMAIL]).status_code == 403
    assert give(Client(), shop.identity.codes[EMAIL]).status_code == 302
    assert signed_in_as(other) is None


def test_who_must_come_by_a_provider_gets_no_code(client, cast, shop):
    make_provider("alfa-id", cast.alfa, "example.com", is_required=True)

    response = ask(client)

    assert "/accounts/oidc/alfa-id/login/" in response.content.decode()
    assert shop.identity.codes == {}


def test_codes_are_not_mailed_without_end(client, shop):
    answers = [ask(Client()).status_code for _ in range(6)]

    assert answers == [200, 200, 200, 200, 200, 429]


def test_a_shop_that_fails_is_said(client, shop):
    with_fault = shop.fault
    with_fault("identity_send", "error")
    try:
        response = ask(client)
    finally:
        shop.reset()

    assert response.status_code == 424
    assert "password" not in client.session


def test_there_is_no_such_address_unless_a_connection_allows_it(client, vtex, cast):
    assert ask(client).status_code == 404
    connect_vtex(vtex.url)
    assert ask(client).status_code == 404
    connect_vtex(vtex.url, sign_in=1)
    Connection.objects.update(is_enabled=False)
    assert ask(client).status_code == 404


# --- the client alone -------------------------------------------------------------------------


def test_no_key_of_the_connection_is_sent(vtex):
    vtex.log.clear()
    client = VtexIdentity("demostore", vtex.url, POLICY)
    token = client.send_code(EMAIL, Call.within(5))
    client.check_code(token, EMAIL, vtex.identity.codes[EMAIL], Call.within(5))
    client.close()

    assert [entry.route for entry in vtex.log] == [
        "identity_start",
        "identity_send",
        "identity_validate",
        "identity_credential",
    ]
    assert not any("x-vtex-api-apptoken" in entry.headers for entry in vtex.log)
    assert vtex.log[0].query == {"scope": "demostore"}


def test_an_account_of_another_name_is_not_ours(vtex):
    client = VtexIdentity("anothershop", vtex.url, POLICY)
    token = client.send_code(EMAIL, Call.within(5))

    with pytest.raises(CredentialsRejected):
        client.check_code(token, EMAIL, "1", Call.within(5))
    with pytest.raises(ContractViolation, match="another account"):
        client.check_code(token, EMAIL, vtex.identity.codes[EMAIL], Call.within(5))
    client.close()
