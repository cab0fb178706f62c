"""What searches of buyers and of staff share: conditions over numbers, and which one matched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from b2b_orders.orders.models import OrderNumber
from b2b_orders.orders.numbers import Candidate
from b2b_orders.orders.rows import How, Match
from erp_bridge.records import NumberKind


def range_of(value: str, column: str) -> tuple[str, str]:
    """Say from where to before where a column has what begins (reversed: ends) as a value."""
    start = value if column == "value" else value[::-1]
    return start, start[:-1] + chr(ord(start[-1]) + 1)


def hits_of(
    numbers: QuerySet[OrderNumber],
    candidates: Iterable[Candidate],
    only: NumberKind | None,
    how: How,
) -> QuerySet[OrderNumber]:
    """Build a range over the index: behind row-level security LIKE could not use it."""
    column = "value" if how == "prefix" else "reversed"
    ranges = []
    for candidate in candidates:
        start, end = range_of(candidate.value, column)
        ranges.append(
            Q(**{f"{column}__gte": start, f"{column}__lt": end}) & of_kinds(candidate, only)
        )
    # The highest numbers are most likely the newest, should there be too many.
    return numbers.filter(any_of(ranges)).order_by(f"-{column}")


def exact_sql(
    candidates: Sequence[Candidate], only: NumberKind | None
) -> tuple[str, dict[str, object]]:
    """Build the condition over numbers `n`, and its parameters, of some candidates."""
    conditions: list[str] = []
    params: dict[str, object] = {}
    for place, candidate in enumerate(candidates):
        kinds = candidate.kinds if only is None else {only} & (candidate.kinds or {only})
        conditions.append(f"n.value = %(value{place})s")
        params[f"value{place}"] = candidate.value
        if kinds is not None:
            conditions[-1] += f" AND n.kind = ANY(%(kinds{place})s)"
            params[f"kinds{place}"] = sorted(kinds)
    return " OR ".join(conditions), params


def any_of(conditions: Iterable[Q]) -> Q:
    joined = Q()
    for condition in conditions:
        joined |= condition
    return joined


def of_kinds(candidate: Candidate, only: NumberKind | None) -> Q:
    if only is not None:
        fits = candidate.kinds is None or only in candidate.kinds
        return Q(kind=only) if fits else Q(pk__in=())
    return Q() if candidate.kinds is None else Q(kind__in=candidate.kinds)


@dataclass(frozen=True, slots=True)
class NumberValue:
    """A number as written, and one value under which it is found."""

    kind: NumberKind
    written: str
    value: str


def find_match(
    numbers: Sequence[NumberValue], candidates: Iterable[Candidate], how: How
) -> Match | None:
    """Say by which number an order was found: by the first candidate that fits one."""
    for candidate in candidates:
        for number in numbers:
            if candidate.kinds is not None and number.kind not in candidate.kinds:
                continue
            if _fits(number.value, candidate.value, how):
                return Match(number.kind, number.written, how, candidate.value)
    return None


def _fits(value: str, typed: str, how: How) -> bool:
    if how == "prefix":
        return value.startswith(typed)
    return value.endswith(typed) if how == "suffix" else value == typed
