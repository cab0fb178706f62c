"""Operations, first cut: how the sources do, and what went wrong."""

from __future__ import annotations

from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from b2b_orders.audit.queries import recent_incidents
from b2b_orders.common import clock
from b2b_orders.ingest.queries import list_parked, list_source_health
from b2b_orders.portal.presenters.staff import incident_items, parked_items, source_items
from b2b_orders.portal.requests import StaffRequest, staff_page


@require_safe
@staff_page(lambda staff: staff.can_operate)
def page(request: StaffRequest) -> HttpResponseBase:
    """Show sources, incidents and what is parked."""
    now, staff = clock.now(), request.staff
    context = {
        "sources": source_items(list_source_health(viewer=staff), now=now),
        "incidents": incident_items(recent_incidents(viewer=staff), now=now),
        "parked": parked_items(list_parked(viewer=staff), now=now),
    }
    return render(request, "portal/staff/operations.html", context)
