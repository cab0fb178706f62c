"""Master Data of the simulated account: customers, organisations and cost centres by scroll.

As in a real account, a firm has as many customers as it has people, some rows are of private
persons, and some are wrong: no document, a document of letters, a name that is too long.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import replace

from erp_bridge.simulators.faults import BadBody
from erp_bridge.simulators.model import Company
from erp_bridge.simulators.server import Request, Response, json_response
from erp_bridge.simulators.world import World

PREFIX = "/api/dataentities/"
TOKEN_HEADER = "X-VTEX-MD-TOKEN"  # noqa: S105 the name of a header
MAX_SIZE = 1000
_MAX_SCROLLS = 10
Rows = list[dict[str, object]]


class MasterDataPart:
    """Serves scrolls over entities made of a world's companies."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._guard = threading.Lock()
        self._scrolls: dict[str, tuple[Rows, int, int]] = {}
        # Rows that a test or a person adds: {"CL": [{...}]}.
        self.more: dict[str, Rows] = {}

    def answer(self, request: Request) -> Response:
        """Answer one page, and a token while there may be more."""
        entity, _, what = request.path.removeprefix(PREFIX).partition("/")
        makers: dict[str, Callable[[], Rows]] = {
            "CL": self._customers,
            "organizations": self._organizations,
            "cost_centers": self._cost_centers,
        }
        if what != "scroll" or entity not in makers:
            return json_response({"Message": "Not found"}, 404)
        with self._guard:
            token = request.query.get("_token", "")
            if not token:
                token = self._begin(makers[entity]() + self.more.get(entity, []), request)
            elif token not in self._scrolls:
                raise BadBody("token is not valid")
            rows, at, size = self._scrolls[token]
            page = rows[at : at + size]
            self._scrolls[token] = (rows, at + size, size)
            if not page:
                del self._scrolls[token]
        return replace(json_response(page), headers=((TOKEN_HEADER, token),))

    def _begin(self, rows: Rows, request: Request) -> str:
        size = request.query.get("_size", "100")
        if not size.isdigit() or not 1 <= int(size) <= MAX_SIZE:
            raise BadBody("_size is out of range")
        if len(self._scrolls) >= _MAX_SCROLLS:
            self._scrolls.clear()
        fields = [name for name in request.query.get("_fields", "").split(",") if name]
        token = uuid.uuid4().hex
        shown = [{name: row.get(name) for name in fields} for row in rows]
        self._scrolls[token] = (shown, 0, int(size))
        return token

    def _companies(self) -> list[Company]:
        by_id = self.world.by_customer_id
        return [by_id[key] for key in sorted(by_id)]

    def _customers(self) -> Rows:
        rows: Rows = []
        for company in self._companies():
            for at, house in enumerate(company.establishments):
                for buyer in company.buyers[: 2 - at] or company.buyers[:1]:
                    rows.append(
                        {
                            "email": buyer.email,
                            "isCorporate": True,
                            "corporateDocument": house.tax_id,
                            "corporateName": company.name,
                            "tradeName": company.trade_name,
                            "companyId": company.customer_id,
                        }
                    )
        rows.append({"email": "pessoa@example.com", "isCorporate": False})
        rows.append({"corporateDocument": "não sei", "corporateName": "Sem documento"})
        rows.append({"corporateDocument": 12345678000195.0, "corporateName": None})
        return rows

    def _organizations(self) -> Rows:
        return [
            {"id": company.organization_id, "name": company.name, "status": "active"}
            for company in self._companies()
            if company.organization_id
        ]

    def _cost_centers(self) -> Rows:
        return [
            {
                "id": f"{company.organization_id}-{at}",
                "organization": company.organization_id,
                "businessDocument": house.tax_id,
            }
            for company in self._companies()
            if company.organization_id
            for at, house in enumerate(company.establishments)
        ]
