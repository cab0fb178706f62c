"""What a VTEX account calls when an order has changed.

Nothing of a call is believed but which order to read again, and that only from somebody who
knows the path and the secret that we gave to VTEX. All it does is one row in the inbox.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.core.cache import cache
from django.db import connection as database
from django.db.models import Q

from b2b_orders.audit.services import report_incident
from b2b_orders.common import tenancy
from b2b_orders.common.limits import Bucket, take
from b2b_orders.ingest import inbox
from b2b_orders.ingest.models import Origin, Subscription
from erp_bridge.vtex.client import is_order_id

# VTEX's description of a hook's configuration requires a header of this very name.
HEADER = "key"
MAX_BODY = 65_536
SECRET_BYTES = 32
_PATH = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)  # what so many random bytes make
_PING = {"hookConfig": "ping"}
_ALIVE_EVERY = timedelta(minutes=1)
_ALARM_SECONDS = 3600
# Whoever knows no path may try as often a minute, from one address.
_TRIES, _TRIES_SECONDS = 30, 60

# VTEX waits five seconds: a row that somebody holds longer than this is told again.
_FIND = """
    SELECT s.id, s.connection_id, s.secret_digest, s.last_event_at, c.name,
           c.settings ->> 'account', c.settings ->> 'app_key',
           set_config('lock_timeout', '2000', true)
    FROM ingest_subscription AS s JOIN ingest_connection AS c ON c.id = s.connection_id
    WHERE s.path_digest = %s AND s.kind = 'hook' AND c.is_enabled
"""


class Outcome(StrEnum):
    """What came of a call."""

    TAKEN = "taken"
    PING = "ping"
    # No such path, or not the secret: one answer for both.
    STRANGER = "stranger"
    UNUSABLE = "unusable"


@dataclass(frozen=True, slots=True)
class _Hook:
    pk: int
    connection_id: int
    secret_digest: str
    last_event_at: datetime | None
    connection: str
    account: str | None
    app_key: str | None


def digest(secret: str) -> str:
    """Return what is stored and compared instead of a secret of ours."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def receive(*, path: str, secret: str, body: bytes, now: datetime) -> Outcome:
    """Put the order that a call names into the inbox, if VTEX is who calls.

    Two SQL statements, and a third at most once a minute.
    """
    if not _PATH.fullmatch(path):
        return Outcome.STRANGER
    with tenancy.scope(role=tenancy.WEB):
        hook = _find(path)
        if hook is None:
            return Outcome.STRANGER
        told = _read(body)
        # Whether the headers come along with a ping is documented nowhere.
        if told == _PING:
            return Outcome.PING
        problem = _problem(hook, told, secret)
        if problem:
            _alarm(hook, problem, now)
            return Outcome.STRANGER if problem == "secret" else Outcome.UNUSABLE
        inbox.put(
            connection_id=hook.connection_id,
            external_ids=[told["OrderId"]],
            origin=Origin.HOOK,
            now=now,
        )
        _note_alive(hook, now)
    return Outcome.TAKEN


def tries_too_often(*, address: str) -> bool:
    """Count a call of somebody who knows no path; True when it is time to rest."""
    return not take(Bucket(f"hook-stranger:{address}", _TRIES, _TRIES_SECONDS))


def _find(path: str) -> _Hook | None:
    with database.cursor() as cursor:
        cursor.execute(_FIND, [digest(path)])
        row = cursor.fetchone()
    return _Hook(*row[:-1]) if row else None


def _read(body: bytes) -> dict[str, Any]:
    """Read an event; an empty one when the body is no JSON object."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _problem(hook: _Hook, told: dict[str, Any], secret: str) -> str:
    """Say why an event is not taken: the code of a reason, empty when it is."""
    if not hmac.compare_digest(digest(secret), hook.secret_digest):
        return "secret"
    if not _is_of(told.get("Origin"), hook):
        return "origin"
    order_id = told.get("OrderId")
    if not isinstance(order_id, str) or not is_order_id(order_id):
        return "order"
    return ""


def _is_of(origin: object, hook: _Hook) -> bool:
    """Say whether an event is of the hook's own account and key, as far as it says."""
    if origin is None:
        return True
    if not isinstance(origin, dict):
        return False
    for name, value in (("Account", hook.account), ("Key", hook.app_key)):
        if origin.get(name) is not None and origin[name] != value:
            return False
    return True


def _alarm(hook: _Hook, reason: str, now: datetime) -> None:
    # Only who knows the path gets here, so it is VTEX, or worth a look.
    if cache.add(f"hook-refused:{hook.pk}", 1, _ALARM_SECONDS):
        report_incident(
            "hook-refused", connection=hook.connection, detail={"reason": reason}, now=now
        )


def _note_alive(hook: _Hook, now: datetime) -> None:
    old = now - _ALIVE_EVERY
    if hook.last_event_at is None or hook.last_event_at <= old:
        # Of those who see it old at the same time one writes.
        Subscription.objects.filter(
            Q(last_event_at=None) | Q(last_event_at__lte=old), pk=hook.pk
        ).update(last_event_at=now)
