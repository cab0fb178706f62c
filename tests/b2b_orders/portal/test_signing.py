"""Codes by mail, forgotten passwords, and what an attacker makes of them."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from b2b_orders.accounts import mailing
from b2b_orders.accounts.models import Person, SignInMail
from b2b_orders.audit.models import Action
from b2b_orders.common import clock
from tests.b2b_orders.portal.pages import parse, words
from tests.b2b_orders.portal.signing import LOGIN, left_mail, log_in, recorded
from tests.factories import NOW, PASSWORD

CODE, CONFIRM = "/accounts/login/code/", "/accounts/login/code/confirm/"
RESET = "/accounts/password/reset/"
NEW = "another long pass phrase"


def ask_code(client, email, **more):
    return client.post(CODE, {"email": email, **more})


def reset_link(client, email="ana@example.com"):
    client.post(RESET, {"email": email})
    return left_mail()[1]["path"]


def test_somebody_who_is_switched_off_is_out_at_the_next_click(client_for, cast):
    ana = client_for(cast.ana)
    assert ana.get("/pedidos").status_code == 200

    Person.objects.filter(pk=cast.ana.pk).update(is_active=False)

    assert ana.get("/pedidos")["Location"].startswith("/accounts/login/")
    assert ana.get("/api/v1/orders").status_code == 401
    ana.post("/accounts/login/", {"login": cast.ana.email, "password": PASSWORD})
    assert ana.get("/api/v1/orders").status_code == 401


def test_code_by_mail_logs_in_and_leads_where_one_was_going(client, cast, world):
    asked = ask_code(client, "Ana@example.com", next="/pedidos?q=502556")
    code = left_mail()[1]["code"]

    response = client.post(CONFIRM, {"code": code, "next": "/pedidos?q=502556"})

    assert asked["Location"] == f"{CONFIRM}?next=%2Fpedidos%3Fq%3D502556"
    assert len(code) == 6
    assert code.isdigit()
    assert response["Location"] == "/pedidos?q=502556"
    assert client.get("/pedidos").status_code == 200
    assert recorded(Action.CODE_ASKED) == [(cast.ana.pk, {})]
    assert recorded(Action.LOGIN) == [(cast.ana.pk, {"methods": ["code"]})]


def test_code_works_once_and_in_the_browser_that_asked(client, cast):
    ask_code(client, cast.ana.email)
    code = left_mail()[1]["code"]
    other = Client()

    elsewhere = other.post(CONFIRM, {"code": code})
    client.post(CONFIRM, {"code": code})
    client.post("/accounts/logout/")
    again = client.post(CONFIRM, {"code": code})

    assert elsewhere["Location"] == again["Location"] == CODE
    assert "_auth_user_id" not in other.session
    assert "_auth_user_id" not in client.session


def test_code_asked_for_in_another_browser_does_not_fit(client, cast):
    ask_code(client, cast.ana.email)
    ask_code(Client(), cast.ana.email)

    response = client.post(CONFIRM, {"code": left_mail()[1]["code"]})

    assert "_auth_user_id" not in client.session
    assert response.status_code == 200


def test_three_wrong_codes_end_it(client, cast):
    ask_code(client, cast.ana.email)
    code = left_mail()[1]["code"]
    wrong = "000000" if code != "000000" else "111111"

    for _ in range(3):
        response = client.post(CONFIRM, {"code": wrong})
    late = client.post(CONFIRM, {"code": code})

    assert response["Location"] == f"{CODE}?failed=1"
    assert words(client.get(f"{CODE}?failed=1"), "//*[@role='alert']") != ""
    assert late["Location"] == CODE
    assert recorded(Action.LOGIN_FAILED) == [(cast.ana.pk, {"at": "code"})] * 3


def test_code_is_good_for_ten_minutes(client, cast):
    ask_code(client, cast.ana.email)
    code = left_mail()[1]["code"]

    with time_machine.travel(NOW + timedelta(minutes=10, seconds=1)):
        response = client.post(CONFIRM, {"code": code})

    assert response["Location"] == CODE
    assert "_auth_user_id" not in client.session


def test_code_of_somebody_who_was_switched_off_meanwhile_opens_nothing(client, cast):
    ask_code(client, cast.ana.email)
    cast.ana.is_active = False
    cast.ana.save()

    response = client.post(CONFIRM, {"code": left_mail()[1]["code"]})

    assert response["Location"] == "/accounts/inactive/"
    assert "_auth_user_id" not in client.session


def test_codes_are_mailed_three_times_a_minute_at_most(cast):
    answers = [ask_code(Client(), cast.ana.email).status_code for _ in range(4)]

    assert answers == [302, 302, 302, 200]
    assert SignInMail.objects.count() == 3


@pytest.mark.parametrize("address", [CODE, RESET])
def test_unknown_address_cannot_be_told_from_a_known_one(cast, address):
    seen = {}
    for email in ("ana@example.com", "nobody@example.com"):
        client = Client()
        with CaptureQueriesContext(connection) as captured:
            response = client.post(address, {"email": email})
        page = client.get(response["Location"])
        verbs = [query["sql"].split(" ", 3)[:3] for query in captured.captured_queries]
        seen[email] = (
            response.status_code,
            response["Location"],
            words(page, "//main").replace(email, "-"),
            verbs,
        )

    assert seen["ana@example.com"] == seen["nobody@example.com"]
    assert SignInMail.objects.filter(person=None).count() == 1


def test_unknown_address_gets_no_mail(client, cast):
    ask_code(client, "nobody@example.com")

    assert mailing.run(mail_id=left_mail()[0].pk, now=clock.now()) is False
    assert mail.outbox == []


def test_empty_code_does_not_log_in_an_unknown_address(client, cast):
    ask_code(client, "nobody@example.com")

    for code in ("", "0", "None"):
        client.post(CONFIRM, {"code": code})

    assert "_auth_user_id" not in client.session


def test_office_behind_one_address_is_not_refused(cast):
    answers = {
        ask_code(Client(), f"person{number}@example.com").status_code for number in range(40)
    }
    answers |= {log_in(Client(), "ana@example.com").status_code for _ in range(40)}

    assert answers == {302}


def test_guessed_password_is_refused_after_five_even_if_it_comes_right(client, cast):
    for number in range(5):
        log_in(client, "ana@example.com", f"wrong {number}")

    response = log_in(client, "ana@example.com")

    assert response.status_code == 200
    assert "_auth_user_id" not in client.session


def test_forgotten_password_is_set_anew_by_a_mailed_link(client, cast, client_for, settings):
    settings.PORTAL_URL = "https://portal.example"
    stolen = client_for(cast.ana)
    link = reset_link(client)
    mailing.run(mail_id=left_mail()[0].pk, now=clock.now())

    form = client.get(link, follow=True)
    action = parse(form).xpath("//form[.//input[@name='password1']]/@action")[0]
    client.post(action, {"password1": NEW, "password2": NEW})

    assert f"https://portal.example{link}" in mail.outbox[0].body
    assert "set-password" in action
    assert stolen.get("/conta")["Location"].startswith(LOGIN)
    assert "_auth_user_id" not in client.session
    assert log_in(Client(), cast.ana.email, NEW)["Location"] == "/"
    assert recorded(Action.PASSWORD_RESET_ASKED) == [(cast.ana.pk, {})]
    assert recorded(Action.PASSWORD_CHANGED) == [(cast.ana.pk, {"how": "reset"})]
    assert SignInMail.objects.filter(kind="notice", person=cast.ana).count() == 1


def test_link_to_reset_works_once(client, cast):
    link = reset_link(client)
    action = client.get(link)["Location"]
    client.post(action, {"password1": NEW, "password2": NEW})

    again = Client().get(link, follow=True)

    assert parse(again).xpath("//input[@name='password1']") == []


def test_link_to_reset_is_dead_after_an_hour_and_after_a_log_in(client, cast):
    late, used = reset_link(client), reset_link(client)
    with time_machine.travel(NOW + timedelta(hours=1, seconds=5)):
        assert parse(Client().get(late, follow=True)).xpath("//input[@name='password1']") == []
    log_in(Client(), cast.ana.email)

    assert parse(Client().get(used, follow=True)).xpath("//input[@name='password1']") == []


def test_link_names_our_own_address_whatever_host_was_asked(client, cast, settings):
    settings.ALLOWED_HOSTS = ["evil.example"]

    client.post(RESET, {"email": cast.ana.email}, headers={"host": "evil.example"})

    assert left_mail()[1]["path"].startswith("/accounts/password/reset/key/")


def test_who_never_had_a_password_is_sent_no_link_to_set_one(client, cast):
    cast.ana.set_unusable_password()
    cast.ana.save()

    client.post(RESET, {"email": cast.ana.email})

    assert left_mail()[0].person is None


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example/",
        "https://testserver.evil.example",
        "http://127.0.0.1/",
        "javascript:alert(1)",
        "\\\\evil.example",
        "/\\evil.example",
        " //evil.example",
    ],
)
def test_log_in_leads_to_pages_of_ours_only(client, cast, wanted):
    response = log_in(client, cast.ana.email, next=wanted)

    assert response["Location"] == "/"


def test_session_has_another_key_after_the_log_in(client, cast):
    client.get(f"{LOGIN}?next=/pedidos")
    session = client.session
    session["planted"] = "x"
    session.save()
    client.cookies["sessionid"] = session.session_key

    log_in(client, cast.ana.email)

    attacker = Client()
    attacker.cookies["sessionid"] = session.session_key
    assert client.cookies["sessionid"].value != session.session_key
    assert attacker.get("/conta")["Location"].startswith(LOGIN)


@pytest.mark.parametrize(
    "address",
    [
        LOGIN,
        CODE,
        CONFIRM,
        RESET,
        "/accounts/2fa/totp/activate/",
        "/conta/nome",
        "/conta/sessoes/encerrar",
        "/accounts/password/change/",
        "/accounts/logout/",
    ],
)
def test_form_from_another_site_is_refused(cast, client_for, address):
    client = client_for(cast.ana)
    client.handler.enforce_csrf_checks = True

    assert client.post(address, {"name": "Eve"}).status_code == 403


@pytest.mark.parametrize(
    "address",
    [
        "signup/",
        "email/",
        "confirm-email/",
        "password/reset/confirm/",
        "2fa/trust/",
        "3rdparty/",
        "2fa/webauthn/signup/",
        "sessions/",
    ],
)
def test_what_is_not_used_is_not_there(client, cast, address):
    assert client.get(f"/accounts/{address}").status_code == 404


def test_pages_of_logging_in_are_kept_by_no_browser(client, cast):
    ask_code(client, cast.ana.email)

    for address in (LOGIN, CONFIRM, RESET, reset_link(client)):
        assert "no-store" in client.get(address)["Cache-Control"]


@pytest.mark.parametrize("language", ["pt-br", "es", "en"])
def test_mailed_code_is_worded_in_the_language_of_the_page(client, cast, language):
    client.cookies["django_language"] = language
    ask_code(client, cast.ana.email)

    mailing.run(mail_id=left_mail()[0].pk, now=clock.now())

    subject = {
        "pt-br": "Seu código para entrar",
        "es": "Su código para entrar",
        "en": "Your code to log in",
    }
    assert mail.outbox[0].subject == subject[language]


def test_password_is_changed_with_the_present_one_alone(cast, client_for):
    client, other = client_for(cast.ana), client_for(cast.ana)
    new = {"password1": NEW, "password2": NEW}

    refused = client.post("/accounts/password/change/", {"oldpassword": "wrong", **new})
    assert other.get("/conta").status_code == 200
    changed = client.post("/accounts/password/change/", {"oldpassword": PASSWORD, **new})

    assert refused.status_code == 200
    assert changed["Location"] == "/conta"
    assert client.get("/conta").status_code == 200
    assert other.get("/conta")["Location"].startswith(LOGIN)
    assert recorded(Action.PASSWORD_CHANGED) == [(cast.ana.pk, {"how": "changed"})]
    assert left_mail()[1]["what"] == "password"
