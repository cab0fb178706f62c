"""What beat and the web process have workers do. Every task may run twice."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from celery import shared_task
from django.conf import settings

from b2b_orders.common import clock
from b2b_orders.common.errors import Conflict
from b2b_orders.ingest import errands, live, sync
from b2b_orders.ingest.breaker import forget_old_counts, rests_until
from b2b_orders.ingest.lookups import wake_worker
from b2b_orders.ingest.models import Connection, Lookup, Run
from b2b_orders.ingest.passes import Pass
from b2b_orders.ingest.sources import enabled_connections, probe
from erp_bridge.connector import Call, Purpose
from erp_bridge.errors import BridgeError, ConfigError
from erp_bridge.records import System

logger = logging.getLogger(__name__)
# Passes and look-ups are kept for so long.
KEEP = timedelta(days=30)


@shared_task(name="ingest.poll_feeds", acks_late=True)
def poll_feeds() -> None:
    """Read what every VTEX account says has changed."""
    connections = enabled_connections(System.VTEX)
    for connection in connections:
        _poll(connection, "feed", partial(sync.poll_feed, share=len(connections)))


@shared_task(name="ingest.poll_erps", acks_late=True)
def poll_erps() -> None:
    """Read the latest of every ERP."""
    connections = enabled_connections(System.ERP)
    for connection in connections:
        _poll(connection, "poll", partial(sync.poll_erp, share=len(connections)))
    old = clock.now() - KEEP
    Run.objects.filter(started_at__lt=old).delete()
    Lookup.objects.filter(asked_at__lt=old).delete()
    forget_old_counts(now=clock.now())


@shared_task(name="ingest.run_lookup", acks_late=True, soft_time_limit=30, time_limit=40)
def run_lookup(*, lookup_id: int) -> None:
    """Ask the sources for a number that a person waits for."""
    live.run_lookup(lookup_id=lookup_id, clock=clock.now)


@shared_task(name="ingest.sweep_lookups", acks_late=True)
def sweep_lookups() -> None:
    """Take up look-ups whose message or worker was lost."""
    live.give_up(now=clock.now())
    for lookup_id in live.waiting_lookups(now=clock.now()):
        wake_worker(lookup_id)


@shared_task(name="ingest.check_sources", acks_late=True)
def check_sources() -> None:
    """Ask sources how they do that are down or were not asked for a while."""
    now = clock.now()
    silence = timedelta(seconds=settings.PORTAL_SILENT_SECONDS)
    for row in enabled_connections():
        rests = rests_until(row, now=now) is not None
        silent = row.last_success_at is None or row.last_success_at < now - silence
        if not rests and (row.down_since is not None or silent):
            probe(row, Call.within(5, Purpose.INTERACTIVE))


def _poll(connection: Connection, kind: str, poll: Callable[[Pass], None]) -> None:
    if rests_until(connection, now=clock.now()):
        return
    run = Pass(connection, kind)
    try:
        poll(run)
    except Conflict:
        # The one that runs reads the same.
        logger.info("another pass is running", extra={"connection": connection.name})
    except (BridgeError, ConfigError) as error:
        logger.warning(
            "a pass ended early", extra={"connection": connection.name, "error": str(error)}
        )


@shared_task(name="ingest.run_errand", acks_late=True)
def run_errand(*, errand_id: int) -> None:
    """Do something that operations ask for."""
    errands.run_errand(errand_id=errand_id, clock=clock.now)


@shared_task(name="ingest.sweep_errands", acks_late=True)
def sweep_errands() -> None:
    """Take up errands whose message or worker was lost."""
    errands.give_up_errands(now=clock.now())
    for errand_id in errands.waiting_errands(now=clock.now()):
        errands.wake_worker(errand_id)
