"""Building packs in turns, telling their people, and clearing away what has expired."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from django.core.files.storage import storages
from django.db import connection as database
from django.urls import reverse
from django.utils.translation import gettext_lazy as lazy

from b2b_orders.common.errors import Conflict
from b2b_orders.common.mail import MailFailed, absolute, send_mail
from b2b_orders.documents.archive_words import moment_words
from b2b_orders.documents.models import JobState, Pack
from b2b_orders.documents.pack_building import build_turn
from b2b_orders.documents.packs import DELETED, EXPIRED, UNFINISHED
from b2b_orders.documents.services import PaidForSource
from b2b_orders.ingest import waking
from b2b_orders.ingest.documents_source import ConnectionDocuments
from b2b_orders.ingest.lanes import session_lock

logger = logging.getLogger(__name__)
_LOCK: Final = 7042  # first half of our advisory locks: "this pack is being built"
TURN_SECONDS: Final = 20.0
# A message that nobody took up for so long is sent again.
_LOST: Final = timedelta(seconds=5)
# A pack that could not be built for so long is given up; a person is not told for longer.
_GIVEN_UP: Final = timedelta(days=1)
# Rows of packs are kept for so long, so that people see what became of them.
_KEPT: Final = timedelta(days=30)


def wake(pack_id: int) -> None:
    """Send a pack to a worker; without a broker the sweeper finds its row."""
    # Nobody who waits for a look-up shall stand behind thousands of files.
    waking.send("ingest.build_pack", expires=60, queue="sync", pack_id=pack_id)


def wake_aside(pack_id: int) -> None:
    """Wake a worker without making a page wait."""
    waking.aside(lambda: wake(pack_id))


def run_pack(
    *,
    pack_id: int,
    clock: Callable[[], datetime],
    source: PaidForSource | None = None,
    seconds: float = TURN_SECONDS,
) -> JobState | None:
    """Build at a pack for a while; None when somebody else does or nothing is to do."""
    until = time.monotonic() + seconds
    try:
        with session_lock(_LOCK, pack_id):
            state = build_turn(
                pack_id=pack_id,
                source=source or ConnectionDocuments(),
                clock=clock,
                is_over=lambda: time.monotonic() >= until,
            )
    except Conflict:
        return None
    if state is JobState.RUNNING:
        wake(pack_id)
    # One that waits has its next turn from the sweep, some seconds from now.
    elif state not in {None, JobState.WAITING}:
        tell(pack_id=pack_id, now=clock())
    return state


_UNFINISHED = """
    SELECT p.id FROM documents_pack AS p
    WHERE p.state IN ('waiting', 'running') AND p.asked_at <= %(lost)s
      AND NOT EXISTS (
          SELECT 1 FROM pg_locks AS k
          WHERE k.locktype = 'advisory' AND k.classid = %(lock)s AND k.objid = p.id
            AND k.objsubid = 2
            AND k.database = (SELECT oid FROM pg_database WHERE datname = current_database()))
    ORDER BY p.asked_at LIMIT 20
"""


def waiting_packs(*, now: datetime) -> list[int]:
    """Return packs that no worker builds at: their message or their worker was lost."""
    with database.cursor() as cursor:
        cursor.execute(_UNFINISHED, {"lost": now - _LOST, "lock": _LOCK})
        return [pk for (pk,) in cursor.fetchall()]


def give_up_packs(*, now: datetime) -> int:
    """End packs that could not be built for so long that nobody waits for them any more."""
    old = Pack.objects.filter(state__in=UNFINISHED, asked_at__lt=now - _GIVEN_UP)
    return old.update(
        state=JobState.FAILED, outcome="given-up", finished_at=now, expires_at=now, told_at=now
    )


def untold_packs(*, now: datetime) -> list[int]:
    """Return finished packs whose person was not told, because mail failed or a worker died."""
    untold = Pack.objects.filter(
        told_at=None, finished_at__gt=now - _GIVEN_UP, state=JobState.DONE, outcome=""
    )
    return list(untold.order_by("pk").values_list("pk", flat=True)[:20])


def tell(*, pack_id: int, now: datetime) -> bool:
    """Tell a pack's person by mail that it is ready; the link needs a log-in."""
    pack = Pack.objects.select_related("person", "company").filter(pk=pack_id).first()
    if pack is None or pack.told_at or pack.state != JobState.DONE or pack.outcome:
        return False
    # A member may look at another company of theirs when they open it.
    of_company = {"company": pack.company.public_id}
    context = {
        "name": pack.person.name,
        "company": pack.company.name,
        "taken": pack.taken,
        "missing": pack.missing,
        "expires": moment_words(pack.expires_at or now),
        "link": absolute(reverse("portal:packs", kwargs=of_company)),
    }
    try:
        send_mail(
            to=pack.person.email,
            subject=lazy("Your documents are ready"),
            template="pack_ready",
            context=context,
            language=pack.language,
        )
    except MailFailed as error:
        logger.warning("a pack's mail failed", extra={"pack": pack_id, "error": error.reason})
        if not error.is_final:
            return False
    Pack.objects.filter(pk=pack_id).update(told_at=now)
    return True


def clear_packs(*, now: datetime) -> int:
    """Delete the files of packs that expired or were dropped; return how many packs that were."""
    old = Pack.objects.exclude(state__in=UNFINISHED).filter(
        expires_at__lte=now, parts__isnull=False
    )
    cleared = 0
    for pack in old.distinct():
        for part in pack.parts.all():
            # The row goes last: a file without a row would be forgotten.
            storages["documents"].delete(part.name)
            part.delete()
        if not pack.outcome:
            Pack.objects.filter(pk=pack.pk).update(outcome=EXPIRED)
        cleared += 1
    gone = Pack.objects.exclude(state__in=UNFINISHED).filter(parts__isnull=True)
    gone.filter(asked_at__lt=now - _KEPT).delete()
    gone.filter(outcome=DELETED, expires_at__lte=now).delete()
    return cleared
