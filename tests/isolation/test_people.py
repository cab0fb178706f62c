"""People's administration: another company's people, invitations and requests do not exist."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from b2b_orders.companies.models import Company, Invitation, JoinRequest, PeopleImport, Role
from tests.factories import NOW, make_member, make_person
from tests.isolation.test_addresses import PEOPLE_ROUTES, answer

NAMED = sorted(route for route in PEOPLE_ROUTES if "public_id" in route and route[0] != "c")


def make_things(company: Company, person) -> dict[str, uuid.UUID]:
    """Make one of each thing that an address of the administration names."""
    invitation = Invitation.objects.create(
        company=company,
        email="x@x.example",
        role="viewer",
        token_hash=f"i{company.pk}",
        asked_at=NOW,
        expires_at=timezone.now() + timedelta(days=7),
    )
    wish = JoinRequest.objects.create(
        company=company,
        email="y@x.example",
        name="Y",
        token_hash=f"j{company.pk}",
        asked_at=NOW,
        proved_at=NOW,
    )
    given = PeopleImport.objects.create(company=company, person=person, given_at=NOW)
    return {
        "pessoas/importar": given.public_id,
        "pessoas": person.public_id,
        "convites": invitation.public_id,
        "solicitacoes": wish.public_id,
    }


def path_of(route: str, things: dict[str, uuid.UUID]) -> str:
    kind = next(kind for kind in things if route.startswith(f"empresa/{kind}/<"))
    return "/" + route.replace("<uuid:public_id>", str(things[kind]))


@pytest.mark.parametrize("method", ["get", "htmx", "post"])
@pytest.mark.parametrize("name", ["rita", "helga", "ana"])
def test_nothing_of_another_companys_administration_exists(cast, client_for, name, method):
    boss, helga = make_person("Boss"), make_person("Helga")
    make_member(boss, cast.beta, Role.ADMIN)
    make_member(helga, cast.alfa, Role.ADMIN, tax_ids=("12345678000276",))
    betas = make_things(cast.beta, boss)
    never = {kind: uuid.uuid4() for kind in betas}
    client = client_for({"rita": cast.rita, "helga": helga, "ana": cast.ana}[name])
    client.get("/pedidos")

    for route in NAMED:
        theirs = answer(client, method, path_of(route, betas))
        assert theirs == answer(client, method, path_of(route, never)), route
        assert theirs[0] in {404, 405}
    assert Invitation.objects.get().revoked_at is None
    assert JoinRequest.objects.get().state == "waiting"
    assert boss.memberships.get().is_active


def test_an_administrators_own_things_exist(cast, client_for):
    alfas = make_things(cast.alfa, cast.rita)
    client = client_for(cast.rita)
    client.get("/pedidos")

    found = {route: answer(client, "get", path_of(route, alfas))[0] for route in NAMED}

    assert found == {
        "empresa/convites/<uuid:public_id>/reenviar": 405,
        "empresa/convites/<uuid:public_id>/revogar": 405,
        "empresa/pessoas/<uuid:public_id>": 200,
        "empresa/pessoas/<uuid:public_id>/remover": 200,
        "empresa/pessoas/<uuid:public_id>/sessoes": 405,
        "empresa/pessoas/importar/<uuid:public_id>": 200,
        "empresa/solicitacoes/<uuid:public_id>": 200,
    }
