"""Taking the first wall down everywhere, to see what the second one holds back alone."""

from __future__ import annotations

import ast
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from django.apps import apps

import b2b_orders
from b2b_orders.common import visibility
from b2b_orders.common.visibility import Scope, VisibleQuerySet

_WALL = visibility.visible_sql


def take_down_first_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every read see all rows that the database lets through."""
    monkeypatch.setattr(VisibleQuerySet, "visible_to", lambda self, viewer: self.all())
    for module in modules():
        if module is visibility:
            continue
        for name, value in list(vars(module).items()):
            if value is _WALL:
                monkeypatch.setattr(module, name, all_rows)


def without_first_wall() -> set[str]:
    """Name the modules in which it is down."""
    return {
        module.__name__
        for module in modules()
        if any(value is all_rows for value in vars(module).values())
    }


def all_rows(viewer: Scope, _table: str, **_options: str) -> tuple[str, dict[str, object]]:
    return "true", {"company": viewer.company_id}


def modules() -> Iterator[ModuleType]:
    """Import every module of the product's applications; one that is new is among them."""
    for config in apps.get_app_configs():
        if not config.name.startswith("b2b_orders."):
            continue
        found = pkgutil.walk_packages(import_module(config.name).__path__, f"{config.name}.")
        names = [each.name for each in found]
        for name in names:
            if ".migrations" not in name and ".management" not in name:
                yield import_module(name)


def written_with_the_wall() -> set[str]:
    """Name the modules whose text calls what builds the wall for written SQL."""
    root = Path(b2b_orders.__path__[0])
    return {
        ".".join(("b2b_orders", *path.relative_to(root).with_suffix("").parts))
        for path in root.rglob("*.py")
        if any(
            isinstance(node, ast.Call) and getattr(node.func, "id", "") == "visible_sql"
            for node in ast.walk(ast.parse(path.read_text()))
        )
    }
