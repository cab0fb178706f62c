"""The pages of operations in four groups, each with how much waits there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from b2b_orders.ingest.figures import MOST_COUNTED, Bounded
from b2b_orders.ingest.operations import ListCounts
from b2b_orders.portal import formats

NOTHING = Bounded(0)


@dataclass(frozen=True, slots=True)
class TabItem:
    """A page of operations, or a group of them; `count` is empty where nothing waits."""

    text: str
    url: str
    count: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Navigation:
    """The groups of pages, and the pages of the group that one is in."""

    groups: tuple[TabItem, ...]
    group: str
    pages: tuple[TabItem, ...]


@dataclass(frozen=True, slots=True)
class _Page:
    name: str
    text: str
    waiting: Bounded = NOTHING

    @property
    def url(self) -> str:
        return reverse(f"portal:{self.name}")


def navigation(counts: ListCounts, path: str) -> Navigation:
    """List the groups of pages of operations, and the pages beside the one that is shown."""
    groups = _groups(counts)
    here = _current([page for pages in groups.values() for page in pages], path)
    name, around = next((text, pages) for text, pages in groups.items() if here in pages)
    return Navigation(
        groups=tuple(
            TabItem(text, pages[0].url, _waiting(pages), here in pages)
            for text, pages in groups.items()
        ),
        group=name,
        pages=tuple(
            TabItem(page.text, page.url, _waiting([page]), page is here) for page in around
        ),
    )


def _groups(counts: ListCounts) -> dict[str, tuple[_Page, ...]]:
    return {
        _("Sources"): (
            _Page("operations", _("Overview")),
            _Page("operations-parked", _("Parked"), counts.parked),
            _Page("operations-runs", _("Runs")),
        ),
        _("Orders"): (
            _Page("operations-statuses", _("Statuses"), counts.unmapped),
            _Page("operations-unassigned", _("Without company"), counts.unassigned),
            _Page("operations-divergences", _("Disagreements"), counts.divergences),
            _Page("operations-documents", _("Documents")),
        ),
        _("Customers"): (
            _Page("operations-companies", _("Companies"), counts.companies),
            _Page("map-changes", _("Changes")),
            _Page("map-conflicts", _("Conflicts")),
            _Page("company-imports", _("Imports")),
            _Page("operations-sign-in", _("Sign-in")),
        ),
        _("People and security"): (
            _Page("operations-incidents", _("Refusals"), Bounded(counts.incidents_in_all)),
            _Page("operations-staff", _("Staff")),
            _Page("operations-audit", _("Audit")),
            _Page("operations-people-data", _("Personal data")),
        ),
    }


def _current(pages: Sequence[_Page], path: str) -> _Page:
    """Find the page that an address is of or lies below: all lie below the overview."""
    around = [page for page in pages if f"{path}/".startswith(f"{page.url}/")]
    return max(around, key=lambda page: len(page.url), default=pages[0])


def _waiting(pages: Sequence[_Page]) -> str:
    """Say how much waits; "more than" where counting stopped early."""
    total = sum(min(page.waiting.value, MOST_COUNTED) for page in pages)
    is_more = not all(page.waiting.is_exact for page in pages)
    return formats.bounded(total + is_more, total) if total else ""
