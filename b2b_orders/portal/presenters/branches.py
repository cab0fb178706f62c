"""The branch board, worded: each number leads to what it counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from b2b_orders.companies.access import Right, Viewer
from b2b_orders.orders.branches import Board, BoardSort, BranchLine
from b2b_orders.orders.filtering import DUE_SOON, Only, OrderFilter
from b2b_orders.orders.titles import Group
from b2b_orders.portal import formats
from b2b_orders.portal.addresses import Addresses

PAGE = 100


@dataclass(frozen=True, slots=True)
class Count:
    """How many of something a branch has, and where they are; nothing leads nowhere."""

    label: str
    text: str
    url: str
    is_bad: bool
    spoken: str


@dataclass(frozen=True, slots=True)
class Column:
    """A heading of the board, which sorts by it."""

    text: str
    url: str
    sort: str
    is_number: bool


@dataclass(frozen=True, slots=True)
class BranchItem:
    """A branch of the board."""

    ending: str
    name: str
    tax_id: str
    url: str
    counts: tuple[Count, ...]
    newest: str
    newest_url: str
    newest_on: str
    newest_iso: str


@dataclass(frozen=True, slots=True)
class BoardPage:
    """All that the board shows."""

    caption: str
    note: str
    columns: tuple[Column, ...]
    items: tuple[BranchItem, ...]
    newest_label: str
    before: str
    following: str


def board_page(
    board: Board, *, viewer: Viewer, sort: BoardSort, page: int, to: Addresses, today: date
) -> BoardPage:
    """Present a page of the board."""
    pages = -(-board.count // PAGE)
    present = _Presenting(viewer.can(Right.FINANCE), to, today)
    note = "" if board.is_counted else _("There are more open orders or open items than counted.")
    return BoardPage(
        caption=ngettext("%(count)s branch", "%(count)s branches", board.count)
        % {"count": formats.count(board.count)},
        note=note,
        columns=tuple(present.columns(sort)),
        items=tuple(present.item(line) for line in board.lines),
        newest_label=_("Newest order"),
        before=present.page(sort, page - 1) if page > 1 else "",
        following=present.page(sort, page + 1) if page < pages else "",
    )


@dataclass(frozen=True, slots=True)
class _Presenting:
    may_pay: bool
    to: Addresses
    today: date

    def columns(self, sort: BoardSort) -> list[Column]:
        """Head the columns, in the order of their cells."""
        wanted = [
            (BoardSort.BRANCH, _("Branch")),
            (BoardSort.OPEN, _("In progress")),
            (BoardSort.LATE, _("Late")),
        ]
        if self.may_pay:
            wanted += [(BoardSort.DUE_SOON, _due_soon()), (BoardSort.OVERDUE, _overdue())]
        wanted += [
            (BoardSort.DIFFERS, _("Disagreements")),
            (BoardSort.NEWEST, _("Newest order")),
        ]
        return [
            Column(
                text,
                self.page(each, 1),
                ("ascending" if each is BoardSort.BRANCH else "descending") if each is sort else "",
                each not in {BoardSort.BRANCH, BoardSort.NEWEST},
            )
            for each, text in wanted
        ]

    def page(self, sort: BoardSort, page: int) -> str:
        """Build the address of the board, sorted."""
        order = "" if sort is BoardSort.BRANCH else sort.value
        return self.to.to("branches", {"ordem": order, "pagina": str(page) if page > 1 else ""})

    def item(self, line: BranchLine) -> BranchItem:
        """Present a branch."""
        return BranchItem(
            ending=formats.tax_id_ending(line.tax_id) if line.tax_id else _("No branch stated"),
            name=line.name,
            tax_id=formats.tax_id(line.tax_id),
            url=self.orders(line) if line.tax_id else "",
            counts=tuple(self.counts(line)),
            newest=line.newest_title,
            newest_url=self.to.to("order", public_id=line.newest_id) if line.newest_id else "",
            newest_on=formats.day(line.newest_on),
            newest_iso=formats.iso(line.newest_on),
        )

    def counts(self, line: BranchLine) -> list[Count]:
        """Word what waits in a branch."""
        days = {"from": self.today.isoformat(), "to": (self.today + DUE_SOON).isoformat()}
        found = [
            _count(_("In progress"), line, line.open, lambda: self.orders(line, Only.OPEN)),
            _count(_("Late"), line, line.late, lambda: self.orders(line, Only.LATE), is_bad=True),
        ]
        if line.due_soon is not None and line.overdue is not None:
            overdue = {"state": Group.OVERDUE.value}
            found += [
                _count(_due_soon(), line, line.due_soon, lambda: self.finance(line, days)),
                _count(
                    _overdue(),
                    line,
                    line.overdue,
                    lambda: self.finance(line, overdue),
                    is_bad=True,
                ),
            ]
        differs = _count(
            _("Disagreements"), line, line.differs, lambda: self.orders(line, Only.DIFFERS)
        )
        return [*found, differs]

    def orders(self, line: BranchLine, *only: Only) -> str:
        """Lead to a branch's orders."""
        wanted = OrderFilter(branches=(line.tax_id,), only=only)
        return self.to.to("orders", dict(wanted.pairs()))

    def finance(self, line: BranchLine, query: dict[str, str]) -> str:
        """Lead to what a branch has to pay."""
        return self.to.to("finance", query | {"branch": line.tax_id})


def _due_soon() -> str:
    return _("To pay within 7 days")


def _overdue() -> str:
    # Of many, beside the late ones: one title is "Overdue".
    return _("Overdue items")


def _count(
    label: str, line: BranchLine, value: int, url: Callable[[], str], *, is_bad: bool = False
) -> Count:
    text = formats.count(value)
    return Count(
        label=label,
        text=text,
        url=url() if value and line.tax_id else "",
        is_bad=is_bad and value > 0,
        spoken=f"{label}: {text}",
    )
