"""`manage.py check_documents`: whether what we keep is what was stored."""

from __future__ import annotations

import sys
import time
from collections import Counter
from typing import Any, Final

from django.core.management.base import (
    BaseCommand,
    CommandError,
    CommandParser,
    no_translations,
)

from b2b_orders.common import clock
from b2b_orders.documents.keeping import Flaw, count_stored, verify

_TICK_SECONDS: Final = 5.0
_WORDS: Final = {
    "missing": "is not there",
    "corrupt": "is not what was stored",
    "orphan": "belongs to no document",
}


class Command(BaseCommand):
    help = (
        "Hash every file in the document store again, or a sample, and name those that are"
        " missing, changed, or nobody's. Exits 1 when there are any and they were not repaired."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--repair",
            action="store_true",
            help="have missing and changed files fetched again; delete changed and nobody's",
        )
        parser.add_argument(
            "--sample", type=int, default=0, metavar="N", help="look at N files drawn by chance"
        )

    @no_translations
    def handle(self, *_: Any, **options: Any) -> None:
        sample: int = options["sample"]
        if sample < 0:
            raise CommandError("--sample must be a positive number")
        total = count_stored()
        total = min(total, sample) if sample else total
        flaws: Counter[str] = Counter()
        checked, ticked = 0, time.monotonic()
        found = verify(now=clock.now(), sample=sample, is_repair=options["repair"])
        for flaw in found:
            checked += flaw is None or flaw.kind != "orphan"
            if flaw is not None:
                flaws[flaw.kind] += 1
                self.stdout.write(_line(flaw))
            if time.monotonic() - ticked >= _TICK_SECONDS:
                ticked = time.monotonic()
                self.stderr.write(f"{checked} of {total} files")
        counts = ", ".join(f"{flaws[kind]} {kind}" for kind in _WORDS)
        repaired = "; repaired" if flaws and options["repair"] else ""
        self.stdout.write(f"{checked} files checked: {counts}{repaired}")
        if flaws and not options["repair"]:
            sys.exit(1)


def _line(flaw: Flaw) -> str:
    of = f" ({flaw.documents} documents)" if flaw.documents else ""
    return f"{flaw.sha256} {_WORDS[flaw.kind]}{of}"
