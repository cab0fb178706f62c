"""Changes of the map that move orders: two people, all or nothing, and back again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction

from b2b_orders.accounts.models import Person
from b2b_orders.audit.models import AuditEvent
from b2b_orders.common.errors import Conflict, InvalidInput, NotVisible
from b2b_orders.common.tenancy import WORKER, scope
from b2b_orders.companies.access import Actor, StaffViewer
from b2b_orders.companies.models import (
    Company,
    CustomerId,
    Establishment,
    MapChange,
    Membership,
    Role,
    StaffRole,
)
from b2b_orders.companies.services import add_establishment
from b2b_orders.companies.viewers import read_standing
from b2b_orders.documents.models import Document, Watch
from b2b_orders.ingest import errand_map, errands, map_changes
from b2b_orders.ingest.errands import Kind, request_errand, run_errand
from b2b_orders.ingest.models import Errand
from b2b_orders.notifications import noticing
from b2b_orders.notifications.models import Follow, FollowedOrder, Notice
from b2b_orders.orders.models import AddedNumber, Answer, Decision, Order, Question, SourceRecord
from b2b_orders.orders.services import store_readings
from erp_bridge.records import NumberKind, Party
from tests.conftest import Cast
from tests.factories import (
    CONNECTION_ERP,
    CONNECTION_VTEX,
    NOW,
    make_company,
    make_document,
    make_erp_record,
    make_member,
    make_order,
    make_person,
    make_reading,
    make_staff,
    make_vtex_record,
)

LATER = NOW + timedelta(minutes=5)
MAIN, BRANCH = "12345678000195", "12345678000276"
# What a follow knows of an order as `store_web` makes it.
KNOWN = {"fulfilment": "picking", "origins": "vtex", "promised_on": "", "invoices": []}


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errands, "_wake_worker_aside", lambda errand_id: None)
    monkeypatch.setattr(errands, "wake_worker", lambda errand_id: None)


@pytest.fixture
def oscar(cast: Cast) -> Person:
    person = make_person("Oscar")
    make_staff(person, StaffRole.OPERATIONS)
    return person


_asked = iter(range(1, 10_000))


def do(person: Person, kind: Kind, reason: str = "ticket 4711", **params: Any) -> Errand:
    """Have a person of operations ask for something, and a worker do all of it."""
    errand = leave(person, kind, reason, **params)
    while errand.state == "waiting":
        # With the rights that a worker has, and no more.
        with scope(role=WORKER):
            run_errand(errand_id=errand.pk, clock=lambda: LATER)
        errand.refresh_from_db()
    return errand


def leave(person: Person, kind: Kind, reason: str = "ticket 4711", **params: Any) -> Errand:
    public_id = request_errand(
        viewer=StaffViewer(person_id=person.pk, role=StaffRole.OPERATIONS),
        actor=Actor(person_id=person.pk, staff_role=StaffRole.OPERATIONS),
        kind=kind,
        params=params,
        reason=reason,
        now=NOW + timedelta(seconds=next(_asked)),
    )
    return Errand.objects.get(public_id=public_id)


def store_web(number: str, tax_id: str, **fields: Any) -> Order:
    record = make_vtex_record(number, customer=Party("Alfa", tax_id), **fields)
    (stored,) = store_readings(connection=CONNECTION_VTEX, readings=[make_reading(record)], now=NOW)
    return Order.objects.get(pk=stored.order_id)


def store_erp(number: str, company: Company, customer_id: str, **fields: Any) -> Order:
    record = make_erp_record(number, customer_id=customer_id, **fields)
    (stored,) = store_readings(
        connection=CONNECTION_ERP,
        readings=[make_reading(record)],
        now=NOW,
        company_id=company.pk,
    )
    return Order.objects.get(pk=stored.order_id)


def owners() -> dict[str, str]:
    rows = Order.objects.values_list("title", "company__name")
    return {title: (name or "").split()[0] for title, name in rows}


def move(person: Person, cast: Cast, *tax_ids: str, to: Company | None = None) -> Errand:
    return do(
        person,
        Kind.MOVE_PIECES,
        company=str(cast.alfa.public_id),
        to=str((to or cast.beta).public_id),
        establishments=[Establishment.objects.get(tax_id=each).pk for each in tax_ids],
    )


def approve(person: Person, **params: Any) -> Errand:
    change = MapChange.objects.latest("pk")
    return do(person, Kind.APPROVE_CHANGE, reason="", change=str(change.public_id), **params)


@pytest.fixture
def trade(cast: Cast) -> None:
    store_web("100-01", MAIN)
    store_web("200-01", BRANCH)
    store_web("300-01", BRANCH)


# --- four eyes --------------------------------------------------


def test_a_move_of_orders_waits_for_somebody_else_and_says_what_it_costs(
    cast: Cast, oscar: Person, trade: None
):
    errand = move(cast.olga, cast, BRANCH)

    assert errand.outcome["code"] == "change-waits"
    change = MapChange.objects.get()
    preview = change.payload["preview"]
    assert (change.state, change.orders_expected, preview["orders"]) == ("waiting", 2, 2)
    assert preview["losing"] == [
        f"{name} <{name.lower()}@example.com>" for name in ("Ana", "Bruno", "Carla", "Davi", "Rita")
    ]
    assert preview["gaining"] == ["Beto <beto@example.com>", "Davi <davi@example.com>"]
    assert owners() == {"100-01": "Alfa", "200-01": "Alfa", "300-01": "Alfa"}

    assert approve(oscar).outcome["code"] == "change-done"
    assert owners() == {"100-01": "Alfa", "200-01": "Beta", "300-01": "Beta"}
    change.refresh_from_db()
    assert (change.state, change.orders_moved, change.decided_by_id) == ("done", 2, oscar.pk)


def test_nobody_approves_what_they_asked_for_whatever_the_code_says(cast: Cast, trade: None):
    move(cast.olga, cast, BRANCH)

    errand = approve(cast.olga)

    assert (errand.state, errand.outcome["code"]) == ("failed", "conflict")
    assert MapChange.objects.get().state == "waiting"
    assert set(owners().values()) == {"Alfa"}
    with pytest.raises(IntegrityError), transaction.atomic():
        MapChange.objects.update(state="doing", decided_by=cast.olga)


def test_of_two_who_approve_at_once_one_does_it(cast: Cast, oscar: Person, trade: None):
    third = make_person("Otto")
    make_staff(third, StaffRole.OPERATIONS)
    move(cast.olga, cast, BRANCH)
    change = str(MapChange.objects.get().public_id)
    both = [leave(each, Kind.APPROVE_CHANGE, "", change=change) for each in (oscar, third)]

    for errand in both:
        run_errand(errand_id=errand.pk, clock=lambda: LATER)
        errand.refresh_from_db()

    assert [errand.outcome["code"] for errand in both] == ["change-done", "conflict"]
    assert MapChange.objects.get().decided_by_id == oscar.pk


def test_a_rejected_change_does_nothing_and_cannot_be_approved(
    cast: Cast, oscar: Person, trade: None
):
    move(cast.olga, cast, BRANCH)
    change = MapChange.objects.get()

    do(oscar, Kind.REJECT_CHANGE, "not ours", change=str(change.public_id))

    change.refresh_from_db()
    assert (change.state, change.payload["answer"]) == ("rejected", "not ours")
    with pytest.raises(NotVisible):
        leave(oscar, Kind.APPROVE_CHANGE, "", change=str(change.public_id))
    assert set(owners().values()) == {"Alfa"}


def test_what_moves_no_order_needs_one_pair_of_eyes(cast: Cast):
    errand = move(cast.olga, cast, BRANCH)

    assert errand.outcome["code"] == "change-done"
    assert Establishment.objects.get(tax_id=BRANCH).company == cast.beta
    change = MapChange.objects.get()
    assert (change.state, change.decided_by_id) == ("done", None)


def test_a_change_that_has_grown_is_shown_again_before_it_is_done(
    cast: Cast, oscar: Person, trade: None
):
    move(cast.olga, cast, BRANCH)
    for number in range(400, 407):
        store_web(f"{number}-01", BRANCH)

    errand = approve(oscar)

    assert (errand.state, errand.outcome["code"]) == ("failed", "change-shown-again")
    change = MapChange.objects.get()
    assert (change.state, change.orders_expected) == ("waiting", 9)
    assert set(owners().values()) == {"Alfa"}
    assert approve(oscar).outcome["code"] == "change-done"
    assert list(owners().values()).count("Beta") == 9


def test_a_change_of_what_went_elsewhere_meanwhile_is_refused(
    cast: Cast, oscar: Person, trade: None
):
    move(cast.olga, cast, BRANCH)
    Establishment.objects.filter(tax_id=BRANCH).update(company=cast.gama)

    errand = approve(oscar)

    assert (errand.state, errand.outcome["code"]) == ("failed", "conflict")
    assert MapChange.objects.get().state == "waiting"


def test_an_errand_done_twice_asks_once(cast: Cast, trade: None):
    errand = move(cast.olga, cast, BRANCH)
    Errand.objects.filter(pk=errand.pk).update(state="waiting", outcome={})

    run_errand(errand_id=errand.pk, clock=lambda: LATER)

    assert MapChange.objects.count() == 1


# --- killed in the middle ---------------------------------------


@pytest.mark.parametrize("at", ["before the first batch", "after a batch", "before the end"])
def test_a_worker_that_is_killed_leaves_what_another_finishes(
    cast: Cast, oscar: Person, trade: None, monkeypatch: pytest.MonkeyPatch, at: str
):
    move(cast.olga, cast, BRANCH)
    change = str(MapChange.objects.get().public_id)
    errand = leave(oscar, Kind.APPROVE_CHANGE, "", change=change)
    whole = map_changes.move_orders
    calls: list[int] = []

    def dying(**kwargs: Any) -> int:
        if at == "before the first batch" or (at == "after a batch" and calls):
            raise KeyboardInterrupt
        calls.append(1)
        return whole(**kwargs, limit=1)

    def killed(*args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(map_changes, "move_orders", dying)
        if at == "before the end":
            broken.setattr(map_changes, "attach_waiting", killed)
        with pytest.raises(KeyboardInterrupt):
            run_errand(errand_id=errand.pk, clock=lambda: LATER)
    assert MapChange.objects.get().state == "doing"

    run_errand(errand_id=errand.pk, clock=lambda: LATER)

    errand.refresh_from_db()
    assert errand.outcome["code"] == "change-done"
    assert owners() == {"100-01": "Alfa", "200-01": "Beta", "300-01": "Beta"}
    assert MapChange.objects.get().orders_moved == 2
    decided = AuditEvent.objects.filter(action="map_change_decided", object_kind="map-change")
    assert decided.exclude(company=None).count() == 2


def test_a_long_change_goes_on_in_turns(
    cast: Cast, oscar: Person, trade: None, monkeypatch: pytest.MonkeyPatch
):
    whole = map_changes.move_orders
    monkeypatch.setattr(map_changes, "move_orders", lambda **kwargs: whole(**kwargs, limit=1))
    monkeypatch.setattr(errand_map, "TURN_SECONDS", 0.0)
    move(cast.olga, cast, BRANCH)
    change = str(MapChange.objects.get().public_id)
    errand = leave(oscar, Kind.APPROVE_CHANGE, "", change=change)

    run_errand(errand_id=errand.pk, clock=lambda: LATER)

    errand.refresh_from_db()
    assert (errand.state, errand.outcome["count"]) == ("waiting", 1)
    while errand.state == "waiting":
        run_errand(errand_id=errand.pk, clock=lambda: LATER)
        errand.refresh_from_db()
    assert list(owners().values()).count("Beta") == 2


# --- who sees what afterwards -----------------------------------


def test_what_hangs_on_an_order_is_out_of_the_old_companys_reach(
    cast: Cast, oscar: Person, client_for: Callable[..., Any]
):
    order = store_web("200-01", BRANCH)
    document = make_document(order)
    Watch.objects.create(document=document, company=cast.alfa, person=cast.ana, asked_at=NOW)
    share = document.shares.create(
        company=cast.alfa,
        person=cast.ana,
        token_hash="x",
        created_at=NOW,
        expires_at=NOW + timedelta(days=3000),
    )
    Question.objects.create(
        company=cast.alfa, order=order, person=cast.ana, text="Where is it?", asked_at=NOW
    )
    ana, beto, carla = (client_for(each) for each in (cast.ana, cast.beto, cast.carla))
    page = f"/pedidos/{order.public_id}"
    file = f"{page}/documentos/{document.public_id}"
    assert [ana.get(page).status_code, carla.get(page).status_code] == [200, 200]
    move(cast.olga, cast, BRANCH)

    approve(oscar)

    assert [each.get(page).status_code for each in (ana, carla, beto)] == [404, 404, 200]
    assert ana.get(file).status_code == 404
    assert Document.objects.get().company == cast.beta
    assert not Watch.objects.exists()
    seen = beto.get(page).content.decode()
    assert [word in seen for word in ("Where is it?", "Ana", share.label or "x1x")] == [False] * 3
    assert "Where is it?" not in ana.get("/pedidos").content.decode()


def test_a_scope_over_a_house_that_left_is_gone_and_comes_back_with_it(
    cast: Cast, oscar: Person, trade: None
):
    move(cast.olga, cast, BRANCH)
    approve(oscar)
    (viewer,) = (m for m in read_standing(cast.carla.pk).members)
    assert viewer.establishment_ids == frozenset()

    change = MapChange.objects.get()
    do(oscar, Kind.UNDO_CHANGE, change=str(change.public_id))
    assert approve(cast.olga).outcome["code"] == "change-done"

    (viewer,) = (m for m in read_standing(cast.carla.pk).members)
    assert viewer.establishment_ids == {cast.alfa_branch.pk}
    assert set(owners().values()) == {"Alfa"}


def test_the_record_of_each_company_has_its_line_and_no_word_of_the_other(
    cast: Cast, oscar: Person, trade: None
):
    errand = move(cast.olga, cast, BRANCH)
    approve(oscar)

    lines = AuditEvent.objects.filter(object_kind="map-change")
    for company in (cast.alfa, cast.beta):
        own = lines.filter(company=company).order_by("pk")
        assert [line.action for line in own] == ["map_change_asked", "map_change_decided"]
        assert {line.reason for line in own} == {""}
        assert [sorted(line.detail) for line in own] == [["kind", "orders", "state"]] * 2
    assert lines.filter(company=None, reason="ticket 4711").count() == 1
    assert errand.outcome["count"] == 2


def test_an_erps_order_goes_with_its_customer_id_however_that_is_written(cast: Cast, oscar: Person):
    store_erp("1", cast.alfa, "1001")
    record = make_erp_record("2", customer_id="001001")
    store_readings(
        connection=CONNECTION_ERP, readings=[make_reading(record)], now=NOW, company_id=cast.alfa.pk
    )
    other = store_erp("3", cast.beta, "1002")
    held = CustomerId.objects.get(value="1001")

    do(
        cast.olga,
        Kind.MOVE_PIECES,
        company=str(cast.alfa.public_id),
        to=str(cast.beta.public_id),
        customer_ids=[held.pk],
    )
    approve(oscar)

    assert set(Order.objects.values_list("company_id", flat=True)) == {cast.beta.pk}
    other.refresh_from_db()
    assert other.company_id == cast.beta.pk


def test_orders_that_would_stay_behind_are_told_of_and_lose_the_house(cast: Cast, oscar: Person):
    stays = store_erp("1", cast.alfa, "1001", customer=Party("Alfa", BRANCH))
    assert stays.establishment == cast.alfa_branch
    store_web("200-01", BRANCH)
    move(cast.olga, cast, BRANCH)
    preview = MapChange.objects.get().payload["preview"]
    assert (preview["left_behind"], preview["left_ids"]) == (1, ["erp:1001"])

    approve(oscar)

    stays.refresh_from_db()
    assert (stays.company, stays.establishment) == (cast.alfa, None)


def test_an_order_asked_for_before_and_answered_after_a_move_goes_to_nobody_wrong(
    cast: Cast, oscar: Person
):
    held = CustomerId.objects.get(value="1001")
    CustomerId.objects.filter(pk=held.pk).update(company=cast.beta)
    record = make_erp_record("9", customer_id="1001")

    (stored,) = store_readings(
        connection=CONNECTION_ERP, readings=[make_reading(record)], now=NOW, company_id=cast.alfa.pk
    )

    assert (stored.outcome, SourceRecord.objects.count()) == ("refused", 0)


# --- splitting --------------------------------------------------


def test_a_split_makes_a_company_of_some_houses(cast: Cast, oscar: Person, trade: None):
    do(
        cast.olga,
        Kind.SPLIT_COMPANY,
        company=str(cast.alfa.public_id),
        new_name="Delta Filiais",
        establishments=[cast.alfa_branch.pk],
    )
    assert not Company.objects.filter(name="Delta Filiais").exists()

    approve(oscar)

    delta = Company.objects.get(name="Delta Filiais")
    assert owners() == {"100-01": "Alfa", "200-01": "Delta", "300-01": "Delta"}
    assert list(delta.establishments.values_list("tax_id", flat=True)) == [BRANCH]
    assert not delta.memberships.exists()

    change = MapChange.objects.get()
    do(oscar, Kind.UNDO_CHANGE, change=str(change.public_id))
    approve(cast.olga)
    delta.refresh_from_db()
    assert (delta.is_active, delta.merged_into) == (False, cast.alfa)
    assert set(owners().values()) == {"Alfa"}


# --- merging ----------------------------------------------------


def merge(person: Person, company: Company, to: Company) -> Errand:
    return do(
        person,
        Kind.MERGE_COMPANIES,
        company=str(company.public_id),
        to=str(to.public_id),
    )


def seen_by(person: Person) -> dict[str, frozenset[int] | None]:
    return {
        member.company.name.split()[0]: member.establishment_ids
        for member in read_standing(person.pk).members
    }


def test_people_of_a_merged_company_see_what_they_saw_and_no_more(
    cast: Cast, oscar: Person, trade: None
):
    loose = make_order(cast.alfa, ((NumberKind.ERP, "77"),))
    errand = merge(cast.olga, cast.alfa, cast.beta)
    assert (errand.outcome["code"], errand.outcome["count"]) == ("change-waits", 4)

    approve(oscar)

    houses = frozenset({cast.alfa_main.pk, cast.alfa_branch.pk})
    assert seen_by(cast.ana) == {"Beta": houses}
    assert seen_by(cast.carla) == {"Beta": frozenset({cast.alfa_branch.pk})}
    assert seen_by(cast.beto) == {"Beta": None}
    assert seen_by(cast.davi) == {"Beta": None}
    cast.alfa.refresh_from_db()
    assert (cast.alfa.is_active, cast.alfa.merged_into) == (False, cast.beta)
    loose.refresh_from_db()
    assert loose.company == cast.beta
    assert set(owners().values()) == {"Beta"}


def test_the_approver_may_let_people_of_a_merged_company_see_all(
    cast: Cast, oscar: Person, trade: None
):
    merge(cast.olga, cast.alfa, cast.beta)

    approve(oscar, whole_company="yes")

    assert seen_by(cast.ana) == {"Beta": None}
    assert seen_by(cast.carla) == {"Beta": frozenset({cast.alfa_branch.pk})}


def test_who_may_less_in_one_company_gains_no_right_over_its_houses(
    cast: Cast, oscar: Person, trade: None
):
    both = make_person("Vera")
    make_member(both, cast.alfa, Role.VIEWER)
    make_member(both, cast.beta, Role.ADMIN, tax_ids=("12ABC34501DE35",))
    like = make_person("Yara")
    make_member(like, cast.alfa, Role.BUYER)
    make_member(like, cast.beta, Role.VIEWER, tax_ids=("12ABC34501DE35",))
    merge(cast.olga, cast.alfa, cast.beta)

    approve(oscar)

    assert seen_by(both) == {"Beta": frozenset({cast.beta_main.pk})}
    assert seen_by(like) == {
        "Beta": frozenset({cast.beta_main.pk, cast.alfa_main.pk, cast.alfa_branch.pk})
    }


def test_a_merge_is_undone_with_what_came_since(cast: Cast, oscar: Person, trade: None):
    before = {
        member.pk: (member.company_id, member.is_scoped, member.scopes.count())
        for member in Membership.objects.all()
    }
    loose = make_order(cast.alfa, ((NumberKind.ERP, "77"),))
    own = make_order(cast.beta, ((NumberKind.ERP, "88"),))
    merge(cast.olga, cast.alfa, cast.beta)
    approve(oscar)
    change = MapChange.objects.get()
    store_web("900-01", MAIN)
    assert owners()["900-01"] == "Beta"

    do(oscar, Kind.UNDO_CHANGE, change=str(change.public_id))
    assert approve(oscar).outcome["code"] == "conflict"
    approve(cast.olga)

    change.refresh_from_db()
    assert change.state == "undone"
    beta = Order.objects.filter(company=cast.beta)
    assert (list(beta), Order.objects.filter(company=cast.alfa).count()) == ([own], 5)
    assert Order.objects.get(pk=loose.pk).company == cast.alfa
    assert {
        member.pk: (member.company_id, member.is_scoped, member.scopes.count())
        for member in Membership.objects.all()
    } == before
    cast.alfa.refresh_from_db()
    assert (cast.alfa.is_active, cast.alfa.merged_into) == (True, None)


def test_what_people_wrote_about_orders_goes_along_with_a_merge_and_comes_back(
    cast: Cast, oscar: Person, trade: None, client_for: Callable[..., Any]
):
    order = store_web("200-01", MAIN)
    record = SourceRecord.objects.get(order=order)
    document = make_document(order)
    of_ana = {"company": cast.alfa, "person": cast.ana}
    question = Question.objects.create(**of_ana, order=order, text="Where is it?", asked_at=NOW)
    theirs = {"company": cast.alfa, "question": question, "person": cast.suzana}
    Answer.objects.create(**theirs, text="On its way.", at=NOW, staff_role="support")
    number = {"connection": record.connection, "external_id": record.external_id}
    AddedNumber.objects.create(**of_ana, **number, written="REQ-7", added_at=NOW)
    Watch.objects.create(**of_ana, document=document, asked_at=NOW)
    share = document.shares.create(
        **of_ana, token_hash="x", created_at=NOW, expires_at=NOW + timedelta(days=3000)
    )
    Decision.objects.create(
        kind="split", company=cast.alfa, external_a="1", external_b="2", reason="x", at=NOW
    )
    # Beto's own question about an order of Beta is nobody's but Beta's, whatever happens.
    own = make_order(cast.beta, ((NumberKind.ERP, "88"),))
    beto = Question.objects.create(
        company=cast.beta, order=own, person=cast.beto, text="And mine?", asked_at=NOW
    )
    for followed in ({"order": order, "order_key": order.public_id}, {"query": "situacao=picking"}):
        follow = Follow.objects.create(
            **of_ana, **followed, created_at=NOW - timedelta(days=1), checked_at=NOW
        )
        follow.known.create(company=cast.alfa, order=order, is_in=True, state=KNOWN)
        Notice.objects.create(
            **of_ana, follow=follow, order=order, kind="due", key=f"{follow.pk}", happened_at=NOW
        )
    # Both have seen the order as it is.
    assert noticing.look_in_turn(now=NOW + timedelta(hours=1)) == 2
    told = Notice.objects.count()
    along = (Question, Answer, AddedNumber, Watch, Decision, Follow, FollowedOrder, Notice)
    merge(cast.olga, cast.alfa, cast.beta)

    approve(oscar, whole_company=True)

    for model in along:
        assert set(model.objects.values_list("company", flat=True)) == {cast.beta.pk}, model
    share.refresh_from_db()
    assert share.revoked_at is not None
    page = client_for(cast.ana).get(f"/pedidos/{order.public_id}").content.decode()
    assert [word in page for word in ("Where is it?", "On its way.", "REQ-7")] == [True] * 3

    # They go on, and a merge is no news of an order.
    assert noticing.look_in_turn(now=LATER + timedelta(hours=3)) == 2
    assert (Follow.objects.count(), Notice.objects.count()) == (2, told)

    do(oscar, Kind.UNDO_CHANGE, change=str(MapChange.objects.get().public_id))
    approve(cast.olga)

    for model in along:
        rows = model.objects.exclude(pk=beto.pk) if model is Question else model.objects.all()
        assert set(rows.values_list("company", flat=True)) == {cast.alfa.pk}, model
    beto.refresh_from_db()
    assert beto.company == cast.beta
    page = client_for(cast.ana).get(f"/pedidos/{order.public_id}").content.decode()
    assert [word in page for word in ("Where is it?", "On its way.", "REQ-7")] == [True] * 3


# What a change of the map does with each table that has a company. Orders' own rows are written
# by whoever stores orders, in the transaction that moves one.
WITH_ORDER = "with its order"
ALONG = "along with a merge; at a move or split it stays, unseen, until the orders come back"
PIECE, MEMBERS = "is what a change names", "people move with a merge, see mapping.move_members"
ENDS, HISTORY = "ends with a merge", "stays with the company that it was of"
DEAD = "stays, and is out of use while its company is not active"
OF_MAP = {
    "companies.Company": PIECE,
    "companies.Establishment": PIECE,
    "companies.CustomerId": PIECE,
    "companies.Membership": MEMBERS,
    "companies.MembershipScope": MEMBERS,
    "companies.Portfolio": DEAD,
    "companies.IdentityProvider": DEAD,
    "companies.EmailDomain": DEAD,
    "companies.Acting": ENDS,
    "companies.Invitation": ENDS,
    "companies.JoinRequest": DEAD,
    "companies.PeopleImport": DEAD,
    "audit.AuditEvent": HISTORY,
    "audit.Incident": HISTORY,
    "orders.Order": WITH_ORDER,
    "orders.OrderAlias": WITH_ORDER,
    "orders.SourceRecord": WITH_ORDER,
    "orders.MatchKey": WITH_ORDER,
    # What a file taught counts for the company that it was checked for.
    "orders.Supplement": HISTORY,
    "orders.LearnedLink": WITH_ORDER,
    "orders.OrderNumber": WITH_ORDER,
    "orders.Line": WITH_ORDER,
    "orders.Invoice": WITH_ORDER,
    "orders.Title": WITH_ORDER,
    "orders.Event": WITH_ORDER,
    "orders.Divergence": WITH_ORDER,
    "orders.FirstSeen": HISTORY,
    "orders.Decision": ALONG,
    "orders.PromisedDate": HISTORY,
    "orders.SavedView": DEAD,
    "orders.ListPreference": DEAD,
    "notifications.Follow": ALONG,
    "notifications.FollowedOrder": ALONG,
    "notifications.Notice": ALONG,
    "documents.ListExport": HISTORY,
    "orders.AddedNumber": ALONG,
    "orders.Question": ALONG,
    "orders.Answer": ALONG,
    "documents.Document": WITH_ORDER,
    "documents.Rendering": WITH_ORDER,
    "documents.Watch": ALONG,
    "documents.ShareLink": ENDS,
    "documents.Pack": HISTORY,
    "documents.PackPart": HISTORY,
    "documents.Mailing": HISTORY,
    "documents.CalendarFeed": DEAD,
    "ingest.Stream": HISTORY,
    "ingest.Lookup": HISTORY,
}


def test_every_table_with_a_company_is_decided_about():
    found = {
        model._meta.label
        for model in apps.get_models()
        if any(field.related_model is Company and field.concrete for field in model._meta.fields)
    }

    assert found == set(OF_MAP)


def test_companies_cannot_be_merged_in_a_circle(cast: Cast, oscar: Person, trade: None):
    merge(cast.olga, cast.alfa, cast.beta)
    one = MapChange.objects.latest("pk")
    merge(cast.olga, cast.beta, cast.alfa)
    other = MapChange.objects.latest("pk")

    do(oscar, Kind.APPROVE_CHANGE, "", change=str(one.public_id))
    errand = do(oscar, Kind.APPROVE_CHANGE, "", change=str(other.public_id))

    assert (errand.state, errand.outcome["code"]) == ("failed", "conflict")
    with pytest.raises(InvalidInput):
        leave(
            cast.olga,
            Kind.MERGE_COMPANIES,
            company=str(cast.beta.public_id),
            to=str(cast.beta.public_id),
        )


def test_only_what_is_done_can_be_undone_and_only_once(cast: Cast, oscar: Person, trade: None):
    move(cast.olga, cast, BRANCH)
    change = MapChange.objects.get()
    with pytest.raises(NotVisible):
        leave(oscar, Kind.UNDO_CHANGE, change=str(change.public_id))
    approve(oscar)

    do(cast.olga, Kind.UNDO_CHANGE, change=str(change.public_id))
    again = do(oscar, Kind.UNDO_CHANGE, change=str(change.public_id))

    assert again.outcome["code"] == "conflict"


def test_what_was_merged_is_not_switched_on_again_by_hand(cast: Cast, oscar: Person, trade: None):
    merge(cast.olga, cast.alfa, cast.beta)
    approve(oscar)

    errand = do(
        cast.olga,
        Kind.CHANGE_COMPANY,
        company=str(cast.alfa.public_id),
        name="Alfa Distribuidora",
        default_scope="company",
        is_active="yes",
    )

    assert errand.outcome["code"] == "conflict"
    cast.alfa.refresh_from_db()
    assert not cast.alfa.is_active


def test_an_undo_of_what_moved_on_since_is_refused(cast: Cast, oscar: Person, trade: None):
    move(cast.olga, cast, BRANCH)
    approve(oscar)
    change = MapChange.objects.get()
    delta = make_company("Delta", ())
    Establishment.objects.filter(tax_id=BRANCH).update(company=delta)

    errand = do(oscar, Kind.UNDO_CHANGE, change=str(change.public_id))

    assert (errand.state, errand.outcome["code"]) == ("failed", "conflict")
    with pytest.raises(Conflict):
        add_establishment(company_id=cast.alfa.pk, tax_id=BRANCH)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_approve_in_the_same_moment_one_does_it(cast: Cast, trade: None):
    move(cast.olga, cast, BRANCH)
    change = MapChange.objects.get()
    barrier, outcomes = threading.Barrier(2), []

    def approve_as(person: Person) -> None:
        try:
            barrier.wait(10)
            map_changes.approve(public_id=change.public_id, person_id=person.pk, now=LATER)
            outcomes.append("done")
        except Conflict:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [
        threading.Thread(target=approve_as, args=(person,)) for person in (cast.suzana, cast.teo)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["done", "refused"]
    change.refresh_from_db()
    assert change.state == "doing"
    assert Establishment.objects.get(tax_id=BRANCH).company == cast.beta
