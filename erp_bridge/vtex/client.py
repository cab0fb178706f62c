"""The calls to a VTEX account: orders, lists, the feed and the hook.

Reads, apart from what configures and empties our own feed and hook.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

from erp_bridge.connector import Call, Health
from erp_bridge.errors import BridgeError, ContractViolation, NotFound, Throttled
from erp_bridge.http import Answer
from erp_bridge.records import Reading
from erp_bridge.runner import Guard
from erp_bridge.vtex.config import VtexConfig
from erp_bridge.vtex.door import open_door
from erp_bridge.vtex.events import FeedConfig, HookConfig, ResourceMissing
from erp_bridge.vtex.mapping import map_order, sanitise
from erp_bridge.vtex.values import cents, moment, rows, text

T = TypeVar("T")

MAX_LOT = 10
MAX_PER_PAGE = 100
MAX_PAGE = 30

_ORDERS = "/api/oms/pvt/orders"
_FEED = "/api/orders/feed"
_FEED_CONFIG = "/api/orders/feed/config"
_HOOK_CONFIG = "/api/orders/hook/config"
# A key without the resource for feed and hook says nothing of the key as a whole.
_EVENT_ROWS: Mapping[int, type[BridgeError]] = {403: ResourceMissing}
_ORDER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", re.ASCII)
_MAX_ORDER_BYTES = 30_000_000


@dataclass(frozen=True, slots=True)
class ListRow:
    """One order as a list has it: some minutes old, and without its customer."""

    order_id: str
    status: str = ""
    total: Decimal | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of a list of orders. VTEX gives at most 30 pages of 100 for one question."""

    rows: tuple[ListRow, ...]
    total: int
    pages: int

    @property
    def order_ids(self) -> tuple[str, ...]:
        """The ids of its orders, in its order."""
        return tuple(row.order_id for row in self.rows)


@dataclass(frozen=True, slots=True)
class FeedItem:
    """One event of the feed: a hint to read an order, committed by its handle."""

    order_id: str | None
    handle: str
    state: str = ""
    current_change: datetime | None = None


class VtexClient:
    """Talks to one account. Safe to share between threads."""

    def __init__(
        self, config: VtexConfig, *, source: str = "vtex", guard: Guard | None = None
    ) -> None:
        self.config = config
        self.source = source
        self._guard = guard
        self._door = open_door(config, source)

    def __repr__(self) -> str:
        return f"VtexClient({self.source!r}, {self.config.account!r})"

    def health(self, call: Call) -> Health:
        """Read one row of the list and the feed's configuration, and say what the key may do."""
        account = self.config.account
        try:
            self._door.send(
                "GET",
                _ORDERS,
                call=call,
                operation="list orders",
                params={"page": "1", "per_page": "1"},
            ).json()
        except Throttled:
            # It says how long to wait, which a health cannot.
            raise
        except BridgeError as error:
            return Health(ok=False, account=account, problem=str(error))
        try:
            feed = self._read_config(_FEED_CONFIG, "feed configuration", call)
        except ResourceMissing:
            return Health(ok=True, account=account, abilities=("orders", "feed-forbidden"))
        except Throttled:
            raise
        except BridgeError as error:
            return Health(ok=False, account=account, abilities=("orders",), problem=str(error))
        ability = "feed" if feed is not None else "feed-not-configured"
        return Health(ok=True, account=account, abilities=("orders", ability))

    def order(self, order_id: str, call: Call) -> Reading:
        """Read one order, by its id or by `seq` and its sequence; `NotFound` when absent."""
        if not is_order_id(order_id):
            # Not an id that VTEX could have given, and not one to put into an address.
            raise NotFound("not found", source=self.source, operation="order")

        def ask() -> Reading:
            answer = self._send("GET", f"{_ORDERS}/{order_id}", call, "order")
            payload = self._object(answer)
            try:
                self._check_asked(order_id, payload)
                record = map_order(payload, self.config)
            except ContractViolation as error:
                # Kept for whoever has to find out why.
                error.payload = _stored(payload)
                raise
            return Reading(record, _stored(payload), datetime.now(UTC))

        return self._run("order", call, ask)

    def list_orders(self, first: datetime, last: datetime, page: int, call: Call) -> ListPage:
        """List the orders created from `first` to `last`, both included, newest first.

        The list runs minutes behind and holds two years; `page` counts from 1 to 30.
        """
        if not 1 <= page <= MAX_PAGE:
            raise ValueError("VTEX lists pages 1 to 30; ask for a shorter time")
        params = {
            "f_creationDate": f"creationDate:[{_utc(first)} TO {_utc(last)}]",
            "orderBy": "creationDate,desc",
            "page": str(page),
            "per_page": str(MAX_PER_PAGE),
        }

        def ask() -> ListPage:
            answer = self._send("GET", _ORDERS, call, "list orders", params=params)
            payload = self._object(answer)
            if not isinstance(payload.get("list"), list):
                raise self._violation(answer, "list")
            paging = payload.get("paging")
            total = paging.get("total") if isinstance(paging, dict) else None
            pages = paging.get("pages") if isinstance(paging, dict) else None
            if not isinstance(total, int) or not isinstance(pages, int):
                raise self._violation(answer, "paging")
            listed = tuple(_list_row(row) for row in rows(payload, "list") if text(row, "orderId"))
            return ListPage(listed, total, pages)

        return self._run("list orders", call, ask)

    # --- the feed -------------------------------------------------------------------

    def feed_items(self, call: Call, limit: int = MAX_LOT) -> list[FeedItem]:
        """Take some events; they come back after a while unless they are committed.

        Raises `NotFound` when this key has no feed configured.
        """
        params = {"maxlot": str(max(1, min(limit, MAX_LOT)))}

        def ask() -> list[FeedItem]:
            answer = self._send("GET", _FEED, call, "feed", params=params, rows=_EVENT_ROWS)
            items = answer.json() if answer.content else []
            if not isinstance(items, list):
                raise self._violation(answer, "$")
            return [
                FeedItem(
                    order_id=text(row, "orderId") or None,
                    handle=handle,
                    state=text(row, "state"),
                    current_change=moment(row, "currentChange"),
                )
                for row in items
                if (handle := text(row, "handle"))
            ]

        return self._run("feed", call, ask)

    def feed_commit(self, handles: Sequence[str], call: Call) -> None:
        """Say that events are dealt with, in lots of ten."""
        for start in range(0, len(handles), MAX_LOT):
            self._post("feed commit", _FEED, {"handles": [*handles[start : start + MAX_LOT]]}, call)

    def feed_config(self, call: Call) -> FeedConfig | None:
        """Read how the feed of this key is configured; None when it is not."""
        found = self._config(_FEED_CONFIG, "feed configuration", call)
        return None if found is None else FeedConfig.read(found)

    def set_feed_config(self, call: Call) -> None:
        """Configure the feed as the connection's settings want it.

        What an earlier configuration gathered stays in the queue.
        """
        self._post("feed configuration", _FEED_CONFIG, self.config.feed.body(), call)

    # --- the hook -------------------------------------------------------------------

    def hook_config(self, call: Call) -> HookConfig | None:
        """Read how the hook of this key is configured; None when it is not."""
        found = self._config(_HOOK_CONFIG, "hook configuration", call)
        return None if found is None else HookConfig.read(found)

    def set_hook_config(self, url: str, headers: Mapping[str, str], call: Call) -> None:
        """Have VTEX call an address of ours at each change.

        It tries the address at once, and refuses (`BadRequest`) unless that answers 200.
        """
        wanted = HookConfig(self.config.event_filter, url, headers)
        self._post("hook configuration", _HOOK_CONFIG, wanted.body(), call)

    def delete_hook_config(self, call: Call) -> None:
        """Have VTEX call us no longer; nothing happens when it does not."""

        def ask() -> None:
            with suppress(NotFound):
                self._send("DELETE", _HOOK_CONFIG, call, "hook configuration", rows=_EVENT_ROWS)

        self._run("hook configuration", call, ask)

    def close(self) -> None:
        """Give back sockets."""
        self._door.close()

    # --- how -------------------------------------------------------------------------

    def _run(self, operation: str, call: Call, fn: Callable[[], T]) -> T:
        return self._guard.run(operation, call, fn) if self._guard else fn()

    def _send(
        self,
        method: str,
        path: str,
        call: Call,
        operation: str,
        *,
        params: Mapping[str, str] | None = None,
        body: object = None,
        rows: Mapping[int, type[BridgeError]] | None = None,
    ) -> Answer:
        return self._door.send(
            method,
            path,
            call=call,
            operation=operation,
            params=params,
            body=body,
            max_bytes=_MAX_ORDER_BYTES,
            rows=rows,
        )

    def _post(self, operation: str, path: str, body: object, call: Call) -> None:
        # Each of these may be repeated: what is committed or configured stays so.
        def ask() -> Answer:
            return self._send("POST", path, call, operation, body=body, rows=_EVENT_ROWS)

        self._run(operation, call, ask)

    def _config(self, path: str, operation: str, call: Call) -> dict[str, Any] | None:
        return self._run(operation, call, lambda: self._read_config(path, operation, call))

    def _read_config(self, path: str, operation: str, call: Call) -> dict[str, Any] | None:
        try:
            answer = self._send("GET", path, call, operation, rows=_EVENT_ROWS)
        except NotFound:
            return None
        return self._object(answer)

    def _object(self, answer: Answer) -> dict[str, Any]:
        payload = answer.json()
        if not isinstance(payload, dict):
            raise self._violation(answer, "$")
        return payload

    def _check_asked(self, asked: str, payload: Mapping[str, Any]) -> None:
        found = text(payload, "orderId")
        if asked == found or (asked.startswith("seq") and asked[3:] == text(payload, "sequence")):
            return
        raise ContractViolation(
            "another order than the one asked for",
            path="orderId",
            source=self.source,
            operation="order",
        )

    def _violation(self, answer: Answer, path: str) -> ContractViolation:
        return ContractViolation(
            "a value that cannot be",
            path=path,
            source=self.source,
            operation=answer.operation,
            status=answer.status,
        )


def is_order_id(value: str) -> bool:
    """Say whether VTEX could have given this id, and it may stand in an address."""
    return _ORDER_ID.fullmatch(value) is not None


def _list_row(row: Mapping[str, Any]) -> ListRow:
    return ListRow(
        text(row, "orderId"),
        text(row, "status"),
        cents(row, "totalValue"),
        moment(row, "creationDate"),
    )


def _stored(payload: dict[str, Any]) -> bytes:
    return json.dumps(sanitise(payload), separators=(",", ":"), default=_number).encode()


def _number(value: Decimal) -> float | str:
    plain = float(value)
    return plain if math.isfinite(plain) else str(value)


def _utc(value: datetime) -> str:
    at = value.astimezone(UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"
