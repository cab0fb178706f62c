"""A sample of all pages and states, looked at by axe; `make accessibility` looks at every one."""

from __future__ import annotations

import pytest

from tests.screens.table import SCREENS
from tests.screens.walk import faults, shown_as, violations, walk

SAMPLE = {
    *("orders-normal", "orders-empty", "orders-not-found", "orders-menu", "order-big"),
    *("order-disagreement", "documents-normal", "finance-normal", "account-normal"),
    *("people-normal", "support-found", "order-acting", "telesales-normal", "operations-normal"),
    *("log-in-normal", "order-not-found"),
}
LOOKS = (("dark", 1366), ("light", 360))


# What else is looked at in another language: whether everything is in it.
IN_SPANISH = {"order-big", "finance-normal", "documents-normal", "support-found", "people-normal"}


@pytest.mark.parametrize(("language", "names"), [("pt-BR", SAMPLE), ("es", IN_SPANISH)])
def test_a_sample_of_pages_is_for_everybody(product, language, names):
    screens = tuple(screen for screen in SCREENS if screen.name in names)
    assert len(screens) == len(names)
    found = {}
    for screen, page in walk(product, language, screens):
        wrong = []
        for theme, width in LOOKS if language == "pt-BR" else ():
            with shown_as(page, theme, width):
                wrong += [f"{theme} {width} {each}" for each in violations(page)]
        if wrong := wrong + faults(page, screen, language):
            found[screen.name] = wrong

    assert found == {}
