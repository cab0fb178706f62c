"""Single sign-on with real providers on this machine: set up by operations, used in a browser."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.factories.identity import IDP_ENTITY, make_pair, saml_server

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


def test_people_of_a_company_sign_in_by_openid_connect(page_of):
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
            assert "Davi" in davi.locator("header").inner_text()

            other = page_of("")
            other.goto("/accounts/oidc/beta-id/login/")
            other.locator("input[name=sub]").fill("s1")
            other.get_by_role("button", name="Authorize").click()
            expect(other.get_by_role("alert")).to_contain_text("não vale para o seu e-mail")
            assert other.request.get("/api/v1/orders").status == 401
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
            assert "Suzana" in suzana.locator("header").inner_text()
        finally:
            switch_off(operations, "loja-id")
