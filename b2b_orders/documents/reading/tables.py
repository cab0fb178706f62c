"""Reads what can be said of a CSV or text file: its encoding, separator and number of rows."""

from __future__ import annotations

import codecs
from typing import Any, Final

# Larger lists are handed out without being counted.
MAX_TABLE_BYTES: Final = 5_000_000
_SEPARATORS: Final = (";", "\t", "|", ",")


def read_table(content: bytes) -> dict[str, Any]:
    """Read a list's shape. A first line that separates columns is their header, no row."""
    encoding = _encoding_of(content)
    lines = [line for line in content.decode(encoding, "replace").splitlines() if line.strip()]
    separator = _separator_of(lines)
    facts: dict[str, Any] = {"encoding": encoding, "rows": len(lines)}
    if separator:
        facts |= {"separator": separator, "rows": len(lines) - 1, "columns": _columns(lines)}
    return facts


def _encoding_of(content: bytes) -> str:
    if content.isascii():
        return "ascii"
    if content.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    for encoding in ("utf-8", "cp1252"):
        try:
            content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    return "latin-1"


def _separator_of(lines: list[str]) -> str:
    """Find what separates columns: it stands in each of the first lines equally often."""
    for separator in _SEPARATORS:
        counts = {line.count(separator) for line in lines[:20]}
        if len(lines) > 1 and len(counts) == 1 and counts.pop() > 0:
            return separator
    return ""


def _columns(lines: list[str]) -> list[str]:
    separator = _separator_of(lines)
    return [
        name.strip(' "\ufeff').replace("\x00", "")[:60] for name in lines[0].split(separator)[:50]
    ]
