"""A salesperson's customers, and what is known of one before the next sale."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from b2b_orders.audit.contacts import Contact
from b2b_orders.documents.latest import LatestDocument
from b2b_orders.orders.duplicates import Duplicate
from b2b_orders.orders.open_orders import OpenOrders
from b2b_orders.orders.portfolio import PortfolioRow
from b2b_orders.orders.titles import Owed
from b2b_orders.portal import formats, words
from b2b_orders.portal.addresses import Addresses
from b2b_orders.portal.presenters.documents import document_name
from b2b_orders.portal.presenters.finance import SumWords, sum_words
from b2b_orders.portal.words import Text

_CONTACT: dict[str, Text] = {
    "acting_started": lazy("Support acted for the company"),
    "document_mailed": lazy("A document was mailed"),
    "number_added": lazy("An own number was added"),
    "question_asked": lazy("A question was asked"),
    "question_answered": lazy("A question was answered"),
}


@dataclass(frozen=True, slots=True)
class CustomerItem:
    """A customer in the list. `late` is "" when nothing is."""

    name: str
    ending: str
    url: str
    open: str
    late: str
    last: str
    last_iso: str


@dataclass(frozen=True, slots=True)
class OpenItem:
    """An open order on the sheet."""

    title: str
    own_number: str
    url: str
    status: words.Chip
    promised: str
    is_late: bool


@dataclass(frozen=True, slots=True)
class DocumentItem:
    """One of the last documents."""

    name: str
    order: str
    url: str
    since: str


@dataclass(frozen=True, slots=True)
class ContactItem:
    """One of the last contacts: what, by whom, when, why."""

    what: str
    who: str
    when: str
    iso: str
    why: str


@dataclass(frozen=True, slots=True)
class OwedItem:
    """What is overdue, and what falls due next ("" when nothing does)."""

    overdue: SumWords
    is_overdue: bool
    next_on: str
    next_amounts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DuplicateItem:
    """Two orders that may be one wish."""

    site: str
    site_url: str
    erp: str
    erp_url: str
    day: str


def customer_items(rows: Iterable[PortfolioRow]) -> tuple[CustomerItem, ...]:
    """Present customers, each leading to its sheet."""
    return tuple(
        CustomerItem(
            name=row.name,
            ending=f"…{row.tax_id_ending}" if row.tax_id_ending else "",
            url=reverse("portal:customer", kwargs={"company": row.public_id}),
            open=_counted(row.open, is_counted=row.is_counted),
            late=_counted(row.late, is_counted=row.is_counted) if row.late else "",
            last=formats.day(row.last_on),
            last_iso=formats.iso(row.last_on),
        )
        for row in rows
    )


def _counted(count: int, *, is_counted: bool) -> str:
    return formats.count(count) if is_counted else f"{formats.count(count)}+"


def open_items(orders: OpenOrders, *, to: Addresses) -> tuple[OpenItem, ...]:
    """Present the open orders of the sheet."""
    return tuple(
        OpenItem(
            title=row.title,
            own_number=row.own_number,
            url=to.to("order", public_id=row.public_id),
            status=words.fulfilment(row.fulfilment, row.status_raw),
            promised=formats.day(row.promised_on),
            is_late=row.is_late,
        )
        for row in orders.rows
    )


def open_words(orders: OpenOrders) -> str:
    """Say how many orders are open, and how many of them late."""
    open_ = ngettext("%(count)s open", "%(count)s open", orders.count) % {
        "count": _counted(orders.count, is_counted=orders.is_counted)
    }
    if not orders.late:
        return open_
    late = ngettext("%(count)s late", "%(count)s late", orders.late) % {
        "count": _counted(orders.late, is_counted=orders.is_counted)
    }
    return f"{open_} · {late}"


def owed_item(owed: Owed) -> OwedItem:
    """Present what is to pay."""
    return OwedItem(
        overdue=sum_words(owed.overdue),
        is_overdue=bool(owed.overdue.count),
        next_on=formats.day(owed.next_on),
        next_amounts=tuple(formats.money(each) for each in owed.next_amounts),
    )


def document_items(
    rows: Iterable[LatestDocument], *, to: Addresses, now: datetime
) -> tuple[DocumentItem, ...]:
    """Present the last documents, each leading to its place in its order."""
    return tuple(
        DocumentItem(
            name=document_name(row.document),
            order=row.order_title,
            url=to.to("order", public_id=row.order_public_id) + f"#doc-{row.document.public_id}",
            since=formats.moment(row.document.state_since, now),
        )
        for row in rows
    )


def contact_items(rows: Iterable[Contact], *, now: datetime) -> tuple[ContactItem, ...]:
    """Present the last contacts. Whose a contact is stays clear: the seller's, or the company's."""
    return tuple(
        ContactItem(
            what=words.text(_CONTACT, row.action),
            who=_("%(name)s (our team)") % {"name": row.person_name}
            if row.is_staff
            else _("%(name)s (customer)") % {"name": row.person_name},
            when=formats.moment(row.at, now),
            iso=formats.iso(row.at),
            why=row.reason if row.is_staff else "",
        )
        for row in rows
    )


def duplicate_items(rows: Iterable[Duplicate], *, to: Addresses) -> tuple[DuplicateItem, ...]:
    """Present pairs of orders that may have been placed twice."""
    return tuple(
        DuplicateItem(
            site=row.site_title,
            site_url=to.to("order", public_id=row.site_public_id),
            erp=row.erp_title,
            erp_url=to.to("order", public_id=row.erp_public_id),
            day=formats.day(row.placed_on),
        )
        for row in rows
    )
