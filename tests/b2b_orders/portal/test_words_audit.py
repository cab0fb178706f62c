"""Whatever the record says of what was done has words that a person reads."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from b2b_orders.audit.models import Action
from b2b_orders.portal.words_audit import ACTION, OBJECT

PRODUCT = Path(__file__).resolve().parents[3] / "b2b_orders"


def kinds_written() -> Iterator[str]:
    """List each kind of object that the product writes into the record."""
    for path in PRODUCT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.keyword) or node.arg != "object_kind":
                continue
            if isinstance(node.value, ast.Constant) and node.value.value:
                yield node.value.value


def test_each_kind_of_object_has_words():
    assert set(kinds_written()) - set(OBJECT) == set()


def test_each_action_has_words():
    assert set(Action.values) - set(ACTION) == set()
