"""Order rows written directly, for tests of what reads them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from b2b_orders.companies.models import Company, Establishment
from b2b_orders.documents.models import Document, State
from b2b_orders.orders.models import Order, OrderNumber, SourceRecord, Title
from b2b_orders.orders.numbers import index_values
from b2b_orders.orders.records_json import to_json
from erp_bridge.records import (
    DocumentKind,
    DocumentRecord,
    NumberKind,
    OrderRecord,
    Party,
    System,
    TitleState,
)
from tests.factories.companies import CONNECTION_ERP, NOW


def make_order(
    company: Company | None,
    numbers: Iterable[tuple[NumberKind, str]] = ((NumberKind.ERP, "0004500123"),),
    *,
    establishment: Establishment | None = None,
    placed_at: datetime = NOW,
    total: Decimal | None = Decimal("1000.00"),
    **fields: Any,
) -> Order:
    """Make an order with its numbers and one source record."""
    numbers = list(numbers)
    if company is not None and establishment is None:
        establishment = company.establishments.order_by("pk").first()
    values: dict[str, Any] = {
        "company": company,
        "establishment": establishment,
        "origins": "erp",
        "title": numbers[0][1],
        "fulfilment": "invoiced",
        "status_raw": "Faturado",
        "status_system": "erp",
        "placed_on": date(placed_at.year, placed_at.month, placed_at.day),
        "sorted_at": placed_at,
        "total": total,
        "draft_hash": "0" * 64,
        "created_at": NOW,
        "changed_at": NOW,
    }
    order = Order.objects.create(**(values | fields))
    for kind, written in numbers:
        add_number(order, kind, written)
    external_id = f"{order.pk}-{numbers[0][1]}"
    SourceRecord.objects.create(
        connection=CONNECTION_ERP,
        system="erp",
        external_id=external_id,
        company=company,
        order=order,
        detail="full",
        facts=to_json(OrderRecord(System.ERP, external_id)),
        content_hash="0" * 64,
        payload=b"",
        first_seen_at=NOW,
        read_at=NOW,
        changed_at=NOW,
    )
    return order


def add_number(order: Order, kind: NumberKind, written: str) -> None:
    """Let an order be found by one more number, written "number/series" for an invoice."""
    number, _, series = written.partition("/") if kind is NumberKind.INVOICE else (written, "", "")
    OrderNumber.objects.bulk_create(
        OrderNumber(
            company=order.company,
            value=value,
            kind=kind,
            order=order,
            written=written,
            establishment_id=order.establishment_id,
        )
        for value in index_values(kind, number, series)
    )


def make_document(
    order: Order, kind: DocumentKind = DocumentKind.DANFE, key: str = "danfe-1", **fields: Any
) -> Document:
    """Make an available document of an order's first source record."""
    values: dict[str, Any] = {
        "company": order.company,
        "kind": kind,
        "title": "DANFE 1001",
        "state": State.AVAILABLE,
        "state_since": NOW,
        "listed_at": NOW,
    }
    record = order.records.order_by("pk")[0]
    return Document.objects.create(record=record, key=key, **(values | fields))


def make_title(order: Order, key: str = "b1", **fields: Any) -> Title:
    """Make an amount of R$ 1,000 that is due in three days."""
    values: dict[str, Any] = {
        "company": order.company,
        "instalment": "1/3",
        "invoice_number": "1001",
        "due_on": NOW.date() + timedelta(days=3),
        "amount": Decimal("1000.00"),
        "state": "open",
    }
    return Title.objects.create(order=order, key=key, **(values | fields))


def as_listed(document: Document) -> DocumentRecord:
    """Say of a document what its source must have said to make it what it is."""
    return DocumentRecord(
        key=document.key,
        kind=DocumentKind(document.kind),
        title=document.title,
        invoice_number=document.invoice_number,
        invoice_series=document.invoice_series,
        instalment=document.instalment,
        issued_on=document.issued_on,
        due_on=document.due_on,
        amount=document.amount,
        title_state=TitleState(document.title_state or "unknown"),
        settled_on=document.settled_on,
        typeable_line=document.typeable_line,
        pix=document.pix,
        payee=Party(name=document.payee_name, tax_id=document.payee_tax_id),
        replaced_by=document.replaced_by,
    )
