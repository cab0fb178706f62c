"""What workers do about data of people. Every task is short and may run twice."""

from __future__ import annotations

import logging

from celery import shared_task
from django.utils import timezone

from b2b_orders.audit.sealing import seal_lines
from b2b_orders.common import clock
from b2b_orders.ingest import person_export, sync
from b2b_orders.ingest.retention import apply_retention as apply

logger = logging.getLogger(__name__)
# For how long one turn of deleting goes on.
_SECONDS = 60.0


@shared_task(name="ingest.apply_retention", acks_late=True)
def apply_retention() -> None:
    """Delete, at night, what was kept for as long as it should be; look for unsealed lines."""
    now = clock.now()
    if timezone.localtime(now).hour not in sync.NIGHT:
        return
    counts = apply(now=now, seconds=_SECONDS)
    if counts:
        logger.info("retention applied", extra={"deleted": counts})
    seal_lines(now=clock.now(), strays=True)


@shared_task(name="ingest.build_person_export", acks_late=True)
def build_person_export(*, export_id: int) -> None:
    """Put the data of a person together who asked for it."""
    person_export.build_export(export_id=export_id, now=clock.now())


@shared_task(name="ingest.sweep_person_exports", acks_late=True)
def sweep_person_exports() -> None:
    """Put together what was asked for and whose message or worker was lost."""
    for export_id in person_export.waiting_exports():
        person_export.wake_worker(export_id)
