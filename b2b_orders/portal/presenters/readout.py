"""What staff read out on the phone, and paste into a chat, in the customer's language.

Plain sentences, with the end of a number instead of all its digits, and days as they are
said. The text for a chat names the order in full and nobody: no names, no addresses, no
amounts. What is not fresh says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from babel.dates import format_date
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from b2b_orders.ingest.queries import SourceState
from b2b_orders.orders.numbers import normalise
from b2b_orders.orders.open_orders import OpenOrders
from b2b_orders.orders.queries import OrderDetail
from b2b_orders.portal import formats, words
from b2b_orders.portal.presenters.sources import down_sources
from b2b_orders.portal.words import Text
from erp_bridge.records import NumberKind

# What can be said of a number without losing who listens.
SAID = 6
_ENDING = 4
_MOST_ORDERS = 3
_OLD = timedelta(minutes=30)
_DAY_PATTERN = {"pt-br": "EEEE, d 'de' MMMM", "es": "EEEE d 'de' MMMM", "en": "EEEE, MMMM d"}
_ENDED = {"delivered", "cancelled", "replaced"}

_SPOKEN: dict[str, Text] = {
    "placed": lazy("It was received."),
    "awaiting_approval": lazy("It waits for your approval."),
    "awaiting_payment": lazy("It waits for payment."),
    "awaiting_erp": lazy("It is about to enter our system."),
    "commercial_review": lazy("It is being released by sales."),
    "credit_review": lazy("Its credit is being reviewed."),
    "picking": lazy("It is being picked."),
    "partly_invoiced": lazy("A part of it was invoiced."),
    "invoiced": lazy("It was invoiced."),
    "shipped": lazy("It was shipped."),
    "delivered": lazy("It was delivered."),
    "cancel_requested": lazy("Its cancellation was asked for."),
    "cancelled": lazy("It was cancelled."),
    "replaced": lazy("It was replaced by another order."),
}


@dataclass(frozen=True, slots=True)
class Spoken:
    """A language to choose; `url` shows the page with the text in it."""

    code: str
    name: str
    url: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class ReadOut:
    """A text to be read out and one to be sent, in one of the languages."""

    language: str
    text: str
    message: str
    languages: tuple[Spoken, ...]


def chosen_language(*wanted: str) -> str:
    """Return the first that is one of ours: what was asked for, what the customer speaks."""
    known = dict(settings.LANGUAGES)
    return next((each for each in wanted if each in known), settings.LANGUAGE_CODE)


def languages(chosen: str, base: str) -> tuple[Spoken, ...]:
    """List the languages, each with the address where the text is in it."""
    return tuple(
        Spoken(code, name, f"{base}?leitura={code}#read-out", code == chosen)
        for code, name in settings.LANGUAGES
    )


def order_readout(
    detail: OrderDetail,
    states: Iterable[SourceState],
    *,
    language: str,
    base: str,
    link: str,
    now: datetime,
) -> ReadOut:
    """Word one order; `link` is its page, which asks the customer to log in."""
    row, today = detail.row, formats.today(now)
    with translation.override(language):
        said = [
            _placed(_name(detail), row.placed_on, today),
            _status(row.fulfilment, row.status_raw),
            *_delivery(row.promised_on, today, is_over=row.fulfilment in _ENDED),
        ]
        count = max(row.line_count, len(detail.lines))
        if count:
            items = ngettext("It has %(count)s item.", "It has %(count)s items.", count)
            said.append(items % {"count": formats.count(count)})
        said += _age(states, now)
        return ReadOut(
            language=language,
            text=" ".join(said),
            message=_message(detail, states, link, now),
            languages=languages(language, base),
        )


def customer_readout(
    orders: OpenOrders,
    states: Iterable[SourceState],
    *,
    language: str,
    base: str,
    link: str,
    now: datetime,
) -> ReadOut:
    """Word what a customer waits for: how much, how much of it is late, and what comes next."""
    today = formats.today(now)
    with translation.override(language):
        said = [_open(orders)]
        if orders.late:
            late = ngettext(
                "%(count)s of them is late.", "%(count)s of them are late.", orders.late
            )
            said.append(late % {"count": formats.count(orders.late)})
        # In a chat a number is looked up, not listened to.
        written = list(said)
        for order in orders.rows[:_MOST_ORDERS]:
            number = order.own_number or order.title
            status = _status(order.fulfilment, order.status_raw)
            news = (status, *_delivery(order.promised_on, today, is_over=False))
            for text, name in ((said, _short(number)), (written, number)):
                text.append(" ".join((_("The order %(number)s:") % {"number": name}, *news)))
        said += _age(states, now)
        written += _age(states, now)
        message = [*written, _("Your orders, with your log-in: %(link)s") % {"link": link}]
        return ReadOut(
            language=language,
            text=" ".join(said),
            message="\n".join(message),
            languages=languages(language, base),
        )


def _open(orders: OpenOrders) -> str:
    if not orders.count:
        return _("You have no open order.")
    if not orders.is_counted:
        return _("You have more than %(count)s open orders.") % {
            "count": formats.count(orders.count)
        }
    said = ngettext(
        "You have %(count)s open order.", "You have %(count)s open orders.", orders.count
    )
    return said % {"count": formats.count(orders.count)}


def _name(detail: OrderDetail) -> str:
    """Say an order as its customer does, if that can be said; else the end of its number."""
    own = (n.written for n in detail.row.numbers if n.kind is NumberKind.CUSTOMER)
    return _short(next((n for n in own if len(normalise(n)) <= SAID), detail.row.title))


def _short(number: str) -> str:
    """Say a number in few signs; the site's `-01` says nothing and is left out."""
    known = normalise(number)
    if len(known) <= SAID:
        return number
    head, dash, tail = number.rpartition("-")
    bare = normalise(head) if dash and len(tail) == 2 and tail.isdigit() else known
    return _("ending in %(digits)s") % {"digits": " ".join(bare[-_ENDING:])}


def _placed(name: str, placed_on: date | None, today: date) -> str:
    if placed_on is None:
        return _("Your order %(number)s.") % {"number": name}
    if placed_on == today:
        return _("Your order %(number)s was placed today.") % {"number": name}
    if placed_on == today - timedelta(days=1):
        return _("Your order %(number)s was placed yesterday.") % {"number": name}
    return _("Your order %(number)s was placed on %(day)s.") % {
        "number": name,
        "day": _day(placed_on),
    }


def _status(fulfilment: str, raw: str) -> str:
    known = _SPOKEN.get(fulfilment)
    if known is None:
        status = words.fulfilment(fulfilment, raw).text
        return _('The system says: "%(status)s".') % {"status": status}
    return str(known)


def _delivery(promised_on: date | None, today: date, *, is_over: bool) -> tuple[str, ...]:
    if promised_on is None or is_over:
        return ()
    if promised_on < today:
        return (_("It was promised for %(day)s and is late.") % {"day": _day(promised_on)},)
    if promised_on == today:
        return (_("Delivery is expected today."),)
    if promised_on == today + timedelta(days=1):
        return (_("Delivery is expected tomorrow."),)
    return (_("Delivery is expected on %(day)s.") % {"day": _day(promised_on)},)


def _day(value: date) -> str:
    """Say a day: Thursday, March 12."""
    return format_date(value, _DAY_PATTERN[formats.language()], locale=formats.locale())


def _age(states: Iterable[SourceState], now: datetime) -> tuple[str, ...]:
    """Say as of when this is known, where a source is silent or was read a while ago."""
    known = tuple(states)
    oldest = min((each.as_of for each in known if each.as_of), default=None)
    if oldest is None or not (down_sources(known) or now - oldest > _OLD):
        return ()
    return (_("This is as of %(time)s.") % {"time": formats.moment(oldest, now)},)


def _message(detail: OrderDetail, states: Iterable[SourceState], link: str, now: datetime) -> str:
    """Write an order for a chat, a line each."""
    row = detail.row
    own = next((n.written for n in row.numbers if n.kind is NumberKind.CUSTOMER), "")
    status = words.fulfilment(row.fulfilment, row.status_raw).text
    lines = [
        _("Order %(number)s") % {"number": row.title},
        _("Your number: %(number)s") % {"number": own} if own else "",
        _("Status: %(status)s") % {"status": status},
        _("Expected delivery: %(day)s") % {"day": formats.day(row.promised_on)}
        if row.promised_on and row.fulfilment not in _ENDED
        else "",
        *_age(states, now),
        _("Documents and details, with your log-in: %(link)s") % {"link": link},
    ]
    return "\n".join(line for line in lines if line)
