"""What workers do about data of people. Every task is short and may run twice."""

from __future__ import annotations

import logging

from celery import shared_task
from django.utils import timezone

from b2b_orders.audit.sealing import seal_lines
from b2b_orders.common import clock
from b2b_orders.ingest import sync
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
