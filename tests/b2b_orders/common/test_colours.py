"""The seller's colour can be read wherever it stands, whatever it is."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from b2b_orders.common.branding import DARK_SURFACES, LIGHT_SURFACES, OWN_COLOUR, shades_of
from b2b_orders.common.colours import (
    READABLE,
    Shades,
    contrast,
    is_colour,
    to_hex,
    to_oklch,
    to_rgb,
    worst_contrast,
)

TOKENS = Path(__file__).resolve().parents[3] / "static" / "css" / "tokens.css"
CHOICE = random.Random(7)
COLOURS = [
    *("#000000", "#ffffff", "#ffff00", "#00ff00", "#0000ff", "#ff0000", "#808080", "#fc0"),
    *(f"#{CHOICE.randrange(1 << 24):06x}" for _ in range(40)),
]


def grounds(surfaces: tuple[str, ...], shades: Shades) -> tuple[str, ...]:
    return (*surfaces, shades.soft)


@pytest.mark.parametrize("colour", COLOURS)
def test_every_shade_of_any_colour_can_be_read_on_every_surface(colour):
    for shades, surfaces in zip(shades_of(colour), (LIGHT_SURFACES, DARK_SURFACES), strict=True):
        for text in (shades.accent, shades.strong):
            assert worst_contrast(text, grounds(surfaces, shades)) >= READABLE, shades
            assert contrast(shades.ink, text) >= READABLE, shades


def test_a_colour_that_can_be_read_is_taken_as_it_is():
    light, _dark = shades_of("#6f2da8")

    assert light.accent == "#6f2da8"


def test_a_shade_keeps_the_hue_of_its_colour():
    light, dark = shades_of("#ffcc00")

    yellow = to_oklch("#ffcc00").hue
    assert to_oklch(light.accent).hue == pytest.approx(yellow, abs=0.05)
    assert to_oklch(dark.accent).hue == pytest.approx(yellow, abs=0.05)


@pytest.mark.parametrize("colour", COLOURS)
def test_a_colour_survives_the_way_there_and_back(colour):
    there = to_rgb(to_hex(to_oklch(colour)))

    assert max(abs(a - b) for a, b in zip(there, to_rgb(colour), strict=True)) <= 1


def test_contrast_is_that_of_wcag():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=0.001)


@pytest.mark.parametrize(
    "text", ["", "red", "#12", "#12345", "#1234567", "#12345g", "#123456\n", "0a5a55", "#123;}"]
)
def test_what_is_no_colour_is_none(text):
    assert is_colour(text) is False


def token(name: str) -> tuple[str, ...]:
    found = re.search(rf"--{name}: light-dark\((#\w+), (#\w+)\)", TOKENS.read_text())
    assert found is not None, name
    return found.groups()


def test_surfaces_that_colours_are_made_for_are_those_of_the_pages():
    by_day, by_night = zip(
        *(token(name) for name in ("surface", "paper", "surface-2", "plain-soft")), strict=True
    )

    assert set(by_day) == set(LIGHT_SURFACES)
    assert set(by_night) == set(DARK_SURFACES)
    assert token("accent")[0] == OWN_COLOUR


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("tone", ["good", "info", "warn", "bad", "plain"])
def test_tones_can_be_read_on_their_own_ground_and_on_surfaces(tone, theme):
    text = token(tone)[theme]
    surfaces = [token(name)[theme] for name in (f"{tone}-soft", "surface", "paper", "surface-2")]

    assert min(contrast(text, each) for each in surfaces) >= READABLE


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("text", ["ink", "ink-2", "accent", "accent-strong"])
def test_text_can_be_read_on_every_ground(text, theme):
    names = ("surface", "paper", "surface-2", "plain-soft", "accent-soft", "warn-soft", "bad-soft")

    assert min(contrast(token(text)[theme], token(each)[theme]) for each in names) >= READABLE


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("line", ["line-strong", "focus"])
def test_edges_of_what_can_be_used_are_seen(line, theme):
    names = ("surface", "paper", "surface-2")

    assert min(contrast(token(line)[theme], token(each)[theme]) for each in names) >= 3
