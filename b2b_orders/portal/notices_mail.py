"""The mail with news of what a person follows: in their language, and by their clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.conf import settings
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from b2b_orders.common.mail import absolute, send_mail
from b2b_orders.common.requests import ENDING_PATH
from b2b_orders.documents.queries import DocumentRow
from b2b_orders.notifications import telling
from b2b_orders.notifications.links import Ending, sign_ending
from b2b_orders.notifications.telling import CompanyNews, Digest, Fact, FollowTold, OrderNews
from b2b_orders.portal import formats, words
from b2b_orders.portal.leading import leading_number, led_by
from erp_bridge.records import NumberKind

# So many follows have a link of their own in a mail; all of them are on the page it leads to.
MOST_ENDINGS: Final = 10


@dataclass(frozen=True, slots=True)
class OrderLines:
    """One order as the mail words it."""

    heading: str
    url: str
    lines: tuple[str, ...]
    as_of: str


@dataclass(frozen=True, slots=True)
class CompanyLines:
    """One company's orders; `more` says how many others there are."""

    name: str
    url: str
    orders: tuple[OrderLines, ...]
    more: str


@dataclass(frozen=True, slots=True)
class EndLine:
    """A link that ends a follow."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class NoticeMail:
    """A mail as its templates show it."""

    person_name: str
    companies: tuple[CompanyLines, ...]
    endings: tuple[EndLine, ...]
    settings_url: str
    stop_url: str
    zone: str
    is_test: bool


def tell(*, now: datetime) -> int:
    """Mail everybody for whom it is time; say how many mails went out."""
    return telling.tell(now=now, send=send_digest)


def send_digest(digest: Digest) -> None:
    """Mail what there is to tell, with links that need a log-in and links that end it."""
    language = digest.language if digest.language in dict(settings.LANGUAGES) else ""
    with (
        translation.override(language or settings.LANGUAGE_CODE),
        timezone.override(digest.zone),
        led_by(digest.leading_number),
    ):
        send_mail(
            to=digest.email,
            subject=_subject(digest),
            template="notices",
            context={"mail": _mail(digest)},
            language=language,
            headers={} if digest.is_test else _unsubscribing(digest),
        )


def _subject(digest: Digest) -> str:
    """Say in one line what it is about: of one order what happened, of many how many they are."""
    if digest.is_test:
        return _("On trial: mails with news arrive")
    orders = [order for company in digest.companies for order in company.orders]
    if len(orders) == 1:
        return _("Order %(order)s: %(news)s") % {
            "order": leading_number(orders[0].title, orders[0].numbers),
            "news": _headline(orders[0]),
        }
    count = len(orders) + sum(company.more for company in digest.companies)
    text = ngettext("News of %(count)s order", "News of %(count)s orders", count)
    return text % {"count": formats.count(count)}


def _headline(order: OrderNews) -> str:
    fact = order.facts[0]
    if fact.kind == "status":
        entered = fact.entered and not fact.before
        return _("it is in the ERP now") if entered else _status(order)
    return _line(fact, order)


def _mail(digest: Digest) -> NoticeMail:
    return NoticeMail(
        person_name=digest.person_name,
        companies=tuple(_company(each, digest.now) for each in digest.companies if each.orders),
        endings=tuple(_end_line(each, digest) for each in digest.follows[:MOST_ENDINGS]),
        settings_url=absolute(reverse("portal:notices")),
        stop_url=_ending_url(Ending(digest.person_id)),
        zone=_("Times are those of %(zone)s.")
        % {"zone": formats.zone_text(digest.zone.key, digest.now)},
        is_test=digest.is_test,
    )


def _company(news: CompanyNews, now: datetime) -> CompanyLines:
    page = absolute(reverse("portal:orders", kwargs={"company": news.public_id}))
    more = ""
    if news.more:
        text = ngettext("And news of %(count)s more order", "And news of %(count)s more", news.more)
        more = text % {"count": formats.count(news.more)}
    return CompanyLines(
        name=news.name,
        url=page,
        orders=tuple(_order(each, news, now) for each in news.orders),
        more=more,
    )


def _order(order: OrderNews, company: CompanyNews, now: datetime) -> OrderLines:
    page = reverse(
        "portal:order", kwargs={"company": company.public_id, "public_id": order.public_id}
    )
    title = leading_number(order.title, order.numbers)
    heading = _("Order %(number)s") % {"number": _flat(title)}
    of_customer = (each.written for each in order.numbers if each.kind is NumberKind.CUSTOMER)
    if (number := next(of_customer, title)) != title:
        own = _("your number %(number)s") % {"number": _flat(number)}
        heading = f"{heading} · {own}"
    return OrderLines(
        heading=heading,
        url=absolute(page),
        lines=tuple(_flat(_line(fact, order)) for fact in order.facts),
        as_of=_as_of(order, now),
    )


def _flat(text: str) -> str:
    """Write in one line what a source wrote: it makes up no lines of the mail's own."""
    return formats.NBSP.join(" ".join(part.split()) for part in text.split(formats.NBSP))


def _as_of(order: OrderNews, now: datetime) -> str:
    """Say how old what is told is: when each source last told us of the order."""
    parts = [
        f"{words.text(words.SYSTEM, each.system.value)} {formats.moment(each.as_of, now)}"
        for each in sorted(order.sources, key=lambda each: each.system.value, reverse=True)
    ]
    return _("Data as of: %(sources)s") % {"sources": " · ".join(parts)} if parts else ""


def _status(order: OrderNews) -> str:
    return words.fulfilment(order.fulfilment, order.status_raw).text


def _line(fact: Fact, order: OrderNews) -> str:
    """Word one thing that is so now."""
    if fact.kind == "order":
        return _("New in “%(list)s”: %(status)s") % {
            "list": fact.list_name,
            "status": _status(order),
        }
    if fact.kind == "status":
        return _status_line(fact, order)
    if fact.kind == "invoiced":
        numbers = ", ".join(fact.invoices)
        return _("Invoiced: NF %(numbers)s") % {"numbers": numbers} if numbers else _("Invoiced")
    if fact.kind == "promise":
        return _promise_line(fact)
    if fact.document is not None:
        return _document_line(fact.document, order)
    return _due_line(fact, order)


def _status_line(fact: Fact, order: OrderNews) -> str:
    now = _status(order)
    if fact.before:
        line = _("Status: %(status)s (was: %(before)s)") % {
            "status": now,
            "before": words.fulfilment(fact.before).text,
        }
    else:
        line = _("Status: %(status)s") % {"status": now}
    return _("It is in the ERP now.") + f" {line}" if fact.entered else line


def _promise_line(fact: Fact) -> str:
    before = formats.day(date.fromisoformat(fact.before)) if fact.before else ""
    now = formats.day(fact.due_on)
    if not now:
        return _("No expected delivery any more (was: %(before)s)") % {"before": before}
    if not before:
        return _("Expected delivery: %(day)s") % {"day": now}
    return _("Expected delivery: %(day)s (was: %(before)s)") % {"day": now, "before": before}


def _document_line(row: DocumentRow, order: OrderNews) -> str:
    kind = words.DOCUMENT_KIND.get(row.kind, words.DOCUMENT_KIND["other"])
    name = str(kind.name)
    if row.invoice_number:
        name = _("%(document)s of NF %(number)s") % {
            "document": name,
            "number": row.invoice_number,
        }
    parts = [_("%(document)s is there") % {"document": name}]
    if row.can_be_paid and row.due_on:
        parts.append(_("due on %(day)s") % {"day": formats.day(row.due_on)})
    if row.can_be_paid and row.amount is not None:
        parts.append(formats.amount(row.amount, order.currency))
    return " · ".join(parts)


def _due_line(fact: Fact, order: OrderNews) -> str:
    what = _("Boleto")
    if fact.instalment:
        what = f"{what} {fact.instalment}"
    if fact.invoice_number:
        what = _("%(document)s of NF %(number)s") % {
            "document": what,
            "number": fact.invoice_number,
        }
    day = {"boleto": what, "day": formats.day(fact.due_on)}
    if fact.kind == "overdue":
        line = _("%(boleto)s was due on %(day)s and is open as far as we know") % day
    else:
        line = _("%(boleto)s is due on %(day)s") % day
    amount = formats.amount(fact.amount, order.currency)
    return f"{line} · {amount}" if amount else line


# --- ending it ------------------------------------------------------------------------------


def _end_line(follow: FollowTold, digest: Digest) -> EndLine:
    if follow.order_title:
        title = leading_number(follow.order_title, follow.numbers)
        text = _("Stop following order %(order)s") % {"order": _flat(title)}
    else:
        text = _("Stop following the list “%(list)s”") % {"list": follow.name}
    return EndLine(text, _ending_url(_ending(follow, digest)))


def _ending(follow: FollowTold, digest: Digest) -> Ending:
    return Ending(digest.person_id, follow.company_id, follow.public_id)


def _ending_url(ending: Ending) -> str:
    return absolute(f"{ENDING_PATH}/{sign_ending(ending)}")


def _unsubscribing(digest: Digest) -> dict[str, str]:
    """Build the headers of RFC 8058: one click ends the one follow it is of, else all mails."""
    one = digest.follows[0] if len(digest.follows) == 1 else None
    ending = _ending(one, digest) if one else Ending(digest.person_id)
    return {
        "List-Unsubscribe": f"<{_ending_url(ending)}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
