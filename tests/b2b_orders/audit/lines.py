"""Lines of the record that tests write, and what somebody with the owner's password could do."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from b2b_orders.audit.models import Action, AuditEvent
from b2b_orders.audit.sealing import seal_lines
from b2b_orders.audit.services import record
from b2b_orders.audit.verifying import Report, verify_record
from b2b_orders.companies.access import Actor

TABLES = ("audit_auditevent", "audit_auditseal")


def write_lines(*people: int, at: datetime | None = None, **fields: object) -> list[int]:
    """Write a line of each person, as if its transaction had ended before the test's began."""
    for person_id in people:
        record(
            Action.ORDER_VIEWED,
            actor=Actor(person_id, address="10.0.0.1", request_id="a" * 16),
            object_kind="order",
            object_id="x",
            now=at or timezone.now(),
            **fields,  # type: ignore[arg-type] # the function's own names
        )
    as_owner(
        "UPDATE audit_auditevent SET xact = '3'::xid8 WHERE xact = pg_current_xact_id_if_assigned()"
    )
    return list(AuditEvent.objects.order_by("pk").values_list("pk", flat=True))


def as_owner(sql: str, *params: object) -> None:
    """Do what only whoever may switch triggers off can do."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(sql, params)
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER append_only_whole")


def seal_days_ago(days: int) -> datetime:
    """Seal what there is as it was sealed so many days ago."""
    moment = timezone.now() - timedelta(days=days)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE audit_auditseal DISABLE TRIGGER append_only_line")
    seal_lines(now=moment)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditseal ENABLE TRIGGER append_only_line")
    return moment


def verified(**options: object) -> Report:
    """Verify the record to its end."""
    *_, report = verify_record(now=timezone.now(), **options)  # type: ignore[arg-type] # the function's own names
    return report


def faults(report: Report) -> list[tuple[str, int, int]]:
    """Say what was found: the fault, the seal and the line."""
    return [(each.fault.value, each.seal, each.line) for each in report.findings]
