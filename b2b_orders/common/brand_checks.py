"""What `manage.py check` says of the seller's name, logo and colour."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004 Django's own name

from b2b_orders.common.branding import shades_of
from b2b_orders.common.colours import is_colour, to_oklch
from b2b_orders.common.logos import BadLogo, read_logo

# A shade that is this much darker than what was asked for is another colour to the eye.
_ANOTHER = 0.15


@register()
def check_brand(**_: Any) -> list[CheckMessage]:
    """Refuse a colour or logo that cannot be used; warn of a colour that changes visibly."""
    return [*_colour(settings.PORTAL_BRAND_COLOR), *_logo(settings.PORTAL_SELLER_LOGO)]


def _colour(colour: str) -> list[CheckMessage]:
    if not colour:
        return []
    if not is_colour(colour):
        return [
            Error(
                f"PORTAL_BRAND_COLOR is {colour!r}, which is no colour like #0a5a55.",
                hint="Give it as # and six hexadecimal digits.",
                id="portal.E010",
            )
        ]
    light, _dark = shades_of(colour.lower())
    if to_oklch(colour.lower()).lightness - to_oklch(light.accent).lightness <= _ANOTHER:
        return []
    return [
        Warning(
            f"PORTAL_BRAND_COLOR {colour} is too light to be read as text; on light surfaces"
            f" {light.accent} stands for it.",
            hint="Icons keep the colour itself. Choose a darker one to see it in the pages too.",
            id="portal.W010",
        )
    ]


def _logo(source: str) -> list[CheckMessage]:
    if not source:
        return []
    try:
        read_logo(source)
    except BadLogo as problem:
        return [
            Error(
                f"PORTAL_SELLER_LOGO cannot be used. {problem}",
                hint="Give an SVG that only draws, or a PNG, of at most 100 kB.",
                id="portal.E011",
            )
        ]
    return []
