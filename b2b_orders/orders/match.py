"""Which records are one order: pure, symmetric, and the same in whatever order they came.

An edge joins a VTEX and an ERP record of one company that share a key. Never amount,
date, items or the customer's own number: those may only suggest. Two safeguards:

* a key counts only while exactly one VTEX record of the company carries it, so a short
  number, or one invoice attached to two orders of the site, never glues them together;
* an ERP record's strongest kind of evidence decides alone: the site's order id that it
  states, else another number of the site, else an access key, else an invoice.

Components are a function of the set of records and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from b2b_orders.orders.numbers import index_values, normalise
from erp_bridge.identifiers import access_key_parts
from erp_bridge.records import InvoiceRecord, NumberKind, OrderRecord, System

# Kinds of evidence, strongest first; each key begins with its own.
ORDER_ID, WEB_NUMBER, ACCESS_KEY, INVOICE = "1", "2", "3", "4"
_TIERS = (ORDER_ID, WEB_NUMBER, ACCESS_KEY, INVOICE)
# Shorter "numbers" are placeholders (0, 1, --) and not evidence.
_SHORTEST = 3
_LOOKS_LIKE_ORDER_ID = re.compile(r".{8,}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Node:
    """A record as matching sees it; `id` is any stable value that tells records apart."""

    id: int
    system: System
    keys: frozenset[str]


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


def components(nodes: Iterable[Node]) -> list[list[int]]:
    """Group records into orders; ids sorted inside, groups by their first id."""
    nodes = sorted(nodes, key=lambda node: node.id)
    carriers: dict[str, list[int]] = {}
    for node in nodes:
        if node.system is System.VTEX:
            for key in node.keys:
                carriers.setdefault(key, []).append(node.id)
    leader = {node.id: node.id for node in nodes}
    for node in nodes:
        if node.system is System.ERP:
            for target in _targets(node, carriers):
                _join(leader, node.id, target)
    groups: dict[int, list[int]] = {}
    for node in nodes:
        groups.setdefault(_find(leader, node.id), []).append(node.id)
    return sorted(groups.values())


def _targets(node: Node, carriers: dict[str, list[int]]) -> Sequence[int]:
    """Find the VTEX records an ERP record belongs to, by its strongest evidence."""
    for tier in _TIERS:
        found = {
            carriers[key][0]
            for key in node.keys
            if key[0] == tier and len(carriers.get(key, ())) == 1
        }
        if found:
            return sorted(found)
    return ()


def _find(leader: dict[int, int], at: int) -> int:
    while leader[at] != at:
        leader[at] = leader[leader[at]]
        at = leader[at]
    return at


def _join(leader: dict[int, int], one: int, other: int) -> None:
    first, second = sorted((_find(leader, one), _find(leader, other)))
    leader[second] = first


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
