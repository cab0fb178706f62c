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
from b2b_orders.common import clock
from b2b_orders.companies.models import Invitation, Membership
from b2b_orders.portal import people_mail
from tests.factories import NOW, make_member, make_person
from tests.factories.identity import make_provider

LOGIN = "/accounts/login/"
STRONG = "verde abacate 71 tijolos"
# PostgreSQL writes it as "S" in capitals.
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
