"""/pedidos/<id>: everything of one order."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from b2b_orders.audit.models import Action, AuditEvent
from b2b_orders.companies.models import Membership
from b2b_orders.ingest.models import Lookup
from b2b_orders.orders.models import FirstSeen, Line, Order, SourceRecord
from erp_bridge.records import NumberKind
from tests.b2b_orders.portal.conftest import KEY, address
from tests.b2b_orders.portal.pages import parse, texts, words
from tests.factories import NOW, make_order

UNKNOWN = "/pedidos/00000000-0000-4000-8000-000000000000"


def test_page_shows_all_numbers_with_their_kind(ana, world):
    numbers = words(ana.get(address(world.o1)), "//dl[@class='numbers']")

    assert numbers == (
        "Seu número PO-2026/0815 Pedido do site 1172452900788-01 Sequência 502556"
        " Pedido do ERP 0004500123 Pedido do vendedor (seller) v502556llux-01 Rastreio BR1"
    )


@pytest.mark.parametrize("web", [("502556",), ("502556", "v502556llux-01"), ("PC-1", "502556")])
def test_a_number_of_the_site_is_called_a_sequence_beside_the_orders_own_alone(
    ana, cast, sources, web
):
    order = make_order(cast.alfa, numbers=[(NumberKind.WEB, each) for each in web])

    numbers = words(ana.get(address(order)), "//dl[@class='numbers']")

    assert numbers == f"Pedido do site {' '.join(web)}"


def test_two_numbers_that_could_be_the_sequence_are_not_called_one(ana, cast, sources):
    web = ("1172452900788-01", "502556", "700111")
    order = make_order(cast.alfa, numbers=[(NumberKind.WEB, each) for each in web])

    numbers = words(ana.get(address(order)), "//dl[@class='numbers']")

    assert numbers == f"Pedido do site {' '.join(web)}"


def test_steps_say_where_the_order_stands(ana, world):
    page = parse(ana.get(address(world.o1)))

    steps = page.xpath("//ol[@class='steps']/li")
    assert len(steps) == 7
    assert [s.text_content().strip() for s in steps if s.get("aria-current") == "step"] == [
        "Despachado"
    ]


@pytest.mark.parametrize(
    ("fulfilment", "sentence"),
    [
        ("cancelled", "Este pedido foi cancelado."),
        ("replaced", "Outro pedido tomou o lugar deste."),
        ("cancel_requested", "O cancelamento foi solicitado"),
        ("unmapped", 'A fonte chama isto de "quarentena"'),
    ],
)
def test_what_is_no_step_has_its_own_words(ana, cast, sources, fulfilment, sentence):
    order = make_order(cast.alfa, fulfilment=fulfilment, status_raw="quarentena")

    response = ana.get(address(order))

    assert sentence in words(response)
    assert parse(response).xpath("//ol[@class='steps']") == []


def test_partly_invoiced_keeps_the_bar_and_says_so(ana, cast, sources):
    response = ana.get(address(make_order(cast.alfa, fulfilment="partly_invoiced")))

    assert "Faturado em parte" in words(response, "//li[@aria-current='step']")
    assert "Parte dos itens está faturada" in words(response)


def test_unmapped_status_is_shown_as_received(ana, cast, sources):
    response = ana.get(
        address(make_order(cast.alfa, fulfilment="unmapped", status_raw="quarentena"))
    )

    assert texts(response, "//*[contains(@class, 'large')]") == ["quarentena (não mapeado)"]


STATES = "//p[contains(@class, 'order-states')]/span[not(@class)]"


def test_invoices_and_money_are_said_beside_how_far_the_goods_are(ana, cast, sources):
    order = make_order(cast.alfa, billing="partly_invoiced", payment="awaiting")

    page = ana.get(address(order))

    assert texts(page, STATES) == [
        "Faturamento: Faturado em parte",
        "Pagamento: Aguardando pagamento",
    ]


def test_what_is_not_known_of_invoices_and_money_is_not_said(ana, cast, sources):
    assert parse(ana.get(address(make_order(cast.alfa)))).xpath(STATES) == []


def test_who_may_not_see_finance_reads_nothing_of_the_money(ana, cast, sources):
    order = make_order(cast.alfa, billing="invoiced", payment="paid")
    order.divergences.create(
        company=cast.alfa,
        field="payment",
        values=[{"connection": "erp", "system": "erp", "value": "paid", "rules": True}],
        since=NOW,
    )
    assert "Pago" in words(ana.get(address(order)), "//section[@aria-labelledby='divergence']")

    Membership.objects.filter(person=cast.ana).update(role="viewer")
    page = ana.get(address(order))

    assert texts(page, STATES) == ["Faturamento: Faturado"]
    assert parse(page).xpath("//section[@aria-labelledby='divergence']") == []


def test_divergence_shows_both_values_with_their_times_and_which_rules(ana, world):
    notice = words(ana.get(address(world.o1)), "//section[@aria-labelledby='divergence']")
    notice = notice.replace("\xa0", " ")

    assert "Site e ERP divergem neste pedido. Vale o ERP. Já avisamos a equipe." in notice
    assert "Site às 10:00 R$ 4.500,00" in notice
    assert "ERP às 10:00 · vale R$ 4.512,30" in notice


def test_each_source_says_as_of_when(ana, world, erp_down):
    line = words(ana.get(address(world.o1)), "//*[@id='freshness']")

    assert line.startswith("Site 10:00 ERP sem resposta desde 09:15. Mostrando dados das 10:00.")


def test_hostile_item_name_shows_as_text(ana, world):
    response = ana.get(address(world.o1) + "/itens")

    assert b"<script>alert" not in response.content
    assert "<script>alert(1)</script>" in words(response, "//table[contains(@class, 'items')]")


def test_tracking_is_a_link_only_when_it_is_one(ana, world):
    page = parse(ana.get(address(world.o1)))

    links = page.xpath("//a[contains(text(), 'Rastreio')]")
    assert [link.get("href") for link in links] == ["https://track.example.com/BR1"]
    assert links[0].get("rel") == "noopener noreferrer nofollow"
    assert page.xpath("//a[starts-with(@href, 'javascript')]") == []
    assert "javascript:alert(1)" in page.text_content()


def test_access_key_is_in_groups_of_four(ana, world):
    grouped = " ".join(KEY[at : at + 4] for at in range(0, 44, 4))

    assert grouped in words(ana.get(address(world.o1)), "//*[@id='documents']")


def test_documents_are_grouped_by_invoice_with_state_in_words(ana, world):
    response = ana.get(address(world.o1))

    assert texts(response, "//*[@id='documents']//h3") == [
        "NF 1001/1",
        "NF 1002/1",
        "Outros documentos",
    ]
    first = texts(response, "//*[@id='nf-1001-1']//li")
    assert [text.split(" ")[0] for text in first] == ["XML", "DANFE", "Boleto", "Boleto"]
    boletos = [text.replace("\xa0", " ") for text in first[2:]]
    assert (
        "R$ 1.000,00 mais multa e juros, se houver vencido há 5 dias · 05/03/2026 Vencido"
        in boletos[0]
    )
    assert "R$ 1.000,00 a vencer em 3 dias · 13/03/2026 A vencer" in boletos[1]


def test_document_being_issued_says_since_when_and_has_no_dead_link(ana, world):
    item = parse(ana.get(address(world.o1))).xpath("//*[@id='nf-1002-1']//li")[0]

    assert "Em emissão desde 10:00. Verificamos a cada 10 minutos." in " ".join(
        item.text_content().split()
    )
    assert [link.text for link in item.xpath(".//a")] == ["Perguntar"]


def test_first_fifty_items_are_shown_and_all_on_demand(ana, cast, sources):
    order = make_order(cast.alfa, line_count=1200)
    Line.objects.bulk_create(
        Line(order=order, company=cast.alfa, position=at, sku=f"S{at}", name=f"Item {at}")
        for at in range(1, 1201)
    )
    rows = "//table[contains(@class, 'items')]/tbody/tr"

    first = ana.get(address(order) + "/itens")
    whole = ana.get(address(order), {"print": "1"})

    assert len(parse(first).xpath(rows)) == 50 + 1
    assert "Os primeiros 50 de 1.200 itens" in words(first)
    assert len(parse(whole).xpath(rows)) == 1200
    assert "Item 1200" in words(whole)
    assert len(first.content) < 60_000


def test_amounts_and_titles_are_absent_without_the_rights(client_for, cast, world):
    Membership.objects.filter(person=cast.ana).update(role="viewer")

    response = client_for(cast.ana).get(address(world.o1))

    page = words(response)
    assert "R$" not in page
    assert "Boleto" not in page
    assert "4512" not in response.content.decode()
    assert "Divergência" not in page


def test_opening_is_recorded_and_first_seen_by_the_company(ana, cast, world):
    ana.get(address(world.o1))
    ana.get(address(world.o1))

    lines = AuditEvent.objects.filter(action=Action.ORDER_VIEWED)
    assert [(each.person, each.company, each.object_id) for each in lines] == [
        (cast.ana, cast.alfa, str(world.o1.public_id))
    ] * 2
    assert FirstSeen.objects.get().order_id == world.o1.pk


def test_telesales_open_an_order_of_their_portfolio_and_it_stays_unseen(teo, cast, world):
    response = teo.get(f"/c/{cast.alfa.public_id}{address(world.o2)}")

    assert response.status_code == 200
    assert not FirstSeen.objects.exists()
    assert f"/c/{cast.alfa.public_id}/pedidos" in response.content.decode()


def test_not_visible_and_unknown_are_the_same_answer(ana, client_for, cast, world):
    carla = client_for(cast.carla)

    of_beta, unknown = ana.get(address(world.o5)), ana.get(UNKNOWN)
    of_other_branch, unknown_to_carla = carla.get(address(world.o1)), carla.get(UNKNOWN)

    for refused, missing in ((of_beta, unknown), (of_other_branch, unknown_to_carla)):
        assert refused.status_code == missing.status_code == 404
        assert _without_token(refused) == _without_token(missing)
    assert (
        "Página não encontrada para a Alfa Distribuidora. O endereço pode ter mudado ou"
        " pertencer a outra empresa."
    ) in words(of_beta)
    assert AuditEvent.objects.filter(action=Action.NOT_VISIBLE).count() == 4


def _without_token(response) -> str:
    page = parse(response)
    for field in page.xpath("//input[@name='csrfmiddlewaretoken' or @name='next']"):
        field.set("value", "")
    return page.text_content()


def test_refresh_asks_the_sources_and_the_line_follows(ana, world):
    response = ana.post(address(world.o1) + "/atualizar")

    lookup = Lookup.objects.get()
    assert response["Location"] == f"{address(world.o1)}?lookup={lookup.public_id}"
    line = parse(ana.get(response["Location"])).xpath("//*[@id='freshness']")[0]
    assert line.get("hx-trigger") == "every 1s"
    Lookup.objects.update(state="found", found_order_id=world.o1.pk)
    after = parse(ana.get(line.get("hx-get"), headers={"HX-Request": "true"}))
    assert after.xpath("//*[@id='freshness']/@hx-trigger") == ["freshen"]
    assert after.xpath(f"//a[@href='{address(world.o1)}']")


def test_refresh_of_another_companys_order_is_not_found(ana, world):
    assert ana.post(address(world.o5) + "/atualizar").status_code == 404
    assert not Lookup.objects.exists()


def test_page_takes_a_fixed_number_of_statements(ana, world, django_assert_max_num_queries):
    ana.get(address(world.o1))

    with django_assert_max_num_queries(30):
        ana.get(address(world.o1))


def test_order_of_years_ago_opens(ana, cast, sources):
    old = make_order(
        cast.alfa,
        ((NumberKind.ERP, "0000012"),),
        placed_at=NOW - timedelta(days=2500),
        total=Decimal(1),
    )

    assert ana.get(address(old)).status_code == 200
    assert Order.objects.count() == 1


HTMX = {"HX-Request": "true"}


def asks_by_itself(response) -> bool:
    return bool(parse(response).xpath("//*[@id='freshness']//form[@hx-trigger='load']"))


@pytest.mark.parametrize(("minutes", "asks"), [(4, False), (6, True)])
def test_an_order_read_long_ago_asks_its_sources_when_it_is_opened(ana, world, minutes, asks):
    SourceRecord.objects.update(read_at=NOW - timedelta(minutes=minutes))

    assert asks_by_itself(ana.get(address(world.o1))) is asks
    assert not asks_by_itself(ana.get(address(world.o1), {"print": "1"}))
    assert not Lookup.objects.exists()


def test_a_source_that_is_down_is_not_asked_because_somebody_looks(ana, world, sources, erp_down):
    SourceRecord.objects.filter(connection="erp").update(read_at=NOW - timedelta(hours=1))

    assert not asks_by_itself(ana.get(address(world.o1)))


def test_the_line_of_ages_alone_follows_an_order_that_asks_by_itself(ana, world):
    swapped = parse(ana.post(address(world.o1) + "/atualizar", headers=HTMX))
    # The state of the order is put in its place, where it moves nothing.
    assert swapped.xpath("//*[@id='freshness' or @hx-swap-oob]/@id") == [
        "freshness",
        "order-status",
    ]
    line = swapped.xpath("//*[@id='freshness']")
    poll = line[0].get("hx-get")

    # Everything was confirmed, and nothing changed: there is nothing to show anew.
    Lookup.objects.update(
        state="found", found_order_id=world.o1.pk, asked_at=NOW + timedelta(seconds=1)
    )
    after = parse(ana.get(poll, headers=HTMX))
    assert after.xpath("//*[@id='freshness']/@hx-trigger") == ["freshen"]
    assert after.xpath(f"//a[@href='{address(world.o1)}']") == []

    Order.objects.filter(pk=world.o1.pk).update(changed_at=NOW + timedelta(seconds=2))
    after = parse(ana.get(poll, headers=HTMX))
    assert after.xpath(f"//a[@href='{address(world.o1)}']")
