"""What the one box offers: where to search only, what comes while typing, and near misses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from b2b_orders.orders.queries import OrderRow, SearchResult
from b2b_orders.portal import formats, words
from b2b_orders.portal.addresses import Addresses
from b2b_orders.portal.leading import leading_number
from b2b_orders.portal.list_address import ONLY_IN
from b2b_orders.portal.presenters.lists import anchor_of
from b2b_orders.portal.presenters.marks import Marked, mark, mark_slip
from b2b_orders.portal.presenters.recognition import recognition
from b2b_orders.portal.words import Text
from erp_bridge.records import NumberKind

_ONLY_WORDS: Final[dict[str, Text]] = {
    "": lazy("any number"),
    "site": lazy("web order, sequence, seller id"),
    "erp": lazy("ERP order"),
    "meu": lazy("your number"),
    "nf": lazy("invoice (NF)"),
    "chave": lazy("access key"),
    "boleto": lazy("boleto"),
    "rastreio": lazy("tracking"),
}
_NAMES: Final = {kind: name for name, kind in ONLY_IN.items()}


@dataclass(frozen=True, slots=True)
class OnlyItem:
    """A kind of number that the search can be kept to."""

    name: str
    text: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class KindItem:
    """A kind of number that what was typed is of, and the search kept to it."""

    text: str
    count: str
    url: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An order that may be meant: by which number, and enough to tell it from another."""

    url: str
    kind: str
    number: Marked
    title: str
    facts: str
    status: words.Chip


@dataclass(frozen=True, slots=True)
class Suggestions:
    """What comes while typing, `typed` being what it answers."""

    typed: str
    recognised: str
    items: tuple[Suggestion, ...] = ()
    all_text: str = ""
    all_url: str = ""
    status: str = ""


def only_items(chosen: str) -> tuple[OnlyItem, ...]:
    """List where a search can be kept to."""
    return tuple(OnlyItem(name, str(text), name == chosen) for name, text in _ONLY_WORDS.items())


def only_words(name: str) -> str:
    """Say in which kind of number was searched; nothing for all."""
    return str(_ONLY_WORDS[name]) if name else ""


def suggestions(
    result: SearchResult | None,
    rows: Iterable[OrderRow],
    *,
    typed: str,
    only: str,
    to: Addresses,
) -> Suggestions:
    """Word what comes while typing: the orders, and a way to all of them."""
    items = suggestion_items(rows, typed=typed, to=to)
    seen = recognition(typed)
    if result is None or not items:
        return Suggestions(typed, seen, status=seen)
    found = formats.count(result.count)
    every = _("List all %(count)s") if result.is_counted else _("List more than %(count)s")
    status = ngettext(
        "%(count)s suggestion; arrow keys to choose",
        "%(count)s suggestions; arrow keys to choose",
        len(items),
    ) % {"count": len(items)}
    return Suggestions(
        typed=typed,
        recognised=seen,
        items=items,
        all_text=every % {"count": found} if result.count > 1 else "",
        all_url=to.to("orders", {"q": typed, "em": only, "listar": "1"}),
        status=f"{seen}. {status}" if seen else status,
    )


def suggestion_items(
    rows: Iterable[OrderRow], *, typed: str, to: Addresses
) -> tuple[Suggestion, ...]:
    """Word orders in short: no amount, and no document."""
    return tuple(_suggestion(row, typed, to) for row in rows)


def near_items(rows: Iterable[OrderRow], *, typed: str, to: Addresses) -> tuple[Suggestion, ...]:
    """Word orders whose number is nearly what was typed, with what differs marked."""
    return tuple(
        replace(item, number=mark_slip(item.number.whole, typed))
        for item in suggestion_items(rows, typed=typed, to=to)
    )


def _suggestion(row: OrderRow, typed: str, to: Addresses) -> Suggestion:
    hit, title = row.matched, leading_number(row.title, row.numbers)
    anchor = anchor_of(hit.kind, hit.written) if hit else ""
    number = mark(hit.written, hit.typed, hit.how) if hit else Marked(title)
    branch = formats.tax_id_ending(row.establishment_tax_id) if row.establishment_tax_id else ""
    parts = (
        title if title != number.whole else "",
        formats.day(row.placed_on) if row.placed_on else "",
        _("branch %(branches)s") % {"branches": branch} if branch else "",
    )
    return Suggestion(
        url=to.to("order", {"q": typed}, public_id=row.public_id) + anchor,
        kind=words.text(words.NUMBER_KIND, hit.kind) if hit else _("Order"),
        number=number,
        title=title,
        facts=" · ".join(part for part in parts if part),
        status=words.fulfilment(row.fulfilment, row.status_raw),
    )


def kind_items(result: SearchResult, *, typed: str, to: Addresses) -> tuple[KindItem, ...]:
    """List as which kinds of number the page's orders were found, where there are several."""
    counts: dict[NumberKind, int] = {}
    for row in result.rows:
        if row.matched:
            counts[row.matched.kind] = counts.get(row.matched.kind, 0) + 1
    if len(counts) < 2:
        return ()
    return tuple(
        KindItem(
            text=words.text(words.NUMBER_KIND, kind),
            count="" if result.next else formats.count(count),
            url=to.to("orders", {"q": typed, "em": _NAMES[kind], "listar": "1"}),
        )
        for kind, count in sorted(counts.items(), key=lambda each: tuple(NumberKind).index(each[0]))
    )
