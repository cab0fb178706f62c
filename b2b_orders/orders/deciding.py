"""What people decided of records, as grouping needs it: read once a batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from b2b_orders.orders.models import Decision, DecisionKind

Name = tuple[str, str]
Pair = tuple[Name, Name]


@dataclass(frozen=True, slots=True)
class Decided:
    """The decisions in force of some companies, by company, as pairs of records' names."""

    joined: Mapping[int, frozenset[Pair]]
    apart: Mapping[int, frozenset[Pair]]

    @classmethod
    def load(cls, companies: Iterable[int | None]) -> Decided:
        """Read the decisions in force of some companies. One SQL statement."""
        found: dict[str, dict[int, set[Pair]]] = {kind: {} for kind in DecisionKind}
        rows = Decision.objects.filter(
            company_id__in=sorted({c for c in companies if c}), undone_at=None
        )
        for kind, company_id, *names in rows.values_list(
            "kind", "company_id", "connection_a", "external_a", "connection_b", "external_b"
        ):
            one, other = (names[0], names[1]), (names[2], names[3])
            found[kind].setdefault(company_id, set()).add((one, other))
        joined, apart = (
            {company: frozenset(pairs) for company, pairs in found[kind].items()}
            for kind in (DecisionKind.JOIN, DecisionKind.SPLIT)
        )
        return cls(joined, apart)

    def partners(self, company_id: int | None, name: Name) -> set[Name]:
        """List what a record was joined to by hand, or split from."""
        return _others(self.joined, company_id, name) | self.parted(company_id, name)

    def parted(self, company_id: int | None, name: Name) -> set[Name]:
        """List what a record was split from by hand."""
        return _others(self.apart, company_id, name)


def _others(
    decided: Mapping[int, frozenset[Pair]], company_id: int | None, name: Name
) -> set[Name]:
    pairs = decided.get(company_id or 0, frozenset())
    return {other for pair in pairs if name in pair for other in pair if other != name}


def pairs_of(
    decided: Mapping[int, frozenset[Pair]], company_id: int, ids: Mapping[Name, int]
) -> list[tuple[int, int]]:
    """Write a company's decisions as pairs of ids, as far as both records are there."""
    return [
        (ids[one], ids[other])
        for one, other in decided.get(company_id, frozenset())
        if one in ids and other in ids
    ]
