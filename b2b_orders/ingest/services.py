"""Connections: made, changed, and tried."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from b2b_orders.common import secrets
from b2b_orders.common.errors import InvalidInput
from b2b_orders.ingest import lanes, options
from b2b_orders.ingest.models import Connection
from b2b_orders.ingest.sources import address_policy
from erp_bridge import registry
from erp_bridge.errors import ConfigError

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}", re.ASCII)


def save_connection(
    *,
    kind: str,
    name: str,
    settings: Mapping[str, object],
    secret: str | None,
    now: datetime,
    label: str = "",
    is_enabled: bool = True,
) -> Connection:
    """Make a connection, or change the one of that name.

    Without a secret a connection keeps the one it has. A change forgets what was learned
    of the source and lets everything of it be asked again at once. `InvalidInput` names the setting
    that is wrong and says what to do.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            "name", "must be of small letters, digits, - and _, begin with a letter, at most 40"
        )
    with transaction.atomic():
        row = Connection.objects.select_for_update().filter(name=name).first()
        if row is not None and row.kind != kind:
            raise InvalidInput(
                "kind",
                f"{name!r} is a {row.kind} connection, and its orders hang on it;"
                " make another one instead",
            )
        try:
            found = registry.get_kind(kind)
            own, ours = options.split(settings)
            plain = secret if secret is not None else _kept(row)
            found.configure(own, plain, address_policy())
        except ConfigError as error:
            raise InvalidInput(error.field, error.message) from error
        row = row or Connection(name=name, kind=kind, created_at=now)
        row.label = label or row.label or (found.label if len(found.label) <= 60 else name)
        row.settings = {**own, options.KEY: ours} if ours else own
        row.secret = secrets.encrypt(plain.strip())
        row.is_enabled = is_enabled
        row.changed_at = now
        row.learned = {}
        row.failures, row.down_since, row.retry_at = 0, None, None
        row.last_error = row.last_error_code = ""
        row.save()
        row.subscriptions.update(checked_at=None)
        lanes.ensure_lanes(connection=row, now=now)
        lanes.run_soon(connection_id=row.pk, names=lanes.LANES[found.system], now=now)
    return row


def _kept(row: Connection | None) -> str:
    if row is None:
        return ""
    try:
        return secrets.decrypt(bytes(row.secret))
    except secrets.SecretUnreadable as error:
        raise InvalidInput(
            "secret", "was encrypted with a key that is no longer configured; enter it again"
        ) from error
