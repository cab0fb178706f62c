"""Single sign-on with real providers on this machine: set up by operations, used in a browser."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from erp_bridge.simulators.cast import O1
from tests.factories.identity import IDP_ENTITY, make_pair, saml_server
from tests.journeys.conftest import Product

PAGE = "/operacao/acesso"
SAVED, WORKS = "salvo", "como está configurado"


@contextmanager
def openid_provider(**people: dict[str, Any]) -> Iterator[str]:
    """Run `oidc-provider-mock`, in a process of its own, for people by their ids."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    claims = [word for sub, told in people.items() for word in _claims({"sub": sub} | told)]
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "-p", str(port)]
    process = subprocess.Popen(
        [*command, *claims], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _await_port(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(5)


def _claims(told: dict[str, Any]) -> list[str]:
    return ["--user-claims", json.dumps(told)]


def _await_port(port: int) -> None:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("the provider did not start")


def outcome(page: Page) -> str:
    expect(page.locator("#errand.good, #errand.bad")).to_be_visible()
    return page.locator("#errand").inner_text()


def set_up(page: Page, kind: str, slug: str, company: str, domain: str, **fields: str) -> None:
    """Make a provider and its domain, and test it, as operations do."""
    page.goto(PAGE)
    new = f"new-{kind}"
    page.locator(f"summary:has-text('{'OpenID' if kind == 'oidc' else 'SAML'}')").first.click()
    for name, text in {"slug": slug, "label": slug, "company": company, **fields}.items():
        page.locator(f"#{new}-{name}").fill(text)
    page.locator(f"form:has(#{new}-slug) button[value=sign-in-provider]").click()
    assert SAVED in outcome(page)
    page.get_by_role("button", name=f"Testar {slug}").click()
    assert WORKS in outcome(page)
    page.get_by_text("Verificar um domínio").click()
    page.locator("#domain-domain").fill(domain)
    page.locator("#domain-provider").select_option(slug)
    page.locator("#domain-reason").fill("Registro TXT visto no DNS")
    page.locator("form:has(#domain-domain) button[value=email-domain]").click()
    assert "verificado" in outcome(page)


def switch_off(page: Page, slug: str) -> None:
    page.goto(PAGE)
    page.get_by_role("button", name=f"Desligar {slug}").click()
    assert "Ninguém mais" in outcome(page)


def make_required(page: Page, slug: str) -> None:
    page.goto(PAGE)
    page.locator(f"summary[aria-label='Alterar {slug}']").click()
    form = page.locator(f"form:has(input[value={slug}])", has=page.locator("[name=is_required]"))
    form.locator("[name=is_required]").check()
    form.get_by_role("button", name="Salvar").click()
    assert SAVED in outcome(page)
    expect(page.locator("main")).to_contain_text("Único caminho")


def forwarded_without_a_click(davi: Page, password: str) -> None:
    """Follow somebody whose company has one way in: the address is all that they type."""
    davi.goto("/documentos?mes=2026-02")
    davi.locator("[name=login]").fill("davi@beta.example")
    davi.locator("[name=login]").press("Enter")
    davi.wait_for_url(re.compile(r"/oauth2/authorize"))
    davi.locator("input[name=sub]").fill("d1")
    davi.get_by_role("button", name="Authorize").click()
    davi.wait_for_url(re.compile(r"/documentos\?mes=2026-02$"))
    davi.context.clear_cookies()
    # The right password opens nothing any more, sent to the form by hand.
    davi.goto("/accounts/login/")
    answer = davi.context.request.post(
        "/accounts/login/",
        form={
            "csrfmiddlewaretoken": davi.locator("[name=csrfmiddlewaretoken]").first.input_value(),
            "login": "davi@beta.example",
            "password": password,
            "way": "password",
        },
        headers={"Referer": davi.url},
    )
    assert "beta-id" in answer.text()
    assert davi.context.request.get("/api/v1/orders").status == 401


def test_people_of_a_company_sign_in_by_openid_connect(page_of, product):
    operations = page_of("olga")
    person = {"email": "davi@beta.example", "email_verified": True, "name": "Davi Rocha"}
    stranger = {"email": "ana@alfa.example", "email_verified": True}
    with openid_provider(d1=person, s1=stranger) as url:
        set_up(
            operations,
            "oidc",
            "beta-id",
            "Beta Comércio",
            "beta.example",
            server_url=url,
            client_id="portal",
            secret="between-us",
        )
        try:
            davi = page_of("")
            davi.goto("/documentos?mes=2026-01")
            davi.locator("[name=login]").fill("davi@beta.example")
            davi.locator("[name=login]").press("Enter")
            davi.get_by_role("link", name="Continuar com beta-id").click()
            davi.locator("input[name=sub]").fill("d1")
            davi.get_by_role("button", name="Authorize").click()
            davi.wait_for_url(re.compile(r"/documentos\?mes=2026-01$"))
            expect(davi.locator(".person")).to_contain_text("davi@beta.example")

            other = page_of("")
            other.goto("/accounts/oidc/beta-id/login/")
            other.locator("input[name=sub]").fill("s1")
            other.get_by_role("button", name="Authorize").click()
            expect(other.get_by_role("alert")).to_contain_text("não vale para o seu e-mail")
            assert other.request.get("/api/v1/orders").status == 401

            make_required(operations, "beta-id")
            forwarded_without_a_click(page_of(""), product.person("davi")["password"])
        finally:
            switch_off(operations, "beta-id")


def test_staff_sign_in_by_saml(page_of):
    operations = page_of("olga")
    with saml_server() as url:
        set_up(
            operations,
            "saml",
            "loja-id",
            "",
            "seller.example",
            entity_id=IDP_ENTITY,
            sso_url=url,
            x509cert=make_pair()[1],
        )
        try:
            suzana = page_of("")
            suzana.goto("/atendimento")
            suzana.locator("[name=login]").fill("suzana@seller.example")
            suzana.locator("[name=login]").press("Enter")
            suzana.get_by_role("link", name="Continuar com loja-id").click()
            suzana.locator("input[name=email]").fill("suzana@seller.example")
            suzana.get_by_role("button", name="Entrar").click()
            suzana.get_by_role("button", name="Continuar").click()
            suzana.wait_for_url("**/atendimento")
            expect(suzana.locator(".person")).to_contain_text("suzana@seller.example")
        finally:
            switch_off(operations, "loja-id")


@contextmanager
def codes_of_the_shop(product: Product) -> Iterator[None]:
    """Let the connection offer codes of VTEX ID, as `add_connection --setting sign_in=1` does."""
    change = (
        "UPDATE ingest_connection SET settings = jsonb_set(settings, '{reading}',"
        " coalesce(settings->'reading', '{}') || jsonb_build_object('sign_in', %s::int))"
        " WHERE name = 'vtex'"
    )
    with product.open_database() as database:
        database.execute(change, [1])
    try:
        yield
    finally:
        with product.open_database() as database:
            database.execute(change, [0])


def code_for(product: Product, email: str) -> str:
    """Read the code that VTEX ID mailed."""
    with urllib.request.urlopen(f"{product.sources['vtex']}/_control/identity") as answer:
        return str(json.load(answer)[email])


def test_a_code_that_the_shop_mails_opens_the_portal(product, page_of):
    with codes_of_the_shop(product):
        ana = page_of("")
        ana.goto("/pedidos?q=4500")
        ana.locator("[name=login]").fill("ana@alfa.example")
        ana.locator("[name=login]").press("Enter")
        ana.get_by_role("button", name="Receber um código de Site").click()
        expect(ana.locator("main")).to_contain_text("ana@alfa.example")
        ana.locator("[name=code]").fill("not it")
        ana.get_by_role("button", name="Entrar", exact=True).click()
        expect(ana.get_by_role("alert")).to_contain_text("não serve")
        ana.locator("[name=code]").fill(code_for(product, "ana@alfa.example"))
        ana.get_by_role("button", name="Entrar", exact=True).click()
        ana.wait_for_url(re.compile(r"/pedidos\?q=4500$"))
        expect(ana.locator("main")).to_contain_text(O1.web_number)

        # Whom the shop knows and we do not stays outside.
        shopper = page_of("")
        shopper.goto("/accounts/login/")
        shopper.locator("[name=login]").fill("shopper@example.com")
        shopper.locator("[name=login]").press("Enter")
        shopper.get_by_role("button", name="Receber um código de Site").click()
        shopper.locator("[name=code]").fill(code_for(product, "shopper@example.com"))
        shopper.get_by_role("button", name="Entrar", exact=True).click()
        expect(shopper.get_by_role("alert")).to_contain_text("não serve")
        assert shopper.request.get("/api/v1/orders").status == 401

    offered = page_of("")
    offered.goto("/accounts/login/")
    offered.locator("[name=login]").fill("ana@alfa.example")
    offered.locator("[name=login]").press("Enter")
    expect(offered.locator("[name=password]")).to_be_visible()
    expect(offered.get_by_role("button", name="Receber um código de Site")).to_have_count(0)
