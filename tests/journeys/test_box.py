"""The box, in a browser: B01, B03, B05, B26, and what comes while typing."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from erp_bridge.simulators.cast import O1, O2, O5
from tests.journeys.conftest import PHONE, api_order, say, saying, search

ORDER = re.compile(r"/pedidos/[0-9a-f-]{36}")
FOUND = saying(
    "%(count)s order found", many="%(count)s orders found, newest first", count=r"[\d.,]+"
)
# Not those of "search only in", which are options too.
OPTION = "#q-options [role=option]"
DETECTOR = """
window.BarcodeDetector = class {
  static async getSupportedFormats() { return ["code_128", "itf"]; }
  async detect() { return [{ rawValue: "%s" }]; }
};
navigator.mediaDevices.getUserMedia = async () => {
  const canvas = document.createElement("canvas");
  canvas.getContext("2d").fillRect(0, 0, 9, 9);
  return canvas.captureStream();
};
"""


def type_slowly(page, text, selector="#q"):
    page.locator(selector).press_sequentially(text, delay=20)


@pytest.mark.parametrize("viewport", [None, PHONE], ids=["desktop", "phone"])
def test_b01_a_suggestion_is_chosen_by_arrows_and_opens_the_order(page_of, viewport):
    page = page_of("ana", **({"viewport": viewport} if viewport else {}))
    page.goto("/pedidos")
    type_slowly(page, O1.erp_number.lstrip("0"))

    box = page.get_by_role("combobox", name=say("Order number"))
    expect(box).to_have_attribute("aria-expanded", "true")
    option = page.locator(OPTION).first
    expect(option).to_contain_text(O1.erp_number)
    expect(option).to_contain_text(say("ERP order"))
    page.keyboard.press("ArrowDown")
    expect(option).to_have_attribute("aria-selected", "true")
    expect(box).to_have_attribute("aria-activedescendant", "q-option-1")
    page.keyboard.press("Escape")
    expect(option).to_be_hidden()
    expect(box).to_have_value(O1.erp_number.lstrip("0"))
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(ORDER)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_b03_while_typing_the_line_judges_the_check_digit(page_of):
    page = page_of("ana")
    key = api_order(page, O1.web_number)["invoices"][0]["access_key"]
    page.goto("/pedidos")
    page.locator("#q").fill(" ".join(key[at : at + 4] for at in range(0, 44, 4)))

    line = page.locator("#q-panel .recognised")
    expect(line).to_contain_text("Parece uma chave de NF-e (44) · dígito verificador correto")
    page.locator("#q").fill(key[:-1] + ("1" if key[-1] != "1" else "2"))
    expect(line).to_contain_text("dígito verificador não confere")


@pytest.mark.usefixtures("any_language")
def test_b05_nothing_is_sent_under_three_signs_and_control_enter_lists(page_of):
    page, asked = page_of("ana"), []
    page.goto("/pedidos")
    # Pictures and scripts may still be on their way.
    page.on(
        "request",
        lambda request: (
            asked.append(request.url) if request.resource_type in {"fetch", "xhr"} else None
        ),
    )
    type_slowly(page, "45")
    page.wait_for_timeout(700)
    assert asked == []

    type_slowly(page, "00")
    expect(page.locator(OPTION).first).to_be_visible()
    assert len([url for url in asked if "q=" in url]) == 1
    expect(page.locator("#announce")).to_contain_text(FOUND)
    with page.expect_navigation():
        page.keyboard.press("Control+Enter")

    expect(page.locator("#results mark").first).to_be_visible()
    expect(page.locator("main")).not_to_contain_text(O5.erp_number)
    search(page, O1.web_number)
    page.keyboard.press("/")
    page.locator("#q").fill(O1.web_number)
    with page.expect_navigation():
        page.keyboard.press("Control+Enter")
    expect(page.locator("#results tbody tr")).to_have_count(1)


@pytest.mark.usefixtures("any_language")
def test_b05_on_another_page_suggestions_come_over_it(page_of):
    page = page_of("ana")
    search(page, O1.web_number)
    page.keyboard.press("/")
    type_slowly(page, O2.erp_number)

    option = page.locator(OPTION).first
    expect(option).to_contain_text(O2.erp_number)
    option.click()
    expect(page.locator("h1")).to_contain_text(O2.erp_number)


@pytest.mark.usefixtures("any_language")
def test_b26_one_slip_offers_the_order_that_was_meant(page_of):
    page, number = page_of("ana"), O1.erp_number
    wrong = number[:-1] + ("7" if number[-1] != "7" else "8")
    assert page.request.get("/api/v1/orders", params={"number": wrong}).json()["results"] == []

    search(page, wrong)
    with page.expect_navigation():
        page.locator(".nearly").get_by_role("link", name=number).click()
    expect(page.locator("h1")).to_contain_text(O1.web_number)


def test_the_palette_finds_a_number_a_page_and_another_company(page_of):
    page = page_of("davi")
    page.goto("/pedidos")
    page.locator(".company-menu summary").click()
    with page.expect_navigation():
        page.locator(".company-menu button", has_text="Alfa").click()
    page.keyboard.press("Control+k")
    palette = page.get_by_role("combobox", name="Número, página, empresa ou ação")
    expect(palette).to_be_focused()
    palette.press_sequentially(O1.web_number)
    expect(page.locator("dialog [data-found]").first).to_contain_text(O1.web_number)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text(O1.web_number)

    page.keyboard.press("Control+k")
    palette.fill("beta")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.locator("header")).to_contain_text("Beta")


def test_the_camera_reads_a_bar_code_here_and_sends_nothing_but_the_number(page_of):
    page, sent = page_of("ana"), []
    key = api_order(page, O1.web_number)["invoices"][0]["access_key"]
    page.goto("/pedidos")
    expect(page.locator("[data-camera]")).to_be_hidden()
    page.add_init_script(DETECTOR % key)
    page.goto("/pedidos")
    page.on("request", lambda request: sent.append(request.method))
    page.get_by_role("button", name="Ler código de barras com a câmera").click()

    expect(page).to_have_url(ORDER)
    assert set(sent) == {"GET"}
