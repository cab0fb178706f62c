"""Lists of several records made into one list each: lines, invoices, titles, numbers, events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from b2b_orders.orders.numbers import index_values, normalise
from erp_bridge.identifiers import (
    access_key_parts,
    boleto_amount,
    boleto_due_on,
    clean,
    valid_boleto_line,
    valid_slip_line,
)
from erp_bridge.records import (
    InvoiceRecord,
    NumberKind,
    OrderRecord,
    TitleRecord,
    TitleState,
)

# A letter of correction has up to 1000 characters.
MAX_EVENT_TEXT = 1000
# How titles are called that an NF-e announced (`nfe:<access key>:<number>`).
TITLE_OF_FILE = "nfe:"


@dataclass(frozen=True, slots=True)
class Line:
    """An item as shown; `invoiced` is known only from a source that says it by item."""

    position: int
    sku: str
    name: str
    quantity: Decimal | None
    unit: str
    unit_price: Decimal | None
    total: Decimal | None
    invoiced: Decimal | None
    customer_code: str = ""
    discount: Decimal | None = None
    tax: Decimal | None = None
    reserved: Decimal | None = None
    shipped: Decimal | None = None
    cancelled: Decimal | None = None
    # The invoices that name it, as they are written for people, each with how much.
    invoices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Invoice:
    """A fiscal invoice as shown, number and series without zeros in front."""

    number: str
    series: str
    access_key: str
    issued_on: date | None
    total: Decimal | None
    carrier: str
    tracking_number: str
    tracking_url: str
    delivered_at: datetime | None
    is_return: bool


@dataclass(frozen=True, slots=True)
class Title:
    """An amount due as shown."""

    key: str
    instalment: str
    invoice_number: str
    due_on: date | None
    amount: Decimal | None
    state: TitleState
    typeable_line: str
    pix: str
    settled_on: date | None
    payee_name: str
    payee_tax_id: str


@dataclass(frozen=True, slots=True)
class Number:
    """One value under which the order is found, and how its source wrote it."""

    value: str
    kind: NumberKind
    written: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened."""

    at: datetime
    connection: str
    code: str
    text: str


# --- invoices --------------------------------------------------------------------------


def invoices(records: Sequence[OrderRecord]) -> tuple[Invoice, ...]:
    """Unite invoices by access key, else by number and series; earlier records rule."""
    keyed: dict[tuple[str, bool], Invoice] = {}
    loose: list[Invoice] = []
    for invoice in (_invoice(i) for record in records for i in record.invoices):
        if not invoice.access_key:
            loose.append(invoice)
            continue
        at = (invoice.access_key, invoice.is_return)
        keyed[at] = _filled(keyed[at], invoice) if at in keyed else invoice
    united = list(keyed.values())
    # A bare number comes last, so that it meets the one with its series first.
    for invoice in sorted(loose, key=lambda i: not i.series):
        alike = [at for at, other in enumerate(united) if _is_same(other, invoice)]
        if not alike:
            united.append(invoice)
        elif len(alike) == 1:
            united[alike[0]] = _filled(united[alike[0]], invoice)
        # One of two emitters' invoices of that number: it says nothing they do not.
    return tuple(sorted(united, key=lambda i: (i.number, i.series, i.access_key, i.is_return)))


def _invoice(record: InvoiceRecord) -> Invoice:
    parts = access_key_parts(record.access_key)
    return Invoice(
        # What a store typed on the site is not always the number; the key's is.
        number=(parts.number if parts else shown_number(record.number))[:40],
        series=(parts.series if parts else shown_number(record.series))[:10],
        access_key=parts.key if parts else "",
        issued_on=record.issued_on,
        total=record.total,
        carrier=record.carrier,
        tracking_number=record.tracking_number,
        tracking_url=record.tracking_url,
        delivered_at=record.delivered_at,
        is_return=record.is_return,
    )


def shown_number(number: str) -> str:
    """Write an invoice's number as it is shown: without zeros in front."""
    number = number.strip()
    return (number.lstrip("0") or "0") if number.isdigit() else number


def is_same_invoice(one: InvoiceRecord, other: InvoiceRecord) -> bool:
    """Say whether two sources may mean one invoice: by access key, else number and series."""
    first, second = _invoice(one), _invoice(other)
    if first.access_key and second.access_key:
        return (first.access_key, one.is_return) == (second.access_key, other.is_return)
    return _is_same(first, second)


def _is_same(one: Invoice, other: Invoice) -> bool:
    if (one.number, one.is_return) != (other.number, other.is_return):
        return False
    return not one.series or not other.series or one.series == other.series


def _filled(one: Invoice, other: Invoice) -> Invoice:
    empty = (None, "")
    gaps = {
        name: getattr(other, name)
        for name in Invoice.__dataclass_fields__
        if getattr(one, name) in empty and getattr(other, name) not in empty
    }
    return replace(one, **gaps) if gaps else one


# --- titles ----------------------------------------------------------------------------


def titles(
    records: Sequence[OrderRecord], known: Sequence[Invoice], placed_on: date | None
) -> tuple[Title, ...]:
    """Unite titles by typeable line, else by key; earlier records rule.

    A missing due date or amount is read off a valid line, dated from its invoice or order.
    """
    issued = {i.number: i.issued_on for i in known}
    # What an invoice announced is not asked where somebody says what is owed.
    stated = {
        shown_number(title.invoice_number)
        for record in records
        for title in record.titles
        if not title.key.startswith(TITLE_OF_FILE)
    }
    by_line: dict[str, str] = {}
    united: dict[str, Title] = {}
    for record in records:
        for title in record.titles:
            if title.key.startswith(TITLE_OF_FILE) and (
                stated & {"", shown_number(title.invoice_number)}
            ):
                continue
            line = _line(title.typeable_line)
            key = by_line.get(line) if line else None
            if key is None:
                key = _free_key(title.key, record, united)
            if line:
                by_line[line] = key
            dated = issued.get(shown_number(title.invoice_number)) or placed_on
            found = _title(title, key, line, dated)
            united[key] = _combined(united[key], found) if key in united else found
    return tuple(sorted(united.values(), key=lambda t: (t.due_on or date.max, t.key)))


def _line(text: str) -> str:
    """Return a line whose digits are right; a wrong one names no debt and is nothing to copy."""
    digits = clean(text)
    return digits if valid_boleto_line(digits) or valid_slip_line(digits) else ""


def _free_key(key: str, record: OrderRecord, taken: Iterable[str]) -> str:
    """Keep a source's key, unless another record of the order already uses it."""
    key = key[:120]
    # A file's is the same whichever record it was learned for.
    if key.startswith(TITLE_OF_FILE):
        return key
    return f"{record.external_id}:{key}"[:120] if key in taken else key


def _title(record: TitleRecord, key: str, line: str, reference: date | None) -> Title:
    due_on, amount = record.due_on, record.amount
    if due_on is None and reference:
        due_on = boleto_due_on(line, reference)
    return Title(
        key=key,
        instalment=record.instalment[:20],
        invoice_number=shown_number(record.invoice_number)[:40],
        due_on=due_on,
        amount=boleto_amount(line) if amount is None else amount,
        state=record.state,
        typeable_line=line,
        pix=record.pix,
        settled_on=record.settled_on,
        payee_name=record.payee.name[:150],
        payee_tax_id=record.payee.tax_id[:20],
    )


def _combined(one: Title, other: Title) -> Title:
    # A name of one source and a CNPJ of another may be two payees.
    payee = one if one.payee_tax_id or one.payee_name else other
    return Title(
        key=one.key,
        instalment=one.instalment or other.instalment,
        invoice_number=one.invoice_number or other.invoice_number,
        due_on=one.due_on or other.due_on,
        amount=other.amount if one.amount is None else one.amount,
        state=other.state if one.state is TitleState.UNKNOWN else one.state,
        typeable_line=one.typeable_line or other.typeable_line,
        pix=one.pix or other.pix,
        settled_on=one.settled_on or other.settled_on,
        payee_name=payee.payee_name,
        payee_tax_id=payee.payee_tax_id,
    )


# --- numbers and events ----------------------------------------------------------------


def numbers(records: Sequence[OrderRecord], known: Sequence[Invoice]) -> tuple[Number, ...]:
    """List every value under which the order is found, each once for a kind."""
    found: dict[tuple[str, NumberKind], Number] = {}
    for kind, written, series in (*_own_numbers(records), *_invoice_numbers(known)):
        shown = " ".join(written.split())[:80]
        if kind is NumberKind.INVOICE and series:
            shown = f"{shown}/{series}"[:80]
        for value in index_values(kind, written, series):
            found.setdefault((value, kind), Number(value, kind, shown))
    return tuple(found[at] for at in sorted(found))


def _own_numbers(records: Sequence[OrderRecord]) -> Iterator[tuple[NumberKind, str, str]]:
    for record in records:
        if record.system == "vtex":
            yield NumberKind.WEB, record.external_id, ""
        else:
            yield NumberKind.ERP, record.external_id, ""
        yield from ((NumberKind.ERP, number, "") for number in record.erp_numbers)
        yield from ((NumberKind.WEB, number, "") for number in record.web_numbers)
        yield from ((NumberKind.CUSTOMER, number, "") for number in record.customer_numbers)
        for title in record.titles:
            if line := _line(title.typeable_line):
                yield NumberKind.BOLETO_LINE, line, ""


def _invoice_numbers(known: Sequence[Invoice]) -> Iterator[tuple[NumberKind, str, str]]:
    # Those with a series first: theirs is then what is shown for the bare number.
    for invoice in sorted(known, key=lambda i: not i.series):
        if invoice.number:
            yield NumberKind.INVOICE, invoice.number, normalise(invoice.series)
        if invoice.access_key:
            yield NumberKind.ACCESS_KEY, invoice.access_key, ""
        if invoice.tracking_number:
            yield NumberKind.TRACKING, invoice.tracking_number, ""


def events(records: Sequence[tuple[str, OrderRecord]]) -> tuple[Event, ...]:
    """List what happened, oldest first, the same thing once."""
    found = {
        Event(event.at, connection, event.code[:60], event.text[:MAX_EVENT_TEXT])
        for connection, record in records
        for event in record.events
    }
    return tuple(sorted(found, key=lambda e: (e.at, e.connection, e.code, e.text)))
