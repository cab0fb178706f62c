"""Numbers that people add to an order: found by, shown, taken away, and nothing else changed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from b2b_orders.audit.models import AuditEvent
from b2b_orders.common import tenancy
from b2b_orders.common.errors import InvalidInput, NotAllowed, NotVisible
from b2b_orders.companies.access import Actor, Right, Viewer
from b2b_orders.companies.models import StaffRole
from b2b_orders.orders.added import (
    LONGEST,
    MOST,
    AlreadyElsewhere,
    add_number,
    list_added,
    remove_number,
    take_waiting,
)
from b2b_orders.orders.models import (
    AddedNumber,
    Decision,
    DecisionKind,
    MatchKey,
    Order,
    SourceRecord,
)
from b2b_orders.orders.queries import search
from b2b_orders.orders.services import remerge, store_readings, withdraw
from b2b_orders.orders.trouble import trouble_view
from erp_bridge.records import NumberKind, System
from tests.factories import (
    CONNECTION_ERP,
    CONNECTION_VTEX,
    NOW,
    make_erp_record,
    make_order,
    make_reading,
    make_vtex_record,
)

ERP, WEB = "0004500987", "1172452900788-01"
LATER = NOW + timedelta(minutes=5)


def store_erp(cast, external_id=ERP, company=None, read_at=NOW, **fields) -> Order:
    (stored,) = store_readings(
        connection=CONNECTION_ERP,
        readings=[make_reading(make_erp_record(external_id, **fields), read_at)],
        now=read_at,
        company_id=(company or cast.alfa).pk,
    )
    return Order.objects.get(pk=stored.order_id)


def store_site(external_id=WEB, **fields) -> Order:
    (stored,) = store_readings(
        connection=CONNECTION_VTEX,
        readings=[make_reading(make_vtex_record(external_id, **fields))],
        now=NOW,
    )
    return Order.objects.get(pk=stored.order_id)


@pytest.fixture
def order(cast) -> Order:
    return store_erp(cast, customer_numbers=("77",))


@pytest.fixture
def ana(cast) -> Viewer:
    return Viewer(cast.ana.pk, cast.alfa.pk, frozenset({Right.PRICES, Right.DOCUMENTS}))


@pytest.fixture
def rita(cast) -> Viewer:
    return Viewer(cast.rita.pk, cast.alfa.pk, frozenset(Right))


@pytest.fixture
def teo(cast) -> Viewer:
    rights = frozenset({Right.DOCUMENTS})
    return Viewer(cast.teo.pk, cast.alfa.pk, rights, staff_role=StaffRole.TELESALES)


def add(viewer, order, text="OC 77-A", **more):
    actor = Actor(viewer.person_id, viewer.staff_role)
    return add_number(
        viewer=viewer, actor=actor, order_public_id=order.public_id, text=text, now=NOW, **more
    )


def remove(viewer, order, number=None):
    number = number or AddedNumber.objects.get()
    return remove_number(
        viewer=viewer,
        actor=Actor(viewer.person_id),
        order_public_id=order.public_id,
        public_id=number.public_id,
        now=LATER,
    )


def found(viewer, text="oc77a") -> list[str]:
    return [row.title for row in search(viewer=viewer, text=text).rows]


def own_numbers(order) -> list[str]:
    numbers = order.numbers.filter(kind=NumberKind.CUSTOMER)
    return sorted(numbers.values_list("written", flat=True))


def test_the_customer_finds_the_order_by_a_number_that_telesales_added(order, ana, teo):
    add(teo, order)
    assert found(ana) == []

    assert take_waiting(now=NOW) == 1

    assert found(ana) == [ERP]
    (row,) = list_added(viewer=ana, order_id=order.pk)
    assert (row.written, row.person_name, row.staff_role) == ("OC 77-A", "Teo", "telesales")
    assert (row.added_at, row.is_findable, row.can_remove) == (NOW, True, False)


def test_what_the_erp_says_stays_as_it_is(order, ana, teo):
    before = SourceRecord.objects.values("facts", "content_hash", "match_keys").get()

    add(teo, order)
    take_waiting(now=NOW)

    assert SourceRecord.objects.values("facts", "content_hash", "match_keys").get() == before
    assert own_numbers(order) == ["77", "OC 77-A"]
    staff = trouble_view(viewer=teo, order_public_id=order.public_id)
    assert "OC 77-A" not in repr(staff.records)


def test_a_number_stays_through_every_later_reading_and_merge(cast, order, ana, teo):
    add(teo, order)
    take_waiting(now=NOW)

    store_erp(cast, read_at=LATER, customer_numbers=("78",), status_raw="Faturado")
    assert own_numbers(order) == ["78", "OC 77-A"]
    remerge(record_ids=list(SourceRecord.objects.values_list("pk", flat=True)), now=LATER)
    assert own_numbers(order) == ["78", "OC 77-A"]


def test_a_number_comes_back_with_a_record_that_went(cast, order, ana, teo):
    add(teo, order)
    take_waiting(now=NOW)
    withdraw(connection=CONNECTION_ERP, external_id=ERP, company_id=cast.alfa.pk, now=NOW)
    assert found(ana) == []

    again = store_erp(cast)

    assert found(ana) == [ERP]
    assert own_numbers(again) == ["OC 77-A"]


def test_a_number_does_not_go_with_a_record_to_another_company(cast, order, teo):
    add(teo, order)
    take_waiting(now=NOW)
    withdraw(connection=CONNECTION_ERP, external_id=ERP, company_id=cast.alfa.pk, now=NOW)

    theirs = store_erp(cast, company=cast.beta, customer_id="1002")

    assert own_numbers(theirs) == []
    beto = Viewer(cast.beto.pk, cast.beta.pk, frozenset(Right))
    assert list_added(viewer=beto, order_id=theirs.pk) == ()
    assert found(beto) == []


def test_a_number_joins_no_orders_even_when_it_is_another_orders_site_number(cast, ana, teo):
    erp, site = store_erp(cast), store_site()

    add(teo, erp, WEB, confirmed="117245290078801")
    take_waiting(now=NOW)

    assert Order.objects.count() == 2
    assert MatchKey.objects.filter(record__order=erp).count() == 0
    assert sorted(found(ana, WEB)) == sorted([ERP, site.title])


def test_after_a_split_a_number_stays_with_the_order_that_it_was_called_after(cast, ana):
    store_site()
    erp_record = make_erp_record(ERP, web_numbers=(WEB,))
    store_readings(
        connection=CONNECTION_ERP,
        readings=[make_reading(erp_record)],
        now=NOW,
        company_id=cast.alfa.pk,
    )
    merged = Order.objects.get()
    add(ana, merged)
    take_waiting(now=NOW)

    Decision.objects.create(
        kind=DecisionKind.SPLIT,
        company=cast.alfa,
        connection_a=CONNECTION_VTEX,
        external_a=WEB,
        connection_b=CONNECTION_ERP,
        external_b=ERP,
        reason="x",
        at=NOW,
    )
    remerge(record_ids=list(SourceRecord.objects.values_list("pk", flat=True)), now=LATER)

    assert Order.objects.count() == 2
    assert found(ana) == [WEB]


def test_a_number_of_another_order_is_added_only_after_a_warning(cast, order, ana):
    other = store_erp(cast, "0004500001", customer_numbers=("OC 77-A",))

    with pytest.raises(AlreadyElsewhere) as warned:
        add(ana, order, "oc77a")
    assert (warned.value.titles, warned.value.value) == ((other.title,), "OC77A")
    assert not AddedNumber.objects.exists()

    with pytest.raises(AlreadyElsewhere):
        add(ana, order, "oc77a", confirmed="OC77B")
    add(ana, order, "oc77a", confirmed=warned.value.value)
    take_waiting(now=NOW)
    assert sorted(found(ana)) == sorted([ERP, other.title])


def test_the_warning_knows_a_number_that_was_added_a_moment_ago(cast, order, ana):
    other = store_erp(cast, "0004500001")
    add(ana, other)

    with pytest.raises(AlreadyElsewhere) as warned:
        add(ana, order)

    assert warned.value.titles == (other.title,)


def test_the_warning_tells_nothing_of_orders_that_the_viewer_does_not_see(cast, ana):
    store_erp(cast, "1", customer_numbers=("OC 77-A",))  # the main house's
    make_order(cast.beta, ((NumberKind.CUSTOMER, "OC 77-A"),))
    branch = make_order(cast.alfa, ((NumberKind.ERP, "3"),), establishment=cast.alfa_branch)
    carla = Viewer(cast.carla.pk, cast.alfa.pk, ana.rights, frozenset({cast.alfa_branch.pk}))

    add(carla, branch)

    assert AddedNumber.objects.get().written == "OC 77-A"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "empty"),
        ("  \t ", "empty"),
        ("x" * (LONGEST + 1), "too-long"),
        ("-/#", "too-short"),
        ("7", "too-short"),
        ("00", "too-short"),
        ("OC\u202e77", "too-short"),
        (ERP, "known"),
        ("4500987", "known"),
        ("77", "known"),
        ("35260312345678000195550010000010011123456784", "other-kind"),
        ("34191790010104351004791020150008191070000100000", "other-kind"),
    ],
)
def test_what_is_no_number_of_the_customers_is_refused(order, ana, text, problem):
    with pytest.raises(InvalidInput) as refused:
        add(ana, order, text)

    assert (refused.value.field, refused.value.message) == ("number", problem)
    assert not AddedNumber.objects.exists()


def test_the_same_number_is_added_once_however_it_is_written(order, ana, teo):
    add(ana, order, "OC 77-A")

    with pytest.raises(InvalidInput, match="known"):
        add(teo, order, "oc77/a")


def test_an_order_takes_only_so_many_numbers(order, ana):
    for at in range(MOST):
        add(ana, order, f"OC-{at:04}")

    with pytest.raises(InvalidInput, match="too-many"):
        add(ana, order, "OC-9999")


def test_whoever_added_a_number_takes_it_away_and_the_search_forgets_it(order, ana, teo):
    add(teo, order)
    take_waiting(now=NOW)

    remove(teo, order)
    assert list_added(viewer=ana, order_id=order.pk) == ()
    assert take_waiting(now=LATER) == 1

    assert found(ana) == []
    assert own_numbers(order) == ["77"]
    assert take_waiting(now=LATER) == 0


def test_an_administrator_takes_away_what_another_added_and_nobody_else_does(
    cast, order, ana, rita, teo
):
    add(teo, order)

    with pytest.raises(NotAllowed):
        remove(ana, order)
    assert [row.can_remove for row in list_added(viewer=rita, order_id=order.pk)] == [True]
    remove(rita, order)

    assert AddedNumber.objects.get().removed_by == cast.rita


def test_a_number_can_be_added_again_after_it_was_taken_away(order, ana):
    add(ana, order)
    remove(ana, order)

    add(ana, order)
    take_waiting(now=NOW)

    assert found(ana) == [ERP]


def test_another_companys_order_takes_no_number_and_gives_none_away(cast, order, ana):
    add(ana, order)
    beto = Viewer(cast.beto.pk, cast.beta.pk, frozenset(Right))

    with pytest.raises(NotVisible):
        add(beto, order, "OC 1")
    with pytest.raises(NotVisible):
        remove(beto, order)
    assert list_added(viewer=beto, order_id=order.pk) == ()
    assert AddedNumber.objects.filter(removed_at=None).count() == 1


def test_the_database_lets_no_company_write_numbers_of_another(cast, order):
    values = {"connection": CONNECTION_ERP, "external_id": ERP, "written": "X 1", "added_at": NOW}

    with (
        pytest.raises(Exception, match="row-level security"),
        tenancy.scope(role=tenancy.WEB, company_id=cast.beta.pk, person_id=cast.beto.pk),
    ):
        AddedNumber.objects.create(company=cast.alfa, **values)


def test_adding_and_taking_away_are_recorded(order, ana, teo):
    add(teo, order)
    remove(teo, order)

    lines = AuditEvent.objects.order_by("pk").values_list("action", "object_id", "detail")
    assert list(lines) == [
        ("number_added", str(order.public_id), {"number": "OC 77-A", "elsewhere": 0}),
        ("number_removed", str(order.public_id), {"number": "OC 77-A"}),
    ]


def test_a_number_for_an_order_of_both_sources_hangs_on_the_one_it_is_called_after(cast, ana):
    store_site()
    merged = store_erp(cast, web_numbers=(WEB,))

    add(ana, merged)

    number = AddedNumber.objects.get()
    assert (number.connection, number.external_id) == (CONNECTION_VTEX, WEB)
    assert SourceRecord.objects.get(external_id=WEB).system == System.VTEX


def test_a_worker_that_died_half_way_leaves_the_number_for_the_next(order, ana, monkeypatch):
    add(ana, order)
    monkeypatch.setattr("b2b_orders.orders.added.remerge", _dies)
    with pytest.raises(RuntimeError):
        take_waiting(now=NOW)
    monkeypatch.undo()

    assert AddedNumber.objects.get().taken_at is None
    assert take_waiting(now=LATER) == 1
    assert found(ana) == [ERP]


def _dies(**_: object) -> int:
    raise RuntimeError
