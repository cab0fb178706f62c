from __future__ import annotations

import sys
from pathlib import Path

import pytest

from b2b_orders.embedded import bootstrap


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in ("requirements-uv.txt", "requirements-demo.txt", "requirements-dev.txt"):
        (tmp_path / name).write_text(f"{name}\n")
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    return tmp_path


def stamp(checkout: Path, kind: str) -> None:
    (checkout / ".venv" / "lock.sha256").write_text(bootstrap.digest(str(checkout), kind))


def is_current(checkout: Path, kind: str) -> bool:
    return bool(bootstrap.is_current(str(checkout), str(checkout / ".venv"), kind))


def test_environment_without_a_stamp_is_made(checkout):
    assert is_current(checkout, "demo") is False


def test_environment_with_the_stamp_of_its_lock_is_left_alone(checkout):
    stamp(checkout, "demo")

    assert is_current(checkout, "demo") is True


def test_environment_for_development_serves_the_demo_but_not_the_reverse(checkout):
    stamp(checkout, "dev")
    assert is_current(checkout, "demo") is True

    stamp(checkout, "demo")
    assert is_current(checkout, "dev") is False


@pytest.mark.parametrize("changed", ["requirements-demo.txt", "requirements-uv.txt"])
def test_changed_lock_makes_it_again(checkout, changed):
    stamp(checkout, "demo")

    (checkout / changed).write_text("another\n")

    assert is_current(checkout, "demo") is False


def test_broken_interpreter_makes_it_again(checkout):
    stamp(checkout, "demo")

    (checkout / ".venv" / "bin" / "python").unlink()

    assert is_current(checkout, "demo") is False


def test_python_without_venv_is_told_with_the_package_to_install(checkout, monkeypatch):
    bare = checkout / "bare-python"
    bare.write_text("#!/bin/sh\nexit 1\n")
    bare.chmod(0o755)
    monkeypatch.setattr(bootstrap, "find_python", lambda: str(bare))

    with pytest.raises(bootstrap.BootstrapError, match="apt-get install python3-venv"):
        bootstrap.create(str(checkout / ".venv"))


def test_unknown_kind_is_refused(capsys):
    assert bootstrap.main(["production"]) == 2
    assert capsys.readouterr().err == "usage: bootstrap.py demo|dev\n"
