"""The numbers that people added to an order: who and when, and what is wrong with a new one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from b2b_orders.orders.added import LONGEST, MOST, AddedNumberRow
from b2b_orders.portal import formats, words
from b2b_orders.portal.addresses import Addresses
from b2b_orders.portal.words import Text

_STAFF_ROLE: dict[str, Text] = {
    "support": lazy("Support"),
    "telesales": lazy("Telesales"),
    "operations": lazy("Operations"),
}
_PROBLEMS: dict[str, Text] = {
    "empty": lazy("Type the number."),
    "too-long": lazy("A number has at most %(longest)s characters."),
    "too-short": lazy("This is too short to find an order by: at least two letters or digits."),
    "other-kind": lazy(
        "This is an access key or a boleto's line. Orders are found by them anyway."
    ),
    "known": lazy("The order is found by this number already."),
    "too-many": lazy("An order has at most %(most)s added numbers. Take one away first."),
}


@dataclass(frozen=True, slots=True)
class OwnNumberItem:
    """An added number: by whom, when, and where it is taken away ("" when it may not be)."""

    text: str
    author: str
    iso: str
    is_findable: bool
    remove: str


def own_number_items(
    rows: Iterable[AddedNumberRow], *, order: UUID, to: Addresses, now: datetime
) -> tuple[OwnNumberItem, ...]:
    """Present the numbers that people added to an order."""
    return tuple(
        OwnNumberItem(
            text=row.written,
            author=_author(row, now),
            iso=formats.iso(row.added_at),
            is_findable=row.is_findable,
            remove=to.to("remove-own-number", order=order, public_id=row.public_id)
            if row.can_remove
            else "",
        )
        for row in rows
    )


def _author(row: AddedNumberRow, now: datetime) -> str:
    name = row.person_name or _("somebody")
    if row.staff_role:
        name = f"{name} ({words.text(_STAFF_ROLE, row.staff_role)})"
    return _("added by %(name)s, %(time)s") % {
        "name": name,
        "time": formats.moment(row.added_at, now),
    }


def problem_words(code: str) -> str:
    """Say what is wrong with a number, and what to do."""
    return str(_PROBLEMS[code]) % {"longest": LONGEST, "most": MOST}


def elsewhere_words(titles: tuple[str, ...]) -> str:
    """Say of which other orders a number is the number already."""
    return ngettext(
        "This number already leads to order %(orders)s.",
        "This number already leads to orders %(orders)s.",
        len(titles),
    ) % {"orders": ", ".join(titles)}
