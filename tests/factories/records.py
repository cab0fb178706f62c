"""What connectors return, as a test wants it."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from erp_bridge.records import Fulfilment, OrderLine, OrderRecord, Party, Reading, System
from tests.factories.companies import NOW

ALFA_TAX_ID = "12345678000195"


def make_vtex_record(external_id: str = "1172452900788-01", **fields: Any) -> OrderRecord:
    """Build what a VTEX account says of an order of Alfa."""
    values: dict[str, Any] = {
        "version": NOW,
        "web_numbers": (external_id,),
        "customer": Party(name="Alfa Distribuidora", tax_id=ALFA_TAX_ID),
        "fulfilment": Fulfilment.AWAITING_ERP,
        "status_raw": "ready-for-handling",
        "placed_at": NOW,
        "placed_on": NOW.date(),
        "total": Decimal("1000.00"),
        "lines": (
            OrderLine(
                1,
                sku="SKU-1",
                name="Parafuso",
                quantity=Decimal(10),
                unit="un",
                unit_price=Decimal("100.00"),
                total=Decimal("1000.00"),
            ),
        ),
    }
    return OrderRecord(System.VTEX, external_id, **(values | fields))


def make_erp_record(external_id: str = "0004500123", **fields: Any) -> OrderRecord:
    """Build what an ERP says of an order of Alfa."""
    values: dict[str, Any] = {
        "erp_numbers": (external_id,),
        "customer": Party(name="Alfa Distribuidora", tax_id=ALFA_TAX_ID),
        "customer_id": "1001",
        "fulfilment": Fulfilment.PICKING,
        "status_raw": "Em separação",
        "placed_on": date(2026, 3, 10),
        "total": Decimal("1000.00"),
    }
    return OrderRecord(System.ERP, external_id, **(values | fields))


def make_reading(record: OrderRecord, read_at: datetime = NOW, payload: bytes = b"{}") -> Reading:
    """Wrap a record as if it had just been read."""
    return Reading(record=record, payload=payload, read_at=read_at)
