"""/atendimento: find by number, then act for the company with a reason."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from b2b_orders.audit.models import Action, AuditEvent
from b2b_orders.companies.models import Acting
from tests.b2b_orders.portal.conftest import address
from tests.b2b_orders.portal.pages import parse, texts, words
from tests.factories import NOW, make_company


def start(client, order, reason: str = "chamado 8812", typed: str = "PO-2026/0815"):
    return client.post(
        "/atendimento/atuar", {"order": order.public_id, "q": typed, "reason": reason}
    )


def test_number_first_search_shows_company_and_ending_and_no_amounts(suzana, world):
    response = suzana.get("/atendimento", {"q": "PO-2026/0815"})

    rows = texts(response, "//tbody/tr")
    assert len(rows) == 2
    assert any("Alfa Distribuidora CNPJ …0001-95" in row for row in rows)
    assert any("Beta Comércio CNPJ …01DE-35" in row for row in rows)
    assert "R$" not in words(response)
    assert "DANFE" not in words(response)
    assert AuditEvent.objects.get(action=Action.STAFF_SEARCHED).detail["found"] == 2


def test_choosing_asks_for_a_reason_first(suzana, cast, world):
    choose = parse(suzana.get("/atendimento?q=0004500123")).xpath("//tbody//a/@href")[0]

    response = suzana.get(choose)

    assert "Atuar pela Alfa Distribuidora" in words(response)
    assert parse(response).xpath("//input[@name='reason'][@required]")
    assert suzana.get(f"/c/{cast.alfa.public_id}{address(world.o1)}").status_code == 404


def test_short_reason_is_refused_at_the_field_and_what_was_typed_is_kept(suzana, world):
    response = start(suzana, world.o1, reason="  oi  ")

    assert response.status_code == 400
    assert "pelo menos 5 caracteres" in words(response, "//*[@id='reason-error']")
    field = parse(response).xpath("//input[@id='reason']")[0]
    assert field.get("value") == "  oi  "
    assert field.get("aria-invalid") == "true"
    assert not Acting.objects.exists()


def test_acting_opens_the_order_under_the_company_with_a_bar(suzana, cast, world):
    started = start(suzana, world.o1)

    inside = f"/c/{cast.alfa.public_id}{address(world.o1)}"
    assert started["Location"].startswith(inside)
    response = suzana.get(started["Location"])
    bar = words(response, "//section[contains(@class, 'agentbar')]").split(" A atuação")[0]
    assert bar == (
        "Atuando pela empresa: Alfa Distribuidora CNPJ …0001-95 · vendo como: toda a empresa ·"
        " motivo: chamado 8812 · restam 30 min Trocar Encerrar atendimento"
    )
    assert words(response, "//title").startswith("[Alfa Distribuidora] ")
    assert "R$" in words(response)
    links = parse(response).xpath("//main//a/@href")
    assert all(link.startswith((f"/c/{cast.alfa.public_id}/", "#", "https:")) for link in links)
    assert AuditEvent.objects.get(action=Action.ACTING_STARTED).reason == "chamado 8812"


def test_two_customers_keep_to_their_own_address(suzana, cast, world):
    start(suzana, world.o1)
    start(suzana, world.o5, reason="outro cliente")
    alfa, beta = f"/c/{cast.alfa.public_id}", f"/c/{cast.beta.public_id}"

    assert suzana.get(alfa + address(world.o1)).status_code == 200
    assert suzana.get(beta + address(world.o5)).status_code == 200
    assert suzana.get(alfa + address(world.o5)).status_code == 404
    assert suzana.get(beta + address(world.o1)).status_code == 404


def test_ending_closes_the_company_at_once(suzana, cast, world):
    start(suzana, world.o1)

    ended = suzana.post("/atendimento/encerrar", {"company": cast.alfa.public_id})

    assert ended["Location"] == "/"
    assert suzana.get(f"/c/{cast.alfa.public_id}/pedidos").status_code == 404
    assert AuditEvent.objects.filter(action=Action.ACTING_ENDED).count() == 1


def test_acting_ends_by_itself_after_thirty_idle_minutes(suzana, cast, world):
    start(suzana, world.o1)

    with time_machine.travel(NOW + timedelta(minutes=31), tick=False):
        response = suzana.get(f"/c/{cast.alfa.public_id}{address(world.o1)}")

    assert response.status_code == 404
    assert "Alfa" not in words(response)


def test_order_cannot_be_chosen_without_its_number(suzana, world):
    assert start(suzana, world.o1, typed="").status_code == 404
    assert start(suzana, world.o1, typed="OC 77-A").status_code == 404


@pytest.mark.parametrize("person", ["ana", "teo", "olga"])
def test_others_have_no_such_page(client_for, cast, world, person):
    client = client_for(getattr(cast, person))

    assert client.get("/atendimento?q=1").status_code == 404
    assert start(client, world.o1).status_code == 404
    assert not Acting.objects.exists()


def test_number_that_exists_nowhere_says_so(suzana, world):
    response = suzana.get("/atendimento?q=999999")

    assert 'Nada com "999999" nos pedidos de nenhuma empresa.' in words(response)
    assert "Procuramos em: pedido do site, ERP, número próprio do cliente" in words(response)


def test_the_number_of_the_customer_is_not_called_the_agents(suzana, world):
    found = words(suzana.get("/atendimento?q=PO-2026/0815"), "//main//tbody")

    assert "Número próprio do cliente PO-2026/0815" in found


def test_support_starts_at_its_page(suzana, world):
    assert suzana.get("/")["Location"] == "/atendimento"
    assert suzana.get("/pedidos")["Location"] == "/atendimento"


# --- a caller who knows no number but the company's own -------------------------------------------


def by_tax_id(client, typed: str, reason: str | None = None):
    if reason is None:
        return client.get("/atendimento/atuar", {"q": typed})
    return client.post("/atendimento/atuar", {"q": typed, "reason": reason})


@pytest.mark.parametrize("typed", ["12.345.678/0002-76", "12345678000276", " 12345678/0002 76 "])
def test_a_whole_cnpj_leads_to_its_company_and_shows_nothing_else(suzana, cast, world, typed):
    response = suzana.get("/atendimento", {"q": typed})

    assert words(response, "//section[@aria-label='Empresa']") == (
        "Alfa Distribuidora CNPJ …0002-76 Atuar por esta empresa"
    )
    assert texts(response, "//tbody/tr") == []
    assert "Avise-me quando chegar" not in words(response)
    assert "R$" not in words(response)
    line = AuditEvent.objects.get(action=Action.STAFF_SEARCHED)
    assert line.detail == {"text": typed, "found": 0, "company": str(cast.alfa.public_id)}


def test_acting_begins_at_the_list_of_a_company_found_by_its_cnpj(suzana, cast, world):
    suzana.get("/atendimento", {"q": "12345678000195"})
    asked = by_tax_id(suzana, "12345678000195")
    assert "Atuar pela Alfa Distribuidora" in words(asked, "//h1")

    refused = by_tax_id(suzana, "12345678000195", reason="oi")
    begun = by_tax_id(suzana, "12345678000195", reason="chamado 8812")

    assert refused.status_code == 400
    assert begun["Location"] == f"/c/{cast.alfa.public_id}/pedidos"
    assert "Pedidos da Alfa Distribuidora" in words(suzana.get(begun["Location"]), "//h1")
    assert AuditEvent.objects.get(action=Action.ACTING_STARTED).company_id == cast.alfa.pk


@pytest.mark.parametrize("typed", ["12345678", "12345678000196", "98.765.432/0001-98", "0001-95"])
def test_a_part_a_slip_and_an_inactive_companys_cnpj_lead_nowhere(suzana, cast, world, typed):
    page = suzana.get("/atendimento", {"q": typed})

    assert parse(page).xpath("//section[@aria-label='Empresa']") == []
    assert "Gama" not in words(page)
    assert by_tax_id(suzana, typed, reason="chamado 8812").status_code == 404
    assert not Acting.objects.exists()


@pytest.mark.parametrize("typed", ["UY:21-123456-0019", "21 123456 0019", "52998224725"])
def test_a_foreign_id_and_a_cpf_are_found_as_people_write_them(suzana, sources, typed):
    make_company("Zeta SA", ("UY:211234560019", "529.982.247-25"))

    assert "Zeta SA" in words(suzana.get("/atendimento", {"q": typed}), "//main")


def test_nobody_but_support_finds_companies_by_their_cnpj(client_for, cast, world):
    for person in (cast.ana, cast.teo, cast.olga):
        client = client_for(person)
        assert client.get("/atendimento?q=12345678000195").status_code == 404
        assert by_tax_id(client, "12345678000195", reason="chamado 8812").status_code == 404
    assert not Acting.objects.exists()
