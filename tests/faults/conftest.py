"""Where the small fault test runs: in one process, and never beside the journeys' product."""

from __future__ import annotations

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep it in the journeys' group: two whole products at once would slow each other down."""
    for item in items:
        if item.path.name == "test_faults.py":
            item.add_marker(pytest.mark.xdist_group("journeys"))
