"""My account: one's name, one's log-ins and how they end."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from b2b_orders.accounts import sessions
from b2b_orders.audit.models import Action
from b2b_orders.common import clock
from b2b_orders.companies.models import Acting, Membership
from tests.b2b_orders.portal.pages import parse, texts, words
from tests.b2b_orders.portal.signing import LOGIN, give_app, left_mail, log_in, recorded
from tests.factories import NOW, PASSWORD

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/145.0"


def is_out(client) -> bool:
    return client.get("/conta").status_code == 302


def later(**how):
    return time_machine.travel(NOW + timedelta(**how), tick=False)


def key_of(client) -> str:
    return client.cookies["sessionid"].value


def test_menu_of_every_page_leads_to_the_account(ana, world):
    page = parse(ana.get("/pedidos"))

    assert page.xpath("//details[contains(@class, 'person')]//a/@href") == [
        "/conta",
        "/conta/meus-dados",
        "/ajuda",
    ]


@pytest.mark.parametrize("name", ["ana", "davi", "suzana", "teo", "olga"])
def test_account_is_there_for_everybody(cast, client_for, name):
    person = getattr(cast, name)

    page = client_for(person).get("/conta")

    assert person.email in words(page)
    assert parse(page).xpath("//input[@name='name']/@value") == [person.name]


def test_account_is_there_for_who_is_in_no_company(cast, client_for):
    Membership.objects.filter(person=cast.ana).delete()

    assert client_for(cast.ana).get("/conta").status_code == 200


def test_name_is_changed(cast, ana):
    ana.post("/conta/nome", {"name": "  Ana   Prado\0 "})

    cast.ana.refresh_from_db()
    assert cast.ana.name == "Ana Prado"


@pytest.mark.parametrize("typed", ["", "   ", "x" * 151])
def test_name_that_is_none_is_refused_and_stays_typed(cast, ana, typed):
    page = ana.post("/conta/nome", {"name": typed})

    cast.ana.refresh_from_db()
    assert cast.ana.name == "Ana"
    assert parse(page).xpath("//input[@name='name']/@value") == [typed]
    assert texts(page, "//*[@id='name-error']") != []


def test_name_of_hostile_text_is_shown_as_text(cast, ana):
    ana.post("/conta/nome", {"name": "<script>alert(1)</script>"})

    assert b"<script>alert" not in ana.get("/conta").content


def test_log_ins_are_listed_with_device_and_address(client, cast):
    log_in(client, cast.ana.email)
    other = Client(headers={"user-agent": FIREFOX})
    with later(hours=1):
        other.post(
            LOGIN, {"login": cast.ana.email, "password": PASSWORD}, REMOTE_ADDR="198.51.100.7"
        )
    with later(hours=2):
        rows = texts(client.get("/conta"), "//section[@aria-labelledby='devices']//li")

    assert len(rows) == 2
    assert "Este dispositivo" in rows[0]
    assert "Firefox · Linux" in rows[1]
    assert "198.51.100.7" in rows[1]


def test_log_ins_of_others_are_not_listed_and_cannot_be_ended(cast, client_for):
    ana, bruno = client_for(cast.ana), client_for(cast.bruno)
    theirs = UserSession.objects.get(user=cast.bruno).pk

    rows = texts(ana.get("/conta"), "//section[@aria-labelledby='devices']//li")
    answers = [ana.post(f"/conta/sessoes/{pk}/encerrar") for pk in (theirs, 987654)]

    assert len(rows) == 1
    assert [answer.status_code for answer in answers] == [404, 404]
    assert not is_out(bruno)


def test_one_log_in_is_ended_at_its_next_request(cast, client_for):
    here, there, third = (client_for(cast.ana) for _ in range(3))
    there.get("/conta")  # also in the cache now
    row = UserSession.objects.get(session_key=key_of(there))

    here.post(f"/conta/sessoes/{row.pk}/encerrar")

    assert (is_out(here), is_out(there), is_out(third)) == (False, True, False)
    assert not Session.objects.filter(session_key=row.session_key).exists()
    assert recorded(Action.SESSION_ENDED) == [(cast.ana.pk, {"how": "by-owner", "count": 1})]


def test_all_other_log_ins_are_ended(cast, client_for):
    here, there, third, beto = (*(client_for(cast.ana) for _ in range(3)), client_for(cast.beto))

    here.post("/conta/sessoes/encerrar")

    assert [is_out(each) for each in (here, there, third, beto)] == [False, True, True, False]
    assert recorded(Action.SESSION_ENDED) == [(cast.ana.pk, {"how": "by-owner", "count": 2})]


def test_own_log_in_can_be_ended_too(cast, client_for):
    client = client_for(cast.ana)
    row = UserSession.objects.get(session_key=key_of(client))

    response = client.post(f"/conta/sessoes/{row.pk}/encerrar")

    assert response["Location"] == LOGIN
    assert is_out(client)


def test_log_in_that_came_back_from_the_cache_is_out_within_a_minute(cast, client_for):
    client = client_for(cast.ana)
    stored = client.session
    copy = dict(stored.items())
    sessions.end_sessions(cast.ana.pk)
    # As a request that was under way would have left it.
    stored.create()
    stored.update(copy)
    stored.save()
    client.cookies["sessionid"] = stored.session_key

    with later(seconds=61):
        assert is_out(client)
    assert recorded(Action.SESSION_ENDED) == [(cast.ana.pk, {"how": "ended"})]


def test_copy_that_a_request_at_the_same_moment_put_back_goes_with_the_commit(
    cast, client_for, django_capture_on_commit_callbacks
):
    client = client_for(cast.ana)
    client.get("/conta")
    key = f"django.contrib.sessions.cached_db{key_of(client)}"
    copy = cache.get(key)

    with django_capture_on_commit_callbacks(execute=True):
        sessions.end_sessions(cast.ana.pk)
        cache.set(key, copy)

    assert copy is not None
    assert is_out(client)


def test_log_out_takes_the_log_in_off_the_list(cast, client_for):
    client = client_for(cast.ana)

    client.post("/accounts/logout/")

    assert not UserSession.objects.exists()


def test_stolen_session_ends_with_the_password(cast, client_for):
    mine, stolen = client_for(cast.ana), client_for(cast.ana)
    stolen.get("/conta")

    mine.post(
        "/accounts/password/change/",
        {
            "oldpassword": PASSWORD,
            "password1": "other pass phrase",
            "password2": "other pass phrase",
        },
    )

    assert (is_out(mine), is_out(stolen)) == (False, True)
    assert UserSession.objects.count() == 1


def test_person_who_is_switched_off_is_out_at_the_next_request(cast, client_for):
    client = client_for(cast.ana)
    client.get("/conta")

    cast.ana.is_active = False
    cast.ana.save()

    assert is_out(client)


def test_person_who_was_removed_sees_nothing_at_the_next_request(cast, client_for, world):
    client = client_for(cast.ana)
    assert client.get(f"/pedidos/{world.o1.public_id}").status_code == 200

    Membership.objects.filter(person=cast.ana).update(is_active=False)

    assert client.get(f"/pedidos/{world.o1.public_id}").status_code == 403
    assert client.get("/api/v1/orders").status_code == 403


def test_ending_all_log_ins_of_a_person_spares_others(cast, client_for):
    ana, other, beto = client_for(cast.ana), client_for(cast.ana), client_for(cast.beto)

    assert sessions.end_sessions(cast.ana.pk) == 2

    assert [is_out(each) for each in (ana, other, beto)] == [True, True, False]


@pytest.mark.parametrize(
    ("name", "unused", "out"),
    [
        ("ana", {"hours": 12}, False),
        ("ana", {"hours": 12, "seconds": 1}, True),
        ("olga", {"hours": 8}, False),
        ("olga", {"hours": 8, "seconds": 1}, True),
    ],
)
def test_log_in_that_is_not_used_ends(cast, client_for, name, unused, out):
    client = client_for(getattr(cast, name))

    with later(**unused):
        assert is_out(client) is out


@pytest.mark.parametrize(
    ("name", "hours", "how"), [("ana", 168, "too-old"), ("olga", 8, "too-old")]
)
def test_log_in_ends_however_much_it_is_used(cast, client_for, name, hours, how):
    client = client_for(getattr(cast, name))
    for hour in range(2, hours + 1, 2):
        with later(hours=hour):
            assert not is_out(client)

    with later(hours=hours, seconds=1):
        assert is_out(client)
    assert recorded(Action.SESSION_ENDED) == [(getattr(cast, name).pk, {"how": how})]


def test_log_in_after_the_end_leads_to_the_typed_search(client, cast, world):
    log_in(client, cast.ana.email)
    with later(hours=13):
        page = client.get("/pedidos?q=502556")
        live = client.get(
            "/pedidos?q=5025",
            headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/pedidos"},
        )
        back = log_in(client, cast.ana.email, next="/pedidos?q=502556")

    assert page["Location"] == f"{LOGIN}?next=/pedidos%3Fq%3D502556"
    assert live["HX-Redirect"] == f"{LOGIN}?next=/pedidos%3Fq%3D5025"
    assert back["Location"] == "/pedidos?q=502556"


def test_api_of_an_ended_log_in_asks_to_log_in(cast, client_for):
    client = client_for(cast.ana)

    with later(hours=13):
        response = client.get("/api/v1/orders")

    assert (response.status_code, response.json()["code"]) in {
        (401, "not-signed-in"),
        (403, "not-signed-in"),
    }


def test_acting_ends_with_the_log_in(cast, client_for, world):
    client = client_for(cast.suzana)
    client.post(
        "/atendimento/atuar", {"q": "1001", "order": str(world.o1.public_id), "reason": "call 4711"}
    )
    assert Acting.objects.filter(ended_at=None).count() == 1

    with later(hours=9):
        client.get("/atendimento")

    assert not Acting.objects.filter(ended_at=None).exists()


def test_who_must_prove_who_they_are_does_so_and_goes_on_where_they_were(cast, client_for):
    client, other = client_for(cast.suzana), client_for(cast.suzana)
    with later(minutes=1):
        sessions.require_sign_in_again(cast.suzana.pk, clock.now())
        led = client.get("/atendimento?q=1001")
        api = client.get("/api/v1/orders")
        asked = client.get(led["Location"])
        back = client.post(asked["Location"], {"password": PASSWORD, "next": "/atendimento?q=1001"})

        assert led["Location"] == "/conta/confirmar?next=%2Fatendimento%3Fq%3D1001"
        assert (api.status_code, api.json()["code"]) == (403, "sign-in-again")
        assert asked["Location"].startswith("/accounts/reauthenticate/?next=")
        assert back["Location"] == "/atendimento?q=1001"
        assert client.get("/atendimento").status_code == 200
        assert other.get("/atendimento").status_code == 302
    assert recorded(Action.SIGNED_IN_AGAIN) == [(cast.suzana.pk, {})]


@pytest.mark.parametrize("address", ["/accounts/reauthenticate/", "/accounts/2fa/reauthenticate/"])
def test_the_way_back_is_offered_to_who_need_not_prove_who_they_are(cast, client_for, address):
    give_app(cast.suzana)
    client = client_for(cast.suzana)
    way_back = "//main//a[@href='/conta']"
    with later(minutes=1):
        before = texts(client.get(address), way_back)
        sessions.require_sign_in_again(cast.suzana.pk, clock.now())

        assert texts(client.get(address), way_back) == []
    assert before == ["Voltar à minha conta"]


def test_wrong_password_does_not_prove_who_one_is(cast, client_for):
    client = client_for(cast.suzana)
    with later(minutes=1):
        sessions.require_sign_in_again(cast.suzana.pk, clock.now())
        answers = [
            client.post("/accounts/reauthenticate/", {"password": f"wrong {n}"}).status_code
            for n in range(11)
        ]

        assert client.get("/atendimento").status_code == 302
    assert answers == [200] * 10 + [429]


def test_too_many_attempts_are_told_to_wait_in_our_own_words(client, cast):
    for _ in range(121):
        response = client.post(LOGIN, {})

    assert (response.status_code, response["Retry-After"]) == (429, "60")
    assert "Muitas tentativas" in words(response)


@pytest.mark.parametrize("way", ["password", "code"])
def test_cookie_of_a_log_in_goes_with_the_browser(client, cast, way):
    if way == "password":
        log_in(client, cast.ana.email)
    else:
        client.post("/accounts/login/code/", {"email": cast.ana.email})
        client.post("/accounts/login/code/confirm/", {"code": left_mail()[1]["code"]})

    assert "_auth_user_id" in client.session
    assert client.cookies["sessionid"]["max-age"] == ""


def test_log_in_after_the_demand_is_proof(client, cast):
    sessions.require_sign_in_again(cast.suzana.pk, clock.now())

    log_in(client, cast.suzana.email)

    assert client.get("/atendimento").status_code == 200


def test_log_in_from_before_the_update_is_taken_up(cast):
    client = Client()
    client.force_login(cast.ana, "allauth.account.auth_backends.AuthenticationBackend")

    assert not is_out(client)
    assert UserSession.objects.get().session_key == key_of(client)
    sessions.require_sign_in_again(cast.ana.pk, clock.now())
    assert client.get("/pedidos")["Location"].startswith("/conta/confirmar")


def test_use_is_noted_once_a_minute_at_most(cast, client_for, world):
    client = client_for(cast.ana)
    client.get("/conta")

    def writes(seconds: int) -> int:
        with later(seconds=seconds), CaptureQueriesContext(connection) as captured:
            client.get("/conta")
        return sum(
            query["sql"].startswith(("UPDATE", "INSERT", "DELETE"))
            for query in captured.captured_queries
        )

    assert [writes(seconds) for seconds in (0, 59, 60, 61, 119, 120)] == [0, 0, 2, 0, 0, 2]
    assert UserSession.objects.get().last_seen_at == NOW + timedelta(seconds=120)


def test_shared_computer_keeps_nothing_of_the_one_before(client, cast, world):
    log_in(client, cast.ana.email)
    page = client.get(f"/pedidos/{world.o1.public_id}")
    key = key_of(client)
    client.post("/accounts/logout/")
    log_in(client, cast.beto.email)

    back = client.get(f"/pedidos/{world.o1.public_id}")

    assert page["Cache-Control"] == "private, no-store"
    assert back.status_code == 404
    assert key_of(client) != key
    assert cache.get(f"django.contrib.sessions.cached_db{key}") is None
