"""Who sees what: B10, B12."""

from __future__ import annotations

import time
import uuid

from playwright.sync_api import Page, expect

from erp_bridge.simulators.cast import O1, O2
from tests.journeys.conftest import api_order, search


def all_titles(page: Page) -> list[str]:
    """Read the whole list of orders, page by page, as somebody who scrolls to its end."""
    page.goto("/pedidos")
    titles = page.locator("main tbody th[scope=row] a").all_inner_texts()
    while (older := page.locator("main a[rel=next]")).count():
        with page.expect_navigation():
            older.click()
        titles += page.locator("main tbody th[scope=row] a").all_inner_texts()
    return titles


def quickest(page: Page, *paths: str) -> list[float]:
    """Ask for addresses by turns; give the quickest answer of each, which noise cannot make."""
    taken: list[list[float]] = [[] for _ in paths]
    for _ in range(8):
        for path, times in zip(paths, taken, strict=True):
            begun = time.perf_counter()
            assert page.request.get(path).status == 404
            times.append(time.perf_counter() - begun)
    return [min(times) for times in taken]


def test_b10_a_branch_buyer_sees_the_branch_and_nothing_else(page_of, product, limits_end):
    ana, carla = page_of("ana"), page_of("carla")
    address = api_order(ana, O1.web_number)["portal_path"]
    listed = all_titles(carla)
    assert O2.erp_number in listed
    assert O1.web_number not in listed
    assert O1.web_number in all_titles(ana)

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
    *_, attempt = product.audit_lines("not_visible", address.rpartition("/")[2])
    assert (attempt["person"], attempt["company"]) == ("carla@alfa.example", "Alfa Distribuidora")
    of_alfa, of_nobody = quickest(carla, address, f"/pedidos/{uuid.uuid4()}")
    # As exact as a browser on a busy machine can be.
    assert abs(of_alfa - of_nobody) < 0.05


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
