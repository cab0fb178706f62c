"""Storing readings: records, orders and all their rows."""

from __future__ import annotations

import zlib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from b2b_orders.common import tenancy
from b2b_orders.companies.models import Company, CustomerId, Establishment
from b2b_orders.orders.models import (
    Divergence,
    Event,
    FirstSeen,
    Invoice,
    LearnedLink,
    Line,
    MatchKey,
    Order,
    OrderAlias,
    OrderNumber,
    SourceRecord,
    Title,
)
from b2b_orders.orders.services import attach_waiting, remerge, store_readings, withdraw
from erp_bridge.records import (
    Detail,
    EventRecord,
    Fulfilment,
    InvoiceRecord,
    OrderLine,
    OrderRecord,
    Party,
    Reading,
    System,
    TitleRecord,
)

NOW = datetime(2026, 3, 10, 13, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
ALFA, BRANCH, BETA = "12345678000195", "12345678000276", "12ABC34501DE35"
WEB = "1172452900788-01"

pytestmark = pytest.mark.django_db


@pytest.fixture
def alfa(db):
    return company("Alfa", ALFA, BRANCH)


def company(name, *tax_ids):
    made = Company.objects.create(name=name)
    for tax_id in tax_ids:
        Establishment.objects.create(company=made, tax_id=tax_id)
    return made


def vtex(external_id=WEB, *, version=NOW, tax_id=ALFA, **fields):
    values = {
        "web_numbers": ("502556", "v502556llux-01"),
        "customer": Party("Alfa", tax_id),
        "fulfilment": Fulfilment.PICKING,
        "status_raw": "handling",
        "placed_at": NOW,
        "total": Decimal("1000.00"),
        "lines": (OrderLine(1, "SKU-1", "Parafuso", Decimal(10), "un", Decimal("100.00")),),
        "events": (EventRecord(NOW, "placed"),),
    }
    return OrderRecord(System.VTEX, external_id, version=version, **(values | fields))


def erp(external_id="0004500123", **fields):
    values = {
        "web_numbers": (WEB,),
        "customer": Party("Alfa", ALFA),
        "fulfilment": Fulfilment.INVOICED,
        "status_raw": "4",
        "placed_on": date(2026, 3, 10),
        "total": Decimal("1000.00"),
        "invoices": (InvoiceRecord("1001", "1"),),
        "titles": (TitleRecord("boleto-1", due_on=date(2026, 4, 1), amount=Decimal(1000)),),
    }
    return OrderRecord(System.ERP, external_id, **(values | fields))


def store(*records, at=NOW, now=NOW, company_id=None, links=None, connection=None, payload=b"{}"):
    name = connection or ("loja" if records[0].system is System.VTEX else "erp")
    return store_readings(
        connection=name,
        readings=[Reading(record, payload, at) for record in records],
        now=now,
        company_id=company_id,
        links=links,
    )


def values_of(order):
    return set(order.numbers.values_list("kind", "value"))


# --- one order --------------------------------------------------------------------------


def test_a_reading_becomes_an_order_with_everything_shown_of_it(alfa):
    (stored,) = store(vtex(), payload=b'{"orderId": 1}')

    order = Order.objects.get()
    record = SourceRecord.objects.get()
    assert (stored.outcome, stored.order_id, stored.company_id) == ("new", order.id, alfa.id)
    assert (stored.record_id, stored.order_public_id) == (record.id, order.public_id)
    assert (order.company, order.establishment.tax_id) == (alfa, ALFA)
    assert (order.title, order.origins, order.total) == (WEB, "vtex", Decimal("1000.00"))
    assert (order.line_count, order.sorted_at, order.created_at) == (1, NOW, NOW)
    assert values_of(order) == {
        ("web", "117245290078801"),
        ("web", "1172452900788"),
        ("web", "502556"),
        ("web", "V502556LLUX01"),
        ("web", "V502556LLUX"),
    }
    assert Line.objects.get().sku == "SKU-1"
    assert Event.objects.get().code == "placed"
    assert zlib.decompress(record.payload) == b'{"orderId": 1}'


@pytest.mark.parametrize("site_first", [True, False])
def test_site_and_erp_make_one_order_whichever_comes_first(alfa, site_first):
    if site_first:
        store(vtex())
        store(erp(), company_id=alfa.id)
    else:
        store(erp(), company_id=alfa.id)
        store(vtex())

    order = Order.objects.get()
    assert (order.origins, order.title, order.fulfilment) == ("erp+vtex", WEB, "invoiced")
    assert {("erp", "4500123"), ("web", "502556"), ("invoice", "1001/1")} <= values_of(order)
    assert Invoice.objects.get().number == "1001"
    assert Title.objects.get().company == alfa
    assert set(SourceRecord.objects.values_list("order_id", flat=True)) == {order.id}


def test_the_same_again_writes_nothing_but_when_it_was_read(alfa):
    store(vtex())
    store(erp(), company_id=alfa.id)
    before = {m: list(m.objects.order_by("pk").values()) for m in (Order, Line, OrderNumber)}

    with CaptureQueriesContext(connection) as queries:
        (stored,) = store(vtex(), at=LATER, now=LATER)

    writes = [q["sql"] for q in queries if q["sql"].split()[0] in ("INSERT", "UPDATE", "WITH")]
    assert stored.outcome == "unchanged"
    assert len(writes) == 1
    assert '"read_at"' in writes[0]
    assert {m: list(m.objects.order_by("pk").values()) for m in before} == before
    assert SourceRecord.objects.get(system="vtex").read_at == LATER


def test_the_same_reading_twice_writes_nothing_at_all(alfa):
    store(vtex())

    with CaptureQueriesContext(connection) as queries:
        store(vtex())

    assert not [q for q in queries if q["sql"].split()[0] in ("INSERT", "UPDATE", "WITH")]


def test_a_stale_version_never_overwrites(alfa):
    store(vtex(status_raw="invoiced", version=LATER))

    (stored,) = store(vtex(status_raw="handling", version=NOW), at=LATER + timedelta(hours=1))

    assert stored.outcome == "stale"
    assert Order.objects.get().status_raw == "invoiced"


def test_a_change_updates_rows_in_place_and_removes_what_is_gone(alfa):
    lines = (OrderLine(1, "A", "a"), OrderLine(2, "B", "b"))
    store(vtex(lines=lines))
    order, kept = Order.objects.get(), Line.objects.get(sku="A")

    (stored,) = store(vtex(lines=lines[:1], version=LATER, note="x"), at=LATER, now=LATER)

    after = Order.objects.get()
    assert stored.outcome == "changed"
    assert (after.id, after.public_id, after.changed_at) == (order.id, order.public_id, LATER)
    assert (after.created_at, after.facts["note"]) == (NOW, "x")
    assert list(Line.objects.values_list("id", "sku")) == [(kept.id, "A")]


def test_the_same_order_twice_in_a_batch_ends_in_the_newest(alfa):
    stored = store(
        vtex(status_raw="new", version=LATER), vtex(status_raw="old"), vtex(status_raw="old")
    )

    assert [s.outcome for s in stored] == ["new", "stale", "stale"]
    assert len({s.record_id for s in stored}) == SourceRecord.objects.count() == 1
    assert Order.objects.get().status_raw == "new"


def test_a_list_row_keeps_items_and_details(alfa):
    store(erp(lines=(OrderLine(1, "SKU-9"),)), company_id=alfa.id)
    row = erp(
        detail=Detail.SUMMARY,
        status_raw="5",
        fulfilment=Fulfilment.DELIVERED,
        invoices=(),
        titles=(),
    )

    store(row, at=LATER, company_id=alfa.id)

    order = Order.objects.get()
    assert (order.fulfilment, order.line_count) == ("delivered", 1)
    assert SourceRecord.objects.get().detail == "summary"
    store(replace(row, detail=Detail.FULL), at=LATER + timedelta(1), company_id=alfa.id)
    assert SourceRecord.objects.get().detail == "full"


def test_nothing_to_store_is_nothing_stored():
    assert store_readings(connection="loja", readings=[], now=NOW) == []


def test_what_no_column_holds_does_not_stop_a_batch(alfa):
    odd = vtex(
        status_raw="x" * 500,
        total=Decimal(10) ** 20,
        note="a\x00b",
        lines=(OrderLine(1, "s" * 200, quantity=Decimal("NaN")),),
    )

    store(odd, vtex("other-0001-01", web_numbers=()))

    order = Order.objects.get(title=WEB)
    assert (order.status_raw, order.total, order.facts["note"]) == ("x" * 100, None, "ab")
    assert Line.objects.get(order=order).quantity is None
    assert Order.objects.count() == 2


# --- disagreement ----------------------------------------------------------------------------


def test_a_divergence_appears_learns_the_time_and_vanishes(alfa):
    store(vtex(total=Decimal("1012.30")))
    store(erp(), company_id=alfa.id)
    found = Divergence.objects.get()
    assert [(v["connection"], v["value"], v["rules"]) for v in found.values] == [
        ("erp", "1000.00", True),
        ("loja", "1012.30", False),
    ]

    store(erp(), at=LATER, now=LATER, company_id=alfa.id)
    again = Divergence.objects.get()
    assert (again.id, again.since) == (found.id, NOW)
    assert [v["as_of"] for v in again.values] == [LATER.isoformat(), NOW.isoformat()]
    assert (Order.objects.get().divergence_count, Order.objects.get().changed_at) == (1, NOW)

    store(vtex(version=LATER), at=LATER)
    assert Divergence.objects.count() == Order.objects.get().divergence_count == 0


# --- identity ----------------------------------------------------------------------------------


def test_when_orders_join_the_older_stays_and_the_other_address_leads_to_it(alfa):
    store(erp(web_numbers=()), company_id=alfa.id)
    store(vtex())
    older, younger = Order.objects.order_by("id")
    FirstSeen.objects.create(order=older, company=alfa, at=LATER)
    FirstSeen.objects.create(order=younger, company=alfa, at=NOW)
    OrderAlias.objects.create(
        public_id="00000000-0000-4000-8000-000000000001", order=younger, company=alfa
    )

    store(erp(), at=LATER, company_id=alfa.id)

    order = Order.objects.get()
    assert order.public_id == older.public_id
    assert set(OrderAlias.objects.values_list("order_id", flat=True)) == {older.id}
    assert OrderAlias.objects.filter(public_id=younger.public_id).exists()
    assert OrderAlias.objects.count() == 2
    assert FirstSeen.objects.get().at == NOW


def test_when_an_order_splits_the_older_record_keeps_it(alfa):
    store(vtex())
    store(erp(), company_id=alfa.id)
    joined = Order.objects.get()

    store(erp(web_numbers=()), at=LATER, company_id=alfa.id)

    orders = {order.origins: order for order in Order.objects.all()}
    assert set(orders) == {"erp", "vtex"}
    assert orders["vtex"].public_id == joined.public_id
    assert ("erp", "4500123") not in values_of(orders["vtex"])
    assert Invoice.objects.get().order == orders["erp"]


def test_a_second_site_order_with_the_same_short_number_takes_the_erps_away(alfa):
    store(vtex())
    store(erp(web_numbers=("502556",)), company_id=alfa.id)
    assert Order.objects.count() == 1

    store(vtex("9999999999999-01", web_numbers=("502556",)), connection="outra")

    assert sorted(Order.objects.values_list("origins", flat=True)) == ["erp", "vtex", "vtex"]


def test_a_split_order_of_the_erp_is_one_row(alfa):
    store(erp("1", total=Decimal(400)), erp("2", total=Decimal(600)), company_id=alfa.id)
    assert Order.objects.count() == 2

    store(vtex())

    order = Order.objects.get()
    assert (order.total, order.divergence_count) == (Decimal(1000), 0)
    assert {("erp", "1"), ("erp", "2")} <= values_of(order)


def test_orders_of_two_companies_never_join(alfa):
    beta = company("Beta", BETA)
    store(vtex())

    store(erp(customer=Party("Beta", BETA)), company_id=beta.id)

    assert {o.company for o in Order.objects.all()} == {alfa, beta}


def test_a_link_learned_from_a_look_up_joins_and_stays(alfa):
    store(vtex())
    plain = erp(web_numbers=())

    store(plain, company_id=alfa.id, links={"0004500123": WEB})
    store(replace(plain, note="x"), at=LATER, company_id=alfa.id)

    assert Order.objects.get().origins == "erp+vtex"
    link = LearnedLink.objects.get()
    assert (link.web_number, link.evidence) == (WEB, "lookup")


def test_a_link_keeps_what_it_rests_on(alfa):
    plain = erp(web_numbers=())

    store(plain, company_id=alfa.id, links={"0004500123": (WEB, "one-answer")})
    store(plain, at=LATER, company_id=alfa.id, links={"0004500123": (WEB, "live")})

    assert LearnedLink.objects.get().evidence == "one-answer"


def test_a_link_survives_its_record_and_finds_the_order_before_the_site_is_known(alfa):
    plain = erp(web_numbers=())
    store(plain, company_id=alfa.id, links={"0004500123": WEB})
    assert ("web", "117245290078801") in values_of(Order.objects.get())
    forget()

    store(plain, company_id=alfa.id)
    store(vtex())

    assert Order.objects.get().origins == "erp+vtex"


def forget():
    SourceRecord.objects.all().delete()
    Order.objects.all().delete()


def test_orders_made_again_from_equal_readings_are_equal(alfa):
    def everything():
        store(vtex(total=Decimal(1)), vtex("other-0001-01", web_numbers=()))
        store(erp(), erp("77", web_numbers=()), company_id=alfa.id)
        own = ("id", "public_id", "order_id", "record_id")
        return {
            m.__name__: sorted(
                repr({k: v for k, v in row.items() if k not in own}) for row in m.objects.values()
            )
            for m in (Order, OrderNumber, Line, Invoice, Title, Event, Divergence, MatchKey)
        }

    first = everything()
    forget()

    assert everything() == first


def test_orders_lost_are_made_again_from_the_same_readings(alfa):
    store(vtex())
    SourceRecord.objects.update(order=None)
    Order.objects.all().delete()

    (stored,) = store(vtex())

    assert stored.outcome == "unchanged"
    assert stored.order_id == Order.objects.get().id
    assert OrderNumber.objects.count() == 5


# --- whose ------------------------------------------------------------------------------------


def test_an_order_of_nobody_waits_unseen_and_is_attached_when_its_company_comes(alfa):
    store(vtex(tax_id=BETA))
    store(vtex("0000000000001-01", tax_id="", web_numbers=()))
    waiting = Order.objects.get(title=WEB)
    assert (waiting.company, OrderNumber.objects.count()) == (None, 0)

    beta = company("Beta", BETA)
    store(erp(), company_id=beta.id)

    assert attach_waiting(company_id=beta.id, now=LATER) == 1
    assert attach_waiting(company_id=beta.id, now=LATER) == 0
    order = Order.objects.get(company=beta)
    assert (order.public_id, order.origins) == (waiting.public_id, "erp+vtex")
    assert order.establishment.tax_id == BETA
    assert set(Line.objects.filter(order=order).values_list("company", flat=True)) == {beta.id}
    assert Order.objects.filter(company=None).count() == 1


def test_a_gained_establishment_places_the_orders_that_the_company_already_has(alfa):
    store(erp(customer=Party("Filial", "12345678000357")), company_id=alfa.id)
    assert Order.objects.get().establishment is None

    Establishment.objects.create(company=alfa, tax_id="12345678000357")

    assert attach_waiting(company_id=alfa.id, now=LATER) == 1
    assert Order.objects.get().establishment.tax_id == "12345678000357"
    assert OrderNumber.objects.values("establishment_id").distinct().count() == 1


def test_an_order_follows_its_customer_to_another_company(alfa):
    beta = company("Beta", BETA)
    store(vtex())
    FirstSeen.objects.create(order=Order.objects.get(), company=alfa, at=NOW)

    store(vtex(tax_id=BETA, version=LATER), at=LATER)

    order = Order.objects.get()
    assert order.company == beta
    for model in (OrderNumber, Line, Event, MatchKey):
        assert set(model.objects.values_list("company", flat=True)) == {beta.id}
    assert not FirstSeen.objects.exists()


def test_a_stale_reading_moves_no_order(alfa):
    company("Beta", BETA)
    store(vtex(version=LATER))

    store(vtex(tax_id=BETA), at=LATER)

    assert Order.objects.get().company == alfa


def test_an_erp_that_hands_one_companys_order_to_another_is_refused(alfa, caplog):
    beta = company("Beta", BETA)
    store(erp(), company_id=alfa.id)

    (stored,) = store(erp(note="theirs"), at=LATER, company_id=beta.id)

    assert (stored.outcome, stored.record_id, stored.order_id) == ("refused", None, None)
    assert Order.objects.get().company == alfa
    assert "note" not in Order.objects.get().facts
    assert [r.message for r in caplog.records] == ["order of another company refused"]


def test_an_erps_order_moves_when_it_names_the_other_company(alfa):
    beta = company("Beta", BETA)
    CustomerId.objects.create(company=beta, connection="erp", value="1002")
    store(erp(), company_id=alfa.id)

    store(erp(customer_id="1002"), at=LATER, company_id=beta.id)

    assert Order.objects.get().company == beta


def test_the_branch_is_the_customers(alfa):
    store(vtex(tax_id=BRANCH))

    assert Order.objects.get().establishment.tax_id == BRANCH
    assert set(OrderNumber.objects.values_list("establishment_id", flat=True)) == {
        Establishment.objects.get(tax_id=BRANCH).id
    }


def test_a_batch_may_be_of_many_companies(alfa):
    beta = company("Beta", BETA)

    store(*(vtex(f"{n:013d}-01", web_numbers=(), tax_id=(ALFA, BETA)[n % 2]) for n in range(10)))

    assert Order.objects.filter(company=alfa).count() == 5
    assert Order.objects.filter(company=beta).count() == 5


# --- cost and crashes ---------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 40])
def test_a_batch_costs_the_same_few_statements_whatever_its_size(alfa, count):
    store(*(vtex(f"9{n:012d}-01", web_numbers=()) for n in range(count)))
    records = [erp(f"{n:010d}", web_numbers=(f"9{n:012d}-01",)) for n in range(count)]

    with CaptureQueriesContext(connection) as queries:
        store(*records, company_id=alfa.id)

    assert Order.objects.count() == count
    assert len(queries) == 23


def store_and_die(*records):
    with transaction.atomic():
        store(*records)
        raise KeyboardInterrupt


def test_a_failure_in_the_middle_leaves_nothing_and_can_be_repeated(alfa):
    with pytest.raises(KeyboardInterrupt):
        store_and_die(vtex())
    assert not SourceRecord.objects.exists()

    store(vtex())

    assert Order.objects.count() == 1


def test_the_role_of_workers_may_do_all_of_it(alfa):
    with tenancy.scope(role=tenancy.WORKER):
        store(erp(web_numbers=()), company_id=alfa.id, links={"77": WEB})
        store(vtex(total=Decimal(1)))
        store(erp(), at=LATER, company_id=alfa.id)
        attach_waiting(company_id=alfa.id, now=LATER)

    assert Order.objects.get().divergence_count == 1


def test_merging_again_repairs_what_was_written_by_hand(alfa):
    store(vtex())
    store(erp(), company_id=alfa.id)
    MatchKey.objects.all().delete()
    OrderNumber.objects.all().delete()
    SourceRecord.objects.update(match_keys=[])
    Order.objects.update(draft_hash="")

    ids = list(SourceRecord.objects.values_list("id", flat=True))

    assert remerge(record_ids=ids, now=LATER) == 2
    assert Order.objects.get().origins == "erp+vtex"
    assert OrderNumber.objects.filter(value="502556").exists()
    assert MatchKey.objects.exists()


# --- a source that takes its word back ----------------------------------------------------


def test_a_withdrawn_record_takes_its_order_along_when_nothing_else_made_it_up(alfa):
    store(erp(), company_id=alfa.id, links={"0004500123": WEB})

    assert withdraw(connection="erp", external_id="0004500123", company_id=alfa.id, now=LATER)

    rows = (SourceRecord, Order, OrderNumber, MatchKey, LearnedLink, Invoice, Title)
    assert [model.__name__ for model in rows if model.objects.exists()] == []


def test_an_order_goes_on_without_a_withdrawn_record(alfa):
    store(vtex())
    (stored,) = store(erp(), company_id=alfa.id)

    withdraw(connection="erp", external_id="0004500123", company_id=alfa.id, now=LATER)

    order = Order.objects.get()
    assert (order.id, order.origins) == (stored.order_id, "vtex")
    assert ("erp", "4500123") not in values_of(order)
    assert not Title.objects.exists()


def test_the_record_of_another_company_is_not_withdrawn(alfa):
    beta = company("Beta", BETA)
    store(erp(), company_id=alfa.id)

    assert not withdraw(connection="erp", external_id="0004500123", company_id=beta.id, now=LATER)
    assert Order.objects.count() == 1
