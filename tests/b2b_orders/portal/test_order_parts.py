"""The parts of an order: each at its own address, in place or as a page, and all of it printed."""

from __future__ import annotations

import gzip
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
import time_machine

from b2b_orders.audit.models import Action, AuditEvent
from b2b_orders.companies.models import Membership
from b2b_orders.documents.models import Document
from b2b_orders.orders.models import Line, Order, Title
from b2b_orders.orders.services import store_readings
from erp_bridge.records import EventRecord, Fulfilment, InvoiceRecord, Payment
from tests.b2b_orders.portal.conftest import HOSTILE, LINE, address, o1_from_erp
from tests.b2b_orders.portal.pages import parse, texts, words
from tests.factories import (
    CONNECTION_ERP,
    NOW,
    make_erp_record,
    make_order,
    make_reading,
    make_title,
    make_vtex_record,
)

HTMX = {"HX-Request": "true"}
PARTS = ("", "/itens", "/documentos", "/financeiro", "/historico")
ROWS = "//table[contains(@class, 'items')]/tbody/tr[not(@id)]"
EVENTS = "//*[@id='timeline']//li"


def big_order(company, count: int = 120) -> Order:
    order = make_order(company, line_count=count)
    Line.objects.bulk_create(
        Line(
            order=order,
            company=company,
            position=at,
            sku=f"S{at}",
            name=f"Cabo {at}" if at % 10 else f"Parafuso {at}",
            quantity=Decimal(at),
            invoiced=Decimal(at),
            unit_price=Decimal("2.50"),
            discount=Decimal("1.00") if at == count else None,
            invoices=[["1001/1", str(at)]] if at < 3 else [],
        )
        for at in range(1, count + 1)
    )
    return order


def from_erp(company, *records, hours: int = 0) -> None:
    for at, record in enumerate(records):
        store_readings(
            connection=CONNECTION_ERP,
            readings=[make_reading(record, read_at=NOW + timedelta(hours=hours + at))],
            now=NOW,
            company_id=company.pk,
        )


# --- parts ----------------------------------------------------------------------------------


def test_each_part_is_a_page_that_says_which_it_is(ana, world):
    for part in PARTS:
        page = parse(ana.get(address(world.o1) + part))

        (current,) = page.xpath("//nav[contains(@class, 'jump')]/a[@aria-current='page']")
        assert current.get("href") == address(world.o1) + part
        assert len(page.xpath("//h1")) == 1
    links = page.xpath("//nav[contains(@class, 'jump')]/a")
    assert [link.get("href") for link in links] == [address(world.o1) + part for part in PARTS]
    assert [link.get("data-key") for link in links] == ["1", "2", "3", "4", "5"]


def test_a_part_is_put_in_place_without_the_page_around_it(ana, world):
    response = ana.get(address(world.o1) + "/itens", headers=HTMX)

    page = parse(response)
    assert page.get("id") == "order-part"
    assert page.xpath("//h1 | //header") == []
    assert len(page.xpath(ROWS)) == 1
    assert (
        response["Vary"] == "HX-Request, Accept-Language, Cookie"
        or "HX-Request" in (response["Vary"])
    )


def test_going_back_in_the_browser_gets_the_whole_page(ana, world):
    headers = HTMX | {"HX-History-Restore-Request": "true"}

    assert parse(ana.get(address(world.o1) + "/itens", headers=headers)).xpath("//h1")


def test_each_part_paints_only_its_own(ana, world):
    shown = {part: parse(ana.get(address(world.o1) + part)) for part in PARTS}

    found = {
        part: [
            name
            for name in ("documents", "items", "titles", "timeline")
            if page.xpath(f"//*[@id='{name}']")
        ]
        for part, page in shown.items()
    }
    assert found == {
        "": ["documents", "timeline"],
        "/itens": ["items"],
        "/documentos": ["documents"],
        "/financeiro": ["titles"],
        "/historico": ["timeline"],
    }


@pytest.mark.parametrize("part", PARTS)
def test_a_part_takes_a_fixed_number_of_statements(ana, world, part, django_assert_max_num_queries):
    ana.get(address(world.o1) + part)

    with django_assert_max_num_queries(32):
        ana.get(address(world.o1) + part)


@pytest.mark.parametrize("part", PARTS)
def test_each_part_that_is_opened_is_in_the_record(ana, world, part):
    ana.get(address(world.o1) + part, headers=HTMX)

    assert AuditEvent.objects.filter(action=Action.ORDER_VIEWED).count() == 1


def test_parts_without_the_right_are_neither_named_nor_there(client_for, cast, world):
    Membership.objects.filter(person=cast.ana).update(role="viewer")
    viewer = client_for(cast.ana)

    page = viewer.get(address(world.o1))

    assert texts(page, "//nav[contains(@class, 'jump')]/a")[-2:] == ["Documentos 3/4", "Histórico"]
    refused = viewer.get(address(world.o1) + "/financeiro")
    missing = viewer.get(f"/pedidos/{world.o1.public_id}/nada")
    assert refused.status_code == missing.status_code == 404
    for part in ("/itens", "/historico", "?print=1"):
        assert "R$" not in viewer.get(address(world.o1) + part).content.decode()


@pytest.mark.parametrize("part", [*PARTS, "?print=1", "/itens?parte=mais", "/itens?parte=lista"])
@pytest.mark.parametrize("headers", [{}, HTMX])
def test_another_companys_order_has_no_parts(ana, world, part, headers):
    assert ana.get(address(world.o5) + part, headers=headers).status_code == 404


# --- items ----------------------------------------------------------------------------------


def test_the_next_items_follow_without_a_gap_or_a_repetition(ana, cast, sources):
    order = big_order(cast.alfa)
    names, columns, url = [], [], address(order) + "/itens"
    while url:
        page = parse(ana.get(url))
        names += [row.xpath("string(th)") for row in page.xpath(ROWS)]
        columns.append(page.xpath("//thead//th/text()"))
        more = page.xpath("//*[@id='more-items']//a/@href")
        url = more[0] if more else ""

    assert names == [line.name for line in Line.objects.order_by("position")]
    # What only the last item fills is a column of all pages, so that rows fit below each other.
    assert columns[0] == columns[1] == columns[2]
    assert "Desconto" in columns[0]


def test_more_items_are_rows_alone_when_they_are_put_in_place(ana, cast, sources):
    order = big_order(cast.alfa)

    rows = ana.get(address(order) + "/itens?depois=100&parte=mais", headers=HTMX).content.decode()

    assert rows.count("<tr>") == 20
    assert "<table" not in rows
    assert "more-items" not in rows


@pytest.mark.parametrize(
    ("typed", "count"),
    [("parafuso", 12), ("PARAFUSO 30", 1), ("s7", 11), ("1001/1", 2), ("%", 0), ("' OR 1=1", 0)],
)
def test_items_are_searched_by_name_code_and_invoice(ana, cast, sources, typed, count):
    order = big_order(cast.alfa)

    page = parse(ana.get(address(order) + "/itens", {"item": typed}))

    assert len(page.xpath(ROWS)) == count
    assert page.xpath("//input[@name='item']/@value") == [typed]
    if not count:
        assert f'Nenhum item com "{typed}" neste pedido.' in page.text_content()


def test_a_search_among_items_says_how_many_were_found(ana, cast, sources):
    order = big_order(cast.alfa)

    found = ana.get(address(order) + "/itens?parte=lista&item=parafuso", headers=HTMX)

    assert words(found, "//*[@id='items-count']") == "12 de 120 itens com estas palavras"


def test_a_search_that_finds_more_than_are_shown_says_so_and_can_be_cleared(ana, cast, sources):
    order = big_order(cast.alfa)
    url = address(order) + "/itens"

    page = parse(ana.get(url, {"item": "cabo"}))
    nothing = parse(ana.get(url, {"item": "nada"}))
    rest = ana.get(page.xpath("//*[@id='more-items']//a/@href")[0])

    clear = "//*[@id='items']//a[.='Limpar a busca']/@href"
    assert "Os primeiros 50 de 108 itens com estas palavras" in page.text_content()
    assert "mais 50 de 108 itens com estas palavras" in words(rest)
    assert page.xpath(clear) == nothing.xpath(clear) == [url]
    assert parse(ana.get(url)).xpath(clear) == []


@pytest.mark.parametrize("after", ["-1", "x", "9" * 30, "\uff11\uff12", "\x00"])
def test_a_position_that_is_none_shows_the_first_items(ana, cast, sources, after):
    order = big_order(cast.alfa)

    page = parse(ana.get(address(order) + "/itens", {"depois": after}))

    assert page.xpath(ROWS)[0].xpath("string(th)") == "Cabo 1"


def test_items_say_how_far_they_are_and_on_which_invoices(ana, cast, sources):
    order = make_order(cast.alfa, line_count=1)
    Line.objects.create(
        order=order,
        company=cast.alfa,
        position=1,
        sku="P-1",
        customer_code="C-9",
        name=HOSTILE,
        quantity=Decimal(10),
        unit="UN",
        reserved=Decimal(2),
        invoiced=Decimal(8),
        shipped=Decimal(5),
        cancelled=Decimal(1),
        unit_price=Decimal("2.5"),
        discount=Decimal(3),
        tax=Decimal("1.20"),
        total=Decimal(22),
        invoices=[["1001/1", "5"], ["1002/1", "3"]],
    )

    page = ana.get(address(order) + "/itens")
    cells = texts(page, "//tbody//td")

    assert "1001/1\xa0(5), 1002/1\xa0(3)" in page.content.decode()
    assert [cell.replace("\xa0", " ") for cell in cells] == [
        "P-1", "C-9", "10 UN", "2", "8", "5", "1",
        "R$ 2,50", "R$ 3,00", "R$ 1,20", "R$ 22,00", "1001/1 (5), 1002/1 (3)",
    ]  # fmt: skip


def test_who_may_not_see_prices_gets_no_column_of_them(client_for, cast, sources):
    order = big_order(cast.alfa)
    Membership.objects.filter(person=cast.ana).update(role="viewer")

    page = parse(client_for(cast.ana).get(address(order) + "/itens"))

    assert page.xpath("//thead//th/text()") == [
        "Item", "Código do produto", "Qtd. pedida", "Qtd. faturada", "NF",
    ]  # fmt: skip


def test_big_orders_weigh_no_more_than_small_ones(ana, cast, sources):
    small, big = big_order(cast.alfa, 60), big_order(cast.alfa, 1200)

    sizes = [len(gzip.compress(ana.get(address(each) + "/itens").content)) for each in (small, big)]

    assert sizes[1] < sizes[0] * 1.1
    assert sizes[1] < 20_000


# --- the timeline ---------------------------------------------------------------------------


def test_the_timeline_tells_of_every_source_in_one_order(ana, world):
    Document.objects.filter(key="x1").update(state_since=NOW - timedelta(hours=1))
    told = texts(ana.get(address(world.o1) + "/historico"), EVENTS)

    assert "09:00 Documento disponível: XML da NF-e · NF 1001" in told
    assert any("Nota fiscal emitida: NF 1001/1" in each and "ERP" in each for each in told)
    assert any("Situação agora: Despachado · ERP" in each for each in told)
    assert any("Situação agora: Aguardando entrada no ERP · Site" in each for each in told)


def test_the_timeline_says_which_invoice_a_source_means(ana, cast, sources):
    invoices = (
        InvoiceRecord("1001", "1", issued_on=NOW.date()),
        InvoiceRecord("1002", "1", issued_on=NOW.date() - timedelta(days=1)),
    )
    events = (EventRecord(NOW, "invoiced", ""), EventRecord(NOW, "delivered", "1001"))
    from_erp(cast.alfa, make_erp_record(invoices=invoices, events=events))

    told = " | ".join(texts(ana.get(address(Order.objects.get()) + "/historico"), EVENTS))

    assert "Nota fiscal emitida: 1001/1 · ERP" in told
    assert "Nota fiscal emitida: 1002/1 · ERP" in told
    assert "Mercadoria entregue: NF 1001 · ERP" in told


def test_the_timeline_names_the_source_of_a_payment_where_there_is_one(ana, cast, sources):
    from_erp(cast.alfa, make_erp_record())
    order = Order.objects.get()
    make_title(order, state="paid", settled_on=NOW.date())

    told = texts(ana.get(address(order) + "/historico"), EVENTS)

    assert "Pago: Parcela 1/3 · NF 1001 · ERP" in told


def test_a_payment_that_was_authorised_is_not_called_approved(ana, cast, sources):
    record = make_erp_record(payment=Payment.AWAITING, events=(EventRecord(NOW, "authorized"),))
    from_erp(cast.alfa, record)

    page = ana.get(address(Order.objects.get()))

    assert "Pagamento: Aguardando pagamento" in words(page)
    assert any("Pagamento autorizado" in each for each in texts(page, EVENTS))


def test_an_order_without_events_says_when_it_was_placed_and_where_it_stands(ana, cast, sources):
    from_erp(
        cast.alfa,
        make_erp_record(fulfilment=Fulfilment.CREDIT_REVIEW, placed_on=date(2026, 3, 6)),
    )
    order = Order.objects.get()

    summary = ana.get(address(order))
    whole = ana.get(address(order) + "/historico")

    placed, standing = texts(summary, EVENTS)
    assert placed == "Pedido feito · ERP"
    assert "Situação agora: Liberação financeira · ERP" in standing
    assert "06/03/2026" in words(summary, "(//*[@id='timeline']//h3)[1]")
    assert texts(whole, EVENTS)[0] == "Pedido feito · ERP"


def test_the_sources_own_code_is_there_on_demand(ana, world):
    page = parse(ana.get(address(world.o1) + "/historico"))

    assert set(page.xpath("//details[contains(@class, 'raw')]/code/text()")) == {
        "invoiced",
        "Despachado",
        "ready-for-handling",
    }


def test_a_changed_promise_is_a_correction_and_shows_the_days_before(ana, cast, sources):
    days = [date(2026, 3, 13), date(2026, 3, 15), date(2026, 3, 20)]
    from_erp(cast.alfa, *(make_erp_record(promised_on=day) for day in days))
    order = Order.objects.get()

    with time_machine.travel(NOW + timedelta(hours=3)):
        summary = ana.get(address(order))
        told = texts(ana.get(address(order) + "/historico"), EVENTS)

    assert "entrega prevista para 20/03/2026 (era 15/03/2026)" in words(summary)
    assert "prometido para 13/03/2026, depois 15/03/2026, agora 20/03/2026" in words(summary)
    changed = [each for each in told if "Promessa mudou" in each]
    assert "Promessa mudou de 13/03/2026 para 15/03/2026 correção · ERP" in changed[0]
    assert "Promessa mudou de 15/03/2026 para 20/03/2026 correção · ERP" in changed[1]


def test_one_kind_of_happening_is_shown_alone_by_its_address(ana, world):
    page = ana.get(address(world.o1) + "/historico?tipo=documentos")

    assert texts(page, "//nav[contains(@class, 'kinds')]/a[@aria-current]")[0].startswith(
        "Documentos"
    )
    assert all("Situação agora" not in each for each in texts(page, EVENTS))
    assert texts(page, EVENTS)
    whole = ana.get(address(world.o1) + "/historico?tipo=nada")
    assert any("Situação agora" in each for each in texts(whole, EVENTS))


def test_who_looked_is_told_to_whoever_may_read_the_record(client_for, cast, world):
    client_for(cast.ana).get(address(world.o1))

    admin = texts(client_for(cast.rita).get(address(world.o1) + "/historico?tipo=acessos"), EVENTS)
    buyer = client_for(cast.ana).get(address(world.o1) + "/historico?tipo=acessos")

    assert any("Ana" in each for each in admin)
    assert not any(each.startswith("Ana") for each in texts(buyer, EVENTS))
    assert "Acessos" not in words(buyer, "//nav[contains(@class, 'kinds')]")


def test_hostile_text_of_an_event_is_text(ana, cast, sources):
    from_erp(cast.alfa, make_erp_record(events=(EventRecord(NOW, "tracking", HOSTILE),)))

    page = ana.get(address(Order.objects.get()) + "/historico")

    assert b"<script>alert" not in page.content
    assert HOSTILE in words(page, "//*[@id='timeline']")


# --- head, finance, print -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"fulfilment": "picking", "promised_on": date(2026, 3, 15)},
         "Próximo passo: Faturado · entrega prevista para 15/03/2026"),
        ({"fulfilment": "shipped", "promised_on": date(2026, 3, 9)},
         "Próximo passo: Entregue · atrasado: entrega prevista para 09/03/2026"),
        ({"fulfilment": "awaiting_payment"}, "Próximo passo: seu pagamento"),
        ({"fulfilment": "partly_invoiced"}, "Próximo passo: o restante ser faturado"),
        ({"fulfilment": "cancelled", "promised_on": date(2026, 3, 9)}, ""),
    ],
)  # fmt: skip
def test_the_head_says_what_comes_next_and_what_is_late(ana, cast, sources, fields, says):
    order = make_order(cast.alfa, **fields)

    assert words(ana.get(address(order)), "//p[contains(@class, 'headline')]") == says


def test_an_overdue_amount_says_wherever_it_stands_that_it_may_have_grown(ana, cast, world):
    Title.objects.filter(order=world.o1).delete()
    for key, days in (("late", -5), ("later", 3)):
        make_title(world.o1, key, due_on=NOW.date() + timedelta(days=days))
    said = "mais multa e juros, se houver"

    for part, place in (("", "payment"), ("/financeiro", "titles"), ("/documentos", "documents")):
        page = ana.get(address(world.o1) + part)
        rows = texts(page, f"//*[@id='{place}']//*[self::tr or self::li or @class='title-line']")
        assert [row for row in rows if said in row] == [row for row in rows if "vencido há" in row]
        assert said in words(page, f"//*[@id='{place}']")


@pytest.mark.parametrize(
    ("system", "says"),
    [
        ("erp", "Condição de pagamento 28/42 dias"),
        ("vtex", "Forma de pagamento 28/42 dias"),
    ],
)
def test_a_means_of_payment_is_not_called_terms(ana, cast, sources, system, says):
    make = make_erp_record if system == "erp" else make_vtex_record
    reading = make_reading(make(payment_terms="28/42 dias"))
    store_readings(connection=system, readings=[reading], now=NOW, company_id=cast.alfa.pk)

    assert says in words(ana.get(address(Order.objects.get())), "//*[@id='payment']")


def test_the_head_says_when_it_was_delivered(ana, cast, sources):
    invoice = InvoiceRecord("1", "1", issued_on=NOW.date(), delivered_at=NOW)
    from_erp(cast.alfa, make_erp_record(fulfilment=Fulfilment.DELIVERED, invoices=(invoice,)))

    page = ana.get(address(Order.objects.get()))

    assert words(page, "//p[contains(@class, 'headline')]") == "Entregue em 10/03/2026"


def test_the_head_of_an_order_whose_invoice_was_cancelled_does_not_call_it_invoiced(
    ana, cast, sources
):
    gone, other = InvoiceRecord("1", "001", issued_on=NOW.date()), InvoiceRecord("2", "1")
    cancelled = EventRecord(NOW, "nfe-cancelled", "1/1")
    record = make_erp_record(fulfilment=Fulfilment.INVOICED, invoices=(gone,), events=(cancelled,))
    from_erp(cast.alfa, record)
    order = Order.objects.get()

    for part in ("", "/itens", "/documentos"):
        said = words(ana.get(address(order) + part), "//p[contains(@class, 'headline')]")
        assert said.startswith("O fornecedor cancelou a nota fiscal: 1/1")
        assert "Próximo passo" not in said

    from_erp(cast.alfa, replace(record, invoices=(gone, other)), hours=1)

    said = words(ana.get(address(order)), "//p[contains(@class, 'headline')]")
    assert said.startswith("Próximo passo: Despachado")


def test_an_invoice_that_was_cancelled_says_so_in_its_heading(ana, world):
    Document.objects.filter(invoice_number="1001").update(
        state="cancelled", reason="invoice-cancelled"
    )

    headings = parse(ana.get(address(world.o1))).xpath("//*[@class='invoice-head']")

    assert ["Nota fiscal cancelada" in each.text_content() for each in headings] == [
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("fulfilment", ["cancelled", "replaced"])
def test_an_order_that_came_to_nothing_promises_nothing(ana, cast, sources, fulfilment):
    order = make_order(cast.alfa, fulfilment=fulfilment, promised_on=date(2026, 3, 15))

    page = words(ana.get(address(order)))

    assert "Sem nota fiscal nem documento." in page
    assert "quando o ERP emitir" not in page
    assert "15/03/2026" not in page


def test_finance_says_what_is_open_and_by_whose_word(ana, cast, sources):
    order = make_order(cast.alfa)
    make_title(order, amount=Decimal("1000.00"))
    make_title(order, "b2", state="paid", settled_on=NOW.date())
    make_title(order, "b3", amount=Decimal("234.50"), typeable_line=LINE)

    page = ana.get(address(order) + "/financeiro")

    assert words(page, "//*[@class='card-foot']").replace("\xa0", " ") == "Em aberto: R$ 1.234,50"
    assert "posição segundo ERP às 10:00" in words(page, "//caption").replace("\xa0", " ")
    assert len(parse(page).xpath("//table[contains(@class, 'titles')]/tbody/tr")) == 3


def test_an_amount_that_is_not_known_is_not_added_up(ana, cast, sources):
    order = make_order(cast.alfa)
    make_title(order)
    make_title(order, "b2", amount=None)

    assert "Em aberto:" not in words(ana.get(address(order) + "/financeiro"))


def test_print_is_the_whole_order_with_when_it_was_printed(ana, world):
    page = ana.get(address(world.o1) + "?print=1")

    for part in ("documents", "items", "timeline"):
        assert parse(page).xpath(f"//*[@id='{part}']")
    assert "Impresso em 10/03/2026 10:00:00 GMT-0300" in words(page)
    assert "Alfa" in words(page, "//header")
    assert parse(page).xpath("//nav[contains(@class, 'jump')]") == []


def test_buying_again_leads_to_the_store_that_is_named(ana, world, settings):
    link = "//a[starts-with(normalize-space(), 'Comprar de novo')]/@href"
    assert parse(ana.get(address(world.o1))).xpath(link) == []

    settings.PORTAL_STORE_URL = "https://loja.example/"

    assert parse(ana.get(address(world.o1))).xpath(link) == ["https://loja.example/"]


# --- an open page ---------------------------------------------------------------------------


def live_address(page) -> str:
    (url,) = parse(page).xpath("//*[@id='freshness'][@hx-trigger='freshen']/@hx-get")
    return url


def test_an_open_page_without_news_is_answered_with_nothing(ana, world):
    answer = ana.get(live_address(ana.get(address(world.o1))), headers=HTMX)

    assert (answer.status_code, answer.content) == (304, b"")
    assert not AuditEvent.objects.filter(action=Action.ORDER_VIEWED).exclude(
        object_id=str(world.o1.public_id)
    )
    assert AuditEvent.objects.filter(action=Action.ORDER_VIEWED).count() == 1


def test_an_open_page_is_told_of_news_and_keeps_saying_so(ana, cast, world):
    url = live_address(ana.get(address(world.o1) + "/itens"))
    changed = o1_from_erp()
    from_erp(
        cast.alfa, type(changed)(**_fields(changed) | {"fulfilment": Fulfilment.DELIVERED}), hours=1
    )
    Order.objects.filter(pk=world.o1.pk).update(changed_at=NOW + timedelta(minutes=1))

    told = ana.get(url, headers=HTMX)

    assert "Há novidades:" in words(told, "//*[@id='freshness']")
    assert parse(told).xpath("//*[@id='freshness']//a/@href") == [address(world.o1) + "/itens"]
    assert "Entregue" in words(told, "//*[@id='order-status']")
    again = ana.get(live_address(told), headers=HTMX)
    assert "Há novidades:" in words(again, "//*[@id='freshness']")


def _fields(record) -> dict:
    return {name: getattr(record, name) for name in record.__dataclass_fields__}


def test_a_document_that_came_is_news_only_to_who_may_take_it(ana, client_for, cast, world):
    viewer = client_for(cast.ana)
    Membership.objects.filter(person=cast.ana).update(role="viewer")
    unseen = live_address(viewer.get(address(world.o1)))
    boleto = Document.objects.filter(key="b1")
    boleto.update(state_since=NOW + timedelta(minutes=1))

    assert viewer.get(unseen, headers=HTMX).status_code == 304

    Membership.objects.filter(person=cast.ana).update(role="finance")
    seen = live_address(viewer.get(address(world.o1)))
    boleto.update(state_since=NOW + timedelta(minutes=2))
    assert "Há novidades:" in words(viewer.get(seen, headers=HTMX), "//*[@id='freshness']")


def test_a_source_that_went_down_is_said_on_an_open_page(ana, world, sources):
    url = live_address(ana.get(address(world.o1)))
    sources["erp"].down_since = NOW
    sources["erp"].save()

    told = ana.get(url, headers=HTMX)

    assert "ERP sem resposta desde 10:00" in words(told, "//*[@id='freshness']")
    assert "Há novidades" not in words(told)


def test_one_key_each_takes_the_first_paper_of_its_kind(ana, world):
    page = parse(ana.get(address(world.o1) + "/documentos"))

    keyed = {
        a.get("data-key"): a.get("href") for a in page.xpath("//ul[@class='docs']//a[@data-key]")
    }
    first = {doc.key: doc.public_id for doc in Document.objects.filter(key__in=("x1", "d1", "b1"))}
    assert {key: str(first[name]) in keyed[key] for key, name in (("x", "x1"), ("n", "d1"))} == {
        "x": True,
        "n": True,
    }
    assert str(first["b1"]) in keyed["b"]
    assert len(keyed) == len(page.xpath("//ul[@class='docs']//a[@data-key]")) == 3
    copied = page.xpath("//dl[@class='numbers']//button[@data-key]")
    assert {each.get("data-key"): each.get("data-copy") for each in copied} == {
        "c m": "PO-2026/0815",
        "c w": "1172452900788-01",
        "c e": "0004500123",
    }
