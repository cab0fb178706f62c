"""Options that the commands which read files and numbers share."""

from __future__ import annotations

import argparse
from datetime import date


def day(text: str) -> date:
    """Read a day as YYYY-MM-DD."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no date as 2026-11-21") from error
