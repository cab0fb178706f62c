"""What a person may choose of how the portal speaks and looks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from b2b_orders.portal import formats
from b2b_orders.portal.leading import KINDS
from b2b_orders.portal.words import Text

if TYPE_CHECKING:
    from b2b_orders.accounts.models import Person

# Brazil's zones first, then where Brazilian companies have people; any other one that a row
# holds is offered to its person besides.
ZONES: Final = (
    "America/Sao_Paulo",
    "America/Noronha",
    "America/Bahia",
    "America/Fortaleza",
    "America/Belem",
    "America/Cuiaba",
    "America/Campo_Grande",
    "America/Manaus",
    "America/Porto_Velho",
    "America/Rio_Branco",
    "America/Argentina/Buenos_Aires",
    "America/Montevideo",
    "America/Asuncion",
    "America/Santiago",
    "America/La_Paz",
    "America/Caracas",
    "America/Bogota",
    "America/Lima",
    "America/Guayaquil",
    "America/Panama",
    "America/Mexico_City",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "Europe/Lisbon",
    "Europe/London",
    "Europe/Madrid",
    "Europe/Paris",
    "Europe/Berlin",
    "Europe/Rome",
    "Africa/Luanda",
    "Africa/Maputo",
    "Asia/Dubai",
    "Asia/Kolkata",
    "Asia/Shanghai",
    "Asia/Tokyo",
)
LEADING: Final[dict[str, Text]] = {
    "": lazy("The web number, else the ERP's"),
    "customer": lazy("Your number"),
    "web": lazy("Web order"),
    "erp": lazy("ERP order"),
}
THEMES: Final[dict[str, Text]] = {
    "": lazy("As this device"),
    "light": lazy("Light"),
    "dark": lazy("Dark"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several things to choose from."""

    value: str
    text: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class PreferencesForm:
    """What can be chosen, and what is. `usual_zone` is the portal's own."""

    languages: tuple[Choice, ...]
    zones: tuple[Choice, ...]
    usual_zone: str
    leading: tuple[Choice, ...]
    themes: tuple[Choice, ...]


def preferences_form(person: Person, *, now: datetime) -> PreferencesForm:
    """Present a person's preferences."""
    own = person.time_zone if formats.zone_named(person.time_zone) else ""
    zones = (*ZONES, own) if own and own not in ZONES else ZONES
    named = {each: formats.zone_text(each, now) for each in zones}
    return PreferencesForm(
        languages=_choices(dict(settings.LANGUAGES), formats.language()),
        zones=_choices({"": _("As the portal")} | named, own),
        usual_zone=formats.zone_text(timezone.get_default_timezone_name(), now),
        leading=_choices(LEADING, person.leading_number),
        themes=_choices(THEMES, person.theme),
    )


def may_choose_zone(name: str) -> bool:
    """Say whether moments can be shown in a zone; no name is the portal's own."""
    return not name or formats.zone_named(name) is not None


def may_lead(kind: str) -> bool:
    """Say whether a kind of number can stand first."""
    return not kind or kind in KINDS


def _choices(words: dict[str, Text] | dict[str, str], chosen: str) -> tuple[Choice, ...]:
    return tuple(Choice(value, str(text), value == chosen) for value, text in words.items())
