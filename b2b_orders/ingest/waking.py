"""Where ingest tells workers that a row waits, see `common.waking`."""

from kombu.exceptions import OperationalError

from b2b_orders.celery import app
from b2b_orders.common.waking import aside, send

__all__ = ["OperationalError", "app", "aside", "send"]
