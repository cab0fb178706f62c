"""Letting old lines of the record go, a whole seal at a time; their seals stay.

The database does it, and only for lines that were sealed more than six months ago: see
migration 0007. What is asked of it here is how long this installation keeps them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final, Literal

from django.conf import settings
from django.db import connection, transaction

# The least that the database accepts.
LEAST_DAYS: Final = 183
_DOORS: Final = {
    "audit_forget": "SELECT audit_forget(%s)",
    "audit_cut_addresses": "SELECT audit_cut_addresses(%s)",
}


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many lines went, and of how many the address."""

    lines: int = 0
    addresses: int = 0
    is_finished: bool = True


def forget_old_lines(*, seconds: float) -> Forgotten:
    """Let go of lines, and of addresses in lines, that are older than the settings say."""
    until = time.monotonic() + seconds
    lines = _through("audit_forget", settings.PORTAL_KEEP_AUDIT_DAYS, until)
    addresses = _through("audit_cut_addresses", settings.PORTAL_KEEP_ADDRESS_DAYS, until)
    return Forgotten(lines, addresses, time.monotonic() < until)


def _through(door: Literal["audit_forget", "audit_cut_addresses"], days: int, until: float) -> int:
    if not days:
        return 0
    count = 0
    while time.monotonic() < until:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_DOORS[door], [max(days, LEAST_DAYS)])
            (done,) = cursor.fetchone()
        if done is None:
            break
        count += done
    return count
