"""The audit of packages: clean, vulnerable, and the difference between clean and not known."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import pytest

TOOL = Path(__file__).resolve().parents[2] / ".ci" / "audit_packages.py"
TODAY = date(2026, 3, 10)
SOON = (datetime.now(UTC) + timedelta(days=30)).date()
HASH = "sha256:" + "0" * 64
LOCKED = f"""\
django==5.2.19 \\
    --hash={HASH}
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash={HASH}
"""
VULNERABLE = {
    "vulns": [
        {
            "id": "PYSEC-2026-1",
            "aliases": ["CVE-2026-1"],
            "summary": "x",
            "affected": [
                {
                    "package": {"name": "django", "ecosystem": "PyPI"},
                    "ranges": [
                        {
                            "type": "ECOSYSTEM",
                            "events": [{"introduced": "0"}, {"fixed": "5.2.20"}],
                        }
                    ],
                }
            ],
        }
    ]
}


@dataclass
class Service:
    """What OSV answers, and what it was asked."""

    url: str = ""
    answer: dict[str, object] = field(default_factory=dict)
    status: int = 200
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def osv() -> Iterator[Service]:
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            service.asked.append(body["package"]["name"])
            answer = json.dumps(service.answer).encode()
            self.send_response(service.status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.url = f"http://127.0.0.1:{server.server_port}/v1/query"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield service
    server.shutdown()
    server.server_close()


@pytest.fixture
def audit(tmp_path):
    locked, ignored = tmp_path / "requirements.txt", tmp_path / "ignored.txt"
    locked.write_text(LOCKED)

    def run(url: str, *more: str, ignores: str = "") -> tuple[int, str]:
        ignored.write_text(ignores)
        done = subprocess.run(
            [
                *(sys.executable, str(TOOL), "--requirements", str(locked)),
                *("--ignored", str(ignored), "--osv-url", url, *more),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        return done.returncode, done.stdout

    return run


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit_packages", TOOL)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["audit_packages"] = module
    spec.loader.exec_module(module)
    return module


tool = load()


def test_an_answer_about_every_package_is_clean(osv, audit):
    code, said = audit(osv.url)

    assert (code, said) == (0, "1 packages, no vulnerability that is known and not ignored\n")
    assert osv.asked == ["django"]


def test_a_vulnerable_package_fails_and_is_named_with_its_remedy(osv, audit):
    osv.answer = VULNERABLE

    code, said = audit(osv.url)

    assert code == 1
    assert said == "VULNERABLE: django 5.2.19: PYSEC-2026-1, CVE-2026-1; mended in 5.2.20\n"


@pytest.mark.parametrize("name", ["PYSEC-2026-1", "CVE-2026-1"])
def test_one_that_is_ignored_with_a_reason_does_not_fail_and_is_said(osv, audit, name):
    osv.answer = VULNERABLE

    code, said = audit(osv.url, ignores=f"{name} {SOON} not reachable from our code\n")

    assert code == 0
    assert f"ignored until {SOON}: django 5.2.19" in said
    assert "not reachable from our code" in said


def test_a_service_that_is_away_is_not_called_clean(audit):
    code, said = audit("http://127.0.0.1:1/v1/query")

    assert code == 0
    assert "COULD NOT BE AUDITED" in said
    assert "no vulnerability" not in said
    assert audit("http://127.0.0.1:1/v1/query", "--must")[0] == 2


def test_a_service_that_fails_is_not_called_clean(osv, audit):
    osv.status = 503

    code, said = audit(osv.url)

    assert code == 0
    assert "COULD NOT BE AUDITED" in said


def test_a_service_that_hangs_is_given_up(osv, audit):
    code, said = audit(osv.url, "--seconds", "0.05")

    assert code == 0
    assert "no answer within 0.05 s" in said
    assert "COULD NOT BE AUDITED" in said


def test_what_was_skipped_is_not_clean():
    answer = {"dependencies": [{"name": "django", "skip_reason": "not found"}]}

    code, lines = tool.judge(answer, {"django"}, ())

    assert (code, lines) == (tool.UNKNOWN, ["no answer about django"])


def test_a_vulnerability_counts_though_others_got_no_answer():
    vulns = [{"id": "X-1", "fix_versions": []}]
    answer = {"dependencies": [{"name": "django", "version": "1", "vulns": vulns}]}

    code, lines = tool.judge(answer, {"django", "lxml"}, ())

    assert (code, lines) == (
        tool.VULNERABLE,
        ["VULNERABLE: django 1: X-1; mended in no version"],
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("X-1", "write an id, a day"),
        ("X-1 2026-06-01", "write an id, a day"),
        ("X-1 soon because", "write an id, a day"),
        ("X-1 2026-03-09 because", "was to be looked at again by 2026-03-09"),
        ("X-1 2027-03-10 because", "is ignored for more than 180 days"),
    ],
)
def test_an_ignored_one_needs_a_reason_and_a_day_that_is_not_past(line, said):
    with pytest.raises(tool.BadList, match=said):
        tool.read_ignored(f"# comment\n\n{line}\n", TODAY)


def test_a_line_past_its_day_fails(osv, audit):
    code, said = audit(osv.url, ignores="X-1 2020-01-01 because\n")

    assert code == 1
    assert "was to be looked at again by 2020-01-01" in said


def test_our_own_list_is_sound_and_reads_our_own_lock():
    here = TOOL.parent
    tool.read_ignored((here / "ignored-vulnerabilities.txt").read_text(), datetime.now(UTC).date())
    pinned = tool.PINNED.findall(tool.applicable((here.parent / "requirements.txt").read_text()))

    assert {"django", "psycopg", "lxml"} <= {tool.normal(name) for name in pinned}
