"""Pages of what cannot be shown."""

from __future__ import annotations

import pytest
from django.test import Client, RequestFactory
from django.utils import translation

from b2b_orders.portal.views import errors
from tests.b2b_orders.portal.pages import texts, words


@pytest.mark.parametrize(
    "url",
    [
        "/pedidos/not-an-id",
        "/nothing",
        "/pedidos/00000000-0000-4000-8000-000000000000",
        "/atendimento",
        "/operacao",
    ],
)
def test_every_page_that_is_not_there_is_the_same_page(ana, world, url):
    response = ana.get(url)

    assert response.status_code == 404
    assert words(response, "//main//*[contains(@class, 'blank')]") == (
        "Página não encontrada Página não encontrada para a Alfa Distribuidora. O endereço pode"
        " ter mudado ou pertencer a outra empresa. Início"
    )


def test_company_of_the_address_is_not_found_whether_it_exists_or_not(ana, cast, world):
    existing = ana.get(f"/c/{cast.beta.public_id}/pedidos")
    unknown = ana.get("/c/00000000-0000-4000-8000-000000000000/pedidos")

    assert existing.status_code == unknown.status_code == 404
    page = "//main//*[contains(@class, 'blank')] | //main//h1 | //title"
    assert words(existing, page) == words(unknown, page)
    assert "Beta" not in existing.content.decode()


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("pt-br", "Algo falhou do nosso lado (código 7F3A). Seus dados não mudaram."),
        ("es", "Algo falló de nuestro lado (código 7F3A). Sus datos no cambiaron."),
        ("en", "Something failed on our side (code 7F3A). Your data has not changed."),
    ],
)
def test_our_fault_is_said_with_a_code(language, sentence):
    request = RequestFactory().get("/")
    request.request_id = "7f3a0000"

    with translation.override(language):
        response = errors.server_error(request)

    assert response.status_code == 500
    assert sentence in words(response)


def test_stale_form_says_what_to_do(cast, sources):
    response = Client(enforce_csrf_checks=True).post("/idioma", {"language": "es"})

    assert response.status_code == 403
    assert "Abra a página de novo" in words(response)


def test_policy_forbids_inline_code(client, db):
    policy = client.get("/accounts/login/")["Content-Security-Policy"]

    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy
    assert "default-src 'none'" in policy


@pytest.mark.parametrize(
    "path", ["/pedidos", "/pedidos?q=999999", "/nowhere", "/pedidos/{o1}", "/pedidos/{unknown}"]
)
def test_every_page_of_a_buyer_says_once_how_old_the_data_is(ana, world, erp_down, path):
    path = path.format(o1=world.o1.public_id, unknown="00000000-0000-4000-8000-000000000000")

    lines = texts(ana.get(path), "//*[@id='freshness']//li")

    assert len(lines) == 2
    assert lines[1].startswith("ERP sem resposta desde 09:15. Mostrando dados das ")


def test_a_page_that_is_not_for_a_company_says_nothing_of_sources(
    client, client_for, cast, sources
):
    for each in (client, client_for(cast.olga)):
        assert texts(each.get("/nowhere"), "//*[@id='freshness']") == []
