"""An order taken apart, for staff: both sources side by side, and which rule won (S09)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from b2b_orders.ingest import lookups
from b2b_orders.ingest.models import Lookup
from tests.b2b_orders.portal.pages import parse, texts, words
from tests.factories import NOW


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "_wake_worker_aside", lambda lookup_id: None)


@pytest.fixture
def acting(suzana: Client, world) -> str:
    """Act for Alfa; return where its orders are."""
    fields = {"q": "1172452900788-01", "order": world.o1.public_id, "reason": "call 4711"}
    return suzana.post("/atendimento/atuar", fields)["Location"].split("/pedidos")[0]


def address(acting: str, world) -> str:
    return f"{acting}/pedidos/{world.o1.public_id}/lado-a-lado"


def test_both_records_stand_side_by_side_with_what_differs(suzana, acting, world):
    response = suzana.get(address(acting, world))

    rows = {
        row.split()[0]: row
        for row in texts(response, "//table[contains(@class, 'compare')]/tbody/tr")
    }
    assert texts(response, "//table[contains(@class, 'compare')]/thead//th") == [
        "O quê",
        "ERP 0004500123",
        "Site 1172452900788-01",
    ]
    assert rows["Total"] == "Total difere R$ 4.512,30 R$ 4.500,00"
    assert "10/03/2026 10:00:00 GMT-0300" in rows["Lido"]
    assert rows["Situação"].startswith("Situação difere Despachado ")
    assert rows["Primeira"].count("10/03/2026 10:00:00 GMT-0300") == 2


def test_a_phone_names_the_source_above_each_value(suzana, acting, world):
    page = parse(suzana.get(address(acting, world)))

    rows = page.xpath("//table[contains(@class, 'compare')]/tbody/tr")
    assert {tuple(row.xpath("td/@data-label")) for row in rows} == {
        ("ERP 0004500123", "Site 1172452900788-01")
    }


def test_it_says_why_they_are_one_order_and_which_rule_won(suzana, acting, world):
    page = words(suzana.get(address(acting, world)))

    assert "Os dois informam o número 117245290078801." in page
    assert "Total ERP O ERP decide: vale o que ele diz que foi faturado" in page
    assert "<script>" not in page


def test_the_order_page_leads_there_for_staff_alone(suzana, ana, acting, world):
    link = "//a[contains(@href, 'lado-a-lado')]/@href"

    shown = parse(suzana.get(f"{acting}/pedidos/{world.o1.public_id}")).xpath(link)
    assert shown == [address(acting, world)]
    assert parse(ana.get(f"/pedidos/{world.o1.public_id}")).xpath(link) == []


def test_buyers_have_no_such_page(ana, client_for, cast, world):
    for person in (cast.ana, cast.rita):
        response = client_for(person).get(f"/pedidos/{world.o1.public_id}/lado-a-lado")
        assert response.status_code == 404


def test_telesales_see_it_without_amounts(teo, cast, world):
    path = f"/c/{cast.alfa.public_id}/pedidos/{world.o1.public_id}/lado-a-lado"

    response = teo.get(path)

    assert response.status_code == 200
    assert "R$" not in words(response)


def test_it_is_read_again_at_once_and_comes_back_here(suzana, acting, world):
    page = address(acting, world)
    (action,) = parse(suzana.get(page)).xpath("//form[contains(@action, 'atualizar')]/@action")

    back = suzana.post(action, {"from": "trouble"})["Location"]

    assert back.startswith(f"{page}?lookup=")
    assert "As fontes estão sendo consultadas…" in words(suzana.get(back))
    (poll,) = parse(suzana.get(back)).xpath("//*[@role='status']/@hx-get")
    assert suzana.get(poll, headers={"HX-Request": "true"}).status_code == 204
    Lookup.objects.update(
        state="found", found_order_id=world.o1.pk, finished_at=NOW + timedelta(seconds=1)
    )
    assert suzana.get(poll, headers={"HX-Request": "true"})["HX-Redirect"] == back
    assert "Lido de novo agora." in words(suzana.get(back))


def test_one_heading_and_captions(suzana, acting, world):
    html = parse(suzana.get(address(acting, world)))

    assert len(html.xpath("//h1")) == 1
    assert all(table.xpath("caption") for table in html.xpath("//table"))
