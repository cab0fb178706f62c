"""The record is sealed line by line, and whatever is done to it afterwards is named."""

from __future__ import annotations

import io
import json
import logging
import threading
from datetime import timedelta

import pytest
from django.core import mail
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from b2b_orders.audit import sealing, tasks
from b2b_orders.audit.canonical import NOTHING, read_ids, write_ids
from b2b_orders.audit.models import Action, AuditAnchor, AuditEvent, AuditSeal, Incident
from b2b_orders.audit.sealing import seal_lines
from b2b_orders.audit.services import record
from b2b_orders.common import tenancy
from b2b_orders.companies.access import Actor
from tests.b2b_orders.audit.lines import as_owner, faults, seal_days_ago, verified, write_lines

pytestmark = pytest.mark.django_db


@pytest.fixture
def sealed(cast):
    """Three seals of two lines each, and the ids of their lines."""
    ids = []
    for days in (3, 2, 1):
        at = timezone.now() - timedelta(days=days)
        ids = write_lines(cast.ana.pk, cast.bruno.pk, at=at)
        seal_days_ago(days)
    return ids


def test_seals_cover_every_line_once_and_each_follows_the_one_before(sealed):
    seals = list(AuditSeal.objects.order_by("number"))

    assert [seal.number for seal in seals] == [1, 2, 3]
    assert [list(read_ids(seal.ids)) for seal in seals] == [sealed[:2], sealed[2:4], sealed[4:]]
    assert [seal.previous for seal in seals] == [NOTHING, seals[0].hash, seals[1].hash]
    report = verified()
    assert (report.findings, report.lines, report.seals, report.unsealed) == ([], 6, 3, 0)
    assert (report.number, report.head) == (3, seals[2].hash)


def test_there_is_no_seal_where_nothing_was_written(sealed):
    done = seal_lines(now=timezone.now())

    assert (done.seals, done.lines, done.number) == (0, 0, 3)


def test_many_lines_are_sealed_in_batches_of_a_bounded_size(cast, monkeypatch):
    monkeypatch.setattr(sealing, "BATCH", 4)
    write_lines(*[cast.ana.pk] * 10)

    seal_lines(now=timezone.now())

    assert [s.count for s in AuditSeal.objects.order_by("number")] == [4, 4, 2]
    assert verified().findings == []


CHANGES = {
    "person_id": "person_id = NULL",
    "company": "company_id = (SELECT min(id) FROM companies_company)",
    "time": "at = at - interval '1 second'",
    "reason": "reason = 'no reason'",
    "object": "object_id = 'y'",
    "detail": """detail = '{"n": 1}'""",
    "address": "address = '10.0.0.2'",
    "no address": "address = NULL",
    "role": "staff_role = 'support'",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_line_is_named(sealed, change):
    as_owner(f"UPDATE audit_auditevent SET {change} WHERE id = %s", sealed[3])

    assert faults(verified()) == [("line-changed", 2, sealed[3])]


def test_a_deleted_line_is_named(sealed):
    as_owner("DELETE FROM audit_auditevent WHERE id = %s", sealed[2])

    assert faults(verified()) == [("line-missing", 2, sealed[2])]


def test_two_lines_that_changed_places_are_named(sealed):
    first, second = sealed[0], sealed[1]
    as_owner("UPDATE audit_auditevent SET id = -1 WHERE id = %s", first)
    as_owner("UPDATE audit_auditevent SET id = %s WHERE id = %s", first, second)
    as_owner("UPDATE audit_auditevent SET id = %s WHERE id = -1", second)

    assert faults(verified()) == [("line-changed", 1, first), ("line-changed", 1, second)]


def test_a_line_put_among_sealed_ones_is_named(cast, sealed):
    as_owner("UPDATE audit_auditseal SET sealed_at = sealed_at")
    forged = sealed[0] - 1
    as_owner(
        "INSERT INTO audit_auditevent (id, at, action, person_id, staff_role, object_kind,"
        " object_id, reason, request_id, detail, xact) SELECT %s, at, action, person_id,"
        " staff_role, object_kind, object_id, reason, request_id, detail, '3'::xid8"
        " FROM audit_auditevent WHERE id = %s",
        forged,
        sealed[0],
    )

    assert faults(verified()) == [("line-added", 0, forged)]


def test_a_line_written_later_with_an_old_time_is_named_once_sealed(cast, sealed):
    ids = write_lines(cast.beto.pk, at=timezone.now() - timedelta(days=30))
    assert faults(verified()) == [("line-unsealed", 0, ids[-1])]

    seal_lines(now=timezone.now())

    assert faults(verified()) == [("line-backdated", 4, ids[-1])]


def test_a_deleted_seal_is_named_and_its_lines_with_it(sealed):
    as_owner("DELETE FROM audit_auditseal WHERE number = 2")

    assert faults(verified()) == [
        ("seal-missing", 2, 0),
        ("line-added", 0, sealed[2]),
        ("line-added", 0, sealed[3]),
    ]


def test_a_seal_made_anew_over_changed_lines_does_not_fit_the_next(cast, sealed):
    as_owner("UPDATE audit_auditevent SET reason = 'x' WHERE id = %s", sealed[2])
    other = AuditSeal.objects.get(number=3)
    as_owner("UPDATE audit_auditseal SET hash = %s WHERE number = 2", other.hash)

    assert faults(verified()) == [
        ("seal-changed", 2, 0),
        ("line-changed", 2, sealed[2]),
        ("seal-broken", 3, 0),
    ]


def test_a_cut_off_end_is_noticed_by_a_hash_kept_outside(sealed):
    kept = AuditSeal.objects.get(number=3).hash
    assert verified(expect=kept).findings == []
    as_owner("DELETE FROM audit_auditevent WHERE id >= %s", sealed[4])
    as_owner("DELETE FROM audit_auditseal WHERE number = 3")

    assert verified().findings == []
    assert faults(verified(expect=kept)) == [("not-expected", 0, 0)]


def test_verifying_since_a_day_believes_what_was_sealed_before(sealed):
    as_owner("UPDATE audit_auditevent SET reason = 'x' WHERE id = %s", sealed[0])

    report = verified(since=timezone.now() - timedelta(days=2, hours=12))

    assert (report.findings, report.seals, report.lines) == ([], 2, 4)
    assert faults(verified()) == [("line-changed", 1, sealed[0])]


def test_a_line_that_nobody_seals_is_reported_after_five_minutes(cast):
    write_lines(cast.ana.pk, at=timezone.now() - timedelta(minutes=4))
    assert verified().findings == []
    assert verified().unsealed == 1

    late = write_lines(cast.ana.pk, at=timezone.now() - timedelta(minutes=6))[-1]

    report = verified()
    assert faults(report) == [("line-unsealed", 0, late)]
    assert report.is_late_only


def test_lines_of_a_database_brought_back_from_a_dump_are_found_and_sealed(cast, sealed):
    # There transactions count from the beginning again.
    as_owner("UPDATE audit_auditseal SET after_xact = 4000000000 WHERE number = 3")
    old, new = write_lines(cast.ana.pk, cast.beto.pk)[-2:]
    as_owner("UPDATE audit_auditevent SET xact = '4000000001'::xid8 WHERE id = %s", old)
    assert seal_lines(now=timezone.now()).lines == 0

    tasks.seal()

    last = AuditSeal.objects.get(number=4)
    assert list(read_ids(last.ids)) == [old, new]
    assert not sealing.needs_strays()
    assert write_lines(cast.ana.pk)
    assert seal_lines(now=timezone.now(), strays=True).lines == 1
    assert verified().findings == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [([], "{}"), ([5], "{[5,6)}"), ([1, 2, 3, 7, 9, 10], "{[1,4),[7,8),[9,11)}")],
)
def test_ids_are_written_as_ranges_and_read_back(name, expected):
    assert write_ids(name) == expected
    assert list(read_ids(expected)) == name


# --- the command ------------------------------------------------------------------------------


def run_command(*words: str) -> tuple[int, str]:
    out, code = io.StringIO(), 0
    try:
        call_command("verify_audit", *words, stdout=out, stderr=io.StringIO())
    except SystemExit as end:
        code = int(end.code or 0)
    return code, out.getvalue()


def test_a_changed_line_raises_the_alarm_by_the_command_and_by_night(sealed):
    run_command()
    tasks.verify()
    assert not Incident.objects.exists()
    as_owner("UPDATE audit_auditevent SET reason = 'x' WHERE id = %s", sealed[-1])

    run_command()
    with tenancy.scope(role=tenancy.WORKER):
        tasks.verify()

    alarms = Incident.objects.values_list("code", "object_kind", "detail")
    assert list(alarms) == 2 * [
        ("audit-chain-broken", "audit-seal", {"faults": {"line-changed": 1}})
    ]


def test_lines_that_only_wait_for_their_seal_are_no_alarm(cast):
    write_lines(cast.ana.pk, at=timezone.now() - timedelta(hours=2))

    code, _text = run_command()

    assert code == 3
    assert not Incident.objects.exists()


def test_the_command_names_the_first_wrong_line_and_fails(sealed):
    head = AuditSeal.objects.get(number=3).hash
    code, text = run_command()
    assert (code, text) == (0, f"6 lines in 3 seals; 0 not sealed\nhead 3 {head}\n")
    as_owner("UPDATE audit_auditevent SET reason = 'x' WHERE id = %s", sealed[1])

    code, text = run_command("--expect", head)

    assert code == 1
    assert text.splitlines()[0] == f"line {sealed[1]} of seal 1 was changed"


def test_the_command_answers_machines(sealed):
    code, text = run_command("--json", "--expect", "f" * 64)

    answer = json.loads(text)
    assert code == 1
    assert (answer["ok"], answer["lines"], answer["number"]) == (False, 6, 3)
    assert [each["fault"] for each in answer["findings"]] == ["not-expected"]


def test_lines_that_only_wait_have_an_exit_code_of_their_own(cast):
    write_lines(cast.ana.pk, at=timezone.now() - timedelta(hours=1))

    assert run_command()[0] == 3


# --- the walls --------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [tenancy.WEB, tenancy.WORKER, tenancy.STAFF, tenancy.OWNER])
@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit_auditseal SET hash = 'x'",
        "DELETE FROM audit_auditseal",
        "TRUNCATE audit_auditseal",
        "UPDATE audit_auditevent SET address = NULL",
        "SELECT set_config('app.audit_seal', '3', true) | DELETE FROM audit_auditevent",
        (
            "SELECT set_config('app.audit_seal', '3', true) |"
            " UPDATE audit_auditevent SET address = NULL"
        ),
        "SELECT set_config('app.audit_seal', '3', true) | DELETE FROM audit_auditseal",
        (
            "SELECT set_config('app.audit_seal', '3', true) |"
            " UPDATE audit_auditseal SET forgotten_at = now() WHERE number = 3"
        ),
        "SELECT set_config('app.audit_seal', '3', true) | TRUNCATE audit_auditevent",
    ],
)
def test_no_role_changes_lines_or_seals(sealed, role, sql):
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in ("audit_auditevent", "audit_auditseal"):
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER append_only_whole")

    with pytest.raises(DatabaseError, match=r"append-only|permission denied"):
        run_as(role, sql)

    assert verified().findings == []


@pytest.mark.parametrize("role", [tenancy.WEB, tenancy.WORKER, tenancy.STAFF])
@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE audit_auditevent DISABLE TRIGGER append_only",
        "ALTER TABLE audit_auditevent NO FORCE ROW LEVEL SECURITY",
        "DROP TRIGGER append_only_line ON audit_auditevent",
        (
            "CREATE OR REPLACE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql"
            " AS $$ BEGIN RETURN NULL; END $$"
        ),
        "SET session_replication_role = replica",
        "CREATE RULE quiet AS ON DELETE TO audit_auditevent DO INSTEAD NOTHING",
        (
            "CREATE VIEW public.lines AS SELECT * FROM audit_auditevent |"
            " UPDATE public.lines SET reason = 'x'"
        ),
        (
            "CREATE TEMP VIEW lines AS SELECT id, reason FROM audit_auditevent |"
            " UPDATE lines SET reason = 'x'"
        ),
        (
            "INSERT INTO audit_auditevent (id, at, action, staff_role, object_kind, object_id,"
            " reason, request_id, detail) VALUES (1, now(), 'login', '', '', '', '', '', '{}')"
        ),
        (
            "INSERT INTO audit_auditevent (xact, at, action, staff_role, object_kind, object_id,"
            " reason, request_id, detail) VALUES ('3', now(), 'login', '', '', '', '', '', '{}')"
        ),
        (
            "INSERT INTO audit_auditevent (at, action, staff_role, object_kind, object_id,"
            " reason, request_id, detail) VALUES (now(), 'login', '', '', '', '', '', '{}')"
            " ON CONFLICT (id) DO UPDATE SET reason = 'x'"
        ),
        "COPY audit_auditevent FROM '/dev/null'",
        "MERGE INTO audit_auditevent AS e USING (SELECT 1) AS s ON true WHEN MATCHED THEN DELETE",
        "SELECT 1 FROM audit_auditevent FOR UPDATE",
    ],
)
def test_no_role_of_the_application_steps_around_the_wall(sealed, role, sql):
    with pytest.raises(DatabaseError, match=r"append-only|permission denied|must be owner"):
        run_as(role, sql)

    assert verified().findings == []


@pytest.mark.parametrize("role", [tenancy.WEB, tenancy.STAFF])
@pytest.mark.parametrize("name", ["audit_forget", "audit_cut_addresses"])
def test_only_workers_may_let_old_lines_go(sealed, role, name):
    with pytest.raises(DatabaseError, match="permission denied"):
        run_as(role, f"SELECT {name}(400)")


def test_a_seal_with_another_time_than_now_is_refused(cast):
    write_lines(cast.ana.pk)

    with pytest.raises(DatabaseError, match="the time at which it is made"), transaction.atomic():
        seal_lines(now=timezone.now() - timedelta(days=200))


def test_workers_seal_and_the_web_process_reads_no_seal(cast):
    write_lines(cast.ana.pk)
    with tenancy.scope(role=tenancy.WORKER):
        assert seal_lines(now=timezone.now()).lines == 1

    with pytest.raises(DatabaseError, match="permission denied"):
        run_as(tenancy.WEB, "SELECT * FROM audit_auditseal")
    with pytest.raises(DatabaseError, match="permission denied"):
        run_as(tenancy.STAFF, "SELECT nonce FROM audit_auditseal")


def run_as(role: str, sql: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('role', %s, true)", [role])
        for one in sql.split(" |"):
            cursor.execute(one)


# --- late transactions ----------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_line_that_commits_late_is_neither_lost_nor_sealed_out_of_order():
    written, go_on = threading.Event(), threading.Event()

    def write_slowly() -> None:
        try:
            with transaction.atomic():
                record(Action.LOGIN, actor=Actor(), now=timezone.now())
                written.set()
                go_on.wait(10)
        finally:
            connection.close()

    slow = threading.Thread(target=write_slowly)
    slow.start()
    assert written.wait(10)
    record(Action.LOGOUT, actor=Actor(), now=timezone.now())  # waits for nobody
    assert AuditEvent.objects.count() == 1

    assert seal_lines(now=timezone.now()).lines == 0
    go_on.set()
    slow.join()
    # Other tests' transactions on this server may be older than these and still run.
    as_owner("UPDATE audit_auditevent SET xact = '3'::xid8")
    done = seal_lines(now=timezone.now())

    assert (done.seals, done.lines) == (1, 2)
    assert list(read_ids(AuditSeal.objects.get().ids)) == list(
        AuditEvent.objects.order_by("pk").values_list("pk", flat=True)
    )
    assert verified().findings == []


@pytest.mark.django_db(transaction=True)
def test_a_line_that_is_rolled_back_leaves_no_hole_to_wonder_about():
    record(Action.LOGIN, actor=Actor(), now=timezone.now())
    with transaction.atomic():
        record(Action.LOGIN, actor=Actor(), now=timezone.now())
        transaction.set_rollback(True)
    record(Action.LOGOUT, actor=Actor(), now=timezone.now())
    # Other tests' transactions on this server may be older than these and still run.
    as_owner("UPDATE audit_auditevent SET xact = '3'::xid8")

    seal_lines(now=timezone.now())

    first, last = AuditEvent.objects.order_by("pk").values_list("pk", flat=True)
    assert AuditSeal.objects.get().ids == f"{{[{first},{first + 1}),[{last},{last + 1})}}"
    assert last == first + 2
    assert verified().findings == []


# --- kept outside -----------------------------------------------------------------------------


def test_the_newest_hash_is_logged_and_mailed_once_a_day(sealed, settings, caplog):
    settings.PORTAL_AUDIT_ANCHOR_EMAIL = "auditor@example.org"
    head = AuditSeal.objects.get(number=3).hash
    caplog.set_level(logging.INFO)

    tasks.anchor()
    tasks.anchor()

    assert [getattr(each, "audit_hash", None) for each in caplog.records] == [head]
    (sent,) = mail.outbox
    assert sent.to == ["auditor@example.org"]
    assert f"manage.py verify_audit --expect {head}" in sent.body
    assert AuditAnchor.objects.get().hash == head


def test_without_an_address_nothing_is_mailed(sealed):
    tasks.anchor()

    assert mail.outbox == []
    assert AuditAnchor.objects.get().mailed_at is None


def test_figures_tell_how_long_the_oldest_line_waits(cast, sealed):
    assert sealing.seal_figures(now=timezone.now()).waits == timedelta(0)
    at = timezone.now() - timedelta(minutes=7)
    write_lines(cast.ana.pk, at=at)

    figures = sealing.seal_figures(now=at + timedelta(minutes=7))

    assert (figures.number, figures.waits) == (3, timedelta(minutes=7))
