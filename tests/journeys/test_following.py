"""Following what moves: B39."""

from __future__ import annotations

import re
import time

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from erp_bridge.simulators.mail import text_of
from tests.journeys.conftest import DESKTOP, api_order
from tests.journeys.test_everybody import PHONE, RULES
from tests.journeys.test_ingestion import _await_status, _number, _read_again, _web_order

SOON = re.compile(r"https?://\S+(/parar-avisos/\S+)")


def _news(product, order_id):
    return [one for one in product.mails("ana") if order_id in str(one["subject"])]


def test_b39_a_followed_order_is_told_of_once_for_each_step_and_ends_by_its_link(page_of, product):
    # Like O3: on the site alone, placed just now.
    order_id, number = f"119{_number()}7-01", f"0007{_number()[:6]}"
    _web_order(product, order_id, status="ready-for-handling")
    page = page_of("ana")
    _await_status(page, order_id, "ready-for-handling")
    address = f"/pedidos/{api_order(page, order_id)['id']}"
    page.goto(address)
    page.get_by_role("button", name="Seguir pedido").click()
    expect(page.get_by_role("button", name="Seguindo")).to_have_attribute("aria-pressed", "true")

    product.control("erp", "orders", {"web_number": order_id, "erp_number": number, "status": 3})
    _read_again(page, order_id)
    first = product.await_mail("ana", f"Pedido {order_id}")
    assert "Entrou no ERP" in text_of(first)
    assert "Dados de:" in text_of(first)
    assert first["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"

    product.change_order(number, invoice=int(_number()[:6]))
    _read_again(page, order_id)
    second = product.await_mail("ana", f"Pedido {order_id}", count=2)
    assert "Faturado" in text_of(second)
    assert len(_news(product, order_id)) == 2

    # Whoever opens the mail needs no log-in to end it.
    stranger = product.open_browser().new_page()
    stranger.goto(SOON.search(text_of(second)).group(1))
    stranger.get_by_role("button", name="Deixar de seguir").click()
    expect(stranger.locator("h1")).to_have_text("Pronto")
    stranger.context.close()
    page.goto(address)
    expect(page.get_by_role("button", name="Seguir pedido")).to_be_visible()


def test_b39_twenty_changes_make_one_mail(page_of, product):
    page = page_of("ana")
    orders = [f"119{_number()}{digit}-01" for digit in (8, 9)]
    for order_id in orders:
        _web_order(product, order_id, status="payment-pending")
        _await_status(page, order_id, "payment-pending")
        page.goto(f"/pedidos/{api_order(page, order_id)['id']}")
        page.get_by_role("button", name="Seguir pedido").click()
        expect(page.get_by_role("button", name="Seguindo")).to_be_visible()

    for turn in range(10):
        for order_id in orders:
            status = "handling" if turn % 2 else "ready-for-handling"
            _web_order(product, order_id, status=status)
    mail = product.await_mail("ana", "Novidades de 2 pedidos")
    time.sleep(35)

    told = [one for one in product.mails("ana") if any(n in text_of(one) for n in orders)]
    assert [str(one["subject"]) for one in told] == [str(mail["subject"])]


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_what_i_am_told_has_no_accessibility_fault_and_no_sideways_scroll(page_of, viewport):
    page = page_of("bruno", viewport=viewport)
    page.goto("/pedidos?situacao=invoiced")
    page.locator("summary", has_text="Seguir esta lista").click()
    page.locator("#follow-name").fill("Faturados")
    faults = {"list": Axe().run(page, options={"runOnly": RULES}).response["violations"]}
    page.locator(".follow-list button[type=submit]").first.click()
    page.goto("/conta/avisos")
    page.locator(".things summary").first.click()
    faults["page"] = Axe().run(page, options={"runOnly": RULES}).response["violations"]

    expect(page.get_by_role("link", name="Faturados")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    found = {name: [fault["id"] for fault in each] for name, each in faults.items()}
    assert found == {"list": [], "page": []}
