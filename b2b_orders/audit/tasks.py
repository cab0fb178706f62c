"""What workers do for the record. Every task is short and may run twice."""

from __future__ import annotations

import logging
from collections import deque
from datetime import timedelta
from typing import Final

from celery import shared_task

from b2b_orders.audit import sealing, verifying
from b2b_orders.common import clock

logger = logging.getLogger(__name__)
# Further back it is `manage.py verify_audit` that hashes all of it again.
LOOKED_BACK: Final = timedelta(days=2)


@shared_task(name="audit.seal", acks_late=True)
def seal() -> None:
    """Seal the lines that were written since the last time."""
    now = clock.now()
    if sealing.needs_strays():
        logger.warning("the record's transactions count from elsewhere; all of it is looked at")
        sealing.seal_lines(now=now, strays=True)
    sealing.seal_lines(now=now)


@shared_task(name="audit.verify", acks_late=True)
def verify() -> None:
    """Look whether the lines of the last days still say what was sealed; if not, the alarm."""
    now = clock.now()
    # The last one is whole.
    (report,) = deque(verifying.verify_record(now=now, since=now - LOOKED_BACK), maxlen=1)
    verifying.tell_of(report, now=now)


@shared_task(name="audit.anchor", acks_late=True)
def anchor() -> None:
    """Note the newest seal of the day in the log, and mail it to be kept outside."""
    now = clock.now()
    noted = sealing.note_anchor(now=now)
    if noted is not None:
        logger.info(
            "audit record sealed", extra={"audit_seal": noted.number, "audit_hash": noted.hash}
        )
    sealing.mail_anchors(now=now)
