"""What a company owes is its own: every way to read it, for everybody who might try."""

from __future__ import annotations

import re
import uuid
from decimal import Decimal

import pytest

from b2b_orders.common import tenancy
from b2b_orders.companies.access import Right, Viewer
from b2b_orders.companies.models import Membership, Role
from b2b_orders.documents.boletos import available_boletos
from b2b_orders.documents.models import CalendarFeed
from b2b_orders.orders.models import Title
from erp_bridge.records import DocumentKind, NumberKind
from tests.factories import NOW, make_document, make_order, make_title

READS = (
    "financeiro?state=all",
    "financeiro?state=all&number=777001",
    "financeiro?state=all&branch=12ABC34501DE35",
    "financeiro?state=all&sort=-due",
    "financeiro/exportar?state=all",
    "financeiro/calendario",
    "financeiro/calendario?month=2026-03",
)
API = ("titles?state=all", "titles?state=all&number=777001", "titles?state=all&sort=-due")
# What the titles below hold, each amount as pages, export and API may write it.
SECRETS = {
    "beta": ("777001", "4.321,09", "4321,09", "4321.09", "BETA-OC"),
    "main": ("888002", "1.234,07", "1234,07", "1234.07", "MAIN-OC"),
    "branch": ("999003", "2.345,08", "2345,08", "2345.08", "BRANCH-OC"),
}


@pytest.fixture
def titles(cast) -> dict[str, Title]:
    made = {}
    for name, company, establishment, amount in (
        ("beta", cast.beta, cast.beta_main, "4321.09"),
        ("main", cast.alfa, cast.alfa_main, "1234.07"),
        ("branch", cast.alfa, cast.alfa_branch, "2345.08"),
    ):
        numbers = [(NumberKind.ERP, f"{name}-1"), (NumberKind.CUSTOMER, f"{name.upper()}-OC")]
        order = make_order(company, numbers, establishment=establishment)
        made[name] = make_title(
            order, name, invoice_number=SECRETS[name][0], amount=Decimal(amount)
        )
        make_document(order, DocumentKind.BOLETO, name, invoice_number=SECRETS[name][0])
    return made


def body_of(response) -> str:
    body = b"".join(response.streaming_content) if response.streaming else response.content
    return body.decode().replace("\xa0", " ")


def shown(client, base: str = "", query: str = "") -> set[str]:
    """Read everything there is, and say whose titles stand in it."""
    bodies = [body_of(client.get(f"{base}/{path}")) for path in READS]
    bodies += [body_of(client.get(f"/api/v1/{path}{query}")) for path in API]
    # What was typed comes back in its field, and in where the bar comes back to.
    text = re.sub(r'(number=|number%3D|name="number" value=")777001', "", "\n".join(bodies))
    return {name for name, secrets in SECRETS.items() if any(each in text for each in secrets)}


def act_for_alfa(client, title: Title) -> None:
    order = title.order.public_id
    client.post("/atendimento/atuar", {"q": "main-1", "order": str(order), "reason": "call 4711"})


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("ana", {"main", "branch"}),
        ("bruno", {"main", "branch"}),
        ("rita", {"main", "branch"}),
        ("carla", {"branch"}),
        ("beto", {"beta"}),
    ],
)
def test_people_see_what_their_own_company_and_branch_owes(cast, client_for, titles, name, seen):
    client = client_for(getattr(cast, name))
    client.get("/pedidos")

    assert shown(client) == seen


def test_who_belongs_to_two_companies_sees_one_at_a_time(cast, client_for, titles):
    davi = client_for(cast.davi)
    davi.get("/pedidos")

    assert shown(davi) == {"main", "branch"}
    assert shown(davi, query=f"&company={cast.alfa.public_id}") == {"main", "branch"}
    davi.post("/empresa/trocar", {"company": str(cast.beta.public_id)})
    assert shown(davi) == {"beta"}


def test_support_that_acts_sees_what_the_company_sees(cast, client_for, titles):
    suzana = client_for(cast.suzana)
    act_for_alfa(suzana, titles["main"])

    query = f"&company={cast.alfa.public_id}"
    assert shown(suzana, f"/c/{cast.alfa.public_id}", query) == {"main", "branch"}
    assert shown(suzana, f"/c/{cast.beta.public_id}", f"&company={cast.beta.public_id}") == set()


@pytest.mark.parametrize("with_prices", [True, False])
def test_telesales_with_the_right_see_their_customers_finances(
    cast, client_for, titles, with_prices
):
    teo = cast.teo.staff
    teo.can_see_finance, teo.can_see_prices = True, with_prices
    teo.save()
    client, base = client_for(cast.teo), f"/c/{cast.alfa.public_id}"

    assert shown(client, base, f"&company={cast.alfa.public_id}") == {"main", "branch"}
    every = [body_of(client.get(f"{base}/{path}")) for path in READS]
    every += [body_of(client.get(f"/api/v1/{p}&company={cast.alfa.public_id}")) for p in API]
    # What is due is finance; the right to prices adds nothing to it and takes nothing away.
    amounts = {each for secrets in SECRETS.values() for each in secrets[1:4]}
    assert any(each in "\n".join(every) for each in amounts)


@pytest.mark.parametrize("with_prices", [True, False])
def test_telesales_without_the_right_to_finance_find_no_such_page(
    cast, client_for, titles, with_prices
):
    cast.teo.staff.can_see_prices = with_prices
    cast.teo.staff.save()
    client, base = client_for(cast.teo), f"/c/{cast.alfa.public_id}"

    for path in READS:
        assert client.get(f"{base}/{path}").status_code == 404
    for path in API:
        assert client.get(f"/api/v1/{path}&company={cast.alfa.public_id}").status_code == 404
    assert "financeiro" not in body_of(client.get(f"{base}/pedidos"))


@pytest.mark.parametrize("name", ["viewer", "suzana", "teo", "olga"])
def test_without_finance_or_company_every_address_is_a_page_that_never_existed(
    cast, client_for, titles, name
):
    if name == "viewer":
        Membership.objects.filter(person=cast.ana).update(role=Role.VIEWER)
        client, base = client_for(cast.ana), ""
    else:
        client, base = client_for(getattr(cast, name)), f"/c/{cast.alfa.public_id}"
    client.get("/pedidos")

    for path in READS:
        assert client.get(f"{base}/{path}").status_code == 404
    for path in ("endereco", "encerrar"):
        assert client.post(f"{base}/financeiro/calendario/{path}").status_code == 404
    assert CalendarFeed.objects.count() == 0


def test_another_companys_boletos_are_not_listed_even_when_named(cast, titles):
    viewer = Viewer(cast.ana.pk, cast.alfa.pk, frozenset(Right))
    every = [title.order_id for title in titles.values()]

    own = {titles["main"].order_id, titles["branch"].order_id}
    assert {b.order_id for b in available_boletos(viewer=viewer, order_ids=every)} == own
    without = Viewer(cast.ana.pk, cast.alfa.pk, frozenset({Right.DOCUMENTS}))
    assert available_boletos(viewer=without, order_ids=every) == ()


def test_the_wall_shows_the_web_process_an_address_by_its_hash_alone(cast, db):
    for person, company, token in ((cast.ana, cast.alfa, "a"), (cast.beto, cast.beta, "b")):
        CalendarFeed.objects.create(
            company=company, person=person, token_hash=token * 64, created_at=NOW
        )

    with tenancy.scope(role=tenancy.WEB):
        assert list(CalendarFeed.objects.all()) == []
        tenancy.enter_token("b" * 64)
        assert [feed.person_id for feed in CalendarFeed.objects.all()] == [cast.beto.pk]
        tenancy.enter_token("")
        assert list(CalendarFeed.objects.all()) == []
    with tenancy.scope(role=tenancy.WEB, company_id=cast.alfa.pk):
        assert [feed.person_id for feed in CalendarFeed.objects.all()] == [cast.ana.pk]


def test_a_company_that_is_none_answers_as_another_companys(cast, client_for, titles):
    client = client_for(cast.ana)
    client.get("/pedidos")

    for path in API:
        theirs = client.get(f"/api/v1/{path}&company={cast.beta.public_id}")
        never = client.get(f"/api/v1/{path}&company={uuid.uuid4()}")
        assert theirs.status_code == never.status_code == 404
        assert theirs.content == never.content
