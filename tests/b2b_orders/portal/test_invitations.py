"""Invitations: asked by administrators, mailed by workers, accepted by whom they were mailed to."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from b2b_orders.accounts.models import Person
from b2b_orders.audit.invitations import send_invitations
from b2b_orders.audit.models import Action, AuditEvent
from b2b_orders.common.mail import MailFailed
from b2b_orders.companies.models import (
    EmailDomain,
    IdentityProvider,
    Invitation,
    Membership,
    MembershipScope,
    Role,
)
from b2b_orders.portal import people_mail
from tests.b2b_orders.portal.pages import parse, texts, words
from tests.factories import NOW, PASSWORD, make_member, make_person

NOVA = "nova@alfa.example"
STRONG = "verde abacate 71 tijolos"
BRANCH = "12345678000276"
SECRETS_OF_A_PAGE = re.compile(rb'(?<=name="csrfmiddlewaretoken" value=")\w+|(?<=nonce=")[^"]+')


@pytest.fixture
def rita(client_for, cast):
    return client_for(cast.rita)


def ask(client, email: str = NOVA, role: str = "viewer", **more):
    form = {"email": email, "name": "Nova Pessoa", "role": role, "scope": "company"} | more
    return client.post("/empresa/convites/novo", form)


def link() -> str:
    """Have the mail sent and take the newest link from it, as an address of ours."""
    people_mail.send_waiting(now=NOW)
    return re.search(r"/convite/\w+", str(mail.outbox[-1].body))[0]


def opened(path: str, client: Client | None = None) -> Client:
    client = client or Client()
    response = client.get(path)
    assert (response.status_code, response["Location"]) == (302, "/convite")
    return client


# --- asking --------------------------------------------------------------------------------


def test_invited_person_sets_a_password_and_is_in(rita, cast):
    assert ask(rita, "Nova@Alfa.example", sees_prices="yes").status_code == 302
    client = opened(link())

    page = client.get("/convite")
    response = client.post("/convite", {"name": "Nova Silva", "password": STRONG})

    assert "Convite para a Alfa Distribuidora" in words(page, "//h1")
    assert "Rita convidou você." in words(page)
    assert (response.status_code, response["Location"]) == (302, "/pedidos")
    nova = Person.objects.get(email=NOVA)
    assert (nova.name, nova.language) == ("Nova Silva", "pt-br")
    assert nova.check_password(STRONG)
    address = EmailAddress.objects.get(user=nova)
    assert (address.email, address.verified, address.primary) == (NOVA, True, True)
    member = Membership.objects.get(person=nova)
    assert (member.company, member.role) == (cast.alfa, Role.VIEWER)
    assert (member.sees_prices, member.is_scoped) == (True, False)
    assert "Alfa Distribuidora" in words(client.get("/pedidos"), "//header")
    actions = AuditEvent.objects.filter(company=cast.alfa).order_by("pk")
    assert [(line.action, line.person) for line in actions] == [
        ("person_invited", cast.rita),
        ("invitation_accepted", nova),
    ]
    assert actions[0].detail["email"] == NOVA


def test_the_mail_goes_out_once_with_the_link_and_nothing_else_secret(rita, cast):
    ask(rita)

    first, second = people_mail.send_waiting(now=NOW), people_mail.send_waiting(now=NOW)

    assert (first, second) == (1, 0)
    [message] = mail.outbox
    assert message.to == [NOVA]
    assert message.subject == "Convite para a Alfa Distribuidora"
    assert "Rita convida você a ver os pedidos e documentos da Alfa Distribuidora" in message.body
    assert "17/03/2026" in message.body
    row = Invitation.objects.get()
    secret = re.search(r"/convite/(\w+)", message.body)[1]
    assert (row.sent_at, len(secret)) == (NOW, 64)
    # Of the secret nothing is kept that opens the link.
    assert secret not in str(Invitation.objects.values().get())


def test_a_mail_server_that_is_away_is_tried_again_and_given_up_after_a_day(rita, cast):
    ask(rita)

    def away(_mail) -> None:
        raise MailFailed("no-mail-server", is_final=False)

    assert send_invitations(now=NOW, send=away) == 0
    assert Invitation.objects.get().outcome == ""
    assert send_invitations(now=NOW + timedelta(days=2), send=away) == 0

    assert Invitation.objects.get().outcome == "given-up"
    assert "Não pôde ser enviado" in words(rita.get("/empresa/convites"), "//table")


@pytest.mark.parametrize(
    ("email", "says"),
    [
        ("ana@example.com", "Esta pessoa já está na empresa"),
        ("ANA@example.com ", "Esta pessoa já está na empresa"),
        (NOVA, "Este endereço já foi convidado"),
        ("nobody", "endereço de e-mail"),
        ("a" * 250 + "@x.example", "endereço de e-mail"),
    ],
)
def test_whom_one_cannot_invite_one_is_told_why(rita, cast, email, says):
    ask(rita)

    response = ask(rita, email)

    assert response.status_code == 400
    assert says in words(response, "//*[@role='alert']")
    assert Invitation.objects.count() == 1


def test_administrator_of_a_branch_invites_into_the_branch_alone(cast, client_for, rita):
    helga = make_person("Helga")
    make_member(helga, cast.alfa, Role.ADMIN, tax_ids=(BRANCH,))
    client = client_for(helga)
    ask(rita)

    whole = ask(client, "x@alfa.example")
    main = ask(client, "x@alfa.example", scope="establishments", establishment=cast.alfa_main.pk)
    branch = ask(
        client, "x@alfa.example", scope="establishments", establishment=cast.alfa_branch.pk
    )

    assert [each.status_code for each in (whole, main, branch)] == [400, 400, 302]
    # Nor does she see whom others asked into the whole company.
    listed = texts(client.get("/empresa/convites"), "//tbody//th/strong")
    assert listed == ["x@alfa.example"]
    of_all = Invitation.objects.get(email=NOVA)
    for what in ("reenviar", "revogar"):
        assert client.post(f"/empresa/convites/{of_all.public_id}/{what}").status_code == 404
    opened(link()).post("/convite", {"name": "X", "password": STRONG})
    [scope] = MembershipScope.objects.filter(person__email="x@alfa.example")
    assert scope.establishment == cast.alfa_branch


def test_invitation_of_another_company_does_not_exist(rita, cast, client_for):
    boss = make_person("Boss")
    make_member(boss, cast.beta, Role.ADMIN)
    ask(rita)
    row = Invitation.objects.get()
    client = client_for(boss)

    assert texts(client.get("/empresa/convites"), "//tbody//th") == []
    for what in ("reenviar", "revogar"):
        assert client.post(f"/empresa/convites/{row.public_id}/{what}").status_code == 404
    assert Invitation.objects.get().revoked_at is None


# --- links that lead nowhere -----------------------------------------------------------------


def revoke(rita, row) -> None:
    assert rita.post(f"/empresa/convites/{row.public_id}/revogar").status_code == 302


def use(_rita, row) -> None:
    Invitation.objects.filter(pk=row.pk).update(accepted_at=NOW)


def expire(_rita, row) -> None:
    Invitation.objects.filter(pk=row.pk).update(expires_at=NOW)


def close(_rita, row) -> None:
    type(row.company).objects.filter(pk=row.company_id).update(is_active=False)


def switch_off(_rita, row) -> None:
    person = make_person("Off", row.email)
    person.is_active = False
    person.save()


@pytest.mark.parametrize("happened", [revoke, use, expire, close, switch_off])
def test_a_link_that_has_ended_is_answered_as_one_that_never_was(rita, cast, happened):
    ask(rita)
    path = link()
    waiting = opened(path)
    happened(rita, Invitation.objects.get())
    client = Client()
    client.get("/convite")

    def answer(address: str):
        with CaptureQueriesContext(connection) as captured:
            response = client.get(address)
        body = SECRETS_OF_A_PAGE.sub(b"-", response.content)
        return response.status_code, body, len(captured.captured_queries)

    assert answer(path) == answer("/convite/" + "0" * 64)
    assert answer(path)[0] == 404
    # Who had it open before fares no better.
    post = waiting.post("/convite", {"name": "X", "password": STRONG})
    assert post.status_code == 404
    assert not Membership.objects.filter(person__email=NOVA).exists()


def test_a_link_works_once(rita, cast):
    ask(rita)
    path = link()
    first, second = opened(path), opened(path)

    assert first.post("/convite", {"name": "X", "password": STRONG}).status_code == 302
    assert second.post("/convite", {"name": "Y", "password": STRONG}).status_code == 404

    assert Person.objects.get(email=NOVA).name == "X"


def test_who_came_in_by_a_link_and_opens_it_again_goes_in(rita, cast, client_for):
    ask(rita)
    path = link()
    client = opened(path)
    client.post("/convite", {"name": "X", "password": STRONG})

    assert client.get(path)["Location"] == "/pedidos"
    # For everybody else it leads nowhere, and for its own once they were removed.
    assert client_for(cast.beto).get(path).status_code == 404
    assert rita.get(path).status_code == 404
    Membership.objects.filter(person__email=NOVA).update(is_active=False)
    assert client.get(path).status_code == 404


def test_who_guesses_links_is_stopped_even_from_a_real_one(rita, cast):
    ask(rita)
    path = link()
    client = Client()
    for _ in range(30):
        client.get("/convite/" + "0" * 64)

    assert client.get(path).status_code == 404


def test_sending_again_keeps_the_link_and_gives_it_its_whole_time(rita, cast, client_for):
    ask(rita)
    path = link()
    row = Invitation.objects.get()
    with time_machine.travel(NOW + timedelta(days=8), tick=False):
        assert Client().get(path).status_code == 404
        client_for(cast.rita).post(f"/empresa/convites/{row.public_id}/reenviar")
        assert people_mail.send_waiting(now=NOW + timedelta(days=8)) == 1
        opened(path)

    row.refresh_from_db()
    assert row.expires_at == NOW + timedelta(days=15)
    assert path in str(mail.outbox[-1].body)


def test_a_link_is_not_sent_again_at_once_but_when_it_failed(rita, cast):
    ask(rita)
    people_mail.send_waiting(now=NOW)
    again = f"/empresa/convites/{Invitation.objects.get().public_id}/reenviar"

    page = rita.post(again, follow=True)
    assert "Foi enviado agora há pouco" in words(page)
    assert people_mail.send_waiting(now=NOW) == 0

    Invitation.objects.update(outcome="recipient-refused")
    rita.post(again)
    assert people_mail.send_waiting(now=NOW) == 1


def test_a_company_invites_so_many_in_a_day(rita, cast, settings):
    settings.PORTAL_INVITATIONS_A_DAY = 2

    answers = [ask(rita, f"p{number}@alfa.example").status_code for number in range(3)]

    assert answers == [302, 302, 400]
    Invitation.objects.update(asked_at=NOW - timedelta(days=1))
    assert ask(rita, "p3@alfa.example").status_code == 302


def test_address_whose_invitation_expired_can_be_invited_anew(rita, cast):
    ask(rita)
    Invitation.objects.update(expires_at=NOW)

    assert ask(rita).status_code == 302

    assert Invitation.objects.filter(revoked_at=None).count() == 1


# --- accepting ----------------------------------------------------------------------------------


def test_who_has_an_account_logs_in_and_confirms(rita, cast):
    beto_email = cast.beto.email
    ask(rita, beto_email)
    client = opened(link())

    page = client.get("/convite")
    refused = client.post("/convite", {"name": "Evil", "password": STRONG})
    assert "Há uma conta com o endereço beto@example.com" in words(page)
    assert refused.status_code == 400
    cast.beto.refresh_from_db()
    assert (cast.beto.name, cast.beto.check_password(PASSWORD)) == ("Beto", True)

    client.post("/accounts/login/", {"login": beto_email, "password": PASSWORD})
    assert "Você está na conta beto@example.com" in words(client.get("/convite"))
    response = client.post("/convite")

    assert response.status_code == 302
    assert set(Membership.objects.filter(person=cast.beto).values_list("company", flat=True)) == {
        *(cast.alfa.pk, cast.beta.pk),
    }
    assert "Alfa" in words(client.get("/pedidos"), "//h1")


def test_nobody_else_can_use_the_link(rita, cast, client_for):
    ask(rita)
    beto = opened(link(), client_for(cast.beto))

    page = beto.get("/convite")
    response = beto.post("/convite")

    assert "O convite é para nova@alfa.example, e você está na conta beto@example.com" in words(
        page
    )
    assert response.status_code == 400
    assert not Membership.objects.filter(person=cast.beto, company=cast.alfa).exists()
    # Logging out keeps the invitation open for whom it is meant.
    assert beto.post("/convite", {"do": "leave"}).status_code == 302
    assert parse(beto.get("/convite")).xpath("//input[@name='password']")


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"name": "Nova", "password": "12345678"}, "senha"),
        ({"name": "Nova", "password": ""}, "senha"),
        ({"name": "  ", "password": STRONG}, "Escreva o nome"),
    ],
)
def test_a_weak_password_or_no_name_makes_nobody(rita, cast, form, says):
    ask(rita)
    client = opened(link())

    response = client.post("/convite", form)

    assert response.status_code == 400
    assert says in words(response, "//*[@role='alert']")
    assert not Person.objects.filter(email=NOVA).exists()
    assert client.post("/convite", {"name": "Nova", "password": STRONG}).status_code == 302


def test_who_must_sign_in_by_the_companys_provider_sets_no_password(rita, cast):
    provider = IdentityProvider.objects.create(
        slug="alfa",
        kind="oidc",
        label="Entra da Alfa",
        company=cast.alfa,
        is_required=True,
        created_at=NOW,
        changed_at=NOW,
    )
    EmailDomain.objects.create(
        domain="alfa.example", company=cast.alfa, provider=provider, verified_at=NOW
    )
    ask(rita)
    client = opened(link())

    page = client.get("/convite")
    response = client.post("/convite", {"name": "Nova", "password": STRONG})

    assert "entram por Entra da Alfa" in words(page)
    assert parse(page).xpath("//input[@name='password']") == []
    assert response.status_code == 400
    assert not Person.objects.filter(email=NOVA).exists()


def test_removed_person_comes_back_by_a_new_invitation(rita, cast, client_for):
    rita.post(f"/empresa/pessoas/{cast.ana.public_id}/remover")
    assert ask(rita, cast.ana.email).status_code == 302

    assert opened(link(), client_for(cast.ana)).post("/convite").status_code == 302

    member = Membership.objects.get(person=cast.ana)
    assert (member.is_active, member.removed_at, member.role) == (True, None, Role.VIEWER)


def test_secret_of_a_link_stands_in_no_address_after_it_was_opened(rita, cast):
    ask(rita)
    path = link()
    client = opened(path)

    page = client.get("/convite")

    assert path.rpartition("/")[2] not in page.content.decode()
    assert page["Cache-Control"] == "private, no-store"
    assert not AuditEvent.objects.filter(detail__icontains=path.rpartition("/")[2]).exists()
    assert AuditEvent.objects.filter(action=Action.NOT_VISIBLE).count() == 0
