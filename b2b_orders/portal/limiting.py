"""Limits of what one person, company or address may ask for, and how a refusal is answered.

Who has logged in is counted as that person and as their company, never by their address: an
office shares one. Who has not is counted by address. Whoever opens addresses that do not exist,
or are not theirs, is slowed and then refused; both are counted alike, and refused alike.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from b2b_orders.audit.alarms import Alarm, raise_alarm
from b2b_orders.audit.services import Action, record, report_incident
from b2b_orders.common import clock
from b2b_orders.common.limits import Bucket, CacheDown, Draw, Drawn, draw
from b2b_orders.common.requests import HOOK_PATH, SECRET_PATHS, network_of
from b2b_orders.companies.middleware import ViewerRequest

logger = logging.getLogger(__name__)

REFUSED = 429
NOT_FOUND = 404


class Cost(StrEnum):
    """What a request costs us; each has a limit of its own, see `PORTAL_LIMITS`."""

    PAGE = "page"
    SEARCH = "search"
    LOOKUP = "lookup"
    DOCUMENT = "document"
    EXPORT = "export"


# By the name of the address. Whatever is not here is a page.
_SEARCHES = frozenset({"orders", "suggestions", "support", "telesales", "telesales-found", "act"})
_COSTS: dict[str, Cost] = {
    "ask": Cost.LOOKUP,
    "refresh": Cost.LOOKUP,
    "document": Cost.DOCUMENT,
    "view-document": Cost.DOCUMENT,
    "payment": Cost.DOCUMENT,
    "title-payment": Cost.DOCUMENT,
    "order-zip": Cost.EXPORT,
    "ask-pack": Cost.EXPORT,
    "pack-part": Cost.EXPORT,
    "finance-boletos": Cost.EXPORT,
    "picked": Cost.EXPORT,
}
# What load balancers and Prometheus ask, and what VTEX calls as often as orders change: strangers
# there are `ingest.hooks`' affair.
_UNCOUNTED = frozenset({"/healthz", "/readyz", "/metrics", HOOK_PATH})
# Whoever must wait can still leave.
_WAYS_OUT = frozenset({"account_logout", "stop-acting"})
# What a secret opens to whoever has it, see `_of_secret`.
_LINKS = frozenset(SECRET_PATHS) - _UNCOUNTED
# How long one answer about nothing may be held back, and for how many people at a time one
# process does so: its threads are needed.
_SLOWEST, _SLOWED_AT_ONCE = 1.0, 2
# Each process says so often that nothing is counted, in seconds.
_TOLD_AGAIN = 600


def cost_of(request: HttpRequest) -> Cost:
    """Say what a request that has found its view costs."""
    match = request.resolver_match
    name = (match.url_name or "") if match else ""
    if name in _SEARCHES:
        given = request.POST if request.method == "POST" else request.GET
        typed = given.get("q") or given.get("number")
        return Cost.SEARCH if typed else Cost.PAGE
    if name.endswith("export") or (name == "many" and request.method == "POST"):
        return Cost.EXPORT
    return _COSTS.get(name, Cost.PAGE)


@dataclass(frozen=True, slots=True)
class _Asker:
    """Whom a request counts for: `who` is a person or an address, "" when neither is known."""

    who: str
    person_id: int | None = None
    company_id: int | None = None


def _asker(request: ViewerRequest) -> _Asker:
    person_id, viewer = request.actor.person_id, request.viewer
    if person_id is None:
        return _Asker(_network(request))
    # The seller's people count for themselves: customers must not wait for them.
    company = viewer.company_id if viewer and not viewer.is_staff else None
    return _Asker(f"p{person_id}", person_id, company)


def _network(request: ViewerRequest) -> str:
    network = network_of(request.actor.address or "")
    return f"a{network}" if network else ""


def _draws(asker: _Asker, cost: Cost) -> list[Draw]:
    limits: dict[str, int] = settings.PORTAL_LIMITS
    if asker.person_id is None:
        return [Draw(Bucket(f"address:{asker.who}", limits["address"]))]
    draws = [Draw(_unknown(asker), 0), Draw(Bucket(f"{cost}:{asker.who}", limits[cost]))]
    if asker.company_id is not None:
        size = limits[cost] * limits["company_factor"]
        draws.append(Draw(Bucket(f"{cost}:c{asker.company_id}", size)))
    return draws


def _unknown(asker: _Asker) -> Bucket:
    return Bucket(f"unknown:{asker.who}", settings.PORTAL_LIMITS["unknown"], rests=True)


def _of_secret(asker: _Asker) -> Bucket:
    """Count addresses with a secret only when they lead nowhere: calendars come at any time."""
    return Bucket(f"secret:{asker.who}", settings.PORTAL_LIMITS["secret"], rests=True)


class LimitMiddleware:
    """Refuse one request too many, before its view; count what led nowhere, after it.

    Stands inside the viewer's scope, where it is known who asks and the record can be written.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: ViewerRequest) -> HttpResponseBase:
        if request.path_info in _LINKS:
            return self._secret(request)
        response = self.get_response(request)
        asker = _asker(request)
        if response.status_code != NOT_FOUND or asker.person_id is None:
            return response
        bucket = _unknown(asker)
        drawn = _draw([Draw(bucket)])
        if drawn.is_allowed:
            # From half of what is free on, each answer is later than the one before.
            request.slow_by = _SLOWEST * max(0.0, 1 - 2 * drawn.left)  # type: ignore[attr-defined] # ours, read by SlowMiddleware
            return response
        return _refuse(request, drawn)

    def process_view(
        self, request: ViewerRequest, _view: object, _args: object, _kwargs: object
    ) -> HttpResponseBase | None:
        """Refuse before anything is looked for, so that a refusal tells nothing of it."""
        if request.path_info in _UNCOUNTED | _LINKS:
            return None
        asker, match = _asker(request), request.resolver_match
        if not asker.who or (match and match.url_name in _WAYS_OUT):
            return None
        drawn = _draw(_draws(asker, cost_of(request)))
        return None if drawn.is_allowed else _refuse(request, drawn)

    def _secret(self, request: ViewerRequest) -> HttpResponseBase:
        asker = _Asker(_network(request))
        if not asker.who:
            return self.get_response(request)
        drawn = _draw([Draw(_of_secret(asker), 0)])
        if not drawn.is_allowed:
            return _refuse(request, drawn)
        response = self.get_response(request)
        if response.status_code == NOT_FOUND:
            _draw([Draw(_of_secret(asker))])
        return response


class SlowMiddleware:
    """Hold back answers to who asks for one unknown address after the other.

    Stands outside the viewer's scope, so that no transaction waits with the answer.
    """

    _places = threading.BoundedSemaphore(_SLOWED_AT_ONCE)
    sleep: Callable[[float], None] = staticmethod(time.sleep)

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        seconds: float = getattr(request, "slow_by", 0.0)
        if seconds > 0 and self._places.acquire(blocking=False):
            try:
                type(self).sleep(seconds)
            finally:
                self._places.release()
        return response


class _Told:
    """When this process last told operations that nothing is counted."""

    at = float("-inf")


def _draw(draws: list[Draw]) -> Drawn:
    """Draw, or let pass when nothing can be counted: a cache that is away stops nobody.

    Logging in has limits of its own (`ACCOUNT_RATE_LIMITS`), which then let nobody pass.
    """
    try:
        return draw(*draws)
    except CacheDown:
        if time.monotonic() - _Told.at > _TOLD_AGAIN:
            _Told.at = time.monotonic()
            report_incident("limits-not-counted", now=clock.now())
        return Drawn()


def _refuse(request: ViewerRequest, drawn: Drawn) -> HttpResponseBase:
    if drawn.is_first and drawn.refused is not None:
        _write_down(request, drawn.refused)
    seconds = drawn.seconds
    response = _problem(seconds) if _is_api(request) else _page(request, seconds)
    response["Retry-After"] = str(seconds)
    response["Cache-Control"] = "private, no-store"
    return response


def _write_down(request: ViewerRequest, bucket: Bucket) -> None:
    """Record a refusal once for all that follow, and warn of guessing."""
    kind, _colon, who = bucket.key.partition(":")
    company_id = request.viewer.company_id if request.viewer else None
    now = clock.now()
    record(
        Action.LIMIT_REACHED,
        actor=request.actor,
        company_id=company_id,
        object_kind="limit",
        object_id=kind,
        detail={"of": {"p": "person", "c": "company"}.get(who[:1], "address")},
        now=now,
    )
    if kind in {"unknown", "secret"}:
        raise_alarm(
            Alarm.GUESSING,
            person_id=request.actor.person_id,
            company_id=company_id,
            address=request.actor.address or "",
            detail={"in_seconds": int(bucket.seconds), "unknown": bucket.size},
            now=now,
        )


def _is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/")


def sentence(seconds: int) -> str:
    """Say for how long to wait, in seconds or, when that is clearer, in minutes."""
    if seconds <= 120:
        return _("Too many look-ups in a short time. Try again in %(seconds)s s.") % {
            "seconds": seconds
        }
    minutes = -(-seconds // 60)
    return ngettext(
        "Too many look-ups in a short time. Try again in %(minutes)s minute.",
        "Too many look-ups in a short time. Try again in %(minutes)s minutes.",
        minutes,
    ) % {"minutes": minutes}


def _problem(seconds: int) -> HttpResponse:
    body = {
        "type": "about:blank",
        "status": REFUSED,
        "code": "too-many-requests",
        "title": sentence(seconds),
        "retry_after": seconds,
    }
    return JsonResponse(body, status=REFUSED, content_type="application/problem+json")


# Never handed back in a page.
_NOT_KEPT = frozenset({"csrfmiddlewaretoken", "code", "otp", "credential", "secret"})


def _page(request: ViewerRequest, seconds: int) -> HttpResponse:
    is_form = request.method == "POST"
    given = request.POST if is_form else request.GET
    typed = given.get("q", "")
    htmx: Any = getattr(request, "htmx", None)
    if htmx and not is_form and typed:
        # What is typed into the box is asked for part by part: the page has the wait, and the
        # text. Other fragments stay as they are until they are asked for again.
        return HttpResponse(status=REFUSED, headers={"HX-Redirect": request.get_full_path()})
    kept = [
        (name, value)
        for name, values in (request.POST.lists() if is_form else ())
        for value in values
        if name not in _NOT_KEPT and "password" not in name
    ]
    context = {
        "typed": typed,
        "heading": _("Please wait a moment"),
        "sentence": sentence(seconds),
        "is_form": is_form,
        "kept": kept,
        "again": request.get_full_path(),
    }
    return render(request, "errors/slowed.html", context, status=REFUSED)
