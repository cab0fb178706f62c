"""/pedidos?q=: one box for any number."""

from __future__ import annotations

import pytest

from tests.b2b_orders.portal.conftest import KEY, LINE, address
from tests.b2b_orders.portal.pages import parse, texts, words

TITLES = "//table//a[contains(@class, 'main')]"


@pytest.mark.parametrize(
    ("typed", "kind"),
    [
        ("1172452900788-01", "Pedido do site 1172452900788-01"),
        ("#1172452900788-01", "Pedido do site 1172452900788-01"),
        (" 1172452900788 ", "Pedido do site 1172452900788-01"),
        ("502556", "Sequência 502556"),
        ("V502556LLUX-01", "Pedido do vendedor (seller) v502556llux-01"),
        ("0004500123", "Pedido do ERP 0004500123"),
        ("4500123", "Pedido do ERP 0004500123"),
        ("PO-2026/0815", "Seu número PO-2026/0815"),
        ("po 2026 0815", "Seu número PO-2026/0815"),
        ("1001/1", "Nota fiscal (NF) 1001/1"),
        ("NF 1001", "Nota fiscal (NF) 1001/1"),
    ],
)
def test_every_way_of_writing_a_number_opens_the_order_and_says_by_what(ana, world, typed, kind):
    response = ana.get("/pedidos", {"q": typed}, follow=True)

    assert response.redirect_chain[0][0].startswith(address(world.o1))
    assert f"Encontrado por: {kind}" in words(response)


@pytest.mark.parametrize("written", [KEY, " ".join(KEY[at : at + 4] for at in range(0, 44, 4))])
def test_access_key_opens_the_order_at_its_document(ana, world, written):
    response = ana.get("/pedidos", {"q": written})

    assert response.status_code == 302
    assert response["Location"].startswith(address(world.o1))
    assert response["Location"].endswith(f"#nf-{KEY}")
    assert parse(ana.get(address(world.o1))).xpath(f"//*[@id='nf-{KEY}']")


def test_boleto_line_opens_the_order_at_its_title(ana, world):
    response = ana.get("/pedidos", {"q": LINE})

    assert response["Location"].endswith(f"#boleto-{LINE}")
    assert parse(ana.get(address(world.o1))).xpath(f"//*[@id='boleto-{LINE}']")


def test_mistyped_key_says_so_and_offers_the_near_order_of_the_own_company(
    ana, client_for, cast, world
):
    wrong = KEY[:-1] + "5"

    response = ana.get("/pedidos", {"q": wrong})
    elsewhere = client_for(cast.beto).get("/pedidos", {"q": wrong})

    assert "A chave parece digitada errada (dígito verificador)." in words(response)
    assert parse(response).xpath(f"//main//a[starts-with(@href, '{address(world.o1)}')]")
    assert "A chave parece digitada errada" in words(elsewhere)
    assert "1172452900788" not in elsewhere.content.decode()


def test_part_of_a_number_lists_matches_with_the_part_marked(ana, world):
    response = ana.get("/pedidos?q=4500")

    assert sorted(texts(response, TITLES)) == ["0004500987", "1172452900788-01"]
    assert texts(response, "//tbody//mark") == ["4500", "4500"]
    assert texts(response, "//caption") == ["2 pedidos encontrados, mais recentes primeiro"]
    assert "7700001" not in response.content.decode()


def test_same_own_number_shows_only_the_own_companys_order(ana, client_for, cast, world):
    mine = ana.get("/pedidos", {"q": "PO-2026/0815"})
    theirs = client_for(cast.beto).get("/pedidos", {"q": "PO-2026/0815"})

    assert mine["Location"].startswith(address(world.o1))
    assert theirs["Location"].startswith(address(world.o5))


def test_one_match_can_be_listed(ana, world):
    response = ana.get("/pedidos?q=502556&listar=1")

    assert texts(response, TITLES) == ["1172452900788-01"]


def test_not_found_says_where_and_since_when_and_what_to_do(ana, world, settings):
    settings.PORTAL_SUPPORT_EMAIL = "ajuda@loja.example"

    response = ana.get("/pedidos?q=999999")

    assert response.status_code == 200
    assert (
        'Nada com "999999" nos pedidos da Alfa Distribuidora (todas as filiais, desde 03/2026).'
        " Procuramos em: pedido do site, ERP, seu número, NF, boleto."
    ) in words(response)
    page = parse(response)
    assert page.xpath("//form[@action='/pedidos/procurar']//input[@name='q']/@value") == ["999999"]
    mail = page.xpath("//main//a[starts-with(@href, 'mailto:')]/@href")
    assert mail[0].startswith("mailto:ajuda@loja.example?subject=")
    assert "999999" in mail[0]


def test_not_found_by_a_scoped_person_names_the_branch(client_for, cast, world):
    response = client_for(cast.carla).get("/pedidos?q=999999")

    assert "(filial …0002-76, desde 03/2026)" in words(response)


def test_outage_is_never_worded_as_not_found(ana, world, erp_down):
    response = ana.get("/pedidos?q=999999")

    assert (
        'Não achamos "999999" nos dados que temos (ERP das 09:14). O ERP não responde desde'
        " 09:15: o pedido pode existir e ainda não ter chegado."
    ) in words(response)
    assert "Nada com" not in words(response)


def test_five_thousand_characters_get_a_clear_message_and_stay_in_the_box(ana, world):
    typed = "9" * 5000

    response = ana.get("/pedidos", {"q": typed})

    assert response.status_code == 200
    assert "mais longo que qualquer número" in words(response, "//*[@id='q-error']")
    box = parse(response).xpath("//input[@id='q']")[0]
    assert box.get("value") == typed
    assert box.get("aria-invalid") == "true"
    assert box.get("maxlength") is None


@pytest.mark.parametrize(
    "typed", ["' OR 1=1 --", "<script>alert(1)</script>", "%", "\\", "🙂", "\u202e1001"]
)
def test_hostile_text_is_text(ana, world, typed):
    response = ana.get("/pedidos", {"q": typed})

    assert response.status_code in {200, 302}
    if response.status_code == 200:
        assert "<script>alert" not in response.content.decode()
        assert parse(response).xpath("//input[@id='q']/@value") == [typed]


def test_a_null_character_is_no_fault(ana, world):
    assert ana.get("/pedidos?q=%00100").status_code in {200, 302}


def test_while_typing_only_the_results_come_and_nothing_opens(ana, world):
    response = ana.get("/pedidos?q=502556", headers={"HX-Request": "true"})

    assert response.status_code == 200
    assert b"<html" not in response.content
    assert "HX-Request" in response["Vary"]
    page = parse(response)
    assert page.xpath("//*[@id='announce'][@hx-swap-oob='innerHTML']")[0].text_content() == (
        "1 pedido encontrado"
    )


def test_search_typed_before_an_expired_session_is_there_after_log_in(client, cast, world):
    response = client.get("/pedidos?q=502556")

    assert response.status_code == 302
    assert response["Location"] == "/accounts/login/?next=/pedidos%3Fq%3D502556"


def test_expired_session_while_typing_leads_to_log_in_and_back_to_what_was_typed(client, cast):
    response = client.get(
        "/pedidos?q=502",
        headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/pedidos?q=5"},
    )

    assert response["HX-Redirect"] == "/accounts/login/?next=/pedidos%3Fq%3D502"
