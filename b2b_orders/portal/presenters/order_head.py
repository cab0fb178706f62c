"""What an order's head says in one line: where it stands, what comes next, and by when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from b2b_orders.orders.promises import Promise
from b2b_orders.orders.queries import InvoiceRow, OrderDetail
from b2b_orders.portal import formats, words
from b2b_orders.portal.addresses import Addresses
from b2b_orders.portal.list_address import Pairs, address
from b2b_orders.portal.words import Text

# The parts of an order in the order in which they stand: code, name of the route, word, key.
TABS: tuple[tuple[str, str, Text, str], ...] = (
    ("summary", "order", lazy("Summary"), "1"),
    ("items", "order-items", lazy("Items"), "2"),
    ("documents", "order-documents", lazy("Documents"), "3"),
    ("finance", "order-finance", lazy("Finance"), "4"),
    ("history", "order-history", lazy("Timeline"), "5"),
)
_ROUTES = {code: route for code, route, *_rest in TABS}
# What somebody waits for where no step of the bar says it.
_NEXT: dict[str, Text] = {
    "awaiting_approval": lazy("your approval"),
    "awaiting_payment": lazy("your payment"),
    "awaiting_erp": lazy("the order enters the ERP"),
    "partly_invoiced": lazy("the rest is invoiced"),
    "cancel_requested": lazy("the cancellation is decided"),
}
# What the invoice's own file says, see `documents.learning`.
_CANCELLED = "nfe-cancelled"
# Where an order may stand once it was invoiced.
_INVOICED = frozenset({"invoiced", "partly_invoiced", "shipped"})
# Nothing comes after these, and nothing is late.
_ENDED = frozenset({"delivered", "cancelled", "replaced"})


@dataclass(frozen=True, slots=True)
class Tab:
    """A part of the order with an address of its own."""

    code: str
    text: str
    url: str
    count: str
    key: str
    is_current: bool


def tab_url(code: str, *, order: UUID, to: Addresses, came_from: Pairs) -> str:
    """Build the address of a part of an order; it keeps the list that one came from."""
    return address(to.to(_ROUTES[code], public_id=order), came_from)


def tabs(
    current: str, counts: dict[str, str | None], *, order: UUID, to: Addresses, came_from: Pairs
) -> tuple[Tab, ...]:
    """List the parts of an order; one whose count is None is not the viewer's to see."""
    return tuple(
        Tab(
            code=code,
            text=str(word),
            url=tab_url(code, order=order, to=to, came_from=came_from),
            count=counts.get(code) or "",
            key=key,
            is_current=code == current,
        )
        for code, _route, word, key in TABS
        if counts.get(code, "") is not None
    )


def is_late(detail: OrderDetail, today: date) -> bool:
    """Say whether the promised day has passed and the goods are not known to be there."""
    promised = detail.row.promised_on
    return promised is not None and promised < today and detail.row.fulfilment not in _ENDED


def headline(detail: OrderDetail, promises: Sequence[Promise], today: date) -> str:
    """Say since when the order stands where it does, and what comes next."""
    row = detail.row
    parts = [since] if (since := _since(detail)) else []
    if row.fulfilment in _ENDED:
        return " · ".join(parts)
    # After an invoice that was cancelled nobody has said what comes next.
    if not _undone(detail) and (following := _following(row.fulfilment)):
        parts.append(_("Next step: %(step)s") % {"step": following})
    if row.promised_on is not None:
        day = formats.day(row.promised_on)
        said = _("late: delivery was expected on %(day)s") if is_late(detail, today) else ""
        parts.append((said or _("delivery expected on %(day)s")) % {"day": day} + _was(promises))
    return " · ".join(parts)


def _since(detail: OrderDetail) -> str:
    """Say since when, where an invoice tells it."""
    if detail.row.fulfilment == "delivered":
        days = [
            formats.local(each.delivered_at).date() for each in _sold(detail) if each.delivered_at
        ]
        return _("Delivered on %(date)s") % {"date": formats.day(max(days))} if days else ""
    if undone := _undone(detail):
        return f"{words.EVENT[_CANCELLED]}: {', '.join(undone)}"
    if detail.row.fulfilment in _INVOICED:
        issued = [each.issued_on for each in _standing(detail) if each.issued_on]
        return _("Invoiced on %(date)s") % {"date": formats.day(max(issued))} if issued else ""
    return ""


def _sold(detail: OrderDetail) -> list[InvoiceRow]:
    return [each for each in detail.invoices if not each.is_return]


def _standing(detail: OrderDetail) -> list[InvoiceRow]:
    """List the invoices that the seller has not cancelled."""
    gone = {event.text for event in detail.events if event.code == _CANCELLED}
    return [each for each in _sold(detail) if f"{each.number}/{each.series}" not in gone]


def _undone(detail: OrderDetail) -> list[str]:
    """Name the invoices of an order whose invoices were all cancelled."""
    if detail.row.fulfilment not in _INVOICED or _standing(detail):
        return []
    return [f"{each.number}/{each.series}" for each in _sold(detail)]


def _following(fulfilment: str) -> str:
    if fulfilment in _NEXT:
        return str(_NEXT[fulfilment])
    if fulfilment not in words.STEPS:
        return ""
    at = words.STEPS.index(fulfilment) + 1
    return str(words.FULFILMENT[words.STEPS[at]].text) if at < len(words.STEPS) else ""


def _was(promises: Sequence[Promise]) -> str:
    """Say which day was promised before, if another one was."""
    days = [each.promised_on for each in promises if each.promised_on is not None]
    if len(days) < 2:
        return ""
    return " " + _("(was %(day)s)") % {"day": formats.day(days[-2])}


def promise_words(promises: Sequence[Promise]) -> str:
    """Tell all days that were promised, where it was more than one."""
    if len(promises) < 2:
        return ""
    told = []
    for at, each in enumerate(promises):
        if each.promised_on is None:
            told.append(_("then no day"))
            continue
        if at == 0:
            text = _("promised for %(day)s")
        elif at == len(promises) - 1:
            text = _("now %(day)s")
        else:
            text = _("then %(day)s")
        told.append(text % {"day": formats.day(each.promised_on)})
    return ", ".join(told)
