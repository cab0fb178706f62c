"""Options that the commands which read files and numbers share."""

from __future__ import annotations

import argparse
import sys
from datetime import date

from django.core.management.base import BaseCommand


def day(text: str) -> date:
    """Read a day as YYYY-MM-DD."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no date as 2026-11-21") from error


def say(command: BaseCommand, text: str) -> None:
    """Write to the terminal; what it has no letters for, it gets a question mark for."""
    encoding = getattr(command.stdout, "encoding", None) or sys.getdefaultencoding()
    command.stdout.write(text.encode(encoding, "replace").decode(encoding))
