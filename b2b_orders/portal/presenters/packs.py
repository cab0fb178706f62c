"""Packs of documents, worded: what can be chosen, how many that is, and how far they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from b2b_orders.documents.archive_words import kind_words
from b2b_orders.documents.packing import Choice, ChoiceCount
from b2b_orders.documents.packs import PackView
from b2b_orders.orders.queries import EstablishmentRow
from b2b_orders.portal import formats, words
from b2b_orders.portal.addresses import Addresses

_MONTHS: Final = 24
_PROBLEM: Final[dict[str, words.Text]] = {
    "nothing-to-pack": lazy("There is no document of this kind. Choose other days or kinds."),
    "none-yet": lazy("There is no document yet."),
    "too-many-documents": lazy("These are too many documents for one pack. Choose fewer days."),
    "too-many-packs": lazy("Several packs are being prepared already. Wait until one is ready."),
    "bad-days": lazy("These days cannot be read. Choose them again."),
    "days-swapped": lazy("The first day is after the last one."),
    "too-long": lazy("This is longer than any number."),
}
_OUTCOME: Final[dict[str, words.Text]] = {
    "cancelled": lazy("You cancelled it."),
    "expired": lazy("Its files were deleted when their time was over. You can ask again."),
    "no-longer-allowed": lazy("It was stopped because what you may see has changed."),
    "given-up": lazy("It could not be prepared. Ask again."),
    "rights-changed": lazy("What you may see has changed since it was made. You can ask again."),
}


@dataclass(frozen=True, slots=True)
class Option:
    """Something to choose."""

    value: str
    text: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class ChoiceForm:
    """The form in which documents are chosen, as it was filled in."""

    months: tuple[Option, ...]
    since: str
    until: str
    kinds: tuple[Option, ...]
    establishments: tuple[Option, ...]
    text: str
    order: str
    order_title: str
    hidden: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class PartItem:
    """A ZIP file to take."""

    text: str
    size: str
    url: str


@dataclass(frozen=True, slots=True)
class PackItem:
    """A pack, worded. `percent` is how far it is, while it is being prepared."""

    heading: str
    detail: str
    state: words.Chip
    progress: str
    percent: int
    is_unfinished: bool
    expires: str
    why: str
    parts: tuple[PartItem, ...]
    drop_url: str


def usual_month(today: date) -> str:
    """Return the month before this one: what accountants ask for."""
    return f"{today.replace(day=1) - timedelta(days=1):%Y-%m}"


def choice_form(
    choice: Choice,
    given: QueryDict,
    *,
    kinds: Sequence[str],
    establishments: Sequence[EstablishmentRow],
    today: date,
    order: str,
) -> ChoiceForm:
    """Present the form as it was filled in."""
    month = given.get("mes", "")
    hidden = [
        (name, value)
        for name in ("mes", "de", "ate", "filial", "q", "pedido", "tipo")
        for value in given.getlist(name)
        if value
    ]
    return ChoiceForm(
        months=tuple(
            Option(f"{first:%Y-%m}", formats.long_month(first), f"{first:%Y-%m}" == month)
            for first in _months(today)
        ),
        since=given.get("de", ""),
        until=given.get("ate", ""),
        kinds=tuple(Option(kind, kind_words(kind), kind in choice.kinds) for kind in kinds),
        establishments=tuple(
            Option(each.tax_id, _branch(each), each.tax_id == choice.establishment)
            for each in establishments
        ),
        text=choice.text,
        order=str(choice.order or ""),
        order_title=order,
        hidden=tuple(hidden),
    )


def _months(today: date) -> Iterable[date]:
    first = today.replace(day=1)
    for _each in range(_MONTHS):
        yield first
        first = (first - timedelta(days=1)).replace(day=1)


def _branch(row: EstablishmentRow) -> str:
    written = formats.tax_id(row.tax_id)
    return f"{row.name} · {written}" if row.name else written


def count_words(count: ChoiceCount, *, is_any: bool) -> str:
    """Say how many documents a choice has, and how many of them are there.

    Where there is none at all, other days would not help.
    """
    if not count.total:
        return problem_words("nothing-to-pack" if is_any else "none-yet")
    text = ngettext("%(count)s document", "%(count)s documents", count.total)
    whole = text % {"count": formats.count(count.total)}
    if count.available == count.total:
        return whole
    away = count.total - count.available
    missing = ngettext("%(count)s is not there yet", "%(count)s are not there yet", away)
    return f"{whole} · {missing % {'count': formats.count(away)}}"


def problem_words(code: str) -> str:
    """Word why a pack cannot be asked for."""
    return words.text(_PROBLEM, code)


def gone_words(code: str) -> str:
    """Word why a pack cannot be taken."""
    return words.text(_OUTCOME, code)


def pack_items(packs: Iterable[PackView], *, to: Addresses, now: datetime) -> tuple[PackItem, ...]:
    """Present packs."""
    return tuple(_item(pack, to, now) for pack in packs)


def _item(pack: PackView, to: Addresses, now: datetime) -> PackItem:
    done = pack.taken + pack.missing
    counts = ngettext("%(count)s file", "%(count)s files", pack.taken)
    detail = counts % {"count": formats.count(pack.taken)}
    if pack.missing:
        text = ngettext("%(count)s is missing", "%(count)s are missing", pack.missing)
        detail += ", " + text % {"count": formats.count(pack.missing)}
    is_over = not pack.is_unfinished and (pack.outcome or _is_past(pack.expires_at, now))
    return PackItem(
        heading=_heading(pack.choice),
        detail=_("requested at %(time)s") % {"time": formats.moment(pack.asked_at, now)}
        + ("" if pack.is_unfinished else f" · {detail}"),
        state=_state(pack, is_over=bool(is_over)),
        progress=_("%(done)s of %(all)s documents")
        % {"done": formats.count(done), "all": formats.count(pack.total)},
        percent=min(100, done * 100 // max(1, pack.total)),
        is_unfinished=pack.is_unfinished,
        expires=_("available until %(time)s") % {"time": formats.moment(pack.expires_at, now)}
        if pack.expires_at and not is_over and not pack.is_unfinished
        else "",
        why=gone_words(pack.outcome or "expired") if is_over else "",
        parts=() if is_over else _parts(pack, to),
        drop_url=to.to("drop-pack", public_id=pack.public_id),
    )


def _is_past(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and moment <= now


def _parts(pack: PackView, to: Addresses) -> tuple[PartItem, ...]:
    if pack.is_unfinished:
        return ()
    several = len(pack.parts) > 1
    return tuple(
        PartItem(
            text=_("Download part %(number)s of %(all)s")
            % {"number": part.number, "all": len(pack.parts)}
            if several
            else _("Download"),
            size=formats.size(part.size),
            url=to.to("pack-part", public_id=pack.public_id, number=part.number),
        )
        for part in pack.parts
    )


def _heading(choice: Choice) -> str:
    kinds = ", ".join(kind_words(kind) for kind in choice.kinds) or _("All documents")
    if choice.order:
        return _("%(kinds)s of one order") % {"kinds": kinds}
    if choice.orders:
        count = len(choice.orders)
        return ngettext(
            "%(kinds)s of %(count)s chosen order", "%(kinds)s of %(count)s chosen orders", count
        ) % {"kinds": kinds, "count": formats.count(count)}
    return f"{kinds} · {_days(choice)}" if choice.since or choice.until else kinds


def _days(choice: Choice) -> str:
    since, until = choice.since, choice.until
    if since and until:
        next_day = until + timedelta(days=1)
        if since.day == next_day.day == 1 and (until.year, until.month) == (
            since.year,
            since.month,
        ):
            return formats.long_month(since)
        return f"{formats.day(since)} - {formats.day(until)}"
    if since:
        return _("since %(day)s") % {"day": formats.day(since)}
    return _("until %(day)s") % {"day": formats.day(until)}


def _state(pack: PackView, *, is_over: bool) -> words.Chip:
    if pack.is_unfinished:
        is_begun = pack.state == "running"
        return words.Chip(_("Being prepared") if is_begun else _("Waiting"), "info", "clock")
    if is_over:
        return words.Chip(_("Over"), "plain", "minus")
    return words.Chip(_("Ready"), "good", "check")
