"""What stands around the rows of a list: filter, chips, how many there are, other pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from b2b_orders.companies.access import Right
from b2b_orders.orders.filtering import DUE_SOON, Only, OrderFilter
from b2b_orders.orders.queries import (
    Counted,
    ScopeFacts,
    count_orders,
    scope_facts,
    search,
)
from b2b_orders.orders.saved_views import keep_page_size
from b2b_orders.orders.titles import due_days
from b2b_orders.portal.addresses import addresses
from b2b_orders.portal.list_address import AskedList, page_size, read_address
from b2b_orders.portal.presenters.list_filter import (
    ListChip,
    filter_form,
    list_chips,
    list_words,
    narrow,
    pills,
    show_words,
    sort_links,
)
from b2b_orders.portal.requests import CompanyRequest
from erp_bridge.records import Money

# The form whose changes fill the list: what is being typed into it is left alone.
FORM = "form#filters"
# More parts of a filter than this are not tried one by one.
MOST_TRIED = 8


def read_list(request: CompanyRequest, *, usual_size: int, now: datetime) -> AskedList:
    """Read which list is asked for; a number of rows that is chosen in its form is kept."""
    base = addresses(request).to("orders")
    asked = read_address(request.GET, viewer=request.viewer, base=base, usual_size=usual_size)
    if not _chooses_size(request, asked):
        return asked
    keep_page_size(viewer=request.viewer, page_size=asked.page_size, now=now)
    return replace(asked, usual_size=asked.page_size)


def _chooses_size(request: CompanyRequest, asked: AskedList) -> bool:
    """Say whether the person chose another number of rows just now, in the form of the list.

    The form always says one. Somebody else's link may have brought it, and changes no wish.
    """
    if request.htmx.source != FORM or request.viewer.acting_id is not None:
        return False
    before = page_size(QueryDict(urlsplit(request.htmx.current_url or "").query))
    return asked.page_size not in {asked.usual_size, before}


def around(
    request: CompanyRequest,
    asked: AskedList,
    counted: Counted | None,
    *,
    facts: ScopeFacts,
    chips: Mapping[Only, Counted],
    now: datetime,
) -> dict[str, Any]:
    """Build what stands around the rows; `counted` is None where nothing was looked for."""
    viewer = request.viewer
    is_empty = counted is not None and not counted.count and not asked.after
    return {
        "filters": filter_form(asked, facts, viewer=viewer),
        "shows_form": request.htmx.source != FORM,
        # After a link focus goes to what it brought; who types or ticks stays where they are.
        "takes_focus": (request.htmx.source or "").startswith("a"),
        "show_count": show_words(counted) if counted else "",
        "pills": pills(asked, facts),
        "clear": asked.url(wanted=asked.sorted_by(type(asked.wanted)())),
        "is_cut": asked.is_cut,
        "chips": _chips(request, asked, chips, now),
        "sorts": sort_links(asked, viewer=viewer),
        "list_pairs": asked.pairs(),
        "narrow": _narrow(request, asked, facts, now) if is_empty and asked.is_narrowed else None,
    }


def _chips(
    request: CompanyRequest, asked: AskedList, counts: Mapping[Only, Counted], now: datetime
) -> tuple[ListChip, ...]:
    viewer = request.viewer
    if asked.typed.strip():
        return ()
    due: Sequence[Money] = ()
    if (owing := counts.get(Only.DUE_SOON)) and owing.count and viewer.can(Right.FINANCE):
        today = timezone.localdate(now)
        _, sums = due_days(viewer=viewer, first=today, last=today + DUE_SOON, today=today)
        due = sums.amounts
    return list_chips(asked, counts, due=due)


def _narrow(request: CompanyRequest, asked: AskedList, facts: ScopeFacts, now: datetime) -> object:
    tried = [
        (pill, _count(request, asked, pill.wanted, now))
        for pill in pills(asked, facts)[:MOST_TRIED]
    ]
    return narrow(asked, tried)


def _count(
    request: CompanyRequest, asked: AskedList, wanted: OrderFilter, now: datetime
) -> Counted:
    viewer = request.viewer
    if not asked.typed.strip():
        return count_orders(viewer=viewer, wanted=wanted, now=now)
    found = search(viewer=viewer, text=asked.typed, wanted=wanted, limit=1, now=now)
    return Counted(found.count, found.is_counted)


def pages(asked: AskedList, following: str | None, previous: str | None) -> dict[str, str]:
    """Build the addresses of the pages beside this one."""
    return {
        "older": asked.url(after=following) if following else "",
        "newer": asked.url(after=previous) if previous else "",
        "newest": asked.url() if previous else "",
    }


def counted_words(asked: AskedList, counted: Counted) -> str:
    """Say how many orders a list has, and how it is sorted."""
    return list_words(counted, asked.wanted)


def problem_response(request: CompanyRequest, asked: AskedList) -> HttpResponse:
    """Show the form alone with what is wrong in it: the list that is there stays."""
    facts = scope_facts(viewer=request.viewer)
    context = {"filters": filter_form(asked, facts, viewer=request.viewer), "show_count": ""}
    response = render(request, "portal/orders/_filters.html", context)
    response["HX-Retarget"] = "#filters"
    response["HX-Reswap"] = "outerHTML"
    response["HX-Push-Url"] = "false"
    patch_vary_headers(response, ("HX-Request", "HX-Source"))
    return response


def list_response(
    request: CompanyRequest, asked: AskedList, context: dict[str, object]
) -> HttpResponse:
    """Show the whole page, or what is to be put into it."""
    if request.htmx:
        context["is_fragment"] = True
        response = render(request, "portal/orders/_results.html", context)
        if request.htmx.source == FORM:
            # A form says also what is empty: the address holds only what counts.
            response["HX-Push-Url"] = asked.url()
    else:
        response = render(request, "portal/orders/list.html", context)
    patch_vary_headers(response, ("HX-Request", "HX-Source"))
    return response
