"""The whole product, running as in `make demo` on a small world, and people at browsers."""

from __future__ import annotations

import gettext
import json
import os
import re
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from email.message import EmailMessage
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
import redis
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

import b2b_orders
from b2b_orders.demo.supervisor import OWNER, Supervisor, Wishes
from b2b_orders.embedded.postgres import DATABASE, PostgresServer
from b2b_orders.embedded.valkey import ValkeyServer
from erp_bridge.simulators.cast import O1
from erp_bridge.simulators.mail import read_mail
from tests.guards import find_chromium

# Of a company without orders, which `tests.screens` makes when it comes to her.
NINA = {"email": "nina@nova.example", "password": "demo-nothing-yet-2026"}
BROWSER_WORDS = [
    *("--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
# `make journeys WIDTH=360` walks all of them on a phone.
WIDTH = int(os.environ.get("PORTAL_JOURNEY_WIDTH") or 1366)
DESKTOP = {"width": WIDTH, "height": 768}
PHONE = {"width": 360, "height": 740}
LANGUAGES = ("pt-BR", "es", "en")
# In which language those go that can: `make journeys LANGUAGE=es`.
LANGUAGE = os.environ.get("PORTAL_JOURNEY_LANGUAGE", "")
LOCALE = LANGUAGE or "pt-BR"
CATALOGUE = gettext.translation(
    "django",
    Path(b2b_orders.__file__).parent / "locale",
    languages=[LOCALE.replace("-", "_")],
)
# What journeys in any language have in common is asked for by one of these.
TONGUES = {"spoken", "any_language"}
# As pages write money and days in the language of the journeys.
MONEY = re.compile(r"R\$\s[\d,]+\.\d\d" if LOCALE == "en" else r"R\$\s[\d.]+,\d\d")
DAY = re.compile(r"\d{1,2}\s[A-Z][a-z]{2}\s20\d\d" if LOCALE == "en" else r"\d\d/\d\d/20\d\d")
# Journeys speak of seconds on a warm server; a browser test on a busy machine allows more.
expect.set_options(timeout=15_000)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what needs a browser; `tests.scheduling` keeps it in one process."""
    item.add_marker(pytest.mark.browser)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a language that was asked for, leave out what reads the words of Portuguese."""
    if not LANGUAGE:
        return
    here = Path(__file__).parent
    read = [
        item
        for item in items
        if here in item.path.parents and not TONGUES & {*getattr(item, "fixturenames", ())}
    ]
    config.hook.pytest_deselected(items=read)
    items[:] = [item for item in items if item not in read]


class QuickSupervisor(Supervisor):
    """The demo, with its clocks wound up so that a test need not wait for them."""

    def environment(self, role: str) -> dict[str, str]:
        return super().environment(role) | {
            "NINA_PASSWORD": NINA["password"],
            "PORTAL_FEED_SECONDS": "2",
            "PORTAL_ERP_SECONDS": "3600",
            "PORTAL_HEALTH_SECONDS": "2",
            "PORTAL_SILENT_SECONDS": "2",
            "PORTAL_NOTICE_SECONDS": "30",
            # A source that has come back is found out sooner; how it is left alone is the same.
            "PORTAL_BREAKER_SECONDS": "8",
            # A test asks faster than a person; guessing is limited as it is in production.
            "PORTAL_LIMIT_PAGES": "3000",
            "PORTAL_LIMIT_SEARCHES": "3000",
            "PORTAL_LIMIT_LOOKUPS": "1000",
            "PORTAL_LIMIT_DOCUMENTS": "3000",
            "PORTAL_LIMIT_EXPORTS": "1000",
            "PORTAL_LIMIT_ADDRESS": "12000",
            "PORTAL_STAFF_ORDERS_AN_HOUR": "20",
        }


@dataclass
class Product:
    """A running portal: where it is, who can sign in, and its sources' behaviour."""

    url: str
    sources: dict[str, str]
    people: list[dict[str, Any]]
    browser: Browser
    home: Path
    supervisor: Supervisor
    sessions: dict[str, Any] = field(default_factory=dict)

    def person(self, email_start: str) -> dict[str, Any]:
        """Find somebody by how their address begins."""
        return next(p for p in self.people if p["email"].startswith(email_start))

    def control(self, source: str, what: str, body: dict[str, Any] | None = None) -> Any:
        """Tell a simulator how to behave, or give it an order."""
        request = urllib.request.Request(
            f"{self.sources[source]}/_control/{what}",
            data=json.dumps(body or {}).encode(),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or b"null")

    def change_order(self, erp_number: str, **told: Any) -> Any:
        """Change an order in the ERP: status, boletos, files; see `simulators.control`."""
        return self.control("erp", "orders", {"erp_number": erp_number, **told})

    def pay_boleto(self, erp_number: str, instalment: int, on: date | None = None) -> None:
        """Have a boleto paid, today unless told; the portal has not heard of it yet."""
        self.change_order(erp_number, paid={str(instalment): on and str(on)})

    def unpay_boleto(self, erp_number: str, instalment: int) -> None:
        """Take a payment back, for the sake of the next test."""
        self.change_order(erp_number, unpaid=[instalment])

    def reissue_boleto(self, erp_number: str, instalment: int, due: date) -> None:
        """Have a boleto issued anew with another due date, in place of the former one."""
        self.change_order(erp_number, reissued={str(instalment): str(due)})

    def publish(self, erp_number: str, *names: str) -> None:
        """Let files appear that the ERP did not have yet (`nfe-1002-1.xml`)."""
        self.change_order(erp_number, published=list(names))

    def withhold(self, erp_number: str, *names: str) -> None:
        """Let files disappear from the ERP's list."""
        self.change_order(erp_number, withheld=list(names))

    def cancel_invoice(self, erp_number: str, label: str, on: date | None = None) -> None:
        """Cancel an invoice (`1002/1`), which cannot be undone."""
        self.change_order(erp_number, cancelled={label: on and str(on)})

    def mails(self, to: str = "") -> list[EmailMessage]:
        """List the mail to an address that begins so, newest first."""
        return [one for one in read_mail(self.home / "mail") if str(one["to"]).startswith(to)]

    def await_mail(self, to: str, subject: str, count: int = 1) -> EmailMessage:
        """Wait for the mail to an address that has this in its subject; give the newest."""
        for _ in range(120):
            found = [one for one in self.mails(to) if subject in str(one["subject"])]
            if len(found) >= count:
                return found[0]
            time.sleep(0.5)
        pytest.fail(f"no mail to {to} about {subject}")

    def open_database(self) -> psycopg.Connection[Any]:
        """Connect as the owner, for what no page can make: time that passes, above all."""
        sockets = PostgresServer(self.home / "postgres").sockets
        return psycopg.connect(host=str(sockets), user=OWNER, dbname=DATABASE)

    def audit_lines(self, action: str, object_id: str) -> list[dict[str, Any]]:
        """Read the record of what was done with something, oldest first."""
        return self._lines("a.action = %s AND a.object_id = %s", [action, object_id])

    def acting_lines(self, action: str) -> list[dict[str, Any]]:
        """Read the record of acting for companies, oldest first."""
        return self._lines("a.action = %s AND a.object_kind = 'acting'", [action])

    def _lines(self, wanted: LiteralString, values: list[str]) -> list[dict[str, Any]]:
        with self.open_database() as database:
            rows = database.execute(
                "SELECT a.at, a.address::text, a.detail, p.email, a.reason, c.name"
                " FROM audit_auditevent a LEFT JOIN accounts_person p ON p.id = a.person_id"
                " LEFT JOIN companies_company c ON c.id = a.company_id"
                f" WHERE {wanted} ORDER BY a.at, a.id",
                values,
            ).fetchall()
        names = ("at", "address", "detail", "person", "reason", "company")
        return [dict(zip(names, row, strict=True)) for row in rows]

    def pause_mail(self, to: str, *, hours: int) -> None:
        """Say when somebody's last mail with news went: hours from now, which holds the next."""
        with self.open_database() as database:
            database.execute(
                "INSERT INTO notifications_notificationchoice"
                " (person_id, mailed_at, changed_at, rhythm, daily_at, without)"
                " SELECT id, now() + make_interval(hours => %(hours)s), now(),"
                " 'at_once', 8, '[]'::jsonb"
                " FROM accounts_person WHERE email LIKE %(to)s"
                " ON CONFLICT (person_id) DO UPDATE SET mailed_at = excluded.mailed_at",
                {"hours": hours, "to": f"{to}%"},
            )

    def let_look_ups_pass(self) -> None:
        """Let the time pass in which a number is not looked for again."""
        with self.open_database() as database:
            database.execute("UPDATE ingest_lookup SET asked_at = asked_at - interval '1 minute'")

    def await_news(self, to: str, orders: int) -> None:
        """Wait until somebody is still to be told of so many orders."""
        for _ in range(120):
            with self.open_database() as database:
                row = database.execute(
                    "SELECT count(DISTINCT n.order_id) FROM notifications_notice n"
                    " JOIN accounts_person p ON p.id = n.person_id"
                    " WHERE n.told_at IS NULL AND p.email LIKE %s",
                    [f"{to}%"],
                ).fetchone()
            if row == (orders,):
                return
            time.sleep(0.5)
        pytest.fail(f"{to} is to be told of {row}, not {orders}")

    def files_of_the_erp(self, erp_number: str, customer_id: int) -> dict[str, bytes]:
        """Take an order's files straight from the ERP, as its own gateway hands them out."""
        ask = {"Authorization": "Bearer demo-erp-token"}
        address = (
            f"{self.sources['erp']}/api/v1/ArquivosPedido/?pedidoErpId={erp_number}"
            f"&revendaId={customer_id}"
        )
        with urllib.request.urlopen(urllib.request.Request(address, headers=ask)) as answer:
            entries = json.load(answer)["itens"]
        files = {}
        for entry in entries:
            file = urllib.request.Request(entry["url"], headers=ask)
            with urllib.request.urlopen(file, timeout=10) as answer:
                files[entry["url"].rpartition("/")[2].partition("?")[0]] = answer.read()
        return files

    @contextmanager
    def file_fault(self, mode: str, kind: str = "", **how: Any) -> Iterator[None]:
        """Make the ERP's files misbehave for a block; of one kind alone (`boleto`, `nfe`)."""
        route = f"file/{kind}" if kind else "file"
        self.control("erp", "faults", {"route": route, "mode": mode, **how})
        try:
            yield
        finally:
            self.control("erp", "faults", {"route": route, "mode": "none"})

    @contextmanager
    def fault(self, source: str, mode: str, route: str = "*", **how: Any) -> Iterator[None]:
        """Make a source misbehave for the length of a block."""
        self.control(source, "faults", {"route": route, "mode": mode, **how})
        try:
            if mode == "dead":
                self.await_state(source, "down")
            yield
        finally:
            self.control(source, "reset")
            self.await_state(source, "ok")

    def await_feed(self) -> None:
        """Wait until the portal has taken in and confirmed all that the site told."""
        for _ in range(120):
            with urllib.request.urlopen(f"{self.sources['vtex']}/_control/feed") as answer:
                left = json.load(answer)["quantity"]
            if left == 0:
                return
            time.sleep(0.5)
        pytest.fail(f"{left} events stay in the feed")

    def await_state(self, source: str, state: str) -> None:
        """Wait until the portal knows how a source does."""
        with self.open_browser("ana") as context:
            for _ in range(120):
                answer = context.request.get("/api/v1/orders", params={"number": O1.web_number})
                states = {
                    each["connection"]: each["state"]
                    for each in answer.json()["results"][0]["sources"]
                }
                if states[source] == state:
                    return
                time.sleep(0.5)
        pytest.fail(f"{source} is {states[source]}, not {state}")

    def open_browser(self, who: str = "", **options: Any) -> BrowserContext:
        """Open a browser of its own; with a person, one that has signed in."""
        # Nothing is kept for a time without connection but where a journey is about that.
        usual = {"viewport": DESKTOP, "locale": LOCALE, "service_workers": "block"}
        options = usual | options
        if who and who not in self.sessions:
            context = self.browser.new_context(base_url=self.url, **options)
            self.sign_in(context.new_page(), who)
            self.sessions[who] = context.storage_state()
            context.close()
        state = self.sessions.get(who)
        return self.browser.new_context(base_url=self.url, storage_state=state, **options)

    def sign_in(self, page: Page, who: str) -> None:
        """Sign somebody in through the form."""
        page.goto("/accounts/login/")
        self.fill_in(page, who)

    def fill_in(self, page: Page, who: str) -> None:
        """Give address and password to the log-in page that somebody was led to."""
        person = self.person(who)
        page.locator("[name=login]").fill(person["email"])
        page.locator("[name=login]").press("Enter")
        page.locator("[name=password]").fill(person["password"])
        page.locator("[name=password]").press("Enter")
        page.wait_for_url(re.compile(r"^(?!.*accounts/login).*$"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _welcome_everybody(home: Path) -> None:
    """Close everybody's first steps: whose journey they are opens them anew."""
    sockets = PostgresServer(home / "postgres").sockets
    with psycopg.connect(host=str(sockets), user=OWNER, dbname=DATABASE) as database:
        database.execute("UPDATE accounts_person SET welcomed_at = now()")


@contextmanager
def running_product(home: Path) -> Iterator[Product]:
    """Run the product in a directory, with a browser."""
    supervisor = QuickSupervisor(Wishes(port=_free_port(), orders=300), home=home)
    try:
        supervisor.start()
        _welcome_everybody(supervisor.state.directory)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=find_chromium(),
                args=BROWSER_WORDS + (["--no-sandbox"] if os.geteuid() == 0 else []),
            )
            yield Product(
                url=supervisor.url,
                sources=supervisor.source_urls,
                people=supervisor.state.people,
                browser=browser,
                home=supervisor.state.directory,
                supervisor=supervisor,
            )
            browser.close()
    finally:
        supervisor.stop()


@pytest.fixture(scope="package")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with running_product(tmp_path_factory.mktemp("demo")) as running:
        yield running


@pytest.fixture(params=[LANGUAGE] if LANGUAGE else ["es", "en"])
def spoken(request: pytest.FixtureRequest) -> str:
    """Say in which language a journey goes that knows no words."""
    return str(request.param)


@pytest.fixture
def language_ends(product: Product) -> Iterator[None]:
    """Let everybody speak their browser's language again, for the sake of the next test."""
    yield
    with product.open_database() as database:
        database.execute("UPDATE accounts_person SET language = ''")


@pytest.fixture
def any_language() -> None:
    """Mark a journey that takes its words from the catalogue, by `say`."""


@pytest.fixture
def limits_end(product: Product) -> Iterator[None]:
    """Give everybody back what they may ask, for the sake of the next test."""
    yield
    cache = redis.Redis.from_url(ValkeyServer(product.home / "valkey").cache_url)
    if keys := cache.keys("*limit:*"):
        cache.delete(*keys)
    cache.close()


@pytest.fixture
def page_of(product: Product) -> Iterator[Any]:
    """Open pages of signed-in people; a script blocked by our own policy fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_page(who: str, **options: Any) -> Page:
        context = product.open_browser(who, **options)
        contexts.append(context)
        page = context.new_page()
        page.on(
            "console",
            lambda message: (
                complaints.append(message.text)
                if "Content Security Policy" in message.text
                else None
            ),
        )
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def say(text: str, many: int | None = None, /, **values: object) -> str:
    """Give what the product says for an English text, in the language of the journeys."""
    if many is None:
        said = CATALOGUE.gettext(text)
    else:
        said = CATALOGUE.ngettext(text, text, many)
        values = {"count": many} | values
    return said % values if values else said


def saying(text: str, *, many: str = "", **values: str) -> re.Pattern[str]:
    """Give a pattern of what the product says, whose values are patterns themselves.

    `many` is the text for more than one, where that is meant.
    """
    said = CATALOGUE.ngettext(text, many, 2) if many else CATALOGUE.gettext(text)
    pattern = re.escape(said)
    for name, value in values.items():
        pattern = pattern.replace(re.escape(f"%({name})s"), value)
    return re.compile(pattern)


def search(page: Page, text: str, path: str = "/pedidos") -> None:
    """Type into the one box and press Enter."""
    page.goto(path)
    page.locator("#q").fill(text)
    # The address may change while one types, which is not yet the page that was asked for.
    with page.expect_event("load"):
        page.locator("#q").press("Enter")
    # A key that is pressed at once would come before what listens to it.
    page.wait_for_load_state("load")


def speak(page: Page, language: str) -> None:
    """Choose a language in the page's menu."""
    page.locator(".language summary").click()
    with page.expect_navigation():
        page.locator(f".language button[lang='{language}']").click()


def is_phone(page: Page) -> bool:
    """Say whether a page is as narrow as those whose places lie elsewhere."""
    size = page.viewport_size
    return size is not None and size["width"] <= 640


def open_filter(page: Page, name: str) -> None:
    """Open one of a list's filters: on a phone they lie in a sheet, which is opened first."""
    if is_phone(page) and not page.locator(".whole-body").is_visible():
        page.locator("[data-filters] > summary").click()
    page.locator(f"[data-filter={name}] summary").click()


def leave_filters(page: Page) -> None:
    """Go back to the list behind the filters, which only a phone covers."""
    if is_phone(page) and page.locator(".whole-body").is_visible():
        page.locator("[data-close-filters]").click()


def api_order(page: Page, number: str, **params: str) -> dict[str, Any]:
    """Ask the API for the one order with a number."""
    answer = page.request.get("/api/v1/orders", params={"number": number, **params})
    assert answer.status == 200, answer.text()
    results = answer.json()["results"]
    assert len(results) == 1, results
    detail = page.request.get(f"/api/v1/orders/{results[0]['id']}", params=params)
    assert detail.status == 200, detail.text()
    return detail.json() | {"portal_path": results[0]["url"]}
