"""What workers do for documents. Every task is short and may run twice."""

from __future__ import annotations

from celery import shared_task

from b2b_orders.common import clock
from b2b_orders.documents.learning import learn_waiting


@shared_task(name="documents.learn", acks_late=True)
def learn() -> None:
    """Tell orders what files say that were checked since."""
    learn_waiting(now=clock.now())
