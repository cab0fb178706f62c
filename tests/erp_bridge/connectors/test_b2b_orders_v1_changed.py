"""The optional search for what changed: what is sent, and which rows are believed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from erp_bridge.connector import CompanyRef
from erp_bridge.connectors.b2b_orders_v1 import B2BOrdersV1, B2BOrdersV1Config
from erp_bridge.errors import BadRequest, ContractViolation, Unsupported
from erp_bridge.simulators.erp import TOKEN as SIMULATOR_TOKEN
from erp_bridge.simulators.erp import ErpSimulator
from erp_bridge.simulators.server import Request
from erp_bridge.simulators.world import ALFA_CUSTOMER_ID, BETA_CUSTOMER_ID, small_world
from tests.erp_bridge.connectors.conformance import (
    ChangedConformance,
    ChangingSubject,
    ids_of,
    soon,
)
from tests.erp_bridge.connectors.gateway import Asked, Told
from tests.erp_bridge.connectors.old_gateway import (
    ALFA,
    BETA,
    POLICY,
    TOKEN,
    ChangingGateway,
    build,
    changed_row,
)

SINCE = datetime(2026, 3, 10, 17, 20, tzinfo=UTC)


class TestConformance(ChangedConformance):
    @pytest.fixture
    def subject(self) -> ChangingSubject:
        source = ChangingGateway()
        return ChangingSubject(
            build=lambda url: build(url, changed_since=True),
            answers=source,
            company=ALFA,
            other=BETA,
            since=source.began,
            external_ids=source.ids,
            change=source.change,
            secret=TOKEN,
        )


class TestConformanceOfTheSimulator(ChangedConformance):
    """The simulator was written apart from the gateway of the tests."""

    @pytest.fixture
    def subject(self) -> ChangingSubject:
        world = small_world()
        simulator = ErpSimulator(world, token=TOKEN, changed_since=True, changes_at_once=2)
        # It is asked by the gateway of the suite, and never on its own port.
        simulator.stop()
        since = datetime.now(UTC)
        numbers = tuple(f"000880000{n}" for n in range(1, 6))

        def change(number: str) -> datetime:
            simulator.control_orders({"company": "alfa", "erp_number": number})
            return world.erp_orders[number.lstrip("0")][1].changed_at

        def answers(asked: Asked) -> Told:
            body = json.dumps(asked.body).encode()
            got = simulator.answer(
                "search", Request(asked.method, asked.path, {}, asked.headers, body)
            )
            headers = dict(got.headers)
            return Told(got.body, got.status, headers, got.content_type)

        for number in numbers:
            change(number)
        return ChangingSubject(
            build=lambda url: build(url, changed_since=True),
            answers=answers,
            company=CompanyRef("alfa", (), (str(ALFA_CUSTOMER_ID),)),
            other=CompanyRef("beta", (), (str(BETA_CUSTOMER_ID),)),
            since=since,
            external_ids=numbers,
            change=change,
            secret=TOKEN,
        )


@pytest.fixture
def erp(gateway):
    erp = build(gateway.url, changed_since=True)
    yield erp
    erp.close()


def walk(erp, cursor=""):
    return list(erp.changed(None, cursor, SINCE, soon()))


def tell(gateway, *rows, cursor="", **fields):
    gateway.answer = lambda asked: Told({"itens": list(rows), "cursor": cursor} | fields)


def row(order_id="1", customer: object = 55, **fields):
    return changed_row(SINCE, order_id, customer) | fields


def test_it_is_never_sent_unasked(gateway):
    erp = build(gateway.url)

    assert erp.declares().changed == "none"
    with pytest.raises(Unsupported):
        walk(erp)
    erp.health(soon())

    assert [asked.body for asked in gateway.log] == [None]


def test_it_is_declared_and_sent_without_a_customer_where_the_setting_says_so(erp, gateway):
    tell(gateway)

    walk(erp)

    assert erp.declares().changed == "second"
    (asked,) = gateway.log
    assert (asked.method, asked.path) == ("POST", "/api/v1/pedido/pesquisa")
    # In the zone of the connection, as a person there would write it.
    assert asked.body == {"porAlteracao": {"desde": "2026-03-10T14:20:00-03:00", "cursor": ""}}


def test_a_moment_is_cut_to_the_second_so_that_nothing_falls_between(erp, gateway):
    tell(gateway)

    list(erp.changed(None, "", SINCE + timedelta(milliseconds=900), soon()))

    assert gateway.log[0].body["porAlteracao"]["desde"] == "2026-03-10T14:20:00-03:00"


def test_a_cursor_goes_back_as_it_came_with_the_same_moment(erp, gateway):
    answers = iter([Told({"itens": [row()], "cursor": "a|b c&1"}), Told({"cursor": ""})])
    gateway.answer = lambda asked: next(answers)

    walk(erp)

    assert [asked.body["porAlteracao"] for asked in gateway.log] == [
        {"desde": "2026-03-10T14:20:00-03:00", "cursor": ""},
        {"desde": "2026-03-10T14:20:00-03:00", "cursor": "a|b c&1"},
    ]


@pytest.mark.parametrize(
    "told",
    [
        Told({"message": "informe um critério"}, 400),
        Told({"message": "?"}, 403),
        Told({"message": "?"}, 404),
        Told(b"<html>", 404, content_type="text/html"),
        Told(None, 405),
        Told({"message": "?"}, 501),
        # They ignore what they do not know.
        Told({"itens": []}),
        Told({"itens": [row()]}),
        Told({"itens": [row()], "cursor": None}),
        Told({}),
        Told([]),
        Told(b"null"),
        Told(None, 204),
    ],
    ids=lambda told: f"{told.status}-{told.content[:24].decode()}",
)
def test_a_gateway_that_lacks_it_is_recognised_and_says_what_to_do(erp, gateway, told):
    gateway.answer = lambda asked: told

    with pytest.raises(Unsupported, match=r"has no search porAlteracao .*changed_since"):
        walk(erp)


def test_a_cursor_that_is_refused_is_no_lack(erp, gateway):
    gateway.answer = lambda asked: Told({"message": "cursor?"}, 400)

    with pytest.raises(BadRequest, match="refuses the cursor"):
        walk(erp, "old")


@pytest.mark.parametrize("cursor", [5, ["a"], "x" * 201], ids=repr)
def test_a_cursor_that_cannot_be_kept_breaks_the_contract(erp, gateway, cursor):
    tell(gateway, row(), cursor=cursor)

    with pytest.raises(ContractViolation, match="cursor"):
        walk(erp)


def test_a_cursor_that_does_not_move_ends_the_walk(erp, gateway):
    tell(gateway, row(), cursor="same")

    with pytest.raises(ContractViolation, match="does not move"):
        walk(erp)

    assert len(gateway.log) == 2


@pytest.mark.parametrize(
    "customer",
    [None, "", "  ", 0, "null", True, [55], {"id": 55}],
    ids=repr,
)
def test_a_row_that_does_not_say_whose_it_is_is_a_problem_and_no_reading(erp, gateway, customer):
    tell(gateway, row("1", customer), row("2"))

    (page,) = walk(erp)

    assert ids_of(page) == ["2"]
    assert page.problems == ("itens[0].revendaId does not say whose order it is",)


def test_a_row_that_names_two_customers_is_a_problem(erp, gateway):
    tell(gateway, row("1", RevendaID=77), row("2", REVENDAID="55"))

    (page,) = walk(erp)

    assert ids_of(page) == ["2"]
    assert page.problems == ("itens[0].revendaId does not say whose order it is",)


def test_an_order_that_an_answer_gives_to_two_customers_is_neithers(erp, gateway):
    tell(gateway, row("1", 55), row("2", 55), row("1", 77), row("2", "055"))

    (page,) = walk(erp)

    assert ids_of(page) == ["2", "2"]
    assert page.problems == tuple(
        f"itens[{at}].revendaId is not the same in all rows of the order" for at in (0, 2)
    )


def test_a_row_without_a_number_is_a_problem(erp, gateway):
    tell(gateway, row(""), row("9" * 81), row("2"))

    (page,) = walk(erp)

    assert ids_of(page) == ["2"]
    assert len(page.problems) == 2


def test_customers_of_all_kinds_are_named_as_the_gateway_writes_them(erp, gateway):
    tell(gateway, row("1", 55), row("2", "077"), row("3", 55.0), row("4", "C-9"))

    (page,) = walk(erp)

    assert [r.record.customer_id for r in page.readings] == ["55", "077", "55", "C-9"]


def test_for_a_company_only_rows_that_name_it_come_in_its_own_writing(erp, gateway):
    tell(gateway, row("1", 55), row("2", 77), row("3", "0055"))

    (page,) = erp.changed(CompanyRef("alfa", (), ("055",)), "", SINCE, soon())

    assert ids_of(page) == ["1", "3"]
    assert {r.record.customer_id for r in page.readings} == {"055"}


def test_a_page_says_what_the_clock_of_the_erp_said():
    behind = timedelta(minutes=-10)
    with ErpSimulator(small_world(), changed_since=True, clock_ahead=behind) as simulator:
        erp = connect(simulator, changed_since=True)
        now = datetime.now(UTC)
        (page,) = erp.changed(None, "", now, soon())
        erp.close()

    assert abs(page.as_of - (now + behind)) < timedelta(seconds=5)


class TestHealth:
    def test_it_says_that_changes_are_told_once_they_are(self, erp, gateway):
        gateway.answer = ChangingGateway()
        assert erp.health(soon()).abilities == ("find", "period", "order", "documents", "changed")

    def test_it_does_not_where_the_gateway_lacks_them(self, erp, gateway):
        health = erp.health(soon())

        assert (health.ok, "changed" in health.abilities) == (True, False)

    @pytest.mark.parametrize("minutes", [-10, 0, 3])
    def test_it_says_how_far_the_clock_is_off(self, minutes):
        with ErpSimulator(small_world(), clock_ahead=timedelta(minutes=minutes)) as simulator:
            erp = connect(simulator)
            ahead = erp.health(soon()).clock_ahead
            erp.close()

        assert abs(ahead - 60 * minutes) < 5


def connect(simulator, **settings):
    config = B2BOrdersV1Config.build(
        {"endpoint": simulator.url, **settings}, SIMULATOR_TOKEN, POLICY
    )
    return B2BOrdersV1("erp", config)
