"""For which days an order was promised: kept when a source promises another day.

Nothing is kept while a source holds on to its first day: the record itself says it. From the
first change on each day stands with the moment when it was first read. Readings may come late,
twice or in any order: the same days stand in the same order, and the last is the one that
holds. (Of a day that was confirmed before a late reading contradicts it, only the confirmation
is known.) What was kept hangs on the record's name and company; a record that moves to another
company leaves it behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection
from django.db.models import Q

from b2b_orders.common.visibility import visible_sql
from b2b_orders.companies.access import Viewer
from b2b_orders.orders.models import PromisedDate
from b2b_orders.orders.readings import Known, Part
from erp_bridge.records import Detail, System

Name = tuple[str, str]
# What was read when: a day, or none.
_Seen = dict[datetime, date | None]


class Promises:
    """What the readings of one batch promise that is not what was known."""

    def __init__(self) -> None:
        self._seen: dict[Name, _Seen] = {}

    def note(self, name: Name, before: Known, detail: Detail, part: Part) -> None:
        """Note what a reading promises, before it is taken over."""
        promised, known = _day_of(part), before.full or before.summary
        if known is None or (detail is Detail.SUMMARY and (before.full or promised is None)):
            # The first day stands in the record; a list's row leaves it out, or does not rule it.
            return
        is_newer = part.rank > known.rank
        if is_newer == (part.read_at <= known.read_at):
            # Read later and yet older by the source's own stamp: it was never true.
            return
        if is_newer and promised == _day_of(known):
            return
        seen = self._seen.setdefault(name, {})
        seen.setdefault(known.read_at, _day_of(known))
        seen[part.read_at] = promised

    def keep(self, companies: Mapping[Name, int | None]) -> None:
        """Write what changed, each record's for the company that has it now."""
        owners = {name: company for name in self._seen if (company := companies.get(name))}
        if not owners:
            return
        stored = _stored(owners)
        gone: list[int] = []
        new: list[PromisedDate] = []
        for name, owner in owners.items():
            seen = self._seen[name]
            rows = stored.get(name, {})
            days = _runs({at: row.promised_on for at, row in rows.items()} | seen)
            if len(days) < 2 and not rows:
                continue
            gone += [
                row.pk for at, row in rows.items() if at not in days or days[at] != row.promised_on
            ]
            new += [
                PromisedDate(
                    company_id=owner,
                    connection=name[0],
                    external_id=name[1],
                    promised_on=promised,
                    first_seen_at=at,
                )
                for at, promised in days.items()
                if at not in rows or rows[at].promised_on != promised
            ]
        if gone:
            PromisedDate.objects.filter(pk__in=gone).delete()
        if new:
            PromisedDate.objects.bulk_create(new)


def _day_of(part: Part) -> date | None:
    written = part.facts.get("promised_on")
    return date.fromisoformat(written) if written else None


def _runs(seen: _Seen) -> _Seen:
    """Keep the first moment of each day that follows another one; begin with a day."""
    days: _Seen = {}
    last: date | None = None
    for at in sorted(seen):
        if seen[at] != last:
            days[at] = last = seen[at]
    return days


def _stored(companies: Mapping[Name, int]) -> dict[Name, dict[datetime, PromisedDate]]:
    by_connection: dict[str, list[str]] = {}
    for connection_name, external_id in companies:
        by_connection.setdefault(connection_name, []).append(external_id)
    wanted = Q()
    for connection_name, external_ids in by_connection.items():
        wanted |= Q(connection=connection_name, external_id__in=external_ids)
    found: dict[Name, dict[datetime, PromisedDate]] = {}
    for row in PromisedDate.objects.filter(wanted):
        name = (row.connection, row.external_id)
        if companies[name] == row.company_id:
            found.setdefault(name, {})[row.first_seen_at] = row
    return found


# --- what a page shows ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Promise:
    """A day for which an order was promised, since when, and by which source; None: no day."""

    promised_on: date | None
    since: datetime
    connection: str


@dataclass(frozen=True, slots=True)
class _Source:
    """One record's promises, in the order in which records are asked."""

    connection: str
    seen: _Seen


def promises_of(*, viewer: Viewer, order_id: int) -> tuple[Promise, ...]:
    """List the days for which an order was promised, the first one first. One SQL statement.

    The ERP's day counts from when it states one, as when records are merged.
    """
    visible, params = visible_sql(viewer, "o")
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT r.connection, r.system, r.first_seen_at, r.facts->>'promised_on',
                (SELECT json_agg(json_build_array(p.first_seen_at, p.promised_on))
                 FROM orders_promiseddate p WHERE p.company_id = o.company_id
                    AND p.connection = r.connection AND p.external_id = r.external_id)
            FROM orders_sourcerecord r JOIN orders_order o ON o.id = r.order_id
            WHERE {visible} AND r.company_id = o.company_id AND o.id = %(order)s
            ORDER BY r.system <> 'erp', r.connection, r.external_id""",  # noqa: S608 placeholders only
            {**params, "order": order_id},
        )
        rows = cursor.fetchall()
    return shown([_source(*row) for row in rows])


def _source(
    name: str, _system: System, first_seen_at: datetime, now: str | None, kept: list[list[str]]
) -> _Source:
    if not kept:
        return _Source(name, {first_seen_at: date.fromisoformat(now) if now else None})
    seen = {
        datetime.fromisoformat(at): date.fromisoformat(day) if day else None for at, day in kept
    }
    first = min(seen)
    if first_seen_at < first:
        # Since when the first day was known is older than its last reading.
        seen[first_seen_at] = seen.pop(first)
    return _Source(name, seen)


def shown(sources: Sequence[_Source]) -> tuple[Promise, ...]:
    """Say which day held when, of several sources' days; the first source that states one rules."""
    found: list[Promise] = []
    for moment in sorted({at for source in sources for at in source.seen}):
        ruling = _ruling(sources, moment)
        last = found[-1].promised_on if found else None
        if ruling and ruling[1] != last:
            found.append(Promise(ruling[1], moment, ruling[0]))
        elif ruling is None and found and last is not None:
            found.append(Promise(None, moment, found[-1].connection))
    return tuple(found)


def _ruling(sources: Iterable[_Source], moment: datetime) -> tuple[str, date] | None:
    for source in sources:
        known = [at for at in source.seen if at <= moment]
        day = source.seen[max(known)] if known else None
        if day is not None:
            return source.connection, day
    return None
