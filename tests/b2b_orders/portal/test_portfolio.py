"""/televendas/clientes: my customers, what one waits for before a sale, and their orders as CSV."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from python_calamine import CalamineWorkbook

from b2b_orders.audit.models import Action, AuditEvent
from b2b_orders.audit.services import record
from b2b_orders.companies.access import Actor
from b2b_orders.companies.models import Portfolio, StaffRole
from b2b_orders.orders.models import Line, Order
from erp_bridge.records import DocumentKind, NumberKind
from tests.b2b_orders.portal.conftest import address
from tests.b2b_orders.portal.pages import parse, texts, words
from tests.factories import NOW, make_company, make_document, make_order, make_title

LIST = "/televendas/clientes"
EXPORT = f"{LIST}/exportar"
TODAY = NOW.date()


def sheet_of(company) -> str:
    return f"{LIST}/{company.public_id}"


def give(cast, *companies) -> None:
    for company in companies:
        Portfolio.objects.create(staff=cast.teo.staff, company=company)


def allow(cast, **rights) -> None:
    type(cast.teo.staff).objects.filter(pk=cast.teo.staff.pk).update(**rights)


def place(company, number, **fields) -> Order:
    return make_order(company, ((NumberKind.ERP, number),), **fields)


# --- the list -----------------------------------------------------------------------------


def test_each_own_customer_shows_what_is_open_late_and_last(teo, cast):
    place(cast.alfa, "1", fulfilment="picking", promised_on=TODAY - timedelta(days=1))
    place(cast.alfa, "2", fulfilment="picking", promised_on=TODAY)
    place(cast.alfa, "3", fulfilment="shipped", placed_at=NOW - timedelta(days=89))
    place(cast.alfa, "4", fulfilment="shipped", placed_at=NOW - timedelta(days=91))
    place(cast.alfa, "5", fulfilment="delivered", placed_at=NOW + timedelta(hours=1))
    place(cast.alfa, "6", fulfilment="cancelled", promised_on=TODAY - timedelta(days=9))
    place(cast.beta, "7", fulfilment="picking")

    page = teo.get(LIST)

    assert texts(page, "//tbody/tr") == ["Alfa Distribuidora …0001-95 3 1 10/03/2026"]
    assert parse(page).xpath("//tbody//a/@href") == [sheet_of(cast.alfa)]


def test_customers_come_by_name_a_page_at_a_time(teo, cast):
    names = [f"Cliente {at:02}" for at in range(30)]
    for name in names:
        give(cast, make_company(name, ()))

    first = teo.get(LIST)
    older = parse(first).xpath("//a[@rel='next']/@href")[0]
    second = teo.get(older)

    shown = texts(first, "//tbody//a") + texts(second, "//tbody//a")
    assert shown == ["Alfa Distribuidora", *names]
    assert parse(second).xpath("//a[@rel='next']") == []


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("beta", ["Beta Comércio"]),
        ("COMERCIO", ["Beta Comércio"]),
        ("12.345.678/0002-76", ["Alfa Distribuidora"]),
        ("0002-76", ["Alfa Distribuidora"]),
        ("12abc345", ["Beta Comércio"]),
        ("%", []),
        ("gama", []),
        ("alheia", []),
    ],
)
def test_a_name_or_a_cnpj_leads_to_own_customers_alone(teo, cast, typed, found):
    give(cast, cast.beta, cast.gama)
    make_company("Alheia", ("98765432000279",))

    page = teo.get(LIST, {"q": typed})

    assert texts(page, "//tbody//a") == found


def test_a_page_after_somebody_elses_customer_tells_nothing_of_them(teo, cast):
    whole = texts(teo.get(LIST), "//tbody//a")

    for place_ in (cast.beta.public_id, "nonsense", "0" * 300):
        assert texts(teo.get(LIST, {"after": str(place_)}), "//tbody//a") == whole


def test_a_reassigned_customer_goes_with_its_history_at_the_next_request(teo, client_for, cast):
    order = place(cast.alfa, "0004500987", placed_by_code="V7", fulfilment="picking")
    ways = (
        LIST,
        "/televendas",
        "/televendas?q=0004500987",
        sheet_of(cast.alfa),
        f"/c/{cast.alfa.public_id}{address(order)}",
        EXPORT,
    )
    assert [_shows(teo, way, order) for way in ways] == [True] * 6

    Portfolio.objects.all().delete()

    assert [_shows(teo, way, order) for way in ways] == [False] * 6
    give(cast, cast.alfa)
    assert [_shows(teo, way, order) for way in ways] == [True] * 6


def _shows(client, way, order) -> bool:
    response = client.get(way)
    if response.status_code == 404:
        return False
    body = b"".join(response.streaming_content) if response.streaming else response.content
    return str(order.public_id).encode() in body or b"Alfa" in body or b"0004500987<" in body


def test_without_customers_the_page_says_so(teo, cast):
    Portfolio.objects.all().delete()

    assert "Você ainda não tem clientes na carteira." in words(teo.get(LIST))
    assert _rows(teo.get(EXPORT)) == [["Empresa"]]


@pytest.mark.parametrize("person", ["ana", "rita", "suzana", "olga"])
def test_others_have_no_such_pages(client_for, cast, person):
    client = client_for(getattr(cast, person))

    assert [client.get(way).status_code for way in (LIST, EXPORT, sheet_of(cast.alfa))] == [404] * 3


def test_the_list_takes_few_statements_however_many_customers(teo, cast):
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert teo.get(LIST).status_code == 200
        return len(queries)

    teo.get(LIST)
    before = cost()
    for at in range(20):
        company = make_company(f"Cliente {at:02}", ())
        give(cast, company)
        place(company, "1")

    assert cost() == before


# --- before the sale -----------------------------------------------------------------------


def box(response, name) -> str:
    return words(response, f"//section[@aria-labelledby='box-{name}']")


def test_the_sheet_shows_late_orders_first(teo, cast):
    make_order(
        cast.alfa,
        ((NumberKind.ERP, "0001"), (NumberKind.CUSTOMER, "OC 1")),
        fulfilment="picking",
        promised_on=TODAY + timedelta(days=1),
    )
    place(cast.alfa, "0002", fulfilment="picking", promised_on=TODAY - timedelta(days=2))
    place(cast.alfa, "0003", fulfilment="placed")
    place(cast.alfa, "0004", fulfilment="delivered")
    place(cast.beta, "0005", fulfilment="picking")

    page = teo.get(sheet_of(cast.alfa))

    assert "3 em aberto · 1 atrasado" in box(page, "orders")
    assert texts(page, "//section[@aria-labelledby='box-orders']//li") == [
        "0002 Em separação atrasado desde 08/03/2026",
        "0001 OC 1 Em separação para 11/03/2026",
        "0003 Recebido sem data",
    ]


def test_the_sheet_adds_up_what_is_owed_for_who_may_see_it(teo, cast):
    order = place(cast.alfa, "1")
    make_title(order, "a", due_on=TODAY - timedelta(days=1), amount=Decimal("1500.50"))
    make_title(order, "b", due_on=TODAY + timedelta(days=4), amount=Decimal("20.00"))

    without = teo.get(sheet_of(cast.alfa))
    allow(cast, can_see_finance=True)
    with_right = teo.get(sheet_of(cast.alfa))

    assert box(without, "finance") == "Financeiro O seu papel não vê o financeiro."
    assert "R$" not in words(without)
    finance = box(with_right, "finance").replace("\xa0", " ")
    assert finance == (
        "Financeiro Tudo Vencido 1 título · R$ 1.500,50 Próximo vencimento 14/03/2026 · R$ 20,00"
    )


def test_the_sheet_shows_the_last_three_documents(teo, cast):
    order = place(cast.alfa, "0001")
    for at in range(4):
        since = NOW - timedelta(days=at)
        number = f"100{at}"
        make_document(order, key=f"d{at}", invoice_number=number, state_since=since)
    make_document(order, DocumentKind.BOLETO, "b", invoice_number="1009")
    make_document(order, DocumentKind.DANFE, "x", invoice_number="1008", state="expected")

    shown = texts(teo.get(sheet_of(cast.alfa)), "//section[@aria-labelledby='box-documents']//li")

    assert [line.split(" 0001 ")[0] for line in shown] == [
        f"DANFE · NF {number}" for number in ("1000", "1001", "1002")
    ]


def contact(cast, action, person, role="", at=NOW, **more) -> None:
    actor = Actor(person.pk, StaffRole(role) if role else None)
    record(action, actor=actor, company_id=cast.alfa.pk, now=at, **more)


def test_the_sheet_shows_the_last_contacts_and_whose_they_were(teo, cast):
    contact(cast, Action.ACTING_STARTED, cast.suzana, "support", reason="chamado 8812")
    contact(cast, Action.DOCUMENT_MAILED, cast.ana, at=NOW - timedelta(hours=1))
    contact(cast, Action.ORDER_VIEWED, cast.ana)
    contact(cast, Action.QUESTION_ASKED, cast.ana, at=NOW - timedelta(days=200))
    record(Action.QUESTION_ASKED, actor=Actor(cast.beto.pk), company_id=cast.beta.pk, now=NOW)

    page = teo.get(sheet_of(cast.alfa))

    assert texts(page, "//section[@aria-labelledby='box-contacts']//li") == [
        "Atendimento atuou pela empresa Suzana (nossa equipe) · chamado 8812 10:00",
        "Documento enviado por e-mail Ana (cliente) 09:00",
    ]


def test_a_mailed_boleto_is_no_contact_for_who_sees_no_finance(teo, cast):
    contact(cast, Action.DOCUMENT_MAILED, cast.ana, detail={"kind": "boleto"})
    contact(cast, Action.NUMBER_ADDED, cast.ana, detail={"number": "OC 1"})
    box_ = "//section[@aria-labelledby='box-contacts']//li"

    assert len(texts(teo.get(sheet_of(cast.alfa)), box_)) == 1
    allow(cast, can_see_finance=True)
    assert len(texts(teo.get(sheet_of(cast.alfa)), box_)) == 2


def test_opening_a_customer_is_recorded_and_costs_few_statements(teo, cast):
    for at in range(9):
        order = place(cast.alfa, f"000{at}", fulfilment="picking")
        make_document(order, key=f"d{at}")
    allow(cast, can_see_finance=True)
    teo.get(LIST)

    with CaptureQueriesContext(connection) as queries:
        teo.get(sheet_of(cast.alfa))

    assert len(queries) <= 24
    line = AuditEvent.objects.get(action="customer_opened")
    assert (line.person, line.company, line.staff_role) == (cast.teo, cast.alfa, "telesales")
    assert line.object_id == str(cast.alfa.public_id)


def doubled(company) -> tuple[Order, Order]:
    site = make_order(company, ((NumberKind.WEB, "9001-01"),), origins="vtex")
    erp = place(company, "0004500001")
    for order in (site, erp):
        Line.objects.create(order=order, company=company, position=1, sku="A", quantity=Decimal(2))
    return site, erp


def test_a_possible_duplicate_shows_on_the_sheet_and_on_both_orders_to_staff_alone(teo, ana, cast):
    orders = doubled(cast.alfa)
    base = f"/c/{cast.alfa.public_id}"
    pages = [sheet_of(cast.alfa), *(base + address(order) for order in orders)]

    for page in pages:
        (note,) = texts(teo.get(page), "//section[@aria-label='Possível duplicidade']//li")
        assert note == "10/03/2026: site 9001-01 · ERP 0004500001"
    for order in orders:
        assert "duplicidade" not in words(ana.get(address(order)))
    assert Order.objects.count() == 2


# --- reading out --------------------------------------------------------------------------


def said(response, language="pt-br") -> str:
    (text,) = texts(response, f"//p[@data-readout-text and @lang='{language}']")
    return text


def test_an_order_is_read_out_with_the_end_of_its_number_and_days_as_they_are_said(teo, cast):
    order = make_order(
        cast.alfa,
        ((NumberKind.WEB, "1172452900788-01"),),
        fulfilment="shipped",
        placed_at=NOW - timedelta(days=1),
        promised_on=TODAY + timedelta(days=2),
        line_count=6,
    )

    page = f"/c/{cast.alfa.public_id}{address(order)}"

    assert said(teo.get(page)) == (
        "O seu pedido de final 0 7 8 8 foi feito ontem. Foi despachado."
        " A entrega está prevista para quinta-feira, 12 de março. Tem 6 itens."
    )
    assert said(teo.get(page, {"leitura": "es"}), "es") == (
        "Su pedido terminado en 0 7 8 8 se hizo ayer. Fue despachado."
        " La entrega está prevista para el jueves 12 de marzo. Tiene 6 artículos."
    )
    assert said(teo.get(page, {"leitura": "en"}), "en") == (
        "Your order ending in 0 7 8 8 was placed yesterday. It was shipped."
        " Delivery is expected on Thursday, March 12. It has 6 items."
    )
    assert said(teo.get(page, {"leitura": "<script>"})) == said(teo.get(page))


def test_a_short_own_number_is_what_the_customer_hears(teo, cast, world):
    text = said(teo.get(f"/c/{cast.alfa.public_id}{address(world.o2)}"))

    assert text.startswith("O seu pedido OC 77-A foi feito hoje. Está em separação.")


def test_the_text_is_in_the_language_of_the_customers_people(teo, cast, world):
    type(cast.ana).objects.filter(pk__in=(cast.ana.pk, cast.rita.pk)).update(language="es")
    type(cast.bruno).objects.filter(pk=cast.bruno.pk).update(language="en")

    page = teo.get(f"/c/{cast.alfa.public_id}{address(world.o2)}")

    assert said(page, "es").startswith("Su pedido OC 77-A se hizo hoy.")


def test_what_a_silent_source_said_is_read_out_with_its_time(teo, cast, world, erp_down):
    text = said(teo.get(f"/c/{cast.alfa.public_id}{address(world.o2)}"))

    assert text.endswith("Informação das 10:00.")


def test_the_text_for_a_chat_names_nobody_and_no_amount(teo, cast, world):
    allow(cast, can_see_prices=True, can_see_finance=True)
    page = teo.get(f"/c/{cast.alfa.public_id}{address(world.o1)}")

    (_spoken, message) = parse(page).xpath("//details[@data-readout]//@data-copy")
    assert message.splitlines()[:3] == [
        "Pedido 1172452900788-01",
        "Seu número: PO-2026/0815",
        "Situação: Despachado",
    ]
    assert message.splitlines()[-1].endswith(f"/pedidos/{world.o1.public_id}")
    for private in ("Alfa", "R$", "4.512", "Ana", "12345678", "/c/"):
        assert private not in message


def test_a_customers_open_orders_are_read_out(teo, cast):
    place(cast.alfa, "0004500987", fulfilment="picking", promised_on=TODAY - timedelta(days=1))
    place(cast.alfa, "77", fulfilment="placed", promised_on=TODAY)

    page = teo.get(sheet_of(cast.alfa))
    (_spoken, message) = parse(page).xpath("//details[@data-readout]//@data-copy")
    assert message.splitlines()[2].startswith("Pedido 0004500987: Está em separação.")
    assert message.splitlines()[-1].endswith("/pedidos")
    assert said(page) == (
        "Você tem 2 pedidos em aberto. 1 deles está atrasado."
        " Pedido de final 0 9 8 7: Está em separação."
        " Estava prometido para segunda-feira, 9 de março e está atrasado."
        " Pedido 77: Foi recebido. A entrega está prevista para hoje."
    )


def test_customers_have_nothing_to_read_out(ana, world):
    assert parse(ana.get(address(world.o1))).xpath("//*[@data-readout]") == []


# --- the export ----------------------------------------------------------------------------


def _rows(response) -> list[list[str]]:
    body = b"".join(response.streaming_content)
    assert body.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(body.decode("utf-8-sig")), delimiter=";"))


COLUMNS = [
    *("Empresa", "CNPJ", "Pedido", "Pedido do ERP", "Seu número", "Data"),
    *("Feito por", "Origem", "Situação", "Previsão de entrega"),
]


def test_the_export_has_own_customers_and_the_columns_of_the_role(teo, cast, world):
    response = teo.get(EXPORT)
    head, *rows = _rows(response)

    assert head == COLUMNS
    assert sorted(row[2] for row in rows) == [
        "1172452900788-01",
        "1172452900999-01",
        '="0004500987"',
    ]
    assert {row[0] for row in rows} == {"Alfa Distribuidora"}
    mine = next(row for row in rows if row[2] == '="0004500987"')
    assert mine[1:] == [
        *('="12345678000276"', '="0004500987"', '="0004500987"', "OC 77-A", "10/03/2026"),
        *("Téo", "ERP", "Em separação", ""),
    ]
    assert response["Content-Disposition"] == 'attachment; filename="carteira-2026-03-10.csv"'
    assert response["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("rights", "more"),
    [
        ({"can_see_prices": True}, ["Total", "Moeda"]),
        ({"can_see_finance": True}, ["Pagamento"]),
        ({"can_see_prices": True, "can_see_finance": True}, ["Total", "Moeda", "Pagamento"]),
    ],
)
def test_each_right_adds_its_columns_and_no_other(teo, cast, world, rights, more):
    allow(cast, **rights)

    head, *rows = _rows(teo.get(EXPORT))

    assert head == COLUMNS + more
    text = "\n".join(";".join(row) for row in rows)
    assert ("4512,30" in text) is ("Total" in more)


def test_no_cell_of_the_export_is_run_by_a_spreadsheet(teo, cast):
    type(cast.alfa).objects.filter(pk=cast.alfa.pk).update(name="=HYPERLINK(1)")
    make_order(
        cast.alfa,
        ((NumberKind.ERP, "+1"), (NumberKind.CUSTOMER, "@a"), (NumberKind.CUSTOMER, "-b")),
        placed_by_name="=cmd()",
    )

    (_head, row) = _rows(teo.get(EXPORT))

    assert [cell for cell in row if cell.startswith(("+", "-", "@", "=cmd", "=HYP"))] == []
    assert (row[0], row[6]) == ("'=HYPERLINK(1)", "'=cmd()")


def test_the_export_is_recorded_for_who_made_it_and_for_each_company(teo, cast):
    give(cast, cast.beta)
    place(cast.alfa, "1")
    place(cast.beta, "2")

    assert len(_rows(teo.get(EXPORT))) == 3

    lines = AuditEvent.objects.filter(action="portfolio_exported").order_by("pk")
    assert [(line.company, line.person) for line in lines] == [
        (None, cast.teo),
        (cast.alfa, cast.teo),
        (cast.beta, cast.teo),
    ]
    assert lines[0].detail == {"customers": 2, "format": "csv"}


def test_the_export_goes_on_where_a_page_ended(teo, cast, monkeypatch):
    monkeypatch.setattr("b2b_orders.portal.views.telesales_customers.EXPORT_PAGE", 2)
    for at in range(5):
        place(cast.alfa, f"A{at}", placed_at=NOW - timedelta(minutes=at))

    assert [row[2] for row in _rows(teo.get(EXPORT))[1:]] == ["A0", "A1", "A2", "A3", "A4"]


def test_the_export_as_a_workbook_has_the_same_cells_and_lines_in_the_record(teo, cast, world):
    response = teo.get(EXPORT, {"formato": "xlsx"})

    book = CalamineWorkbook.from_filelike(io.BytesIO(b"".join(response.streaming_content)))
    [head, *rows] = book.get_sheet_by_index(0).to_python()
    assert head == COLUMNS
    assert {row[2] for row in rows} == {"1172452900788-01", "1172452900999-01", "0004500987"}
    assert next(row[5] for row in rows if row[2] == "0004500987") == date(2026, 3, 10)
    assert response["Content-Disposition"] == 'attachment; filename="carteira-2026-03-10.xlsx"'
    lines = AuditEvent.objects.filter(action="portfolio_exported").order_by("pk")
    assert [line.company for line in lines] == [None, cast.alfa]
    assert lines[0].detail == {"customers": 1, "format": "xlsx"}


def test_a_workbook_that_would_be_too_long_is_not_cut_but_refused(teo, cast, settings):
    give(cast, cast.beta)
    place(cast.alfa, "1")
    place(cast.beta, "2")
    settings.PORTAL_EXPORT_AT_ONCE = 1

    refused = teo.get(EXPORT, {"formato": "xlsx"})

    assert (refused.status_code, refused["Location"]) == (302, LIST)
    assert "leve o CSV" in words(teo.get(LIST))
    assert not AuditEvent.objects.filter(action="portfolio_exported").exists()
    assert len(_rows(teo.get(EXPORT))) == 3
