"""Lists of companies as people and sources give them, read into lines.

A line says of one company its name, tax ids and ids by connection. Nothing is guessed: what
cannot be read is a problem of its line, and the rest of the list stands.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from b2b_orders.common.errors import InvalidInput
from b2b_orders.companies.tax_ids import read_tax_id

MAX_LINES = 20_000
MAX_BYTES = 10_000_000
_MAX_NAME, _MAX_TYPE, _MAX_ID, _MAX_PARTS = 150, 40, 60, 200
HEADER = ("nome", "cnpjs", "ids", "tipo", "equipe")
_COLUMNS = {
    "name": "name",
    "nome": "name",
    "nombre": "name",
    "empresa": "name",
    "tax_ids": "tax_ids",
    "tax id": "tax_ids",
    "cnpj": "tax_ids",
    "cnpjs": "tax_ids",
    "ids": "ids",
    "id": "ids",
    "customer_type": "customer_type",
    "tipo": "customer_type",
    "team": "team",
    "equipe": "team",
    "equipo": "team",
}
_APART = re.compile(r"[\s,;|]+")
# A text that a spreadsheet was kept from running, and a number kept from losing its zeros.
_KEPT = re.compile(r'=?"(.*)"')


@dataclass(slots=True)
class Line:
    """A company as a list has it. `problem` is a code, with `detail` of what it is about."""

    number: int
    name: str = ""
    tax_ids: tuple[str, ...] = ()
    countries: dict[str, str] = field(default_factory=dict)
    ids: tuple[tuple[str, str], ...] = ()
    customer_type: str = ""
    team: str = ""
    problem: str = ""
    detail: str = ""
    # What a person has to confirm before it counts: the old app's numbers.
    unconfirmed: tuple[tuple[str, str], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Write it down for the row."""
        return {
            "name": self.name,
            "tax_ids": list(self.tax_ids),
            "countries": self.countries,
            "ids": [list(pair) for pair in self.ids],
            "customer_type": self.customer_type,
            "team": self.team,
            "detail": self.detail,
            "unconfirmed": [list(pair) for pair in self.unconfirmed],
        }


def decode(content: bytes) -> str:
    """Read a file's bytes as text, as spreadsheets write it; `InvalidInput` when it is none."""
    if b"\0" in content or content.startswith((b"PK\x03\x04", b"%PDF", b"\x89PNG")):
        raise InvalidInput("file", "file-not-text")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # As older spreadsheets save it in Portuguese and Spanish.
        try:
            return content.decode("cp1252")
        except UnicodeDecodeError as error:
            raise InvalidInput("file", "file-not-text") from error


def read_csv(content: str) -> Iterator[Line]:
    """Read a list; `InvalidInput` when it is none, and a problem of each line that is wrong."""
    text = content.removeprefix("\ufeff")
    if "\0" in text:
        raise InvalidInput("file", "file-not-text")
    first = text.split("\n", 1)[0]
    separator = ";" if first.count(";") >= first.count(",") else ","
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        columns = [_COLUMNS.get(" ".join(each.casefold().split()), "") for each in next(rows, [])]
    except csv.Error as error:
        raise InvalidInput("file", "file-not-csv") from error
    if "name" not in columns or ("tax_ids" not in columns and "ids" not in columns):
        raise InvalidInput("file", "columns-missing")
    yield from _lines(rows, columns)


def _lines(rows: Any, columns: Sequence[str]) -> Iterator[Line]:
    number = 1
    while True:
        number += 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            raise InvalidInput("file", "file-not-csv") from error
        if not any(cell.strip() for cell in row):
            continue
        if number > MAX_LINES + 1:
            raise InvalidInput("file", "too-many-lines")
        cells = {name: _cell(cell) for name, cell in zip(columns, row, strict=False) if name}
        yield _line(number, cells, too_long=len(row) > len(columns))


def _cell(text: str) -> str:
    kept = _KEPT.fullmatch(text.strip())
    return " ".join((kept[1] if kept else text).split()).removeprefix("'")


def _line(number: int, cells: dict[str, str], *, too_long: bool) -> Line:
    line = Line(number, cells.get("name", "")[:_MAX_NAME])
    line.customer_type = cells.get("customer_type", "")
    line.team = cells.get("team", "")
    if too_long:
        line.problem = "too-many-cells"
    elif not line.name:
        line.problem = "company-name-missing"
    elif len(cells.get("name", "")) > _MAX_NAME:
        line.problem = "name-too-long"
    elif len(line.customer_type) > _MAX_TYPE:
        line.problem, line.customer_type = "customer-type-too-long", ""
    read_names(line, _parts(cells.get("tax_ids", "")))
    _read_ids(line, _parts(cells.get("ids", "")))
    if not line.problem and not line.tax_ids and not line.ids:
        line.problem = "nothing-to-know-it-by"
    return line


def _parts(text: str) -> list[str]:
    return [part for part in _APART.split(text) if part][: _MAX_PARTS + 1]


def read_names(line: Line, parts: Sequence[str]) -> None:
    """Read a line's tax ids; the first that is none is the line's problem."""
    found: dict[str, str] = {}
    for part in parts[:_MAX_PARTS]:
        try:
            read = read_tax_id(part)
        except InvalidInput:
            line.problem, line.detail = line.problem or "tax-id-wrong", line.detail or part[:40]
            continue
        found[read.value] = read.country
    if len(parts) > _MAX_PARTS:
        line.problem = line.problem or "too-many-parts"
    line.tax_ids = tuple(found)
    line.countries = {value: country for value, country in found.items() if country}


def _read_ids(line: Line, parts: Sequence[str]) -> None:
    pairs = []
    for part in parts[:_MAX_PARTS]:
        connection, equals, value = part.partition("=")
        if not (equals and connection and value) or len(value) > _MAX_ID:
            line.problem, line.detail = line.problem or "id-wrong", line.detail or part[:40]
            continue
        pairs.append((connection, value))
    line.ids = tuple(dict.fromkeys(pairs))
