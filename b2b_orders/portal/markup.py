"""The rows of a list of orders as markup.

A page has up to a hundred of them with eight cells each, and a template takes thirty times as
long to fill them. So this is the one place where Python writes HTML: whatever comes from outside
passes `escape` where it is put in, and nothing is put in twice.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Final

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from b2b_orders.portal.presenters.columns import Cell
    from b2b_orders.portal.presenters.lists import OrderItem
    from b2b_orders.portal.presenters.marks import Marked


def order_rows(items: tuple[OrderItem, ...]) -> SafeString:
    """Write the rows of a list: a box to pick the order, its number, and its cells."""
    pick = escape(_("Select order"))
    tags = _tag(_("The order is late")), _tag(_("Disagreement"))
    return SafeString("\n".join(_row(each, pick, tags) for each in items))


def _row(item: OrderItem, pick: str, tags: tuple[str, str]) -> str:
    others = "".join(f"{escape(each.label)} {_marked(each.text)} · " for each in item.others)
    return (
        f'<tr><td class="c-pick"><label><input type="checkbox" name="pedido"'
        f' value="{escape(item.public_id)}" form="picked"><span class="visually-hidden">'
        f"{pick} {escape(item.title.whole)}</span></label></td>"
        f'<th scope="row" class="c-order"><a class="main" href="{escape(item.url)}">'
        f'{_marked(item.title)}</a> <span class="sub">{others}'
        f'<span class="nowrap">{escape(item.origin)}</span></span></th>'
        f"{''.join(_cell(each, tags) for each in item.cells)}</tr>"
    )


def _cell(cell: Cell, tags: tuple[str, str]) -> str:
    label = f' data-label="{escape(cell.label)}"' if cell.label else ""
    inner = _status(cell, tags) if cell.kind == "status" else _INNER[cell.kind](cell)
    return f'<td class="{cell.css}"{label}>{inner}</td>'


def _marked(text: Marked) -> str:
    if not text.hit:
        return escape(text.before + text.after)
    return f"{escape(text.before)}<mark>{escape(text.hit)}</mark>{escape(text.after)}"


def _icon(name: str, more: str = "") -> str:
    return f'<svg class="icon{more}" aria-hidden="true"><use href="#i-{name}"/></svg>'


def _tag(words: str) -> str:
    return f' <span class="tag warn">{_icon("alert")}{escape(words)}</span>'


def _status(cell: Cell, tags: tuple[str, str]) -> str:
    if cell.chip is None:
        return ""
    chip, (late, differs) = cell.chip, tags
    shown = f'<span class="chip {chip.tone}">{_icon(chip.icon)}{escape(chip.text)}</span>'
    return shown + late * cell.is_late + differs * cell.differs


def _time(cell: Cell) -> str:
    if not cell.text:
        return ""
    title = f' title="{escape(cell.title)}"' if cell.title else ""
    return f'<time datetime="{escape(cell.iso)}"{title}>{escape(cell.text)}</time>'


def _documents(cell: Cell) -> str:
    if not cell.text:
        return ""
    title = escape(cell.title)
    return (
        f'<span title="{title}">{_icon("file", " only-card")}<span aria-hidden="true">'
        f'{escape(cell.text)}</span><span class="visually-hidden">{title}</span></span>'
    )


def _titled(cell: Cell) -> str:
    if not cell.text:
        return ""
    return f'<span title="{escape(cell.title)}">{escape(cell.text)}</span>'


# The kinds of `Cell`; a status is written with words besides.
_INNER: Final[dict[str, Callable[[Cell], str]]] = {
    "text": lambda cell: escape(cell.text),
    "time": _time,
    "marked": lambda cell: _marked(cell.marked) if cell.marked else "",
    "documents": _documents,
    "titled": _titled,
}
