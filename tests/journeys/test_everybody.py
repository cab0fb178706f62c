"""What holds for everybody: no script, a phone, a screen reader, another language."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from erp_bridge.simulators.cast import O1
from tests.journeys.conftest import DESKTOP, search

PHONE = {"width": 360, "height": 740}
PAGES = {
    "list": "/pedidos",
    "several": "/pedidos?q=4500",
    "missing": "/pedidos?q=999999",
    "order": f"/pedidos?q={O1.web_number}",
    "not found": "/pedidos/00000000-0000-4000-8000-000000000000",
}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_pages_have_no_accessibility_fault_and_no_sideways_scroll(page_of, viewport):
    page = page_of("ana", viewport=viewport)
    faults = {}
    for name, path in PAGES.items():
        page.goto(path)
        found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
        faults[name] = [fault["id"] for fault in found]
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= viewport["width"], name

    assert faults == {name: [] for name in PAGES}


def test_everything_works_without_javascript(product):
    context = product.open_browser(java_script_enabled=False)
    page = context.new_page()
    product.sign_in(page, "ana")

    search(page, O1.customer_number)
    expect(page.locator("h1")).to_contain_text(O1.web_number)
    search(page, "990077")
    with page.expect_navigation():
        page.get_by_role("button", name="Procurar no ERP agora").click()
    expect(page.locator("#lookup-heading")).to_be_visible()
    with page.expect_download() as download:
        search_and_click_xml(page)
    assert download.value.suggested_filename.startswith("NFe-")
    context.close()


def search_and_click_xml(page):
    search(page, O1.customer_number)
    row = page.locator("#documents li", has_text="XML").first
    row.get_by_role("link", name="Baixar").click()


@pytest.mark.parametrize(
    ("language", "heading", "shipped"),
    [("pt-BR", "Pedido", "Despachado"), ("es", "Pedido", "Despachado"), ("en", "Order", "Shipped")],
)
def test_the_order_page_speaks_the_browsers_language(product, language, heading, shipped):
    context = product.open_browser("ana", locale=language)
    page = context.new_page()
    search(page, O1.web_number)

    expect(page.locator("h1")).to_have_text(f"{heading} {O1.web_number}")
    expect(page.locator(".order-title")).to_contain_text(shipped)
    context.close()
