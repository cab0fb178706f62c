"""Whether the record still says what was sealed: everything is hashed again, in a stream."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from django.db import connection, transaction

from b2b_orders.audit import canonical
from b2b_orders.audit.alarms import Alarm, raise_alarm
from b2b_orders.audit.models import AuditSeal
from b2b_orders.audit.sealing import LATE, microseconds

# The law's least, and the database's: nothing is let go sooner. See migration 0007.
FLOOR: Final = timedelta(days=183)
# A line may be written by a request or a task that began so long before it.
_TOLERANCE: Final = timedelta(hours=1)
_PAGE: Final = 20
# So many lines that no seal covers are named; the rest is counted.
_NAMED: Final = 20
_LINES: Final = f"""
    SELECT {canonical.COLUMNS}
    FROM audit_auditevent AS e
    WHERE e.id >= %(first)s AND e.id <= %(last)s AND e.id <@ %(ids)s::text::int8multirange
    ORDER BY e.id
"""  # noqa: S608 only our own words
_COVERED: Final = """
    WITH covered AS MATERIALIZED (
        SELECT coalesce(range_agg(ids::int8multirange), '{}'::int8multirange) AS ids
        FROM audit_auditseal)
"""
_COUNT: Final = (
    f"{_COVERED} SELECT count(*) FROM audit_auditevent AS e, covered"  # noqa: S608 only our own words
    " WHERE NOT e.id <@ covered.ids"
)
_UNCOVERED: Final = f"""
    {_COVERED}
    SELECT e.id FROM audit_auditevent AS e, covered
    WHERE NOT e.id <@ covered.ids AND (e.id <= %(settled)s OR e.at < %(late)s::text::timestamptz)
    ORDER BY e.id LIMIT %(most)s
"""  # noqa: S608 only our own words


class Fault(StrEnum):
    """What can be wrong."""

    LINE_CHANGED = "line-changed"
    LINE_MISSING = "line-missing"
    LINE_ADDED = "line-added"
    LINE_BACKDATED = "line-backdated"
    LINE_UNSEALED = "line-unsealed"
    SEAL_MISSING = "seal-missing"
    SEAL_CHANGED = "seal-changed"
    SEAL_BROKEN = "seal-broken"
    FORGOTTEN_EARLY = "forgotten-early"
    NOT_EXPECTED = "not-expected"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was sealed: which line or seal, in which seal."""

    fault: Fault
    seal: int = 0
    line: int = 0
    text: str = ""


@dataclass(slots=True)
class Report:
    """What was looked at and what came of it."""

    seals: int = 0
    lines: int = 0
    forgotten_seals: int = 0
    forgotten_lines: int = 0
    head: str = canonical.NOTHING
    number: int = 0
    unsealed: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_late_only(self) -> bool:
        """Say whether nothing is wrong but that nobody seals."""
        return all(each.fault is Fault.LINE_UNSEALED for each in self.findings)


def verify_record(
    *, now: datetime, since: datetime | None = None, expect: str = ""
) -> Iterator[Report]:
    """Look at seal after seal; yield the report as it grows, the last time whole.

    `expect` is the hash of a seal that was noted elsewhere: it must still be in the chain.
    With `since`, the seal before that moment is believed and all later ones are looked at.
    """
    report = Report()
    before = _seal_before(since)
    is_met = bool(expect) and before is not None and before.hash == expect
    for seal in _seals(before):
        is_met = is_met or seal.hash == expect
        _look_at(seal, before, report)
        before = seal
        yield report
    if before is not None:
        report.head, report.number = before.hash, before.number
    if expect and not is_met:
        text = "no seal has the hash that was expected: the end was cut off, or written anew"
        report.findings.append(Finding(Fault.NOT_EXPECTED, text=text))
    _look_for_uncovered(now, report)
    yield report


def tell_of(report: Report, *, now: datetime) -> None:
    """Raise the alarm when a whole report says that the record is not what was sealed.

    Lines that only wait for their seal are no alarm: the page of operations says so.
    """
    wrong = [each for each in report.findings if each.fault is not Fault.LINE_UNSEALED]
    if not wrong:
        return
    first = wrong[0]
    raise_alarm(
        Alarm.CHAIN_BROKEN,
        object_kind="audit-seal" if first.seal else "audit-line",
        object_id=str(first.seal or first.line or ""),
        detail={"faults": dict(Counter(each.fault.value for each in wrong))},
        now=now,
    )


def _seal_before(since: datetime | None) -> AuditSeal | None:
    if since is None:
        return None
    return AuditSeal.objects.filter(sealed_at__lt=since).order_by("-number").first()


def _seals(before: AuditSeal | None) -> Iterator[AuditSeal]:
    number = before.number if before else 0
    while page := list(AuditSeal.objects.filter(number__gt=number).order_by("number")[:_PAGE]):
        yield from page
        number = page[-1].number


def _look_at(seal: AuditSeal, before: AuditSeal | None, report: Report) -> None:
    report.seals += 1
    expected, previous = (before.number + 1, before.hash) if before else (1, canonical.NOTHING)
    found = report.findings
    if seal.number != expected:
        found.append(Finding(Fault.SEAL_MISSING, seal=expected, text=f"before {seal.number}"))
    elif seal.previous != previous:
        found.append(Finding(Fault.SEAL_BROKEN, seal=seal.number, text="follows another seal"))
    if seal.hash != _hash_of(seal):
        found.append(Finding(Fault.SEAL_CHANGED, seal=seal.number))
    for let_go in (seal.forgotten_at, seal.addresses_cut_at):
        if let_go is not None and let_go - seal.sealed_at < FLOOR:
            found.append(Finding(Fault.FORGOTTEN_EARLY, seal=seal.number))
            break
    if seal.forgotten_at is not None:
        _look_at_forgotten(seal, report)
    else:
        _look_at_lines(seal, before, report)


def _hash_of(seal: AuditSeal) -> str:
    return canonical.seal_hash(
        number=seal.number,
        sealed_at=microseconds(seal.sealed_at),
        previous=seal.previous,
        ids=seal.ids,
        count=seal.count,
        lines_hash=seal.lines_hash,
        addresses_hash=seal.addresses_hash,
    )


def _look_at_forgotten(seal: AuditSeal, report: Report) -> None:
    report.forgotten_seals += 1
    report.forgotten_lines += seal.count
    for row in _rows(seal):
        text = "its seal's lines are said to be gone"
        report.findings.append(Finding(Fault.LINE_ADDED, seal.number, int(row[0]), text))


def _look_at_lines(seal: AuditSeal, before: AuditSeal | None, report: Report) -> None:
    nonce, marks = bytes(seal.nonce), bytes(seal.marks)
    batch, lines = canonical.Batch(nonce), {}
    for row in _rows(seal):
        line = canonical.line_of(row)
        batch.add(line)
        lines[line.id] = line
    report.lines += len(lines)
    earliest = microseconds(before.sealed_at - _TOLERANCE) if before else None
    wrong = len(report.findings)
    for position, pk in enumerate(canonical.read_ids(seal.ids)):
        mark = marks[position * canonical.MARK : (position + 1) * canonical.MARK]
        known = lines.get(pk)
        if known is None:
            report.findings.append(Finding(Fault.LINE_MISSING, seal.number, pk))
        elif not canonical.is_marked(known, mark, nonce):
            report.findings.append(Finding(Fault.LINE_CHANGED, seal.number, pk))
        elif earliest is not None and known.at < earliest:
            text = "it says an earlier time than the seal before it"
            report.findings.append(Finding(Fault.LINE_BACKDATED, seal.number, pk, text))
    # Marks are parts of hashes, for naming a line; the whole hashes decide.
    right = batch.lines_hash == seal.lines_hash
    if seal.addresses_cut_at is None:
        right = right and batch.addresses_hash == seal.addresses_hash
    if not right and len(report.findings) == wrong:
        report.findings.append(Finding(Fault.SEAL_CHANGED, seal.number, text="its lines or marks"))


def _rows(seal: AuditSeal) -> list[Sequence[Any]]:
    with connection.cursor() as cursor:
        bounds = {"first": seal.first_id, "last": seal.last_id}
        cursor.execute(_LINES, {"ids": seal.ids, **bounds})
        found: list[Sequence[Any]] = cursor.fetchall()
    return found


def _look_for_uncovered(now: datetime, report: Report) -> None:
    """Name lines that no seal covers though their neighbours are sealed, or that wait long."""
    settled = (
        AuditSeal.objects.filter(sealed_at__lt=now - _TOLERANCE)
        .order_by("-last_id")
        .values_list("last_id", flat=True)
        .first()
    ) or 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute(_COUNT)
        report.unsealed = cursor.fetchone()[0]
        late = (now - LATE).isoformat()
        cursor.execute(_UNCOVERED, {"settled": settled, "late": late, "most": _NAMED})
        for (pk,) in cursor.fetchall():
            if pk <= settled:
                text = "no seal covers it, though later lines are sealed"
                report.findings.append(Finding(Fault.LINE_ADDED, line=pk, text=text))
            else:
                report.findings.append(Finding(Fault.LINE_UNSEALED, line=pk))
