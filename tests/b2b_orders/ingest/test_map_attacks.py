"""What somebody of operations would try with the map, and what time does to what was asked."""

from __future__ import annotations

import pytest

from b2b_orders.accounts.models import Person
from b2b_orders.companies.models import (
    Company,
    Establishment,
    MapChange,
    Membership,
    MembershipScope,
    Role,
    StaffProfile,
    StaffRole,
)
from b2b_orders.companies.services import add_establishment
from b2b_orders.companies.viewers import read_standing
from b2b_orders.ingest import errands
from b2b_orders.ingest.errands import Kind, run_errand
from tests.b2b_orders.ingest.test_map_changes import (
    LATER,
    approve,
    do,
    leave,
    merge,
    move,
    owners,
    seen_by,
    store_web,
)
from tests.conftest import Cast
from tests.factories import make_member, make_person, make_staff


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_wake_worker_aside", "wake_worker"):
        monkeypatch.setattr(errands, name, lambda _errand_id: None)


@pytest.fixture
def oscar(cast: Cast) -> Person:
    person = make_person("Oscar")
    make_staff(person, StaffRole.OPERATIONS)
    return person


@pytest.fixture
def trade(cast: Cast) -> None:
    store_web("100-01", "12345678000195")
    store_web("200-01", "12345678000276")
    store_web("300-01", "12345678000276")


def undo(asks: Person, answers: Person) -> None:
    change = MapChange.objects.earliest("pk")
    do(asks, Kind.UNDO_CHANGE, change=str(change.public_id))
    assert approve(answers).outcome["code"] == "change-done"


# --- four eyes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["alfa", "beta"])
def test_nobody_decides_over_orders_of_a_company_that_they_belong_to(cast, oscar, trade, side):
    make_member(oscar, getattr(cast, side))
    move(cast.olga, cast, "12345678000276")

    errand = approve(oscar)

    assert (errand.state, errand.outcome["code"]) == ("failed", "conflict")
    assert MapChange.objects.get().state == "waiting"
    assert set(owners().values()) == {"Alfa"}


def test_who_was_removed_from_a_company_decides_over_it_again(cast, oscar, trade):
    make_member(oscar, cast.beta)
    Membership.objects.filter(person=oscar).update(is_active=False)
    move(cast.olga, cast, "12345678000276")

    assert approve(oscar).outcome["code"] == "change-done"


@pytest.mark.parametrize("how", ["another role", "no staff", "closed account"])
def test_what_somebody_asked_for_is_not_done_once_they_are_of_operations_no_more(
    cast, oscar, trade, how
):
    move(cast.olga, cast, "12345678000276")
    change = MapChange.objects.get()
    errand = leave(oscar, Kind.APPROVE_CHANGE, change=str(change.public_id))
    if how == "another role":
        StaffProfile.objects.filter(person=oscar).update(role=StaffRole.SUPPORT)
    elif how == "no staff":
        StaffProfile.objects.filter(person=oscar).delete()
    else:
        Person.objects.filter(pk=oscar.pk).update(is_active=False)

    run_errand(errand_id=errand.pk, clock=lambda: LATER)

    errand.refresh_from_db()
    change.refresh_from_db()
    assert (errand.state, errand.outcome) == ("failed", {"code": "not-of-operations"})
    assert change.state == "waiting"


def test_what_a_worker_began_is_finished_whoever_left_meanwhile(cast, oscar, trade, monkeypatch):
    monkeypatch.setattr("b2b_orders.ingest.errand_map.TURN_SECONDS", -1)
    move(cast.olga, cast, "12345678000276")
    errand = leave(oscar, Kind.APPROVE_CHANGE, change=str(MapChange.objects.get().public_id))
    run_errand(errand_id=errand.pk, clock=lambda: LATER)
    StaffProfile.objects.filter(person=oscar).delete()

    for _ in range(5):
        run_errand(errand_id=errand.pk, clock=lambda: LATER)

    errand.refresh_from_db()
    assert errand.outcome["code"] == "change-done"
    assert owners() == {"100-01": "Alfa", "200-01": "Beta", "300-01": "Beta"}


# --- what changes between asking and deciding -----------------------------------------------------


def test_a_house_that_came_after_a_merge_was_asked_for_is_not_left_with_a_closed_company(
    cast, oscar, trade
):
    merge(cast.olga, cast.alfa, cast.beta)
    add_establishment(company_id=cast.alfa.pk, tax_id="11222333000181")

    errand = approve(oscar)

    assert (errand.state, errand.outcome["code"]) == ("failed", "conflict")
    assert Company.objects.get(pk=cast.alfa.pk).is_active is True

    do(oscar, Kind.REJECT_CHANGE, change=str(MapChange.objects.get().public_id))
    merge(cast.olga, cast.alfa, cast.beta)
    approve(oscar)

    assert not Establishment.objects.filter(company=cast.alfa).exists()


# --- what an undo gives back ----------------------------------------------------------------------


def test_who_was_removed_from_the_merged_company_stays_out_after_the_undo(cast, oscar, trade):
    merge(cast.olga, cast.alfa, cast.beta)
    approve(oscar)
    # Davi was of both, Ana of Alfa alone.
    Membership.objects.filter(person__in=(cast.davi, cast.ana), company=cast.beta).update(
        is_active=False
    )

    undo(oscar, cast.olga)

    assert (seen_by(cast.davi), seen_by(cast.ana)) == ({}, {})
    assert seen_by(cast.rita) == {"Alfa": None}


def test_whose_scope_was_narrowed_since_a_merge_sees_no_more_after_the_undo(cast, oscar, trade):
    merge(cast.olga, cast.alfa, cast.beta)
    approve(oscar)
    MembershipScope.objects.filter(
        membership__person=cast.ana, establishment=cast.alfa_main
    ).delete()

    undo(oscar, cast.olga)

    assert seen_by(cast.ana) == {"Alfa": frozenset({cast.alfa_branch.pk})}
    assert seen_by(cast.carla) == {"Alfa": frozenset({cast.alfa_branch.pk})}
    assert seen_by(cast.rita) == {"Alfa": None}


def test_merging_there_and_back_gives_nobody_a_right_they_lacked(cast, oscar, trade):
    def standing() -> dict[str, object]:
        return {
            person.email: read_standing(person.pk).members
            for person in Person.objects.order_by("pk")
        }

    Membership.objects.filter(person=cast.carla).update(role=Role.VIEWER, sees_finance=False)
    before = standing()

    for _ in range(2):
        MapChange.objects.all().delete()
        merge(cast.olga, cast.alfa, cast.beta)
        approve(oscar)
        undo(oscar, cast.olga)

    assert standing() == before
