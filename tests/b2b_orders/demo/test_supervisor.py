from __future__ import annotations

import json
import socket
import stat
import sys

import pytest
from environ import Env

from b2b_orders.demo import supervisor
from b2b_orders.demo.children import DemoError
from b2b_orders.demo.supervisor import Supervisor, Wishes, parse_people
from b2b_orders.embedded.processes import locked, wait_until

PEOPLE = [{"role": "buyer", "company": "Alfa", "email": "ana@alfa.example", "password": "secret"}]


@pytest.fixture
def demo(tmp_path):
    demo = Supervisor(Wishes(port=free_port()), home=tmp_path / "demo")
    yield demo
    for child in demo.children:
        child.stop()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def spawn(demo: Supervisor, name: str, code: str):
    return demo.spawn(name, ["-u", "-c", code], role="b2b_worker")


def test_each_process_gets_the_role_it_has_in_production(demo):
    addresses = {
        role: demo.environment(role)["PORTAL_DATABASE_URL"]
        for role in ("b2b_owner", "b2b_web", "b2b_worker")
    }

    assert addresses == {role: demo.postgres.url(role) for role in addresses}


def test_surroundings_cannot_point_the_demo_at_another_database(demo, monkeypatch):
    for name in ("PORTAL_DATABASE_URL", "PORTAL_DEBUG", "PGHOST", "DJANGO_SETTINGS_MODULE"):
        monkeypatch.setenv(name, "production")

    environment = demo.environment("b2b_web")

    assert "production" not in environment.values()
    assert environment["DJANGO_SETTINGS_MODULE"] == "b2b_orders.settings.base"


def test_mail_of_the_demo_stays_on_this_machine(demo):
    for role in ("b2b_web", "b2b_worker"):
        read = Env.email_url_config(demo.environment(role)["PORTAL_EMAIL_URL"])
        assert read["EMAIL_BACKEND"] == "django.core.mail.backends.filebased.EmailBackend"
        assert read["EMAIL_FILE_PATH"] == str(demo.state.directory / "mail")


def test_occupied_port_ends_the_start_before_anything_begins(tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        demo = Supervisor(Wishes(port=port), home=tmp_path)
        with pytest.raises(DemoError, match=f"Port {port} is in use.*make demo PORT="):
            demo.start()

    assert demo.children == []
    assert demo.postgres.is_running() is False


def test_ports_of_the_simulators_are_free_ones_and_stay(demo):
    demo.choose_ports()
    chosen = (demo.state.vtex_port, demo.state.erp_port)

    demo.choose_ports()

    assert (demo.state.vtex_port, demo.state.erp_port) == chosen
    assert len({demo.wishes.port, *chosen}) == 3


def test_port_asked_for_is_taken_and_refused_when_it_is_asked_for_twice(tmp_path):
    port, other = free_port(), free_port()
    Supervisor(Wishes(port=port, vtex_port=other), home=tmp_path).choose_ports()

    with pytest.raises(DemoError, match=f"ERP_PORT={other} is already taken"):
        Supervisor(Wishes(port=port, vtex_port=other, erp_port=other), home=tmp_path).choose_ports()


def test_worker_that_dies_is_started_again(demo, capsys):
    worker = spawn(demo, "worker", "print('dying'); raise SystemExit(5)")
    assert wait_until(lambda: worker.exit_code == 5, seconds=10)

    demo.mourn(worker)

    assert wait_until(lambda: worker.log.read_text() == "dying\ndying\n", seconds=10)
    shown = capsys.readouterr().out
    assert shown.startswith("worker has ended (exit code 5). The last lines of")
    assert shown.endswith("dying\n\nStarting worker again.\n")


def test_worker_that_keeps_dying_ends_the_demo(demo):
    worker = spawn(demo, "worker", "raise SystemExit(5)")
    for _ in range(supervisor.RESTARTS):
        assert wait_until(lambda: worker.exit_code == 5, seconds=10)
        demo.mourn(worker)
    assert wait_until(lambda: worker.exit_code == 5, seconds=10)

    with pytest.raises(DemoError, match="started again 5 times in vain"):
        demo.mourn(worker)


def test_web_server_that_dies_ends_the_demo_with_its_last_lines(demo):
    web = spawn(demo, "web", "print('cannot bind'); raise SystemExit(1)")
    assert wait_until(lambda: web.exit_code == 1, seconds=10)

    with pytest.raises(DemoError, match=r"web has ended \(exit code 1\)[\s\S]*cannot bind"):
        demo.mourn(web)


def test_process_that_ends_before_it_is_ready_is_told_at_once(demo):
    child = spawn(demo, "web", "print('no module'); raise SystemExit(2)")

    with pytest.raises(DemoError, match=r"web ended at once \(exit code 2\)[\s\S]*no module"):
        demo.await_ready(child, lambda: False, seconds=30)


def test_process_that_never_gets_ready_is_told_in_time(demo):
    child = spawn(demo, "web", "import time; time.sleep(60)")

    with pytest.raises(DemoError, match="was not ready within 0 s"):
        demo.await_ready(child, lambda: False, seconds=0.3)


def test_failure_of_one_of_two_commands_does_not_wait_for_the_other(demo):
    slow = spawn(demo, "slow", "import time; time.sleep(60)")
    failing = spawn(demo, "failing", "print('why'); raise SystemExit(1)")

    with pytest.raises(DemoError, match=r"failing failed[\s\S]*why"):
        demo.run_together(slow, failing, seconds=30)


def test_stop_ends_everything_that_was_started(demo):
    demo.postgres.start()
    demo.valkey.start()
    children = [spawn(demo, name, "import time; time.sleep(60)") for name in ("web", "beat")]

    demo.stop()

    assert [child.exit_code is None for child in children] == [False, False]
    assert demo.postgres.is_running() is False
    assert demo.valkey.is_running() is False


def test_announcement_names_the_address_and_everybody_and_writes_the_access_file(demo, capsys):
    demo.choose_ports()
    demo.state.people = PEOPLE

    demo.announce()

    lines = capsys.readouterr().out.splitlines()
    assert f"Ready: {demo.url}" in lines
    assert "  buyer  Alfa     ana@alfa.example  secret" in lines
    path = demo.state.directory / "access.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text()) == {
        "url": demo.url,
        "people": PEOPLE,
        "vtex_url": demo.source_urls["vtex"],
        "erp_url": demo.source_urls["erp"],
        "mail_url": f"{demo.source_urls['vtex']}/_mail",
    }
    assert stat.S_IMODE((demo.state.directory / "mail").stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "output",
    [
        json.dumps(PEOPLE),
        json.dumps({"people": PEOPLE}),
        "a warning\n" + json.dumps({"people": PEOPLE}, indent=1) + "\n",
        "[not json]\n" + json.dumps(PEOPLE) + "\ndone\n",
    ],
    ids=["list", "object", "after a warning", "after brackets"],
)
def test_people_are_found_in_what_the_command_printed(output):
    assert parse_people(output) == PEOPLE


@pytest.mark.parametrize("output", ["", "nothing", "[]", '{"people": []}'])
def test_missing_people_are_told(output):
    with pytest.raises(DemoError, match="load_demo named no people"):
        parse_people(output)


def test_second_demo_of_the_same_directory_is_refused(tmp_path, capsys):
    (tmp_path / "access.json").write_text('{"url": "http://127.0.0.1:8000"}')
    with locked(tmp_path / supervisor.LOCK):
        code = supervisor.run(Wishes(), home=tmp_path)

    assert code == 1
    assert capsys.readouterr().err.strip() == (
        "The demo of this directory is already running at http://127.0.0.1:8000."
        " Stop it with Ctrl-C where it runs."
    )


def test_reset_of_a_running_demo_is_refused(tmp_path, capsys):
    with locked(tmp_path / supervisor.LOCK):
        assert supervisor.reset(home=tmp_path) == 1

    assert "already running" in capsys.readouterr().err


def test_reset_stops_what_was_left_running_and_deletes_everything(demo, capsys):
    demo.postgres.start()
    orphan = spawn(demo, "web", "import time; time.sleep(60)")
    home = demo.state.directory

    assert supervisor.reset(home=home) == 0

    assert wait_until(lambda: orphan.exit_code is not None, seconds=5)
    assert not home.exists()
    assert "starts afresh" in capsys.readouterr().out
    demo.children.clear()


def test_reset_without_a_demo_says_so(tmp_path, capsys):
    assert supervisor.reset(home=tmp_path / "never") == 0
    assert "nothing to delete" in capsys.readouterr().out


def test_commands_run_under_the_interpreter_of_the_supervisor(demo):
    child = spawn(demo, "which", "import sys; print(sys.executable)")
    child.wait(seconds=10)

    assert child.log.read_text().strip() == sys.executable
