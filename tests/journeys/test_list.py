"""An employee goes through lists: B07, B13, B14, and neighbours of an order."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from erp_bridge.simulators.cast import O2, O3
from tests.journeys.conftest import PHONE, leave_filters, open_filter, say

ROWS = "#results tbody tr"


def titles(page: Page) -> list[str]:
    return page.locator(f"{ROWS} a.main").all_inner_texts()


def invoiced(page: Page) -> Locator:
    """Find the choice of what was invoiced; following a list has one of that name, too."""
    return page.locator("[data-filter=situacao]").get_by_label(say("Invoiced"), exact=True)


@pytest.mark.usefixtures("any_language")
def test_b07_first_glance_shows_orders_chips_and_how_old_the_data_is(page_of):
    page = page_of("ana")
    page.goto("/pedidos")

    expect(page.locator(ROWS)).to_have_count(20)
    ages = re.compile(rf"{say('Website')}\s+\d\d:\d\d\s+ERP\s+\d\d:\d\d")
    expect(page.locator("#freshness")).to_contain_text(ages)
    assert {O2.erp_number, O3.web_number} <= set(titles(page))
    chips = page.locator(".list-chip")
    assert 0 < chips.count() <= 4
    first = chips.first
    said = re.search(r"[\d.,]+", first.inner_text())[0]
    first.click()
    expect(page).to_have_url(re.compile(r"so=\w+"))
    counted = re.compile(rf"^\s*{re.escape(said)} {say('Order')}", re.IGNORECASE)
    expect(page.locator("main caption")).to_contain_text(counted)


@pytest.mark.usefixtures("any_language")
def test_b13_filters_are_chips_in_the_address_and_back_undoes_one(page_of):
    page = page_of("ana")
    page.goto("/pedidos")
    before = titles(page)

    open_filter(page, "situacao")
    invoiced(page).check()
    expect(page.locator(".pill")).to_have_count(1)
    # The menu is still open, and what was ticked has the focus.
    expect(invoiced(page)).to_be_focused()
    page.keyboard.press("Escape")
    open_filter(page, "valor")
    page.locator("#f-minimo").fill("100")
    page.locator("#f-minimo").press("Tab")
    expect(page.locator(".pill")).to_have_count(2)
    expect(page).to_have_url(re.compile(r"/pedidos\?situacao=invoiced&minimo=100\.00$"))
    narrowed = titles(page)
    assert narrowed != before

    page.reload()
    assert titles(page) == narrowed
    colleague = page_of("bruno")
    colleague.goto(page.url)
    assert titles(colleague) == narrowed

    page.go_back()
    expect(page).to_have_url(re.compile(r"/pedidos\?situacao=invoiced$"))
    expect(page.locator(".pill")).to_have_count(1)
    expect(page.locator("h1")).to_be_visible()
    leave_filters(page)
    page.locator(".pill").click()
    expect(page.locator(".pill")).to_have_count(0)
    expect(invoiced(page)).not_to_be_checked()
    assert titles(page) == before


def test_b14_a_wrong_period_says_so_at_its_field_and_the_list_stays(page_of):
    page = page_of("ana")
    page.goto("/pedidos")
    before, address = titles(page), page.url

    open_filter(page, "periodo")
    page.locator("#f-de").fill("2026-04-01")
    page.locator("#f-de").press("Tab")
    expect(page.locator(".pill")).to_have_count(1)
    middle, address = titles(page), page.url
    page.locator("#f-ate").fill("2026-03-01")
    page.locator("#f-ate").press("Enter")

    wrong = page.locator("#f-de")
    expect(wrong).to_have_attribute("aria-invalid", "true")
    expect(wrong).to_be_focused()
    expect(page.locator("#e-de")).to_have_text("Esta data é posterior à última.")
    expect(page.locator("#f-ate")).to_have_value("2026-03-01")
    assert titles(page) == middle
    assert page.url == address
    assert before


@pytest.mark.parametrize("script", [True, False])
def test_on_a_phone_filters_are_a_sheet_that_says_how_many_it_shows(page_of, script):
    page = page_of("ana", viewport=PHONE, java_script_enabled=script)
    page.goto("/pedidos")
    page.locator("[data-filters] > summary").click()
    sheet = page.locator(".sheet-body")
    expect(sheet).to_be_visible()
    assert sheet.bounding_box() == {"x": 0, "y": 0, **PHONE}

    page.locator("[data-filter=situacao] summary").click()
    invoiced(page).check()
    if script:
        # A key closes one thing at a time: the menu, and the sheet is still there.
        page.keyboard.press("Escape")
        expect(invoiced(page)).to_be_hidden()
        expect(sheet).to_be_visible()
    show = page.get_by_role("button", name="Mostrar")
    if script:
        expect(page.locator(".pill")).to_have_count(1)
    show.click()

    expect(page.locator(".pill")).to_have_count(1)
    expect(sheet).not_to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    expect(page.locator(f"{ROWS} .chip").first).to_have_text("Faturado")


def test_an_order_leads_to_the_next_of_the_list_it_was_opened_from(page_of):
    page = page_of("ana")
    page.goto("/pedidos?situacao=delivered&situacao=shipped&ordem=total")
    listed = titles(page)
    assert len(listed) > 1
    page.locator(f"{ROWS} a.main").first.click()
    expect(page.locator("h1")).to_contain_text(listed[0])

    page.get_by_role("link", name="próximo").click()
    expect(page.locator("h1")).to_contain_text(listed[1])
    page.get_by_role("link", name="anterior").click()
    expect(page.locator("h1")).to_contain_text(listed[0])
    page.locator("a.crumb").first.click()
    assert titles(page) == listed
