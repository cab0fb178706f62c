"""What beat and the web process have workers do. Every task is short and may run twice."""

from __future__ import annotations

import logging
from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from b2b_orders.common import clock
from b2b_orders.common.errors import Conflict
from b2b_orders.documents import keeping
from b2b_orders.ingest import (
    company_imports,
    errands,
    lanes,
    live,
    map_conflicts,
    rendering_work,
    sync,
    waking,
)
from b2b_orders.ingest.added_work import take_added_numbers
from b2b_orders.ingest.breaker import forget_old_counts, rests_until
from b2b_orders.ingest.lookups import wake_worker
from b2b_orders.ingest.models import Lane, Run
from b2b_orders.ingest.people_tasks import (
    apply_retention,
    build_person_export,
    sweep_person_exports,
)
from b2b_orders.ingest.sources import enabled_connections, probe
from b2b_orders.ingest.taking_tasks import build_pack, send_mailing, sweep_taking, tidy_packs
from b2b_orders.orders.statuses import forget_unmapped
from erp_bridge.connector import Call, Purpose
from erp_bridge.errors import BridgeError, ConfigError

# Celery finds the tasks of an app in this module.
__all__ = [
    "apply_retention",
    "build_pack",
    "build_person_export",
    "send_mailing",
    "sweep_person_exports",
    "sweep_taking",
    "take_added_numbers",
    "tidy_packs",
]
logger = logging.getLogger(__name__)
# Passes are kept for so long; of what people asked for, see `retention`.
KEEP = timedelta(days=30)
# A source that is slow is not down: its health takes two answers.
PROBE_SECONDS = 20.0
# A message for a lane that no worker took up by then has been sent again.
LANE_EXPIRES = 30
# For how long one turn of dropping old documents goes on.
KEEP_SECONDS = 60.0


@shared_task(name="ingest.tick")
def tick() -> None:
    """Tell workers of every lane that is due."""
    for due in lanes.take_due(now=clock.now()):
        run_lane.apply_async(
            kwargs={"connection_id": due.connection_id, "name": due.name.value},
            queue="sync",
            expires=LANE_EXPIRES,
        )


@shared_task(name="ingest.run_lane", acks_late=True)
def run_lane(*, connection_id: int, name: str) -> None:
    """Do the work of one lane of one connection for a while."""
    lane = (
        Lane.objects.filter(connection_id=connection_id, name=name)
        .select_related("connection")
        .first()
    )
    # A connection may be gone or switched off since the message was sent.
    if lane is None or not lane.connection.is_enabled:
        return
    try:
        sync.run_lane(lane)
    except Conflict:
        # The one that is at it does the same.
        logger.info("a lane is being run", extra={"lane": str(lane)})
    except (BridgeError, ConfigError) as error:
        logger.warning("a lane ended early", extra={"lane": str(lane), "error": str(error)})


@shared_task(name="ingest.tidy", acks_late=True)
def tidy() -> None:
    """Make missing lanes, and forget what nobody looks at any more."""
    now = clock.now()
    for connection in enabled_connections():
        lanes.ensure_lanes(connection=connection, now=now)
    Run.objects.filter(started_at__lt=now - KEEP).delete()
    company_imports.forget_old_lines(before=now - KEEP)
    forget_old_counts(now=now)
    forget_unmapped()


@shared_task(name="ingest.keep_documents", acks_late=True)
def keep_documents() -> None:
    """Let go, at night, of files that were kept for as long as they should be."""
    now = clock.now()
    if timezone.localtime(now).hour not in sync.NIGHT:
        return
    dropped = keeping.drop_old(now=now, seconds=KEEP_SECONDS)
    if dropped.documents or dropped.files or dropped.orphans:
        logger.info(
            "documents dropped",
            extra={
                "documents": dropped.documents,
                "files": dropped.files,
                "orphans": dropped.orphans,
            },
        )


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
            probe(row, Call.within(PROBE_SECONDS, Purpose.INTERACTIVE))


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


@shared_task(name="ingest.find_map_conflicts", acks_late=True)
def find_map_conflicts() -> None:
    """List, at night, where an ERP's orders contradict the map of companies."""
    now = clock.now()
    if timezone.localtime(now).hour in sync.NIGHT:
        map_conflicts.find_contradictions(now=now)


@shared_task(name="ingest.run_rendering", acks_late=True, soft_time_limit=150, time_limit=180)
def run_rendering(*, rendering_id: int) -> None:
    """Make a page that a person waits for."""
    rendering_work.run_rendering(rendering_id=rendering_id, clock=clock.now)


@shared_task(name="ingest.sweep_renderings", acks_late=True)
def sweep_renderings() -> None:
    """Have pages made that people wait for, and whose message or worker was lost."""
    for rendering_id in rendering_work.to_do(is_urgent=True):
        waking.send("ingest.run_rendering", expires=30, rendering_id=rendering_id)


@shared_task(name="ingest.render_ahead", acks_late=True, soft_time_limit=150, time_limit=180)
def render_ahead() -> None:
    """Offer pages of the XMLs that came in, and make the small ones before anybody asks."""
    now = clock.now()
    rendering_work.update_orders(since=now - rendering_work.RECENT, now=now)
    rendering_work.render_ahead(clock=clock.now)


@shared_task(name="ingest.review_renderings", acks_late=True)
def review_renderings() -> None:
    """Offer pages where the frequent look missed a file: no worker ran, orders were joined."""
    now = clock.now()
    rendering_work.update_orders(since=now - rendering_work.LONG, now=now, with_joined=True)
