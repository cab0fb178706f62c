"""The simulated world: the same for the same seed, true to its promises, valid in its numbers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from erp_bridge.identifiers import (
    access_key_parts,
    boleto_due_on,
    valid_cnpj,
    valid_cpf,
    valid_slip_line,
)
from erp_bridge.simulators.catalogue import HOSTILE_NAME, PRODUCTS
from erp_bridge.simulators.numbers import slip_line
from erp_bridge.simulators.world import (
    ALFA_BRANCH_TAX_ID,
    ALFA_TAX_ID,
    BETA_TAX_ID,
    CAST,
    HOSTILE,
    O1,
    O2,
    O3,
    O4,
    O5,
    O6,
    O7,
    O8,
    SELLER,
    SPLIT,
    World,
    demo_world,
    small_world,
)

TODAY = date(2026, 11, 20)
STARTED_AT = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def big() -> World:
    return demo_world(seed_date=TODAY, started_at=STARTED_AT)


def fingerprint(world: World) -> list[object]:
    return [
        (
            order.company.key,
            order.placed_at,
            order.items,
            order.web and (order.web.order_id, order.web.status, order.web.total),
            [(erp.number, erp.status, erp.total, len(erp.invoices)) for erp in order.erp],
        )
        for order in world.orders
    ]


class TestGeneration:
    def test_same_seed_date_and_start_give_the_same_world(self):
        first = small_world(seed_date=TODAY, started_at=STARTED_AT)
        second = small_world(seed_date=TODAY, started_at=STARTED_AT)

        assert fingerprint(first) == fingerprint(second)

    def test_another_seed_date_gives_other_orders(self):
        first = small_world(seed_date=TODAY, started_at=STARTED_AT)
        second = small_world(seed_date=TODAY + timedelta(days=1), started_at=STARTED_AT)

        assert fingerprint(first) != fingerprint(second)

    def test_big_world_has_the_promised_mix(self, big: World):
        web = sum(1 for order in big.orders if order.web)
        only_erp = sum(1 for order in big.orders if not order.web)
        only_web = [order for order in big.orders if order.web and not order.erp]
        split = sum(1 for order in big.orders if len(order.erp) > 1)
        split_invoices = sum(
            1 for order in big.orders for erp in order.erp if len(erp.invoices) > 1
        )
        disagreeing = sum(
            1
            for order in big.orders
            if order.web and order.erp and order.web.total != sum(erp.total for erp in order.erp)
        )

        assert len(big.companies) == 63
        assert len(big.orders) == 20_000 + len(CAST)
        assert 0.62 < web / len(big.orders) < 0.68
        assert only_erp > 6_000
        assert len(only_web) > 50
        assert split > 150
        assert split_invoices > 500
        assert 20 < disagreeing < 200

    def test_one_company_in_six_has_a_cnpj_with_letters(self, big: World):
        invented = [company for key, company in big.companies.items() if key.startswith("c")]

        lettered = [c for c in invented if not c.establishments[0].tax_id.isdigit()]
        assert (len(lettered), len(invented)) == (10, 60)

    def test_every_cnpj_is_valid_and_given_once(self, big: World):
        tax_ids = [
            establishment.tax_id
            for company in big.companies.values()
            for establishment in company.establishments
        ]

        assert len(set(tax_ids)) == len(tax_ids)
        assert [tax_id for tax_id in tax_ids if not valid_cnpj(tax_id)] == []

    def test_numbers_are_given_once(self, big: World):
        web = [order.web.order_id for order in big.orders if order.web]
        sequences = [order.web.sequence for order in big.orders if order.web]
        erp = [one.number for order in big.orders for one in order.erp]
        invoices = [i.label for order in big.orders for one in order.erp for i in one.invoices]

        for numbers in (web, sequences, erp, invoices):
            assert len(set(numbers)) == len(numbers)

    def test_number_999999_is_nobodys(self, big: World):
        numbers = [order.web.order_id for order in big.orders if order.web]
        numbers += [order.web.sequence for order in big.orders if order.web]
        numbers += [one.number for order in big.orders for one in order.erp]
        numbers += [order.customer_number for order in big.orders]

        assert [number for number in numbers if "999999" in number] == []

    def test_nothing_happens_after_the_start(self, big: World):
        assert [order for order in big.orders if order.placed_at > STARTED_AT] == []
        assert [
            invoice
            for order in big.orders
            for erp in order.erp
            for invoice in erp.invoices
            if invoice.issued > TODAY
        ] == []

    def test_invoices_of_an_order_add_up_to_its_total(self, big: World):
        wrong = [
            erp.number
            for order in big.orders
            for erp in order.erp
            if erp.invoices and sum(invoice.total for invoice in erp.invoices) != erp.total
        ]

        assert wrong == []

    def test_titles_of_an_order_add_up_to_its_total(self, big: World):
        wrong = [
            erp.number
            for order in big.orders
            for erp in order.erp
            if erp.invoices and sum(title.amount for title in big.titles(erp)) != erp.total
        ]

        assert wrong == []


class TestCast:
    def test_companies_have_the_cnpjs_of_the_scenarios(self, world: World):
        assert ALFA_TAX_ID == "12345678000195"
        assert ALFA_BRANCH_TAX_ID == "12345678000276"
        assert BETA_TAX_ID == "12ABC34501DE35"
        assert not world.companies["gama"].is_active

    def test_order_1_has_its_numbers_invoices_and_titles(self, world: World):
        order = world.cast["O1"]
        erp = order.erp[0]
        titles = world.titles(erp)

        assert order.web.order_id == O1.web_number
        assert (order.web.sequence, order.web.seller_order_id) == ("502556", "v502556llux-01")
        assert (erp.number, erp.customer_number) == ("0004500123", "PO-2026/0815")
        assert tuple(invoice.label for invoice in erp.invoices) == O1.invoices
        assert [title.paid_on is not None for title in titles] == [True, False, False]
        assert titles[1].due == TODAY - timedelta(days=5)
        assert titles[2].due == TODAY + timedelta(days=3)
        assert sum(title.amount for title in titles) == erp.total == order.web.total

    def test_access_keys_are_valid_and_name_the_seller(self, world: World):
        for label, key in world.access_keys(O1).items():
            parts = access_key_parts(key)
            assert parts is not None
            assert parts.emitter == SELLER.tax_id
            assert f"{parts.number}/{parts.series}" == label

    def test_boleto_lines_tell_their_due_dates(self, world: World):
        titles = world.titles(world.cast["O1"].erp[0])

        assert tuple(title.line for title in titles) == world.boleto_lines(O1)
        for title in titles:
            assert len(title.line) == 47
            assert boleto_due_on(title.line, TODAY) == title.due

    def test_order_2_is_of_the_branch_and_placed_by_telesales(self, world: World):
        order = world.cast["O2"]

        assert order.establishment.tax_id == ALFA_BRANCH_TAX_ID == O2.tax_id
        assert order.web is None
        assert (order.erp[0].seller_code, order.erp[0].seller_name) == ("TEO01", "Téo Martins")
        assert order.erp[0].customer_number == "OC 77-A"

    def test_order_3_was_placed_two_minutes_before_the_start(self, world: World):
        order = world.cast["O3"]

        assert order.web.order_id == O3.web_number
        assert order.erp == ()
        assert world.started_at - order.placed_at == timedelta(minutes=2)

    def test_order_4_is_cancelled_in_both(self, world: World):
        order = world.cast["O4"]

        assert (order.web.status, order.erp[0].status) == ("canceled", -1)
        assert order.erp[0].number == O4.erp_number

    def test_order_5_is_of_beta_with_the_same_own_number(self, world: World):
        assert world.cast["O5"].company.key == "beta"
        assert O5.customer_number == O1.customer_number

    def test_order_6_disagrees_by_12_reais_30(self, world: World):
        order = world.cast["O6"]

        assert order.web.total - order.erp[0].total == 1230
        assert order.erp[0].number == O6.erp_number

    def test_order_7_is_of_2019_and_in_the_erp_only(self, world: World):
        order = world.cast["O7"]

        assert order.placed_on.year == 2019
        assert order.web is None
        assert order.erp[0].number == O7.erp_number

    def test_order_8_has_1200_items_on_two_invoices(self, world: World):
        order = world.cast["O8"]

        assert len(order.items) == 1200
        assert [len(invoice.parts) for invoice in order.erp[0].invoices] == [600, 600]
        assert order.web.order_id == O8.web_number

    def test_hostile_item_is_in_an_order_of_alfa(self, world: World):
        order = world.cast[HOSTILE.name]

        assert HOSTILE_NAME in [PRODUCTS[item.product].name for item in order.items]
        assert order.company.key == "alfa"

    def test_split_order_is_two_orders_in_the_erp(self, world: World):
        order = world.cast[SPLIT.name]

        assert [erp.number for erp in order.erp] == [SPLIT.erp_number, *SPLIT.further_erp_numbers]
        assert sum(erp.total for erp in order.erp) == order.web.total


class TestSlips:
    def test_tax_slips_have_valid_lines(self):
        assert valid_slip_line(slip_line(cents=11_120, number=1001, due=TODAY))

    def test_buyers_have_valid_cpfs(self, world: World):
        buyers = [buyer for company in world.companies.values() for buyer in company.buyers]

        assert [buyer for buyer in buyers if not valid_cpf(buyer.tax_id)] == []
