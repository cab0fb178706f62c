"""Who sees what: B10, B12."""

from __future__ import annotations

from playwright.sync_api import expect

from erp_bridge.simulators.cast import O1, O2
from tests.journeys.conftest import api_order, search


def test_b10_a_branch_buyer_sees_the_branch_and_nothing_else(page_of):
    ana, carla = page_of("ana"), page_of("carla")
    address = api_order(ana, O1.web_number)["portal_path"]

    search(carla, O2.erp_number)
    expect(carla.locator("h1")).to_contain_text(O2.erp_number)
    search(carla, O1.web_number)
    expect(carla.locator("main")).to_contain_text("Nada com")

    hidden = carla.goto(address)
    heading = carla.locator("main").inner_text()
    unknown = carla.goto("/pedidos/00000000-0000-4000-8000-000000000000")
    assert hidden is not None
    assert unknown is not None
    assert (hidden.status, unknown.status) == (404, 404)
    assert carla.locator("main").inner_text() == heading


def test_b12_a_tab_left_behind_shows_nothing_of_the_former_company_until_confirmed(page_of):
    first = page_of("davi")
    first.goto("/pedidos")
    first.locator(".company-menu summary").click()
    with first.expect_navigation():
        first.locator(".company-menu button", has_text="Alfa").click()
    search(first, O1.web_number)
    expect(first.locator("h1")).to_contain_text(O1.web_number)

    second = first.context.new_page()
    second.goto("/pedidos")
    second.locator(".company-menu summary").click()
    expect(second.locator(".company-menu")).not_to_contain_text("Gama")
    with second.expect_navigation():
        second.locator(".company-menu button", has_text="Beta").click()

    expect(first.locator("body")).to_contain_text("Você mudou para")
    expect(first.locator("body")).not_to_contain_text(O1.web_number)
    with first.expect_navigation():
        first.get_by_role("button", name="Alfa").click()
    expect(first.locator("h1")).to_contain_text(O1.web_number)
