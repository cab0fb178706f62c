"""How much is invoiced and what is known of the money: two axes beside how far the goods are.

Pure, and slow to claim: each state is proved by what a source states, or it is unknown.
An order that is half invoiced, and whose boletos so far are paid, is not paid.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Generic, TypeVar

from b2b_orders.orders.quantities import invoiced_of, sold
from b2b_orders.orders.sides import Divergence, MergeInput, Rule, active, side
from b2b_orders.orders.unite import Line
from erp_bridge.records import (
    Billing,
    Fulfilment,
    InvoiceRecord,
    OrderRecord,
    Payment,
    TitleState,
)

RULES = (
    Rule(
        ("billing_state",),
        "erp",
        "an invoice is a fiscal fact of the ERP; quantities by item prove more than a word;"
        " the site's invoices count where the ERP says nothing",
    ),
    Rule(
        ("payment_state",),
        "erp",
        "what is owed and paid is the ERP's to say; without it, how it was paid on the site",
    ),
)

State = TypeVar("State", Billing, Payment)
_CENT = Decimal("0.01")
B, P, F = Billing, Payment, Fulfilment

# What a status says of invoices where the source names none. Goods that left without an
# invoice that we know of say nothing: there must be one, and we have not seen it.
_WITHOUT_INVOICE = MappingProxyType(
    {
        F.PLACED: B.NOT_INVOICED,
        F.AWAITING_APPROVAL: B.NOT_INVOICED,
        F.AWAITING_PAYMENT: B.NOT_INVOICED,
        F.AWAITING_ERP: B.NOT_INVOICED,
        F.COMMERCIAL_REVIEW: B.NOT_INVOICED,
        F.CREDIT_REVIEW: B.NOT_INVOICED,
        F.PICKING: B.NOT_INVOICED,
        F.CANCEL_REQUESTED: B.NOT_INVOICED,
        F.PARTLY_INVOICED: B.PARTLY_INVOICED,
        F.INVOICED: B.INVOICED,
        F.CANCELLED: B.CANCELLED,
        F.REPLACED: B.CANCELLED,
    }
)
# What a status says where there are invoices, and neither items nor amounts tell how much.
_WITH_INVOICE = MappingProxyType(
    {
        F.PARTLY_INVOICED: B.PARTLY_INVOICED,
        F.INVOICED: B.INVOICED,
        F.SHIPPED: B.INVOICED,
        F.DELIVERED: B.INVOICED,
    }
)
_SOME_INVOICED = frozenset({B.PARTLY_INVOICED, B.INVOICED})
# (ERP, site): both state something, and not both can be right. One lagging behind the
# other, as a site that was not told of an invoice, is no contradiction.
_BILLING_CONTRADICTS = frozenset(
    pair
    for invoiced in _SOME_INVOICED
    for pair in ((B.CANCELLED, invoiced), (invoiced, B.CANCELLED))
)
_PAYMENT_CONTRADICTS = frozenset(
    {
        (P.PAID, P.AWAITING),
        *(
            (theirs, site)
            for theirs in (P.PAID, P.PARTLY_PAID, P.AUTHORISED)
            for site in (P.DENIED, P.CANCELLED)
        ),
        *((theirs, P.AUTHORISED) for theirs in (P.DENIED, P.CANCELLED)),
        (P.PAID, P.REFUNDED),
    }
)


@dataclass(frozen=True, slots=True)
class Axis(Generic[State]):
    """A state, the connection it rests on, and what the sources say that does not fit."""

    state: State
    connection: str
    divergence: Divergence | None = None


# --- billing --------------------------------------------------------------------------------


def billing(
    erp: Sequence[MergeInput],
    vtex: Sequence[MergeInput],
    lines: Sequence[Line],
    lines_from: str,
) -> Axis[Billing]:
    """Say how much is invoiced. `lines` are the items as shown, `lines_from` whose they are."""
    theirs = _billing_together(billing_of(i.record) for i in active(erp))
    site = _billing_together(billing_of(i.record) for i in active(vtex))
    divergence = _contradiction("billing", erp, vtex, (theirs, site), _BILLING_CONTRADICTS)
    is_stated = any(i.record.invoicing is not B.UNKNOWN for i in active(erp))
    proved = _by_lines(lines)
    if erp and proved and not is_stated and theirs not in (B.RETURNED, B.CANCELLED):
        return Axis(proved, lines_from, divergence)
    if theirs is not B.UNKNOWN:
        return Axis(theirs, active(erp)[0].connection, divergence)
    # Once an ERP knows the order, that the site has no invoice proves nothing.
    if site is B.UNKNOWN or (erp and site not in (*_SOME_INVOICED, B.RETURNED)):
        return Axis(B.UNKNOWN, "")
    return Axis(site, active(vtex)[0].connection, divergence)


def billing_of(record: OrderRecord) -> Billing:
    """Say how much of one record is invoiced, by what its source states."""
    invoices = sold(record)
    returned = [i for i in record.invoices if i.is_return]
    if invoices and _cover(returned, invoices):
        return B.RETURNED
    if record.invoicing is not B.UNKNOWN:
        return record.invoicing
    if not invoices:
        return B.UNKNOWN if returned else _WITHOUT_INVOICE.get(record.fulfilment, B.UNKNOWN)
    return (
        _by_quantities(record)
        or _by_amounts(record, invoices)
        or _WITH_INVOICE.get(record.fulfilment, B.UNKNOWN)
    )


def _cover(returned: Sequence[InvoiceRecord], invoices: Sequence[InvoiceRecord]) -> bool:
    """Say whether all that was sold came back, by amounts or else by items."""
    back, out = _amount(returned), _amount(invoices)
    if back is not None and out is not None:
        return back >= out
    left: dict[int, Decimal] = {}
    for sign, group in ((1, invoices), (-1, returned)):
        if not group or not all(i.lines for i in group):
            return False
        for part in (part for i in group for part in i.lines):
            left[part.position] = left.get(part.position, Decimal(0)) + sign * part.quantity
    return all(quantity <= 0 for quantity in left.values())


def _amount(invoices: Sequence[InvoiceRecord]) -> Decimal | None:
    amounts = [i.total for i in invoices if i.total is not None]
    return sum(amounts, Decimal(0)) if amounts and len(amounts) == len(invoices) else None


def _by_quantities(record: OrderRecord) -> Billing | None:
    invoiced = invoiced_of(record)
    if not invoiced or not record.lines or any(line.quantity is None for line in record.lines):
        return None
    is_all = all(invoiced[line.position] >= (line.quantity or 0) for line in record.lines)
    return B.INVOICED if is_all else B.PARTLY_INVOICED


def _by_amounts(record: OrderRecord, invoices: Sequence[InvoiceRecord]) -> Billing | None:
    amount = _amount(invoices)
    if amount is None or record.total is None:
        return None
    return B.INVOICED if amount > record.total - _CENT else B.PARTLY_INVOICED


def _by_lines(lines: Sequence[Line]) -> Billing | None:
    """Say what the items as shown prove: of several ERP orders, and by the site's invoices."""
    known = [(line.quantity, line.invoiced) for line in lines]
    if not any(invoiced for _, invoiced in known):
        return None
    if any(quantity is None or invoiced is None for quantity, invoiced in known):
        return None
    is_all = all((invoiced or 0) >= (quantity or 0) for quantity, invoiced in known)
    return B.INVOICED if is_all else B.PARTLY_INVOICED


def _billing_together(found: Iterable[Billing]) -> Billing:
    """Say what several orders are together, as far as that is sure; unknown without any."""
    states = set(found)
    if len(states) == 1:
        return next(iter(states))
    if B.PARTLY_INVOICED in states:
        return B.PARTLY_INVOICED
    if states & {B.INVOICED, B.RETURNED} and B.NOT_INVOICED in states:
        return B.PARTLY_INVOICED
    return B.INVOICED if states == {B.INVOICED, B.RETURNED} else B.UNKNOWN


# --- payment --------------------------------------------------------------------------------


def payment(erp: Sequence[MergeInput], vtex: Sequence[MergeInput]) -> Axis[Payment]:
    """Say what is known of the money."""
    theirs = _payment_together(_payment_of(i.record) for i in active(erp))
    site = _payment_together(_payment_of(i.record) for i in active(vtex))
    divergence = _contradiction("payment", erp, vtex, (theirs, site), _PAYMENT_CONTRADICTS)
    if theirs is not P.UNKNOWN:
        return Axis(theirs, active(erp)[0].connection, divergence)
    if site is not P.UNKNOWN:
        return Axis(site, active(vtex)[0].connection)
    return Axis(P.UNKNOWN, "")


def _payment_of(record: OrderRecord) -> Payment:
    if record.payment is not P.UNKNOWN:
        return record.payment
    titles = [title for title in record.titles if title.state is not TitleState.CANCELLED]
    states = {title.state for title in titles}
    if states == {TitleState.OPEN}:
        return P.AWAITING
    if states >= {TitleState.OPEN, TitleState.PAID}:
        return P.PARTLY_PAID
    if states != {TitleState.PAID}:
        return P.UNKNOWN
    amounts = [title.amount for title in titles if title.amount is not None]
    if record.total is not None and len(amounts) == len(titles):
        return P.PAID if sum(amounts) > record.total - _CENT else P.PARTLY_PAID
    # Without amounts, paid is what was invoiced so far.
    return _PAID_OF.get(billing_of(record), P.UNKNOWN)


_PAID_OF = MappingProxyType({B.INVOICED: P.PAID, B.PARTLY_INVOICED: P.PARTLY_PAID})


def _payment_together(found: Iterable[Payment]) -> Payment:
    states = set(found)
    if len(states) == 1:
        return next(iter(states))
    if states and states <= {P.PAID, P.PARTLY_PAID, P.AWAITING}:
        return P.PARTLY_PAID
    return P.AWAITING if states == {P.AUTHORISED, P.AWAITING} else P.UNKNOWN


# --- both -----------------------------------------------------------------------------------


def _contradiction(
    field: str,
    erp: Sequence[MergeInput],
    vtex: Sequence[MergeInput],
    states: tuple[State, State],
    contradictions: frozenset[tuple[State, State]],
) -> Divergence | None:
    if states not in contradictions:
        return None
    theirs, site = active(erp), active(vtex)
    return Divergence(
        field,
        (
            side(theirs[0].connection, theirs, states[0], rules=True),
            side(site[0].connection, site, states[1], rules=False),
        ),
    )
