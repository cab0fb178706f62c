"""An order taken apart: each source's record side by side, and why the order is what it is.

For support acting for a company, when a customer says that something is wrong. No payload
and no token: what is shown is what merging read.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from b2b_orders.accounts.models import Person
from b2b_orders.common.errors import NotAllowed, NotVisible
from b2b_orders.companies.access import Right, Viewer
from b2b_orders.orders import match
from b2b_orders.orders.match import RecordKey
from b2b_orders.orders.merge import PRECEDENCE
from b2b_orders.orders.models import (
    Decision,
    DecisionKind,
    LearnedLink,
    Order,
    OrderAlias,
    SourceRecord,
)
from b2b_orders.orders.numbers import normalise
from b2b_orders.orders.records_json import from_json
from b2b_orders.orders.rows import NumberRow
from b2b_orders.orders.status_rules import Rules
from erp_bridge.records import (
    Billing,
    Detail,
    Fulfilment,
    InvoiceRecord,
    Money,
    NumberKind,
    OrderRecord,
    Payment,
    System,
)


@dataclass(frozen=True, slots=True)
class TroubleInvoice:
    """An invoice as one source states it; `total` only for who may see prices."""

    number: str
    series: str
    access_key: str
    is_return: bool
    total: Money | None


@dataclass(frozen=True, slots=True)
class TroubleRecord:
    """What one connection last told us, and what that was taken to mean.

    `is_by_rule` when a rule of operations, not the connector, says what the status means.
    """

    key: RecordKey
    system: System
    detail: Detail
    version: datetime | None
    read_at: datetime
    first_seen_at: datetime
    status_raw: str
    fulfilment: Fulfilment
    billing: Billing
    payment: Payment | None
    is_by_rule: bool
    total: Money | None
    numbers: tuple[NumberRow, ...]
    invoices: tuple[TroubleInvoice, ...]


@dataclass(frozen=True, slots=True)
class Tie:
    """Why two records are one order, or are kept apart.

    `kind` is "number", "access-key" or "invoice" (both state `shared`), "learned" (the ERP
    was asked for that web number; `evidence` says what its answer rests on), "join" or
    "split" (a person decided, with the `reason`).
    """

    kind: str
    a: RecordKey
    b: RecordKey
    shared: str = ""
    evidence: str = ""
    reason: str = ""
    person_name: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FieldRule:
    """Whose word is shown for a field, who rules it, and why."""

    field: str
    connection: str
    ruler: str
    reason: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """An order taken apart."""

    order_public_id: uuid.UUID
    title: str
    records: tuple[TroubleRecord, ...]
    ties: tuple[Tie, ...]
    rules: tuple[FieldRule, ...]


def trouble_view(*, viewer: Viewer, order_public_id: uuid.UUID) -> Trouble:
    """Take an order of the company apart, for the seller's staff; follows a joined address.

    Raises `NotVisible` for an order that does not exist or is another company's.
    """
    if not viewer.is_staff:
        raise NotAllowed
    order = _find(viewer, order_public_id)
    rows = list(
        SourceRecord.objects.visible_to(viewer)
        .filter(order=order)
        .defer("payload", "parts")
        .order_by("system", "connection", "external_id")
    )
    rules = Rules.load(row.connection for row in rows)
    return Trouble(
        order_public_id=order.public_id,
        title=order.title,
        records=tuple(_record(row, rules, viewer) for row in rows),
        ties=(*_by_evidence(rows), *_by_hand(viewer, rows)),
        rules=_field_rules(order),
    )


def _find(viewer: Viewer, public_id: uuid.UUID) -> Order:
    orders = Order.objects.visible_to(viewer)
    order = orders.filter(public_id=public_id).first()
    if order is None:
        aliases = OrderAlias.objects.visible_to(viewer).filter(public_id=public_id)
        order = orders.filter(pk__in=aliases.values("order_id")).first()
    if order is None:
        raise NotVisible
    return order


# --- records --------------------------------------------------------------------------------


def _record(row: SourceRecord, rules: Rules, viewer: Viewer) -> TroubleRecord:
    stated = from_json(row.facts)
    record = rules.read(row.connection, stated)
    return TroubleRecord(
        key=RecordKey(row.connection, row.external_id),
        system=System(row.system),
        detail=Detail(row.detail),
        version=row.version,
        read_at=row.read_at,
        first_seen_at=row.first_seen_at,
        status_raw=record.status_raw,
        fulfilment=record.fulfilment,
        billing=record.invoicing,
        payment=record.payment if viewer.can(Right.FINANCE) else None,
        is_by_rule=rules.find(row.connection, record.status_raw) is not None,
        total=_money(viewer, record, record.total),
        numbers=tuple(_numbers(record)),
        invoices=tuple(_invoice(viewer, record, invoice) for invoice in record.invoices),
    )


def _money(viewer: Viewer, record: OrderRecord, amount: object) -> Money | None:
    if amount is None or not viewer.can(Right.PRICES):
        return None
    return Money(amount, record.currency)  # type: ignore[arg-type] # a Decimal, told apart from None


def _numbers(record: OrderRecord) -> Iterable[NumberRow]:
    of_kind = (
        (NumberKind.WEB, record.web_numbers),
        (NumberKind.ERP, record.erp_numbers),
        (NumberKind.CUSTOMER, record.customer_numbers),
    )
    return (NumberRow(kind, number) for kind, numbers in of_kind for number in numbers)


def _invoice(viewer: Viewer, record: OrderRecord, invoice: InvoiceRecord) -> TroubleInvoice:
    return TroubleInvoice(
        number=invoice.number,
        series=invoice.series,
        access_key=invoice.access_key,
        is_return=invoice.is_return,
        total=_money(viewer, record, invoice.total),
    )


# --- what ties them -------------------------------------------------------------------------

_KIND_OF_KEY = {
    match.ORDER_ID: "number",
    match.WEB_NUMBER: "number",
    match.ACCESS_KEY: "access-key",
    match.INVOICE: "invoice",
}


def _by_evidence(rows: Sequence[SourceRecord]) -> list[Tie]:
    by_id = {row.pk: row for row in rows}
    nodes = [match.Node(r.pk, System(r.system), frozenset(r.match_keys), _name(r)) for r in rows]
    learned = _learned(rows)
    ties = []
    for edge in match.edges(nodes):
        one, other = by_id[edge.one], by_id[edge.other]
        kind, _, shared = edge.key.partition(":")
        link = learned.get((_name(one), shared))
        if link and shared not in _stated(one):
            ties.append(
                Tie(
                    "learned",
                    _key(one),
                    _key(other),
                    shared=link.web_number,
                    evidence=link.evidence,
                    at=link.learned_at,
                )
            )
        else:
            ties.append(Tie(_KIND_OF_KEY[kind], _key(one), _key(other), shared=shared))
    return ties


def _learned(rows: Sequence[SourceRecord]) -> dict[tuple[tuple[str, str], str], LearnedLink]:
    links = LearnedLink.objects.filter(
        connection__in={row.connection for row in rows},
        external_id__in={row.external_id for row in rows},
    )
    return {
        ((link.connection, link.external_id), normalise(link.web_number)): link for link in links
    }


def _stated(row: SourceRecord) -> set[str]:
    """List the site's numbers that an ERP's record states itself."""
    return {normalise(number) for number in row.facts.get("web_numbers", ())}


def _by_hand(viewer: Viewer, rows: Sequence[SourceRecord]) -> list[Tie]:
    """List what people decided of the order's records, and is in force."""
    names = {_name(row) for row in rows}
    connections, ids = {name[0] for name in names}, {name[1] for name in names}
    decisions = (
        Decision.objects.filter(company_id=viewer.company_id, undone_at=None)
        .filter(
            Q(connection_a__in=connections, external_a__in=ids)
            | Q(connection_b__in=connections, external_b__in=ids)
        )
        .order_by("id")
    )
    found = [d for d in decisions if names & {_end_a(d), _end_b(d)}]
    people = dict(
        Person.objects.filter(pk__in={d.person_id for d in found}).values_list("pk", "name")
    )
    return [
        Tie(
            "join" if d.kind == DecisionKind.JOIN else "split",
            RecordKey(*_end_a(d)),
            RecordKey(*_end_b(d)),
            reason=d.reason,
            person_name=people.get(d.person_id or 0, ""),
            at=d.at,
        )
        for d in found
    ]


def _end_a(decision: Decision) -> tuple[str, str]:
    return decision.connection_a, decision.external_a


def _end_b(decision: Decision) -> tuple[str, str]:
    return decision.connection_b, decision.external_b


def _name(row: SourceRecord) -> tuple[str, str]:
    return row.connection, row.external_id


def _key(row: SourceRecord) -> RecordKey:
    return RecordKey(*_name(row))


# --- who won --------------------------------------------------------------------------------

_RULE_OF = dict(itertools.chain.from_iterable(((n, r) for n in r.fields) for r in PRECEDENCE))


def _field_rules(order: Order) -> tuple[FieldRule, ...]:
    return tuple(
        FieldRule(field, connection, _RULE_OF[field].ruler, _RULE_OF[field].reason)
        for field, connection in sorted(order.provenance.items())
        if field in _RULE_OF
    )
