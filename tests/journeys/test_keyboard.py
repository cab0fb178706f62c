"""Hands without a mouse: B37."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from erp_bridge.simulators.cast import O1
from tests.journeys.conftest import is_phone, search, speak
from tests.journeys.test_box import ORDER


def test_b37_without_a_mouse_from_the_box_to_the_documents(page_of):
    page = page_of("ana")
    page.goto("/pedidos")
    # The box has the focus already, and does not take the key for what is typed.
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type(O1.web_number)
    expect(page.locator("#q")).to_have_value(O1.web_number)
    with page.expect_navigation(url=re.compile("/pedidos/[0-9a-f-]{36}")):
        page.keyboard.press("Enter")
    expect(page.locator("h1")).to_be_focused()
    page.keyboard.press("d")
    expect(page.locator("#documents-heading")).to_be_focused()

    search(page, "4500")
    table = page.locator("#results table")
    expect(table.locator("caption")).to_have_count(1)
    assert table.locator("thead th[scope=col]").count() == table.locator("thead th").count()
    expect(page.locator("#announce")).to_contain_text(re.compile(r"\d+ pedidos encontrados"))
    page.goto("/pedidos")
    expect(page.locator("#results th[aria-sort]:not([aria-sort=none])")).to_have_count(1)


def test_b37_an_order_is_found_and_its_documents_reached_without_a_mouse(page_of):
    page = page_of("ana")
    page.goto("/financeiro")
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type(O1.web_number)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_be_focused()
    expect(page).to_have_url(ORDER)
    page.keyboard.press("g")
    page.keyboard.press("p")
    expect(page).to_have_url(re.compile(r"/pedidos$"))

    expect(page.locator("table caption").first).to_be_attached()
    if not is_phone(page):  # there it would raise a keyboard over the list
        expect(page.locator("#q")).to_be_focused()
        page.keyboard.press("Escape")
    page.keyboard.press("j")
    first = page.locator("table.rows tbody tr").nth(0).get_by_role("link").first
    expect(first).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(first).to_be_focused()
    page.keyboard.press("/")
    page.keyboard.press("ArrowDown")
    expect(first).to_be_focused()
    page.keyboard.press("o")
    expect(page).to_have_url(ORDER)


def test_b37_keys_are_listed_switched_off_and_chosen_anew(page_of):
    page = page_of("bruno")
    page.goto("/documentos")
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Atalhos de teclado")
    expect(sheet).to_contain_text("ir para pedidos")
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()

    page.goto("/conta/atalhos")
    page.get_by_label("ir para a busca").fill("s")
    page.get_by_role("button", name="Salvar").click()
    expect(page.locator("main")).to_contain_text("Seus atalhos foram salvos.")
    page.keyboard.press("/")
    expect(page.locator("#q")).not_to_be_focused()
    page.keyboard.press("s")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type("g")
    expect(page.locator("#q")).to_have_value("g")
    page.get_by_label("Atalhos de uma tecla").uncheck()
    page.get_by_role("button", name="Salvar").click()
    page.keyboard.press("s")
    expect(page.locator("#q")).not_to_be_focused()
    page.get_by_role("button", name="Voltar ao padrão").click()
    expect(page.get_by_label("ir para a busca")).to_have_value("/")


@pytest.mark.usefixtures("language_ends")
@pytest.mark.parametrize(
    ("language", "heading"), [("es", "Atajos de teclado"), ("en", "Keyboard shortcuts")]
)
def test_b37_the_list_of_keys_speaks_the_persons_language(page_of, language, heading):
    page = page_of("ana")
    page.goto("/pedidos")
    speak(page, language)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name=heading)).to_be_visible()
