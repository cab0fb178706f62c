"""The order page: everything worded and formatted, once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext as _

from b2b_orders.companies.access import Right, Viewer
from b2b_orders.orders.guessing import guess
from b2b_orders.orders.numbers import index_values, recognise
from b2b_orders.orders.promises import Promise
from b2b_orders.orders.queries import (
    DivergenceRow,
    DivergenceValue,
    NumberRow,
    OrderDetail,
    TitleRow,
)
from b2b_orders.portal import formats, words
from b2b_orders.portal.leading import leading_number
from b2b_orders.portal.presenters.documents import (
    InvoiceGroup,
    beyond_words,
    due_words,
    is_safe_link,
    title_chip,
)
from b2b_orders.portal.presenters.order_head import headline, is_late, promise_words
from b2b_orders.portal.presenters.sources import SourceLine
from erp_bridge.records import NumberKind, System

KIND_ORDER = ("customer", "web", "sequence", "erp", "seller", "tracking")
# No order has so short or so long a sequence.
_SEQUENCE = re.compile(r"[0-9]{3,10}")
_NUMBER_LABELS = words.NUMBER_KIND | words.NUMBER_FORM
_COPY_KEYS = {"customer": "c m", "web": "c w", "erp": "c e"}
_STATE_WORDS = {"billing": words.BILLING, "payment": words.PAYMENT}
AMOUNT_FIELDS = frozenset({"total", "items", "discount", "freight", "taxes"})


@dataclass(frozen=True, slots=True)
class NumberItem:
    """A number; `is_hit` when it is how the order was found."""

    text: str
    is_hit: bool
    # The keys that copy it: of the first number of its kind.
    key: str = ""


@dataclass(frozen=True, slots=True)
class NumberGroup:
    """The numbers of one kind, under its label."""

    label: str
    numbers: tuple[NumberItem, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the bar: done, now, or still to come."""

    label: str
    state: str
    icon: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of a card."""

    label: str
    text: str
    lines: tuple[str, ...] = ()
    link: str = ""
    is_sum: bool = False


@dataclass(frozen=True, slots=True)
class TitleItem:
    """An amount due; `pay` is the address where it is paid, "" when it is not to be paid."""

    anchor: str
    name: str
    due: str
    settled: str
    amount: str
    state: words.Chip
    pay: str
    # What is owed beyond the amount once its day has passed.
    beyond: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """A field on which the sources disagree."""

    field: str
    values: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class OrderPage:
    """All that the order page shows."""

    title: str
    numbers: tuple[NumberGroup, ...]
    found_by: str
    status: words.Chip
    states: tuple[Fact, ...]
    layout: str
    layout_words: str
    steps: tuple[Step, ...]
    steps_words: str
    subtitle: str
    sources: tuple[SourceLine, ...]
    differences: tuple[Difference, ...]
    differences_words: str
    groups: tuple[InvoiceGroup, ...]
    document_count: int
    headline: str
    is_late: bool
    promises: str
    delivery: tuple[Fact, ...]
    billing: tuple[Fact, ...]
    payment: tuple[Fact, ...]
    titles: tuple[TitleItem, ...]
    open_words: str
    position: str
    amounts: tuple[Fact, ...]


def order_page(
    detail: OrderDetail,
    *,
    viewer: Viewer,
    typed: str,
    sources: tuple[SourceLine, ...],
    groups: tuple[InvoiceGroup, ...],
    payments: Mapping[str, str],
    promises: Sequence[Promise] = (),
    now: datetime,
) -> OrderPage:
    """Present an order; its items and its timeline have presenters of their own.

    `payments` are the addresses where its amounts due are paid, by their titles' keys.
    """
    row = detail.row
    prices = viewer.can(Right.PRICES)
    currency = detail.currency
    numbers, found_by = _numbers(detail, typed)
    today = formats.today(now)
    layout = _layout(row.fulfilment)
    steps = _steps(row.fulfilment) if layout in {"steps", "partly"} else ()
    return OrderPage(
        title=leading_number(row.title, row.numbers),
        numbers=numbers,
        found_by=found_by,
        status=words.fulfilment(row.fulfilment, row.status_raw),
        states=_states(detail),
        layout=layout,
        layout_words=_layout_words(layout, detail),
        steps=steps,
        steps_words=_steps_words(steps),
        subtitle=_subtitle(detail),
        sources=sources,
        differences=_differences(detail.divergences, currency, now),
        differences_words=_differences_words(detail),
        groups=groups,
        document_count=sum(len(group.documents) for group in groups),
        headline=headline(detail, promises, today),
        is_late=is_late(detail, today),
        promises=promise_words(promises),
        delivery=_delivery(detail, promises),
        billing=_billing(detail),
        payment=_payment(detail),
        titles=_titles(detail.titles, payments, today, currency),
        open_words=open_words(detail.titles, currency),
        position=position_words(detail, now),
        amounts=_amounts(detail, currency) if prices else (),
    )


def _numbers(detail: OrderDetail, typed: str) -> tuple[tuple[NumberGroup, ...], str]:
    """Label the numbers of the order, and say by which of them it was found."""
    wanted = _wanted(typed)
    shown = _labelled(detail.row.numbers)
    hit = next((number for _kind, number in shown if _leads(number, wanted)), None)
    of_kind = {
        kind: tuple(
            NumberItem(number.written, number is hit, "" if at else _COPY_KEYS.get(kind, ""))
            for at, number in enumerate(number for known, number in shown if known == kind)
        )
        for kind in KIND_ORDER
    }
    groups = tuple(
        NumberGroup(words.text(_NUMBER_LABELS, kind), items)
        for kind, items in of_kind.items()
        if items
    )
    if hit is None:
        return groups, ""
    kind = next(kind for kind, number in shown if number is hit)
    return groups, _("Found by: %(kind)s %(number)s") % {
        "kind": words.text(_NUMBER_LABELS, kind),
        "number": hit.written,
    }


def _labelled(numbers: Sequence[NumberRow]) -> tuple[tuple[str, NumberRow], ...]:
    """Tell the site's sequence and the seller's number from the order's own, beside which they are.

    All are of one kind for who searches; what may be more than one thing keeps that kind's label.
    """
    forms = {each.written: _form(each.written) for each in numbers if each.kind == NumberKind.WEB}
    counts = Counter(forms.values())

    def label(number: NumberRow) -> str:
        form = forms.get(number.written, "") if number.kind == NumberKind.WEB else ""
        is_told = form == "seller" or counts[form] == 1
        return form if counts["web"] and form and is_told else str(number.kind)

    return tuple((label(number), number) for number in numbers)


def _form(written: str) -> str:
    """Say what a number of the site is by how it is written, "" where that is unclear."""
    seen = guess(written)
    if seen is not None and seen.kind in {"web", "seller"}:
        return seen.kind
    return "sequence" if _SEQUENCE.fullmatch(written) else ""


def _wanted(typed: str) -> dict[str, frozenset[NumberKind] | None]:
    if not typed.strip():
        return {}
    return {candidate.value: candidate.kinds for candidate in recognise(typed).candidates}


def _leads(number: NumberRow, wanted: Mapping[str, frozenset[NumberKind] | None]) -> bool:
    kind = number.kind
    series = ""
    text = number.written
    if kind is NumberKind.INVOICE:
        text, _slash, series = number.written.partition("/")
    for value in index_values(kind, text, series):
        if value in wanted:
            kinds = wanted[value]
            if kinds is None or kind in kinds:
                return True
    return False


def _states(detail: OrderDetail) -> tuple[Fact, ...]:
    """Word what is known of invoices and of the money, beside how far the goods are."""
    row = detail.row
    found = (
        (words.FIELD["billing"], words.BILLING.get(row.billing)),
        (words.FIELD["payment"], words.PAYMENT.get(row.payment or "")),
    )
    return tuple(Fact(str(label), str(word.text)) for label, word in found if word)


def _layout(fulfilment: str) -> str:
    if fulfilment in words.STEPS or fulfilment in words.STEP_OF:
        return "partly" if fulfilment == "partly_invoiced" else "steps"
    if fulfilment in {"cancelled", "replaced", "cancel_requested"}:
        return fulfilment
    return "raw"


def _layout_words(layout: str, detail: OrderDetail) -> str:
    if layout == "raw":
        return _('The source calls this "%(status)s"; we do not know that word yet.') % {
            "status": detail.row.status_raw or detail.row.fulfilment
        }
    if layout == "cancelled" and any(row.field == "fulfilment" for row in detail.divergences):
        return _("This order was cancelled. Not every source says so yet.")
    return str(words.LAYOUT.get(layout, ""))


def _steps(fulfilment: str) -> tuple[Step, ...]:
    at = words.STEPS.index(words.STEP_OF.get(fulfilment, fulfilment))
    steps = []
    for place, code in enumerate(words.STEPS):
        word = words.FULFILMENT[code]
        if place < at:
            steps.append(Step(str(word.text), "done", "check"))
        elif place == at:
            here = words.FULFILMENT[fulfilment]
            state = "now part" if fulfilment == "partly_invoiced" else "now"
            steps.append(Step(str(here.text), state, here.icon))
        else:
            steps.append(Step(str(word.text), "next", ""))
    return tuple(steps)


def _steps_words(steps: tuple[Step, ...]) -> str:
    for place, step in enumerate(steps, start=1):
        if step.state.startswith("now"):
            return _("Step %(step)s of %(all)s: %(name)s") % {
                "step": place,
                "all": len(steps),
                "name": step.label,
            }
    return ""


def _subtitle(detail: OrderDetail) -> str:
    row = detail.row
    parts = []
    if row.placed_on:
        parts.append(_("Placed on %(date)s") % {"date": formats.day(row.placed_on)})
    if row.placed_by_name:
        parts.append(_("by %(name)s") % {"name": row.placed_by_name})
    parts.append(words.text(words.ORIGIN, row.origins))
    if row.establishment_tax_id:
        branch = formats.tax_id(row.establishment_tax_id)
        parts.append(f"{row.establishment_name} {branch}".strip())
    return " · ".join(parts)


def _differences_words(detail: OrderDetail) -> str:
    if not detail.divergences:
        return ""
    return _("Website and ERP differ on this order. The ERP rules. The team has been told.")


def _differences(
    rows: Iterable[DivergenceRow], currency: str, now: datetime
) -> tuple[Difference, ...]:
    return tuple(
        Difference(
            field=words.text(words.FIELD, row.field),
            values=tuple(_value(row.field, value, currency, now) for value in row.values),
        )
        for row in rows
    )


def _value(field: str, value: DivergenceValue, currency: str, now: datetime) -> Fact:
    label = words.text(words.SYSTEM, value.system)
    text = value.value
    if field in AMOUNT_FIELDS:
        text = _amount(text, currency)
    elif field == "fulfilment":
        text = words.fulfilment(text).text
    elif field in _STATE_WORDS:
        text = words.chip(_STATE_WORDS[field], text).text
    if value.as_of is not None:
        label = _("%(source)s at %(time)s") % {
            "source": label,
            "time": formats.moment(value.as_of, now),
        }
    return Fact(label, text, is_sum=value.rules)


def _amount(text: object, currency: str) -> str:
    try:
        return formats.amount(Decimal(str(text)), currency)
    except InvalidOperation:
        return str(text)


def _address(address: Mapping[str, Any] | None) -> tuple[str, ...]:
    if not address:
        return ()
    city = " - ".join(str(address[key]) for key in ("city", "state") if address.get(key))
    lines = (
        address.get("recipient"),
        address.get("street"),
        address.get("district"),
        city,
        formats.postal_code(str(address.get("postal_code") or "")),
    )
    return tuple(str(line) for line in lines if line)


def _delivery(detail: OrderDetail, promises: Sequence[Promise]) -> tuple[Fact, ...]:
    facts = detail.facts
    found = []
    # Nobody waits for what was cancelled or replaced.
    if detail.row.promised_on and _layout(detail.row.fulfilment) not in {"cancelled", "replaced"}:
        history = promise_words(promises)
        lines = (formats.day(detail.row.promised_on), *((history,) if history else ()))
        found.append(Fact(_("Expected delivery"), lines[0], lines if history else ()))
    if address := _address(facts.get("delivery")):
        found.append(Fact(_("Delivery address"), "", lines=address))
    if facts.get("delivery_method"):
        found.append(Fact(_("Delivery method"), str(facts["delivery_method"])))
    if url := facts.get("tracking_url"):
        link = str(url) if is_safe_link(str(url)) else ""
        found.append(Fact(_("Tracking"), _("Follow the delivery") if link else str(url), link=link))
    return tuple(found)


def _billing(detail: OrderDetail) -> tuple[Fact, ...]:
    facts = detail.facts
    customer = facts.get("customer") or {}
    found = []
    if customer.get("name"):
        found.append(Fact(_("Legal name"), str(customer["name"])))
    if customer.get("tax_id"):
        found.append(Fact("CNPJ", formats.tax_id(str(customer["tax_id"]))))
    if address := _address(facts.get("billing")):
        found.append(Fact(_("Billing address"), "", lines=address))
    return tuple(found)


def _payment(detail: OrderDetail) -> tuple[Fact, ...]:
    facts = detail.facts
    found = []
    if facts.get("payment_terms"):
        # What a site calls so names a means of payment.
        sites = {source.connection for source in detail.sources if source.system == System.VTEX}
        is_means = detail.provenance.get("payment_terms") in sites
        label = _("Means of payment") if is_means else _("Payment terms")
        found.append(Fact(label, str(facts["payment_terms"])))
    if facts.get("note"):
        found.append(Fact(_("Note"), str(facts["note"])))
    return tuple(found)


def _titles(
    rows: Iterable[TitleRow], payments: Mapping[str, str], today: date, currency: str
) -> tuple[TitleItem, ...]:
    ranked = sorted(rows, key=lambda row: (row.due_on or date.max, row.instalment, row.key))
    return tuple(_title(row, payments.get(row.key, ""), today, currency) for row in ranked)


def _title(row: TitleRow, pay: str, today: date, currency: str) -> TitleItem:
    overdue = row.state == "open" and row.due_on is not None and row.due_on < today
    line = "".join(sign for sign in row.typeable_line if sign.isdigit())
    return TitleItem(
        anchor=f"boleto-{line}" if line else "",
        name=title_name(row),
        due=due_words(row.due_on, row.state, today),
        settled=_settled(row),
        amount=formats.amount(row.amount, currency),
        state=title_chip(row.state, is_overdue=overdue),
        pay=pay,
        beyond=beyond_words() if overdue and row.amount is not None else "",
    )


def title_name(row: TitleRow) -> str:
    """Name an amount due by its instalment and invoice."""
    parts = [_("Instalment %(number)s") % {"number": row.instalment}] if row.instalment else []
    if row.invoice_number:
        parts.append(_("NF %(number)s") % {"number": row.invoice_number})
    return " · ".join(parts) or _("Open item")


def _settled(row: TitleRow) -> str:
    if row.settled_on is None or row.state not in {"paid", "cancelled"}:
        return ""
    said = _("Paid on %(date)s") if row.state == "paid" else _("Cancelled on %(date)s")
    return said % {"date": formats.day(row.settled_on)}


def _amounts(detail: OrderDetail, currency: str) -> tuple[Fact, ...]:
    parts = detail.facts.get("amounts") or {}
    labels = (
        ("items", _("Items")),
        ("discount", _("Discount")),
        ("freight", _("Freight")),
        ("taxes", _("Taxes")),
    )
    found = [
        Fact(label, _amount(_taken_off(parts[key]) if key == "discount" else parts[key], currency))
        for key, label in labels
        if parts.get(key) not in {None, ""}
    ]
    if detail.row.total is not None:
        found.append(Fact(_("Total"), formats.money(detail.row.total), is_sum=True))
    return tuple(found)


def _taken_off(discount: object) -> str:
    """Write a discount as what it does to the total; sources state it with or without a sign."""
    text = str(discount)
    return text if text.startswith("-") or not text.strip("0.") else f"-{text}"


def open_words(rows: Iterable[TitleRow], currency: str) -> str:
    """Add up what is still to be paid; nothing where an amount of it is not known."""
    due = [row.amount for row in rows if row.state == "open"]
    if not due or None in due:
        return ""
    total = sum((amount for amount in due if amount is not None), Decimal(0))
    return _("Open: %(amount)s") % {"amount": formats.amount(total, currency)}


def position_words(detail: OrderDetail, now: datetime) -> str:
    """Say as of when, and by whose word, amounts due stand as they do."""
    told = [
        _("%(source)s at %(time)s")
        % {
            "source": words.text(words.SYSTEM, source.system),
            "time": formats.moment(source.as_of, now),
        }
        for source in detail.sources
    ]
    return _("position according to %(sources)s") % {"sources": " · ".join(told)} if told else ""
