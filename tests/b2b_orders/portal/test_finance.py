"""The finance page and its export, as people of the company see them."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from decimal import Decimal

import pytest
from python_calamine import CalamineWorkbook

from b2b_orders.audit.models import AuditEvent
from b2b_orders.companies.models import Membership, Role
from b2b_orders.documents.models import Document
from b2b_orders.orders.models import Title
from b2b_orders.portal.views import finance
from erp_bridge.records import DocumentKind, NumberKind
from tests.b2b_orders.portal.pages import parse, texts, words
from tests.factories import make_document, make_order, make_title

TODAY = date(2026, 3, 10)
ROWS = "//table[contains(@class, 'titles')]/tbody/tr"


def in_days(days: int) -> date:
    return TODAY + timedelta(days=days)


@pytest.fixture
def order(cast, sources):
    return make_order(
        cast.alfa, [(NumberKind.ERP, "0004500123"), (NumberKind.CUSTOMER, "PO-2026/0815")]
    )


@pytest.fixture
def titles(order) -> dict[str, Title]:
    return {
        key: make_title(order, key, **fields)
        for key, fields in {
            "late": {"instalment": "1/3", "due_on": in_days(-5)},
            "soon": {"instalment": "2/3", "due_on": in_days(3), "amount": Decimal("500.25")},
            "blank": {"instalment": "3/3", "due_on": in_days(40), "amount": None},
            "paid": {
                "invoice_number": "990",
                "due_on": in_days(-90),
                "state": "paid",
                "settled_on": in_days(-91),
            },
            "unknown": {"invoice_number": "991", "due_on": in_days(-90), "state": "unknown"},
        }.items()
    }


def rows(response) -> list[str]:
    return texts(response, ROWS)


def exported(response) -> list[list[str]]:
    text = b"".join(response.streaming_content).decode()
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text[1:], newline=""), delimiter=";"))


def test_what_is_to_pay_comes_first_due_first(ana, titles):
    response = ana.get("/financeiro")

    first, second, third = rows(response)
    assert "NF 1001 Parcela 1/3" in first
    assert "0004500123 PO-2026/0815" in first
    assert "05/03/2026 vencido há 5 dias R$ 1.000,00 Vencido" in first
    assert "13/03/2026 a vencer em 3 dias R$ 500,25 A vencer" in second
    assert "19/04/2026 a vencer em 40 dias não informado A vencer" in third
    assert words(response, "//caption") == (
        "A pagar 3 títulos · R$ 1.500,25 · 1 sem valor Exportar 3 títulos (CSV) Excel (XLSX)"
    )


def test_ages_say_how_many_and_how_much(ana, titles):
    response = ana.get("/financeiro")

    assert texts(response, "//ul[contains(@class, 'ages')]/li") == [
        "A vencer 2 R$ 500,25 1 sem valor",
        "1 a 7 dias de atraso 1 R$ 1.000,00",
        "8 a 30 dias de atraso 0",
        "31 a 60 dias de atraso 0",
        "Mais de 60 dias de atraso 0",
    ]
    (late,) = parse(response).xpath("//a[text()='1 a 7 dias de atraso']/@href")
    assert len(rows(ana.get(late))) == 1


def test_each_state_has_its_list_and_count(ana, titles):
    response = ana.get("/financeiro")

    assert texts(response, "//nav[@aria-label='Situação']/a") == [
        "A pagar 3",
        "Vencido 1",
        "Pago 1",
        "Cancelado 0",
        "A conferir 1",
        "Todos 5",
    ]
    (paid,) = rows(ana.get("/financeiro?state=paid"))
    assert "NF 990" in paid
    assert "Pago pago em 09/12/2025" in paid
    (unknown,) = rows(ana.get("/financeiro?state=unclear"))
    assert "Estado não informado" in unknown
    assert "vencido" not in unknown.lower()
    assert "pago" not in unknown.lower()


def test_what_is_paid_and_owed_together_makes_no_sum(ana, titles):
    assert words(ana.get("/financeiro?state=all"), "//caption") == (
        "Todos 5 títulos Exportar 5 títulos (CSV) Excel (XLSX)"
    )


def test_an_open_title_of_a_cancelled_order_says_so(ana, order, titles):
    type(order).objects.update(fulfilment="cancelled")

    response = ana.get("/financeiro?state=unclear")

    assert "Conferir: pedido cancelado" in words(response, ROWS)
    assert "vencido" not in words(response, ROWS)
    assert "Pedido cancelado" in words(ana.get("/financeiro?state=paid"), ROWS)


def test_the_page_says_whose_word_it_is_and_as_of_when(ana, titles):
    assert "Posição de 10:00 segundo o ERP." in words(ana.get("/financeiro"))


def test_an_erp_that_is_down_is_named_with_the_age_of_the_data(ana, titles, erp_down):
    text = words(ana.get("/financeiro"))

    assert "ERP sem resposta desde 09:15. Mostrando dados das 09:14." in text
    assert "Posição de 09:14 segundo o ERP." in text


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("number=1001", 3),
        ("number=NF 990&state=all", 1),
        ("number=po-2026 0815", 3),
        ("number=4500123&state=overdue", 1),
        ("number=nothing", 0),
        ("from=2026-03-13&to=2026-03-13", 1),
        ("from=2026-03-14", 1),
        ("state=rubbish", 3),
        ("branch=12345678000276", 0),
        ("branch=99999999999999", 3),
        ("after=rubbish", 3),
        ("sort=rubbish", 3),
        ("number=%00", 3),
        ("sel=%D9%A1&sel=99999999999999999999999", 3),
    ],
)
def test_the_address_filters(ana, titles, query, count):
    response = ana.get(f"/financeiro?{query}")

    assert response.status_code == 200
    assert len(rows(response)) == count


@pytest.mark.parametrize(
    ("sort", "column", "way"),
    [
        ("due", "Vencimento", "ascending"),
        ("-due", "Vencimento", "descending"),
        ("amount", "Valor", "ascending"),
        ("-amount", "Valor", "descending"),
    ],
)
def test_the_column_that_sorts_says_so(ana, titles, sort, column, way):
    response = ana.get(f"/financeiro?sort={sort}")

    (head,) = parse(response).xpath("//th[@aria-sort]")
    assert (head.text_content(), head.get("aria-sort")) == (column, way)


def test_a_period_that_ends_before_it_begins_says_so_at_its_field(ana, titles):
    response = ana.get("/financeiro?from=2026-03-14&to=2026-03-13")

    assert len(rows(response)) == 3
    field = parse(response).get_element_by_id("f-to")
    assert field.get("value") == "2026-03-13"
    assert field.get("aria-invalid") == "true"
    assert "autofocus" in field.attrib
    assert parse(response).get_element_by_id(field.get("aria-describedby")).text_content() == (
        "Esta data é anterior à primeira."
    )


def test_pages_follow_each_other_and_keep_filter_and_totals(ana, order, titles, monkeypatch):
    monkeypatch.setattr(finance, "PAGE", 2)

    first = ana.get("/financeiro?number=1001&sort=-due")
    (following,) = parse(first).xpath("//a[@rel='next']/@href")
    second = ana.get(following)

    assert len(rows(first)) == 2
    assert len(rows(second)) == 1
    assert "05/03/2026" in rows(second)[0]
    assert "3 títulos" in words(second, "//caption")
    assert parse(second).xpath("//a[@rel='next']") == []


def test_the_selected_are_added_up_without_a_script(ana, titles):
    chosen = "&".join(f"sel={titles[key].pk}" for key in ("late", "soon", "blank"))

    response = ana.get(f"/financeiro?{chosen}")

    assert "Selecionados: 3 · R$ 1.500,25 · 1 sem valor" in words(
        response, "//div[contains(@class, 'selection')]"
    )
    assert len(parse(response).xpath("//input[@name='sel' and @checked]")) == 3


def test_a_selection_never_counts_what_is_not_in_the_list(cast, ana, titles):
    theirs = make_title(make_order(cast.beta, [(NumberKind.ERP, "1")]))

    response = ana.get(f"/financeiro?sel={theirs.pk}&sel={titles['paid'].pk}")

    assert "Selecionados: 0" in words(response, "//div[contains(@class, 'selection')]")


def test_the_boleto_of_what_is_to_pay_is_offered_and_of_what_is_paid_is_not(ana, order, titles):
    for key, fields in {
        "b1": {"instalment": "1/3", "invoice_number": "1001", "due_on": in_days(-5)},
        "b4": {"instalment": "1/3", "invoice_number": "990", "due_on": in_days(-90)},
    }.items():
        make_document(order, DocumentKind.BOLETO, key, **fields)

    response = ana.get("/financeiro?state=all")

    late = Document.objects.get(key="b1")
    assert parse(response).xpath(f"{ROWS}//a[contains(., 'Baixar o boleto')]/@href") == [
        f"/pedidos/{order.public_id}/documentos/{late.public_id}"
    ]
    icons = parse(response).xpath(f"{ROWS}//a[contains(., 'Baixar o boleto')]//use/@href")
    assert icons == ["#i-file"]
    assert "Baixar o boleto de NF 1001 · Parcela 1/3" in words(response)


def test_the_export_holds_exactly_what_is_filtered(cast, ana, order, titles):
    Title.objects.filter(pk=titles["late"].pk).update(invoice_number="=HYPERLINK(1)")

    response = ana.get("/financeiro/exportar?state=all&sort=-due")

    table = exported(response)
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="titulos-2026-03-10.csv"'
    assert table[0] == [
        *("Nota fiscal (NF)", "Parcela", "Pedido", "Seu número", "CNPJ", "Filial", "Vencimento"),
        *("Valor", "Moeda", "Situação", "Pago em", "Observação"),
    ]
    assert table[1] == [
        *("1001", '="3/3"', '="0004500123"', "PO-2026/0815", '="12345678000195"', ""),
        *("19/04/2026", "", "", "A vencer", "", ""),
    ]
    assert table[3][0] == "'=HYPERLINK(1)"
    assert table[3][6:10] == ["05/03/2026", "1000,00", "BRL", "Vencido"]
    assert [row[9] for row in table[1:]] == [
        *("A vencer", "A vencer", "Vencido", "Estado não informado", "Pago")
    ]
    assert table[5][10] == "09/12/2025"
    event = AuditEvent.objects.get(action="titles_exported")
    assert (event.person_id, event.company_id) == (cast.ana.pk, cast.alfa.pk)
    assert event.detail == {"rows": 5, "filter": {"state": "all", "sort": "-due"}}


def test_a_long_export_comes_in_pieces_and_has_as_many_rows_as_the_screen_says(
    ana, order, sources, monkeypatch
):
    monkeypatch.setattr(finance, "EXPORT_PAGE", 3)
    for place in range(10):
        make_title(order, f"k{place}", due_on=None if place == 9 else in_days(place))

    screen = words(ana.get("/financeiro"), "//caption")
    pieces = list(ana.get("/financeiro/exportar").streaming_content)

    assert "10 títulos" in screen
    assert [piece.count(b"\r\n") for piece in pieces] == [4, 3, 3, 1]


def test_the_export_as_a_workbook_holds_the_same_titles_as_typed_cells(ana, titles):
    page = parse(ana.get("/financeiro?state=all&sort=-due"))
    [link] = page.xpath("//caption/a[contains(@href, 'formato=xlsx')]/@href")

    response = ana.get(link)

    book = CalamineWorkbook.from_filelike(io.BytesIO(b"".join(response.streaming_content)))
    table = book.get_sheet_by_index(0).to_python()
    assert response["Content-Disposition"] == 'attachment; filename="titulos-2026-03-10.xlsx"'
    assert [row[9] for row in table[1:]] == [
        *("A vencer", "A vencer", "Vencido", "Estado não informado", "Pago")
    ]
    assert table[3][1:3] == ["1/3", "0004500123"]
    assert table[3][6:9] == [date(2026, 3, 5), 1000.0, "BRL"]


def test_many_titles_are_no_workbook_that_somebody_waits_for(ana, titles, settings):
    settings.PORTAL_EXPORT_AT_ONCE = 4

    page = parse(ana.get("/financeiro?state=all"))
    response = ana.get("/financeiro/exportar?state=all&formato=xlsx")

    assert page.xpath("//caption/a/@href") == ["/financeiro/exportar?state=all"]
    assert response["Content-Type"] == "text/csv; charset=utf-8"


def test_an_export_speaks_the_persons_language(cast, ana, titles):
    type(cast.ana).objects.filter(pk=cast.ana.pk).update(language="en")

    text = b"".join(ana.get("/financeiro/exportar").streaming_content).decode()

    assert text.splitlines()[1].endswith(",2026-03-05,1000.00,BRL,Overdue,,")


def test_the_way_to_finance_is_shown_to_whom_it_is_open(cast, client_for, titles):
    nav = "//nav[contains(@class, 'nav')]/a"
    open_to_bruno = ["Pedidos", "Documentos", "Financeiro", "Ajuda"]
    assert texts(client_for(cast.bruno).get("/financeiro"), nav) == open_to_bruno
    Membership.objects.filter(person=cast.bruno).update(role=Role.VIEWER)
    assert texts(client_for(cast.bruno).get("/pedidos"), nav) == [*open_to_bruno[:2], "Ajuda"]
    assert client_for(cast.bruno).get("/financeiro").status_code == 404


def test_statements_of_the_page_do_not_grow(ana, order, titles, django_assert_max_num_queries):
    for place in range(60):
        make_title(order, f"k{place}")
        make_document(order, DocumentKind.BOLETO, f"b{place}")
    ana.get("/financeiro")

    with django_assert_max_num_queries(14) as captured:
        ana.get("/financeiro")

    own = [query["sql"] for query in captured if "orders_title" in query["sql"]]
    assert len(own) == 2
