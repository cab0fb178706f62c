"""Storing what sources say: the one way in, for every reading from anywhere.

A batch is one transaction: source records, the numbers they may meet by, the orders they
make up, and everything shown of those. It is set-based, so a batch of fifty costs few
more statements than one reading. It is idempotent: the end is the same rows however the
readings were ordered, repeated, batched or interrupted.

Companies are locked for the length of the transaction, because which records are one
order is a question about all records of a company.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from b2b_orders.companies.models import CustomerId, Establishment
from b2b_orders.orders import bulk
from b2b_orders.orders.assemble import (
    Node,
    added_numbers,
    assemble,
    learned_links,
    node_of,
    with_taught,
)
from b2b_orders.orders.match import indexed
from b2b_orders.orders.models import (
    LearnedLink,
    MatchKey,
    PromisedDate,
    SourceRecord,
    Supplement,
)
from b2b_orders.orders.promises import Promises
from b2b_orders.orders.readings import Outcome, Part, to_parts
from b2b_orders.orders.status_rules import key_of
from erp_bridge.records import OrderRecord, Reading, System

logger = logging.getLogger(__name__)

# Advisory locks are one number space for the whole database; ours begin here.
_LOCK_BASE = 7_100_000_000_000_000
# Held by all who merge by the rules for statuses; alone by who changes one.
_RULES_LOCK = _LOCK_BASE - 1
_UNASSIGNED = 0
_ATTACH_BATCH = 200


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of one reading.

    `stale` is a reading older than what is known; `refused` an order that is already
    another company's and for which the source named no customer: nothing was stored.
    """

    record_id: int | None
    order_id: int | None
    order_public_id: UUID | None
    company_id: int | None
    connection: str
    external_id: str
    outcome: Outcome


def organisation_key(organization_id: str) -> str:
    """Write the id of a shop's organisation as customer ids of its connection are written."""
    return f"organization:{organization_id}"


# A web number, or one with what says that it is this order's: "one-answer",
# "parts-by-invoice", "live".
Link = str | tuple[str, str]
_EVIDENCE = "lookup"


class _NeedsLocks(Exception):
    """Records turned out to belong to companies that are not locked yet."""

    def __init__(self, companies: Iterable[int]) -> None:
        super().__init__()
        self.companies = frozenset(companies)


def store_readings(
    *,
    connection: str,
    readings: Sequence[Reading],
    now: datetime,
    company_id: int | None = None,
    links: Mapping[str, Link] | None = None,
) -> list[Stored]:
    """Store readings of one connection and bring the orders they touch up to date.

    `company_id` is the company an ERP was asked for; VTEX says whose an order is by
    the customer's tax id. `links` maps an ERP's external id to the web number that it
    answered with exactly that order, alone or with what that rests on. One answer for
    each reading, in their order.
    """
    locks: frozenset[int] = frozenset()
    while readings:
        try:
            with transaction.atomic():
                batch = _Batch(connection, now, company_id, links or {})
                return batch.store(readings, locks)
        except _NeedsLocks as error:
            locks |= error.companies
    return []


def attach_waiting(*, company_id: int, now: datetime) -> int:
    """Give a company the orders that waited for one of its tax ids; say how many records.

    Also places the company's own orders at an establishment it has since gained.
    """
    attached = 0
    after = 0
    while True:
        with transaction.atomic():
            waiting = list(
                SourceRecord.objects.filter(_waiting_for(company_id), id__gt=after)
                .order_by("id")
                .values_list("id", flat=True)[:_ATTACH_BATCH]
            )
            if not waiting:
                return attached
            attached += rehome(record_ids=waiting, company_id=company_id, now=now)
            after = waiting[-1]


def _waiting_for(company_id: int) -> Q:
    """Match the orders of nobody that are a company's by tax id, or by organisation."""
    tax_ids = Establishment.objects.filter(company_id=company_id).values("tax_id")
    waiting = Q(company=None, system=System.VTEX) | Q(
        company_id=company_id, order__establishment=None
    )
    found = waiting & Q(owner_tax_id__in=tax_ids)
    prefix = organisation_key("")
    own = CustomerId.objects.filter(company_id=company_id, value__startswith=prefix)
    for connection, value in own.values_list("connection", "value"):
        found |= Q(
            company=None,
            system=System.VTEX,
            connection=connection,
            facts__organization_id=value.removeprefix(prefix),
        )
    return found


def withdraw(*, connection: str, external_id: str, company_id: int, now: datetime) -> bool:
    """Forget a record that its source now says is another company's; say whether there was one.

    Its documents go with it. An order that other records make up is merged again without it.
    """
    mine = SourceRecord.objects.filter(
        connection=connection, external_id=external_id, company_id=company_id
    )
    with transaction.atomic():
        _lock({company_id})
        record = mine.select_related("order").first()
        if record is None:
            return False
        order = record.order
        LearnedLink.objects.filter(connection=connection, external_id=external_id).delete()
        Supplement.objects.filter(connection=connection, external_id=external_id).delete()
        PromisedDate.objects.filter(connection=connection, external_id=external_id).delete()
        record.delete()
        others = list(order.records.values_list("id", flat=True)) if order else []
        if others:
            remerge(record_ids=others, now=now)
        elif order:
            order.delete()
        return True


def remerge(*, record_ids: Sequence[int], now: datetime) -> int:
    """Match and merge stored records again, as after a better rule; say how many records."""
    return remerge_records(record_ids=record_ids, now=now).records


@dataclass(frozen=True, slots=True)
class Remerged:
    """How many records were merged again, and how many orders that changed."""

    records: int
    orders: int


def remerge_records(*, record_ids: Sequence[int], now: datetime) -> Remerged:
    """Match and merge stored records again, in one transaction; say what that changed."""
    locks: frozenset[int] = frozenset()
    while True:
        try:
            with transaction.atomic():
                return _remerge(record_ids, now, locks)
        except _NeedsLocks as error:
            locks |= error.companies


def _remerge(record_ids: Sequence[int], now: datetime, locks: frozenset[int]) -> Remerged:
    records = SourceRecord.objects.filter(id__in=record_ids)
    wanted = locks | {company or _UNASSIGNED for (company,) in records.values_list("company_id")}
    _lock(wanted)
    nodes = [node_of(record) for record in with_taught(records.defer("payload"))]
    companies = {node.company_id or _UNASSIGNED for node in nodes}
    if not companies <= wanted:
        # Moved to another company while the lock of the one before was waited for.
        raise _NeedsLocks(companies)
    for node in nodes:
        node.refresh_keys()
        node.is_touched = True
    rows = [bulk.encode(SourceRecord, _derived(node)) for node in nodes]
    bulk.update(SourceRecord, rows, only_differing=True)
    _write_keys(nodes)
    return Remerged(len(nodes), assemble(nodes, now))


def _derived(node: Node) -> dict[str, object]:
    """Build the columns of a record that follow from what its source said."""
    customer = node.facts.get("customer", {})
    return {
        "id": node.id,
        "match_keys": sorted(node.keys),
        "status_key": key_of(node.facts.get("status_raw", "")),
        "owner_name": customer.get("name", ""),
    }


def lock_companies(companies: Iterable[int]) -> None:
    """Keep others from grouping the orders of some companies until the transaction ends."""
    _lock(companies)


def lock_rules() -> None:
    """Let all who merge finish, and keep others from beginning, until the transaction ends."""
    bulk.lock_alone(_RULES_LOCK)


def rehome(
    *, record_ids: Sequence[int], company_id: int, now: datetime, from_company: int | None = None
) -> int:
    """Give a company records that were nobody's, or one other company's; say how many.

    In one transaction with the orders they make up. Records that are meanwhile somebody
    else's stay there.
    """
    with transaction.atomic():
        _lock({from_company or _UNASSIGNED, company_id})
        records = SourceRecord.objects.filter(
            Q(company=from_company) | Q(company_id=company_id), id__in=record_ids
        )
        nodes = [node_of(record) for record in with_taught(records)]
        for node in nodes:
            node.company_id = company_id
            # What files taught counts for the company that it was checked for.
            node.refresh_keys()
            node.is_touched = True
        ids = [node.id for node in nodes if node.id]
        SourceRecord.objects.filter(id__in=ids).update(company_id=company_id)
        _write_keys(nodes)
        assemble(nodes, now)
        return len(nodes)


def _lock(companies: Iterable[int]) -> None:
    bulk.lock([_LOCK_BASE + company for company in companies], shared=_RULES_LOCK)


class _Batch:
    """One call of `store_readings` inside its transaction."""

    def __init__(
        self,
        connection: str,
        now: datetime,
        company_id: int | None,
        links: Mapping[str, Link],
    ) -> None:
        self.connection = connection
        self.now = now
        self.company_id = company_id
        self.links = links
        self.nodes: dict[str, Node] = {}
        self.tax_ids: set[str] = set()
        self.owners: dict[str, int] = {}
        # Of the readings' customer ids, and organisations of a shop: whose they are.
        self.customers: dict[str, int] = {}
        self.promises = Promises()

    def store(self, readings: Sequence[Reading], locks: frozenset[int]) -> list[Stored]:
        """Run the batch; `_NeedsLocks` when it must be run again with more locks."""
        wanted = self._find_owners(readings) | locks
        _lock(wanted)
        # While the locks were waited for, the map of companies may have been changed.
        if not self._find_owners(readings) <= wanted:
            raise _NeedsLocks(self._find_owners(readings))
        self._load(readings)
        stored = {node.company_id or _UNASSIGNED for node in self.nodes.values() if node.id}
        if not stored <= wanted:
            raise _NeedsLocks(stored)
        outcomes = [self._fold(reading) for reading in readings]
        touched = [node for node in self.nodes.values() if node.is_touched]
        for node in touched:
            node.refresh_keys()
        assemble(touched, self.now, write_records=lambda: self._write_records(touched))
        self._refresh_read_at()
        self.promises.keep({node.name: node.company_id for node in self.nodes.values()})
        return [
            self._answer(reading, outcome)
            for reading, outcome in zip(readings, outcomes, strict=True)
        ]

    def _find_owners(self, readings: Sequence[Reading]) -> frozenset[int]:
        """Look up whose the readings' tax ids are; say which companies may be touched."""
        self.tax_ids = {
            r.record.customer.tax_id for r in readings if r.record.system is System.VTEX
        }
        found = Establishment.objects.filter(tax_id__in=self.tax_ids - {""})
        self.owners = dict(found.values_list("tax_id", "company_id")) if self.tax_ids - {""} else {}
        wanted = {self.owners.get(tax_id, _UNASSIGNED) for tax_id in self.tax_ids}
        named = {_customer_of(r.record) for r in readings} - {""}
        if named:
            ids = CustomerId.objects.filter(connection=self.connection, value__in=named)
            self.customers = dict(ids.values_list("value", "company_id"))
        if any(r.record.system is System.ERP for r in readings):
            wanted.add(self.company_id or _UNASSIGNED)
        else:
            wanted.update(self.customers.values())
        return frozenset(wanted)

    def _load(self, readings: Sequence[Reading]) -> None:
        """Load the batch's records as they are stored."""
        systems = {r.record.external_id: r.record.system for r in readings}
        known = (
            with_taught(
                SourceRecord.objects.filter(connection=self.connection, external_id__in=systems)
            )
            .annotate(divergences=F("order__divergence_count"))
            .annotate(public_id=F("order__public_id"))
            .defer("payload")
        )
        for record in known:
            node = node_of(record, has_divergence=bool(record.divergences))
            node.order_public_id = record.public_id
            self.nodes[record.external_id] = node
        fresh = [external_id for external_id in systems if external_id not in self.nodes]
        learned = learned_links(self.connection, fresh) if System.ERP in systems.values() else {}
        added = added_numbers(self.connection, fresh)
        for external_id in fresh:
            node = Node(self.connection, systems[external_id], external_id)
            node.links = tuple(sorted(learned.get(external_id, ())))
            node.added = tuple(added.get(external_id, ()))
            self.nodes[external_id] = node

    def _fold(self, reading: Reading) -> Outcome:
        record = reading.record
        node = self.nodes[record.external_id]
        if node.system is System.ERP and self._is_taken(node, record.customer_id):
            return "refused"
        part = Part.of(reading)
        self.promises.note(node.name, node.known, record.detail, part)
        known, outcome = node.known.take(record.detail, part)
        node.take(known)
        self._own(node)
        link = self.links.get(record.external_id, "")
        number, evidence = (link, _EVIDENCE) if isinstance(link, str) else link
        if number and number not in node.links:
            node.links = tuple(sorted({*node.links, number}))
            node.learned[number] = evidence
            node.is_touched = True
        return outcome

    def _own(self, node: Node) -> None:
        """Say whose a record is now; only what was looked up can change it."""
        company_id = node.company_id
        if node.system is System.ERP:
            company_id = self.company_id or node.company_id
        elif node.known.owner_tax_id in self.tax_ids:
            # A tax id that nobody has says less than the organisation that a trusted shop names.
            company_id = self.owners.get(node.known.owner_tax_id) or self.customers.get(
                _customer_of(node.record)
            )
        if node.company_id != company_id:
            node.company_id = company_id
            node.is_touched = True

    def _is_taken(self, node: Node, customer_id: str) -> bool:
        """Say whether an ERP's order is another company's.

        It only moves when the source names a customer id that is the new company's: an
        ERP that ignores whose orders it was asked for would otherwise hand them round. One
        that is not known yet is refused when its customer id has changed hands since it was
        asked for.
        """
        owner = self.customers.get(customer_id)
        if self.company_id is None or node.company_id == self.company_id:
            is_taken = False
        elif node.company_id is None:
            is_taken = owner is not None and owner != self.company_id
        else:
            is_taken = owner != self.company_id
        if is_taken:
            logger.warning(
                "order of another company refused",
                extra={"connection": self.connection, "company_id": self.company_id},
            )
        return is_taken

    # --- writing -----------------------------------------------------------------------

    def _write_records(self, touched: Sequence[Node]) -> None:
        """Write the records, which by now know their orders, and what they may meet by."""
        rows = [bulk.encode(SourceRecord, self._row(node)) for node in touched]
        written = bulk.upsert(
            SourceRecord,
            rows,
            key=("connection", "external_id"),
            keep=("first_seen_at", "payload"),
            returning=("id", "external_id", "xmax"),
        )
        for pk, external_id, locked_by in written:
            node = self.nodes[external_id]
            if not node.was_stored and int(locked_by):
                # Somebody stored it for another company, under another lock: look again.
                raise _NeedsLocks(())
            node.id = pk
        self._write_payloads(touched)
        _write_keys(touched)
        self._write_links(touched)

    def _row(self, node: Node) -> dict[str, object]:
        newest = node.known.newest
        assert newest is not None  # noqa: S101 a node written was read
        node.owner_tax_id = node.known.owner_tax_id
        return {
            "connection": node.connection,
            "system": str(node.system),
            "external_id": node.external_id,
            "company_id": node.company_id,
            "order_id": node.order_id,
            "version": newest.version,
            "detail": str(node.known.detail),
            "facts": node.facts,
            "parts": to_parts(node.known),
            "links": list(node.links),
            "owner_tax_id": node.owner_tax_id,
            **{name: value for name, value in _derived(node).items() if name != "id"},
            "content_hash": node.content_hash,
            "payload": b"" if node.was_stored else zlib.compress(node.known.payload, 1),
            "first_seen_at": node.first_seen_at or self.now,
            "read_at": newest.read_at,
            "changed_at": (None if node.is_changed else node.stored_changed_at) or self.now,
        }

    def _write_payloads(self, touched: Sequence[Node]) -> None:
        """Write the sources' own answers for records that were there before."""
        rows = [
            {"id": node.id, "payload": zlib.compress(node.known.payload, 1)}
            for node in touched
            if node.was_stored and node.known.payload
        ]
        bulk.update(SourceRecord, [bulk.encode(SourceRecord, row) for row in rows])

    def _write_links(self, touched: Sequence[Node]) -> None:
        LearnedLink.objects.bulk_create(
            [
                LearnedLink(
                    connection=node.connection,
                    external_id=node.external_id,
                    web_number=number,
                    company_id=node.company_id,
                    evidence=evidence,
                    learned_at=self.now,
                )
                for node in touched
                if node.company_id
                for number, evidence in sorted(node.learned.items())
            ],
            ignore_conflicts=True,
        )

    def _refresh_read_at(self) -> None:
        """Say of unchanged records that they were confirmed."""
        rows = [
            {"id": node.id, "read_at": node.known.newest.read_at}
            for node in self.nodes.values()
            if node.id
            and not node.is_touched
            and node.known.newest
            and node.known.newest.read_at != node.stored_read_at
        ]
        bulk.update(SourceRecord, [bulk.encode(SourceRecord, row) for row in rows])

    def _answer(self, reading: Reading, outcome: Outcome) -> Stored:
        external_id = reading.record.external_id
        if outcome == "refused":
            return Stored(None, None, None, self.company_id, self.connection, external_id, outcome)
        node = self.nodes[external_id]
        return Stored(
            record_id=node.id,
            order_id=node.order_id,
            order_public_id=node.order_public_id,
            company_id=node.company_id,
            connection=self.connection,
            external_id=external_id,
            outcome=outcome,
        )


def _customer_of(record: OrderRecord) -> str:
    """Return by which id a source names the customer, written as customer ids are."""
    if record.system is System.ERP:
        return record.customer_id
    return organisation_key(record.organization_id) if record.organization_id else ""


def _write_keys(nodes: Sequence[Node]) -> None:
    """Index what records may be met by, for those where it changed."""
    changed = [node for node in nodes if node.stored_keys != (node.company_id, node.keys)]
    rows = [
        bulk.encode(
            MatchKey,
            {"company_id": n.company_id, "value": indexed(n.system, key), "record_id": n.id},
        )
        for n in changed
        if n.company_id
        for key in sorted(n.keys)
    ]
    bulk.sync(
        MatchKey,
        rows,
        key=("company_id", "value", "record_id"),
        within="record_id",
        ids=[node.id for node in changed if node.id and node.was_stored],
    )
