"""What operations read of orders over all companies, and an order taken apart for support."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection

from b2b_orders.common import tenancy
from b2b_orders.common.errors import InvalidInput, NotAllowed, NotVisible
from b2b_orders.companies.access import RIGHTS_ACTING, Right, StaffViewer, Viewer
from b2b_orders.companies.models import StaffRole
from b2b_orders.orders.decisions import join, split, undo
from b2b_orders.orders.match import RecordKey
from b2b_orders.orders.models import Divergence, Order, OrderAlias, SourceRecord
from b2b_orders.orders.operations import (
    list_decisions,
    list_divergences,
    list_status_rules,
    list_unassigned,
    list_unmapped,
)
from b2b_orders.orders.services import store_readings
from b2b_orders.orders.statuses import put_rule
from b2b_orders.orders.trouble import trouble_view
from erp_bridge.records import Billing, Fulfilment, InvoiceRecord, Money, Party, Payment, System
from tests.factories import NOW, make_erp_record, make_reading, make_vtex_record

WEB = "1172452900788-01"
LATER = NOW + timedelta(hours=1)
KEY = "35210320695448000184550010000035891981839923"
pytestmark = pytest.mark.django_db


def store(*records, company=None, now=NOW, links=None, name=None):
    store_readings(
        connection=name or ("loja" if records[0].system is System.VTEX else "erp"),
        readings=[make_reading(record, now) for record in records],
        now=now,
        company_id=company.pk if company else None,
        links=links,
    )


@pytest.fixture
def olga(cast):
    return StaffViewer(cast.olga.pk, StaffRole.OPERATIONS)


@pytest.fixture
def suzana(cast):
    return Viewer(cast.suzana.pk, cast.alfa.pk, RIGHTS_ACTING, None, StaffRole.SUPPORT, 1)


@pytest.mark.parametrize(
    "read", [list_divergences, list_unassigned, list_unmapped, list_status_rules, list_decisions]
)
@pytest.mark.parametrize("role", [StaffRole.SUPPORT, StaffRole.TELESALES])
def test_only_operations_may_look(cast, read, role):
    with pytest.raises(NotAllowed):
        read(viewer=StaffViewer(cast.suzana.pk, role))


# --- divergences ----------------------------------------------------------------------------


def test_what_is_cancelled_in_the_erp_only_is_on_operations_list(cast, olga):
    store(make_vtex_record(WEB))
    store(
        make_erp_record("1", web_numbers=(WEB,), fulfilment=Fulfilment.CANCELLED),
        company=cast.alfa,
        now=LATER,
    )
    order = Order.objects.get()
    assert order.fulfilment == "cancelled"

    (found,) = list_divergences(viewer=olga).rows

    assert (found.title, found.field, found.since) == (WEB, "fulfilment", LATER)
    assert (found.company_name, found.company_public_id) == (
        "Alfa Distribuidora",
        cast.alfa.public_id,
    )
    assert found.order_public_id == order.public_id


def test_a_divergence_keeps_its_since_and_goes_by_itself(cast, olga):
    store(make_vtex_record(WEB))
    theirs = make_erp_record("1", web_numbers=(WEB,), fulfilment=Fulfilment.CANCELLED)
    store(theirs, company=cast.alfa)
    store(replace(theirs, note="x"), company=cast.alfa, now=LATER)
    assert [row.since for row in list_divergences(viewer=olga).rows] == [NOW]

    again = make_erp_record("1", web_numbers=(WEB,))
    store(again, company=cast.alfa, now=LATER + timedelta(hours=1))

    assert list_divergences(viewer=olga).rows == ()


def test_divergences_come_newest_first_in_pages(cast, olga):
    for n in range(3):
        web = f"117{n:010d}-01"
        store(make_vtex_record(web))
        store(
            make_erp_record(str(n), web_numbers=(web,), total=Decimal(1)),
            company=cast.alfa,
            now=NOW + timedelta(minutes=n),
        )

    first = list_divergences(viewer=olga, limit=2)
    second = list_divergences(viewer=olga, limit=2, after=first.next)

    assert [row.title[12] for row in (*first.rows, *second.rows)] == ["2", "1", "0"]
    assert second.next is None
    with pytest.raises(InvalidInput):
        list_divergences(viewer=olga, after="x")


def test_the_staff_role_cannot_read_what_the_sources_say(cast):
    with pytest.raises(Exception, match="permission denied"), tenancy.scope(role=tenancy.STAFF):
        list(Divergence.objects.values_list("values"))


# --- orders of nobody -----------------------------------------------------------------------


def nobodys(external_id, tax_id, name="Nova"):
    return make_vtex_record(external_id, customer=Party(name, tax_id), web_numbers=())


def test_orders_of_nobody_are_grouped_by_whom_they_are_for(cast, olga):
    store(nobodys("a-01", "99902002000133"), now=LATER)
    store(*(nobodys(f"b{n}-01", "11222333000181", "Delta") for n in range(5)))
    store(nobodys("c-01", "", ""))
    store(make_vtex_record(WEB))

    page = list_unassigned(viewer=olga)

    assert [(r.tax_id, r.name, r.count, r.is_counted, r.titles, r.since) for r in page.rows] == [
        ("", "", 1, True, ("c-01",), NOW),
        ("11222333000181", "Delta", 5, True, ("b0-01", "b1-01", "b2-01"), NOW),
        ("99902002000133", "Nova", 1, True, ("a-01",), LATER),
    ]
    assert page.next is None


def test_groups_of_nobody_come_in_pages(cast, olga):
    store(*(nobodys(f"{n}-01", tax_id) for n, tax_id in enumerate(["", "1", "2", "3"])))

    found, after = [], None
    while True:
        page = list_unassigned(viewer=olga, limit=1, after=after)
        found += [row.tax_id for row in page.rows]
        after = page.next
        if after is None:
            break

    assert found == ["", "1", "2", "3"]
    with pytest.raises(InvalidInput):
        list_unassigned(viewer=olga, after="x")


def test_groups_of_nobody_are_found_by_an_index(cast, olga):
    sql = (
        "EXPLAIN SELECT owner_tax_id FROM orders_sourcerecord"
        " WHERE company_id IS NULL AND owner_tax_id > 'x' ORDER BY owner_tax_id LIMIT 1"
    )
    with tenancy.scope(role=tenancy.STAFF), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        # Of so few rows any index will do, unless it has to be in order.
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute(sql)
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "source_record_waiting" in plan
    assert "owner_tax_id" in plan.split("Index Cond:")[1]


# --- words and decisions --------------------------------------------------------------------


def test_words_and_rules_are_listed(cast, olga):
    store(
        make_erp_record("1", fulfilment=Fulfilment.UNMAPPED, status_raw="Quarentena"),
        company=cast.alfa,
    )
    put_rule(connection="erp", raw="Saiu", fulfilment="shipped", person_id=cast.olga.pk, now=LATER)

    (word,) = list_unmapped(viewer=olga)
    (rule,) = list_status_rules(viewer=olga)

    assert (word.connection, word.raw, word.external_id, word.first_at) == (
        "erp",
        "Quarentena",
        "1",
        NOW,
    )
    assert (rule.raw, rule.fulfilment, rule.billing, rule.person_name, rule.changed_at) == (
        "Saiu",
        "shipped",
        "",
        "Olga",
        LATER,
    )


def test_a_decision_is_one_row_however_many_records_it_parts(cast, olga):
    store(make_vtex_record(WEB))
    store(*(make_erp_record(n, web_numbers=(WEB,)) for n in ("1", "2")), company=cast.alfa)
    made = split(
        company_id=cast.alfa.pk,
        record=RecordKey("erp", "1"),
        person_id=cast.olga.pk,
        reason="typed wrong",
        now=NOW,
    )
    undo(decision_id=made.decision_id, person_id=cast.olga.pk, now=LATER)

    (row,) = list_decisions(viewer=olga)

    assert (row.id, row.kind, row.record) == (made.decision_id, "split", RecordKey("erp", "1"))
    assert row.others == (RecordKey("erp", "2"), RecordKey("loja", WEB))
    assert (row.person_name, row.undone_by_name, row.reason) == ("Olga", "Olga", "typed wrong")
    assert (row.company_name, row.at, row.undone_at) == ("Alfa Distribuidora", NOW, LATER)


# --- an order taken apart -------------------------------------------------------------------


@pytest.fixture
def order(cast):
    """A web order with two of the ERP: one states its number, one was found by it."""
    invoices = (InvoiceRecord("1001", "1", total=Decimal("400.00")),)
    store(make_vtex_record(WEB, payment=Payment.AUTHORISED))
    store(
        make_erp_record("1", web_numbers=(WEB,), total=Decimal("400.00"), invoices=invoices),
        company=cast.alfa,
        now=LATER,
    )
    store(
        make_erp_record("2", total=Decimal("600.00")),
        company=cast.alfa,
        links={"2": (WEB, "one-answer")},
    )
    return Order.objects.get()


def take_apart(viewer, order):
    with tenancy.scope(role=tenancy.WEB, company_id=viewer.company_id, person_id=viewer.person_id):
        return trouble_view(viewer=viewer, order_public_id=order.public_id)


def test_each_sources_record_stands_beside_the_others(suzana, order):
    found = take_apart(suzana, order)

    assert (found.title, found.order_public_id) == (WEB, order.public_id)
    assert [r.key for r in found.records] == [
        RecordKey("erp", "1"),
        RecordKey("erp", "2"),
        RecordKey("loja", WEB),
    ]
    first, _, site = found.records
    assert (first.status_raw, first.fulfilment, first.read_at) == (
        "Em separação",
        Fulfilment.PICKING,
        LATER,
    )
    assert first.total == Money(Decimal("400.00"))
    assert [(i.number, i.series, i.total) for i in first.invoices] == [
        ("1001", "1", Money(Decimal("400.00")))
    ]
    assert (site.version, site.payment, site.billing) == (NOW, Payment.AUTHORISED, Billing.UNKNOWN)


def test_it_says_what_tied_the_records(suzana, order):
    found = take_apart(suzana, order)

    assert [(t.kind, t.a.external_id, t.b.external_id, t.evidence) for t in found.ties] == [
        ("number", "1", WEB, ""),
        ("learned", "2", WEB, "one-answer"),
    ]
    assert found.ties[1].shared == WEB


def test_it_says_what_people_decided(cast, suzana, order):
    store(make_erp_record("9"), company=cast.alfa)
    join(
        company_id=cast.alfa.pk,
        a=RecordKey("loja", WEB),
        b=RecordKey("erp", "9"),
        person_id=cast.olga.pk,
        reason="asked by phone",
        now=LATER,
    )

    tie = take_apart(suzana, order).ties[-1]

    assert (tie.kind, tie.b, tie.reason, tie.person_name, tie.at) == (
        "join",
        RecordKey("erp", "9"),
        "asked by phone",
        "Olga",
        LATER,
    )


def test_it_says_which_rule_won_each_field(suzana, order):
    rules = {rule.field: rule for rule in take_apart(suzana, order).rules}

    assert (rules["fulfilment"].connection, rules["fulfilment"].ruler) == ("erp", "erp")
    assert (rules["placed_at"].connection, rules["payment_state"].connection) == ("loja", "loja")
    assert "the site saw the moment" in rules["placed_at"].reason


def test_it_says_that_a_rule_of_operations_gave_a_word_its_meaning(cast, suzana, order):
    put_rule(connection="erp", raw="em separação", billing="invoiced", person_id=None, now=NOW)

    first, _, site = take_apart(suzana, order).records

    assert (first.is_by_rule, first.billing, first.fulfilment) == (
        True,
        Billing.INVOICED,
        Fulfilment.PICKING,
    )
    assert not site.is_by_rule


def test_without_the_right_there_is_no_amount_in_it(suzana, order):
    viewer = replace(suzana, rights=frozenset({Right.DOCUMENTS}))

    found = take_apart(viewer, order)

    assert {r.total for r in found.records} == {None}
    assert {i.total for r in found.records for i in r.invoices} == {None}
    assert {r.payment for r in found.records} == {None}


def test_another_companys_order_and_no_order_are_alike(cast, suzana, order):
    beta = replace(suzana, company_id=cast.beta.pk)
    with pytest.raises(NotVisible):
        take_apart(beta, order)
    with pytest.raises(NotVisible):
        take_apart(replace(suzana, establishment_ids=frozenset()), order)
    SourceRecord.objects.update(order=None)
    order.delete()
    with pytest.raises(NotVisible):
        take_apart(suzana, order)


def test_it_is_for_staff_and_follows_the_address_of_a_joined_order(cast, suzana, order):
    with pytest.raises(NotAllowed):
        take_apart(replace(suzana, staff_role=None, acting_id=None), order)
    OrderAlias.objects.create(
        public_id="00000000-0000-4000-8000-000000000001", order=order, company=cast.alfa
    )

    found = take_apart(suzana, OrderAlias(public_id="00000000-0000-4000-8000-000000000001"))

    assert found.order_public_id == order.public_id
