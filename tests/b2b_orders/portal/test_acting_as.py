"""Acting as one of a company's people: their eyes, no more; read-only; and how it ends."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth import update_session_auth_hash
from django.test import RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver

from b2b_orders.audit.models import Action, AuditEvent
from b2b_orders.companies.models import Acting, Membership, StaffProfile, Team
from b2b_orders.companies.viewers import read_standing, viewer_of_asker
from b2b_orders.portal.acting import SUPPORT_MAY
from tests.b2b_orders.portal.conftest import address
from tests.b2b_orders.portal.pages import parse, texts, words
from tests.b2b_orders.portal.test_support import start
from tests.factories import NOW, make_person

BAR = "//section[contains(@class, 'agentbar')]"


@pytest.fixture
def alfa(suzana, cast, world) -> str:
    """Act for Alfa; return where its pages are."""
    start(suzana, world.o1)
    return f"/c/{cast.alfa.public_id}"


def see_as(client, alfa: str, person, after: str = ""):
    whom = person if isinstance(person, str) else str(person.public_id)
    return client.post(f"{alfa}/atuacao/visao", {"person": whom, "next": after})


def orders_of(client, alfa: str) -> set[str]:
    return {
        number
        for number in ("1172452900788-01", "0004500987", "1172452900999-01")
        if number in words(client.get(f"{alfa}/pedidos"), "//main")
    }


def without_company_eyes(cast) -> None:
    StaffProfile.objects.filter(person=cast.suzana).update(can_see_as_company=False)


# --- whose eyes ---------------------------------------------------------------------------------


def test_the_page_says_who_may_be_told_what_and_no_address(suzana, alfa, cast):
    response = suzana.get(f"{alfa}/atuacao")

    rows = {row.split()[0]: row for row in texts(response, "//tbody/tr")}
    assert rows["Carla"] == (
        "Carla Comprador filial 0002 Documentos Preços Financeiro Ver como esta pessoa"
    )
    assert rows["Bruno"].startswith("Bruno Financeiro toda a empresa")
    assert "Beto" not in words(response)
    assert "@example.com" not in words(response, "//main")
    line = AuditEvent.objects.get(action=Action.CUSTOMER_OPENED)
    assert (line.company_id, line.person_id, line.reason) == (
        cast.alfa.pk,
        cast.suzana.pk,
        "chamado 8812",
    )


def test_a_right_that_a_person_lacks_is_said_in_words(suzana, alfa, cast):
    Membership.objects.filter(person=cast.carla).update(sees_prices=False)

    row = next(row for row in texts(suzana.get(f"{alfa}/atuacao"), "//tbody/tr") if "Carla" in row)

    assert "Documentos sem preços Financeiro" in row


def test_acting_as_a_person_shows_what_she_sees_and_no_more(suzana, alfa, cast, world):
    assert orders_of(suzana, alfa) == {"1172452900788-01", "0004500987", "1172452900999-01"}

    see_as(suzana, alfa, cast.carla)

    assert orders_of(suzana, alfa) == {"0004500987"}
    assert suzana.get(alfa + address(world.o1)).status_code == 404
    page = suzana.get(alfa + address(world.o2))
    assert "vendo como: Carla (filial 0002)" in words(page, BAR)
    line = AuditEvent.objects.get(action=Action.SEEN_AS_CHANGED)
    assert line.detail == {"before": "", "now": "Carla"}
    assert line.company_id == cast.alfa.pk


def test_a_person_without_prices_lends_eyes_without_prices(suzana, alfa, cast, world):
    Membership.objects.filter(person=cast.bruno).update(sees_prices=False)

    see_as(suzana, alfa, cast.bruno)

    assert "R$ 4.512,30" not in words(suzana.get(alfa + address(world.o1)), "//main")


def test_rights_over_people_and_the_record_are_never_borrowed(suzana, alfa, cast):
    see_as(suzana, alfa, cast.rita)

    session = suzana.session.session_key
    viewer = read_standing(cast.suzana.pk).viewer_of_address(
        cast.alfa.public_id, session_key=session, now=NOW
    )
    assert viewer is not None
    assert sorted(viewer.rights) == ["documents", "finance", "prices"]


@pytest.mark.parametrize("how", ["membership", "person"])
def test_the_eyes_of_somebody_who_was_removed_see_nothing(suzana, alfa, cast, world, how):
    see_as(suzana, alfa, cast.carla)

    if how == "membership":
        Membership.objects.filter(person=cast.carla).update(is_active=False)
    else:
        cast.carla.is_active = False
        cast.carla.save()

    assert orders_of(suzana, alfa) == set()
    assert suzana.get(alfa + address(world.o2)).status_code == 404
    acting = Acting.objects.get(ended_at=None)
    later = viewer_of_asker(
        person_id=cast.suzana.pk, company_id=cast.alfa.pk, is_staff=True, acting_id=acting.pk
    )
    assert later is not None
    assert (later.rights, later.establishment_ids) == (frozenset(), frozenset())


def test_seeing_as_the_company_again_is_logged(suzana, alfa, cast):
    see_as(suzana, alfa, cast.carla)
    see_as(suzana, alfa, "company")

    assert "vendo como: toda a empresa" in words(suzana.get(f"{alfa}/pedidos"), BAR)
    lines = AuditEvent.objects.filter(action=Action.SEEN_AS_CHANGED).order_by("pk")
    assert [line.detail["now"] for line in lines] == ["Carla", ""]


def test_without_the_right_it_is_first_said_whose_eyes_are_borrowed(suzana, cast, world):
    without_company_eyes(cast)

    started = start(suzana, world.o2, typed="OC 77-A")

    alfa = f"/c/{cast.alfa.public_id}"
    assert started["Location"].startswith(f"{alfa}/atuacao?next=")
    wanted = alfa + address(world.o2)
    for path in (f"{alfa}/pedidos", wanted, f"{alfa}/financeiro"):
        assert suzana.get(path)["Location"].startswith(f"{alfa}/atuacao?next=")
    api = suzana.get("/api/v1/orders", {"company": str(cast.alfa.public_id)})
    assert api.json()["results"] == []
    page = suzana.get(started["Location"])
    assert "vendo como: ninguém ainda" in words(page, BAR)
    assert parse(page).xpath("//button[@value='company']") == []
    assert see_as(suzana, alfa, cast.carla, wanted)["Location"] == wanted
    assert suzana.get(wanted).status_code == 200


def test_without_the_right_the_company_is_not_seen_by_asking_for_it(suzana, alfa, cast):
    see_as(suzana, alfa, cast.carla)
    without_company_eyes(cast)

    assert see_as(suzana, alfa, "company").status_code == 404

    assert orders_of(suzana, alfa) == {"0004500987"}


def test_a_right_that_is_taken_away_ends_at_the_next_request(suzana, alfa, cast, world):
    without_company_eyes(cast)

    assert suzana.get(alfa + address(world.o1)).status_code == 302
    acting = Acting.objects.get(ended_at=None)
    viewer = viewer_of_asker(
        person_id=cast.suzana.pk, company_id=cast.alfa.pk, is_staff=True, acting_id=acting.pk
    )
    assert viewer is not None
    assert viewer.rights == frozenset()


@pytest.mark.parametrize("whom", ["beto", "stranger", "nonsense", "removed"])
def test_only_eyes_of_people_of_the_company_can_be_borrowed(suzana, alfa, cast, whom):
    Membership.objects.filter(person=cast.bruno).update(is_active=False)
    wanted = {
        "beto": str(cast.beto.public_id),
        "stranger": str(make_person("Xavier").public_id),
        "nonsense": "1 OR 1=1",
        "removed": str(cast.bruno.public_id),
    }[whom]

    assert see_as(suzana, alfa, wanted).status_code == 404

    assert Acting.objects.get(ended_at=None).seen_as is None


@pytest.mark.parametrize("person", ["ana", "rita", "teo", "olga"])
def test_nobody_but_who_acts_has_these_pages(client_for, cast, world, person):
    client = client_for(getattr(cast, person))
    base = f"/c/{cast.alfa.public_id}/atuacao"

    assert client.get(base).status_code == 404
    for path in ("visao", "motivo", "continuar"):
        sent = client.post(f"{base}/{path}", {"person": "company", "reason": "chamado 1"})
        assert sent.status_code == 404, path


def test_eyes_come_back_to_a_page_of_the_same_company_alone(suzana, alfa, cast):
    for wanted in ("https://evil.example/", "//evil.example", f"/c/{uuid.uuid4()}/pedidos", ""):
        assert see_as(suzana, alfa, cast.carla, wanted)["Location"] == f"{alfa}/pedidos"
    inside = f"{alfa}/financeiro?grupo=vencidos"
    assert see_as(suzana, alfa, cast.carla, inside)["Location"] == inside


def test_the_reason_can_be_changed_and_both_are_in_the_record(suzana, alfa, world):
    short = suzana.post(f"{alfa}/atuacao/motivo", {"reason": "oi"})
    assert short.status_code == 400
    assert "pelo menos 5 caracteres" in words(short, "//*[@id='reason-error']")

    suzana.post(f"{alfa}/atuacao/motivo", {"reason": "  chamado   9001 "})
    suzana.get(alfa + address(world.o1))

    assert "motivo: chamado 9001" in words(suzana.get(f"{alfa}/pedidos"), BAR)
    line = AuditEvent.objects.get(action=Action.SEEN_AS_CHANGED)
    assert line.detail == {"reason_before": "chamado 8812", "reason_now": "chamado 9001"}
    assert AuditEvent.objects.filter(action=Action.ORDER_VIEWED).latest("pk").reason == (
        "chamado 9001"
    )


# --- read-only ----------------------------------------------------------------------------------


def company_routes(patterns=None, prefix: str = "") -> dict[str, str]:
    """List every route below a company's address, by name."""
    found: dict[str, str] = {}
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            found |= company_routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern) and route.startswith("c/<uuid:company>/"):
            found[f"portal:{pattern.name}"] = route
    return found


def test_every_post_is_refused_but_what_support_may(suzana, alfa, cast, world):
    routes, refused, let_through = company_routes(), set(), set()
    assert len(routes) > 30
    assert set(routes) >= SUPPORT_MAY
    for name, route in routes.items():
        path = "/" + route.replace("<uuid:company>", str(cast.alfa.public_id))
        for converter in ("public_id", "order"):
            path = path.replace(f"<uuid:{converter}>", str(world.o1.public_id))
        response = suzana.post(path.replace("<int:number>", "1"))
        if response.streaming:
            b"".join(response)
        (refused if response.status_code == 403 else let_through).add(name)
        if response.status_code == 403:
            assert "Só leitura durante a atuação" in words(response, "//h1")

    assert let_through == set(SUPPORT_MAY)
    assert refused == set(routes) - SUPPORT_MAY
    why = AuditEvent.objects.filter(detail__why="read-only while acting")
    assert why.count() == len(refused)


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_other_methods_are_refused_as_well(suzana, alfa, method):
    assert getattr(suzana, method)(f"{alfa}/financeiro").status_code == 403


def test_who_belongs_to_the_company_is_not_hindered(ana, world):
    assert ana.post("/pedidos/procurar", {"q": "123456"}).status_code == 302


# --- how it ends --------------------------------------------------------------------------------


def left(client, company) -> int:
    return client.get("/atendimento/tempo", {"company": str(company.public_id)}).json()["seconds"]


def test_asking_for_the_time_left_does_not_prolong_it(suzana, alfa, cast):
    for minute in (10, 20, 29):
        with time_machine.travel(NOW + timedelta(minutes=minute), tick=False):
            assert left(suzana, cast.alfa) == (30 - minute) * 60
    with time_machine.travel(NOW + timedelta(minutes=30), tick=False):
        assert left(suzana, cast.alfa) == 0
        assert suzana.get(f"{alfa}/pedidos").status_code == 404
    assert left(suzana, cast.beta) == 0


def test_going_on_puts_the_timer_back(suzana, alfa, cast):
    with time_machine.travel(NOW + timedelta(minutes=28), tick=False):
        on = suzana.post(f"{alfa}/atuacao/continuar", {"next": f"{alfa}/financeiro"})
        aside = suzana.post(f"{alfa}/atuacao/continuar", headers={"HX-Request": "true"})
        assert left(suzana, cast.alfa) == 30 * 60

    assert on["Location"] == f"{alfa}/financeiro"
    assert aside.status_code == 204
    with time_machine.travel(NOW + timedelta(minutes=57), tick=False):
        assert suzana.get(f"{alfa}/pedidos").status_code == 200


def test_acting_does_not_survive_a_change_of_password(suzana, alfa, cast, world):
    assert suzana.get(alfa + address(world.o1)).status_code == 200

    request = RequestFactory().get("/")
    request.session = suzana.session
    request.user = cast.suzana
    cast.suzana.set_password("another horse battery")
    cast.suzana.save()
    update_session_auth_hash(request, cast.suzana)
    suzana.cookies["sessionid"] = request.session.session_key
    request.session.save()

    assert suzana.get("/atendimento").status_code == 200
    assert suzana.get(alfa + address(world.o1)).status_code == 404


def test_acting_ends_when_the_company_goes_to_another_team(suzana, alfa, cast, world):
    south, north = Team.objects.create(name="Sul"), Team.objects.create(name="Norte")
    StaffProfile.objects.filter(person=cast.suzana).update(team=south)
    assert suzana.get(alfa + address(world.o1)).status_code == 200

    cast.alfa.team = north
    cast.alfa.save()

    assert suzana.get(alfa + address(world.o1)).status_code == 404
    acting = Acting.objects.get(ended_at=None)
    assert (
        viewer_of_asker(
            person_id=cast.suzana.pk, company_id=cast.alfa.pk, is_staff=True, acting_id=acting.pk
        )
        is None
    )


def test_history_follows_the_borrowed_eyes_and_not_the_agents_own_company(
    suzana, cast, world, client_for
):
    """An agent who is also a buyer of Beta sees nothing of Beta while acting for Alfa."""
    Membership.objects.create(person=cast.suzana, company=cast.beta, role="admin")
    start(suzana, world.o1)
    alfa = f"/c/{cast.alfa.public_id}"

    assert "0007700001" not in words(suzana.get(f"{alfa}/pedidos"), "//main")
    assert suzana.get(alfa + address(world.o5)).status_code == 404
    lines = AuditEvent.objects.filter(action=Action.ORDER_VIEWED)
    suzana.get(alfa + address(world.o1))
    line = lines.latest("pk")
    assert (line.person_id, line.staff_role, line.company_id) == (
        cast.suzana.pk,
        "support",
        cast.alfa.pk,
    )


# --- a source is down ---------------------------------------------------------------------------


def test_an_outage_says_since_when_what_holds_and_what_to_read_out(suzana, alfa, cast, erp_down):
    page = words(suzana.get(f"{alfa}/pedidos"), "//section[@aria-labelledby='outage']")

    assert page.startswith("ERP sem resposta desde 09:15. Mostrando dados das 09:14.")
    assert "Continua confiável: pedidos do site" in page
    assert (
        "Nosso sistema não responde desde 09:15. Vejo os seus pedidos com dados das 09:14;" in page
    )
    # Read out in the customer's language, told in the agent's.
    cast.carla.language = "es"
    cast.carla.save()
    see_as(suzana, alfa, cast.carla)
    page = words(suzana.get(f"{alfa}/pedidos"), "//section[@aria-labelledby='outage']")
    assert "Continua confiável" in page
    assert "Nuestro sistema no responde desde 09:15." in page


def test_no_outage_no_words(suzana, alfa):
    assert texts(suzana.get(f"{alfa}/pedidos"), "//section[@aria-labelledby='outage']") == []


def test_the_outage_is_told_before_acting_too(suzana, world, erp_down):
    assert "Nosso sistema não responde desde 09:15." in words(suzana.get("/atendimento"))
