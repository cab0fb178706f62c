"""What the box says while typing and afterwards, for buyers and for staff."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from b2b_orders.audit.models import AuditEvent
from erp_bridge.records import NumberKind
from tests.b2b_orders.portal.conftest import KEY, LINE, address
from tests.b2b_orders.portal.pages import parse, texts, words
from tests.factories import make_order

HTMX = {"HX-Request": "true"}
OPTIONS = "//*[@role='option']"


def typing(client, text, **more):
    return client.get("/pedidos/sugestoes", {"q": text, **more}, headers=HTMX)


def test_suggestions_say_kind_number_and_facts_and_lead_there(ana, world):
    response = typing(ana, "4500")

    assert texts(response, OPTIONS + "//span[@class='what']") == [
        "Pedido do ERP 0004500123",
        "Pedido do ERP 0004500987",
    ]
    assert texts(response, OPTIONS + "//span[@class='facts']") == [
        "1172452900788-01 · 10/03/2026 · filial …0001-95",
        "10/03/2026 · filial …0002-76",
    ]
    assert texts(response, OPTIONS + "//mark") == ["4500", "4500"]
    assert texts(response, "//li[@class='all']/span") == ["Listar todos os 2"]
    first, _second, every = parse(response).xpath(OPTIONS + "/@data-href")
    assert first.startswith(address(world.o1))
    assert every == "/pedidos?q=4500&listar=1"
    assert "HX-Request" in response["Vary"]


def test_suggestions_hold_no_amount_and_nothing_of_other_companies(ana, world):
    body = typing(ana, "4500").content.decode() + typing(ana, "7700001").content.decode()

    assert "R$" not in body
    assert "4.512" not in body
    assert "0007700001" not in body


def test_suggestions_keep_to_the_branches_that_are_seen(client_for, cast, world):
    response = typing(client_for(cast.carla), "4500")

    assert texts(response, OPTIONS + "//span[@class='number']") == ["0004500987"]


def test_suggestions_keep_to_one_kind_of_number(ana, world):
    assert texts(typing(ana, "PO-2026", em="erp"), OPTIONS) == []
    assert len(texts(typing(ana, "PO-2026", em="meu"), OPTIONS)) == 1
    assert len(texts(typing(ana, "PO-2026", em="nonsense"), OPTIONS)) == 1


@pytest.mark.parametrize("typed", ["", "4", "45", "-/-", "  4  5 "])
def test_under_three_signs_nothing_is_looked_for(ana, world, typed):
    ana.get("/pedidos")  # the first request of a session also chooses
    with CaptureQueriesContext(connection) as captured:
        response = typing(ana, typed)

    assert texts(response, OPTIONS) == []
    assert not any("orders_ordernumber" in query["sql"] for query in captured.captured_queries)


def test_suggestions_are_eight_at_most_from_few_statements(ana, cast, world):
    for number in range(12):
        make_order(cast.alfa, [(NumberKind.ERP, f"81234{number:02}")])
    ana.get("/pedidos")
    with CaptureQueriesContext(connection) as captured:
        response = typing(ana, "81234")

    asked = [query for query in captured.captured_queries if "orders_order" in query["sql"]]
    assert len(texts(response, OPTIONS + "[not(contains(@class, 'all'))]")) == 8
    assert texts(response, "//li[@class='all']/span") == ["Listar todos os 12"]
    assert len(asked) <= 3


def test_without_scripts_suggestions_are_the_list(ana, world):
    response = ana.get("/pedidos/sugestoes?q=4500&em=erp")

    assert response["Location"] == "/pedidos?q=4500&em=erp"


def test_whoever_may_not_see_boletos_is_not_told_a_line_by_its_beginning(
    ana, client_for, cast, world
):
    assert texts(typing(ana, LINE[:12]), OPTIONS) != []
    teo = client_for(cast.teo)  # of telesales, without finance

    response = teo.get(
        f"/c/{cast.alfa.public_id}/pedidos/sugestoes", {"q": LINE[:12]}, headers=HTMX
    )

    assert response.status_code == 200
    assert texts(response, OPTIONS) == []
    assert LINE not in response.content.decode()


@pytest.mark.parametrize("what", ["pedidos/sugestoes", "paleta"])
def test_another_companys_box_does_not_exist(ana, cast, what):
    theirs = ana.get(f"/c/{cast.beta.public_id}/{what}", headers=HTMX)

    assert theirs.status_code == 404
    assert cast.beta.name not in theirs.content.decode()


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        (KEY, "Parece uma chave de NF-e (44) · dígito verificador correto · NF 1001, série 1"),
        (KEY[:-1] + "5", "Parece uma chave de NF-e (44) · dígito verificador não confere"),
        (LINE, "Parece uma linha digitável de boleto (47) · dígitos verificadores corretos"),
        (
            "12345678000195",
            "Parece um CNPJ · dígitos verificadores corretos · pedidos dessa filial",
        ),
        ("1172452900788-01", "Parece um número de pedido do site"),
        (KEY[:30], "30 dígitos: uma chave de acesso tem 44, uma linha digitável 47"),
    ],
)
def test_the_line_under_the_box_says_what_a_number_looks_like(ana, world, typed, line):
    assert texts(typing(ana, typed), "//p[@class='recognised']") == [line]


def test_the_line_speaks_the_persons_language(ana, world):
    ana.post("/idioma", {"language": "es", "next": "/pedidos"})

    assert texts(typing(ana, KEY), "//p[@class='recognised']") == [
        "Parece una clave de NF-e (44) · dígito verificador correcto · NF 1001, serie 1"
    ]


def test_the_line_stays_after_the_search(ana, world):
    response = ana.get("/pedidos?q=0004500123&listar=1")

    assert texts(response, "//*[@id='q-recognised']") == ["Parece um número de pedido do ERP"]


def test_while_typing_on_the_list_suggestions_and_line_come_with_it(ana, world):
    response = ana.get("/pedidos?q=4500", headers=HTMX)

    page = parse(response)
    assert len(page.xpath("//*[@id='q-panel'][@hx-swap-oob='outerHTML']//*[@role='option']")) == 3
    assert page.xpath("//*[@id='q-panel']/@data-for") == ["4500"]
    assert page.xpath("//*[@id='q-recognised']/@hx-swap-oob") == ["outerHTML"]


def test_staff_are_told_what_a_number_looks_like_and_nothing_is_searched(suzana, world):
    before = AuditEvent.objects.count()

    response = suzana.get("/reconhecer", {"q": "0004500123"}, headers=HTMX)

    assert texts(response, "//p[@class='recognised']") == ["Parece um número de pedido do ERP"]
    assert texts(response, OPTIONS) == []
    assert AuditEvent.objects.count() == before
    box = parse(suzana.get("/atendimento")).xpath("//input[@id='q']/@hx-get")
    assert box == ["/reconhecer"]


def test_a_search_can_be_kept_to_one_kind_and_says_so(ana, world):
    response = ana.get("/pedidos?q=502556&em=nf")

    assert "Procuramos só em: nota fiscal (NF)." in words(response)
    page = parse(response)
    assert page.xpath("//select[@id='em']/option[@selected]/@value") == ["nf"]
    assert page.xpath("//main//a[@href='/pedidos?q=502556']")
    assert ana.get("/pedidos?q=502556&em=site")["Location"].startswith(address(world.o1))


def test_a_number_of_several_kinds_is_listed_by_kind(ana, cast, world):
    make_order(cast.alfa, [(NumberKind.ERP, "502556")])

    response = ana.get("/pedidos?q=502556")

    assert response.status_code == 200
    assert texts(response, "//*[contains(@class, 'kinds')]/a") == [
        "Pedido do site 1",
        "Pedido do ERP 1",
    ]
    assert parse(response).xpath("//*[contains(@class, 'kinds')]/a/@href") == [
        "/pedidos?q=502556&em=site&listar=1",
        "/pedidos?q=502556&em=erp&listar=1",
    ]


def test_exact_matches_come_before_longer_numbers(ana, cast, world):
    make_order(cast.alfa, [(NumberKind.ERP, "4500")])
    make_order(cast.alfa, [(NumberKind.CUSTOMER, "4500")])

    response = ana.get("/pedidos?q=4500")

    titles = texts(response, "//table//a[contains(@class, 'main')]")
    assert titles[:2] == ["4500", "4500"]
    assert sorted(titles[2:]) == ["0004500987", "1172452900788-01"]


def test_one_slip_offers_the_order_that_may_be_meant_with_the_digit_marked(ana, world):
    response = ana.get("/pedidos?q=0004500124")

    assert "Nada com" in words(response)
    near = "//section[@aria-labelledby='nearly']"
    assert texts(response, near + "//a") == ["0004500123"]
    assert texts(response, near + "//mark") == ["3"]
    assert parse(response).xpath(near + "//a/@href")[0].startswith(address(world.o1))


def test_near_misses_stay_within_what_is_seen(client_for, cast, world):
    for person in (cast.carla, cast.beto):
        body = client_for(person).get("/pedidos?q=0004500124").content.decode()
        assert "1172452900788" not in body
        assert "4500123" not in body


def test_who_sees_some_branches_may_ask_the_administrator_found_or_not(client_for, cast, world):
    carla = client_for(cast.carla)
    hidden, nowhere = (carla.get(f"/pedidos?q={number}") for number in ("502556", "987654"))

    for response in (hidden, nowhere):
        assert "exista ele ou não" in words(response)
        (letter,) = parse(response).xpath("//main//a[contains(@href, 'rita@example.com')]/@href")
        assert letter.startswith("mailto:rita@example.com?subject=")
    assert [text.replace("502556", "987654") for text in texts(hidden, "//main")] == texts(
        nowhere, "//main"
    )


def test_who_sees_everything_is_not_sent_to_the_administrator(ana, world):
    response = ana.get("/pedidos?q=987654")

    assert "exista ele ou não" not in words(response)
    assert parse(response).xpath("//main//a[contains(@href, 'rita@')]") == []


def test_the_api_offers_near_misses_too(ana, world):
    answer = ana.get("/api/v1/orders?number=0004500124").json()

    assert answer["results"] == []
    assert [each["id"] for each in answer["near"]] == [str(world.o1.public_id)]


def test_hostile_text_is_text_in_suggestions_too(ana, cast, world):
    make_order(cast.alfa, [(NumberKind.CUSTOMER, "<img src=x onerror=alert(1)>")])

    body = typing(ana, "<img src=x").content.decode()

    assert "<img" not in body
    assert "&lt;img src=x" in body


def test_five_thousand_characters_get_no_suggestion(ana, world):
    response = typing(ana, "9" * 5000)

    assert response.status_code == 200
    assert texts(response, OPTIONS) == []
