"""What makes the portal the seller's: name, logo and colour, from the settings.

The colour is used in shades that can be read on every surface, in both themes. Everything is
served by ourselves, under addresses that change with their content.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from b2b_orders.common.colours import (
    Shades,
    contrast,
    dark_shades,
    is_colour,
    light_shades,
    to_rgb,
)
from b2b_orders.common.logos import BadLogo, Logo, read_logo

# The surfaces of static/css/tokens.css that text in the seller's colour may stand on.
LIGHT_SURFACES = ("#ffffff", "#f5f4f0", "#faf9f6", "#eceae4")
DARK_SURFACES = ("#13171a", "#1b2024", "#21272c", "#2a3137")
# The product's own colour, as in tokens.css.
OWN_COLOUR = "#0a5a55"
ICON_SIZES = (192, 512)
_ICONS = Path(__file__).parent / "icons"
_SHEET = (
    '<path d="M9 8.5h9.5L23 13v10.5H9z" fill="none" stroke="{ink}" stroke-width="2"'
    ' stroke-linejoin="round"/><path d="M13 15.5h6M13 19.5h4" stroke="{ink}"'
    ' stroke-width="2" stroke-linecap="round"/>'
)


@dataclass(frozen=True, slots=True)
class Brand:
    """The seller's own look; `colour` is empty where the product's own is used."""

    name: str
    colour: str
    logo: Logo | None
    stylesheet: str
    # Changes whenever anything of it does; part of the addresses.
    digest: str


def brand() -> Brand:
    """Read the brand from the settings; what is wrong with them is left out (see checks)."""
    return _brand(
        settings.PORTAL_SELLER_NAME, settings.PORTAL_BRAND_COLOR, settings.PORTAL_SELLER_LOGO
    )


@lru_cache(maxsize=8)
def _brand(name: str, colour: str, logo_source: str) -> Brand:
    colour = colour.lower() if is_colour(colour) else ""
    try:
        logo = read_logo(logo_source) if logo_source else None
    except BadLogo:
        logo = None
    sheet = _stylesheet(colour) if colour else ""
    seed = "\0".join((name, colour, sheet)).encode() + (logo.content if logo else b"")
    return Brand(name, colour, logo, sheet, hashlib.sha256(seed).hexdigest()[:12])


def shades_of(colour: str) -> tuple[Shades, Shades]:
    """Make the shades of a colour for light and for dark surfaces."""
    return light_shades(colour, LIGHT_SURFACES), dark_shades(colour, DARK_SURFACES)


@lru_cache(maxsize=8)
def mail_shades(colour: str) -> tuple[Shades, Shades]:
    """Choose the colours of links and buttons in mails, by day and by night."""
    return shades_of(colour or OWN_COLOUR)


def _stylesheet(colour: str) -> str:
    light, dark = shades_of(colour)
    rules = "".join(
        f"--{name}:light-dark({by_day},{by_night});"
        for name, by_day, by_night in (
            ("accent", light.accent, dark.accent),
            ("accent-strong", light.strong, dark.strong),
            ("accent-ink", light.ink, dark.ink),
            ("accent-soft", light.soft, dark.soft),
        )
    )
    # Not in a layer: it goes before the tokens, in whatever order the sheets arrive.
    more = (
        f"--accent:light-dark({light.strong},{dark.strong});"
        f"--accent-strong:light-dark({light.strong},{dark.strong});"
    )
    return f":root{{{rules}}}@media (prefers-contrast:more){{:root{{{more}}}}}"


def icon_svg(colour: str) -> str:
    """Draw the icon of a tab in a colour."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
        f'<rect width="32" height="32" rx="8" fill="{colour}"/>'
        f"{_SHEET.format(ink=_ink_on(colour))}</svg>"
    )


@lru_cache(maxsize=8)
def icon_png(colour: str, size: int) -> bytes:
    """Paint the icon of an installed app in a colour; it may be cut to any shape.

    The files hold how much of the sheet each of 16 colours of the palette is; only the palette
    is written anew.
    """
    ground, ink = to_rgb(colour), to_rgb(_ink_on(colour))
    content = (_ICONS / f"{size}.png").read_bytes()
    at = content.index(b"PLTE") - 4
    (length,) = struct.unpack(">I", content[at : at + 4])
    grays = content[at + 8 : at + 8 + length : 3]
    palette = bytes(
        round(low + (high - low) * gray / 255)
        for gray in grays
        for low, high in zip(ground, ink, strict=True)
    )
    body = b"PLTE" + palette
    chunk = struct.pack(">I", len(palette)) + body + struct.pack(">I", zlib.crc32(body))
    return content[:at] + chunk + content[at + 12 + length :]


def _ink_on(colour: str) -> str:
    """Choose white, or near black where white could not be seen."""
    return "#ffffff" if contrast("#ffffff", colour) >= 3 else "#10161a"
