"""Columns of one's own, and lists that are saved by a name, mine or the company's."""

from __future__ import annotations

import re

import pytest

from b2b_orders.audit.models import AuditEvent
from b2b_orders.companies.models import Role
from b2b_orders.orders.models import ListPreference, SavedView
from tests.b2b_orders.portal.pages import parse, texts, words
from tests.factories import NOW, make_member

HEADS = "//table//thead//th"
DEFAULT = [
    "Pedido",
    "Seu número",
    "Data",
    "Filial",
    "Feito por",
    "Situação",
    "Total",
    "Documentos",
]
BRANCH = "situacao=shipped&filial=12345678000195"


def chosen(page) -> list[str]:
    return parse(page).xpath("//input[@name='coluna'][@checked]/@value")


# --- columns ----------------------------------------------------------------------------------


def test_a_list_has_the_usual_columns_until_somebody_chooses(ana, world):
    assert texts(ana.get("/pedidos"), HEADS) == DEFAULT


def test_chosen_columns_stand_in_their_order_with_what_they_say(ana, world):
    keep = {"coluna": ["total", "pedido_erp", "nf", "previsao"]}
    order = ["nf", "total", "pedido_erp", "previsao", "data"]

    back = ana.post("/pedidos/colunas", {**keep, "ordem": order, "lista": "situacao=shipped"})
    page = ana.get("/pedidos")

    assert back["Location"] == "/pedidos?situacao=shipped"
    assert texts(page, HEADS) == [
        "Pedido",
        "Notas fiscais (NF)",
        "Total",
        "Número do pedido no ERP",
        "Previsão de entrega",
    ]
    row = "//tr[.//a[text()='1172452900788-01']]/td[not(contains(@class, 'c-pick'))]"
    assert texts(page, row)[:3] == ["1001/1, 1002/1", "R$ 4.512,30", "0004500123"]


def test_a_column_moves_by_buttons_without_scripts_and_nothing_is_kept_before_saving(ana, world):
    order = ["seu_numero", "data", "total"]
    given = {"ordem": order, "coluna": ["data", "total"], "up": "total", "lista": ""}

    page = ana.post("/pedidos/colunas", given)

    names = parse(page).xpath("//input[@name='ordem']/@value")
    assert names[:3] == ["seu_numero", "total", "data"]
    assert len(names) == 18
    assert chosen(page) == ["total", "data"]
    assert parse(page).xpath("//button[@autofocus]/@value") == ["total"]
    assert not ListPreference.objects.exists()


def test_the_usual_columns_come_back(ana, world):
    ana.post("/pedidos/colunas", {"coluna": ["total"], "ordem": ["total"]})
    ana.post("/pedidos/colunas", {"coluna": ["total"], "ordem": ["total"], "default": "1"})

    assert texts(ana.get("/pedidos"), HEADS) == DEFAULT


def test_columns_are_of_one_person_in_one_company(client_for, cast, ana, world):
    ana.post("/pedidos/colunas", {"coluna": ["total"], "ordem": ["total"]})

    assert texts(client_for(cast.bruno).get("/pedidos"), HEADS) == DEFAULT


def test_without_the_right_a_column_is_neither_offered_nor_kept_nor_shown(
    client_for, cast, world, ana
):
    make_member(cast.beto, cast.alfa, Role.VIEWER)
    client = client_for(cast.beto)
    client.post("/empresa/trocar", {"company": str(cast.alfa.public_id)})

    offered = parse(client.get("/pedidos/colunas")).xpath("//input[@name='coluna']/@value")
    client.post("/pedidos/colunas", {"coluna": ["total", "em_aberto", "data"], "ordem": ["total"]})

    assert not {"total", "em_aberto", "moeda"} & set(offered)
    assert ListPreference.objects.get().columns == ["data"]
    assert texts(client.get("/pedidos"), HEADS) == ["Pedido", "Data"]
    # Kept while there was a right to it, and gone with the right.
    ListPreference.objects.update(columns=["total", "em_aberto"])
    assert "Total" not in texts(client.get("/pedidos"), HEADS)
    assert "4.512,30" not in words(client.get("/pedidos"))


@pytest.mark.parametrize(
    "given", [{"coluna": ["x", "\x00", "<b>"]}, {"up": "nowhere"}, {"lista": "\x00%ff&q=1;"}]
)
def test_what_is_no_column_changes_nothing(ana, world, given):
    assert ana.post("/pedidos/colunas", given).status_code in {200, 302}
    assert texts(ana.get("/pedidos"), HEADS) == DEFAULT


def test_the_way_back_leads_to_no_other_site(ana, world):
    given = {"lista": "//evil.example/?x=1&next=https://evil.example", "coluna": ["data"]}

    assert ana.post("/pedidos/colunas", given)["Location"] == "/pedidos"


# --- views ------------------------------------------------------------------------------------


def save(client, name, lista=BRANCH, **more):
    return client.post("/pedidos/visoes", {"nome": name, "lista": lista, **more})


def test_a_saved_view_opens_as_an_address_that_holds_its_filter(ana, world):
    ana.post("/pedidos/colunas", {"coluna": ["total"], "ordem": ["total"]})
    save(ana, "Minha matriz")
    view = SavedView.objects.get()
    ana.post("/pedidos/colunas", {"default": "1"})

    opened = ana.get(f"/pedidos?visao={view.public_id}")
    page = ana.get(opened["Location"])

    assert opened["Location"] == f"/pedidos?{BRANCH}&visao=~{view.public_id.hex}"
    assert texts(page, HEADS) == ["Pedido", "Total"]
    assert texts(page, "//details[contains(@class, 'tool')][1]/summary") == ["Minha matriz"]


def test_what_was_taken_off_an_opened_view_does_not_come_back(ana, world):
    save(ana, "Minha matriz")
    view = SavedView.objects.get()

    page = ana.get(f"/pedidos?visao=~{view.public_id.hex}")

    assert page.status_code == 200


@pytest.mark.parametrize("named", ["x", "~", "~x", "0" * 32, "\x00"])
def test_a_view_that_is_not_there_leaves_the_list_as_it_is(ana, world, named):
    page = ana.get("/pedidos", {"visao": named})

    assert page.status_code == 200
    assert texts(page, HEADS) == DEFAULT


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("  ", "Dê um nome à visão."),
        ("x" * 81, "O nome é longo demais: até 80 caracteres."),
        ("Matriz", "Você já tem uma visão com este nome."),
    ],
)
def test_a_name_that_cannot_be_taken_is_told_at_its_field(ana, world, name, problem):
    save(ana, "Matriz")

    page = save(ana, name)

    assert page.status_code == 400
    field = parse(page).xpath("//input[@id='name']")[0]
    assert field.get("aria-invalid") == "true"
    assert "name-error" in field.get("aria-describedby")
    assert texts(page, "//*[@id='name-error']") == [problem]
    assert field.get("value") == name
    assert SavedView.objects.count() == 1


def test_fifty_views_are_enough(ana, cast, world):
    of_ana = {"company": cast.alfa, "person": cast.ana, "created_at": NOW, "changed_at": NOW}
    SavedView.objects.bulk_create(SavedView(name=f"v{at}", **of_ana) for at in range(50))

    page = save(ana, "one more")

    assert "Você tem 50 visões." in words(page)
    assert SavedView.objects.count() == 50


def test_a_view_is_renamed_replaced_and_deleted_by_its_person(ana, world):
    save(ana, "a")
    view = SavedView.objects.get()
    address = f"/pedidos/visoes/{view.public_id}"

    ana.post(address, {"nome": "b", "lista": "so=atrasados", "substituir": "1"})
    view.refresh_from_db()
    assert (view.name, view.query, view.is_shared) == ("b", "so=atrasados", False)
    ana.post(address, {"nome": "c", "lista": "origem=erp"})
    view.refresh_from_db()
    assert (view.name, view.query) == ("c", "so=atrasados")
    ana.post(f"{address}/apagar")
    assert not SavedView.objects.exists()


def test_a_new_name_that_is_taken_is_told_at_its_view(ana, world):
    save(ana, "a")
    save(ana, "b")
    view = SavedView.objects.get(name="b")

    page = ana.post(f"/pedidos/visoes/{view.public_id}", {"nome": "a"})

    assert texts(page, f"//*[@id='error-{view.public_id}']") == [
        "Você já tem uma visão com este nome."
    ]
    view.refresh_from_db()
    assert view.name == "b"


def test_a_shared_view_shows_each_person_their_own_orders(client_for, cast, ana, world):
    save(ana, "Todos", lista="", empresa="1")
    view = SavedView.objects.get()
    carla = client_for(cast.carla)

    assert "Todos" in words(carla.get("/pedidos"), "//details[contains(@class, 'tool')]")
    page = carla.get(carla.get(f"/pedidos?visao={view.public_id}")["Location"])

    assert texts(page, "//table//a[contains(@class, 'main')]") == ["0004500987"]
    assert [event.detail for event in AuditEvent.objects.filter(action="view_changed")] == [
        {"how": "shared", "name": "Todos"}
    ]


def test_anothers_view_can_be_neither_seen_nor_changed_and_a_shared_one_not_changed(
    client_for, cast, ana, world
):
    save(ana, "mine")
    save(ana, "ours", empresa="1")
    bruno = client_for(cast.bruno)

    for view in SavedView.objects.all():
        address = f"/pedidos/visoes/{view.public_id}"
        assert bruno.post(address, {"nome": "stolen"}).status_code == 404
        assert bruno.post(f"{address}/apagar").status_code == 404
    assert "mine" not in words(bruno.get("/pedidos"))
    assert sorted(SavedView.objects.values_list("name", flat=True)) == ["mine", "ours"]


def test_an_administrator_deletes_what_is_shared_and_nothing_else(client_for, cast, ana, world):
    save(ana, "mine")
    save(ana, "ours", empresa="1")
    rita = client_for(cast.rita)

    answers = [
        rita.post(f"/pedidos/visoes/{view.public_id}/apagar").status_code
        for view in SavedView.objects.order_by("name")
    ]

    assert answers == [404, 302]
    assert [view.name for view in SavedView.objects.all()] == ["mine"]


def test_views_of_another_company_are_not_there(client_for, cast, ana, world):
    save(ana, "ours", empresa="1")
    beto = client_for(cast.beto)
    view = SavedView.objects.get()

    assert "ours" not in words(beto.get("/pedidos"))
    assert texts(beto.get(f"/pedidos?visao={view.public_id}"), HEADS) == DEFAULT
    assert beto.post(f"/pedidos/visoes/{view.public_id}/apagar").status_code == 404


def test_support_opens_shared_views_and_leaves_nothing_behind(cast, ana, suzana, world):
    save(ana, "ours", empresa="1")
    save(ana, "mine")
    suzana.post(
        "/atendimento/atuar",
        {"q": world.o1.title, "order": str(world.o1.public_id), "reason": "call 4711"},
    )
    home = f"/c/{cast.alfa.public_id}/pedidos"

    page = suzana.get(home)

    assert texts(page, "//details[contains(@class, 'tool')][1]//a/span") == ["ours Ana"]
    assert suzana.get(f"{home}/visoes").status_code == 404
    assert suzana.get(f"{home}/colunas").status_code == 404
    for address in ("visoes", "colunas"):
        assert suzana.post(f"{home}/{address}", {"nome": "x"}).status_code == 403
    assert SavedView.objects.count() == 2
    assert not ListPreference.objects.exists()


def test_hostile_names_are_text_and_stay_what_they_are(ana, world):
    name = '"><script>alert(1)</script>'
    save(ana, name)

    for address in ("/pedidos", "/pedidos/visoes"):
        page = ana.get(address)
        assert "<script>alert" not in page.content.decode()
        assert name in words(page)
    assert re.findall(r"<script(?![^>]*\bsrc=)", ana.get("/pedidos").content.decode()) == []
