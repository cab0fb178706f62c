"""Master Data: scrolled to its end, bad rows counted, nothing believed that shoppers write."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from erp_bridge.connector import Call
from erp_bridge.errors import BadRequest, ContractViolation, CredentialsRejected
from erp_bridge.simulators.vtex import VtexSimulator
from erp_bridge.simulators.world import World, small_world
from erp_bridge.vtex.config import VtexConfig
from erp_bridge.vtex.masterdata import Firm, MasterData
from tests.erp_bridge.loopback import POLICY, Script, answer, loopback
from tests.erp_bridge.vtex.orders import config


def call() -> Call:
    return Call.within(5)


@pytest.fixture(scope="module")
def world() -> World:
    return small_world()


@pytest.fixture
def shop(world: World) -> Iterator[VtexSimulator]:
    with VtexSimulator(world) as server:
        yield server


def source_of(shop: VtexSimulator, *, app_token: str = "") -> MasterData:
    settings = {"account": "demostore", "base_url": shop.url, "app_key": shop.app_key}
    return MasterData(VtexConfig.build(settings, app_token or shop.app_token, POLICY))


def firms_of(script: Script) -> list[Firm]:
    with loopback(script) as server:
        source = MasterData(config(POLICY, base_url=server.url))
        return [firm for page in source.firms(call()) for firm in page.firms]


def test_all_pages_of_customers_are_read_and_rows_without_a_firm_counted(
    shop: VtexSimulator, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("erp_bridge.vtex.masterdata.PAGE_SIZE", 2)
    pages = list(source_of(shop).firms(call(), with_old_company=True))

    assert len(pages) > 2
    assert sum(page.unusable for page in pages) == 2
    firms = {firm.tax_id: firm for page in pages for firm in page.firms}
    alfa = shop.world.by_customer_id[min(shop.world.by_customer_id)]
    for house in alfa.establishments:
        assert firms[house.tax_id] == Firm(house.tax_id, alfa.name, str(alfa.customer_id))


def test_the_old_apps_number_is_only_read_when_asked_for(shop: VtexSimulator):
    firms = [firm for page in source_of(shop).firms(call()) for firm in page.firms]

    assert {firm.old_company_id for firm in firms} == {""}


@pytest.mark.parametrize("old", [-1, 0, True, 10**12, "12", 1.5, None])
def test_a_number_that_is_none_is_no_company(old: object):
    row = {"corporateDocument": "11222333000181", "corporateName": "Delta", "companyId": old}

    assert firms_of(answer([row]))[0].old_company_id == ""


@pytest.mark.parametrize(
    "row",
    [
        {"corporateDocument": "", "corporateName": "Delta"},
        {"corporateDocument": "--", "corporateName": "Delta"},
        {"corporateDocument": "1" * 21, "corporateName": "Delta"},
        {"corporateDocument": "11222333000181", "corporateName": "  "},
        {"corporateDocument": ["11222333000181"], "corporateName": "Delta"},
        "text",
    ],
)
def test_a_row_that_names_no_firm_is_left_out(row: object):
    assert firms_of(answer([row])) == []


def test_organisations_come_with_the_tax_ids_of_their_cost_centres(shop: VtexSimulator):
    found = {each.id: each for each in source_of(shop).organisations(call())}

    for company in shop.world.by_customer_id.values():
        organisation = found[company.organization_id]
        assert organisation.name == company.name
        assert [tax_id for _, tax_id in organisation.cost_centres] == [
            house.tax_id for house in company.establishments
        ]


def test_a_shop_without_the_suite_has_no_organisations():
    with loopback(answer({"Message": "no"}, status=404)) as server:
        assert MasterData(config(POLICY, base_url=server.url)).organisations(call()) == ()


def test_a_scroll_ends_with_its_last_page_and_asks_no_further():
    with loopback(answer([])) as server:
        source = MasterData(config(POLICY, base_url=server.url))
        assert list(source.firms(call())) == []

    (asked,) = server.asked
    assert asked.target.startswith("/api/dataentities/CL/scroll?")
    assert "_size=1000" in asked.target


def test_what_goes_wrong_is_said_by_its_kind(shop: VtexSimulator):
    with pytest.raises(CredentialsRejected):
        list(source_of(shop, app_token="wrong").firms(call()))
    with pytest.raises(BadRequest):
        firms_of(answer({"Message": "not filterable"}, status=400))
    with pytest.raises(ContractViolation):
        firms_of(answer({"rows": []}))
