"""Records brought together into orders, and those written: the database side of match and merge.

Given some records that changed, it loads every record that any of them met before or may
meet now, lets `match` group them, gives each group an order, and writes what differs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Q, QuerySet
from django.db.models.functions import JSONObject

from b2b_orders.companies.models import Establishment
from b2b_orders.orders import bulk, match
from b2b_orders.orders.deciding import Decided, Name, pairs_of
from b2b_orders.orders.merge import Draft, MergeInput, merge
from b2b_orders.orders.models import (
    AddedNumber,
    FirstSeen,
    LearnedLink,
    Order,
    OrderAlias,
    Question,
    SourceRecord,
    Supplement,
)
from b2b_orders.orders.numbers import normalise
from b2b_orders.orders.readings import Known, from_row, to_parts
from b2b_orders.orders.records_json import Json, digest, from_json
from b2b_orders.orders.status_rules import Rules, Word, note_unmapped
from b2b_orders.orders.taught import overlay, with_added
from b2b_orders.orders.written import Rows, order_rows, write_children
from erp_bridge.records import Fulfilment, OrderRecord, System

logger = logging.getLogger(__name__)

# Records not stored yet count as younger than every stored one.
_FIRST_NEW = 2**62


@dataclass(slots=True)
class Node:
    """A source record while it is worked on: as stored, and as it is to be."""

    connection: str
    system: System
    external_id: str
    id: int | None = None
    company_id: int | None = None
    order_id: int | None = None
    order_public_id: UUID | None = None
    known: Known = field(default_factory=Known)
    facts: Json = field(default_factory=dict)
    content_hash: str = ""
    owner_tax_id: str = ""
    links: tuple[str, ...] = ()
    # Web numbers learned just now, each with what that rests on.
    learned: dict[str, str] = field(default_factory=dict)
    # What files say of it, each with the company that it was checked for.
    taught: tuple[tuple[int, Json], ...] = ()
    # Numbers that people added, each with the company whose order it was then.
    added: tuple[tuple[int, str], ...] = ()
    _read: tuple[Json, tuple[str, ...], int | None, OrderRecord] | None = field(
        default=None, repr=False
    )
    keys: frozenset[str] = frozenset()
    first_seen_at: datetime | None = None

    # As stored, to tell what changed.
    was_stored: bool = False
    stored_keys: tuple[int | None, frozenset[str]] = (None, frozenset())
    stored_order_id: int | None = None
    stored_read_at: datetime | None = None
    stored_changed_at: datetime | None = None
    has_divergence: bool = False

    is_touched: bool = False
    is_changed: bool = False

    def take(self, known: Known) -> None:
        """Hold what is known after a reading, and note what of it is news."""
        newest, before = known.newest, self.known.newest
        is_fresher = newest and before and newest.read_at != before.read_at
        if to_parts(known) != to_parts(self.known) or (is_fresher and self.has_divergence):
            self.is_touched = True
        self.known = known
        facts = known.facts()
        if facts != self.facts:
            self.facts = facts
            self.content_hash = digest(facts)
            self.is_touched = self.is_changed = True

    @property
    def name(self) -> Name:
        """Return what it is called for good."""
        return self.connection, self.external_id

    @property
    def record(self) -> OrderRecord:
        """Read the record, with what was learned of it: web numbers, files, people's numbers."""
        # Matching and merging both ask for it, and reading it is a tenth of storing an order.
        if (
            self._read is None
            or self._read[0] is not self.facts
            or self._read[1:3] != (self.links, self.company_id)
        ):
            record = from_json(self.facts)
            missing = [number for number in self.links if number not in record.web_numbers]
            if missing:
                record = replace(record, web_numbers=(*record.web_numbers, *missing))
            mine = [from_json(facts) for owner, facts in self.taught if owner == self.company_id]
            if mine:
                record = overlay(record, mine)
            own = [number for owner, number in self.added if owner == self.company_id]
            if own:
                record = replace(record, customer_numbers=with_added(record, own))
            self._read = self.facts, self.links, self.company_id, record
        return self._read[3]

    @property
    def read_at(self) -> datetime:
        """Return the moment its source last confirmed it."""
        newest = self.known.newest
        assert newest is not None  # noqa: S101 a node is merged after it was read
        return newest.read_at

    def refresh_keys(self) -> None:
        """Compute by what the record may be met now."""
        self.keys = frozenset(match.match_keys(self.record))

    def meets(self) -> Iterable[tuple[int, str]]:
        """List what its counterparts, former and present, carry in the index."""
        for company_id, keys in (self.stored_keys, (self.company_id, self.keys)):
            if company_id is not None:
                for key in keys:
                    yield company_id, match.counterpart(self.system, key)


def with_taught(records: QuerySet[SourceRecord]) -> QuerySet[Any]:
    """Read records together with what files and people say of them: in the same statement."""
    files = Supplement.objects.filter(
        connection=OuterRef("connection"), external_id=OuterRef("external_id")
    )
    fields = JSONObject(company="company_id", facts="facts")
    numbers = AddedNumber.objects.filter(
        connection=OuterRef("connection"), external_id=OuterRef("external_id"), removed_at=None
    )
    own = JSONObject(company="company_id", written="written")
    return records.annotate(
        taught=ArraySubquery(files.order_by("company_id", "key").values(json=fields)),
        added=ArraySubquery(numbers.order_by("added_at", "pk").values(json=own)),
    )


def node_of(record: Any, *, has_divergence: bool = False) -> Node:
    """Build a node of a stored record that was read by `with_taught`."""
    known = from_row(
        version=record.version,
        read_at=record.read_at,
        content_hash=record.content_hash,
        facts=record.facts,
        parts=record.parts,
    )
    keys = frozenset(record.match_keys)
    return Node(
        connection=record.connection,
        system=System(record.system),
        external_id=record.external_id,
        id=record.id,
        company_id=record.company_id,
        order_id=record.order_id,
        known=known,
        facts=record.facts,
        content_hash=record.content_hash,
        owner_tax_id=record.owner_tax_id,
        links=tuple(record.links),
        taught=tuple((each["company"], each["facts"]) for each in record.taught),
        added=tuple((each["company"], each["written"]) for each in record.added),
        keys=keys,
        first_seen_at=record.first_seen_at,
        was_stored=True,
        stored_keys=(record.company_id, keys),
        stored_order_id=record.order_id,
        stored_read_at=record.read_at,
        stored_changed_at=record.changed_at,
        has_divergence=has_divergence,
        is_touched=record.order_id is None,
    )


def added_numbers(connection: str, external_ids: Sequence[str]) -> dict[str, list[tuple[int, str]]]:
    """Find what people once added to records that come anew, or again."""
    found: dict[str, list[tuple[int, str]]] = {}
    if external_ids:
        rows = AddedNumber.objects.filter(
            connection=connection, external_id__in=external_ids, removed_at=None
        ).order_by("added_at", "pk")
        for external_id, company_id, written in rows.values_list(
            "external_id", "company_id", "written"
        ):
            found.setdefault(external_id, []).append((company_id, written))
    return found


def learned_links(connection: str, external_ids: Sequence[str]) -> dict[str, set[str]]:
    """Find by which web numbers an ERP's records were once found."""
    found: dict[str, set[str]] = {}
    if external_ids:
        rows = LearnedLink.objects.filter(connection=connection, external_id__in=external_ids)
        for external_id, number in rows.values_list("external_id", "web_number"):
            found.setdefault(external_id, set()).add(number)
    return found


@dataclass(slots=True)
class _Group:
    """The records of one order, and that order."""

    nodes: list[Node]
    owned: list[int] = field(default_factory=list)
    order: Order | None = None
    draft: Draft | None = None
    rows: Rows | None = None
    is_new: bool = False
    is_changed: bool = False


def assemble(
    touched: Sequence[Node], now: datetime, *, write_records: Callable[[], None] | None = None
) -> int:
    """Bring the orders that some records touch up to date; say how many changed.

    `write_records` stores the touched records once their orders are known; without it
    they are stored already. The caller holds the locks of their companies.
    """
    if not touched:
        return 0
    decided = Decided.load(
        company for node in touched for company in (node.company_id, node.stored_keys[0])
    )
    nodes = _closure(touched, decided)
    # Which numbers a record was wrongly found by, what it was split from says.
    parted = {name for n in touched for name in decided.parted(n.company_id, n.name)}
    groups = [group for group in _grouped(nodes, decided) if _needs_work(group, nodes, parted)]
    orders = Order.objects.in_bulk({n.order_id for n in nodes if n.order_id})
    _hand_out(groups, orders)
    note_unmapped(_draft(groups, _disowned(nodes, decided), now), now)
    _write_orders(groups, now)
    if write_records:
        write_records()
    written = set(map(id, touched)) if write_records else set()
    _write_order_ids([n for g in groups for n in g.nodes if id(n) not in written])
    _absorb(groups, orders)
    rows = [(group.rows, group.is_changed) for group in groups if group.rows]
    write_children(
        [changed for changed, is_changed in rows if is_changed],
        [same for same, is_changed in rows if not is_changed and same.order["divergence_count"]],
        now,
    )
    return sum(group.is_changed or len(group.owned) > 1 for group in groups)


# --- grouping ---------------------------------------------------------------------------


def _closure(touched: Sequence[Node], decided: Decided) -> list[Node]:
    """Load all records that the touched ones met or may meet, and those these meet."""
    known = {node.id: node for node in touched if node.id}
    nodes = list(touched)
    asked: set[tuple[int, str]] = set()
    frontier: Sequence[Node] = touched
    while frontier:
        pairs = sorted({pair for node in frontier for pair in node.meets()} - asked)
        asked.update(pairs)
        found = set(bulk.meeting(pairs)) if pairs else set()
        names = {name for n in frontier for name in decided.partners(n.company_id, n.name)}
        if names:
            found.update(bulk.named(sorted(names)))
        orders = {node.order_id for node in frontier if node.order_id}
        wanted = Q(id__in=found - known.keys()) | Q(order_id__in=orders)
        frontier = (
            [
                node_of(record)
                for record in with_taught(
                    SourceRecord.objects.filter(wanted).exclude(id__in=list(known)).defer("payload")
                )
            ]
            if found - known.keys() or orders
            else []
        )
        known |= {node.id: node for node in frontier if node.id}
        nodes += frontier
    return nodes


def _grouped(nodes: Sequence[Node], decided: Decided) -> list[_Group]:
    """Group records into orders, company by company; the unassigned stay alone."""
    by_id = {node.id or _FIRST_NEW + at: node for at, node in enumerate(nodes)}
    of_company: dict[int | None, list[int]] = {}
    for pk, node in by_id.items():
        of_company.setdefault(node.company_id, []).append(pk)
    groups = [[pk] for pk in of_company.pop(None, [])]
    for company_id, ids in of_company.items():
        names = {by_id[pk].name: pk for pk in ids}
        groups += match.components(
            (match.Node(pk, by_id[pk].system, by_id[pk].keys, by_id[pk].name) for pk in ids),
            joined=pairs_of(decided.joined, company_id or 0, names),
            apart=pairs_of(decided.apart, company_id or 0, names),
        )
    return [_Group([by_id[pk] for pk in group]) for group in sorted(groups)]


def _needs_work(group: _Group, nodes: Sequence[Node], parted: Collection[Name]) -> bool:
    """Say whether anything of a group changed: a record of it, or who belongs to it."""
    if any(node.is_touched or node.order_id is None for node in group.nodes):
        return True
    if any(node.links and node.name in parted for node in group.nodes):
        return True
    orders = {node.order_id for node in group.nodes}
    return len(orders) > 1 or sum(n.order_id in orders for n in nodes) > len(group.nodes)


def _hand_out(groups: Sequence[_Group], orders: dict[int, Order]) -> None:
    """Give each group its order: the oldest of those whose oldest record it holds."""
    oldest: dict[int, tuple[int, _Group]] = {}
    for group in groups:
        for node in group.nodes:
            if node.order_id:
                at = (node.id or _FIRST_NEW, group)
                if node.order_id not in oldest or at[0] < oldest[node.order_id][0]:
                    oldest[node.order_id] = at
    for order_id, (_, group) in sorted(oldest.items(), key=lambda item: item[0]):
        group.owned.append(order_id)
    for group in groups:
        group.is_new = not group.owned
        group.order = Order(public_id=uuid4()) if group.is_new else orders[group.owned[0]]


# --- drafting and writing ----------------------------------------------------------------


def _disowned(nodes: Sequence[Node], decided: Decided) -> dict[Name, frozenset[str]]:
    """Say which web numbers a record was found by, wrongly: those of what it was split from."""
    by_name = {node.name: node for node in nodes}
    disowned: dict[Name, set[str]] = {}
    for pair in {pair for pairs in decided.apart.values() for pair in pairs}:
        for mine, other in (pair, pair[::-1]):
            if mine in by_name and other in by_name and by_name[mine].links:
                theirs = by_name[other]
                numbers = (theirs.external_id, *theirs.record.web_numbers)
                disowned.setdefault(mine, set()).update(map(normalise, numbers))
    return {name: frozenset(numbers) for name, numbers in disowned.items()}


def _without(node: Node, disowned: frozenset[str]) -> OrderRecord:
    """Read a record without web numbers that it was only found by, and that are another's."""
    record = node.record
    stated = from_json(node.facts).web_numbers
    own = (n for n in record.web_numbers if n in stated or normalise(n) not in disowned)
    return replace(record, web_numbers=tuple(own))


def _draft(
    groups: Sequence[_Group], disowned: Mapping[Name, frozenset[str]], now: datetime
) -> list[Word]:
    """Merge each group, see whether that differs from what is stored; list unknown statuses."""
    rules = Rules.load(node.connection for group in groups for node in group.nodes)
    unmapped = []
    for group in groups:
        inputs = []
        for node in group.nodes:
            wrong = disowned.get(node.name)
            record = _without(node, wrong) if wrong else node.record
            record = rules.read(node.connection, record)
            inputs.append(MergeInput(node.connection, node.system, record, node.read_at))
            if record.fulfilment is Fulfilment.UNMAPPED and record.status_raw:
                unmapped.append(Word(node.connection, record.status_raw, node.external_id))
        group.draft = merge(inputs, zone=_zone(settings.TIME_ZONE))
    establishments = _establishments(groups)
    for group in groups:
        assert group.draft  # noqa: S101 set above
        assert group.order  # noqa: S101 set when handed out
        company_id = group.nodes[0].company_id
        seen_at = min(node.first_seen_at or now for node in group.nodes)
        establishment_id = next(
            (
                establishments[company_id, tax_id]
                for tax_id in group.draft.tax_ids
                if (company_id, tax_id) in establishments
            ),
            None,
        )
        group.rows = order_rows(
            group.draft,
            company_id=company_id,
            establishment_id=establishment_id,
            seen_at=seen_at,
        )
        group.is_changed = group.is_new or group.rows.digest != group.order.draft_hash
    return unmapped


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _establishments(groups: Sequence[_Group]) -> dict[tuple[int | None, str], int]:
    """Find which establishment of its company each order may belong to."""
    wanted = {
        (group.nodes[0].company_id, tax_id)
        for group in groups
        if group.draft and group.nodes[0].company_id
        for tax_id in group.draft.tax_ids
    }
    if not wanted:
        return {}
    found = Establishment.objects.filter(tax_id__in={tax_id for _, tax_id in wanted})
    return {
        (company_id, tax_id): pk
        for pk, company_id, tax_id in found.values_list("id", "company_id", "tax_id")
    }


def _write_orders(groups: Sequence[_Group], now: datetime) -> None:
    """Write the orders that are new or changed, and tell the records which is theirs."""
    new, changed = [], []
    by_public_id: dict[UUID, _Group] = {}
    for group in groups:
        assert group.order  # noqa: S101 set when handed out
        assert group.rows  # noqa: S101 drafted before
        if group.is_new:
            by_public_id[group.order.public_id] = group
            own = {"public_id": str(group.order.public_id), "created_at": now.isoformat()}
            new.append(group.rows.order | own | {"changed_at": now.isoformat()})
        elif group.is_changed:
            changed.append(group.rows.order | {"id": group.order.id, "changed_at": now.isoformat()})
    for pk, public_id in bulk.insert(Order, new, returning=("id", "public_id")):
        order = by_public_id[public_id].order
        assert order is not None  # noqa: S101 set when handed out
        order.id = pk
    bulk.update(Order, changed)
    for group in groups:
        assert group.order  # noqa: S101 set when handed out
        assert group.rows  # noqa: S101 drafted before
        group.rows.set_order(group.order.id, is_new=group.is_new)
        for node in group.nodes:
            node.order_id, node.order_public_id = group.order.id, group.order.public_id


def _write_order_ids(nodes: Sequence[Node]) -> None:
    rows = [
        {"id": node.id, "order_id": node.order_id}
        for node in nodes
        if node.order_id != node.stored_order_id
    ]
    bulk.update(SourceRecord, rows)


def _absorb(groups: Sequence[_Group], orders: dict[int, Order]) -> None:
    """Let joined orders live on as other addresses of the one they joined."""
    for group in groups:
        assert group.order  # noqa: S101 set when handed out
        company_id = group.nodes[0].company_id
        if not group.is_new and group.order.company_id != company_id:
            OrderAlias.objects.filter(order_id=group.order.id).update(company_id=company_id)
            FirstSeen.objects.filter(order_id=group.order.id).delete()
        for absorbed in (orders[order_id] for order_id in group.owned[1:]):
            OrderAlias.objects.filter(order_id=absorbed.id).update(
                order_id=group.order.id, company_id=company_id
            )
            OrderAlias.objects.create(
                public_id=absorbed.public_id, order_id=group.order.id, company_id=company_id
            )
            _keep_first_seen(absorbed.id, group.order.id)
            Question.objects.filter(order_id=absorbed.id).update(order_id=group.order.id)
            Order.objects.filter(id=absorbed.id).delete()
            logger.debug(
                "orders joined", extra={"order_id": group.order.id, "absorbed_id": absorbed.id}
            )


def _keep_first_seen(absorbed_id: int, order_id: int) -> None:
    seen = list(FirstSeen.objects.filter(order_id__in=(absorbed_id, order_id)).order_by("at"))
    if seen:
        FirstSeen.objects.update_or_create(
            order_id=order_id,
            defaults={"company_id": seen[0].company_id, "at": seen[0].at},
        )
