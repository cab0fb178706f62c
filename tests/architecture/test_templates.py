"""Every template compiles, and keeps to its form."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.template import engines

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))


def ids(path: Path) -> str:
    return str(path.relative_to(ROOT / "templates"))


@pytest.mark.parametrize("path", TEMPLATES, ids=ids)
def test_template_compiles(path):
    engines["django"].get_template(ids(path))


@pytest.mark.parametrize("path", TEMPLATES, ids=ids)
def test_template_has_no_inline_script_style_or_handler(path):
    text = path.read_text()

    # Mail has no policy, and few programs that show it read more style than an element's own;
    # what it looks like in the dark has no other place than the frame of all mails.
    style = r"""\sstyle=["']|""" if path.parent.name != "mail" else ""
    sheet = r"<style\b|" if ids(path) != "mail/base.html" else ""
    assert re.findall(rf"""{sheet}{style}\son[a-z]+=["']|javascript:""", text) == []
    assert re.findall(r"<script(?![^>]*\bsrc=)", text) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=ids)
def test_only_who_has_no_scripts_sees_a_page_load_itself_again(path):
    # A page that starts over takes from under a reader what is being read (WCAG 2.2.1).
    text = re.sub(r"<noscript>.*?</noscript>", "", path.read_text())

    assert re.findall(r'http-equiv="refresh" content="(?!0;)[^"]*', text) == []


def test_every_script_and_stylesheet_is_loaded_by_something():
    static = ROOT / "static"
    files = [path for kind in ("js", "css") for path in (static / kind).rglob(f"*.{kind}")]
    readers = [*TEMPLATES, *(ROOT / "b2b_orders").rglob("*.py")]
    said = "\n".join(path.read_text() for path in readers)

    names = [str(path.relative_to(static)) for path in files]
    assert [name for name in names if name not in said] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=ids)
def test_template_is_no_longer_than_can_be_read_at_once(path):
    assert len(path.read_text().splitlines()) <= 200
