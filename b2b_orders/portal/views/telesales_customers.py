"""Telesales' customers: the portfolio, the sheet before a sale, and the export of its orders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from b2b_orders.audit.contacts import latest_contacts
from b2b_orders.audit.services import Action, record
from b2b_orders.common import clock, tenancy
from b2b_orders.common.errors import InvalidInput, NotVisible
from b2b_orders.common.files import file_response
from b2b_orders.common.paging import PageOf
from b2b_orders.companies.access import Actor, Right, Viewer
from b2b_orders.companies.languages import language_of_company
from b2b_orders.companies.viewers import CompanyChoice, still
from b2b_orders.documents.latest import latest_documents
from b2b_orders.documents.queries import FINANCIAL
from b2b_orders.ingest.queries import list_source_states
from b2b_orders.orders.duplicates import list_duplicates
from b2b_orders.orders.filtering import EVERYTHING
from b2b_orders.orders.numbers import MAX_TYPED
from b2b_orders.orders.open_orders import list_open
from b2b_orders.orders.portfolio import PortfolioRow, list_portfolio
from b2b_orders.orders.queries import OrderRow, count_listed, list_orders
from b2b_orders.orders.titles import sum_owed
from b2b_orders.portal import formats
from b2b_orders.portal.addresses import addresses
from b2b_orders.portal.exporting import spooled, write_file
from b2b_orders.portal.presenters.customer import (
    contact_items,
    customer_items,
    document_items,
    duplicate_items,
    open_items,
    open_words,
    owed_item,
)
from b2b_orders.portal.presenters.portfolio_export import order_cells, order_columns
from b2b_orders.portal.presenters.readout import chosen_language, customer_readout
from b2b_orders.portal.presenters.sources import source_lines
from b2b_orders.portal.requests import StaffRequest, staff_page, typed_text
from b2b_orders.portal.spreadsheets import CSV_TYPE, XLSX_TYPE, csv_cells, csv_lines
from b2b_orders.portal.views.telesales import sells

EXPORT_PAGE = 500


@require_safe
@staff_page(sells)
def portfolio(request: StaffRequest) -> HttpResponseBase:
    """Show a salesperson's own customers, or those whom a name or CNPJ leads to."""
    typed = typed_text(request.GET)[:MAX_TYPED]
    customers = _customers(request, typed)
    here = reverse("portal:portfolio")
    query = {"q": typed, "after": customers.next or ""}
    context = {
        "typed": typed,
        "here": here,
        "customers": customer_items(customers.rows),
        "has_any": bool(request.standing and request.standing.portfolio),
        "older": addresses(request).to("portfolio", query) if customers.next else "",
        "export": reverse("portal:portfolio-export"),
        "sources": source_lines(list_source_states(), now=clock.now()),
    }
    return render(request, "portal/staff/portfolio.html", context)


def _customers(request: StaffRequest, typed: str) -> PageOf[PortfolioRow]:
    now = clock.now()
    today, after = formats.today(now), request.GET.get("after") or None
    try:
        return list_portfolio(viewer=request.staff, today=today, now=now, text=typed, after=after)
    except InvalidInput:
        return list_portfolio(viewer=request.staff, today=today, now=now, text=typed)


def _enter(request: StaffRequest, company: UUID) -> tuple[CompanyChoice, Viewer]:
    """Look at one customer for the rest of the request; any other company does not exist."""
    standing = request.standing
    choices = standing.portfolio if standing else ()
    choice = next((each for each in choices if each.public_id == company), None)
    viewers = standing.portfolio_viewers if standing else ()
    viewer = next((each for each in viewers if choice and each.company_id == choice.id), None)
    if choice is None or viewer is None:
        raise NotVisible
    tenancy.enter_company(viewer.company_id)
    request.viewer = viewer
    return choice, viewer


@require_safe
@staff_page(sells)
def sheet(request: StaffRequest, company: UUID) -> HttpResponseBase:
    """Show what one customer waits for, owes, got and talked about, and record that."""
    choice, viewer = _enter(request, company)
    now, to = clock.now(), addresses(request)
    today, states = formats.today(now), list_source_states()
    orders = list_open(viewer=viewer, today=today, now=now, limit=5)
    without = () if viewer.can(Right.FINANCE) else FINANCIAL
    contacts = latest_contacts(viewer=viewer, without_kinds=without, now=now, limit=3)
    language = chosen_language(request.GET.get("leitura", ""), language_of_company(viewer=viewer))
    record(
        Action.CUSTOMER_OPENED,
        actor=request.actor,
        company_id=viewer.company_id,
        object_kind="company",
        object_id=str(choice.public_id),
        now=now,
    )
    context = {
        "name": choice.name,
        "ending": f"…{choice.tax_id_ending}" if choice.tax_id_ending else "",
        "back": reverse("portal:portfolio"),
        "orders_url": to.to("orders"),
        "orders": open_items(orders, to=to),
        "orders_words": open_words(orders),
        "duplicates": duplicate_items(list_duplicates(viewer=viewer), to=to),
        "owed": owed_item(sum_owed(viewer=viewer, today=today))
        if viewer.can(Right.FINANCE)
        else None,
        "finance_url": to.to("finance") if viewer.can(Right.FINANCE) else "",
        "documents": document_items(latest_documents(viewer=viewer), to=to, now=now),
        "contacts": contact_items(contacts, now=now),
        "readout": customer_readout(
            orders,
            states,
            language=language,
            base=to.to("customer"),
            link=settings.PORTAL_URL.rstrip("/") + reverse("portal:orders"),
            now=now,
        ),
        "is_reading": "leitura" in request.GET,
        "sources": source_lines(states, now=now),
    }
    return render(request, "portal/staff/customer.html", context)


@require_safe
@staff_page(sells)
def export(request: StaffRequest) -> HttpResponseBase:
    """Hand out the orders of all own customers as CSV or XLSX, and record that it was made."""
    now, standing = clock.now(), request.standing
    names = {choice.id: choice.name for choice in standing.portfolio} if standing else {}
    viewers = standing.portfolio_viewers if standing else ()
    is_workbook = request.GET.get("formato", "") == "xlsx"
    if is_workbook and _count(viewers) > settings.PORTAL_EXPORT_AT_ONCE:
        text = _("There are too many orders for Excel (XLSX): take the CSV, it has no limit.")
        messages.warning(request, text, extra_tags="warn")
        return redirect("portal:portfolio")
    record(
        Action.PORTFOLIO_EXPORTED,
        actor=request.actor,
        object_kind="portfolio",
        detail={"customers": len(viewers), "format": "xlsx" if is_workbook else "csv"},
        now=now,
    )
    name = _("portfolio")
    filename = f"{name}-{formats.today(now).isoformat()}"
    if is_workbook:
        return _workbook(viewers, names, request.actor, f"{filename}.xlsx")
    response = StreamingHttpResponse(
        _lines(viewers, names, request.actor, formats.language()), content_type=CSV_TYPE
    )
    response["Content-Disposition"] = f'attachment; filename="{filename}.csv"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _count(viewers: Iterable[Viewer]) -> int:
    """Count the orders of all own customers; beyond what a workbook holds no further."""
    most, found = settings.PORTAL_EXPORT_AT_ONCE, 0
    for viewer in viewers:
        with _scope(viewer):
            found += count_listed(viewer=viewer, wanted=EVERYTHING, most=most)
        if found > most:
            break
    return found


def _workbook(
    viewers: tuple[Viewer, ...], names: dict[int, str], actor: Actor, filename: str
) -> HttpResponseBase:
    """Write a workbook while its person waits."""
    file = spooled()
    rows = (
        order_cells(row, viewer=viewer, company=names[viewer.company_id])
        for viewer, page in _pages(viewers, actor)
        for row in page
    )
    head = _head(viewers)
    write_file(file, file_format="xlsx", head=head, rows=rows, title=_("My customers"))
    size = file.tell()
    file.seek(0)
    return file_response(file, filename=filename, content_type=XLSX_TYPE, size=size)


def _lines(
    viewers: tuple[Viewer, ...], names: dict[int, str], actor: Actor, language: str
) -> Iterator[bytes]:
    """Write customer after customer, each in a scope of its own: the request's has ended."""
    with translation.override(language):
        yield b"".join(csv_lines([_head(viewers)]))
    for viewer, page in _pages(viewers, actor):
        with translation.override(language):
            rows = [
                csv_cells(order_cells(row, viewer=viewer, company=names[viewer.company_id]))
                for row in page
            ]
            lines = b"".join(csv_lines(rows, begins=False))
        yield lines


def _head(viewers: tuple[Viewer, ...]) -> list[str]:
    return order_columns(viewers[0]) if viewers else [_("Company")]


def _pages(
    viewers: Iterable[Viewer], actor: Actor
) -> Iterator[tuple[Viewer, tuple[OrderRow, ...]]]:
    """Read customer after customer, some hundred orders at a time.

    Each company's record says that its orders went out, once they do.
    """
    for viewer in viewers:
        after, is_first = None, True
        while is_first or after:
            page = _page(viewer, actor, after)
            yield viewer, page.rows
            after, is_first = page.next, False


def _scope(viewer: Viewer) -> AbstractContextManager[None]:
    return tenancy.scope(role=tenancy.WEB, company_id=viewer.company_id, person_id=viewer.person_id)


def _page(viewer: Viewer, actor: Actor, after: str | None) -> PageOf[OrderRow]:
    with _scope(viewer):
        if still(viewer) != viewer:
            # Taken away while the file is read, the customer or a right to see of it.
            return PageOf(())
        if after is None:
            record(
                Action.PORTFOLIO_EXPORTED,
                actor=actor,
                company_id=viewer.company_id,
                object_kind="orders",
                now=clock.now(),
            )
        return list_orders(viewer=viewer, after=after, limit=EXPORT_PAGE)
