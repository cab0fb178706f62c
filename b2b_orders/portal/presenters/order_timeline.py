"""The timeline of an order: all that any source, file or person tells of it, by day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from itertools import groupby, pairwise
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from b2b_orders.documents.accesses import AccessRow
from b2b_orders.documents.queries import DocumentRow
from b2b_orders.orders.added import AddedNumberRow
from b2b_orders.orders.promises import Promise
from b2b_orders.orders.queries import EventRow, OrderDetail, TitleRow
from b2b_orders.orders.questions import QuestionRow
from b2b_orders.portal import formats, words
from b2b_orders.portal.addresses import Addresses
from b2b_orders.portal.presenters.access_record import access_items
from b2b_orders.portal.presenters.documents import document_name
from b2b_orders.portal.presenters.order import title_name
from b2b_orders.portal.words import Text

# What the timeline can be narrowed to, as it stands in the address.
KINDS: dict[str, tuple[Text, str]] = {
    "situacao": (lazy("Status"), "truck"),
    "documentos": (lazy("Documents"), "file"),
    "financeiro": (lazy("Finance"), "barcode"),
    "pessoas": (lazy("People"), "person"),
    "acessos": (lazy("Accesses"), "search"),
}
# Events that tell of an invoice or of its file.
_OF_DOCUMENTS = frozenset({"invoiced", "nfe-cancelled", "nfe-corrected", "nfe-event"})
_CORRECTIONS = frozenset({"nfe-corrected"})
# Of documents that came together so many are named.
_MOST_NAMED = 6


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened; `time` is empty where only the day is known.

    `raw` is the source's own word for it, for whoever asks.
    """

    time: str
    iso: str
    title: str
    text: str
    source: str
    kind: str
    icon: str
    anchor: str = ""
    raw: str = ""
    is_correction: bool = False


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the timeline."""

    heading: str
    events: tuple[Happening, ...]


@dataclass(frozen=True, slots=True)
class KindLink:
    """A kind to narrow the timeline to, with how many there are of it."""

    text: str
    url: str
    count: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """The days that are shown, the oldest first."""

    days: tuple[Day, ...]
    kinds: tuple[KindLink, ...]
    count: int


@dataclass(frozen=True, slots=True)
class Told:
    """What else is told of an order beside what its sources say."""

    questions: Sequence[QuestionRow] = ()
    documents: Sequence[DocumentRow] = ()
    promises: Sequence[Promise] = ()
    numbers: Sequence[AddedNumberRow] = ()
    accesses: Sequence[AccessRow] = ()


@dataclass(frozen=True, slots=True)
class _Entry:
    """A happening with what it is sorted by; a day without a time comes before its moments."""

    day: date
    at: datetime | None
    shown: Happening


def timeline(
    detail: OrderDetail,
    told: Told,
    *,
    only: str = "",
    to: Addresses,
    now: datetime,
    typed: str = "",
) -> Timeline:
    """Present everything that is known to have happened, or one kind of it."""
    entries = _ranked((*_entries(detail, told, to, now), *_standing(detail)))
    counts = Counter(entry.shown.kind for entry in entries)
    only = only if counts.get(only) else ""
    return Timeline(
        days=_days(entry for entry in entries if only in {"", entry.shown.kind}),
        kinds=tuple(_kind_links(counts, only, detail.row.public_id, to, typed)),
        count=len(entries),
    )


def latest(detail: OrderDetail, told: Told, *, to: Addresses, now: datetime, most: int) -> Timeline:
    """Present what happened last, without who looked at it.

    Where no source tells an event, where they say the order stands is the last that is known.
    """
    standing = () if detail.events else _standing(detail)
    found = _ranked((*_entries(detail, told, to, now), *standing))
    entries = [entry for entry in found if entry.shown.kind != "acessos"]
    return Timeline(days=_days(entries[-most:]), kinds=(), count=len(entries))


def _entries(detail: OrderDetail, told: Told, to: Addresses, now: datetime) -> Iterator[_Entry]:
    systems = {source.connection: str(source.system) for source in detail.sources}
    only = _only_source(systems)
    invoiced_on = set()
    issued = _issued(detail)
    yield from _placed(detail, only)
    for event in detail.events:
        entry = _event(_with_invoice(event, detail, issued), systems)
        if event.code == "invoiced":
            invoiced_on.add(entry.day)
        yield entry
    for day, numbers in issued.items():
        for number in numbers if day not in invoiced_on else ():
            text = _("Invoice issued: %(number)s") % {"number": number}
            yield _on_day(day, text, "documentos", only)
    yield from _documents(told.documents)
    yield from _settled(detail.titles, only)
    yield from _promises(told.promises, systems)
    yield from _people(told)
    for row, item in zip(told.accesses, access_items(told.accesses, to=to, now=now), strict=True):
        who = f"{item.who} ({item.role})" if item.role else item.who
        reason = f" · {item.reason}" if item.reason else ""
        yield _at(row.at, f"{who}: {item.what}{reason}", "acessos")


def _only_source(systems: Mapping[str, str]) -> str:
    """Name the source of an order that has one; of several, united facts name none."""
    return words.text(words.SYSTEM, *systems.values()) if len(systems) == 1 else ""


def _placed(detail: OrderDetail, source: str) -> Iterator[_Entry]:
    """Tell the day of the order where no source has an event for it."""
    placed_on = detail.row.placed_on
    if placed_on and all(event.code != "created" for event in detail.events):
        yield _on_day(placed_on, str(words.EVENT["created"]), "situacao", source)


def _issued(detail: OrderDetail) -> dict[date, list[str]]:
    """Name the invoices of each day."""
    found: dict[date, list[str]] = {}
    for invoice in detail.invoices:
        if invoice.issued_on and not invoice.is_return:
            number = f"{invoice.number}/{invoice.series}" if invoice.series else invoice.number
            found.setdefault(invoice.issued_on, []).append(number)
    return found


def _with_invoice(
    event: EventRow, detail: OrderDetail, issued: Mapping[date, Sequence[str]]
) -> EventRow:
    """Say of which invoice the site tells: it names none, or writes its bare number."""
    if event.code == "invoiced" and not event.text:
        return replace(event, text=", ".join(issued.get(formats.local(event.at).date(), ())))
    if event.code == "delivered" and any(each.number == event.text for each in detail.invoices):
        return replace(event, text=_("NF %(number)s") % {"number": event.text})
    return event


def _at(at: datetime, text: str, kind: str, **more: object) -> _Entry:
    values: dict[str, object] = {"source": "", "icon": KINDS[kind][1]} | more
    return _Entry(
        day=formats.local(at).date(),
        at=at,
        shown=Happening(
            time=formats.clock(at),
            iso=formats.iso(at),
            title=formats.full_moment(at),
            text=text,
            kind=kind,
            **values,  # type: ignore[arg-type] # names of Happening, checked by the tests
        ),
    )


def _on_day(day: date, text: str, kind: str, source: str) -> _Entry:
    shown = Happening("", formats.iso(day), "", text, source, kind, KINDS[kind][1])
    return _Entry(day=day, at=None, shown=shown)


def _event(event: EventRow, systems: dict[str, str]) -> _Entry:
    known = words.EVENT.get(event.code)
    if known is None:
        text = event.text or words.fulfilment(event.code, event.code).text
    else:
        text = f"{known}: {event.text}" if event.text else str(known)
    return _at(
        event.at,
        text,
        "documentos" if event.code in _OF_DOCUMENTS else "situacao",
        source=words.text(words.SYSTEM, systems.get(event.connection, "")),
        raw=event.code,
        is_correction=event.code in _CORRECTIONS,
    )


def _documents(documents: Iterable[DocumentRow]) -> Iterator[_Entry]:
    """Tell what became available; what came within one minute came together."""
    there = sorted(
        (row for row in documents if row.state == "available"), key=lambda row: row.state_since
    )
    for _minute, group in groupby(there, key=_minute_of):
        rows = list(group)
        names = ", ".join(document_name(row) for row in rows[:_MOST_NAMED])
        text = ngettext(
            "Document available: %(names)s", "Documents available: %(names)s", len(rows)
        ) % {"names": names}
        if left := len(rows) - _MOST_NAMED:
            text += _(" and %(count)s more") % {"count": formats.count(left)} if left > 0 else ""
        yield _at(rows[0].state_since, text, "documentos")


def _minute_of(row: DocumentRow) -> datetime:
    return row.state_since.replace(second=0, microsecond=0)


def _settled(titles: Iterable[TitleRow], source: str) -> Iterator[_Entry]:
    for title in titles:
        if title.settled_on is None or title.state not in {"paid", "cancelled"}:
            continue
        said = _("Paid: %(title)s") if title.state == "paid" else _("Not to be paid: %(title)s")
        text = said % {"title": title_name(title)}
        yield _on_day(title.settled_on, text, "financeiro", source)


def _promises(promises: Sequence[Promise], systems: dict[str, str]) -> Iterator[_Entry]:
    """Tell each other promise as a correction of the one before."""
    for before, after in pairwise(promises):
        if after.promised_on is None:
            text = _("The promise for %(before)s was withdrawn")
        elif before.promised_on is None:
            text = _("Delivery promised for %(after)s")
        else:
            text = _("Promise changed from %(before)s to %(after)s")
        days = {"before": formats.day(before.promised_on), "after": formats.day(after.promised_on)}
        source = words.text(words.SYSTEM, systems.get(after.connection, ""))
        yield _at(after.since, text % days, "situacao", source=source, is_correction=True)


def _people(told: Told) -> Iterator[_Entry]:
    for row in told.questions:
        asked = _("%(name)s asked: %(text)s") % {"name": row.person_name, "text": row.text}
        yield _at(row.asked_at, asked, "pessoas", anchor=f"question-{row.public_id}")
        for each in row.answers:
            by = words.staff_name(each.person_name, each.staff_role)
            said = _("%(name)s answered: %(text)s") % {"name": by, "text": each.text}
            yield _at(each.at, said, "pessoas")
    for number in told.numbers:
        by = words.staff_name(number.person_name or _("somebody"), number.staff_role)
        text = _("%(name)s added the number %(number)s") % {"name": by, "number": number.written}
        yield _at(number.added_at, text, "pessoas")


def _standing(detail: OrderDetail) -> Iterator[_Entry]:
    """Tell what each source says now, with its own code."""
    as_of = {source.connection: source.as_of for source in detail.sources}
    for each in detail.facts.get("statuses", ()):
        at = as_of.get(each["connection"])
        if at is not None:
            source = words.text(words.SYSTEM, each["system"])
            word = words.fulfilment(each["fulfilment"], each["raw"]).text
            text = _("Status now: %(status)s") % {"status": word}
            yield _at(at, text, "situacao", source=source, raw=each["raw"])


def _ranked(entries: Iterable[_Entry]) -> list[_Entry]:
    return sorted(entries, key=lambda e: (e.day, e.at is not None, e.at or _midnight(e.day)))


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def _days(entries: Iterable[_Entry]) -> tuple[Day, ...]:
    return tuple(
        Day(formats.long_day(day), tuple(entry.shown for entry in group))
        for day, group in groupby(entries, key=lambda entry: entry.day)
    )


def _kind_links(
    counts: Counter[str], only: str, order: UUID, to: Addresses, typed: str
) -> Iterator[KindLink]:
    if len(counts) < 2:
        return
    everything = to.to("order-history", {"q": typed}, public_id=order)
    yield KindLink(_("Everything"), everything, formats.count(counts.total()), not only)
    for kind, (word, _icon) in KINDS.items():
        if counts[kind]:
            url = to.to("order-history", {"q": typed, "tipo": kind}, public_id=order)
            yield KindLink(str(word), url, formats.count(counts[kind]), kind == only)
