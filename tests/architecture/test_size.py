"""Rooms of a size in which one idea can be seen whole."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Well above what is usual here; what passes them is several ideas in one place.
FILE_LINES, FUNCTION_LINES = 700, 70
# Longer for a reason.
EXEMPT = {"order_body": "one JSON document, written out as VTEX answers it"}
FILES = sorted(
    path
    for package in ("b2b_orders", "erp_bridge")
    for path in (ROOT / package).rglob("*.py")
    if "migrations" not in path.parts
)


def ids(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_file_and_its_functions_are_not_too_long(path):
    text = path.read_text()

    long_functions = {
        node.name: node.end_lineno - node.lineno + 1
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef)
        and node.end_lineno - node.lineno > FUNCTION_LINES
        and node.name not in EXEMPT
    }
    assert len(text.splitlines()) <= FILE_LINES
    assert long_functions == {}
