"""How much of each item is invoiced: over several invoices and several ERP orders.

A record that lists the items of all its invoices says it of its own items. Where an ERP
lists none, what the site says is carried over by product code, but only while the site
knows every invoice that the ERP knows: a sum that misses an invoice is worse than none.
Returns never count, and one invoice that two sources name is counted from one of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from b2b_orders.orders.numbers import normalise
from b2b_orders.orders.unite import Line, is_same_invoice, shown_number
from erp_bridge.records import InvoiceRecord, OrderLine, OrderRecord

# By record (its place among those shown) and the position of the item in it.
_Invoiced = dict[tuple[int, int], Decimal]


def lines(shown: Sequence[OrderRecord], records: Sequence[OrderRecord]) -> tuple[Line, ...]:
    """List the items of `shown` one after the other, numbered from 1.

    `records` are all of the order, whose invoices say what is invoiced of each item.
    """
    invoiced, named = _invoiced(shown, records), _named(shown, records)
    found: list[Line] = []
    for at, record in enumerate(shown):
        for line in sorted(record.lines, key=lambda line: line.position):
            found.append(
                Line(
                    position=len(found) + 1,
                    sku=line.sku,
                    name=line.name,
                    quantity=line.quantity,
                    unit=line.unit,
                    unit_price=line.unit_price,
                    total=line.total,
                    invoiced=invoiced.get((at, line.position), line.invoiced),
                    customer_code=line.customer_code,
                    discount=line.discount,
                    tax=line.tax,
                    reserved=line.reserved,
                    shipped=line.shipped,
                    cancelled=line.cancelled,
                    invoices=named.get((at, line.position), ()),
                )
            )
    return tuple(found)


def sold(record: OrderRecord) -> list[InvoiceRecord]:
    """List a record's invoices, each once, without those for goods that come back."""
    return list(dict.fromkeys(i for i in record.invoices if not i.is_return))


def invoiced_of(record: OrderRecord) -> dict[int, Decimal] | None:
    """Add up what a record's invoices say of its items; None unless each of them says it."""
    invoices = sold(record)
    if not invoices or not all(invoice.lines for invoice in invoices):
        return None
    found = {line.position: Decimal(0) for line in record.lines}
    for invoice in invoices:
        for part in invoice.lines:
            found[part.position] = found.get(part.position, Decimal(0)) + part.quantity
    return found


def _invoiced(shown: Sequence[OrderRecord], records: Sequence[OrderRecord]) -> _Invoiced:
    own: _Invoiced = {}
    for at, record in enumerate(shown):
        of_record = invoiced_of(record)
        if of_record is not None and _know_all((record,), records):
            own |= {(at, position): quantity for position, quantity in of_record.items()}
    return own or _carried(shown, [r for r in records if r not in shown], records)


def _named(
    shown: Sequence[OrderRecord], records: Sequence[OrderRecord]
) -> dict[tuple[int, int], tuple[tuple[str, str], ...]]:
    """Say which invoices name each item, and how much of it.

    Another record's invoices name the item of their product only where there is one such item.
    """
    found: dict[tuple[int, int], list[tuple[str, str]]] = {}
    for at, record in enumerate(shown):
        for invoice in sold(record):
            for part in invoice.lines:
                found.setdefault((at, part.position), []).append(_written(invoice, part.quantity))
    if not found:
        slots = _slots(shown)
        for record in (record for record in records if record not in shown):
            skus = {line.position: normalise(line.sku) for line in record.lines if line.sku}
            for invoice in sold(record):
                for part in invoice.lines:
                    mine = slots.get(skus.get(part.position, ""), [])
                    if len(mine) == 1:
                        found.setdefault(mine[0][0], []).append(_written(invoice, part.quantity))
    return {slot: tuple(dict.fromkeys(names)) for slot, names in found.items()}


def _written(invoice: InvoiceRecord, quantity: Decimal) -> tuple[str, str]:
    number, series = shown_number(invoice.number), shown_number(invoice.series)
    return f"{number}/{series}" if series else number, f"{quantity.normalize():f}"


def _know_all(stating: Sequence[OrderRecord], records: Iterable[OrderRecord]) -> bool:
    """Say whether what states items misses no invoice that an ERP knows."""
    if any(record.system == "erp" for record in stating):
        return True
    known = [invoice for record in stating for invoice in sold(record)]
    return all(
        any(is_same_invoice(invoice, other) for other in known)
        for record in records
        if record.system == "erp"
        for invoice in sold(record)
    )


def _carried(
    shown: Sequence[OrderRecord], others: Sequence[OrderRecord], records: Sequence[OrderRecord]
) -> _Invoiced:
    stating = [record for record in others if sold(record)]
    said = [invoiced_of(record) for record in stating]
    if not stating or None in said or not _know_all(stating, records):
        return {}
    of_sku: dict[str, Decimal] = {}
    for record, invoiced in zip(stating, said, strict=True):
        for line in record.lines:
            if line.sku and invoiced is not None:
                sku = normalise(line.sku)
                of_sku[sku] = of_sku.get(sku, Decimal(0)) + invoiced[line.position]
    found: _Invoiced = {}
    for sku, slots in _slots(shown).items():
        if sku in of_sku:
            found |= _shared_out(of_sku[sku], slots)
    return found


def _slots(shown: Sequence[OrderRecord]) -> dict[str, list[tuple[tuple[int, int], OrderLine]]]:
    slots: dict[str, list[tuple[tuple[int, int], OrderLine]]] = {}
    for at, record in enumerate(shown):
        for line in record.lines:
            if line.sku:
                slots.setdefault(normalise(line.sku), []).append(((at, line.position), line))
    return slots


def _shared_out(total: Decimal, slots: list[tuple[tuple[int, int], OrderLine]]) -> _Invoiced:
    """Say what a quantity of one product means for its items: only what can be no other way."""
    if len(slots) == 1:
        return {slots[0][0]: total}
    if total == 0:
        return dict.fromkeys((at for at, _ in slots), total)
    ordered = [line.quantity for _, line in slots]
    if total == sum(quantity or 0 for quantity in ordered) and None not in ordered:
        return {at: line.quantity for at, line in slots if line.quantity is not None}
    return {}
