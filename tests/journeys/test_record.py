"""The record and people's data: S12, A07."""

from __future__ import annotations

import io
import json
import re
import zipfile

from playwright.sync_api import expect

from erp_bridge.simulators.cast import O1
from tests.journeys.conftest import search
from tests.journeys.test_operations import outcome
from tests.journeys.test_staff import _act


def test_s12_the_company_reads_who_took_its_boleto_and_why(page_of):
    agent = page_of("suzana")
    _act(agent, "Alfa", reason="chamado 12012")
    with agent.expect_download():
        # One that is still to be paid; others lead nowhere.
        boletos = agent.locator("#documents li", has_text="Boleto")
        boletos.get_by_role("link", name="Baixar").first.click()

    page = page_of("rita")
    page.goto("/pedidos")
    page.locator("details.person summary").click()
    page.get_by_role("link", name="Registro de acessos").click()
    page.locator("[name=equipe]").check()
    page.get_by_role("button", name="Filtrar").click()
    row = page.locator("main tbody tr", has_text="chamado 12012").filter(has_text="Boleto").first

    expect(row).to_contain_text("Suzana")
    expect(row).to_contain_text("Atendimento")
    expect(row.locator("time")).to_have_attribute("datetime", re.compile(r"^20\d\d-"))
    with page.expect_navigation():
        row.get_by_role("link").click()
    expect(page.locator("#accesses")).to_contain_text("chamado 12012")


def test_a07_a_person_gets_their_data_and_is_taken_out_while_the_books_stay(product, page_of):
    """Of somebody who is nobody of the cast, so that other journeys do not miss them."""
    with product.open_database() as database:
        database.execute(
            "WITH vera AS (INSERT INTO accounts_person (public_id, email, name, password, language,"
            " is_active, created_at) VALUES (gen_random_uuid(), 'vera@alfa.example', 'Vera Dias',"
            " '!', 'pt-br', true, now()) RETURNING id)"
            " INSERT INTO companies_membership (person_id, company_id, role, is_scoped, is_active,"
            " created_at) SELECT vera.id, c.id, 'viewer', false, true, now()"
            " FROM vera, companies_company AS c WHERE c.name LIKE 'Alfa%'"
        )
        kept = (
            "SELECT (SELECT count(*) FROM documents_document), (SELECT count(*) FROM orders_order)"
        )
        before = database.execute(kept).fetchall()
    page = page_of("olga")
    page.goto("/operacao/dados-pessoais")
    page.locator("[name=pessoa]").fill("vera@alfa.example")
    page.get_by_role("button", name="Encontrar").click()
    page.locator("#reason-export").fill("pedido da titular 7")
    page.get_by_role("button", name="Reunir os dados").click()
    assert "pronto" in outcome(page)
    with page.expect_download() as taken:
        page.get_by_role("link", name="Baixar o arquivo").click()
    with zipfile.ZipFile(io.BytesIO(taken.value.path().read_bytes())) as archive:
        data = json.loads(archive.read("data.json"))
        assert "Dados de Vera Dias" in archive.read("data.html").decode()
    assert data["account"][0]["email"] == "vera@alfa.example"

    page.get_by_role("link", name="Anonimizar…").click()
    expect(page.locator("main")).to_contain_text("Isto não pode ser desfeito.")
    page.locator("#confirm").fill("vera@alfa.example")
    page.locator("#reason-anonymise").fill("pedido da titular 7")
    page.get_by_role("button", name="Anonimizar definitivamente").click()
    assert "não voltam" in outcome(page)

    with product.open_database() as database:
        rows = database.execute(
            "SELECT count(*) FROM accounts_person WHERE email ~ '^vera@' OR name ~ 'Vera'"
        ).fetchall()
        after = database.execute(kept).fetchall()
    assert rows == [(0,)]
    assert after == before
    buyer = page_of("ana")
    search(buyer, O1.web_number)
    expect(buyer.locator("#documents")).to_contain_text("DANFE")
