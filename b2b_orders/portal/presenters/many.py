"""What many numbers at once led to: a table, and the same as a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from b2b_orders.companies.access import Right, Viewer
from b2b_orders.orders.many import MOST, Alike, Answer, Hit
from b2b_orders.orders.queries import OrderRow
from b2b_orders.portal import formats, words
from b2b_orders.portal.addresses import Addresses
from b2b_orders.portal.leading import leading_number
from b2b_orders.portal.spreadsheets import Cell, Number
from erp_bridge.records import NumberKind

_PROBLEM: Final[dict[str, words.Text]] = {
    "no-numbers": lazy("Paste at least one number, or choose a file."),
    "file-empty": lazy("The file is empty."),
    "file-too-large": lazy("The file is too large: 2 MB at most."),
    "file-not-text": lazy("This is no spreadsheet. Choose a CSV or XLSX file."),
    "file-not-read": lazy("This file cannot be read. Save it again as CSV or XLSX."),
    "file-without-numbers": lazy("No column of this file has numbers of orders."),
    "no-documents": lazy("None of these numbers was found."),
}


@dataclass(frozen=True, slots=True)
class FoundItem:
    """An order that a number led to."""

    title: str
    url: str
    kind: str
    status: words.Chip
    invoices: str
    date: str
    total: str


@dataclass(frozen=True, slots=True)
class AnswerItem:
    """A number as it was given, and what it led to. `search` looks for it alone.

    `alike` says what that finds, where the whole number leads to nothing.
    """

    text: str
    note: str
    found: tuple[FoundItem, ...]
    more: str
    search: str
    alike: str


@dataclass(frozen=True, slots=True)
class ManyPage:
    """The answers to many numbers."""

    answers: tuple[AnswerItem, ...]
    count: str
    missing: str
    has_found: bool
    shows_totals: bool


def problem_words(code: str, given: int = 0) -> str:
    """Word why numbers cannot be looked for."""
    if code == "too-many-numbers":
        text = _("That is %(given)s numbers; at most %(most)s can be searched at once.")
        return text % {"given": formats.count(given), "most": formats.count(MOST)}
    return words.text(_PROBLEM, code)


def column_words(column: str, heading: str) -> str:
    """Say which column of a file was taken."""
    if heading:
        text = _("Taken from column %(column)s, “%(heading)s”.")
        return text % {"column": column, "heading": heading[:60]}
    return _("Taken from column %(column)s.") % {"column": column}


def many_page(
    answers: Sequence[Answer], *, viewer: Viewer, to: Addresses, alike: Mapping[str, Alike]
) -> ManyPage:
    """Present answers in the order in which the numbers were given."""
    found = sum(bool(each.hits) for each in answers)
    away = len(answers) - found
    return ManyPage(
        answers=tuple(_answer(each, to, alike.get(each.text)) for each in answers),
        count=ngettext(
            "%(found)s of %(count)s number found",
            "%(found)s of %(count)s numbers found",
            len(answers),
        )
        % {"found": formats.count(found), "count": formats.count(len(answers))},
        missing=ngettext("%(count)s not found", "%(count)s not found", away)
        % {"count": formats.count(away)}
        if away
        else "",
        has_found=bool(found),
        shows_totals=viewer.can(Right.PRICES),
    )


def _answer(answer: Answer, to: Addresses, alike: Alike | None) -> AnswerItem:
    return AnswerItem(
        text=answer.text,
        note=_times(answer.times),
        found=tuple(_found(each, to) for each in answer.hits),
        more=ngettext("and %(count)s more order", "and %(count)s more orders", answer.more)
        % {"count": formats.count(answer.more)}
        if answer.more
        else "",
        search=to.to("orders", {"q": answer.text, "listar": "1"}),
        alike=_alike(answer.text, alike) if alike else "",
    )


def _alike(text: str, alike: Alike) -> str:
    if alike.count is None:
        return _("Many orders contain %(number)s") % {"number": text}
    return ngettext(
        "%(count)s order contains %(number)s", "%(count)s orders contain %(number)s", alike.count
    ) % {"count": formats.count(alike.count), "number": text}


def _times(times: int) -> str:
    if times < 2:
        return ""
    return _("given %(count)s times") % {"count": formats.count(times)}


def _found(hit: Hit, to: Addresses) -> FoundItem:
    row = hit.row
    return FoundItem(
        title=leading_number(row.title, row.numbers),
        url=to.to("order", public_id=row.public_id),
        kind=words.text(words.NUMBER_KIND, hit.kind),
        status=words.fulfilment(row.fulfilment, row.status_raw),
        invoices=", ".join(_of_kind(row, NumberKind.INVOICE)),
        date=formats.day(row.placed_on),
        total=formats.money(row.total),
    )


def _of_kind(row: OrderRow, kind: NumberKind) -> list[str]:
    return list(dict.fromkeys(each.written for each in row.numbers if each.kind is kind))


# --- as a file -----------------------------------------------------------------------------


def file_heads(viewer: Viewer) -> list[str]:
    """Name the columns of the answers as a file."""
    return [
        _("Number given"),
        _("Times"),
        _("Found"),
        _("Found as"),
        _("Order"),
        _("Web order number"),
        _("ERP order number"),
        _("Your number"),
        _("Date"),
        _("Status"),
        _("Invoices (NF)"),
        *([_("Total"), _("Currency")] if viewer.can(Right.PRICES) else []),
    ]


def file_rows(answers: Iterable[Answer], *, viewer: Viewer) -> Iterator[list[Cell]]:
    """Write a line for each order found, and one for each number that was not."""
    for answer in answers:
        given: list[Cell] = [Number(answer.text), answer.times]
        if not answer.hits:
            yield [*given, _("not found")]
        for hit in answer.hits:
            yield [*given, _("found"), *_file_cells(hit, viewer)]


def _file_cells(hit: Hit, viewer: Viewer) -> list[Cell]:
    row = hit.row
    total = row.total
    amounts: list[Cell] = [total.amount if total else None, total.currency if total else ""]
    return [
        words.text(words.NUMBER_KIND, hit.kind),
        Number(leading_number(row.title, row.numbers)),
        _joined(row, NumberKind.WEB),
        _joined(row, NumberKind.ERP),
        _joined(row, NumberKind.CUSTOMER),
        row.placed_on,
        words.fulfilment(row.fulfilment, row.status_raw).text,
        _joined(row, NumberKind.INVOICE),
        *(amounts if viewer.can(Right.PRICES) else []),
    ]


def _joined(row: OrderRow, kind: NumberKind) -> Cell:
    numbers = _of_kind(row, kind)
    return Number(numbers[0]) if len(numbers) == 1 else ", ".join(numbers)
