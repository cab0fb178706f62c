"""The address of a list of orders: what is typed, the filter, the sort, the page.

A list is its address: whoever has it sees what they may see of the same orders. All links
of a list are built here, so that none of them forgets a part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlencode

from django.http import QueryDict

from b2b_orders.companies.access import Viewer
from b2b_orders.orders.filtering import EVERYTHING, NAMES, OrderFilter, read_filter
from b2b_orders.portal.requests import typed_text
from erp_bridge.records import NumberKind

PAGE_SIZES: Final = (20, 50, 100)

# "Search only in": the names in an address, as people of the former app know them.
ONLY_IN: Final[dict[str, NumberKind]] = {
    "site": NumberKind.WEB,
    "erp": NumberKind.ERP,
    "meu": NumberKind.CUSTOMER,
    "nf": NumberKind.INVOICE,
    "chave": NumberKind.ACCESS_KEY,
    "boleto": NumberKind.BOLETO_LINE,
    "rastreio": NumberKind.TRACKING,
}
Pairs = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class AskedList:
    """What a list is asked for. `problems` are codes by field; `given` is as it was typed.

    `wanted` is without what the viewer may not narrow by; `is_cut` says that there was some.
    """

    base: str
    typed: str
    only_in: str
    wanted: OrderFilter
    problems: Mapping[str, str]
    given: Mapping[str, Sequence[str]]
    after: str
    page_size: int
    usual_size: int
    view: str
    is_cut: bool

    def pairs(self, *, wanted: OrderFilter | None = None, typed: str | None = None) -> Pairs:
        """Write the list without its page, with another filter or text."""
        text = (self.typed if typed is None else typed).strip()
        found = [("q", text)] if text else []
        if text and self.only_in:
            found.append(("em", self.only_in))
        if self.view:
            found.append(("visao", self.view))
        found += (self.wanted if wanted is None else wanted).pairs()
        if self.page_size != self.usual_size:
            found.append(("por_pagina", str(self.page_size)))
        return found

    def url(
        self, *, wanted: OrderFilter | None = None, typed: str | None = None, after: str = ""
    ) -> str:
        """Build the address of the list, or of a page of it."""
        more = [("after", after)] if after else []
        if self.typed.strip() and typed is None:
            # A number that opens its order at once is listed here.
            more.append(("listar", "1"))
        return address(self.base, [*self.pairs(wanted=wanted, typed=typed), *more])

    def sorted_by(self, wanted: OrderFilter) -> OrderFilter:
        """Give another filter this list's sort."""
        return replace(wanted, sort_by=self.wanted.sort_by, is_ascending=self.wanted.is_ascending)

    @property
    def is_narrowed(self) -> bool:
        """Say whether a filter leaves any order out."""
        return self.wanted.is_narrowed


def read_address(
    given: QueryDict, *, viewer: Viewer, base: str, usual_size: int = PAGE_SIZES[0]
) -> AskedList:
    """Read what a list is asked for from its address."""
    values = {name: given.getlist(name) for name in NAMES if name in given}
    read = read_filter(values)
    wanted = read.wanted.allowed_to(viewer)
    return AskedList(
        base=base,
        typed=typed_text(given),
        only_in=only_in(given),
        wanted=wanted,
        problems=read.problems,
        given=values,
        after=given.get("after", ""),
        page_size=page_size(given) or usual_size,
        usual_size=usual_size,
        view=given.get("visao", "")[:36],
        is_cut=wanted != read.wanted,
    )


def page_size(given: QueryDict) -> int:
    """Read how many rows a page is asked to have; zero where nothing is said of it."""
    size = given.get("por_pagina", "")
    return int(size) if size in {str(each) for each in PAGE_SIZES} else 0


def only_in(given: QueryDict) -> str:
    """Name the kind of number that a search is kept to; nothing for every kind."""
    name = given.get("em", "")
    return name if name in ONLY_IN else ""


def came_from(given: QueryDict) -> Pairs:
    """Read which list a page was opened from: what was typed, its filter and its sort."""
    return [("q", typed_text(given)), *filter_of(given).pairs()]


def filter_of(given: QueryDict) -> OrderFilter:
    """Read the filter and sort of the list that a page was opened from."""
    named = {name: given.getlist(name) for name in NAMES if name in given}
    return read_filter(named).wanted if named else EVERYTHING


def address(base: str, pairs: Iterable[tuple[str, str]]) -> str:
    """Build an address with names that may come more than once."""
    query = urlencode([(name, value) for name, value in pairs if value])
    return f"{base}?{query}" if query else base
