"""/pedidos/procurar: asking the sources for a number that we do not have."""

from __future__ import annotations

from datetime import timedelta

import time_machine

from b2b_orders.ingest.models import Lookup
from tests.b2b_orders.portal.conftest import address
from tests.b2b_orders.portal.pages import parse, words
from tests.factories import NOW


def ask(client, typed: str = "999999") -> str:
    response = client.post("/pedidos/procurar", {"q": typed})
    assert response.status_code == 302
    return response["Location"]


def test_asking_leads_to_a_page_that_follows_by_itself_and_works_without_scripts(ana, world):
    url = ask(ana)

    response = ana.get(url)

    page = parse(response)
    assert "Procurando no ERP… Pode levar até 8 s. Pode continuar usando a página." in words(
        response, "//*[@id='lookup']"
    )
    assert page.xpath("//*[@id='lookup']/@hx-trigger") == ["every 1s"]
    assert page.xpath("//noscript/meta[@http-equiv='refresh']/@content") == ["2"]
    assert page.xpath("//input[@id='q']/@value") == ["999999"]


def test_the_same_number_is_asked_once_in_thirty_seconds(ana, client_for, cast, world):
    first = ask(ana)
    second = ask(client_for(cast.bruno), "# 999999")
    with time_machine.travel(NOW + timedelta(seconds=31), tick=False):
        third = ask(ana)

    assert first.partition("?")[0] == second.partition("?")[0]
    assert third != first
    assert Lookup.objects.count() == 2


def test_found_order_opens(ana, world):
    url = ask(ana, "888")
    Lookup.objects.update(state="found", found_order_id=world.o3.pk)

    page = ana.get(url)
    polled = ana.get(url, headers={"HX-Request": "true"})

    assert page["Location"] == f"{address(world.o3)}?q=888"
    assert polled["HX-Redirect"] == f"{address(world.o3)}?q=888"


def test_not_found_says_who_was_asked_and_when_to_ask_again(ana, world):
    url = ask(ana)
    Lookup.objects.update(state="not_found", answers={"erp": "not-found", "loja": "not-found"})

    response = ana.get(url, headers={"HX-Request": "true"})

    page = words(response)
    assert 'Nenhuma fonte tem "999999"' in page
    assert "ERP: não tem" in page
    assert "Site: não tem" in page
    assert "Consultado às 10:00. Você pode consultar de novo em 30 s." in page
    assert parse(response).xpath("//*[@hx-trigger]") == []


def test_failure_is_never_worded_as_not_found(ana, world):
    url = ask(ana)
    Lookup.objects.update(state="failed", answers={"erp": "unreachable"})

    page = words(ana.get(url))

    assert 'Não foi possível procurar "999999" agora' in page
    assert "o pedido pode existir e ainda não ter chegado" in page
    assert "ERP: não respondeu a tempo" in page


def test_text_that_is_no_number_asks_nobody(ana, world):
    response = ana.post("/pedidos/procurar", {"q": "9" * 5000}, follow=True)

    assert "mais longo que qualquer número" in words(response)
    assert not Lookup.objects.exists()


def test_look_up_of_another_company_is_not_found(ana, client_for, cast, world):
    url = ask(ana)

    assert client_for(cast.beto).get(url).status_code == 404


def test_asking_by_a_link_is_refused(ana, world):
    assert ana.get("/pedidos/procurar").status_code == 405
