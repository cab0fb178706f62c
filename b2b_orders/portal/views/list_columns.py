"""/pedidos/colunas: which columns a list has, in which order."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from b2b_orders.common import clock
from b2b_orders.common.errors import NotVisible
from b2b_orders.orders.columns import Column, allowed_columns, default_columns, read_columns
from b2b_orders.orders.saved_views import keep_columns
from b2b_orders.portal.addresses import addresses
from b2b_orders.portal.presenters.columns import column_choices, moved
from b2b_orders.portal.requests import CompanyRequest, company_page
from b2b_orders.portal.views.list_tools import as_query, kept_list, list_address, shown_list


@require_http_methods(["GET", "HEAD", "POST"])
@company_page
def columns(request: CompanyRequest) -> HttpResponseBase:
    """Show the columns to choose from; keep a choice, or move one of them."""
    viewer, to = request.viewer, addresses(request)
    if viewer.acting_id is not None:
        raise NotVisible
    given = request.POST if request.method == "POST" else request.GET
    kept = kept_list(given.get("lista", ""))
    if request.method != "POST":
        return _page(request, kept, *_present(request, kept))
    order, chosen = _typed(request, request.POST)
    for way, by in (("up", -1), ("down", 1)):
        if way in request.POST:
            name = request.POST[way]
            of_name = read_columns(viewer, [name])
            order = moved(order, of_name[0], by=by) if of_name else order
            return _page(request, kept, order, chosen, f"{way}:{name}")
    wanted = tuple(each for each in order if each in chosen)
    if "default" in request.POST or wanted == default_columns(viewer):
        wanted = ()
    keep_columns(viewer=viewer, columns=wanted, now=clock.now())
    # A view has columns of its own: whoever chooses others has left it.
    return redirect(list_address(to, [pair for pair in kept if pair[0] != "visao"]))


def _present(
    request: CompanyRequest, kept: list[tuple[str, str]]
) -> tuple[tuple[Column, ...], frozenset[Column]]:
    """Return the columns of the list that the person comes from."""
    shown = shown_list(request, as_query([pair for pair in kept if pair[0] != "visao"]))
    return shown.columns, frozenset(shown.columns)


def _typed(
    request: CompanyRequest, given: QueryDict
) -> tuple[tuple[Column, ...], frozenset[Column]]:
    """Read the order of all columns, and which of them are chosen."""
    viewer = request.viewer
    order = read_columns(viewer, given.getlist("ordem"))
    rest = tuple(each for each in allowed_columns(viewer) if each not in order)
    return (*order, *rest), frozenset(read_columns(viewer, given.getlist("coluna")))


def _page(
    request: CompanyRequest,
    kept: list[tuple[str, str]],
    order: tuple[Column, ...],
    chosen: frozenset[Column],
    pressed: str = "",
) -> HttpResponseBase:
    to = addresses(request)
    context = {
        "columns": column_choices(request.viewer, order, chosen, moved=pressed),
        "kept": urlencode(kept),
        "here": to.to("list-columns"),
        "back": list_address(to, kept),
    }
    return render(request, "portal/orders/columns.html", context)
