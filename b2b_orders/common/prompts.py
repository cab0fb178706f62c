"""Asking the person at a terminal for what must stand in no shell history."""

from __future__ import annotations

import sys
from getpass import getpass

from django.core.management.base import CommandError

INTERRUPTED = 130


def ask_secret(prompt: str) -> str:
    """Ask for a secret without showing it; without a terminal, read one line."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    try:
        return getpass(prompt)
    except (KeyboardInterrupt, EOFError):
        sys.stderr.write("\n")
        raise CommandError("Stopped; nothing was changed.", returncode=INTERRUPTED) from None
