"""Several workers storing at the same time, each in its own connection."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction

from b2b_orders.companies.models import Company, Establishment
from b2b_orders.orders.models import LearnedLink, MatchKey, Order, OrderAlias, SourceRecord
from b2b_orders.orders.moving import Belongings, move_orders
from b2b_orders.orders.services import lock_companies, store_readings
from erp_bridge.records import Fulfilment, OrderRecord, Party, Reading, System

NOW = datetime(2026, 3, 10, 13, 0, tzinfo=UTC)
TAX_ID, OTHER = "99902002000133", "99902002000214"
WEB = "1172452900788-01"


@pytest.fixture
def owner(django_db_setup, django_db_blocker):
    """A committed company, as other connections must see it; cleaned up by hand."""
    with django_db_blocker.unblock():
        made = Company.objects.create(name="Comitada")
        Establishment.objects.create(company=made, tax_id=TAX_ID)
        yield made
        for model in (MatchKey, LearnedLink, SourceRecord, OrderAlias, Order):
            model.objects.all().delete()
        Establishment.objects.all().delete()
        Company.objects.all().delete()
        connection.close()


def vtex(version=0, tax_id=TAX_ID, external_id=WEB):
    return OrderRecord(
        System.VTEX,
        external_id,
        version=NOW + timedelta(minutes=version),
        customer=Party("x", tax_id),
        status_raw=str(version),
        fulfilment=Fulfilment.PICKING,
    )


def erp(external_id="1", web=WEB):
    return OrderRecord(System.ERP, external_id, web_numbers=(web,), status_raw="3")


def store(records, company_id=None):
    store_readings(
        connection="loja" if records[0].system is System.VTEX else "erp",
        readings=[Reading(record, b"{}", NOW) for record in records],
        now=NOW,
        company_id=company_id,
    )


def at_once(*jobs):
    """Run jobs in threads that start together; give back what failed."""
    barrier, failures = threading.Barrier(len(jobs)), []

    def work(job):
        try:
            barrier.wait(10)
            job()
        except Exception as error:  # noqa: BLE001 the test tells of any
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return failures


@pytest.mark.parametrize("attempt", range(3))
def test_counterparts_stored_at_once_make_one_order(owner, attempt):
    failures = at_once(
        lambda: store([vtex()]),
        lambda: store([vtex(1)]),
        lambda: store([erp()], owner.id),
    )

    assert failures == []
    assert [(o.origins, o.status_raw) for o in Order.objects.all()] == [("erp+vtex", "3")]
    assert SourceRecord.objects.get(system="vtex").facts["status_raw"] == "1"


def test_batches_that_cross_do_not_deadlock(owner):
    other = Company.objects.create(name="Outra")
    Establishment.objects.create(company=other, tax_id=OTHER)
    one = [vtex(0, TAX_ID, f"9{n:08d}-01") for n in range(10)]
    two = [vtex(1, OTHER, f"9{n:08d}-01") for n in reversed(range(10))]

    failures = at_once(lambda: store(one), lambda: store(two), lambda: store(one + two))

    assert failures == []
    assert Order.objects.filter(company=other).count() == Order.objects.count() == 10


def test_whoever_waits_for_a_lock_sees_what_the_other_wrote(owner):
    locked, waiting = threading.Event(), threading.Event()

    def first():
        with transaction.atomic():
            store([vtex()])
            locked.set()
            waiting.wait(0.3)

    def second():
        locked.wait(5)
        store([erp()], owner.id)

    assert at_once(first, second) == []
    assert Order.objects.get().origins == "erp+vtex"


def test_orders_stored_while_their_tax_id_moves_all_end_at_the_new_company(owner):
    new = Company.objects.create(name="Nova")
    going = Belongings(tax_ids=frozenset({TAX_ID}))

    def keep_storing(prefix):
        for number in range(12):
            store([vtex(external_id=f"{prefix}{number}-01")])

    def move():
        with transaction.atomic():
            lock_companies((owner.pk, new.pk))
            Establishment.objects.filter(tax_id=TAX_ID).update(company=new)
        while move_orders(
            belongings=going, from_company=owner.pk, to_company=new.pk, now=NOW, limit=3
        ):
            pass

    assert at_once(lambda: keep_storing("1"), lambda: keep_storing("2"), move) == []

    companies = set(SourceRecord.objects.values_list("company_id", flat=True))
    assert (companies, SourceRecord.objects.count()) == ({new.pk}, 24)
    assert set(Order.objects.values_list("company_id", flat=True)) == {new.pk}


def test_an_order_that_waited_for_the_map_to_change_is_the_new_companys(owner):
    new = Company.objects.create(name="Nova")
    storing = threading.Thread(target=lambda: (store([vtex()]), connection.close()))

    with transaction.atomic():
        lock_companies((owner.pk, new.pk))
        storing.start()
        _wait_for_a_lock()
        Establishment.objects.filter(tax_id=TAX_ID).update(company=new)
    storing.join(10)

    assert SourceRecord.objects.get().company_id == new.pk


def _wait_for_a_lock():
    until = time.monotonic() + 10
    with connection.cursor() as cursor:
        while time.monotonic() < until:
            cursor.execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            if cursor.fetchone():
                return
    raise AssertionError("nobody waits")
