"""GET /api/v1/orders with a filter: the names of the pages, and errors that say what is wrong."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from erp_bridge.records import NumberKind
from tests.factories import NOW, make_order

ORDERS = "/api/v1/orders"


@pytest.fixture
def orders(cast) -> None:
    for place, (title, status) in enumerate(
        (("1", "picking"), ("2", "invoiced"), ("3", "picking"))
    ):
        make_order(
            cast.alfa,
            [(NumberKind.ERP, f"450{title}")],
            fulfilment=status,
            total=Decimal(100 * (place + 1)),
            placed_at=NOW - timedelta(days=place),
        )


def numbers(response) -> list[str]:
    assert response.status_code == 200, response.content
    return [row["numbers"][0]["value"] for row in response.json()["results"]]


def test_a_list_is_narrowed_sorted_and_counted_as_on_the_page(cast, orders, client_for):
    api = client_for(cast.ana)

    found = api.get(f"{ORDERS}?situacao=picking&situacao=delivered&ordem=-total&limit=1")

    assert numbers(found) == ["4503"]
    body = found.json()
    assert (body["count"], body["count_is_exact"], body["previous"]) == (2, True, None)
    again = {"situacao": ["picking", "delivered"], "ordem": "-total", "limit": "1"}
    second = api.get(ORDERS, again | {"after": body["next"]})
    assert numbers(second) == ["4501"]
    assert numbers(api.get(ORDERS, again | {"after": second.json()["previous"]})) == ["4503"]
    assert numbers(api.get(f"{ORDERS}?number=450&situacao=invoiced")) == ["4502"]
    assert numbers(api.get(f"{ORDERS}?de=2026-03-09&ate=2026-03-09&minimo=1&maximo=200")) == [
        "4502"
    ]
    assert numbers(client_for(cast.beto).get(f"{ORDERS}?situacao=picking")) == []


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        ("situacao=lost", "situacao", "placed, awaiting_approval"),
        ("origem=moon", "origem", "vtex, erp, erp+vtex"),
        ("so=x", "so", "andamento"),
        ("ordem=color", "ordem", "data, total"),
        ("ordem=", "ordem", "data, total"),
        ("de=31/12/2026", "de", "data"),
        ("de=2026-02-01&de=2026-01-01", "de", "uma só vez"),
        ("de=2026-04-01&ate=2026-03-01", "de", "posterior"),
        ("minimo=x", "minimo", "1.234,50"),
        ("minimo=2&maximo=1", "minimo", "máximo"),
        ("Situacao=picking", "Situacao", "parâmetro"),
    ],
)
def test_what_is_wrong_is_refused_by_its_name(cast, orders, client_for, query, field, said):
    response = client_for(cast.ana).get(f"{ORDERS}?{query}")

    assert response.status_code == 400
    fields = response.json()["fields"]
    assert list(fields) == [field]
    assert said in fields[field][0]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("minimo=1", "minimo"),
        ("maximo=1", "maximo"),
        ("so=a_pagar", "so"),
        ("ordem=total", "ordem"),
    ],
)
def test_who_may_not_see_it_may_not_ask_by_it(cast, orders, client_for, query, field):
    cast.ana.memberships.update(role="viewer")
    api = client_for(cast.ana)

    response = api.get(f"{ORDERS}?{query}")

    assert response.status_code == 400
    assert list(response.json()["fields"]) == [field]
    assert numbers(api.get(f"{ORDERS}?situacao=picking")) == ["4501", "4503"]


def test_a_place_of_another_sort_is_no_page(cast, orders, client_for):
    api = client_for(cast.ana)
    place = api.get(f"{ORDERS}?limit=1").json()["next"]

    assert api.get(f"{ORDERS}?ordem=total&after={place}").status_code == 400
