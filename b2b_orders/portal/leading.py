"""Which number of an order stands first: the person's choice, obeyed by every page.

Like the language it is set once a request, so that no presenter has to be told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from b2b_orders.orders.queries import NumberRow
from erp_bridge.records import NumberKind

# What may be chosen. Without a choice an order is called by its number on the site, else by
# that of the ERP: `Order.title`.
KINDS: Final = (NumberKind.CUSTOMER.value, NumberKind.WEB.value, NumberKind.ERP.value)
_chosen: ContextVar[str] = ContextVar("leading_number", default="")


@contextmanager
def led_by(kind: str) -> Iterator[None]:
    """Call orders by their number of a kind within the block, where they have one."""
    token = _chosen.set(kind if kind in KINDS else "")
    try:
        yield
    finally:
        _chosen.reset(token)


def chosen_kind() -> str:
    """Return what was chosen, for what is written after the request has ended."""
    return _chosen.get()


def leading_number(title: str, numbers: Iterable[NumberRow]) -> str:
    """Return the number that an order is called by, as its source wrote it."""
    chosen = _chosen.get()
    if not chosen:
        return title
    of_kind = [number.written for number in numbers if number.kind == chosen]
    # An order of several shipments has several; its usual name is the better one of them.
    return title if title in of_kind else next(iter(of_kind), title)


def best_first(title: str, numbers: Iterable[NumberRow]) -> list[NumberRow]:
    """Sort numbers so that one of each kind comes first, the order's usual one before its like."""
    usual_first = sorted(numbers, key=lambda number: number.written != title)
    places: dict[str, int] = {}
    ranked = []
    for number in usual_first:
        places[number.kind] = places.get(number.kind, 0) + 1
        ranked.append((places[number.kind], number))
    return [number for _place, number in sorted(ranked, key=lambda each: each[0])]
