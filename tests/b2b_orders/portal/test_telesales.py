"""/televendas: what I placed, and any number of my customers."""

from __future__ import annotations

import pytest

from b2b_orders.companies.models import Portfolio
from b2b_orders.ingest.models import Lookup
from b2b_orders.orders.models import AwaitedNumber, Order, Question
from erp_bridge.records import NumberKind
from tests.b2b_orders.portal.conftest import address
from tests.b2b_orders.portal.pages import parse, texts, words
from tests.factories import make_order


def test_placed_by_me_shows_status_and_whether_the_customer_has_seen_it(teo, ana, world):
    before = texts(teo.get("/televendas"), "//tbody/tr")
    ana.get(address(world.o2))
    after = texts(teo.get("/televendas"), "//tbody/tr")

    assert before == [
        "0004500987 Alfa Distribuidora CNPJ …0002-76 10/03/2026 Em separação Ainda não visto"
    ]
    assert after[0].endswith("Em separação Visto pelo cliente: 10:00")


def test_known_number_is_found_in_the_portfolio_only(teo, cast, world):
    mine = teo.get("/televendas", {"q": "PO-2026/0815"})

    found = parse(mine).xpath("//*[@id='found']//tbody//a/@href")
    assert found == [f"/c/{cast.alfa.public_id}{address(world.o1)}"]
    assert teo.get(found[0]).status_code == 200
    assert not Lookup.objects.exists()


def test_unknown_number_is_looked_up_at_once_and_shown_as_new(teo, cast, world):
    asked = teo.get("/televendas?q=0004509999")

    lookup = Lookup.objects.get()
    assert (lookup.company, lookup.person) == (cast.alfa, cast.teo)
    assert "Procurando no ERP…" in words(asked)
    poll = parse(asked).xpath("//*[@id='found']/@hx-get")[0]
    make_order(cast.alfa, ((NumberKind.ERP, "0004509999"),))
    order = Order.objects.get(title="0004509999")
    Lookup.objects.update(state="found", found_order_id=order.pk)
    fresh = teo.get(poll, headers={"HX-Request": "true"})
    assert "0004509999 Novo no ERP" in words(fresh)
    assert parse(fresh).xpath("//*[@hx-trigger]") == []
    assert Lookup.objects.count() == 1


def test_look_up_works_without_scripts(teo, world):
    asked = teo.get("/televendas?q=0004509999")

    assert parse(asked).xpath("//noscript/meta[@http-equiv='refresh']")
    poll = parse(asked).xpath("//*[@id='found']/@hx-get")[0]
    assert teo.get(poll)["Location"].startswith("/televendas?q=0004509999")


def test_number_that_no_source_has_says_so(teo, world):
    teo.get("/televendas?q=0004509999")
    Lookup.objects.update(state="not_found", answers={"erp": "not-found"})

    assert 'Nenhuma fonte tem "0004509999"' in words(teo.get("/televendas?q=0004509999"))


def test_telesales_see_no_amounts_without_the_right(teo, cast, world):
    response = teo.get(f"/c/{cast.alfa.public_id}{address(world.o1)}")

    assert "R$" not in words(response)
    assert "Boleto" not in words(response)


@pytest.mark.parametrize("person", ["ana", "suzana", "olga"])
def test_others_have_no_such_page(client_for, cast, world, person):
    client = client_for(getattr(cast, person))

    assert client.get("/televendas").status_code == 404
    assert client.get("/televendas/procura?q=1").status_code == 404


def test_companies_outside_the_portfolio_are_not_found(teo, cast, world):
    assert teo.get(f"/c/{cast.beta.public_id}{address(world.o5)}").status_code == 404
    assert teo.get(f"/c/{cast.beta.public_id}/pedidos").status_code == 404


def test_a_number_that_is_nowhere_is_kept_until_it_comes(teo, cast, world):
    teo.get("/televendas?q=0004509999")
    Lookup.objects.update(state="not_found", answers={"erp": "not-found"})
    page = teo.get("/televendas?q=0004509999&asked=1")
    [form] = parse(page).xpath("//form[@action='/atendimento/avisos']")

    kept = teo.post("/atendimento/avisos", {"q": form.xpath(".//input[@name='q']/@value")[0]})

    assert kept["Location"] == "/televendas"
    assert AwaitedNumber.objects.get().person == cast.teo
    waits = "//section[@aria-label='Números que espero']//tbody/tr"
    assert texts(teo.get("/televendas"), waits)[0].startswith("0004509999 esperado desde")


def test_questions_of_their_customers_wait_on_the_first_page(ana, teo, suzana, cast, world):
    ana.post(f"{address(world.o1)}/perguntar", {"text": "Onde está?"})
    place = f"#answer-{Question.objects.get().public_id}"
    inside = f"/c/{cast.alfa.public_id}{address(world.o1)}{place}"
    way = "//table[caption='Perguntas em aberto']//tbody//a/@href"

    assert parse(teo.get("/televendas")).xpath(way) == [inside]
    # Support acts for the company first.
    [link] = parse(suzana.get("/atendimento")).xpath(way)
    assert link.startswith("/atendimento/atuar?")
    Portfolio.objects.all().delete()
    assert parse(teo.get("/televendas")).xpath(way) == []


def test_telesales_start_at_their_page(teo, world):
    assert teo.get("/")["Location"] == "/televendas"
