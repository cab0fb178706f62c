"""Who is looking is the first thing every read is told."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "b2b_orders").glob("*/queries.py"))
# Reads without a viewer, each with the reason why nobody's data is in its answer.
EXEMPT: dict[str, str] = {
    "ingest.list_source_states": "names and times of sources; nothing of any company",
}


def public_functions(path: Path) -> list[ast.FunctionDef]:
    tree = ast.parse(path.read_text())
    return [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    ]


def query_cases() -> list[object]:
    return [
        pytest.param(function, id=f"{path.parent.name}.{function.name}")
        for path in MODULES
        for function in public_functions(path)
        if f"{path.parent.name}.{function.name}" not in EXEMPT
    ]


@pytest.mark.parametrize("function", query_cases())
def test_query_takes_the_viewer_first_and_everything_by_keyword(function):
    assert function.args.args == []
    first = next(iter(function.args.kwonlyargs))
    assert first.arg == "viewer"
    assert first.annotation is not None
    assert set(ast.unparse(first.annotation).split(" | ")) <= {"Viewer", "StaffViewer"}


def test_exemptions_name_functions_that_exist():
    names = {
        f"{path.parent.name}.{function.name}"
        for path in MODULES
        for function in public_functions(path)
    }

    assert set(EXEMPT) <= names
