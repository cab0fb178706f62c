"""A gateway that speaks the old app's contract, and the connector on it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from erp_bridge.connector import CompanyRef
from erp_bridge.connectors.b2b_orders_v1 import B2BOrdersV1, B2BOrdersV1Config
from erp_bridge.http import Policy
from tests.erp_bridge.connectors.gateway import Asked, Told

PAYLOADS = Path(__file__).parent.parent / "payloads" / "b2b_orders_v1"
POLICY = Policy(private_hosts=frozenset({"127.0.0.1"}), allow_plain_http=True)
ALFA = CompanyRef("alfa", ("12345678000195",), ("55",))
BETA = CompanyRef("beta", (), ("77",))
TOKEN = "tok-3n-very-secret"
PDF = b"%PDF-1.4\n" + bytes(range(256)) * 300
NOW = datetime(2026, 3, 20, 15, 0, tzinfo=UTC)


def payload(name: str) -> dict:
    return json.loads((PAYLOADS / f"{name}.json").read_text())


def build(url: str, *, learned=None, **settings: object) -> B2BOrdersV1:
    config = B2BOrdersV1Config.build({"endpoint": url, **settings}, TOKEN, POLICY)
    return B2BOrdersV1("erp", config, learned, clock=lambda: NOW)


def good_gateway(asked: Asked) -> Told:
    """A gateway that implements everything the contract says."""
    if asked.headers.get("authorization") != f"Bearer {TOKEN}" and "/files/" not in asked.path:
        return Told({"message": "unauthorized"}, 401)
    if asked.path == "/api/v1/pedido/pesquisa":
        return search(asked.body)
    if asked.path.startswith("/files/"):
        return Told(PDF, content_type="application/pdf")
    is_theirs = asked.params["revendaId"] == "55"
    if not is_theirs or asked.params["pedidoErpId"] not in {"0004500123", "1172452900788-01"}:
        return Told({"message": "nao encontrado"}, 404)
    return Told(payload("details_readme" if "pedido/" in asked.path else "documents"))


def search(body: dict) -> Told:
    if "revendaId" not in body:
        return Told({"message": "revendaId?"}, 400)
    rows = payload("rows")["itens"] if body["revendaId"] == 55 else []
    if code := body.get("porCodigo"):
        numbers = {0: "1172452900788-01", 1: "PO-2026/0815", 2: "0004500123"}
        rows = rows[:1] if numbers[code["tipo"]] == code["codigo"] else []
    elif invoice := body.get("porNotaFiscal"):
        rows = rows[:1] if invoice["notaFiscal"] == "1001" else []
    else:
        period = body["porPeriodo"]
        rows = rows if period["dataInicial"] <= "2026-03-10" <= period["dataFim"] else []
    return Told({"itens": rows})


def lacks(search: str, status: int, body: object = None):
    def answer(asked: Asked) -> Told:
        if isinstance(asked.body, dict) and search in asked.body:
            return Told(body, status)
        return good_gateway(asked)

    return answer


class ChangingGateway:
    """A gateway that also tells what changed, by key, two rows an answer."""

    AT_ONCE = 2

    def __init__(self) -> None:
        self.began = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
        self.ids = tuple(f"45{number:05}" for number in range(1, 6))
        self._clock = self.began
        self._orders: dict[str, datetime] = {}
        for order_id in self.ids:
            self.change(order_id)

    def change(self, order_id: str) -> datetime:
        self._clock += timedelta(seconds=1)
        self._orders[order_id] = self._clock
        return self._clock

    def __call__(self, asked: Asked) -> Told:
        if not isinstance(asked.body, dict) or "porAlteracao" not in asked.body:
            return good_gateway(asked)
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return Told({"message": "unauthorized"}, 401)
        told = asked.body["porAlteracao"]
        rows = sorted((moment, order_id) for order_id, moment in self._orders.items())
        if told["cursor"]:
            moment, order_id = told["cursor"].split("|")
            rows = [row for row in rows if row > (datetime.fromisoformat(moment), order_id)]
        else:
            rows = [row for row in rows if row[0] >= datetime.fromisoformat(told["desde"])]
        page = rows[: self.AT_ONCE]
        cursor = f"{page[-1][0].isoformat()}|{page[-1][1]}" if len(rows) > len(page) else ""
        return Told({"itens": [changed_row(*row) for row in page], "cursor": cursor})


def changed_row(moment: datetime, order_id: str, customer: object = 55) -> dict:
    return {
        "pedidoErpId": order_id,
        "revendaId": customer,
        "alteradoEm": moment.isoformat(),
        "status": 3,
        "dataPedido": "2026-03-10T14:20:00-03:00",
        "totalPedido": 10.5,
    }
