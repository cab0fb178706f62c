"""Rows of a list, written by Python: what comes from outside is text, wherever it stands."""

from __future__ import annotations

from django.utils import translation
from lxml import html

from b2b_orders.portal.markup import order_rows
from b2b_orders.portal.presenters.columns import Cell
from b2b_orders.portal.presenters.lists import OrderItem, OtherNumber
from b2b_orders.portal.presenters.marks import Marked
from b2b_orders.portal.words import Chip

HOSTILE = "\"'><script>alert(1)</script>&amp;<!--"
MARKED = Marked(HOSTILE, HOSTILE, HOSTILE)
PLAIN = Chip("Invoiced", "info", "invoice")
CELLS = (
    Cell("text", "c-by", HOSTILE, HOSTILE),
    Cell("time", "c-date", HOSTILE, HOSTILE, title=HOSTILE, iso=HOSTILE),
    Cell("marked", "c-own", marked=MARKED),
    Cell("status", "c-status", chip=Chip(HOSTILE, "plain", "question"), differs=True),
    Cell("documents", "c-docs", HOSTILE, title=HOSTILE),
    Cell("titled", "c-branch", HOSTILE, HOSTILE, title=HOSTILE),
)


def item(cells: tuple[Cell, ...], title: Marked, **more: object) -> OrderItem:
    values = {
        "url": "/pedidos/1",
        "others": (),
        "own_number": None,
        "found_by": "",
        "origin": "ERP",
        "date": "",
        "date_iso": "",
        "branch": "",
        "branch_name": "",
        "placed_by": "",
        "status": PLAIN,
        "total": "",
        "documents": "",
        "documents_title": "",
        "differs": False,
    }
    return OrderItem(title=title, cells=cells, **(values | more))


def parsed(*items: OrderItem):
    return html.fragment_fromstring(f"<table>{order_rows(items)}</table>")


def test_hostile_text_stays_text_in_every_cell_and_attribute():
    others = (OtherNumber(HOSTILE, MARKED),)
    hostile = item(CELLS, MARKED, url=HOSTILE, others=others, origin=HOSTILE, public_id=HOSTILE)
    table = parsed(hostile)

    assert {node.tag for node in table.iter()} == {
        *("table", "tr", "td", "th", "label", "input", "span", "a", "mark", "time"),
        *("svg", "use"),
    }
    assert [node.text_content() for node in table.iter("mark")] == [HOSTILE] * 3
    assert table.xpath("//input/@value") == [HOSTILE]
    assert table.xpath("//a/@href") == [HOSTILE]
    assert table.xpath("//time/@datetime") == [HOSTILE]
    assert table.xpath("//@data-label") == [HOSTILE] * 3
    assert table.xpath("//@title") == [HOSTILE] * 3
    assert table.xpath("//td[@class='c-by']")[0].text_content() == HOSTILE


def test_an_empty_cell_is_empty():
    cells = (
        Cell("text", "c-by"),
        Cell("time", "c-date"),
        Cell("marked", "c-own"),
        Cell("documents", "c-docs"),
        Cell("titled", "c-branch"),
    )
    table = parsed(item(cells, Marked("1")))

    shown = table.xpath("//td[not(@class='c-pick')]")
    assert [len(each) for each in shown] == [0] * 5
    assert [each.text_content() for each in shown] == [""] * 5


def test_each_order_is_a_row_with_its_number_as_head_and_its_name_in_the_box():
    table = parsed(item(CELLS, Marked("12", "34", "5")), item((), Marked("9")))

    heads = table.xpath("//tr/th[@scope='row']")
    assert [each.find("a").text_content() for each in heads] == ["12345", "9"]
    names = [each.text_content() for each in table.xpath("//label/span")]
    assert [each.rsplit(" ", 1)[1] for each in names] == ["12345", "9"]


def test_where_an_order_came_from_is_not_torn_apart():
    table = parsed(item((), Marked("1"), origin="Site + ERP"))

    assert [each.text for each in table.xpath("//th//*[@class='nowrap']")] == ["Site + ERP"]


def test_a_divergence_is_said_in_words_beside_the_status():
    sure = Cell("status", "c-status", chip=PLAIN)
    differs = Cell("status", "c-status", chip=PLAIN, differs=True)
    table = parsed(item((sure,), Marked("1")), item((differs,), Marked("2")))

    assert [
        [span.get("class") for span in cell.iter("span")]
        for cell in table.xpath("//td[@class='c-status']")
    ] == [["chip info"], ["chip info", "tag warn"]]


def test_that_an_order_is_late_is_said_before_that_it_differs():
    late = Cell("status", "c-status", chip=PLAIN, is_late=True)
    both = Cell("status", "c-status", chip=PLAIN, differs=True, is_late=True)
    with translation.override("en"):
        table = parsed(item((late,), Marked("1")), item((both,), Marked("2")))

    assert [
        [tag.text_content() for tag in cell.xpath("span[@class='tag warn']")]
        for cell in table.xpath("//td[@class='c-status']")
    ] == [["Late"], ["Late", "Disagreement"]]
