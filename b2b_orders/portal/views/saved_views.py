"""/pedidos/visoes: lists that people come back to by a name."""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from b2b_orders.common import clock
from b2b_orders.common.errors import InvalidInput, NotAllowed, NotVisible
from b2b_orders.orders.saved_views import (
    MAX_NAME,
    change_view,
    delete_view,
    list_views,
    save_view,
)
from b2b_orders.portal.addresses import addresses
from b2b_orders.portal.presenters.list_tools import OPENED, problem_words, view_items
from b2b_orders.portal.requests import CompanyRequest, company_page
from b2b_orders.portal.views.list_tools import (
    as_query,
    kept_list,
    list_address,
    shown_list,
    wanted_list,
)


@require_http_methods(["GET", "HEAD", "POST"])
@company_page
def views(request: CompanyRequest) -> HttpResponseBase:
    """Show the views, and keep the present list as a new one."""
    if request.viewer.is_staff:
        # The company's own; the seller's people open what is shared from the list.
        raise NotVisible
    if request.method != "POST":
        return _page(request, kept_list(request.GET.get("lista", "")))
    kept = kept_list(request.POST.get("lista", ""))
    given = as_query(kept)
    try:
        view = save_view(
            viewer=request.viewer,
            actor=request.actor,
            name=request.POST.get("nome", ""),
            wanted=wanted_list(request, given),
            columns=shown_list(request, given).columns,
            is_shared="empresa" in request.POST,
            now=clock.now(),
        )
    except InvalidInput as error:
        return _page(request, kept, error=problem_words(error.message))
    text = _("View %(name)s is saved.") % {"name": view.name}
    messages.success(request, text)
    rest = [pair for pair in kept if pair[0] != "visao"]
    return redirect(
        list_address(addresses(request), [*rest, ("visao", f"{OPENED}{view.public_id.hex}")])
    )


@require_POST
@company_page
def change(request: CompanyRequest, public_id: UUID) -> HttpResponseBase:
    """Rename a view, share it or not, and have it lead to the list that is shown."""
    kept = kept_list(request.POST.get("lista", ""))
    given = as_query(kept)
    shown = None
    if "substituir" in request.POST:
        shown = wanted_list(request, given), shown_list(request, given).columns
    try:
        view = change_view(
            viewer=request.viewer,
            actor=request.actor,
            public_id=public_id,
            name=request.POST.get("nome", ""),
            is_shared="empresa" in request.POST,
            now=clock.now(),
            shown=shown,
        )
    except NotAllowed as error:
        raise NotVisible from error
    except InvalidInput as error:
        return _page(request, kept, wrong=str(public_id), error=problem_words(error.message))
    text = _("View %(name)s is saved.") % {"name": view.name}
    messages.success(request, text)
    return redirect(_here(request, kept))


@require_POST
@company_page
def delete(request: CompanyRequest, public_id: UUID) -> HttpResponseBase:
    """Delete a view of one's own, or as an administrator any that is shared."""
    try:
        delete_view(
            viewer=request.viewer, actor=request.actor, public_id=public_id, now=clock.now()
        )
    except NotAllowed as error:
        raise NotVisible from error
    messages.success(request, _("The view is deleted."))
    kept = kept_list(request.POST.get("lista", ""))
    return redirect(_here(request, [pair for pair in kept if pair[0] != "visao"]))


def _here(request: CompanyRequest, kept: list[tuple[str, str]]) -> str:
    return addresses(request).to("list-views", {"lista": urlencode(kept)})


def _page(
    request: CompanyRequest, kept: list[tuple[str, str]], *, wrong: str = "", error: str = ""
) -> HttpResponseBase:
    to, typed = addresses(request), request.POST.get("nome", "")[: 2 * MAX_NAME]
    items = view_items(
        list_views(viewer=request.viewer), to=to, wrong=wrong, name=typed, error=error
    )
    context = {
        "own": [each for each in items if each.is_own],
        "shared": [each for each in items if not each.is_own],
        "kept": urlencode(kept),
        "here": to.to("list-views"),
        "back": list_address(to, kept),
        "name": "" if wrong else typed,
        "wants_sharing": not wrong and "empresa" in request.POST,
        "error": "" if wrong else error,
        "max_name": MAX_NAME,
    }
    return render(request, "portal/orders/views.html", context, status=400 if error else 200)
