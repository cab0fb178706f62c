"""The feed and the hook of a VTEX account: filters, messages, sending."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import re
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast
from urllib.parse import urlsplit

from erp_bridge.simulators.faults import BadBody, Json, read_chances
from erp_bridge.simulators.model import Order, WebOrder
from erp_bridge.simulators.vtex_payloads import order_body, stamp_z

_CONDITION = re.compile(r"\s*([\w.]+)\s*(=|>=|<=|>|<|!=)\s*(\"[^\"]*\"|-?\d+|true|false)\s*")
_HOOK_SECONDS = 5.0


@dataclass(slots=True)
class Message:
    """One event in the feed's queue; the handle changes at each retrieval."""

    number: int
    order_id: str
    state: str
    last_state: str
    last_change: datetime
    current_change: datetime
    added_at: datetime
    visible_at: datetime
    handle: str = ""
    deliveries: int = 0


# What a feed may do by chance: hand an item out and leave it visible, forget a commit, give
# fewer items than there are; and, which the real one promises not to do, lose an event.
FEED_CHANCES = ("twice", "again", "short", "lost")


@dataclass(slots=True)
class FeedFaults:
    """How a feed misbehaves, by dice that fall alike for the same seed."""

    chances: Mapping[str, float] = field(default_factory=dict)
    is_shuffled: bool = False
    # Retrieved items come back after so long instead of what the configuration says.
    hidden_seconds: float | None = None
    seed: int = 0
    dice: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)  # noqa: S311 - the same seed gives the same faults

    @classmethod
    def read(cls, told: Json) -> FeedFaults:
        """Read them from a control call; `BadBody` says what is wrong."""
        hidden = told.get("hidden_seconds")
        try:
            return cls(
                chances=read_chances(told.get("chances") or {}, FEED_CHANCES),
                is_shuffled=bool(told.get("shuffled")),
                hidden_seconds=None if hidden is None else float(str(hidden)),
                seed=int(str(told.get("seed") or 0)),
            )
        except ValueError as error:
            raise BadBody("hidden_seconds and seed must be numbers") from error

    def happens(self, name: str) -> bool:
        """Throw the dice for one of the chances."""
        chance = self.chances.get(name, 0.0)
        return chance > 0 and self.dice.random() < chance

    def choose(self, visible: Sequence[Message], lot: int) -> list[Message]:
        """Take a lot from the messages that are visible, which are in their order."""
        if self.happens("short"):
            lot = self.dice.randrange(lot)
        if self.is_shuffled:
            return self.dice.sample(visible, min(lot, len(visible)))
        return list(visible[:lot])


@dataclass(slots=True)
class Feed:
    """A configured feed: its filter, its queue, and which orders it already showed."""

    filter: Json
    visibility: float
    retention: int
    messages: OrderedDict[int, Message] = field(default_factory=OrderedDict)
    shown: set[str] = field(default_factory=set)


@dataclass(slots=True)
class FeedState:
    """What a feed did since the start: events, deliveries, repetitions, commits."""

    counts: Counter[str] = field(default_factory=Counter)

    def describe(self, feed: Feed | None) -> Json:
        """Say what it did and what is left, hidden items included; `quantity` -1 without a feed."""
        names = ("events", "lost", "delivered", "repeated", "committed")
        told: Json = {name: self.counts[name] for name in names}
        return told | {"quantity": len(feed.messages) if feed else -1}


@dataclass(frozen=True, slots=True)
class Hook:
    """A configured hook."""

    filter: Json
    url: str
    headers: dict[str, str]


def feed_item(message: Message) -> Json:
    """Make one item of a retrieval."""
    return {
        "eventId": f"{message.number:032X}",
        "handle": message.handle,
        "domain": "Fulfillment",
        "state": message.state,
        "lastState": message.last_state,
        "orderId": message.order_id,
        "lastChange": stamp_z(message.last_change),
        "currentChange": stamp_z(message.current_change),
    }


class MixedFilter(Exception):
    """A filter with the fields of both kinds."""


def read_filter(told: Json) -> Json:
    """Read the filter of a feed or hook."""
    given = told.get("filter") or {"type": "FromWorkflow", "status": []}
    if not isinstance(given, dict):
        raise BadBody("filter must be an object")
    kind = given.get("type")
    has_orders = "expression" in given or "disableSingleFire" in given
    if (kind == "FromWorkflow" and has_orders) or (kind == "FromOrders" and "status" in given):
        raise MixedFilter
    if kind == "FromOrders":
        return {
            "type": kind,
            "expression": str(given.get("expression") or "true"),
            "disableSingleFire": bool(given.get("disableSingleFire")),
        }
    if kind == "FromWorkflow":
        return {"type": kind, "status": list(given.get("status") or [])}
    raise BadBody("filter.type must be FromWorkflow or FromOrders")


def wants(chosen: Json, order: Order, web: WebOrder, shown: set[str]) -> bool:
    """Say whether a filter lets an order's change through."""
    if chosen["type"] == "FromWorkflow":
        statuses = cast("list[str]", chosen["status"])
        return web.status != web.previous_status and (not statuses or web.status in statuses)
    if not chosen["disableSingleFire"] and web.order_id in shown:
        return False
    return _expression_holds(str(chosen["expression"]), order, web)


def _expression_holds(expression: str, order: Order, web: WebOrder) -> bool:
    """Try the simplest JSONata: comparisons joined by `and`; anything else holds."""
    body: object = None
    for part in re.split(r"\band\b", expression):
        match = _CONDITION.fullmatch(part)
        if not match:
            continue
        if body is None:
            body = order_body(order, web)
        value = body
        for name in match[1].split("."):
            value = value.get(name) if isinstance(value, dict) else None
        if not _compares(value, match[2], json.loads(match[3])):
            return False
    return True


def _compares(value: object, operator: str, other: object) -> bool:
    if operator in {"=", "!="}:
        return (value == other) is (operator == "=")
    if not isinstance(value, int) or not isinstance(other, int):
        return False
    return {
        ">": value > other,
        "<": value < other,
        ">=": value >= other,
        "<=": value <= other,
    }[operator]


def post(hook: Hook, body: Json) -> int:
    """Send a hook's body; 0 when nobody answered."""
    parts = urlsplit(hook.url)
    make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = make(parts.hostname or "", parts.port, timeout=_HOOK_SECONDS)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {"Content-Type": "application/json", **hook.headers}
        connection.request("POST", target, json.dumps(body), headers)
        return connection.getresponse().status
    return 0
