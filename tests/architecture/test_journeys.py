"""Every journey that was agreed on is walked by a test that has its name."""

from __future__ import annotations

import ast
import re
from pathlib import Path

JOURNEYS = Path(__file__).resolve().parents[1] / "journeys"
# Of buyers, support, telesales and operations.
AGREED = {"b": 40, "s": 15, "t": 12, "a": 7}


def _walked() -> set[str]:
    names = [
        node.name
        for path in JOURNEYS.glob("test_*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef)
    ]
    # `test_a02_a03_events_again…` walks two of them.
    beginnings = [re.match(r"test((?:_[abst]\d\d)+)_", name) for name in names]
    return {each for found in beginnings if found for each in found[1].split("_") if each}


def test_every_journey_has_a_test_named_by_it():
    agreed = {f"{kind}{at:02}" for kind, count in AGREED.items() for at in range(1, count + 1)}

    assert agreed - _walked() == set()
    assert _walked() - agreed == set()
