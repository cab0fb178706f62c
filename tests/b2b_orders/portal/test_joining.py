"""Asking to be let into one's company: always answered alike, decided by its administrators."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client

from b2b_orders.audit.models import Action, AuditEvent
from b2b_orders.companies.models import EmailDomain, Invitation, JoinRequest, Membership, Role
from b2b_orders.portal import people_mail
from tests.b2b_orders.portal.pages import texts, words
from tests.factories import NOW, make_member, make_person

NOVA = "nova@alfa.example"
STRONG = "verde abacate 71 tijolos"
TOKEN = re.compile(rb'(?<=name="csrfmiddlewaretoken" value=")\w+|(?<=nonce=")[^"]+')


@pytest.fixture
def rita(client_for, cast):
    return client_for(cast.rita)


@pytest.fixture
def domain(cast) -> EmailDomain:
    return EmailDomain.objects.create(
        domain="alfa.example", company=cast.alfa, may_join=True, verified_at=NOW
    )


def ask(email: str = NOVA, message: str = "Sou do fiscal"):
    form = {"email": email, "name": "Nova Pessoa", "message": message}
    return Client().post("/entrar-na-empresa", form)


def prove() -> None:
    people_mail.send_waiting(now=NOW)
    path = re.search(r"/confirmar-endereco/\w+", str(mail.outbox[-1].body))[0]
    client = Client()
    assert client.get(path)["Location"] == "/confirmar-endereco"
    assert client.post("/confirmar-endereco").status_code == 200


def test_wish_is_proved_told_approved_and_becomes_a_way_in(rita, cast, domain):
    ask()
    assert texts(rita.get("/empresa/solicitacoes"), "//tbody//th") == []
    prove()
    people_mail.send_waiting(now=NOW)

    told = mail.outbox[-1]
    assert told.to == [cast.rita.email]
    assert f"/c/{cast.alfa.public_id}/empresa/solicitacoes" in told.body
    page = rita.get("/empresa/solicitacoes")
    assert "Nova Pessoa" in words(page, "//tbody")
    assert "Sou do fiscal" in words(page, "//tbody")
    # The navigation says that somebody waits.
    assert texts(page, "//header//nav//span[@class='count']") == ["1"]

    wish = JoinRequest.objects.get()
    response = rita.post(
        f"/empresa/solicitacoes/{wish.public_id}",
        {"decision": "approve", "role": "viewer", "scope": "company"},
    )
    people_mail.send_waiting(now=NOW)

    assert response.status_code == 302
    path = re.search(r"/convite/\w+", str(mail.outbox[-1].body))[0]
    client = Client()
    client.get(path)
    assert client.post("/convite", {"name": "Nova", "password": STRONG}).status_code == 302
    assert Membership.objects.get(person__email=NOVA).role == Role.VIEWER
    recorded = AuditEvent.objects.order_by("pk").values_list("action", flat=True)
    assert [str(each) for each in recorded if each.startswith(("join", "person", "invit"))] == [
        *("join_asked", "person_invited", "join_decided", "invitation_accepted"),
    ]


def close_domain(domain) -> None:
    EmailDomain.objects.update(may_join=False)


def unverify(domain) -> None:
    EmailDomain.objects.update(verified_at=None)


def other_domain(domain) -> None:
    EmailDomain.objects.update(domain="else.example")


@pytest.mark.parametrize("happened", [close_domain, unverify, other_domain])
def test_the_answer_does_not_tell_whether_a_company_is_known(cast, domain, happened):
    known = TOKEN.sub(b"-", ask("a@alfa.example").content)
    happened(domain)

    answer = ask("b@alfa.example")

    assert answer.status_code == 200
    assert TOKEN.sub(b"-", answer.content) == known
    assert JoinRequest.objects.count() == 1


@pytest.mark.parametrize("email", ["nobody", "a@b", ""])
def test_what_is_no_address_is_said_so_before_anything_is_looked_up(domain, email):
    assert ask(email).status_code == 400
    assert AuditEvent.objects.filter(action=Action.JOIN_ASKED).count() == 0


def test_who_is_in_already_or_asked_already_gets_no_second_mail(cast, domain):
    cast.ana.email = "ana@alfa.example"
    cast.ana.save()
    for _ in range(3):
        ask("ana@alfa.example")
        ask()

    people_mail.send_waiting(now=NOW)

    assert [message.to for message in mail.outbox] == [[NOVA]]


def test_an_address_is_mailed_three_times_a_day_at_most(cast, domain):
    for _ in range(5):
        ask()
        JoinRequest.objects.update(asked_at=NOW - timedelta(days=3))

    assert JoinRequest.objects.count() == 3
    assert ask().status_code == 200


def test_companies_that_share_a_domain_each_decide_and_none_is_named(cast, domain, client_for):
    boss = make_person("Boss")
    make_member(boss, cast.beta, Role.ADMIN)
    EmailDomain.objects.create(
        domain="alfa.example", company=cast.beta, may_join=True, verified_at=NOW
    )

    ask()
    prove()
    people_mail.send_waiting(now=NOW)
    people_mail.send_waiting(now=NOW)

    to_asker = [message for message in mail.outbox if message.to == [NOVA]]
    assert len(to_asker) == 1
    assert not re.search("Alfa Dist|Beta", to_asker[0].body)
    assert {message.to[0] for message in mail.outbox} == {NOVA, cast.rita.email, boss.email}
    alfas = JoinRequest.objects.get(company=cast.alfa)
    client = client_for(boss)
    assert client.get(f"/empresa/solicitacoes/{alfas.public_id}").status_code == 404
    assert (
        client.post(f"/empresa/solicitacoes/{alfas.public_id}", {"decision": "decline"}).status_code
        == 404
    )
    assert len(texts(client.get("/empresa/solicitacoes"), "//tbody/tr")) == 1


def test_declining_lets_nobody_in(rita, cast, domain):
    ask()
    prove()
    wish = JoinRequest.objects.get()

    assert (
        rita.post(f"/empresa/solicitacoes/{wish.public_id}", {"decision": "decline"}).status_code
        == 302
    )

    assert JoinRequest.objects.get().state == "declined"
    assert Invitation.objects.count() == 0
    assert rita.get(f"/empresa/solicitacoes/{wish.public_id}").status_code == 404


def test_unproved_wish_cannot_be_decided(rita, cast, domain):
    ask()
    wish = JoinRequest.objects.get()

    response = rita.post(
        f"/empresa/solicitacoes/{wish.public_id}",
        {"decision": "approve", "role": "viewer", "scope": "company"},
    )

    assert response.status_code == 404
    assert Invitation.objects.count() == 0


def test_link_of_a_mail_proves_nothing_by_being_looked_at(cast, domain):
    ask()
    people_mail.send_waiting(now=NOW)
    path = re.search(r"/confirmar-endereco/\w+", str(mail.outbox[-1].body))[0]

    client = Client()
    page = client.get(path, follow=True)

    assert NOVA in words(page)
    assert JoinRequest.objects.get().proved_at is None
    JoinRequest.objects.update(asked_at=NOW - timedelta(days=2))
    gone, never = Client().get(path), Client().get("/confirmar-endereco/" + "0" * 64)
    assert (gone.status_code, never.status_code) == (404, 404)
    assert client.post("/confirmar-endereco").status_code == 404
    assert words(gone) == words(never)
    assert 'href="/entrar-na-empresa"' in gone.content.decode()


def test_wishes_that_nobody_proved_are_forgotten(cast, domain):
    ask()
    people_mail.tidy(now=NOW + timedelta(days=29))
    assert JoinRequest.objects.count() == 1

    people_mail.tidy(now=NOW + timedelta(days=31))

    assert JoinRequest.objects.count() == 0
