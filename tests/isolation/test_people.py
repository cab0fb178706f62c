"""People's administration: another company's people, invitations and requests do not exist."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.utils import timezone

from b2b_orders.common import tenancy
from b2b_orders.companies.models import (
    Company,
    EmailDomain,
    Invitation,
    JoinRequest,
    Membership,
    PeopleImport,
    Role,
)
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


def test_the_database_alone_lets_nobody_change_a_company_that_is_not_entered(cast):
    # Davi belongs to both, looks at Beta, and the code has forgotten every filter.
    make_things(cast.alfa, cast.rita)
    EmailDomain.objects.create(domain="alfa.example", company=cast.alfa)
    fresh = {"company": cast.alfa, "role": "admin", "asked_at": NOW, "expires_at": NOW}

    with tenancy.scope(role=tenancy.WEB, company_id=cast.beta.pk, person_id=cast.davi.pk):
        of_alfa = Membership.objects.filter(person=cast.davi, company=cast.alfa)
        seen = of_alfa.count()
        changed = [
            of_alfa.update(role=Role.ADMIN),
            of_alfa.delete()[0],
            Company.objects.filter(pk=cast.alfa.pk).update(default_scope="establishments"),
            EmailDomain.objects.update(may_join=True),
            Invitation.objects.update(role="admin"),
            JoinRequest.objects.update(state="approved"),
            PeopleImport.objects.all().delete()[0],
        ]
    for make in (
        lambda: Invitation.objects.create(**fresh, email="e@x.example", token_hash="e"),
        lambda: Membership.objects.create(person=cast.beto, company=cast.alfa, role=Role.ADMIN),
    ):
        with (
            pytest.raises(DatabaseError),
            tenancy.scope(role=tenancy.WEB, company_id=cast.beta.pk, person_id=cast.davi.pk),
        ):
            make()

    assert (seen, changed) == (1, [0] * 7)
    with tenancy.scope(role=tenancy.WEB, company_id=cast.alfa.pk, person_id=cast.rita.pk):
        own = Company.objects.filter(pk=cast.alfa.pk)
        assert own.update(default_scope="establishments") == 1


def test_one_secret_opens_one_row(cast):
    make_things(cast.alfa, cast.rita)
    make_things(cast.beta, cast.beto)

    with tenancy.scope(role=tenancy.WEB):
        tenancy.enter_token(f"i{cast.alfa.pk}")
        found = list(Invitation.objects.values_list("company", flat=True))
        wishes = JoinRequest.objects.count()
        changed = Invitation.objects.update(role="admin")
        tenancy.enter_token("")
        without = Invitation.objects.count()

    assert (found, wishes, changed, without) == ([cast.alfa.pk], 0, 0, 0)
