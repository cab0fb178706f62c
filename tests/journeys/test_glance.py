"""What a person sees first, in the language and the way that they chose."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import DESKTOP, PHONE, is_phone, say


@pytest.mark.usefixtures("any_language")
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_b07_first_glance(product, viewport):
    with product.open_browser(viewport=viewport) as context:
        page = context.new_page()
        product.sign_in(page, "ana")

        expect(page.locator("h1")).to_contain_text(say("Orders of %(company)s", company="Alfa"))
        expect(page.locator("table.rows tbody tr")).to_have_count(20)
        rows = page.locator("table.rows tbody").inner_text()
        assert say("Website + ERP") in rows
        times = page.locator("#freshness li")
        expect(times).to_have_count(2)
        expect(times.nth(0)).to_contain_text(re.compile(say("Website") + r".*\d\d:\d\d", re.DOTALL))
        expect(times.nth(1)).to_contain_text(re.compile(r"ERP.*\d\d:\d\d", re.DOTALL))
        # On a phone the places are at the thumb, and the box is one tap away.
        bar = page.locator(".bottom-bar")
        if is_phone(page):
            # Not at the top as well; and said there, before the bar comes: nothing moves.
            expect(page.locator("header .nav.has-bar")).to_be_hidden()
            expect(page.locator("header .nav.has-bar")).to_be_attached()
            expect(bar.get_by_role("link")).to_have_text(
                [say(place) for place in ("Orders", "Documents", "Finance", "Search")]
            )
            assert min(link["height"] for link in map(box_of, bar.get_by_role("link").all())) >= 44
            bar.get_by_role("link", name=say("Search")).click()
            expect(page.locator("#q")).to_be_focused()
        else:
            expect(bar).to_be_hidden()


def box_of(locator):
    box = locator.bounding_box()
    assert box is not None
    return box


def test_first_steps_close_without_scripts_and_come_back_from_help(product):
    with product.open_database() as database:
        database.execute("UPDATE accounts_person SET welcomed_at = NULL WHERE email LIKE 'carla%'")
    with product.open_browser(java_script_enabled=False) as context:
        page = context.new_page()
        product.sign_in(page, "carla")
        panel = page.locator(".welcome")
        expect(panel).to_contain_text("Os pedidos de 1 filial")
        panel.get_by_role("button").click()
        expect(panel).to_have_count(0)
        page.goto("/ajuda")
        page.get_by_role("button", name="Mostrar os primeiros passos de novo").click()
        expect(page.locator(".welcome")).to_be_visible()
        page.locator(".welcome").get_by_role("button").click()
