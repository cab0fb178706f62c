"""`manage.py verify_audit`: whether the audit record still says what was sealed."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

from django.core.management.base import (
    BaseCommand,
    CommandError,
    CommandParser,
    no_translations,
)

from b2b_orders.audit.verifying import Fault, Finding, Report, tell_of, verify_record
from b2b_orders.common import clock

_TICK_SECONDS: Final = 5.0
_SHOWN: Final = 50
_WORDS: Final[dict[Fault, str]] = {
    Fault.LINE_CHANGED: "was changed",
    Fault.LINE_MISSING: "is missing",
    Fault.LINE_ADDED: "was added",
    Fault.LINE_BACKDATED: "was added with an old time",
    Fault.LINE_UNSEALED: "waits for its seal for more than five minutes",
    Fault.SEAL_MISSING: "is missing",
    Fault.SEAL_CHANGED: "was changed",
    Fault.SEAL_BROKEN: "does not follow the one before",
    Fault.FORGOTTEN_EARLY: "was emptied sooner than can be",
    Fault.NOT_EXPECTED: "the expected hash is not in the chain",
}
TAMPERED, LATE = 1, 3


class Command(BaseCommand):
    help = (
        "Hash the whole audit record again and compare it with its seals. Exits 0 when all is"
        " right, 1 when something was changed, removed or added, which also raises the alarm, 3"
        " when lines only wait for their seal."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--since", metavar="DAY", help="believe seals before this day (2026-11-28)"
        )
        parser.add_argument(
            "--expect", default="", metavar="HASH", help="a hash noted earlier, outside"
        )
        parser.add_argument("--json", action="store_true", help="answer as one JSON object")

    @no_translations
    def handle(self, *_: Any, **options: Any) -> None:
        expect = options["expect"].strip().lower()
        report, ticked = Report(), time.monotonic()
        for report in verify_record(now=clock.now(), since=_day(options["since"]), expect=expect):
            if time.monotonic() - ticked >= _TICK_SECONDS:
                ticked = time.monotonic()
                self.stderr.write(f"{report.seals} seals, {report.lines} lines")
        tell_of(report, now=clock.now())
        if options["json"]:
            self.stdout.write(json.dumps(asdict(report) | {"ok": not report.findings}))
        else:
            self._say(report)
        if report.findings:
            sys.exit(LATE if report.is_late_only else TAMPERED)

    def _say(self, report: Report) -> None:
        for finding in report.findings[:_SHOWN]:
            self.stdout.write(_line(finding))
        more = len(report.findings) - _SHOWN
        if more > 0:
            self.stdout.write(f"and {more} more")
        self.stdout.write(
            f"{report.lines} lines in {report.seals} seals; {report.unsealed} not sealed"
        )
        if report.forgotten_seals:
            self.stdout.write(
                f"{report.forgotten_lines} lines of {report.forgotten_seals} seals"
                " are gone by retention; their seals are whole"
            )
        self.stdout.write(f"head {report.number} {report.head}")


def _line(finding: Finding) -> str:
    words = _WORDS[finding.fault]
    if finding.line:
        of = f" of seal {finding.seal}" if finding.seal else ""
        text = f"line {finding.line}{of} {words}"
    elif finding.seal:
        text = f"seal {finding.seal} {words}"
    else:
        text = words
    return f"{text} ({finding.text})" if finding.text else text


def _day(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError as error:
        raise CommandError(f"not a day: {text}") from error
