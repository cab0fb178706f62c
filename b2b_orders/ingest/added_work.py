"""Having orders found by the numbers that people added: at once, and again if that was lost."""

from __future__ import annotations

from celery import shared_task

from b2b_orders.common import clock
from b2b_orders.ingest import waking
from b2b_orders.orders.added import take_waiting

_TASK = "ingest.take_added_numbers"
_EXPIRES = 30


@shared_task(name=_TASK, acks_late=True)
def take_added_numbers() -> None:
    """Merge anew the orders that somebody added a number to, or took one from."""
    take_waiting(now=clock.now())


def wake_aside() -> None:
    """Tell a worker without making the page wait; the sweep finds what is lost."""
    waking.aside(lambda: waking.send(_TASK, expires=_EXPIRES))
