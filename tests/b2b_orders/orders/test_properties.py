"""However readings are shuffled, repeated, batched or interrupted, the rows are the same."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from b2b_orders.companies.models import Company, Establishment
from b2b_orders.orders.models import (
    Decision,
    Divergence,
    Event,
    Invoice,
    LearnedLink,
    Line,
    MatchKey,
    Order,
    OrderNumber,
    SourceRecord,
    Title,
)
from b2b_orders.orders.services import remerge, store_readings
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
KEYS = ("35210320695448000184550010000035891981839923", "")
TAX_IDS = ("12345678000195", "12ABC34501DE35", "99902002000133")  # Alfa, Beta, nobody
SITE_IDS = ("1172452900788-01", "1172452900788-02", "v502556llux-01")
NUMBERS = ("502556", "502557", "1172452900788", *SITE_IDS)
OWN = {"id", "public_id", "order_id", "record_id"}
CHILDREN = (OrderNumber, Line, Invoice, Title, Event, Divergence)


class Interrupted(Exception):
    """A worker killed in the middle."""


def moments(first, last):
    return st.integers(first, last).map(lambda minutes: NOW + timedelta(minutes=minutes))


AMOUNTS = st.sampled_from([None, Decimal("10.00"), Decimal("22.30")])
SHARED = {
    "detail": st.sampled_from(Detail),
    "fulfilment": st.sampled_from(
        [Fulfilment.PICKING, Fulfilment.CANCELLED, Fulfilment.INVOICED, Fulfilment.UNMAPPED]
    ),
    "status_raw": st.sampled_from(["", "a"]),
    "total": AMOUNTS,
    "note": st.sampled_from(["", "obs"]),
    "customer_numbers": st.sampled_from([(), ("PO-1",)]),
    "lines": st.lists(st.builds(OrderLine, st.integers(1, 2), st.just("A")), max_size=2).map(tuple),
    "invoices": st.lists(
        st.builds(
            InvoiceRecord,
            st.sampled_from(["3589", "7"]),
            st.sampled_from(["", "1"]),
            st.sampled_from(KEYS),
        ),
        max_size=2,
    ).map(tuple),
    "events": st.lists(st.builds(EventRecord, moments(0, 1), st.just("x")), max_size=2).map(tuple),
    "web_numbers": st.lists(st.sampled_from(NUMBERS), max_size=2, unique=True).map(tuple),
}
SITE = st.builds(
    OrderRecord,
    system=st.just(System.VTEX),
    external_id=st.sampled_from(SITE_IDS),
    version=moments(0, 2),
    customer=st.sampled_from(TAX_IDS).map(lambda tax_id: Party("x", tax_id)),
    placed_at=st.just(NOW),
    **SHARED,
)
ERP = st.builds(
    OrderRecord,
    system=st.just(System.ERP),
    external_id=st.sampled_from(["1", "2", "31"]),
    placed_on=st.sampled_from([None, date(2026, 3, 9)]),
    titles=st.lists(st.builds(TitleRecord, st.sampled_from("ab")), max_size=2).map(tuple),
    **SHARED,
)
READINGS = st.lists(
    st.builds(Reading, record=SITE | ERP, payload=st.just(b"{}"), read_at=moments(0, 3)),
    min_size=2,
    max_size=9,
)
LINKS = st.dictionaries(st.sampled_from(["1", "2"]), st.sampled_from(NUMBERS), max_size=2)


NAMES = [("loja", external_id) for external_id in SITE_IDS] + [("erp", n) for n in ("1", "2")]
DECISIONS = st.lists(
    st.tuples(
        st.sampled_from(["join", "split"]),
        st.sampled_from([0, 0, 0, 1]),
        st.lists(st.sampled_from(NAMES), min_size=2, max_size=2, unique=True),
    ),
    max_size=3,
)


def companies():
    made = [Company.objects.create(name=name) for name in ("Alfa", "Beta")]
    for company, tax_id in zip(made, TAX_IDS, strict=False):
        Establishment.objects.create(company=company, tax_id=tax_id)
    return made


def store_batch(readings, owners, links):
    """Store readings of one kind of source, as a worker does."""
    if readings[0].record.system is System.VTEX:
        store_readings(connection="loja", readings=readings, now=NOW)
        return
    # Which company an ERP is asked for follows from the order here: 31 is Beta's.
    for owner, wanted in ((owners[0], ("1", "2")), (owners[1], ("31",))):
        own = [r for r in readings if r.record.external_id in wanted]
        own_links = {key: value for key, value in links.items() if key in wanted and own}
        own_links = {
            k: v for k, v in own_links.items() if any(r.record.external_id == k for r in own)
        }
        store_readings(
            connection="erp", readings=own, now=NOW, company_id=owner.id, links=own_links
        )


def decide(decision, owners):
    """Write a decision of a person down, whether or not its records are there yet."""
    kind, owner, (one, other) = decision
    Decision.objects.create(
        kind=kind,
        company=owners[owner],
        connection_a=one[0],
        external_a=one[1],
        connection_b=other[0],
        external_b=other[1],
        reason="by hand",
        at=NOW,
    )
    here = [
        pk
        for pk, *name in SourceRecord.objects.values_list("id", "connection", "external_id")
        if tuple(name) in (one, other)
    ]
    remerge(record_ids=here, now=NOW)


def store_and_die(batch, owners, links):
    with transaction.atomic():
        store_batch(batch, owners, links)
        raise Interrupted


def rows(owners):
    """Describe every row without its ids; an order is told by the records it is made of."""
    names = {owner.id: owner.name for owner in owners} | {None: None}
    establishments = dict(Establishment.objects.values_list("id", "tax_id"))
    establishments[None] = None
    members: dict[int, set[tuple[str, str]]] = {}
    for record in SourceRecord.objects.all():
        members.setdefault(record.order_id, set()).add((record.connection, record.external_id))
    identity = {pk: str(sorted(found)) for pk, found in members.items()}
    records = {r.id: (r.connection, r.external_id) for r in SourceRecord.objects.all()}

    def plain(row):
        row = dict(row)
        order = identity.get(row.pop("order_id", row.get("id")))
        record = records.get(row.get("record_id"))
        row["company_id"] = names[row["company_id"]]
        if "establishment_id" in row:
            row["establishment_id"] = establishments[row["establishment_id"]]
        if "payload" in row:
            row["payload"] = bytes(row["payload"])
        # Hashes cover the ids of companies, which differ between runs.
        row.pop("draft_hash", None)
        rest = sorted((k, repr(v)) for k, v in row.items() if k not in OWN)
        return order, record, rest

    found = {
        model.__name__: sorted(map(repr, map(plain, model.objects.values())))
        for model in (Order, *CHILDREN)
    }
    found["SourceRecord"] = sorted(
        repr((identity[r["order_id"]], plain(r)[2])) for r in SourceRecord.objects.values()
    )
    found["keys"] = sorted(
        repr((records[k.record_id], names[k.company_id], k.value)) for k in MatchKey.objects.all()
    )
    found["links"] = sorted(map(repr, LearnedLink.objects.values_list("external_id", "web_number")))
    return found


def replay(batches, links, *, killed=frozenset(), decided=()):
    """Store batches in a world of their own and describe the rows they end in.

    A killed batch is stored, lost with its transaction, and stored again. `decided` are
    decisions of people, each with after how many batches it is taken.
    """
    with transaction.atomic():
        owners = companies()
        for at, batch in enumerate([*batches, []]):
            for after, decision in decided:
                if min(after, len(batches)) == at:
                    decide(decision, owners)
            if batch and at in killed:
                with pytest.raises(Interrupted):
                    store_and_die(batch, owners, links)
            if batch:
                store_batch(batch, owners, links)
        found = rows(owners)
        transaction.set_rollback(True)
    return found


def batched(readings, sizes):
    """Cut readings into batches of one kind of source each."""
    batches = []
    for _, run in itertools.groupby(readings, key=lambda r: r.record.system):
        left = list(run)
        while left:
            size = next(sizes)
            batches.append(left[:size])
            left = left[size:]
    return batches


@pytest.mark.django_db
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    readings=READINGS,
    links=LINKS,
    decisions=DECISIONS,
    random=st.randoms(use_true_random=False),
    killed=st.frozensets(st.integers(0, 4), max_size=2),
)
def test_any_way_of_storing_the_same_readings_ends_in_the_same_rows(
    readings, links, decisions, random, killed
):
    expected = replay(
        batched(readings, itertools.repeat(1)), links, decided=[(99, d) for d in decisions]
    )

    again = [*readings, *random.sample(readings, k=len(readings) // 2)]
    random.shuffle(again)
    sizes = (random.randint(1, 4) for _ in itertools.count())
    decided = [(random.randint(0, 6), d) for d in random.sample(decisions, k=len(decisions))]
    found = replay(batched(again, sizes), links, killed=killed, decided=decided)

    assert found == expected


@pytest.mark.django_db
@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(readings=READINGS, links=LINKS)
def test_storing_everything_again_changes_no_row(readings, links):
    batches = batched(readings, itertools.repeat(3))

    once = replay(batches, links)
    twice = replay([*batches, *batches], links)

    assert twice == once
