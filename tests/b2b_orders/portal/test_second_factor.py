"""The second factor: set up, asked for, used once, removed with proof, and enforced."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.test import Client

from b2b_orders.accounts import sessions
from b2b_orders.accounts.models import SignInMail
from b2b_orders.audit.models import Action
from b2b_orders.companies.models import Company
from tests.b2b_orders.portal.pages import parse, words
from tests.b2b_orders.portal.signing import (
    LOGIN,
    SECRET,
    code_of_app,
    give_app,
    left_mail,
    log_in,
    recorded,
)
from tests.factories import NOW, PASSWORD

STEP, AGAIN = "/accounts/2fa/authenticate/", "/accounts/2fa/reauthenticate/"
ADD, REMOVE = "/accounts/2fa/totp/activate/", "/accounts/2fa/totp/deactivate/"
CODES = "/accounts/2fa/recovery-codes/"
SET_UP = "/conta/segundo-fator"


@pytest.fixture
def staff_need_one(settings):
    settings.PORTAL_STAFF_SECOND_FACTOR = True


@pytest.fixture
def alfa_needs_one(cast):
    Company.objects.filter(pk=cast.alfa.pk).update(requires_second_factor=True)


def set_up_app(client):
    secret = parse(client.get(ADD)).xpath("//*[contains(@class, 'secret')]/text()")[0]
    return client.post(ADD, {"code": code_of_app(secret=secret)})


def is_in(client) -> bool:
    return "_auth_user_id" in client.session


def test_app_is_set_up_with_a_code_of_it(cast, client_for):
    client, other = client_for(cast.ana), client_for(cast.ana)
    page = client.get(ADD)

    wrong = client.post(ADD, {"code": "000000"})
    done = set_up_app(client)

    assert parse(page).xpath("//*[name()='svg'][@class='qr']/*[name()='path']/@d")[0][0] == "M"
    assert b"data:" not in page.content
    assert wrong.status_code == 200
    assert done["Location"] == CODES
    assert len(parse(client.get(CODES)).xpath("//ul[@class='codes']/li")) == 10
    assert other.get("/conta")["Location"].startswith(LOGIN)
    assert recorded(Action.FACTOR_ADDED) == [(cast.ana.pk, {"factor": "app"})]
    assert left_mail()[1]["what"] == "app-added"


def test_secret_of_an_app_is_not_readable_in_the_database(cast, client_for):
    client = client_for(cast.ana)
    secret = parse(client.get(ADD)).xpath("//*[contains(@class, 'secret')]/text()")[0]
    client.post(ADD, {"code": code_of_app(secret=secret)})

    row = Authenticator.objects.get(type="totp")

    assert secret not in str(row.data)


def test_password_alone_does_not_log_in_who_has_an_app(client, cast, world):
    give_app(cast.ana)

    first = log_in(client, cast.ana.email, next="/pedidos?q=502556")
    assert first["Location"] == STEP
    assert client.get("/pedidos")["Location"].startswith(LOGIN)
    second = client.post(STEP, {"code": code_of_app()})

    assert second["Location"] == "/pedidos?q=502556"
    assert recorded(Action.LOGIN) == [(cast.ana.pk, {"methods": ["password", "mfa:totp"]})]


def test_code_by_mail_does_not_replace_the_second_factor(client, cast):
    give_app(cast.ana)
    client.post("/accounts/login/code/", {"email": cast.ana.email})

    response = client.post("/accounts/login/code/confirm/", {"code": left_mail()[1]["code"]})

    assert response["Location"] == STEP
    assert not is_in(client)


def test_forgotten_password_does_not_take_the_second_factor_off(client, cast):
    give_app(cast.ana)
    client.post("/accounts/password/reset/", {"email": cast.ana.email})
    action = client.get(left_mail()[1]["path"])["Location"]
    client.post(action, {"password1": "another pass phrase", "password2": "another pass phrase"})

    assert log_in(client, cast.ana.email, "another pass phrase")["Location"] == STEP


@pytest.mark.parametrize("later", [0, 30, 59])
def test_code_of_an_app_works_once(cast, later):
    give_app(cast.ana)
    code = code_of_app()
    first, second = Client(), Client()
    log_in(first, cast.ana.email)
    first.post(STEP, {"code": code})

    with time_machine.travel(NOW + timedelta(seconds=later)):
        log_in(second, cast.ana.email)
        second.post(STEP, {"code": f" {code[:3]} {code[3:]}"})

    assert (is_in(first), is_in(second)) == (True, False)


def test_code_that_set_the_app_up_does_not_log_in(cast, client_for):
    client, thief = client_for(cast.ana), Client()
    secret = parse(client.get(ADD)).xpath("//*[contains(@class, 'secret')]/text()")[0]
    code = code_of_app(secret=secret)
    client.post(ADD, {"code": code})

    log_in(thief, cast.ana.email)
    thief.post(STEP, {"code": code})

    assert not is_in(thief)


@pytest.mark.parametrize(("later", "works"), [(-2, False), (-1, True), (1, True), (2, False)])
def test_clock_of_the_phone_may_be_half_a_minute_off(client, cast, later, works):
    give_app(cast.ana)
    log_in(client, cast.ana.email)

    client.post(STEP, {"code": code_of_app(later=later)})

    assert is_in(client) is works


def test_guessing_codes_of_an_app_is_refused_after_five(client, cast):
    give_app(cast.ana)
    log_in(client, cast.ana.email)
    for number in range(5):
        client.post(STEP, {"code": f"00000{number}"})

    client.post(STEP, {"code": code_of_app()})

    assert not is_in(client)
    failed = recorded(Action.LOGIN_FAILED)
    assert failed == [(cast.ana.pk, {"at": "second-factor"})] * 6


def test_another_browser_cannot_take_up_the_second_step(client, cast):
    give_app(cast.ana)
    log_in(client, cast.ana.email)

    response = Client().post(STEP, {"code": code_of_app()})

    assert response["Location"] == LOGIN


def test_recovery_code_logs_in_once(cast):
    give_app(cast.ana)
    code = RecoveryCodes.activate(cast.ana).get_unused_codes()[0]
    first, second = Client(), Client()
    for client, minutes in ((first, 0), (second, 2)):
        # Not for having been typed a moment ago: it is used up.
        with time_machine.travel(NOW + timedelta(minutes=minutes), tick=False):
            log_in(client, cast.ana.email)
            client.post(STEP, {"code": code})

    assert (is_in(first), is_in(second)) == (True, False)


@pytest.mark.parametrize(
    "address",
    [
        ADD,
        REMOVE,
        CODES,
        f"{CODES}generate/",
        f"{CODES}download/",
        "/accounts/2fa/webauthn/add/",
        "/accounts/password/set/",
    ],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_nothing_is_changed_without_proof_of_who_one_is(cast, client_for, address, method):
    give_app(cast.ana)
    RecoveryCodes.activate(cast.ana)
    client = client_for(cast.ana)

    with time_machine.travel(NOW + sessions.RECENT + timedelta(seconds=1)):
        response = getattr(client, method)(address, {"code": "1", "password1": "x" * 12})

    assert response["Location"].startswith("/conta/confirmar?next=")
    assert Authenticator.objects.filter(user=cast.ana).count() == 2


def test_app_is_removed_after_proof(cast, client_for):
    give_app(cast.ana)
    client = client_for(cast.ana)
    with time_machine.travel(NOW + timedelta(minutes=6), tick=False):
        asked = client.get(REMOVE, follow=True)
        client.post("/accounts/reauthenticate/", {"password": "wrong", "next": REMOVE})
        assert client.get(REMOVE).status_code == 302
        back = client.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": REMOVE})
        client.post(REMOVE)

    assert asked.redirect_chain[-1][0].startswith("/accounts/reauthenticate/?next=")
    assert back["Location"] == REMOVE
    assert not Authenticator.objects.filter(user=cast.ana).exists()
    assert recorded(Action.SIGNED_IN_AGAIN) == [(cast.ana.pk, {})]
    assert recorded(Action.FACTOR_REMOVED) == [(cast.ana.pk, {"factor": "app"})]
    assert left_mail()[1]["what"] == "app-removed"


def test_who_has_neither_password_nor_app_logs_in_anew_to_change_something(cast, client_for):
    cast.ana.set_unusable_password()
    cast.ana.save()
    client = client_for(cast.ana)

    with time_machine.travel(NOW + timedelta(minutes=6)):
        response = client.get("/conta/confirmar?next=/accounts/password/set/")

    assert response["Location"] == f"{LOGIN}?next=%2Faccounts%2Fpassword%2Fset%2F"
    assert not is_in(client)


def test_passkey_of_somebody_else_does_not_exist(cast, client_for):
    data = {"name": "Key", "credential": {}}
    theirs = Authenticator.objects.create(user=cast.bruno, type="webauthn", data=data)
    client = client_for(cast.ana)

    for method in (client.get, client.post):
        for pk in (theirs.pk, 987654):
            assert method(f"/accounts/2fa/webauthn/keys/{pk}/remove/").status_code == 404
    assert Authenticator.objects.filter(pk=theirs.pk).exists()


CREDENTIALS = [
    "",
    "{}",
    "[]",
    "1",
    "null",
    "x",
    '{"id": "a", "response": {}}',
    (
        '{"id": "YQ", "rawId": "YQ", "type": "public-key", "response": {"clientDataJSON": "e30",'
        ' "authenticatorData": "AA", "attestationObject": "oA", "signature": "AA",'
        ' "userHandle": 1}}'
    ),
]


@pytest.mark.parametrize("credential", CREDENTIALS)
def test_made_up_answer_of_a_device_is_refused_everywhere(cast, client_for, credential):
    key = {"credential": credential, "name": "x"}
    give_app(cast.ana)
    step, mine = Client(), client_for(cast.ana)
    log_in(step, cast.ana.email)
    mine.get("/accounts/2fa/webauthn/add/")

    step.post(STEP, key)
    added = mine.post("/accounts/2fa/webauthn/add/", key)

    assert not is_in(step)
    assert added.status_code == 200
    assert Authenticator.objects.count() == 1


def test_passkey_that_nobody_made_does_not_log_in(client, cast):
    address = "/accounts/2fa/webauthn/login/"
    options = client.get(address, headers={"accept": "application/json"}).json()
    for credential in CREDENTIALS:
        response = client.post(address, {"credential": credential, "next": "/pedidos"})
        assert response["Location"] == f"{LOGIN}?failed=1&next=%2Fpedidos"

    assert options["request_options"]["publicKey"]["userVerification"] == "required"
    assert not is_in(client)
    assert words(client.get(f"{LOGIN}?failed=1"), "//*[@role='alert']") != ""


@pytest.mark.parametrize("name", ["suzana", "teo", "olga"])
def test_staff_see_nothing_before_they_have_a_second_factor(
    cast, client_for, staff_need_one, world, name
):
    client = client_for(getattr(cast, name))

    for address in (
        "/",
        "/atendimento?q=1001",
        "/televendas",
        "/operacao",
        "/pedidos",
        "/conta",
        f"/c/{cast.alfa.public_id}/pedidos",
        "/nowhere",
    ):
        response = client.get(address)
        assert (response.status_code, response["Location"].split("?")[0]) == (302, SET_UP)
        assert response.content == b""
    api = client.get("/api/v1/orders")
    assert (api.status_code, api.json()["code"]) == (403, "second-factor-required")
    assert api["Content-Type"] == "application/problem+json"


def test_staff_are_let_in_once_they_have_set_it_up_and_go_on_where_they_were(
    cast, client_for, staff_need_one
):
    client = client_for(cast.suzana)
    led = client.get("/atendimento?q=1001")
    page = client.get(led["Location"])
    set_up_app(client)
    codes = client.get(CODES)

    assert ADD in parse(page).xpath("//a/@href")
    assert "/atendimento?q=1001" in parse(codes).xpath("//a/@href")
    assert client.get("/atendimento?q=1001").status_code == 200
    assert client.get(led["Location"])["Location"] == "/atendimento?q=1001"


def test_staff_who_logged_in_with_two_factors_are_in(client, cast, staff_need_one):
    give_app(cast.olga)
    log_in(client, cast.olga.email)
    client.post(STEP, {"code": code_of_app()})

    assert client.get("/operacao").status_code == 200


def test_staff_who_remove_their_last_factor_are_out_again(client, cast, staff_need_one):
    give_app(cast.olga)
    log_in(client, cast.olga.email)
    client.post(STEP, {"code": code_of_app()})

    client.post(REMOVE)

    assert client.get("/operacao")["Location"].startswith(SET_UP)


def test_company_that_asks_for_it_gets_it_from_all_its_people(cast, client_for, alfa_needs_one):
    led = {
        name: client_for(getattr(cast, name)).get("/pedidos").status_code
        for name in ("ana", "rita", "davi", "beto")
    }

    assert led == {"ana": 302, "rita": 302, "davi": 302, "beto": 200}


def test_company_asks_at_the_next_request(cast, client_for):
    client = client_for(cast.ana)
    before = client.get("/pedidos").status_code

    Company.objects.filter(pk=cast.alfa.pk).update(requires_second_factor=True)

    assert (before, client.get("/pedidos").status_code) == (200, 302)


@pytest.mark.parametrize("name", ["ana", "suzana"])
def test_who_is_asked_for_none_is_not_told_otherwise(cast, client_for, name):
    client = client_for(getattr(cast, name))

    assert client.get(SET_UP)["Location"] == "/conta"
    assert client.get(f"{SET_UP}?next=/pedidos%3Fq%3D50")["Location"] == "/pedidos?q=50"
    assert client.get(f"{SET_UP}?next=https://evil.example/")["Location"] == "/conta"


def test_who_lacks_a_factor_may_log_out_and_change_the_language(cast, client_for, alfa_needs_one):
    client = client_for(cast.ana)

    assert client.post("/idioma", {"language": "es", "next": SET_UP})["Location"] == SET_UP
    client.post("/accounts/logout/")
    assert not is_in(client)


def test_fragment_leads_the_whole_page_to_the_second_factor(cast, client_for, alfa_needs_one):
    response = client_for(cast.ana).get(
        "/pedidos?q=50",
        headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/pedidos"},
    )

    assert response["HX-Redirect"] == f"{SET_UP}?next=%2Fpedidos%3Fq%3D50"


def test_set_up_leads_to_pages_of_ours_only(cast, client_for, alfa_needs_one):
    client = client_for(cast.ana)
    client.get(f"{SET_UP}?next=https://evil.example/")
    set_up_app(client)

    assert client.get(f"{SET_UP}?next=https://evil.example/")["Location"] == "/"
    assert not [x for x in parse(client.get(CODES)).xpath("//a/@href") if "evil" in x]


def test_new_recovery_codes_replace_the_former_ones(cast, client_for):
    give_app(cast.ana)
    former = RecoveryCodes.activate(cast.ana).get_unused_codes()
    client = client_for(cast.ana)

    client.post(f"{CODES}generate/")
    made = parse(client.get(CODES)).xpath("//ul[@class='codes']/li/text()")

    file = client.get(f"{CODES}download/")
    assert file.content.decode().split() == made
    assert not set(made) & set(former)
    assert recorded(Action.FACTOR_ADDED) == [(cast.ana.pk, {"factor": "codes"})]


def test_notices_go_to_the_person_and_name_the_device(cast, client_for):
    client = client_for(cast.ana)
    secret = parse(client.get(ADD)).xpath("//*[contains(@class, 'secret')]/text()")[0]
    agent = "Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/145.0"

    client.post(ADD, {"code": code_of_app(secret=secret)}, headers={"user-agent": agent})

    row, told = left_mail()
    assert (row.person, told["device"], told["address"]) == (
        cast.ana,
        "Firefox · Windows",
        "127.0.0.1",
    )
    assert SECRET not in str(told)
    assert SignInMail.objects.count() == 1
