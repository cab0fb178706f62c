"""Documents that should be there: rows from the start, so that a missing one can be seen.

What is expected follows from an ERP's record of an order (its invoices and titles, with what
files taught of them), from the files that are listed, and from operations' rules. It is
worked out anew whenever one of the three changes, and the same again changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from django.db import transaction
from django.db.models import Min

from b2b_orders.companies.models import Company
from b2b_orders.documents.listing import instalment_number
from b2b_orders.documents.models import Document, DocumentRule, Origin, RuleEffect, State, Watch
from b2b_orders.documents.rules import (
    Case,
    Rule,
    decide,
    normalise_type,
    reason_of,
    state_of_address,
    state_of_key,
)
from b2b_orders.orders.models import SourceRecord
from b2b_orders.orders.supplements import TaughtRecord, read_taught
from b2b_orders.orders.unite import shown_number
from erp_bridge.identifiers import access_key_parts
from erp_bridge.records import (
    DocumentKind,
    InvoiceRecord,
    OrderRecord,
    System,
    TitleRecord,
    TitleState,
)

RULE_KEY: Final = "rule:"
INVOICE_CANCELLED: Final = "invoice-cancelled"
_NFE_MODEL: Final = "55"
_FACTS: Final = (
    *("kind", "invoice_number", "invoice_series", "instalment"),
    *("due_on", "amount", "title_state", "rule_id", "reason", "state"),
)


@dataclass(frozen=True, slots=True)
class Expected:
    """A document that a rule says something of, for one invoice or one of its titles."""

    key: str
    kind: str
    state: str
    reason: str
    rule_id: int | None
    invoice_number: str
    invoice_series: str
    instalment: str = ""
    due_on: date | None = None
    amount: Decimal | None = None
    title_state: str = ""


def load_rules() -> tuple[Rule, ...]:
    """Read the rules that are switched on, in the order in which they decide."""
    rows = DocumentRule.objects.filter(is_enabled=True).order_by("position", "pk")
    return tuple(
        Rule(row.kind, row.effect, row.connection, row.customer_type, row.conditions, row.pk)
        for row in rows
    )


def refresh_expected(*, record_ids: Iterable[int], now: datetime) -> int:
    """Bring the expected documents of some records up to date; say how many rows changed.

    Six SQL statements at most, however many records.
    """
    records = [
        each for each in read_taught(record_ids=record_ids) if each.record.system is System.ERP
    ]
    if not records:
        return 0
    rules = load_rules()
    types = dict(
        Company.objects.filter(id__in={each.company_id for each in records}).values_list(
            "id", "customer_type"
        )
    )
    of_record: dict[int, list[Document]] = {each.id: [] for each in records}
    for document in Document.objects.filter(record_id__in=of_record).order_by("pk"):
        of_record[document.record_id].append(document)
    changes = _Changes(now)
    for each in records:
        mine = of_record[each.id]
        cancelled = cancelled_keys(mine)
        wanted = (
            expected(
                each.record,
                [_Listed.of(document) for document in mine if _is_there(document)],
                rules,
                Case(
                    connection=each.connection,
                    customer_type=normalise_type(types.get(each.company_id, "")),
                ),
                cancelled,
            )
            if each.company_id
            else ()
        )
        listed = [row for row in mine if _is_there(row)]
        changes.sync(each, wanted, [row for row in mine if row.origin == Origin.RULE], listed)
        changes.cancel(each.record, listed, cancelled)
    return changes.write()


def _is_there(document: Document) -> bool:
    """Say whether a row is of a file, and not of what has yet to come or cannot be made."""
    if document.origin == Origin.RENDERED:
        return document.state != State.NOT_APPLICABLE
    return document.origin != Origin.RULE


# --- what is expected: pure -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Listed:
    """A listed file as far as it tells for which invoice and instalment it is."""

    kind: str
    number: str
    series: str
    access_key: str
    instalment: str
    due_on: date | None

    @classmethod
    def of(cls, document: Document) -> _Listed:
        return cls(
            document.kind,
            shown_number(document.invoice_number),
            shown_number(document.invoice_series),
            document.access_key,
            document.instalment.strip(),
            document.due_on,
        )

    def is_for(self, invoice: InvoiceRecord, *, alone: bool) -> bool:
        """Say whether it is of an invoice; one that names none is of the only one there is."""
        key = access_key_parts(invoice.access_key)
        if self.access_key and key and self.kind == DocumentKind.NFE_XML:
            return self.access_key == key.key
        if not self.number:
            return alone
        number, series = names_of(invoice)
        return self.number == number and (not self.series or series in {self.series, ""})

    def pays(self, title: TitleRecord) -> bool:
        """Say whether a paper is for an instalment; one that names none may be for any."""
        mine, other = instalment_number(self.instalment), instalment_number(title.instalment)
        if mine and other:
            return mine == other
        if self.due_on and title.due_on:
            return self.due_on == title.due_on
        return True


def names_of(invoice: InvoiceRecord) -> tuple[str, str]:
    """Return an invoice's number and series as they are shown: the key's rule."""
    parts = access_key_parts(invoice.access_key)
    if parts:
        return parts.number, parts.series
    return shown_number(invoice.number), shown_number(invoice.series)


def expected(
    record: OrderRecord,
    listed: Sequence[_Listed],
    rules: Sequence[Rule],
    case: Case,
    cancelled: frozenset[str] = frozenset(),
) -> tuple[Expected, ...]:
    """Say which documents an order's invoices should have that nobody lists, and which not."""
    invoices = [each for each in record.invoices if _is_authorised(each, cancelled)]
    found: dict[str, Expected] = {}
    for invoice in invoices:
        alone = len(invoices) == 1
        titles = [title for title in record.titles if _is_owed(title, invoice, alone=alone)]
        mine = [each for each in listed if each.is_for(invoice, alone=alone)]
        decided = decide(rules, _case_of(case, record, invoice, has_titles=bool(titles)))
        for rule in decided.values():
            for row in _rows(rule, invoice, titles, [x for x in mine if x.kind == rule.kind]):
                found.setdefault(row.key, row)
    return tuple(found[key] for key in sorted(found))


def _is_authorised(invoice: InvoiceRecord, cancelled: frozenset[str]) -> bool:
    """Say whether an invoice is an NF-e of the order that stands; CT-e have other models."""
    parts = access_key_parts(invoice.access_key)
    if invoice.is_return or not names_of(invoice)[0]:
        return False
    return parts is None or (parts.model == _NFE_MODEL and parts.key not in cancelled)


def _is_owed(title: TitleRecord, invoice: InvoiceRecord, *, alone: bool) -> bool:
    """Say whether a source says that a title of an invoice is open."""
    number = shown_number(title.invoice_number)
    is_mine = number == names_of(invoice)[0] if number else alone
    return is_mine and title.state is TitleState.OPEN


def _case_of(case: Case, record: OrderRecord, invoice: InvoiceRecord, *, has_titles: bool) -> Case:
    return Case(
        connection=case.connection,
        customer_type=case.customer_type,
        from_state=state_of_key(invoice.access_key),
        to_state=state_of_address(record.delivery.state) or state_of_address(record.billing.state),
        has_titles=has_titles,
    )


def _rows(
    rule: Rule, invoice: InvoiceRecord, titles: Sequence[TitleRecord], listed: Sequence[_Listed]
) -> Iterator[Expected]:
    number, series = names_of(invoice)
    key = f"{RULE_KEY}{rule.kind}:{number}:{series}"
    values = {
        "kind": rule.kind,
        "state": State.EXPECTED if rule.effect == RuleEffect.EXPECT else State.NOT_APPLICABLE,
        "reason": reason_of(rule),
        "rule_id": rule.id or None,
        "invoice_number": number[:40],
        "invoice_series": series[:10],
    }
    if rule.kind == DocumentKind.BOLETO and rule.effect == RuleEffect.EXPECT and titles:
        # One for each instalment.
        for title in titles:
            if not any(paper.pays(title) for paper in listed):
                yield Expected(
                    key=f"{key}:{title.key}"[:120],
                    instalment=title.instalment[:20],
                    due_on=title.due_on,
                    amount=None if title.amount is None else round(title.amount, 2),
                    title_state=title.state.value,
                    **values,  # type: ignore[arg-type] # as they are named
                )
    elif not listed:
        yield Expected(key=key[:120], **values)  # type: ignore[arg-type] # as they are named


def cancelled_keys(documents: Iterable[Document]) -> frozenset[str]:
    """Return the access keys of the invoices that checked files say are cancelled."""
    return frozenset(
        str(document.facts.get("access_key", ""))
        for document in documents
        if document.verdict == "event_cancels"
        or (document.verdict == "warn" and "cancelled" in document.findings)
    ) - {""}


# --- writing --------------------------------------------------------------------------------


class _Changes:
    """What one refresh writes."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.new: list[Document] = []
        self.changed: list[Document] = []
        self.gone: list[int] = []
        self.came: dict[int, int] = {}

    def sync(
        self,
        of: TaughtRecord,
        wanted: Iterable[Expected],
        rows: Iterable[Document],
        listed: Sequence[Document],
    ) -> None:
        """Make these the expected rows of a record; what stays keeps since when it is so."""
        known = {row.key: row for row in rows}
        for each in wanted:
            values = {name: getattr(each, name) for name in _FACTS} | {"company_id": of.company_id}
            row = known.pop(each.key, None)
            if row is None:
                self.new.append(
                    Document(
                        record_id=of.id,
                        key=each.key,
                        origin=Origin.RULE,
                        state_since=self.now,
                        listed_at=self.now,
                        **values,
                    )
                )
            elif any(getattr(row, name) != value for name, value in values.items()):
                if row.state != each.state:
                    row.state_since = self.now
                for name, value in values.items():
                    setattr(row, name, value)
                self.changed.append(row)
        for row in known.values():
            self.gone.append(row.pk)
            # What came under another row (one rendered by us) is what people wait for.
            came = [x for x in listed if x.kind == row.kind and _names_same(x, row)]
            if came:
                self.came[row.pk] = came[0].pk

    def cancel(
        self, record: OrderRecord, listed: Iterable[Document], cancelled: frozenset[str]
    ) -> None:
        """Mark the files of invoices that were cancelled, and only those."""
        invoices = [each for each in record.invoices if not each.is_return]
        ended = [each for each in invoices if _key_of(each) in cancelled]
        for row in listed:
            if row.origin == Origin.RENDERED:
                # It is made anew, with the word across it.
                continue
            file = _Listed.of(row)
            is_event = row.kind in _OF_EVENTS or row.verdict.startswith("event_")
            is_ended = not is_event and (
                row.access_key in cancelled
                or any(file.is_for(each, alone=len(invoices) == 1) for each in ended)
            )
            if is_ended and row.state in _ENDABLE:
                row.state, row.reason = State.CANCELLED, INVOICE_CANCELLED
            elif not is_ended and row.reason == INVOICE_CANCELLED:
                row.state, row.reason = State.AVAILABLE, ""
            else:
                continue
            row.state_since = self.now
            self.changed.append(row)

    def write(self) -> int:
        with transaction.atomic():
            # Two processes may work out one order at once: the second finds the first's rows.
            Document.objects.bulk_create(self.new, ignore_conflicts=True)
            Document.objects.bulk_update(
                self.changed,
                ["company", *(each.removesuffix("_id") for each in _FACTS), "state_since"],
            )
            waited = Watch.objects.filter(document_id__in=self.came) if self.came else ()
            for watch in waited:
                again = Watch.objects.filter(
                    document_id=self.came[watch.document_id], person_id=watch.person_id
                )
                if not again.exists():
                    watch.document_id = self.came[watch.document_id]
                    watch.save(update_fields=["document"])
            if self.gone:
                Document.objects.filter(pk__in=self.gone, origin=Origin.RULE).delete()
        return len(self.new) + len(self.changed) + len(self.gone)


_OF_EVENTS: Final = frozenset({DocumentKind.EVENT_XML, DocumentKind.CCE})
_ENDABLE: Final = frozenset({State.AVAILABLE, State.FAILED})


def _names_same(one: Document, other: Document) -> bool:
    number = shown_number(one.invoice_number)
    return number in {"", other.invoice_number} and (
        not instalment_number(other.instalment)
        or instalment_number(one.instalment) == instalment_number(other.instalment)
    )


def _key_of(invoice: InvoiceRecord) -> str:
    parts = access_key_parts(invoice.access_key)
    return parts.key if parts else ""


# --- asking ---------------------------------------------------------------------------------


def expected_since(*, connection: str, external_ids: Iterable[str]) -> Mapping[str, datetime]:
    """Return since when each of a connection's orders waits for a document that it expects."""
    rows = (
        Document.objects.filter(
            record__connection=connection,
            record__external_id__in=list(external_ids),
            origin=Origin.RULE,
            state=State.EXPECTED,
        )
        .values("record__external_id")
        .annotate(since=Min("state_since"))
    )
    return dict(rows.values_list("record__external_id", "since"))


def ruled_records(*, after: int, limit: int) -> list[int]:
    """List records that rules may be about, by their ids: those of sources that list files."""
    listing = Document.objects.filter(origin=Origin.SOURCE).values("record__connection").distinct()
    rows = SourceRecord.objects.filter(
        system=System.ERP, connection__in=listing, company__isnull=False, id__gt=after
    )
    return list(rows.order_by("id").values_list("id", flat=True)[:limit])
