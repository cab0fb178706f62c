"""An ERP that serves the old app's contract, in both published generations.

    with ErpSimulator(small_world(), generation="readme") as erp:
        requests.post(f"{erp.url}/api/v1/pedido/pesquisa", headers=erp.headers, json={...})

The chosen generation answers at the base; `/readme` and `/guide` before the path choose
one outright. Routes for faults: `search`, `detail`, `documents`, `file`.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from typing import Literal, cast

from erp_bridge.simulators import control, files
from erp_bridge.simulators.documents import Document, documents_of
from erp_bridge.simulators.erp_payloads import (
    Generation,
    changed_row,
    details,
    document_entry,
    search_row,
)
from erp_bridge.simulators.faults import BadBody, Json
from erp_bridge.simulators.model import BRASILIA, Company, ErpOrder, Order
from erp_bridge.simulators.server import (
    Request,
    Response,
    Simulator,
    json_response,
)
from erp_bridge.simulators.world import World

TOKEN = "demo-erp-token"  # noqa: S105 - the token of a simulator

# Which spellings of the paths answer: the old client's, the documents', or both.
Paths = Literal["both", "old_client", "documented"]
_OLD_CLIENT = {"/api/v1/pedido/": "detail", "/api/v1/ArquivosPedido/": "documents"}
_DOCUMENTED = {"/api/v1/pedido": "detail", "/api/v1/arquivospedido": "documents"}
_OTHERS = {"/api/v1/ArquivosPedido": "documents", "/api/v1/arquivospedido/": "documents"}
_SEARCH = "/api/v1/pedido/pesquisa"
_CRITERIA = ("porCodigo", "porPeriodo", "porNotaFiscal")
_GENERATIONS: tuple[Generation, ...] = ("readme", "guide")

Row = tuple[Order, ErpOrder]


class ErpSimulator(Simulator):
    """Serves a world's ERP orders.

    `lacks` names searches that this ERP never implemented; it answers those with
    `lacks_status`. `by_web_number` lets details be asked by the site's number too;
    `by_sequence` lets orders be searched by the site's short number beside its id.
    `fresh_links` gives documents another address at each listing, as signed links do;
    an address stays good. `changed_since` adds the optional search for what changed, so
    many rows an answer; `clock_ahead` is how far its clock is ahead of this machine's, which
    only `tells_date` lets others know.
    """

    routes = frozenset({"search", "detail", "documents", "file"})

    def __init__(
        self,
        world: World,
        generation: Generation = "readme",
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str = TOKEN,
        paths: Paths = "both",
        lacks: Collection[str] = (),
        lacks_status: int = 400,
        by_web_number: bool = False,
        by_sequence: bool = True,
        fresh_links: bool = False,
        changed_since: bool = False,
        changes_at_once: int = 5,
        clock_ahead: timedelta = timedelta(),
        tells_date: bool = True,
    ) -> None:
        super().__init__(world, host=host, port=port)
        self.generation: Generation = generation
        self.token = token
        self.lacks = frozenset(lacks)
        self.lacks_status = lacks_status
        self.by_web_number = by_web_number
        self.by_sequence = by_sequence
        self.fresh_links = fresh_links
        self.changed_since = changed_since
        self.changes_at_once = changes_at_once
        self.clock_ahead = clock_ahead
        self.tells_date = tells_date
        self._links = itertools.count(1)
        self._paths = {_SEARCH: "search"}
        if paths != "documented":
            self._paths |= _OLD_CLIENT
        if paths != "old_client":
            self._paths |= _DOCUMENTED
        if paths == "both":
            self._paths |= _OTHERS

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a caller that may."""
        return {"Authorization": f"Bearer {self.token}"}

    # --- routing ---------------------------------------------------------------

    def route_of(self, request: Request) -> str:
        """Name the route of a request."""
        _, path = self._generation_of(request.path)
        return "file" if path.startswith("/arquivos/") else self._paths.get(path, "")

    def _generation_of(self, path: str) -> tuple[Generation, str]:
        for generation in _GENERATIONS:
            if path.startswith(f"/{generation}/"):
                return generation, path.removeprefix(f"/{generation}")
        return self.generation, path

    def answer(self, route: str, request: Request) -> Response:
        """Answer as the contract says, with the time by this ERP's clock if it tells it."""
        answer = self._answer(route, request)
        if not self.tells_date:
            return answer
        now = datetime.now(UTC) + self.clock_ahead
        return replace(
            answer, headers=(*answer.headers, ("Date", format_datetime(now, usegmt=True)))
        )

    def _answer(self, route: str, request: Request) -> Response:
        generation, path = self._generation_of(request.path)
        if route == "file":  # links are opened by browsers: no token, not guessable
            return self._file(path, request)
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return self.unauthorized()
        if request.method != ("POST" if route == "search" else "GET"):
            return _refuse(405, "Método não permitido")
        answer = self._search if route == "search" else self._order
        try:
            return answer(route, request, generation)
        except BadBody as error:
            return _refuse(400, str(error))
        except _Lacking:
            return _refuse(self.lacks_status, "Consulta não disponível")

    def _order(self, route: str, request: Request, generation: Generation) -> Response:
        company = self._company(request.query.get("revendaId"))
        row = self._find(request.query.get("pedidoErpId", ""), company)
        if row is None:
            return _refuse(404, "Pedido não encontrado")
        return self._show(route, row, request, generation)

    def _show(self, route: str, row: Row, request: Request, generation: Generation) -> Response:
        order, erp = row
        if route == "detail":
            return json_response(details(order, erp, generation))
        base = f"http://{request.headers['host']}" if "host" in request.headers else self.url
        listed = documents_of(order, erp, self.world.seed_date)
        query = f"?v={next(self._links)}" if self.fresh_links else ""
        return json_response(
            {
                "pedidoErpId": erp.number,
                "itens": [
                    self._entry(
                        row, document, f"{base}{self.file_path(erp, document)}{query}", generation
                    )
                    for document in listed
                ],
            }
        )

    def _entry(self, row: Row, document: Document, url: str, generation: Generation) -> Json:
        if document.form == "none":
            return document_entry(document, None, generation)
        body = None
        if document.form == "inline" and generation == "readme":
            body, _ = files.content(*row, document, self.world.seed_date)
        return document_entry(document, url, generation, body)

    def answer_wrong_company(self, route: str, request: Request) -> Response:
        """Answer with another company's order, as an ERP that ignores its filter does."""
        generation, _ = self._generation_of(request.path)
        if route == "file":
            return self.answer(route, request)
        asked = (
            request.json().get("revendaId") if route == "search" else request.query.get("revendaId")
        )
        other = next(
            row
            for row in self.world.erp_orders.values()
            if str(row[0].company.customer_id) != str(asked) and row[1].invoices
        )
        if route == "search" and "porAlteracao" in request.json():
            return self._forged_changes(request, generation)
        if route == "search":
            return json_response({"itens": [search_row(other[1], generation)]})
        return self._show(route, other, request, generation)

    def _forged_changes(self, request: Request, generation: Generation) -> Response:
        """Answer with what changed, each order in another customer's name."""
        answer = self._changes(request.json()["porAlteracao"], generation)
        ids = sorted(self.world.by_customer_id)
        following: dict[object, int] = dict(zip(ids, [*ids[1:], ids[0]], strict=True))
        rows = cast("list[Json]", answer["itens"])
        forged = [{**row, "revendaId": following[row["revendaId"]]} for row in rows]
        return json_response({**answer, "itens": forged})

    def unauthorized(self) -> Response:
        """Refuse a token."""
        return _refuse(401, "Token inválido")

    # --- orders ------------------------------------------------------------------

    def _company(self, told: object) -> Company | None:
        text = str(told)
        if told is None or not text.isascii() or not text.isdigit():
            raise BadBody("revendaId inválido")
        return self.world.by_customer_id.get(int(text))

    def _find(self, number: str, company: Company | None) -> Row | None:
        if not number:
            raise BadBody("pedidoErpId inválido")
        row = self.world.erp_order(number)
        if row is None and self.by_web_number:
            row = next(iter(self.world.erp_by_web_number(number)), None)
        return row if row and row[0].company is company else None

    def _search(self, _route: str, request: Request, generation: Generation) -> Response:
        told = request.json()
        if self.changed_since and told.get("porAlteracao") is not None:
            return json_response(self._changes(told["porAlteracao"], generation))
        company = self._company(told.get("revendaId"))
        given = [name for name in _CRITERIA if told.get(name) is not None]
        if len(given) != 1:
            raise BadBody("informe um critério de pesquisa")
        name = given[0]
        if name in self.lacks:
            raise _Lacking
        criterion = told[name]
        if not isinstance(criterion, dict):
            raise BadBody(f"{name} inválido")
        if company is None:
            return json_response({"itens": []})
        rows = self._rows(name, criterion, company)
        return json_response(
            {
                "itens": [
                    search_row(erp, generation) for order, erp in rows if order.company is company
                ]
            }
        )

    def _rows(self, name: str, criterion: Json, company: Company) -> list[Row]:
        match name:
            case "porPeriodo":
                first, last = _day(criterion, "dataInicial"), _day(criterion, "dataFim")
                return self.world.erp_between(company.customer_id, first, last)
            case "porNotaFiscal":
                number = str(criterion.get("notaFiscal") or "")
                return self.world.erp_by_invoice(
                    number, str(criterion.get("serieNotaFiscal") or "")
                )
        code = str(criterion.get("codigo") or "")
        match str(criterion.get("tipo")):
            case "0":
                found = self.world.erp_by_web_number(code)
                return found if self.by_sequence or code in self.world.web_orders else []
            case "1":
                return self.world.erp_by_customer_number(company.customer_id, code)
            case "2":
                row = self.world.erp_order(code)
                return [row] if row else []
        raise BadBody("tipo inválido")

    def _changes(self, criterion: object, generation: Generation) -> Json:
        """List a page of what changed in all customers' orders, after a cursor by key."""
        if not isinstance(criterion, dict):
            raise BadBody("porAlteracao inválido")
        cursor = str(criterion.get("cursor") or "")
        try:
            since = datetime.fromisoformat(str(criterion.get("desde"))) - self.clock_ahead
            moment, _, number = cursor.partition("|")
            after = (datetime.fromisoformat(moment), number) if cursor else None
            rows = self.world.erp_changed(since, after)
        except (ValueError, TypeError) as error:
            raise BadBody("desde ou cursor inválido") from error
        page = rows[: self.changes_at_once]
        last = page[-1][1] if len(rows) > len(page) else None
        return {
            "itens": [changed_row(*row, generation, self.clock_ahead) for row in page],
            "cursor": f"{last.changed_at.isoformat()}|{last.number}" if last else "",
        }

    # --- files -------------------------------------------------------------------

    def file_path(self, erp: ErpOrder, document: Document) -> str:
        """Give the path of a document's link."""
        return f"/arquivos/{erp.number}/{self._signature(erp, document)}/{document.name}"

    def _signature(self, erp: ErpOrder, document: Document) -> str:
        text = f"{self.token}/{erp.number}/{document.name}"
        return hashlib.sha256(text.encode()).hexdigest()[:24]

    def _file(self, path: str, request: Request) -> Response:
        if request.method != "GET":
            return _refuse(405, "Método não permitido")
        words = path.removeprefix("/arquivos/").split("/")
        row = self.world.erp_order(words[0])
        if row and len(words) == 3:
            order, erp = row
            for document in documents_of(order, erp, self.world.seed_date):
                if document.name == words[2] and self._signature(erp, document) == words[1]:
                    body, kind = files.content(order, erp, document, self.world.seed_date)
                    return Response(200, body, kind)
        return _refuse(404, "Arquivo não encontrado")

    # --- control -------------------------------------------------------------------

    def control_orders(self, told: Json) -> Json:
        """Add or change an ERP order, see `control.erp_order`."""
        return control.erp_order(self.world, told)


class _Lacking(Exception):
    """A search that this ERP never had."""


def _refuse(status: int, message: str) -> Response:
    return json_response({"message": message}, status)


def _day(criterion: Json, name: str) -> date:
    text = str(criterion.get(name) or "")
    try:
        if len(text) == 10:
            return date.fromisoformat(text)
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadBody(f"{name} inválida") from error
    return moment.astimezone(BRASILIA).date() if moment.tzinfo else moment.date()
