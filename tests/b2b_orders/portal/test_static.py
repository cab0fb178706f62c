"""What is served beside the pages."""

from __future__ import annotations

import hashlib
import re

import pytest
from django.conf import settings

STATIC = settings.BASE_DIR / "static"


def test_vendored_files_are_those_of_the_readme():
    readme = (STATIC / "vendor" / "README.md").read_text()
    listed = dict(re.findall(r"`([\w.-]+\.js)` \|.*`([0-9a-f]{64})`", readme))
    held = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (STATIC / "vendor").glob("*.js")
    }

    assert held == listed
    assert held != {}


@pytest.mark.parametrize("path", sorted((STATIC / "js").glob("*.js")), ids=lambda path: path.name)
def test_scripts_are_short_modules(path):
    assert len(path.read_text().splitlines()) < 100


@pytest.mark.parametrize("path", sorted(STATIC.rglob("*.css")), ids=lambda path: path.name)
def test_styles_use_no_ids_and_load_nothing(path):
    text = path.read_text()

    assert re.findall(r"(?m)^\s*#[a-z][\w-]*[^;]*\{", text) == []
    assert re.findall(r"@import|url\(", text) == []
