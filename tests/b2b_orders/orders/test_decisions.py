"""Joining and splitting by hand, and that it stays."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from b2b_orders.common import tenancy
from b2b_orders.common.errors import Conflict, InvalidInput, NotVisible
from b2b_orders.companies.models import CustomerId
from b2b_orders.orders.decisions import join, split, undo
from b2b_orders.orders.match import Node, RecordKey, components, edges
from b2b_orders.orders.models import Decision, Order, OrderAlias, OrderNumber, SourceRecord
from b2b_orders.orders.numbers import normalise
from b2b_orders.orders.services import remerge, store_readings, withdraw
from erp_bridge.records import InvoiceRecord, System
from tests.factories import NOW, make_erp_record, make_reading, make_vtex_record

WEB = "1172452900788-01"
SITE = RecordKey("loja", WEB)
LATER = NOW + timedelta(hours=1)

pytestmark = pytest.mark.django_db


def store(*records, company=None, at=NOW):
    store_readings(
        connection="loja" if records[0].system is System.VTEX else "erp",
        readings=[make_reading(record, at) for record in records],
        now=at,
        company_id=company.pk if company else None,
    )


def erp_key(external_id):
    return RecordKey("erp", external_id)


def together():
    """Say which records make up each order."""
    found = {}
    for order_id, external_id in SourceRecord.objects.values_list("order_id", "external_id"):
        found.setdefault(order_id, set()).add(external_id)
    return sorted(map(sorted, found.values()))


@pytest.fixture
def site_and_two(cast):
    """A web order of which the ERP made two."""
    store(make_vtex_record(WEB))
    store(*(make_erp_record(n, web_numbers=(WEB,)) for n in ("1", "2")), company=cast.alfa)
    assert together() == [sorted(["1", "2", WEB])]
    return cast


def do_split(cast, key, reason="not the same order"):
    return split(
        company_id=cast.alfa.pk, record=key, person_id=cast.olga.pk, reason=reason, now=NOW
    )


def do_join(cast, a, b, reason="the customer says so"):
    return join(company_id=cast.alfa.pk, a=a, b=b, person_id=cast.olga.pk, reason=reason, now=NOW)


# --- split ----------------------------------------------------------------------------------


def test_a_record_that_was_taken_out_stays_out_whatever_is_read_again(site_and_two):
    cast = site_and_two
    do_split(cast, erp_key("1"))
    apart = [["1"], sorted(["2", WEB])]
    assert together() == apart

    store(make_erp_record("1", web_numbers=(WEB,), note="x"), company=cast.alfa, at=LATER)
    store(make_vtex_record(WEB, version=LATER, note="y"), at=LATER)
    remerge(record_ids=list(SourceRecord.objects.values_list("id", flat=True)), now=LATER)

    assert together() == apart


def test_a_split_record_does_not_come_back_through_a_third(site_and_two):
    cast = site_and_two
    do_split(cast, erp_key("1"))
    # The third shares an invoice with the site's order, and is joined to the one taken out.
    store(make_erp_record("3", web_numbers=()), company=cast.alfa)
    do_join(cast, erp_key("1"), erp_key("3"))

    store(make_erp_record("3", web_numbers=(WEB,)), company=cast.alfa, at=LATER)

    assert together() == [["1", "3"], sorted(["2", WEB])]


def test_a_split_survives_that_the_record_goes_and_comes_back(site_and_two):
    cast = site_and_two
    do_split(cast, erp_key("1"))

    withdraw(connection="erp", external_id="1", company_id=cast.alfa.pk, now=NOW)
    store(make_erp_record("1", web_numbers=(WEB,)), company=cast.alfa, at=LATER)

    assert together() == [["1"], sorted(["2", WEB])]


def found_by(number):
    """Say which records' orders are found by a number."""
    orders = OrderNumber.objects.filter(value=normalise(number)).values("order")
    return sorted(
        SourceRecord.objects.filter(order__in=orders).values_list("external_id", flat=True)
    )


def test_a_number_that_an_order_was_wrongly_found_by_leads_to_it_no_longer(cast):
    store(make_vtex_record(WEB, web_numbers=(WEB, "502556")))
    links = {"1": (WEB, "one-answer")}
    for at in (NOW, LATER):
        store_readings(
            connection="erp",
            readings=[make_reading(make_erp_record("1"), at)],
            now=at,
            company_id=cast.alfa.pk,
            links=links,
        )
        if at == NOW:
            assert found_by(WEB) == sorted(["1", WEB])
            decided = do_split(cast, erp_key("1"))

    assert (found_by(WEB), found_by("502556"), found_by("1")) == ([WEB], [WEB], ["1"])
    undo(decision_id=decided.decision_id, person_id=cast.olga.pk, now=LATER)
    assert found_by(WEB) == sorted(["1", WEB])


def test_a_number_that_an_order_states_itself_leads_to_it_also_after_a_split(site_and_two):
    do_split(site_and_two, erp_key("2"))

    assert found_by(WEB) == sorted(["1", "2", WEB])


def test_what_a_record_was_split_from_takes_its_number_along_when_it_comes_later(cast):
    """The number was learned, and the decision taken, before the site's order was read."""
    store_readings(
        connection="erp",
        readings=[make_reading(make_erp_record("1"), NOW)],
        now=NOW,
        company_id=cast.alfa.pk,
        links={"1": "502556"},
    )
    Decision.objects.create(
        kind="split",
        company=cast.alfa,
        connection_a="loja",
        external_a=WEB,
        connection_b="erp",
        external_b="1",
        reason="by hand",
        at=NOW,
    )

    store(make_vtex_record(WEB, web_numbers=("502556",)))

    found = OrderNumber.objects.filter(value="502556").values_list("order__title", flat=True)
    assert list(found) == [WEB]


def test_a_split_keeps_who_why_and_when(site_and_two):
    cast = site_and_two

    done = do_split(cast, erp_key("1"), "  wrong   number typed ")

    rows = Decision.objects.order_by("id")
    assert [(r.external_a, r.external_b, r.reason) for r in rows] == [
        ("1", "2", "wrong number typed"),
        ("1", WEB, "wrong number typed"),
    ]
    assert {(r.person, r.at, r.company, r.act) for r in rows} == {
        (cast.olga, NOW, cast.alfa, rows[0].act)
    }
    assert done.decision_id == rows[0].pk
    assert set(done.orders) == set(Order.objects.values_list("public_id", flat=True))


def test_undoing_a_split_lets_the_numbers_speak_again(site_and_two):
    cast = site_and_two
    done = do_split(cast, erp_key("1"))
    second = Decision.objects.order_by("id").last()

    undo(decision_id=second.pk, person_id=cast.olga.pk, now=LATER)

    assert together() == [sorted(["1", "2", WEB])]
    assert set(Decision.objects.values_list("undone_at", "undone_by")) == {(LATER, cast.olga.pk)}
    with pytest.raises(Conflict):
        undo(decision_id=done.decision_id, person_id=cast.olga.pk, now=LATER)


# --- join -----------------------------------------------------------------------------------


def test_two_orders_joined_by_hand_are_one_and_both_addresses_lead_to_it(cast):
    store(make_vtex_record(WEB))
    store(make_erp_record("9"), company=cast.alfa)
    before = set(Order.objects.values_list("public_id", flat=True))

    done = do_join(cast, SITE, erp_key("9"))

    order = Order.objects.get()
    assert (order.origins, order.title, done.orders) == ("erp+vtex", WEB, (order.public_id,))
    assert {order.public_id, OrderAlias.objects.get().public_id} == before
    store(make_erp_record("9", note="x"), company=cast.alfa, at=LATER)
    assert together() == [sorted(["9", WEB])]


def test_records_of_the_same_kind_can_be_joined_too(cast):
    store(make_erp_record("8"), make_erp_record("9"), company=cast.alfa)

    do_join(cast, erp_key("8"), erp_key("9"))

    assert together() == [["8", "9"]]


def test_a_joined_record_brings_its_fellows_and_undoing_parts_them(site_and_two):
    cast = site_and_two
    store(make_erp_record("9"), company=cast.alfa)
    done = do_join(cast, erp_key("2"), erp_key("9"))
    assert together() == [sorted(["1", "2", "9", WEB])]

    undo(decision_id=done.decision_id, person_id=None, now=LATER)

    assert together() == [sorted(["1", "2", WEB]), ["9"]]


def test_a_joined_record_that_comes_later_finds_its_partner(cast):
    store(make_vtex_record(WEB))
    store(make_erp_record("9"), company=cast.alfa)
    do_join(cast, SITE, erp_key("9"))
    withdraw(connection="erp", external_id="9", company_id=cast.alfa.pk, now=NOW)
    assert together() == [[WEB]]

    store(make_erp_record("9"), company=cast.alfa, at=LATER)

    assert together() == [sorted(["9", WEB])]


def test_a_decision_sleeps_while_a_record_is_another_companys(cast):
    store(make_vtex_record(WEB))
    store(make_erp_record("9"), company=cast.alfa)
    do_join(cast, SITE, erp_key("9"))

    store(make_erp_record("9", customer_id="1002"), company=cast.beta, at=LATER)
    assert together() == sorted([[WEB], ["9"]])
    assert set(Order.objects.values_list("company", flat=True)) == {cast.alfa.pk, cast.beta.pk}

    assert CustomerId.objects.filter(connection="erp", value="1001").exists()
    back = make_erp_record("9", customer_id="1001")
    store(back, company=cast.alfa, at=LATER + timedelta(hours=1))
    assert together() == [sorted(["9", WEB])]


# --- what is refused ------------------------------------------------------------------------


def test_what_is_not_the_companys_does_not_exist(cast):
    store(make_vtex_record(WEB))
    store(make_erp_record("9", customer_id="1002"), company=cast.beta)

    for attempt in (
        lambda: do_join(cast, SITE, erp_key("9")),
        lambda: do_join(cast, SITE, erp_key("nowhere")),
        lambda: do_join(cast, erp_key("9"), SITE),
        lambda: do_split(cast, erp_key("9")),
        lambda: do_split(cast, erp_key("nowhere")),
        lambda: undo(decision_id=0, person_id=None, now=NOW),
    ):
        with pytest.raises(NotVisible):
            attempt()
    assert not Decision.objects.exists()


def test_what_is_so_already_is_refused(site_and_two):
    cast = site_and_two
    with pytest.raises(Conflict):
        do_join(cast, SITE, erp_key("1"))
    with pytest.raises(Conflict):
        do_join(cast, SITE, SITE)
    do_split(cast, erp_key("1"))
    with pytest.raises(Conflict):
        do_split(cast, erp_key("1"))


def test_joining_what_another_decision_keeps_apart_says_which(site_and_two):
    cast = site_and_two
    done = do_split(cast, erp_key("1"))

    with pytest.raises(Conflict, match=f"decision {done.decision_id} keeps"):
        do_join(cast, SITE, erp_key("1"))

    assert Decision.objects.filter(kind="join").count() == 0


@pytest.mark.parametrize("reason", ["", "    ", "why ", "\0\0\0\0\0\0"])
def test_a_decision_needs_a_reason(site_and_two, reason):
    with pytest.raises(InvalidInput) as caught:
        do_split(site_and_two, erp_key("1"), reason)

    assert caught.value.field == "reason"
    assert not Decision.objects.exists()


def test_the_role_of_workers_may_do_all_of_it(site_and_two):
    cast = site_and_two
    with tenancy.scope(role=tenancy.WORKER):
        done = do_split(cast, erp_key("1"))
        undo(decision_id=done.decision_id, person_id=cast.olga.pk, now=LATER)

    assert together() == [sorted(["1", "2", WEB])]


# --- the grouping itself --------------------------------------------------------------------


def node(at, system, *keys, name=None):
    return Node(at, system, frozenset(keys), name or (system.value, str(at)))


def test_the_stronger_edge_is_taken_where_both_cannot_be():
    """Two ERP orders kept apart, both of one web order: the surer one has it."""
    site = node(0, System.VTEX, "1:A", "4:I")
    sure, unsure = node(1, System.ERP, "1:A"), node(2, System.ERP, "4:I")

    assert components([site, unsure, sure], apart=[(1, 2)]) == [[0, 1], [2]]


def test_between_equals_the_records_names_decide_and_not_their_ids():
    site = node(5, System.VTEX, "1:A")
    first, second = ("erp", "a"), ("erp", "b")
    one = [site, node(1, System.ERP, "1:A", name=first), node(2, System.ERP, "1:A", name=second)]
    two = [site, node(1, System.ERP, "1:A", name=second), node(2, System.ERP, "1:A", name=first)]

    assert components(one, apart=[(1, 2)]) == [[1, 5], [2]]
    assert components(two, apart=[(1, 2)]) == [[1], [2, 5]]


def test_what_is_apart_stays_so_however_long_the_way_round():
    nodes = [node(at, System.ERP) for at in range(5)]

    found = components(nodes, joined=[(0, 1), (1, 2), (2, 3), (3, 4)], apart=[(0, 3)])

    assert found == [[0, 1, 2], [3, 4]]


def test_edges_say_why():
    site, theirs = node(0, System.VTEX, "1:A", "2:A"), node(1, System.ERP, "1:A", "2:A")

    assert [(e.one, e.other, e.key) for e in edges([site, theirs], joined=[(0, 1)])] == [
        (0, 1, "0"),
        (1, 0, "1:A"),
    ]


def test_decisions_are_of_one_company_only(cast):
    """The same names decided on for another company mean nothing here."""
    store(make_vtex_record(WEB))
    store(make_erp_record("9"), company=cast.alfa)
    Decision.objects.create(
        act=uuid.uuid4(),
        kind="join",
        company=cast.beta,
        connection_a="loja",
        external_a=WEB,
        connection_b="erp",
        external_b="9",
        reason="of Beta",
        at=NOW,
    )

    remerge(record_ids=list(SourceRecord.objects.values_list("id", flat=True)), now=NOW)

    assert together() == sorted([[WEB], ["9"]])


def test_an_invoice_both_carry_does_not_undo_a_split(cast):
    key = "35210320695448000184550010000035891981839923"
    invoices = (InvoiceRecord("3589", access_key=key),)
    store(make_vtex_record(WEB, invoices=invoices))
    store(make_erp_record("9", invoices=invoices), company=cast.alfa)
    assert together() == [sorted(["9", WEB])]

    do_split(cast, SITE)

    assert together() == sorted([[WEB], ["9"]])
