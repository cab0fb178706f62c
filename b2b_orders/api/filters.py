"""The filter of a list, as parameters of the API: the very names and values of the pages.

`situacao`, `origem`, `filial` and `so` may come several times; `ordem` is a sort, from its end
with "-". What the pages leave out quietly, because a person can see what is left, is refused
here: a program would take the answer for what it had asked.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from b2b_orders.companies.access import Viewer
from b2b_orders.orders.filtering import NAMES, Only, OrderFilter, Origin, SortBy, read_filter
from erp_bridge.records import Fulfilment

_WORDS: Final[dict[str, type[StrEnum]]] = {
    "situacao": Fulfilment,
    "origem": Origin,
    "so": Only,
    "ordem": SortBy,
}
_SEVERAL: Final = frozenset({"situacao", "origem", "filial", "so"})


def wanted_filter(request: Request, viewer: Viewer) -> OrderFilter:
    """Read the filter of a request; refuses what is none, and what the viewer may not use."""
    given = {
        name: request.query_params.getlist(name) for name in NAMES if name in request.query_params
    }
    problems = {name: found for name in given if (found := _problem(name, given[name]))}
    read = read_filter(given)
    problems |= {name: _worded(name, code) for name, code in read.problems.items()}
    if not problems:
        problems = _refused(read.wanted, read.wanted.allowed_to(viewer))
    if problems:
        raise ValidationError({name: [text] for name, text in problems.items()})
    return read.wanted


def _problem(name: str, values: list[str]) -> str:
    if len(values) > 1 and name not in _SEVERAL:
        return _("Say this once.")
    known = [each.value for each in _WORDS[name]] if name in _WORDS else []
    if known and any(
        value.removeprefix("-" if name == "ordem" else "") not in known for value in values
    ):
        return _("This is not one of: %(known)s.") % {"known": ", ".join(known)}
    return ""


def _worded(name: str, code: str) -> str:
    if code == "bad-date":
        return _("This is not a date.")
    if code == "bad-amount":
        return _("This is not an amount: write it like 1.234,50.")
    if name == "de":
        return _("This date is after the last one.")
    return _("This amount is above the highest one.")


def _refused(wanted: OrderFilter, allowed: OrderFilter) -> dict[str, str]:
    """Say what of a filter the viewer may not use."""
    problems = {}
    for name, mine, theirs in (
        ("minimo", wanted.at_least, allowed.at_least),
        ("maximo", wanted.at_most, allowed.at_most),
        ("so", wanted.only, allowed.only),
    ):
        if mine != theirs:
            problems[name] = _("You may not filter by this.")
    if wanted.sort_by is not allowed.sort_by:
        problems["ordem"] = _("You may not sort by this.")
    return problems
