"""Invents companies and their orders over seven years: the same seed date, the same orders."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from erp_bridge.simulators import catalogue, numbers
from erp_bridge.simulators.cast import TEO_CODE, TEO_NAME, make_company
from erp_bridge.simulators.model import (
    BRASILIA,
    Company,
    ErpOrder,
    Invoice,
    Item,
    Order,
    Part,
    WebOrder,
)

YEARS = 7
TERMS = ((28,), (28, 42), (28, 42, 56), (14,), (30, 60, 90), (21,))
SELLERS = (
    (TEO_CODE, TEO_NAME),
    ("LIA02", "Lia Fontoura"),
    ("RUI03", "Rui Sandoval"),
    ("NAIR04", "Nair Bastos"),
)


def invented_companies(count: int) -> Iterator[Company]:
    """Invent so many companies, always the same ones."""
    rng = random.Random("companies")  # noqa: S311 - invents data, guards nothing
    for index in range(count):
        coined = catalogue.COINED[index % len(catalogue.COINED)]
        trade = catalogue.TRADES[index % len(catalogue.TRADES)]
        # Roots from 97 up are not given out yet; one company in six is of the new kind.
        root = f"97{index * 7919 % 1_000_000:06d}"
        if index % 6 == 5:
            letters = "".join(rng.choice("BCDFGHJKLMNPRSTVWXYZ") for _ in range(4))
            root = f"9{letters}{index:03d}"
        branches = rng.choice((1, 1, 1, 2, 2, 3, 4))
        people = tuple(
            f"{rng.choice(catalogue.FIRST_NAMES)} {rng.choice(catalogue.LAST_NAMES)}"
            for _ in range(rng.choice((2, 3, 4)))
        )
        yield make_company(
            key=f"c{index + 1:02d}",
            name=f"{coined} {trade} Ltda",
            trade_name=f"{coined} {trade}",
            customer_id=201 + index,
            tax_ids=tuple(
                numbers.cnpj_with_digits(f"{root}{branch + 1:04d}") for branch in range(branches)
            ),
            buyers=people,
            places=tuple(index * 4 + branch for branch in range(branches)),
        )


def salesperson_of(company: Company) -> tuple[str, str]:
    """Give code and name of who sells to a company by telephone."""
    if company.key == "alfa":
        return SELLERS[0]
    return SELLERS[company.customer_id % len(SELLERS)]


class Generator:
    """Invents orders: who bought what and when first, then what became of it."""

    def __init__(
        self, companies: tuple[Company, ...], *, today: date, started_at: datetime
    ) -> None:
        self.companies = companies
        self.today = today
        self.started_at = started_at
        self.rng = random.Random(f"orders {self.today}")  # noqa: S311 - invents data, guards nothing
        self.rank = 0
        self.invoice_number = 310_000

    def orders(self, count: int) -> list[Order]:
        """Invent so many orders, oldest first."""
        rng = self.rng
        companies = self.companies
        # A few companies buy a lot, most buy a little; the cast is among the middle ones.
        weights = [6 / (2 + index % 17) for index in range(len(companies))]
        owners = rng.choices(companies, weights, k=count)
        fresh = max(4, count // 400)
        drafts = [
            self._purchase(company, is_fresh=index < fresh) for index, company in enumerate(owners)
        ]
        drafts.sort(key=lambda order: order.placed_at)
        for order in drafts:
            self._outcome(order)
        return drafts

    def _purchase(self, company: Company, *, is_fresh: bool) -> Order:
        rng = self.rng
        if is_fresh:
            placed_at = self.started_at - timedelta(seconds=rng.randrange(400, 60_000))
        else:
            # Business grew: more orders lately than long ago.
            age = 1 + int((YEARS * 365 - 2) * rng.random() ** 1.4)
            day = self.today - timedelta(days=age)
            day -= timedelta(days=max(0, day.weekday() - 4))
            minute = rng.randrange(8 * 60, 18 * 60)
            placed_at = datetime.combine(day, time(minute // 60, minute % 60), BRASILIA)
        years_ago = (self.today - placed_at.astimezone(BRASILIA).date()).days / 365
        dearer = 1 - 0.05 * years_ago
        lines = min(12, 1 + int(rng.expovariate(0.32)))
        last = len(catalogue.PRODUCTS) - 1
        items = tuple(
            Item(
                product,
                rng.choice((1, 2, 2, 4, 5, 6, 10, 12, 20, 50)),
                int(catalogue.PRODUCTS[product].price * dearer),
            )
            for product in sorted({rng.randint(1, last) for _ in range(lines)})
        )
        order = Order(
            company,
            rng.randrange(len(company.establishments)),
            placed_at,
            items,
            buyer=rng.randrange(len(company.buyers)),
        )
        if rng.random() < 0.1:
            order.discount = order.items_total * rng.choice((2, 3, 5)) // 100
        return order

    def _outcome(self, order: Order) -> None:
        rng = self.rng
        self.rank += 1
        age = (self.today - order.placed_on).days
        order.customer_number = self._customer_number(order)
        freight = rng.choice((0, 1500, 2990, 4500, 8900, 15000))
        total = order.items_total - order.discount + freight
        is_web = rng.random() < 0.65
        status, erp_status = self._progress(age)
        if not is_web:
            self._enter_erp(order, 0 if erp_status is None else erp_status, total, freight, age)
            self._telesales(order.erp[0], order.company)
            return
        order_id = f"13{self.rank * 7_654_321 % 10**11:011d}-01".replace("999999", "989898")
        order.web = WebOrder(
            order_id=order_id,
            sequence=str(600_000 + self.rank),
            seller_order_id=f"00-{order_id}",
            status=status,
            changed_at=self._changed_at(order, erp_status, age),
            total=total,
            freight=freight,
            payment="bankInvoice" if rng.random() < 0.15 else "promissory",
        )
        if erp_status is None:
            return
        if len(order.items) > 1 and rng.random() < 0.03:
            self._split(order, erp_status, freight, age)
        else:
            self._enter_erp(order, erp_status, total, freight, age)
            if rng.random() < 0.004:
                self._disagree(order)

    def _progress(self, age: int) -> tuple[str, int | None]:
        """Choose how far an order of that age is, on the site and in the ERP."""
        rng = self.rng
        if age >= 1 and rng.random() < 0.05:
            return "canceled", None if rng.random() < 0.2 else -1
        if age < 1:
            return rng.choice(_FRESH)
        if age <= 2:
            return rng.choice(_YOUNG)
        if age <= 4:
            return "handling", 3
        return "invoiced", 4 if age <= 9 or rng.random() < 0.01 else 5

    def _customer_number(self, order: Order) -> str:
        if self.rng.random() < 0.3:
            return ""
        number = 1000 + self.rank
        match order.company.customer_id % 4:
            case 0:
                return f"PO-{order.placed_on:%Y}/{number}"
            case 1:
                return f"OC {number}-{'ABC'[number % 3]}"
            case 2:
                return f"PC{number:07d}"
        return f"{order.placed_on:%y%m}.{number}"

    def _changed_at(self, order: Order, erp_status: int | None, age: int) -> datetime:
        later = {None: 0.02, -1: 1.0, 1: 0.2, 2: 0.5, 3: 1.5}.get(erp_status, 4.0)
        return min(order.placed_at + timedelta(days=min(later, age)), self.started_at)

    def _erp_number(self) -> str:
        return f"{5_000_000 + 3 * self.rank:010d}"

    def _enter_erp(self, order: Order, status: int, total: int, freight: int, age: int) -> None:
        erp = ErpOrder(
            number=self._erp_number(),
            status=status,
            placed_at=min(order.placed_at + timedelta(minutes=25), self.started_at)
            if order.web
            else order.placed_at,
            positions=tuple(range(len(order.items))),
            total=total,
            freight=freight,
            discount=order.discount,
            customer_number=order.customer_number,
            terms=self.rng.choice(TERMS),
            warehouse=self.rng.choice(("CD1", "CD1", "CD2")),
        )
        order.erp = (erp,)
        if status >= 4:
            self._invoice(order, erp, age)

    def _split(self, order: Order, status: int, freight: int, age: int) -> None:
        middle = len(order.items) // 2
        halves = (tuple(range(middle)), tuple(range(middle, len(order.items))))
        erps = []
        for index, positions in enumerate(halves):
            own_freight, own_discount = (freight, order.discount) if index == 1 else (0, 0)
            goods = sum(order.items[position].total for position in positions)
            erp = ErpOrder(
                number=f"{int(self._erp_number()) + index:010d}",
                status=status,
                placed_at=min(order.placed_at + timedelta(minutes=25), self.started_at),
                positions=positions,
                total=goods + own_freight - own_discount,
                freight=own_freight,
                discount=own_discount,
                customer_number=order.customer_number,
                terms=TERMS[0],
                warehouse=f"CD{index + 1}",
            )
            if status >= 4:
                self._invoice(order, erp, age)
            erps.append(erp)
        order.erp = tuple(erps)

    def _invoice(self, order: Order, erp: ErpOrder, age: int) -> None:
        """Invoice an ERP order whole, or in two parts some days apart."""
        parts = tuple(Part(position, order.items[position].quantity) for position in erp.positions)
        issued = order.placed_on + timedelta(days=min(self.rng.randint(2, 4), age))
        series = 2 if erp.warehouse == "CD2" else 1
        groups = [parts]
        if len(parts) > 1 and self.rng.random() < 0.12:
            groups = [parts[:1], parts[1:]]
        made, left = [], erp.total
        for index, group in enumerate(groups):
            self.invoice_number += 1
            goods = sum(order.items[part.position].price * part.quantity for part in group)
            first = index == 0
            amount = goods + (erp.freight - erp.discount if first else 0)
            invoice = Invoice(
                number=self.invoice_number,
                series=series,
                issued=min(issued + timedelta(days=index), self.today),
                parts=group,
                total=amount if index < len(groups) - 1 else left,
                freight=erp.freight if first else 0,
                discount=erp.discount if first else 0,
            )
            left -= amount
            if erp.status == 5:
                invoice.delivered = invoice.issued + timedelta(days=min(4, age))
            made.append(invoice)
        erp.invoices = tuple(made)
        if self.rng.random() < 0.03 and age < 400:
            erp.paid = {len(erp.terms): None}
        if order.establishment.place.state != "SP" and self.rng.random() < 0.25:
            erp.tax_slips = (("gnre", 0),)

    def _disagree(self, order: Order) -> None:
        off = self.rng.choice((-500, -120, 90, 350, 1990))
        erp = order.erp[0]
        erp.total += off
        erp.freight += off
        if erp.invoices:
            erp.invoices[0].total += off
            erp.invoices[0].freight += off

    def _telesales(self, erp: ErpOrder, company: Company) -> None:
        erp.seller_code, erp.seller_name = salesperson_of(company)
        erp.note = self.rng.choice(("", "Pedido por telefone", "Pedido por e-mail"))


_FRESH: tuple[tuple[str, int | None], ...] = (
    ("payment-pending", None),
    ("payment-approved", None),
    ("window-to-cancel", None),
    ("ready-for-handling", None),
    ("ready-for-handling", None),
    ("handling", 1),
)
_YOUNG: tuple[tuple[str, int | None], ...] = (
    ("ready-for-handling", None),
    ("handling", 0),
    ("handling", 1),
    ("handling", 2),
    ("handling", 2),
    ("handling", 3),
)
