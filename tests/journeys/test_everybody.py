"""What holds for everybody: without scripts, in another language."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from erp_bridge.simulators.cast import O1
from tests.journeys.conftest import search


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
