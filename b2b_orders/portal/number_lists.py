"""Reading many numbers: pasted as text, or a column of a spreadsheet that was given."""

from __future__ import annotations

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from python_calamine import CalamineError, CalamineWorkbook

from b2b_orders.common.errors import InvalidInput
from b2b_orders.ingest.company_lists import decode
from b2b_orders.orders.numbers import normalise

# Characters of one number, and numbers that are given back when they are too many.
MAX_NUMBER: Final = 200
MAX_GIVEN: Final = 5000
MAX_BYTES: Final = 2_000_000
# A workbook is a ZIP file: what it holds is counted before anything of it is opened.
_UNPACKED: Final = 30_000_000
_ENTRIES: Final = 300
_ROWS, _COLUMNS = 20_000, 100
# Where a row or a cell says to be: at most in column ZZ.
_PLACED: Final = re.compile(rb"""<(?:\w+:)?(?:c|row)\s[^>]*?\br\s*=\s*["']([^"']*)["']""")
_PLACE: Final = re.compile(rb"([A-Z]{0,3})([0-9]{1,7})")
_LETTERS: Final = 2
_XLSX: Final = b"PK\x03\x04"
_PARTS: Final = re.compile(r"[\n\r;,\t\v\f\u2028\u2029]+")
# As this portal writes numbers into CSV, so that their zeros stay.
_WRITTEN: Final = re.compile(r'="(.*)"')
_AMOUNT: Final = re.compile(r"(?:R\$|US\$|€)?\s*-?[0-9]{1,3}(?:[.,][0-9]{3})*[.,][0-9]{2}")
_DAY: Final = re.compile(r"[0-9]{1,4}[/.-][0-9]{1,2}[/.-][0-9]{1,4}(?:[ T][0-9:]+)?")


@dataclass(frozen=True, slots=True)
class NumberList:
    """The numbers of a file. `column` is the one taken, `heading` what stands above it."""

    numbers: tuple[str, ...]
    column: str
    heading: str


def split_numbers(text: str) -> tuple[str, ...]:
    """Split what was pasted: one a line, or with a semicolon, a comma or a tab between them."""
    return tuple(number for part in _PARTS.split(text) if (number := _clean(part)))


def _clean(text: str) -> str:
    """Take off what spreadsheets put around a number."""
    written = " ".join(text.replace("\0", "").split())
    if whole := _WRITTEN.fullmatch(written):
        written = whole[1]
    return written.strip("\"'").strip()[: MAX_NUMBER + 1]


def read_file(content: bytes) -> NumberList:
    """Read the column of a CSV or XLSX file that has the most numbers.

    `InvalidInput` with a code for what is neither, too large, or without numbers.
    """
    if not content:
        raise InvalidInput("file", "file-empty")
    if len(content) > MAX_BYTES:
        raise InvalidInput("file", "file-too-large")
    rows = _read_xlsx(content) if content.startswith(_XLSX) else _read_csv(content)
    table = [[_cell(value) for value in row[:_COLUMNS]] for row in rows[:_ROWS]]
    width = max((len(row) for row in table), default=0)
    scores = [sum(_is_number(row[at]) for row in table if at < len(row)) for at in range(width)]
    if not any(scores):
        raise InvalidInput("file", "file-without-numbers")
    # Of several alike the first: it is what a list is about.
    taken = scores.index(max(scores))
    cells = [row[taken] if taken < len(row) else "" for row in table]
    heading = cells[0] if cells and not _is_number(cells[0]) else ""
    numbers = tuple(each for each in (cells[1:] if heading else cells) if each)
    return NumberList(numbers, _letter(taken), heading)


def _read_xlsx(content: bytes) -> Sequence[Sequence[Any]]:
    _check_size(content)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheets = book.sheet_names
        return book.get_sheet_by_name(sheets[0]).to_python() if sheets else []
    except (CalamineError, OSError, ValueError) as error:
        raise InvalidInput("file", "file-not-read") from error


def _check_size(content: bytes) -> None:
    """Refuse what unpacks to more than is worth reading, or spans more cells than it holds.

    Two cells in the corners of a sheet are a small file, and gigabytes once a table is made
    of them.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if len(entries) > _ENTRIES or sum(each.file_size for each in entries) > _UNPACKED:
                raise InvalidInput("file", "file-too-large")
            # Read to its end, so that what lies about its size is found here and not later.
            for entry in entries:
                _check_cells(archive.read(entry))
    except (zipfile.BadZipFile, zlib.error, ValueError, OSError, RuntimeError, EOFError) as error:
        raise InvalidInput("file", "file-not-read") from error


def _check_cells(content: bytes) -> None:
    for found in _PLACED.finditer(content):
        place = _PLACE.fullmatch(found[1])
        if place is None:
            raise InvalidInput("file", "file-not-read")
        if int(place[2]) > _ROWS or len(place[1]) > _LETTERS:
            raise InvalidInput("file", "file-too-large")


def _read_csv(content: bytes) -> Sequence[Sequence[str]]:
    text = decode(content)
    first = text[:4000].splitlines()[:20]
    separator = max(";\t,", key=lambda sign: sum(line.count(sign) for line in first))
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error as error:
        raise InvalidInput("file", "file-not-read") from error


def _cell(value: object) -> str:
    """Write a cell as it was typed: 4500123.0 is 4500123, and a day or an hour is no number."""
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, (datetime, date, time, timedelta)):
        return ""
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() else repr(value)
    return _clean(str(value))


def _is_number(text: str) -> bool:
    """Say whether a cell may be the number of something: digits, and neither day nor amount."""
    if len(text) > MAX_NUMBER or not any(sign.isdigit() for sign in text):
        return False
    if _AMOUNT.fullmatch(text) or _DAY.fullmatch(text):
        return False
    letters = sum(sign.isalpha() for sign in text)
    # "Rua das Flores, 12" has a digit too.
    return len(normalise(text)) >= 3 and letters <= max(6, len(text) // 2)


def _letter(at: int) -> str:
    """Name a column as spreadsheets do."""
    name = ""
    at += 1
    while at:
        at, rest = divmod(at - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def as_text(numbers: Iterable[str]) -> str:
    """Write numbers as they are pasted, one a line."""
    return "\n".join(numbers)
