"""Following orders and lists, and the page of what I follow and when I hear of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from b2b_orders.common import clock, tenancy
from b2b_orders.common.errors import Conflict, InvalidInput, NotAllowed, NotVisible
from b2b_orders.companies.access import Viewer
from b2b_orders.companies.viewers import CompanyChoice
from b2b_orders.documents.watching import WatchView, list_watches, unwatch
from b2b_orders.notifications import choices, following
from b2b_orders.notifications.following import FollowView, Kind, kinds_for
from b2b_orders.notifications.links import Ending, read_ending
from b2b_orders.orders.filtering import OrderFilter, read_filter
from b2b_orders.orders.queries import get_order
from b2b_orders.portal.addresses import addresses
from b2b_orders.portal.presenters.notices import (
    FollowPanel,
    ListFollowPanel,
    Typed,
    choice_form,
    follow_items,
    kind_options,
    typed_of,
    watch_items,
)
from b2b_orders.portal.requests import CompanyRequest, PersonRequest, company_page, person_page
from b2b_orders.portal.views.entering import sealed

_INVALID = 400
_WHOLE = re.compile(r"[0-9]{1,2}")


# --- the buttons on an order and on a list --------------------------------------------------


def follow_panel(request: CompanyRequest, *, order_id: int, public_id: UUID) -> FollowPanel | None:
    """Build the button that follows an order; the seller's people are not offered it."""
    if request.viewer.is_staff:
        return None
    to = addresses(request)
    known = following.get_order_follow(viewer=request.viewer, order_id=order_id)
    page = to.to("follow-order", public_id=public_id)
    return FollowPanel(page, known is not None, _settings(known))


def list_follow_panel(request: CompanyRequest, wanted: OrderFilter) -> ListFollowPanel | None:
    """Build the form that follows a list; only what is narrowed can be followed."""
    viewer = request.viewer
    wanted = wanted.allowed_to(viewer).unsorted()
    if viewer.is_staff or not wanted.is_narrowed:
        return None
    known = following.get_list_follow(viewer=viewer, query=wanted.to_query())
    return ListFollowPanel(
        url=addresses(request).to("follow-list"),
        is_followed=known is not None,
        settings_url=_settings(known),
        pairs=tuple(wanted.pairs()),
        name=known.name if known else "",
        kinds=kind_options(kinds_for(viewer=viewer), known.kinds if known else ()),
    )


def _settings(known: FollowView | None) -> str:
    return f"{reverse('portal:notices')}#follow-{known.public_id}" if known else ""


@require_POST
@company_page
def follow_order(request: CompanyRequest, public_id: UUID) -> HttpResponseBase:
    """Follow an order, or no more; htmx gets the button anew, all else the order."""
    now = clock.now()
    place: dict[str, Any] = {
        "viewer": request.viewer,
        "actor": request.actor,
        "public_id": public_id,
        "now": now,
    }
    try:
        if request.POST.get("undo"):
            following.unfollow_order(**place)
        else:
            following.follow_order(**place, kinds=request.POST.getlist("tipo"))
    except NotAllowed as error:
        # The seller's people are not offered it.
        raise NotVisible from error
    except Conflict:
        messages.error(request, _too_much(following.MOST_ORDERS))
    if request.htmx:
        row = get_order(viewer=request.viewer, public_id=public_id, line_limit=0).row
        panel = follow_panel(request, order_id=row.id, public_id=row.public_id)
        return render(request, "portal/orders/_follow.html", {"follow": panel, "is_new": True})
    return redirect(addresses(request).to("order", public_id=public_id))


def _too_much(most: int) -> str:
    text = ngettext("You can follow %(most)s.", "You can follow up to %(most)s.", most)
    return text % {"most": most} + " " + _("End something that you follow first.")


@require_POST
@company_page
def follow_list(request: CompanyRequest) -> HttpResponseBase:
    """Follow the list that a filter finds, or no more; back at that list."""
    if request.viewer.is_staff:
        # The seller's people are not offered it.
        raise NotVisible
    wanted = read_filter(dict(request.POST.lists())).wanted
    try:
        if request.POST.get("undo"):
            _end_list(request, wanted)
        else:
            _follow_list(request, wanted)
            done = _("You follow this list. News comes by e-mail.")
            messages.success(request, done)
    except InvalidInput as error:
        messages.error(request, _list_problem(error.message))
    except Conflict:
        messages.error(request, _too_much(following.MOST_LISTS))
    page, query = addresses(request).to("orders"), wanted.to_query()
    return redirect(f"{page}?{query}" if query else page)


def _follow_list(request: CompanyRequest, wanted: OrderFilter) -> None:
    kinds = set(request.POST.getlist("tipo"))
    if not kinds:
        raise InvalidInput("kinds", "kinds-missing")
    everything = {kind.value for kind in kinds_for(viewer=request.viewer)}
    following.follow_list(
        viewer=request.viewer,
        actor=request.actor,
        wanted=wanted,
        name=request.POST.get("nome", ""),
        # All of it is also what may be told later.
        kinds=() if kinds >= everything else kinds,
        now=clock.now(),
    )


def _end_list(request: CompanyRequest, wanted: OrderFilter) -> None:
    query = wanted.allowed_to(request.viewer).unsorted().to_query()
    known = following.get_list_follow(viewer=request.viewer, query=query)
    if known is None:
        return
    following.unfollow(
        viewer=request.viewer, actor=request.actor, public_id=known.public_id, now=clock.now()
    )
    messages.success(request, _("You follow this list no longer."))


def _list_problem(code: str) -> str:
    return {
        "kinds-missing": _("Choose of what you are told, or follow it no longer."),
        "filter-missing": _("Filter the list first: all orders at once cannot be followed."),
        "filter-too-long": _("This filter is too long to be followed: choose less."),
    }.get(code, _("Give the list a name, by which the mails call it."))


# --- my page --------------------------------------------------------------------------------


@require_safe
@person_page
def page(request: PersonRequest) -> HttpResponseBase:
    """Show what the person follows, in all their companies, and when they hear of it."""
    return _page(request)


@require_POST
@person_page
def save(request: PersonRequest) -> HttpResponseBase:
    """Keep when the person wants to hear of what."""
    _must_be_member(request)
    given = request.POST
    typed = Typed(
        rhythm=given.get("ritmo", ""),
        daily_at=given.get("hora", ""),
        quiet_from=given.get("silencio_de", ""),
        quiet_until=given.get("silencio_ate", ""),
        due_days=given.get("dias", ""),
        wanted=frozenset(given.getlist("tipo")),
    )
    # What this person cannot be told of was not offered, and stays as it is.
    offered = {kind.value for kind in _kinds_of_all(request)}
    before = choices.read_choice(person_id=request.user.pk)
    kept = {k.value for k in Kind if k.value not in offered and k.value not in before.without}
    try:
        choices.save_choice(
            person_id=request.user.pk,
            actor=request.actor,
            rhythm=typed.rhythm,
            daily_at=_hour(typed.daily_at),
            quiet_from=_hour(typed.quiet_from) if typed.quiet_from else None,
            quiet_until=_hour(typed.quiet_until) if typed.quiet_until else None,
            due_days=_hour(typed.due_days),
            wanted=typed.wanted | kept,
            now=clock.now(),
        )
    except InvalidInput as error:
        return _page(request, typed=typed, wrong=error.field, status=_INVALID)
    messages.success(request, _("Saved."))
    return redirect("portal:notices")


@require_POST
@person_page
def test(request: PersonRequest) -> HttpResponseBase:
    """Have a mail on trial sent to the person."""
    _must_be_member(request)
    choices.ask_for_test(person_id=request.user.pk, now=clock.now())
    text = _("A test mail is on its way to %(email)s.") % {"email": request.user.email}
    messages.success(request, text)
    return redirect("portal:notices")


@require_POST
@person_page
def change(request: PersonRequest, public_id: UUID) -> HttpResponseBase:
    """Change of what of a follow the person is told."""
    _must_be_member(request)
    kinds = request.POST.getlist("tipo")
    if not kinds:
        messages.error(request, _list_problem("kinds-missing"))
        return redirect("portal:notices")

    def do(viewer: Viewer) -> None:
        everything = _offered(viewer, public_id)
        following.change_kinds(
            viewer=viewer,
            actor=request.actor,
            public_id=public_id,
            # All of it is also what may be told later.
            kinds=[] if set(kinds) >= everything else kinds,
            now=clock.now(),
        )

    _in_its_company(request, do)
    messages.success(request, _("Saved."))
    return redirect(f"{reverse('portal:notices')}#follow-{public_id}")


def _offered(viewer: Viewer, public_id: UUID) -> set[str]:
    """Name what a follow can tell: with all of it chosen, it tells what comes to it later too."""
    follows = following.list_follows(viewer=viewer)
    is_order = any(row.public_id == public_id and row.order is not None for row in follows)
    kinds = {kind.value for kind in kinds_for(viewer=viewer)}
    return kinds - {Kind.ORDER.value} if is_order else kinds


@require_POST
@person_page
def end(request: PersonRequest, public_id: UUID) -> HttpResponseBase:
    """End a follow of the person's."""

    def do(viewer: Viewer) -> None:
        following.unfollow(viewer=viewer, actor=request.actor, public_id=public_id, now=clock.now())

    _in_its_company(request, do)
    messages.success(request, _("You follow it no longer."))
    return redirect("portal:notices")


@require_POST
@person_page
def end_watch(request: PersonRequest, public_id: UUID) -> HttpResponseBase:
    """Wait for a document no longer."""

    def do(viewer: Viewer) -> None:
        unwatch(viewer=viewer, actor=request.actor, public_id=public_id, now=clock.now())

    _in_its_company(request, do)
    messages.success(request, _("You wait for it no longer."))
    return redirect("portal:notices")


def _page(
    request: PersonRequest, *, typed: Typed | None = None, wrong: str = "", status: int = 200
) -> HttpResponse:
    _must_be_member(request)
    now = clock.now()
    follows: list[FollowView] = []
    kinds: dict[int, tuple[Kind, ...]] = {}
    companies: dict[int, CompanyChoice] = {}
    waited: list[tuple[WatchView, CompanyChoice]] = []
    for viewer, company in _viewers(request):
        with _entered(viewer):
            follows += following.list_follows(viewer=viewer)
            waited += [(row, company) for row in list_watches(viewer=viewer)]
        kinds[company.id], companies[company.id] = kinds_for(viewer=viewer), company
    choice = choices.read_choice(person_id=request.user.pk)
    context = {
        "form": choice_form(
            choice,
            typed or typed_of(choice),
            _all(kinds),
            zone=choices.zone_of(request.user.time_zone).key,
            now=now,
        ),
        "wrong": wrong,
        "follows": follow_items(follows, companies, kinds, now=now),
        "watches": watch_items(waited, now=now),
        "email": request.user.email,
    }
    return render(request, "portal/account/notices.html", context, status=status)


def _viewers(request: PersonRequest) -> list[tuple[Viewer, CompanyChoice]]:
    """Build the person's viewers, one for each of their companies."""
    standing = request.standing
    if standing is None:
        return []
    found = [(standing.viewer_of_company(each.id), each) for each in standing.companies]
    return [(viewer, company) for viewer, company in found if viewer is not None]


def _in_its_company(request: PersonRequest, do: Callable[[Viewer], None]) -> None:
    """Do something in the one of the person's companies where its object is."""
    for viewer, _company in _viewers(request):
        with _entered(viewer):
            try:
                do(viewer)
            except NotVisible:
                continue
        return
    raise NotVisible


def _entered(viewer: Viewer) -> AbstractContextManager[None]:
    return tenancy.scope(role=tenancy.WEB, company_id=viewer.company_id, person_id=viewer.person_id)


def _kinds_of_all(request: PersonRequest) -> tuple[Kind, ...]:
    return _all({v.company_id: kinds_for(viewer=v) for v, _company in _viewers(request)})


def _all(kinds: dict[int, tuple[Kind, ...]]) -> tuple[Kind, ...]:
    known = {kind for own in kinds.values() for kind in own}
    return tuple(kind for kind in Kind if kind in known)


def _must_be_member(request: PersonRequest) -> None:
    """Leave out the seller's people: they follow nothing."""
    if not request.standing or not request.standing.companies:
        raise NotVisible


def _hour(typed: str) -> int:
    return int(typed) if _WHOLE.fullmatch(typed) else -1


# --- by a mail's link -----------------------------------------------------------------------


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def ending(request: Any) -> HttpResponseBase:
    """End what a mail's link names, without logging in: a button does it, or a mail program.

    The link is signed and ends nothing else, so that a form of anybody's could do no more.
    """
    try:
        named = read_ending(getattr(request, "secret_path", ""))
    except NotVisible:
        return sealed(render(request, "portal/account/ending_gone.html", status=404))
    if request.method == "POST":
        _end_named(request, named)
    context = {"is_done": request.method == "POST", "is_all": named.follow is None}
    return sealed(render(request, "portal/account/ending.html", context))


def _end_named(request: Any, named: Ending) -> None:
    now, actor = clock.now(), replace(request.actor, person_id=named.person_id)
    if named.follow is None:
        choices.stop_by_link(person_id=named.person_id, actor=actor, now=now)
        return
    following.end_by_link(
        company_id=named.company_id,
        person_id=named.person_id,
        public_id=named.follow,
        actor=actor,
        now=now,
    )
