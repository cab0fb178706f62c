"""Logging in: by code, by passkey, with an app; on a shared computer, and after the end."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import struct
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect

from erp_bridge.simulators.cast import O1
from tests.journeys.conftest import DESKTOP, PHONE
from tests.screens.walk import violations

IN = re.compile(r"/pedidos")


@pytest.fixture
def davi(product) -> Iterator[dict[str, str]]:
    """Somebody whose log-ins elsewhere may end."""
    yield product.person("davi")
    product.sessions.pop("davi", None)


def fresh_page(product, **options) -> Page:
    complaints: list[str] = []
    page = product.open_browser(**options).new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.complaints = complaints  # type: ignore[attr-defined]
    return page


def about_policy(page: Page) -> list[str]:
    return [text for text in page.complaints if "Content Security Policy" in text]  # type: ignore[attr-defined]


def log_out(page: Page) -> None:
    page.locator("details.person summary").click()
    page.get_by_role("button", name="Sair", exact=True).click()
    page.wait_for_url(re.compile(r"accounts/login"))


def code_of(secret: str, *, later: int = 0) -> str:
    """Return what an authenticator app shows, as RFC 6238 has it."""
    step = struct.pack(">Q", int(time.time()) // 30 + later)
    digest = hmac.new(base64.b32decode(secret), step, hashlib.sha1).digest()
    at = digest[-1] & 15
    value = struct.unpack(">I", digest[at : at + 4])[0] & 0x7FFFFFFF
    return f"{value % 1_000_000:06}"


def test_code_by_mail_without_password_or_script(product):
    page = fresh_page(product, java_script_enabled=False)
    page.goto(f"/pedidos?q={O1.customer_number}")
    page.locator("[name=login]").fill(product.person("rita")["email"])
    page.get_by_role("button", name="Continuar").click()
    page.get_by_role("button", name="Receber um código").click()

    mail = product.await_mail("rita@", "Seu código para entrar")
    text = mail.get_body(("plain",)).get_content()
    page.locator("[name=code]").fill(re.search(r"\b\d{6}\b", text)[0])
    page.get_by_role("button", name="Entrar", exact=True).click()

    expect(page).to_have_url(re.compile(rf"/pedidos.*{O1.customer_number.split('/')[0]}"))
    page.context.close()


def test_b31_session_ends_while_a_search_is_typed(product, page_of):
    page, elsewhere = page_of("ana"), fresh_page(product)
    product.sign_in(elsewhere, "ana")
    elsewhere.goto("/pedidos")
    page.goto("/conta")
    page.locator(".things form button").first.click()
    expect(page.locator("main .notice", has_text="Você saiu daquele dispositivo")).to_be_visible()

    elsewhere.locator("#q").press_sequentially("4500", delay=10)
    elsewhere.locator("#q").press("Enter")
    elsewhere.wait_for_url(re.compile("accounts/login"))
    product.fill_in(elsewhere, "ana")

    elsewhere.wait_for_url(re.compile(r"/pedidos\?q=4500$"))
    expect(elsewhere.locator("#q")).to_have_value("4500")
    expect(elsewhere.locator("main")).to_contain_text(O1.web_number)
    elsewhere.context.close()


def test_b32_shared_computer(product):
    page = fresh_page(product)
    product.sign_in(page, "ana")
    page.goto(f"/pedidos?q={O1.web_number}")
    expect(page.locator("h1")).to_contain_text(O1.web_number)
    address = page.url
    page.goto("/conta")
    log_out(page)
    product.sign_in(page, "carla")
    page.goto("/pedidos")

    # What Ana typed stands in the browser's own list of addresses; what it led to is gone.
    # Her name may stand beside an order of Carla's own branch.
    traces = ("ana@alfa.example", O1.erp_number, O1.seller_number, "PO-2026")
    shown = 0
    for _ in range(8):
        try:
            page.go_back()
        except Error as error:
            # Where the password was asked for: the browser does not send it again, and says so.
            if "ERR_CACHE_MISS" not in error.message:
                raise
            page.wait_for_timeout(500)
            continue
        shown += 1
        assert [trace for trace in traces if trace in page.content()] == []
    assert shown > 3
    answer = page.goto(address)
    assert answer is not None
    assert answer.status == 404
    assert [trace for trace in traces if trace in page.content()] == []
    page.context.close()


@pytest.fixture
def passkeys(product) -> Iterator[Page]:
    """A browser with a device that keeps passkeys; there are none for a bare IP address."""
    browser: Browser = product.browser
    context: BrowserContext = browser.new_context(
        base_url=product.url.replace("127.0.0.1", "localhost"), viewport=DESKTOP, locale="pt-BR"
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.complaints = complaints  # type: ignore[attr-defined]
    device = context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    device.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    yield page
    context.close()


def test_passkey_logs_in_without_a_password(product, davi, passkeys):
    page = passkeys
    product.sign_in(page, "davi")
    page.goto("/conta")
    page.get_by_role("link", name="Adicionar passkey").click()
    page.locator("#id_name").fill("Notebook da loja")
    page.get_by_role("button", name="Adicionar a passkey").click()
    expect(page.locator(".codes li")).to_have_count(10)
    page.get_by_role("link", name="Guardei, continuar").click()
    try:
        expect(page.locator("main")).to_contain_text("Notebook da loja")
        log_out(page)
        page.goto("/accounts/login/?next=/financeiro")
        page.get_by_role("button", name="Usar passkey").click()
        page.wait_for_url(re.compile(r"/financeiro$"))

        log_out(page)
        product.fill_in(page, "davi")
        page.get_by_role("button", name="Usar passkey").click()
        page.wait_for_url(IN)
    finally:
        page.goto("/conta")
        page.get_by_role("link", name="Remover Notebook da loja").click()
        page.get_by_role("button", name="Remover a passkey").click()
    expect(page.locator("main")).not_to_contain_text("Notebook da loja")
    product.await_mail("davi@", "Uma mudança na sua conta", count=2)
    assert about_policy(page) == []


def test_app_is_asked_for_after_the_password(product, davi):
    page = fresh_page(product, viewport=PHONE)
    product.sign_in(page, "davi")
    page.goto("/accounts/2fa/totp/activate/")
    secret = page.locator(".secret").text_content()
    assert faults(page) == []
    page.locator("[name=code]").fill(code_of(secret))
    page.get_by_role("button", name="Ligar").click()
    kept = page.locator(".codes li").first.text_content()
    assert faults(page) == []
    page.goto("/conta")
    assert faults(page) == []
    try:
        log_out(page)
        product.fill_in(page, "davi")
        page.wait_for_url(re.compile("2fa/authenticate"))
        assert faults(page) == []
        page.locator("[name=code]").fill("000000")
        page.get_by_role("button", name="Entrar", exact=True).click()
        expect(page.get_by_role("alert").first).to_be_visible()
        page.locator("[name=code]").fill(code_of(secret, later=1))
        page.get_by_role("button", name="Entrar", exact=True).click()
        page.wait_for_url(IN)

        log_out(page)
        product.sign_in(page, "davi")
        page.locator("[name=code]").fill(kept)
        page.get_by_role("button", name="Entrar", exact=True).click()
        page.wait_for_url(IN)
    finally:
        page.goto("/accounts/2fa/totp/deactivate/")
        page.get_by_role("button", name="Remover o aplicativo").click()
    expect(page.locator("#second + .tag")).to_have_text("Desligado")
    assert about_policy(page) == []
    page.context.close()


def faults(page: Page) -> list[str]:
    wide = page.evaluate("document.documentElement.scrollWidth") > page.viewport_size["width"]
    return violations(page) + (["scrolls sideways"] if wide else [])
