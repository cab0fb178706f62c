"""What checked fiscal files and people say, laid over what a source says of its order: pure.

A file only fills what its source leaves empty. Nothing of a source is overwritten, nothing
is worked out: a file that does not state an amount teaches none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import fields, replace

from b2b_orders.orders.numbers import normalise
from b2b_orders.orders.unite import is_same_invoice, shown_number
from erp_bridge.records import InvoiceRecord, OrderRecord, TitleRecord

# Of `det/prod/xPed`; what is longer is cut by who writes it there.
_LONGEST_ITEM_NUMBER = 15
# Shorter beginnings fit too many numbers.
_SHORTEST_CUT = 6
_NOISE = re.compile(r"[\s\-/.#]+")
_EMPTY: tuple[object, ...] = (None, "", ())
_OWN = frozenset({"number", "is_return"})


def overlay(record: OrderRecord, taught: Iterable[OrderRecord]) -> OrderRecord:
    """Fill a source's record with what files say; `taught` comes in a fixed order."""
    for lesson in taught:
        invoices = record.invoices
        for invoice in lesson.invoices:
            invoices = _with_invoice(invoices, invoice)
        record = replace(
            record,
            invoices=invoices,
            titles=(*record.titles, *_missing_titles(record, lesson)),
            customer_numbers=(*record.customer_numbers, *_new_numbers(record, lesson)),
            events=tuple(dict.fromkeys((*record.events, *lesson.events))),
        )
    return record


def with_added(record: OrderRecord, numbers: Iterable[str]) -> tuple[str, ...]:
    """Return a record's customer's numbers and, after them, what people added that is new."""
    values = set(map(normalise, record.customer_numbers))
    return (*record.customer_numbers, *(n for n in numbers if normalise(n) not in values))


def _with_invoice(
    known: tuple[InvoiceRecord, ...], taught: InvoiceRecord
) -> tuple[InvoiceRecord, ...]:
    same = [at for at, each in enumerate(known) if _is_same(each, taught)]
    if not same:
        return (*known, taught)
    if len(same) > 1:
        # One of two alike: it cannot be said which.
        return known
    [at] = same
    return (*known[:at], _filled(known[at], taught), *known[at + 1 :])


def _is_same(one: InvoiceRecord, other: InvoiceRecord) -> bool:
    if one.emitter and other.emitter and _plain(one.emitter) != _plain(other.emitter):
        return False
    return is_same_invoice(one, other)


def _plain(tax_id: str) -> str:
    return "".join(filter(str.isalnum, tax_id.upper()))


def _filled(known: InvoiceRecord, taught: InvoiceRecord) -> InvoiceRecord:
    gaps = {
        each.name: getattr(taught, each.name)
        for each in fields(InvoiceRecord)
        if each.name not in _OWN
        and getattr(known, each.name) in _EMPTY
        and getattr(taught, each.name) not in _EMPTY
    }
    return replace(known, **gaps) if gaps else known


def _missing_titles(record: OrderRecord, lesson: OrderRecord) -> Iterator[TitleRecord]:
    """Return the titles of invoices for which the source states none.

    Titles that name no invoice may be of any of them.
    """
    stated = {shown_number(title.invoice_number) for title in record.titles}
    if "" not in stated:
        yield from (t for t in lesson.titles if shown_number(t.invoice_number) not in stated)


def _new_numbers(record: OrderRecord, lesson: OrderRecord) -> Iterator[str]:
    """Return the customer's numbers that are not one of the order's own, written otherwise."""
    known = [
        record.external_id,
        *record.web_numbers,
        *record.erp_numbers,
        *record.customer_numbers,
    ]
    for number in lesson.customer_numbers:
        if not is_known_number(number, known):
            known.append(number)
            yield number


def is_known_number(number: str, known: Iterable[str]) -> bool:
    """Say whether a file's order number is one of some numbers, perhaps cut to what fits.

    Sellers drop dashes and zeros, and cut what does not fit an item's 15 characters: such a
    beginning counts where just one number begins so.
    """
    wanted = comparable(number)
    others = {comparable(each) for each in known}
    if wanted in others:
        return True
    is_cut = len(number.strip()) == _LONGEST_ITEM_NUMBER and len(wanted) >= _SHORTEST_CUT
    return is_cut and sum(each.startswith(wanted) for each in others) == 1


def comparable(number: str) -> str:
    """Write an order number so that spellings of one compare equal."""
    return _NOISE.sub("", number.upper()).lstrip("0")
