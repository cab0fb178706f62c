"""/empresa/trocar and /idioma."""

from __future__ import annotations

import pytest

from b2b_orders.audit.models import Action, AuditEvent
from tests.b2b_orders.portal.conftest import address
from tests.b2b_orders.portal.pages import parse, texts, words


def test_header_names_the_company_and_offers_the_active_ones(client_for, cast, world):
    page = client_for(cast.davi).get("/pedidos")

    menu = "//details[contains(@class, 'company-menu')]"
    assert "Alfa Distribuidora …0001-95" in words(page, f"{menu}/summary")
    assert texts(page, f"{menu}//button") == [
        "Alfa Distribuidora …0001-95",
        "Beta Comércio …01DE-35",
    ]


def test_switching_shows_the_other_company_and_nothing_of_the_former(client_for, cast, world):
    davi = client_for(cast.davi)

    response = davi.post("/empresa/trocar", {"company": cast.beta.public_id}, follow=True)

    assert "Pedidos da Beta Comércio" in words(response, "//h1")
    assert texts(response, "//tbody//a") == ["0007700001"]
    assert davi.get(address(world.o1)).status_code == 404
    assert AuditEvent.objects.filter(action=Action.COMPANY_SWITCHED).count() == 1


@pytest.mark.parametrize("company", ["gama", "beta"])
def test_company_that_is_inactive_or_not_theirs_cannot_be_switched_to(ana, cast, world, company):
    wanted = getattr(cast, company).public_id

    assert ana.post("/empresa/trocar", {"company": wanted}).status_code == 404
    assert ana.post("/empresa/trocar", {"company": "nonsense"}).status_code == 404
    assert "Alfa" in words(ana.get("/pedidos"), "//h1")


def test_one_company_offers_no_choice(ana, cast, world):
    assert parse(ana.get("/pedidos")).xpath("//*[contains(@class, 'company-menu')]") == []


def test_person_of_no_company_is_told_what_to_do(client_for, cast, sources):
    cast.ana.memberships.all().delete()

    response = client_for(cast.ana).get("/pedidos")

    assert response.status_code == 403
    assert "Você ainda não está em nenhuma empresa" in words(response)


@pytest.mark.parametrize(
    ("language", "heading", "status", "total"),
    [
        ("es", "Pedidos de Alfa Distribuidora", "Despachado", "R$ 4.512,30"),
        ("en", "Orders of Alfa Distribuidora", "Shipped", "R$ 4,512.30"),
    ],
)
def test_language_changes_words_dates_and_amounts(ana, world, language, heading, status, total):
    ana.post("/idioma", {"language": language, "next": "/pedidos"})

    response = ana.get("/pedidos")

    assert parse(response).get("lang") == language
    assert words(response, "//h1") == heading
    row = words(response, "//tr[.//a[text()='1172452900788-01']]").replace("\xa0", " ")
    assert status in row
    assert total in row
    assert ("10 Mar 2026" if language == "en" else "10/03/2026") in row


def test_chosen_language_is_kept_with_the_person(ana, client_for, cast, world):
    ana.post("/idioma", {"language": "es", "next": "/pedidos"})

    elsewhere = client_for(cast.ana).get("/pedidos", headers={"Accept-Language": "en"})

    assert words(elsewhere, "//h1") == "Pedidos de Alfa Distribuidora"


def test_language_can_be_chosen_before_log_in(client, db):
    first = client.get("/accounts/login/")
    changed = client.post("/idioma", {"language": "en", "next": "/accounts/login/"}, follow=True)

    assert words(first, "//h1") == "Entrar"
    assert words(changed, "//h1") == "Log in"


@pytest.mark.parametrize(
    ("browser", "heading"), [("es-MX", "Ingresar"), ("en-GB", "Log in"), ("fr", "Entrar")]
)
def test_browser_decides_where_nobody_chose(client, db, browser, heading):
    page = client.get("/accounts/login/", headers={"Accept-Language": browser})

    assert words(page, "//h1") == heading


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example/", "javascript:x"])
def test_language_never_leads_elsewhere(client, db, wanted):
    assert client.post("/idioma", {"language": "en", "next": wanted})["Location"] == "/"


def test_unknown_language_changes_nothing(ana, cast, world):
    ana.post("/idioma", {"language": "xx", "next": "/"})

    cast.ana.refresh_from_db()
    assert cast.ana.language == ""


def test_document_names_stay_brazilian_with_an_explanation(ana, world):
    ana.post("/idioma", {"language": "es", "next": "/"})

    kinds = parse(ana.get(address(world.o1))).xpath("//abbr[text()='DANFE']")

    assert kinds[0].get("title") == "representación impresa de la NF-e"
    assert kinds[0].get("tabindex") == "0"
