"""Operations' lists of orders: whose they are, what statuses mean, what differs or was decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from b2b_orders.ingest.operations import Suggestion
from b2b_orders.orders.match import RecordKey
from b2b_orders.orders.operations import (
    COUNT_LIMIT,
    DecisionRow,
    DivergentOrder,
    StatusRuleRow,
    Unassigned,
    UnmappedRow,
)
from b2b_orders.portal import formats, words
from b2b_orders.portal import words_operations as operations
from b2b_orders.portal.presenters.operations import ConnectionName, Moment, connection_name, moment
from b2b_orders.portal.words import Text, Word


@dataclass(frozen=True, slots=True)
class Choice:
    """An option of a list to choose from."""

    value: str
    text: str


@dataclass(frozen=True, slots=True)
class Axis:
    """One of our three axes, with what a status can mean on it."""

    name: str
    label: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class UnmappedItem:
    """A word for a status that nobody knows."""

    form: str
    connection: ConnectionName
    raw: str
    example: str
    first: Moment
    last: Moment


@dataclass(frozen=True, slots=True)
class RuleItem:
    """What a word means by a rule of operations."""

    connection: ConnectionName
    raw: str
    meanings: tuple[words.Chip, ...]
    by: str
    at: Moment


@dataclass(frozen=True, slots=True)
class UnassignedItem:
    """Orders of one tax id that fit no company, and to which they may belong."""

    form: str
    tax_id: str
    tax_id_words: str
    name: str
    count: str
    titles: tuple[str, ...]
    since: Moment
    suggestions: tuple[Suggestion, ...]
    # Of the page on which a company is made of it.
    new_query: str


@dataclass(frozen=True, slots=True)
class DivergenceItem:
    """A field on which the sources of an order disagree."""

    title: str
    company: str
    field: str
    since: Moment


@dataclass(frozen=True, slots=True)
class DecisionItem:
    """A join or a split by hand; `form` is empty for one that was undone."""

    id: int
    form: str
    what: str
    company: str
    records: tuple[str, ...]
    by: str
    reason: str
    at: Moment
    undone: str


def axes() -> tuple[Axis, ...]:
    """List what a status can mean."""
    tables: tuple[tuple[str, str, Mapping[str, Word]], ...] = (
        ("fulfilment", _("Goods"), words.FULFILMENT),
        ("billing", _("Invoicing"), words.BILLING),
        ("payment", _("Payment"), words.PAYMENT),
    )
    return tuple(
        Axis(name, label, tuple(Choice(code, str(word.text)) for code, word in table.items()))
        for name, label, table in tables
    )


def unmapped_items(
    rows: Iterable[UnmappedRow], labels: Mapping[str, str], *, now: datetime
) -> tuple[UnmappedItem, ...]:
    """Present the words that nobody knows."""
    return tuple(
        UnmappedItem(
            form=f"status-{at}",
            connection=connection_name(row.connection, labels),
            raw=row.raw,
            example=row.external_id,
            first=moment(row.first_at, now),
            last=moment(row.last_at, now),
        )
        for at, row in enumerate(rows)
    )


def rule_items(
    rows: Iterable[StatusRuleRow], labels: Mapping[str, str], *, now: datetime
) -> tuple[RuleItem, ...]:
    """Present operations' rules."""
    return tuple(
        RuleItem(
            connection=connection_name(row.connection, labels),
            raw=row.raw,
            meanings=tuple(
                words.chip(table, code)
                for table, code in (
                    (words.FULFILMENT, row.fulfilment),
                    (words.BILLING, row.billing),
                    (words.PAYMENT, row.payment),
                )
                if code
            ),
            by=row.person_name,
            at=moment(row.changed_at, now),
        )
        for row in rows
    )


def unassigned_items(
    rows: Iterable[Unassigned], suggestions: Mapping[str, tuple[Suggestion, ...]], *, now: datetime
) -> tuple[UnassignedItem, ...]:
    """Present the orders that fit no company, by tax id."""
    return tuple(
        UnassignedItem(
            form=f"company-{at}",
            tax_id=row.tax_id,
            tax_id_words=formats.tax_id(row.tax_id) if row.tax_id else _("without a tax id"),
            name=row.name,
            count=formats.count(row.count)
            if row.is_counted
            else formats.bounded(COUNT_LIMIT + 1, COUNT_LIMIT),
            titles=row.titles,
            since=moment(row.since, now),
            suggestions=suggestions.get(row.tax_id, ()),
            new_query=urlencode({"nome": row.name, "cnpj": row.tax_id}),
        )
        for at, row in enumerate(rows)
    )


def divergence_items(
    rows: Iterable[DivergentOrder], *, now: datetime
) -> tuple[DivergenceItem, ...]:
    """Present on what sources disagree; whose order it is, but not the values."""
    return tuple(
        DivergenceItem(
            title=row.title,
            company=row.company_name or _("no company"),
            field=words.text(_FIELD, row.field),
            since=moment(row.since, now),
        )
        for row in rows
    )


_FIELD: dict[str, Text] = words.FIELD | operations.FIELD


def decision_items(
    rows: Iterable[DecisionRow], labels: Mapping[str, str], *, now: datetime
) -> tuple[DecisionItem, ...]:
    """Present joins and splits by hand."""
    return tuple(
        DecisionItem(
            id=row.id,
            form="" if row.undone_at else f"decision-{row.id}",
            what=words.text(operations.DECISION, row.kind),
            company=row.company_name,
            records=tuple(_named(key, labels) for key in (row.record, *row.others)),
            by=row.person_name,
            reason=row.reason,
            at=moment(row.at, now),
            undone=_undone(row, now),
        )
        for row in rows
    )


def _undone(row: DecisionRow, now: datetime) -> str:
    if row.undone_at is None:
        return ""
    return _("Undone at %(time)s by %(person)s") % {
        "time": formats.moment(row.undone_at, now),
        "person": row.undone_by_name or "?",
    }


def _named(key: RecordKey, labels: Mapping[str, str]) -> str:
    return f"{connection_name(key.connection, labels).whole}: {key.external_id}"
