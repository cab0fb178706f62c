"""Pages as a browser gets them the first time: bytes, first paint, shifts, work of the processor.

The whole product runs as in the demo. Each page is opened by a headless Chromium with an empty
cache, a few times, taking turns with a bare static page from a bare server: times are ratios
against it. `phone` is 360 pixels wide, with a processor four times slower. Leaves with 1 when a
page is over its budget.

    python -m benchmarks.pages --runs 5
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from b2b_orders.demo.supervisor import Supervisor, Wishes
from benchmarks.search_by_number import free_port
from erp_bridge.simulators.cast import O1, O8
from tests.guards import find_chromium

# Over the wire, compressed, with all that it asks for: documents, stylesheets and scripts.
MOST_BYTES = 60_000
MOST_SHIFT = 0.02
MOST_REQUESTS = 20
# Against the bare page; up to 12 was measured on a machine busy with other work.
MOST_PAINT = 15.0
# Milliseconds of the main thread until the page is still; of the phone, four times as slow.
MOST_WORK = {"desktop": 400.0, "phone": 1600.0}
COUNTED = ("Document", "Stylesheet", "Script")

BARE = (
    "<!doctype html><html lang=en><title>bare</title><style>body{font:1rem system-ui}</style>"
    "<h1>Orders</h1><table>"
    + "".join(f"<tr><td>{n}<td>2026-03-10<td>R$ 1.000,00" for n in range(50))
    + "</table>"
).encode()
WATCH = """
window.seen = { shift: 0, largest: 0 };
new PerformanceObserver((list) => {
  for (const each of list.getEntries()) if (!each.hadRecentInput) window.seen.shift += each.value;
}).observe({ type: "layout-shift", buffered: true });
new PerformanceObserver((list) => {
  for (const each of list.getEntries()) window.seen.largest = each.startTime;
}).observe({ type: "largest-contentful-paint", buffered: true });
"""
READ = """() => ({
  first: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0,
  largest: window.seen.largest, shift: window.seen.shift,
})"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A page, who opens it, and on what."""

    name: str
    who: str
    path: str
    is_phone: bool = False

    @property
    def device(self) -> str:
        return "phone" if self.is_phone else "desktop"


@dataclass(slots=True)
class Seen:
    """What one opening of a page cost."""

    first: float = 0
    largest: float = 0
    shift: float = 0
    work: float = 0
    requests: int = 0
    sizes: dict[str, int] = field(default_factory=dict)

    @property
    def counted(self) -> int:
        return sum(self.sizes.get(kind, 0) for kind in COUNTED)


PAGES = (
    Wanted("log-in", "", "/accounts/login/"),
    Wanted("list", "ana", "/pedidos"),
    Wanted("search, several", "ana", "/pedidos?q=4500"),
    Wanted("search, nothing", "ana", "/pedidos?q=999999"),
    Wanted("order", "ana", f"/pedidos?q={O1.web_number}"),
    Wanted("order, 1,200 items", "ana", f"/pedidos?q={O8.erp_number}"),
    Wanted("documents", "ana", "/documentos"),
    Wanted("finance", "bruno", "/financeiro"),
    Wanted("people", "rita", "/empresa/pessoas"),
    Wanted("support", "suzana", "/atendimento"),
    Wanted("list", "ana", "/pedidos", is_phone=True),
    Wanted("order", "ana", f"/pedidos?q={O1.web_number}", is_phone=True),
    Wanted("order, 1,200 items", "ana", f"/pedidos?q={O8.erp_number}", is_phone=True),
    Wanted("finance", "bruno", "/financeiro", is_phone=True),
)


class _Bare(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(BARE)))
        self.end_headers()
        self.wfile.write(BARE)

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


@contextmanager
def bare_server() -> Iterator[str]:
    """Serve one static page."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Bare)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()


def sign_in(browser: Browser, url: str, person: dict[str, Any]) -> Any:
    """Sign somebody in and give what the browser then holds."""
    context = browser.new_context(base_url=url)
    page = context.new_page()
    page.goto("/accounts/login/")
    for field_name, value in (("login", person["email"]), ("password", person["password"])):
        page.locator(f"[name={field_name}]").fill(value)
        with page.expect_navigation():
            page.locator(f"[name={field_name}]").press("Enter")
    state = context.storage_state()
    context.close()
    return state


def open_cold(browser: Browser, url: str, state: Any, *, is_phone: bool) -> Seen:
    """Open a page with an empty cache and tell what it cost."""
    context = browser.new_context(
        viewport={"width": 360, "height": 740} if is_phone else {"width": 1366, "height": 768},
        storage_state=state,
        locale="pt-BR",
        # What it keeps for a time without connection comes after the page.
        service_workers="block",
    )
    page = context.new_page()
    page.add_init_script(WATCH)
    seen = Seen()
    session = _watch(page, seen)
    if is_phone:
        session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    page.goto(url, wait_until="networkidle")
    told = page.evaluate(READ)
    seen.first, seen.largest, seen.shift = told["first"], told["largest"], told["shift"]
    metrics = {
        each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]
    }
    seen.work = metrics["TaskDuration"] * 1000
    context.close()
    return seen


def _watch(page: Page, seen: Seen) -> CDPSession:
    """Count what comes over the wire, by kind."""
    session = page.context.new_cdp_session(page)
    kinds: dict[str, str] = {}

    def came(event: dict[str, Any]) -> None:
        kinds[event["requestId"]] = event["type"]

    def ended(event: dict[str, Any]) -> None:
        kind = kinds.get(event["requestId"], "Other")
        seen.requests += 1
        seen.sizes[kind] = seen.sizes.get(kind, 0) + int(event["encodedDataLength"])

    session.on("Network.responseReceived", came)
    session.on("Network.loadingFinished", ended)
    session.send("Network.enable")
    session.send("Performance.enable")
    return session


def measure(
    site: str, people: list[dict[str, Any]], browser: Browser, runs: int
) -> dict[Wanted, list[Seen]]:
    """Open every page so many times, each beside the bare one of its device."""
    states: dict[str, Any] = {"": None}
    found: dict[Wanted, list[Seen]] = {}
    with bare_server() as bare:
        bares = [Wanted("bare", "", bare, is_phone=is_phone) for is_phone in (False, True)]
        for run in range(runs + 1):
            for wanted in (*bares, *PAGES):
                if wanted.who not in states:
                    person = next(each for each in people if each["email"].startswith(wanted.who))
                    states[wanted.who] = sign_in(browser, site, person)
                url = wanted.path if wanted.name == "bare" else site + wanted.path
                seen = open_cold(browser, url, states[wanted.who], is_phone=wanted.is_phone)
                # The first round warms the server.
                if run:
                    found.setdefault(wanted, []).append(seen)
    return found


def report(found: dict[Wanted, list[Seen]]) -> list[str]:
    """Print the table; give what is over its budget."""
    floors = {
        wanted.device: _median(seen, "first")
        for wanted, seen in found.items()
        if wanted.name == "bare"
    }
    print(
        "| page | device | bytes | HTML | CSS | JS | requests | first paint, ms | ratio"
        " | largest, ms | shift | main thread, ms |"
    )
    print("| --- " * 12 + "|")
    over = []
    for wanted, seen in found.items():
        first, floor = _median(seen, "first"), floors[wanted.device]
        sizes = [max(each.sizes.get(kind, 0) for each in seen) for kind in COUNTED]
        most = max(each.counted for each in seen)
        shift = max(each.shift for each in seen)
        requests = max(each.requests for each in seen)
        work = _median(seen, "work")
        print(
            f"| {wanted.name} | {wanted.device} | {most:,} | "
            + " | ".join(f"{size:,}" for size in sizes)
            + f" | {requests} | {first:.0f} | {first / floor:.1f} | {_median(seen, 'largest'):.0f}"
            f" | {shift:.3f} | {work:.0f} |"
        )
        limits = (
            ("bytes", most, MOST_BYTES),
            ("requests", requests, MOST_REQUESTS),
            ("shift", shift, MOST_SHIFT),
            ("first paint", first / floor, MOST_PAINT),
            ("main thread", work, MOST_WORK[wanted.device]),
        )
        over += [
            f"{wanted.name} ({wanted.device}): {what} {value:,.2f}, at most {limit:,}"
            for what, value, limit in limits
            if value > limit
        ]
    return over


def _median(seen: list[Seen], what: str) -> float:
    return statistics.median(getattr(each, what) for each in seen)


def main() -> int:
    """Run the product, open the pages, and say which are over their budget."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        product = Supervisor(Wishes(port=free_port(), orders=300), home=Path(home))
        try:
            product.start()
            browser = playwright.chromium.launch(
                executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu"]
            )
            over = report(measure(product.url, product.state.people, browser, options.runs))
            browser.close()
        finally:
            product.stop()
    print(*over, sep="\n")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
