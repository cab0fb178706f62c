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

SellerState = Literal["aberto", "pago", "cancelado", "substituido"]

# How a file comes: as a page of HTML, base64 text, inside the list, with a script in it, behind
# a password, cut short, another company's, or not at all.
Form = Literal["html", "base64", "inline", "script", "locked", "cut", "foreign", "none"]


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
    cancelled: date | None = None
    # The CNPJ that emits it; the seller's first one unless told.
    emitter: str = ""

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
    bank_number: str
    # How often it was issued anew before, and the bank's number of the one in its place.
    issue: int = 0
    replaced_by: str = ""

    @property
    def instalment(self) -> str:
        """Which of how many, as `1/3`."""
        return f"{self.number}/{self.of}"

    @property
    def state(self) -> SellerState:
        """What became of it, in the ERP's word."""
        if self.replaced_by:
            return "substituido"
        if self.paid_on:
            return "pago"
        return "cancelado" if self.invoice.cancelled else "aberto"

    @property
    def settled_on(self) -> date | None:
        """The day on which it was paid or cancelled."""
        return self.paid_on or (self.invoice.cancelled if self.state == "cancelado" else None)


@dataclass(slots=True)
class Papers:
    """What is special about an ERP order's documents; most orders have nothing of it.

    Files go by their names, invoices by their labels, boletos by their instalments.
    """

    # Files that are not there yet.
    pending: set[str] = field(default_factory=set)
    forms: dict[str, Form] = field(default_factory=dict)
    # Boletos issued anew: the due date of each further issue.
    reissued: dict[int, tuple[date, ...]] = field(default_factory=dict)
    # Letters of correction, and invoices that a carrier has a CT-e of.
    corrections: dict[str, str] = field(default_factory=dict)
    carried: set[str] = field(default_factory=set)
    # Invoices whose pieces all carry serial numbers.
    serials: set[str] = field(default_factory=set)
    has_transfer: bool = False


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
    papers: Papers | None = None
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


# A branch of the seller that was registered after letters came into use (July 2026).
LETTERED_TAX_ID = numbers.cnpj_with_digits("999001000A02")


def access_key(invoice: Invoice) -> str:
    """Give an invoice's access key."""
    return numbers.access_key(
        state=SELLER.state_code,
        issued=invoice.issued,
        emitter=invoice.emitter or SELLER.tax_id,
        series=invoice.series,
        number=invoice.number,
    )


def titles_of(erp: ErpOrder, today: date) -> tuple[Title, ...]:
    """Work out an ERP order's instalments; without an invoice nothing is due yet."""
    reissued = erp.papers.reissued if erp.papers else {}
    return tuple(
        _title(erp, index, len(reissued.get(index, ())), today)
        for index in range(1, len(_told(erp)) + 1)
    )


def announced_titles(erp: ErpOrder, today: date) -> tuple[Title, ...]:
    """Give the instalments as the invoice announced them, before any boleto was issued anew."""
    return tuple(_title(erp, index, 0, today) for index in range(1, len(_told(erp)) + 1))


def replaced_titles(erp: ErpOrder, today: date) -> tuple[Title, ...]:
    """Give the former issues of boletos that were issued anew."""
    reissued = erp.papers.reissued if erp.papers else {}
    return tuple(
        _title(erp, index, issue, today, is_replaced=True)
        for index, later in sorted(reissued.items())
        for issue in range(len(later))
    )


def _title(
    erp: ErpOrder, index: int, issue: int, today: date, *, is_replaced: bool = False
) -> Title:
    told = _told(erp)
    due, amount, invoice_at = told[index - 1]
    if issue and erp.papers:
        due = erp.papers.reissued[index][issue - 1]
    invoice = erp.invoices[invoice_at]
    unless_told = None if invoice.cancelled else due
    paid = erp.paid.get(index, unless_told if due < today else None)
    order = int(erp.number) % 10**10
    free = f"{order:010d}{index + 40 * issue:02d}{len(told):02d}{amount % 10**11:011d}"
    return Title(
        number=index,
        of=len(told),
        due=due,
        amount=amount,
        invoice=invoice,
        paid_on=None if is_replaced else paid,
        line=numbers.boleto_line(due=due, cents=amount, free=free),
        bank_number=_bank_number(order, index, issue),
        issue=issue,
        replaced_by=_bank_number(order, index, issue + 1) if is_replaced else "",
    )


def _bank_number(order: int, index: int, issue: int) -> str:
    return f"{order:010d}{index:02d}{issue}"


def _told(erp: ErpOrder) -> tuple[tuple[date, int, int], ...]:
    if not erp.invoices:
        return ()
    return erp.told_titles or _shares(erp)


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
