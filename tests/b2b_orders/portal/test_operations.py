"""/operacao: how the sources do, and what went wrong."""

from __future__ import annotations

import pytest

from b2b_orders.audit.services import report_incident
from b2b_orders.ingest.models import Connection, Parked
from tests.b2b_orders.portal.pages import texts, words
from tests.factories import NOW


def test_sources_incidents_and_parked_are_listed(client_for, cast, sources, erp_down):
    Connection.objects.filter(name="erp").update(last_error="no answer before the deadline")
    report_incident("html-instead-of-pdf", connection="erp", now=NOW)
    Parked.objects.create(
        connection="loja",
        external_id="1172",
        reason="contract-violation",
        message="<b>items[3]</b>",
        first_at=NOW,
        last_at=NOW,
    )

    response = client_for(cast.olga).get("/operacao")

    assert "ERP ERP Sem resposta 09:14 09:15 no answer before the deadline" in texts(
        response, "//tbody/tr"
    )
    assert "Arquivo com defeito: outra coisa no lugar do documento" in words(response)
    assert "<b>items[3]</b>" in words(response)
    assert "Alfa" not in words(response)


def test_nothing_wrong_says_so(client_for, cast, sources):
    page = words(client_for(cast.olga).get("/operacao"))

    assert "Nenhum incidente." in page
    assert "Nada retido." in page


@pytest.mark.parametrize("person", ["ana", "suzana", "teo"])
def test_others_have_no_such_page(client_for, cast, sources, person):
    assert client_for(getattr(cast, person)).get("/operacao").status_code == 404


def test_operations_start_at_their_page(client_for, cast, sources):
    assert client_for(cast.olga).get("/")["Location"] == "/operacao"
