"""GET /api/v1/orders and /api/v1/orders/<id>."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.test import Client

from b2b_orders.audit.models import Action, AuditEvent
from b2b_orders.orders.models import FirstSeen
from erp_bridge.records import DocumentKind, NumberKind
from tests.factories import NOW, make_document, make_order

K = NumberKind
ORDERS = "/api/v1/orders"


@pytest.fixture
def order(cast):
    return make_order(
        cast.alfa,
        [(K.WEB, "1172452900788-01"), (K.ERP, "0004500123"), (K.CUSTOMER, "PO-2026/0815")],
        origins="erp+vtex",
        total=Decimal("1234.50"),
    )


def problem(response):
    assert response["Content-Type"].startswith("application/problem+json")
    return response.status_code, response.json()["code"]


def test_a_search_answers_in_the_words_that_stay(cast, order, client_for):
    response = client_for(cast.ana).get(ORDERS, {"number": "#1172452900788"})

    assert response.status_code == 200
    body = response.json()
    assert body["results"] == [
        {
            "id": str(order.public_id),
            "url": f"/pedidos/{order.public_id}",
            "numbers": [
                {"kind": "web", "value": "1172452900788-01"},
                {"kind": "erp", "value": "0004500123"},
                {"kind": "customer", "value": "PO-2026/0815"},
            ],
            "origins": ["erp", "vtex"],
            "status": "invoiced",
            "status_raw": "Faturado",
            "billing": "unknown",
            "payment": "unknown",
            "placed_on": "2026-03-10",
            "total": {"amount": "1234.50", "currency": "BRL"},
            "establishment": "12345678000195",
            "sources": [
                {"connection": "erp", "as_of": "2026-03-10T10:00:00-03:00", "state": "disabled"}
            ],
            "matched": {"kind": "web", "value": "1172452900788-01", "how": "exact"},
        }
    ]
    assert body["searched"] == {
        "kinds": [
            "web",
            "erp",
            "customer",
            "invoice",
            "access_key",
            "boleto_line",
            "tracking",
        ],
        "company": {"id": str(cast.alfa.public_id), "name": "Alfa Distribuidora"},
        "establishments": [
            {"tax_id": "12345678000195", "name": ""},
            {"tax_id": "12345678000276", "name": ""},
        ],
        "since": "2026-03-10",
        "shape": "free",
        "problem": "",
    }
    assert (body["count"], body["count_is_exact"], body["next"]) == (1, True, None)


def test_nothing_found_says_where_was_searched(cast, order, client_for):
    body = client_for(cast.carla).get(ORDERS, {"number": "999999"}).json()

    assert body["results"] == []
    assert body["searched"]["establishments"] == [{"tax_id": "12345678000276", "name": ""}]
    assert body["searched"]["since"] is None


def test_without_a_number_the_latest_come_first_in_pages(cast, order, client_for):
    older = make_order(cast.alfa, [(K.ERP, "1")], placed_at=NOW - timedelta(days=1))
    client = client_for(cast.ana)

    first = client.get(ORDERS, {"limit": 1}).json()
    second = client.get(ORDERS, {"limit": 1, "after": first["next"]}).json()

    assert [row["id"] for row in first["results"]] == [str(order.public_id)]
    assert [row["id"] for row in second["results"]] == [str(older.public_id)]
    assert second["next"] is None


def test_one_order_has_everything(cast, order, client_for):
    order.lines.create(
        company=cast.alfa, position=1, sku="S", quantity=Decimal(2), unit_price=Decimal("1.5")
    )
    order.titles.create(company=cast.alfa, key="t", amount=Decimal("10.00"), state="open")
    document = make_document(order)
    waiting = make_document(
        order, DocumentKind.NFE_XML, key="xml", state="expected", position=1, title="XML"
    )

    body = client_for(cast.ana).get(f"{ORDERS}/{order.public_id}").json()

    assert body["id"] == str(order.public_id)
    assert body["items"] == [
        {
            "position": 1,
            "sku": "S",
            "name": "",
            "quantity": "2.0000",
            "unit": "",
            "unit_price": "1.500000",
            "total": None,
            "invoiced": None,
        }
    ]
    assert [title["amount"] for title in body["titles"]] == ["10.00"]
    assert [(d["id"], d["kind"], d["state"], d["download_url"]) for d in body["documents"]] == [
        (
            str(document.public_id),
            "danfe",
            "available",
            f"/pedidos/{order.public_id}/documentos/{document.public_id}",
        ),
        (str(waiting.public_id), "nfe_xml", "expected", None),
    ]
    assert (body["invoices"], body["events"], body["divergences"]) == ([], [], [])


def test_a_boleto_to_pay_leads_to_its_page_and_a_paid_one_to_no_file(cast, order, client_for):
    order.titles.create(
        company=cast.alfa,
        key="t",
        amount=Decimal("10.00"),
        state="paid",
        settled_on=date(2026, 3, 9),
        payee_name="Fornecedor",
        payee_tax_id="11222333000181",
    )
    fields = {"amount": Decimal("10.00"), "due_on": date(2026, 3, 20), "pix": "0002SECRET"}
    to_pay = make_document(order, DocumentKind.BOLETO, key="b1", title_state="open", **fields)
    make_document(order, DocumentKind.BOLETO, key="b2", title_state="paid", position=1)

    response = client_for(cast.ana).get(f"{ORDERS}/{order.public_id}")

    body = response.json()
    path = f"/pedidos/{order.public_id}/documentos/{to_pay.public_id}"
    assert [
        (d["title_state"], d["amount"], d["due_on"], d["download_url"], d["payment_url"])
        for d in body["documents"]
    ] == [
        ("open", "10.00", "2026-03-20", path, f"{path}/pagamento"),
        ("paid", None, None, None, None),
    ]
    title = body["titles"][0]
    assert (title["settled_on"], title["payee_name"], title["payee_tax_id"]) == (
        "2026-03-09",
        "Fornecedor",
        "11222333000181",
    )
    # A PIX code is shown only where it is checked.
    assert "0002SECRET" not in response.content.decode()


def test_opening_an_order_is_recorded_and_first_seen_once(cast, order, client_for):
    client = client_for(cast.ana)
    for _ in range(2):
        client.get(f"{ORDERS}/{order.public_id}")

    events = AuditEvent.objects.filter(action=Action.ORDER_VIEWED)
    assert [(e.person_id, e.company_id, e.object_id) for e in events] == [
        (cast.ana.pk, cast.alfa.pk, str(order.public_id))
    ] * 2
    assert events[0].address == "127.0.0.1"
    assert FirstSeen.objects.filter(order=order).count() == 1


def test_not_theirs_and_never_existed_are_one_answer_and_recorded(cast, order, client_for):
    client = client_for(cast.beto)

    theirs = client.get(f"{ORDERS}/{order.public_id}")
    never = client.get(f"{ORDERS}/{uuid.uuid4()}")

    assert problem(theirs) == problem(never) == (404, "not-visible")
    assert theirs.content == never.content
    assert AuditEvent.objects.filter(action=Action.NOT_VISIBLE, person=cast.beto).count() == 2
    assert not AuditEvent.objects.filter(action=Action.ORDER_VIEWED).exists()


def test_staff_get_addresses_of_the_company_they_look_at(cast, order, client_for):
    company = str(cast.alfa.public_id)

    row = client_for(cast.teo).get(ORDERS, {"company": company}).json()["results"][0]

    assert row["url"] == f"/c/{company}/pedidos/{order.public_id}"


def test_without_finance_there_are_no_titles_and_no_boletos(cast, order, client_for):
    order.titles.create(company=cast.alfa, key="t", amount=Decimal("77.77"), state="open")
    make_document(order, DocumentKind.BOLETO, key="b", amount=Decimal("77.77"))

    response = client_for(cast.teo).get(
        f"{ORDERS}/{order.public_id}", {"company": str(cast.alfa.public_id)}
    )

    body = response.json()
    assert (body["titles"], body["documents"], body["total"]) == ([], [], None)
    assert "77.77" not in response.content.decode()


def test_what_is_known_of_the_money_is_for_who_may_see_finance(cast, client_for):
    order = make_order(cast.alfa, [(K.ERP, "7")], billing="invoiced", payment="paid")
    company = {"company": str(cast.alfa.public_id)}

    for path in (ORDERS, f"{ORDERS}/{order.public_id}"):
        bodies = [
            client_for(person).get(path, params).json()
            for person, params in ((cast.ana, {}), (cast.teo, company))
        ]
        rows = [body["results"][0] if "results" in body else body for body in bodies]
        assert [(row["billing"], row["payment"]) for row in rows] == [
            ("invoiced", "paid"),
            ("invoiced", None),
        ]


def test_a_mistyped_key_says_so(cast, order, client_for):
    key = "3526031234567800019555001000001001112345678" + "0"
    body = client_for(cast.ana).get(ORDERS, {"number": key}).json()

    assert body["searched"]["shape"] == "access_key"
    assert body["results"] == []
    assert body["near"] == []


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"colour": "red"}, "colour"),
        ({"number": ""}, "number"),
        ({"number": "x" * 5000}, "number"),
        ({"number": "a\x00b"}, "number"),
        ({"limit": "0"}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"kind": "colour"}, "kind"),
        ({"after": "nonsense"}, "after"),
        ({"number": "1", "after": "e"}, "after"),
    ],
)
def test_bad_parameters_are_refused_at_their_field(cast, order, client_for, params, field):
    response = client_for(cast.ana).get(ORDERS, params)

    assert problem(response) == (400, "invalid-input")
    assert list(response.json()["fields"]) == [field]


def test_unknown_parameters_of_one_order_are_refused(cast, order, client_for):
    response = client_for(cast.ana).get(f"{ORDERS}/{order.public_id}", {"x": "1"})

    assert problem(response) == (400, "invalid-input")


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_the_api_only_reads(cast, order, client_for, method):
    client = client_for(cast.ana)

    for path in (ORDERS, f"{ORDERS}/{order.public_id}"):
        assert problem(getattr(client, method)(path)) == (405, "method_not_allowed")


def test_nobody_is_told_to_log_in(cast, order):
    for path in (ORDERS, f"{ORDERS}/{order.public_id}"):
        assert problem(Client().get(path)) == (401, "not-signed-in")


def test_somebody_without_a_company_is_told_so(cast, order, client_for):
    cast.ana.memberships.all().delete()

    assert problem(client_for(cast.ana).get(ORDERS)) == (403, "not-allowed")


def test_staff_are_told_to_name_a_company(cast, order, client_for):
    response = client_for(cast.suzana).get(ORDERS)

    assert problem(response) == (400, "invalid-input")
    assert list(response.json()["fields"]) == ["company"]


def test_hostile_text_is_only_text(cast, order, client_for):
    for text in ("' OR 1=1 --", "<script>alert(1)</script>", "%", "_", "\\", "🙂"):
        response = client_for(cast.beto).get(ORDERS, {"number": text})
        assert response.status_code == 200
        assert response.json()["results"] == []
