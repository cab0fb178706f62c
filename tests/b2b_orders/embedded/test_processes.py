from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from b2b_orders.embedded.processes import (
    EmbeddedError,
    command_of,
    last_lines,
    locked,
    socket_directory,
    stop_process,
)


def start(code: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", code], start_new_session=True, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_command_of_a_living_process_is_its_command_line():
    assert "python" in (command_of(os.getpid()) or "")


def test_zombie_counts_as_gone():
    process = start("print()")
    assert process.stdout is not None
    process.stdout.close()
    end = time.monotonic() + 5
    while command_of(process.pid) is not None and time.monotonic() < end:
        time.sleep(0.01)

    os.kill(process.pid, 0)  # it still has an entry: nobody has waited for it
    assert command_of(process.pid) is None
    process.wait()


@pytest.mark.parametrize("pid", [0, -1, 2**30])
def test_process_that_cannot_exist_has_no_command(pid):
    assert command_of(pid) is None


def test_process_that_ignores_a_polite_request_is_ended_with_its_children():
    process = start(
        "import os, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = os.fork()\n"
        "print(child, flush=True) if child else None\n"
        "time.sleep(60)"
    )
    with process:
        stop_process(process.pid, seconds=0.2)
        assert process.wait(timeout=5) == -9


def test_lock_is_refused_while_another_holds_it(tmp_path):
    with (
        locked(tmp_path / "a.lock"),
        pytest.raises(EmbeddedError, match=r"a\.lock"),
        locked(tmp_path / "a.lock", seconds=0.1),
    ):
        pass


def test_lock_is_free_again_afterwards(tmp_path):
    with locked(tmp_path / "a.lock"):
        pass
    with locked(tmp_path / "a.lock", seconds=0):
        pass


def test_socket_directory_stays_inside_a_short_plain_state_directory(tmp_path):
    assert socket_directory(tmp_path, "a.sock") == tmp_path / "run"


def test_last_lines_of_a_missing_log_are_none(tmp_path):
    assert last_lines(tmp_path / "no.log") == ""


def test_last_lines_are_the_last_ones(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("\n".join(str(n) for n in range(100)))

    assert last_lines(log, 3) == "97\n98\n99"
