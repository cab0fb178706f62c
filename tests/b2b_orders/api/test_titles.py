"""What a company has to pay, as programs read it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine

from b2b_orders.ingest.models import Connection
from erp_bridge.records import NumberKind
from tests.factories import NOW, make_order, make_title

TODAY = NOW.date()


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def ana(cast, client_for):
    return client_for(cast.ana)


@pytest.fixture
def order(cast):
    Connection.objects.create(
        name="erp",
        kind="b2b_orders_v1",
        secret=b"",
        created_at=NOW,
        changed_at=NOW,
        last_success_at=NOW,
    )
    order = make_order(cast.alfa, [(NumberKind.ERP, "0004500123"), (NumberKind.CUSTOMER, "PO 1")])
    make_title(order, "late", due_on=TODAY - timedelta(days=1), typeable_line="1" * 47)
    make_title(order, "soon", amount=None)
    make_title(order, "settled", state="paid", settled_on=TODAY, amount=Decimal("7.50"))
    return order


def keys_of(response) -> list[str]:
    assert response.status_code == 200
    return [title["due_on"] for title in response.json()["results"]]


def test_a_title_says_all_that_is_known_of_it(ana, order):
    body = ana.get("/api/v1/titles").json()

    assert body["results"][0] == {
        "order": str(order.public_id),
        "order_number": "0004500123",
        "customer_number": "PO 1",
        "establishment": "12345678000195",
        "invoice_number": "1001",
        "instalment": "1/3",
        "due_on": "2026-03-09",
        "amount": {"amount": "1000.00", "currency": "BRL"},
        "state": "overdue",
        "settled_on": None,
        "typeable_line": "1" * 47,
    }
    assert body["results"][1]["amount"] is None
    assert body["next"] is None
    assert body["totals"]["to_pay"] == {
        "count": 2,
        "amounts": [{"amount": "1000.00", "currency": "BRL"}],
        "without_amount": 1,
    }
    assert body["totals"]["paid"]["amounts"] == [{"amount": "7.50", "currency": "BRL"}]
    assert body["totals"]["unclear"] == {"count": 0, "amounts": [], "without_amount": 0}
    assert body["sources"] == [
        {"connection": "erp", "as_of": "2026-03-10T10:00:00-03:00", "state": "ok"}
    ]


def test_filters_are_those_of_the_page(ana, order):
    assert len(keys_of(ana.get("/api/v1/titles?state=all"))) == 3
    assert len(keys_of(ana.get("/api/v1/titles?state=overdue"))) == 1
    assert len(keys_of(ana.get("/api/v1/titles?from=2026-03-10"))) == 1
    assert len(keys_of(ana.get("/api/v1/titles?to=2026-03-09"))) == 1
    assert len(keys_of(ana.get("/api/v1/titles?number=po%201"))) == 2
    assert keys_of(ana.get("/api/v1/titles?establishment=12345678000276")) == []
    assert keys_of(ana.get("/api/v1/titles?establishment=unknown")) == []


def test_a_line_is_given_only_while_it_is_to_pay(ana, order):
    for place, state in enumerate(("open", "paid", "cancelled", "unknown")):
        make_title(order, state, typeable_line=str(place) * 46 + "7", state=state)

    titles = ana.get("/api/v1/titles?state=all&number=PO%201").json()["results"]

    assert {t["typeable_line"] for t in titles if t["state"] not in {"open", "overdue"}} == {""}
    assert "0" * 46 + "7" in {title["typeable_line"] for title in titles}


def test_pages_follow_by_a_cursor(ana, order):
    first = ana.get("/api/v1/titles?state=all&limit=2&sort=-due")
    second = ana.get(f"/api/v1/titles?state=all&limit=2&sort=-due&after={first.json()['next']}")

    assert keys_of(first) == ["2026-03-13", "2026-03-13"]
    assert keys_of(second) == ["2026-03-09"]
    assert second.json()["next"] is None


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("state=rubbish", "state"),
        ("sort=rubbish", "sort"),
        ("from=rubbish", "from"),
        ("from=2026-03-10&to=2026-03-09", "to"),
        ("after=rubbish", "after"),
        ("limit=0", "limit"),
        ("rubbish=1", "rubbish"),
    ],
)
def test_what_cannot_be_used_is_refused_and_named(ana, order, query, field):
    response = ana.get(f"/api/v1/titles?{query}")

    assert response.status_code == 400
    assert field in response.content.decode()


def test_the_right_to_finance_alone_shows_and_sorts_what_is_due(cast, client_for, order):
    cast.teo.staff.can_see_finance = True
    cast.teo.staff.save()
    teo, company = client_for(cast.teo), f"company={cast.alfa.public_id}"

    body = teo.get(f"/api/v1/titles?{company}&sort=amount").json()
    buyers = client_for(cast.ana).get("/api/v1/titles?sort=amount").json()

    assert cast.teo.staff.can_see_prices is False
    assert body["results"] == buyers["results"]
    assert body["totals"] == buyers["totals"]
    assert body["results"][0]["amount"] is not None
