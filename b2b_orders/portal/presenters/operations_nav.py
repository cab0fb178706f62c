"""The pages of operations, each with how much waits there."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from b2b_orders.ingest.operations import ListCounts
from b2b_orders.portal import formats
from b2b_orders.portal.presenters.operations import bounded


@dataclass(frozen=True, slots=True)
class TabItem:
    """A page of operations; `count` is empty where nothing waits."""

    text: str
    url: str
    count: str
    is_current: bool


def nav_items(counts: ListCounts, path: str) -> tuple[TabItem, ...]:
    """List the pages of operations."""
    pages = (
        ("operations", _("Overview"), ""),
        ("operations-parked", _("Parked"), _some(bounded(counts.parked))),
        ("operations-statuses", _("Statuses"), _some(bounded(counts.unmapped))),
        ("operations-unassigned", _("Without company"), _some(bounded(counts.unassigned))),
        ("operations-companies", _("Companies"), _some(bounded(counts.companies))),
        ("operations-divergences", _("Divergences"), _some(bounded(counts.divergences))),
        ("operations-documents", _("Documents"), ""),
        ("operations-sign-in", _("Sign-in"), ""),
        ("operations-staff", _("Staff"), ""),
        ("operations-incidents", _("Refusals"), _some(formats.count(counts.incidents_in_all))),
        ("operations-runs", _("Runs"), ""),
        ("operations-audit", _("Audit"), ""),
        ("operations-people-data", _("Personal data"), ""),
    )
    found = []
    for name, text, count in pages:
        url = reverse(f"portal:{name}")
        below = name == "operations-companies" and path.startswith(f"{url}/")
        found.append(TabItem(text, url, count, path == url or below))
    return tuple(found)


def _some(count: str) -> str:
    return "" if count == "0" else count
