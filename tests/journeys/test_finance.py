"""What is to pay, in a browser: the list, a selection, the month, and a calendar's address."""

from __future__ import annotations

import re
import urllib.error
import urllib.request

import pytest
from playwright.sync_api import expect

from erp_bridge.simulators.cast import O1


def test_the_selection_adds_itself_up_as_the_server_would(page_of, product):
    page, plain = page_of("bruno"), product.open_browser("bruno", java_script_enabled=False)
    # What workers read meanwhile may change the list between two looks at it.
    for _each in range(3):
        live, summed, count = _both_sums(page, plain.new_page())
        if live == summed:
            break
    plain.close()

    assert live == summed
    assert live[:2] == ["Selecionados:", str(count)]


def _both_sums(page, without):
    """Select all of a page and read the sum: live, and from the server without scripts."""
    page.goto("/financeiro?state=all")
    page.get_by_label("Selecionar todos desta página").check()
    live = page.locator(".selection [role=status]").inner_text()
    expect(page.get_by_role("button", name="Somar os selecionados")).to_be_hidden()
    ids = page.locator("[name=sel]").evaluate_all("boxes => boxes.map(box => box.value)")

    without.goto("/financeiro?state=all")
    for each in ids:
        without.locator(f"[name=sel][value='{each}']").check()
    without.get_by_role("button", name="Somar os selecionados").click()
    summed = without.locator(".selection [role=status]").inner_text()
    return live.split(), summed.split(), len(ids)


def test_a_title_leads_to_its_order_and_is_found_by_its_invoice(page_of):
    page = page_of("bruno")
    page.goto("/financeiro?state=all")
    page.get_by_label("Número da NF ou do pedido").fill(O1.web_number)
    page.get_by_role("button", name="Filtrar", exact=True).click()

    rows = page.locator("table.titles tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.filter(has_text="Pago")).to_have_count(1)
    expect(rows.filter(has_text=re.compile(r"vencido há \d dias"))).to_have_count(1)
    rows.first.get_by_role("link", name=O1.web_number).click()
    expect(page.locator("h1")).to_contain_text(O1.web_number)


def test_a_calendar_reads_its_address_until_its_person_ends_it(page_of, product):
    page = page_of("bruno")
    page.goto("/financeiro")
    page.get_by_role("link", name="Calendário de vencimentos").click()
    page.get_by_role("button", name="Criar o endereço").click()
    address = page.locator("#feed-address").inner_text()

    with urllib.request.urlopen(address, timeout=10) as answer:
        body = answer.read().decode()
    assert body.startswith("BEGIN:VCALENDAR\r\n")
    assert body.count("BEGIN:VEVENT") > 0
    assert not re.search(r"[0-9]{44}", body)

    page.get_by_role("button", name="Encerrar o endereço").click()
    expect(page.get_by_role("button", name="Criar o endereço")).to_be_visible()
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(address, timeout=10)
    assert refused.value.code == 404
    refused.value.close()
