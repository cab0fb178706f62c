"""States of pages: what is done on a page to make one, and what must be so in the world."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any, LiteralString

import redis
from playwright.sync_api import Page

from b2b_orders.embedded.valkey import ValkeyServer
from erp_bridge.simulators.cast import O1, O2
from tests.journeys.conftest import Product

PHONE = {"width": 360, "height": 740}
_ANA: LiteralString = "(SELECT id FROM accounts_person WHERE email LIKE 'ana@%')"
_ALFA: LiteralString = "(SELECT id FROM companies_company WHERE name LIKE 'Alfa %')"


# --- what is done on a page -----------------------------------------------------------------


def _log_in_wrongly(page: Page) -> None:
    page.locator("[name=login]").fill("nobody@alfa.example")
    page.locator("[name=login]").press("Enter")
    page.locator("[name=password]").fill("not-this-one")
    with page.expect_navigation():
        page.locator("[name=password]").press("Enter")


def _look_in_the_erp(page: Page) -> None:
    with page.expect_navigation():
        page.locator("main form[action$='/procurar'] button").first.click()


def choose_alfa(page: Page) -> None:
    """Choose Alfa among the customers that a number has found."""
    with page.expect_navigation():
        page.locator("main tbody tr", has_text="Alfa").get_by_role("link").first.click()


def _type_into_the_box(page: Page) -> None:
    # As a person types: what is filled in at once is asked for all the same, but its first
    # characters may go out before the script listens.
    page.locator("#q").press_sequentially("45005", delay=20)
    page.locator("#q-panel:not([hidden]) [role=option]").first.wait_for()


def _mistype(page: Page) -> None:
    page.locator("#q").press_sequentially("35260312345678000195550010000010011123456789")
    page.locator("#q-panel:not([hidden]) .recognised").wait_for()


def _open_palette(page: Page) -> None:
    page.keyboard.press("Control+k")
    page.locator("dialog[open] [role=option]:not([hidden])").first.wait_for()


def _open_keys(page: Page) -> None:
    # Where the box has the focus, a key is something typed.
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("?")
    page.locator("dialog[open] dt kbd").first.wait_for()


def _open_filters_on_a_phone(page: Page) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type] # width and height
    page.locator("[data-filters] > summary").click()
    page.locator("[data-filters] .whole-foot button").wait_for()


def _pick_two(page: Page) -> None:
    boxes = page.locator("input[form=picked]")
    boxes.nth(0).check()
    boxes.nth(1).check()
    page.locator("#picked:not(.is-empty)").wait_for()


def _follow(page: Page) -> None:
    button = page.locator("#follow button")
    if button.get_attribute("aria-pressed") == "false":
        button.click()
    page.locator("#follow button[aria-pressed=true]").wait_for()


def _paste(page: Page, numbers: str) -> None:
    page.locator("#numbers").fill(numbers)
    with page.expect_navigation():
        page.locator("form[enctype] button[type=submit]").click()


def _cut_the_line(page: Page) -> None:
    # For this page alone: others are opened by the same browser.
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send(
        "Network.emulateNetworkConditions",
        {"offline": True, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1},
    )
    page.locator("[data-offline]:not([hidden])").wait_for()


def _press(selector: str) -> Callable[[Page], None]:
    return lambda page: page.locator(selector).first.click()


STEPS: Mapping[str, Callable[[Page], None]] = {
    "log in wrongly": _log_in_wrongly,
    "open the account's menu": _press(".person summary"),
    "look in the ERP": _look_in_the_erp,
    "choose Alfa": choose_alfa,
    "type into the box": _type_into_the_box,
    "mistype a key": _mistype,
    "open the palette": _open_palette,
    "open the keys": _open_keys,
    "open the statuses": _press("[data-filter=situacao] > summary"),
    "open the filters on a phone": _open_filters_on_a_phone,
    "open the views": _press(".list-tools details.tool summary"),
    "open the export": _press("#export > summary"),
    "open how to follow": _press(".follow-list > summary"),
    "pick two": _pick_two,
    "follow": _follow,
    "paste numbers": partial(
        _paste, numbers=f"{O1.customer_number}\n999999\n{O2.erp_number}\n999999\n4500"
    ),
    "paste too many": partial(_paste, numbers="\n".join(map(str, range(700_000, 700_501)))),
    "cut the line": _cut_the_line,
}


# --- what must be so in the world -----------------------------------------------------------


@contextmanager
def _rows(product: Product, before: LiteralString, after: LiteralString) -> Iterator[None]:
    """Have the database say something for as long as a block lasts."""
    with product.open_database() as database:
        database.execute(before)
    try:
        yield
    finally:
        with product.open_database() as database:
            database.execute(after)


# One that is waiting, one half written, one to be taken and one that is over, as workers leave
# them: so few orders as there are here are handed out at once.
_EXPORTS: LiteralString = (
    "INSERT INTO documents_listexport (public_id, company_id, person_id, reason, language, format,"
    " query, columns, state, outcome, total, written, name, size, asked_at, started_at,"
    " finished_at, expires_at)"
    f" SELECT gen_random_uuid(), {_ALFA}, {_ANA}, '', 'pt-br', format, '', '[]', state, outcome,"
    " 12345, written, '', size, now(), now(),"
    " CASE WHEN state = 'done' THEN now() END,"
    " CASE WHEN state = 'done' THEN now() + interval '1 day' END"
    " FROM (VALUES ('xlsx', 'running', '', 4000, 0), ('csv', 'done', '', 12345, 734003),"
    " ('xlsx', 'failed', 'given-up', 0, 0)) AS made (format, state, outcome, written, size)"
)
_VIEWS: LiteralString = (
    "INSERT INTO orders_savedview (public_id, company_id, person_id, name, query, columns,"
    " is_shared, created_at, changed_at)"
    f" SELECT made.id::uuid, {_ALFA}, {_ANA}, made.name, made.query, '[]', made.is_shared, now(),"
    " now() FROM (VALUES"
    " ('00000000-0000-4000-8000-000000000001', 'Faturados da matriz', 'situacao=invoiced', false),"
    " ('00000000-0000-4000-8000-000000000002', 'Despachados', 'situacao=shipped', true))"
    " AS made (id, name, query, is_shared)"
)


@contextmanager
def _slowed(product: Product) -> Iterator[None]:
    """Let Ana have looked up so much that she must wait for 40 seconds."""
    with product.open_database() as database:
        found = database.execute(f"SELECT id FROM accounts_person WHERE id = {_ANA}").fetchone()
    assert found is not None
    cache: Any = redis.Redis.from_url(ValkeyServer(product.home / "valkey").cache_url)
    # Where `b2b_orders.common.limits` keeps it; a bucket fills in a minute.
    key = f"portal:1:limit:search:p{found[0]}:level"
    size = int(product.supervisor.environment("b2b_web")["PORTAL_LIMIT_SEARCHES"])
    cache.hset(key, mapping={"level": -size * 2 // 3, "at": time.time()})
    try:
        yield
    finally:
        cache.delete(key)
        cache.close()


WORLDS: Mapping[str, Callable[[Product], AbstractContextManager[None]]] = {
    "erp down": lambda product: product.fault("erp", "dead"),
    "first day": partial(
        _rows,
        before="UPDATE accounts_person SET welcomed_at = NULL",
        after="UPDATE accounts_person SET welcomed_at = now()",
    ),
    "lists in preparation": partial(
        _rows, before=_EXPORTS, after=f"DELETE FROM documents_listexport WHERE person_id = {_ANA}"
    ),
    "views": partial(
        _rows, before=_VIEWS, after=f"DELETE FROM orders_savedview WHERE person_id = {_ANA}"
    ),
    "followed": partial(
        _rows,
        before="SELECT 1",
        after="DELETE FROM notifications_followedorder; DELETE FROM notifications_follow",
    ),
    "slowed": _slowed,
    "factor asked for": partial(
        _rows,
        before=f"UPDATE companies_company SET requires_second_factor = true WHERE id = {_ALFA}",
        after=f"UPDATE companies_company SET requires_second_factor = false WHERE id = {_ALFA}",
    ),
    # A fault of our own that one page meets.
    "broken": partial(
        _rows,
        before="REVOKE SELECT ON orders_savedview FROM b2b_web",
        after="GRANT SELECT ON orders_savedview TO b2b_web",
    ),
}
