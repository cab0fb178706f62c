"""CSV as spreadsheets open it: their separator, numbers as they are written, no formulas."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal

from b2b_orders.portal import formats

# What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 full width
# What it would turn into something else: leading zeros and long numbers, and "1/3" into a day.
_CHANGED = re.compile(r"0[0-9]+|[0-9]{12,}|[0-9]{1,4}[/.-][0-9]{1,4}(?:[/.-][0-9]{1,4})?")


class _Line:
    """What `csv` writes a line to."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        self.text = text
        return len(text)


def csv_lines(rows: Iterable[Sequence[str]], *, begins: bool = True) -> Iterator[bytes]:
    """Write rows, the mark that says UTF-8 before the first."""
    line = _Line()
    writer = csv.writer(line, delimiter=_separator(), lineterminator="\r\n")
    for row in rows:
        writer.writerow(row)
        yield ("\ufeff" if begins else "").encode() + line.text.encode()
        begins = False


def plain(text: str) -> str:
    """Write a text of somebody else's so that no spreadsheet runs it."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def number(text: str) -> str:
    """Write a number that is a name: its zeros stay, and `1/3` becomes no day.

    Only the form ="..." does that wherever a CSV file is opened by a double click. It
    holds nothing but digits and the signs between them.
    """
    return f'="{text}"' if _CHANGED.fullmatch(text) else plain(text)


def day(value: date | None) -> str:
    """Write a date as spreadsheets of the language read it."""
    if value is None:
        return ""
    return value.isoformat() if formats.language() == "en" else f"{value:%d/%m/%Y}"


def amount(value: Decimal | None) -> str:
    """Write an amount as spreadsheets of the language read it."""
    if value is None:
        return ""
    written = f"{value:.2f}"
    return written if formats.language() == "en" else written.replace(".", ",")


def _separator() -> str:
    """Return what separates cells where a comma is the decimal sign, and elsewhere."""
    return "," if formats.language() == "en" else ";"
