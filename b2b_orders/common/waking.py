"""Telling a worker at once that a row waits for it; a lost word is made good by a sweeper."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from kombu.exceptions import OperationalError

from b2b_orders.celery import app

logger = logging.getLogger(__name__)
# Threads that wait for a broker; when it is away the rest is left to the sweepers.
_WAKERS = threading.BoundedSemaphore(4)


def send(task: str, *, expires: float, queue: str = "interactive", **kwargs: int) -> None:
    """Send a task to a queue of workers; without a broker nothing happens."""
    try:
        app.send_task(task, kwargs=kwargs, queue=queue, expires=expires, retry=False)
    except (OperationalError, OSError) as error:
        logger.warning("no broker", extra={"task": task, "error": type(error).__name__})


def aside(wake: Callable[[], None]) -> None:
    """Wake without making a page wait: a dead broker takes seconds to say so."""
    if not _WAKERS.acquire(blocking=False):
        return

    def run() -> None:
        try:
            wake()
        finally:
            _WAKERS.release()

    threading.Thread(target=run, name="wake-worker", daemon=True).start()
