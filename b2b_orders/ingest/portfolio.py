"""Asking for a number on behalf of several companies: what telesales need for a fresh order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from b2b_orders.common import tenancy
from b2b_orders.companies.access import Viewer
from b2b_orders.ingest.lookups import LookupView, request_lookup


@dataclass(frozen=True, slots=True)
class PortfolioLookup:
    """Look-ups of one number for several companies, seen as one."""

    views: tuple[LookupView, ...]

    @property
    def state(self) -> str:
        """Return "found" once any has found it, "waiting" while any may, else the worst end."""
        states = {str(view.state) for view in self.views}
        for state in ("found", "waiting", "failed"):
            if state in states:
                return state
        return "not_found"

    @property
    def answers(self) -> dict[str, str]:
        """Return what each connection answered: whatever is not "not found" goes first."""
        merged: dict[str, str] = {}
        for view in self.views:
            for connection, answer in view.answers.items():
                if merged.get(connection, "not-found") in {"not-found", "unsupported"}:
                    merged[connection] = answer
        return merged

    @property
    def asked_at(self) -> datetime:
        """Return when the latest of them was asked."""
        return max(view.asked_at for view in self.views)


def request_portfolio_lookup(
    *, viewers: Iterable[Viewer], text: str, now: datetime
) -> PortfolioLookup | None:
    """Have a number looked up for each viewer's company, each in its own scope.

    Asking again within 30 seconds joins the look-up under way. None without a company;
    `InvalidInput` when the text is no number.
    """
    views = []
    for viewer in viewers:
        with tenancy.scope(
            role=tenancy.WEB, company_id=viewer.company_id, person_id=viewer.person_id
        ):
            views.append(request_lookup(viewer=viewer, text=text, now=now))
    return PortfolioLookup(tuple(views)) if views else None
