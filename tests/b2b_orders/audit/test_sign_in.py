"""Logging in and out, and what is recorded of it."""

from __future__ import annotations

import pytest
from django.test import Client

from b2b_orders.audit.models import Action, AuditEvent
from tests.factories import PASSWORD

LOGIN = "/accounts/login/"


def log_in(client, email, password=PASSWORD, **more):
    return client.post(LOGIN, {"login": email, "password": password}, **more)


def events():
    return [(event.action, event.person_id) for event in AuditEvent.objects.order_by("id")]


def test_a_person_logs_in_and_starts_at_their_page(cast):
    response = log_in(Client(), "ANA@example.com")

    assert (response.status_code, response.url) == (302, "/")
    assert events() == [(Action.LOGIN, cast.ana.pk)]
    event = AuditEvent.objects.get()
    assert (event.address, event.company_id) == ("127.0.0.1", None)
    assert len(event.request_id) == 16


@pytest.mark.parametrize(("email", "who"), [("ana@example.com", "ana"), ("no@example.com", "")])
def test_a_failure_is_recorded_and_says_the_same_of_known_and_unknown(cast, email, who):
    response = log_in(Client(), email, "wrong password")

    assert response.status_code == 200
    person = getattr(cast, who).pk if who else None
    assert events() == [(Action.LOGIN_FAILED, person)]
    assert "wrong password" not in str(AuditEvent.objects.values())
    assert email not in str(AuditEvent.objects.values())


def test_known_and_unknown_people_get_the_same_page(cast):
    pages = [
        log_in(Client(), email, "wrong password").content.decode().replace(email, "")
        for email in ("ana@example.com", "no@example.com")
    ]

    known, unknown = (page.split("<main")[1].split("csrfmiddlewaretoken")[0] for page in pages)
    assert known == unknown


def test_an_inactive_person_cannot_log_in(cast):
    cast.ana.is_active = False
    cast.ana.save()
    client = Client()

    log_in(client, "ana@example.com")

    assert client.get("/api/v1/orders").status_code == 401


def test_after_five_failures_even_the_right_password_waits(cast):
    client = Client()
    for _ in range(5):
        log_in(client, "ana@example.com", "wrong password")

    log_in(client, "ana@example.com")

    assert client.get("/api/v1/orders").status_code == 401
    assert (Action.LOGIN, cast.ana.pk) not in events()


def test_a_guessed_person_does_not_lock_out_the_office(cast):
    for _ in range(6):
        log_in(Client(), "ana@example.com", "wrong password")

    assert log_in(Client(), "bruno@example.com").status_code == 302


def test_logging_out_is_recorded_and_ends_the_session(cast):
    client = Client()
    log_in(client, "ana@example.com")

    response = client.post("/accounts/logout/")

    assert response["Cache-Control"] == "private, no-store"
    assert events() == [(Action.LOGIN, cast.ana.pk), (Action.LOGOUT, cast.ana.pk)]
    assert client.get("/api/v1/orders").status_code == 401


def test_logging_out_needs_a_form(cast):
    client = Client()
    log_in(client, "ana@example.com")

    client.get("/accounts/logout/")

    assert client.get("/api/v1/orders").status_code == 200


def test_the_next_person_on_the_same_browser_starts_afresh(cast):
    client = Client()
    log_in(client, "davi@example.com")
    client.post("/empresa/trocar", {"company": str(cast.beta.public_id)})
    client.post("/pedidos/procurar", {"q": "9" * 5000})  # leaves a note for the next page
    client.post("/accounts/logout/")
    log_in(client, "carla@example.com")
    assert not client.cookies["messages"].value

    page = client.get("/pedidos").content.decode()

    assert "Beta" not in page
    assert "Davi" not in page


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/signup/",
        "/accounts/email/",
        "/accounts/confirm-email/",
    ],
)
def test_nobody_signs_up_or_changes_an_address_by_themselves(cast, client_for, path):
    assert Client().get(path).status_code == 404
    assert client_for(cast.ana).get(path).status_code == 404


def test_a_page_asked_for_comes_after_logging_in(cast):
    client = Client()
    asked = client.get("/pedidos?q=0815")

    response = log_in(client, "ana@example.com", follow=False, query_params={})
    assert asked.url == "/accounts/login/?next=/pedidos%3Fq%3D0815"
    client.post("/accounts/logout/")
    response = client.post(
        LOGIN,
        {"login": "ana@example.com", "password": PASSWORD, "next": "/pedidos?q=0815"},
    )

    assert response.url == "/pedidos?q=0815"


def test_a_page_elsewhere_never_comes_after_logging_in(cast):
    response = Client().post(
        LOGIN,
        {"login": "ana@example.com", "password": PASSWORD, "next": "https://evil.example/"},
    )

    assert response.url == "/"


def test_an_address_that_a_proxy_made_up_is_not_recorded(cast, settings):
    settings.PORTAL_TRUSTED_PROXIES = 1

    log_in(Client(headers={"X-Forwarded-For": "not an address"}), "ana@example.com")

    assert AuditEvent.objects.get().address is None
