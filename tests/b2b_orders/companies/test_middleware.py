"""What a request looks with, and what takes effect at the very next one."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from b2b_orders.api.views import orders as view
from b2b_orders.audit.models import Action, AuditEvent
from b2b_orders.companies.models import Acting, Company, Membership, StaffProfile
from erp_bridge.records import NumberKind
from tests.factories import NOW, make_order

ORDERS = "/api/v1/orders"
REASON = "call 4711"


@pytest.fixture
def orders(cast):
    return {
        "alfa": make_order(cast.alfa, [(NumberKind.ERP, "111"), (NumberKind.CUSTOMER, "PO 1")]),
        "beta": make_order(cast.beta, [(NumberKind.ERP, "222"), (NumberKind.CUSTOMER, "PO 1")]),
    }


def titles(client, **params):
    response = client.get(ORDERS, params)
    assert response.status_code == 200, response.content
    return [row["numbers"][0]["value"] for row in response.json()["results"]]


def act(client, order, reason=REASON):
    """Act for an order's company, found by the order's number."""
    return client.post(
        reverse("portal:act"), {"q": order.title, "order": str(order.public_id), "reason": reason}
    )


def test_a_person_looks_at_their_first_company(cast, orders, client_for):
    assert titles(client_for(cast.ana)) == ["111"]
    assert titles(client_for(cast.beto)) == ["222"]


def test_a_switch_of_company_is_kept_in_the_session(cast, orders, client_for):
    client = client_for(cast.davi)
    before = titles(client, number="PO 1")

    client.post(reverse("portal:switch-company"), {"company": str(cast.beta.public_id)})

    assert before == ["111"]
    assert titles(client, number="PO 1") == ["222"]
    assert AuditEvent.objects.filter(action=Action.COMPANY_SWITCHED).count() == 1


def test_an_inactive_company_is_not_offered_and_cannot_be_entered(cast, orders, client_for):
    client = client_for(cast.davi)
    page = client.get("/pedidos").content.decode()

    response = client.post(reverse("portal:switch-company"), {"company": str(cast.gama.public_id)})

    assert "Gama" not in page
    assert str(cast.gama.public_id) not in page
    assert response.status_code == 404
    assert titles(client) == ["111"]


def test_a_company_turned_inactive_shows_nothing_at_the_next_request(cast, orders, client_for):
    client = client_for(cast.ana)
    assert titles(client) == ["111"]

    Company.objects.filter(pk=cast.alfa.pk).update(is_active=False)

    assert client.get(ORDERS).status_code == 403
    page = client.get(f"/pedidos/{orders['alfa'].public_id}")
    assert page.status_code == 403
    # Alone: ids and tokens of the page may hold those digits.
    assert not re.search(r"\b111\b", page.content.decode())


def test_a_removed_membership_ends_at_the_next_request(cast, orders, client_for):
    client = client_for(cast.davi)
    client.post(reverse("portal:switch-company"), {"company": str(cast.beta.public_id)})
    assert titles(client) == ["222"]

    Membership.objects.filter(person=cast.davi, company=cast.beta).update(is_active=False)

    assert titles(client) == ["111"]
    assert client.get(f"{ORDERS}/{orders['beta'].public_id}").status_code == 404


def test_a_person_turned_inactive_is_signed_out_at_the_next_request(cast, orders, client_for):
    client = client_for(cast.ana)
    assert titles(client) == ["111"]

    cast.ana.is_active = False
    cast.ana.save()

    assert client.get(ORDERS).status_code == 401


def test_a_company_in_the_address_of_the_api_is_one_of_the_persons_own(cast, orders, client_for):
    client = client_for(cast.davi)

    assert titles(client, company=str(cast.beta.public_id)) == ["222"]
    assert titles(client) == ["111"]
    assert client.get(ORDERS, {"company": str(cast.gama.public_id)}).status_code == 404


@pytest.mark.parametrize("path", ["/pedidos", ORDERS, "/accounts/logout/"])
def test_no_answer_to_a_signed_in_person_may_be_kept(cast, client_for, path):
    response = client_for(cast.ana).get(path)

    assert response["Cache-Control"] == "private, no-store"


def test_a_search_through_the_api_takes_six_statements(cast, orders, client_for):
    client = client_for(cast.ana)
    titles(client, number="111")  # the first request chooses the company

    with CaptureQueriesContext(connection) as captured:
        titles(client, number="111")

    # what a test adds, because its own transaction stands around the scope
    added = (
        "SAVEPOINT",
        "RELEASE",
        "SELECT current_setting('role')",
        "SELECT set_config('role', 'none'",
    )
    sent = [query["sql"].strip() for query in captured.captured_queries]
    own = [sql for sql in sent if not sql.startswith(added)]
    tables = [re.search(r"FROM \W?(\w+)|set_config", sql)[1] for sql in own]
    assert tables == [
        "accounts_person",
        None,  # the scope
        "companies_membershipscope",  # the standing
        "orders_ordernumber",
        "ingest_connection",
        "companies_establishment",  # where was searched
    ]


def test_support_looks_at_no_company_before_acting(cast, orders, client_for):
    client = client_for(cast.suzana)

    assert client.get(ORDERS).status_code == 400
    for company in (cast.alfa, cast.beta):
        assert client.get(f"/c/{company.public_id}/pedidos").status_code == 404
        assert client.get(ORDERS, {"company": str(company.public_id)}).status_code == 404


@pytest.mark.parametrize("reason", ["", "abcd", "  a  b  "])
def test_acting_needs_a_reason_of_five_characters(cast, orders, client_for, reason):
    client = client_for(cast.suzana)

    act(client, orders["alfa"], reason)

    assert not Acting.objects.exists()
    assert client.get(f"/c/{cast.alfa.public_id}/pedidos").status_code == 404


def test_acting_shows_the_company_at_its_address_and_is_recorded(cast, orders, client_for):
    client = client_for(cast.suzana)

    response = act(client, orders["alfa"])

    assert response.status_code == 302
    assert titles(client, company=str(cast.alfa.public_id)) == ["111"]
    page = client.get(f"/c/{cast.alfa.public_id}/pedidos")
    assert page.status_code == 200
    assert REASON in page.content.decode()
    event = AuditEvent.objects.get(action=Action.ACTING_STARTED)
    assert (event.person_id, event.company_id, event.reason, event.staff_role) == (
        cast.suzana.pk,
        cast.alfa.pk,
        REASON,
        "support",
    )


def test_what_support_does_while_acting_is_recorded_with_the_reason(cast, orders, client_for):
    client = client_for(cast.suzana)
    act(client, orders["alfa"])

    client.get(f"{ORDERS}/{orders['alfa'].public_id}", {"company": str(cast.alfa.public_id)})

    event = AuditEvent.objects.get(action=Action.ORDER_VIEWED)
    assert (event.company_id, event.reason, event.staff_role) == (cast.alfa.pk, REASON, "support")


def test_two_tabs_keep_each_its_own_company(cast, orders, client_for):
    client = client_for(cast.suzana)
    act(client, orders["alfa"])
    act(client, orders["beta"])

    assert titles(client, company=str(cast.alfa.public_id)) == ["111"]
    assert titles(client, company=str(cast.beta.public_id)) == ["222"]
    wrong = client.get(f"/c/{cast.alfa.public_id}/pedidos/{orders['beta'].public_id}")
    assert wrong.status_code == 404
    started = AuditEvent.objects.filter(action=Action.ACTING_STARTED).order_by("id")
    assert [event.company_id for event in started] == [cast.alfa.pk, cast.beta.pk]


def test_acting_ends_after_thirty_idle_minutes(cast, orders, client_for):
    with time_machine.travel(NOW, tick=False) as clock:
        client = client_for(cast.suzana)
        act(client, orders["alfa"])
        clock.shift(timedelta(minutes=29, seconds=59))
        assert titles(client, company=str(cast.alfa.public_id)) == ["111"]
        clock.shift(timedelta(minutes=29, seconds=59))
        assert titles(client, company=str(cast.alfa.public_id)) == ["111"]

        clock.shift(timedelta(minutes=30))
        refused = client.get(f"/c/{cast.alfa.public_id}/pedidos")

    assert refused.status_code == 404
    assert "111" not in refused.content.decode()
    assert cast.alfa.name not in refused.content.decode()
    ended = AuditEvent.objects.get(action=Action.ACTING_ENDED)
    assert ended.company_id == cast.alfa.pk
    assert ended.detail["how"] == "idle"
    assert Acting.objects.get().ended_at == Acting.objects.get().seen_at + timedelta(minutes=30)


def test_minutes_left_count_down_while_idle(cast, orders, client_for):
    with time_machine.travel(NOW, tick=False) as clock:
        client = client_for(cast.suzana)
        act(client, orders["alfa"])
        clock.shift(timedelta(minutes=10))

        elsewhere = client.get("/atendimento").wsgi_request.all_acting
        here = client.get(f"/c/{cast.alfa.public_id}/pedidos").wsgi_request.acting

    assert [view.minutes_left for view in elsewhere] == [20]
    assert here.minutes_left == 30


def test_log_out_ends_acting_everywhere(cast, orders, client_for):
    client = client_for(cast.suzana)
    act(client, orders["alfa"])
    act(client, orders["beta"])

    client.post("/accounts/logout/")
    client.force_login(cast.suzana, "allauth.account.auth_backends.AuthenticationBackend")

    for company in (cast.alfa, cast.beta):
        assert client.get(f"/c/{company.public_id}/pedidos").status_code == 404
    assert not Acting.objects.filter(ended_at=None).exists()
    ended = AuditEvent.objects.filter(action=Action.ACTING_ENDED)
    assert {event.detail["how"] for event in ended} == {"logout"}
    assert {event.company_id for event in ended} == {cast.alfa.pk, cast.beta.pk}


def test_acting_belongs_to_one_log_in(cast, orders, client_for):
    first, second = client_for(cast.suzana), client_for(cast.suzana)

    act(first, orders["alfa"])

    assert first.get(f"/c/{cast.alfa.public_id}/pedidos").status_code == 200
    assert second.get(f"/c/{cast.alfa.public_id}/pedidos").status_code == 404


def test_acting_for_an_inactive_company_is_refused_as_unknown(cast, client_for):
    order = make_order(cast.gama, [(NumberKind.ERP, "333")])

    response = act(client_for(cast.suzana), order)

    assert response.status_code == 404
    assert not Acting.objects.exists()


def test_acting_ends_when_the_company_turns_inactive(cast, orders, client_for):
    client = client_for(cast.suzana)
    act(client, orders["alfa"])

    Company.objects.filter(pk=cast.alfa.pk).update(is_active=False)

    assert client.get(f"/c/{cast.alfa.public_id}/pedidos").status_code == 404


def test_acting_ends_with_the_role_of_support(cast, orders, client_for):
    client = client_for(cast.suzana)
    act(client, orders["alfa"])

    StaffProfile.objects.filter(person=cast.suzana).update(role="operations")

    assert client.get(f"/c/{cast.alfa.public_id}/pedidos").status_code == 404


@pytest.mark.parametrize("name", ["ana", "teo", "olga"])
def test_only_support_may_act(cast, orders, client_for, name):
    response = act(client_for(getattr(cast, name)), orders["alfa"])

    assert response.status_code in {403, 404}
    assert not Acting.objects.exists()


def test_telesales_look_at_their_portfolio_by_its_address(cast, orders, client_for):
    client = client_for(cast.teo)

    assert titles(client, company=str(cast.alfa.public_id)) == ["111"]
    assert client.get(f"/c/{cast.alfa.public_id}/pedidos").status_code == 200
    assert client.get(f"/c/{cast.beta.public_id}/pedidos").status_code == 404
    row = client.get(ORDERS, {"company": str(cast.alfa.public_id)}).json()["results"][0]
    assert row["total"] is None


def test_telesales_with_the_right_see_prices(cast, orders, client_for):
    StaffProfile.objects.filter(person=cast.teo).update(can_see_prices=True)

    row = (
        client_for(cast.teo).get(ORDERS, {"company": str(cast.alfa.public_id)}).json()["results"][0]
    )

    assert row["total"] == {"amount": "1000.00", "currency": "BRL"}


def test_operations_look_at_no_company(cast, orders, client_for):
    client = client_for(cast.olga)

    assert client.get(f"/c/{cast.alfa.public_id}/pedidos").status_code == 404
    assert client.get(ORDERS, {"company": str(cast.alfa.public_id)}).status_code == 404


def test_employees_cannot_use_the_address_of_staff(cast, orders, client_for):
    ana = client_for(cast.ana)

    # A link by mail leads to the page as they know it.
    assert ana.get(f"/c/{cast.alfa.public_id}/pedidos")["Location"] == "/pedidos"
    assert ana.post(f"/c/{cast.alfa.public_id}/pedidos/procurar").status_code == 404
    assert ana.get(f"/c/{cast.beta.public_id}/pedidos").status_code == 404


def test_a_refused_company_is_recorded(cast, client_for):
    client_for(cast.suzana).get(f"/c/{cast.beta.public_id}/pedidos")

    event = AuditEvent.objects.get(action=Action.NOT_VISIBLE)
    assert (event.person_id, event.object_kind, event.object_id) == (
        cast.suzana.pk,
        "company",
        str(cast.beta.public_id),
    )


def test_a_view_runs_as_the_role_of_the_web_process(cast, client_for, monkeypatch):
    seen = []

    def look() -> tuple[()]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_user, current_setting('app.company', true)")
            seen.append(cursor.fetchone())
        return ()

    monkeypatch.setattr(view, "list_source_states", look)
    client_for(cast.ana).get(ORDERS)

    assert set(seen) == {("b2b_web", str(cast.alfa.pk))}


def test_a_failed_request_leaves_nothing_written(cast, orders, client_for, monkeypatch):
    def fail(**_):
        raise RuntimeError

    monkeypatch.setattr(view, "note_first_seen", fail)
    client = client_for(cast.ana)
    client.raise_request_exception = False

    response = client.get(f"{ORDERS}/{orders['alfa'].public_id}")

    assert response.status_code == 500
    assert not AuditEvent.objects.filter(action=Action.ORDER_VIEWED).exists()
