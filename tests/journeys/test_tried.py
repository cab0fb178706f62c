"""The portal tried as a new user would: B04, B36, B38, and how many actions things take."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pypdf
import pytest
from playwright.sync_api import Locator, Page, expect

from erp_bridge.simulators.cast import BETA_TAX_ID, LETTERED, O1, O5
from erp_bridge.simulators.mail import text_of
from tests.journeys.conftest import PHONE, api_order, search, speak

ORDER_ADDRESS = re.compile(r"/pedidos/[0-9a-f-]{36}")


# --- B04 -------------------------------------------------------------------------------------


@pytest.fixture
def in_beta(product) -> Iterator[Page]:
    """Davi in Beta, in a session of his own."""
    context = product.open_browser()
    page = context.new_page()
    product.sign_in(page, "davi")
    page.goto("/pedidos")
    if "Beta" not in page.locator(".company-menu summary").inner_text():
        page.locator(".company-menu summary").click()
        with page.expect_navigation():
            page.locator(".company-menu button", has_text="Beta").click()
    yield page
    context.close()


def test_b04_an_access_key_with_letters_is_taken_in_either_case(in_beta):
    invoices = api_order(in_beta, LETTERED.erp_number)["invoices"]
    key = invoices[0]["access_key"]
    assert re.search("[A-Z]", key), "the key has no letters: the journey proves nothing"

    for typed in (key, key.lower()):
        search(in_beta, typed)
        expect(in_beta).to_have_url(ORDER_ADDRESS)
        expect(in_beta.locator("main")).to_contain_text(LETTERED.erp_number)


def test_b04_a_cnpj_with_letters_is_known_in_either_case_and_kept_as_it_is(in_beta):
    found = []
    for typed in (BETA_TAX_ID, BETA_TAX_ID.lower()):
        search(in_beta, typed)
        expect(in_beta.locator("#q")).to_have_value(typed)
        expect(in_beta.locator("main")).to_contain_text(
            "Parece um CNPJ · dígitos verificadores corretos"
        )
        found.append(in_beta.locator("#results tbody th a").all_inner_texts())

    assert found[0] == found[1] != []


# --- B36 -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("language_ends")
@pytest.mark.usefixtures("any_language")
def test_b36_in_spanish_page_status_dates_money_export_and_mail_change(product):
    context = product.open_browser("bruno")
    page = context.new_page()
    page.goto("/pedidos")
    speak(page, "es")
    expect(page.locator("html")).to_have_attribute("lang", "es")
    search(page, O1.web_number)
    expect(page.locator(".order-title")).to_contain_text("Despachado")
    expect(page.locator("main")).to_contain_text(re.compile(r"R\$\s[\d.]+,\d\d"))
    boleto = page.locator("#documents li", has_text="Boleto").first
    expect(boleto).to_contain_text(re.compile(r"\d\d/\d\d/20\d\d"))
    # The document keeps its Brazilian name, which is explained on hover and on focus.
    name = page.locator("#documents abbr", has_text="DANFE").first
    expect(name).to_have_attribute("title", re.compile("representación impresa de la NF-e"))
    name.focus()
    shown = page.evaluate("getComputedStyle(document.activeElement, '::after').content")
    assert "representación impresa de la NF-e" in shown

    exported = page.request.get("/financeiro/exportar").body().decode("utf-8-sig")
    heading, row = exported.splitlines()[:2]
    assert "Vencimiento" in heading
    assert re.search(r"\d\d/\d\d/20\d\d", row)

    code = product.open_browser(locale="es").new_page()
    code.goto("/accounts/login/code/")
    code.locator("[name=email]").fill("bruno@alfa.example")
    code.locator("[name=email]").press("Enter")
    mail = product.await_mail("bruno@alfa.example", "Su código para entrar")
    assert "minutos" in text_of(mail)
    code.context.close()

    speak(page, "en")
    search(page, O1.web_number)
    expect(page.locator(".order-title")).to_contain_text("Shipped")
    expect(page.locator("main")).to_contain_text(re.compile(r"R\$\s[\d,]+\.\d\d"))
    boleto = page.locator("#documents li", has_text="Boleto").first
    expect(boleto).to_contain_text(re.compile(r"\d{1,2}\s[A-Z][a-z]{2}\s20\d\d"))
    context.close()


@pytest.mark.sweep
def test_a_sample_of_journeys_needs_no_word_of_portuguese(product, page_of, spoken):
    page = page_of("ana", locale=spoken)
    search(page, O1.customer_number)
    expect(page).to_have_url(ORDER_ADDRESS)
    expect(page.locator("html")).to_have_attribute("lang", spoken.lower())
    expect(page.locator("h1")).to_contain_text(O1.web_number)
    expect(page.locator("#documents li")).not_to_have_count(0)

    search(page, O5.web_number)
    expect(page.locator("main")).to_contain_text(O5.web_number)
    expect(page.locator("main").get_by_role("link", name=O5.web_number)).to_have_count(0)

    search(page, "4500")
    rows = page.locator("#results tbody tr")
    assert rows.count() >= 2
    with page.expect_navigation():
        rows.first.get_by_role("link").first.click()
    expect(page).to_have_url(ORDER_ADDRESS)


# --- B38 -------------------------------------------------------------------------------------

# Everything that is pressed, but for links in a sentence (WCAG 2.5.8 leaves them out).
_SMALL = """() => [...document.querySelectorAll(
    "button, summary, select, input:not([type=hidden]), .button, nav a, main th[scope=row] a,"
    + "main p > a:only-child")]
  .filter(each => each.checkVisibility({visibilityProperty: true, opacityProperty: true}))
  .map(each => [each, (each.closest("label") || each).getBoundingClientRect()])
  .filter(([each, box]) => box.width > 1 && Math.round(box.height) < 44)
  .map(([each, box]) => `${Math.round(box.height)} px: ${each.outerHTML.slice(0, 120)}`)"""


def test_b38_on_a_phone_one_card_an_order_and_documents_in_two_taps(product, page_of):
    page = page_of("ana", viewport=PHONE, has_touch=True, is_mobile=True)
    page.goto("/pedidos")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]

    card = page.locator("#results tbody tr").first
    box = card.bounding_box()
    assert box is not None
    assert box["width"] > PHONE["width"] * 0.8
    text = card.inner_text()
    assert re.search(r"R\$\s[\d.]+,\d\d", text)
    assert re.search(r"\d\d/\d\d/20\d\d|hoje", text)
    expect(card.locator(".chip").first).to_be_visible()

    search(page, "4500")
    taps = 0
    with page.expect_navigation():
        page.locator("#results tbody tr", has_text=O1.web_number).get_by_role("link").first.tap()
    taps += 1
    row = page.locator("#documents li", has_text="DANFE").first
    with page.context.expect_page() as opened:
        row.get_by_role("link", name=re.compile("^Ver")).tap()
    taps += 1
    assert taps == 2
    opened.value.close()


@pytest.mark.sweep
@pytest.mark.parametrize(
    "path",
    [
        *("/pedidos", "/financeiro", "/documentos", "/conta", "/ajuda", "/pedidos/lote"),
        *("the order", "the order/itens", "the order/historico"),
    ],
)
def test_b38_what_is_pressed_on_a_phone_is_44_pixels_high(page_of, path):
    page = page_of("bruno", viewport=PHONE, has_touch=True, is_mobile=True)
    order = api_order(page, O1.web_number)["portal_path"]
    page.goto(path.replace("the order", order))

    assert page.evaluate(_SMALL) == []


# --- how many actions --------------------------------------------------------------------------


@dataclass
class Hands:
    """Counts what a person does, and how long it takes them."""

    page: Page
    actions: int = 0
    began: float = field(default_factory=time.monotonic)

    def click(self, what: Locator) -> None:
        """Press something."""
        self.actions += 1
        what.click()

    def type(self, where: Locator, text: str) -> None:
        """Type something and press Enter."""
        self.actions += 1
        where.fill(text)
        with self.page.expect_navigation():
            where.press("Enter")

    @property
    def seconds(self) -> float:
        """Say how long it took until now."""
        return time.monotonic() - self.began


def _open_pdf(hands: Hands, link: Locator) -> bytes:
    """Press what opens a PDF in a tab of its own; give the file that the tab asks for."""
    address = link.get_attribute("href")
    assert address is not None
    with hands.page.context.expect_page() as opened:
        hands.click(link)
    opened.value.close()
    return hands.page.request.get(address).body()


def test_from_log_in_to_a_boletos_pdf_in_two_actions(product):
    context = product.open_browser()
    page = context.new_page()
    product.sign_in(page, "bruno")
    expect(page).to_have_url(re.compile("/pedidos"))
    hands = Hands(page)

    hands.type(page.locator("#q"), O1.web_number)
    boleto = page.locator("#documents li", has_text="Boleto 3/3")
    link = boleto.get_by_role("link", name=re.compile("^Ver"))
    file = _open_pdf(hands, link)

    assert hands.actions == 2
    assert file.startswith(b"%PDF")
    context.close()


def test_support_gets_from_a_spoken_number_to_the_right_danfe_in_fifteen_seconds(page_of):
    page = page_of("suzana")
    page.goto("/atendimento")
    hands = Hands(page)

    hands.type(page.locator("#q"), O1.customer_number)
    with page.expect_navigation():
        hands.click(page.locator("main tbody tr", has_text="Alfa").get_by_role("link").first)
    hands.type(page.locator("#reason"), "chamado 4711")
    first = page.locator("#documents section.invoice", has_text="1001/1")
    danfe = first.locator("li", has_text="DANFE").get_by_role("link", name=re.compile("^Ver"))
    file = _open_pdf(hands, danfe)

    assert hands.seconds < 15
    assert hands.actions == 4
    text = " ".join(each.extract_text() for each in pypdf.PdfReader(io.BytesIO(file)).pages)
    assert "1001" in text
