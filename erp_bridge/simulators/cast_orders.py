"""The orders of the cast: O1 to O8 of the acceptance scenarios, and those with oddities."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from erp_bridge.simulators import catalogue
from erp_bridge.simulators.cast import (
    BOLETOS,
    DAMAGED,
    FOREIGN,
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
)
from erp_bridge.simulators.model import (
    BRASILIA,
    LETTERED_TAX_ID,
    Company,
    ErpOrder,
    Invoice,
    Item,
    Order,
    Papers,
    Part,
    WebOrder,
)


def _at(day: date, hour: int = 10, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), BRASILIA)


def cast_orders(
    companies: tuple[Company, ...], *, today: date, started_at: datetime
) -> dict[str, Order]:
    """Make the orders O1 to O8 and the further ones with a name."""
    alfa, beta, _ = companies[:3]
    return {
        "O1": _order_1(alfa, today),
        "O2": _order_2(alfa, today),
        "O3": _order_3(alfa, started_at),
        "O4": _order_4(alfa, today),
        "O5": _plain(O5, beta, today - timedelta(days=21), (41, 4, 12, 6), days_to_invoice=3),
        "O6": _order_6(alfa, today),
        "O7": _order_7(alfa),
        "O8": _order_8(alfa, today),
        "HOSTILE": _hostile(alfa, today),
        "DAMAGED": _damaged(alfa, today),
        "SPLIT": _split(alfa, today),
        "PAPERLESS": _paperless(alfa, today),
        "LONG": _long(alfa, today),
        "REVOKED": _revoked(alfa, today),
        "BOLETOS": _boletos(alfa, today),
        "FOREIGN": _foreign(alfa, today),
        "LETTERED": _lettered(beta, today),
    }


def _web(facts: Facts, *, status: str, changed_at: datetime, total: int, freight: int) -> WebOrder:
    return WebOrder(
        order_id=facts.web_number,
        sequence=facts.sequence,
        seller_order_id=facts.seller_number,
        status=status,
        changed_at=changed_at,
        total=total,
        freight=freight,
    )


def _whole(order: Order) -> tuple[Part, ...]:
    return tuple(Part(position, item.quantity) for position, item in enumerate(order.items))


def _every_position(order: Order) -> tuple[int, ...]:
    return tuple(range(len(order.items)))


def _picked(*chosen: int) -> tuple[Item, ...]:
    return tuple(
        Item(product, 2 + index * 3, catalogue.PRODUCTS[product].price)
        for index, product in enumerate(chosen)
    )


def _plain(
    facts: Facts,
    company: Company,
    day: date,
    products: tuple[int, ...],
    *,
    days_to_invoice: int = 2,
    status: int = 5,
    terms: tuple[int, ...] = (28, 42),
) -> Order:
    """Make an order known to both, with one invoice and an instalment for each term."""
    order = Order(company, 0, _at(day), _picked(*products), customer_number=facts.customer_number)
    freight = 9_500
    total = order.items_total + freight
    issued = day + timedelta(days=days_to_invoice)
    number, series = (int(part) for part in facts.invoices[0].split("/"))
    invoice = Invoice(number, series, issued, _whole(order), total, freight=freight)
    if status == 5:
        invoice.delivered = issued + timedelta(days=4)
    if facts.web_number:
        order.web = _web(
            facts, status="invoiced", changed_at=_at(issued, 15), total=total, freight=freight
        )
    order.erp = (
        ErpOrder(
            number=facts.erp_number,
            status=status,
            placed_at=_at(day, 11, 20),
            positions=_every_position(order),
            total=total,
            freight=freight,
            customer_number=facts.customer_number,
            terms=terms,
            invoices=(invoice,),
        ),
    )
    return order


def _order_1(alfa: Company, today: date) -> Order:
    prices = ((22, 10, 12000), (64, 20, 4500), (190, 4, 25000), (232, 12, 8000))
    more = ((253, 8, 9500), (295, 10, 10000))
    order = Order(
        alfa,
        0,
        _at(today - timedelta(days=40), 9, 43),
        tuple(Item(*line) for line in prices + more),
        customer_number=O1.customer_number,
    )
    freight = 18_000
    first_issued, second_issued = today - timedelta(days=36), today - timedelta(days=34)
    first = Invoice(
        1001,
        1,
        first_issued,
        (Part(0, 10), Part(1, 20), Part(2, 2)),
        278_000,
        freight=freight,
        delivered=today - timedelta(days=30),
    )
    second = Invoice(
        1002, 1, second_issued, (Part(2, 2), Part(3, 12), Part(4, 8), Part(5, 10)), 322_000
    )
    paid_on, overdue_on = today - timedelta(days=20), today - timedelta(days=5)
    order.web = _web(
        O1, status="invoiced", changed_at=_at(second_issued, 16, 5), total=600_000, freight=freight
    )
    order.erp = (
        ErpOrder(
            number=O1.erp_number,
            status=4,
            placed_at=_at(today - timedelta(days=40), 10, 15),
            positions=_every_position(order),
            total=600_000,
            freight=freight,
            customer_number=O1.customer_number,
            terms=(16, 31, 37),
            invoices=(first, second),
            paid={1: paid_on, 2: None, 3: None},
            told_titles=(
                (paid_on, 139_000, 0),
                (overdue_on, 139_000, 0),
                (today + timedelta(days=3), 322_000, 1),
            ),
            tax_slips=(("gnre", 0), ("dare", 1)),
            papers=Papers(
                # The second invoice's XML is not there yet: it comes when it is told to.
                pending={"nfe-1002-1.xml"},
                corrections={"1001/1": "Onde se lê Transportes Vereda, leia-se Vereda Cargas."},
                carried={"1001/1"},
                serials={"1001/1"},
            ),
        ),
    )
    return order


def _order_2(alfa: Company, today: date) -> Order:
    day = today - timedelta(days=3)
    order = Order(alfa, 1, _at(day, 14, 30), _picked(106, 127, 148), customer_number="OC 77-A")
    order.erp = (
        ErpOrder(
            number=O2.erp_number,
            status=2,
            placed_at=order.placed_at,
            positions=_every_position(order),
            total=order.items_total + 4_200,
            freight=4_200,
            customer_number=O2.customer_number,
            seller_code=TEO_CODE,
            seller_name=TEO_NAME,
            terms=(28,),
            note="Pedido por telefone",
        ),
    )
    return order


def _order_3(alfa: Company, started_at: datetime) -> Order:
    placed_at = started_at - timedelta(minutes=2)
    order = Order(alfa, 0, placed_at, _picked(43, 85))
    total = order.items_total + 3_990
    order.web = _web(
        O3, status="ready-for-handling", changed_at=placed_at, total=total, freight=3_990
    )
    return order


def _order_4(alfa: Company, today: date) -> Order:
    day = today - timedelta(days=9)
    order = Order(alfa, 0, _at(day, 16, 2), _picked(211, 337))
    total = order.items_total + 5_500
    cancelled_at = _at(day + timedelta(days=1), 9, 30)
    order.web = _web(O4, status="canceled", changed_at=cancelled_at, total=total, freight=5_500)
    order.erp = (
        ErpOrder(
            number=O4.erp_number,
            status=-1,
            placed_at=_at(day, 17, 0),
            positions=_every_position(order),
            total=total,
            freight=5_500,
            terms=(28,),
        ),
    )
    return order


def _order_6(alfa: Company, today: date) -> Order:
    order = _plain(O6, alfa, today - timedelta(days=12), (400, 421, 442))
    erp = order.erp[0]
    erp.total -= O6_DIFFERENCE
    erp.freight -= O6_DIFFERENCE
    erp.invoices[0].total -= O6_DIFFERENCE
    erp.invoices[0].freight -= O6_DIFFERENCE
    return order


def _order_7(alfa: Company) -> Order:
    day = date(2019, 12, 10)
    order = Order(alfa, 0, _at(day, 10, 10), _picked(505, 526), customer_number=O7.customer_number)
    issued = day + timedelta(days=2)
    total = order.items_total + 6_000
    invoice = Invoice(771, 1, issued, _whole(order), total, freight=6_000)
    invoice.delivered = issued + timedelta(days=5)
    order.erp = (
        ErpOrder(
            number=O7.erp_number,
            status=5,
            placed_at=order.placed_at,
            positions=_every_position(order),
            total=total,
            freight=6_000,
            customer_number=O7.customer_number,
            terms=(28,),
            invoices=(invoice,),
        ),
    )
    return order


def _order_8(alfa: Company, today: date) -> Order:
    day = today - timedelta(days=15)
    items = tuple(
        Item(1 + index % (len(catalogue.PRODUCTS) - 1), 1 + index % 7, 500 + index * 13 % 9_000)
        for index in range(1_200)
    )
    order = Order(alfa, 0, _at(day, 8, 5), items, customer_number=O8.customer_number)
    freight = 125_000
    total = order.items_total + freight
    # An NF-e holds at most 990 items.
    parts = _whole(order)
    first_total = sum(items[part.position].total for part in parts[:600]) + freight
    issued = day + timedelta(days=3)
    invoices = (
        Invoice(1801, 1, issued, parts[:600], first_total, freight=freight),
        Invoice(1802, 1, issued, parts[600:], total - first_total),
    )
    order.web = _web(
        O8, status="invoiced", changed_at=_at(issued, 18, 40), total=total, freight=freight
    )
    order.erp = (
        ErpOrder(
            number=O8.erp_number,
            status=4,
            placed_at=_at(day, 9, 0),
            positions=_every_position(order),
            total=total,
            freight=freight,
            customer_number=O8.customer_number,
            terms=(28, 56),
            invoices=invoices,
        ),
    )
    return order


def _hostile(alfa: Company, today: date) -> Order:
    return _plain(HOSTILE, alfa, today - timedelta(days=18), (catalogue.HOSTILE, 568))


def _damaged(alfa: Company, today: date) -> Order:
    order = _plain(DAMAGED, alfa, today - timedelta(days=14), (610, 631))
    order.erp[0].damaged_danfe = True
    return order


def _split(alfa: Company, today: date) -> Order:
    """Make an order that the ERP ships, and so keeps, as one order for each warehouse."""
    day = today - timedelta(days=16)
    order = Order(alfa, 0, _at(day, 13, 25), _picked(652, 673, 694, 715))
    freight = 8_000
    parts = _whole(order)
    erps = []
    numbered = ((SPLIT.erp_number, 1951, 1), (SPLIT.further_erp_numbers[0], 1952, 2))
    for index, (number, invoice_number, series) in enumerate(numbered):
        mine = parts[:2] if index == 0 else parts[2:]
        own_freight = freight if index == 0 else 0
        total = sum(order.items[part.position].total for part in mine) + own_freight
        issued = day + timedelta(days=2 + index)
        erps.append(
            ErpOrder(
                number=number,
                status=5 - index,
                placed_at=_at(day, 14, 0),
                positions=tuple(part.position for part in mine),
                total=total,
                freight=own_freight,
                warehouse=f"CD{index + 1}",
                terms=(28,),
                invoices=(
                    Invoice(invoice_number, series, issued, mine, total, freight=own_freight),
                ),
            )
        )
    order.erp = tuple(erps)
    order.web = _web(
        SPLIT,
        status="invoiced",
        changed_at=_at(day + timedelta(days=3), 17),
        total=order.items_total + freight,
        freight=freight,
    )
    return order


def _paperless(alfa: Company, today: date) -> Order:
    """Make an order whose ERP gives the XML and never a DANFE."""
    order = _plain(PAPERLESS, alfa, today - timedelta(days=8), (32, 74), status=4)
    order.erp[0].papers = Papers(pending={"danfe-1971-1.pdf"}, carried={"1971/1"})
    return order


def _long(alfa: Company, today: date) -> Order:
    """Make an order of 126 items, with no DANFE either: it takes long to draw."""
    products = tuple(range(20, 20 + 126 * 9, 9))
    order = _plain(LONG, alfa, today - timedelta(days=10), products, status=4)
    order.erp[0].papers = Papers(pending={"danfe-1972-1.pdf"})
    return order


def _revoked(alfa: Company, today: date) -> Order:
    """Make an order whose invoice was cancelled the day after."""
    order = _plain(REVOKED, alfa, today - timedelta(days=9), (95, 116), status=3)
    invoice = order.erp[0].invoices[0]
    invoice.cancelled = invoice.issued + timedelta(days=1)
    return order


def _boletos(alfa: Company, today: date) -> Order:
    """Make an order with a boleto of each kind that banks and ERPs come up with."""
    terms = (14, 28, 42, 56, 70)
    order = _plain(BOLETOS, alfa, today - timedelta(days=17), (137, 158), status=4, terms=terms)
    order.erp[0].papers = Papers(
        reissued={2: (today + timedelta(days=20),)},
        forms={
            "danfe-1974-1.pdf": "base64",
            "boleto-3-5.pdf": "none",
            "boleto-4-5.pdf": "locked",
            "boleto-5-5.pdf": "script",
            "series-1974-1.csv": "inline",
        },
        serials={"1974/1"},
        has_transfer=True,
    )
    return order


def _foreign(alfa: Company, today: date) -> Order:
    """Make an order whose ERP hands out the XML of somebody else's invoice."""
    order = _plain(FOREIGN, alfa, today - timedelta(days=11), (179, 200), status=4)
    order.erp[0].papers = Papers(forms={"nfe-1975-1.xml": "foreign"})
    return order


def _lettered(beta: Company, today: date) -> Order:
    """Make an order that a branch of the seller with letters in its CNPJ invoices."""
    order = _plain(LETTERED, beta, today - timedelta(days=7), (221, 242), status=4)
    order.erp[0].invoices[0].emitter = LETTERED_TAX_ID
    return order
