"""Changing the world by hand while it is served, and remembering it across restarts.

ERP, `POST /_control/orders` (everything optional; what is not told is made up):

    {"company": "alfa", "branch": 0, "erp_number": "0008800001", "customer_number": "",
     "web_number": "1180000000001-01", "status": 0, "seller_code": "TEO01", "seller_name": "",
     "placed_at": "2026-11-21T10:00:00-03:00", "items": [{"product": 5, "quantity": 2}],
     "invoice": 5001, "invoiced_on": "2026-11-21", "paid": [1]}

`web_number` of an order of the site lets that order enter the ERP; an `erp_number` that
exists is changed instead: `status`, `invoice` and `paid` (instalments) apply, and to its
documents (each optional; days are the world's today unless told):

    {"erp_number": "0004500123", "paid": {"3": "2026-11-20"}, "unpaid": [2],
     "reissued": {"2": "2026-12-10"}, "published": ["nfe-1002-1.xml"],
     "withheld": ["danfe-1001-1.pdf"], "cancelled": {"1002/1": "2026-11-20"},
     "corrected": {"1001/1": "text"}, "forms": {"danfe-1001-1.pdf": "base64"}}

`paid` may be a list too, of what is paid today. Files go by the last part of their address;
`published` takes "*" for all that were pending. The forms are `model.Form`'s, null for none.

VTEX, likewise: `order_id`, `company`, `branch`, `customer_number`, `status`, `placed_at`,
`items`, `changed_at`. An `order_id` that exists gets the status, and the customer's number
and items that are told; its items stay once an ERP took it. Each call emits a feed event.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import cast, get_args

from erp_bridge.simulators.catalogue import PRODUCTS
from erp_bridge.simulators.documents import documents_of
from erp_bridge.simulators.faults import BadBody, Json
from erp_bridge.simulators.model import (
    BRASILIA,
    Company,
    ErpOrder,
    Form,
    Invoice,
    Item,
    Order,
    Papers,
    Part,
    WebOrder,
    titles_of,
)
from erp_bridge.simulators.world import World

FREIGHT = 2_500
_lock = threading.Lock()


def erp_order(world: World, told: Json) -> Json:
    """Add or change an ERP order as a control call tells, and answer with its numbers."""
    with _lock:
        number = str(told.get("erp_number") or world.free_erp_number())
        found = world.erp_order(number)
        if found:
            order, erp = found
        else:
            order, erp = _new_erp_order(world, told, number)
        _change_erp(world, order, erp, told)
    answer: Json = {
        "erp_number": erp.number,
        "web_number": order.web.order_id if order.web else "",
        "customer_id": order.company.customer_id,
        "status": erp.status,
        "placed_at": erp.placed_at.isoformat(),
        "total": f"{erp.total / 100:.2f}",
    }
    if told.get("paid"):  # with its days, so that a restart does not move them
        answer["paid"] = {n: str(erp.paid[int(n)]) for n in _days(world, told, "paid")}
    return answer


def _new_erp_order(world: World, told: Json, number: str) -> tuple[Order, ErpOrder]:
    web_number = str(told.get("web_number") or "")
    order = world.web_order(web_number) if web_number else None
    if web_number and order is None:
        raise BadBody("no order of the site has that web_number")
    is_new = order is None
    if order is None:
        order = _new_order(world, told)
    goods = order.items_total - order.discount
    freight = order.web.freight if order.web else FREIGHT
    erp = ErpOrder(
        number=number,
        status=_whole(told, "status", 0),
        placed_at=_moment(told),
        positions=tuple(range(len(order.items))),
        total=goods + freight,
        freight=freight,
        discount=order.discount,
        customer_number=str(told.get("customer_number") or order.customer_number),
        seller_code=str(told.get("seller_code") or ""),
        seller_name=str(told.get("seller_name") or ""),
        terms=(28,),
    )
    if is_new:
        order.erp = (erp,)
        world.add(order)
    else:
        world.attach_erp(order, erp)
    return order, erp


def _change_erp(world: World, order: Order, erp: ErpOrder, told: Json) -> None:
    erp.status = _whole(told, "status", erp.status)
    if told.get("invoice") is not None:
        parts = tuple(Part(position, order.items[position].quantity) for position in erp.positions)
        day = _moment(told, "invoiced_on").astimezone(BRASILIA).date()
        number = _whole(told, "invoice", 0)
        invoice = Invoice(number, 1, day, parts, erp.total, erp.freight, erp.discount)
        erp.invoices = (*erp.invoices, invoice)
        world.index_invoices(order, erp)
    _change_papers(world, order, erp, told)
    # Last, so that nobody is told of the change and reads the order as it was before.
    erp.changed_at = datetime.now(UTC)


def _change_papers(world: World, order: Order, erp: ErpOrder, told: Json) -> None:
    """Change an order's boletos, invoices and files; nothing is changed if any is unknown."""
    titles = {str(title.number) for title in titles_of(erp, world.seed_date)}
    invoices = {invoice.label: invoice for invoice in erp.invoices}
    paid = _days(world, told, "paid", titles)
    reissued = _days(world, told, "reissued", titles)
    unpaid = _names(told, "unpaid", titles)
    cancelled = _days(world, told, "cancelled", invoices)
    corrected = _table(told, "corrected", invoices)
    papers = replace(erp.papers) if erp.papers else Papers()
    papers.pending = _pending(world, order, erp, told)
    papers.forms = _forms(world, order, erp, told)
    if corrected:
        papers.corrections = papers.corrections | {n: str(text) for n, text in corrected.items()}
    for number, due in reissued.items():
        before = papers.reissued.get(int(number), ())
        papers.reissued = papers.reissued | {int(number): (*before, due)}
        erp.paid[int(number)] = None
    erp.papers = papers if papers != Papers() else None
    erp.paid |= {int(number): day for number, day in paid.items()}
    erp.paid |= {int(number): None for number in unpaid}
    for label, day in cancelled.items():
        invoices[label].cancelled = day


def _pending(world: World, order: Order, erp: ErpOrder, told: Json) -> set[str]:
    before = erp.papers.pending if erp.papers else set()
    withheld = _names(told, "withheld", _files(world, order, erp))
    if told.get("published") == "*":
        return set(withheld)
    return (before | set(withheld)) - set(_names(told, "published", before))


def _forms(world: World, order: Order, erp: ErpOrder, told: Json) -> dict[str, Form]:
    before = erp.papers.forms if erp.papers else {}
    pending = erp.papers.pending if erp.papers else set()
    forms = _table(told, "forms", _files(world, order, erp) | pending)
    if not set(forms.values()) <= {None, *get_args(Form)}:
        raise BadBody(f"forms must be null or one of {', '.join(get_args(Form))}")
    merged = before | forms
    return {name: cast("Form", form) for name, form in merged.items() if form}


def _files(world: World, order: Order, erp: ErpOrder) -> set[str]:
    return {document.name for document in documents_of(order, erp, world.seed_date)}


def _table(told: Json, name: str, known: Collection[str]) -> Json:
    """Read an object whose names are known ones."""
    table = told.get(name) or {}
    if not isinstance(table, dict) or not table.keys() <= set(known):
        raise BadBody(f"{name} must be an object of {', '.join(sorted(known)) or 'nothing'}")
    return cast("Json", table)


def _names(told: Json, name: str, known: Collection[str]) -> list[str]:
    """Read a list of known names."""
    names = told.get(name) or []
    if not isinstance(names, list) or not {str(one) for one in names} <= set(known):
        raise BadBody(f"{name} must be a list of {', '.join(sorted(known)) or 'nothing'}")
    return [str(one) for one in names]


def _days(
    world: World, told: Json, name: str, known: Collection[str] | None = None
) -> dict[str, date]:
    """Read days by name; a list of names means today."""
    value = told.get(name) or {}
    if isinstance(value, list):
        value = {str(one): None for one in value}
    every = value if isinstance(value, dict) else ()
    table = _table({name: value}, name, every if known is None else known)
    try:
        return {
            one: date.fromisoformat(str(day)) if day else world.seed_date
            for one, day in table.items()
        }
    except ValueError as error:
        raise BadBody(f"{name} must hold days, YYYY-MM-DD") from error


def web_order(world: World, told: Json) -> Json:
    """Add or change a web order as a control call tells; either way an event follows."""
    with _lock:
        order_id = str(told.get("order_id") or world.free_web_number())
        order = world.web_orders.get(order_id)
        if order:
            _edit_web(order, told)
            status = str(told.get("status") or (order.web.status if order.web else ""))
            now = _moment(told, "changed_at") if told.get("changed_at") else datetime.now(UTC)
            world.change_web(order, status=status, now=now)
        else:
            order = _new_web_order(world, told, order_id)
    web = cast("WebOrder", order.web)
    return {
        "order_id": web.order_id,
        "sequence": web.sequence,
        "status": web.status,
        "placed_at": order.placed_at.isoformat(),
        "tax_id": order.establishment.tax_id,
        "total": f"{web.total / 100:.2f}",
    }


def _edit_web(order: Order, told: Json) -> None:
    """Change what the buyer wrote and ordered."""
    if told.get("customer_number") is not None:
        order.customer_number = str(told["customer_number"])
    if told.get("items") and order.web:
        if order.erp:
            raise BadBody("the items of an order that an ERP took stay as they are")
        before = order.items_total
        order.items = _items(told)
        order.web.total += order.items_total - before


def _new_web_order(world: World, told: Json, order_id: str) -> Order:
    order = _new_order(world, told)
    order.web = WebOrder(
        order_id=order_id,
        sequence=str(900_000 + len(world.web_orders)),
        seller_order_id=f"00-{order_id}",
        status=str(told.get("status") or "payment-pending"),
        changed_at=_moment(told, "changed_at") if told.get("changed_at") else order.placed_at,
        total=order.items_total + FREIGHT,
        freight=FREIGHT,
    )
    world.add(order)
    return order


def _new_order(world: World, told: Json) -> Order:
    company = _company(world, told)
    branch = _whole(told, "branch", 0)
    if not 0 <= branch < len(company.establishments):
        raise BadBody("the company has no such branch")
    return Order(
        company,
        branch,
        _moment(told),
        _items(told),
        customer_number=str(told.get("customer_number") or ""),
    )


def _company(world: World, told: Json) -> Company:
    named = told.get("company") or told.get("customer_id") or "alfa"
    found = world.companies.get(str(named))
    if found is None and str(named).isdigit():
        found = world.by_customer_id.get(int(str(named)))
    if found is None:
        raise BadBody("no such company")
    return found


def _items(told: Json) -> tuple[Item, ...]:
    made = []
    for one in cast("list[Json]", told.get("items") or [{"product": 5, "quantity": 3}]):
        number = _whole(one, "product", 5)
        if not 0 <= number < len(PRODUCTS):
            raise BadBody("no such product")
        price = _whole(one, "price", PRODUCTS[number].price)
        made.append(Item(number, _whole(one, "quantity", 1), price))
    return tuple(made)


def _moment(told: Json, name: str = "placed_at") -> datetime:
    text = told.get(name)
    if not text:
        return datetime.now(UTC).replace(microsecond=0)
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise BadBody(f"{name} is not a moment") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=BRASILIA)


def _whole(told: Json, name: str, default: int) -> int:
    value = told.get(name)
    if value is None:
        return default
    try:
        return int(str(value))
    except ValueError as error:
        raise BadBody(f"{name} must be a whole number") from error


class State:
    """Keeps the seed of a world and what was changed by hand, in a directory."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._seed = directory / "seed.json"
        self._changes = directory / "orders.jsonl"
        self._guard = threading.Lock()

    def seed(
        self, seed_date: date | None, started_at: datetime | None = None
    ) -> tuple[date, datetime]:
        """Give the seed date and start of the world: the kept ones unless told otherwise."""
        kept = self._kept_seed()
        if kept and seed_date in {None, kept[0]} and started_at in {None, kept[1]}:
            return kept
        started_at = started_at or datetime.now(UTC).replace(microsecond=0)
        chosen = seed_date or started_at.astimezone(BRASILIA).date()
        self._seed.write_text(
            json.dumps({"seed_date": chosen.isoformat(), "started_at": started_at.isoformat()})
        )
        self._changes.unlink(missing_ok=True)
        return chosen, started_at

    def _kept_seed(self) -> tuple[date, datetime] | None:
        try:
            kept = json.loads(self._seed.read_text())
            return (
                date.fromisoformat(kept["seed_date"]),
                datetime.fromisoformat(kept["started_at"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def replay(self, world: World) -> int:
        """Make the kept changes again; returns how many. A line cut short ends it."""
        made = 0
        if not self._changes.exists():
            return made
        for line in self._changes.read_text().splitlines():
            try:
                kept = json.loads(line)
                _CALLS[kept["server"]](world, kept["told"])
            except (ValueError, KeyError, BadBody):
                break
            made += 1
        return made

    def keeper(self, server: str) -> Callable[[Json], None]:
        """Give what keeps a server's control calls."""

        def keep(told: Json) -> None:
            with self._guard, self._changes.open("a") as file:
                file.write(json.dumps({"server": server, "told": told}) + "\n")

        return keep


_CALLS: dict[str, Callable[[World, Json], Json]] = {"erp": erp_order, "vtex": web_order}
