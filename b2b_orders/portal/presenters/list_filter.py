"""The filter of a list of orders: its form, what is active, chips with counts, and sorts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from b2b_orders.companies.access import Right, Viewer
from b2b_orders.orders.filtering import Only, OrderFilter, Origin, SortBy
from b2b_orders.orders.queries import Counted, ScopeFacts
from b2b_orders.portal import formats, words
from b2b_orders.portal.list_address import PAGE_SIZES, AskedList
from erp_bridge.records import Fulfilment, Money

Text = str | Promise
Word = TypeVar("Word", bound=StrEnum | str)
# Chips above a list, the most urgent first; at most this many are shown.
CHIPS = (Only.OPEN, Only.LATE, Only.DUE_SOON, Only.NEW_DOCUMENTS, Only.DIFFERS)
MOST_CHIPS = 4
ONLY: dict[Only, Text] = {
    Only.OPEN: lazy("In progress"),
    Only.LATE: lazy("Late"),
    Only.DUE_SOON: lazy("To pay within 7 days"),
    Only.DIFFERS: lazy("With a divergence"),
    Only.MISSING_DOCUMENTS: lazy("Documents missing"),
    Only.NEW_DOCUMENTS: lazy("New documents"),
}
_ICON = {
    Only.OPEN: "box",
    Only.LATE: "alert",
    Only.DUE_SOON: "barcode",
    Only.DIFFERS: "swap",
    Only.NEW_DOCUMENTS: "file",
    Only.MISSING_DOCUMENTS: "dots",
}
_RIGHT_OF = {
    Only.DUE_SOON: Right.FINANCE,
    Only.MISSING_DOCUMENTS: Right.DOCUMENTS,
    Only.NEW_DOCUMENTS: Right.DOCUMENTS,
}
# What a list is sorted by, and the words after how many there are.
SORTS: dict[str, Text] = {
    "-data": lazy("Newest first"),
    "data": lazy("Oldest first"),
    "-total": lazy("Highest total first"),
    "total": lazy("Lowest total first"),
    "situacao": lazy("Status: received first"),
    "-situacao": lazy("Status: furthest first"),
    "previsao": lazy("Promised soonest first"),
    "-previsao": lazy("Promised latest first"),
    "-alterado": lazy("Last changed first"),
    "alterado": lazy("Unchanged for longest first"),
}
PROBLEMS: dict[str, Text] = {
    "bad-date": lazy("This is not a date."),
    "bad-amount": lazy("This is not an amount: write it like 1.234,50."),
}
SWAPPED: dict[str, Text] = {
    "de": lazy("This date is after the last one."),
    "minimo": lazy("This amount is above the highest one."),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """A value that can be chosen."""

    value: str
    text: str
    is_chosen: bool
    name: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """A field in which something is typed, and what is wrong with it."""

    name: str
    label: str
    value: str
    kind: str
    problem: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Part of the filter: boxes to tick, or fields to type in."""

    name: str
    label: str
    choices: tuple[Choice, ...] = ()
    fields: tuple[Field, ...] = ()
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class FilterForm:
    """The filter as a form, with what it carries along unseen."""

    action: str
    hidden: tuple[tuple[str, str], ...]
    groups: tuple[Group, ...]
    sorts: tuple[Choice, ...]
    sizes: tuple[Choice, ...]
    active: str
    has_problem: bool


@dataclass(frozen=True, slots=True)
class Pill:
    """An active part of the filter, and the list without it."""

    text: str
    remove: str
    wanted: OrderFilter


@dataclass(frozen=True, slots=True)
class ListChip:
    """A filter with how many orders it would keep."""

    text: str
    count: str
    amounts: tuple[str, ...]
    icon: str
    url: str
    is_on: bool


@dataclass(frozen=True, slots=True)
class SortLink:
    """A column's heading: where it leads, and its `aria-sort` if the list is sorted by it."""

    url: str
    aria: str


@dataclass(frozen=True, slots=True)
class Narrow:
    """That a filter keeps nothing, and what it would without one part."""

    sentence: str
    without: str
    url: str
    clear: str


def filter_form(asked: AskedList, facts: ScopeFacts, *, viewer: Viewer) -> FilterForm:
    """Present the filter as a form; what was typed stays in it, right or wrong."""
    wanted = asked.wanted
    hidden = [("q", asked.typed.strip()), ("listar", "1" if asked.typed.strip() else "")]
    hidden.append(("visao", asked.view))
    groups = _groups(asked, facts, viewer)
    return FilterForm(
        action=asked.base,
        hidden=tuple(pair for pair in hidden if pair[1]),
        groups=tuple(group for group in groups if group.choices or group.fields),
        sorts=_sorts(wanted, viewer),
        sizes=tuple(Choice(str(size), str(size), size == asked.page_size) for size in PAGE_SIZES),
        active=formats.count(len(active)) if (active := pills(asked, facts)) else "",
        has_problem=bool(asked.problems),
    )


def _groups(asked: AskedList, facts: ScopeFacts, viewer: Viewer) -> tuple[Group, ...]:
    wanted = asked.wanted
    branches = facts.establishments if len(facts.establishments) > 1 or wanted.branches else ()
    chips = [only for only in Only if _RIGHT_OF.get(only) is not Right.DOCUMENTS]
    papers = [only for only in Only if _RIGHT_OF.get(only) is Right.DOCUMENTS]
    return (
        Group(
            "situacao",
            _("Status"),
            (
                *_only_choices(chips, wanted, viewer),
                *(
                    Choice(
                        each.value, words.fulfilment(each).text, each in wanted.statuses, "situacao"
                    )
                    for each in Fulfilment
                    if each is not Fulfilment.UNMAPPED
                ),
            ),
        ),
        Group(
            "origem",
            _("Origin"),
            tuple(
                Choice(
                    each.value,
                    words.text(words.ORIGIN, each.value),
                    each in wanted.origins,
                    "origem",
                )
                for each in Origin
            ),
        ),
        Group(
            "filial",
            _("Branch"),
            tuple(
                Choice(
                    each.tax_id,
                    " ".join(filter(None, (formats.tax_id_ending(each.tax_id), each.name))),
                    each.tax_id in wanted.branches,
                    "filial",
                )
                for each in branches
            ),
        ),
        _fields(asked, "feito_por", _("Placed by"), (("feito_por", _("Name"), "search"),)),
        _fields(
            asked,
            "periodo",
            _("Period"),
            (("de", _("From"), "date"), ("ate", _("Until"), "date")),
        ),
        _fields(
            asked,
            "valor",
            _("Amount"),
            (("minimo", _("At least"), "text"), ("maximo", _("At most"), "text"))
            if viewer.can(Right.PRICES)
            else (),
        ),
        Group("documento", _("Document"), tuple(_only_choices(papers, wanted, viewer))),
    )


def _only_choices(chips: Iterable[Only], wanted: OrderFilter, viewer: Viewer) -> Iterable[Choice]:
    for only in chips:
        right = _RIGHT_OF.get(only)
        if right is None or viewer.can(right):
            yield Choice(only.value, str(ONLY[only]), only in wanted.only, "so")


def _fields(
    asked: AskedList, name: str, label: str, fields: Sequence[tuple[str, str, str]]
) -> Group:
    made = tuple(
        Field(
            name=each,
            label=text,
            value=_typed(asked, each),
            kind=kind,
            problem=_problem(asked.problems.get(each, ""), each),
        )
        for each, text, kind in fields
    )
    return Group(name, label, fields=made, is_open=any(field.problem for field in made))


def _typed(asked: AskedList, name: str) -> str:
    values = asked.given.get(name) or ("",)
    return values[0][:80]


def _problem(code: str, name: str) -> str:
    if not code:
        return ""
    return str(SWAPPED[name] if code == "swapped" else PROBLEMS[code])


def _sorts(wanted: OrderFilter, viewer: Viewer) -> tuple[Choice, ...]:
    return tuple(
        Choice(code, str(text), code == sort_code(wanted))
        for code, text in SORTS.items()
        if viewer.can(Right.PRICES) or not code.endswith("total")
    )


def sort_code(wanted: OrderFilter) -> str:
    """Name a sort as addresses do."""
    return ("" if wanted.is_ascending else "-") + wanted.sort_by.value


def sort_links(asked: AskedList, *, viewer: Viewer) -> dict[str, SortLink]:
    """Present the headings by which a list is sorted, by the name that each sort has."""
    made = {}
    for sort in SortBy:
        if sort is SortBy.TOTAL and not viewer.can(Right.PRICES):
            continue
        is_on = asked.wanted.sort_by is sort
        # First what one looks for: the newest, the highest, what comes next.
        starts_up = sort in {SortBy.STATUS, SortBy.PROMISED}
        up = not asked.wanted.is_ascending if is_on else starts_up
        aria = ""
        if is_on:
            aria = "ascending" if asked.wanted.is_ascending else "descending"
        wanted = replace(asked.wanted, sort_by=sort, is_ascending=up)
        made[sort.value] = SortLink(asked.url(wanted=wanted), aria)
    return made


def pills(asked: AskedList, facts: ScopeFacts) -> tuple[Pill, ...]:
    """Present each active part of a filter, with the list without it."""
    return tuple(
        Pill(text, asked.url(wanted=without), without)
        for text, without in _parts(asked.wanted, facts)
    )


def _parts(wanted: OrderFilter, facts: ScopeFacts) -> Iterable[tuple[str, OrderFilter]]:
    for only in wanted.only:
        yield str(ONLY[only]), replace(wanted, only=_but(wanted.only, only))
    for status in wanted.statuses:
        text = words.fulfilment(status).text
        yield text, replace(wanted, statuses=_but(wanted.statuses, status))
    for origin in wanted.origins:
        text = words.text(words.ORIGIN, origin.value)
        yield text, replace(wanted, origins=_but(wanted.origins, origin))
    for branch in wanted.branches:
        text = _("Branch %(branch)s") % {"branch": branch_name(branch, facts)}
        yield text, replace(wanted, branches=_but(wanted.branches, branch))
    if wanted.placed_by:
        text = _("Placed by %(name)s") % {"name": wanted.placed_by}
        yield text, replace(wanted, placed_by="")
    if wanted.since or wanted.until:
        yield _period(wanted), replace(wanted, since=None, until=None)
    if wanted.at_least is not None or wanted.at_most is not None:
        yield _amounts(wanted), replace(wanted, at_least=None, at_most=None)


def _but(values: tuple[Word, ...], taken: Word) -> tuple[Word, ...]:
    return tuple(each for each in values if each != taken)


def branch_name(tax_id: str, facts: ScopeFacts) -> str:
    """Name a branch by its number within the company, and by more where two have the same."""
    known = [each.tax_id for each in facts.establishments]
    if tax_id not in known or len(tax_id) != 14:
        return tax_id
    is_alone = sum(each[8:12] == tax_id[8:12] for each in known) == 1
    return tax_id[8:12] if is_alone else formats.tax_id_ending(tax_id).lstrip("…")


def _period(wanted: OrderFilter) -> str:
    since, until = formats.day(wanted.since), formats.day(wanted.until)
    if not wanted.until:
        return _("Since %(day)s") % {"day": since}
    if not wanted.since:
        return _("Until %(day)s") % {"day": until}
    return _("%(first)s to %(last)s") % {"first": since, "last": until}


def _amounts(wanted: OrderFilter) -> str:
    least, most = _plain(wanted.at_least), _plain(wanted.at_most)
    if wanted.at_most is None:
        return _("Total from %(amount)s") % {"amount": least}
    if wanted.at_least is None:
        return _("Total up to %(amount)s") % {"amount": most}
    return _("Total from %(least)s to %(most)s") % {"least": least, "most": most}


def _plain(amount: Decimal | None) -> str:
    """Write an amount of no currency: each order has its own."""
    return formats.amount(amount, "").strip(formats.NBSP)


def list_chips(
    asked: AskedList, counts: Mapping[Only, Counted], *, due: Sequence[Money]
) -> tuple[ListChip, ...]:
    """Present the chips that keep something, and one that is on in any case."""
    made = []
    for only in CHIPS:
        counted, is_on = counts.get(only), asked.wanted == asked.sorted_by(_alone(only))
        if counted is None or not (counted.count or is_on):
            continue
        text = formats.count(counted.count)
        if not counted.is_exact:
            text = f">{formats.NBSP}{text}"
        target = OrderFilter() if is_on else _alone(only)
        made.append(
            ListChip(
                text=str(ONLY[only]),
                count=text,
                amounts=tuple(map(formats.money, due)) if only is Only.DUE_SOON else (),
                icon=_ICON[only],
                url=asked.url(wanted=asked.sorted_by(target), typed=""),
                is_on=is_on,
            )
        )
    return tuple(made[:MOST_CHIPS])


def _alone(only: Only) -> OrderFilter:
    return OrderFilter(only=(only,))


def list_words(counted: Counted, wanted: OrderFilter) -> str:
    """Say how many orders a list has, and how it is sorted."""
    if counted.count < 2:
        return count_of(counted)
    sort = str(SORTS[sort_code(wanted)])
    return f"{count_of(counted)} · {sort[:1].lower()}{sort[1:]}"


def count_of(counted: Counted) -> str:
    """Say how many orders there are, or that there are more than were counted."""
    if not counted.is_exact:
        return _("more than %(count)s orders") % {"count": formats.count(counted.count)}
    if counted.count == 1:
        return _("1 order")
    return _("%(count)s orders") % {"count": formats.count(counted.count)}


def show_words(counted: Counted) -> str:
    """Say on the button that closes the filter how many orders it shows."""
    return formats.bounded(counted.count if counted.is_exact else counted.count + 1, counted.count)


def narrow(asked: AskedList, tried: Sequence[tuple[Pill, Counted]]) -> Narrow:
    """Say that a filter keeps nothing, and which part of it leaves out the most."""
    best = max(tried, key=lambda each: each[1].count, default=None)
    clear = asked.url(wanted=asked.sorted_by(OrderFilter()))
    sentence = _("No order with these filters.")
    if best is None or not best[1].count:
        return Narrow(sentence, "", "", clear)
    pill, counted = best
    if counted.count == 1:
        without = _('Without "%(filter)s" there would be one.') % {"filter": pill.text}
        return Narrow(sentence, without, pill.remove, clear)
    without = _('Without "%(filter)s" there would be %(count)s.') % {
        "filter": pill.text,
        "count": show_words(counted),
    }
    return Narrow(sentence, without, pill.remove, clear)
