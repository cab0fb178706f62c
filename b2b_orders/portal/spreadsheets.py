"""CSV and XLSX as spreadsheets open them: numbers as they are written, no formulas.

A cell is a value that says what it is: a text of somebody's, a `Number` that is a name, a day,
a moment, an amount, a count. Both forms write the same rows.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any, Final

import xlsxwriter

from b2b_orders.portal import formats

CSV_TYPE: Final = "text/csv; charset=utf-8"
XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CONTENT_TYPE: Final = {"csv": CSV_TYPE, "xlsx": XLSX_TYPE}

# What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 full width
# What it would turn into something else: leading zeros and long numbers, and "1/3" into a day.
_CHANGED = re.compile(r"0[0-9]+|[0-9]{12,}|[0-9]{1,4}[/.-][0-9]{1,4}(?:[/.-][0-9]{1,4})?")

# What no XML may hold, and so no XLSX: controls, halves of characters, what is no character.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_LONGEST: Final = 32_767
_WIDEST, _NARROWEST = 60, 9


@dataclass(frozen=True, slots=True)
class Number:
    """A number that is a name: an order's, an invoice's, a tax id. Its zeros stay."""

    text: str


Cell = str | Number | date | datetime | Decimal | int | None


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


def csv_cells(row: Iterable[Cell]) -> list[str]:
    """Write a row's cells as `csv_lines` takes them."""
    return [_csv_cell(cell) for cell in row]


def _csv_cell(cell: Cell) -> str:
    written = ""
    if isinstance(cell, str):
        written = plain(cell)
    elif isinstance(cell, Number):
        written = number(cell.text)
    elif isinstance(cell, datetime):
        there = formats.local(cell)
        written = f"{day(there.date())} {there:%H:%M}"
    elif isinstance(cell, date):
        written = day(cell)
    elif isinstance(cell, Decimal):
        written = amount(cell)
    elif cell is not None:
        written = str(cell)
    return written


def write_csv(file: IO[bytes], rows: Iterable[Sequence[Cell]]) -> None:
    """Write rows into a file, a head first."""
    for line in csv_lines(csv_cells(row) for row in rows):
        file.write(line)


def write_xlsx(file: IO[bytes], rows: Iterable[Sequence[Cell]], *, title: str) -> None:
    """Write rows into a workbook of one sheet, a head first, holding one row at a time.

    Days, moments and amounts are cells of that kind; everything else is text, whatever it
    looks like: nothing becomes a formula, a link or another number.
    """
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_numbers": False,
        "strings_to_urls": False,
        "remove_timezone": True,
    }
    book = xlsxwriter.Workbook(file, options)
    is_english = formats.language() == "en"
    forms = {
        "head": book.add_format({"bold": True, "bottom": 1}),
        "day": book.add_format({"num_format": "yyyy-mm-dd" if is_english else "dd/mm/yyyy"}),
        "moment": book.add_format(
            {"num_format": "yyyy-mm-dd hh:mm" if is_english else "dd/mm/yyyy hh:mm"}
        ),
        "amount": book.add_format({"num_format": "#,##0.00"}),
        # As text: or else a spreadsheet turns a cell into a number once somebody edits it.
        "text": book.add_format({"num_format": "@"}),
    }
    sheet = book.add_worksheet(re.sub(r"[][:*?/\\']", " ", xml_text(title))[:31] or "1")
    sheet.freeze_panes(1, 0)
    for at, row in enumerate(rows):
        if at == 0:
            for place, cell in enumerate(row):
                width = min(_WIDEST, max(_NARROWEST, len(str(cell)) + 2, 18 if place == 0 else 14))
                sheet.set_column(place, place, width)
        for place, cell in enumerate(row):
            _xlsx_cell(sheet, at, place, cell, forms)
    book.close()


def _xlsx_cell(sheet: Any, at: int, place: int, cell: Cell, forms: dict[str, Any]) -> None:
    if isinstance(cell, datetime):
        sheet.write_datetime(at, place, formats.local(cell).replace(tzinfo=None), forms["moment"])
    elif isinstance(cell, date):
        sheet.write_datetime(at, place, datetime(cell.year, cell.month, cell.day), forms["day"])  # noqa: DTZ001 a plain date
    elif isinstance(cell, Decimal):
        sheet.write_number(at, place, float(cell), forms["amount"])
    elif isinstance(cell, int):
        sheet.write_number(at, place, cell)
    elif isinstance(cell, Number):
        sheet.write_string(at, place, xml_text(cell.text), forms["text"])
    elif cell:
        sheet.write_string(at, place, xml_text(cell), forms["head"] if at == 0 else None)


def xml_text(text: str) -> str:
    """Take out of a text what no XML may hold, and what is too long for a cell."""
    return _NOT_XML.sub("", text)[:_LONGEST]


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
