"""The order's page: B09, B29, its parts in place and without scripts, news while it is open."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Page, expect

from erp_bridge.simulators.cast import O1, O6, O8
from tests.journeys.conftest import api_order

PHONE = {"viewport": {"width": 360, "height": 740}}


def open_order(page: Page, number: str, part: str = "") -> str:
    """Open a part of an order by its own address, and give the order's."""
    address = str(api_order(page, number)["portal_path"])
    page.goto(address + part)
    return address


def part_link(page: Page, name: str):
    return page.locator("#order-part nav").first.get_by_role("link", name=re.compile(name))


def widest(page: Page) -> int:
    """Say by how much the page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


def test_b09_a_disagreement_shows_the_ruling_total_and_both_values_with_their_times(page_of):
    ana = page_of("ana")
    open_order(ana, O6.web_number)

    badge = ana.locator("section[aria-labelledby=divergence]")
    expect(badge).to_contain_text("Site e ERP divergem neste pedido. Vale o ERP.")
    told = badge.locator("dl > div")
    expect(told.first).to_contain_text(re.compile(r"(ERP|Site) às .*\d\d:\d\d"))
    ruling = told.filter(has_text="vale").locator("dd").inner_text()
    expect(ana.locator(".amounts .sum dd")).to_have_text(ruling)
    olga = page_of("olga")
    olga.goto("/operacao/divergencias")
    expect(olga.locator("main")).to_contain_text(O6.web_number)


def test_b29_a_big_order_paints_at_once_is_searched_inside_and_prints_whole(page_of):
    ana = page_of("ana")
    address = open_order(ana, O8.web_number)
    began = time.monotonic()
    ana.goto(f"{address}/itens")
    rows = ana.locator("#items tbody tr:not(#more-items)")
    expect(rows).to_have_count(50)
    assert time.monotonic() - began < 3

    heading = ana.locator("h1").bounding_box()
    ana.locator("#more-items a").click()
    expect(rows).to_have_count(100)
    assert ana.locator("h1").bounding_box()["x"] == heading["x"]
    last = rows.nth(99).locator("td").first.inner_text()
    ana.locator("#item-search").fill(last)
    expect(ana.locator("#items-count")).to_contain_text("de 1.200 itens")
    expect(rows.first).to_contain_text(last)
    ana.locator("#item-search").fill("nada disto")
    expect(ana.locator("#items")).to_contain_text('Nenhum item com "nada disto"')

    ana.add_init_script("window.print = () => {}")
    ana.goto(f"{address}?print=1")
    expect(rows).to_have_count(1200)
    expect(ana.locator(".only-print")).to_contain_text("Impresso em")
    ana.emulate_media(media="print")
    expect(rows.last).to_be_visible()
    expect(ana.locator("nav:visible")).to_have_count(0)
    expect(ana.locator(".only-print")).to_be_visible()
    expect(ana.locator(".masthead .nav")).to_be_hidden()


@pytest.mark.parametrize("size", [{}, PHONE], ids=["1366", "360"])
def test_the_parts_of_an_order_change_in_place_and_have_addresses(page_of, size):
    ana = page_of("ana", **size)
    address = open_order(ana, O1.web_number)
    ana.evaluate("window.stillHere = true")

    for name, end in (("Itens", "itens"), ("Financeiro", "financeiro"), ("Hist", "historico")):
        part_link(ana, name).click()
        expect(ana).to_have_url(re.compile(f"{address}/{end}$"))
        expect(part_link(ana, name)).to_have_attribute("aria-current", "page")
        expect(part_link(ana, name)).to_be_focused()
        assert widest(ana) <= 0
    assert ana.evaluate("window.stillHere") is True
    ana.go_back()
    expect(ana).to_have_url(re.compile(f"{address}/financeiro$"))
    expect(ana.locator("#titles")).to_be_visible()
    expect(ana.locator("h1")).to_contain_text(O1.web_number)
    ana.reload()
    expect(ana.locator("#titles")).to_be_visible()


def test_the_parts_of_an_order_work_without_scripts(page_of):
    ana = page_of("ana", java_script_enabled=False)
    ana.goto(f"/pedidos?q={O1.web_number}")
    with ana.expect_navigation():
        part_link(ana, "Itens").click()
    ana.locator("#item-search").fill("nada disto")
    with ana.expect_navigation():
        ana.locator(".item-search button").click()
    expect(ana.locator("#items")).to_contain_text('Nenhum item com "nada disto"')
    with ana.expect_navigation():
        part_link(ana, "Hist").click()
    with ana.expect_navigation():
        ana.locator(".kinds a", has_text="Documentos").click()
    expect(ana.locator(".kinds [aria-current]")).to_contain_text("Documentos")


def test_an_open_order_says_that_there_is_news_and_moves_nothing(page_of, product):
    ana = page_of("ana")
    address = open_order(ana, O1.web_number)
    ask = "document.getElementById('freshness').dispatchEvent(new CustomEvent('freshen'))"
    with ana.expect_response(lambda answer: "/fontes" in answer.url) as asked:
        ana.evaluate(ask)
    assert asked.value.status in {200, 304}

    place = ana.locator("#documents").bounding_box()
    number = f"OC-{int(time.time())}"
    ana.request.fetch(f"{address}", method="GET")
    other = ana.context.new_page()
    other.goto(f"{address}/perguntar")
    other.locator("#text").fill(f"Quando chega? {number}")
    with other.expect_navigation():
        other.locator("main form button[type=submit]").click()
    ana.evaluate(ask)
    expect(ana.locator("#freshness")).to_contain_text("Há novidades")
    assert ana.locator("#documents").bounding_box() == place
    ana.locator("#freshness a").click()
    expect(ana.locator("#timeline")).to_contain_text(number)
