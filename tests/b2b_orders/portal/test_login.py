"""Logging in and out."""

from __future__ import annotations

from django.test import Client

from tests.b2b_orders.portal.pages import parse, texts, words
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


def test_the_password_is_asked_for_at_an_address_that_can_be_gone_back_to(client, cast):
    answer = client.post(URL, {"login": "ana@example.com", "next": "/pedidos?q=502556"})

    assert (answer.status_code, "ana" in answer["Location"]) == (302, False)
    page = parse(client.get(answer["Location"]))
    assert page.xpath("//input[@name='login']/@value") == ["ana@example.com"]
    assert len(page.xpath("//input[@name='password']")) == 1
    posts = "//form[starts-with(@action, '/accounts/')]//input[@name='next']/@value"
    assert set(page.xpath(posts)) == {"/pedidos?q=502556"}
    # Another browser, or this one after some minutes, begins with the address.
    other = parse(Client().get(answer["Location"]))
    assert other.xpath("//input[@name='password']") == []


def test_the_address_is_carried_to_the_code_and_to_the_link(client, cast):
    page = parse(client.post(URL, {"login": "ana@example.com"}, follow=True))
    form = "//form[@action='/accounts/login/code/']"

    assert page.xpath(f"{form}//input[@name='email']/@value") == ["ana@example.com"]
    reset = parse(client.get("/accounts/password/reset/"))
    assert reset.xpath("//input[@name='email']/@value") == ["ana@example.com"]
    sent = client.post("/accounts/login/code/", {"email": "ana@example.com"}, follow=True)
    assert "ana@example.com" in words(sent)


def test_the_page_after_a_link_was_sent_leads_back_to_the_log_in(client, cast):
    page = client.post("/accounts/password/reset/", {"email": "ana@example.com"}, follow=True)

    assert texts(page, "//main//a[@href='/accounts/login/']") == ["Voltar à entrada"]


def test_a_carried_address_is_signed_and_forgotten_with_the_log_in(client, cast):
    client.post(URL, {"login": "ana@example.com"})
    cookie = client.cookies["log-in-address"]
    assert (cookie["path"], cookie["httponly"], cookie["max-age"]) == ("/accounts/", True, 600)

    forged = Client()
    forged.cookies["log-in-address"] = "eve@example.com"
    assert "eve@" not in forged.get("/accounts/password/reset/").content.decode()
    client.post(URL, {"login": "ana@example.com", "password": PASSWORD})
    assert client.cookies["log-in-address"].value == ""


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
