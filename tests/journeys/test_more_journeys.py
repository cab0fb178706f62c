"""A big order and hands without a mouse: B29, B37."""

from __future__ import annotations

import re
import time

from playwright.sync_api import expect

from erp_bridge.simulators.cast import O1, O8
from tests.journeys.conftest import api_order, search


def test_b29_a_big_order_shows_fifty_items_at_once_finds_any_and_prints_all(page_of):
    page = page_of("ana")
    order = api_order(page, O8.web_number)
    last = order["lines"][-1]
    began = time.monotonic()
    page.goto(f"/pedidos/{order['id']}/itens")
    rows = page.locator("#items tbody tr:has(th[scope=row])")
    expect(rows).to_have_count(50)
    # Allowed of a busy machine; the budget of a page is measured in benchmarks.
    assert time.monotonic() - began < 3

    page.locator("#item-search").fill(last["sku"])
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text(last["sku"])

    page.goto(f"/pedidos/{order['id']}?print=1")
    page.emulate_media(media="print")
    expect(rows).to_have_count(1200)
    expect(rows.last).to_be_visible()
    expect(page.locator("nav:visible")).to_have_count(0)


def test_b37_without_a_mouse_from_the_box_to_the_documents(page_of):
    page = page_of("ana")
    page.goto("/pedidos")
    page.locator("h1").first.focus()
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type(O1.web_number)
    with page.expect_navigation(url=re.compile("/pedidos/[0-9a-f-]{36}")):
        page.keyboard.press("Enter")
    expect(page.locator("h1")).to_be_focused()
    page.keyboard.press("d")
    expect(page.locator("#documents-heading")).to_be_focused()

    search(page, "4500")
    table = page.locator("#results table")
    expect(table.locator("caption")).to_have_count(1)
    assert table.locator("thead th[scope=col]").count() == table.locator("thead th").count()
    expect(
        page.locator("#results [role=status], #results [aria-live=polite]").first
    ).to_contain_text(re.compile(r"\d+ pedidos"))
    page.goto("/pedidos")
    expect(page.locator("#results th[aria-sort]")).to_have_count(1)
