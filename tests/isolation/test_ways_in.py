"""How somebody might come in who should not, or further in than they should."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.core import mail
from django.test import Client

from b2b_orders.accounts import sessions
from b2b_orders.accounts.models import Person
from b2b_orders.audit.models import Action, AuditEvent
from b2b_orders.common import clock
from b2b_orders.companies.models import EmailDomain, Invitation, Membership, Role
from b2b_orders.portal import people_mail
from tests.factories import NOW, PASSWORD, make_member, make_person
from tests.factories.identity import make_provider

LOGIN = "/accounts/login/"
STRONG = "verde abacate 71 tijolos"
# PostgreSQL writes it as "S" in capitals.
NOTE = re.compile(r'role="status">(.*?)</div></div>', re.DOTALL)
LONG_S = "\u017f"


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def rita(client_for, cast):
    return client_for(cast.rita)


def later(**how):
    return time_machine.travel(NOW + timedelta(**how), tick=False)


def invite(administrator, email, **more):
    form = {"email": email, "name": "Nova", "role": "viewer", "scope": "company"} | more
    assert administrator.post("/empresa/convites/novo", form).status_code == 302


def link():
    """Have the mail sent and take the newest link from it, as an address of ours."""
    people_mail.send_waiting(now=clock.now())
    return re.search(r"/convite/\w+", str(mail.outbox[-1].body))[0]


def opened(path, client=None):
    client = client or Client()
    client.get(path)
    return client


def is_in(client):
    return "_auth_user_id" in client.session


# --- what is tried at the log-in ------------------------------------------------------------


@pytest.mark.parametrize(
    "disguise",
    [
        lambda n: {"host": f"127.0.0.1:{8000 + n}"},
        lambda n: {"host": ("127.0.0.1", "localhost")[n % 2]},
        lambda n: {"email": "".join((c, LONG_S)[c == "s" and n % 2] for c in "suzana@example.com")},
        lambda n: {"email": ("suzana@example.com", " SUZANA@example.com ")[n % 2]},
    ],
    ids=["ports", "hosts", "letters that fold", "case and spaces"],
)
def test_a_password_is_guessed_five_times_however_the_request_is_dressed(cast, disguise):
    answers = []
    for n in range(8):
        dressed = disguise(n)
        client = Client(headers={"host": dressed.get("host", "127.0.0.1")})
        form = {"login": dressed.get("email", "suzana@example.com"), "password": f"guess {n}"}
        answers.append("Muitas tentativas" in client.post(LOGIN, form).content.decode())

    assert answers == [False] * 5 + [True] * 3


def test_who_must_prove_who_they_are_makes_no_factor_of_their_own_first(cast, client_for):
    """A session that was taken over just after a log-in, and then found out."""
    thief = client_for(cast.suzana)
    with later(minutes=1):
        sessions.require_sign_in_again(cast.suzana.pk, clock.now())
        for address in ("totp/activate", "webauthn/add", "recovery-codes/generate"):
            led = thief.get(f"/accounts/2fa/{address}/")
            assert led["Location"].startswith("/conta/confirmar?"), address

        assert not Authenticator.objects.exists()


# --- invitations ----------------------------------------------------------------------------


@pytest.mark.parametrize("domain", ["ação.example", "xn--ao-siap.example", "AÇÃO.example"])
def test_a_domain_in_other_letters_does_not_lead_around_its_provider(rita, cast, domain):
    make_provider("acao", cast.alfa, "xn--ao-siap.example", is_required=True)
    invite(rita, f"nova@{domain}")
    client = opened(link())

    response = client.post("/convite", {"name": "Nova", "password": STRONG})

    assert response.status_code == 400
    assert not is_in(client)
    assert not Person.objects.filter(name="Nova").exists()


def test_who_is_removed_does_not_come_back_by_an_older_invitation(rita, cast, client_for):
    invite(rita, "nova@alfa.example", role="admin")
    kept = link()
    nova = make_person("Nova", "nova@alfa.example")
    make_member(nova, cast.alfa)  # as somebody of operations did meanwhile

    rita.post(f"/empresa/pessoas/{nova.public_id}/remover")
    response = opened(kept, client_for(nova)).post("/convite")

    assert response.status_code == 404
    assert not Membership.objects.get(person=nova).is_active
    assert Invitation.objects.get().revoked_at == NOW


@pytest.mark.parametrize("fall", ["role", "branch", "right", "account"])
def test_a_link_gives_no_more_than_who_sent_it_still_may(rita, cast, fall):
    make_member(make_person("Ugo"), cast.alfa, Role.ADMIN)
    invite(rita, "nova@alfa.example", role="admin")
    kept = link()
    mine = Membership.objects.filter(person=cast.rita)
    if fall == "role":
        mine.update(role=Role.BUYER)
    elif fall == "branch":
        mine.update(is_scoped=True)
    elif fall == "right":
        mine.update(sees_finance=False)
    else:
        Person.objects.filter(pk=cast.rita.pk).update(is_active=False)

    response = opened(kept).post("/convite", {"name": "Nova", "password": STRONG})

    assert response.status_code == 404
    assert not Person.objects.filter(name="Nova").exists()


def test_nobody_is_pestered_with_invitations_however_they_are_sent(rita, cast):
    sent = []
    for minutes in range(0, 3 * 24 * 60, 3):
        with later(minutes=minutes):
            if row := Invitation.objects.filter(revoked_at=None).first():
                ending = ("reenviar", "revogar")[minutes % 2]
                rita.post(f"/empresa/convites/{row.public_id}/{ending}")
            else:
                form = {"email": "x@other.example", "role": "viewer", "scope": "company"}
                rita.post("/empresa/convites/novo", form)
            people_mail.send_waiting(now=clock.now())
        sent.append(len(mail.outbox))
        if len(sent) == 60:
            break

    assert sent[-1] == 5


def test_the_mails_of_a_day_are_bounded_with_those_sent_again(rita, cast, client_for, settings):
    settings.PORTAL_INVITATIONS_A_DAY = 4
    for name in ("a", "b", "c"):
        invite(rita, f"{name}@other.example")
    first, second, _third = Invitation.objects.order_by("pk")
    for hours, row in ((1, first), (2, second), (3, second), (26, second)):
        with later(hours=hours):
            people_mail.send_waiting(now=clock.now())
            client_for(cast.rita).post(f"/empresa/convites/{row.public_id}/reenviar")
            people_mail.send_waiting(now=clock.now())
            if hours == 3:
                assert len(mail.outbox) == 4

    assert len(mail.outbox) == 5


def test_a_strangers_words_are_mailed_to_nobody(cast):
    EmailDomain.objects.create(
        domain="alfa.example", company=cast.alfa, may_join=True, verified_at=NOW
    )
    lure = "You won! http://evil.example/prize"
    form = {"email": "victim@alfa.example", "name": lure, "message": lure}

    Client().post("/entrar-na-empresa", form)
    people_mail.send_waiting(now=NOW)

    [message] = mail.outbox
    html = message.alternatives[0][0]
    assert message.to == ["victim@alfa.example"]
    assert "evil" not in f"{message.subject} {message.body} {html}"


# --- administrators of one company, and what their people do elsewhere -----------------------


def test_an_administrator_ends_log_ins_for_their_own_company_alone(rita, cast, client_for):
    """Whoever invites somebody must not be able to throw them out elsewhere."""
    at_alfa, at_beta = client_for(cast.davi), client_for(cast.davi)
    beta = {"company": str(cast.beta.public_id)}
    at_beta.post("/empresa/trocar", beta)

    with later(minutes=1):
        said = rita.post(f"/empresa/pessoas/{cast.davi.public_id}/sessoes", follow=True)
        assert at_beta.get("/pedidos").status_code == 200
        assert at_alfa.get("/pedidos")["Location"].startswith("/conta/confirmar?")
        # Nor by going over from the other company, or by the API.
        there = at_beta.get("/api/v1/orders", {"company": str(cast.alfa.public_id)})
        assert (there.status_code, there.json()["code"]) == (403, "sign-in-again")
    with later(minutes=2):
        at_beta.post("/empresa/trocar", {"company": str(cast.alfa.public_id)})
        led = at_beta.get("/pedidos")
        asked = at_beta.get(led["Location"])
        at_beta.post(asked["Location"], {"password": PASSWORD})
        assert at_beta.get("/pedidos").status_code == 200

    only = rita.post(f"/empresa/pessoas/{cast.ana.public_id}/sessoes", follow=True)
    notes = [" ".join(NOTE.findall(page.content.decode())) for page in (said, only)]
    assert notes[0] == notes[1] != ""


def test_what_is_said_of_a_removed_person_is_the_same_wherever_else_they_belong(rita, cast):
    """Beta's customers, and the seller's staff, are not told to Alfa."""
    make_member(cast.suzana, cast.alfa)
    said = []
    for person in (cast.ana, cast.davi, cast.suzana):
        page = rita.post(f"/empresa/pessoas/{person.public_id}/remover", follow=True)
        said.append(" ".join(NOTE.findall(page.content.decode())))
    details = AuditEvent.objects.filter(action=Action.MEMBER_REMOVED).values_list(
        "detail", flat=True
    )

    assert said == [said[0]] * 3
    assert said[0] != ""
    assert [set(detail) for detail in details] == [{"before", "invitations_ended"}] * 3


def test_the_hour_of_what_somebody_does_elsewhere_is_not_told(rita, cast, client_for):
    with later(hours=3, minutes=17):
        davi = client_for(cast.davi)
        davi.post("/empresa/trocar", {"company": str(cast.beta.public_id)})
    with later(hours=4):
        pages = [
            rita.get(f"/empresa/pessoas{ending}").content.decode()
            if not ending.startswith("/exportar")
            else b"".join(rita.get("/empresa/pessoas/exportar")).decode()
            for ending in ("", f"/{cast.davi.public_id}", "/exportar")
        ]

    for page in pages:
        assert "13:17" not in page
        assert "10/03/2026" in page or "10/03" in page


# --- where it comes from ----------------------------------------------------------------------


def test_guesses_from_one_network_of_ipv6_are_counted_together(cast):
    """A household has 2^64 addresses: each of them would have been another thirty guesses."""
    answers = []
    for n in range(33):
        client = Client(REMOTE_ADDR=f"2001:db8:0:1::{n + 1:x}")
        form = {"login": f"nobody{n}@example.com", "password": "guess"}
        answers.append("Muitas tentativas" in client.post(LOGIN, form).content.decode())
    elsewhere = Client(REMOTE_ADDR="2001:db8:0:2::1").post(
        LOGIN, {"login": "other@example.com", "password": "guess"}
    )

    assert answers == [False] * 30 + [True] * 3
    assert "Muitas tentativas" not in elsewhere.content.decode()


def test_the_list_of_log_ins_names_the_whole_address(cast):
    client = Client(REMOTE_ADDR="2001:db8:0:1::7")

    client.post(LOGIN, {"login": "ana@example.com", "password": PASSWORD})

    assert "2001:db8:0:1::7" in client.get("/conta").content.decode()


def test_who_came_in_by_an_invitation_is_on_the_list_and_stays(rita, cast):
    invite(rita, "nova@alfa.example")
    client = opened(link())
    client.post("/convite", {"name": "Nova", "password": STRONG})

    with later(minutes=2):
        assert client.get("/pedidos").status_code == 200
        assert "127.0.0.1" in client.get("/conta").content.decode()
