"""What the simulated world consists of: companies, orders and what follows from them.

An order is kept small; the bodies that the two servers answer with are made from it
when somebody asks. Amounts are integer cents.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Literal, NamedTuple

from erp_bridge.simulators import numbers

# Brazil has kept this offset all year since 2019.
BRASILIA = timezone(timedelta(hours=-3))

NEVER = datetime.min.replace(tzinfo=UTC)

SellerState = Literal["aberto", "pago", "cancelado"]


@dataclass(frozen=True, slots=True)
class Place:
    """A postal address in Brazil; `city_code` is the IBGE's."""

    street: str
    number: str
    district: str
    city: str
    state: str
    postal_code: str
    city_code: str


@dataclass(frozen=True, slots=True)
class Establishment:
    """One CNPJ of a company."""

    tax_id: str
    name: str
    place: Place
    state_inscription: str


@dataclass(frozen=True, slots=True)
class Buyer:
    """A person who orders on the site. `email` is the alias that VTEX shows."""

    name: str
    tax_id: str
    email: str
    user_id: str


@dataclass(frozen=True, slots=True)
class Company:
    """A buying company; `customer_id` is the ERP's `revendaId`."""

    key: str
    name: str
    trade_name: str
    customer_id: int
    establishments: tuple[Establishment, ...]
    buyers: tuple[Buyer, ...]
    is_active: bool = True
    organization_id: str = ""


class Item(NamedTuple):
    """A line of an order: which product, how many, for how much each."""

    product: int
    quantity: int
    price: int

    @property
    def total(self) -> int:
        """Cents of the whole line."""
        return self.quantity * self.price


class Part(NamedTuple):
    """How many of an order's line (counted from 0) an invoice covers."""

    position: int
    quantity: int


@dataclass(slots=True)
class Invoice:
    """An NF-e. Freight and discount of the order ride on its first invoice."""

    number: int
    series: int
    issued: date
    parts: tuple[Part, ...]
    total: int
    freight: int = 0
    discount: int = 0
    delivered: date | None = None

    @property
    def label(self) -> str:
        """Number and series as people write them."""
        return f"{self.number}/{self.series}"


@dataclass(frozen=True, slots=True)
class Title:
    """One instalment of an ERP order."""

    number: int
    of: int
    due: date
    amount: int
    invoice: Invoice
    paid_on: date | None
    line: str

    @property
    def instalment(self) -> str:
        """Which of how many, as `1/3`."""
        return f"{self.number}/{self.of}"

    @property
    def state(self) -> SellerState:
        """Paid or open, in the ERP's word."""
        return "pago" if self.paid_on else "aberto"


@dataclass(slots=True)
class WebOrder:
    """An order as the site knows it."""

    order_id: str
    sequence: str
    seller_order_id: str
    status: str
    changed_at: datetime
    total: int
    freight: int
    previous_status: str = ""
    payment: str = "promissory"


@dataclass(slots=True)
class ErpOrder:
    """An order as the ERP knows it; `positions` are the lines it took, in its warehouse."""

    number: str
    status: int
    placed_at: datetime
    positions: tuple[int, ...]
    total: int
    freight: int
    discount: int = 0
    customer_number: str = ""
    seller_code: str = ""
    seller_name: str = ""
    warehouse: str = "CD1"
    terms: tuple[int, ...] = ()
    invoices: tuple[Invoice, ...] = ()
    # What is not simply "paid when due": instalment -> day paid, None for still open.
    paid: dict[int, date | None] = field(default_factory=dict)
    # Due dates and invoices told outright instead of following from the terms.
    told_titles: tuple[tuple[date, int, int], ...] = ()
    damaged_danfe: bool = False
    tax_slips: tuple[tuple[Literal["gnre", "dare"], int], ...] = ()
    note: str = ""
    # When it last changed; as it was placed until somebody changes it.
    changed_at: datetime = NEVER

    def __post_init__(self) -> None:
        """Begin as changed when it was placed."""
        if self.changed_at == NEVER:
            self.changed_at = self.placed_at


@dataclass(slots=True)
class Order:
    """One purchase: known to the site, to the ERP (once or several times), or to both."""

    company: Company
    branch: int
    placed_at: datetime
    items: tuple[Item, ...]
    buyer: int = 0
    customer_number: str = ""
    discount: int = 0
    web: WebOrder | None = None
    erp: tuple[ErpOrder, ...] = ()

    @property
    def establishment(self) -> Establishment:
        """The branch that ordered."""
        return self.company.establishments[self.branch]

    @property
    def items_total(self) -> int:
        """Cents of all lines, before freight and discount."""
        return sum(item.quantity * item.price for item in self.items)

    @property
    def placed_on(self) -> date:
        """The day it was placed, in Brazil."""
        return self.placed_at.astimezone(BRASILIA).date()


@dataclass(frozen=True, slots=True)
class Seller:
    """Who sells, and so emits the invoices."""

    name: str
    tax_id: str
    state_inscription: str
    place: Place
    state_code: str


SELLER = Seller(
    name="FORNECEDORA VALE DAS ARARAS LTDA",
    tax_id=numbers.cnpj_with_digits("999001000001"),
    state_inscription="110042490114",
    place=Place(
        "Rua das Oficinas", "100", "Distrito Industrial", "São Paulo", "SP", "01001000", "3550308"
    ),
    state_code="35",
)


def access_key(invoice: Invoice) -> str:
    """Give an invoice's access key."""
    return numbers.access_key(
        state=SELLER.state_code,
        issued=invoice.issued,
        emitter=SELLER.tax_id,
        series=invoice.series,
        number=invoice.number,
    )


def titles_of(erp: ErpOrder, today: date) -> tuple[Title, ...]:
    """Work out an ERP order's instalments; without an invoice nothing is due yet."""
    if not erp.invoices:
        return ()
    told = erp.told_titles or _shares(erp)
    made = []
    for index, (due, amount, invoice_at) in enumerate(told, 1):
        paid = erp.paid.get(index, due if due < today else None)
        free = f"{int(erp.number) % 10**10:010d}{index:02d}{len(told):02d}{amount % 10**11:011d}"
        line = numbers.boleto_line(due=due, cents=amount, free=free)
        invoice = erp.invoices[invoice_at]
        made.append(Title(index, len(told), due, amount, invoice, paid, line))
    return tuple(made)


def _shares(erp: ErpOrder) -> tuple[tuple[date, int, int], ...]:
    last = len(erp.invoices) - 1
    share, rest = divmod(erp.total, len(erp.terms) or 1)
    return tuple(
        (
            erp.invoices[-1].issued + timedelta(days=days),
            share + (rest if index == 0 else 0),
            min(index, last),
        )
        for index, days in enumerate(erp.terms)
    )
