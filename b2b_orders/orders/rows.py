"""What queries hand to pages and to the API: frozen, with nothing of the database in it.

An amount that the viewer may not see is None, never zero.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from b2b_orders.orders.numbers import Recognised
from erp_bridge.records import (
    Billing,
    Fulfilment,
    Money,
    NumberKind,
    Payment,
    System,
    TitleState,
)

How = Literal["exact", "prefix", "suffix"]


@dataclass(frozen=True, slots=True)
class NumberRow:
    """A number of an order, as its source wrote it."""

    kind: NumberKind
    written: str


@dataclass(frozen=True, slots=True)
class Match:
    """By which number an order was found: `typed` of its normalised form is what was typed."""

    kind: NumberKind
    written: str
    how: How
    typed: str


@dataclass(frozen=True, slots=True)
class SourceAsOf:
    """When one connection last told us of an order. `version` is the source's own stamp."""

    connection: str
    system: System
    as_of: datetime
    version: datetime | None
    external_id: str


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order in a list. `payment` is None for who may not see finance."""

    id: int
    public_id: uuid.UUID
    title: str
    numbers: tuple[NumberRow, ...]
    origins: str
    fulfilment: Fulfilment
    status_raw: str
    placed_on: date | None
    placed_at: datetime
    promised_on: date | None
    total: Money | None
    establishment_tax_id: str
    establishment_name: str
    placed_by_name: str
    divergence_count: int
    line_count: int
    sources: tuple[SourceAsOf, ...]
    matched: Match | None = None
    billing: Billing = Billing.UNKNOWN
    payment: Payment | None = None


@dataclass(frozen=True, slots=True)
class LineRow:
    """An item of an order."""

    position: int
    sku: str
    name: str
    quantity: Decimal | None
    unit: str
    unit_price: Decimal | None
    total: Decimal | None
    invoiced: Decimal | None
    customer_code: str = ""
    discount: Decimal | None = None
    tax: Decimal | None = None
    reserved: Decimal | None = None
    shipped: Decimal | None = None
    cancelled: Decimal | None = None
    # The invoices that name it, and how much of it each.
    invoices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class LineCounts:
    """How many items an order has, how many a text keeps, and which columns any of them fills."""

    count: int
    all_count: int
    filled: frozenset[str]


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """A fiscal invoice of an order."""

    number: str
    series: str
    access_key: str
    issued_on: date | None
    total: Decimal | None
    carrier: str
    tracking_number: str
    tracking_url: str
    delivered_at: datetime | None
    is_return: bool


@dataclass(frozen=True, slots=True)
class TitleRow:
    """An amount due on a date. Overdue follows from the date and today."""

    key: str
    instalment: str
    invoice_number: str
    due_on: date | None
    amount: Decimal | None
    state: TitleState
    typeable_line: str
    pix: str
    settled_on: date | None = None
    payee_name: str = ""
    payee_tax_id: str = ""


@dataclass(frozen=True, slots=True)
class EventRow:
    """Something that happened to an order, as a source words it."""

    at: datetime
    connection: str
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class DivergenceValue:
    """What one connection says of a field on which sources disagree."""

    connection: str
    system: str
    value: str
    as_of: datetime | None
    rules: bool


@dataclass(frozen=True, slots=True)
class DivergenceRow:
    """A field on which sources disagree."""

    field: str
    values: tuple[DivergenceValue, ...]
    since: datetime


@dataclass(frozen=True, slots=True)
class OrderDetail:
    """Everything shown of one order. `facts` is `Order.facts` without what may not be seen."""

    row: OrderRow
    company_id: int
    currency: str
    facts: dict[str, Any]
    provenance: dict[str, str]
    lines: tuple[LineRow, ...]
    invoices: tuple[InvoiceRow, ...]
    titles: tuple[TitleRow, ...]
    events: tuple[EventRow, ...]
    divergences: tuple[DivergenceRow, ...]

    @property
    def sources(self) -> tuple[SourceAsOf, ...]:
        """Return when each source last told us of it."""
        return self.row.sources


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search found. `count` is exact up to `COUNT_LIMIT`, then `is_counted` is false.

    `near_order` is the viewer's order whose access key or boleto line differs from a
    mistyped one in one character.
    """

    recognised: Recognised
    rows: tuple[OrderRow, ...]
    next: str | None = None
    how: How = "exact"
    count: int = 0
    is_counted: bool = True
    near_order: OrderRow | None = None
    previous: str | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """How many orders there are; exact up to a limit, then `is_exact` is false."""

    count: int
    is_exact: bool = True


@dataclass(frozen=True, slots=True)
class EstablishmentRow:
    """An establishment that the viewer sees."""

    tax_id: str
    name: str


@dataclass(frozen=True, slots=True)
class ScopeFacts:
    """In what a search looked: for the page that found nothing."""

    company_public_id: uuid.UUID
    company_name: str
    establishments: tuple[EstablishmentRow, ...]
    is_whole_company: bool
    oldest_on: date | None


@dataclass(frozen=True, slots=True)
class StaffHit:
    """What staff see of an order before acting for its company: no amounts."""

    company_public_id: uuid.UUID
    company_name: str
    tax_id_ending: str
    order_public_id: uuid.UUID
    title: str
    origins: str
    fulfilment: Fulfilment
    status_raw: str
    placed_on: date | None
    matched: Match | None = None
    seen_at: datetime | None = None
