"""Keeping the feed and the hook of a VTEX account configured, and watching the feed's queue.

VTEX deletes a feed or hook that was idle for a while, and each belongs to an application key,
which somebody may have given to another program. So it is looked at often, put back when it
is gone, and left alone when it is somebody else's: neither overwritten nor consumed, until
operations say that it is ours to take.
"""

from __future__ import annotations

import json
import secrets as random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction

from b2b_orders.audit.services import report_incident
from b2b_orders.common import secrets
from b2b_orders.common.requests import HOOK_PATH
from b2b_orders.ingest import hooks
from b2b_orders.ingest.models import Connection, Subscription, SubscriptionKind, SubscriptionState
from b2b_orders.ingest.options import Options
from erp_bridge.connector import Call
from erp_bridge.errors import BadRequest, BridgeError, CredentialsRejected, TransientError
from erp_bridge.vtex.client import VtexClient
from erp_bridge.vtex.events import FeedConfig, HookConfig, ResourceMissing

FEED_EVERY = timedelta(minutes=5)
HOOK_EVERY = timedelta(hours=1)
CALL_SECONDS = 30.0
# An integration guide of VTEX says that events vanish after four days, whatever is configured.
_SURE_SECONDS = 4 * 86_400
_LARGEST = 2**31 - 1
_WRITTEN = (
    *("state", "own_config", "found_config", "checked_at", "configured_at", "repairs", "error"),
    *("quantity", "oldest_seconds", "path_digest", "secret_digest", "secret"),
)


def keep_feed(
    connection: Connection, client: VtexClient, *, now: datetime, force: bool = False
) -> SubscriptionState:
    """See that the feed is configured as wanted and note its figures, every five minutes.

    `force` looks at once: after the feed answered 404, and before anything else is read.
    Raises `BridgeError` when the account is down or refuses the key.
    """
    row = _row(connection, SubscriptionKind.FEED)
    if force or _is_due(row, FEED_EVERY, now):
        with _noted(row, now) as note:
            _keep(_Feed(row, client), note)
    return SubscriptionState(row.state)


def keep_hook(
    connection: Connection, client: VtexClient, *, now: datetime, force: bool = False
) -> SubscriptionState:
    """See that VTEX calls us as wanted, every hour; or no longer, once `hook` is switched off.

    A hook that is switched off is `UNKNOWN`. Raises `BridgeError` as `keep_feed` does.
    """
    row = _row(connection, SubscriptionKind.HOOK)
    if not Options.of(connection.settings).hook:
        if not row.path_digest:
            _save(row, state=SubscriptionState.UNKNOWN, error="")
        elif force or row.state == SubscriptionState.OURS or _is_due(row, FEED_EVERY, now):
            with _noted(row, now) as note:
                _take_away(_Hook(row, client), note)
    elif not _calls_us():
        _save(row, state=SubscriptionState.FAILING, error=_NOT_HTTPS)
    elif force or _is_due(row, HOOK_EVERY, now):
        with _noted(row, now) as note:
            _keep(_Hook(row, client), note)
    return SubscriptionState(row.state)


def take_over(
    connection: Connection, client: VtexClient, *, kind: SubscriptionKind, now: datetime
) -> SubscriptionState:
    """Make a feed or hook ours that was configured for another purpose.

    Whatever read it until now is cut off, so operations have to say so.
    """
    row = _row(connection, kind)
    if kind is SubscriptionKind.HOOK and not _calls_us():
        _save(row, state=SubscriptionState.FAILING, error=_NOT_HTTPS)
        return SubscriptionState.FAILING
    with _noted(row, now) as note:
        side: _Side = _Feed(row, client) if kind is SubscriptionKind.FEED else _Hook(row, client)
        _configure(side, note)
    return SubscriptionState(row.state)


def may_consume(connection: Connection) -> bool:
    """Say whether events may be taken off the feed: not before it is known to be ours."""
    row = _row(connection, SubscriptionKind.FEED)
    # One that was ours when it could last be looked at still is.
    was_ours = row.state == SubscriptionState.FAILING and bool(row.own_config)
    return was_ours or row.state == SubscriptionState.OURS


def has_gap_since(connection: Connection, moment: datetime) -> bool:
    """Say whether the feed was set anew since then: what changed just before is in no queue."""
    configured_at = _row(connection, SubscriptionKind.FEED).configured_at
    return configured_at is not None and configured_at > moment


def upkeep(connection: Connection, client: VtexClient, *, now: datetime) -> None:
    """Do what is due for the feed and for the hook; one that fails does not stop the other.

    Raises `BridgeError`, after noting it, when the account is down or refuses the key.
    """
    keep_feed(connection, client, now=now)
    keep_hook(connection, client, now=now)


# --- what is wanted, and whether it is there ------------------------------------------------


@dataclass(slots=True)
class _Note:
    """What one look at a subscription came to, kept with its incidents in one transaction."""

    now: datetime
    incidents: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def alarm(self, code: str, **detail: Any) -> None:
        self.incidents.append((code, detail))


class _Side(Protocol):
    """The feed or the hook: found, told from others', configured."""

    row: Subscription

    def find(self) -> dict[str, Any] | None:
        """Ask VTEX, and describe what is configured without its secrets."""
        ...

    def wanted(self) -> dict[str, Any]:
        """Describe what we want, likewise."""
        ...

    def is_ours(self, found: dict[str, Any]) -> bool:
        """Say whether we set it, with whatever settings we had then."""
        ...

    def is_in_force(self, found: dict[str, Any]) -> bool:
        """Say whether it needs no change."""
        ...

    def configure(self) -> None:
        """Have VTEX take on what we want."""
        ...

    def watch(self, note: _Note) -> None:
        """Look at what else VTEX told."""
        ...

    def alarm_of_repair(self, note: _Note) -> None:
        """Say that it had vanished, if anything was missed by that."""
        ...


def _keep(side: _Side, note: _Note) -> None:
    row, found = side.row, side.find()
    if found is None:
        was_there = bool(row.own_config)
        _configure(side, note)
        if was_there:
            row.repairs += 1
            side.alarm_of_repair(note)
    elif side.is_in_force(found):
        _settle(side, found, note)
    elif side.is_ours(found):
        _configure(side, note)
    else:
        if row.state != SubscriptionState.FOREIGN or row.found_config != found:
            note.alarm(f"{row.kind}-foreign", found=found)
        row.state, row.found_config = SubscriptionState.FOREIGN, found


def _configure(side: _Side, note: _Note) -> None:
    side.configure()
    side.row.configured_at = note.now
    # What VTEX made of it: it may have times of its own.
    _settle(side, side.find() or {}, note)


def _settle(side: _Side, found: dict[str, Any], note: _Note) -> None:
    side.row.state = SubscriptionState.OURS
    side.row.own_config, side.row.found_config = side.wanted(), found
    side.watch(note)


def _take_away(side: _Hook, note: _Note) -> None:
    """Have VTEX call us no longer, and forget by which path it did."""
    found = side.find()
    if found is not None and side.is_ours(found):
        side.client.delete_hook_config(_call())
        side.row.configured_at = note.now
    side.row.state = SubscriptionState.UNKNOWN
    side.row.own_config = side.row.found_config = {}
    side.row.path_digest = side.row.secret_digest = ""
    side.row.secret = b""


# --- the feed ---------------------------------------------------------------------------


class _Feed:
    """The feed: ours by what it tells of."""

    def __init__(self, row: Subscription, client: VtexClient) -> None:
        self.row = row
        self.client = client
        self._told: FeedConfig | None = None

    def find(self) -> dict[str, Any] | None:
        self._told = self.client.feed_config(_call())
        return None if self._told is None else self._described(self._told)

    def wanted(self) -> dict[str, Any]:
        return self._described(self.client.config.feed)

    def is_ours(self, found: dict[str, Any]) -> bool:
        known = (self.row.own_config.get("filter"), self.wanted()["filter"])
        return bool(found["filter"] in known)

    def is_in_force(self, found: dict[str, Any]) -> bool:
        wanted = self.wanted()
        if found == wanted:
            return True
        # Times that VTEX turned into others are not asked for over and over.
        was_asked_for = self.row.own_config == wanted and self.row.found_config == found
        return bool(was_asked_for and found["filter"] == wanted["filter"])

    def configure(self) -> None:
        self.client.set_feed_config(_call())

    def watch(self, note: _Note) -> None:
        """Keep the size and age of the queue; alarm once when half of its time is over."""
        told = self._told
        if told is None:
            return
        before = self.row.oldest_seconds or 0.0
        self.row.quantity = None if told.quantity is None else min(told.quantity, _LARGEST)
        self.row.oldest_seconds = told.oldest_seconds
        half = min(told.retention_seconds or _SURE_SECONDS, _SURE_SECONDS) / 2
        age = told.oldest_seconds or 0.0
        if before <= half < age:
            note.alarm("feed-ageing", hours=round(age / 3600), quantity=told.quantity)

    def alarm_of_repair(self, note: _Note) -> None:
        # What changed since it went is in no queue, until the lists are compared again.
        note.alarm("feed-vanished")

    @staticmethod
    def _described(config: FeedConfig) -> dict[str, Any]:
        return {
            "filter": config.filter.body(),
            "visibility_seconds": config.visibility_seconds,
            "retention_seconds": config.retention_seconds,
        }


# --- the hook ---------------------------------------------------------------------------

_NOT_HTTPS = "VTEX calls https:// addresses only, and PORTAL_URL is none"


class _Hook:
    """The hook: ours by the secret part of the address that it calls."""

    def __init__(self, row: Subscription, client: VtexClient) -> None:
        self.row = row
        self.client = client
        self._path, self._secret = self._keys()

    def find(self) -> dict[str, Any] | None:
        told = self.client.hook_config(_call())
        return None if told is None else self._described(told)

    def wanted(self) -> dict[str, Any]:
        headers = {hooks.HEADER: self._secret}
        return self._described(HookConfig(self.client.config.event_filter, self._url, headers))

    def is_ours(self, found: dict[str, Any]) -> bool:
        return bool(found["is_our_path"])

    def is_in_force(self, found: dict[str, Any]) -> bool:
        return found == self.wanted()

    def configure(self) -> None:
        # VTEX calls the address at once, so it has to be known by then.
        if self.row.path_digest != hooks.digest(self._path):
            _save(
                self.row,
                path_digest=hooks.digest(self._path),
                secret_digest=hooks.digest(self._secret),
                secret=secrets.encrypt(json.dumps([self._path, self._secret])),
            )
        try:
            self.client.set_hook_config(self._url, {hooks.HEADER: self._secret}, _call())
        except BadRequest as error:
            raise BadRequest(
                "it could not call us at the address that PORTAL_URL names",
                source=error.source,
                operation=error.operation,
                status=error.status,
            ) from None

    def watch(self, note: _Note) -> None:
        """Look at nothing: when it last called is noted when it calls."""

    def alarm_of_repair(self, note: _Note) -> None:
        """Say nothing: three quiet days end a hook, and the feed tells of everything."""

    @property
    def _url(self) -> str:
        return f"{settings.PORTAL_URL.rstrip('/')}{HOOK_PATH}/{self._path}"

    def _keys(self) -> tuple[str, str]:
        """Return path and secret: those that VTEX has, or new ones."""
        try:
            path, secret = json.loads(secrets.decrypt(bytes(self.row.secret)))
        except (secrets.SecretUnreadable, ValueError):
            # None yet, or written with a key that is gone.
            return (
                random.token_urlsafe(hooks.SECRET_BYTES),
                random.token_urlsafe(hooks.SECRET_BYTES),
            )
        return path, secret

    def _described(self, config: HookConfig) -> dict[str, Any]:
        """Describe a hook without what opens it, ours or somebody else's."""
        address, last = _parts(config.url)
        sent = {name.lower(): value for name, value in config.headers.items()}
        is_our_secret = sent.get(hooks.HEADER) == self._secret
        return {
            "filter": config.filter.body(),
            "address": address,
            # By its digest, since the path itself may be unreadable by now.
            "is_our_path": hooks.digest(last) in {self.row.path_digest, hooks.digest(self._path)},
            "is_our_url": config.url == self._url,
            # An answer that leaves headers out says nothing of them.
            "is_our_secret": is_our_secret or not sent,
        }


def _parts(url: str) -> tuple[str, str]:
    """Part an address into where it leads and the last of its path."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", parts.path.rpartition("/")[2]


def _calls_us() -> bool:
    """Say whether VTEX would take our address; simulators also take plain http."""
    return bool(settings.PORTAL_URL.startswith("https://") or settings.PORTAL_ALLOW_PLAIN_HTTP)


# --- the row ----------------------------------------------------------------------------


def _row(connection: Connection, kind: SubscriptionKind) -> Subscription:
    row, _ = Subscription.objects.get_or_create(connection=connection, kind=kind)
    return row


def _is_due(row: Subscription, every: timedelta, now: datetime) -> bool:
    if row.state != SubscriptionState.OURS:
        # What is wrong is looked at again soon.
        every = min(every, FEED_EVERY)
    return row.checked_at is None or row.checked_at <= now - every


@contextmanager
def _noted(row: Subscription, now: datetime) -> Iterator[_Note]:
    """Keep what a block found out, or why it could not."""
    note = _Note(now)
    problem: BridgeError | None = None
    try:
        yield note
        row.error = ""
    except BridgeError as error:
        problem = error
        row.error = str(error)[:300]
        if isinstance(error, ResourceMissing):
            row.state = SubscriptionState.FORBIDDEN
        elif row.state != SubscriptionState.FOREIGN:
            # Somebody else's stays so, or it would be consumed after all.
            row.state = SubscriptionState.FAILING
    ends_the_pass = isinstance(problem, TransientError | CredentialsRejected)
    if not ends_the_pass:
        row.checked_at = now
    with transaction.atomic():
        for code, detail in note.incidents:
            report_incident(code, connection=row.connection.name, detail=detail, now=now)
        row.save(update_fields=_WRITTEN)
    if problem is not None and ends_the_pass:
        raise problem


def _save(row: Subscription, **values: Any) -> None:
    changed = {name: value for name, value in values.items() if getattr(row, name) != value}
    for name, value in changed.items():
        setattr(row, name, value)
    if changed:
        row.save(update_fields=list(changed))


def _call() -> Call:
    return Call.within(CALL_SECONDS)
