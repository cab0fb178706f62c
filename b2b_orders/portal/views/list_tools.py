"""How a list of orders is shown, and the tools above it; for the page of orders and its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from django.http import QueryDict

from b2b_orders.common.errors import NotVisible
from b2b_orders.companies.access import Right
from b2b_orders.orders.columns import Column, default_columns
from b2b_orders.orders.filtering import NAMES, OrderFilter, read_filter
from b2b_orders.orders.saved_views import ViewRow, get_view, read_habits
from b2b_orders.portal.addresses import Addresses, addresses
from b2b_orders.portal.list_address import PAGE_SIZES
from b2b_orders.portal.presenters.columns import heads, is_default
from b2b_orders.portal.presenters.list_tools import (
    OPENED,
    ListTools,
    export_words,
    view_links,
)
from b2b_orders.portal.requests import CompanyRequest

# Of an address of a list, what another page keeps to come back to it.
KEPT: Final = frozenset({*NAMES, "q", "em", "por_pagina", "visao", "listar"})


@dataclass(frozen=True, slots=True)
class ShownList:
    """How a list is shown: by which view, with which columns, how many rows a page usually has.

    `leads_to` is where it opens; `views` are those that may be opened instead.
    """

    columns: tuple[Column, ...]
    page_size: int
    views: tuple[ViewRow, ...] = ()
    view: ViewRow | None = None
    leads_to: str = ""


def shown_list(request: CompanyRequest, given: QueryDict) -> ShownList:
    """Read how a list is to be shown: as the view says, else as the person wishes."""
    viewer, (view, is_opened) = request.viewer, _view(request, given)
    leads_to = ""
    if view is not None and not is_opened:
        # The address then holds the filter, so that it can be changed and handed on.
        rest = [(name, value) for name, value in _pairs(given) if name == "por_pagina"]
        kept = [*view.wanted.pairs(), *rest, ("visao", f"{OPENED}{view.public_id.hex}")]
        leads_to = f"{addresses(request).to('orders')}?{urlencode(kept)}"
    views, wish = read_habits(viewer=viewer)
    columns = (view.columns if view else ()) or wish.columns or default_columns(viewer)
    size = wish.page_size if wish.page_size in PAGE_SIZES else PAGE_SIZES[0]
    return ShownList(columns, size, views, view, leads_to)


def _view(request: CompanyRequest, given: QueryDict) -> tuple[ViewRow | None, bool]:
    """Find the view that an address names; one that is gone leaves the list as it is."""
    named = given.get("visao", "")
    if not named:
        return None, False
    try:
        view = get_view(viewer=request.viewer, public_id=UUID(named.removeprefix(OPENED)))
    except (ValueError, NotVisible):
        return None, False
    return view, named.startswith(OPENED)


def wanted_list(request: CompanyRequest, given: QueryDict) -> OrderFilter:
    """Read the filter of a list, as far as the viewer may use it."""
    read = read_filter({name: given.getlist(name) for name in given})
    return read.wanted.allowed_to(request.viewer)


def list_tools(
    request: CompanyRequest,
    shown: ShownList,
    kept: Sequence[tuple[str, str]],
    *,
    sorts: Mapping[str, tuple[str, str]] | None = None,
    total: int | None = None,
) -> dict[str, object]:
    """Build what a list shows besides its rows. `kept` is its address.

    What a search found is exported once it is known how much that is: it is not written later.
    """
    viewer, to = request.viewer, addresses(request)
    query = {"lista": urlencode(kept)}
    own, shared = view_links(shown.views, to, shown.view)
    tools = ListTools(
        own_views=own,
        shared_views=shared,
        open_view=shown.view.name if shown.view else "",
        views_url="" if viewer.is_staff else to.to("list-views", query),
        columns_url="" if viewer.acting_id is not None else to.to("list-columns", query),
        many_url=to.to("many"),
        exports_url=to.to("list-exports"),
        picked_url=to.to("picked"),
        can_pack=viewer.can(Right.DOCUMENTS),
        export_url=to.to("list-export") if total else "",
        export_words=export_words(total or 0),
        kept=tuple(kept),
    )
    return {
        "tools": tools,
        "heads": heads(shown.columns, sorts),
        "is_own_table": not is_default(viewer, shown.columns),
    }


def _pairs(given: QueryDict) -> list[tuple[str, str]]:
    return [
        (name, value)
        for name, values in given.lists()
        if name in KEPT
        for value in values
        if value and "\0" not in value
    ]


def kept_list(text: str) -> list[tuple[str, str]]:
    """Read the address of a list that another page kept; what is none of its names is left out."""
    try:
        pairs = parse_qsl(text[:4000], max_num_fields=200)
    except ValueError:
        return []
    return [(name, value) for name, value in pairs if name in KEPT and "\0" not in value]


def list_address(to: Addresses, pairs: Sequence[tuple[str, str]]) -> str:
    """Build the address of a list from what was kept of it."""
    address = to.to("orders")
    return f"{address}?{urlencode(pairs)}" if pairs else address


def as_query(pairs: Sequence[tuple[str, str]]) -> QueryDict:
    """Turn kept names and values into what a request would have given."""
    return QueryDict(urlencode(pairs))
