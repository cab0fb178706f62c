"""What a person chooses in the account, and that every page obeys."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import translation

from b2b_orders.accounts.models import Person
from b2b_orders.notifications import noticing
from b2b_orders.portal import formats, notices_mail
from erp_bridge.records import NumberKind
from tests.b2b_orders.notifications.conftest import HOUR, change
from tests.b2b_orders.portal.conftest import address
from tests.b2b_orders.portal.pages import parse, texts, words
from tests.factories import NOW, make_order, make_title

NUMBERS = (
    (NumberKind.ERP, "0004500123"),
    (NumberKind.WEB, "1172452900788-01"),
    (NumberKind.CUSTOMER, "PO-2026/0815"),
)
TITLES = "//table//a[contains(@class, 'main')]"


def choose(client, **chosen):
    return client.post("/conta/preferencias", chosen)


def test_all_choices_are_kept_for_every_machine(ana, cast, client_for):
    response = choose(
        ana, language="es", time_zone="Europe/Lisbon", leading_number="erp", theme="dark"
    )

    assert response["Location"] == "/conta"
    kept = Person.objects.get(pk=cast.ana.pk)
    assert (kept.language, kept.time_zone, kept.leading_number, kept.theme) == (
        "es",
        "Europe/Lisbon",
        "erp",
        "dark",
    )
    page = client_for(kept).get("/conta")
    assert parse(page).get("data-theme") == "dark"
    assert parse(page).get("lang") == "es"
    chosen = parse(page).xpath("//option[@selected]/@value | //input[@checked]/@value")
    assert chosen == ["es", "Europe/Lisbon", "erp", "dark"]
    assert "Sus preferencias fueron guardadas." in words(ana.get("/conta"))


@pytest.mark.parametrize(
    "made_up",
    [
        {"language": "xx"},
        {"time_zone": "../../etc/passwd"},
        {"time_zone": "Mars/Olympus"},
        {"time_zone": "x" * 5000},
        {"leading_number": "boleto_line"},
        {"theme": '"><script>'},
    ],
)
def test_what_is_none_of_the_choices_changes_nothing(ana, cast, made_up):
    choose(ana, language="en", time_zone="Europe/Lisbon", leading_number="web", theme="light")

    assert choose(ana, **made_up).status_code == 302

    kept = Person.objects.get(pk=cast.ana.pk)
    assert (kept.language, kept.time_zone, kept.leading_number, kept.theme) == (
        "en",
        "Europe/Lisbon",
        "web",
        "light",
    )


def test_preferences_are_ones_own(cast, client_for, client):
    choose(client_for(cast.bruno), theme="dark")

    assert choose(client, theme="dark")["Location"].startswith("/accounts/login/")
    assert choose(Client(enforce_csrf_checks=True), theme="dark").status_code == 403
    assert dict(Person.objects.exclude(theme="").values_list("name", "theme")) == {"Bruno": "dark"}


def test_moments_are_told_in_the_persons_zone_and_say_which(ana, cast, world):
    line = "//*[@id='freshness']//time"
    assert texts(ana.get("/pedidos"), line) == ["10:00", "10:00"]

    choose(ana, time_zone="Europe/Lisbon")

    page = ana.get("/pedidos")
    assert texts(page, line) == ["13:00", "13:00"]
    assert parse(page).xpath(f"{line}/@title") == 2 * ["10/03/2026 13:00:00 GMT+0000"]
    # By keyboard too.
    assert parse(page).xpath(f"{line}/@tabindex") == ["0", "0"]


def test_plain_dates_are_never_converted(ana, cast, world):
    before = texts(ana.get(address(world.o1)), "//*[contains(@class, 'title-line')]")

    choose(ana, time_zone="Asia/Tokyo")

    assert before
    assert texts(ana.get(address(world.o1)), "//*[contains(@class, 'title-line')]") == before


def test_one_persons_zone_is_not_the_next_ones(ana, cast, world, client_for):
    choose(ana, time_zone="Asia/Tokyo", leading_number="customer")
    ana.get("/pedidos")

    page = client_for(cast.bruno).get("/pedidos")

    assert texts(page, "//*[@id='freshness']//time") == ["10:00", "10:00"]
    assert "1172452900788-01" in texts(page, TITLES)


@pytest.mark.parametrize(
    ("kind", "titles", "heading"),
    [
        ("", ["1172452900999-01", "1172452900788-01", "0004500987"], "1172452900788-01"),
        ("web", ["1172452900999-01", "1172452900788-01", "0004500987"], "1172452900788-01"),
        ("erp", ["1172452900999-01", "0004500123", "0004500987"], "0004500123"),
        ("customer", ["1172452900999-01", "PO-2026/0815", "OC 77-A"], "PO-2026/0815"),
    ],
)
def test_orders_go_by_the_number_that_the_person_knows(ana, world, kind, titles, heading):
    choose(ana, leading_number=kind)

    listed = ana.get("/pedidos")
    order = ana.get(address(world.o1))

    assert texts(listed, TITLES) == titles
    assert heading in words(order, "//h1")
    row = words(listed, f"//tr[.//a[text()='{heading}']]")
    others = {"1172452900788-01", "0004500123"} - {heading}
    assert all(number in row for number in others)


@pytest.mark.parametrize(
    ("kind", "number"),
    [("", "0004500123"), ("customer", "PO-2026/0815"), ("web", "1172452900788-01")],
)
def test_finance_calendars_files_and_mails_call_an_order_by_that_number_too(
    ana, cast, sources, mailoutbox, kind, number
):
    order = make_order(cast.alfa, NUMBERS, title="0004500123", fulfilment="picking")
    make_title(order, due_on=NOW.date() + timedelta(days=2))
    choose(ana, leading_number=kind)
    feed = re.search(r"/calendario/[\w-]+\.ics", words(ana.post("/financeiro/calendario/endereco")))
    ana.post(f"/pedidos/{order.public_id}/seguir")
    change(order, NOW + HOUR, fulfilment="shipped")
    noticing.sweep_changes(now=NOW + HOUR)

    notices_mail.tell(now=NOW + 2 * HOUR)

    assert texts(ana.get("/financeiro"), "//td[@class='c-order']/a") == [number]
    calendar = Client().get(feed[0]).content.decode().replace("\r\n ", "")
    assert f"Pedido {number}" in calendar
    for made in (
        ana.get("/financeiro/exportar"),
        ana.post("/pedidos/exportar", {"formato": "csv"}),
    ):
        cells = re.split("[;\r\n]", b"".join(made.streaming_content).decode())
        assert number in {cell.strip('="') for cell in cells}
    [mail] = mailoutbox
    assert mail.subject == f"Pedido {number}: Despachado"
    assert f"Pedido {number}" in mail.body
    assert mail.body.count("PO-2026/0815") == {"customer": 2}.get(kind, 1)


@pytest.mark.parametrize(
    ("language", "zone"),
    [
        ("pt-br", "Lisboa (GMT+00:00)"),
        ("es", "Lisboa (GMT+00:00)"),
        ("en", "Lisbon (GMT)"),
    ],
)
def test_zones_are_named_by_their_city(ana, cast, language, zone):
    choose(ana, language=language)

    options = texts(ana.get("/conta"), "//select[@name='time_zone']/option")

    assert any(zone.split(" (")[0] in option for option in options)
    assert len(options) == len(set(options)) == 38


def test_the_portals_own_zone_is_named_below_the_field(ana):
    page = ana.get("/conta")

    assert texts(page, "//select[@name='time_zone']/option[1]") == ["Como o portal"]
    assert words(page, "//*[@id='portal-zone']") == "Fuso horário do portal: São Paulo (GMT-03:00)"


def test_a_zone_that_this_machine_no_longer_knows_is_the_portals(cast, ana, world):
    Person.objects.filter(pk=cast.ana.pk).update(time_zone="Gone/Town", leading_number="gone")

    page = ana.get("/pedidos")

    assert texts(page, "//*[@id='freshness']//time") == ["10:00", "10:00"]
    assert parse(ana.get("/conta")).xpath("//select[@name='time_zone']/option[@selected]/@value")
    with formats.in_zone("Gone/Town"), translation.override("pt-br"):
        assert formats.full_moment(NOW) == "10/03/2026 10:00:00 GMT-0300"


def test_the_first_steps_are_shown_until_they_are_closed(cast, client_for, world):
    Person.objects.update(welcomed_at=None)
    ana = client_for(cast.ana)
    assert "Boas-vindas, Ana" in words(ana.get("/pedidos"), "//*[@class='welcome no-print']")

    response = ana.post("/conta/boas-vindas", {"next": "/pedidos?q=1172"})

    assert response["Location"] == "/pedidos?q=1172"
    assert texts(ana.get("/pedidos"), "//*[@aria-labelledby='welcome']") == []
    assert texts(client_for(cast.ana).get("/pedidos"), "//*[@aria-labelledby='welcome']") == []
    assert Person.objects.get(pk=cast.ana.pk).welcomed_at == NOW
    assert Person.objects.get(pk=cast.bruno.pk).welcomed_at is None

    again = parse(ana.get("/ajuda")).xpath("//form[.//input[@name='again']]")[0]
    fields = {field.name: field.value for field in again.xpath(".//input")}
    ana.post(again.get("action"), fields)
    assert "Boas-vindas, Ana" in words(ana.get("/pedidos"))


@pytest.mark.parametrize("next_page", ["https://evil.example/", "//evil.example", "javascript:x"])
def test_closing_the_first_steps_leads_nowhere_else(ana, next_page):
    assert ana.post("/conta/boas-vindas", {"next": next_page})["Location"] == "/"


@pytest.mark.parametrize(
    ("name", "path", "told", "not_told"),
    [
        (
            "ana",
            "/pedidos",
            ["Uma busca para qualquer número", "Tudo o que há a pagar", "de todas as filiais da"],
            ["Dê acesso às suas pessoas"],
        ),
        ("carla", "/pedidos", ["Os pedidos de 1 filial da Alfa Distribuidora"], []),
        ("rita", "/pedidos", ["Dê acesso às suas pessoas"], ["Quem decide é o administrador"]),
        ("suzana", "/atendimento", ["Veja o que o cliente vê"], ["Tudo o que há a pagar"]),
        ("teo", "/televendas", ["Seus clientes"], ["Veja o que o cliente vê"]),
    ],
)
def test_first_steps_are_of_ones_own_role(cast, client_for, world, name, path, told, not_told):
    Person.objects.update(welcomed_at=None)

    panel = words(client_for(getattr(cast, name)).get(path), "//*[@aria-labelledby='welcome']")

    assert all(sentence in panel for sentence in told)
    assert not any(sentence in panel for sentence in not_told)


def test_first_steps_say_what_the_person_may_not_see(cast, client_for, world):
    Person.objects.update(welcomed_at=None)
    cast.ana.memberships.update(role="viewer")
    bruno = client_for(cast.bruno).get("/pedidos")

    panel = words(client_for(cast.ana).get("/pedidos"), "//*[@aria-labelledby='welcome']")

    assert "(sem preços, financeiro)" in panel
    assert "Tudo o que há a pagar" not in panel
    assert texts(bruno, "//*[@class='steps-list']//strong")[0] == "Tudo o que há a pagar"


def test_staff_who_look_at_a_company_are_not_welcomed_there(cast, client_for, world):
    Person.objects.update(welcomed_at=None)

    page = client_for(cast.teo).get(f"/c/{cast.alfa.public_id}/pedidos")

    assert page.status_code == 200
    assert texts(page, "//*[@aria-labelledby='welcome']") == []
