"""Data one can trust, and operations that see to it: A02 to A05, B25, B28."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import expect

from erp_bridge.simulators.cast import O1, O7
from tests.journeys.conftest import api_order, search

FOUND = re.compile(r"^(?!.*/procurar/).*/pedidos/[0-9a-f-]{36}")


def _do(page, errand):
    """Press one of operations' buttons, and wait until a worker has done it."""
    with page.expect_navigation():
        page.locator(f"main button[value={errand}]").first.click()
    notice = page.locator("#errand")
    expect(notice.locator(".spin")).to_have_count(0, timeout=30_000)
    return notice


def _number():
    """Make a number that no other journey uses."""
    return f"{time.time_ns() // 1000 % 10**9:09d}"


def _look_up(page, number):
    """Ask for a number that is not here yet until it is."""
    search(page, number)
    with page.expect_navigation():
        page.get_by_role("button", name=re.compile("procurar", re.IGNORECASE)).first.click()
    page.wait_for_url(FOUND, timeout=30_000)


def _read_again(page, number):
    """Open an order and have it read again from every source."""
    search(page, number)
    with page.expect_navigation():
        page.locator("#freshness button").click()
    expect(page.locator("#freshness [role=status]")).to_have_count(0, timeout=30_000)
    page.reload()


def _web_order(product, order_id, **told):
    product.control("vtex", "orders", {"order_id": order_id, "company": "alfa", **told})


def _await_status(page, number, status):
    """Wait until the newest state has come in by the feed."""
    found = []
    for _ in range(80):
        found = page.request.get("/api/v1/orders", params={"number": number}).json()["results"]
        if [order["status_raw"] for order in found] == [status]:
            return
        time.sleep(0.5)
    pytest.fail(f"{number} is {found}, not {status}")


def test_a02_a03_events_again_and_out_of_order_end_in_the_newest_state(page_of, product):
    order_id = f"119{_number()}1-01"
    page = page_of("ana")
    for status in ("payment-pending", "ready-for-handling", "handling"):
        _web_order(product, order_id, status=status)
    _await_status(page, order_id, "handling")
    before = api_order(page, order_id)

    for _ in range(20):  # the same state again still is an event
        _web_order(product, order_id, status="handling")
    product.await_feed()

    after = api_order(page, order_id)
    assert after["id"] == before["id"]
    ages = {"sources", "as_of"}
    assert {k: v for k, v in after.items() if k not in ages} == {
        k: v for k, v in before.items() if k not in ages
    }


def test_a04_a_wrong_merge_is_split_by_hand_and_stays_split(page_of, product):
    order_id, number = f"119{_number()}2-01", f"0009{_number()[:6]}"
    _web_order(product, order_id, status="ready-for-handling")
    ana = page_of("ana")
    _await_status(ana, order_id, "ready-for-handling")
    product.control("erp", "orders", {"web_number": order_id, "erp_number": number, "status": 3})
    _read_again(ana, order_id)
    assert api_order(ana, number)["id"] == api_order(ana, order_id)["id"]

    olga = page_of("olga")
    olga.goto("/operacao/divergencias")
    olga.locator("details", has=olga.locator("#split-number")).locator("summary").click()
    olga.locator("#split-connection").select_option("erp")
    olga.locator("#split-number").fill(number)
    olga.locator("#split-reason").fill("não é o mesmo pedido")
    _do(olga, "split")

    assert api_order(ana, number)["id"] != api_order(ana, order_id)["id"]
    # Reading either side again does not bring them together.
    _web_order(product, order_id, status="handling")
    _await_status(ana, order_id, "handling")
    assert api_order(ana, number)["id"] != api_order(ana, order_id)["id"]


def test_a05_a_status_that_the_erp_invents_shows_as_itself_until_somebody_says(page_of, product):
    number = f"0008{_number()[:6]}"
    product.control("erp", "orders", {"company": "alfa", "erp_number": number, "status": 42})
    ana, olga = page_of("ana"), page_of("olga")
    _look_up(ana, number)
    chip = ana.locator(".order-title .chip")
    expect(chip).to_contain_text("42")
    expect(chip).to_contain_text("não mapeado")

    olga.goto("/operacao/situacoes")
    row = olga.locator("main tbody tr", has=olga.get_by_text("42", exact=True))
    expect(row).to_have_count(1)
    row.locator("summary").click()
    row.locator("select[name=fulfilment]").select_option("picking")
    with olga.expect_navigation():
        row.locator("button[value=map-status]").click()
    expect(olga.locator("main tbody tr", has_text="Em separação").first).to_be_visible(
        timeout=30_000
    )

    # Its orders are merged anew one after the other, after the rule is there.
    for _ in range(60):
        ana.reload()
        if "Em separação" in chip.inner_text():
            break
        time.sleep(0.5)
    expect(chip).to_have_text(re.compile("Em separação"))


def test_b25_with_both_sources_slow_the_stored_order_paints_and_its_ages_follow(page_of, product):
    page = page_of("ana")
    search(page, O1.web_number)
    # Results while typing change the address too; wait for the order itself.
    expect(page.locator("h1")).to_contain_text(O1.web_number)
    address = page.url.split("?")[0]
    for source in ("vtex", "erp"):
        product.control(source, "faults", {"route": "*", "mode": "slow", "seconds": 8})
    try:
        began = time.monotonic()
        page.goto(address)
        expect(page.locator("h1")).to_contain_text(O1.web_number)
        assert time.monotonic() - began < 3
        place = page.locator("#documents").bounding_box()
        if page.locator("#freshness [role=status]").count() == 0:
            # Read too recently to ask by itself.
            page.locator("#freshness button").click()
        expect(page.locator("#freshness [role=status]")).to_be_visible()

        expect(page.locator("#freshness [role=status]")).to_have_count(0, timeout=60_000)
        assert page.locator("#documents").bounding_box() == place
        assert page.locator("#freshness time").count() == 2
    finally:
        for source in ("vtex", "erp"):
            product.control(source, "reset")
            product.await_state(source, "ok")


def test_b28_an_order_older_than_vtex_serves_is_found(page_of):
    page = page_of("ana")
    search(page, O7.erp_number)

    expect(page.locator("h1")).to_contain_text(O7.erp_number)
    expect(page.locator("main")).to_contain_text("2019")
