"""Lists, files, views, follows and the links of their mails, asked by who means harm."""

from __future__ import annotations

import csv
import io
import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from python_calamine import CalamineWorkbook

from b2b_orders.common import clock, tenancy
from b2b_orders.companies.models import Membership, Role
from b2b_orders.documents.models import ListExport
from b2b_orders.notifications.links import Ending, sign_ending
from b2b_orders.notifications.models import Follow, NotificationChoice
from b2b_orders.orders.models import ListPreference, Order, SavedView
from b2b_orders.portal import exporting
from erp_bridge.records import NumberKind
from tests.factories import NOW, make_order, make_person, make_title

AMOUNTS = {"A1": "300.01", "A2": "100.02", "A3": "200.03"}
BY_DATE = ["A1", "A2", "A3"]


@pytest.fixture
def orders(cast) -> dict[str, Order]:
    """Make three, the first one the newest; the second is to be paid, the third was to be."""
    made = {}
    for place, (title, amount) in enumerate(AMOUNTS.items()):
        made[title] = make_order(
            cast.alfa,
            [(NumberKind.ERP, f"450011{place}")],
            title=title,
            total=Decimal(amount),
            placed_at=timezone.now() - timedelta(days=place + 1),
            establishment=cast.alfa_branch if title == "A3" else cast.alfa_main,
        )
    make_title(made["A2"], due_on=timezone.localdate(), amount=Decimal("77.77"))
    overdue = timezone.localdate() - timedelta(days=2)
    make_title(made["A3"], due_on=overdue, amount=Decimal("88.88"))
    return made


@pytest.fixture
def viewer(cast, client_for) -> Client:
    """Sign in who sees neither prices nor finance."""
    Membership.objects.filter(person=cast.ana).update(role=Role.VIEWER)
    return client_for(cast.ana)


def titles(text: str) -> list[str]:
    """List the orders of a page's table, from above."""
    body = text.partition("<tbody")[2].partition("</tbody")[0]
    return sorted((t for t in AMOUNTS if t in body), key=body.index)


def rows(response) -> list[list[str]]:
    assert response.status_code == 200
    text = b"".join(response.streaming_content).decode().removeprefix("\ufeff")
    return list(csv.reader(io.StringIO(text), delimiter=";"))


# --- what one may not see is no order, no count and no neighbour -------------------------------

ORACLES = [
    {"ordem": "total"},
    {"ordem": "-total"},
    {"minimo": "150"},
    {"maximo": "150"},
    {"minimo": "299", "maximo": "301"},
    {"so": "a_pagar"},
    {"so": "a_pagar", "ordem": "-total", "minimo": "250"},
]


def test_with_the_rights_each_of_them_tells_something(cast, client_for, orders):
    client = client_for(cast.ana)

    for given in ORACLES:
        assert titles(client.get("/pedidos", given).content.decode()) != BY_DATE


@pytest.mark.parametrize("given", ORACLES, ids=str)
def test_without_the_rights_nothing_tells_of_amounts(viewer, orders, given):
    page = viewer.get("/pedidos", given).content.decode()
    file = rows(viewer.post("/pedidos/exportar", given | {"formato": "csv"}))
    book = viewer.post("/pedidos/exportar", given | {"formato": "xlsx"})
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(b"".join(book))).get_sheet_by_index(0)
    middle = viewer.get(f"/pedidos/{orders['A2'].public_id}", given).content.decode()

    assert titles(page) == BY_DATE
    assert [row[0] for row in file[1:]] == BY_DATE
    assert [row[0] for row in sheet.to_python()[1:]] == BY_DATE
    links = {way: middle.partition(f'rel="{way}"')[0][-200:] for way in ("prev", "next")}
    assert str(orders["A1"].public_id) in links["prev"]
    assert str(orders["A3"].public_id) in links["next"]
    for amount in (*AMOUNTS.values(), "77.77", "88.88"):
        for form in (amount, amount.replace(".", ",")):
            assert form not in page
            assert form not in middle
            assert form not in str(file)
    # Nor does a count, nor a follow of what cannot be narrowed.
    assert "so" in given or "so=a_pagar" not in page
    followed = given | {"nome": "x", "tipo": "order"}
    viewer.post("/pedidos/seguir", followed)
    assert not Follow.objects.exists()


def test_a_page_of_a_list_by_amounts_is_none_without_prices(cast, client_for, viewer, orders):
    by_amount = {"ordem": "-total", "por_pagina": "20"}
    for place in range(20):
        make_order(cast.alfa, [(NumberKind.ERP, f"46{place:05}")], total=Decimal(place))
    bruno = client_for(cast.bruno).get("/pedidos", by_amount).content.decode()
    after = bruno.partition("after=")[2].partition('"')[0].partition("&")[0]
    assert after

    first, turned = (
        titles(viewer.get("/pedidos", by_amount | more).content.decode())
        for more in ({}, {"after": after})
    )

    assert first == turned == BY_DATE


def test_columns_of_anothers_view_show_no_more_than_ones_own(cast, viewer, orders):
    view = SavedView.objects.create(
        company=cast.alfa,
        person=cast.bruno,
        name="dear",
        query="ordem=-total&minimo=150&so=a_pagar",
        columns=["total", "moeda", "em_aberto", "data"],
        is_shared=True,
        created_at=NOW,
        changed_at=NOW,
    )
    opened = f"~{view.public_id.hex}"

    page = viewer.get("/pedidos", {"visao": view.public_id.hex}, follow=True).content.decode()
    file = rows(viewer.post("/pedidos/exportar", {"visao": opened, "formato": "csv"}))

    assert titles(page) == BY_DATE
    assert [row[0] for row in file[1:]] == BY_DATE
    assert len(file[0]) == 2
    assert "88" not in str(file)


def test_the_board_is_not_sorted_by_what_one_may_not_see(viewer, orders):
    boards = [
        viewer.get("/filiais", {"ordem": sort}).content.decode().partition("<tbody")[2]
        for sort in ("", "a_pagar", "vencidos")
    ]

    assert [titles("<tbody" + board) for board in boards] == [titles("<tbody" + boards[0])] * 3
    assert len(titles("<tbody" + boards[0])) == 2


# --- what is over, and whose it never was -------------------------------------------------------


@pytest.mark.parametrize("whole", [True, False])
def test_the_link_of_somebody_who_is_gone_ends_nothing_and_fails_nowhere(cast, whole):
    person = make_person("Gone")
    key = person.pk
    person.delete()
    ending = Ending(key) if whole else Ending(key, cast.alfa.pk, uuid.uuid4())

    answer = Client().post(f"/parar-avisos/{sign_ending(ending)}")

    assert answer.status_code == 200
    assert not NotificationChoice.objects.filter(person_id=key).exists()


def test_the_link_of_who_left_the_company_ends_their_follow_alone(cast, orders):
    kept, ended = (
        Follow.objects.create(
            company=cast.alfa,
            person=person,
            order=orders["A1"],
            order_key=orders["A1"].public_id,
            created_at=NOW,
            checked_at=NOW,
        )
        for person in (cast.bruno, cast.ana)
    )
    Membership.objects.filter(person=cast.ana).update(is_active=False)
    own = Ending(cast.ana.pk, cast.alfa.pk, ended.public_id)
    crossed = (
        Ending(cast.ana.pk, cast.alfa.pk, kept.public_id),
        Ending(cast.bruno.pk, cast.beta.pk, kept.public_id),
        own,
    )

    answers = [Client().post(f"/parar-avisos/{sign_ending(each)}") for each in crossed]

    assert [each.status_code for each in answers] == [200, 200, 200]
    assert list(Follow.objects.all()) == [kept]
    assert not any(b"450011" in each.content for each in answers)


def test_who_was_removed_hears_nothing_of_a_list_that_was_written(
    cast, client_for, orders, settings, mailoutbox
):
    settings.PORTAL_EXPORT_AT_ONCE = 0
    for person in (cast.ana, cast.bruno):
        client_for(person).post("/pedidos/exportar", {"formato": "csv"})
    assert ListExport.objects.count() == 2
    # It was written, and the mail waits: the mail server was away.
    ListExport.objects.update(
        state="done", name="exports/x", expires_at=timezone.now() + timedelta(days=1)
    )
    Membership.objects.filter(person=cast.ana).update(is_active=False)

    with tenancy.scope(role=tenancy.WORKER):
        exporting.tell_finished(now=clock.now())

    assert [mail.to for mail in mailoutbox] == [[cast.bruno.email]]


# --- what no list can keep ----------------------------------------------------------------------


def test_too_long_a_filter_is_told_and_not_kept(cast, lenient, orders, settings):
    settings.PORTAL_EXPORT_AT_ONCE = 0
    client = lenient(cast.ana)
    branches = [f"{place:014}" for place in range(150)]
    query = "&".join(f"filial={each}" for each in [*branches, "12345678000195"])

    saved = client.post("/pedidos/visoes", {"nome": "all", "lista": query})
    asked = client.post(
        "/pedidos/exportar", {"filial": [*branches, "12345678000195"], "formato": "csv"}
    )
    follows = client.post(
        "/pedidos/seguir", {"filial": [*branches, "12345678000195"], "nome": "x", "tipo": "order"}
    )

    assert saved.status_code == 400
    assert "longo demais" in saved.content.decode()
    assert (asked.status_code, follows.status_code) == (302, 302)
    assert "longo demais" in client.get("/pedidos").content.decode()
    assert not SavedView.objects.exists()
    assert not ListExport.objects.exists()
    assert not Follow.objects.exists()


LISTS = (
    *("/pedidos", "/pedidos/sugestoes", "/pedidos/colunas", "/pedidos/visoes", "/pedidos/lote"),
    *("/pedidos/exportacoes", "/filiais", "/ajuda", "/paleta", "/reconhecer", "/conta/avisos"),
    *("/conta/atalhos", "/pedidos/{order}", "/pedidos/{order}/itens", "/pedidos/{order}/historico"),
)
FORMS = (
    *("/pedidos/exportar", "/pedidos/selecao", "/pedidos/lote", "/pedidos/visoes"),
    *("/pedidos/colunas", "/pedidos/seguir", "/conta/preferencias", "/conta/avisos/escolhas"),
    *("/conta/atalhos", "/conta/boas-vindas", "/pedidos/{order}/seguir"),
)
NAMES = (
    *("q", "em", "after", "por_pagina", "visao", "listar", "situacao", "origem", "filial", "de"),
    *("ate", "feito_por", "minimo", "maximo", "so", "ordem", "pagina", "item", "depois", "parte"),
    *("lista", "nome", "coluna", "up", "down", "numeros", "pedido", "acao", "formato", "tipo"),
    *("language", "time_zone", "theme", "leading_number", "next", "ritmo", "hora", "dias"),
    *("silencio_de", "silencio_ate", "search", "help", "empresa"),
)
ODD = {
    "long": "x" * 5000,
    "nul": "4500\x00111",
    "huge": "9" * 400,
    "below-zero": "-1",
    "not-a-number": "NaN",
    "the-ends-of-time": "9999-12-31",
    "before-time": "0001-01-01",
    "half-a-pair": "\ud7ff%00\u202e",
    "sql": "') OR 1=1; --",
}


@pytest.mark.parametrize("value", ODD.values(), ids=ODD)
def test_no_value_breaks_a_page_however_often_it_comes(cast, lenient, orders, value):
    client = lenient(cast.ana)
    order = str(orders["A1"].public_id)
    # Twice and more: what is read as one must not be lost over a second.
    given = {name: [value, "4500111", value] for name in NAMES}

    answers = {}
    for path in LISTS:
        headers = {"HX-Request": "true"}
        answers[path] = client.get(path.format(order=order), given, headers=headers)
        typed = {name: values for name, values in given.items() if name != "q"}
        answers[f"{path} whole"] = client.get(path.format(order=order), typed)
    for path in FORMS:
        answers[f"{path} post"] = client.post(path.format(order=order), given)
    for answer in answers.values():
        if answer.streaming:
            # Read to its end, so that its file is closed.
            assert b"".join(answer.streaming_content)

    assert {path: a.status_code for path, a in answers.items() if a.status_code >= 500} == {}


# --- the seller's people ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["suzana", "teo"])
def test_staff_leave_nothing_of_theirs_in_a_company(cast, client_for, orders, name):
    client = client_for(getattr(cast, name))
    order = orders["A1"].public_id
    if name == "suzana":
        started = client.post(
            reverse("portal:act"), {"q": "4500110", "order": str(order), "reason": "call 1"}
        )
        assert started.status_code == 302
    base = f"/c/{cast.alfa.public_id}"
    view = SavedView.objects.create(
        company=cast.alfa,
        person=cast.ana,
        name="shared",
        query="so=andamento",
        is_shared=True,
        created_at=NOW,
        changed_at=NOW,
    )

    for path, given in (
        ("/pedidos/visoes", {"nome": "mine", "lista": "so=andamento"}),
        (f"/pedidos/visoes/{view.public_id}", {"nome": "theirs", "empresa": "1"}),
        (f"/pedidos/visoes/{view.public_id}/apagar", {}),
        ("/pedidos/seguir", {"so": "andamento", "nome": "x", "tipo": "order"}),
        (f"/pedidos/{order}/seguir", {}),
    ):
        assert client.post(f"{base}{path}", given).status_code in {403, 404}
    own = client.get(f"{base}/pedidos", {"visao": view.public_id.hex}, follow=True)

    assert set(titles(own.content.decode())) == set(AMOUNTS)
    assert [row.name for row in SavedView.objects.all()] == ["shared"]
    assert not Follow.objects.exists()
    assert not ListPreference.objects.exists()


def test_a_seller_sees_no_amounts_in_any_file_of_a_customer(cast, client_for, orders):
    client = client_for(cast.teo)
    base = f"/c/{cast.alfa.public_id}"
    ids = [str(each.public_id) for each in orders.values()]

    for path, given in (
        ("/pedidos/exportar", {"ordem": "-total"}),
        ("/pedidos/selecao", {"pedido": ids}),
        ("/pedidos/lote", {"numeros": "4500110\n4500111\n4500112", "acao": "csv"}),
    ):
        text = str(rows(client.post(f"{base}{path}", given | {"formato": "csv"})))
        assert all(title in text for title in AMOUNTS)
        assert not any(amount.replace(".", ",") in text for amount in AMOUNTS.values())
