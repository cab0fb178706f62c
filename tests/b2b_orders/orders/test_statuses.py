"""Operations' rules for a source's words, and the words that nobody knows."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from b2b_orders.common import tenancy
from b2b_orders.common.errors import InvalidInput
from b2b_orders.orders.models import Order, SourceRecord, StatusRule, UnmappedStatus
from b2b_orders.orders.services import store_readings
from b2b_orders.orders.status_rules import key_of
from b2b_orders.orders.statuses import drop_rule, forget_unmapped, put_rule, remerge_status
from erp_bridge.records import Fulfilment, System
from tests.factories import NOW, make_erp_record, make_reading, make_vtex_record

LATER = NOW + timedelta(minutes=5)
F = Fulfilment
pytestmark = pytest.mark.django_db


def store(*records, company=None, now=NOW):
    store_readings(
        connection="loja" if records[0].system is System.VTEX else "erp",
        readings=[make_reading(record, now) for record in records],
        now=now,
        company_id=company.pk if company else None,
    )


def odd(external_id="1", raw="Em Trânsito", **fields):
    return make_erp_record(external_id, fulfilment=F.UNMAPPED, status_raw=raw, **fields)


def rule(raw="Em Trânsito", connection="erp", **axes):
    put_rule(connection=connection, raw=raw, person_id=None, now=NOW, **axes)


def shown():
    return list(Order.objects.order_by("title").values_list("fulfilment", "status_raw"))


# --- words that nobody knows ----------------------------------------------------------------


def test_a_word_the_erp_invents_shows_as_itself_and_lands_on_a_list(cast):
    store(odd("1"), odd("2", "  em  trânsito "), odd("3", "quarentena"), company=cast.alfa)

    assert shown()[0] == ("unmapped", "Em Trânsito")
    assert sorted(UnmappedStatus.objects.values_list("connection", "raw", "first_at")) == [
        ("erp", "em trânsito", NOW),
        ("erp", "quarentena", NOW),
    ]


def test_no_word_and_a_word_that_is_known_are_not_listed(cast):
    store(odd("1", ""), make_erp_record("2"), company=cast.alfa)

    assert not UnmappedStatus.objects.exists()


def test_a_word_on_the_list_costs_an_order_nothing_but_one_look(cast):
    store(odd("1"), company=cast.alfa)

    with CaptureQueriesContext(connection) as queries:
        store(*(odd(str(n)) for n in range(10, 50)), company=cast.alfa, now=LATER)

    about = [q["sql"] for q in queries if "orders_unmappedstatus" in q["sql"]]
    assert [sql.split()[0] for sql in about] == ["SELECT"]
    assert UnmappedStatus.objects.get().last_at == NOW


def test_a_word_still_in_use_is_noted_now_and_then(cast):
    store(odd("1"), company=cast.alfa)

    store(odd("2"), company=cast.alfa, now=NOW + timedelta(hours=2))

    row = UnmappedStatus.objects.get()
    assert (row.first_at, row.last_at, row.external_id) == (NOW, NOW + timedelta(hours=2), "2")


def test_a_word_that_no_record_carries_any_more_leaves_the_list(cast):
    store(odd("1"), odd("2", "quarentena"), company=cast.alfa)
    store(make_erp_record("1"), company=cast.alfa, now=LATER)

    assert forget_unmapped() == 1
    assert UnmappedStatus.objects.get().raw == "quarentena"
    assert forget_unmapped() == 0


# --- rules ----------------------------------------------------------------------------------


def test_a_rule_takes_the_word_off_the_list_and_a_merge_brings_it_to_the_orders(cast):
    store(odd("1"), odd("2", "EM TRÂNSITO"), odd("3", "quarentena"), company=cast.alfa)

    rule("em trânsito", fulfilment="shipped", billing="invoiced", payment="awaiting")
    assert [f for f, _ in shown()] == ["unmapped"] * 3
    assert remerge_status(connection="erp", raw="Em trânsito", now=LATER) == 2

    assert shown() == [
        ("shipped", "Em Trânsito"),
        ("shipped", "EM TRÂNSITO"),
        ("unmapped", "quarentena"),
    ]
    assert set(Order.objects.filter(fulfilment="shipped").values_list("billing", "payment")) == {
        ("invoiced", "awaiting")
    }
    assert UnmappedStatus.objects.get().raw == "quarentena"
    store(odd("4"), company=cast.alfa)
    assert Order.objects.get(title="4").fulfilment == "shipped"
    assert UnmappedStatus.objects.count() == 1


def test_a_rule_stands_above_the_connector_axis_by_axis(cast):
    store(make_vtex_record(status_raw="handling", fulfilment=F.PICKING))

    rule("handling", "loja", payment="authorised")
    remerge_status(connection="loja", raw="handling", now=LATER)

    order = Order.objects.get()
    assert (order.fulfilment, order.payment) == ("picking", "authorised")


def test_a_rule_is_of_one_connection(cast):
    store(odd("1"), company=cast.alfa)

    rule(connection="outra", fulfilment="shipped")

    assert remerge_status(connection="outra", raw="Em Trânsito", now=LATER) == 0
    remerge_status(connection="erp", raw="Em Trânsito", now=LATER)
    assert shown() == [("unmapped", "Em Trânsito")]
    assert UnmappedStatus.objects.exists()


def test_a_rule_taken_back_leaves_the_connectors_word_or_the_list(cast):
    store(odd("1"), company=cast.alfa)
    rule(fulfilment="shipped")
    remerge_status(connection="erp", raw="Em Trânsito", now=NOW)

    drop_rule(connection="erp", raw=" em trânsito", person_id=None, now=LATER)
    remerge_status(connection="erp", raw="Em Trânsito", now=LATER)

    assert shown() == [("unmapped", "Em Trânsito")]
    assert UnmappedStatus.objects.get().external_id == "1"


def test_a_rule_about_money_alone_leaves_the_word_on_the_list(cast):
    store(odd("1"), company=cast.alfa)

    rule(payment="awaiting")

    assert UnmappedStatus.objects.exists()


def test_putting_a_rule_again_changes_it_and_says_who(cast):
    rule(fulfilment="shipped")
    put_rule(
        connection="erp",
        raw="EM TRÂNSITO",
        fulfilment="delivered",
        person_id=cast.olga.pk,
        now=LATER,
    )

    row = StatusRule.objects.get()
    assert (row.raw, row.fulfilment, row.person, row.changed_at) == (
        "EM TRÂNSITO",
        "delivered",
        cast.olga,
        LATER,
    )


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"raw": "  "}, "raw"),
        ({"raw": "\0"}, "raw"),
        ({"raw": "x" * 101}, "raw"),
        ({"connection": ""}, "connection"),
        ({"connection": "x" * 41}, "connection"),
        ({"fulfilment": ""}, "fulfilment"),
        ({"fulfilment": "unmapped"}, "fulfilment"),
        ({"fulfilment": "gone"}, "fulfilment"),
        ({"billing": "unknown"}, "billing"),
        ({"payment": "overdue"}, "payment"),
    ],
)
def test_what_makes_no_rule_says_which_field(values, field):
    with pytest.raises(InvalidInput) as caught:
        put_rule(
            **{
                "connection": "erp",
                "raw": "x",
                "fulfilment": "shipped",
                "person_id": None,
                "now": NOW,
                **values,
            }
        )

    assert caught.value.field == field
    assert not StatusRule.objects.exists()


def test_a_rule_that_is_not_there_cannot_be_taken_back():
    with pytest.raises(InvalidInput) as caught:
        drop_rule(connection="erp", raw="x", person_id=None, now=NOW)

    assert caught.value.field == "raw"


def test_orders_that_a_rule_touches_are_found_by_an_index(cast):
    store(odd("1"), company=cast.alfa)
    one = SourceRecord.objects.get()
    SourceRecord.objects.bulk_create(
        SourceRecord(
            connection="erp",
            system="erp",
            external_id=f"other {n}",
            company=cast.alfa,
            order_id=one.order_id,
            detail="full",
            facts={"fulfilment": "picking"} if n % 50 else {},
            status_key=str(n % 40),
            content_hash="",
            payload=b"",
            first_seen_at=NOW,
            read_at=NOW,
            changed_at=NOW,
        )
        for n in range(2000)
    )
    rows = SourceRecord.objects.filter(connection="erp", status_key="7", id__gt=0)
    unmapped = SourceRecord.objects.filter(
        connection="erp", status_key="7", facts__fulfilment__isnull=True
    ).exclude(status_key="")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE orders_sourcerecord")

    assert "source_record_status" in rows.order_by("id").values("id").explain()
    assert "source_record_unmapped" in unmapped.values("external_id").explain()


def test_the_role_of_workers_may_do_all_of_it(cast):
    with tenancy.scope(role=tenancy.WORKER):
        store(odd("1"), company=cast.alfa)
        rule(fulfilment="shipped")
        remerge_status(connection="erp", raw="Em Trânsito", now=LATER)
        drop_rule(connection="erp", raw="Em Trânsito", person_id=None, now=LATER)
        forget_unmapped()

    assert shown() == [("shipped", "Em Trânsito")]


@pytest.mark.django_db(transaction=True)
def test_who_changes_a_rule_waits_for_those_who_merge_by_the_old_one(cast):
    stored, done = threading.Event(), []

    def work():
        with transaction.atomic():
            store(odd("1"), company=cast.alfa)
            stored.set()
            threading.Event().wait(0.5)
            done.append("stored")
        connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    stored.wait(10)
    rule(fulfilment="shipped")
    done.append("rule")
    worker.join(10)
    remerge_status(connection="erp", raw="Em Trânsito", now=LATER)

    assert done == ["stored", "rule"]
    assert shown() == [("shipped", "Em Trânsito")]


@pytest.mark.parametrize(
    ("raw", "key"),
    [(" Em  Trânsito\n", "em trânsito"), ("5", "5"), ("", ""), ("X" * 200, "x" * 100)],
)
def test_words_are_compared_without_case_and_blanks(raw, key):
    assert key_of(raw) == key
