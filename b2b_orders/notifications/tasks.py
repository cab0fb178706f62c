"""What workers do to find what people follow. Every task is short and may run twice."""

from __future__ import annotations

from celery import shared_task

from b2b_orders.common import clock
from b2b_orders.notifications import noticing


@shared_task(name="notifications.sweep", acks_late=True)
def sweep() -> None:
    """Look at what changed since the last time."""
    noticing.sweep_changes(now=clock.now())


@shared_task(name="notifications.look_in_turn", acks_late=True)
def look_in_turn() -> None:
    """Look at what was not looked at for longest, and at what falls due."""
    noticing.look_in_turn(now=clock.now())


@shared_task(name="notifications.look_back", acks_late=True)
def look_back() -> None:
    """Look once more at what changed lately."""
    noticing.look_back(now=clock.now())
