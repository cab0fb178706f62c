"""What workers do that pages word. Every task is short and may run twice."""

from __future__ import annotations

from celery import shared_task

from b2b_orders.audit import volume
from b2b_orders.audit.services import report_incident
from b2b_orders.common import clock
from b2b_orders.portal.telling import tell_arrivals, tell_watchers


@shared_task(name="documents.tell", acks_late=True)
def tell() -> None:
    """Tell people that a document is there which they wait for."""
    tell_watchers(now=clock.now())


@shared_task(name="orders.tell_awaited", acks_late=True)
def tell_awaited() -> None:
    """Tell staff that a number is there which they did not find."""
    tell_arrivals(now=clock.now())


@shared_task(name="audit.watch_staff", acks_late=True)
def watch_staff() -> None:
    """Find staff who opened too much within the hour while nothing counted it."""
    volume.find_heavy(report=report_incident, now=clock.now())
