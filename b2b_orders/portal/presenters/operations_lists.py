"""The lists that wait for a person of operations: parked items, for now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from b2b_orders.ingest.operations import ParkedGroup, ParkedRow
from b2b_orders.portal import formats, words
from b2b_orders.portal import words_operations as operations
from b2b_orders.portal.presenters.operations import ConnectionName, Moment, connection_name, moment


@dataclass(frozen=True, slots=True)
class ParkedItem:
    """Something that could not be used; `form` tells its forms from those of other rows."""

    id: int
    form: str
    connection: ConnectionName
    number: str
    reason: str
    message: str
    attempts: str
    first: Moment
    last: Moment
    is_waiting: bool


@dataclass(frozen=True, slots=True)
class GroupItem:
    """A connection and reason to look at alone."""

    value: str
    text: str
    is_chosen: bool


def parked_items(
    rows: Iterable[ParkedRow], labels: Mapping[str, str], *, now: datetime
) -> tuple[ParkedItem, ...]:
    """Present what was set aside."""
    return tuple(
        ParkedItem(
            id=row.id,
            form=f"parked-{row.id}",
            connection=connection_name(row.connection, labels),
            number=row.external_id,
            reason=words.text(operations.PARKED_REASON, row.reason),
            message=row.message,
            attempts=formats.count(row.attempts),
            first=moment(row.first_at, now),
            last=moment(row.last_at, now),
            is_waiting=row.is_waiting,
        )
        for row in rows
    )


def connection_choices(
    groups: Iterable[ParkedGroup], labels: Mapping[str, str], chosen: str
) -> tuple[GroupItem, ...]:
    """List the connections that have something parked."""
    counts: dict[str, int] = {}
    for group in groups:
        counts[group.connection] = counts.get(group.connection, 0) + group.count
    if chosen:
        counts.setdefault(chosen, 0)
    return tuple(
        GroupItem(
            name,
            f"{connection_name(name, labels).whole} ({formats.count(count)})",
            name == chosen,
        )
        for name, count in sorted(counts.items())
    )


def reason_choices(
    groups: Iterable[ParkedGroup], connection: str, chosen: str
) -> tuple[GroupItem, ...]:
    """List the reasons for which something is parked, at the chosen connection or at any."""
    counts: dict[str, int] = {}
    for group in groups:
        if connection in {"", group.connection}:
            counts[group.reason] = counts.get(group.reason, 0) + group.count
    if chosen:
        counts.setdefault(chosen, 0)
    return tuple(
        GroupItem(
            code,
            f"{words.text(operations.PARKED_REASON, code)} ({formats.count(count)})",
            code == chosen,
        )
        for code, count in sorted(counts.items())
    )
