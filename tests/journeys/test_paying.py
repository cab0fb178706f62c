"""Paying: B19, B20, a boleto made anew, a locked one, and the way from the finance page."""

from __future__ import annotations

import re
import time
from datetime import date, timedelta

import pytest
from playwright.sync_api import expect

from erp_bridge.simulators.cast import BOLETOS, DAMAGED, HOSTILE, O1, O6
from tests.journeys.conftest import DAY, LOCALE, api_order, say, saying, search

# What is said of a boleto that the ERP could not be asked about.
UNCHECKED = saying(
    "Could not check with the bank just now. Copy of %(time)s: check amount and beneficiary"
    " before paying.",
    time=r"\d\d:\d\d",
)
# The notice of the page; another waits in it until the line drops.
STATUS = "main [role=status]:not([data-offline])"


def pass_half_a_minute(product):
    """Who clicks within half a minute gets the answer of before: let that time pass."""
    with product.open_database() as database:
        database.execute(
            "UPDATE documents_document SET asked_at = asked_at - interval '31 seconds'"
            " WHERE asked_at IS NOT NULL"
        )


def _boleto(page, number, instalment):
    """Find the boleto of an instalment that stands, with its addresses."""
    order = api_order(page, number)
    boleto = next(
        each
        for each in order["documents"]
        if (each["kind"], each["instalment"]) == ("boleto", instalment)
        and each["state"] != "replaced"
    )
    address = f"/pedidos/{order['id']}/documentos/{boleto['id']}"
    return boleto | {"download_url": address, "payment_url": f"{address}/pagamento"}


@pytest.mark.usefixtures("any_language")
def test_b19_what_was_paid_after_the_last_reading_is_shown_as_paid(page_of, product):
    page = page_of("bruno")
    boleto = _boleto(page, O6.web_number, "1/2")
    search(page, O6.web_number)
    row = page.locator(f"#doc-{boleto['id']}")
    expect(row.locator(".chip")).to_have_text(say("Not yet due"))
    product.pay_boleto(O6.erp_number, 1)

    row.get_by_role("link", name=say("Pay")).click()

    expect(page.locator(STATUS)).to_contain_text(saying("Paid on %(date)s", date=DAY.pattern))
    expect(page.locator("[data-line], [data-copy]")).to_have_count(0)
    # Nor is its file handed out as one to pay: only as the copy of a paid one, named so.
    answer = page.request.get(boleto["download_url"], max_redirects=0)
    assert answer.status == 302
    assert answer.headers["location"].endswith("/pagamento")
    copy = page.request.get(
        f"{boleto['download_url']}?copia=1",
        # What is asked for beside the page does not speak its language by itself.
        headers={"Accept-Language": LOCALE},
    )
    assert say("copy-of-a-paid-boleto") in copy.headers["content-disposition"]
    search(page, O6.web_number)
    expect(row.locator(".chip")).to_have_text(say("Paid"))
    expect(row.get_by_role("link", name=say("Pay"))).to_have_count(0)


@pytest.mark.usefixtures("any_language")
def test_b19_a_silent_erp_leaves_the_stored_copy_with_its_age(page_of, product):
    page = page_of("bruno")
    boleto = _boleto(page, DAMAGED.web_number, "1/2")
    stored = page.request.get(boleto["download_url"])
    assert stored.status == 200
    pass_half_a_minute(product)
    with product.fault("erp", "slow", route="documents", seconds=30):
        began = time.monotonic()
        page.goto(boleto["payment_url"])
        took = time.monotonic() - began
        note = page.locator(STATUS)
        expect(note).to_contain_text(UNCHECKED)
        expect(page.get_by_role("link", name=say("Check again"))).to_have_count(1)
        # Four seconds of patience, and a page's time on a busy machine.
        assert 3.5 < took < 8
        with page.expect_download() as download:
            page.get_by_role("link", name=say("Download the PDF")).click()
        named = saying(
            "copy-of-%(date)s-check-before-paying", date=r"\d{4}(-\d\d){2}-\d{4}"
        ).pattern
        assert re.fullmatch(
            rf"Boleto-1922-1-2-{named}\.pdf",
            download.value.suggested_filename,
        )
        assert download.value.path().read_bytes() == stored.body()


@pytest.mark.usefixtures("any_language")
def test_b19_a_dead_erp_is_not_waited_for(page_of, product):
    page = page_of("bruno")
    boleto = _boleto(page, HOSTILE.web_number, "2/2")
    assert page.request.get(boleto["download_url"]).status == 200
    with product.fault("erp", "dead"):
        pass_half_a_minute(product)
        began = time.monotonic()
        page.goto(boleto["payment_url"])
        assert time.monotonic() - began < 4
        expect(page.locator(STATUS)).to_contain_text(UNCHECKED)
        expect(page.locator("[data-line]")).to_be_visible()


@pytest.mark.usefixtures("any_language")
def test_b20_the_line_is_copied_as_47_digits_and_said_aloud(page_of, product):
    page = page_of("bruno", permissions=["clipboard-read", "clipboard-write"])
    boleto = _boleto(page, O1.web_number, "3/3")
    page.goto(boleto["payment_url"])
    shown = re.sub(r"\D", "", page.locator("[data-line]").inner_text())

    page.get_by_role("button", name=say("Copy the number line")).click()

    toast = page.locator("[data-toast]")
    expect(toast).to_have_text(say("Number line copied: %(count)s digits", count="47"))
    assert (toast.get_attribute("role"), toast.get_attribute("aria-live")) == ("status", "polite")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch(r"[0-9]{47}", copied)
    assert copied == shown
    payee = page.locator(".payee")
    expect(payee).to_contain_text("FORNECEDORA VALE DAS ARARAS LTDA")
    expect(payee).to_contain_text("99.900.100/0001-31")
    pix = page.locator("section", has=page.locator("#by-pix"))
    expect(pix.locator("svg.qr")).to_be_visible()
    expect(pix).to_contain_text("FORNECEDORA VALE DAS ARAR")
    pix.get_by_role("button", name=say("Copy the PIX code")).click()
    expect(toast).to_have_text(say("PIX code copied"))
    code = page.evaluate("navigator.clipboard.readText()")
    assert code == pix.locator(".code").inner_text()
    assert code.startswith("000201")
    *_, line = product.audit_lines("payment_shown", boleto["id"])
    assert (line["person"], line["detail"]["outcome"]) == ("bruno@alfa.example", "payable")


def test_a_boleto_that_was_replaced_leads_to_the_new_one_only(page_of):
    page = page_of("bruno")
    search(page, BOLETOS.web_number)
    old = page.locator("#documents li", has_text="Boleto 2/5").filter(has_text="Substituído")
    expect(old).to_contain_text("Substituído: pague somente o novo.")
    expect(old.get_by_role("link")).to_have_count(1)

    old.get_by_role("link").click()

    expect(page.locator(STATUS)).to_contain_text("Não pague este.")
    expect(page.locator("[data-line]")).to_have_count(0)
    page.get_by_role("link", name="Abrir o boleto novo").click()
    new = _boleto(page, BOLETOS.web_number, "2/5")
    expect(page).to_have_url(re.compile(re.escape(new["payment_url"]) + "$"))
    expect(page.locator("[data-line]")).to_be_visible()


def test_a_boleto_made_anew_since_the_last_reading_is_found_out_at_the_click(page_of, product):
    page = page_of("bruno")
    boleto = _boleto(page, HOSTILE.web_number, "1/2")
    due = date.today() + timedelta(days=40)  # noqa: DTZ011 the simulated world's days
    product.reissue_boleto(HOSTILE.erp_number, 1, due)
    pass_half_a_minute(product)

    page.goto(boleto["payment_url"])

    expect(page.locator(STATUS)).to_contain_text("Substituído por outro boleto")
    expect(page.locator("[data-line]")).to_have_count(0)
    # The new one is read by a worker, soon after.
    for _ in range(60):
        if page.get_by_role("link", name="Abrir o boleto novo").count():
            break
        time.sleep(0.5)
        page.get_by_role("link", name=say("Check again")).click()
    page.get_by_role("link", name="Abrir o boleto novo").click()
    expect(page.locator("main")).to_contain_text(f"{due:%d/%m/%Y}")
    expect(page.locator("[data-line]")).to_be_visible()


def test_a_locked_pdf_can_be_downloaded_and_is_not_shown(page_of):
    page = page_of("bruno")
    boleto = _boleto(page, BOLETOS.web_number, "4/5")

    shown = page.request.get(f"{boleto['download_url']}/ver", max_redirects=0)
    taken = page.request.get(boleto["download_url"])

    assert shown.status == 302
    assert shown.headers["location"] == boleto["download_url"]
    assert taken.headers["content-disposition"].startswith("attachment")
    assert taken.body().startswith(b"%PDF")
    assert b"/Encrypt" in taken.body()


def test_a_pdf_that_would_act_by_itself_is_refused(page_of):
    page = page_of("bruno")
    boleto = _boleto(page, BOLETOS.web_number, "5/5")

    answer = page.request.get(boleto["download_url"])

    assert answer.status == 424
    assert answer.headers["content-type"].startswith("text/html")
    search(page, BOLETOS.web_number)
    expect(page.locator(f"#doc-{boleto['id']} .chip")).to_have_text("Arquivo com defeito")


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_from_any_page_a_boleto_to_pay_is_two_actions_away(product, page_of, scripts):
    page = page_of("bruno", java_script_enabled=scripts)
    page.goto("/pedidos")

    page.get_by_role("link", name="Financeiro", exact=True).click()
    page.locator("table.titles").get_by_role("link", name=re.compile("^Pagar")).first.click()

    expect(page.locator("h1")).to_contain_text("Dados para pagamento")
    expect(page.locator("[data-line], .pay-pix .code").first).to_be_visible()
