"""Keys: what a page tells its script, the list, choosing others, and the palette."""

from __future__ import annotations

import json
import re

import pytest
from django.conf import settings

from b2b_orders.portal.keyboard import SHORTCUTS, Choice, problems_of, read_choice
from b2b_orders.portal.presenters.keyboard import field_of
from tests.b2b_orders.portal.pages import parse, texts, words

HTMX = {"HX-Request": "true"}
PLACE = {each.key: field_of(number) for number, each in enumerate(SHORTCUTS)}


def table(client, path="/pedidos"):
    (found,) = parse(client.get(path)).xpath("//@data-keys")
    return json.loads(found)


def save(client, **fields):
    return client.post("/conta/atalhos", {"on": "1", **fields})


def test_a_page_tells_its_script_each_key_and_where_keys_lead(ana, world):
    response = ana.get("/pedidos")

    assert table(ana)["e"] == "e"
    assert table(ana)["g p"] == "g p"
    places = parse(response).xpath("//*[@data-keys]/a[contains(@data-key, 'g ')]")
    assert [(each.get("data-key"), each.get("href")) for each in places] == [
        ("g p", "/pedidos"),
        ("g d", "/documentos"),
        ("g f", "/financeiro"),
    ]
    assert parse(response).xpath("//input[@data-key='/']/@id") == ["q"]


def test_keys_of_staff_are_of_staff_alone(ana, suzana, world):
    assert {"a", "A", "v"} & set(table(ana)) == set()
    assert {"a", "A", "v"} <= set(table(suzana, "/atendimento"))


def test_no_key_leads_where_the_person_may_not_go(client_for, cast, world):
    teo = client_for(cast.teo)

    page = parse(teo.get(f"/c/{cast.alfa.public_id}/pedidos"))

    assert page.xpath("//*[@data-keys]/a[@data-key='g f']") == []
    assert page.xpath("//*[@data-keys]/a[@data-key='g p']/@href") == [
        f"/c/{cast.alfa.public_id}/pedidos"
    ]


def test_another_key_is_chosen_and_the_former_one_does_nothing(ana, cast, world):
    response = save(ana, **{PLACE["e"]: "z", PLACE["g p"]: "gi"})

    assert response["Location"] == "/conta/atalhos"
    chosen = table(ana)
    assert (chosen["z"], chosen["g i"]) == ("e", "g p")
    assert {"e", "g p"} & set(chosen) == set()
    cast.ana.refresh_from_db()
    assert cast.ana.shortcuts == {"keys": {"e": "z", "g p": "g i"}}


def test_single_keys_are_switched_off_and_on_again(ana, world):
    ana.post("/conta/atalhos", {})
    assert table(ana) == {}
    listed = ana.get("/conta/atalhos", headers=HTMX)
    assert texts(listed, "//*[@class='notice']") == ["As teclas únicas estão desligadas."]

    save(ana, reset="1")

    assert table(ana)["/"] == "/"


@pytest.mark.parametrize(
    ("language", "on", "off"),
    [
        ("pt-br", "Ligados", "Desligados"),
        ("es", "Activados", "Desactivados"),
        ("en", "Turned on", "Turned off"),
    ],
)
def test_the_account_says_whether_single_keys_work(ana, language, on, off):
    ana.post("/conta/preferencias", {"language": language})
    state = "//section[@aria-labelledby='my-keys']//*[contains(@class, 'tag')]"
    before = texts(ana.get("/conta"), state)

    ana.post("/conta/atalhos", {})

    assert (before, texts(ana.get("/conta"), state)) == ([on], [off])


@pytest.mark.parametrize(
    ("name", "key", "says"),
    [
        ("e", "j", "Outro atalho já usa esta tecla."),
        ("e", "g", "Esta tecla é o começo de outro atalho."),
        ("e", "j k", "Esta tecla é o começo de outro atalho."),
        ("e", "abc", "Digite uma tecla, ou duas com um espaço entre elas."),
    ],
)
def test_a_key_that_cannot_be_is_refused_beside_its_field(ana, cast, world, name, key, says):
    response = save(ana, **{PLACE[name]: key})

    assert response.status_code == 400
    field = parse(response).xpath(f"//input[@id='{PLACE[name]}']")[0]
    assert field.get("aria-invalid") == "true"
    assert field.get("value") == key
    assert texts(response, f"//*[@id='{PLACE[name]}-error']") == [says]
    cast.ana.refresh_from_db()
    assert cast.ana.shortcuts == {}


def test_two_keys_can_change_places():
    choice = Choice(keys={"e": "f", "f": "e"})

    assert problems_of(choice, None) == {}


@pytest.mark.parametrize(
    "stored",
    [{"keys": "x"}, {"keys": {"e": 7, "nowhere": "z", "f": "too long"}}, {"keys": None}],
)
def test_what_a_row_keeps_is_not_trusted(stored):
    assert read_choice(stored) == Choice()


@pytest.mark.parametrize(
    ("language", "heading", "line"),
    [
        ("pt-br", "Atalhos de teclado", "exportar esta lista"),
        ("es", "Atajos de teclado", "exportar esta lista"),
        ("en", "Keyboard shortcuts", "export this list"),
    ],
)
def test_the_list_of_keys_is_in_the_persons_language(ana, world, language, heading, line):
    ana.post("/idioma", {"language": language, "next": "/"})

    response = ana.get("/conta/atalhos", headers=HTMX)

    assert texts(response, "//h2[@id='sheet-heading']") == [heading]
    assert line in words(response, "//dl")
    assert b"<html" not in response.content


def test_the_list_shows_keys_as_the_person_chose_them(ana, world):
    save(ana, **{PLACE["X"]: "S"})

    response = ana.get("/conta/atalhos", headers=HTMX)

    row = "//dl/div[dd='selecionar até esta linha']"
    assert texts(response, row + "//kbd") == ["Shift", "s"]


def test_every_key_of_the_table_is_in_the_document():
    documented = (settings.BASE_DIR / "docs" / "keyboard.md").read_text()
    named = set(re.findall(r"`([^`\s](?: [^`\s])?)`", documented))

    assert {each.key for each in SHORTCUTS} - named - {"2", "3", "4", "o", "X"} == set()


def test_the_palette_has_pages_and_the_other_companies(client_for, cast, world):
    response = client_for(cast.davi).get("/paleta", headers=HTMX)

    page = parse(response)
    assert page.xpath("//li[@data-href='/financeiro']//*[@class='text']/text()") == ["Financeiro"]
    assert page.xpath("//li/@data-company") == [str(cast.beta.public_id)]
    assert page.xpath("//form[@data-switch]/@action") == ["/empresa/trocar"]
    assert "Gama" not in response.content.decode()


def test_the_palette_of_staff_names_no_company(suzana, cast, world):
    response = suzana.get("/paleta", headers=HTMX)

    assert parse(response).xpath("//li/@data-href")[0] == "/atendimento"
    assert parse(response).xpath("//li[@data-company]|//li[@data-find]") == []


@pytest.mark.parametrize("path", ["/paleta", "/reconhecer", "/conta/atalhos", "/pedidos/sugestoes"])
def test_strangers_are_asked_to_log_in(client, db, path):
    assert client.get(path)["Location"].startswith("/accounts/login/")
    assert client.get(path, headers=HTMX)["HX-Redirect"].startswith("/accounts/login/")


def test_the_log_in_page_has_no_keys(client, db):
    assert parse(client.get("/accounts/login/")).xpath("//@data-keys") == []
