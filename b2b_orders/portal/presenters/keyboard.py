"""The keys of the pages in words: the list that `?` shows, its form, and the palette."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from b2b_orders.companies.access import Right, StaffViewer
from b2b_orders.portal.addresses import addresses
from b2b_orders.portal.keyboard import (
    GROUPS,
    Choice,
    Problem,
    read_choice,
    shortcuts_for,
    table_of,
)
from b2b_orders.portal.words import Text

PROBLEM: Final[dict[Problem, Text]] = {
    "not-a-key": lazy("Enter one key, or two with a space between them."),
    "taken": lazy("Another shortcut has this key."),
    "begins-another": lazy("This key is the beginning of another shortcut."),
}


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A shortcut in the list: the keys to press, and what they do."""

    name: str
    field: str
    pressed: str
    keys: tuple[str, ...]
    text: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class KeyGroup:
    """Shortcuts of one part of the site."""

    heading: str
    rows: tuple[KeyRow, ...]


@dataclass(frozen=True, slots=True)
class Hidden:
    """A place that a key leads to from every page."""

    key: str
    url: str
    text: str


@dataclass(frozen=True, slots=True)
class BoxView:
    """What every page hands to the box and to the keys."""

    suggest: str
    recognise: str
    palette: str
    shortcuts: str
    table: str
    is_on: bool
    places: tuple[Hidden, ...]


def box_view(request: HttpRequest) -> BoxView | None:
    """Build what the box and the keys of a page need; None for who has not logged in."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return None
    staff: StaffViewer | None = getattr(request, "staff", None)
    choice = read_choice(user.shortcuts)
    viewer = getattr(request, "viewer", None)
    to = addresses(request)
    return BoxView(
        suggest=to.to("suggestions") if viewer else "",
        recognise=reverse("portal:recognise"),
        palette=to.to("palette") if viewer else reverse("portal:palette"),
        shortcuts=reverse("portal:shortcuts"),
        table=json.dumps(table_of(choice, staff), ensure_ascii=True),
        is_on=choice.is_on,
        places=_places(request),
    )


def _places(request: HttpRequest) -> tuple[Hidden, ...]:
    viewer, to = getattr(request, "viewer", None), addresses(request)
    if viewer is None:
        return ()
    found = [Hidden("g p", to.to("orders"), _("Orders"))]
    if viewer.can(Right.DOCUMENTS):
        found.append(Hidden("g d", to.to("packs"), _("Documents")))
    if viewer.can(Right.FINANCE):
        found.append(Hidden("g f", to.to("finance"), _("Finance")))
    return tuple(found)


def key_groups(
    choice: Choice, staff: StaffViewer | None, problems: Mapping[str, Problem] | None = None
) -> tuple[KeyGroup, ...]:
    """List the shortcuts by part of the site, as the person has them."""
    wrong = problems or {}
    known = shortcuts_for(staff)
    rows = {
        group: tuple(
            KeyRow(
                name=each.key,
                field=field_of(number),
                pressed=choice.pressed(each.key),
                keys=_written(choice.pressed(each.key)),
                text=str(each.text),
                problem=str(PROBLEM[wrong[each.key]]) if each.key in wrong else "",
            )
            for number, each in enumerate(known)
            if each.group == group
        )
        for group in GROUPS
    }
    return tuple(KeyGroup(str(GROUPS[group]), found) for group, found in rows.items() if found)


def field_of(number: int) -> str:
    """Name the field of a shortcut: a key is no name for one."""
    return f"key-{number}"


def _written(pressed: str) -> tuple[str, ...]:
    """Write keys as they stand on a keyboard."""
    parts: list[str] = []
    for each in pressed.split(" "):
        is_capital = each.isalpha() and each.isupper()
        parts += ["Shift", each.lower()] if is_capital else [each]
    return tuple(parts)


def typed_choice(given: Mapping[str, str], staff: StaffViewer | None) -> Choice:
    """Read the form: what was left empty is as it was made."""
    typed: Iterable[tuple[str, str]] = (
        (each.key, _spaced(given.get(field_of(number), "")))
        for number, each in enumerate(shortcuts_for(staff))
    )
    return Choice(
        is_on="on" in given, keys={name: key for name, key in typed if key and key != name}
    )


def _spaced(text: str) -> str:
    """Let two keys be typed with a blank between them or without."""
    signs = "".join(text.split())[:20]
    return " ".join(signs) if len(signs) == 2 else signs
