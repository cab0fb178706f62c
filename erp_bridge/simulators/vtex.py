"""A VTEX OMS: get order, list orders, feed v3, feed and hook configuration, and VTEX ID.

    with VtexSimulator(small_world()) as vtex:
        requests.get(f"{vtex.url}/api/oms/pvt/orders/{O1.web_number}", headers=vtex.headers)

Routes for faults: `order`, `list`, `feed` (retrieve), `commit`, `feed_config`, `hook_config`,
`masterdata` (scrolls over customers, organisations and cost centres).

Two control calls more, for what a feed does wrong by itself:

    POST /_control/feed   {"chances": {"twice": 0.05, "again": 0.02, "short": 0.1, "lost": 0},
                           "shuffled": true, "hidden_seconds": 5, "seed": 7}
    GET  /_control/feed   events, deliveries, repetitions, commits, and the quantity left

`twice` delivers an item and leaves it visible, so that it comes in a later lot again;
`again` answers a commit and keeps the item; `short` gives fewer items than there are, or
none; `lost` forgets an event. `shuffled` takes any of the visible ones; `hidden_seconds`
brings retrieved items back earlier, or later, than the configuration says.

VTEX ID's codes by mail: see `vtex_identity`.

`POST /_control/forget {"what": "feed"}`, or `hook`, removes its configuration.
"""

from __future__ import annotations

import itertools
import re
import threading
import uuid
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from typing import cast

from erp_bridge.simulators import control
from erp_bridge.simulators import vtex_identity as identity
from erp_bridge.simulators.faults import BadBody, Json
from erp_bridge.simulators.model import Order, WebOrder
from erp_bridge.simulators.server import (
    Request,
    Response,
    Simulator,
    json_response,
)
from erp_bridge.simulators.vtex_feed import (
    Feed,
    FeedFaults,
    FeedState,
    Hook,
    Message,
    MixedFilter,
    feed_item,
    post,
    read_filter,
    wants,
)
from erp_bridge.simulators.vtex_lines import ACCOUNT
from erp_bridge.simulators.vtex_masterdata import PREFIX, MasterDataPart
from erp_bridge.simulators.vtex_payloads import list_row, order_body, stamp_z
from erp_bridge.simulators.world import World

APP_KEY = "vtexappkey-demo-ABCDEF"
APP_TOKEN = "demo-app-token"  # noqa: S105 - the token of a simulator
MAX_PAGE = 30
MAX_PER_PAGE = 100
MAX_LOT = 10

_ORDERS = "/api/oms/pvt/orders"
_PATHS = {
    _ORDERS: "list",
    "/api/orders/feed": "feed",
    "/api/orders/feed/config": "feed_config",
    "/api/orders/hook/config": "hook_config",
}
_RANGE = re.compile(r"(\w+):\[(\S+) TO (\S+)\]")
_SORTS = frozenset({"creationDate", "orderId", "items", "totalValue", "origin"})
_HOOK_PAUSES = (0.0, 0.5, 2.0)


class VtexSimulator(Simulator):
    """Serves a world's web orders as VTEX does."""

    routes = identity.ROUTES | {
        *("order", "list", "feed", "commit", "feed_config", "hook_config", "masterdata"),
    }

    def __init__(
        self,
        world: World,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        app_key: str = APP_KEY,
        app_token: str = APP_TOKEN,
    ) -> None:
        super().__init__(world, host=host, port=port)
        self.app_key = app_key
        self.app_token = app_token
        # Routes that the key lacks the resource for: they answer 403.
        self.denied: set[str] = set()
        self.identity = identity.Identity(ACCOUNT)
        self.feed: Feed | None = None
        self.hook: Hook | None = None
        self.feed_faults = FeedFaults()
        self.masterdata = MasterDataPart(world)
        self._feed_state = FeedState()
        self._numbers = itertools.count(1)
        self._guard = threading.Lock()
        self._lists: OrderedDict[tuple[object, ...], tuple[list[Order], Json]] = OrderedDict()
        self.world.on_web_change.append(self.emit)
        self.controls["POST", "forget"] = lambda request: self.forget(
            str(request.json().get("what"))
        )
        self.controls["GET", "identity"] = lambda _: dict(self.identity.codes)
        self.controls["POST", "identity"] = self._set_identity
        self.controls["GET", "feed"] = self._tell_feed
        self.controls["POST", "feed"] = self._set_feed_faults

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a caller that may."""
        return {
            "X-VTEX-API-AppKey": self.app_key,
            "X-VTEX-API-AppToken": self.app_token,
            "Accept": "application/json",
        }

    # --- routing ---------------------------------------------------------------

    def route_of(self, request: Request) -> str:
        """Name the route of a request."""
        path = request.path
        route = _PATHS.get(path, "") or identity.PATHS.get(path, "")
        if route == "feed":
            return "commit" if request.method == "POST" else "feed"
        if not route and path.startswith(f"{_ORDERS}/"):
            return "order"
        if path.startswith(PREFIX):
            return "masterdata"
        return route

    def answer(self, route: str, request: Request) -> Response:
        """Answer as VTEX does."""
        if route in identity.ROUTES:
            return self.identity.answer(route, request)
        if (
            request.headers.get("x-vtex-api-appkey") != self.app_key
            or request.headers.get("x-vtex-api-apptoken") != self.app_token
        ):
            return self.unauthorized()
        if route in self.denied:
            return _error(403, "1", "Forbidden")
        try:
            return self._answers(route, request)
        except BadBody as error:
            return _error(400, "1", str(error))
        except MixedFilter:
            return _error(409, "1", "Filters of both types cannot be mixed")

    def _answers(self, route: str, request: Request) -> Response:
        handlers = {
            "order": (self._get_order, ("GET",)),
            "list": (self._list, ("GET",)),
            "feed": (self._retrieve, ("GET",)),
            "commit": (self._commit, ("POST",)),
            "feed_config": (self._feed_config, ("GET", "POST", "DELETE")),
            "hook_config": (self._hook_config, ("GET", "POST", "DELETE")),
            "masterdata": (self.masterdata.answer, ("GET",)),
        }
        handle, methods = handlers[route]
        if request.method not in methods:
            return Response(405, b"", "text/plain")
        return handle(request)

    def _set_identity(self, request: Request) -> Json:
        self.identity.lies = request.json()
        return self.identity.lies

    def answer_wrong_company(self, route: str, request: Request) -> Response:
        """Answer Get order with an order of another company."""
        if route != "order":
            return self.answer(route, request)
        asked = self.world.web_order(request.path.removeprefix(f"{_ORDERS}/"))
        for order in reversed(self.world.web_between(None, None)):
            if order.web and (asked is None or order.company is not asked.company):
                return json_response(order_body(order, order.web))
        return self.answer(route, request)

    def unauthorized(self) -> Response:
        """Answer as VTEX does to a wrong key or token."""
        return _error(401, "1", "Unauthorized access")

    # --- orders ------------------------------------------------------------------

    def _get_order(self, request: Request) -> Response:
        rest = request.path.removeprefix(f"{_ORDERS}/")
        if rest.startswith("order-group/"):
            group = rest.removeprefix("order-group/")
            found = self.world.web_order(f"{group}-01")
            bodies = [order_body(found, found.web)] if found and found.web else []
            return json_response(bodies) if bodies else _not_found()
        order = self.world.web_order(rest)
        if order is None or order.web is None:
            return _not_found()
        return json_response(order_body(order, order.web))

    def _list(self, request: Request) -> Response:
        query = request.query
        page = _whole(query.get("page") or "1", "page", 1, MAX_PAGE)
        per_page = _whole(query.get("per_page") or "15", "per_page", 1, MAX_PER_PAGE)
        orders, stats = self._matching(request)
        start = (page - 1) * per_page
        return json_response(
            {
                "list": [
                    list_row(order, order.web)
                    for order in orders[start : start + per_page]
                    if order.web
                ],
                "facets": [],
                "paging": {
                    "total": len(orders),
                    "pages": -(-len(orders) // per_page),
                    "currentPage": page,
                    "perPage": per_page,
                },
                "stats": {"stats": stats},
            }
        )

    def _matching(self, request: Request) -> tuple[list[Order], Json]:
        query = request.query
        text = query.get("q", "")
        if "+" in text:
            raise BadBody("+ is not allowed in a full text search")
        wanted = (
            self.world.version,
            query.get("f_creationDate", ""),
            query.get("f_status", ""),
            text.casefold(),
            query.get("orderBy") or "creationDate,desc",
        )
        with self._guard:
            if wanted in self._lists:
                return self._lists[wanted]
        found = self._search(*wanted[1:])
        with self._guard:
            self._lists[wanted] = found
            while len(self._lists) > 50:
                self._lists.popitem(last=False)
        return found

    def _search(
        self, created: str, status: str, text: str, order_by: str
    ) -> tuple[list[Order], Json]:
        first, last = _range(created, "creationDate")
        orders = [
            order
            for order in self.world.web_between(first, last)
            if order.web
            and (status in {"", "$$ALL_VALUES$$"} or order.web.status in status.split(","))
            and (not text or text in _full_text(order, order.web))
        ]
        return _sorted(orders, order_by), _stats(orders)

    # --- feed ----------------------------------------------------------------------

    def emit(self, order: Order) -> None:
        """Put an event of a changed order into the feed, and send it to the hook."""
        web = order.web
        if web is None:
            return
        now = datetime.now(UTC)
        message = Message(
            number=next(self._numbers),
            order_id=web.order_id,
            state=web.status,
            last_state=web.previous_status,
            last_change=web.changed_at,
            current_change=web.changed_at,
            added_at=now,
            visible_at=now,
        )
        with self._guard:
            if self.feed and wants(self.feed.filter, order, web, self.feed.shown):
                self.feed.shown.add(web.order_id)
                self._feed_state.counts["events"] += 1
                if self.feed_faults.happens("lost"):
                    self._feed_state.counts["lost"] += 1
                else:
                    self.feed.messages[message.number] = message
        hook = self.hook
        if hook and wants(hook.filter, order, web, set()):
            threading.Thread(target=self._notify, args=(hook, message), daemon=True).start()

    def expire_visibility(self) -> None:
        """Let retrieved items come back at once, as if the visibility timeout had passed."""
        with self._guard:
            for message in self.feed.messages.values() if self.feed else ():
                message.visible_at = datetime.now(UTC)

    def _retrieve(self, request: Request) -> Response:
        if "maxlot" not in request.query:
            raise BadBody("maxlot is required")
        lot = _whole(request.query["maxlot"], "maxlot", 1, MAX_LOT)
        now = datetime.now(UTC)
        with self._guard:
            if self.feed is None:
                return _error(404, "1", "Feed configuration not found")
            self._drop_old(self.feed, now)
            visible = [
                message for message in self.feed.messages.values() if message.visible_at <= now
            ]
            chosen = self.feed_faults.choose(visible, lot)
            items = [self._hand_out(self.feed, message, now) for message in chosen]
        return json_response(items)

    def _hand_out(self, feed: Feed, message: Message, now: datetime) -> Json:
        message.handle = uuid.uuid4().hex * 16
        if not self.feed_faults.happens("twice"):
            hidden = self.feed_faults.hidden_seconds or feed.visibility
            message.visible_at = now + timedelta(seconds=hidden)
        self._feed_state.counts["delivered"] += 1
        self._feed_state.counts["repeated"] += message.deliveries > 0
        message.deliveries += 1
        return feed_item(message)

    def _drop_old(self, feed: Feed, now: datetime) -> None:
        oldest = now - timedelta(seconds=feed.retention)
        for number, message in list(feed.messages.items()):
            if message.added_at < oldest:
                del feed.messages[number]

    def _commit(self, request: Request) -> Response:
        handles = request.json().get("handles")
        if not isinstance(handles, list) or not handles:
            raise BadBody("handles must be a list")
        now = datetime.now(UTC)
        with self._guard:
            if self.feed is None:
                return _error(404, "1", "Feed configuration not found")
            for number, message in list(self.feed.messages.items()):
                # A handle is good until its item is visible again.
                if message.handle not in handles or message.visible_at <= now:
                    continue
                if not self.feed_faults.happens("again"):
                    del self.feed.messages[number]
                    self._feed_state.counts["committed"] += 1
        return Response(200)

    def _feed_config(self, request: Request) -> Response:
        if request.method == "POST":
            return self._set_feed(request.json())
        with self._guard:
            feed = self.feed
            if feed is None:
                return _error(404, "1", "Feed configuration not found")
            if request.method == "DELETE":
                self.feed = None
                return Response(200)
            ages = [
                (datetime.now(UTC) - message.added_at).total_seconds()
                for message in feed.messages.values()
            ]
        return json_response(
            {
                "filter": feed.filter,
                "queue": {
                    "visibilityTimeoutInSeconds": feed.visibility,
                    "messageRetentionPeriodInSeconds": feed.retention,
                },
                "quantity": len(ages),
                "approximateAgeOfOldestMessageInSeconds": max(ages, default=0.0),
            }
        )

    def _set_feed(self, told: Json) -> Response:
        chosen = read_filter(told)
        queue = told.get("queue") or {}
        if not isinstance(queue, dict):
            raise BadBody("queue must be an object")
        visibility = float(str(queue.get("visibilityTimeoutInSeconds") or 240))
        retention = int(
            str(
                queue.get("MessageRetentionPeriodInSeconds")
                or queue.get("messageRetentionPeriodInSeconds")
                or 345_600
            )
        )
        if not 0 < visibility <= 43_200 or not 60 <= retention <= 1_209_600:
            raise BadBody("queue times are out of bounds")
        with self._guard:
            # A new filter keeps the events that the old one gathered.
            kept = self.feed.messages if self.feed else OrderedDict()
            shown = self.feed.shown if self.feed else set()
            self.feed = Feed(chosen, visibility, retention, kept, shown)
        return Response(200)

    # --- hook ----------------------------------------------------------------------

    def _hook_config(self, request: Request) -> Response:
        if request.method == "POST":
            return self._set_hook(request.json())
        hook = self.hook
        if hook is None:
            return _error(404, "1", "Hook configuration not found")
        if request.method == "DELETE":
            self.hook = None
            return Response(200)
        return json_response(
            {"filter": hook.filter, "hook": {"url": hook.url, "headers": hook.headers}}
        )

    def _set_hook(self, told: Json) -> Response:
        chosen = read_filter(told)
        target = told.get("hook")
        if not isinstance(target, dict) or not isinstance(target.get("url"), str):
            raise BadBody("hook.url is missing")
        headers = {str(name): str(value) for name, value in (target.get("headers") or {}).items()}
        hook = Hook(chosen, target["url"], headers)
        if post(hook, {"hookConfig": "ping"}) != 200:
            raise BadBody("Unable to check address")
        self.hook = hook
        return Response(200)

    def _notify(self, hook: Hook, message: Message) -> None:
        body: Json = {
            "Domain": "Fulfillment",
            "OrderId": message.order_id,
            "State": message.state,
            "LastState": message.last_state,
            "LastChange": stamp_z(message.last_change),
            "CurrentChange": stamp_z(message.current_change),
            "Origin": {"Account": ACCOUNT, "Key": self.app_key},
        }
        for pause in _HOOK_PAUSES:
            if pause:
                threading.Event().wait(pause)
            if post(hook, body) == 200:
                return

    # --- control -------------------------------------------------------------------

    def forget(self, what: str) -> Json:
        """Remove the configuration of the `feed` or the `hook`, as VTEX does when it idles."""
        if what not in {"feed", "hook"}:
            raise BadBody("what must be feed or hook")
        with self._guard:
            setattr(self, what, None)
        return {}

    def control_orders(self, told: Json) -> Json:
        """Add or change a web order and emit a feed event, see `control.web_order`."""
        return control.web_order(self.world, told)

    def _tell_feed(self, _request: Request) -> Json:
        with self._guard:
            return self._feed_state.describe(self.feed)

    def _set_feed_faults(self, request: Request) -> Json:
        faults = FeedFaults.read(request.json())
        with self._guard:
            self.feed_faults = faults
        return self._tell_feed(request)

    def reset(self) -> None:
        """Forget faults, those of the feed too, log and counts."""
        super().reset()
        with self._guard:
            self.feed_faults = FeedFaults()
            self._feed_state = FeedState()


def _error(status: int, code: str, message: str) -> Response:
    return json_response({"error": {"code": code, "message": message, "exception": None}}, status)


def _not_found() -> Response:
    return _error(404, "OMS007", "Order not found")


def _whole(text: str, name: str, low: int, high: int) -> int:
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise BadBody(f"{name} must be from {low} to {high}")
    return int(text)


def _range(text: str, name: str) -> tuple[datetime | None, datetime | None]:
    if not text:
        return None, None
    match = _RANGE.fullmatch(text)
    if not match or match[1] != name:
        raise BadBody(f"f_{name} must be {name}:[FROM TO TO]")
    ends: list[datetime | None] = []
    for end in match[2], match[3]:
        try:
            moment = None if end == "*" else datetime.fromisoformat(end)
        except ValueError as error:
            raise BadBody(f"f_{name} has a moment that is none") from error
        ends.append(moment.replace(tzinfo=moment.tzinfo or UTC) if moment else None)
    return ends[0], ends[1]


def _full_text(order: Order, web: WebOrder) -> str:
    buyer = order.company.buyers[order.buyer]
    words = (web.order_id, buyer.email, buyer.name, order.establishment.tax_id, buyer.tax_id)
    return " ".join(words).casefold()


def _sorted(orders: list[Order], order_by: str) -> list[Order]:
    name, _, direction = order_by.partition(",")
    if name not in _SORTS or direction not in {"asc", "desc"}:
        raise BadBody("orderBy must be field,asc or field,desc")
    is_reverse = direction == "desc"
    if name == "creationDate":  # as the world keeps them
        return orders[::-1] if is_reverse else orders

    def key(order: Order) -> tuple[int | str, str]:
        web = cast("WebOrder", order.web)
        by: dict[str, int | str] = {"totalValue": web.total, "items": len(order.items)}
        return by.get(name, web.order_id if name == "orderId" else ""), web.order_id

    return sorted(orders, key=key, reverse=is_reverse)


def _stats(orders: list[Order]) -> Json:
    return {
        "totalValue": _figures([order.web.total for order in orders if order.web]),
        "totalItems": _figures([len(order.items) for order in orders]),
    }


def _figures(values: list[int]) -> Json:
    count, total, squares = len(values), sum(values), sum(value * value for value in values)
    mean = total / count if count else 0.0
    variance = max(0.0, squares / count - mean * mean) if count else 0.0
    return {
        "Count": count,
        "Max": max(values, default=0),
        "Mean": mean,
        "Min": min(values, default=0),
        "Missing": 0,
        "StdDev": variance**0.5,
        "Sum": total,
        "SumOfSquares": squares,
        "Facets": {},
    }
