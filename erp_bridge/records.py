"""What every connector returns: frozen, typed, with units.

One shape serves VTEX and every ERP, so that matching and merging never ask which
system a record came from by looking at its fields. Absent is None or an empty tuple,
never a guess. Amounts are `Decimal` in the record's currency; moments are aware;
plain dates (due, issued, promised) have no time zone and are never converted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum


class System(StrEnum):
    """Which kind of source a record comes from."""

    VTEX = "vtex"
    ERP = "erp"


class NumberKind(StrEnum):
    """The kinds of value by which a person may know an order."""

    WEB = "web"
    ERP = "erp"
    CUSTOMER = "customer"
    INVOICE = "invoice"
    ACCESS_KEY = "access_key"
    BOLETO_LINE = "boleto_line"
    TRACKING = "tracking"


class Fulfilment(StrEnum):
    """How far the goods are. The words are ours; a source's own word stays in `status_raw`."""

    PLACED = "placed"
    AWAITING_APPROVAL = "awaiting_approval"
    AWAITING_PAYMENT = "awaiting_payment"
    AWAITING_ERP = "awaiting_erp"
    COMMERCIAL_REVIEW = "commercial_review"
    CREDIT_REVIEW = "credit_review"
    PICKING = "picking"
    PARTLY_INVOICED = "partly_invoiced"
    INVOICED = "invoiced"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCEL_REQUESTED = "cancel_requested"
    CANCELLED = "cancelled"
    REPLACED = "replaced"
    UNMAPPED = "unmapped"


class Billing(StrEnum):
    """How much of an order is invoiced. What came back, or was never sold, is said apart."""

    UNKNOWN = "unknown"
    NOT_INVOICED = "not_invoiced"
    PARTLY_INVOICED = "partly_invoiced"
    INVOICED = "invoiced"
    RETURNED = "returned"
    CANCELLED = "cancelled"


class Payment(StrEnum):
    """What is known of the money. Overdue is not a state: it follows from a date.

    `AUTHORISED` is a promise (a card or a credit limit that said yes), not money.
    """

    UNKNOWN = "unknown"
    AWAITING = "awaiting"
    AUTHORISED = "authorised"
    PARTLY_PAID = "partly_paid"
    PAID = "paid"
    DENIED = "denied"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"


class DocumentKind(StrEnum):
    """Kinds of file; the old contract's `tipoArquivo` 0 to 7 first.

    The rest no source of that contract names: a file listed as `OTHER` turns out to be a
    CT-e or an event when it is read, and we render `DACTE` and `CCE`.
    """

    BOLETO = "boleto"
    TRANSFER = "transfer"
    NFE_XML = "nfe_xml"
    DANFE = "danfe"
    SERIALS = "serials"
    GARE = "gare"
    GNRE = "gnre"
    OTHER = "other"
    CTE_XML = "cte_xml"
    EVENT_XML = "event_xml"
    DACTE = "dacte"
    CCE = "cce"


class TitleState(StrEnum):
    """What a source says of an amount due. Overdue is not a state: it follows from the date."""

    OPEN = "open"
    PAID = "paid"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in a currency (ISO 4217)."""

    amount: Decimal
    currency: str = "BRL"


@dataclass(frozen=True, slots=True)
class Party:
    """A company or person on an order; `tax_id` is CNPJ or CPF, normalised `[0-9A-Z]`."""

    name: str = ""
    tax_id: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address as the source words it."""

    recipient: str = ""
    street: str = ""
    district: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One item of an order. `total` is the line's total as the source states it.

    `unit_price` is the net one; `discount` (what was taken off) and `tax` are the whole line's.
    `reserved` to `cancelled` are what the source itself says of the line's quantity.
    """

    position: int
    sku: str = ""
    name: str = ""
    quantity: Decimal | None = None
    unit: str = ""
    unit_price: Decimal | None = None
    total: Decimal | None = None
    warehouse: str = ""
    customer_code: str = ""
    discount: Decimal | None = None
    tax: Decimal | None = None
    reserved: Decimal | None = None
    invoiced: Decimal | None = None
    shipped: Decimal | None = None
    cancelled: Decimal | None = None


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """How much of an order's line (by its position) an invoice covers."""

    position: int
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class InvoiceRecord:
    """A fiscal invoice (NF-e) that a source names.

    `number` is as shown to people, without leading zeros; `emitter` the seller's CNPJ.
    `is_return` marks goods coming back (VTEX `Input`).
    """

    number: str
    series: str = ""
    access_key: str = ""
    emitter: str = ""
    issued_on: date | None = None
    total: Decimal | None = None
    carrier: str = ""
    tracking_number: str = ""
    tracking_url: str = ""
    delivered_at: datetime | None = None
    is_return: bool = False
    lines: tuple[InvoiceLine, ...] = ()


@dataclass(frozen=True, slots=True)
class TitleRecord:
    """An amount due on a date (a boleto instalment).

    `settled_on` is when it was paid or cancelled; `payee` who receives the money, which
    need not be the seller.
    """

    key: str
    instalment: str = ""
    invoice_number: str = ""
    due_on: date | None = None
    amount: Decimal | None = None
    state: TitleState = TitleState.UNKNOWN
    typeable_line: str = ""
    pix: str = ""
    settled_on: date | None = None
    payee: Party = field(default_factory=Party)


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """A file that a source can hand out. `key` is opaque and stable for one order.

    `replaced_by` is the key of the file that took its place (a boleto issued anew).
    """

    key: str
    kind: DocumentKind
    title: str = ""
    invoice_number: str = ""
    invoice_series: str = ""
    issued_on: date | None = None
    due_on: date | None = None
    amount: Decimal | None = None
    title_state: TitleState = TitleState.UNKNOWN
    typeable_line: str = ""
    instalment: str = ""
    pix: str = ""
    settled_on: date | None = None
    payee: Party = field(default_factory=Party)
    replaced_by: str = ""


@dataclass(frozen=True, slots=True)
class EventRecord:
    """Something that happened, as the source words it."""

    at: datetime
    code: str
    text: str = ""


class Detail(StrEnum):
    """How much of an order a record carries: a list's row, or everything."""

    SUMMARY = "summary"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """What one source says of one order.

    `external_id` is the source's key (VTEX orderId, ERP number as its API takes it);
    numbers are as written by the source. `version` orders two readings of the same
    order (VTEX `lastChange`); None where the source has none, and then the moment of
    reading does. `documents` is None when the source was not asked for them.

    `invoicing` and `payment` are what the source's own word for its status says of them,
    nothing worked out: invoices and titles speak for themselves when records are merged.
    """

    system: System
    external_id: str
    detail: Detail = Detail.FULL
    version: datetime | None = None

    # numbers
    web_numbers: tuple[str, ...] = ()
    erp_numbers: tuple[str, ...] = ()
    customer_numbers: tuple[str, ...] = ()

    # whose
    customer: Party = field(default_factory=Party)
    customer_id: str = ""
    organization_id: str = ""

    # state
    fulfilment: Fulfilment = Fulfilment.UNMAPPED
    invoicing: Billing = Billing.UNKNOWN
    payment: Payment = Payment.UNKNOWN
    status_raw: str = ""
    cancel_requested: bool = False

    # when and who
    placed_at: datetime | None = None
    placed_on: date | None = None
    promised_on: date | None = None
    placed_by_name: str = ""
    placed_by_code: str = ""
    channel: str = ""

    # how much; parts are None when not stated
    currency: str = "BRL"
    total: Decimal | None = None
    items_total: Decimal | None = None
    discount: Decimal | None = None
    freight: Decimal | None = None
    taxes: Decimal | None = None

    payment_terms: str = ""
    note: str = ""
    billing: Address = field(default_factory=Address)
    delivery: Address = field(default_factory=Address)
    delivery_method: str = ""
    tracking_url: str = ""

    lines: tuple[OrderLine, ...] = ()
    invoices: tuple[InvoiceRecord, ...] = ()
    titles: tuple[TitleRecord, ...] = ()
    documents: tuple[DocumentRecord, ...] | None = None
    events: tuple[EventRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """A record together with the source's own bytes and the moment they were read.

    `payload` is the JSON text as received (several answers of one order as an object of
    answers), without what must never be stored: card data, commissions, costs.
    """

    record: OrderRecord
    payload: bytes
    read_at: datetime
