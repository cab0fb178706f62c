"""Due dates by month, and the private address that calendars read."""

from __future__ import annotations

import logging
import re
from datetime import date, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from b2b_orders.audit.models import AuditEvent
from b2b_orders.companies.models import Company, Membership, MembershipScope, Role
from b2b_orders.documents.models import CalendarFeed
from b2b_orders.orders.models import Title
from erp_bridge.records import NumberKind
from tests.b2b_orders.portal.ics import Component
from tests.b2b_orders.portal.ics import parse as parse_ics
from tests.b2b_orders.portal.pages import parse, texts, words
from tests.factories import NOW, make_order, make_title

TODAY = date(2026, 3, 10)
LINE = "34191790010104351004791020150008191070000100000"
ADDRESS = re.compile(r"https?://\S+/calendario/([A-Za-z0-9_-]{43})\.ics")
RENEW, END = "/financeiro/calendario/endereco", "/financeiro/calendario/encerrar"


def in_days(days: int) -> date:
    return TODAY + timedelta(days=days)


@pytest.fixture
def order(cast, sources):
    return make_order(
        cast.alfa, [(NumberKind.ERP, "0004500123"), (NumberKind.CUSTOMER, "PO-2026/0815")]
    )


@pytest.fixture
def titles(order) -> list[Title]:
    return [
        make_title(order, "late", due_on=in_days(-5)),
        make_title(
            order,
            "soon",
            instalment="2/3",
            due_on=in_days(3),
            amount=Decimal("500.25"),
            typeable_line=LINE,
            pix="00020126PIX",
        ),
        make_title(order, "paid", due_on=in_days(4), state="paid"),
        make_title(order, "unknown", due_on=in_days(5), state="unknown"),
        make_title(order, "undated", due_on=None),
    ]


def make_address(client) -> str:
    """Make an address as its person does, and return its path."""
    response = client.post(RENEW)
    assert response.status_code == 200
    found = ADDRESS.search(words(response, "//*[@id='feed-address']"))
    assert found
    return f"/calendario/{found[1]}.ics"


def read(address: str, **headers: str):
    """Read an address as a calendar does: it has no session."""
    return Client().get(address, headers=headers)


def events(response) -> list[Component]:
    assert response.status_code == 200
    return parse_ics(response.content).inside


# --- the month ------------------------------------------------------------------------


def test_a_month_adds_up_each_day(ana, titles):
    response = ana.get("/financeiro/calendario")

    assert words(response, "//h2[@id='month']") == "Março 2026"
    days = parse(response).xpath("//table[@class='month']//td[a]")
    assert [" ".join(day.text_content().split()) for day in days] == [
        "5quinta-feira, 05/03/2026 Vencido 1 título R$ 1.000,00",
        "13sexta-feira, 13/03/2026 1 título R$ 500,25",
    ]
    assert texts(response, "//ul[@class='month-list']/li") == [
        "quinta-feira, 05/03/2026 Vencido 1 título R$ 1.000,00",
        "sexta-feira, 13/03/2026 1 título R$ 500,25",
    ]
    assert "2 títulos · R$ 1.500,25" in words(response)
    (url,) = days[1].xpath("a/@href")
    assert "R$ 500,25" in words(ana.get(url), "//tbody")


@pytest.mark.parametrize(
    ("month", "heading", "first_day", "before", "after"),
    [
        ("2026-02", "Fevereiro 2026", 0, "2026-01", "2026-03"),
        ("2026-12", "Dezembro 2026", 2, "2026-11", "2027-01"),
        ("2024-02", "Fevereiro 2024", 4, "2024-01", "2024-03"),
    ],
)
def test_months_follow_each_other(ana, titles, month, heading, first_day, before, after):
    response = ana.get(f"/financeiro/calendario?month={month}")

    assert words(response, "//h2[@id='month']") == heading
    (week, *_rest) = parse(response).xpath("//table[@class='month']/tbody/tr")
    cells = [cell.text_content().strip() for cell in week.xpath("td")]
    assert cells.index("1") == first_day  # weeks begin on Sunday in Brazil
    assert len(cells) == 7
    assert parse(response).xpath("//a[@rel='prev']/@href") == [
        f"/financeiro/calendario?month={before}"
    ]
    assert parse(response).xpath("//a[@rel='next']/@href") == [
        f"/financeiro/calendario?month={after}"
    ]


@pytest.mark.parametrize("month", ["rubbish", "2026-13", "0001-01", "9999-12", "%00", "2026-3"])
def test_a_month_that_is_none_is_this_one(ana, titles, month):
    response = ana.get(f"/financeiro/calendario?month={month}")

    assert words(response, "//h2[@id='month']") == "Março 2026"


# --- the private address --------------------------------------------------------------


def test_a_calendar_reads_what_is_to_pay_without_logging_in(cast, ana, order, titles):
    response = read(make_address(ana))

    late, soon = events(response)
    assert response["Content-Type"] == "text/calendar; charset=utf-8"
    assert response["Cache-Control"] == "private, no-cache"
    assert late.properties["DTSTART;VALUE=DATE"] == "20260305"
    assert soon.properties["DTSTART;VALUE=DATE"] == "20260313"
    assert soon.properties["SUMMARY"].replace("\xa0", " ") == (
        "Vencimento: NF 1001 · Parcela 2/3 · R$ 500,25"
    )
    assert soon.properties["DESCRIPTION"] == (
        "Pedido 0004500123\nSeu número: PO-2026/0815\n12.345.678/0001-95\n"
        "Posição de 10/03/2026 segundo o ERP.\nConfira no portal antes de pagar."
    )
    assert soon.properties["URL"].endswith(f"/pedidos/{order.public_id}")
    assert soon.properties["DTSTAMP"] == "20260310T130000Z"
    assert LINE.encode() not in response.content
    assert b"PIX" not in response.content
    assert "Set-Cookie" not in response


def test_an_event_keeps_its_name_whatever_changes(ana, titles):
    address = make_address(ana)
    before = [event.properties["UID"] for event in events(read(address))]

    Title.objects.filter(key="soon").update(due_on=in_days(30), amount=Decimal(1))

    after = [event.properties["UID"] for event in events(read(address))]
    assert after == before
    assert len(set(after)) == 2


def test_an_unchanged_calendar_is_not_sent_again(ana, titles):
    address = make_address(ana)
    etag = read(address)["ETag"]

    again = read(address, **{"If-None-Match": etag})
    Title.objects.filter(key="soon").update(state="paid")
    changed = read(address, **{"If-None-Match": etag})

    assert (again.status_code, again.content, again["ETag"]) == (304, b"", etag)
    assert len(events(changed)) == 1


def test_the_database_never_holds_the_secret_and_the_page_shows_it_once(cast, ana, titles):
    secret = make_address(ana).removeprefix("/calendario/").removesuffix(".ics")

    with connection.cursor() as cursor:
        cursor.execute("SELECT f::text FROM documents_calendarfeed f")
        assert secret not in str(cursor.fetchall())
        cursor.execute("SELECT a::text FROM audit_auditevent a")
        assert secret not in str(cursor.fetchall())
    page = words(ana.get("/financeiro/calendario"))
    assert secret not in page
    assert "Criado em 10/03/2026. Nenhuma agenda o leu ainda." in page


def test_how_often_an_address_is_read_is_shown_to_its_person(ana, titles):
    address = make_address(ana)
    read(address)
    with time_machine.travel(NOW + timedelta(hours=1), tick=False):
        read(address)
        read("/calendario/" + "x" * 43 + ".ics")
        page = words(ana.get("/financeiro/calendario"))

    assert "Última leitura: 11:00; 2 vezes no total." in page


def test_a_new_address_ends_the_old_one_and_an_ended_one_is_gone(cast, ana, titles):
    first = make_address(ana)
    second = make_address(ana)

    assert read(first).status_code == 404
    assert read(second).status_code == 200
    assert ana.post(END).status_code == 302
    assert read(second).status_code == 404
    assert CalendarFeed.objects.count() == 0
    assert list(
        AuditEvent.objects.filter(object_kind="calendar")
        .order_by("pk")
        .values_list("action", "person_id", "company_id", "detail")
    ) == [
        ("calendar_made", cast.ana.pk, cast.alfa.pk, {"renewed": False}),
        ("calendar_made", cast.ana.pk, cast.alfa.pk, {"renewed": True}),
        ("calendar_ended", cast.ana.pk, cast.alfa.pk, {}),
    ]


def test_everybody_has_an_address_of_their_own(cast, client_for, ana, titles):
    anas, brunos = make_address(ana), make_address(client_for(cast.bruno))

    ana.post(END)

    assert read(anas).status_code == 404
    assert len(events(read(brunos))) == 2


def lose_membership(cast):
    Membership.objects.filter(person=cast.ana).update(is_active=False)


def lose_right(cast):
    Membership.objects.filter(person=cast.ana).update(role=Role.VIEWER)


def lose_company(cast):
    Company.objects.filter(pk=cast.alfa.pk).update(is_active=False)


def lose_account(cast):
    type(cast.ana).objects.filter(pk=cast.ana.pk).update(is_active=False)


def move_to_another_company(cast):
    Membership.objects.filter(person=cast.ana).update(company=cast.beta)


@pytest.mark.parametrize(
    "lose",
    [lose_membership, lose_right, lose_company, lose_account, move_to_another_company],
)
def test_who_may_no_longer_see_it_has_an_address_that_never_existed(cast, ana, titles, lose):
    address = make_address(ana)
    assert read(address).status_code == 200
    make_title(make_order(cast.beta, [(NumberKind.ERP, "1")]), "theirs")

    lose(cast)

    gone, never = read(address), read("/calendario/" + "y" * 43 + ".ics")
    per_request = re.compile(rb'nonce="[^"]+"|name="csrfmiddlewaretoken" value="[^"]+"')
    assert gone.status_code == never.status_code == 404
    assert per_request.sub(b"", gone.content) == per_request.sub(b"", never.content)
    assert CalendarFeed.objects.get().times_read == 1


def test_a_branch_reads_its_own_due_dates_alone(cast, client_for, titles):
    branch = make_order(cast.alfa, [(NumberKind.ERP, "9")], establishment=cast.alfa_branch)
    make_title(branch, "branch", invoice_number="777")
    address = make_address(client_for(cast.carla))

    (event,) = events(read(address))
    assert "NF 777" in event.properties["SUMMARY"]
    MembershipScope.objects.filter(person=cast.carla).delete()
    assert events(read(address)) == []


def test_an_address_is_of_one_company_whatever_its_person_looks_at(cast, client_for, titles):
    make_title(make_order(cast.beta, [(NumberKind.ERP, "1")]), "beta", invoice_number="888")
    davi = client_for(cast.davi)
    davi.get("/financeiro")
    alfas = make_address(davi)
    davi.post("/empresa/trocar", {"company": str(cast.beta.public_id)})
    betas = make_address(davi)

    assert [e.properties["DTSTART;VALUE=DATE"] for e in events(read(alfas))] == [
        "20260305",
        "20260313",
    ]
    (event,) = events(read(betas))
    assert "NF 888" in event.properties["SUMMARY"]
    # Nor does a browser that is signed in as somebody else change what it shows.
    assert client_for(cast.beto).get(alfas).content == read(alfas).content


def test_what_is_due_is_told_without_the_right_to_prices(cast, ana, titles):
    address = make_address(ana)
    before = read(address).content

    cast.ana.memberships.update(sees_prices=False)

    assert b"R$" in before.replace(b"\r\n ", b"")
    assert read(address).content == before


@pytest.mark.parametrize(
    "path",
    [
        "/calendario",
        "/calendario/",
        "/calendario/x.ics",
        "/calendario/.ics",
        "/calendario/" + "x" * 43,
        "/calendario/" + "x" * 43 + ".ics/",
        "/calendario/" + "x" * 42 + "%00.ics",
        "/calendario/" + "x" * 5000 + ".ics",
        "/calendario/../financeiro.ics",
    ],
)
def test_what_is_no_address_does_not_exist(db, path):
    assert read(path).status_code == 404


def test_a_guess_is_recorded_and_its_secret_is_not(db):
    read("/calendario/" + "s" * 43 + ".ics")

    event = AuditEvent.objects.get(action="not_visible")
    assert event.detail == {"path": "/calendario"}
    assert "sss" not in event.object_id


def test_the_secret_stands_in_no_log(cast, ana, titles, caplog):
    address = make_address(ana)
    secret = address[12:55]
    with caplog.at_level(logging.DEBUG), CaptureQueriesContext(connection) as captured:
        read(address)
        read("/calendario/" + secret[::-1] + ".ics")

    assert secret not in caplog.text
    assert secret[::-1] not in caplog.text
    assert not [query for query in captured if secret in query["sql"]]


def test_only_reading_is_offered(ana, titles):
    address = make_address(ana)

    assert Client().post(address).status_code == 405
    assert Client().head(address).status_code == 200


@pytest.mark.parametrize("name", ["suzana", "teo"])
def test_the_sellers_people_get_no_address(cast, client_for, order, titles, name):
    client = client_for(getattr(cast, name))
    if name == "suzana":
        client.post(
            "/atendimento/atuar",
            {"q": "4500123", "order": str(order.public_id), "reason": "call 4711"},
        )
    else:
        cast.teo.staff.can_see_finance = True
        cast.teo.staff.save()
    base = f"/c/{cast.alfa.public_id}"

    page = client.get(f"{base}/financeiro/calendario")

    assert page.status_code == 200
    assert parse(page).xpath("//*[@id='feed']") == []
    # Who acts is refused for acting; who looks after the company, because it is not theirs.
    refused = 403 if name == "suzana" else 404
    assert client.post(f"{base}{RENEW}").status_code == refused
    assert client.post(f"{base}{END}").status_code == refused
    assert CalendarFeed.objects.count() == 0


def test_making_an_address_needs_a_post_from_our_page(ana, cast, titles):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(cast.ana, "allauth.account.auth_backends.AuthenticationBackend")

    assert ana.get(RENEW).status_code == 405
    assert strict.post(RENEW).status_code == 403
    assert CalendarFeed.objects.count() == 0
