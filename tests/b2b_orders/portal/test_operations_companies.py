"""Operations' pages of companies: finding and changing them, deciding, settling."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from b2b_orders.common.tenancy import WORKER, scope
from b2b_orders.companies.models import (
    Company,
    Establishment,
    MapChange,
    MapConflict,
    StaffRole,
    Team,
)
from b2b_orders.ingest import errands
from b2b_orders.ingest.errands import run_errand
from b2b_orders.ingest.models import Errand
from b2b_orders.orders.models import Order
from b2b_orders.orders.services import store_readings
from erp_bridge.records import Party
from tests.b2b_orders.portal.pages import parse, texts, words
from tests.factories import (
    NOW,
    make_company,
    make_person,
    make_reading,
    make_staff,
    make_vtex_record,
)

COMPANIES = "/operacao/empresas"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errands, "_wake_worker_aside", lambda errand_id: None)


def in_english(client: Client) -> Client:
    client.post("/idioma", {"language": "en", "next": "/operacao"})
    return client


@pytest.fixture
def olga(cast, client_for) -> Client:
    return in_english(client_for(cast.olga))


@pytest.fixture
def oscar(cast, client_for) -> Client:
    person = make_person("Oscar")
    make_staff(person, StaffRole.OPERATIONS)
    return in_english(client_for(person))


def do() -> Errand:
    errand = Errand.objects.get(state="waiting")
    while errand.state == "waiting":
        # With the rights that a worker has, and no more.
        with scope(role=WORKER):
            run_errand(errand_id=errand.pk, clock=lambda: NOW + timedelta(seconds=2))
        errand.refresh_from_db()
    return errand


def page(company: Company) -> str:
    return f"{COMPANIES}/{company.public_id}"


def names(response) -> list[str]:
    return texts(response, "//section[@class='card']//tbody/tr/th/a")


@pytest.fixture
def trade(cast, sources) -> Order:
    record = make_vtex_record("200-01", customer=Party("Alfa", "12345678000276"))
    (stored,) = store_readings(connection="loja", readings=[make_reading(record)], now=NOW)
    return Order.objects.get(pk=stored.order_id)


# --- finding ----------------------------------------------------


def test_companies_are_found_by_name_tax_id_and_id(olga, cast, sources):
    for text, found in (
        ("alfa", ["Alfa Distribuidora"]),
        ("12.345.678/0002", ["Alfa Distribuidora"]),
        ("12abc345", ["Beta Comércio"]),
        ("1002", ["Beta Comércio"]),
        ("100", []),
        ("\0", ["Gama", "Beta Comércio", "Alfa Distribuidora"]),
        ("%", []),
    ):
        assert names(olga.get(COMPANIES, {"q": text})) == found


def test_companies_are_narrowed_by_state_team_and_type(olga, cast, sources):
    team = Team.objects.create(name="Sul")
    Company.objects.filter(pk=cast.alfa.pk).update(team=team, customer_type="resale")
    Company.objects.filter(pk=cast.gama.pk).update(merged_into=cast.beta)

    for query, found in (
        ({"state": "active"}, ["Beta Comércio", "Alfa Distribuidora"]),
        ({"state": "inactive"}, []),
        ({"state": "merged"}, ["Gama"]),
        ({"team": str(team.pk)}, ["Alfa Distribuidora"]),
        ({"type": "resale"}, ["Alfa Distribuidora"]),
        ({"team": "9" * 30, "state": "x"}, ["Gama", "Beta Comércio", "Alfa Distribuidora"]),
    ):
        assert names(olga.get(COMPANIES, query)) == found


def test_more_companies_than_a_page_are_paged(olga, cast, monkeypatch):
    monkeypatch.setattr("b2b_orders.portal.views.operations_companies.PAGE", 2)
    first = olga.get(COMPANIES)
    (address,) = first.content.decode().split('rel="next"')[0].split('href="')[-1:]

    second = olga.get(address.split('"')[0].replace("&amp;", "&"))

    assert (names(first), names(second)) == (["Gama", "Beta Comércio"], ["Alfa Distribuidora"])


# --- making and changing ----------------------------------------


def test_a_company_is_made_of_an_order_without_one(olga, cast, sources):
    record = make_vtex_record("900-01", customer=Party("Delta SA", "11222333000181"))
    store_readings(connection="loja", readings=[make_reading(record)], now=NOW)
    listed = olga.get("/operacao/sem-empresa").content.decode()
    assert "/operacao/empresas?nome=Delta+SA&amp;cnpj=11222333000181" in listed
    offered = olga.get(COMPANIES, {"nome": "Delta SA", "cnpj": "11222333000181"})
    assert 'value="11222333000181"' in offered.content.decode()

    olga.post(COMPANIES, {"errand": "make-company", "name": "Delta SA", "tax_id": "11222333000181"})
    assert do().outcome["code"] == "company-made"

    assert Order.objects.get().company == Company.objects.get(name="Delta SA")


def test_a_foreign_company_has_the_orders_that_name_its_tax_id(olga, cast, sources):
    record = make_vtex_record("900-01", customer=Party("Zeta SA", "211234560019"))
    store_readings(connection="loja", readings=[make_reading(record)], now=NOW)

    olga.post(
        COMPANIES, {"errand": "make-company", "name": "Zeta SA", "tax_id": "uy:21-123456-0019"}
    )
    do()

    zeta = Company.objects.get(name="Zeta SA")
    assert Order.objects.get().company == zeta
    assert "UY 211234560019" in words(olga.get(page(zeta)))


def test_a_company_is_made_at_the_head_of_the_page(olga, cast):
    head = parse(olga.get(COMPANIES)).xpath("//div[@class='page-head']//details")

    assert [each.xpath("string(summary)") for each in head] == ["New company"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "", "tax_id": ""}, "name"),
        ({"name": "alfa distribuidora", "tax_id": ""}, "name"),
        ({"name": "x" * 151, "tax_id": ""}, "name"),
        ({"name": "Delta", "tax_id": "12345678000196"}, "tax_id"),
        ({"name": "Delta", "tax_id": "AR:12345678000195"}, "tax_id"),
        ({"name": "Delta", "tax_id": "AR:52998224725"}, "tax_id"),
        ({"name": "Delta", "tax_id": "ARG:123456"}, "tax_id"),
    ],
)
def test_a_wrong_company_is_not_made(olga, cast, fields, field):
    response = olga.post(COMPANIES, {"errand": "make-company", "form": "new", **fields})

    assert response.status_code == 400
    assert f'name="{field}"' in response.content.decode().split('aria-invalid="true"')[0][-300:]
    assert not Errand.objects.exists()


def test_settings_of_a_company_are_changed_with_a_reason(olga, cast, sources, client_for):
    team = Team.objects.create(name="Sul")
    ana = client_for(cast.ana)
    assert ana.get("/pedidos").status_code == 200
    wanted = {
        "errand": "change-company",
        "name": HOSTILE,
        "team": str(team.pk),
        "default_scope": "establishments",
        "requires_second_factor": "yes",
    }
    assert olga.post(page(cast.alfa), wanted).status_code == 400

    olga.post(page(cast.alfa), wanted | {"reason": "left the seller"})
    assert do().outcome["code"] == "company-changed"

    cast.alfa.refresh_from_db()
    assert (cast.alfa.name, cast.alfa.is_active, cast.alfa.team) == (HOSTILE, False, team)
    assert (cast.alfa.default_scope, cast.alfa.requires_second_factor) == ("establishments", True)
    assert HOSTILE not in olga.get(COMPANIES).content.decode()
    assert "Alfa" not in ana.get("/pedidos").content.decode()


def test_ids_of_a_shop_are_written_with_what_they_are_ids_of(olga, cast, sources):
    add = {"errand": "add-to-company", "form": "id", "connection": "loja"}
    for wrong in ("1234", "organization:", "cost_center:../x", "user:1", "organization:a b"):
        assert olga.post(page(cast.alfa), add | {"value": wrong}).status_code == 400

    olga.post(page(cast.alfa), add | {"value": "organization:9a3d-1"})
    assert do().outcome["code"] == "company-extended"

    assert "Loja = organization:9a3d-1" in words(olga.get(page(cast.alfa)))


# --- what two claim ---------------------------------------------


@pytest.mark.parametrize(
    ("fields", "kind", "value"),
    [
        ({"tax_id": "12345678000276"}, "tax_id", "12.345.678/0002-76"),
        ({"connection": "erp", "value": "1001"}, "customer_id", "erp=1001"),
        ({"connection": "erp", "value": "001001"}, "customer_id", "erp=001001"),
    ],
)
def test_what_another_company_has_becomes_a_conflict(olga, cast, trade, fields, kind, value):
    olga.post(page(cast.beta), {"errand": "add-to-company", **fields})
    errand = do()

    assert (errand.state, errand.outcome["code"]) == ("failed", "conflict")
    conflict = MapConflict.objects.get()
    assert conflict.kind == kind
    assert [(claim["by"], claim["name"]) for claim in conflict.claims] == [
        ("map", "Alfa Distribuidora"),
        ("operations", "Beta Comércio"),
    ]
    (row,) = texts(olga.get(f"{COMPANIES}/conflitos"), "//tbody/tr")
    assert row.startswith(value)
    assert ("(orders: 1)" in row) is (kind == "tax_id")


def test_a_conflict_is_settled_with_a_reason_and_not_found_again(olga, cast, trade):
    add = {"errand": "add-to-company", "tax_id": "12345678000276"}
    olga.post(page(cast.beta), add)
    do()
    conflict = MapConflict.objects.get()
    settle = {"errand": "settle-conflict", "conflict": str(conflict.public_id)}
    assert olga.post(f"{COMPANIES}/conflitos", settle).status_code == 400

    olga.post(f"{COMPANIES}/conflitos", settle | {"reason": "Alfa has proof"})
    do()
    olga.post(page(cast.beta), add)
    do()

    assert "No two sides claim the same." in words(olga.get(f"{COMPANIES}/conflitos"))
    settled = words(olga.get(f"{COMPANIES}/conflitos", {"state": "settled"}))
    assert "Olga: Alfa has proof" in settled
    olga.post(f"{COMPANIES}/conflitos", settle | {"reason": "once more"})
    assert MapConflict.objects.count() == 1


def test_a_change_that_does_what_the_other_side_said_settles_the_conflict(olga, oscar, cast, trade):
    olga.post(page(cast.beta), {"errand": "add-to-company", "tax_id": "12345678000276"})
    do()
    olga.post(
        page(cast.alfa),
        {
            "errand": "move-pieces",
            "establishments": [cast.alfa_branch.pk],
            "to": "Beta Comércio",
            "reason": "sold to Beta",
        },
    )
    do()
    change = MapChange.objects.get()
    oscar.post(f"{COMPANIES}/alteracoes/{change.public_id}", {"errand": "approve-change"})
    do()

    assert MapConflict.objects.get().outcome == "changed"
    assert Establishment.objects.get(pk=cast.alfa_branch.pk).company == cast.beta


# --- deciding ---------------------------------------------------


def test_who_asks_cannot_approve_and_who_approves_sees_what_it_costs(olga, oscar, cast, trade):
    ask = {"errand": "move-pieces", "form": "move", "to": "Beta Comércio", "reason": "sold to Beta"}
    nothing = olga.post(page(cast.alfa), ask)
    assert "Choose at least one tax id or id." in words(nothing)
    olga.post(page(cast.alfa), ask | {"establishments": [cast.alfa_branch.pk]})
    do()
    change = MapChange.objects.get()
    address = f"{COMPANIES}/alteracoes/{change.public_id}"
    own = olga.get(address)
    assert "Somebody else of operations has to approve it." in words(own)
    assert b'value="approve-change"' not in own.content
    seen = words(oscar.get(address))
    assert "12.345.678/0002-76" in seen
    assert "Carla <carla@example.com>" in seen
    assert "sold to Beta" in seen

    oscar.post(address, {"errand": "approve-change"})
    do()

    trade.refresh_from_db()
    assert trade.company == cast.beta
    assert "Done" in words(olga.get(address))


def test_pieces_of_another_company_cannot_be_moved(olga, cast, trade):
    for field, piece in (
        ("establishments", cast.beta_main.pk),
        ("establishments", "x"),
        ("establishments", str(10**30)),
        ("customer_ids", "77"),
    ):
        response = olga.post(
            page(cast.alfa),
            {"errand": "move-pieces", field: [piece], "to": "Gama", "reason": "a try"},
        )
        assert response.status_code == 404
    assert not Errand.objects.exists()


def test_a_company_that_is_no_more_is_shown_with_where_it_went(olga, cast):
    delta = make_company("Delta", ())
    Company.objects.filter(pk=delta.pk).update(merged_into=cast.alfa, is_active=False)

    shown = olga.get(page(delta))

    assert "Everything of it is in Alfa Distribuidora" in words(shown)
    assert b'value="merge-companies"' not in shown.content
    assert b'value="yes" checked' not in shown.content
