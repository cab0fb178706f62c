"""Due dates as a month on the page, and as events for people's own calendars."""

from __future__ import annotations

import calendar
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlsplit

from babel.dates import get_day_names
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from b2b_orders.documents.calendars import FeedView
from b2b_orders.orders.titles import DueDay, Sums, TitleLine
from b2b_orders.portal import formats
from b2b_orders.portal.addresses import Addresses
from b2b_orders.portal.ical import DayEvent
from b2b_orders.portal.presenters.finance import SumWords, order_of, sum_words, title_name
from b2b_orders.portal.presenters.finance_filter import month_after, month_before


@dataclass(frozen=True, slots=True)
class DayCell:
    """A day of the month, with what is to pay on it; `sums` is None where nothing is."""

    number: int
    iso: str
    name: str
    url: str
    sums: SumWords | None
    is_today: bool
    is_late: bool


@dataclass(frozen=True, slots=True)
class Weekday:
    """A column of the month."""

    short: str
    long: str


@dataclass(frozen=True, slots=True)
class MonthPage:
    """A month of due dates. Days of other months are None in its weeks."""

    title: str
    weekdays: tuple[Weekday, ...]
    weeks: tuple[tuple[DayCell | None, ...], ...]
    days: tuple[DayCell, ...]
    sums: SumWords
    before_url: str
    after_url: str
    today_url: str
    list_url: str


@dataclass(frozen=True, slots=True)
class FeedPanel:
    """The private address: made when, read how often; `address` only when it was just made."""

    is_made: bool
    made: str
    read: str
    address: str


def month_page(
    days: Iterable[DueDay], sums: Sums, *, first: date, to: Addresses, today: date
) -> MonthPage:
    """Present a month, its weeks beginning as the language's do."""
    due = {day.on: day.sums for day in days}
    starts = first_weekday()
    weeks = calendar.Calendar(starts).monthdatescalendar(first.year, first.month)
    cells = {
        on: _cell(on, due.get(on), to, today)
        for week in weeks
        for on in week
        if on.month == first.month
    }
    this_month = today.replace(day=1)
    return MonthPage(
        title=formats.long_month(first),
        weekdays=tuple(_weekdays(starts)),
        weeks=tuple(tuple(cells.get(on) for on in week) for week in weeks),
        days=tuple(cell for cell in cells.values() if cell.sums),
        sums=sum_words(sums),
        before_url=to.to("finance-calendar", {"month": f"{month_before(first):%Y-%m}"}),
        after_url=to.to("finance-calendar", {"month": f"{month_after(first):%Y-%m}"}),
        today_url=to.to("finance-calendar") if first != this_month else "",
        list_url=to.to("finance"),
    )


def feed_panel(feed: FeedView | None, *, address: str = "", now: datetime) -> FeedPanel:
    """Present what there is to say of a person's private address."""
    if feed is None:
        return FeedPanel(is_made=False, made="", read="", address="")
    if feed.read_at is None:
        read = _("No calendar has read it yet.")
    else:
        read = ngettext(
            "Last read %(moment)s, %(count)s time in all.",
            "Last read %(moment)s, %(count)s times in all.",
            feed.times_read,
        ) % {
            "moment": formats.moment(feed.read_at, now),
            "count": formats.count(feed.times_read),
        }
    made = _("Made on %(date)s.") % {"date": formats.day(formats.local(feed.created_at).date())}
    return FeedPanel(is_made=True, made=made, read=read, address=address)


def due_events(
    titles: Iterable[TitleLine], *, portal: str, position: Iterable[str]
) -> tuple[DayEvent, ...]:
    """Word due dates as events: what, how much for who may see it, and as of when.

    No boleto line and no PIX: what pays is shown by the portal alone, checked.
    """
    about = [*position, _("Check it in the portal before paying.")]
    return tuple(
        _event(title, title.due_on, portal, about) for title in titles if title.due_on is not None
    )


def _event(title: TitleLine, due_on: date, portal: str, about: list[str]) -> DayEvent:
    name = title_name(title)
    amount = formats.money(title.amount)
    goes_by = order_of(title)
    order = _("Order %(number)s") % {"number": goes_by}
    number = title.own_number
    own = _("Your number: %(number)s") % {"number": number} if number not in {"", goes_by} else ""
    branch = formats.tax_id(title.establishment_tax_id)
    known = f"{title.order_public_id}:{title.key}"
    return DayEvent(
        uid=f"{hashlib.sha256(known.encode()).hexdigest()[:40]}@{urlsplit(portal).hostname}",
        on=due_on,
        changed_at=title.changed_at,
        summary=" · ".join(
            part for part in (_("Due: %(title)s") % {"title": name}, amount) if part
        ),
        description="\n".join(part for part in (order, own, branch, *about) if part),
        url=f"{portal.rstrip('/')}{Addresses().to('order', public_id=title.order_public_id)}",
    )


def first_weekday() -> int:
    """Return the day on which a week begins where the language is spoken; Monday is 0."""
    return int(formats.locale().first_week_day)


def _weekdays(starts: int) -> Iterable[Weekday]:
    short, long = (
        get_day_names(width, "stand-alone", formats.locale()) for width in ("abbreviated", "wide")
    )
    for at in range(7):
        day = (starts + at) % 7
        yield Weekday(short[day].rstrip("."), long[day])


def _cell(on: date, sums: Sums | None, to: Addresses, today: date) -> DayCell:
    return DayCell(
        number=on.day,
        iso=on.isoformat(),
        name=formats.long_day(on),
        url=to.to("finance", {"from": on.isoformat(), "to": on.isoformat()}),
        sums=sum_words(sums) if sums else None,
        is_today=on == today,
        is_late=on < today,
    )
