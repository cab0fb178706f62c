"""/operacao/equipe: who of the seller may do what, teams, and whom a salesperson looks after."""

from __future__ import annotations

from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator

from b2b_orders.audit.models import Action, AuditEvent
from b2b_orders.common import tenancy
from b2b_orders.common.errors import NotAllowed
from b2b_orders.companies.access import StaffViewer
from b2b_orders.companies.models import Acting, Company, StaffProfile, StaffRole, Team
from b2b_orders.companies.staffing import (
    get_staff,
    list_portfolio,
    list_staff,
    list_team_companies,
    list_teams,
)
from b2b_orders.companies.viewers import read_standing
from b2b_orders.ingest import errands
from b2b_orders.ingest.errands import run_errand
from b2b_orders.ingest.models import Errand
from tests.b2b_orders.portal.pages import parse, texts, words
from tests.b2b_orders.portal.test_support import start
from tests.factories import NOW, make_person, make_staff

LIST = "/operacao/equipe"


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errands, "_wake_worker_aside", lambda errand_id: None)


@pytest.fixture
def olga(cast, client_for):
    return client_for(cast.olga)


def page_of(person) -> str:
    return f"{LIST}/{person.public_id}"


def post(client, path: str, errand: str, reason: str = "pedido 12 do RH", **fields):
    return client.post(path, {"errand": errand, "reason": reason, **fields})


def do_it(client, response) -> str:
    """Have a worker do the errand that was asked for; return what the page says of it."""
    assert response.status_code == 302, words(response)
    errand = Errand.objects.latest("pk")
    with tenancy.scope(role=tenancy.WORKER):
        run_errand(errand_id=errand.pk, clock=lambda: NOW + timedelta(seconds=1))
    return words(client.get(response["Location"]), "//*[@id='errand']")


def put_staff(client, person, **fields):
    values = {"change": "put", "role": "support", "can_see_as_company": "yes"}
    return post(client, page_of(person), "staff", **(values | fields))


# --- the list -----------------------------------------------------------------------------------


def test_the_list_says_what_each_of_staff_is(olga, cast, world):
    team = Team.objects.create(name="Sul")
    StaffProfile.objects.filter(person=cast.suzana).update(team=team)
    Authenticator.objects.create(user=cast.suzana, type="totp", data={})
    cast.suzana.last_login = NOW - timedelta(minutes=5)
    cast.suzana.save()

    response = olga.get(LIST)

    rows = {row.split()[0]: row for row in texts(response, "(//table)[1]//tbody/tr")}
    assert rows["Suzana"] == (
        "Suzana suzana@example.com Atendimento Sul Ver como toda a empresa 0 09:55 configurado"
    )
    assert rows["Teo"].startswith("Teo teo@example.com Televendas V7 todas as empresas")
    assert "1 nunca falta" in rows["Teo"]
    assert "Sul 1 0" in words(response)


@pytest.mark.parametrize("role", ["suzana", "teo"])
def test_others_of_staff_read_none_of_it(cast, client_for, role):
    client = client_for(getattr(cast, role))
    viewer = StaffViewer(getattr(cast, role).pk, StaffRole.SUPPORT)

    assert client.get(LIST).status_code == 404
    assert client.get(page_of(cast.teo)).status_code == 404
    assert post(client, page_of(cast.teo), "staff", change="end").status_code == 404
    for read in (list_staff, list_teams):
        with pytest.raises(NotAllowed):
            read(viewer=viewer)
    for read in (get_staff, list_portfolio):
        with pytest.raises(NotAllowed):
            read(viewer=viewer, public_id=cast.teo.public_id)
    with pytest.raises(NotAllowed):
        list_team_companies(viewer=viewer, team_id=1)
    assert not Errand.objects.exists()


def test_a_buyer_has_no_page_here(olga, cast):
    assert olga.get(page_of(cast.ana)).status_code == 404
    assert post(olga, page_of(cast.ana), "staff", change="end").status_code == 404


# --- what one may do ----------------------------------------------------------------------------


def test_rights_change_at_the_next_request_and_are_in_the_record(olga, cast, world):
    Team.objects.create(name="Sul")

    said = do_it(olga, put_staff(olga, cast.suzana, team="Sul", can_see_as_company=""))

    assert "Suzana foi alterado." in said
    staff = read_standing(cast.suzana.pk).staff
    assert staff is not None
    assert (staff.role, staff.can_see_as_company) == ("support", False)
    assert staff.team_id == Team.objects.get().pk
    line = AuditEvent.objects.get(action=Action.STAFF_CHANGED)
    assert (line.person_id, line.object_kind, line.object_id, line.reason) == (
        cast.olga.pk,
        "person",
        str(cast.suzana.public_id),
        "pedido 12 do RH",
    )
    assert line.detail["before"]["rights"] == ["can_see_as_company"]
    assert line.detail["now"] == {"role": "support", "team": "Sul", "seller_code": "", "rights": []}


def test_a_change_needs_a_reason_and_keeps_what_was_typed(olga, cast):
    response = put_staff(
        olga, cast.suzana, reason="oi", role="telesales", seller_code="V9", form="staff"
    )

    assert response.status_code == 400
    chosen = parse(response).xpath("//select[@name='role']/option[@selected]/@value")
    assert chosen == ["telesales"]
    assert parse(response).xpath("//input[@name='seller_code']/@value") == ["V9"]
    assert not Errand.objects.exists()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"role": "king"}, "Escolha um papel."),
        ({"role": ""}, "Escolha um papel."),
        ({"team": "Atlântida"}, "Essa equipe não existe mais."),
        ({"seller_code": "9" * 61}, "no máximo 60"),
    ],
)
def test_what_cannot_be_is_said_at_its_field(olga, cast, fields, said):
    response = put_staff(olga, cast.suzana, form="staff", **fields)

    assert response.status_code == 400
    assert said in words(response)
    assert not Errand.objects.exists()


def test_nobody_changes_their_own_rights(olga, cast):
    response = put_staff(olga, cast.olga, role="support")

    assert response.status_code == 400
    assert not Errand.objects.exists()
    assert parse(olga.get(page_of(cast.olga))).xpath("//main//form") == []


def test_nor_does_a_worker_for_them(olga, cast, world):
    """However the errand was written: who asks is not whom it is about."""
    do_it(olga, put_staff(olga, cast.suzana, role="telesales"))
    errand = Errand.objects.latest("pk")
    params = errand.params | {"person": str(cast.olga.public_id), "role": "support"}
    forged = Errand.objects.create(
        kind="staff", params=params, person=cast.olga, reason="x" * 9, asked_at=NOW
    )
    moved = Errand.objects.create(
        kind="move-customer",
        params={"company": str(cast.alfa.public_id), "from": "", "to": str(cast.olga.public_id)},
        person=cast.olga,
        reason="x" * 9,
        asked_at=NOW,
    )

    for row in (forged, moved):
        run_errand(errand_id=row.pk, clock=lambda: NOW)
        row.refresh_from_db()
        assert (row.state, row.outcome["code"]) == ("failed", "own-rights")

    assert StaffProfile.objects.get(person=cast.olga).role == "operations"


def test_who_is_no_longer_of_staff_is_out_at_once(olga, cast, world, suzana):
    start(suzana, world.o1)
    alfa = f"/c/{cast.alfa.public_id}/pedidos"
    assert suzana.get(alfa).status_code == 200

    said = do_it(olga, post(olga, page_of(cast.suzana), "staff", change="end"))

    assert "Suzana não faz mais parte da equipe." in said
    assert suzana.get(alfa).status_code == 404
    assert suzana.get("/atendimento").status_code == 404
    assert not Acting.objects.filter(ended_at=None).exists()
    line = AuditEvent.objects.get(action=Action.STAFF_CHANGED)
    assert (line.detail["before"]["role"], line.detail["now"]) == ("support", {})


def test_somebody_who_signs_in_can_be_made_one_of_staff(olga, cast, world):
    make_person("Saulo")
    unknown = post(olga, LIST, "staff", email="nobody@example.com", role="support", form="new")
    known = post(olga, LIST, "staff", email="suzana@example.com", role="support", form="new")

    said = do_it(olga, post(olga, LIST, "staff", email=" Saulo@Example.com", role="support"))

    assert "Ninguém entra com este e-mail." in words(unknown)
    assert "já é da equipe" in words(known)
    assert "Saulo foi alterado." in said
    made = StaffProfile.objects.get(person__name="Saulo")
    assert (made.role, made.can_see_as_company, made.can_see_prices) == ("support", False, False)


# --- portfolios ---------------------------------------------------------------------------------


def test_a_customer_that_moves_appears_and_disappears_at_the_next_request(
    olga, cast, world, teo, client_for
):
    tina = make_person("Tina")
    make_staff(tina, StaffRole.TELESALES)
    page = f"/c/{cast.alfa.public_id}/pedidos"
    assert teo.get(page).status_code == 200
    assert client_for(tina).get(page).status_code == 404

    fields = {"change": "away", "company": str(cast.alfa.public_id), "to": str(tina.public_id)}
    said = do_it(olga, post(olga, page_of(cast.teo), "move-customer", **fields))

    assert "Alfa Distribuidora mudou de carteira." in said
    assert teo.get(page).status_code == 404
    assert "0004500987" not in words(teo.get("/televendas"))
    assert client_for(tina).get(page).status_code == 200
    line = AuditEvent.objects.get(action=Action.STAFF_CHANGED)
    assert (line.company_id, line.detail["from"], line.detail["to"]) == (
        cast.alfa.pk,
        str(cast.teo.public_id),
        str(tina.public_id),
    )


def test_a_customer_is_added_by_name(olga, cast, world, teo):
    missing = post(olga, page_of(cast.teo), "move-customer", company="Nada", form="add")

    do_it(olga, post(olga, page_of(cast.teo), "move-customer", company="beta comércio"))

    assert "Não há empresa com esse nome ou id." in words(missing)
    assert teo.get(f"/c/{cast.beta.public_id}/pedidos").status_code == 200
    assert texts(olga.get(page_of(cast.teo)), "//section[@aria-label]//tbody/tr/th") == [
        "Alfa Distribuidora CNPJ …0001-95",
        "Beta Comércio CNPJ …01DE-35",
    ]


def test_what_is_not_in_a_portfolio_is_not_taken_out_of_it(olga, cast):
    fields = {"change": "away", "company": str(cast.beta.public_id), "to": ""}

    response = post(olga, page_of(cast.teo), "move-customer", **fields)

    assert response.status_code == 404
    assert not Errand.objects.exists()


# --- teams --------------------------------------------------------------------------------------


def test_a_team_is_made_renamed_and_dropped_once_it_is_empty(olga, cast, world):
    assert "A equipe se chama Sul." in do_it(
        olga, post(olga, LIST, "team", change="put", name="Sul")
    )
    team = Team.objects.get()
    said = do_it(olga, post(olga, LIST, "team", change="put", team=team.pk, name="Sul e Sudeste"))
    assert "A equipe se chama Sul e Sudeste." in said
    do_it(olga, post(olga, LIST, "company-team", company="Beta Comércio", team="Sul e Sudeste"))
    assert [
        each.name
        for each in list_team_companies(
            viewer=StaffViewer(cast.olga.pk, StaffRole.OPERATIONS), team_id=team.pk
        )
    ] == ["Beta Comércio"]

    said = do_it(olga, post(olga, LIST, "team", change="drop", team=team.pk))
    assert "A equipe Sul e Sudeste ainda tem pessoas ou empresas" in said
    assert Team.objects.exists()
    do_it(olga, post(olga, LIST, "company-team", company="Beta Comércio", team=""))
    do_it(olga, post(olga, LIST, "team", change="drop", team=team.pk))
    assert not Team.objects.exists()
    assert AuditEvent.objects.filter(action=Action.STAFF_CHANGED).count() == 6


def test_a_team_of_that_name_is_not_made_twice(olga, cast):
    Team.objects.create(name="Sul")

    response = post(olga, LIST, "team", change="put", name="SUL", form="team")

    assert "Já há uma equipe com esse nome." in words(response)
    assert not Errand.objects.exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"change": "put", "team": "77", "name": "X"},
        {"change": "drop"},
        {"change": "?", "name": "x"},
    ],
)
def test_a_change_of_a_team_that_is_not_there_does_not_exist(olga, cast, fields):
    assert post(olga, LIST, "team", **fields).status_code == 404


def test_a_companys_team_holds_at_the_next_search(olga, cast, world, suzana):
    Team.objects.create(name="Sul")
    Team.objects.create(name="Norte")
    do_it(olga, put_staff(olga, cast.suzana, team="Sul"))
    assert "Beta" in words(suzana.get("/atendimento?q=0007700001"), "//tbody")

    do_it(olga, post(olga, LIST, "company-team", company="Beta Comércio", team="Norte"))

    assert "Este número é de um cliente da equipe Norte." in words(
        suzana.get("/atendimento?q=0007700001")
    )
    assert Company.objects.get(pk=cast.beta.pk).team.name == "Norte"
