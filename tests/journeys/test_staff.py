"""Support: S01, S02, S05, S06."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from erp_bridge.simulators.cast import O1, O5
from tests.journeys.conftest import say, search


def _act(page, company, reason="chamado 8812"):
    """Find the shared own number and act for one of its two companies."""
    search(page, "PO-2026/0815", "/atendimento")
    row = page.locator("main tbody tr", has_text=company)
    with page.expect_navigation():
        row.get_by_role("link").first.click()
    page.locator("#reason").fill(reason)
    with page.expect_navigation():
        page.get_by_role("button", name=say("Act for this company")).click()


@pytest.mark.usefixtures("any_language")
def test_s01_a_number_shows_both_companies_and_nothing_more(page_of):
    page = page_of("suzana")
    search(page, "PO-2026/0815", "/atendimento")

    rows = page.locator("main tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.filter(has_text="Alfa")).to_have_count(1)
    expect(rows.filter(has_text="Beta")).to_have_count(1)
    for ending, order in (("0001-95", O1), ("01DE-35", O5)):
        expect(rows.filter(has_text=order.web_number)).to_contain_text(ending)
    for hidden in ("R$", "DANFE", "XML", say("Boleto"), order.erp_number):
        expect(page.locator("main")).not_to_contain_text(hidden)
    # She must choose: until then no address of either company opens.
    company = rows.filter(has_text="Alfa").get_by_role("link").first.get_attribute("href")
    assert company is not None
    assert "/atendimento/atuar" in company


@pytest.mark.usefixtures("any_language")
def test_s02_acting_needs_a_reason_and_shows_a_bar_on_every_page(page_of, product):
    page = page_of("suzana")
    search(page, "PO-2026/0815", "/atendimento")
    with page.expect_navigation():
        page.locator("main tbody tr", has_text="Alfa").get_by_role("link").first.click()
    page.locator("#reason").fill("abc")
    page.locator("#reason").evaluate("field => { field.form.noValidate = true }")
    with page.expect_navigation():
        page.get_by_role("button", name=say("Act for this company")).click()
    expect(page.locator("#reason-error")).to_be_visible()
    expect(page.locator("#reason")).to_have_value("abc")

    page.locator("#reason").fill("chamado 8812")
    with page.expect_navigation():
        page.get_by_role("button", name=say("Act for this company")).click()
    expect(page.locator("h1")).to_contain_text(O1.web_number)
    assert re.search(r"/c/[0-9a-f-]{36}/pedidos/", page.url)
    for path in (page.url, re.sub(r"/pedidos/.*", "/pedidos", page.url)):
        page.goto(path)
        bar = page.locator(".agentbar")
        expect(bar).to_contain_text("Alfa")
        expect(bar).to_contain_text("chamado 8812")
        expect(bar).to_contain_text(re.compile(r"\d+ min"))
        colour = "element => getComputedStyle(element).backgroundColor"
        assert bar.evaluate(colour) != page.locator("body").evaluate(colour)
    started = product.acting_lines("acting_started")[-1]
    assert (started["person"], started["company"]) == (
        "suzana@seller.example",
        "Alfa Distribuidora",
    )
    assert started["reason"] == "chamado 8812"


def test_s05_logging_out_ends_acting_and_back_shows_nothing(product, page_of):
    context = product.open_browser()
    page = context.new_page()
    product.sign_in(page, "suzana")
    _act(page, "Alfa")
    address = page.url
    page.locator(".person summary").click()
    with page.expect_navigation():
        page.locator(".person button").last.click()

    page.go_back()
    expect(page.locator("body")).not_to_contain_text(O1.erp_number)
    page.goto(address)
    expect(page.locator("body")).not_to_contain_text(O1.web_number)
    product.sign_in(page, "suzana")
    answer = page.goto(address)
    assert answer is not None
    assert answer.status == 404
    expect(page.locator("body")).not_to_contain_text(O1.web_number)
    context.close()


def test_s05_half_an_hour_without_use_ends_acting_everywhere(page_of, product):
    page = page_of("suzana")
    _act(page, "Alfa", reason="chamado 5050")
    second = page.context.new_page()
    assert second.goto(page.url).status == 200
    with product.open_database() as database:
        database.execute(
            "UPDATE companies_acting SET seen_at = seen_at - interval '31 minutes'"
            " WHERE reason = 'chamado 5050'"
        )

    for tab in (page, second):
        answer = tab.goto(tab.url)
        assert answer is not None
        assert answer.status == 404
        tab.goto("/atendimento")
        tab.go_back()
        for trace in (O1.web_number, O1.erp_number, "Alfa Distribuidora Ltda"):
            expect(tab.locator("body")).not_to_contain_text(trace)
    ended = product.acting_lines("acting_ended")[-1]
    assert (ended["reason"], ended["detail"]["how"]) == ("chamado 5050", "idle")


def test_s06_two_tabs_keep_their_own_company(page_of, product):
    alfa = page_of("suzana")
    _act(alfa, "Alfa", reason="chamado 6001")
    beta = alfa.context.new_page()
    _act(beta, "Beta", reason="chamado 6002")

    alfa.reload()
    expect(alfa.locator(".agentbar")).to_contain_text("Alfa")
    expect(alfa.locator("h1")).to_contain_text(O1.web_number)
    beta.reload()
    expect(beta.locator(".agentbar")).to_contain_text("Beta")
    expect(beta.locator("h1")).to_contain_text(O5.web_number)

    # A form that is sent from Alfa's tab, after Beta's was opened, is of Alfa.
    alfa.locator(".agentbar").get_by_role("link", name=re.compile("vendo como")).click()
    alfa.locator("#reason").fill("chamado 6003")
    with alfa.expect_navigation():
        alfa.get_by_role("button", name="Alterar o motivo").click()
    expect(alfa.locator(".agentbar")).to_contain_text("chamado 6003")
    beta.reload()
    expect(beta.locator(".agentbar")).to_contain_text("Beta")
    expect(beta.locator(".agentbar")).to_contain_text("chamado 6002")
    reasons = {
        line["reason"]: line["company"] for line in product.acting_lines("acting_started")[-2:]
    }
    assert reasons == {"chamado 6001": "Alfa Distribuidora", "chamado 6002": "Beta Comércio"}
