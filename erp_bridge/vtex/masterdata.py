"""Who buys at a shop, by its Master Data: customers, and organisations of the B2B Suite.

Customers (entity CL) are written by the shoppers themselves: what is read here is proposed
to people, and nobody's membership is ever read from it. Organisations and cost centres are
the store's own. Everything is read by scrolling: no wildcards, for which VTEX blocks accounts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from erp_bridge.connector import Call
from erp_bridge.errors import BridgeError, ContractViolation, NotFound
from erp_bridge.http import Answer
from erp_bridge.identifiers import normalise_tax_id
from erp_bridge.runner import Guard
from erp_bridge.vtex.config import VtexConfig
from erp_bridge.vtex.door import open_door
from erp_bridge.vtex.events import ResourceMissing
from erp_bridge.vtex.values import text

PAGE_SIZE = 1000
# A scroll without an end is no list of customers.
MAX_PAGES = 1000
_MAX_BYTES = 30_000_000
_TOKEN_HEADER = "x-vtex-md-token"  # noqa: S105 the name of a header
_ID = re.compile(r"[A-Za-z0-9._-]{1,45}", re.ASCII)
_MAX_TAX_ID, _MAX_NAME = 20, 150
_CUSTOMER_FIELDS = "corporateDocument,corporateName,tradeName,isCorporate"
_ROWS: Mapping[int, type[BridgeError]] = {403: ResourceMissing}


@dataclass(frozen=True, slots=True)
class Firm:
    """A firm as shoppers of it wrote it down; `old_company_id` is the old app's number."""

    tax_id: str
    name: str
    old_company_id: str = ""


@dataclass(frozen=True, slots=True)
class Organisation:
    """An organisation of the B2B Suite, with its cost centres' ids and tax ids."""

    id: str
    name: str
    cost_centres: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class FirmPage:
    """Some firms, and how many rows before them were of no use."""

    firms: tuple[Firm, ...]
    unusable: int = 0


class MasterData:
    """Reads one account's Master Data; safe to share between threads."""

    def __init__(
        self, config: VtexConfig, *, source: str = "vtex", guard: Guard | None = None
    ) -> None:
        self.source = source
        self._guard = guard
        self._door = open_door(config, source)

    def firms(self, call: Call, *, with_old_company: bool = False) -> Iterator[FirmPage]:
        """List the firms of corporate customers, page by page, one as often as it has people.

        `with_old_company` asks for the old app's number too; an account that never had the
        field answers 400.
        """
        fields = f"{_CUSTOMER_FIELDS},companyId" if with_old_company else _CUSTOMER_FIELDS
        for rows in self._scroll("CL", fields, call):
            found = [_firm(row) for row in rows]
            firms = tuple(firm for firm in found if firm is not None)
            yield FirmPage(firms, unusable=len(found) - len(firms))

    def organisations(self, call: Call) -> tuple[Organisation, ...]:
        """List the B2B Suite's organisations; none where the store does not run it."""
        try:
            named = {
                text(row, "id"): text(row, "name") or text(row, "tradeName")
                for rows in self._scroll("organizations", "id,name,tradeName", call)
                for row in rows
            }
            centres: dict[str, list[tuple[str, str]]] = {}
            fields = "id,organization,businessDocument"
            for rows in self._scroll("cost_centers", fields, call):
                for row in rows:
                    tax_id = normalise_tax_id(text(row, "businessDocument"))[:_MAX_TAX_ID]
                    at = (text(row, "id"), tax_id)
                    if _ID.fullmatch(at[0]):
                        centres.setdefault(text(row, "organization"), []).append(at)
        except NotFound:
            return ()
        return tuple(
            Organisation(key, name[:_MAX_NAME], tuple(sorted(centres.get(key, ()))))
            for key, name in sorted(named.items())
            if _ID.fullmatch(key) and name
        )

    def close(self) -> None:
        """Give back sockets."""
        self._door.close()

    def _scroll(self, entity: str, fields: str, call: Call) -> Iterator[list[dict[str, Any]]]:
        params = {"_fields": fields, "_size": str(PAGE_SIZE)}
        for _ in range(MAX_PAGES):
            answer = self._ask(entity, params, call)
            found = answer.json()
            if not isinstance(found, list):
                raise ContractViolation(
                    "a value that cannot be",
                    path="$",
                    source=self.source,
                    operation=answer.operation,
                    status=answer.status,
                )
            if not found:
                return
            yield [row for row in found if isinstance(row, dict)]
            token = answer.headers.get(_TOKEN_HEADER, "")
            if not token:
                return
            params = {"_token": token}

    def _ask(self, entity: str, params: Mapping[str, str], call: Call) -> Answer:
        operation = f"scroll {entity}"

        def ask() -> Answer:
            return self._door.send(
                "GET",
                f"/api/dataentities/{entity}/scroll",
                call=call,
                operation=operation,
                params=params,
                max_bytes=_MAX_BYTES,
                rows=_ROWS,
            )

        return self._guard.run(operation, call, ask) if self._guard else ask()


def _firm(row: Mapping[str, Any]) -> Firm | None:
    tax_id = normalise_tax_id(text(row, "corporateDocument"))
    name = " ".join((text(row, "corporateName") or text(row, "tradeName")).split())
    if not tax_id or len(tax_id) > _MAX_TAX_ID or not name:
        return None
    old = row.get("companyId")
    is_number = isinstance(old, int) and not isinstance(old, bool) and 0 < old < 10**12
    return Firm(tax_id, name[:_MAX_NAME], str(old) if is_number else "")
