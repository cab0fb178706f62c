"""Opening too much within an hour: operations are told and the person signs in again (S15)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache
from redis.exceptions import ConnectionError as RedisConnectionError

from b2b_orders.accounts.models import Person
from b2b_orders.audit import volume
from b2b_orders.audit.models import Action, Incident
from b2b_orders.audit.services import record
from b2b_orders.common import tenancy
from b2b_orders.companies.access import Actor
from b2b_orders.companies.models import StaffRole
from b2b_orders.portal.tasks import watch_staff
from tests.factories import NOW, make_company, make_person


@pytest.fixture(autouse=True)
def _limits(settings, db) -> None:
    settings.PORTAL_STAFF_ORDERS_AN_HOUR = 5
    settings.PORTAL_STAFF_COMPANIES_AN_HOUR = 3


@pytest.fixture
def suzana() -> Person:
    return make_person("Suzana")


@pytest.fixture
def alfa():
    return make_company()


def open_order(person, company, order, *, at=NOW, action=Action.ORDER_VIEWED, role="support"):
    named = {"object_kind": "order", "object_id": str(order)}
    if action is not Action.ORDER_VIEWED:
        named = {"object_kind": "document", "object_id": f"d{order}", "detail": {"order": order}}
    with tenancy.scope(role=tenancy.WEB, company_id=company.pk, person_id=person.pk):
        record(
            action,
            actor=Actor(person.pk, StaffRole(role) if role else None),
            company_id=company.pk,
            now=at,
            **named,
        )


def must_sign_in_again(person) -> bool:
    person.refresh_from_db()
    return person.sign_in_again_after is not None


def test_the_fifth_order_raises_the_alarm_and_not_the_fourth(suzana, alfa):
    for order in range(4):
        open_order(suzana, alfa, order)
    assert not must_sign_in_again(suzana)

    open_order(suzana, alfa, 4)

    assert must_sign_in_again(suzana)
    assert suzana.sign_in_again_after == NOW
    incident = Incident.objects.get(code="bulk-misuse")
    assert (incident.object_kind, incident.object_id) == ("person", "suzana@example.com")
    assert incident.detail == {"name": "Suzana", "orders": 5, "companies": 1}


def test_the_third_company_raises_the_alarm(suzana, alfa):
    companies = [alfa, make_company("B", ()), make_company("C", ())]

    for number, company in enumerate(companies):
        open_order(suzana, company, number)

    assert Incident.objects.get().detail["companies"] == 3


def test_one_order_opened_often_counts_once(suzana, alfa):
    for _ in range(30):
        open_order(suzana, alfa, 1)
        open_order(suzana, alfa, 1, action=Action.DOCUMENT_DOWNLOADED)
        open_order(suzana, alfa, 1, action=Action.PAYMENT_SHOWN)

    assert not Incident.objects.exists()


def test_documents_count_by_the_order_that_they_belong_to(suzana, alfa):
    for order in range(5):
        open_order(suzana, alfa, order, action=Action.DOCUMENT_DOWNLOADED)

    assert must_sign_in_again(suzana)


def test_what_was_opened_an_hour_ago_no_longer_counts(suzana, alfa):
    for order in range(4):
        open_order(suzana, alfa, order)

    open_order(suzana, alfa, 9, at=NOW + timedelta(minutes=71))

    assert not Incident.objects.exists()


def test_opening_slowly_over_the_turn_of_an_hour_counts_together(suzana, alfa):
    for order in range(5):
        open_order(suzana, alfa, order, at=NOW + timedelta(minutes=11 * order))

    assert Incident.objects.count() == 1


def test_after_the_alarm_the_count_begins_anew(suzana, alfa):
    for order in range(9):
        open_order(suzana, alfa, order)
    assert Incident.objects.count() == 1

    open_order(suzana, alfa, 9)

    assert Incident.objects.count() == 2


def test_two_people_are_counted_apart_and_buyers_not_at_all(suzana, alfa):
    other = make_person("Saulo")
    for order in range(4):
        open_order(suzana, alfa, order)
        open_order(other, alfa, order + 10)
    for order in range(50):
        open_order(make_person(f"b{order}"), alfa, order, role="")
    ana = make_person("Ana")
    for order in range(50):
        open_order(ana, alfa, order, role="")

    assert not Incident.objects.exists()


def test_without_a_cache_nobody_is_hindered_and_the_record_is_counted(
    suzana, alfa, monkeypatch, caplog
):
    def away(*_args, **_kwargs):
        raise RedisConnectionError("gone")

    monkeypatch.setattr(cache, "add", away)
    for order in range(5):
        open_order(suzana, alfa, order)
    assert not must_sign_in_again(suzana)
    assert "openings are not counted" in caplog.text

    assert volume.find_heavy(now=NOW + timedelta(minutes=1)) == 1

    assert must_sign_in_again(suzana)
    assert Incident.objects.get().detail == {"name": "Suzana", "orders": 5, "companies": 1}


def test_the_worker_says_the_same_once_an_hour_and_nothing_of_others(suzana, alfa):
    for order in range(5):
        open_order(suzana, alfa, order)
    assert Incident.objects.count() == 1

    assert volume.find_heavy(now=NOW + timedelta(minutes=1)) == 0
    assert volume.find_heavy(now=NOW + timedelta(hours=2)) == 0
    with tenancy.scope(role=tenancy.WORKER):
        watch_staff()

    assert Incident.objects.count() == 1
