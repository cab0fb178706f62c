"""What workers do that pages word. Every task is short and may run twice."""

from __future__ import annotations

from celery import shared_task

from b2b_orders.common import clock
from b2b_orders.portal.telling import tell_watchers


@shared_task(name="documents.tell", acks_late=True)
def tell() -> None:
    """Tell people that a document is there which they wait for."""
    tell_watchers(now=clock.now())
