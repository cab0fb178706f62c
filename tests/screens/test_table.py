"""The table of screens has every page of the site."""

from __future__ import annotations

import re

import pytest
from django.urls import resolve

from tests.isolation.test_matrix import ROWS
from tests.screens.states import STEPS, WORLDS
from tests.screens.table import NO_PAGE, SCREENS, UNKNOWN

OF_A_COMPANY = "c/<uuid:company>/"


def route_of(path: str) -> str:
    """Find the address that a line of the table opens, as `urls.py` writes it."""
    # The key to what opens without logging in is taken off an address before it is looked up.
    path = re.sub("^/(d|convite|confirmar-endereco)/.*", r"/\1", path)
    filled = re.sub(r"\{[\w.]+\}", UNKNOWN, path.partition("?")[0])
    return plain(resolve(filled).route)


def plain(route: str) -> str:
    """Write an address without what tells nothing of its page."""
    return route.removeprefix(OF_A_COMPANY).removeprefix("/").replace("^", "")


def is_shown_to_somebody(row) -> bool:
    return row.method == "GET" and any(mark in ".gf" for mark in row.marks.values())


SHOWN = {plain(row.route) for row in ROWS if is_shown_to_somebody(row)}
PAGES = [screen for screen in SCREENS if screen.page != "not-found"]


def test_every_page_of_the_site_has_a_screen_or_a_reason_to_have_none():
    in_table = {route_of(screen.path) for screen in PAGES}
    without = {plain(route) for routes in NO_PAGE.values() for route in routes}

    assert SHOWN - in_table - without == set()


def test_no_reason_is_given_for_what_has_a_screen_or_is_not_there():
    in_table = {route_of(screen.path) for screen in PAGES}
    known = {row.route.removeprefix("/") for row in ROWS}
    without = [route for routes in NO_PAGE.values() for route in routes]

    assert set(without) - known == set()
    assert len(without) == len(set(without))
    assert in_table & set(without) == set()


def test_screens_are_told_apart_and_ask_for_nothing_that_nobody_knows():
    names = [screen.name for screen in SCREENS]

    assert len(names) == len(set(names))
    assert {step for screen in SCREENS for step in screen.acts} == STEPS.keys()
    assert {screen.needs for screen in SCREENS if screen.needs} == WORLDS.keys()


@pytest.mark.parametrize(
    "state", ["empty", "not-found", "stale", "acting", "offline", "slowed", "failed"]
)
def test_every_state_that_a_page_can_be_in_is_shown(state):
    assert [screen.name for screen in SCREENS if state in screen.state] != []
