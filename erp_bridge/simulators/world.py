"""The simulated world: one seller, its buying companies, and seven years of their orders.

The same seed date gives the same world. Dates are relative to it, so that "due in three
days" stays true; only what happened "minutes ago" is relative to the moment of the start.

    world = small_world()          # the cast and a few dozen orders, for tests
    world = demo_world()           # about 20,000 generated orders of 60 companies besides
    world.cast["O1"].erp[0].total  # cents
    world.access_keys(O1), world.boleto_lines(O1)
"""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from erp_bridge.simulators.cast import (
    ALFA_BRANCH_TAX_ID,
    ALFA_CUSTOMER_ID,
    ALFA_TAX_ID,
    BETA_CUSTOMER_ID,
    BETA_TAX_ID,
    BOLETOS,
    CAST,
    DAMAGED,
    FOREIGN,
    GAMA_CUSTOMER_ID,
    GAMA_TAX_ID,
    HOSTILE,
    LETTERED,
    LONG,
    O1,
    O2,
    O3,
    O4,
    O5,
    O6,
    O6_DIFFERENCE,
    O7,
    O8,
    PAPERLESS,
    REVOKED,
    SPLIT,
    TEO_CODE,
    TEO_NAME,
    Facts,
    cast_companies,
)
from erp_bridge.simulators.cast_orders import cast_orders
from erp_bridge.simulators.generator import Generator, invented_companies
from erp_bridge.simulators.model import (
    BRASILIA,
    SELLER,
    Company,
    ErpOrder,
    Order,
    Title,
    WebOrder,
    access_key,
    titles_of,
)

__all__ = (
    "ALFA_BRANCH_TAX_ID",
    "ALFA_CUSTOMER_ID",
    "ALFA_TAX_ID",
    "BETA_CUSTOMER_ID",
    "BETA_TAX_ID",
    "BOLETOS",
    "CAST",
    "DAMAGED",
    "FOREIGN",
    "GAMA_CUSTOMER_ID",
    "GAMA_TAX_ID",
    "HOSTILE",
    "LETTERED",
    "LONG",
    "O1",
    "O2",
    "O3",
    "O4",
    "O5",
    "O6",
    "O6_DIFFERENCE",
    "O7",
    "O8",
    "PAPERLESS",
    "REVOKED",
    "SELLER",
    "SPLIT",
    "TEO_CODE",
    "TEO_NAME",
    "Facts",
    "World",
    "demo_world",
    "small_world",
)

# VTEX answers for two years; the ERP for ever.
WEB_DAYS = 730


class World:
    """Companies and orders with the indexes that the two servers answer from.

    Reading is free of locks: an order is put into the indexes whole, and changed
    fields are set one by one. `on_web_change` is told of each change of a web order.
    """

    def __init__(
        self, companies: tuple[Company, ...], *, seed_date: date, started_at: datetime
    ) -> None:
        self.seed_date = seed_date
        self.started_at = started_at
        self.companies = {company.key: company for company in companies}
        self.by_customer_id = {company.customer_id: company for company in companies}
        self.cast: dict[str, Order] = {}
        self.orders: list[Order] = []
        self.web_orders: dict[str, Order] = {}
        self.web_sequences: dict[str, Order] = {}
        self.erp_orders: dict[str, tuple[Order, ErpOrder]] = {}
        self.on_web_change: list[Callable[[Order], None]] = []
        self.version = 0
        self._lock = threading.RLock()
        # ERP orders of each customer id, oldest first, with their days beside them.
        self._days: dict[int, list[date]] = {}
        self._rows: dict[int, list[tuple[Order, ErpOrder]]] = {}
        self._invoices: dict[tuple[int, int], tuple[Order, ErpOrder]] = {}
        self._web_moments: list[datetime] = []
        self._web_rows: list[Order] = []

    # --- reading ---------------------------------------------------------------

    def web_order(self, order_id: str) -> Order | None:
        """Find a web order by orderId, or by `seq` and its sequence; not when too old."""
        if order_id.startswith("seq"):
            order = self.web_sequences.get(order_id[3:])
        else:
            order = self.web_orders.get(order_id)
        return order if order and order.placed_at >= self.oldest_web else None

    @property
    def oldest_web(self) -> datetime:
        """The moment before which VTEX answers nothing any more."""
        return datetime.now(UTC) - timedelta(days=WEB_DAYS)

    def web_between(self, first: datetime | None, last: datetime | None) -> list[Order]:
        """List web orders that VTEX still serves, oldest first, both ends included."""
        start = max(first, self.oldest_web) if first else self.oldest_web
        with self._lock:
            low = bisect_left(self._web_moments, start)
            high = bisect_right(self._web_moments, last) if last else len(self._web_moments)
            return self._web_rows[low:high]

    def erp_order(self, number: str) -> tuple[Order, ErpOrder] | None:
        """Find an ERP order by number, with or without its leading zeros."""
        return self.erp_orders.get(number.strip().lstrip("0"))

    def erp_between(
        self, customer_id: int, first: date, last: date
    ) -> list[tuple[Order, ErpOrder]]:
        """List a customer's ERP orders placed from one day to another, both included."""
        with self._lock:
            days = self._days.get(customer_id, [])
            return self._rows.get(customer_id, [])[
                bisect_left(days, first) : bisect_right(days, last)
            ]

    def erp_changed(
        self, since: datetime, after: tuple[datetime, str] | None
    ) -> list[tuple[Order, ErpOrder]]:
        """List all customers' ERP orders changed since a moment, or after a change and number.

        Oldest change first, then by number.
        """
        # A copy at one stroke: orders are added meanwhile.
        rows = [
            (erp.changed_at, erp.number, order, erp)
            for order, erp in list(self.erp_orders.values())
        ]
        found = [row for row in rows if (row[:2] > after if after else row[0] >= since)]
        return [(order, erp) for _, _, order, erp in sorted(found, key=lambda row: row[:2])]

    def erp_by_web_number(self, number: str) -> list[tuple[Order, ErpOrder]]:
        """List the ERP orders of a web order, found by orderId or sequence."""
        order = self.web_orders.get(number) or self.web_sequences.get(number)
        return [(order, erp) for erp in order.erp] if order else []

    def erp_by_customer_number(self, customer_id: int, number: str) -> list[tuple[Order, ErpOrder]]:
        """List a customer's ERP orders that carry its own number."""
        wanted = number.strip().casefold()
        return [
            row
            for row in self._rows.get(customer_id, [])
            if row[1].customer_number.casefold() == wanted
        ]

    def erp_by_invoice(self, number: str, series: str) -> list[tuple[Order, ErpOrder]]:
        """List the ERP orders of an invoice; without a series, of that number in any."""
        try:
            wanted = int(number)
            allowed = (int(series),) if series.strip() else (1, 2)
        except ValueError:
            return []
        found = (self._invoices.get((wanted, one)) for one in allowed)
        return [row for row in found if row]

    def titles(self, erp: ErpOrder) -> tuple[Title, ...]:
        """Give an ERP order's instalments as they stand on the seed date."""
        return titles_of(erp, self.seed_date)

    def access_keys(self, facts: Facts) -> dict[str, str]:
        """Give the access keys of an order of the cast, by `number/series`."""
        return {
            invoice.label: access_key(invoice)
            for erp in self.cast[facts.name].erp
            for invoice in erp.invoices
        }

    def boleto_lines(self, facts: Facts) -> tuple[str, ...]:
        """Give the boleto lines of an order of the cast, in the order of their instalments."""
        return tuple(title.line for erp in self.cast[facts.name].erp for title in self.titles(erp))

    def free_erp_number(self) -> str:
        """Give a number for an order that somebody adds by hand."""
        number = 8_800_001
        while str(number) in self.erp_orders:
            number += 1
        return f"{number:010d}"

    def free_web_number(self) -> str:
        """Give an orderId for an order that somebody adds by hand."""
        number = 1_180_000_000_001
        while f"{number}-01" in self.web_orders:
            number += 1
        return f"{number}-01"

    # --- changing --------------------------------------------------------------

    def add(self, order: Order) -> None:
        """Put a new order into the world."""
        with self._lock:
            self.orders.append(order)
            if order.web:
                self._index_web(order)
            for erp in order.erp:
                self._index_erp(order, erp)
            self.version += 1
        if order.web:
            self.tell_web_change(order)

    def attach_erp(self, order: Order, erp: ErpOrder) -> None:
        """Let an order enter the ERP."""
        with self._lock:
            order.erp = (*order.erp, erp)
            self._index_erp(order, erp)
            self.version += 1

    def attach_web(self, order: Order, web: WebOrder) -> None:
        """Let an order appear on the site."""
        with self._lock:
            order.web = web
            self._index_web(order)
            self.version += 1
        self.tell_web_change(order)

    def change_web(self, order: Order, *, status: str, now: datetime) -> None:
        """Move a web order to a status; the same status again still counts as a change."""
        web = order.web
        if web is None:
            raise ValueError("not a web order")
        with self._lock:
            web.previous_status, web.status = web.status, status
            web.changed_at = now
            self.version += 1
        self.tell_web_change(order)

    def index_invoices(self, order: Order, erp: ErpOrder) -> None:
        """Make invoices that an ERP order gained findable."""
        for invoice in erp.invoices:
            self._invoices[invoice.number, invoice.series] = (order, erp)
        self.version += 1

    def tell_web_change(self, order: Order) -> None:
        """Tell whoever listens that a web order changed."""
        for listener in self.on_web_change:
            listener(order)

    def fill(self, orders: list[Order]) -> None:
        """Put many orders in at once, sorting each index once."""
        self.orders.extend(orders)
        for order in sorted((o for o in orders if o.web), key=lambda o: o.placed_at):
            self._index_web(order)
        rows = [(order, erp) for order in orders for erp in order.erp]
        for order, erp in sorted(rows, key=lambda row: row[1].placed_at):
            self._index_erp(order, erp)

    def _index_web(self, order: Order) -> None:
        web = order.web
        if web is None:
            return
        self.web_orders[web.order_id] = order
        self.web_sequences[web.sequence] = order
        at = bisect_right(self._web_moments, order.placed_at)
        self._web_moments.insert(at, order.placed_at)
        self._web_rows.insert(at, order)

    def _index_erp(self, order: Order, erp: ErpOrder) -> None:
        customer_id = order.company.customer_id
        day = erp.placed_at.astimezone(BRASILIA).date()
        days = self._days.setdefault(customer_id, [])
        at = bisect_right(days, day)
        days.insert(at, day)
        self._rows.setdefault(customer_id, []).insert(at, (order, erp))
        self.erp_orders[erp.number.lstrip("0")] = (order, erp)
        for invoice in erp.invoices:
            self._invoices[invoice.number, invoice.series] = (order, erp)


def demo_world(
    *,
    seed_date: date | None = None,
    started_at: datetime | None = None,
    orders: int = 20_000,
    companies: int = 60,
) -> World:
    """Make the world of the demo: the cast, and many orders of invented companies."""
    started_at = started_at or datetime.now(UTC).replace(microsecond=0)
    seed_date = seed_date or started_at.astimezone(BRASILIA).date()
    everybody = cast_companies() + tuple(invented_companies(companies))
    world = World(everybody, seed_date=seed_date, started_at=started_at)
    world.cast = cast_orders(everybody, today=seed_date, started_at=started_at)
    generator = Generator(everybody, today=seed_date, started_at=started_at)
    world.fill([*world.cast.values(), *generator.orders(orders)])
    return world


def small_world(*, seed_date: date | None = None, started_at: datetime | None = None) -> World:
    """Make a world for tests: the cast and a few dozen orders of it and three more companies."""
    return demo_world(seed_date=seed_date, started_at=started_at, orders=60, companies=3)
