"""An order taken apart: each source's record side by side, and which rule won."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils.translation import gettext as _

from b2b_orders.ingest.queries import SourceState
from b2b_orders.orders.match import RecordKey
from b2b_orders.orders.trouble import FieldRule, Tie, Trouble, TroubleInvoice, TroubleRecord
from b2b_orders.portal import formats, words
from b2b_orders.portal import words_trouble as trouble
from b2b_orders.portal.presenters.sources import source_names


@dataclass(frozen=True, slots=True)
class Cell:
    """What one record says, and whose it is: a phone shows them below each other."""

    label: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the comparison; `differs` when what the records say does not agree."""

    label: str
    cells: tuple[Cell, ...]
    differs: bool


@dataclass(frozen=True, slots=True)
class TieItem:
    """Why two records are one order, or are kept apart."""

    text: str
    records: str
    note: str


@dataclass(frozen=True, slots=True)
class RuleItem:
    """Whose word is shown for a field, and why."""

    field: str
    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class TroublePage:
    """All that the page shows."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    ties: tuple[TieItem, ...]
    rules: tuple[RuleItem, ...]


@dataclass(frozen=True, slots=True)
class Rereading:
    """How far the sources are with reading the order again."""

    text: str
    tone: str
    icon: str
    is_waiting: bool = False


def rereading(state: str) -> Rereading:
    """Word a look-up of the order itself."""
    if state == "waiting":
        return Rereading(_("The sources are being asked…"), "info", "clock", is_waiting=True)
    if state == "found":
        return Rereading(_("Read again just now."), "good", "check")
    if state == "not_found":
        return Rereading(_("No source has this order any more."), "warn", "search")
    return Rereading(
        _("A source did not answer: its record is as old as it says."), "warn", "alert"
    )


def trouble_page(view: Trouble, states: Iterable[SourceState], *, now: datetime) -> TroublePage:
    """Present an order taken apart."""
    names = source_names(states)
    columns = tuple(_named(record.key, names) for record in view.records)
    rows = _rows(view.records, columns)
    return TroublePage(
        title=view.title,
        columns=columns,
        rows=tuple(row for row in rows if any(cell.lines for cell in row.cells)),
        ties=tuple(_tie(tie, names, now) for tie in view.ties),
        rules=tuple(_rule(rule, names) for rule in view.rules),
    )


def _rows(records: tuple[TroubleRecord, ...], columns: tuple[str, ...]) -> Iterable[Row]:
    """Build the lines; moments are never called a difference, nor a number of one source alone."""

    def row(label: str, *values: Iterable[str], compare: bool = False) -> Row:
        lines = tuple(tuple(each for each in value if each) for value in values)
        stated = {value for value in lines if value}
        cells = tuple(map(Cell, columns, lines))
        return Row(label, cells, differs=compare and len(stated) > 1)

    yield row(_("Connection"), *([record.key.connection] for record in records))
    yield row(_("Read at"), *([formats.full_moment(record.read_at)] for record in records))
    yield row(
        _("Changed at the source"), *([formats.full_moment(record.version)] for record in records)
    )
    yield row(_("First seen"), *([formats.full_moment(r.first_seen_at)] for r in records))
    yield row(_("What was read"), *([_detail(record)] for record in records))
    yield row(_("Status as it came"), *([record.status_raw] for record in records))
    yield row(_("Status"), *(_status(record) for record in records), compare=True)
    yield row(_("Invoicing"), *([_word(words.BILLING, r.billing)] for r in records), compare=True)
    yield row(
        _("Payment"), *([_word(words.PAYMENT, r.payment or "")] for r in records), compare=True
    )
    yield row(_("Total"), *([formats.money(record.total)] for record in records), compare=True)
    yield row(_("Numbers"), *(_numbers(record) for record in records))
    invoices = row(_("Invoices"), *(_invoices(record) for record in records))
    # Which there are is compared; that one source leaves out an amount is no difference.
    named = {frozenset((i.number, i.series) for i in r.invoices) for r in records if r.invoices}
    yield replace(invoices, differs=len(named) > 1)


def _detail(record: TroubleRecord) -> str:
    return _("the whole order") if record.detail == "full" else _("a line of a list")


def _status(record: TroubleRecord) -> list[str]:
    chip = words.fulfilment(record.fulfilment, record.status_raw)
    return [chip.text, _("by a rule of operations") if record.is_by_rule else ""]


def _word(table: Mapping[str, words.Word], code: str) -> str:
    word = table.get(code)
    return str(word.text) if word else ""


def _numbers(record: TroubleRecord) -> list[str]:
    return [f"{words.text(words.NUMBER_KIND, n.kind)} {n.written}" for n in record.numbers]


def _invoices(record: TroubleRecord) -> list[str]:
    return [_invoice(invoice) for invoice in record.invoices]


def _invoice(invoice: TroubleInvoice) -> str:
    number = f"{invoice.number}/{invoice.series}" if invoice.series else invoice.number
    parts = [number, formats.money(invoice.total), _("return") if invoice.is_return else ""]
    return " · ".join(part for part in parts if part)


def _tie(tie: Tie, names: Mapping[str, str], now: datetime) -> TieItem:
    values = {"shared": tie.shared, "person": tie.person_name or "?"}
    note = " · ".join(
        part
        for part in (
            tie.reason,
            words.text(trouble.EVIDENCE, tie.evidence) if tie.evidence else "",
            formats.moment(tie.at, now),
        )
        if part
    )
    return TieItem(
        text=words.text(trouble.TIE, tie.kind) % values,
        records=f"{_named(tie.a, names)} ↔ {_named(tie.b, names)}",
        note=note,
    )


def _named(key: RecordKey, names: Mapping[str, str]) -> str:
    return f"{names.get(key.connection, key.connection)} {key.external_id}"


def _rule(rule: FieldRule, names: Mapping[str, str]) -> RuleItem:
    return RuleItem(
        field=words.text(trouble.FIELD, rule.field),
        source=names.get(rule.connection, rule.connection),
        reason=str(trouble.REASON.get(rule.field, rule.reason)),
    )
