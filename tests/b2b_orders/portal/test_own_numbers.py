"""Own numbers on an order's page: who adds them, the warning, what was typed, taking away."""

from __future__ import annotations

import pytest

from b2b_orders.ingest import added_work
from b2b_orders.orders.added import take_waiting
from b2b_orders.orders.models import AddedNumber
from erp_bridge.records import NumberKind
from tests.b2b_orders.portal.conftest import address
from tests.b2b_orders.portal.pages import parse, texts, words
from tests.factories import NOW, make_order


@pytest.fixture(autouse=True)
def woken(monkeypatch) -> list[str]:
    calls: list[str] = []
    monkeypatch.setattr(added_work, "wake_aside", lambda: calls.append("now"))
    return calls


def form_of(order) -> str:
    return f"{address(order)}/numeros"


def own(page) -> list[str]:
    return texts(page, "//*[@id='own-numbers']//li")


def test_a_buyer_adds_a_number_and_everybody_of_the_company_finds_the_order(
    ana, client_for, cast, world, woken, django_capture_on_commit_callbacks
):
    form = ana.get(form_of(world.o1))
    assert parse(form).xpath("//input[@name='number']/@value") == [""]
    with django_capture_on_commit_callbacks(execute=True):
        answer = ana.post(form_of(world.o1), {"number": " REQ  2026/7 "})

    assert answer["Location"] == address(world.o1) + "#own-numbers"
    assert woken == ["now"]
    assert own(ana.get(address(world.o1))) == [
        "REQ 2026/7 adicionado por Ana, 10:00 · em instantes na busca Retirar REQ 2026/7"
    ]
    take_waiting(now=NOW)
    rita = client_for(cast.rita)
    assert rita.get("/pedidos", {"q": "req20267"})["Location"].startswith(address(world.o1))
    assert own(rita.get(address(world.o1))) == [
        "REQ 2026/7 adicionado por Ana, 10:00 Retirar REQ 2026/7"
    ]


def test_telesales_and_support_add_numbers_for_their_customer(teo, suzana, ana, cast, world):
    base = f"/c/{cast.alfa.public_id}"
    found = suzana.get("/atendimento", {"q": "0004500987"})
    reason = parse(found).xpath("//tbody//a/@href")[0]
    query = {"q": "0004500987", "order": str(world.o2.public_id), "reason": "chamado 8812"}
    assert reason.startswith("/atendimento/atuar")
    suzana.post("/atendimento/atuar", query)

    for client, number in ((teo, "T-11"), (suzana, "S-22")):
        answer = client.post(base + form_of(world.o2), {"number": number})
        assert answer["Location"] == base + address(world.o2) + "#own-numbers"

    assert own(ana.get(address(world.o2))) == [
        "T-11 adicionado por Teo (Televendas), 10:00 · em instantes na busca",
        "S-22 adicionado por Suzana (Atendimento), 10:00 · em instantes na busca",
    ]


def test_a_number_in_use_is_added_only_when_one_goes_on_and_stays_typed(ana, world):
    warned = ana.post(form_of(world.o2), {"number": "po 2026 0815"})

    assert warned.status_code == 400
    assert "Este número já leva ao pedido 1172452900788-01." in words(warned)
    assert parse(warned).xpath("//input[@name='number']/@value") == ["po 2026 0815"]
    confirmed = parse(warned).xpath("//input[@name='confirmed']/@value")
    assert not AddedNumber.objects.exists()

    changed = ana.post(form_of(world.o2), {"number": "1172452900999-01", "confirmed": confirmed[0]})
    assert changed.status_code == 400
    assert not AddedNumber.objects.exists()
    ana.post(form_of(world.o2), {"number": "po 2026 0815", "confirmed": confirmed[0]})
    assert AddedNumber.objects.get().written == "po 2026 0815"


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("", "Digite o número."),
        ("7", "É curto demais para achar um pedido: pelo menos duas letras ou dígitos."),
        ("9" * 61, "Um número tem no máximo 60 caracteres."),
        ("OC 77-A", "O pedido já é encontrado por este número."),
    ],
)
def test_what_cannot_be_used_says_why_at_the_field_and_keeps_it(ana, world, typed, problem):
    answer = ana.post(form_of(world.o2), {"number": typed})

    assert answer.status_code == 400
    assert texts(answer, "//*[@id='number-error']") == [problem]
    assert parse(answer).xpath("//input[@name='number']/@value") == [typed]


def test_a_hostile_number_is_shown_as_text(ana, world):
    ana.post(form_of(world.o2), {"number": "<script>alert(1)</script>\0"})

    page = ana.get(address(world.o2))
    assert own(page)[0].startswith("<script>alert(1)</script>")
    assert parse(page).xpath("//*[@id='own-numbers']//script") == []


def test_only_the_author_and_an_administrator_take_a_number_away(ana, client_for, cast, world):
    ana.post(form_of(world.o2), {"number": "REQ 7"})
    take = parse(ana.get(address(world.o2))).xpath("//*[@id='own-numbers']//form/@action")[0]
    davi, rita = client_for(cast.davi), client_for(cast.rita)
    davi.get("/pedidos")

    assert parse(davi.get(address(world.o2))).xpath("//*[@id='own-numbers']//form") == []
    assert davi.post(take).status_code == 404
    assert AddedNumber.objects.filter(removed_at=None).count() == 1
    assert rita.post(take)["Location"] == address(world.o2) + "#own-numbers"
    assert own(ana.get(address(world.o2))) == []


def test_a_branch_is_not_warned_of_orders_that_it_does_not_see(client_for, cast, world):
    make_order(cast.alfa, ((NumberKind.CUSTOMER, "REQ 9"),), establishment=cast.alfa_main)
    carla = client_for(cast.carla)

    assert carla.post(form_of(world.o2), {"number": "REQ 9"}).status_code == 302
    assert carla.post(form_of(world.o1), {"number": "REQ 9"}).status_code == 404
