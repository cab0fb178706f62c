"""/filiais: what waits in each branch, and that each number leads to what it counts."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs

import pytest

from b2b_orders.companies.models import Establishment
from b2b_orders.companies.viewers import read_standing
from b2b_orders.orders.branches import list_branches
from b2b_orders.orders.filtering import read_filter
from b2b_orders.orders.models import Divergence, Order
from b2b_orders.orders.queries import list_orders
from b2b_orders.portal import formats
from erp_bridge.records import Fulfilment, NumberKind
from tests.b2b_orders.portal.conftest import TODAY
from tests.b2b_orders.portal.pages import parse, texts, words
from tests.factories import NOW, make_company, make_member, make_order, make_title

MAIN, BRANCH = "12345678000195", "12345678000276"
DAY = timedelta(days=1)


@pytest.fixture
def branches(cast, sources):
    """Give Alfa's two branches, and Beta, something that waits."""

    def order(number, *, company=cast.alfa, establishment, promised=None, **fields):
        return make_order(
            company,
            ((NumberKind.ERP, number),),
            establishment=establishment,
            promised_on=promised,
            **{"fulfilment": Fulfilment.PICKING.value, **fields},
        )

    late = order("1", establishment=cast.alfa_main, promised=TODAY - DAY)
    order("2", establishment=cast.alfa_main, promised=TODAY)
    order("3", establishment=cast.alfa_main, fulfilment=Fulfilment.DELIVERED.value)
    newest = order("4", establishment=cast.alfa_branch, placed_at=NOW - timedelta(hours=1))
    order(
        "5",
        establishment=cast.alfa_branch,
        fulfilment=Fulfilment.INVOICED.value,
        placed_at=NOW - timedelta(days=91),
    )
    beta = order("6", company=cast.beta, establishment=cast.beta_main, promised=TODAY - DAY)
    make_title(late, "a", due_on=TODAY - DAY)
    make_title(late, "b", due_on=TODAY)
    make_title(late, "c", due_on=TODAY + 7 * DAY)
    make_title(late, "d", due_on=TODAY + 8 * DAY)
    make_title(late, "e", due_on=TODAY, state="paid")
    make_title(newest, "f", due_on=TODAY - 40 * DAY)
    make_title(beta, "g", due_on=TODAY - DAY)
    for field in ("total", "lines"):
        Divergence.objects.create(
            order=newest, company=cast.alfa, field=field, values=[], since=NOW
        )
    Order.objects.filter(pk=newest.pk).update(divergence_count=2)


def board(client, query=""):
    """Read the board as rows of text, by the end of the branch's CNPJ."""
    page = parse(client.get(f"/filiais{query}"))
    return {
        row.xpath("string(./th//*[self::a or self::strong])"): [
            " ".join(cell.text_content().split()) for cell in row.xpath("./td")
        ]
        for row in page.xpath("//table//tbody/tr")
    }


def test_a_line_tells_what_waits_in_each_branch(ana, branches):
    assert board(ana) == {
        "…0001-95": ["2", "1", "2", "1", "0", "3 10/03/2026"],
        "…0002-76": ["1", "0", "0", "1", "1", "4 10/03/2026"],
    }
    assert texts(ana.get("/filiais"), "//thead//th/a") == [
        "Filial",
        "Em andamento",
        "Atrasados",
        "A pagar em 7 dias",
        "Vencidos",
        "Divergências",
        "Pedido mais recente",
    ]


def test_each_number_leads_to_exactly_as_many_rows(ana, cast, branches):
    page = parse(ana.get("/filiais"))
    viewer = read_standing(cast.ana.pk).viewer_of_company(cast.alfa.pk)
    followed = []

    for link in page.xpath("//table//tbody//td[contains(@class, 'number')]/a"):
        path, _mark, query = link.get("href").partition("?")
        if path == "/pedidos":
            wanted = read_filter(parse_qs(query)).wanted
            count = len(list_orders(viewer=viewer, wanted=wanted, now=NOW).rows)
        else:
            count = len(parse(ana.get(link.get("href"))).xpath("//table//tbody/tr"))
        assert count == int(link.text_content()), link.get("href")
        followed.append(path)

    assert followed == 2 * ["/pedidos"] + 2 * ["/financeiro"] + [
        "/pedidos",
        "/financeiro",
        "/pedidos",
    ]


def test_a_person_of_one_branch_sees_that_one_alone(cast, client_for, branches):
    carla = client_for(cast.carla)

    assert list(board(carla)) == ["…0002-76"]
    assert "/filiais" not in carla.get("/pedidos").content.decode()


def test_without_the_right_nothing_is_said_of_what_is_to_pay(ana, cast, branches):
    cast.ana.memberships.update(role="viewer")

    page = ana.get("/filiais?ordem=vencidos")

    assert "Vencido" not in words(page)
    assert "A pagar" not in words(page)
    assert board(ana)["…0001-95"] == ["2", "1", "0", "3 10/03/2026"]


@pytest.mark.parametrize(
    ("order", "first", "sorted_by"),
    [
        ("", "…0001-95", "Filial"),
        ("atrasados", "…0001-95", "Atrasados"),
        ("divergentes", "…0002-76", "Divergências"),
        ("made-up", "…0001-95", "Filial"),
    ],
)
def test_the_board_is_sorted_by_any_column(ana, branches, order, first, sorted_by):
    response = ana.get(f"/filiais?ordem={order}")

    assert next(iter(board(ana, f"?ordem={order}"))) == first
    assert texts(response, "//th[@aria-sort]/a") == [sorted_by]


def test_orders_of_no_known_branch_are_not_left_out(ana, cast, branches):
    order = make_order(cast.alfa, ((NumberKind.ERP, "7"),), fulfilment="picking")
    Order.objects.filter(pk=order.pk).update(establishment=None)

    assert board(ana)["Sem filial informada"] == ["1", "0", "0", "0", "0", "-"]


def test_staff_read_the_board_of_their_customer(cast, client_for, branches):
    teo = client_for(cast.teo)
    inside = f"/c/{cast.alfa.public_id}"

    page = parse(teo.get(f"{inside}/filiais"))

    links = page.xpath("//table//tbody//a/@href")
    assert links
    assert all(link.startswith(inside) for link in links)


def test_many_branches_come_page_by_page(cast, client_for, sources, django_assert_num_queries):
    many = make_company("Muitas", ())
    tax_ids = [f"55555555{number:04}00" for number in range(1, 131)]
    Establishment.objects.bulk_create(
        Establishment(company=many, tax_id=tax_id) for tax_id in tax_ids
    )
    make_member(cast.ana, many)
    viewer = read_standing(cast.ana.pk).viewer_of_company(many.pk)

    with django_assert_num_queries(1):
        first = list_branches(viewer=viewer, today=TODAY, now=NOW)
    rest = list_branches(viewer=viewer, today=TODAY, now=NOW, skip=100)

    assert (len(first.lines), len(rest.lines), first.count) == (100, 30, 130)
    assert [line.tax_id for line in (*first.lines, *rest.lines)] == tax_ids
    assert first.is_counted


def test_what_is_due_is_measured_by_the_sellers_day_wherever_one_sits(ana, cast, branches):
    cast.ana.time_zone = "Asia/Tokyo"
    cast.ana.save()

    assert board(ana)["…0001-95"][1:4] == ["1", "2", "1"]
    with formats.in_zone("Asia/Tokyo"):
        evening = NOW + timedelta(hours=9)
        assert formats.today(evening) == TODAY
        assert formats.local(evening).date() == TODAY + DAY
