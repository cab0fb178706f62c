"""Which tests share a process when pytest-xdist runs them in several.

All that run a whole product are one after the other in one process: two products at once would
slow each other down, and the journeys share theirs. pytest-xdist's own groups (`xdist_group`)
do not work with pytest 9.2, which no longer lets a plugin change an item's id.
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

WITH_A_PRODUCT = ("tests/journeys/", "tests/faults/test_faults.py")


class OneProduct(LoadScopeScheduling):
    """Hand out tests one by one, but for those that run a product."""

    def _split_scope(self, nodeid: str) -> str:
        return "product" if nodeid.startswith(WITH_A_PRODUCT) else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneProduct:
    """Schedule as above, whatever `--dist` says."""
    return OneProduct(config, log)
