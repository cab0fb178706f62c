"""Due dates by month, and the private address under which people's calendars read them."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from b2b_orders.common import clock
from b2b_orders.common.errors import NotVisible
from b2b_orders.common.requests import CALENDAR_PATH
from b2b_orders.companies.access import Right
from b2b_orders.documents.calendars import (
    FeedReader,
    end_feed,
    get_feed,
    may_have_feed,
    opened_feed,
    renew_feed,
)
from b2b_orders.ingest.queries import list_source_states
from b2b_orders.orders.titles import TitleFilter, due_days, list_titles
from b2b_orders.portal import formats
from b2b_orders.portal.addresses import addresses
from b2b_orders.portal.ical import write_calendar
from b2b_orders.portal.leading import led_by
from b2b_orders.portal.presenters.due_calendar import due_events, feed_panel, month_page
from b2b_orders.portal.presenters.finance import position_words
from b2b_orders.portal.presenters.finance_filter import month_after, read_month
from b2b_orders.portal.presenters.sources import source_lines
from b2b_orders.portal.requests import CompanyRequest, company_page

# What a calendar is told: what is still to pay since then, the earliest first.
FEED_PAST = timedelta(days=180)
FEED_LIMIT = 2000
_ENDING = ".ics"


@require_safe
@company_page
def month(request: CompanyRequest) -> HttpResponseBase:
    """Show what is to pay on which day of a month."""
    return _month(request)


def _month(request: CompanyRequest, address: str = "") -> HttpResponse:
    viewer, now, to = request.viewer, clock.now(), addresses(request)
    if not viewer.can(Right.FINANCE):
        raise NotVisible
    today = formats.today(now)
    first = read_month(request.GET.get("month", ""), today)
    last = month_after(first) - timedelta(days=1)
    days, sums = due_days(viewer=viewer, first=first, last=last, today=today)
    states = list_source_states()
    has_feed = may_have_feed(viewer=viewer)
    feed = get_feed(viewer=viewer) if has_feed else None
    context = {
        "page": month_page(days, sums, first=first, to=to, today=today),
        "position": position_words(states, now=now),
        "sources": source_lines(states, now=now),
        "feed": feed_panel(feed, address=address, now=now) if has_feed else None,
        "renew_url": to.to("finance-calendar-renew"),
        "end_url": to.to("finance-calendar-end"),
    }
    return render(request, "portal/finance/calendar.html", context)


@require_POST
@company_page
def renew(request: CompanyRequest) -> HttpResponseBase:
    """Make a private address, in place of a former one, and show it this once."""
    secret = renew_feed(viewer=request.viewer, actor=request.actor, now=clock.now())
    base = settings.PORTAL_URL.rstrip("/")
    return _month(request, f"{base}{CALENDAR_PATH}/{secret}{_ENDING}")


@require_POST
@company_page
def end(request: CompanyRequest) -> HttpResponseBase:
    """End the private address."""
    end_feed(viewer=request.viewer, actor=request.actor, now=clock.now())
    return redirect(addresses(request).to("finance-calendar"))


@require_safe
def feed(request: HttpRequest) -> HttpResponseBase:
    """Answer a calendar that knows a private address; the middleware took it off the path."""
    written: str = getattr(request, "secret_path", "")
    if not written.endswith(_ENDING):
        raise NotVisible
    now = clock.now()
    with opened_feed(secret=written.removesuffix(_ENDING), now=now) as reader:
        body = _calendar(reader)
    etag = quote_etag(hashlib.sha256(body).hexdigest())
    response = HttpResponse(body, content_type="text/calendar; charset=utf-8")
    response["ETag"] = etag
    # Kept by the calendar alone, which asks each time whether it still holds.
    response["Cache-Control"] = "private, no-cache"
    response["Content-Disposition"] = 'inline; filename="vencimentos.ics"'
    response["X-Content-Type-Options"] = "nosniff"
    answer = get_conditional_response(request, etag=etag, response=response)
    return answer or response


def _calendar(reader: FeedReader) -> bytes:
    now = clock.now()
    today = formats.today(now)
    language = reader.language if reader.language in dict(settings.LANGUAGES) else ""
    with (
        translation.override(language or settings.LANGUAGE_CODE),
        led_by(reader.leading_number),
    ):
        position = position_words(list_source_states(), now=now, by_day=True)
        titles = list_titles(
            viewer=reader.viewer,
            wanted=TitleFilter(due_from=today - FEED_PAST),
            today=today,
            limit=FEED_LIMIT,
        )
        return write_calendar(
            name=_("Due dates of %(company)s") % {"company": reader.company_name},
            about=" ".join(position),
            events=due_events(titles.rows, portal=settings.PORTAL_URL, position=position),
        )
