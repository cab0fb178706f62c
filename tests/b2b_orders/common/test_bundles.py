"""Static files as production collects them."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from pathlib import Path

import brotli
import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command

from b2b_orders.common import bundles

CORE = bundles.BUNDLES["core.css"]
# Everything that the list of orders asks for, compressed, before its own HTML.
BUDGET = 36_000


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from django.test import override_settings  # noqa: PLC0415 needs settings

    root = tmp_path_factory.mktemp("static")
    storages = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "b2b_orders.common.bundles.BundlingStorage"},
    }
    with override_settings(STATIC_ROOT=str(root), STORAGES=storages):
        # Twice, as when a new version is installed over an old one.
        call_command("collectstatic", "--noinput", verbosity=0)
        call_command("collectstatic", "--noinput", verbosity=0)
    return root


def hashed(root: Path, name: str) -> Path:
    stem, _, ending = name.rpartition(".")
    (found,) = root.glob(f"{stem}.*.{ending}")
    return found


@pytest.mark.parametrize("name", bundles.BUNDLES)
def test_a_bundle_has_a_hashed_name_and_a_compressed_twin(collected, name):
    path = hashed(collected / "bundles", name)

    assert re.fullmatch(r"[a-z]+\.[0-9a-f]{12}\.(css|js)", path.name)
    twin = path.with_name(path.name + ".gz")
    small = path.with_name(path.name + ".br")
    if small.exists():
        assert brotli.decompress(small.read_bytes()) == path.read_bytes()
    if twin.exists():
        assert gzip.decompress(twin.read_bytes()) == path.read_bytes()
    else:
        assert path.stat().st_size < 1500


def test_every_rule_of_the_parts_is_in_the_bundle_in_order(collected):
    text = hashed(collected / "bundles", "core.css").read_text()

    at = [
        text.index(mark) for mark in ("@layer tokens, base", "--paper:", ".masthead {", ".button {")
    ]
    assert at == sorted(at)


def test_pages_link_to_bundles_where_they_were_collected(collected, settings, monkeypatch):
    settings.STATIC_ROOT = str(collected)
    storage = bundles.BundlingStorage()
    monkeypatch.setattr(bundles, "staticfiles_storage", storage)
    monkeypatch.setattr(bundles, "static", storage.url)

    (one,) = bundles.files("core.css")
    settings.DEBUG = True
    parts = bundles.files("core.css")

    assert one == f"/static/bundles/{hashed(collected / 'bundles', 'core.css').name}"
    assert len(parts) == len(CORE)


def test_all_that_the_list_asks_for_beside_its_html_is_small(collected):
    files = [
        *(hashed(collected / "bundles", f"{name}.css") for name in ("core", "page", "list")),
        *(hashed(collected / "bundles", f"{name}.js") for name in ("core", "page", "list")),
        hashed(collected / "js", "keys.js"),
        hashed(collected / "vendor", "htmx-4.0.1.min.js"),
    ]
    sizes = {path.name: len(gzip.compress(path.read_bytes())) for path in files}

    assert sum(sizes.values()) < BUDGET, sizes
    assert all(path.with_name(f"{path.name}.br").exists() for path in files)


def test_a_script_loses_its_comments_and_nothing_else(collected):
    text = hashed(collected / "bundles", "page.js").read_text()

    assert not re.search(r"^\s*//", text, re.MULTILINE)
    kept = [
        line.strip()
        for part in bundles.BUNDLES["page.js"]
        for line in (settings.BASE_DIR / "static" / part).read_text().splitlines()
        if line.strip() and not line.strip().startswith("// ")
    ]
    ours = ("try {", "} catch (e) { reportError(e); }")
    written = [line for line in text.splitlines() if line not in ours]
    assert written == [line for line in kept if line not in ours]


@pytest.mark.skipif(shutil.which("node") is None, reason="no node to read the script with")
def test_joined_scripts_are_a_module(collected, tmp_path):
    for name in ("core.js", "page.js"):
        copy = tmp_path / f"{name}.mjs"
        copy.write_bytes(hashed(collected / "bundles", name).read_bytes())
        subprocess.run(["node", "--check", str(copy)], check=True)


def test_scripts_with_the_same_names_do_not_meet():
    joined = bundles.join("a.js", ["const box = 1;", "const box = 2; // end"])

    assert joined.count("try {\nconst box") == 2


@pytest.mark.parametrize("line", ['import x from "./x.js";', "export const x = 1;"])
def test_a_script_that_needs_others_is_not_joined(line):
    with pytest.raises(ImproperlyConfigured):
        bundles.join("a.js", ["const a = 1;", line])


def test_every_part_of_a_bundle_is_there():
    root = Path(__file__).resolve().parents[3] / "static"

    missing = [p for parts in bundles.BUNDLES.values() for p in parts if not (root / p).is_file()]
    assert missing == []
