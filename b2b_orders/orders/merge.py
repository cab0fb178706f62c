"""Several records of one order made into one draft: pure, whatever order they come in.

`PRECEDENCE` says which kind of source rules each field, and why. The first source that
states a field gives it, the ruling kind first; the other kind only fills what that one
leaves empty. Values that differ where it matters become a `Divergence`: shown, never
averaged or hidden.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from b2b_orders.orders import axes, quantities, unite
from b2b_orders.orders.sides import (
    ENDED,
    STAGE,
    Divergence,
    MergeInput,
    Rule,
    Side,
    active,
    side,
)
from erp_bridge.records import (
    Address,
    Billing,
    Fulfilment,
    OrderRecord,
    Party,
    Payment,
    System,
)

__all__ = ["PRECEDENCE", "Divergence", "Draft", "MergeInput", "divergence_values", "merge"]

SAO_PAULO = ZoneInfo("America/Sao_Paulo")


# Picked: the ruling kind of source first, then whoever states it.
_PICKED: tuple[Rule, ...] = (
    Rule(("placed_at",), "vtex", "the site saw the moment; an ERP has a day, or its own typing"),
    Rule(("placed_on",), "vtex", "the day of that moment; the ERP's where no site knows it"),
    Rule(("placed_by_name", "placed_by_code"), "vtex", "the site knows who logged in and ordered"),
    Rule(("channel",), "vtex", "a notion of the site"),
    Rule(("payment_terms",), "erp", "when what is due; the site knows but the means of payment"),
    Rule(("note",), "vtex", "what the buyer wrote; an ERP often repeats or cuts it"),
    Rule(("customer",), "vtex", "who ordered; an ERP may state the customer's own customer"),
    Rule(("promised_on",), "erp", "the ERP plans the delivery"),
    Rule(("billing",), "erp", "the address on the invoice is a fiscal fact"),
    Rule(("delivery",), "erp", "goods go where the ERP sends them"),
    Rule(("delivery_method",), "erp", "the ERP books the carrier"),
    Rule(("tracking_url",), "erp", "the ERP books the carrier"),
)
# Made by a function each.
_MADE: tuple[Rule, ...] = (
    Rule(("total",), "erp", "invoiced and owed is what the ERP says; parts of a split add up"),
    Rule(
        ("items_total", "discount", "freight", "taxes"),
        "erp",
        "parts go with their total; the site's fill gaps only while the totals agree",
    ),
    Rule(
        ("fulfilment",),
        "erp",
        "the ERP moves the goods once it knows the order; what both see, delivery, goes"
        " forward only, so the further one is the newer one",
    ),
    *axes.RULES,
    Rule(("lines",), "erp", "what is really shipped, once the ERP's details are all in hand"),
    Rule(("numbers",), "both", "every number by which anybody may know the order"),
    Rule(("invoices",), "both", "united by access key, else by number and series; ERP first"),
    Rule(("titles",), "both", "united by typeable line, else by the source's key"),
    Rule(("events",), "both", "everything that happened, as each source words it"),
)
PRECEDENCE = (*_PICKED, *_MADE)

# VTEX's words for "paid, and now the ERP's turn".
_READY_FOR_ERP = frozenset({"payment-approved", "ready-for-handling"})
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Draft:
    """One order as it is to be written. `sorted_at` is None when no source dates it.

    `tax_ids` are whose order it may be, the surest first.
    """

    title: str
    origins: str
    fulfilment: Fulfilment
    billing: Billing
    payment: Payment
    status_raw: str
    status_system: System
    placed_on: date | None
    sorted_at: datetime | None
    promised_on: date | None
    placed_by_name: str
    placed_by_code: str
    currency: str
    total: Decimal | None
    tax_ids: tuple[str, ...]
    facts: dict[str, Any]
    provenance: dict[str, str]
    lines: tuple[unite.Line, ...]
    invoices: tuple[unite.Invoice, ...]
    titles: tuple[unite.Title, ...]
    numbers: tuple[unite.Number, ...]
    events: tuple[unite.Event, ...]
    divergences: tuple[Divergence, ...]


def merge(inputs: Sequence[MergeInput], *, zone: ZoneInfo = SAO_PAULO) -> Draft:
    """Make one order of its records; `zone` is where a day begins."""
    ranked = sorted(inputs, key=lambda i: (i.connection, i.record.external_id))
    erp = [i for i in ranked if i.system is System.ERP]
    vtex = [i for i in ranked if i.system is System.VTEX]
    picked, provenance = _pick(erp, vtex)
    status = _status(erp, vtex)
    total = _total(erp, vtex)
    provenance |= {"fulfilment": status.connection}
    if total.ruler:
        provenance["total"] = total.ruler[0].connection
    lines_from = _line_sources(erp, vtex)
    records = [i.record for i in (*erp, *vtex)]
    lines = quantities.lines([i.record for i in lines_from], records)
    if lines_from:
        provenance["lines"] = lines_from[0].connection
    billing = axes.billing(erp, vtex, lines, provenance.get("lines", ""))
    payment = axes.payment(erp, vtex)
    provenance |= {"billing_state": billing.connection, "payment_state": payment.connection}
    placed_at = picked["placed_at"]
    placed_on = placed_at.astimezone(zone).date() if placed_at else picked["placed_on"]
    invoices = unite.invoices(records)
    return Draft(
        title=_title(erp, vtex),
        origins="+".join(name for name, has in (("erp", erp), ("vtex", vtex)) if has),
        fulfilment=status.fulfilment,
        billing=billing.state,
        payment=payment.state,
        status_raw=status.raw,
        status_system=status.system,
        placed_on=placed_on,
        sorted_at=placed_at or _midnight(placed_on, zone),
        promised_on=picked["promised_on"],
        placed_by_name=picked["placed_by_name"],
        placed_by_code=picked["placed_by_code"],
        currency=(total.ruler or (*erp, *vtex))[0].record.currency,
        total=total.amount,
        tax_ids=tuple(
            dict.fromkeys(
                i.record.customer.tax_id for i in (*vtex, *erp) if i.record.customer.tax_id
            )
        ),
        facts=_facts(picked, erp, vtex, total),
        provenance={name: of for name, of in sorted(provenance.items()) if of},
        lines=lines,
        invoices=invoices,
        titles=unite.titles(records, invoices, placed_on),
        numbers=unite.numbers([i.record for i in (*vtex, *erp)], invoices),
        events=unite.events([(i.connection, i.record) for i in ranked]),
        divergences=tuple(
            found
            for found in (
                total.divergence,
                _status_divergence(erp, vtex),
                billing.divergence,
                payment.divergence,
            )
            if found
        ),
    )


# --- fields that the table picks ------------------------------------------------------------


def _pick(
    erp: Sequence[MergeInput], vtex: Sequence[MergeInput]
) -> tuple[dict[str, Any], dict[str, str]]:
    picked: dict[str, Any] = {}
    provenance = {}
    for rule in _PICKED:
        ranked = (*vtex, *erp) if rule.ruler == "vtex" else (*erp, *vtex)
        source = next((i for i in ranked if _states(i.record, rule.fields)), None)
        for name in rule.fields:
            picked[name] = getattr((source or ranked[0]).record, name)
            if source:
                provenance[name] = source.connection
    return picked, provenance


def _states(record: OrderRecord, fields: tuple[str, ...]) -> bool:
    return any(getattr(record, name) not in (None, "", Address(), Party()) for name in fields)


def _title(erp: Sequence[MergeInput], vtex: Sequence[MergeInput]) -> str:
    if vtex:
        return vtex[0].record.external_id
    record = erp[0].record
    return record.erp_numbers[0] if record.erp_numbers else record.external_id


def _midnight(day: date | None, zone: ZoneInfo) -> datetime | None:
    return datetime.combine(day, time(), tzinfo=zone) if day else None


def _line_sources(erp: Sequence[MergeInput], vtex: Sequence[MergeInput]) -> list[MergeInput]:
    """Choose whose items are shown: the ERP's once all are there, so that none go missing."""
    theirs = active(erp)
    with_lines = [i for i in theirs if i.record.lines]
    if theirs and len(with_lines) == len(theirs):
        return with_lines
    return [i for i in active(vtex) if i.record.lines] or with_lines


# --- status -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Status:
    fulfilment: Fulfilment
    raw: str
    system: System
    connection: str


def _status(erp: Sequence[MergeInput], vtex: Sequence[MergeInput]) -> _Status:
    """Say how far the order is.

    The ERP rules once it states anything. Of several ERP orders the least advanced that
    goes on speaks for all. Delivery that only the site observed takes an invoiced order
    further. Without an ERP a paid order waits to enter it.
    """
    theirs = _least_advanced(erp)
    site = _least_advanced(vtex)
    if theirs and (theirs.raw or theirs.fulfilment is not Fulfilment.UNMAPPED):
        delivering = (Fulfilment.INVOICED, Fulfilment.SHIPPED)
        is_further = site and STAGE.get(site.fulfilment, -1) > STAGE.get(theirs.fulfilment, 99)
        return site if site and is_further and theirs.fulfilment in delivering else theirs
    if site is None:
        return theirs or _Status(Fulfilment.UNMAPPED, "", System.ERP, "")
    goes_on = site.fulfilment not in ENDED
    if erp and site.fulfilment is Fulfilment.AWAITING_ERP:
        return dataclasses.replace(site, fulfilment=Fulfilment.PLACED)
    if not erp and goes_on and site.raw in _READY_FOR_ERP:
        return dataclasses.replace(site, fulfilment=Fulfilment.AWAITING_ERP)
    return site


def _least_advanced(inputs: Sequence[MergeInput]) -> _Status | None:
    if not inputs:
        return None
    mapped = [i for i in active(inputs) if i.record.fulfilment is not Fulfilment.UNMAPPED]
    chosen = min(mapped or inputs, key=lambda i: STAGE.get(i.record.fulfilment, len(STAGE)))
    record = chosen.record
    return _Status(record.fulfilment, record.status_raw, chosen.system, chosen.connection)


def _status_divergence(erp: Sequence[MergeInput], vtex: Sequence[MergeInput]) -> Divergence | None:
    """Tell when one side ended the order and the other goes on with it."""
    theirs, site = _least_advanced(erp), _least_advanced(vtex)
    if not theirs or not site or Fulfilment.UNMAPPED in (theirs.fulfilment, site.fulfilment):
        return None
    if (theirs.fulfilment in ENDED) == (site.fulfilment in ENDED):
        return None
    return Divergence(
        "fulfilment",
        (
            side(theirs.connection, erp, theirs.fulfilment, rules=True),
            side(site.connection, vtex, site.fulfilment, rules=False),
        ),
    )


# --- amounts ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Total:
    amount: Decimal | None
    ruler: tuple[MergeInput, ...]
    other: tuple[MergeInput, ...]
    divergence: Divergence | None = None


def _sum(inputs: Sequence[MergeInput], field: str) -> Decimal | None:
    """Add a field up over records; None unless every one states it, in one currency."""
    amounts = [getattr(i.record, field) for i in inputs]
    if not amounts or None in amounts or len({i.record.currency for i in inputs}) > 1:
        return None
    return sum(amounts, Decimal(0))


def _total(erp: Sequence[MergeInput], vtex: Sequence[MergeInput]) -> _Total:
    theirs, site = tuple(active(erp)), tuple(active(vtex))
    erp_total, site_total = _sum(theirs, "total"), _sum(site, "total")
    if erp_total is None:
        return _Total(site_total, site if site_total is not None else (), ())
    if site_total is None:
        return _Total(erp_total, theirs, ())
    same_currency = theirs[0].record.currency == site[0].record.currency
    if same_currency and abs(erp_total - site_total) < _CENT:
        return _Total(erp_total, theirs, site)
    sides = (
        *_total_sides(theirs, rules=True),
        *_total_sides(site, rules=False),
    )
    return _Total(erp_total, theirs, (), Divergence("total", sides))


def _total_sides(inputs: Sequence[MergeInput], *, rules: bool) -> list[Side]:
    """Say what each connection's records add up to."""
    sides = []
    for connection in dict.fromkeys(i.connection for i in inputs):
        own = [i for i in inputs if i.connection == connection]
        amount = _sum(own, "total") or Decimal(0)
        sides.append(side(connection, own, f"{amount:.2f}", rules=rules))
    return sides


def _amounts(total: _Total) -> dict[str, str]:
    """Break the total down; the site's parts fill gaps only while the totals agree."""
    names = {"items": "items_total", "discount": "discount", "freight": "freight", "taxes": "taxes"}
    amounts = {}
    for name, field in names.items():
        part = _sum(total.ruler, field)
        if part is None:
            part = _sum(total.other, field)
        if part is not None:
            amounts[name] = f"{part:.2f}"
    return amounts


# --- facts --------------------------------------------------------------------------------------


def _facts(
    picked: dict[str, Any],
    erp: Sequence[MergeInput],
    vtex: Sequence[MergeInput],
    total: _Total,
) -> dict[str, Any]:
    """Gather what is shown once, on the order's own page; what is unknown is left out."""
    ranked = (*erp, *vtex)
    placed_at, customer = picked["placed_at"], picked["customer"]
    facts: dict[str, Any] = {
        "amounts": _amounts(total),
        "payment_terms": picked["payment_terms"],
        "note": picked["note"],
        "billing": _stated(picked["billing"]),
        "delivery": _stated(picked["delivery"]),
        "delivery_method": picked["delivery_method"],
        "tracking_url": picked["tracking_url"],
        "channel": picked["channel"],
        "customer": {k: v for k, v in (("name", customer.name), ("tax_id", customer.tax_id)) if v},
        "placed_at": placed_at.isoformat() if placed_at else "",
        "statuses": [
            {
                "connection": i.connection,
                "system": str(i.system),
                "raw": i.record.status_raw,
                "fulfilment": str(i.record.fulfilment),
            }
            for i in ranked
        ],
        "cancel_requested": any(
            i.record.cancel_requested or i.record.fulfilment is Fulfilment.CANCEL_REQUESTED
            for i in ranked
        ),
    }
    return {name: value for name, value in facts.items() if value}


def _stated(address: Address) -> dict[str, str]:
    return {k: v for k, v in dataclasses.asdict(address).items() if v}


def divergence_values(divergence: Divergence) -> list[dict[str, Any]]:
    """Write a divergence's sides as the JSON its row holds."""
    return [
        {
            "connection": side.connection,
            "system": str(side.system),
            "value": side.value,
            "as_of": side.as_of.isoformat(),
            "rules": side.rules,
        }
        for side in divergence.values
    ]
