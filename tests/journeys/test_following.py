"""Following what moves: B39."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from erp_bridge.simulators.mail import text_of
from tests.journeys.conftest import api_order
from tests.journeys.test_ingestion import _await_status, _number, _read_again, _web_order

SOON = re.compile(r"https?://\S+(/parar-avisos/\S+)")


def _news(product, order_id):
    return [one for one in product.mails("ana") if order_id in str(one["subject"])]


def test_b39_a_followed_order_is_told_of_once_for_each_step_and_ends_by_its_link(page_of, product):
    # Like O3: on the site alone, placed just now.
    product.pause_mail("ana", hours=-1)
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

    product.pause_mail("ana", hours=-1)
    product.let_look_ups_pass()
    product.change_order(number, invoice=int(_number()[:6]))
    _read_again(page, order_id)
    second = product.await_mail("ana", f"Pedido {order_id}", count=2)
    assert "Faturado" in text_of(second)
    assert len(_news(product, order_id)) == 2

    # Whoever opens the mail needs no log-in to end it.
    stranger = product.open_browser().new_page()
    stranger.goto(SOON.search(text_of(second)).group(1))
    stranger.get_by_role("button", name="Deixar de seguir").click()
    expect(stranger.locator("h1")).to_have_text("Feito")
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

    product.pause_mail("ana", hours=1)
    for turn in range(10):
        for order_id in orders:
            status = "handling" if turn % 2 else "ready-for-handling"
            _web_order(product, order_id, status=status)
    for order_id in orders:
        _await_status(page, order_id, "handling")
    product.await_news("ana", orders=2)
    product.pause_mail("ana", hours=-1)
    mail = product.await_mail("ana", "Novidades de 2 pedidos")
    # Nothing is left for a second one.
    product.await_news("ana", orders=0)

    told = [one for one in product.mails("ana") if any(n in text_of(one) for n in orders)]
    assert [str(one["subject"]) for one in told] == [str(mail["subject"])]
