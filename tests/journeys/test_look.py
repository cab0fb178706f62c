"""What holds of the form of every page: without scripts, zoomed in, by keyboard, without a line."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from erp_bridge.simulators.cast import O1, O8
from tests.journeys.conftest import search
from tests.journeys.test_staff import _act

pytestmark = pytest.mark.sweep
PAGES = {
    "ana": (
        *("/pedidos", "/pedidos?q=4500", "/pedidos?q=999999", f"/pedidos?q={O1.web_number}"),
        *(f"/pedidos?q={O8.erp_number}", "/documentos", "/conta", "/conta/meus-dados", "/nada"),
        # Every component with texts that break nothing.
        "/_galeria",
    ),
    "bruno": ("/financeiro", "/financeiro/calendario"),
    "rita": ("/empresa/pessoas", "/empresa/convites", "/empresa/ajustes", "/empresa/acessos"),
    "suzana": ("/atendimento", "/atendimento?q=PO-2026/0815", "/atendimento/perguntas"),
    "teo": ("/televendas", "/televendas/clientes"),
    "olga": ("/operacao", "/operacao/situacoes", "/operacao/empresas", "/operacao/auditoria"),
}
# 1,280 pixels at 400 %.
ZOOMED = {"width": 320, "height": 256}
WIDER_THAN_SCREEN = """() => [...document.querySelectorAll("body *")]
  .filter((each) => each.getBoundingClientRect().right > innerWidth + 1
    && !each.closest(".scrolls, .nav, .tabs, .subtabs, .jump, .visually-hidden, [role=region]"))
  .slice(0, 3).map((each) => each.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("who", PAGES)
def test_pages_can_be_read_without_scripts(page_of, who):
    page = page_of(who, java_script_enabled=False)

    for path in PAGES[who]:
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == (404 if path == "/nada" else 200), path
        expect(page.locator("h1")).to_be_visible()
        # What only a script would make useful is not offered.
        expect(page.locator("[data-copy]:visible")).to_have_count(0)


def test_no_component_makes_a_page_scroll_sideways_at_400_percent(page_of):
    # Whole pages: `test_screens`.
    page = page_of("ana", viewport=ZOOMED)
    page.goto("/_galeria")

    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= ZOOMED["width"], page.evaluate(WIDER_THAN_SCREEN)


@pytest.mark.parametrize(
    "media",
    [{"contrast": "more"}, {"color_scheme": "dark"}, {"contrast": "more", "color_scheme": "dark"}],
    ids=["contrast", "dark", "contrast, dark"],
)
def test_colours_can_be_read_in_every_theme(page_of, media):
    page = page_of("ana")
    page.emulate_media(**media)
    faults = {}

    # The second has every component, with texts that break nothing.
    for path in (f"/pedidos?q={O1.web_number}", "/_galeria"):
        page.goto(path)
        found = Axe().run(page, options={"runOnly": ["color-contrast", "link-in-text-block"]})
        faults[path] = [
            (fault["id"], [node["html"] for node in fault["nodes"]][:3])
            for fault in found.response["violations"]
        ]

    assert faults == {path: [] for path in faults}


def test_a_theme_that_was_chosen_goes_before_the_systems(page_of):
    page = page_of("ana", color_scheme="light")
    ground = "getComputedStyle(document.querySelector('.gallery')).backgroundColor"

    page.goto("/_galeria?theme=dark")
    dark = page.evaluate(ground)
    page.emulate_media(color_scheme="dark")
    page.goto("/_galeria?theme=light")

    assert dark == "rgb(19, 23, 26)"
    assert page.evaluate(ground) == "rgb(245, 244, 240)"


def _hidden_focus(page: Page, steps: int) -> list[str]:
    """Go through a page by Tab; name what has focus and lies under something that stays."""
    hidden = []
    for _ in range(steps):
        page.keyboard.press("Tab")
        under = page.evaluate(
            """() => {
              const focused = document.activeElement;
              if (focused === document.body) return "";
              const box = focused.getBoundingClientRect();
              const told = focused.outerHTML.slice(0, 90);
              if (!box.width || box.bottom < 0 || box.top > innerHeight) return `out: ${told}`;
              const middle = box.y + Math.min(box.height, innerHeight) / 2;
              const at = document.elementFromPoint(box.x + box.width / 2, middle);
              const bar = at?.closest(".agentbar, .bottom-bar, .selection");
              return bar && !bar.contains(focused) ? told : "";
            }"""
        )
        if under:
            hidden.append(under)
    return hidden


@pytest.mark.parametrize(
    "viewport", [{"width": 1366, "height": 500}, {"width": 360, "height": 640}]
)
def test_focus_never_hides_under_a_bar(page_of, viewport):
    page = page_of("suzana", viewport=viewport)
    _act(page, "Alfa")
    page.wait_for_load_state()

    assert _hidden_focus(page, 70) == []
    # And back, where what stays on top is in the way.
    for _ in range(40):
        page.keyboard.press("Shift+Tab")
    top = page.evaluate(
        "[document.activeElement.getBoundingClientRect().bottom,"
        " document.querySelector('.agentbar').contains(document.activeElement) ||"
        " getComputedStyle(document.querySelector('.agentbar')).position === 'static' ? 0 :"
        " document.querySelector('.agentbar').getBoundingClientRect().bottom]"
    )
    assert top[0] > top[1]


def test_agent_bar_is_one_line_on_a_laptop(page_of):
    page = page_of("suzana", viewport={"width": 1366, "height": 768})
    _act(page, "Alfa", reason="chamado 8812 da loja do centro")

    heights = page.locator(".agentbar .who, .agentbar .what").evaluate_all(
        "all => all.map((each) => each.getBoundingClientRect().height)"
    )
    assert max(heights) < 30


def _await_worker(page: Page) -> None:
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    # It takes no page that was on its way before it came.
    page.reload()
    assert page.evaluate("Boolean(navigator.serviceWorker.controller)")


def test_without_a_line_what_was_typed_is_kept_and_sent_later(page_of):
    page = page_of("ana", service_workers="allow")
    page.goto("/pedidos")
    _await_worker(page)

    page.context.set_offline(True)
    page.goto(f"/pedidos?q={O1.web_number}")
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("Sem internet. O que você digitou está guardado.")
    expect(page.locator("[data-text]:visible")).to_have_text(O1.web_number)
    # It came with its looks, and speaks one language.
    expect(page.locator("section:visible")).to_have_count(1)
    ground = page.locator(".button.primary:visible").evaluate(
        "b => getComputedStyle(b).backgroundColor"
    )
    assert ground != "rgba(0, 0, 0, 0)"
    page.context.set_offline(False)

    expect(heading).to_contain_text(O1.web_number)


def test_a_question_that_did_not_arrive_is_written_once(page_of):
    page = page_of("ana", service_workers="allow")
    search(page, O1.web_number)
    _await_worker(page)
    with page.expect_navigation():
        page.get_by_role("link", name="Perguntar sobre este pedido").first.click()
    question = "Onde está a caixa 3 de 4? <b>&"
    page.locator("#text").fill(question)

    page.context.set_offline(True)
    page.evaluate("setTimeout(() => document.querySelector('#text').form.requestSubmit())")
    expect(page.locator("[data-text]:visible")).to_have_text(question)
    page.context.set_offline(False)

    expect(page.locator("#text")).to_have_value(question)
    assert page.evaluate("sessionStorage.getItem('kept')") is None


def test_the_browser_keeps_no_page_of_a_person_and_forgets_all_at_log_out(page_of, product):
    # A session of its own, since it ends.
    page = page_of("", service_workers="allow")
    product.sign_in(page, "davi")
    page.goto("/pedidos")
    _await_worker(page)
    page.goto("/pedidos?q=4500")
    names = """async () => {
      const kept = [];
      for (const name of await caches.keys()) {
        const keys = await (await caches.open(name)).keys();
        kept.push(...keys.map((each) => new URL(each.url).pathname));
      }
      return kept.sort();
    }"""

    kept = page.evaluate(names)
    page.goto("/accounts/logout/")
    with page.expect_navigation():
        page.get_by_role("button", name=re.compile("Sair")).last.click()

    assert "/sem-conexao" in kept
    hashed = re.compile(r"/static/[\w/-]+\.[0-9a-f]{12}\.(css|js)")
    assert [each for each in kept if each != "/sem-conexao" and not hashed.fullmatch(each)] == []
    # The log-in page that follows may have begun anew, with what is the same for everybody.
    after = page.evaluate(names)
    assert [each for each in after if each != "/sem-conexao" and not hashed.fullmatch(each)] == []
