"""The environment is read in one place, and that place is documented."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from b2b_orders.celery import app

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / ".env.example"
# Read by what runs before, or outside, the settings.
OUTSIDE_SETTINGS = {"PORTAL_PG_BIN"}


def variables_read() -> set[str]:
    tree = ast.parse((ROOT / "b2b_orders" / "settings" / "base.py").read_text())
    return {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).split(".")[0] == "env"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }


def variables_documented() -> set[str]:
    return set(re.findall(r"^#? ?(PORTAL_[A-Z0-9_]+)=", EXAMPLE.read_text(), re.MULTILINE))


def test_example_lists_every_variable_and_nothing_else():
    documented = variables_documented()

    assert documented == variables_read() | OUTSIDE_SETTINGS


def test_secrets_have_no_default_and_no_value_in_the_example():
    text = EXAMPLE.read_text()

    for name in ("PORTAL_SECRET_KEY", "PORTAL_ENCRYPTION_KEYS"):
        assert re.search(rf"^{name}=$", text, re.MULTILINE)


def test_every_periodic_task_expires_before_it_comes_again(settings):
    late = {
        name: entry
        for name, entry in settings.CELERY_BEAT_SCHEDULE.items()
        if entry["options"]["expires"] >= entry["schedule"]
    }

    assert late == {}


def test_every_periodic_task_exists(settings):
    app.loader.import_default_modules()

    wanted = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert wanted - set(app.tasks) == set()


def test_tasks_cannot_run_longer_than_the_broker_waits_for_them(settings):
    visibility = settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"]

    assert visibility > settings.CELERY_TASK_TIME_LIMIT
