"""/empresa/pessoas and /empresa/ajustes: who belongs to the company, and what each may see."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session

from b2b_orders.audit.invitations import hash_of
from b2b_orders.audit.models import Action, AuditEvent
from b2b_orders.audit.people import change_member
from b2b_orders.common import tenancy
from b2b_orders.common.errors import InvalidInput
from b2b_orders.companies.access import Actor
from b2b_orders.companies.models import (
    Acting,
    Company,
    EmailDomain,
    Invitation,
    Membership,
    PeopleImport,
    Role,
)
from b2b_orders.companies.people import Grant, administrators
from b2b_orders.companies.viewers import read_standing
from b2b_orders.documents.models import CalendarFeed, Document, ShareLink
from tests.b2b_orders.portal.pages import parse, texts, words
from tests.factories import NOW, make_member, make_person

MAIN, BRANCH = "12345678000195", "12345678000276"
ROW = "//table//tbody/tr/th"
NAME = f"{ROW}/a"


@pytest.fixture
def rita(client_for, cast):
    return client_for(cast.rita)


@pytest.fixture
def helga(cast):
    """An administrator of Alfa's branch only."""
    helga = make_person("Helga")
    make_member(helga, cast.alfa, Role.ADMIN, tax_ids=(BRANCH,))
    return helga


def page_of(person, ending: str = "") -> str:
    return f"/empresa/pessoas/{person.public_id}{ending}"


def whole(role: str = "buyer", **rights: str) -> dict[str, object]:
    return {"role": role, "scope": "company", **rights}


def branches(role: str, *ids: int) -> dict[str, object]:
    return {"role": role, "scope": "establishments", "establishment": list(ids)}


def member(person, company) -> Membership:
    return Membership.objects.get(person=person, company=company)


def lines(action: Action) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(action=action))


def session_of(client, person) -> str:
    """Have a session listed as one of a person's; return its key."""
    key = client.session.session_key
    about = {"user": person, "ip": "192.0.2.1", "user_agent": "x"}
    UserSession.objects.get_or_create(session_key=key, defaults=about)
    return key


def is_open(key: str) -> bool:
    return Session.objects.filter(pk=key).exists()


# --- looking -------------------------------------------------------------------------------


def test_administrator_sees_everybody_of_the_company_and_nobody_else(rita, cast):
    Authenticator.objects.create(user=cast.ana, type=Authenticator.Type.TOTP, data={})
    Authenticator.objects.create(user=cast.bruno, type="recovery_codes", data={})

    page = rita.get("/empresa/pessoas")

    assert texts(page, NAME) == [
        *("Ana", "Bruno", "Carla", "Davi", "Rita"),
    ]
    assert texts(page, "//table//tbody/tr/td[4]") == ["Sim", "Não", "Não", "Não", "Não"]
    assert "Matriz" not in words(page)
    assert texts(page, "//table//tbody/tr[3]/td[2]") == ["12.345.678/0002-76"]
    assert texts(page, "//table//tbody/tr[1]/td[2]") == ["Empresa inteira"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=ANA", ["Ana"]),
        ("q=bruno@example", ["Bruno"]),
        ("role=finance", ["Bruno"]),
        ("state=removed", ["Zoe"]),
        ("q=nobody", []),
    ],
)
def test_people_are_found_by_name_address_role_and_state(rita, cast, query, found):
    zoe = make_person("Zoe")
    make_member(zoe, cast.alfa)
    Membership.objects.filter(person=zoe).update(is_active=False, removed_at=NOW)

    page = rita.get(f"/empresa/pessoas?{query}")

    assert texts(page, NAME) == found


def test_people_who_see_a_branch_are_those_of_it_and_of_the_whole_company(rita, cast):
    page = rita.get(f"/empresa/pessoas?branch={cast.alfa_main.pk}")

    assert "Carla" not in words(page, "//table")
    assert "Ana" in words(page, "//table")


def test_the_number_of_a_branch_is_never_broken(rita, cast):
    page = rita.get("/empresa/pessoas")

    assert "12.345.678/0002-76" in texts(page, "//tbody//span[@class='nowrap']")
    assert texts(page, "//tbody/tr[contains(., 'Carla')]/td[2]") == ["12.345.678/0002-76"]


def test_whoever_sees_nothing_yet_is_pointed_out_and_is_told_so(rita, cast, client_for, world):
    zoe = make_person("Zoe")
    make_member(zoe, cast.alfa)
    assert "ainda não vê nada" not in words(rita.get("/empresa/pessoas"))
    Membership.objects.filter(person=zoe).update(is_scoped=True)

    page = rita.get("/empresa/pessoas")
    alone = rita.get(parse(page).xpath("//a[normalize-space()='Mostrar quem']/@href")[0])
    hers = client_for(zoe).get("/pedidos")

    assert "1 pessoa da empresa ainda não vê nada" in words(page, "//*[@role='status']")
    assert texts(alone, NAME) == ["Zoe"]
    assert words(alone, "//tbody/tr/td[5]") == "Ainda não vê nada"
    assert "Nenhuma filial da Alfa Distribuidora está liberada para você" in words(hers, "//main")
    assert "ainda não tem pedidos" not in words(hers)

    rita.post(f"/empresa/pessoas/{zoe.public_id}", branches("buyer", cast.alfa_main.pk))

    assert "ainda não vê nada" not in words(rita.get("/empresa/pessoas"))
    assert len(texts(client_for(zoe).get("/pedidos"), "//tbody/tr")) > 0


def test_more_people_than_a_page_holds_are_listed_once_each_page_by_page(rita, cast):
    for number in range(60):
        make_member(make_person("Same Name", f"p{number}@example.com"), cast.alfa)
    found, address = [], "/empresa/pessoas"
    while address:
        page = rita.get(address)
        found += texts(page, f"{ROW}/span[contains(@class, 'break')]")
        address = next(iter(parse(page).xpath("//a[@rel='next']/@href")), "")

    assert len(found) == 65
    assert len(set(found)) == 65
    assert rita.get("/empresa/pessoas?after=nonsense").status_code == 302


@pytest.mark.parametrize("name", ["ana", "bruno", "carla", "davi", "beto", "teo", "olga"])
def test_administration_does_not_exist_for_who_does_not_administer(cast, client_for, name):
    client = client_for(getattr(cast, name))
    client.get("/")

    for path in ("/empresa/pessoas", page_of(cast.bruno), "/empresa/convites", "/empresa/ajustes"):
        for answer in (client.get(path), client.post(path, whole("admin"))):
            # The seller's people look at no company here, and are sent to their own page.
            expected = {302, 405} if name in {"teo", "olga"} else {404, 405}
            assert answer.status_code in expected, path
    assert member(cast.bruno, cast.alfa).role == Role.FINANCE


def test_person_of_another_company_does_not_exist(rita, cast):
    unknown = rita.get(f"/empresa/pessoas/{uuid.uuid4()}")
    theirs = rita.get(page_of(cast.beto))

    assert (theirs.status_code, unknown.status_code) == (404, 404)
    assert words(theirs, "//main") == words(unknown, "//main")
    assert rita.post(page_of(cast.beto), whole("viewer")).status_code == 404
    assert rita.post(page_of(cast.beto, "/remover")).status_code == 404
    assert member(cast.beto, cast.beta).role == Role.BUYER


def test_export_holds_the_list_and_runs_no_formula(rita, cast):
    make_member(make_person('=HYPERLINK("http://x")', "evil@example.com"), cast.alfa)

    text = b"".join(rita.get("/empresa/pessoas/exportar").streaming_content).decode()

    assert text.startswith("\ufeffNome;E-mail;")
    assert "Carla;carla@example.com;Comprador;12.345.678/0002-76;" in text
    assert """"'=HYPERLINK(""http://x"")";evil@example.com""" in text
    assert "beto" not in text
    [line] = lines(Action.PERSON_EXPORTED)
    assert (line.company, line.object_kind, line.detail) == (cast.alfa, "people", {"people": 6})


# --- changing ------------------------------------------------------------------------------


def test_role_scope_and_rights_are_changed_and_hold_at_the_next_page(rita, cast, client_for):
    ana = client_for(cast.ana)
    assert ana.get("/financeiro").status_code == 200

    form = branches("buyer", cast.alfa_branch.pk) | {"sees_finance": "no", "sees_prices": "yes"}
    response = rita.post(page_of(cast.ana), form)

    assert response.status_code == 302
    changed = member(cast.ana, cast.alfa)
    assert (changed.role, changed.is_scoped, changed.sees_finance) == (Role.BUYER, True, False)
    # What the role has anyway is not kept apart from it.
    assert changed.sees_prices is None
    assert [scope.establishment_id for scope in changed.scopes.all()] == [cast.alfa_branch.pk]
    assert ana.get("/financeiro").status_code == 404
    [line] = lines(Action.MEMBER_CHANGED)
    assert (line.person_id, line.company_id) == (cast.rita.pk, cast.alfa.pk)
    assert line.object_id == str(cast.ana.public_id)
    assert line.detail["before"] == {"role": "buyer", "establishments": None, "rights": {}}
    assert line.detail["after"] == {
        "role": "buyer",
        "establishments": [cast.alfa_branch.pk],
        "rights": {"sees_finance": False},
    }


def test_saving_what_is_so_already_leaves_no_line(rita, cast):
    assert rita.post(page_of(cast.ana), whole()).status_code == 302

    assert lines(Action.MEMBER_CHANGED) == []


@pytest.mark.parametrize(
    "form",
    [
        {"scope": "company"},
        {"role": "owner", "scope": "company"},
        {"role": "buyer", "scope": "establishments"},
        {"role": "buyer", "scope": "establishments", "establishment": ["x"]},
    ],
)
def test_form_without_role_or_branch_changes_nothing(rita, cast, form):
    response = rita.post(page_of(cast.ana), form)

    assert response.status_code == 400
    assert parse(response).xpath("//*[@role='alert']")
    assert lines(Action.MEMBER_CHANGED) == []


def test_branch_of_another_company_cannot_be_given(rita, cast):
    response = rita.post(page_of(cast.ana), branches("buyer", cast.beta_main.pk))

    assert response.status_code == 400
    assert not member(cast.ana, cast.alfa).is_scoped


@pytest.mark.parametrize("path", ["", "/remover", "/sessoes"])
def test_nobody_changes_or_removes_themself(rita, cast, path):
    response = rita.post(page_of(cast.rita, path), whole("viewer"))

    assert response.status_code == 400
    assert "Você não pode alterar nem remover a si mesmo" in words(response)
    assert member(cast.rita, cast.alfa).is_active
    assert member(cast.rita, cast.alfa).role == Role.ADMIN


def test_last_administrator_of_the_whole_company_stays_one(cast, client_for):
    # Sonia manages people, too, but cannot sign in: she would be no administrator that is left.
    sonia = make_person("Sonia")
    make_member(sonia, cast.alfa, Role.ADMIN)
    sonia.is_active = False
    sonia.save()
    Membership.objects.filter(person=cast.ana).update(manages_people=True, sees_access_record=True)
    ana = client_for(cast.ana)

    assert ana.post(page_of(cast.rita), whole("viewer")).status_code == 302

    assert [row.person for row in administrators(cast.alfa.pk)] == [cast.ana]


def test_two_administrators_who_demote_each_other_leave_one(cast):
    second = make_person("Sonia")
    make_member(second, cast.alfa, Role.ADMIN)
    viewers = [read_standing(p.pk).viewer_of_company(cast.alfa.pk) for p in (cast.rita, second)]

    def demote(viewer, person) -> None:
        with tenancy.scope(role=tenancy.WEB, company_id=cast.alfa.pk, person_id=viewer.person_id):
            change_member(
                viewer=viewer,
                actor=Actor(viewer.person_id),
                public_id=person.public_id,
                grant=Grant(Role.VIEWER),
                now=NOW,
            )

    # Both requests began while both were administrators.
    demote(viewers[0], second)
    with pytest.raises(InvalidInput, match="last-administrator"):
        demote(viewers[1], cast.rita)

    assert member(cast.rita, cast.alfa).role == Role.ADMIN


def test_nobody_gives_a_right_that_they_lack(cast, client_for):
    Membership.objects.filter(person=cast.ana).update(manages_people=True, sees_finance=False)
    ana = client_for(cast.ana)

    for form in (whole("admin"), whole("viewer", sees_finance="yes")):
        response = ana.post(page_of(cast.davi), form | {"sees_prices": "no"})
        assert response.status_code == (400 if "admin" in str(form) else 302)

    # Davi was a buyer with finance: what he had may stay.
    assert lines(Action.MEMBER_CHANGED)[0].detail["after"]["role"] == "viewer"
    viewer = make_person("Vera")
    make_member(viewer, cast.alfa, Role.VIEWER)
    refused = ana.post(page_of(viewer), whole("viewer", sees_finance="yes"))
    assert refused.status_code == 400
    assert "Você não pode dar um direito que não tem" in words(refused)
    assert member(viewer, cast.alfa).sees_finance is None


def test_administrator_of_a_branch_sees_and_changes_only_people_of_it(cast, client_for, helga):
    client = client_for(helga)
    in_branch = branches("viewer", cast.alfa_branch.pk)

    assert texts(client.get("/empresa/pessoas"), NAME) == [
        *("Carla", "Helga"),
    ]
    for person in (cast.ana, cast.rita, cast.davi):
        assert client.get(page_of(person)).status_code == 404
        for path in ("", "/remover"):
            assert client.post(page_of(person, path), in_branch).status_code == 404
    for form in (whole("buyer"), branches("buyer", cast.alfa_main.pk)):
        assert client.post(page_of(cast.carla), form).status_code == 400
    assert client.post(page_of(cast.carla), in_branch).status_code == 302
    assert member(cast.carla, cast.alfa).role == Role.VIEWER
    for path in ("/empresa/ajustes", "/empresa/solicitacoes"):
        assert client.get(path).status_code == 404
        assert client.post(path).status_code in {404, 405}


# --- removing ------------------------------------------------------------------------------


def test_removed_person_sees_nothing_from_the_next_request_on(rita, cast, client_for, world):
    ana = client_for(cast.ana)
    assert ana.get("/pedidos").status_code == 200
    session = session_of(ana, cast.ana)
    Invitation.objects.create(
        company=cast.alfa,
        email="x@example.com",
        role="admin",
        token_hash="x",
        invited_by=cast.ana,
        asked_at=NOW,
        expires_at=NOW + timedelta(days=7),
    )

    assert "Remover Ana da Alfa Distribuidora?" in words(rita.get(page_of(cast.ana, "/remover")))
    rita.post(page_of(cast.ana, "/remover"))

    assert ana.get("/pedidos")["Location"] == "/accounts/login/?next=/pedidos"
    for path in ("/api/v1/orders", f"/api/v1/orders/{world.o1.public_id}"):
        assert ana.get(path).status_code == 401
    # She may log in again, and is in no company.
    again = client_for(cast.ana)
    answers = [again.get(path).status_code for path in ("/pedidos", "/api/v1/orders")]
    assert answers == [403, 403]
    gone = member(cast.ana, cast.alfa)
    assert (gone.is_active, gone.removed_at) == (False, NOW)
    assert not is_open(session)
    [line] = lines(Action.MEMBER_REMOVED)
    assert set(line.detail) == {"before", "invitations_ended"}
    # What she asked others in for ends with her; her orders stay the company's.
    assert Invitation.objects.get().revoked_at == NOW
    assert rita.get(f"/pedidos/{world.o1.public_id}").status_code == 200


def test_links_of_somebody_who_was_removed_open_nothing(rita, cast, client, world):
    document = Document.objects.filter(state="available")[0]
    share, calendar = "s" * 32, "c" * 43
    common = {"company": cast.alfa, "person": cast.ana, "created_at": NOW}
    expires_at = NOW + timedelta(days=7)
    ShareLink.objects.create(
        **common, document=document, token_hash=hash_of(share), expires_at=expires_at
    )
    CalendarFeed.objects.create(**common, token_hash=hash_of(calendar))
    paths = (f"/d/{share}", f"/calendario/{calendar}.ics")
    assert [client.get(path).status_code for path in paths] == [200, 200]

    rita.post(page_of(cast.ana, "/remover"))

    assert [client.get(path).status_code for path in paths] == [404, 404]


def test_who_belongs_to_another_company_stays_signed_in_there(rita, cast, client_for):
    davi = client_for(cast.davi)
    davi.get("/pedidos")
    session = session_of(davi, cast.davi)

    rita.post(page_of(cast.davi, "/remover"))

    page = davi.get("/pedidos")
    assert page.status_code == 200
    assert "Beta Comércio" in words(page, "//header")
    assert "Alfa" not in words(page)
    assert is_open(session)
    [line] = lines(Action.MEMBER_REMOVED)
    assert set(line.detail) == {"before", "invitations_ended"}
    # The company's own pages refuse him in the API, too.
    named = davi.get("/api/v1/orders", {"company": str(cast.alfa.public_id)})
    assert named.status_code == 404


def test_sessions_of_a_lost_telephone_are_ended(rita, cast, client_for):
    session = session_of(client_for(cast.ana), cast.ana)

    assert rita.post(page_of(cast.ana, "/sessoes")).status_code == 302

    assert not is_open(session)
    [line] = lines(Action.SESSION_ENDED)
    assert (line.object_id, line.person_id) == (str(cast.ana.public_id), cast.rita.pk)


# --- who acts for the company --------------------------------------------------------------


@pytest.fixture
def acting(cast, client_for, world):
    client = client_for(cast.suzana)
    client.post(
        "/atendimento/atuar",
        {"q": world.o1.title, "order": str(world.o1.public_id), "reason": "call 4711"},
    )
    return client


def test_support_that_acts_reads_the_people_and_changes_none(acting, cast):
    home = f"/c/{cast.alfa.public_id}"

    page = acting.get(f"{home}/empresa/pessoas")
    refused = [
        acting.post(f"{home}{page_of(cast.ana)}", whole("admin")),
        acting.post(f"{home}{page_of(cast.ana, '/remover')}"),
        acting.post(f"{home}/empresa/convites/novo", whole() | {"email": "x@y.example"}),
        acting.post(f"{home}/empresa/ajustes", {"default_scope": "establishments"}),
    ]

    assert page.status_code == 200
    assert "Ana" in words(page, "//table")
    assert "Convidar" not in words(page, "//main")
    assert [each.status_code for each in refused] == [403, 403, 403, 403]
    assert "Só leitura durante a atuação" in words(refused[0], "//main")
    assert member(cast.ana, cast.alfa).role == Role.BUYER
    assert Invitation.objects.count() == 0


def test_support_that_acts_is_told_that_forms_are_not_for_it(acting, cast):
    home = f"/c/{cast.alfa.public_id}/empresa"
    given = PeopleImport.objects.create(company=cast.alfa, person=cast.rita, given_at=NOW)

    for path in ("convites/novo", "pessoas/importar", f"pessoas/importar/{given.public_id}"):
        assert acting.get(f"{home}/{path}").status_code == 403


def test_borrowed_eyes_see_no_administration(acting, cast):
    Acting.objects.update(seen_as=member(cast.rita, cast.alfa))

    assert acting.get(f"/c/{cast.alfa.public_id}/empresa/pessoas").status_code == 404


def test_seller_of_the_portfolio_sees_no_people(cast, client_for):
    client = client_for(cast.teo)
    client.get("/")

    assert client.get(f"/c/{cast.alfa.public_id}/empresa/pessoas").status_code == 404


# --- settings ------------------------------------------------------------------------------


def test_settings_are_changed_for_the_own_company_alone(rita, cast):
    own = EmailDomain.objects.create(domain="alfa.example", company=cast.alfa, verified_at=NOW)
    unverified = EmailDomain.objects.create(domain="new.example", company=cast.alfa)
    theirs = EmailDomain.objects.create(domain="beta.example", company=cast.beta, verified_at=NOW)

    page = rita.get("/empresa/ajustes")
    response = rita.post(
        "/empresa/ajustes",
        {
            "default_scope": "establishments",
            "requires_second_factor": "1",
            "domain": [own.pk, unverified.pk, theirs.pk],
        },
    )

    assert "Sem segundo fator agora: Ana, Bruno, Carla, Davi, Rita" in words(page)
    assert "new.example ainda não verificado" in words(page)
    assert response.status_code == 302
    alfa = Company.objects.get(pk=cast.alfa.pk)
    assert (alfa.default_scope, alfa.requires_second_factor) == ("establishments", True)
    assert dict(EmailDomain.objects.values_list("domain", "may_join")) == {
        "alfa.example": True,
        "new.example": False,
        "beta.example": False,
    }
    assert Company.objects.get(pk=cast.beta.pk).default_scope == "company"
    [line] = lines(Action.COMPANY_CHANGED)
    assert line.detail["after"] == {
        "default_scope": "establishments",
        "requires_second_factor": True,
        "may_join": ["alfa.example"],
    }


def test_unknown_scope_changes_no_setting(rita, cast):
    assert rita.post("/empresa/ajustes", {"default_scope": "world"}).status_code == 400
    assert lines(Action.COMPANY_CHANGED) == []
