"""What is old goes, what is not stays, and the record's wall has one narrow door for it."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from b2b_orders.audit.models import Action, AuditEvent, AuditSeal, Incident, PersonExport
from b2b_orders.audit.retention import forget_old_lines
from b2b_orders.audit.services import report_incident
from b2b_orders.common import tenancy
from b2b_orders.companies.models import (
    Acting,
    CompanyImport,
    Invitation,
    JoinRequest,
    MapConflict,
)
from b2b_orders.documents.models import Mailing, Watch
from b2b_orders.ingest import people_tasks
from b2b_orders.ingest.models import Errand, Lookup
from b2b_orders.ingest.retention import RULES, apply_retention
from b2b_orders.notifications.models import Notice
from b2b_orders.orders.models import AwaitedNumber
from tests.b2b_orders.audit.lines import as_owner, faults, seal_days_ago, verified, write_lines
from tests.factories import make_document, make_order

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 28, 5, 0, tzinfo=UTC)


def make_rows(cast, at: datetime) -> None:
    """Make one row of everything that retention deletes, as old as `at`."""
    alfa = cast.alfa
    document = make_document(make_order(alfa), key=str(uuid.uuid4()))
    Session.objects.create(session_key=uuid.uuid4().hex, expire_date=at)
    PersonExport.objects.create(person=cast.ana, asked_at=at, finished_at=at, expires_at=at)
    Invitation.objects.create(
        company=alfa,
        email=f"{uuid.uuid4().hex}@a.example",
        token_hash=uuid.uuid4().hex,
        asked_at=at,
        expires_at=at,
        role="viewer",
    )
    JoinRequest.objects.create(
        company=alfa, email="y@a.example", token_hash=uuid.uuid4().hex, asked_at=at
    )
    report_incident("damaged", now=at)
    Acting.objects.create(
        person=cast.suzana, company=alfa, session_key="x", started_at=at, seen_at=at, ended_at=at
    )
    Errand.objects.create(kind="run-now", state="done", asked_at=at)
    Lookup.objects.create(company=alfa, value="1", asked_at=at)
    CompanyImport.objects.create(source="csv", asked_by=cast.olga, asked_at=at, finished_at=at)
    MapConflict.objects.create(
        kind="tax_id", value=uuid.uuid4().hex, found_at=at, seen_at=at, settled_at=at
    )
    AwaitedNumber.objects.create(person=cast.suzana, value=uuid.uuid4().hex, kept_at=at)
    Mailing.objects.create(
        document=document,
        company=alfa,
        person=cast.ana,
        recipient="a@b.example",
        is_known=False,
        state="done",
        asked_at=at,
    )
    Watch.objects.create(document=document, company=alfa, person=cast.ana, asked_at=at, told_at=at)
    Notice.objects.create(
        company=alfa, person=cast.ana, kind="status", key=str(at), happened_at=at, told_at=at
    )


def test_each_kind_goes_when_its_time_has_come_and_not_before(cast):
    make_rows(cast, NOW - timedelta(days=5 * 366))
    make_rows(cast, NOW + timedelta(hours=1))

    with tenancy.scope(role=tenancy.WORKER):
        counts = apply_retention(now=NOW, seconds=30)

    names = {rule.name for rule in RULES} - {"session_names", "confirmations"}
    assert counts == dict.fromkeys(names, 1)
    kinds = (Session, Invitation, JoinRequest, Incident, Acting, Errand, Lookup)
    for kind in (
        *kinds,
        CompanyImport,
        MapConflict,
        AwaitedNumber,
        Mailing,
        Watch,
        PersonExport,
        Notice,
    ):
        assert kind.objects.count() == 1, kind
    event = AuditEvent.objects.get()
    assert (event.action, event.person_id, event.detail) == (
        Action.RETENTION_APPLIED,
        None,
        counts,
    )


def test_zero_keeps_for_ever(cast, settings):
    make_rows(cast, NOW - timedelta(days=5 * 366))
    for rule in RULES:
        if rule.setting:
            setattr(settings, rule.setting, 0)
    settings.PORTAL_KEEP_AUDIT_DAYS = settings.PORTAL_KEEP_ADDRESS_DAYS = 0

    # What has ended goes all the same: it is of no use to anybody.
    assert apply_retention(now=NOW, seconds=30) == {"sessions": 1, "person_exports": 1}


def test_what_waits_for_somebody_stays_however_old(cast):
    old = NOW - timedelta(days=5 * 366)
    Errand.objects.create(kind="run-now", asked_at=old)
    JoinRequest.objects.create(
        company=cast.alfa, email="y@a.example", token_hash="t", asked_at=old, proved_at=old
    )
    Acting.objects.create(
        person=cast.suzana, company=cast.alfa, session_key="x", started_at=old, seen_at=old
    )

    assert apply_retention(now=NOW, seconds=30) == {}
    assert not AuditEvent.objects.exists()


def test_names_of_sessions_go_with_their_sessions(cast):
    live = Session.objects.create(session_key="live", expire_date=NOW + timedelta(days=1))
    for key in (live.session_key, "gone"):
        UserSession.objects.create(
            user=cast.ana, session_key=key, ip="10.0.0.1", user_agent="x", data={}
        )

    assert apply_retention(now=NOW, seconds=30) == {"session_names": 1}
    assert UserSession.objects.get().session_key == "live"


@pytest.mark.parametrize(("hour", "goes"), [(5, True), (15, False)])
def test_retention_is_applied_at_night(cast, hour, goes):
    Lookup.objects.create(company=cast.alfa, value="1", asked_at=NOW - timedelta(days=31))
    # The task seals as well, and a seal's time is the database's, which does not travel.
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE audit_auditseal DISABLE TRIGGER append_only_line")

    with time_machine.travel(NOW.replace(hour=hour), tick=False):
        people_tasks.apply_retention()

    assert Lookup.objects.exists() is not goes


# --- the record -------------------------------------------------------------------------------


@pytest.fixture
def record_of_years(cast):
    """Two lines each that were sealed 2000, 400 and 100 days ago."""
    ids = []
    for days in (2000, 400, 100):
        at = timezone.now() - timedelta(days=days)
        ids = write_lines(cast.ana.pk, cast.beto.pk, at=at)
        seal_days_ago(days)
    return ids


def test_old_lines_and_addresses_go_and_the_record_still_verifies(record_of_years):
    heads = list(AuditSeal.objects.order_by("number").values_list("hash", flat=True))

    with tenancy.scope(role=tenancy.WORKER):
        done = forget_old_lines(seconds=30)

    assert (done.lines, done.addresses, done.is_finished) == (2, 2, True)
    rows = list(AuditEvent.objects.order_by("pk").values_list("pk", "address"))
    assert rows == [
        (record_of_years[2], None),
        (record_of_years[3], None),
        (record_of_years[4], "10.0.0.1"),
        (record_of_years[5], "10.0.0.1"),
    ]
    seals = list(AuditSeal.objects.order_by("number"))
    assert [seal.hash for seal in seals] == heads
    assert [bool(seal.nonce) for seal in seals] == [False, False, True]
    report = verified(expect=heads[0])
    assert (report.findings, report.lines) == ([], 4)
    assert (report.forgotten_seals, report.forgotten_lines) == (1, 2)


def test_what_is_left_after_retention_is_still_guarded(record_of_years):
    forget_old_lines(seconds=30)
    as_owner("UPDATE audit_auditevent SET reason = 'x' WHERE id = %s", record_of_years[2])
    as_owner("UPDATE audit_auditevent SET address = '1.1.1.1' WHERE id = %s", record_of_years[3])

    assert faults(verified()) == [
        ("line-changed", 2, record_of_years[2]),
        ("line-changed", 2, record_of_years[3]),
    ]


def test_settings_cannot_be_used_to_remove_a_recent_line(record_of_years, settings):
    settings.PORTAL_KEEP_AUDIT_DAYS = settings.PORTAL_KEEP_ADDRESS_DAYS = 1

    with tenancy.scope(role=tenancy.WORKER):
        done = forget_old_lines(seconds=30)

    assert done.lines == 4
    assert (
        list(AuditEvent.objects.order_by("pk").values_list("pk", flat=True))
        == (record_of_years[4:])
    )


@pytest.mark.parametrize("days", ["182", "0", "-5000", "NULL"])
@pytest.mark.parametrize("door", ["audit_forget", "audit_cut_addresses"])
@pytest.mark.parametrize("role", [tenancy.WORKER, tenancy.OWNER])
def test_the_door_does_not_open_for_less_than_six_months(record_of_years, role, door, days):
    with (
        pytest.raises(DatabaseError, match="six months at least"),
        tenancy.scope(role=role),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"SELECT {door}({days})")

    assert AuditEvent.objects.count() == 6


def test_a_line_that_says_an_old_time_does_not_go_before_its_seal_is_old(cast):
    write_lines(cast.ana.pk, at=timezone.now() - timedelta(days=4000))
    seal_days_ago(1)

    assert forget_old_lines(seconds=30).lines == 0
    assert AuditEvent.objects.count() == 1


def test_a_line_that_was_never_sealed_never_goes(cast):
    write_lines(cast.ana.pk, at=timezone.now() - timedelta(days=4000))

    assert forget_old_lines(seconds=30).lines == 0
    assert AuditEvent.objects.count() == 1


@pytest.mark.parametrize(
    ("sql", "allowed"),
    [
        ("DELETE FROM audit_auditevent WHERE id = %s", [True, False]),
        ("UPDATE audit_auditevent SET address = NULL WHERE id = %s", [True, False]),
        ("UPDATE audit_auditevent SET reason = 'x' WHERE id = %s", [False, False]),
        ("UPDATE audit_auditevent SET address = '1.1.1.1' WHERE id = %s", [False, False]),
    ],
)
def test_even_the_owner_gets_through_to_old_lines_alone(record_of_years, sql, allowed):
    answers = []
    for number, line in ((1, record_of_years[0]), (3, record_of_years[4])):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT set_config('app.audit_seal', %s, true)", [str(number)])
                cursor.execute(sql, [line])
            answers.append(True)
        except DatabaseError:
            answers.append(False)

    assert answers == allowed
    # And it shows: no seal says that its lines are gone.
    assert (faults(verified()) == []) is (allowed == [False, False])


def test_emptying_a_seal_by_hand_sooner_than_can_be_is_named(record_of_years):
    as_owner("DELETE FROM audit_auditevent WHERE id = ANY(%s)", record_of_years[4:])
    as_owner(
        "UPDATE audit_auditseal SET forgotten_at = now(), addresses_cut_at = now(), marks = '',"
        " nonce = '' WHERE number = 3"
    )

    assert faults(verified()) == [("forgotten-early", 3, 0)]
