"""Orders as VTEX sends them, of our own invention."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from erp_bridge.http import Policy
from erp_bridge.vtex.config import VtexConfig

_FILE = Path(__file__).parents[1] / "payloads" / "vtex" / "order.json"
_ORDER = json.loads(_FILE.read_text(encoding="utf-8"), parse_float=Decimal)

SETTINGS: dict[str, object] = {
    "account": "demostore",
    "base_url": "https://demostore.example",
    "app_key": "vtexappkey-demostore-ABCDEF",
}
TOKEN = "app-token-canary"


def order(**changes: Any) -> dict[str, Any]:
    """A company's order: two items, two invoices, a boleto and a card."""
    return copy.deepcopy(_ORDER) | changes


def config(policy: Policy | None = None, **settings: object) -> VtexConfig:
    return VtexConfig.build(SETTINGS | settings, TOKEN, policy or Policy())


def parcel(*quantities: int, finished: bool = False, events: int = 0, kind: str = "Output"):
    """A parcel with so much of each item."""
    return {
        "type": kind,
        "invoiceNumber": "1",
        "items": [
            {"itemIndex": index, "quantity": quantity} for index, quantity in enumerate(quantities)
        ],
        "courierStatus": {
            "finished": finished,
            "data": [{"createDate": "2026-03-16T11:00:00Z", "description": "x"}] * events,
        },
    }


def with_parcels(status: str, *parcels: object, **changes: Any) -> dict[str, Any]:
    """An order of 12 and 4 pieces in a status, with parcels."""
    return order(status=status, packageAttachment={"packages": list(parcels)}, **changes)
