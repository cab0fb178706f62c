"""B35 and its like: what one person, company or address may ask for, and what comes then."""

from __future__ import annotations

import json
import re
import threading
import uuid
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.http import HttpResponse
from django.test import Client

from b2b_orders.audit.models import Action, AuditEvent, Incident
from b2b_orders.common import limits as buckets
from b2b_orders.common.limits import CacheDown, OwnBuckets
from b2b_orders.companies.models import Role
from b2b_orders.ingest.models import Lookup
from b2b_orders.portal import limiting
from b2b_orders.portal.limiting import SlowMiddleware
from b2b_orders.settings import base
from tests.b2b_orders.portal.conftest import address
from tests.b2b_orders.portal.pages import parse, words
from tests.factories import NOW, PASSWORD, make_member, make_person

pytestmark = pytest.mark.django_db
ALL = dict.fromkeys(base.PORTAL_LIMITS, 1000)


@pytest.fixture
def limit(settings):
    """Set limits; what is not named is wide."""

    def put(**some: int) -> None:
        settings.PORTAL_LIMITS = ALL | some

    put()
    return put


@pytest.fixture(autouse=True)
def slept(monkeypatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr(SlowMiddleware, "sleep", staticmethod(found.append))
    return found


def unknown() -> str:
    return f"/pedidos/{uuid.uuid4()}"


def test_defaults_limit_everything_and_spare_an_office():
    assert all(size > 0 for size in base.PORTAL_LIMITS.values())
    assert base.PORTAL_LIMITS["unknown"] < 60
    # Forty people at work, each with a page every two seconds.
    assert base.PORTAL_LIMITS["page"] * base.PORTAL_LIMITS["company_factor"] >= 40 * 30


def test_sixty_unknown_addresses_in_a_minute_are_slowed_then_refused(
    ana, world, settings, slept, cast
):
    settings.PORTAL_LIMITS = base.PORTAL_LIMITS
    most = base.PORTAL_LIMITS["unknown"]

    statuses = [ana.get(unknown()).status_code for _ in range(60)]

    assert statuses == [404] * most + [429] * (60 - most)
    # Slowed from half of it on, more each time, and never for long.
    assert len(slept) == most // 2
    assert slept == sorted(slept)
    assert slept[-1] == 1.0
    refused = ana.get(unknown())
    assert refused["Retry-After"] == "60"
    assert "Muitas consultas em pouco tempo. Tente de novo em 60 s." in words(refused)
    assert AuditEvent.objects.filter(action=Action.LIMIT_REACHED).count() == 1
    alarm = Incident.objects.get()
    assert (alarm.code, alarm.person_id, alarm.company_id) == (
        "guessing",
        cast.ana.pk,
        cast.alfa.pk,
    )


def test_a_refusal_is_the_same_for_what_is_mine_not_mine_and_nowhere(ana, world, limit):
    limit(unknown=2)
    for _ in range(3):
        ana.get(unknown())

    pages = [ana.get(path) for path in (address(world.o1), address(world.o5), unknown())]

    assert [page.status_code for page in pages] == [429, 429, 429]
    # But for the code by which support finds the line of the log.
    assert len({re.sub(r"código: [0-9A-F]{4}", "", words(page)) for page in pages}) == 1


def test_who_must_wait_can_still_log_out(ana, world, limit):
    limit(unknown=1)
    for _ in range(2):
        ana.get(unknown())
    assert ana.get("/pedidos").status_code == 429

    assert ana.post("/accounts/logout/").status_code == 302

    assert ana.get("/pedidos").status_code == 302


def test_the_wait_ends_when_it_said(ana, world, limit):
    limit(unknown=2)
    for _ in range(3):
        ana.get(unknown())
    with time_machine.travel(NOW + timedelta(seconds=59), tick=False):
        refused = ana.get(address(world.o1))
    with time_machine.travel(NOW + timedelta(seconds=61), tick=False):
        opened = ana.get(address(world.o1))

    assert (refused.status_code, refused["Retry-After"]) == (429, "1")
    assert opened.status_code == 200


def test_addresses_outside_the_site_count_as_well(ana, world, limit):
    limit(unknown=2)

    statuses = [ana.get(f"/nada/{n}").status_code for n in range(4)]

    assert statuses == [404, 404, 429, 429]


def test_other_companies_addresses_count_and_are_not_recorded_without_end(suzana, cast, limit):
    limit(unknown=2)

    statuses = [suzana.get(f"/c/{cast.alfa.public_id}/pedidos").status_code for _ in range(5)]

    assert statuses == [404, 404, 429, 429, 429]
    assert AuditEvent.objects.filter(action=Action.NOT_VISIBLE).count() <= 3


def test_one_persons_guessing_stops_nobody_else_at_the_same_address(
    ana, world, client_for, cast, limit
):
    limit(unknown=2)
    for _ in range(5):
        ana.get(unknown())

    assert client_for(cast.bruno).get(address(world.o1)).status_code == 200


def test_an_office_of_forty_behind_one_address_is_not_refused(client_for, cast, world, settings):
    settings.PORTAL_LIMITS = base.PORTAL_LIMITS
    office = []
    for n in range(40):
        person = make_person(f"P{n}")
        make_member(person, cast.alfa, Role.BUYER)
        office.append(client_for(person))

    statuses = {client.get("/idioma").status_code for client in office for _ in range(12)}

    assert statuses == {405}
    assert not AuditEvent.objects.filter(action=Action.LIMIT_REACHED).exists()


def test_a_company_has_a_limit_that_its_people_share(client_for, cast, world, limit):
    limit(search=2, company_factor=2)
    people = [client_for(person) for person in (cast.ana, cast.bruno, cast.rita)]

    statuses = [client.get("/pedidos?q=999999").status_code for client in people for _ in range(2)]

    assert statuses == [200, 200, 200, 200, 429, 429]
    assert AuditEvent.objects.get(action=Action.LIMIT_REACHED).detail == {"of": "company"}


def test_staff_who_act_do_not_use_up_what_the_company_may_ask(
    suzana, ana, cast, world, client_for, limit
):
    suzana.post(
        "/atendimento/atuar",
        {"order": world.o1.public_id, "q": "PO-2026/0815", "reason": "chamado 1"},
    )
    limit(page=3, company_factor=1)
    for _ in range(3):
        assert suzana.get(f"/c/{cast.alfa.public_id}{address(world.o1)}").status_code == 200

    assert ana.get(address(world.o1)).status_code == 200


def test_each_kind_of_request_has_its_own_limit(ana, world, limit):
    limit(page=100, search=1, lookup=1, export=1)

    assert [ana.get("/pedidos?q=999999").status_code for _ in range(2)] == [200, 429]
    asked = [ana.post("/pedidos/procurar", {"q": "777777"}).status_code for _ in range(2)]
    assert asked == [302, 429]
    assert Lookup.objects.count() == 1
    taken = [ana.get("/financeiro/exportar").status_code for _ in range(2)]
    assert taken == [200, 429]
    assert ana.get("/pedidos").status_code == 200


def test_what_was_typed_is_kept(ana, world, limit):
    limit(search=1, lookup=1)
    ana.get("/pedidos?q=999999")
    ana.post("/pedidos/procurar", {"q": "1"})

    searched = ana.get("/pedidos", {"q": 'PO <"9">'})
    asked = ana.post("/pedidos/procurar", {"q": "PO 777"})

    assert parse(searched).xpath("//input[@type='search' or @name='q']/@value")[0] == 'PO <"9">'
    form = parse(asked).xpath("//main//form")[0]
    assert form.get("action") == "/pedidos/procurar"
    assert form.xpath("input[@name='q']/@value") == ["PO 777"]


def test_a_password_is_never_handed_back(client, limit):
    limit(address=1)
    client.get("/accounts/login/")

    refused = client.post("/accounts/login/", {"login": "a@b.example", "password": "segredo1"})

    assert refused.status_code == 429
    assert b"segredo1" not in refused.content
    assert b"a@b.example" in refused.content


def test_typing_into_the_box_leads_to_the_page_that_says_to_wait(ana, world, limit):
    limit(search=1)
    ana.get("/pedidos?q=999999")

    refused = ana.get("/pedidos?q=9999991", headers={"HX-Request": "true"})

    assert (refused.status_code, refused["HX-Redirect"]) == (429, "/pedidos?q=9999991")


def test_the_api_answers_a_problem_with_the_wait(ana, world, limit):
    limit(search=1)
    ana.get("/api/v1/orders?number=999999")

    refused = ana.get("/api/v1/orders?number=999999")

    assert refused.status_code == 429
    assert refused["Content-Type"] == "application/problem+json"
    problem = json.loads(refused.content)
    assert problem["code"] == "too-many-requests"
    assert problem["retry_after"] == 60
    assert refused["Retry-After"] == "60"


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("pt-br", "Muitas consultas em pouco tempo. Tente de novo em 60 s."),
        ("es", "Demasiadas consultas en poco tiempo. Intente de nuevo en 60 s."),
        ("en", "Too many look-ups in a short time. Try again in 60 s."),
    ],
)
def test_it_is_said_in_the_persons_language(ana, cast, world, limit, language, said):
    cast.ana.language = language
    cast.ana.save()
    limit(search=1)
    ana.get("/pedidos?q=999999")

    assert said in words(ana.get("/pedidos?q=999999"))


def test_who_has_not_logged_in_is_counted_by_address(settings, limit):
    limit(address=2)
    here, there = Client(REMOTE_ADDR="198.51.100.7"), Client(REMOTE_ADDR="198.51.100.8")

    statuses = [here.get("/accounts/login/").status_code for _ in range(3)]

    assert statuses == [200, 200, 429]
    assert there.get("/accounts/login/").status_code == 200


def test_one_network_of_ipv6_is_one_address(limit):
    limit(address=1)
    first, second = Client(REMOTE_ADDR="2001:db8::1"), Client(REMOTE_ADDR="2001:db8::2:2")

    assert first.get("/accounts/login/").status_code == 200
    assert second.get("/accounts/login/").status_code == 429


@pytest.mark.parametrize(
    "written", ["::ffff:198.51.100.{}", "198.51.100.{}:50123", "[::ffff:198.51.100.{}]:50123"]
)
def test_nobody_uses_up_what_others_may_ask_for_however_addresses_are_written(written, limit):
    limit(address=1)
    here, there = (Client(REMOTE_ADDR=written.format(number)) for number in (7, 8))

    statuses = [here.get("/accounts/login/").status_code for _ in range(2)]

    assert statuses == [200, 429]
    assert there.get("/accounts/login/").status_code == 200


def test_no_header_of_a_visitor_makes_them_somebody_else(settings, limit):
    limit(address=1)
    settings.PORTAL_TRUSTED_PROXIES = 1
    real = "198.51.100.7"
    tried = ("", "203.0.113.1, ", "203.0.113.2, 203.0.113.3, ", "nonsense, ", "[::1]:1, ")

    statuses = [
        Client(REMOTE_ADDR="10.0.0.1")
        .get(
            "/accounts/login/",
            headers={
                "X-Forwarded-For": f"{forged}{real}",
                "X-Real-IP": forged,
                "Forwarded": forged,
            },
        )
        .status_code
        for forged in tried
    ]

    assert statuses == [200, 429, 429, 429, 429]


@pytest.mark.parametrize("method", ["head", "options", "post", "put", "delete"])
def test_no_method_passes_a_limit_that_is_reached(ana, world, limit, method):
    limit(page=1)
    ana.get("/pedidos")

    assert getattr(ana, method)("/pedidos").status_code == 429
    assert getattr(ana, method)("/pedidos", headers={"HX-Request": "true"}).status_code == 429


def test_another_log_in_of_the_same_person_has_no_limit_of_its_own(client_for, cast, world, limit):
    limit(page=2)

    statuses = [client_for(cast.ana).get("/pedidos").status_code for _ in range(3)]

    assert statuses == [200, 200, 429]


@pytest.mark.parametrize("path", ["/d/nobody-knows-this", "/calendario/nor-this.ics"])
def test_links_that_lead_nowhere_are_limited_by_address(client, limit, path):
    limit(secret=2)

    statuses = [client.get(path).status_code for _ in range(4)]

    assert statuses == [404, 404, 429, 429]
    assert Incident.objects.filter(code="guessing").count() == 1
    assert Client(REMOTE_ADDR="198.51.100.8").get(path).status_code == 404


def test_health_is_asked_without_limit(client, limit):
    limit(address=1)

    assert {client.get("/healthz").status_code for _ in range(5)} == {200}


def test_calls_of_the_hook_are_not_counted_as_visits(client, limit):
    limit(address=1, secret=1)

    tried = [client.post("/vtex/hook/none-of-ours").status_code for _ in range(4)]

    assert tried == [404] * 4
    assert client.get("/accounts/login/").status_code == 200


def test_without_a_cache_pages_open_and_operations_hear_of_it(ana, world, limit, monkeypatch):
    def away(self, draws):
        raise CacheDown("away") from OSError("refused")

    monkeypatch.setattr(OwnBuckets, "draw", away)
    monkeypatch.setattr(limiting._Told, "at", float("-inf"))
    opened = []
    for _ in range(3):
        # As if each came after the pause in which the cache is left alone.
        monkeypatch.setattr(buckets._Rest, "until", 0.0)
        opened.append(ana.get(address(world.o1)).status_code)

    monkeypatch.setattr(buckets._Rest, "until", 0.0)
    assert opened == [200, 200, 200]
    assert [each.code for each in Incident.objects.all()] == ["limits-not-counted"]


def test_without_a_cache_nobody_logs_in_and_who_is_in_goes_on(ana, client, world, settings):
    # There the limit is what protects.
    settings.CACHES = {"default": base.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}}
    client.raise_request_exception = False

    tried = client.post("/accounts/login/", {"login": "ana@example.com", "password": PASSWORD})

    assert tried.status_code == 500
    assert "sessionid" not in client.cookies
    assert ana.get(address(world.o1)).status_code == 200
    buckets._Rest.until = 0.0


def test_an_answer_is_held_back_outside_the_viewers_scope(ana, world, limit, monkeypatch):
    limit(unknown=2)
    companies = []

    def sleep(_seconds: float) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('app.company', true)")
            companies.append(cursor.fetchone()[0])

    monkeypatch.setattr(SlowMiddleware, "sleep", staticmethod(sleep))

    for _ in range(2):
        ana.get(unknown())

    assert companies == [""]


def test_slowing_one_person_leaves_threads_to_others(slept, rf):
    held, told = threading.Event(), threading.Event()

    def answer(request):
        request.slow_by = 0.5
        return HttpResponse()

    class Held(SlowMiddleware):
        @staticmethod
        def sleep(_seconds: float) -> None:
            told.set()
            held.wait(10)

    slowed = [threading.Thread(target=Held(answer), args=(rf.get("/"),)) for _ in range(2)]
    for thread in slowed:
        thread.start()
    told.wait(10)
    while Held._places.acquire(blocking=False):
        Held._places.release()

    # Both places are taken: the third is answered at once.
    assert Held(answer)(rf.get("/")).status_code == 200
    held.set()
    for thread in slowed:
        thread.join(10)


def test_zero_switches_a_limit_off(ana, world, limit):
    limit(search=0)

    assert {ana.get("/pedidos?q=999999").status_code for _ in range(20)} == {200}
