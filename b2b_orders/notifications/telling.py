"""Telling people what was noticed: one mail for all of it, when they want to hear.

A notice says what to look at, not what to say: the mail is made of what its person may see of it
at that moment. What came back to what it was, is not there any more or may not be seen any more
is not told.
"""

from __future__ import annotations

import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import Min

from b2b_orders.accounts.models import Person
from b2b_orders.common.errors import NotVisible
from b2b_orders.common.mail import refusal_ends_it, send_each
from b2b_orders.companies.access import Viewer
from b2b_orders.companies.models import Company
from b2b_orders.companies.viewers import viewer_of_asker
from b2b_orders.documents.models import State
from b2b_orders.documents.queries import DocumentRow, describe_documents
from b2b_orders.notifications.choices import Choice, choice_of, zone_of
from b2b_orders.notifications.models import Kind, Notice, NotificationChoice, Rhythm
from b2b_orders.orders.queries import NumberRow, OrderDetail, SourceAsOf, get_order
from erp_bridge.records import Fulfilment, TitleState

# So many orders does one mail tell of; of others it says how many they are.
MOST_ORDERS: Final = 30
_MOST_NOTICES: Final = 1000
_INVOICED: Final = (Fulfilment.INVOICED, Fulfilment.PARTLY_INVOICED)
_DEAD: Final = (Fulfilment.CANCELLED, Fulfilment.REPLACED)
# In which order a mail tells of one order.
_PLACES: Final = {kind.value: place for place, kind in enumerate(Kind)}


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is so now, and what was before where that is told too.

    `kind` is one of `models.Kind`. An amount that the person may not see is None.
    """

    kind: str
    before: str = ""
    # It was on the site alone, and is in the ERP now.
    entered: bool = False
    invoices: tuple[str, ...] = ()
    document: DocumentRow | None = None
    instalment: str = ""
    invoice_number: str = ""
    due_on: date | None = None
    amount: Decimal | None = None
    list_name: str = ""


@dataclass(frozen=True, slots=True)
class OrderNews:
    """What there is to tell of one order, with its state and how old that is."""

    public_id: uuid.UUID
    title: str
    numbers: tuple[NumberRow, ...]
    fulfilment: str
    status_raw: str
    promised_on: date | None
    currency: str
    sources: tuple[SourceAsOf, ...]
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class CompanyNews:
    """What there is to tell of one company's orders; `more` orders are only counted."""

    public_id: uuid.UUID
    name: str
    orders: tuple[OrderNews, ...]
    more: int


@dataclass(frozen=True, slots=True)
class FollowTold:
    """A follow of which a mail tells: its link ends it."""

    public_id: uuid.UUID
    company_id: int
    name: str
    order_title: str
    numbers: tuple[NumberRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Digest:
    """One mail: to whom, in which language and zone, and everything that it tells."""

    person_id: int
    email: str
    person_name: str
    language: str
    leading_number: str
    zone: ZoneInfo
    now: datetime
    companies: tuple[CompanyNews, ...]
    follows: tuple[FollowTold, ...]
    is_test: bool = False


Send = Callable[[Digest], None]


def tell(*, now: datetime, send: Send, seconds: float = 20.0) -> int:
    """Mail everybody for whom it is time; say how many mails went out.

    A mail server that is away is tried again at the next call, everything else once.
    """
    until = time.monotonic() + seconds
    due = (each for each in _whose_time_it_is(now) if time.monotonic() < until)
    return _send_tests(now, send) + send_each(
        "person", due, lambda person_id: _tell_person(person_id, now, send)
    )


def _whose_time_it_is(now: datetime) -> list[int]:
    """List the people for whom it is time, the one who waits longest first."""
    waiting = list(
        Notice.objects.filter(told_at=None)
        .values_list("person_id")
        .annotate(oldest=Min("happened_at"))
        .order_by("oldest", "person_id")
    )
    people = [person_id for person_id, _oldest in waiting]
    rows = {row.person_id: choice_of(row) for row in _choices(people)}
    zones = dict(Person.objects.filter(pk__in=people).values_list("pk", "time_zone"))
    return [
        person_id
        for person_id, oldest in waiting
        if _is_time(rows.get(person_id, Choice()), zones.get(person_id, ""), oldest, now)
    ]


def _choices(people: Iterable[int]) -> Iterable[NotificationChoice]:
    return NotificationChoice.objects.filter(person_id__in=list(people))


def _is_time(choice: Choice, zone: str, oldest: datetime, now: datetime) -> bool:
    pause = timedelta(seconds=settings.PORTAL_NOTICE_SECONDS)
    is_off = choice.rhythm == Rhythm.OFF
    return is_off or choice.is_due(oldest=oldest, now=now, zone=zone_of(zone), pause=pause)


@transaction.atomic
def _tell_person(person_id: int, now: datetime, send: Send) -> bool:
    """Mail one person; their row stays locked meanwhile, so that no second worker does too."""
    choice = _locked_choice(person_id, now)
    if choice is None:
        return False
    waiting = Notice.objects.filter(person_id=person_id, told_at=None)
    notices = list(waiting.select_related("follow").order_by("happened_at", "pk")[:_MOST_NOTICES])
    person = Person.objects.filter(pk=person_id, is_active=True).first()
    if person is None or choice.rhythm == Rhythm.OFF:
        waiting.delete()
        return False
    # Another worker may have written meanwhile.
    if not notices or not _is_time(choice, person.time_zone, notices[0].happened_at, now):
        return False
    # What is followed no longer is not told, and may be noted again for another follow.
    waiting.filter(follow=None).delete()
    digest = _digest(person, [each for each in notices if each.follow is not None], now)
    is_worth_it = any(company.orders for company in digest.companies)
    if is_worth_it:
        with refusal_ends_it("person", person_id):
            send(digest)
        NotificationChoice.objects.filter(person_id=person_id).update(mailed_at=now)
    waiting.filter(pk__in=[each.pk for each in notices]).update(told_at=now)
    return is_worth_it


def _locked_choice(person_id: int, now: datetime) -> Choice | None:
    NotificationChoice.objects.bulk_create(
        [NotificationChoice(person_id=person_id, changed_at=now)], ignore_conflicts=True
    )
    rows = NotificationChoice.objects.select_for_update(skip_locked=True)
    row = rows.filter(person_id=person_id).first()
    return choice_of(row) if row else None


# --- mails on trial -------------------------------------------------------------------------


def _send_tests(now: datetime, send: Send) -> int:
    asked = NotificationChoice.objects.filter(test_asked_at__isnull=False)
    keys = list(asked.order_by("test_asked_at").values_list("pk", flat=True)[:50])
    return send_each("person", keys, lambda pk: _send_test(pk, now, send))


@transaction.atomic
def _send_test(person_id: int, now: datetime, send: Send) -> bool:
    rows = NotificationChoice.objects.select_for_update(skip_locked=True)
    row = rows.filter(pk=person_id, test_asked_at__isnull=False).first()
    if row is None:
        return False
    person = Person.objects.filter(pk=person_id, is_active=True).first()
    if person is not None:
        with refusal_ends_it("person", person_id):
            send(_empty(person, now))
    NotificationChoice.objects.filter(pk=person_id).update(test_asked_at=None)
    return person is not None


def _empty(person: Person, now: datetime) -> Digest:
    return Digest(
        person_id=person.pk,
        email=person.email,
        person_name=person.name,
        language=person.language,
        leading_number=person.leading_number,
        zone=zone_of(person.time_zone),
        now=now,
        companies=(),
        follows=(),
        is_test=True,
    )


# --- what a mail says -----------------------------------------------------------------------


def _digest(person: Person, notices: Sequence[Notice], now: datetime) -> Digest:
    of_company: dict[int, list[Notice]] = defaultdict(list)
    for notice in notices:
        of_company[notice.company_id].append(notice)
    companies: list[CompanyNews] = []
    told: dict[uuid.UUID, FollowTold] = {}
    names = {row.pk: row for row in Company.objects.filter(pk__in=of_company)}
    for company_id, own in of_company.items():
        viewer = viewer_of_asker(person_id=person.pk, company_id=company_id, is_staff=False)
        if viewer is None:
            continue
        orders, more = _orders(viewer, own, told)
        companies.append(
            CompanyNews(names[company_id].public_id, names[company_id].name, orders, more)
        )
    return Digest(
        person_id=person.pk,
        email=person.email,
        person_name=person.name,
        language=person.language,
        leading_number=person.leading_number,
        zone=zone_of(person.time_zone),
        now=now,
        companies=tuple(companies),
        follows=tuple(told.values()),
    )


def _orders(
    viewer: Viewer, notices: Sequence[Notice], told: dict[uuid.UUID, FollowTold]
) -> tuple[tuple[OrderNews, ...], int]:
    """Say what there is to tell of each order, the latest first; note which follows it is of."""
    of_order: dict[uuid.UUID, list[Notice]] = defaultdict(list)
    details: dict[uuid.UUID, OrderDetail] = {}
    for notice in reversed(notices):
        key = uuid.UUID(notice.detail["order"])
        if key not in details and len(details) < MOST_ORDERS:
            try:
                details[key] = get_order(viewer=viewer, public_id=key, line_limit=0)
            except NotVisible:
                continue
        # Two addresses may lead to one order by now.
        place = details[key].row.public_id if key in details else key
        of_order[place].insert(0, notice)
    known = {detail.row.public_id: detail for detail in details.values()}
    documents = _documents(viewer, notices)
    news = []
    for key, own in of_order.items():
        facts = _facts(known[key], own, documents) if key in known else ()
        if facts:
            news.append(_news(known[key], facts))
            _note_follows(own, known[key], told)
    more = len([key for key in of_order if key not in known])
    return tuple(news), more if len(details) >= MOST_ORDERS else 0


def _news(detail: OrderDetail, facts: tuple[Fact, ...]) -> OrderNews:
    row = detail.row
    return OrderNews(
        public_id=row.public_id,
        title=row.title,
        numbers=row.numbers,
        fulfilment=row.fulfilment.value,
        status_raw=row.status_raw,
        promised_on=row.promised_on,
        currency=detail.currency,
        sources=row.sources,
        facts=facts,
    )


def _note_follows(
    notices: Sequence[Notice], detail: OrderDetail, told: dict[uuid.UUID, FollowTold]
) -> None:
    for notice in notices:
        follow = notice.follow
        assert follow is not None  # noqa: S101 those without are sorted out
        row = detail.row
        title, numbers = ("", ()) if follow.query else (row.title, row.numbers)
        told[follow.public_id] = FollowTold(
            follow.public_id, follow.company_id, follow.name, title, numbers
        )


def _documents(viewer: Viewer, notices: Sequence[Notice]) -> dict[str, DocumentRow]:
    wanted = [uuid.UUID(n.detail["document"]) for n in notices if "document" in n.detail]
    rows = describe_documents(viewer=viewer, public_ids=wanted) if wanted else ()
    return {str(row.public_id): row for row in rows if row.state == State.AVAILABLE}


def _facts(
    detail: OrderDetail, notices: Sequence[Notice], documents: dict[str, DocumentRow]
) -> tuple[Fact, ...]:
    """Make of an order's notices what is so now."""
    of_kind: dict[str, list[Notice]] = defaultdict(list)
    for notice in notices:
        of_kind[notice.kind].append(notice)
    found: list[Fact] = []
    for kind in sorted(of_kind, key=lambda each: _PLACES.get(each, len(_PLACES))):
        found += _FACTS[kind](detail, of_kind[kind], documents) if kind in _FACTS else []
    # What fell due while a mail waited is told as overdue alone.
    overdue = {_debt(fact) for fact in found if fact.kind == Kind.OVERDUE}
    return tuple(f for f in found if f.kind != Kind.DUE or _debt(f) not in overdue)


def _debt(fact: Fact) -> tuple[str, str, date | None]:
    return fact.invoice_number, fact.instalment, fact.due_on


def _new(
    _detail: OrderDetail, notices: Sequence[Notice], _documents: dict[str, DocumentRow]
) -> list[Fact]:
    names = {notice.follow.name: None for notice in notices if notice.follow}
    return [Fact(Kind.ORDER.value, list_name=name) for name in names]


def _status(
    detail: OrderDetail, notices: Sequence[Notice], _documents: dict[str, DocumentRow]
) -> list[Fact]:
    first, row = notices[0].detail, detail.row
    entered = "erp" in row.origins and "erp" not in first["before_origins"]
    if first["before"] == row.fulfilment and not entered:
        return []
    before = first["before"] if first["before"] != row.fulfilment else ""
    return [Fact(Kind.STATUS.value, before=before, entered=entered)]


def _invoiced(
    detail: OrderDetail, notices: Sequence[Notice], _documents: dict[str, DocumentRow]
) -> list[Fact]:
    named = {each for notice in notices for each in notice.detail["invoices"]}
    now = [f"{each.number}/{each.series}" for each in detail.invoices if not each.is_return]
    still = tuple(each.removesuffix("/") for each in now if each in named)
    if not still and (named or detail.row.fulfilment not in _INVOICED):
        return []
    return [Fact(Kind.INVOICED.value, invoices=still)]


def _promise(
    detail: OrderDetail, notices: Sequence[Notice], _documents: dict[str, DocumentRow]
) -> list[Fact]:
    before = notices[0].detail["before"]
    now = detail.row.promised_on
    if before == (now.isoformat() if now else "") or detail.row.fulfilment in _DEAD:
        return []
    return [Fact(Kind.PROMISE.value, before=before, due_on=now)]


def _came(
    _detail: OrderDetail, notices: Sequence[Notice], documents: dict[str, DocumentRow]
) -> list[Fact]:
    rows = [documents.get(notice.detail["document"]) for notice in notices]
    kind = notices[0].kind
    return [
        Fact(kind, document=row)
        for row in rows
        if row is not None and not (kind == Kind.BOLETO and row.is_withheld)
    ]


def _due(
    detail: OrderDetail, notices: Sequence[Notice], _documents: dict[str, DocumentRow]
) -> list[Fact]:
    """Tell of what its source still says is open, for the day that it was noted for."""
    if detail.row.fulfilment in _DEAD:
        return []
    wanted = {(each.detail["title"], each.detail["due_on"]): each.kind for each in notices}
    return [
        Fact(
            wanted[title.key, title.due_on.isoformat()],
            instalment=title.instalment,
            invoice_number=title.invoice_number,
            due_on=title.due_on,
            amount=title.amount,
        )
        for title in detail.titles
        if title.due_on is not None
        and title.state == TitleState.OPEN
        and (title.key, title.due_on.isoformat()) in wanted
    ]


_FACTS: Final[
    dict[
        str,
        Callable[[OrderDetail, Sequence[Notice], dict[str, DocumentRow]], list[Fact]],
    ]
] = {
    Kind.ORDER.value: _new,
    Kind.STATUS.value: _status,
    Kind.INVOICED.value: _invoiced,
    Kind.PROMISE.value: _promise,
    Kind.DOCUMENT.value: _came,
    Kind.BOLETO.value: _came,
    Kind.DUE.value: _due,
    Kind.OVERDUE.value: _due,
}
