"""A source is down: B23, B24."""

from __future__ import annotations

import time

from playwright.sync_api import expect

from erp_bridge.simulators.cast import O1, O2
from tests.journeys.conftest import api_order, search


def _seconds(page, text):
    started = time.monotonic()
    search(page, text)
    return time.monotonic() - started


def test_b23_with_the_erp_dead_stored_orders_and_documents_still_answer(page_of, product):
    page = page_of("bruno")
    xml = next(d for d in api_order(page, O1.web_number)["documents"] if d["kind"] == "nfe_xml")
    stored = page.request.get(xml["download_url"]).body()
    with product.fault("erp", "dead"):
        banner = page.locator("main").get_by_text("ERP sem resposta desde").first
        assert _seconds(page, O1.web_number) < 5
        expect(banner).to_be_visible()
        expect(page.locator("h1")).to_contain_text(O1.web_number)
        assert page.request.get(xml["download_url"]).body() == stored

        search(page, "990011")
        expect(page.locator("main")).to_contain_text("o pedido pode existir")


def test_b24_with_vtex_dead_orders_of_the_erp_are_unaffected(page_of, product):
    page = page_of("ana")
    with product.fault("vtex", "dead"):
        banner = page.locator("main").get_by_text("Site sem resposta desde").first
        search(page, O1.web_number)
        expect(banner).to_be_visible()
        assert _seconds(page, O2.erp_number) < 5
        expect(page.locator("h1")).to_contain_text(O2.erp_number)
