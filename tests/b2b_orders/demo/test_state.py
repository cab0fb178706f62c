from __future__ import annotations

import stat

from b2b_orders.demo.state import DemoState


def test_keys_are_made_once_and_kept(tmp_path):
    first = DemoState.open(tmp_path / "demo")
    second = DemoState.open(tmp_path / "demo")

    assert len(first.secret_key) >= 50
    assert (second.secret_key, second.encryption_key) == (first.secret_key, first.encryption_key)


def test_only_the_owner_can_read_the_keys(tmp_path):
    state = DemoState.open(tmp_path / "demo")

    assert stat.S_IMODE(state.directory.stat().st_mode) == 0o700
    assert stat.S_IMODE((state.directory / "state.json").stat().st_mode) == 0o600


def test_what_was_done_is_kept(tmp_path):
    state = DemoState.open(tmp_path / "demo")
    state.ingested = ["vtex"]
    state.vtex_port = 8001
    state.save()

    again = DemoState.open(tmp_path / "demo")

    assert (again.ingested, again.vtex_port) == (["vtex"], 8001)


def test_fields_of_another_version_do_no_harm(tmp_path):
    state = DemoState.open(tmp_path / "demo")
    path = state.directory / "state.json"
    path.write_text(path.read_text().replace("{", '{"unheard_of": 1,', 1))

    assert DemoState.open(tmp_path / "demo").secret_key == state.secret_key


def test_broken_file_begins_afresh(tmp_path):
    state = DemoState.open(tmp_path / "demo")
    (state.directory / "state.json").write_text('{"secret_key": "ha')

    assert DemoState.open(tmp_path / "demo").secret_key != "ha"
