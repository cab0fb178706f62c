"""Which records are one order: pure, symmetric, and the same in whatever order they came.

An edge joins a VTEX and an ERP record of one company that share a key. Never amount,
date, items or the customer's own number: those may only suggest. Two safeguards:

* a key counts only while exactly one VTEX record of the company carries it, so a short
  number, or one invoice attached to two orders of the site, never glues them together;
* an ERP record's strongest kind of evidence decides alone: the site's order id that it
  states, else another number of the site, else an access key, else an invoice.

What people decided stands above all evidence: two records joined by hand meet first, and
no edge may bring together what was split by hand, not even by way of a third record.

Components are a function of the set of records and decisions, and nothing else: edges are
taken by strength, then by the records' own names, never by when they came.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from b2b_orders.orders.numbers import index_values, normalise
from erp_bridge.identifiers import access_key_parts
from erp_bridge.records import InvoiceRecord, NumberKind, OrderRecord, System

# Kinds of evidence, strongest first; each key begins with its own.
ORDER_ID, WEB_NUMBER, ACCESS_KEY, INVOICE = "1", "2", "3", "4"
BY_HAND = "0"
_TIERS = (ORDER_ID, WEB_NUMBER, ACCESS_KEY, INVOICE)
# Shorter "numbers" are placeholders (0, 1, --) and not evidence.
_SHORTEST = 3
_LOOKS_LIKE_ORDER_ID = re.compile(r".{8,}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class RecordKey:
    """What a record is called for good: its connection, and its id there."""

    connection: str
    external_id: str


@dataclass(frozen=True, slots=True)
class Node:
    """A record as matching sees it; `id` is any value that tells records apart.

    `name` is the same whenever the record came, and so what ties are broken by.
    """

    id: int
    system: System
    keys: frozenset[str]
    name: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Edge:
    """Why two records are one order: a key that both carry, or `BY_HAND` without one."""

    one: int
    other: int
    key: str


def match_keys(record: OrderRecord) -> tuple[str, ...]:
    """List the keys by which a record may meet its counterparts, sorted."""
    numbers = _site_keys(record) if record.system is System.VTEX else _erp_keys(record)
    invoices = (key for i in record.invoices if not i.is_return for key in _invoice_keys(i))
    return tuple(sorted({*numbers, *invoices}))


def indexed(system: System | str, key: str) -> str:
    """Write a key of a record as the index holds it: with the side that carries it."""
    return f"{system[0]}{key}"


def counterpart(system: System | str, key: str) -> str:
    """Write what a record's counterparts have in the index for one of its keys."""
    return indexed(System.ERP if system == System.VTEX else System.VTEX, key)


def components(
    nodes: Iterable[Node],
    *,
    joined: Iterable[tuple[int, int]] = (),
    apart: Iterable[tuple[int, int]] = (),
) -> list[list[int]]:
    """Group records into orders; ids sorted inside, groups by their first id.

    `joined` and `apart` are pairs of ids that people decided on.
    """
    by_id = {node.id: node for node in nodes}
    groups = _Groups(by_id, apart)
    for edge in edges(by_id.values(), joined=joined):
        groups.join(edge.one, edge.other)
    return sorted(sorted(group) for group in groups.all())


def edges(nodes: Iterable[Node], *, joined: Iterable[tuple[int, int]] = ()) -> list[Edge]:
    """List what speaks for two records being one order, the strongest first."""
    by_id = {node.id: node for node in nodes}
    carriers: dict[str, list[int]] = {}
    for node in by_id.values():
        if node.system is System.VTEX:
            for key in node.keys:
                carriers.setdefault(key, []).append(node.id)
    found = [Edge(one, other, BY_HAND) for one, other in joined if one in by_id and other in by_id]
    for node in by_id.values():
        if node.system is System.ERP:
            found += [Edge(node.id, target, key) for target, key in _targets(node, carriers)]
    return sorted(found, key=lambda edge: _rank(edge, by_id))


def _rank(edge: Edge, nodes: Mapping[int, Node]) -> tuple[object, ...]:
    """Say when an edge is taken: the same whichever of its records came first."""
    ends = sorted((nodes[at].name, at) for at in (edge.one, edge.other))
    return edge.key[0], [name for name, _ in ends], edge.key, ends


def _targets(node: Node, carriers: Mapping[str, list[int]]) -> list[tuple[int, str]]:
    """Find the VTEX records an ERP record belongs to, by its strongest evidence."""
    for tier in _TIERS:
        found: dict[int, str] = {}
        for key in sorted(node.keys):
            if key[0] == tier and len(carriers.get(key, ())) == 1:
                found.setdefault(carriers[key][0], key)
        if found:
            return sorted(found.items())
    return []


class _Groups:
    """A union-find that refuses to bring together what must stay apart."""

    def __init__(self, ids: Iterable[int], apart: Iterable[tuple[int, int]]) -> None:
        self._leader = {at: at for at in ids}
        self._members = {at: {at} for at in self._leader}
        # By leader: the records that may not join its group.
        self._foes: dict[int, set[int]] = {}
        for one, other in apart:
            self._foes.setdefault(one, set()).add(other)
            self._foes.setdefault(other, set()).add(one)

    def all(self) -> list[set[int]]:
        return list(self._members.values())

    def join(self, one: int, other: int) -> None:
        kept, gone = self._leader[one], self._leader[other]
        if kept == gone or not self._members[gone].isdisjoint(self._foes.get(kept, ())):
            return
        if len(self._members[kept]) < len(self._members[gone]):
            kept, gone = gone, kept
        moved = self._members.pop(gone)
        self._leader.update(dict.fromkeys(moved, kept))
        self._members[kept] |= moved
        if foes := self._foes.pop(gone, None):
            self._foes[kept] = self._foes.get(kept, set()) | foes


def _site_keys(record: OrderRecord) -> Iterator[str]:
    yield f"{ORDER_ID}:{normalise(record.external_id)}"
    for written in (record.external_id, *record.web_numbers):
        for value in index_values(NumberKind.WEB, written):
            if len(value) >= _SHORTEST:
                yield f"{WEB_NUMBER}:{value}"


def _erp_keys(record: OrderRecord) -> Iterator[str]:
    for written in record.web_numbers:
        # As stated: without its suffix the ERP's -02 would meet the site's -01.
        value = normalise(written)
        if len(value) >= _SHORTEST:
            yield f"{ORDER_ID}:{value}"
            yield f"{WEB_NUMBER}:{value}"
    for written in (record.external_id, *record.erp_numbers):
        # Some ERPs keep the site's order id as their own number. Plain digits are not
        # taken for one: an ERP's counter would sooner or later meet a site's sequence.
        if _LOOKS_LIKE_ORDER_ID.fullmatch(written.strip()):
            yield f"{ORDER_ID}:{normalise(written)}"


def _invoice_keys(invoice: InvoiceRecord) -> Iterator[str]:
    parts = access_key_parts(invoice.access_key)
    if parts:
        yield f"{ACCESS_KEY}:{parts.key}"
        yield f"{INVOICE}:{parts.number}/{parts.series}/{parts.emitter}"
    elif invoice.number and invoice.series and invoice.emitter:
        number, series = normalise(invoice.number), normalise(invoice.series)
        yield f"{INVOICE}:{number[:40]}/{series[:10]}/{normalise_emitter(invoice.emitter)}"


def normalise_emitter(tax_id: str) -> str:
    """Write an emitter's CNPJ as it stands in an access key."""
    return "".join(filter(str.isalnum, tax_id.upper()))[:20]
