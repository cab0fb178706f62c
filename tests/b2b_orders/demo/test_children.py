from __future__ import annotations

import subprocess
import sys
import time

import pytest

from b2b_orders.demo.children import Child, DemoError, stop_orphans
from b2b_orders.demo.state import DemoState
from b2b_orders.embedded.processes import command_of, wait_until


@pytest.fixture
def state(tmp_path):
    return DemoState.open(tmp_path / "demo")


@pytest.fixture
def make_child(state, tmp_path):
    made = []

    def make(code: str, name: str = "child") -> Child:
        child = Child(
            name,
            [sys.executable, "-u", "-c", code],
            state=state,
            environment={},
            directory=tmp_path,
        )
        made.append(child)
        return child

    yield make
    for child in made:
        child.stop()


def test_child_that_ends_well_is_forgotten(make_child, state):
    child = make_child("print('hello')")

    child.start()
    child.wait(seconds=10)

    assert child.log.read_text() == "hello\n"
    assert state.processes == {}


def test_failure_shows_the_last_twenty_lines_and_the_log(make_child):
    child = make_child("[print('line', n) for n in range(30)]; raise SystemExit(3)")
    child.start()

    with pytest.raises(DemoError) as caught:
        child.wait(seconds=10)

    message = str(caught.value)
    assert message.startswith("child failed (exit code 3). The last lines of ")
    assert str(child.log) in message
    assert message.splitlines()[2:] == [f"line {n}" for n in range(10, 30)]


def test_child_that_takes_too_long_is_told(make_child):
    child = make_child("import time; time.sleep(60)")
    child.start()

    with pytest.raises(DemoError, match="has not ended in 0 s"):
        child.wait(seconds=0.2)


def test_lines_of_a_watched_child_are_handed_on_and_logged(make_child):
    said: list[str] = []
    child = make_child(
        "print('10 of 20\\r20 of 20'); print('{}'); import time; time.sleep(1.2); print('done')"
    )

    child.start(say=said.append)
    child.wait(seconds=10)
    assert wait_until(lambda: "done" in said, seconds=5)

    assert said == ["20 of 20", "done"]
    assert "10 of 20" in child.log.read_text()


def test_stop_ends_the_grandchildren_too(make_child):
    child = make_child(
        "import subprocess, sys\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(p.pid)\n"
        "p.wait()"
    )
    child.start()
    assert wait_until(lambda: child.log.read_text().strip().isdigit(), seconds=10)

    child.stop()

    assert wait_until(lambda: command_of(int(child.log.read_text())) is None, seconds=5)


def test_restart_keeps_the_log_of_the_first_life(make_child):
    child = make_child("print('a life')")
    for fresh in (True, False):
        child.start(fresh_log=fresh)
        child.wait(seconds=10)

    assert child.log.read_text() == "a life\na life\n"


def test_orphan_of_a_killed_supervisor_is_found_and_ended(make_child, state):
    child = make_child("import time; print(1); time.sleep(60)", name="orphan")
    child.command.append("")  # as an option with an empty value leaves it
    child.start()
    assert wait_until(lambda: child.log.read_text() == "1\n", seconds=10)

    stopped = stop_orphans(DemoState.open(state.directory))

    assert stopped == ["orphan"]
    assert wait_until(lambda: child.exit_code is not None, seconds=5)
    assert DemoState.open(state.directory).processes == {}


def test_stranger_that_got_the_id_of_an_orphan_is_left_alone(state):
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    with subprocess.Popen(command) as stranger:
        state.processes["web"] = {"pid": stranger.pid, "command": "python -m gunicorn"}

        assert stop_orphans(state) == []

        time.sleep(0.1)
        assert stranger.poll() is None
        stranger.kill()
    assert state.processes == {}
