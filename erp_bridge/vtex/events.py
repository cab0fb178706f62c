"""How an account tells of changes: the configuration of its feed and of its hook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from erp_bridge.errors import TerminalError
from erp_bridge.vtex.values import child, text, whole

_TOO_OLD = 10**12
FROM_ORDERS, FROM_WORKFLOW = "FromOrders", "FromWorkflow"


class ResourceMissing(TerminalError):
    """The key lacks the resource for feed and hook; it may read orders all the same."""

    code = "resource-missing"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which changes are told of: by an expression over the order, or by its status.

    With `single_fire` an order is told of once, ever.
    """

    kind: str = FROM_ORDERS
    expression: str = ""
    single_fire: bool = False
    statuses: tuple[str, ...] = ()

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Filter:
        """Read it from a configuration; what its kind does not use is left out."""
        found = child(told, "filter")
        # Without a filter every change of a status is told of.
        kind = text(found, "type") or FROM_WORKFLOW
        if kind == FROM_ORDERS:
            single = found.get("disableSingleFire") is not True
            return cls(kind, text(found, "expression"), single_fire=single)
        statuses = found.get("status")
        listed = statuses if isinstance(statuses, list) else []
        return cls(kind, statuses=tuple(sorted({s for s in listed if isinstance(s, str)})))

    def body(self) -> dict[str, Any]:
        """Write it as a configuration has it."""
        if self.kind != FROM_ORDERS:
            return {"type": self.kind, "status": list(self.statuses)}
        return {
            "type": self.kind,
            "expression": self.expression,
            "disableSingleFire": not self.single_fire,
        }


@dataclass(frozen=True, slots=True)
class FeedConfig:
    """The feed of a key: what it tells of, its times, and how much waits in it.

    What an answer leaves out is None. `quantity` counts what is hidden for now, too.
    """

    filter: Filter
    visibility_seconds: int | None = None
    retention_seconds: int | None = None
    quantity: int | None = None
    oldest_seconds: float | None = None

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> FeedConfig:
        """Read it in both spellings that descriptions and guides have."""
        queue = child(told, "queue")
        retention = whole(queue, "MessageRetentionPeriodInSeconds")
        if retention is None:
            retention = whole(queue, "messageRetentionPeriodInSeconds")
        oldest = _seconds(told, "approximateAgeOfOldestMessageInSeconds")
        if oldest is None:
            oldest = _seconds(told, "aproximateAgeOfOldestMessageInSeconds")
        return cls(
            Filter.read(told),
            whole(queue, "visibilityTimeoutInSeconds"),
            retention,
            whole(told, "quantity"),
            oldest,
        )

    def body(self) -> dict[str, Any]:
        """Write it as VTEX takes it."""
        return {
            "filter": self.filter.body(),
            "queue": {
                "visibilityTimeoutInSeconds": self.visibility_seconds,
                "MessageRetentionPeriodInSeconds": self.retention_seconds,
            },
        }


@dataclass(frozen=True, slots=True)
class HookConfig:
    """The hook of a key. Where it calls and with which headers never prints."""

    filter: Filter
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> HookConfig:
        """Read it from VTEX's answer."""
        hook = child(told, "hook")
        headers = {
            name: text({name: value}, name) for name, value in child(hook, "headers").items()
        }
        return cls(Filter.read(told), text(hook, "url"), headers)

    def body(self) -> dict[str, Any]:
        """Write it as VTEX takes it."""
        return {
            "filter": self.filter.body(),
            "hook": {"url": self.url, "headers": dict(self.headers)},
        }


def _seconds(holder: Mapping[str, Any], name: str) -> float | None:
    value = holder.get(name)
    if not isinstance(value, int | Decimal) or isinstance(value, bool):
        return None
    # Compared first: arithmetic with what JSON may hold can overflow.
    return float(value) if 0 <= value < _TOO_OLD else None
