"""A sample of all pages and states, looked at by axe; `make accessibility` looks at every one.

It is the one place where journeys do so, but for states that only a journey can make. Each screen
is looked at in one of the looks, so that a minute is enough for pages of every kind.
"""

from __future__ import annotations

import itertools

import pytest

from tests.screens.table import SCREENS
from tests.screens.walk import faults, shown_as, violations, walk

pytestmark = pytest.mark.sweep
SAMPLE = (
    # Nobody has signed in.
    *(
        "log-in-normal",
        "log-in-wrong",
        "log-in-code-normal",
        "reset-password-normal",
        "join-normal",
    ),
    # Orders, and lists of them.
    *("orders-normal", "orders-several", "orders-filtered", "orders-nothing-left"),
    *("orders-wrong-dates", "orders-empty", "orders-not-found", "orders-menu", "paste-many-normal"),
    *("columns-normal", "views-normal", "exports-normal", "branches-normal", "look-up-running"),
    *("order-normal", "order-big", "order-disagreement", "order-boletos", "order-not-found"),
    *("order-items-searched", "order-documents-normal", "order-finance-normal"),
    *("order-history-normal", "documents-normal", "send-document-normal", "payment-boleto"),
    *("finance-normal", "finance-overdue", "calendar-normal"),
    # A person and a company.
    *("account-normal", "notices-normal", "shortcuts-normal", "help-normal", "my-data-normal"),
    *("people-normal", "access-record-normal", "company-settings-normal"),
    # The seller's people.
    *("support-found", "act-normal", "order-acting", "trouble-acting", "questions-normal"),
    *("telesales-normal", "customer-normal", "operations-normal", "operations-statuses-normal"),
    *("operations-companies-normal", "operations-divergences-normal", "operations-audit-normal"),
    *("operations-people-data-normal", "operations-runs-normal", "operations-staff-normal"),
)
LOOKS = (("dark", 1366), ("light", 360))
# What else is looked at in another language: whether everything is in it.
IN_SPANISH = ("order-big", "finance-normal", "documents-normal", "support-found", "people-normal")


def _screens(names):
    chosen = tuple(screen for screen in SCREENS if screen.name in names)
    assert len(chosen) == len(names)
    return chosen


def test_a_sample_of_pages_is_for_everybody(product):
    found = {}
    looks = itertools.cycle(LOOKS)
    for (screen, page), (theme, width) in zip(
        walk(product, "pt-BR", _screens(SAMPLE)), looks, strict=False
    ):
        with shown_as(page, theme, width):
            wrong = [f"{theme} {width} {each}" for each in violations(page)]
        if wrong := wrong + faults(page, screen, "pt-BR"):
            found[screen.name] = wrong

    assert found == {}


def test_a_sample_of_pages_says_everything_in_spanish(product):
    found = {}
    for screen, page in walk(product, "es", _screens(IN_SPANISH)):
        if wrong := faults(page, screen, "es"):
            found[screen.name] = wrong

    assert found == {}
