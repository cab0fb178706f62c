"""Guessing, and questions about an order: B35, S13."""

from __future__ import annotations

import re
import time
import uuid

from playwright.sync_api import expect

from erp_bridge.simulators.cast import O1
from erp_bridge.simulators.mail import text_of
from tests.journeys.conftest import api_order

QUESTION = "Onde está o XML da 1002?"


def test_b35_guessing_is_slowed_then_refused_and_operations_are_warned(
    product, page_of, limits_end
):
    page = page_of("carla")
    taken, statuses = [], []
    for _ in range(60):
        begun = time.monotonic()
        statuses.append(page.request.get(f"/pedidos/{uuid.uuid4()}").status)
        taken.append(time.monotonic() - begun)

    refused_from = statuses.index(429)
    assert set(statuses[:refused_from]) == {404}
    assert set(statuses[refused_from:]) == {429}
    assert min(taken[refused_from - 5 : refused_from]) > 0.5
    page.goto("/pedidos")
    expect(page.locator("main")).to_contain_text(
        re.compile(r"Muitas consultas em pouco tempo\. Tente de novo em \d+ s\.")
    )
    # Who sits beside her goes on working.
    for colleague in ("ana", "rita", "bruno"):
        with product.open_browser(colleague) as context:
            opened = [context.request.get("/pedidos").status for _ in range(20)]
            assert set(opened) == {200}
    mail = product.await_mail("olga", "Alarme: Alguém abre um endereço desconhecido")
    assert "carla@alfa.example" in text_of(mail)
    olga = page_of("olga")
    olga.goto("/operacao/recusas?kind=security")
    row = olga.locator("main tbody tr").first
    expect(row).to_contain_text("Alguém abre um endereço desconhecido atrás do outro")
    expect(row).to_contain_text("carla@alfa.example")


def test_s13_a_question_from_the_order_is_answered_on_its_timeline(product, page_of):
    # Of somebody who acts for nobody yet.
    product.sessions.pop("suzana", None)
    ana, suzana = page_of("ana"), page_of("suzana")
    ana.goto(api_order(ana, O1.web_number)["portal_path"])
    with ana.expect_navigation():
        ana.get_by_role("link", name="Perguntar sobre este pedido").click()
    ana.locator("#document").select_option(label="XML da NF-e · NF 1002")
    ana.locator("#text").fill(QUESTION)
    with ana.expect_navigation():
        ana.get_by_role("button", name="Enviar pergunta").click()
    expect(ana.locator("#timeline")).to_contain_text(f"Ana Prado perguntou: {QUESTION}")

    suzana.goto("/atendimento")
    with suzana.expect_navigation():
        suzana.get_by_role("link", name="Perguntas").first.click()
    row = suzana.locator("main tbody tr", has_text=O1.web_number)
    expect(row).to_contain_text("Alfa")
    expect(suzana.locator("main")).not_to_contain_text(QUESTION)
    with suzana.expect_navigation():
        row.get_by_role("link").click()
    expect(suzana.locator("#reason")).to_have_value(re.compile(r"^pergunta \d+$"))
    with suzana.expect_navigation():
        suzana.get_by_role("button", name=re.compile("Atuar")).click()
    card = suzana.locator("section[id^=answer-]")
    expect(card).to_contain_text(QUESTION)
    expect(card).to_contain_text("XML da NF-e · NF 1002:")
    expect(card).to_contain_text(re.compile(r"ERP: dados de "))
    card.locator("textarea").fill("O ERP emite a nota ao meio-dia.")
    with suzana.expect_navigation():
        card.get_by_role("button", name="Enviar resposta").click()

    ana.reload()
    expect(ana.locator("#timeline")).to_contain_text(
        "Suzana Reis (Atendimento) respondeu: O ERP emite a nota ao meio-dia."
    )
    mail = product.await_mail("ana", f"Resposta sobre o pedido {O1.web_number}")
    assert QUESTION in text_of(mail)
    assert "O ERP emite a nota ao meio-dia." in text_of(mail)
    suzana.goto("/atendimento/perguntas")
    expect(suzana.locator("main")).not_to_contain_text(O1.web_number)
