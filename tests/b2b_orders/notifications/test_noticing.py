"""What is told of what is followed: each change once, and only what is so and may be seen."""

from __future__ import annotations

import uuid
from datetime import timedelta
from decimal import Decimal

import pytest

from b2b_orders.audit.models import Action, AuditEvent
from b2b_orders.common import clock
from b2b_orders.common.errors import InvalidInput, NotAllowed, NotVisible
from b2b_orders.common.mail import MailFailed
from b2b_orders.companies.models import Membership, Role, StaffRole
from b2b_orders.documents.models import Document, DocumentRule
from b2b_orders.ingest.retention import apply_retention
from b2b_orders.notifications import noticing, telling
from b2b_orders.notifications.models import Follow, FollowedOrder, Mark, Notice, NotificationChoice
from b2b_orders.orders.models import Order, OrderAlias
from b2b_orders.orders.services import store_readings
from erp_bridge.records import DocumentKind, Fulfilment, NumberKind
from tests.b2b_orders.documents.conftest import viewer_of
from tests.b2b_orders.notifications.conftest import (
    HOUR,
    change,
    follow,
    follow_list,
    sweep_and_tell,
)
from tests.factories import (
    CONNECTION_ERP,
    CONNECTION_VTEX,
    NOW,
    make_document,
    make_erp_record,
    make_order,
    make_reading,
    make_title,
    make_vtex_record,
)

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(minutes=10)


@pytest.fixture
def order(cast) -> Order:
    return make_order(cast.alfa, fulfilment="picking")


def test_a_changed_status_is_told_once_with_what_it_was(ana, order, box):
    follow(ana, order)
    change(order, LATER, fulfilment="shipped")

    assert sweep_and_tell(LATER, box) == 1
    assert sweep_and_tell(LATER + 2 * HOUR, box) == 0

    [fact] = box.facts()["0004500123"]
    [news] = box.digests[0].companies[0].orders
    assert (fact.kind, fact.before, news.fulfilment) == ("status", "picking", "shipped")
    assert [source.as_of for source in news.sources] == [NOW]


def test_what_was_so_before_it_was_followed_is_not_told(ana, order, box):
    make_document(order, state_since=NOW - HOUR)
    order.invoices.create(company=order.company, number="1001", series="1")
    follow(ana, order)
    change(order, LATER, placed_by_name="Somebody")

    assert sweep_and_tell(LATER, box) == 0


def test_a_status_that_came_back_is_not_told(ana, order, box):
    follow(ana, order)
    change(order, LATER, fulfilment="cancelled")
    noticing.sweep_changes(now=LATER)
    change(order, LATER + timedelta(minutes=1), fulfilment="picking")

    assert sweep_and_tell(LATER + timedelta(minutes=1), box) == 0
    assert not Notice.objects.filter(told_at=None).exists()


def test_twenty_changes_make_one_mail_with_the_newest_state(ana, cast, box):
    orders = [make_order(cast.alfa, [(NumberKind.ERP, str(n))]) for n in range(10)]
    for each in orders:
        follow(ana, each)
    for turn, status in enumerate(("picking", "shipped")):
        at = LATER + timedelta(minutes=turn)
        for each in orders:
            change(each, at, fulfilment=status)
        noticing.sweep_changes(now=at)

    assert Notice.objects.count() == 20
    assert telling.tell(now=LATER + HOUR, send=box) == 1
    assert {kinds[0].before for kinds in box.facts().values()} == {"invoiced"}
    assert len(box.facts()) == 10


def test_two_mails_are_an_hour_apart(ana, order, box):
    follow(ana, order)
    change(order, LATER, fulfilment="shipped")
    assert sweep_and_tell(LATER, box) == 1
    told = LATER + timedelta(minutes=6)
    change(order, told, fulfilment="delivered")

    assert sweep_and_tell(told, box, after=timedelta(minutes=59)) == 0
    assert telling.tell(now=told + HOUR, send=box) == 1
    assert box.facts()["0004500123"][0].before == "shipped"


@pytest.mark.parametrize("twice", [noticing.sweep_changes, noticing.look_back])
def test_looking_twice_or_after_a_kill_notes_nothing_twice(ana, order, twice):
    follow(ana, order)
    make_document(order, state_since=LATER)
    change(order, LATER, fulfilment="shipped")
    noticing.sweep_changes(now=LATER)
    before = set(Notice.objects.values_list("kind", "key"))
    # Killed before the mark was moved.
    Mark.objects.all().delete()

    twice(now=LATER + timedelta(minutes=1))

    assert {kind for kind, _key in before} == {"status", "document"}
    assert set(Notice.objects.values_list("kind", "key")) == before


def test_what_was_written_late_is_found_by_looking_back(ana, order):
    follow(ana, order)
    noticing.sweep_changes(now=LATER)
    Mark.objects.update(at=LATER)
    change(order, LATER - timedelta(minutes=2), fulfilment="shipped")
    noticing.sweep_changes(now=LATER)
    assert not Notice.objects.exists()

    noticing.look_back(now=LATER)

    assert Notice.objects.get().kind == "status"


def test_what_nobody_found_is_found_in_turn(ana, order):
    follow(ana, order)
    change(order, NOW - timedelta(days=3), fulfilment="shipped")

    assert noticing.look_in_turn(now=NOW + HOUR) == 1
    assert Notice.objects.get().kind == "status"
    assert noticing.look_in_turn(now=NOW + HOUR) == 0


def test_a_follow_that_cannot_be_read_keeps_nobody_else_from_being_told(cast, order):
    other = make_order(cast.alfa, [(NumberKind.ERP, "4500999")], fulfilment="picking")
    for person, followed in ((cast.carla, order), (cast.ana, other)):
        follow(viewer_of(cast.alfa, person), followed)
    FollowedOrder.objects.filter(order=order).update(state={"fulfilment": "picking"})
    for each in (order, other):
        change(each, LATER, fulfilment="shipped")

    noticing.sweep_changes(now=LATER)

    assert Notice.objects.get().order_id == other.pk
    assert Mark.objects.get(name="orders").at == LATER
    noticing.look_in_turn(now=LATER + HOUR)
    assert set(Follow.objects.values_list("checked_at", flat=True)) == {LATER + HOUR}


def test_an_order_that_enters_the_erp_and_is_invoiced_is_told(cast, ana, box):
    web = make_vtex_record()
    store_readings(connection=CONNECTION_VTEX, readings=[make_reading(web)], now=NOW)
    order = Order.objects.get()
    follow(ana, order)
    erp = make_erp_record(web_numbers=(web.external_id,), fulfilment=Fulfilment.INVOICED)
    store_readings(
        connection=CONNECTION_ERP,
        readings=[make_reading(erp, read_at=LATER)],
        now=LATER,
        company_id=cast.alfa.pk,
    )

    assert sweep_and_tell(LATER, box) == 1
    status, invoiced = box.facts()[order.title]
    assert (status.entered, status.before) == (True, "awaiting_erp")
    assert (invoiced.kind, invoiced.invoices) == ("invoiced", ())


def test_a_followed_order_that_is_joined_to_another_goes_on_being_followed(cast, ana, order, box):
    follow(ana, order)
    survivor = make_order(cast.alfa, [(NumberKind.WEB, "99-01")], fulfilment="shipped")
    OrderAlias.objects.create(public_id=order.public_id, order=survivor, company=cast.alfa)
    order.records.update(order=survivor)
    Order.objects.filter(pk=order.pk).delete()
    change(survivor, LATER)

    assert sweep_and_tell(LATER + HOUR, box) == 1
    assert box.facts()["99-01"][0].before == "picking"
    assert Follow.objects.get().order_id == survivor.pk


def test_a_new_invoice_is_told_by_its_number(ana, order, box):
    order.invoices.create(company=order.company, number="1001", series="1")
    follow(ana, order, "invoiced")
    order.invoices.create(company=order.company, number="1002", series="1")
    change(order, LATER, fulfilment="partly_invoiced")

    sweep_and_tell(LATER, box)

    [fact] = box.facts()["0004500123"]
    assert (fact.kind, fact.invoices) == ("invoiced", ("1002/1",))


def test_a_moved_promise_is_told_with_both_days(ana, order, box):
    change(order, NOW, promised_on=NOW.date())
    follow(ana, order)
    change(order, LATER, promised_on=NOW.date() + timedelta(days=2))

    sweep_and_tell(LATER, box)

    [fact] = box.facts()["0004500123"]
    assert (fact.kind, fact.before, fact.due_on) == (
        "promise",
        NOW.date().isoformat(),
        NOW.date() + timedelta(days=2),
    )


def test_documents_that_come_are_told_by_what_they_are(ana, order, box):
    follow(ana, order)
    make_document(order, DocumentKind.BOLETO, "boleto", state_since=LATER)
    danfe = make_document(order, DocumentKind.DANFE, "danfe", state_since=LATER)

    sweep_and_tell(LATER, box)
    assert box.kinds() == {"0004500123": ["document", "boleto"]}
    # It comes and goes and comes again: that is no news.
    Document.objects.filter(pk=danfe.pk).update(state_since=LATER + 3 * HOUR)
    assert sweep_and_tell(LATER + 3 * HOUR, box) == 0


@pytest.mark.parametrize("role", [Role.VIEWER])
def test_boletos_are_not_told_of_to_who_may_not_see_finance(cast, ana, order, box, role):
    follow(ana, order)
    make_title(order, due_on=LATER.date() + timedelta(days=1))
    make_document(order, DocumentKind.BOLETO, "boleto", state_since=LATER)
    make_document(order, DocumentKind.DANFE, "danfe", state_since=LATER)
    Membership.objects.filter(person=cast.ana).update(role=role)

    sweep_and_tell(LATER + HOUR, box)

    assert box.kinds() == {"0004500123": ["document"]}


def test_a_right_that_is_taken_between_noticing_and_telling_counts(cast, ana, order, box):
    follow(ana, order)
    make_document(order, DocumentKind.BOLETO, "boleto", state_since=LATER)
    make_title(order, due_on=LATER.date() + timedelta(days=1))
    noticing.sweep_changes(now=LATER)
    noticing.look_in_turn(now=LATER + HOUR)
    assert {n.kind for n in Notice.objects.all()} == {"boleto", "due"}
    Membership.objects.filter(person=cast.ana).update(sees_finance=False)

    assert telling.tell(now=LATER + 2 * HOUR, send=box) == 0
    assert not Notice.objects.filter(told_at=None).exists()


# --- due dates -------------------------------------------------------------------------------


def test_a_boleto_is_told_of_before_it_is_due_and_after_each_once(ana, order, box):
    title = make_title(order, due_on=NOW.date() + timedelta(days=5))
    follow(ana, order)
    told = []
    for days in range(12):
        at = NOW + timedelta(days=days, hours=1)
        if sweep_and_tell(at, box):
            told.append((days, [f.kind for f in box.facts()["0004500123"]]))

    assert told == [(2, ["due"]), (6, ["overdue"])]
    assert box.facts(0)["0004500123"][0].amount == title.amount


@pytest.mark.parametrize("state", ["paid", "cancelled", "unknown"])
def test_a_boleto_that_is_not_known_to_be_open_is_not_told_of(ana, order, box, state):
    title = make_title(order)
    follow(ana, order)
    noticing.look_in_turn(now=NOW + HOUR)
    assert Notice.objects.get().kind == "due"
    type(title).objects.update(state=state)

    assert telling.tell(now=NOW + 2 * HOUR, send=box) == 0


def test_what_was_overdue_before_it_was_followed_is_not_told(ana, order, box):
    make_title(order, due_on=NOW.date() - timedelta(days=1))
    follow(ana, order)

    assert sweep_and_tell(NOW + HOUR, box) == 0


def test_nothing_is_due_on_a_cancelled_order(ana, order, box):
    make_title(order)
    follow(ana, order, "due")
    change(order, NOW, fulfilment="cancelled")

    assert sweep_and_tell(NOW + HOUR, box) == 0


def test_one_boleto_of_two_orders_is_told_of_once(cast, ana, box):
    line = "34191790010104351004791020150008191070000100000"
    for number in ("1", "2"):
        each = make_order(cast.alfa, [(NumberKind.ERP, number)])
        make_title(each, f"b{number}", typeable_line=line)
        follow(ana, each)

    sweep_and_tell(NOW + HOUR, box)

    assert list(box.kinds().values()) == [["due"]]


# --- lists -----------------------------------------------------------------------------------


def test_a_new_order_in_a_followed_list_is_told_and_others_are_not(cast, ana, order, box):
    follow_list(ana, "order", situacao="picking")
    new = {"created_at": LATER, "changed_at": LATER}
    make_order(cast.alfa, [(NumberKind.ERP, "77")], fulfilment="picking", **new)
    make_order(cast.alfa, [(NumberKind.ERP, "78")], fulfilment="shipped", **new)
    make_order(cast.beta, [(NumberKind.ERP, "79")], fulfilment="picking", **new)

    assert sweep_and_tell(LATER, box) == 1

    assert {t: f[0].list_name for t, f in box.facts().items()} == {"77": "Minha lista"}


def test_an_order_that_comes_into_a_list_is_told_and_one_that_was_in_it_is_not(cast, ana, box):
    inside = make_order(cast.alfa, [(NumberKind.ERP, "1")], fulfilment="picking")
    outside = make_order(cast.alfa, [(NumberKind.ERP, "2")], fulfilment="placed")
    follow_list(ana, "order", situacao="picking")
    change(inside, LATER, placed_by_name="x")
    change(outside, LATER, fulfilment="picking")

    sweep_and_tell(LATER, box)
    assert box.kinds() == {"2": ["order"]}
    # It leaves and comes back: it is told once.
    for minutes, status in ((200, "shipped"), (300, "picking")):
        change(outside, LATER + timedelta(minutes=minutes), fulfilment=status)
        assert sweep_and_tell(LATER + timedelta(minutes=minutes), box) == 0


def test_an_old_order_that_no_list_knew_is_learnt_in_silence(cast, ana, box):
    ago = NOW - timedelta(days=900)
    old = make_order(cast.alfa, fulfilment="delivered", placed_at=ago, created_at=ago)
    follow_list(ana, origem="erp")
    assert not FollowedOrder.objects.exists()
    change(old, LATER, placed_by_name="x")
    assert sweep_and_tell(LATER, box) == 0
    change(old, LATER + HOUR, fulfilment="cancelled")

    assert sweep_and_tell(LATER + HOUR, box) == 1
    assert box.kinds() == {"0004500123": ["status"]}


def test_accounts_payable_hear_of_every_boleto_of_a_large_order_alone(cast, box):
    bruno = viewer_of(cast.alfa, cast.bruno, Role.FINANCE)
    follow_list(bruno, "boleto", minimo="5000")
    for number, total in (("1", "4999.99"), ("2", "5000.00")):
        each = make_order(cast.alfa, [(NumberKind.ERP, number)], total=Decimal(total))
        make_document(each, DocumentKind.BOLETO, "b", state_since=LATER)
        make_document(each, DocumentKind.DANFE, "d", state_since=LATER)

    sweep_and_tell(LATER, box)

    assert box.kinds() == {"2": ["boleto"]}
    assert box.digests[0].email == "bruno@example.com"


def test_a_branch_hears_of_its_own_orders_alone(cast, box):
    carla = viewer_of(cast.alfa, cast.carla, establishment_ids=frozenset({cast.alfa_branch.pk}))
    follow_list(carla, situacao="placed")
    new = {"created_at": LATER, "changed_at": LATER, "fulfilment": "placed"}
    make_order(cast.alfa, [(NumberKind.ERP, "1")], establishment=cast.alfa_main, **new)
    make_order(cast.alfa, [(NumberKind.ERP, "2")], establishment=cast.alfa_branch, **new)

    sweep_and_tell(LATER, box)

    assert list(box.facts()) == ["2"]


def test_a_filter_by_amount_ends_with_the_right_to_see_prices(cast, ana, box):
    follow_list(ana, minimo="1")
    Membership.objects.filter(person=cast.ana).update(sees_prices=False)
    make_order(cast.alfa, created_at=LATER, changed_at=LATER)

    assert sweep_and_tell(LATER, box) == 0
    assert not Follow.objects.exists()


def test_a_list_of_everything_is_not_followed(ana):
    with pytest.raises(InvalidInput, match="filter-missing"):
        follow_list(ana)


# --- who hears nothing -----------------------------------------------------------------------


def leave(cast, _order) -> None:
    Membership.objects.filter(person=cast.ana).update(is_active=False)


def lock_out(cast, _order) -> None:
    type(cast.ana).objects.filter(pk=cast.ana.pk).update(is_active=False)


def close(cast, _order) -> None:
    type(cast.alfa).objects.filter(pk=cast.alfa.pk).update(is_active=False)


def move(cast, order) -> None:
    Order.objects.filter(pk=order.pk).update(company=cast.beta, establishment=cast.beta_main)


def narrow(cast, _order) -> None:
    member = Membership.objects.get(person=cast.ana)
    member.is_scoped = True
    member.save()
    member.scopes.create(establishment=cast.alfa_branch, company=cast.alfa, person=cast.ana)


TAKEN_AWAY = [leave, lock_out, close, move, narrow]


@pytest.mark.parametrize("happened", TAKEN_AWAY)
def test_who_may_not_see_it_any_more_is_not_told_and_follows_no_longer(
    ana, cast, order, box, happened
):
    follow(ana, order)
    change(order, LATER, fulfilment="shipped")
    happened(cast, order)

    assert sweep_and_tell(LATER, box) == 0
    assert sweep_and_tell(LATER + HOUR, box) == 0
    assert not Follow.objects.exists()
    ended = AuditEvent.objects.get(action=Action.UNFOLLOWED)
    assert ended.detail["person"] == cast.ana.pk


def test_an_order_that_is_on_its_way_between_companies_is_waited_for(ana, cast, order, box):
    follow(ana, order)
    move(cast, order)
    assert sweep_and_tell(LATER + HOUR, box) == 0
    Order.objects.filter(pk=order.pk).update(company=cast.alfa, establishment=cast.alfa_main)
    change(order, LATER + 2 * HOUR, fulfilment="shipped")

    assert sweep_and_tell(LATER + 2 * HOUR, box) == 1

    assert box.kinds() == {"0004500123": ["status"]}
    assert Follow.objects.get().gone_at is None


@pytest.mark.parametrize("happened", TAKEN_AWAY)
def test_what_was_noted_is_not_told_to_who_may_not_see_it_any_more(ana, cast, order, box, happened):
    follow(ana, order)
    change(order, LATER, fulfilment="shipped")
    noticing.sweep_changes(now=LATER)
    assert Notice.objects.exists()
    happened(cast, order)

    assert telling.tell(now=LATER + HOUR, send=box) == 0
    assert not Notice.objects.filter(told_at=None).exists()


def test_a_document_that_is_hidden_meanwhile_is_not_told(ana, order, box):
    follow(ana, order)
    make_document(order, DocumentKind.DANFE, "danfe", state_since=LATER)
    noticing.sweep_changes(now=LATER)
    DocumentRule.objects.create(kind="danfe", effect="hide", changed_at=NOW)

    assert telling.tell(now=LATER + HOUR, send=box) == 0


def test_nobody_follows_what_is_not_theirs_and_staff_follow_nothing(cast, ana, order):
    with pytest.raises(NotVisible):
        follow(viewer_of(cast.beta, cast.beto), order)
    with pytest.raises(NotAllowed):
        follow(viewer_of(cast.alfa, cast.suzana, staff_role=StaffRole.SUPPORT), order)
    with pytest.raises(NotAllowed):
        follow_list(
            viewer_of(cast.alfa, cast.suzana, staff_role=StaffRole.SUPPORT), situacao="placed"
        )
    with pytest.raises(NotVisible):
        follow(ana, Order(public_id=uuid.uuid4()))
    assert not Follow.objects.exists()


def test_following_twice_is_following_once_and_is_recorded(ana, order):
    follow(ana, order)
    follow(ana, order, "invoiced")

    assert Follow.objects.get().kinds == ["invoiced"]
    assert FollowedOrder.objects.count() == 1
    assert AuditEvent.objects.filter(action=Action.FOLLOWED).count() == 2


def test_unwanted_kinds_are_not_told(ana, cast, order, box):
    NotificationChoice.objects.create(person=cast.ana, without=["status"], changed_at=NOW)
    follow(ana, order)
    change(order, LATER, fulfilment="shipped", promised_on=NOW.date())

    sweep_and_tell(LATER, box)

    assert box.kinds() == {"0004500123": ["promise"]}


def test_what_happens_while_it_is_paused_is_never_told(ana, cast, order, box):
    choice = NotificationChoice.objects.create(person=cast.ana, rhythm="off", changed_at=NOW)
    follow(ana, order)
    change(order, LATER, fulfilment="shipped")
    assert sweep_and_tell(LATER, box) == 0
    choice.rhythm = "at_once"
    choice.save()

    assert sweep_and_tell(LATER + HOUR, box) == 0


# --- mail servers ----------------------------------------------------------------------------


def test_a_mail_server_that_is_away_is_tried_again(ana, order, box):
    follow(ana, order)
    change(order, LATER, fulfilment="shipped")
    box.failure = MailFailed("no-mail-server", is_final=False)
    assert sweep_and_tell(LATER, box) == 0
    box.failure = None

    assert telling.tell(now=LATER + HOUR, send=box) == 1


def test_an_address_that_is_refused_for_good_is_not_tried_again(ana, order, box):
    follow(ana, order)
    change(order, LATER, fulfilment="shipped")
    box.failure = MailFailed("recipient-refused", is_final=True)
    sweep_and_tell(LATER, box)
    box.failure = None

    assert telling.tell(now=LATER + 2 * HOUR, send=box) == 0


def test_told_notices_are_forgotten_once_they_are_no_news_any_more(ana, order, box, settings):
    settings.PORTAL_KEEP_AWAITED_DAYS = 1
    follow(ana, order)
    make_document(order, state_since=LATER)
    change(order, LATER, fulfilment="shipped")
    sweep_and_tell(LATER, box)
    change(order, LATER + HOUR, fulfilment="delivered")
    noticing.sweep_changes(now=LATER + HOUR)
    now = clock.now()
    told = Notice.objects.filter(told_at__isnull=False)
    told.filter(kind="status").update(told_at=now - 2 * noticing.NEWS - HOUR)
    told.filter(kind="document").update(told_at=now - timedelta(days=2))

    counts = apply_retention(now=now, seconds=5)

    assert counts["notices"] == 1
    # What is news still, or waits to be told, stays.
    assert {(n.kind, n.told_at is None) for n in Notice.objects.all()} == {
        ("document", False),
        ("status", True),
    }
