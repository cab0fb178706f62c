"""What somebody of staff would try who wants to see more than they may."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
import time_machine

from b2b_orders.companies.models import (
    Acting,
    Membership,
    Portfolio,
    StaffProfile,
    StaffRole,
)
from b2b_orders.companies.staffing import save_staff
from b2b_orders.companies.viewers import read_standing, viewer_of_asker
from b2b_orders.portal.views import access_record, audit_search, telesales_customers
from erp_bridge.records import NumberKind
from tests.b2b_orders.portal.conftest import address
from tests.b2b_orders.portal.test_support import start
from tests.factories import NOW, make_order


def put_role(person, role: StaffRole) -> None:
    save_staff(
        person_public_id=person.public_id,
        role=role,
        team="",
        seller_code="",
        rights=frozenset(),
        now=NOW,
    )


# --- a portfolio that is left over -----------------------------------------------------------


@pytest.mark.parametrize("role", [StaffRole.SUPPORT, StaffRole.OPERATIONS])
def test_a_portfolio_opens_nothing_to_who_sells_no_more(teo, cast, world, role):
    inside = f"/c/{cast.alfa.public_id}"
    paths = (
        f"{inside}{address(world.o1)}",
        f"{inside}/pedidos",
        f"/api/v1/orders/{world.o1.public_id}?company={cast.alfa.public_id}",
        f"/televendas/clientes/{cast.alfa.public_id}",
    )
    assert [teo.get(path).status_code for path in paths] == [200, 200, 200, 200]

    put_role(cast.teo, role)

    assert Portfolio.objects.filter(staff=cast.teo.staff).exists()
    assert [teo.get(path).status_code for path in paths] == [404, 404, 404, 404]
    standing = read_standing(cast.teo.pk)
    assert (standing.portfolio, standing.portfolio_viewers) == ((), ())


@pytest.mark.parametrize("role", [StaffRole.SUPPORT, StaffRole.OPERATIONS])
def test_what_was_asked_for_as_telesales_is_not_built_for_another_role(cast, role):
    def asked():
        return viewer_of_asker(person_id=cast.teo.pk, company_id=cast.alfa.pk, is_staff=True)

    assert asked() is not None

    put_role(cast.teo, role)

    assert asked() is None


# --- acting ----------------------------------------------------------------------------------


def test_acting_for_one_company_opens_no_other_and_no_other_session(
    suzana, client_for, cast, world
):
    start(suzana, world.o1)
    elsewhere = client_for(cast.suzana)
    beta = cast.beta.public_id
    tried = (
        suzana.get(f"/c/{beta}/pedidos"),
        suzana.get(f"/c/{cast.gama.public_id}/pedidos"),
        suzana.get(f"/api/v1/orders?company={beta}"),
        suzana.get(f"/c/{str(cast.alfa.public_id).upper()}/pedidos"),
        suzana.get(f"/c/{cast.alfa.public_id}/pedidos/{world.o5.public_id}"),
        suzana.get(f"/api/v1/orders/{world.o5.public_id}?company={cast.alfa.public_id}"),
        suzana.get(f"/c/{beta}/pedidos?company={cast.alfa.public_id}"),
        elsewhere.get(f"/c/{cast.alfa.public_id}/pedidos"),
        elsewhere.get(f"/api/v1/orders?company={cast.alfa.public_id}"),
    )

    assert [answer.status_code for answer in tried] == [404] * len(tried)
    assert suzana.get(f"/c/{cast.alfa.public_id}/pedidos").status_code == 200


def test_the_eyes_of_a_member_of_another_company_are_not_borrowed_even_by_a_forged_row(
    suzana, cast, world
):
    start(suzana, world.o1)
    theirs = Membership.objects.get(person=cast.davi, company=cast.beta)
    answer = suzana.post(
        f"/c/{cast.alfa.public_id}/atuacao/visao", {"person": str(cast.beto.public_id)}
    )
    Acting.objects.update(seen_as=theirs)

    seen = suzana.get(f"/c/{cast.alfa.public_id}{address(world.o5)}")

    assert (answer.status_code, seen.status_code) == (404, 404)


def test_who_lost_the_role_does_not_find_acting_again_with_it(suzana, cast, world):
    start(suzana, world.o1)
    inside = f"/c/{cast.alfa.public_id}/pedidos"
    assert suzana.get(inside).status_code == 200

    put_role(cast.suzana, StaffRole.TELESALES)
    put_role(cast.suzana, StaffRole.SUPPORT)

    assert suzana.get(inside).status_code == 404


@pytest.mark.parametrize("block", ["freshness", "lookup", "downloads", "making", "rereading"])
def test_a_page_that_asks_by_itself_keeps_no_acting_alive(suzana, cast, world, block):
    inside = f"/c/{cast.alfa.public_id}"
    with time_machine.travel(NOW, tick=False):
        start(suzana, world.o1)
    with time_machine.travel(NOW + timedelta(minutes=20), tick=False):
        polled = suzana.get(
            f"{inside}{address(world.o1)}/fontes",
            headers={"HX-Request": "true", "HX-Trigger": block},
        )
        left = suzana.get("/atendimento/tempo", {"company": str(cast.alfa.public_id)}).json()
    with time_machine.travel(NOW + timedelta(minutes=31), tick=False):
        later = suzana.get(f"{inside}/pedidos")

    assert (polled.status_code, left) == (200, {"seconds": 600})
    assert later.status_code == 404


# --- files that are handed out slowly ----------------------------------------------------------


def read(response) -> list[list[str]]:
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text), delimiter=";"))


def test_an_export_that_is_read_slowly_ends_when_a_customer_is_taken_away(teo, cast, monkeypatch):
    monkeypatch.setattr(telesales_customers, "EXPORT_PAGE", 1)
    for number in ("4500001", "4500002", "4500003"):
        make_order(cast.alfa, [(NumberKind.ERP, number)])
    response = teo.get("/televendas/clientes/exportar")
    stream = iter(response.streaming_content)
    begun = next(stream) + next(stream)

    Portfolio.objects.all().delete()
    rest = b"".join(stream)

    assert b"4500003" in begun
    assert rest == b""


def test_an_export_of_the_companys_record_ends_with_the_right_to_read_it(
    client_for, cast, world, monkeypatch
):
    monkeypatch.setattr(access_record, "EXPORT_PAGE", 1)
    rita = client_for(cast.rita)
    for _ in range(3):
        rita.get(address(world.o1))
    stream = iter(rita.get("/empresa/acessos/exportar").streaming_content)
    begun = next(stream)

    Membership.objects.filter(person=cast.rita).update(is_active=False)

    assert begun.count(b"\r\n") == 2
    assert b"".join(stream) == b""


def test_an_export_of_the_record_ends_for_who_is_of_operations_no_more(
    client_for, cast, world, monkeypatch
):
    monkeypatch.setattr(audit_search, "EXPORT_PAGE", 1)
    olga = client_for(cast.olga)
    for _ in range(3):
        olga.get("/operacao/auditoria")
    stream = iter(olga.get("/operacao/auditoria/exportar").streaming_content)
    begun = next(stream)

    StaffProfile.objects.filter(person=cast.olga).update(role=StaffRole.SUPPORT)

    assert begun.count(b"\r\n") == 2
    assert b"".join(stream) == b""
