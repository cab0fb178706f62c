"""The map of companies: what moves orders between companies takes two people of operations."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.journeys.conftest import Product
from tests.journeys.test_operations import outcome

TO = "Beta Comércio"


def mover_of(product: Product) -> tuple[str, str, str]:
    """Find a company that no other journey knows: its address, its name, one of its orders."""
    with product.open_database() as database:
        row = database.execute(
            "SELECT c.public_id::text, c.name, min(n.written) FROM companies_company AS c"
            " JOIN orders_order AS o ON o.company_id = c.id"
            " JOIN orders_ordernumber AS n ON n.order_id = o.id AND n.kind = 'erp'"
            " WHERE c.is_active AND c.name !~ '^(Alfa|Beta|Gama)'"
            " AND NOT EXISTS (SELECT FROM companies_portfolio AS p WHERE p.company_id = c.id)"
            " GROUP BY c.id ORDER BY count(DISTINCT o.id), c.id LIMIT 1"
        ).fetchone()
    assert row is not None
    return row


def finds(davi: Page, number: str) -> int:
    """Count the orders that a number leads somebody of Beta to."""
    beta = davi.request.get("/api/v1/orders", params={"number": number})
    assert beta.status == 200, beta.text()
    return len(beta.json()["results"])


def decide(page: Page, change: str) -> None:
    """Say yes to a change, once its figures are up to date."""
    page.goto(change)
    page.get_by_role("button", name="Aprovar").click()
    assert "Feito. Pedidos que mudaram de empresa:" in outcome(page)


def latest_change(page: Page) -> str:
    page.goto("/operacao/empresas/alteracoes")
    address = page.locator("main tbody a").first.get_attribute("href")
    assert address is not None
    return address


def test_orders_move_to_another_company_when_a_second_person_says_yes(product, page_of):
    olga, otto, davi = page_of("olga"), page_of("otto"), page_of("davi")
    company, name, number = mover_of(product)
    davi.goto("/pedidos")
    davi.locator(".company-menu summary").click()
    with davi.expect_navigation():
        davi.locator(".company-menu button", has_text="Beta").click()

    olga.goto(f"/operacao/empresas/{company}")
    for box in olga.locator("#pieces-form input[type=checkbox]").all():
        box.check()
    olga.locator("summary", has_text="Mover o que está marcado").click()
    olga.locator("#move-to").fill(TO)
    olga.locator("#pieces-reason").fill("Beta comprou a empresa")
    olga.get_by_role("button", name="Mover para ela").click()
    assert "Espera uma segunda pessoa da operação" in outcome(olga)

    # Whoever asked cannot say yes, not even by hand; and nothing has moved.
    change = latest_change(olga)
    olga.goto(change)
    expect(olga.locator("main")).to_contain_text("Outra pessoa da operação tem de aprovar")
    expect(olga.get_by_role("button", name="Aprovar")).to_have_count(0)
    olga.request.post(
        change,
        form={
            "csrfmiddlewaretoken": olga.locator("[name=csrfmiddlewaretoken]").first.input_value(),
            "form": "approve",
            "errand": "approve-change",
        },
        headers={"Referer": olga.url},
    )
    olga.wait_for_timeout(3000)
    olga.goto(change)
    expect(olga.locator(".chip.large")).to_contain_text("Espera uma segunda pessoa")
    assert finds(davi, number) == 0

    otto.goto(change)
    for told in (name, TO, "Olga Vidal", "Beta comprou a empresa"):
        expect(otto.locator("main")).to_contain_text(told)
    expect(otto.locator("[aria-labelledby=gaining]")).to_contain_text("Davi Rocha")
    decide(otto, change)
    try:
        decided = otto.locator("dl.figures > div", has_text="Decidido por")
        expect(decided).to_contain_text("Otto Braga")
        assert finds(davi, number) == 1
    finally:
        # Back again, the same way: the other one decides.
        otto.goto(change)
        otto.locator("summary", has_text="Desfazer esta alteração").click()
        otto.locator("#undo-reason").fill("não era desta empresa")
        otto.locator("details[open]").get_by_role("button", name="Solicitar").click()
        assert "Espera uma segunda pessoa da operação" in outcome(otto)
        decide(olga, latest_change(olga))
    assert finds(davi, number) == 0
    lines = product.audit_lines("map_change_decided", change.rpartition("/")[2])
    assert {line["person"] for line in lines} == {"otto@seller.example"}
