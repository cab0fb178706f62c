"""An employee finds orders: B01, B02, B03, B05, B08, B11, B26, B27, B34."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import expect

from erp_bridge.simulators.cast import HOSTILE, O1, O2, O3, O5
from tests.journeys.conftest import api_order, say, saying, search

ORDER_ADDRESS = re.compile(r"/pedidos/[0-9a-f-]{36}")


@pytest.mark.usefixtures("any_language")
def test_b01_web_number_opens_the_order_with_all_its_numbers(page_of):
    page = page_of("ana")
    search(page, O1.web_number)

    expect(page).to_have_url(ORDER_ADDRESS)
    assert O1.erp_number not in page.url
    for number in (
        O1.web_number,
        O1.sequence,
        O1.seller_number,
        O1.erp_number,
        O1.customer_number,
    ):
        expect(page.locator("main")).to_contain_text(number)


@pytest.mark.usefixtures("any_language")
@pytest.mark.parametrize(
    "typed",
    [
        "502556",
        "v502556llux-01",
        "V502556LLUX",
        "#1172452900788-01",
        " 1172452900788 ",
        "0004500123",
        "4500123",
        "PO-2026/0815",
        "po 2026 0815",
        "1001/1",
        "NF 1001",
    ],
)
def test_b02_every_way_of_writing_a_number_leads_to_the_order_alone(page_of, typed):
    page = page_of("ana")
    search(page, typed)

    expect(page).to_have_url(ORDER_ADDRESS)
    expect(page.locator("h1")).to_contain_text(O1.web_number)
    found = saying("Found by: %(kind)s %(number)s", kind=".+", number="")
    expect(page.locator("main")).to_contain_text(found)


def test_b03_access_key_in_groups_of_four_opens_the_order_at_that_invoice(page_of):
    page = page_of("ana")
    invoices = api_order(page, O1.web_number)["invoices"]
    key = next(i["access_key"] for i in invoices if i["number"] == "1001")

    search(page, " ".join(key[i : i + 4] for i in range(0, 44, 4)))

    expect(page).to_have_url(ORDER_ADDRESS)
    anchor = page.url.rpartition("#")[2]
    assert page.locator(f"[id='{anchor}']").count() == 1


def test_b03_mistyped_access_key_says_so_and_offers_the_near_order_in_scope_only(page_of):
    page = page_of("ana")
    key = api_order(page, O1.web_number)["invoices"][0]["access_key"]
    last = key[-1]
    wrong = key[:-1] + ("1" if last != "1" else "2")

    search(page, wrong)
    expect(page.locator("main")).to_contain_text("dígito verificador")
    expect(page.locator("main").get_by_role("link", name=O1.web_number)).to_be_visible()

    stranger = page_of("carla")
    search(stranger, wrong)
    expect(stranger.locator("main")).to_contain_text("dígito verificador")
    expect(stranger.locator("main")).not_to_contain_text(O1.web_number)


@pytest.mark.usefixtures("any_language")
def test_b05_several_results_mark_the_match_and_leave_other_companies_out(page_of):
    page = page_of("ana")
    search(page, "4500")

    rows = page.locator("#results tbody tr")
    assert rows.count() > 2
    expect(rows.first.locator("mark").first).to_be_visible()
    expect(page.locator("main")).not_to_contain_text(O5.erp_number)


def test_b08_an_order_of_both_systems_is_listed_once_with_its_origin(page_of):
    page = page_of("ana")
    page.goto("/pedidos")

    for facts, origin in ((O2, "ERP"), (O3, "Site")):
        found = api_order(page, facts.web_number or facts.erp_number)
        assert found["numbers"]
        search(page, facts.web_number or facts.erp_number)
        expect(page.locator("main")).to_contain_text(re.compile(origin, re.IGNORECASE))
    both = page.request.get("/api/v1/orders", params={"number": O1.erp_number}).json()["results"]
    assert [set(result["origins"]) for result in both] == [{"vtex", "erp"}]
    fresh = page.request.get("/api/v1/orders", params={"number": O3.web_number}).json()["results"]
    assert fresh[0]["status"] == "awaiting_erp"


def test_b11_the_same_own_number_shows_only_the_order_of_the_company_at_hand(page_of):
    page = page_of("ana")
    search(page, O5.customer_number)
    expect(page.locator("h1")).to_contain_text(O1.web_number)
    expect(page.locator("header")).to_contain_text("Alfa")
    api_order(page, O5.customer_number)

    davi = page_of("davi")
    for company, expected in (("Beta", O5), ("Alfa", O1)):
        davi.goto("/pedidos")
        davi.locator(".company-menu summary").click()
        with davi.expect_navigation():
            davi.locator(".company-menu button", has_text=company).click()
        search(davi, "PO-2026/0815")
        expect(davi.locator("h1")).to_contain_text(expected.web_number)
        expect(davi.locator("header")).to_contain_text(company)


@pytest.mark.usefixtures("any_language")
def test_b26_not_found_says_what_was_searched_and_offers_the_erp_and_support(page_of):
    page = page_of("ana")
    search(page, "999999")

    main = page.locator("main")
    expect(main).to_contain_text("999999")
    expect(main).to_contain_text("Alfa")
    expect(main.get_by_role("button", name=say("Look in the ERP now"))).to_be_visible()
    ask = main.get_by_role("link", name=re.compile(say("Ask support")))
    assert "999999" in (ask.get_attribute("href") or "")


@pytest.mark.usefixtures("any_language")
def test_b26_looking_in_the_erp_answers_not_found_and_once_per_half_minute(page_of, product):
    page = page_of("ana")
    search(page, "998877")
    page.get_by_role("button", name=say("Look in the ERP now")).click()
    expect(page.locator("#lookup-heading")).to_be_visible()
    expect(page.get_by_role("button", name=say("Look again"))).to_be_visible()
    first = page.url

    search(page, "998877")
    page.get_by_role("button", name=say("Look in the ERP now")).click()
    page.wait_for_url(first)


def test_b27_an_order_new_in_the_erp_is_fetched_stored_and_opened(page_of, product):
    number = f"00046{int(time.time()) % 100000:05d}"
    product.control(
        "erp",
        "orders",
        {"company": "alfa", "erp_number": number, "customer_number": "OC NOVA 1"},
    )
    page = page_of("ana")
    search(page, number)
    page.get_by_role("button", name="Procurar no ERP agora").click()

    expect(page).to_have_url(ORDER_ADDRESS)
    expect(page.locator("h1")).to_contain_text(number)
    search(page, number)
    expect(page).to_have_url(ORDER_ADDRESS)


def test_b34_hostile_text_shows_as_text_and_hostile_searches_answer_normally(page_of):
    page = page_of("ana")
    raised: list[str] = []
    page.on("dialog", lambda dialog: (raised.append(dialog.message), dialog.dismiss()))

    search(page, HOSTILE.web_number)
    page.goto(page.url.split("?")[0] + "/itens")
    expect(page.locator("#items")).to_contain_text("<script>alert(1)</script>")
    for typed in ("' OR 1=1 --", "<img src=x onerror=alert(1)>", "9" * 5000):
        answer = page.request.get("/pedidos", params={"q": typed})
        assert answer.status in {200, 400}
        assert O5.web_number not in answer.text()
        page.goto("/pedidos")
        page.locator("#q").fill(typed)
        page.locator("#q").press("Enter")
        page.wait_for_load_state()
        expect(page.locator("#q")).to_have_value(typed)
    assert raised == []
