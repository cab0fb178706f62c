"""Going from screen to screen in a running product, and looking at each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from babel.messages.pofile import read_po
from playwright.sync_api import BrowserContext, ConsoleMessage, Page
from playwright.sync_api import Error as PlaywrightError

from erp_bridge.simulators import cast, numbers
from tests.journeys.conftest import NINA, Product
from tests.screens.states import STEPS, WORLDS, choose_alfa
from tests.screens.table import Screen

ROOT = Path(__file__).resolve().parents[2]
WIDTHS = {1366: 768, 360: 740}
THEMES = ("light", "dark")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CONFIRM = "/accounts/reauthenticate/"
# A page of 1280 pixels at 400 % (WCAG 1.4.10).
NARROWEST = 320


@dataclass
class Walk:
    """Somebody at a browser in one language."""

    product: Product
    language: str
    contexts: dict[str, BrowserContext] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)

    def open(self, screen: Screen) -> Page:
        """Open a screen and do there what makes its state."""
        page = self._context(screen.who).new_page()
        page.said = []  # type: ignore[attr-defined] # ours, read by `faults`
        page.on("console", partial(_hear, page, screen.status))
        page.on("pageerror", lambda error: page.said.append(str(error)))  # type: ignore[attr-defined]
        page.set_viewport_size({"width": 1366, "height": 768})
        page.set_default_timeout(15_000)
        try:
            address = self.address(screen.path)
            answer = page.goto(address)
            if CONFIRM in page.url and CONFIRM not in address:
                # A log-in is fresh for minutes, and a walk goes on for longer.
                page.locator("[name=password]").fill(self.product.person(screen.who)["password"])
                with page.expect_navigation():
                    page.locator("[name=password]").press("Enter")
            if urlsplit(page.url).path != urlsplit(address).path:
                page.said.append(f"came to {page.url}")  # type: ignore[attr-defined]
            for step in screen.acts:
                STEPS[step](page)
        except PlaywrightError as error:
            page.said.append(f"never got there: {error}")  # type: ignore[attr-defined]
            return page
        if answer is None or answer.status != screen.status:
            page.said.append(f"answered {answer and answer.status}")  # type: ignore[attr-defined]
        return page

    def _context(self, who: str) -> BrowserContext:
        if who not in self.contexts:
            if who == "nina":
                hire_nina(self.product)
            self.contexts[who] = self.product.open_browser(who, locale=self.language)
            if who == "suzana":
                self._act()
        return self.contexts[who]

    def _act(self) -> None:
        """Act for Alfa; what is open in one tab is for the others, too."""
        page = self.contexts["suzana"].new_page()
        page.goto("/atendimento?q=PO-2026%2F0815")
        choose_alfa(page)
        page.locator("#reason").fill("chamado 8812")
        with page.expect_navigation():
            page.locator("#reason").press("Enter")
        assert "/c/" in page.url, page.url
        page.close()

    def address(self, path: str) -> str:
        """Fill a path with what its names stand for."""
        return re.sub(r"\{([\w.]+)\}", lambda found: self._named(found[1]), path)

    def _named(self, name: str) -> str:
        if name not in self.known:
            self.known[name] = find(self.product, name)
        return self.known[name]

    def end(self) -> None:
        """Close the browsers."""
        for context in self.contexts.values():
            context.close()


def walk(
    product: Product, language: str, screens: tuple[Screen, ...]
) -> Iterator[tuple[Screen, Page]]:
    """Open each screen, those that need the same of the world one after the other."""
    going = Walk(product, language)
    try:
        for needs in dict.fromkeys(screen.needs for screen in screens):
            with WORLDS[needs](product) if needs else nullcontext():
                for screen in screens:
                    if screen.needs == needs:
                        page = going.open(screen)
                        yield screen, page
                        page.close()
    finally:
        going.end()


def _hear(page: Page, status: int, message: ConsoleMessage) -> None:
    # The browser says so of every page that is not there, and of forms that are refused; what
    # is asked for is in the table.
    is_status = re.search(f"responded with a status of (4|{status})", message.text)
    if message.type == "error" and not (is_status and message.location.get("url") == page.url):
        page.said.append(f"console: {message.text}")  # type: ignore[attr-defined]


# --- what names stand for -------------------------------------------------------------------

_ORDER: LiteralString = (
    "SELECT o.public_id FROM orders_order o JOIN orders_ordernumber n ON n.order_id = o.id"
    " WHERE n.written = %s"
)
_DOCUMENT: LiteralString = (
    "SELECT d.public_id FROM documents_document d JOIN orders_sourcerecord r ON r.id = d.record_id"
    " JOIN orders_ordernumber n ON n.order_id = r.order_id WHERE n.written = %s AND d.kind = %s"
    " ORDER BY d.title_state = 'open' DESC, d.id DESC"
)
_OTHERS: dict[str, tuple[LiteralString, str]] = {
    "company": ("SELECT public_id FROM companies_company WHERE name LIKE %s", "Alfa %"),
    "person": ("SELECT public_id FROM accounts_person WHERE email = %s", "bruno@alfa.example"),
    "staff": ("SELECT public_id FROM accounts_person WHERE email = %s", "suzana@seller.example"),
    "wish": ("SELECT public_id FROM companies_joinrequest WHERE email = %s", "joel@alfa.example"),
}


def find(product: Product, name: str) -> str:
    """Look up what stands for a name in an address."""
    with product.open_database() as database:
        if name in _OTHERS:
            sql, value = _OTHERS[name]
            found = database.execute(sql, [value]).fetchone()
        else:
            order, _, kind = name.partition(".")
            facts = getattr(cast, order)
            values = [facts.web_number or facts.erp_number, *([kind] if kind else [])]
            found = database.execute(_DOCUMENT if kind else _ORDER, values).fetchone()
    assert found is not None, name
    return str(found[0])


def hire_nina(product: Product) -> None:
    """Make a company that has no orders yet, and its one person."""
    if NINA in product.people:
        return
    tax_id = numbers.cnpj_with_digits("112223330001")
    for command in (
        ("add_company", "--name", "Nova", "--tax-id", tax_id),
        (
            "add_person",
            "--email",
            NINA["email"],
            "--name",
            "Nina Alves",
            "--company",
            "Nova",
            "--role",
            "admin",
            "--whole-company",
            "--password-env",
            "NINA_PASSWORD",
        ),
    ):
        child = product.supervisor.manage(command[0], *command, role="b2b_owner")
        child.wait(seconds=60)
    product.people.append(NINA)


# --- what is wrong with a page ----------------------------------------------------------------


@cache
def untranslated(language: str) -> frozenset[str]:
    """List the texts of the source that this language words otherwise."""
    path = ROOT / "b2b_orders/locale" / language.replace("-", "_") / "LC_MESSAGES/django.po"
    with path.open("rb") as file:
        catalog = read_po(file)
    words = {text for message in catalog for text in _texts(message.string)}
    source = {text for message in catalog if message.id for text in _texts(message.id)}
    return frozenset(text for text in source - words if "%(" not in text)


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


# What is written or said, without what is in a language of its own.
_SAID = """() => {
  const found = [];
  const mine = document.documentElement.lang;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (element.closest("script, style, code, kbd")) continue;
    if (element.closest("[lang]").lang !== mine) continue;
    found.push(walker.currentNode.textContent.trim().replace(/\\s+/g, " "));
  }
  for (const name of ["aria-label", "title", "placeholder", "alt"])
    for (const element of document.querySelectorAll(`[${name}]`))
      found.push(element.getAttribute(name));
  return [document.title, ...found].filter(Boolean);
}"""


def faults(page: Page, screen: Screen, language: str) -> list[str]:
    """List what no page may have, however wide or dark it is."""
    found = list(page.said)  # type: ignore[attr-defined]
    headings = page.locator("h1:visible").count()
    if headings != 1:
        found.append(f"{headings} headings of the first level")
    if page.locator("html").get_attribute("lang") != language.lower():
        found.append(f"lang is {page.locator('html').get_attribute('lang')}")
    if not re.match(r"\S.* · \S", page.title()):
        found.append(f"the title is {page.title()!r}")
    if language != "en":
        known = untranslated(language)
        found += [f"not translated: {text}" for text in page.evaluate(_SAID) if text in known]
    page.set_viewport_size({"width": NARROWEST, "height": 640})
    width = page.evaluate("document.documentElement.scrollWidth")
    if width > NARROWEST:
        found.append(f"{width} pixels wide on a screen of {NARROWEST}")
    found += [f"has focus and is not seen: {each}" for each in page.evaluate(_UNSEEN)]
    return found


# What a key leads to, and nobody sees when it is there (WCAG 2.4.7).
_UNSEEN = """() => {
  const clipped = (element) => {
    for (let each = element; each; each = each.parentElement)
      if (getComputedStyle(each).clipPath === "inset(50%)") return true;
    return false;
  };
  const before = document.activeElement;
  const found = [...document.querySelectorAll("a[href], button, input, select, textarea, summary")]
    .filter(clipped)
    .filter((each) => (each.focus({ preventScroll: true }), document.activeElement === each))
    .filter(clipped)
    .map((each) => each.outerHTML.slice(0, 120));
  before.focus({ preventScroll: true });
  return found;
}"""

# Only what is wrong is wanted: of everything else axe would bring every place. What lies half
# under an open menu or a bar that stays is too small there alone: it is looked at without.
_AXE = """async (rules) => {
  const run = (what, only) => axe.run(what, { runOnly: only, resultTypes: ["violations"] });
  const small = { type: "rule", values: ["target-size"] };
  const open = [...document.querySelectorAll("details.menu[open]")];
  const found = [];
  for (const { id, nodes } of (await run(document, rules)).violations) {
    const left = [];
    for (const node of nodes) {
      const element = id === "target-size" && document.querySelector(node.target[0]);
      const covers = open.filter((menu) => element && !menu.contains(element));
      for (const menu of covers) menu.open = false;
      if (element) element.scrollIntoView({ block: "center" });
      if (!element || (await run(element, small)).violations.length) left.push(node.html);
      for (const menu of covers) menu.open = true;
    }
    if (left.length) found.push([id, left[0], left.length]);
  }
  window.scrollTo(0, 0);
  return found;
}"""


def violations(page: Page) -> list[str]:
    """List what axe finds, with the first place of each."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(Axe().axe_script)
    found = page.evaluate(_AXE, RULES)
    return [f"{rule} ({count}): {where[:160]}" for rule, where, count in found]


def picture(page: Page, path: Path) -> None:
    """Write how the page looks from top to bottom."""
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path, full_page=True, animations="disabled", type="jpeg", quality=85)


@contextmanager
def shown_as(page: Page, theme: str, width: int) -> Iterator[None]:
    """Show a page in a theme and a width."""
    page.set_viewport_size({"width": width, "height": WIDTHS[width]})
    # What fades from one theme to the other would be looked at half-way.
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
    yield
