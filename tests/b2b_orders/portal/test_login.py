"""Logging in and out."""

from __future__ import annotations

from tests.b2b_orders.portal.pages import parse, words
from tests.factories import PASSWORD

URL = "/accounts/login/"


def test_log_in_leads_to_the_wanted_page(client, cast, world):
    page = client.get(f"{URL}?next=/pedidos%3Fq%3D502556")
    wanted = parse(page).xpath("//form[.//input[@name='login']]//input[@name='next']/@value")

    response = client.post(
        URL, {"login": "ana@example.com", "password": PASSWORD, "next": "/pedidos?q=502556"}
    )

    assert wanted == ["/pedidos?q=502556"]
    assert response["Location"] == "/pedidos?q=502556"


def test_wrong_password_says_so_and_keeps_the_address(client, cast):
    response = client.post(URL, {"login": "ana@example.com", "password": "wrong"})

    assert words(response, "//*[@role='alert']") != ""
    page = parse(response)
    assert page.xpath("//input[@name='login']/@value") == ["ana@example.com"]
    assert page.xpath("//input[@name='password']/@value") == []


def test_unknown_address_gets_the_same_answer_as_a_wrong_password(client, cast):
    wrong = client.post(URL, {"login": "ana@example.com", "password": "wrong"})
    unknown = client.post(URL, {"login": "nobody@example.com", "password": "wrong"})

    alert = "//*[@role='alert']"
    assert wrong.status_code == unknown.status_code
    assert words(wrong, alert) == words(unknown, alert)


def test_log_out_forgets_everything(ana, world):
    page = ana.get("/pedidos")

    ana.post("/accounts/logout/")

    assert page["Cache-Control"] == "private, no-store"
    assert ana.get("/pedidos")["Location"].startswith(URL)


def test_log_out_asks_first_when_opened_as_a_link(ana, world):
    response = ana.get("/accounts/logout/")

    assert "Deseja sair?" in words(response)
    assert ana.get("/pedidos").status_code == 200
