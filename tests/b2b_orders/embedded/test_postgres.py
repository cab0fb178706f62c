from __future__ import annotations

import os
import signal
import stat
from pathlib import Path

import pytest

from b2b_orders.embedded.postgres import (
    DEMO_SETTINGS,
    ROLES_FILE,
    THROW_AWAY_SETTINGS,
    Account,
    Binaries,
    PostgresServer,
    find_binaries,
    open_house_path,
)
from b2b_orders.embedded.processes import EmbeddedError, wait_until


@pytest.fixture
def server(tmp_path):
    server = PostgresServer(tmp_path / "state", settings=THROW_AWAY_SETTINGS)
    yield server
    server.erase()


def write_program(directory: Path, *, version: str) -> Path:
    directory.mkdir(parents=True)
    program = directory / "postgres"
    program.write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")
    program.chmod(0o755)
    return directory


def test_first_start_makes_the_roles_and_the_database_of_the_roles_file(server):
    assert server.start() is True

    roles = server.query("SELECT rolname FROM pg_roles WHERE rolname LIKE 'b2b%' ORDER BY 1")
    assert roles.split() == ["b2b_owner", "b2b_staff", "b2b_web", "b2b_worker"]
    assert all(f"CREATE ROLE {role} " in ROLES_FILE.read_text() for role in roles.split())
    owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'portal'"
    assert server.query(owner).strip() == "b2b_owner"


def test_second_start_changes_nothing(server):
    server.start()
    server.query("CREATE TABLE kept (n int)")

    assert server.start() is False
    assert server.query("SELECT count(*) FROM kept").strip() == "0"


def test_data_survives_a_server_that_was_killed(server):
    server.settings = DEMO_SETTINGS
    server.start()
    server.query("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
    pid = int((server.data / "postmaster.pid").read_text().splitlines()[0])

    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not server.is_running(), seconds=10)

    assert server.start() is True
    assert server.query("SELECT n FROM kept").strip() == "7"


def test_lock_file_of_another_living_process_does_not_stop_the_start(server):
    server.start()
    server.stop()
    stale = server.data / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{server.data}\n0\n5432\n{server.sockets}\n\n0 0\nready\n")

    assert server.start() is True


def test_interrupted_creation_of_roles_is_finished_by_the_next_start(server):
    server.start()
    server.query("DROP DATABASE portal")
    server.stop()

    server.start()

    assert server.query("SELECT 1 FROM pg_database WHERE datname = 'portal'").strip() == "1"


def test_unfinished_cluster_of_an_interrupted_start_is_made_again(server):
    server.data.with_name("postgres.new").mkdir()
    server.data.with_name("postgres.new").joinpath("half").touch()

    assert server.start() is True
    assert not server.data.with_name("postgres.new").exists()


def test_socket_is_private(server):
    assert stat.S_IMODE(server.sockets.stat().st_mode) == 0o700


def test_long_or_spaced_state_directory_gets_a_short_socket_path_and_keeps_it(tmp_path):
    state = tmp_path / f"with a space {'x' * 80}"
    first = PostgresServer(state)
    second = PostgresServer(state)

    assert len(str(first.sockets)) < 60
    assert " " not in str(first.sockets)
    assert second.sockets == first.sockets
    first.erase()
    assert not first.sockets.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to hand its server to somebody else")
def test_root_without_name_spaces_runs_copied_programs_as_nobody(tmp_path):
    server = PostgresServer(tmp_path, settings=THROW_AWAY_SETTINGS, use_name_space=False)

    assert server.start() is True

    assert server.account.uid not in {0, None}
    assert server.data.stat().st_uid == server.account.uid
    assert server.query("SELECT count(*) FROM pg_database WHERE datname='portal'").strip() == "1"
    server.erase()
    assert not open_house_path(tmp_path).exists()


def test_data_of_another_major_version_is_refused_with_the_way_out(server):
    server.start()
    server.stop()
    server.data.joinpath("PG_VERSION").write_text("14\n")

    with pytest.raises(EmbeddedError, match=r"made by PostgreSQL 14.*make demo-reset"):
        server.start()

    server.data.joinpath("PG_VERSION").write_text(f"{server.binaries.major}\n")


def test_named_programs_are_used(tmp_path, monkeypatch):
    named = write_program(tmp_path / "bin", version="16.3")
    monkeypatch.setenv("PORTAL_PG_BIN", str(named))

    assert find_binaries() == Binaries(named, "16.3")
    assert find_binaries().major == 16


def test_named_programs_that_are_too_old_are_refused(tmp_path, monkeypatch):
    named = write_program(tmp_path / "bin", version="14.9")
    monkeypatch.setenv("PORTAL_PG_BIN", str(named))

    with pytest.raises(EmbeddedError, match=r"is PostgreSQL 14\.9; 15 or newer is needed"):
        find_binaries()


def test_named_directory_without_programs_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("PORTAL_PG_BIN", str(tmp_path))

    with pytest.raises(EmbeddedError, match="holds no working PostgreSQL server"):
        find_binaries()


def test_variables_of_other_databases_do_not_reach_our_server(tmp_path, monkeypatch):
    monkeypatch.setenv("PGHOST", "db.example")
    monkeypatch.setenv("PGSERVICE", "production")

    environment = PostgresServer(tmp_path)._environment

    assert not [name for name in environment if name.startswith("PG")]


def test_address_names_the_role_and_the_socket(tmp_path):
    server = PostgresServer(tmp_path)

    assert server.url("b2b_web") == f"postgres://b2b_web@/{server.sockets}/portal"


def test_failure_of_initdb_is_told(tmp_path):
    server = PostgresServer(tmp_path)
    server.binaries = Binaries(write_program(tmp_path / "bin", version="18.1"), "18.1")
    (tmp_path / "bin" / "initdb").write_text("#!/bin/sh\necho 'no space left on device'; exit 1\n")
    (tmp_path / "bin" / "initdb").chmod(0o755)
    server.account = Account()

    with pytest.raises(EmbeddedError, match="no space left on device"):
        server.start()
