"""The page of what a person follows and when they hear of it, and the buttons that follow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _

from b2b_orders.companies.viewers import CompanyChoice
from b2b_orders.documents.watching import WatchView
from b2b_orders.notifications.choices import MOST_DAYS, Choice
from b2b_orders.notifications.following import FollowView, Kind
from b2b_orders.portal import formats, words
from b2b_orders.portal.words_notices import NOTICE_KIND, RHYTHM


@dataclass(frozen=True, slots=True)
class Option:
    """Something to choose."""

    value: str
    text: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class FollowPanel:
    """The button that follows an order, or ends that."""

    url: str
    is_followed: bool
    settings_url: str


@dataclass(frozen=True, slots=True)
class ListFollowPanel:
    """The form that follows the list that is shown, or ends that."""

    url: str
    is_followed: bool
    settings_url: str
    # The filter, as the names and values that its address has.
    pairs: tuple[tuple[str, str], ...]
    name: str
    kinds: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class FollowItem:
    """Something that is followed, with its forms."""

    anchor: str
    title: str
    note: str
    url: str
    company: str
    kinds: tuple[Option, ...]
    kinds_words: str
    change_url: str
    end_url: str


@dataclass(frozen=True, slots=True)
class WatchItem:
    """A document that is waited for."""

    title: str
    note: str
    url: str
    end_url: str


@dataclass(frozen=True, slots=True)
class ChoiceForm:
    """When the person wants to hear, as the form shows it."""

    rhythms: tuple[Option, ...]
    hours: tuple[Option, ...]
    quiet_from: tuple[Option, ...]
    quiet_until: tuple[Option, ...]
    due_days: tuple[Option, ...]
    kinds: tuple[Option, ...]
    zone: str
    last: str
    test_waits: bool
    is_off: bool


@dataclass(frozen=True, slots=True)
class Typed:
    """A choice as it was typed, to be shown again beside what is wrong with it."""

    rhythm: str
    daily_at: str
    quiet_from: str
    quiet_until: str
    due_days: str
    wanted: frozenset[str]


def typed_of(choice: Choice) -> Typed:
    """Write a choice as the form types it."""
    return Typed(
        rhythm=choice.rhythm.value,
        daily_at=str(choice.daily_at),
        quiet_from=_number(choice.quiet_from),
        quiet_until=_number(choice.quiet_until),
        due_days=str(choice.due_days),
        wanted=frozenset(kind.value for kind in Kind) - set(choice.without),
    )


def choice_form(
    choice: Choice, typed: Typed, kinds: Iterable[Kind], *, zone: str, now: datetime
) -> ChoiceForm:
    """Word the form about when to be told."""
    last = ""
    if choice.mailed_at is not None:
        last = _("Last mail: %(when)s") % {"when": formats.moment(choice.mailed_at, now)}
    return ChoiceForm(
        rhythms=tuple(
            Option(value, str(text), value == typed.rhythm) for value, text in RHYTHM.items()
        ),
        hours=_hours(typed.daily_at),
        quiet_from=_hours(typed.quiet_from),
        quiet_until=_hours(typed.quiet_until),
        due_days=tuple(
            Option(str(days), formats.count(days), str(days) == typed.due_days)
            for days in range(MOST_DAYS + 1)
        ),
        kinds=_kinds(kinds, typed.wanted),
        zone=formats.zone_text(zone, now),
        last=last,
        test_waits=choice.test_asked_at is not None,
        is_off=choice.rhythm.value == "off",
    )


def follow_items(
    rows: Iterable[FollowView],
    companies: Mapping[int, CompanyChoice],
    kinds: Mapping[int, tuple[Kind, ...]],
    *,
    now: datetime,
) -> tuple[FollowItem, ...]:
    """Word what a person follows, in all their companies."""
    return tuple(
        _follow_item(
            row, companies[row.company_id], kinds[row.company_id], now, names=len(companies) > 1
        )
        for row in rows
    )


def _follow_item(
    row: FollowView,
    company: CompanyChoice,
    kinds: tuple[Kind, ...],
    now: datetime,
    *,
    names: bool,
) -> FollowItem:
    if row.order is not None:
        title = _("Order %(number)s") % {"number": row.order_title}
        page = reverse(
            "portal:order", kwargs={"company": company.public_id, "public_id": row.order}
        )
    else:
        title = row.name
        page = reverse("portal:orders", kwargs={"company": company.public_id})
        page = f"{page}?{row.query}"
    since = _("Followed since %(when)s") % {"when": formats.moment(row.created_at, now)}
    chosen = frozenset(row.kinds) or frozenset(kind.value for kind in kinds)
    told = [str(NOTICE_KIND[kind.value]) for kind in kinds if kind.value in row.kinds]
    return FollowItem(
        anchor=f"follow-{row.public_id}",
        title=title,
        note=since,
        url=page,
        company=company.name if names else "",
        kinds=_kinds(_of(row, kinds), chosen),
        kinds_words=", ".join(told) if told else _("Everything"),
        change_url=reverse("portal:change-follow", kwargs={"public_id": row.public_id}),
        end_url=reverse("portal:end-follow", kwargs={"public_id": row.public_id}),
    )


def _of(row: FollowView, kinds: Iterable[Kind]) -> list[Kind]:
    """Leave out what cannot be of one order."""
    return [kind for kind in kinds if row.order is None or kind is not Kind.ORDER]


def watch_items(
    rows: Iterable[tuple[WatchView, CompanyChoice]], *, now: datetime
) -> tuple[WatchItem, ...]:
    """Word the documents that a person waits for."""
    return tuple(_watch_item(row, company, now) for row, company in rows)


def _watch_item(row: WatchView, company: CompanyChoice, now: datetime) -> WatchItem:
    kind = words.DOCUMENT_KIND.get(row.kind, words.DOCUMENT_KIND["other"])
    title = str(kind.name)
    if row.invoice_number:
        title = _("%(document)s of NF %(number)s") % {
            "document": title,
            "number": row.invoice_number,
        }
    order = _("Order %(number)s") % {"number": row.order_title}
    since = _("since %(when)s") % {"when": formats.moment(row.asked_at, now)}
    place = {"company": company.public_id}
    page = reverse("portal:order", kwargs={**place, "public_id": row.order})
    return WatchItem(
        title=title,
        note=f"{order} · {since}",
        url=f"{page}#doc-{row.document}",
        end_url=reverse("portal:end-watch", kwargs={"public_id": row.document}),
    )


def kind_options(kinds: Iterable[Kind], chosen: Iterable[str] = ()) -> tuple[Option, ...]:
    """Offer kinds; without any chosen all are."""
    known = tuple(kinds)
    return _kinds(known, frozenset(chosen) or frozenset(kind.value for kind in known))


def _kinds(kinds: Iterable[Kind], chosen: frozenset[str]) -> tuple[Option, ...]:
    return tuple(
        Option(kind.value, str(NOTICE_KIND[kind.value]), kind.value in chosen) for kind in kinds
    )


def _hours(chosen: str) -> tuple[Option, ...]:
    return tuple(Option(str(hour), f"{hour:02}:00", str(hour) == chosen) for hour in range(24))


def _number(value: int | None) -> str:
    return "" if value is None else str(value)
