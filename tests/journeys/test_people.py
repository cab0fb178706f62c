"""Who belongs to a company: invitations by real mail, links into it, leaving it (B12, B33)."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from erp_bridge.simulators.cast import O1, O2
from erp_bridge.simulators.mail import text_of
from tests.journeys.conftest import Product, api_order, search

PASSWORD = "verde abacate 71 tijolos"


def invite(product: Product, rita: Page, email: str, role: str) -> str:
    """Have Rita invite somebody, and take the link from the mail that arrives."""
    rita.goto("/empresa/pessoas")
    rita.get_by_role("link", name="Convidar", exact=True).click()
    rita.locator("#email").fill(email)
    rita.get_by_role("radio", name=re.compile(f"^{role}")).check()
    with rita.expect_navigation():
        rita.get_by_role("main").get_by_role("button", name="Convidar").click()
    expect(rita.locator("main")).to_contain_text(f"O convite está sendo enviado a {email}")
    mail = product.await_mail(email, "Convite")
    return re.search(r"https?://\S+/convite/\w+", text_of(mail)).group()


def accept(page: Page, link: str, name: str) -> None:
    """Open an invitation's link as somebody new."""
    page.goto(link)
    expect(page.locator("h1")).to_contain_text("Convite para a Alfa Distribuidora")
    assert page.url.endswith("/convite")
    page.locator("#name").fill(name)
    page.locator("#password").fill(PASSWORD)
    with page.expect_navigation():
        page.get_by_role("button", name="Entrar na Alfa").click()


def test_an_invited_person_comes_in_by_the_mailed_link_once(product, page_of):
    rita, new = page_of("rita"), page_of("")
    link = invite(product, rita, "kim@alfa.example", "Consulta")

    accept(new, link, "Kim Lopes")

    search(new, O1.web_number)
    expect(new.locator("h1")).to_contain_text(O1.web_number)
    # Read only: documents, and nothing of what is to pay.
    assert new.goto("/financeiro").status == 404
    assert page_of("").goto(link).status == 404
    rita.goto("/empresa/pessoas?q=kim")
    expect(rita.locator("tbody")).to_contain_text("Kim Lopes")


def test_b12_a_mailed_link_into_another_own_company_asks_before_it_switches(product, page_of):
    davi = page_of("davi")
    davi.goto("/pedidos")
    davi.locator(".company-menu summary").click()
    with davi.expect_navigation():
        davi.locator(".company-menu button", has_text="Alfa").click()
    plain = api_order(davi, O1.web_number)["portal_path"]
    alfa = davi.locator(".company-menu button", has_text="Alfa").get_attribute("value")
    davi.locator(".company-menu summary").click()
    with davi.expect_navigation():
        davi.locator(".company-menu button", has_text="Beta").click()

    davi.goto(f"/c/{alfa}{plain}")

    expect(davi.locator("h1")).to_contain_text("Este link é da Alfa")
    expect(davi.locator("main")).not_to_contain_text(O1.web_number)
    with davi.expect_navigation():
        davi.get_by_role("button", name="Continuar como Alfa").click()
    expect(davi.locator("h1")).to_contain_text(O1.web_number)
    assert davi.url.endswith(plain)
    assert page_of("bruno").goto(f"/c/{alfa}{plain}").status == 200


@pytest.fixture
def ana_stays(product) -> Iterator[None]:
    """See to it that the journeys after this one find Ana where she was, whatever happens."""
    yield
    product.sessions.pop("ana", None)
    with product.open_database() as database:
        database.execute(
            "UPDATE companies_membership SET is_active = true FROM accounts_person AS p"
            " WHERE p.id = person_id AND p.email = 'ana@alfa.example'"
        )


def test_b33_who_left_the_company_sees_nothing_and_their_links_stop(product, page_of, ana_stays):
    """Ana leaves, her orders stay; she comes back as anybody would, by an invitation."""
    product.sessions.pop("ana", None)
    rita, ana = page_of("rita"), page_of("ana")
    search(ana, O1.web_number)
    order = ana.url
    xml = ana.locator("#documents li", has_text="XML da NF-e").filter(has_text="Disponível")
    xml.first.get_by_role("link", name="Enviar").click()
    ana.get_by_role("button", name="Criar link").click()
    shared = ana.locator(".new-link code").inner_text()
    assert page_of("").goto(shared).status == 200

    rita.goto("/empresa/pessoas?q=ana@alfa")
    rita.get_by_role("link", name="Ana Prado").click()
    rita.get_by_role("link", name="Remover da empresa").click()
    with rita.expect_navigation():
        rita.get_by_role("button", name="Remover").click()
    removed = time.monotonic()

    while ana.goto(order).status == 200 and "/login" not in ana.url:
        assert time.monotonic() - removed < 60
        time.sleep(1)
    expect(ana.locator("body")).not_to_contain_text(O1.web_number)
    assert ana.request.get("/api/v1/orders", params={"number": O1.web_number}).status in {401, 403}
    assert page_of("").goto(shared).status == 404
    for facts in (O1, O2):
        search(rita, facts.erp_number)
        expect(rita.locator("h1")).to_contain_text(facts.web_number or facts.erp_number)

    link = invite(product, rita, "ana@alfa.example", "Comprador")
    back = page_of("")
    back.goto(link)
    back.get_by_role("main").get_by_role("link", name="Entrar").click()
    product.fill_in(back, "ana")
    with back.expect_navigation():
        back.get_by_role("button", name="Entrar na Alfa").click()
    search(back, O1.web_number)
    expect(back.locator("h1")).to_contain_text(O1.web_number)
