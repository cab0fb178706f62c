"""/atendimento: another team's customer, numbers misheard, numbers awaited, and coming back."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from b2b_orders.audit.models import Action, AuditEvent
from b2b_orders.common import tenancy
from b2b_orders.common.mail import MailFailed
from b2b_orders.companies.access import StaffViewer
from b2b_orders.companies.models import Acting, Portfolio, StaffProfile, StaffRole, Team
from b2b_orders.orders.awaiting import MOST_AWAITED, note_arrivals, tell_arrivals
from b2b_orders.orders.models import AwaitedNumber
from b2b_orders.orders.numbers import near_values
from b2b_orders.orders.queries import nearest, other_teams, staff_search
from b2b_orders.portal.tasks import tell_awaited
from erp_bridge.records import NumberKind
from tests.b2b_orders.portal.pages import parse, texts, words
from tests.b2b_orders.portal.test_support import start
from tests.factories import NOW, make_order


@pytest.fixture
def teams(cast) -> dict[str, Team]:
    """Suzana serves the South, where Alfa is; Beta is of the North."""
    south, north = Team.objects.create(name="Sul"), Team.objects.create(name="Norte")
    for company, team in ((cast.alfa, south), (cast.beta, north)):
        company.team = team
        company.save()
    StaffProfile.objects.filter(person=cast.suzana).update(team=south)
    return {"south": south, "north": north}


def viewer_of(person, **fields) -> StaffViewer:
    return StaffViewer(person_id=person.pk, role=StaffRole.SUPPORT, **fields)


# --- teams --------------------------------------------------------------------------------------


def test_another_teams_customer_is_named_by_the_team_alone(suzana, world, teams):
    response = suzana.get("/atendimento", {"q": "0007700001"})

    page = words(response, "//main")
    assert "Cliente de outra equipe" in page
    assert "Este número é de um cliente da equipe Norte." in page
    # Neither whose it is, nor anything of the order, nor a way to it.
    for told in ("Beta", "01DE-35", "Faturado", "Aguard", "10/03"):
        assert told not in page
    assert parse(response).xpath("//main//a[contains(@href, 'atuar')]") == []
    assert "Avise-me quando chegar" not in page
    line = AuditEvent.objects.get(action=Action.OTHER_TEAM_REFUSED)
    assert line.detail == {"text": "0007700001", "teams": ["Norte"]}


def test_a_number_of_two_teams_shows_ones_own_and_names_the_other(suzana, world, teams):
    response = suzana.get("/atendimento", {"q": "PO-2026/0815"})

    rows = texts(response, "//table//tbody/tr")
    assert len(rows) == 1
    assert "Alfa Distribuidora" in rows[0]
    assert "equipe Norte" in words(response, "//main")
    assert "Beta" not in words(response, "//main")


def test_acting_for_another_teams_customer_is_refused(suzana, world, cast, teams):
    assert start(suzana, world.o5).status_code == 404
    assert start(suzana, world.o5, typed="0007700001").status_code == 404
    assert not Acting.objects.exists()

    cast.beta.team = None
    cast.beta.save()
    assert start(suzana, world.o5).status_code == 302


def test_a_cnpj_of_another_team_names_the_team_alone(suzana, world, cast, teams):
    response = suzana.get("/atendimento", {"q": "12.ABC.345/01DE-35"})

    page = words(response, "//main")
    assert "Este número é de um cliente da equipe Norte." in page
    assert "Beta" not in page
    begun = suzana.post("/atendimento/atuar", {"q": "12ABC34501DE35", "reason": "chamado 8812"})
    assert begun.status_code == 404
    assert not Acting.objects.exists()
    line = AuditEvent.objects.get(action=Action.OTHER_TEAM_REFUSED)
    assert line.detail == {"text": "12.ABC.345/01DE-35", "teams": ["Norte"]}


def test_a_company_without_a_team_is_everybodys(suzana, world, cast, teams):
    cast.beta.team = None
    cast.beta.save()

    assert len(texts(suzana.get("/atendimento?q=PO-2026/0815"), "//table//tbody/tr")) == 2


def test_who_has_no_team_serves_all_and_is_told_of_no_other(suzana, world, cast, teams):
    StaffProfile.objects.filter(person=cast.suzana).update(team=None)

    response = suzana.get("/atendimento", {"q": "PO-2026/0815"})

    assert len(texts(response, "//table//tbody/tr")) == 2
    assert "outra equipe" not in words(response)
    assert not AuditEvent.objects.filter(action=Action.OTHER_TEAM_REFUSED).exists()


def test_beginnings_and_near_numbers_of_another_team_stay_unknown(world, cast, teams):
    viewer = viewer_of(cast.suzana, team_id=teams["south"].pk)

    assert staff_search(viewer=viewer, text="77000") == ()
    assert nearest(viewer=viewer, text="0007700002") == ()
    assert other_teams(viewer=viewer, text="77000") == ()
    everybody = viewer_of(cast.suzana)
    assert [hit.title for hit in nearest(viewer=everybody, text="0007700002")] == ["0007700001"]


def test_a_portfolio_stands_above_teams(teo, cast, world, teams):
    StaffProfile.objects.filter(person=cast.teo).update(team=teams["north"])

    assert "0004500987" in words(teo.get("/televendas?q=0004500987"), "//table[1]")


def test_inactive_companies_of_another_team_are_not_named(world, cast, teams):
    cast.beta.is_active = False
    cast.beta.save()

    assert other_teams(
        viewer=viewer_of(cast.suzana, team_id=teams["south"].pk), text="7700001"
    ) == (())


# --- misheard -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "is_near"),
    [
        ("0004500124", True),  # one digit
        ("4500132", True),  # two neighbours
        ("4500123", False),  # itself
        ("4500145", False),  # two digits
        ("45001", False),
        ("450", False),  # too short to be near anything
        ("PO-2026/0816", True),
        ("PO 2026 0851", True),
        ("OP-2026/0815", True),
    ],
)
def test_one_digit_off_or_two_swapped_is_near(world, cast, typed, is_near):
    found = {hit.title for hit in nearest(viewer=viewer_of(cast.suzana), text=typed)}

    assert ("1172452900788-01" in found) is is_near


def test_a_first_digit_misheard_for_a_zero_is_near(cast, db):
    make_order(cast.alfa, [(NumberKind.ERP, "0500777")])

    assert len(nearest(viewer=viewer_of(cast.suzana), text="1500777")) == 1


def test_keys_lines_and_long_texts_have_no_near_numbers():
    assert near_values("3" * 44) == ()
    assert near_values("34191790010104351004791020150008691070000100001") == ()
    assert near_values("PEDIDO DA SEMANA") == ()
    assert near_values("9" * 21) == ()
    assert near_values("") == ()
    assert len(near_values("9" * 20)) <= 200


def test_near_numbers_are_looked_up_in_the_index_and_never_scanned(cast, db):
    order = make_order(cast.alfa, [(NumberKind.ERP, "4500123")])
    with connection.cursor() as cursor:
        # So many that the planner has a reason.
        cursor.execute(
            "INSERT INTO companies_company (public_id, name, is_active, created_at)"
            " SELECT gen_random_uuid(), 'C', true, now() FROM generate_series(1, 300)"
        )
        cursor.execute(
            "INSERT INTO orders_ordernumber (company_id, value, kind, order_id, written)"
            " SELECT c.id, 'x' || n, 'erp', %s, 'x' FROM companies_company c,"
            " generate_series(1, 10) n",
            [order.pk],
        )
        cursor.execute("ANALYZE orders_ordernumber, companies_company")
    with CaptureQueriesContext(connection) as captured:
        nearest(viewer=viewer_of(cast.suzana), text="4500124")
    asked = [q["sql"] for q in captured.captured_queries if "orders_ordernumber" in q["sql"]]

    assert len(asked) == 1
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN " + asked[0])
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "order_number_staff" in plan
    assert "Index Cond: ((value)::text = ANY" in plan


def test_near_numbers_are_offered_where_nothing_is_found(suzana, world):
    response = suzana.get("/atendimento?q=0004500124")

    page = words(response, "//main")
    assert 'Nada com "0004500124" nos pedidos de nenhuma empresa.' in page
    assert "Quase este número: um dígito diferente ou dois trocados" in page
    choose = parse(response).xpath("//tbody//a/@href")
    assert len(choose) == 1
    # It can be acted for from there.
    assert "Atuar pela Alfa Distribuidora" in words(suzana.get(choose[0]))
    started = start(suzana, world.o1, typed="0004500124")
    assert started.status_code == 302
    assert "R$" not in page


# --- awaited ------------------------------------------------------------------------------------


def keep(client, number: str = "999999"):
    return client.post("/atendimento/avisos", {"q": number})


def test_a_number_that_comes_later_is_told_by_mail_and_on_the_page(suzana, cast, world):
    assert keep(suzana)["Location"] == "/atendimento"
    assert "999999 esperado desde 10:00" in words(suzana.get("/atendimento"))

    tell_awaited()
    assert mail.outbox == []
    make_order(cast.beta, [(NumberKind.WEB, "0999999")])
    with tenancy.scope(role=tenancy.WORKER):
        tell_awaited()
        tell_awaited()

    assert len(mail.outbox) == 1
    letter = mail.outbox[0]
    assert (letter.to, letter.subject) == (["suzana@example.com"], "O número 999999 chegou")
    assert "/atendimento?q=999999" in letter.body
    # Whose it is shows after logging in alone.
    assert "Beta" not in letter.body
    page = suzana.get("/atendimento")
    assert "999999 está aqui desde 10:00" in words(page)
    assert "/atendimento?q=999999" in parse(page).xpath("//tbody//a/@href")
    line = AuditEvent.objects.get(action=Action.NUMBER_AWAITED)
    assert (line.object_id, line.detail, line.person_id) == (
        "999999",
        {"undone": False},
        cast.suzana.pk,
    )


def test_a_number_of_another_team_is_told_to_nobody_of_this_one(suzana, cast, world, teams):
    keep(suzana)

    make_order(cast.beta, [(NumberKind.WEB, "999999")])
    assert note_arrivals(now=NOW) == 0
    StaffProfile.objects.filter(person=cast.suzana).update(team=teams["north"])
    assert note_arrivals(now=NOW) == 1


def test_telesales_are_told_of_their_own_customers_alone(teo, cast, world):
    assert keep(teo)["Location"] == "/televendas"
    make_order(cast.beta, [(NumberKind.WEB, "999999")])

    assert note_arrivals(now=NOW) == 0
    Portfolio.objects.create(staff=cast.teo.staff, company=cast.beta)
    tell_awaited()

    assert "/televendas?q=999999" in mail.outbox[0].body


def test_who_left_is_told_nothing(suzana, cast, world):
    keep(suzana)
    make_order(cast.alfa, [(NumberKind.WEB, "999999")])
    StaffProfile.objects.filter(person=cast.suzana).delete()

    tell_awaited()

    assert mail.outbox == []


def test_orders_of_inactive_companies_do_not_come(suzana, cast, world):
    keep(suzana)
    make_order(cast.gama, [(NumberKind.WEB, "999999")])

    assert note_arrivals(now=NOW) == 0


def test_a_mail_server_that_is_away_is_tried_again_and_a_refusal_is_not(suzana, cast, world):
    keep(suzana)
    make_order(cast.alfa, [(NumberKind.WEB, "999999")])
    note_arrivals(now=NOW)
    failures = [
        MailFailed("no-mail-server", is_final=False),
        MailFailed("recipient-refused", is_final=True),
    ]
    asked = []

    def send(came):
        asked.append(came.written)
        raise failures[len(asked) - 1]

    assert [tell_arrivals(now=NOW, send=send) for _ in range(3)] == [0, 1, 0]
    assert asked == ["999999", "999999"]


def test_twice_the_same_number_is_awaited_once(suzana, world):
    keep(suzana, "PO 999/77")
    keep(suzana, "po-999-77")

    assert AwaitedNumber.objects.get().written == "PO 999/77"


def test_a_number_can_be_forgotten_by_its_own_person_alone(suzana, teo, cast, world):
    keep(suzana)
    row = AwaitedNumber.objects.get()

    for theirs in (str(row.pk), "0", "x", str(10**30), ""):
        sent = teo.post("/atendimento/avisos/esquecer", {"awaited": theirs})
        assert sent.status_code == 404
    assert AwaitedNumber.objects.count() == 1
    assert "999999" not in words(teo.get("/televendas"))
    suzana.post("/atendimento/avisos/esquecer", {"awaited": row.pk})
    assert not AwaitedNumber.objects.exists()
    last = AuditEvent.objects.filter(action=Action.NUMBER_AWAITED).latest("pk")
    assert last.detail == {"undone": True}


def test_one_person_waits_for_so_many_numbers_at_most(suzana, cast, world):
    AwaitedNumber.objects.bulk_create(
        AwaitedNumber(person=cast.suzana, value=str(n), written=str(n), kept_at=NOW)
        for n in range(MOST_AWAITED)
    )

    response = suzana.post("/atendimento/avisos", {"q": "999999"}, follow=True)

    assert "Você já espera tantos números quanto uma pessoa pode" in words(response)
    assert AwaitedNumber.objects.count() == MOST_AWAITED


def test_what_never_came_is_forgotten_after_a_month(suzana, world):
    keep(suzana)

    note_arrivals(now=NOW + timedelta(days=29))
    assert AwaitedNumber.objects.exists()
    note_arrivals(now=NOW + timedelta(days=31))
    assert not AwaitedNumber.objects.exists()


@pytest.mark.parametrize("person", ["ana", "rita", "olga"])
def test_only_who_looks_for_numbers_has_them_kept(client_for, cast, world, person):
    assert keep(client_for(getattr(cast, person))).status_code == 404
    assert keep(client_for(cast.suzana), "  /-. ").status_code == 404
    assert not AwaitedNumber.objects.exists()


# --- coming back --------------------------------------------------------------------------------


def test_the_last_companies_stand_below_the_box_each_once(suzana, cast, world):
    start(suzana, world.o1, reason="chamado 1")
    start(suzana, world.o5, reason="chamado 2")
    suzana.post("/atendimento/encerrar", {"company": cast.beta.public_id})
    start(suzana, world.o1, reason="chamado 3")

    response = suzana.get("/atendimento")

    rows = texts(response, "//section[@aria-label='Meus últimos dez']//tbody/tr")
    assert rows == [
        "Alfa Distribuidora CNPJ …0001-95 restam 30 min chamado 3 10:00",
        "Beta Comércio CNPJ …01DE-35 chamado 2 10:00",
    ]
    # Only what goes on is a link.
    links = parse(response).xpath("//section[@aria-label='Meus últimos dez']//a/@href")
    assert links == [f"/c/{cast.alfa.public_id}/pedidos"]


def test_companies_of_another_team_and_of_other_agents_are_not_among_them(
    suzana, cast, world, client_for
):
    start(suzana, world.o5)
    other = client_for(cast.teo)
    StaffProfile.objects.filter(person=cast.teo).update(role=StaffRole.SUPPORT)
    assert texts(other.get("/atendimento"), "//section[@aria-label='Meus últimos dez']") == []

    cast.beta.team = Team.objects.create(name="Norte")
    cast.beta.save()
    StaffProfile.objects.filter(person=cast.suzana).update(team=Team.objects.create(name="Sul"))
    assert "Beta" not in words(suzana.get("/atendimento"))


def test_acting_that_ended_by_itself_is_no_link(suzana, cast, world):
    start(suzana, world.o1)

    with time_machine.travel(NOW + timedelta(minutes=31), tick=False):
        response = suzana.get("/atendimento")

    assert texts(response, "//section[@aria-label='Meus últimos dez']//a") == []
