"""A small HTTP/1.1 server with a switchboard: faults by route, a log, and control calls.

Every simulator answers under `/_control/`:

    POST /_control/faults   {"route": "order", "mode": "slow", "seconds": 8, "times": 3}
    GET  /_control/faults   the faults in force
    POST /_control/reset    forget faults, log and counts
    GET  /_control/log      the last requests, without their secrets
    GET  /_control/counts   how many requests of each route met which fault, or none
    POST /_control/orders   add or change an order, or many: {"orders": [{...}, ...]}

Modes: `slow` (wait, then answer), `dead` (break the connection), `error` (a status, 500
unless told), `html` (a web page with status 200), `truncated` (half of the body),
`drip` (one byte, then `seconds` of silence, and so on), `throttled` (429 with
`Retry-After`), `wrong_company` (somebody else's order), `bad_token` (401), `endless` (a body
without an end), `redirect` (302 to `location`, an internal address unless told), `storm` (some
of these, by chance), `none` (remove the route's faults). `seconds` delays any of them;
`times` ends one after so many.

A storm throws dice for each request, the same ones for the same `seed`:

    {"route": "*", "mode": "storm", "seed": 7, "seconds": 1,
     "chances": {"slow": 0.05, "throttled": 0.01, "error": 0.02, "html": 0.01,
                 "truncated": 0.01, "dead": 0.01}}

A `slow` one waits up to `seconds`, a `throttled` one names 1 or 2 seconds, an `error` is
500, 502 or 503; what no chance takes is answered well.
"""

from __future__ import annotations

import contextlib
import json
import socket
import socketserver
import struct
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from erp_bridge.simulators.faults import BadBody, Cut, Fault, Faults, Json, LogEntry, Mode
from erp_bridge.simulators.world import World

JSON_TYPE = "application/json; charset=utf-8"
HTML_PAGE = (
    b"<!DOCTYPE html><html><head><title>Erro</title></head><body><h1>Servi\xc3\xa7o "
    b"indispon\xc3\xadvel</h1><p>Tente mais tarde.</p></body></html>"
)
MAX_BODY = 5_000_000
_MORE = b" " * 65_536
_SECRET_HEADERS = frozenset({"authorization", "x-vtex-api-apptoken", "cookie"})
_REASONS = {
    200: "OK", 201: "Created", 204: "No Content", 302: "Found",
    400: "Bad Request", 401: "Unauthorized",
    403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 409: "Conflict",
    411: "Length Required", 413: "Content Too Large", 429: "Too Many Requests",
    500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable",
    504: "Gateway Timeout",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names are in lower case, `query` keeps the last of each name."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Json:
        """Read the body as a JSON object; `BadBody` when it is none."""
        try:
            read = json.loads(self.body or b"{}")
        except ValueError as error:
            raise BadBody("the body is not JSON") from error
        if not isinstance(read, dict):
            raise BadBody("the body is not a JSON object")
        return cast("Json", read)


@dataclass(frozen=True, slots=True)
class Response:
    """One answer."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON_TYPE
    headers: tuple[tuple[str, str], ...] = ()


def json_response(payload: object, status: int = 200) -> Response:
    """Answer with JSON."""
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return Response(status, text.encode())


class Simulator:
    """What both simulators share. Start it, use `url`, stop it; or use `with`."""

    # Names by which faults are set.
    routes: frozenset[str] = frozenset()

    def __init__(self, world: World, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.world = world
        self.faults = Faults(self.routes)
        self.log: deque[LogEntry] = deque(maxlen=2_000)
        # How often each route met each fault, "" for none.
        self.counts: Counter[tuple[str, str]] = Counter()
        self._counting = threading.Lock()
        # Told of each order added or changed by hand: what was asked, and what was made up.
        self.on_control: list[Callable[[Json], None]] = []
        self.controls: dict[tuple[str, str], Callable[[Request], object]] = {
            ("GET", "log"): lambda _: [entry.describe() for entry in list(self.log)],
            ("GET", "counts"): self._counted,
            ("GET", "faults"): self._active_faults,
            ("POST", "faults"): self._set_fault,
            ("POST", "reset"): self._told_to_reset,
            ("POST", "orders"): lambda request: self._control_orders(request.json()),
        }
        # Pages for people, by path: no source has them, so they are neither logged nor faulty.
        self.pages: dict[str, Callable[[Request], Response]] = {}
        self._server = _Server((host, port), self)
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The base address."""
        host, port = cast("tuple[str, int]", self._server.server_address[:2])
        return f"http://{host}:{port}"

    def start(self) -> Self:
        """Serve in threads of their own."""
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving and break open connections."""
        self.faults.clear()
        if self._thread:
            self._server.shutdown()
            self._thread.join()
            self._thread = None
        self._server.server_close()
        self._server.break_connections()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- for tests in the same process --------------------------------------------

    def fault(self, route: str, mode: Mode, **settings: float | str) -> None:
        """Put a fault in force, as `POST /_control/faults` does."""
        self.faults.set(self.faults.read({"route": route, "mode": mode, **settings}))

    def reset(self) -> None:
        """Forget faults, log and counts."""
        self.faults.clear()
        self.log.clear()
        with self._counting:
            self.counts.clear()

    def requests(self, route: str) -> list[LogEntry]:
        """List the logged requests of a route, oldest first."""
        return [entry for entry in self.log if entry.route == route]

    # --- what a simulator defines ----------------------------------------------------

    def route_of(self, request: Request) -> str:
        """Name a request's route; empty when there is nothing at that path."""
        raise NotImplementedError

    def fault_routes(self, route: str, request: Request) -> tuple[str, ...]:  # noqa: ARG002
        """Name the routes whose faults a request meets, the narrowest first."""
        return (route,)

    def answer(self, route: str, request: Request) -> Response:
        """Answer a request that no fault met."""
        raise NotImplementedError

    def answer_wrong_company(self, route: str, request: Request) -> Response:
        """Answer with another company's data, as a source that ignores its filter does."""
        raise NotImplementedError

    def unauthorized(self) -> Response:
        """Refuse a token."""
        raise NotImplementedError

    def control_orders(self, told: Json) -> Json:
        """Add or change an order."""
        raise NotImplementedError

    # --- one request ---------------------------------------------------------------

    def handle(self, request: Request) -> Outcome:
        """Decide what one request gets, and log it."""
        if request.path.startswith("/_control/"):
            return Outcome(self._control(request))
        if page := self.pages.get(request.path):
            return Outcome(page(request))
        route = self.route_of(request)
        entry = LogEntry(
            at=time.time(),
            route=route,
            method=request.method,
            path=request.path,
            query=request.query,
            headers={
                name: "***" if name in _SECRET_HEADERS else value
                for name, value in request.headers.items()
            },
            body=request.body[:2_000].decode("utf-8", "replace"),
        )
        self.log.append(entry)
        fault = self.faults.strike(*self.fault_routes(route, request)) if route else None
        with self._counting:
            self.counts[route, fault.mode if fault else ""] += 1
        outcome = self._faulty(fault, route, request) if fault else self._sound(route, request)
        entry.status = 0 if outcome.cut == "all" else outcome.response.status
        entry.fault = fault.mode if fault else ""
        return outcome

    def _sound(self, route: str, request: Request) -> Outcome:
        if not route:
            return Outcome(Response(404, b"Not Found", "text/plain"))
        return Outcome(self.answer(route, request))

    def _faulty(self, fault: Fault, route: str, request: Request) -> Outcome:
        if fault.seconds and fault.mode != "drip":
            self.faults.changed.wait(fault.seconds)
        if fault.mode in {"slow", "truncated", "drip"}:
            drip = (fault.seconds or 1.0) if fault.mode == "drip" else 0.0
            cut: Cut = "half" if fault.mode == "truncated" else ""
            return Outcome(self.answer(route, request), cut, drip)
        if fault.mode == "dead":
            return Outcome(Response(), cut="all")
        if fault.mode == "endless":
            return Outcome(self.answer(route, request), is_endless=True)
        return Outcome(self._substitute(fault, route, request))

    def _substitute(self, fault: Fault, route: str, request: Request) -> Response:
        match fault.mode:
            case "wrong_company":
                return self.answer_wrong_company(route, request)
            case "bad_token":
                return self.unauthorized()
            case "html":
                return Response(fault.status or 200, HTML_PAGE, "text/html; charset=utf-8")
            case "redirect":
                return Response(fault.status or 302, headers=(("Location", fault.location),))
            case "throttled":
                after = (("Retry-After", fault.retry_after),) if fault.retry_after else ()
                return Response(fault.status or 429, b"{}", headers=after)
        return json_response({"message": "Erro interno"}, fault.status or 500)

    def _control(self, request: Request) -> Response:
        try:
            return json_response(self._controlled(request))
        except BadBody as error:
            return json_response({"error": str(error)}, 400)

    def _controlled(self, request: Request) -> object:
        call = self.controls.get((request.method, request.path.removeprefix("/_control/")))
        if call is None:
            raise BadBody("no such control call")
        return call(request)

    def _active_faults(self, _request: Request) -> list[Json]:
        return [fault.describe() for fault in list(self.faults.active.values())]

    def _set_fault(self, request: Request) -> list[Json]:
        self.faults.set(self.faults.read(request.json()))
        return self._active_faults(request)

    def _told_to_reset(self, _request: Request) -> Json:
        self.reset()
        return {}

    def _counted(self, _request: Request) -> list[Json]:
        with self._counting:
            counted = sorted(self.counts.items())
        return [
            {"route": route, "fault": fault, "requests": requests}
            for (route, fault), requests in counted
        ]

    def _control_orders(self, told: Json) -> Json:
        many = told.get("orders")
        if isinstance(many, list):
            return {"orders": [self._control_orders(one) for one in cast("list[Json]", many)]}
        answer = self.control_orders(told)
        for listener in self.on_control:
            listener({**told, **answer})
        return answer


@dataclass(frozen=True, slots=True)
class Outcome:
    """What goes over the wire: an answer, whole, cut short, in drips, or without an end."""

    response: Response
    cut: Cut = ""
    drip: float = 0.0
    is_endless: bool = False


class _Handler(socketserver.StreamRequestHandler):
    """Reads requests of one connection until it ends."""

    disable_nagle_algorithm = True
    # Whole answers are written at once, so that no packet waits for another.
    wbufsize = 0
    server: _Server

    def handle(self) -> None:
        """Answer request after request."""
        with contextlib.suppress(OSError):
            while self._one():
                pass

    def _one(self) -> bool:
        line = self.rfile.readline(70_000)
        while line == b"\r\n":
            line = self.rfile.readline(70_000)
        words = line.decode("latin-1").split()
        if len(words) != 3:
            return False
        headers = self._headers()
        try:
            length = int(headers.get("content-length", "0"))
        except ValueError:
            length = -1
        if not 0 <= length <= MAX_BODY or "transfer-encoding" in headers:
            self._write(Response(411 if length <= MAX_BODY else 413), keep=False)
            return False
        method, target, _ = words
        parts = urlsplit(target)
        request = Request(
            method=method,
            path=unquote(parts.path),
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers=headers,
            body=self.rfile.read(length) if length else b"",
        )
        keep = headers.get("connection", "").lower() != "close"
        return self._send(self.server.simulator.handle(request), keep=keep)

    def _headers(self) -> dict[str, str]:
        headers = {}
        while (line := self.rfile.readline(70_000)) not in {b"\r\n", b"\n", b""}:
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        return headers

    def _send(self, outcome: Outcome, *, keep: bool) -> bool:
        if outcome.cut == "all":
            # A reset, as a machine that went away answers.
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.request.close()
            return False
        if outcome.cut == "half":
            head, body = _head(outcome.response, keep=False), outcome.response.body
            self.request.sendall(head + body[: len(body) // 2])
            return False
        if outcome.drip:
            self._drip(outcome)
            return False
        if outcome.is_endless:
            self._pour(outcome)
            return False
        self._write(outcome.response, keep=keep)
        return keep

    def _write(self, response: Response, *, keep: bool) -> None:
        self.request.sendall(_head(response, keep=keep) + response.body)

    def _drip(self, outcome: Outcome) -> None:
        changed = self.server.simulator.faults.changed
        self.request.sendall(_head(outcome.response, keep=False))
        for at in range(len(outcome.response.body)):
            self.request.sendall(outcome.response.body[at : at + 1])
            if changed.wait(outcome.drip):
                return

    def _pour(self, outcome: Outcome) -> None:
        """Send an answer and then more and more, until nobody listens or the fault is over."""
        changed = self.server.simulator.faults.changed
        self.request.sendall(_head(outcome.response, keep=False, has_length=False))
        self.request.sendall(outcome.response.body)
        while not changed.is_set():
            self.request.sendall(_MORE)


def _head(response: Response, *, keep: bool, has_length: bool = True) -> bytes:
    length = [f"Content-Length: {len(response.body)}"] if has_length else []
    lines = [
        f"HTTP/1.1 {response.status} {_REASONS.get(response.status, 'Unknown')}",
        f"Content-Type: {response.content_type}",
        *length,
        f"Connection: {'keep-alive' if keep else 'close'}",
        *(f"{name}: {value}" for name, value in response.headers),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class _Server(socketserver.ThreadingTCPServer):
    """Keeps its connections in hand, so that stopping ends them too."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], simulator: Simulator) -> None:
        self.simulator = simulator
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(address, _Handler)

    def process_request(self, request: object, client_address: object) -> None:
        """Note a new connection and serve it in a thread."""
        with self._guard:
            self._open.add(cast("socket.socket", request))
        super().process_request(request, client_address)  # type: ignore[arg-type] # typeshed's private alias

    def shutdown_request(self, request: object) -> None:
        """Forget a connection that ended."""
        with self._guard:
            self._open.discard(cast("socket.socket", request))
        super().shutdown_request(request)  # type: ignore[arg-type] # typeshed's private alias

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay silent about a client that hung up, loud about a defect of ours."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type] # typeshed's private alias

    def break_connections(self) -> None:
        """Close what is still open."""
        with self._guard:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._open.clear()
