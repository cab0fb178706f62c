"""The keys of the pages: what each does, for whom, and what a person has made of them.

`docs/keyboard.md` has the other half, the attributes that say where a page has it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from django.utils.translation import gettext_lazy as lazy

from b2b_orders.companies.access import StaffViewer
from b2b_orders.portal.words import Text

Group = Literal["everywhere", "list", "order", "documents", "staff"]
Problem = Literal["not-a-key", "taken", "begins-another"]

GROUPS: Final[dict[Group, Text]] = {
    "everywhere": lazy("Everywhere"),
    "list": lazy("In a list"),
    "order": lazy("On an order"),
    "documents": lazy("In an order's documents"),
    "staff": lazy("For the seller's staff"),
}


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A key, or two one after the other, and what it does. The key is also its name."""

    key: str
    text: Text
    group: Group


SHORTCUTS: Final = (
    Shortcut("/", lazy("go to the search box and select its text"), "everywhere"),
    Shortcut("g p", lazy("go to orders"), "everywhere"),
    Shortcut("g d", lazy("go to documents"), "everywhere"),
    Shortcut("g f", lazy("go to finance"), "everywhere"),
    Shortcut("r", lazy("read from the sources again"), "everywhere"),
    Shortcut("?", lazy("show this list"), "everywhere"),
    Shortcut("j", lazy("next row (also ↓)"), "list"),
    Shortcut("k", lazy("previous row (also ↑)"), "list"),
    Shortcut("o", lazy("open the row (also Enter)"), "list"),
    Shortcut("x", lazy("select the row; in documents: the first invoice's XML"), "list"),
    Shortcut("X", lazy("select up to this row"), "list"),
    Shortcut("f", lazy("filters; Esc closes them"), "list"),
    Shortcut("e", lazy("export this list"), "list"),
    Shortcut("[", lazy("previous order"), "order"),
    Shortcut("]", lazy("next order"), "order"),
    Shortcut("1", lazy("first tab"), "order"),
    Shortcut("2", lazy("second tab"), "order"),
    Shortcut("3", lazy("third tab"), "order"),
    Shortcut("4", lazy("fourth tab"), "order"),
    Shortcut("5", lazy("fifth tab"), "order"),
    Shortcut("c w", lazy("copy the web order's number"), "order"),
    Shortcut("c e", lazy("copy the ERP order's number"), "order"),
    Shortcut("c m", lazy("copy your own number"), "order"),
    Shortcut("l", lazy("copy the boleto's number line"), "order"),
    Shortcut("d", lazy("go to the documents"), "documents"),
    Shortcut("b", lazy("then: the first boleto"), "documents"),
    Shortcut("n", lazy("then: the first invoice's DANFE"), "documents"),
    Shortcut("a", lazy("act for the company"), "staff"),
    Shortcut("A", lazy("stop acting"), "staff"),
    Shortcut("v", lazy("text to be read out"), "staff"),
)
_KNOWN: Final = {each.key: each for each in SHORTCUTS}
# One printed sign, or two with a blank between them.
_PRESSED: Final = re.compile(r"\S(?: \S)?")


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person has chosen: single keys at all, and other ones for some, by their name."""

    is_on: bool = True
    keys: Mapping[str, str] = field(default_factory=dict)

    def pressed(self, name: str) -> str:
        """Return what is pressed for a shortcut."""
        return self.keys.get(name, name)

    def stored(self) -> dict[str, Any]:
        """Write it as the person's row keeps it: only what differs."""
        kept = {name: key for name, key in self.keys.items() if key != name}
        return ({} if self.is_on else {"off": True}) | ({"keys": kept} if kept else {})


def read_choice(stored: Mapping[str, Any]) -> Choice:
    """Read what a person's row keeps; what cannot be used any more is left out."""
    keys = stored.get("keys")
    kept = {
        name: key
        for name, key in (keys.items() if isinstance(keys, dict) else ())
        if name in _KNOWN and isinstance(key, str) and _PRESSED.fullmatch(key)
    }
    return Choice(not stored.get("off"), kept)


def problems_of(choice: Choice, staff: StaffViewer | None) -> dict[str, Problem]:
    """Say which keys cannot be what was chosen, by their name.

    Of two that are the same, the one that was changed is asked to be changed again.
    """
    found: dict[str, Problem] = {}
    pressed = {each.key: choice.pressed(each.key) for each in shortcuts_for(staff)}
    for name, key in pressed.items():
        others = [other for each, other in pressed.items() if each != name]
        if not _PRESSED.fullmatch(key):
            found[name] = "not-a-key"
        elif key in others:
            found[name] = "taken"
        elif any(each.startswith(f"{key} ") or key.startswith(f"{each} ") for each in others):
            found[name] = "begins-another"
    return {name: problem for name, problem in found.items() if pressed[name] != name}


def table_of(choice: Choice, staff: StaffViewer | None) -> dict[str, str]:
    """Say what each key is the shortcut of, for a page's script; nothing when they are off."""
    if not choice.is_on:
        return {}
    return {choice.pressed(each.key): each.key for each in shortcuts_for(staff)}


def shortcuts_for(staff: StaffViewer | None) -> tuple[Shortcut, ...]:
    """List the shortcuts that a person's pages may have."""
    return tuple(each for each in SHORTCUTS if staff is not None or each.group != "staff")
