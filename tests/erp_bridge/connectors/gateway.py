"""A source on a real socket that answers as a test tells it, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: str
    body: object
    headers: dict[str, str]

    @property
    def params(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.query).items()}


@dataclass(frozen=True)
class Told:
    """An answer. `cut` announces more bytes than are sent; `seconds` is waited before."""

    body: object = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json; charset=utf-8"
    seconds: float = 0.0
    cut: int = 0

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return b"" if self.body is None else json.dumps(self.body, ensure_ascii=False).encode()


Answering = Callable[[Asked], Told]


class Gateway:
    """`answer` is what the source does; replace it to make it fail."""

    def __init__(self, answer: Answering) -> None:
        self.answer = answer
        self.log: list[Asked] = []
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                raw = self.rfile.read(length)
                parts = urlsplit(self.path)
                asked = Asked(
                    self.command,
                    parts.path,
                    parts.query,
                    json.loads(raw) if raw else None,
                    {name.lower(): value for name, value in self.headers.items()},
                )
                gateway.log.append(asked)
                self.tell(gateway.answer(asked))

            def tell(self, told: Told) -> None:
                time.sleep(told.seconds)
                try:
                    self.send_response(told.status)
                    self.send_header("Content-Type", told.content_type)
                    self.send_header("Content-Length", str(len(told.content) + told.cut))
                    for name, value in told.headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(told.content)
                except OSError:
                    self.close_connection = True
                if told.cut:
                    self.close_connection = True

            do_GET = do_POST = handle_any  # noqa: N815 http.server looks for these names

            def log_message(self, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
