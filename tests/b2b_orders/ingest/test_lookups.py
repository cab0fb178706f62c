"""What the web process does: a row, once, and a worker woken."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, transaction
from django.db import connection as database

from b2b_orders.common.errors import InvalidInput, NotVisible
from b2b_orders.common.tenancy import WEB, scope
from b2b_orders.companies.access import Viewer
from b2b_orders.companies.models import Company
from b2b_orders.ingest import lookups, waking
from b2b_orders.ingest.lookups import get_lookup, request_lookup, request_refresh
from b2b_orders.ingest.models import Lookup, LookupState
from b2b_orders.ingest.portfolio import request_portfolio_lookup
from b2b_orders.orders.models import Order
from tests.conftest import Cast
from tests.factories import NOW, make_order

SOON = NOW + timedelta(seconds=29)
LATER = NOW + timedelta(seconds=31)


def viewer_of(company: Company, person_id: int, **fields: Any) -> Viewer:
    return Viewer(person_id=person_id, company_id=company.pk, rights=frozenset(), **fields)


@pytest.fixture
def ana(cast: Cast) -> Viewer:
    return viewer_of(cast.alfa, cast.ana.pk)


@pytest.fixture
def davi_in_beta(cast: Cast) -> Viewer:
    return viewer_of(cast.beta, cast.davi.pk)


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Collect whom workers were woken for, instead of a broker."""
    ids: list[int] = []
    monkeypatch.setattr(lookups, "_wake_worker_aside", ids.append)
    return ids


def finish(view: lookups.LookupView, **fields: Any) -> None:
    Lookup.objects.filter(public_id=view.public_id).update(**fields)


def test_a_number_becomes_a_row_and_wakes_a_worker_after_the_commit(
    ana: Viewer, woken: list[int], django_capture_on_commit_callbacks: Any
):
    with django_capture_on_commit_callbacks(execute=True):
        view = request_lookup(viewer=ana, text="  #0008800001 ", now=NOW)
        assert woken == []

    row = Lookup.objects.get()
    assert woken == [row.pk]
    assert (row.value, row.written, row.person_id) == ("8800001", "0008800001", ana.person_id)
    assert (view.public_id, view.state, view.is_new) == (row.public_id, "waiting", True)


def test_what_the_database_cannot_store_is_taken_out_of_the_text(ana: Viewer, woken: list[int]):
    request_lookup(viewer=ana, text="88\x0000001", now=NOW)

    assert Lookup.objects.get().written == "8800001"


def test_the_same_number_is_asked_for_once_in_half_a_minute(ana: Viewer, woken: list[int]):
    first = request_lookup(viewer=ana, text="8800001", now=NOW)
    again = request_lookup(viewer=ana, text="0008800001", now=SOON)
    later = request_lookup(viewer=ana, text="8800001", now=LATER)

    assert (again.public_id, again.is_new) == (first.public_id, False)
    assert (later.public_id == first.public_id, later.is_new) == (False, True)
    assert Lookup.objects.count() == 2


def test_companies_do_not_share_look_ups(ana: Viewer, davi_in_beta: Viewer, woken: list[int]):
    one = request_lookup(viewer=ana, text="8800001", now=NOW)

    other = request_lookup(viewer=davi_in_beta, text="8800001", now=NOW)

    assert other.is_new
    with pytest.raises(NotVisible):
        get_lookup(viewer=davi_in_beta, public_id=one.public_id)


@pytest.mark.parametrize("text", ["", "  ", "#", "9" * 81, "x" * 5000])
def test_what_is_no_number_is_a_clear_error(ana: Viewer, text: str):
    with pytest.raises(InvalidInput) as caught:
        request_lookup(viewer=ana, text=text, now=NOW)

    assert caught.value.field == "q"
    assert not Lookup.objects.exists()


def test_an_unknown_look_up_is_not_visible(ana: Viewer):
    with pytest.raises(NotVisible):
        get_lookup(viewer=ana, public_id=uuid4())


def test_a_found_order_is_told(ana: Viewer, cast: Cast, woken: list[int]):
    view = request_lookup(viewer=ana, text="1", now=NOW)
    order = make_order(cast.alfa)
    finish(view, state=LookupState.FOUND, found_order_id=order.pk, answers={"erp": "found"})

    found = get_lookup(viewer=ana, public_id=view.public_id)

    assert (found.state, found.found_public_id) == ("found", order.public_id)
    assert found.answers == {"erp": "found"}


def test_an_order_outside_ones_branch_is_as_if_not_found(cast: Cast, woken: list[int]):
    carla = viewer_of(cast.alfa, cast.carla.pk, establishment_ids=frozenset({cast.alfa_branch.pk}))
    view = request_lookup(viewer=carla, text="1", now=NOW)
    order = make_order(cast.alfa, establishment=cast.alfa_main)
    answers = {"erp": "found", "loja": "unreachable"}
    finish(view, state=LookupState.FOUND, found_order_id=order.pk, answers=answers)

    found = get_lookup(viewer=carla, public_id=view.public_id)

    assert (found.state, found.found_public_id) == ("not_found", None)
    assert found.answers == {"erp": "not-found", "loja": "unreachable"}


def test_an_order_can_be_read_again(ana: Viewer, cast: Cast, woken: list[int]):
    order = make_order(cast.alfa)

    view = request_refresh(viewer=ana, order_public_id=order.public_id, now=NOW)
    again = request_refresh(viewer=ana, order_public_id=order.public_id, now=SOON)

    assert Lookup.objects.get().order_id == order.pk
    assert (again.public_id, again.is_new) == (view.public_id, False)


def test_another_companys_order_cannot_be_read_again(davi_in_beta: Viewer, cast: Cast):
    order = make_order(cast.alfa)

    with pytest.raises(NotVisible):
        request_refresh(viewer=davi_in_beta, order_public_id=order.public_id, now=NOW)

    assert not Lookup.objects.exists()


def test_an_order_of_another_branch_cannot_be_read_again(cast: Cast):
    order = make_order(cast.alfa, establishment=cast.alfa_main)
    carla = viewer_of(cast.alfa, cast.carla.pk, establishment_ids=frozenset({cast.alfa_branch.pk}))

    with pytest.raises(NotVisible):
        request_refresh(viewer=carla, order_public_id=order.public_id, now=NOW)


def test_telesales_ask_for_each_company_of_the_portfolio(
    ana: Viewer, davi_in_beta: Viewer, woken: list[int]
):
    asked = request_portfolio_lookup(viewers=(ana, davi_in_beta), text="8800001", now=NOW)

    assert asked is not None
    assert asked.state == "waiting"
    assert set(Lookup.objects.values_list("company", flat=True)) == {
        ana.company_id,
        davi_in_beta.company_id,
    }
    assert request_portfolio_lookup(viewers=(), text="8800001", now=NOW) is None


def test_look_ups_of_a_portfolio_are_seen_as_one(
    ana: Viewer, davi_in_beta: Viewer, cast: Cast, woken: list[int]
):
    asked = request_portfolio_lookup(viewers=(ana, davi_in_beta), text="8800001", now=NOW)
    assert asked is not None
    finish(asked.views[0], state=LookupState.NOT_FOUND, answers={"erp": "not-found"})
    finish(asked.views[1], state=LookupState.FAILED, answers={"erp": "unreachable"})

    again = request_portfolio_lookup(viewers=(ana, davi_in_beta), text="8800001", now=SOON)

    assert again is not None
    assert (again.state, again.answers) == ("failed", {"erp": "unreachable"})
    assert again.asked_at == NOW


# --- behind the second wall -----------------------------------------------------------------


def test_the_web_process_may_ask_for_its_company(ana: Viewer, woken: list[int]):
    with scope(role=WEB, company_id=ana.company_id, person_id=ana.person_id):
        view = request_lookup(viewer=ana, text="8800001", now=NOW)
        assert get_lookup(viewer=ana, public_id=view.public_id).state == "waiting"


def test_the_web_process_may_not_ask_for_another_company(ana: Viewer, cast: Cast):
    with (
        pytest.raises(DatabaseError),
        scope(role=WEB, company_id=cast.beta.pk, person_id=ana.person_id),
    ):
        request_lookup(viewer=ana, text="8800001", now=NOW)

    assert not Lookup.objects.exists()


@pytest.mark.parametrize(
    "sql", ["UPDATE ingest_lookup SET state = 'found'", "DELETE FROM ingest_lookup"]
)
def test_the_web_process_may_not_answer_look_ups(sql: str, ana: Viewer, woken: list[int]):
    with scope(role=WEB, company_id=ana.company_id, person_id=ana.person_id):
        request_lookup(viewer=ana, text="8800001", now=NOW)
        with pytest.raises(DatabaseError), transaction.atomic(), database.cursor() as cursor:
            cursor.execute(sql)


@pytest.mark.django_db(transaction=True)
def test_two_people_at_once_make_one_look_up(cast: Cast, woken: list[int]):
    viewers = (viewer_of(cast.alfa, cast.ana.pk), viewer_of(cast.alfa, cast.bruno.pk))
    together = threading.Barrier(2)
    views: list[lookups.LookupView] = []

    def ask(viewer: Viewer) -> None:
        together.wait(10)
        with scope(role=WEB, company_id=viewer.company_id, person_id=viewer.person_id):
            views.append(request_lookup(viewer=viewer, text="8800001", now=NOW))
        database.close()

    running = [threading.Thread(target=ask, args=(viewer,)) for viewer in viewers]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()

    row = Lookup.objects.get()
    assert [view.public_id for view in views] == [row.public_id, row.public_id]
    assert sorted(view.is_new for view in views) == [False, True]
    assert woken == [row.pk]


@pytest.mark.django_db(transaction=True)
def test_a_dead_broker_does_not_hold_up_the_page(cast: Cast, monkeypatch: pytest.MonkeyPatch):
    entered, leave = threading.Event(), threading.Event()

    def hangs(lookup_id: int) -> None:
        entered.set()
        leave.wait(10)

    monkeypatch.setattr(lookups, "wake_worker", hangs)
    ana = viewer_of(cast.alfa, cast.ana.pk)

    for number in range(6):
        request_lookup(viewer=ana, text=f"880000{number}", now=NOW)

    assert entered.wait(10)
    leave.set()
    assert Lookup.objects.filter(state="waiting").count() == 6


def test_a_broker_that_is_not_there_is_logged_and_nothing_else(
    db: None, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    def refuses(*args: Any, **kwargs: Any) -> None:
        raise waking.OperationalError

    monkeypatch.setattr(waking.app, "send_task", refuses)

    lookups.wake_worker(1)

    assert [record.message for record in caplog.records] == ["no broker"]
    assert not Order.objects.exists()
