"""Support in the company's shoes: S03, S04, S05, S08, S10, S11, S14, S15."""

from __future__ import annotations

import json
import re
import time

from playwright.sync_api import expect

from erp_bridge.simulators.cast import O1, O2, O5
from erp_bridge.simulators.mail import text_of
from tests.journeys.conftest import api_order, search
from tests.journeys.test_staff import _act

BAR = ".agentbar"


def _press(page, name, within=None):
    with page.expect_navigation():
        (within or page).get_by_role("button", name=name, exact=True).click()


def _company_of(page) -> str:
    found = re.search(r"/c/([0-9a-f-]{36})/", page.url)
    assert found is not None
    return found[1]


def _see_as(page, name):
    page.goto(f"/c/{_company_of(page)}/atuacao")
    _press(page, f"Ver como {name}")


def test_s03_the_same_eyes_and_no_more(page_of, product):
    page = page_of("suzana")
    _act(page, "Alfa")
    o1 = page.url
    page.locator(BAR).get_by_role("link", name=re.compile("vendo como")).click()
    _press(page, "Ver como Carla Nunes")

    # Back at the order, which is not Carla's to see.
    expect(page.locator("h1")).to_have_text("Página não encontrada")
    expect(page.locator(BAR)).to_contain_text("vendo como: Carla Nunes (filial 0002)")
    search(page, O2.erp_number, f"/c/{_company_of(page)}/pedidos")
    expect(page.locator("h1")).to_contain_text(O2.erp_number)
    answer = page.goto(o1)
    assert answer is not None
    assert answer.status == 404

    page.goto(f"/c/{_company_of(page)}/atuacao")
    _press(page, "Ver como empresa")
    expect(page.locator(BAR)).to_contain_text("vendo como: toda a empresa")
    assert page.goto(o1).status == 200
    told = [line["detail"] for line in product.acting_lines("seen_as_changed")[-2:]]
    assert [change["now"] for change in told] == ["Carla Nunes", ""]


def test_s03_seeing_as_the_company_needs_the_right(page_of):
    olga, page = page_of("olga"), page_of("suzana")
    _grant(olga, "Suzana Reis", may=False)
    try:
        _act(page, "Alfa")
        # Nothing is shown before it is said with whose eyes.
        expect(page.locator("h1")).to_have_text("Quem pode saber o quê")
        as_company = page.get_by_role("button", name="Ver como empresa")
        expect(as_company).to_have_count(0)
        token = page.locator("[name=csrfmiddlewaretoken]").first.input_value()
        answer = page.request.post(
            f"/c/{_company_of(page)}/atuacao/visao",
            form={"csrfmiddlewaretoken": token, "person": "company"},
            headers={"Referer": page.url},
        )
        assert answer.status in {403, 404}
        _press(page, "Ver como Carla Nunes")
        search(page, O2.erp_number, f"/c/{_company_of(page)}/pedidos")
        expect(page.locator("h1")).to_contain_text(O2.erp_number)
    finally:
        _grant(olga, "Suzana Reis", may=True)


def test_s04_acting_is_read_only(page_of):
    page = page_of("suzana")
    _act(page, "Alfa")
    company, token = (
        _company_of(page),
        page.locator("[name=csrfmiddlewaretoken]").first.input_value(),
    )
    documents = api_order(page, O1.web_number, company=company)["documents"]
    xml = next(document for document in documents if document["kind"] == "nfe_xml")
    of_xml = xml["download_url"].partition(f"/c/{company}/")[2]

    for path in (
        # People and the company, links, preferences, and what else is the company's to say.
        *("empresa/convites/novo", "empresa/pessoas/importar", "empresa/ajustes"),
        *(f"{of_xml}/enviar/link", f"{of_xml}/aviso"),
        *("financeiro/calendario/endereco", "financeiro/calendario/encerrar"),
        f"{page.url.partition(f'/c/{company}/')[2].partition('?')[0]}/perguntar",
    ):
        answer = page.request.post(
            f"/c/{company}/{path}",
            form={"csrfmiddlewaretoken": token},
            headers={"Referer": page.url},
        )
        assert answer.status == 403
        assert "Só leitura durante a atuação" in answer.text()
    # She can download; S07 has that she can send.
    assert page.request.get(xml["download_url"]).status == 200


def test_s05_the_bar_asks_near_the_end_and_leaves_at_the_end(page_of):
    page = page_of("suzana")
    page.clock.install()
    _act(page, "Alfa")
    left = {"seconds": 240}
    page.route(
        "**/atendimento/tempo*",
        lambda route: route.fulfill(content_type="application/json", body=json.dumps(left)),
    )
    ask = page.locator("[data-go-on]")
    expect(ask).to_be_hidden()

    page.clock.fast_forward("26:30")
    expect(ask).to_be_visible()
    expect(ask).to_have_attribute("role", "alert")
    expect(page.locator(BAR)).to_contain_text("restam 4 min")
    left["seconds"] = 1800
    ask.get_by_role("button", name="Continuar").click()
    expect(ask).to_be_hidden()
    expect(page.locator(BAR)).to_contain_text("restam 30 min")

    left["seconds"] = 0
    page.clock.fast_forward("30:30")
    page.wait_for_url("**/atendimento")
    # Her own last searches may stand there; no company does.
    expect(page.locator(BAR)).to_have_count(0)
    expect(page.locator("h1")).not_to_contain_text("Alfa")


def test_s05_one_key_ends_acting_but_not_while_typing(page_of):
    page = page_of("suzana")
    _act(page, "Alfa")
    address = page.url
    page.locator("#q").press("Shift+A")
    expect(page.locator(BAR)).to_be_visible()
    page.locator("h1").click()
    with page.expect_navigation():
        page.keyboard.press("Shift+A")

    assert page.goto(address).status == 404


def test_s08_the_page_says_who_may_be_told_what(page_of, product):
    page = page_of("suzana")
    _act(page, "Alfa", reason="ligação 77")
    page.goto(f"/c/{_company_of(page)}/atuacao")

    row = page.locator("tbody tr", has_text="Carla Nunes")
    expect(row).to_contain_text("filial 0002")
    expect(page.locator("tbody tr", has_text="Rita Campos")).to_contain_text(
        "Administrador da empresa"
    )
    expect(page.locator("main")).not_to_contain_text("@alfa.example")
    lines = product.audit_lines("customer_opened", _company_of(page))
    assert lines[-1]["person"] == "suzana@seller.example"
    assert lines[-1]["reason"] == "ligação 77"


def test_s10_with_the_erp_down_there_is_a_sentence_to_read_out(page_of, product):
    page = page_of("suzana")
    _act(page, "Alfa")
    with product.fault("erp", "dead"):
        page.reload()
        notice = page.locator("section[aria-labelledby=outage]")
        expect(notice).to_contain_text("ERP sem resposta desde")
        expect(notice).to_contain_text("Continua confiável")
        expect(notice.locator("q")).to_contain_text("Nosso sistema não responde desde")


def _wait_for_errand(page, text):
    expect(page.locator("#errand")).to_contain_text(text, timeout=20_000)


def _save_team(page, name):
    page.goto("/operacao/equipe")
    page.get_by_text("Nova equipe", exact=True).click()
    page.locator("#team-name").fill(name)
    _press(page, "Salvar", page.locator("form", has=page.locator("#team-name")))
    _wait_for_errand(page, f"A equipe se chama {name}.")


def _give_company(page, company, team):
    page.goto("/operacao/equipe")
    page.locator("summary", has_text="Dar uma empresa a uma equipe").click()
    form = page.locator("form", has=page.locator("#company-name"))
    form.locator("#company-name").fill(company)
    form.locator("#company-team").select_option(team)
    form.locator("#company-reason").fill("nova divisão")
    _press(page, "Salvar", form)
    _wait_for_errand(page, "atendida")


def _grant(page, name, *, may):
    """Give or take the right to see as the company, as operations do."""
    page.goto("/operacao/equipe")
    with page.expect_navigation():
        page.get_by_role("link", name=name).click()
    form = page.locator("form", has=page.locator("#staff-reason"))
    form.locator("[name=can_see_as_company]").set_checked(may)
    form.locator("#staff-reason").fill("pedido da gerência")
    _press(page, "Salvar", form)
    _wait_for_errand(page, f"{name} foi alterado.")


def _put_in_team(page, team):
    page.goto("/operacao/equipe")
    with page.expect_navigation():
        page.get_by_role("link", name="Suzana Reis").click()
    page.locator("#staff-team").select_option(team)
    page.locator("#staff-reason").fill("nova divisão")
    _press(page, "Salvar", page.locator("form", has=page.locator("#staff-team")))
    _wait_for_errand(page, "Suzana Reis foi alterado.")


def test_s11_another_teams_customer_is_named_by_the_team_alone(page_of):
    olga, suzana = page_of("olga"), page_of("suzana")
    beta = "Beta Comércio"
    _save_team(olga, "Sul")
    _save_team(olga, "Norte")
    _give_company(olga, beta, "Norte")
    _put_in_team(olga, "Sul")
    try:
        search(suzana, O5.erp_number, "/atendimento")
        main = suzana.locator("main")
        expect(main).to_contain_text("Cliente de outra equipe")
        expect(main).to_contain_text("equipe Norte")
        expect(main).not_to_contain_text("Beta Com")
        expect(main).not_to_contain_text(O5.web_number)
        search(suzana, "PO-2026/0815", "/atendimento")
        rows = main.locator("table", has_text=O1.web_number).locator("tbody tr")
        expect(rows).to_have_count(1)
    finally:
        _put_in_team(olga, "")
        _give_company(olga, beta, "")


def test_s14_a_wrong_number_offers_near_ones_and_is_told_when_it_comes(page_of, product):
    page = page_of("suzana")
    search(page, O1.erp_number[:-1] + "4", "/atendimento")
    expect(page.locator("main")).to_contain_text("Quase este número")
    expect(page.locator("main tbody tr", has_text=O1.erp_number).first).to_be_visible()
    swapped = O1.erp_number[:-2] + O1.erp_number[:-3:-1]
    search(page, swapped, "/atendimento")
    expect(page.locator("main")).to_contain_text("Quase este número")
    expect(page.locator("main tbody tr", has_text=O1.erp_number).first).to_be_visible()

    number = f"00048{int(time.time()) % 100000:05d}"
    search(page, number, "/atendimento")
    _press(page, "Avise-me quando chegar")
    waiting = page.locator("section[aria-label='Números que espero'] tr", has_text=number)
    expect(waiting).to_contain_text("esperado desde")
    product.control(
        "erp", "orders", {"company": "alfa", "erp_number": number, "seller_code": "TEO01"}
    )
    # It is read because somebody asks, as it would be at the next turn.
    teo = page_of("teo")
    search(teo, number, "/televendas")
    expect(teo.locator("main")).to_contain_text("novo no ERP", ignore_case=True)

    product.await_mail("suzana@seller.example", f"O número {number} chegou")
    page.reload()
    expect(waiting).to_contain_text("está aqui desde")


def test_s15_opening_too_much_warns_operations_and_asks_who_it_is(page_of, product):
    """The limit is wound down for the journeys, see `QuickSupervisor`."""
    page = page_of("suzana")
    # What she signed in with here is proved anew at the end, and is nobody else's.
    product.sessions.pop("suzana", None)
    _act(page, "Alfa", reason="chamado 1515")
    address, company = page.url, _company_of(page)
    asked = {"company": company, "limit": "25"}
    found = page.request.get("/api/v1/orders", params=asked).json()["results"]
    assert len(found) >= 20
    statuses = [
        page.request.get(f"/api/v1/orders/{order['id']}", params={"company": company}).status
        for order in found
    ]
    refused_from = statuses.index(403)
    assert set(statuses[:refused_from]) == {200}
    assert set(statuses[refused_from:]) == {403}

    page.goto(address)
    expect(page.locator("h1")).to_have_text("Ainda é você?")
    expect(page.locator("body")).not_to_contain_text(O1.web_number)
    page.locator("[name=password]").fill("not hers")
    page.locator("[name=password]").press("Enter")
    expect(page.get_by_role("alert").first).to_be_visible()
    assert page.request.get("/api/v1/orders", params=asked).status == 403
    page.locator("[name=password]").fill(product.person("suzana")["password"])
    with page.expect_navigation(url=address):
        page.locator("[name=password]").press("Enter")
    expect(page.locator("h1")).to_contain_text(O1.web_number)
    expect(page.locator(BAR)).to_contain_text("chamado 1515")

    mail = product.await_mail(
        "olga", "Alarme: Alguém da equipe está abrindo pedidos além do habitual"
    )
    assert "suzana@seller.example" in text_of(mail)
    olga = page_of("olga")
    olga.goto("/operacao/recusas")
    row = olga.locator("tbody tr", has_text="suzana@seller.example").first
    expect(row).to_contain_text("Alguém da equipe está abrindo pedidos além do habitual")
    expect(row).to_contain_text("Suzana Reis")
