"""Operations' lists of orders: statuses, orders without a company, divergences, decisions."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client

from b2b_orders.ingest import errands
from b2b_orders.ingest.errands import run_errand
from b2b_orders.ingest.models import Errand
from b2b_orders.orders.models import Order
from b2b_orders.orders.services import store_readings
from erp_bridge.records import Fulfilment, Party
from tests.b2b_orders.portal.pages import parse, texts, words
from tests.factories import NOW, make_erp_record, make_reading, make_vtex_record

STATUSES, UNASSIGNED, DIVERGENCES = (
    "/operacao/situacoes",
    "/operacao/sem-empresa",
    "/operacao/divergencias",
)
RAW = "<b>Em conferência</b>"


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errands, "_wake_worker_aside", lambda errand_id: None)


@pytest.fixture
def olga(cast, client_for) -> Client:
    return client_for(cast.olga)


def do() -> None:
    errand = Errand.objects.get(state="waiting")
    run_errand(errand_id=errand.pk, clock=lambda: NOW + timedelta(seconds=2))


def store_erp(cast, *records) -> None:
    store_readings(
        connection="erp",
        readings=[make_reading(record) for record in records],
        now=NOW,
        company_id=cast.alfa.pk,
    )


# --- statuses ------------------------------------------------------------------------------------


@pytest.fixture
def unmapped(cast, sources) -> None:
    store_erp(cast, make_erp_record(fulfilment=Fulfilment.UNMAPPED, status_raw=RAW))


def test_a_word_that_nobody_knows_is_listed_mapped_and_dropped_again(olga, unmapped):
    assert texts(olga.get(STATUSES), "//section[@aria-label='Não mapeadas']//tbody/tr/th") == [RAW]

    mapping = {"errand": "map-status", "connection": "erp", "raw": RAW, "fulfilment": "picking"}
    olga.post(STATUSES, mapping)
    do()

    page = olga.get(STATUSES)
    assert "Toda situação tem suas palavras." in words(page)
    (rule,) = texts(page, "//section[@aria-label='Regras']//tbody/tr")
    assert rule.startswith(f"{RAW} ERP Em separação Olga 10:00")
    assert Order.objects.get().fulfilment == "picking"

    olga.post(STATUSES, {"errand": "drop-status", "connection": "erp", "raw": RAW})
    do()
    assert "Nenhuma regra ainda" in words(olga.get(STATUSES))


def test_a_form_without_a_meaning_says_so_at_its_field(olga, unmapped):
    response = olga.post(
        STATUSES,
        {"errand": "map-status", "form": "status-0", "connection": "erp", "raw": RAW},
    )

    assert response.status_code == 400
    (field,) = parse(response).xpath("//select[@aria-invalid='true']")
    assert field.get("id") == "status-0-fulfilment"
    assert texts(response, "//*[@id='status-0-fulfilment-error']") == [
        "Escolha o que a situação significa."
    ]


def test_what_was_chosen_is_kept(olga, unmapped):
    response = olga.post(
        STATUSES,
        {
            "errand": "map-status",
            "form": "rule",
            "connection": "erp",
            "raw": "",
            "fulfilment": "shipped",
            "payment": "paid",
        },
    )

    chosen = parse(response).xpath("//details[@open]//option[@selected]/text()")
    assert chosen == ["ERP", "Despachado", "Pago"]
    assert texts(response, "//*[@id='rule-raw-error']") == [
        "Escreva a situação como a fonte, com até 100 caracteres."
    ]


# --- orders without a company --------------------------------------------------------------


@pytest.fixture
def nobodys(cast, sources) -> None:
    for number, name, tax_id in (
        ("77-01", "Alfa Filial Nova", "12345678000357"),
        ("78-01", "Delta", "11222333000181"),
    ):
        record = make_vtex_record(number, customer=Party(name=name, tax_id=tax_id))
        store_readings(connection="loja", readings=[make_reading(record)], now=NOW)


def test_orders_are_grouped_by_tax_id_with_a_suggestion_of_the_same_firm(olga, nobodys):
    response = olga.get(UNASSIGNED)

    assert texts(response, "//tbody/tr/th") == ["11.222.333/0001-81", "12.345.678/0003-57"]
    rows = parse(response).xpath("//tbody/tr")
    assert "Entregar a Alfa Distribuidora" not in texts(response, "//tbody/tr")[0]
    assert "Entregar a Alfa Distribuidora" in texts(response, "//tbody/tr")[1]
    assert rows[0].xpath(".//input[@name='name']/@value") == ["Delta"]


def test_a_suggestion_is_taken_with_one_button_and_buyers_see_the_order(olga, ana, nobodys):
    (row,) = parse(olga.get(UNASSIGNED)).xpath("//tbody/tr[2]")
    form = row.xpath(".//form")[0]
    fields = {each.get("name"): each.get("value") for each in form.xpath(".//input|.//button")}
    assert ana.get("/pedidos?q=77-01&listar=1").content.decode().count("77-01</a>") == 0

    page = olga.post(UNASSIGNED, fields)["Location"]
    do()

    assert "12.345.678/0003-57 agora é de Alfa Distribuidora. Pedidos entregues: 1." in words(
        olga.get(page)
    )
    assert texts(olga.get(page), "//tbody/tr/th") == ["11.222.333/0001-81"]
    assert ana.get("/pedidos?q=77-01").status_code == 302


def test_an_unknown_company_is_told_at_the_field_and_kept(olga, nobodys):
    response = olga.post(
        UNASSIGNED,
        {
            "errand": "assign-company",
            "form": "company-0-known",
            "tax_id": "11222333000181",
            "company": "Nobody",
        },
    )

    assert response.status_code == 400
    (field,) = parse(response).xpath("//input[@aria-invalid='true']")
    assert (field.get("id"), field.get("value")) == ("company-0-known", "Nobody")
    assert "Não há empresa com esse nome ou id." in words(response)
    assert not Errand.objects.exists()


def test_a_tax_id_that_is_none_is_told(olga, sources, cast):
    record = make_vtex_record("79-01", customer=Party(name="Eco", tax_id="12345"))
    store_readings(connection="loja", readings=[make_reading(record)], now=NOW)

    response = olga.post(
        UNASSIGNED,
        {
            "errand": "assign-company",
            "form": "company-0-new",
            "tax_id": "12345",
            "name": "Eco",
        },
    )

    assert "Isto não é um CNPJ ou CPF: confira os dígitos." in words(response)


def test_no_order_without_a_company_says_so(olga, world):
    assert "Todo pedido pertence a uma empresa." in words(olga.get(UNASSIGNED))


# --- divergences and decisions --------------------------------------------------------------


def test_divergences_name_order_company_and_field_and_no_value(olga, world):
    response = olga.get(DIVERGENCES)

    assert texts(response, "//section[@aria-label='Divergências']//tbody/tr") == [
        "1172452900788-01 Alfa Distribuidora Total 10:00"
    ]
    assert "4.5" not in words(response, "//main")


def test_orders_are_joined_and_the_decision_undone(olga, cast, sources):
    store_readings(connection="loja", readings=[make_reading(make_vtex_record("77-01"))], now=NOW)
    store_erp(cast, make_erp_record("0009", total=Decimal(5)))
    joining = {
        "errand": "join",
        "connection_a": "loja",
        "external_a": "77-01",
        "connection_b": "erp",
        "external_b": "0009",
        "reason": "the customer says so",
    }

    olga.post(DIVERGENCES, joining)
    do()

    (row,) = texts(olga.get(DIVERGENCES), "//section[@aria-label='Decisões']//tbody/tr")
    assert row.startswith("Juntados Loja: 77-01 ERP: 0009 Alfa Distribuidora the customer says so")
    (decision,) = parse(olga.get(DIVERGENCES)).xpath("//input[@name='decision']/@value")

    undoing = {"errand": "undo-decision", "decision": decision, "reason": "he was wrong"}
    olga.post(DIVERGENCES, undoing)
    do()

    (row,) = texts(olga.get(DIVERGENCES), "//section[@aria-label='Decisões']//tbody/tr")
    assert "Desfeita às 10:00 por Olga" in row


def test_a_split_needs_a_number_and_keeps_what_was_typed(olga, sources):
    response = olga.post(
        DIVERGENCES,
        {
            "errand": "split",
            "form": "split",
            "connection_a": "erp",
            "external_a": " ",
            "reason": "a good one",
        },
    )

    assert texts(response, "//*[@id='split-number-error']") == [
        "Dê o número do pedido nessa conexão."
    ]
    assert parse(response).xpath("//input[@id='split-reason']/@value") == ["a good one"]
    assert parse(response).xpath("//select[@id='split-connection']/option[@selected]/text()") == [
        "ERP"
    ]


@pytest.mark.parametrize("page", [STATUSES, UNASSIGNED, DIVERGENCES])
def test_every_page_has_one_heading_captions_and_tokens(olga, world, unmapped, nobodys, page):
    html = parse(olga.get(page))

    assert len(html.xpath("//h1")) == 1
    assert all(table.xpath("caption") for table in html.xpath("//table"))
    ids = html.xpath("//@id")
    assert len(ids) == len(set(ids))
    for form in html.xpath("//form[@method='post']"):
        assert form.xpath(".//input[@name='csrfmiddlewaretoken']")
    for field in html.xpath("//main//input[not(@type='hidden')] | //main//select"):
        assert html.xpath(f"//label[@for='{field.get('id')}']")
