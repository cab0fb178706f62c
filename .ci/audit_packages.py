"""Asks whether any package that we ship has a known vulnerability, and says what it knows.

pip-audit calls a package that it could not ask about clean. Here only an answer about every
package is "clean"; no answer is "could not be audited", loudly and without failing, because a
network that is away says nothing of our packages (`--must` makes it fail, for a release). A
vulnerability fails, unless the list of ignored ones names it with a reason and a day, not yet
past, until which that is to be looked at again.

It stands beside what CI runs because nothing of the product needs it: `make lint` calls it.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from packaging.markers import Marker

HERE = Path(__file__).resolve().parent
PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==", re.MULTILINE)
# For so many days one may be ignored at most.
LONGEST = 180
CLEAN, VULNERABLE, UNKNOWN = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Ignored:
    """A vulnerability that somebody looked at, until when and why it does not concern us."""

    id: str
    until: date
    reason: str


class BadList(Exception):
    """A line of the list of ignored vulnerabilities cannot stand."""


def read_ignored(text: str, today: date) -> tuple[Ignored, ...]:
    """Read lines of id, day and reason; `BadList` for one that lacks some or is past its day."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split("#", 1)[0].split(maxsplit=2)
        if not words:
            continue
        try:
            name, until, reason = words[0], date.fromisoformat(words[1]), words[2]
        except (IndexError, ValueError) as error:
            message = f"line {number}: write an id, a day (2026-12-31) and a reason"
            raise BadList(message) from error
        if until < today:
            raise BadList(f"line {number}: {name} was to be looked at again by {until}")
        if (until - today).days > LONGEST:
            raise BadList(f"line {number}: {name} is ignored for more than {LONGEST} days")
        found.append(Ignored(name, until, reason))
    return tuple(found)


def ask(requirements: Path, *, service: str, osv_url: str, seconds: float) -> Any:
    """Run pip-audit; return its answer, or why there is none."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(requirements)]
    command += ["--no-deps", "--disable-pip", "--strict", "--format", "json"]
    command += ["--progress-spinner", "off", "--timeout", "5"]
    command += ["--vulnerability-service", service]
    if osv_url:
        command += ["--osv-url", osv_url]
    try:
        done = subprocess.run(  # noqa: S603 our own words
            command, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {seconds:g} s"
    try:
        return json.loads(done.stdout)
    except ValueError:
        lines = done.stderr.strip().splitlines() or ["it said nothing"]
        return lines[-1][:300]


def judge(answer: Any, pinned: set[str], ignored: tuple[Ignored, ...]) -> tuple[int, list[str]]:
    """Say what an answer means: a code, and lines for people."""
    if isinstance(answer, str):
        return UNKNOWN, [answer]
    packages = answer.get("dependencies", [])
    asked = {normal(each["name"]) for each in packages if "skip_reason" not in each}
    known = {each.id: each for each in ignored}
    found, lines = False, []
    for package in packages:
        for each in package.get("vulns", []):
            names = [each["id"], *each.get("aliases", [])]
            about = f"{package['name']} {package.get('version', '')}: {', '.join(names)}"
            why = next((known[name] for name in names if name in known), None)
            if why:
                lines.append(f"ignored until {why.until}: {about} ({why.reason})")
                continue
            found = True
            fixed = ", ".join(each.get("fix_versions", [])) or "no version"
            lines.append(f"VULNERABLE: {about}; mended in {fixed}")
    if found:
        return VULNERABLE, lines
    if missing := sorted(pinned - asked):
        return UNKNOWN, [*lines, f"no answer about {', '.join(missing[:10])}"]
    return CLEAN, lines


def normal(name: str) -> str:
    """Write a package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> int:
    """Audit, say what is known, and return how it ended."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--requirements", type=Path, default=HERE.parent / "requirements.txt")
    options.add_argument("--ignored", type=Path, default=HERE / "ignored-vulnerabilities.txt")
    options.add_argument("--service", choices=("osv", "pypi"), default="osv")
    options.add_argument("--osv-url", default="")
    options.add_argument("--seconds", type=float, default=14.0)
    options.add_argument("--must", action="store_true", help="no answer fails, too")
    given = options.parse_args()
    try:
        ignored = read_ignored(given.ignored.read_text(), datetime.now(UTC).date())
    except BadList as error:
        print(f"{given.ignored.name}, {error}")
        return VULNERABLE
    pinned = {normal(name) for name in PINNED.findall(applicable(given.requirements.read_text()))}
    answer = ask(
        given.requirements, service=given.service, osv_url=given.osv_url, seconds=given.seconds
    )
    code, lines = judge(answer, pinned, ignored)
    for line in lines:
        print(line)
    if code == UNKNOWN:
        print(
            "!! THE PACKAGES COULD NOT BE AUDITED. This says nothing about whether they are safe."
        )
        return UNKNOWN if given.must else CLEAN
    if code == CLEAN:
        print(f"{len(pinned)} packages, no vulnerability that is known and not ignored")
    return code


def applicable(text: str) -> str:
    """Leave out what is pinned for other systems or versions of Python than this one."""
    kept = []
    for line in text.splitlines():
        _what, _semicolon, marker = line.rstrip(" \\").partition(" ; ")
        if marker and not applies(marker):
            continue
        kept.append(line)
    return "\n".join(kept)


def applies(marker: str) -> bool:
    """Say whether a marker holds here."""
    return Marker(marker).evaluate()


if __name__ == "__main__":
    sys.exit(main())
