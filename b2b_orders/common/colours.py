"""Colours in OKLCH, and shades of one that can be read on the surfaces of the pages.

The maths are Björn Ottosson's (bottosson.github.io/posts/oklab); contrast is WCAG 2's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import atan2, cos, hypot, sin

_HEX = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})\Z")
# What text of WCAG AA needs, with a little to spare for rounding.
READABLE = 4.5
_AIM = 4.6
_STEPS = 200


@dataclass(frozen=True, slots=True)
class Oklch:
    """A colour by lightness (0 to 1), chroma and hue (in radians)."""

    lightness: float
    chroma: float
    hue: float


@dataclass(frozen=True, slots=True)
class Shades:
    """One colour as it is used on the surfaces of one theme."""

    accent: str
    strong: str
    ink: str
    soft: str


def is_colour(text: str) -> bool:
    """Say whether this is a colour as `#rgb` or `#rrggbb`."""
    return _HEX.match(text) is not None


def to_rgb(text: str) -> tuple[int, int, int]:
    """Read `#rgb` or `#rrggbb`."""
    digits = text[1:]
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)


def contrast(one: str, other: str) -> float:
    """Measure WCAG's contrast of two colours, from 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def worst_contrast(colour: str, surfaces: tuple[str, ...]) -> float:
    """Measure the contrast on that surface where there is least."""
    return min(contrast(colour, surface) for surface in surfaces)


def to_oklch(text: str) -> Oklch:
    """Turn a colour of the screen into lightness, chroma and hue."""
    red, green, blue = (_linear(part / 255) for part in to_rgb(text))
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    middle = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    lightness = 0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short
    first = 1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short
    second = 0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short
    return Oklch(lightness, hypot(first, second), atan2(second, first))


def to_hex(colour: Oklch) -> str:
    """Turn a colour into one of the screen; what no screen shows becomes paler."""
    parts = (0.0, 0.0, 0.0)
    for step in range(_STEPS + 1):
        parts = _parts(Oklch(colour.lightness, colour.chroma * (1 - step / _STEPS), colour.hue))
        if all(-0.0005 <= part <= 1.0005 for part in parts):
            break
    return "#" + "".join(f"{round(255 * _encoded(min(max(part, 0), 1))):02x}" for part in parts)


def light_shades(colour: str, surfaces: tuple[str, ...]) -> Shades:
    """Make the shades for light surfaces: as dark as text must be, and no darker."""
    own = to_oklch(colour)
    soft = to_hex(Oklch(0.945, min(own.chroma, 0.022), own.hue))
    grounds = (*surfaces, soft)
    accent = _first(own, -1, lambda shade: worst_contrast(shade, grounds) >= _AIM)
    strong = _first(
        Oklch(to_oklch(accent).lightness - 0.08, own.chroma, own.hue),
        -1,
        lambda shade: worst_contrast(shade, grounds) >= READABLE + 2,
    )
    return Shades(accent, strong, "#ffffff", soft)


def dark_shades(colour: str, surfaces: tuple[str, ...]) -> Shades:
    """Make the shades for dark surfaces: as light as text must be, and somewhat calmer."""
    own = to_oklch(colour)
    calm = Oklch(max(own.lightness, 0.76), min(own.chroma, 0.13), own.hue)
    soft = to_hex(Oklch(0.3, min(own.chroma, 0.04), own.hue))
    grounds = (*surfaces, soft)
    accent = _first(calm, 1, lambda shade: worst_contrast(shade, grounds) >= _AIM)
    strong = to_hex(Oklch(min(to_oklch(accent).lightness + 0.08, 0.97), calm.chroma, own.hue))
    ink = _first(
        Oklch(0.24, min(own.chroma, 0.05), own.hue),
        -1,
        lambda shade: contrast(shade, accent) >= _AIM,
    )
    return Shades(accent, strong, ink, soft)


def _first(start: Oklch, direction: int, suits: Callable[[str], bool]) -> str:
    """Go lighter or darker from a colour until it suits; black or white at the latest."""
    for step in range(_STEPS + 1):
        lightness = min(max(start.lightness + direction * step / _STEPS, 0), 1)
        shade = to_hex(Oklch(lightness, start.chroma, start.hue))
        if suits(shade):
            return shade
    return "#000000" if direction < 0 else "#ffffff"


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(part / 255) for part in to_rgb(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)


def _encoded(part: float) -> float:
    return 12.92 * part if part <= 0.0031308 else float(1.055 * part ** (1 / 2.4) - 0.055)


def _parts(colour: Oklch) -> tuple[float, float, float]:
    first, second = colour.chroma * cos(colour.hue), colour.chroma * sin(colour.hue)
    long = (colour.lightness + 0.3963377774 * first + 0.2158037573 * second) ** 3
    middle = (colour.lightness - 0.1055613458 * first - 0.0638541728 * second) ** 3
    short = (colour.lightness - 0.0894841775 * first - 1.2914855480 * second) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    )
