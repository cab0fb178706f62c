"""/pedidos without a number: the latest orders, and how old the data is."""

from __future__ import annotations

from datetime import timedelta

from b2b_orders.orders.models import Order
from erp_bridge.records import NumberKind
from tests.b2b_orders.portal.pages import parse, texts, words
from tests.factories import NOW, make_order

TITLES = "//table//a[contains(@class, 'main')]"


def test_first_glance_shows_orders_of_both_systems_newest_first(ana, world):
    response = ana.get("/pedidos")

    assert texts(response, TITLES) == ["1172452900999-01", "1172452900788-01", "0004500987"]
    row = words(response, "//tr[.//a[text()='1172452900788-01']]").replace("\xa0", " ")
    assert "Pedido do ERP 0004500123" in row
    assert "Site + ERP" in row
    assert "Despachado" in row
    assert "R$ 4.512,30" in row
    assert "10/03/2026" in row
    assert "…0001-95" in row


def test_web_only_order_waits_to_enter_the_erp(ana, world):
    row = words(ana.get("/pedidos"), "//tr[.//a[text()='1172452900999-01']]")

    assert "Aguardando entrada no ERP" in row


def test_freshness_line_names_each_source_and_its_time(ana, world):
    line = words(ana.get("/pedidos"), "//*[@id='freshness']")

    assert line == "Site 10:00 ERP 10:00"


def test_a_dead_source_says_since_when_and_how_old_the_data_is(ana, world, erp_down):
    response = ana.get("/pedidos")

    assert response.status_code == 200
    line = words(response, "//*[@id='freshness']")
    assert "ERP sem resposta desde 09:15. Mostrando dados das 09:14." in line
    assert len(texts(response, TITLES)) == 3


def test_a_company_without_orders_is_told_so(client_for, cast, sources):
    response = client_for(cast.ana).get("/pedidos")

    assert "Nenhum pedido da Alfa Distribuidora ainda." in words(response)


def test_pages_go_on_by_a_cursor_and_repeat_nothing(ana, cast, sources):
    for at in range(45):
        make_order(cast.alfa, ((NumberKind.ERP, f"9{at:05}"),), placed_at=NOW - timedelta(hours=at))
    seen: list[str] = []
    url = "/pedidos"

    for expected in (20, 20, 5):
        page = parse(ana.get(url))
        titles = [link.text_content() for link in page.xpath(TITLES)]
        assert len(titles) == expected
        seen += titles
        older = page.xpath("//a[@rel='next']/@href")
        url = older[0] if older else ""

    assert url == ""
    assert seen == [f"9{at:05}" for at in range(45)]


def test_a_made_up_cursor_shows_the_first_page(ana, world):
    response = ana.get("/pedidos?after=nonsense")

    assert response.status_code == 200
    assert len(texts(response, TITLES)) == 3


def test_scoped_person_sees_their_branch_only(client_for, cast, world):
    response = client_for(cast.carla).get("/pedidos")

    assert texts(response, TITLES) == ["0004500987"]


def test_the_list_says_of_which_branches_it_is(client_for, cast, ana, world):
    head = "//*[@class='list-head']"

    assert "Você vê: filial …0002-76" in words(client_for(cast.carla).get("/pedidos"), head)
    assert "Você vê" not in words(ana.get("/pedidos"), head)


def test_amounts_are_absent_without_the_right(client_for, cast, world):
    member = cast.ana.memberships.get()
    member.role = "viewer"
    member.save()

    response = client_for(cast.ana).get("/pedidos")

    assert "R$" not in words(response)
    assert "Total" not in words(response, "//thead")


def test_table_can_be_read_by_a_screen_reader(ana, world):
    page = parse(ana.get("/pedidos"))

    assert page.xpath("count(//table/caption)") == 1
    assert all(cell.get("scope") == "col" for cell in page.xpath("//thead//th"))
    assert all(cell.get("scope") == "row" for cell in page.xpath("//tbody//th"))
    assert page.xpath("//label[@for='q']")
    assert page.xpath("//*[@id='announce'][@aria-live='polite']")


def test_list_takes_few_statements_however_long(ana, cast, world, django_assert_max_num_queries):
    ana.get("/pedidos")
    for at in range(17):
        make_order(cast.alfa, ((NumberKind.ERP, f"8{at:05}"),))
    assert Order.objects.filter(company=cast.alfa).count() == 20

    with django_assert_max_num_queries(14):
        ana.get("/pedidos")


def test_page_is_light(ana, world):
    assert len(ana.get("/pedidos").content) < 60_000
