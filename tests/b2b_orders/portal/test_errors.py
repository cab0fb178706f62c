"""Pages of what cannot be shown."""

from __future__ import annotations

import re

import pytest
from django.db import OperationalError
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
    assert words(response).count("7F3A") == 1


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


CODE = "//*[contains(@class, 'error-code')]/span"


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("pt-br", "Se escrever ao atendimento, informe este código:"),
        ("es", "Si escribe a soporte, indique este código:"),
        ("en", "If you write to support, add this code:"),
    ],
)
def test_an_error_page_has_the_code_that_the_log_has(
    ana, cast, sources, caplog, language, sentence
):
    cast.ana.language = language
    cast.ana.save()

    with caplog.at_level("INFO", logger="b2b_orders.common.requests"):
        ana.handler.enforce_csrf_checks = True
        response = ana.post("/idioma", {"language": "es"})

    [code] = texts(response, CODE)
    assert re.fullmatch(r"[0-9A-F]{4}", code)
    assert response["X-Request-Id"].upper().startswith(code)
    assert sentence in words(response)
    [line] = [each for each in caplog.records if each.message == "refused"]
    assert (line.status, line.page) == (403, "portal:language")


def test_a_page_that_is_not_there_has_no_code_of_its_own(ana, cast, sources):
    assert texts(ana.get("/nowhere"), CODE) == []


def test_what_was_typed_is_not_in_the_line_of_the_log(ana, cast, sources, caplog):
    with caplog.at_level("INFO", logger="b2b_orders.common.requests"):
        ana.get(f"/c/{cast.beta.public_id}/pedidos?q=PO-secret")

    [line] = [each for each in caplog.records if each.message == "refused"]
    assert (line.status, line.page) == (404, "portal:orders")
    assert "secret" not in str(vars(line))


def test_too_large_a_form_is_refused_with_words(ana, sources):
    response = ana.post("/conta/nome", {"name": "x" * 1_100_000})

    assert response.status_code == 413
    assert "é maior do que esta página aceita" in words(response)
    assert len(texts(response, CODE)) == 1


def test_a_stale_form_has_a_code_too(cast, sources):
    response = Client(enforce_csrf_checks=True).post("/idioma", {"language": "es"})

    assert len(texts(response, CODE)) == 1


@pytest.mark.parametrize(("away", "status"), [(True, 503), (False, 500)])
def test_an_error_page_is_there_even_when_nothing_can_be_read(away, status):
    class Broken:
        @property
        def is_authenticated(self) -> bool:
            raise OperationalError("the database is away")

    request = RequestFactory().get("/")
    request.request_id = "7f3a0000"
    request.user = Broken()
    failure = OperationalError("away") if away else ValueError("ours")

    try:
        raise failure
    except (OperationalError, ValueError):
        response = errors.server_error(request)

    assert response.status_code == status
    assert response.get("Retry-After") == ("30" if away else None)
    said = words(response)
    assert "Algo falhou do nosso lado (código 7F3A). Seus dados não mudaram." in said
    assert "Algo falló de nuestro lado (código 7F3A). Sus datos no cambiaron." in said
    assert "Something failed on our side (code 7F3A). Your data has not changed." in said
