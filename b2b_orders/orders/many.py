"""Finding up to some hundred numbers at once, in the order in which they were given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from django.db import connection

from b2b_orders.common.errors import InvalidInput
from b2b_orders.common.visibility import visible_sql
from b2b_orders.companies.access import Right, Viewer
from b2b_orders.orders.numbers import Candidate, recognise
from b2b_orders.orders.queries import PREFIX_MIN, SUFFIX_MIN, OrderRow, list_picked
from b2b_orders.orders.searching import range_of
from erp_bridge.records import NumberKind

MOST: Final = 500
# Of one number; who needs more of them searches for it alone.
SHOWN: Final = 5
# Up to here the numbers are counted that are like one.
ALIKE: Final = 100


@dataclass(frozen=True, slots=True)
class Hit:
    """An order that a number leads to, and as which kind of number."""

    row: OrderRow
    kind: NumberKind


@dataclass(frozen=True, slots=True)
class Answer:
    """What one of the numbers led to. `times` is how often it was given.

    `hits` are the newest ones; `more` is how many further orders it leads to.
    """

    text: str
    times: int
    hits: tuple[Hit, ...]
    more: int = 0


def find_many(*, viewer: Viewer, texts: Sequence[str]) -> tuple[Answer, ...]:
    """Answer numbers in the order given, one that is repeated once. Two SQL statements.

    Only whole numbers are found: of some hundred nobody looks at what is merely alike.
    `InvalidInput` for none, and for more than `MOST`.
    """
    if not texts:
        raise InvalidInput("numbers", "no-numbers")
    if len(texts) > MOST:
        raise InvalidInput("numbers", "too-many-numbers")
    given: dict[tuple[Candidate, ...], tuple[str, int]] = {}
    for text in texts:
        # What is no number is told apart by how it was written.
        candidates = recognise(text).candidates or (Candidate(text),)
        first, times = given.get(candidates, (text, 0))
        given[candidates] = (first, times + 1)
    found = _orders_by_value(viewer, {each.value for wanted in given for each in wanted})
    kinds = {wanted: _kinds(wanted, found) for wanted in given}
    picked = {pk for each in kinds.values() for pk in list(each)[:SHOWN]}
    rows = list_picked(viewer=viewer, ids=sorted(picked)) if picked else ()
    by_id = {row.id: row for row in rows}
    return tuple(
        Answer(
            text,
            times,
            tuple(
                Hit(by_id[pk], kind)
                for pk, kind in list(kinds[wanted].items())[:SHOWN]
                if pk in by_id
            ),
            max(0, len(kinds[wanted]) - SHOWN),
        )
        for wanted, (text, times) in given.items()
    )


@dataclass(frozen=True, slots=True)
class Alike:
    """How many orders have a number that begins or ends as one does; None is too many to count."""

    count: int | None


def count_alike(*, viewer: Viewer, answers: Sequence[Answer]) -> dict[str, Alike]:
    """Count, by each text that led to nothing, what looking for it alone finds nevertheless.

    That is the orders with a number that begins so, or else with one that ends so. One SQL
    statement.
    """
    missing = [each.text for each in answers if not each.hits]
    parts = [part for place, text in enumerate(missing) for part in _parts(place, text)]
    if not parts:
        return {}
    visible, params = visible_sql(viewer, "n")
    if not viewer.can(Right.FINANCE):
        # As in a search: a line holds its amount, and is found by the whole of it only.
        visible += f" AND n.kind <> '{NumberKind.BOLETO_LINE.value}'"
    some = " UNION ALL ".join(
        f"(SELECT n.order_id FROM orders_ordernumber n WHERE {visible} AND w.col = '{column}'"  # noqa: S608 our own names
        f" AND n.{column} >= w.first AND n.{column} < w.behind"
        f" AND (w.kinds = '' OR n.kind = ANY(string_to_array(w.kinds, ','))) LIMIT {ALIKE + 1})"
        for column in ("value", "reversed")
    )
    names = ("place", "col", "first", "behind", "kinds")
    arrays = ", ".join(f"%(w_{each})s::{'int' if each == 'place' else 'text'}[]" for each in names)
    params |= {
        f"w_{name}": list(each) for name, each in zip(names, zip(*parts, strict=True), strict=True)
    }
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT w.place, w.col, count(*), count(DISTINCT n.order_id)
            FROM unnest({arrays}) w({", ".join(names)}) CROSS JOIN LATERAL ({some}) n
            GROUP BY w.place, w.col ORDER BY w.col""",  # noqa: S608 placeholders only
            params,
        )
        # What begins so comes last, and stands.
        return {
            missing[place]: Alike(orders if numbers <= ALIKE else None)
            for place, _column, numbers, orders in cursor
        }


def _parts(place: int, text: str) -> Iterator[tuple[int, str, str, str, str]]:
    """Name the ranges of numbers that begin or end as a text: a search for it asks the same."""
    for candidate in recognise(text).candidates:
        value, kinds = candidate.value, ",".join(sorted(candidate.kinds or ()))
        for column, shortest in (("value", PREFIX_MIN), ("reversed", SUFFIX_MIN)):
            if len(value) >= shortest:
                yield place, column, *range_of(value, column), kinds


def _kinds(
    wanted: Sequence[Candidate], found: dict[str, list[tuple[NumberKind, int]]]
) -> dict[int, NumberKind]:
    """Say which orders a text leads to and as what, by the candidate that is most certain."""
    kinds: dict[int, NumberKind] = {}
    for candidate in wanted:
        for kind, pk in found.get(candidate.value, ()):
            if candidate.kinds is None or kind in candidate.kinds:
                kinds.setdefault(pk, kind)
    return kinds


def _orders_by_value(viewer: Viewer, values: set[str]) -> dict[str, list[tuple[NumberKind, int]]]:
    """Find the orders of each value, the newest ones first."""
    if not values:
        return {}
    # The number's own establishment is its order's; the order is looked at again when read.
    visible, params = visible_sql(viewer, "n")
    found: dict[str, list[tuple[NumberKind, int]]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT n.value, n.kind, n.order_id
            FROM orders_ordernumber n JOIN orders_order o ON o.id = n.order_id
            WHERE {visible} AND n.value = ANY(%(values)s)
            ORDER BY o.sorted_at DESC, o.id DESC, n.id""",  # noqa: S608 placeholders only
            params | {"values": sorted(values)},
        )
        for value, kind, pk in cursor:
            found.setdefault(value, []).append((NumberKind(kind), pk))
    return found
