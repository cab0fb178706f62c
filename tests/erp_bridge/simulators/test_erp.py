"""The simulated ERP speaks the old contract, in both generations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest

from erp_bridge.simulators.erp import ErpSimulator
from erp_bridge.simulators.world import (
    ALFA_BRANCH_TAX_ID,
    ALFA_CUSTOMER_ID,
    BETA_CUSTOMER_ID,
    O1,
    O2,
    O3,
    O5,
    O7,
    SPLIT,
    World,
)
from tests.erp_bridge.simulators import shapes
from tests.erp_bridge.simulators.conftest import ask

SEARCH = "/api/v1/pedido/pesquisa"
EXTENSIONS = {"codigoVendedor", "nomeVendedor"}
O1_OF_ALFA = {"pedidoErpId": O1.erp_number, "revendaId": ALFA_CUSTOMER_ID}


def titles(erp: ErpSimulator, path: str) -> list[str]:
    return [entry["descricao"] for entry in ask(erp, path, O1_OF_ALFA).json()["itens"]]


class TestAuth:
    @pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
    @pytest.mark.parametrize("path", ["/api/v1/pedido/", "/api/v1/ArquivosPedido/"])
    def test_wrong_token_is_401(self, erp, path, headers):
        assert ask(erp, path, O1_OF_ALFA, headers=headers).status == 401

    def test_search_with_a_wrong_token_is_401(self, erp):
        assert ask(erp, SEARCH, method="POST", send={}, headers={}).status == 401


class TestGenerations:
    def test_readme_details_have_the_readmes_fields(self, erp):
        body = ask(erp, "/api/v1/pedido/", O1_OF_ALFA).json()

        assert frozenset(body) == shapes.DETAILS_README
        assert body["paymentOptions"] == "16/31/37 dias"

    def test_guide_details_have_the_guides_fields(self, erp):
        body = ask(erp, "/guide/api/v1/pedido/", O1_OF_ALFA).json()

        assert frozenset(body) == shapes.DETAILS_GUIDE
        assert body["cityState"] == "Belo HorizonteMG"

    def test_generation_of_the_base_can_be_chosen(self, world: World):
        with ErpSimulator(world, generation="guide") as guide:
            assert (
                frozenset(ask(guide, "/api/v1/pedido/", O1_OF_ALFA).json()) == shapes.DETAILS_GUIDE
            )
            readme = ask(guide, "/readme/api/v1/pedido/", O1_OF_ALFA).json()
        assert frozenset(readme) == shapes.DETAILS_README

    def test_lines_carry_the_commission_that_must_be_dropped(self, erp):
        body = ask(erp, "/api/v1/pedido/", O1_OF_ALFA).json()

        assert body["itens"][0]["comissao"] == 48.0
        assert body["centrosDeDistribuicao"][0]["itens"][0]["comissao"] == 48.0

    def test_telesales_order_names_who_placed_it_in_the_readme_only(self, erp):
        params = {"pedidoErpId": O2.erp_number, "revendaId": ALFA_CUSTOMER_ID}

        readme = ask(erp, "/api/v1/pedido/", params).json()
        guide = ask(erp, "/guide/api/v1/pedido/", params).json()
        assert (readme["codigoVendedor"], readme["nomeVendedor"]) == ("TEO01", "Téo Martins")
        assert readme["clienteFinalCnpj"] == ALFA_BRANCH_TAX_ID
        assert EXTENSIONS.isdisjoint(guide)


class TestPaths:
    @pytest.mark.parametrize("path", ["/api/v1/pedido", "/api/v1/pedido/"])
    def test_details_answer_with_and_without_the_slash(self, erp, path):
        assert ask(erp, path, O1_OF_ALFA).json()["pedidoErpId"] == O1.erp_number

    @pytest.mark.parametrize(
        "path",
        [
            "/api/v1/ArquivosPedido/",
            "/api/v1/ArquivosPedido",
            "/api/v1/arquivospedido",
            "/api/v1/arquivospedido/",
        ],
    )
    def test_documents_answer_in_every_spelling(self, erp, path):
        assert len(titles(erp, path)) == 11

    def test_erp_with_the_documented_paths_only_does_not_know_the_old_ones(self, world: World):
        with ErpSimulator(world, paths="documented") as picky:
            old = ask(picky, "/api/v1/pedido/", O1_OF_ALFA)
            documented = ask(picky, "/api/v1/pedido", O1_OF_ALFA)
        assert (old.status, old.headers["content-type"]) == (404, "text/plain")
        assert documented.status == 200

    def test_wrong_method_is_405(self, erp):
        assert ask(erp, SEARCH).status == 405


class TestOwnership:
    @pytest.mark.parametrize(
        ("number", "customer_id"),
        [
            (O1.erp_number, BETA_CUSTOMER_ID),
            (O5.erp_number, ALFA_CUSTOMER_ID),
            ("0009999990", ALFA_CUSTOMER_ID),
            (O1.erp_number, 7),
        ],
    )
    @pytest.mark.parametrize("path", ["/api/v1/pedido/", "/api/v1/ArquivosPedido/"])
    def test_unknown_and_somebody_elses_are_the_same_404(self, erp, path, number, customer_id):
        got = ask(erp, path, {"pedidoErpId": number, "revendaId": customer_id})

        assert (got.status, got.json()) == (404, {"message": "Pedido não encontrado"})

    @pytest.mark.parametrize("customer_id", ["", "null", "1 or 1", "-1"])
    def test_revenda_id_that_is_no_number_is_400(self, erp, customer_id):
        params = {"pedidoErpId": O1.erp_number, "revendaId": customer_id}

        assert ask(erp, "/api/v1/pedido/", params).status == 400


class TestSearch:
    def test_row_has_the_contracts_fields(self, erp):
        got = ask(
            erp,
            SEARCH,
            method="POST",
            send={
                "revendaId": ALFA_CUSTOMER_ID,
                "porCodigo": {"codigo": O1.erp_number, "tipo": 2},
            },
        )

        row = got.json()["itens"][0]
        assert frozenset(row) == shapes.SEARCH_ROW
        assert (row["totalPedido"], row["status"]) == (6000.0, 4)
        assert (row["notaFiscal"], row["serieNotaFiscal"]) == ("1001", "1")

    @pytest.mark.parametrize(
        ("kind", "code"),
        [
            (0, O1.web_number),
            (0, O1.sequence),
            (1, O1.customer_number),
            (1, "po-2026/0815"),
            (2, O1.erp_number),
            (2, "4500123"),
        ],
    )
    def test_code_of_each_kind_finds_the_order(self, search, kind, code):
        found = search(ALFA_CUSTOMER_ID, porCodigo={"codigo": code, "tipo": kind})

        assert found == [O1.erp_number]

    def test_web_number_of_a_split_order_finds_both(self, search):
        found = search(ALFA_CUSTOMER_ID, porCodigo={"codigo": SPLIT.web_number, "tipo": 0})

        assert found == [SPLIT.erp_number, *SPLIT.further_erp_numbers]

    def test_web_order_that_is_not_in_the_erp_is_not_found(self, search):
        assert search(ALFA_CUSTOMER_ID, porCodigo={"codigo": O3.web_number, "tipo": 0}) == []

    def test_somebody_elses_order_is_not_found(self, search):
        assert search(BETA_CUSTOMER_ID, porCodigo={"codigo": O1.web_number, "tipo": 0}) == []
        assert search(BETA_CUSTOMER_ID, porCodigo={"codigo": O1.erp_number, "tipo": 2}) == []

    @pytest.mark.parametrize("number", ["1001", "1002"])
    def test_each_invoice_finds_its_order(self, search, number):
        found = search(
            ALFA_CUSTOMER_ID, porNotaFiscal={"notaFiscal": number, "serieNotaFiscal": "1"}
        )

        assert found == [O1.erp_number]

    def test_invoice_of_another_series_is_not_found(self, search):
        criterion = {"notaFiscal": "1001", "serieNotaFiscal": "2"}

        assert search(ALFA_CUSTOMER_ID, porNotaFiscal=criterion) == []

    def test_period_includes_both_days(self, search, world: World):
        day = world.cast["O2"].placed_on.isoformat()

        found = search(ALFA_CUSTOMER_ID, porPeriodo={"dataInicial": day, "dataFim": day})
        assert O2.erp_number in found

    def test_periods_beside_the_day_do_not_hold_it(self, search):
        before = {"dataInicial": "2019-12-01", "dataFim": "2019-12-09"}
        after = {"dataInicial": "2019-12-11", "dataFim": "2019-12-31"}

        assert O7.erp_number not in search(ALFA_CUSTOMER_ID, porPeriodo=before)
        assert O7.erp_number not in search(ALFA_CUSTOMER_ID, porPeriodo=after)

    def test_moments_are_taken_as_days_in_brazil(self, search):
        period = {"dataInicial": "2019-12-10T03:00:00Z", "dataFim": "2019-12-11T02:59:59Z"}

        assert O7.erp_number in search(ALFA_CUSTOMER_ID, porPeriodo=period)

    def test_all_time_holds_every_order_of_the_company_once(self, search, world: World):
        period = {"dataInicial": "2019-01-01", "dataFim": "2026-12-31"}

        found = search(ALFA_CUSTOMER_ID, porPeriodo=period)
        assert sorted(found) == sorted(
            erp.number for order in world.orders if order.company.key == "alfa" for erp in order.erp
        )

    @pytest.mark.parametrize(
        "criteria",
        [
            {},
            {"porCodigo": {"codigo": "1", "tipo": 9}},
            {"porPeriodo": {"dataInicial": "hoje", "dataFim": "2026-01-01"}},
            {"porCodigo": {"codigo": "1", "tipo": 0}, "porNotaFiscal": {"notaFiscal": "1"}},
        ],
    )
    def test_criteria_that_make_no_sense_are_400(self, erp, criteria):
        send = {"revendaId": ALFA_CUSTOMER_ID, **criteria}

        assert ask(erp, SEARCH, method="POST", send=send).status == 400

    def test_erp_may_lack_a_search(self, world: World):
        send = {"revendaId": ALFA_CUSTOMER_ID, "porCodigo": {"codigo": "1", "tipo": 0}}

        with ErpSimulator(world, lacks={"porCodigo"}, lacks_status=501) as poor:
            assert ask(poor, SEARCH, method="POST", send=send).status == 501

    def test_erp_may_take_web_numbers_for_details(self, world: World):
        params = {"pedidoErpId": O1.web_number, "revendaId": ALFA_CUSTOMER_ID}

        with ErpSimulator(world, by_web_number=True) as generous:
            assert ask(generous, "/api/v1/pedido/", params).json()["pedidoErpId"] == O1.erp_number


class TestControl:
    def test_new_order_is_found_at_once(self, erp, search):
        made = ask(
            erp,
            "/_control/orders",
            method="POST",
            send={"company": "alfa", "seller_code": "TEO01", "seller_name": "Téo Martins"},
        ).json()

        found = search(ALFA_CUSTOMER_ID, porCodigo={"codigo": made["erp_number"], "tipo": 2})
        assert found == [made["erp_number"]]

    def test_web_order_enters_the_erp(self, erp, search):
        ask(
            erp,
            "/_control/orders",
            method="POST",
            send={"web_number": O3.web_number, "erp_number": "0004500999"},
        )

        found = search(ALFA_CUSTOMER_ID, porCodigo={"codigo": O3.web_number, "tipo": 0})
        assert found == ["0004500999"]

    def test_order_is_changed_invoiced_and_paid(self, erp):
        send = {"erp_number": O2.erp_number, "status": 4, "invoice": 5001, "paid": [1]}
        ask(erp, "/_control/orders", method="POST", send=send)

        params = {"pedidoErpId": O2.erp_number, "revendaId": ALFA_CUSTOMER_ID}
        body = ask(erp, "/api/v1/pedido/", params).json()
        listed = ask(erp, "/api/v1/ArquivosPedido/", params).json()["itens"]
        boletos = [entry for entry in listed if entry["tipoArquivo"] == 0]
        assert (body["status"], body["notaFiscal"]) == (4, "5001")
        assert [entry["situacao"] for entry in boletos] == ["pago"]

    def test_web_number_that_does_not_exist_is_refused(self, erp):
        got = ask(erp, "/_control/orders", method="POST", send={"web_number": "1-01"})

        assert got.status == 400


class TestChanges:
    """The optional search for what changed, in all customers' orders."""

    @pytest.fixture
    def telling(self, world: World):
        with ErpSimulator(world, changed_since=True, changes_at_once=2) as simulator:
            yield simulator

    def changed(self, erp: ErpSimulator, since: str, cursor: str = "") -> dict:
        told = {"porAlteracao": {"desde": since, "cursor": cursor}}
        got = ask(erp, SEARCH, method="POST", send=told)
        assert got.status == 200
        return got.json()

    def test_an_erp_without_it_refuses_it_as_any_unknown_search(self, erp):
        told = {"porAlteracao": {"desde": "2026-11-20T12:00:00-03:00", "cursor": ""}}

        assert ask(erp, SEARCH, method="POST", send=told).status == 400

    def test_orders_are_told_as_changed_when_they_were_placed_until_somebody_changes_them(
        self, telling, world
    ):
        before = world.erp_order(O7.erp_number)[1]
        assert before.changed_at == before.placed_at

        telling.control_orders({"erp_number": O7.erp_number, "status": 5})

        moment = before.changed_at.isoformat()
        answer = self.changed(telling, moment)
        assert [row["pedidoErpId"] for row in answer["itens"]] == [O7.erp_number]
        assert answer["itens"][0]["revendaId"] == ALFA_CUSTOMER_ID
        stamp = datetime.fromisoformat(answer["itens"][0]["alteradoEm"])
        assert timedelta() <= before.changed_at - stamp < timedelta(milliseconds=1)
        assert answer["cursor"] == ""

    def test_pages_follow_each_other_by_key(self, telling, world):
        first = self.changed(telling, "2000-01-01T00:00:00Z")
        second = self.changed(telling, "2000-01-01T00:00:00Z", first["cursor"])

        rows = sorted((e.changed_at, e.number) for _, e in world.erp_orders.values())
        told = [row["pedidoErpId"] for row in (*first["itens"], *second["itens"])]
        assert told == [number for _, number in rows[:4]]

    def test_a_moment_that_is_none_is_400(self, telling):
        for told in ({"desde": "yesterday"}, {}, "now"):
            send = {"porAlteracao": told}
            assert ask(telling, SEARCH, method="POST", send=send).status == 400

    def test_faults_of_the_search_meet_it_too(self, telling):
        telling.fault("search", "error", times=1)
        told = {"porAlteracao": {"desde": "2026-11-20T12:00:00Z", "cursor": ""}}
        assert ask(telling, SEARCH, method="POST", send=told).status == 500

        telling.fault("search", "wrong_company", times=1)
        told["porAlteracao"]["desde"] = "2000-01-01T00:00:00Z"
        forged = ask(telling, SEARCH, method="POST", send=told).json()["itens"]
        true = self.changed(telling, "2000-01-01T00:00:00Z")["itens"]
        assert [row["pedidoErpId"] for row in forged] == [row["pedidoErpId"] for row in true]
        assert all(a["revendaId"] != b["revendaId"] for a, b in zip(forged, true, strict=True))

    def test_its_clock_may_be_off_in_all_that_it_says(self, world):
        behind = timedelta(minutes=-10)
        with ErpSimulator(world, changed_since=True, clock_ahead=behind) as simulator:
            simulator.control_orders({"erp_number": O7.erp_number, "status": 5})
            now = datetime.now(UTC)
            got = ask(simulator, "/api/v1/pedido/", O1_OF_ALFA)
            late = self.changed(simulator, (now - timedelta(minutes=5)).isoformat())
            right = self.changed(simulator, (now + behind - timedelta(minutes=1)).isoformat())

        said = parsedate_to_datetime(got.headers["date"])
        assert abs(said - (now + behind)) < timedelta(seconds=5)
        assert late["itens"] == []
        stamp = datetime.fromisoformat(right["itens"][0]["alteradoEm"])
        assert abs(stamp - (now + behind)) < timedelta(seconds=5)
