"""Sealing the record: workers hash what was written and chain the hashes. No request waits.

A line is sealed once the transaction that wrote it has certainly ended, and so have all older
ones: the order of sealing is the order of transactions, and nothing can come in between later.
See decision 23.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import IntegrityError, connection, transaction

from b2b_orders.audit import canonical
from b2b_orders.audit.models import AuditAnchor, AuditSeal
from b2b_orders.common.mail import MailFailed, send_mail

BATCH: Final = 1000
# Lines that waited longer than this are a sign that nobody seals.
LATE: Final = timedelta(minutes=5)
_LOCK: Final = 7010  # of our advisory locks: "the record is being sealed"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

# A line that a seal covers already; of new lines there is none with such an id.
UNCOVERED: Final = """NOT EXISTS (
    SELECT 1 FROM audit_auditseal AS s
    WHERE s.last_id >= e.id AND s.first_id <= e.id AND e.id <@ s.ids::int8multirange)"""
_ENDED: Final = "e.xact < pg_snapshot_xmin(pg_current_snapshot())"
_XACT: Final = "e.xact::text::bigint"
_NEXT: Final = f"""
    SELECT {_XACT}, {canonical.COLUMNS} FROM audit_auditevent AS e
    WHERE (e.xact, e.id) > (%(xact)s::text::xid8, %(id)s::bigint) AND {_ENDED} AND {UNCOVERED}
    ORDER BY e.xact, e.id LIMIT %(most)s
"""  # noqa: S608 only our own words
# Wherever they are: with one look at the whole record.
_STRAYS: Final = f"""
    WITH covered AS MATERIALIZED (
        SELECT coalesce(range_agg(ids::int8multirange), '{{}}'::int8multirange) AS ids
        FROM audit_auditseal)
    SELECT {_XACT}, {canonical.COLUMNS} FROM audit_auditevent AS e, covered
    WHERE NOT e.id <@ covered.ids
      AND ({_ENDED} OR e.xact > pg_snapshot_xmax(pg_current_snapshot()))
    ORDER BY e.id LIMIT %(most)s
"""  # noqa: S608 only our own words


@dataclass(frozen=True, slots=True)
class Sealed:
    """What a turn of sealing did, and the newest seal after it."""

    seals: int
    lines: int
    head: str
    number: int


@dataclass(frozen=True, slots=True)
class SealFigures:
    """How sealing does: when the newest seal was made, and how long the oldest line waits."""

    number: int
    sealed_at: datetime | None
    waits: timedelta


def microseconds(moment: datetime) -> int:
    """Write a moment as it is hashed."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def seal_lines(*, now: datetime, seconds: float = 20.0, strays: bool = False) -> Sealed:
    """Seal what was written by transactions that have ended, for some seconds.

    With `strays`, look for lines through the whole record: after a database was brought back
    from a dump, its transactions count from elsewhere.
    """
    until = time.monotonic() + seconds
    seals = lines = 0
    while time.monotonic() < until:
        count = _seal_batch(now, strays=strays)
        if not count:
            break
        seals, lines = seals + 1, lines + count
    last = AuditSeal.objects.order_by("-number").values_list("hash", "number").first()
    head, number = last or (canonical.NOTHING, 0)
    return Sealed(seals, lines, head, number)


@transaction.atomic
def _seal_batch(now: datetime, *, strays: bool) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        if not cursor.fetchone()[0]:
            return 0
        seals = AuditSeal.objects.order_by("-number")
        last = seals.only("number", "hash", "after_xact", "after_id").first()
        rows = _rows(cursor, last, strays=strays)
        if not rows:
            return 0
        after = (rows[-1][0], rows[-1][1])
        if strays and last is not None:
            # Where the usual turn goes on: behind whatever is sealed of these transactions.
            cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
            after = (min(last.after_xact, cursor.fetchone()[0]), 0)
    _write(last, rows, after, now)
    return len(rows)


def _rows(cursor: Any, last: AuditSeal | None, *, strays: bool) -> list[Sequence[Any]]:
    if strays:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute(_STRAYS, {"most": BATCH})
    else:
        xact, pk = (last.after_xact, last.after_id) if last else (0, 0)
        cursor.execute(_NEXT, {"xact": str(xact), "id": pk, "most": BATCH})
    found: list[Sequence[Any]] = cursor.fetchall()
    return found


def _write(
    last: AuditSeal | None, rows: Sequence[Sequence[Any]], after: tuple[int, int], now: datetime
) -> None:
    lines = sorted((canonical.line_of(row[1:]) for row in rows), key=lambda line: line.id)
    nonce = secrets.token_bytes(32)
    batch = canonical.Batch(nonce)
    for line in lines:
        batch.add(line)
    number, previous = (last.number + 1, last.hash) if last else (1, canonical.NOTHING)
    ids = canonical.write_ids(line.id for line in lines)
    AuditSeal.objects.create(
        number=number,
        sealed_at=now,
        ids=ids,
        first_id=lines[0].id,
        last_id=lines[-1].id,
        count=len(lines),
        after_xact=after[0],
        after_id=after[1],
        marks=bytes(batch.marks),
        nonce=nonce,
        lines_hash=batch.lines_hash,
        addresses_hash=batch.addresses_hash,
        previous=previous,
        hash=canonical.seal_hash(
            number=number,
            sealed_at=microseconds(now),
            previous=previous,
            ids=ids,
            count=len(lines),
            lines_hash=batch.lines_hash,
            addresses_hash=batch.addresses_hash,
        ),
    )


def needs_strays() -> bool:
    """Say whether transactions count from elsewhere than when the newest seal was made."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT after_xact > pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
            " FROM audit_auditseal ORDER BY number DESC LIMIT 1"
        )
        row = cursor.fetchone()
    return bool(row and row[0])


def seal_figures(*, now: datetime) -> SealFigures:
    """Measure how sealing does, in the caller's scope. Two statements."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT number, sealed_at, after_xact::text, after_id FROM audit_auditseal"
            " ORDER BY number DESC LIMIT 1"
        )
        number, sealed_at, xact, pk = cursor.fetchone() or (0, None, "0", 0)
        cursor.execute(
            "SELECT at FROM audit_auditevent WHERE (xact, id) > (%s::text::xid8, %s::bigint)"
            " ORDER BY xact, id LIMIT 1",
            [xact, pk],
        )
        row = cursor.fetchone()
    waits = max(now - row[0], timedelta(0)) if row else timedelta(0)
    return SealFigures(number, sealed_at, waits)


# --- kept outside -----------------------------------------------------------------------------


def note_anchor(*, now: datetime) -> AuditAnchor | None:
    """Note the newest seal once a day; None when it is noted already or there is none."""
    last = AuditSeal.objects.order_by("-number").values_list("number", "hash").first()
    day: date = now.astimezone(UTC).date()
    if last is None or AuditAnchor.objects.filter(day=day).exists():
        return None
    try:
        with transaction.atomic():
            return AuditAnchor.objects.create(day=day, number=last[0], hash=last[1], noted_at=now)
    except IntegrityError:
        # Another worker was faster.
        return None


def mail_anchors(*, now: datetime) -> int:
    """Mail what was noted of the last days and is not mailed yet; say how many went out."""
    address: str = settings.PORTAL_AUDIT_ANCHOR_EMAIL
    if not address:
        return 0
    waiting = AuditAnchor.objects.filter(
        mailed_at=None, day__gte=(now - timedelta(days=7)).date()
    ).order_by("day")
    sent = 0
    for anchor in waiting:
        # Taken before it is sent: two workers send no two mails.
        mine = AuditAnchor.objects.filter(pk=anchor.pk, mailed_at=None).update(mailed_at=now)
        if not mine:
            continue
        try:
            send_mail(
                to=address,
                subject=f"audit {anchor.day} {anchor.number} {anchor.hash[:16]}",
                template="audit_anchor",
                context={"anchor": anchor},
                language="",
            )
        except MailFailed:
            AuditAnchor.objects.filter(pk=anchor.pk).update(mailed_at=None)
            raise
        sent += 1
    return sent
