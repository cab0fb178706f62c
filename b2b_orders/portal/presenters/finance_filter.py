"""What a finance page is asked for, read from its address and written back into addresses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TypeVar

from django.http import QueryDict
from django.utils.translation import gettext as _

from b2b_orders.common.requests import without_nul
from b2b_orders.orders.titles import Group, Sort, TitleFilter

MAX_NUMBER = 80
Choice = TypeVar("Choice", Group, Sort)


@dataclass(frozen=True, slots=True)
class Asked:
    """A filter as it was typed: what of it can be used, and what is wrong with the rest.

    `errors` are by field; the dates of a wrong period are not used.
    """

    wanted: TitleFilter
    typed_from: str
    typed_to: str
    errors: dict[str, str]
    after: str
    selected: frozenset[int]

    @property
    def is_narrowed(self) -> bool:
        """Say whether more is asked for than a group."""
        return replace(self.wanted, group=Group.TO_PAY, sort=Sort.DUE) != TitleFilter()

    def query(self, **changes: str) -> dict[str, str]:
        """Write the filter for an address, with changes."""
        wanted = self.wanted
        known = {
            "state": wanted.group.value if wanted.group is not Group.TO_PAY else "",
            "from": wanted.due_from.isoformat() if wanted.due_from else "",
            "to": wanted.due_to.isoformat() if wanted.due_to else "",
            "branch": wanted.tax_id,
            "number": wanted.number,
            "sort": wanted.sort.value if wanted.sort is not Sort.DUE else "",
        }
        return {name: value for name, value in (known | changes).items() if value}


def read_filter(given: QueryDict, *, tax_ids: Iterable[str]) -> Asked:
    """Read a filter; a group, branch or order that is none is the usual one."""
    errors: dict[str, str] = {}
    typed_from, typed_to = (given.get(name, "").strip()[:20] for name in ("from", "to"))
    due_from, due_to = _date(typed_from, "from", errors), _date(typed_to, "to", errors)
    if due_from and due_to and due_from > due_to:
        errors["to"] = _("This date is before the first one.")
        due_from = due_to = None
    branch = given.get("branch", "")
    return Asked(
        wanted=TitleFilter(
            group=_one_of(Group, given.get("state", ""), Group.TO_PAY),
            due_from=due_from,
            due_to=due_to,
            tax_id=branch if branch in set(tax_ids) else "",
            number=without_nul(given.get("number", "")).strip()[:MAX_NUMBER],
            sort=_one_of(Sort, given.get("sort", ""), Sort.DUE),
        ),
        typed_from=typed_from,
        typed_to=typed_to,
        errors=errors,
        after=given.get("after", ""),
        selected=frozenset(
            int(each)
            for each in given.getlist("sel")
            if each.isascii() and each.isdigit() and len(each) < 20
        ),
    )


def read_month(text: str, today: date) -> date:
    """Read a month ("2026-03") as its first day; this month when it is none."""
    try:
        first = date.fromisoformat(f"{text}-01")
    except ValueError:
        return today.replace(day=1)
    return first if 2000 <= first.year <= 2100 else today.replace(day=1)


def month_before(first: date) -> date:
    """Return the first day of the month before."""
    return (first - timedelta(days=1)).replace(day=1)


def month_after(first: date) -> date:
    """Return the first day of the month after."""
    return (first + timedelta(days=31)).replace(day=1)


def _one_of(kind: type[Choice], text: str, usual: Choice) -> Choice:
    return kind(text) if text in {each.value for each in kind} else usual


def _date(text: str, field: str, errors: dict[str, str]) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        errors[field] = _("This is not a date.")
        return None
