"""When somebody of the company first opened an order: what telesales ask for."""

from __future__ import annotations

from datetime import datetime

from b2b_orders.companies.access import Viewer
from b2b_orders.orders.models import FirstSeen


def note_first_seen(*, viewer: Viewer, order_id: int, now: datetime) -> None:
    """Note that the company has seen an order, once; the seller's people do not count."""
    if viewer.is_staff:
        return
    seen = FirstSeen(order_id=order_id, company_id=viewer.company_id, at=now)
    FirstSeen.objects.bulk_create([seen], ignore_conflicts=True)
