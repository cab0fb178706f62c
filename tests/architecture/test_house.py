"""The house as a newcomer finds it: documents, licence, lock files."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.txt", "requirements-demo.txt", "requirements-dev.txt")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def pins(name: str) -> dict[str, str]:
    found = re.findall(r"^([a-z0-9._-]+)==(\S+)", (ROOT / name).read_text(), re.MULTILINE)
    return dict(found)


def test_readme_fits_on_few_pages():
    assert len((ROOT / "README.md").read_text().splitlines()) < 150


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_of_a_page_lead_somewhere(path):
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", path.read_text())

    assert [link for link in links if not (path.parent / link).exists()] == []


@pytest.mark.parametrize(("smaller", "larger"), [LOCKS[:2], LOCKS[1:]], ids=["demo", "dev"])
def test_what_is_tested_is_what_is_deployed(smaller, larger):
    of_larger = pins(larger)

    assert {name: of_larger.get(name) for name in pins(smaller)} == pins(smaller)


@pytest.mark.parametrize("name", [*LOCKS, "requirements-uv.txt"])
def test_lock_file_pins_hashes_and_names_no_index(name):
    text = (ROOT / name).read_text()

    assert len(pins(name)) > 0
    assert text.count("==") <= text.count("--hash=sha256:")
    assert re.findall(r"^\s*-(?!-hash)", text, re.MULTILINE) == []
    assert "://" not in text


def test_licence_is_the_one_that_the_package_declares():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["license"]

    assert declared == "Apache-2.0"
    assert (
        "Apache License\n                           Version 2.0" in (ROOT / "LICENSE").read_text()
    )


def test_version_of_the_package_is_the_newest_of_the_changelog():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert newest.group(1) == version


def test_vendored_files_come_with_their_licence():
    vendor = ROOT / "static" / "vendor"
    for script in vendor.rglob("*.js"):
        near = [path.name for path in script.parent.iterdir()]
        assert any("LICENSE" in name for name in near), script.name
