"""Errands about orders: what statuses mean, and which records are one order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from b2b_orders.audit.models import Action, AuditEvent
from b2b_orders.common.errors import InvalidInput, NotVisible
from b2b_orders.companies.access import StaffViewer
from b2b_orders.companies.models import StaffRole
from b2b_orders.ingest import errand_orders, errands, operations
from b2b_orders.ingest.errands import Kind, run_errand
from b2b_orders.ingest.figures import Bounded
from b2b_orders.ingest.models import Errand
from b2b_orders.orders.models import Decision, Order, StatusRule, UnmappedStatus
from b2b_orders.orders.services import store_readings
from erp_bridge.records import Fulfilment
from tests.b2b_orders.ingest.conftest import connect_erp, connect_vtex
from tests.b2b_orders.ingest.test_errands import LATER, ask, do
from tests.conftest import Cast
from tests.factories import NOW, make_erp_record, make_reading, make_vtex_record

RAW = "Em conferência"


@pytest.fixture
def olga(cast: Cast) -> StaffViewer:
    connect_vtex("http://127.0.0.1:9")
    connect_erp("http://127.0.0.1:9")
    return StaffViewer(person_id=cast.olga.pk, role=StaffRole.OPERATIONS)


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    ids: list[int] = []
    monkeypatch.setattr(errands, "_wake_worker_aside", lambda errand_id: None)
    monkeypatch.setattr(errands, "wake_worker", ids.append)
    return ids


def store(cast: Cast, *numbers: str, **fields: Any) -> None:
    store_readings(
        connection="erp",
        readings=[make_reading(make_erp_record(number, **fields)) for number in numbers],
        now=NOW,
        company_id=cast.alfa.pk,
    )


def unmapped(cast: Cast, *numbers: str) -> None:
    store(cast, *numbers, fulfilment=Fulfilment.UNMAPPED, status_raw=RAW)


def meaning(**axes: str) -> Mapping[str, str]:
    return {"connection": "erp", "raw": RAW, "fulfilment": "", "billing": "", "payment": ""} | axes


# --- statuses ---------------------------------------------------------------------------------


def test_a_status_is_mapped_and_its_orders_show_it(olga: StaffViewer, cast: Cast):
    unmapped(cast, "1", "2")
    assert UnmappedStatus.objects.count() == 1

    errand = do(ask(olga, Kind.MAP_STATUS, meaning(fulfilment="picking", payment="paid")))

    assert errand.outcome == {"code": "mapped", "count": 2}
    assert set(Order.objects.values_list("fulfilment", flat=True)) == {"picking"}
    assert not UnmappedStatus.objects.exists()
    event = AuditEvent.objects.get()
    assert (event.action, event.object_id) == (Action.STATUS_MAPPED, f"erp: {RAW}")
    assert event.detail["fulfilment"] == "picking"


def test_a_rule_is_dropped_and_the_status_is_unknown_again(olga: StaffViewer, cast: Cast):
    unmapped(cast, "1")
    do(ask(olga, Kind.MAP_STATUS, meaning(fulfilment="picking")))

    dropping = ask(olga, Kind.DROP_STATUS, {"connection": "erp", "raw": RAW})
    StatusRule.objects.all().delete()  # by a worker that was killed after it
    errand = do(dropping)

    assert errand.outcome == {"code": "dropped", "count": 1}
    assert Order.objects.get().fulfilment == "unmapped"


def test_a_long_errand_is_done_in_turns_that_go_on_where_the_last_ended(
    olga: StaffViewer, cast: Cast, woken: list[int], monkeypatch: pytest.MonkeyPatch
):
    unmapped(cast, *(str(number) for number in range(3)))
    monkeypatch.setattr(errand_orders, "TURN_SECONDS", 0.0)
    monkeypatch.setattr("b2b_orders.orders.remerging.BATCH", 1)
    public_id = ask(olga, Kind.MAP_STATUS, meaning(fulfilment="picking"))

    turns = []
    for _ in range(4):
        errand = do(public_id)
        turns.append((errand.state, errand.outcome["count"]))

    assert turns == [("waiting", 1), ("waiting", 2), ("waiting", 3), ("done", 3)]
    assert woken == [errand.pk] * 3
    assert StatusRule.objects.count() == AuditEvent.objects.count() == 1


def test_an_errand_that_goes_on_is_not_given_up_after_an_hour(olga: StaffViewer):
    for outcome in ({}, {"code": "going-on", "count": 5, "from_id": 7}):
        Errand.objects.create(kind="map-status", asked_at=NOW, outcome=outcome)

    assert errands.give_up_errands(now=NOW + errands._GIVEN_UP * 2) == 1
    assert Errand.objects.get(state="waiting").outcome["count"] == 5
    assert errands.give_up_errands(now=NOW + errands._GIVEN_UP_IN_TURNS * 2) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({}, "fulfilment"),
        ({"fulfilment": "flying"}, "fulfilment"),
        ({"fulfilment": "unmapped"}, "fulfilment"),
        ({"billing": "unknown"}, "billing"),
        ({"payment": "unknown"}, "payment"),
        ({"fulfilment": "picking", "raw": "  "}, "raw"),
        ({"fulfilment": "picking", "raw": "x" * 101}, "raw"),
        ({"fulfilment": "picking", "connection": "nowhere"}, "connection"),
    ],
)
def test_a_status_must_be_mapped_to_a_state_of_ours(
    olga: StaffViewer, change: dict[str, str], field: str
):
    with pytest.raises(InvalidInput) as slip:
        ask(olga, Kind.MAP_STATUS, meaning(**change))

    assert slip.value.field == field


def test_a_rule_that_there_is_not_cannot_be_dropped(olga: StaffViewer):
    with pytest.raises(NotVisible):
        ask(olga, Kind.DROP_STATUS, {"connection": "erp", "raw": RAW})


# --- joining and splitting ------------------------------------------------------------------


def both(cast: Cast) -> dict[str, str]:
    """Store an order of the site and one of the ERP that nothing ties; name both."""
    store_readings(connection="loja", readings=[make_reading(make_vtex_record("77-01"))], now=NOW)
    store(cast, "0009")
    return {
        "connection_a": "loja",
        "external_a": "77-01",
        "connection_b": "erp",
        "external_b": "0009",
    }


def test_two_orders_are_joined_by_hand_and_the_decision_can_be_undone(
    olga: StaffViewer, cast: Cast
):
    joined = do(ask(olga, Kind.JOIN, both(cast), reason="the customer says so"))

    assert joined.outcome == {"code": "joined"}
    assert Order.objects.count() == 1
    decision = Decision.objects.get()
    assert (decision.person_id, decision.reason) == (olga.person_id, "the customer says so")

    undone = do(ask(olga, Kind.UNDO_DECISION, {"decision": str(decision.pk)}, reason="he erred"))

    assert undone.outcome == {"code": "undone"}
    assert Order.objects.count() == 2
    events = AuditEvent.objects.order_by("pk").values_list("action", "company_id", "reason")
    assert list(events) == [
        ("orders_joined", cast.alfa.pk, "the customer says so"),
        ("decision_undone", cast.alfa.pk, "he erred"),
    ]


def test_a_record_is_split_from_its_order_by_hand(olga: StaffViewer, cast: Cast):
    records = both(cast)
    do(ask(olga, Kind.JOIN, records, reason="the customer says so"))
    Decision.objects.update(undone_at=None)
    store(cast, "0010", web_numbers=("77-01",))

    errand = do(
        ask(
            olga,
            Kind.SPLIT,
            {"connection_a": "erp", "external_a": "0010"},
            reason="not this one",
        )
    )

    assert errand.outcome == {"code": "split"}
    assert Order.objects.count() == 2


def test_a_worker_killed_after_it_joined_joins_once(olga: StaffViewer, cast: Cast):
    public_id = ask(olga, Kind.JOIN, both(cast), reason="the customer says so")
    errand = do(public_id)
    Errand.objects.update(state="waiting")

    assert run_errand(errand_id=errand.pk, clock=lambda: LATER) == "done"
    assert Decision.objects.count() == 1


def test_what_cannot_be_joined_says_why(olga: StaffViewer, cast: Cast):
    records = both(cast)
    store_readings(
        connection="erp",
        readings=[
            make_reading(
                make_erp_record(
                    "0042",
                    customer_id="1002",
                    customer=make_erp_record().customer.__class__("Beta", "12ABC34501DE35"),
                )
            )
        ],
        now=NOW,
        company_id=cast.beta.pk,
    )

    missing = do(ask(olga, Kind.JOIN, records | {"external_b": "none"}, reason="try it"))
    foreign = do(ask(olga, Kind.JOIN, records | {"external_b": "0042"}, reason="try it"))
    alone = do(
        ask(olga, Kind.SPLIT, {"connection_a": "erp", "external_a": "0009"}, reason="try it")
    )

    assert [(row.state, row.outcome["code"]) for row in (missing, foreign, alone)] == [
        ("failed", "no-such-record"),
        ("failed", "two-companies"),
        ("failed", "conflict"),
    ]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"external_b": ""}, "external_b"),
        ({"external_b": "x" * 81}, "external_b"),
        ({"connection_b": "nowhere"}, "connection_b"),
        ({"connection_b": "loja", "external_b": "77-01"}, "external_b"),
    ],
)
def test_two_records_must_be_named(
    olga: StaffViewer, cast: Cast, change: dict[str, str], field: str
):
    with pytest.raises(InvalidInput) as slip:
        ask(olga, Kind.JOIN, both(cast) | change, reason="try it")

    assert slip.value.field == field


@pytest.mark.parametrize("wanted", ["", "x", "77", "9" * 30])
def test_a_decision_that_there_is_not_cannot_be_undone(olga: StaffViewer, wanted: str):
    with pytest.raises(NotVisible):
        ask(olga, Kind.UNDO_DECISION, {"decision": wanted}, reason="try it")


# --- what waits ---------------------------------------------------------------------------------


def test_lists_of_orders_are_counted(olga: StaffViewer, cast: Cast):
    unmapped(cast, "1")
    nobody = make_vtex_record().customer.__class__("Delta", "11222333000181")
    store_readings(
        connection="loja", readings=[make_reading(make_vtex_record(customer=nobody))], now=NOW
    )

    counts = operations.count_lists(viewer=olga, now=NOW)

    assert (counts.unmapped, counts.unassigned) == (Bounded(1), Bounded(1))
    assert counts.divergences == Bounded(0)


def test_a_company_of_the_same_firm_is_suggested(olga: StaffViewer, cast: Cast):
    found = operations.suggest_companies(
        viewer=olga, tax_ids=["12345678000357", "98765432000279", "12345678909", ""]
    )

    assert {tax_id: [each.name for each in rows] for tax_id, rows in found.items()} == {
        "12345678000357": ["Alfa Distribuidora"],
        "98765432000279": [],  # Gama is inactive
    }


def test_connections_can_be_chosen_by_name(olga: StaffViewer):
    assert operations.list_connection_labels(viewer=olga) == {"erp": "ERP", "loja": "Loja"}
