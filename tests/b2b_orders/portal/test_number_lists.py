"""Numbers out of what people paste and out of their spreadsheets, which nobody made for us."""

from __future__ import annotations

import io
import zipfile
from datetime import date

import pytest
import xlsxwriter

from b2b_orders.common.errors import InvalidInput
from b2b_orders.portal.number_lists import MAX_BYTES, NumberList, read_file, split_numbers

SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">{}</worksheet>'
)


def workbook(rows) -> bytes:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file)
    sheet = book.add_worksheet()
    day = book.add_format({"num_format": "dd/mm/yyyy"})
    for at, row in enumerate(rows):
        for place, cell in enumerate(row):
            if isinstance(cell, date):
                sheet.write_datetime(at, place, cell, day)
            elif isinstance(cell, str):
                sheet.write_string(at, place, cell)
            else:
                sheet.write_number(at, place, cell)
    book.close()
    return file.getvalue()


def replaced(content: bytes, name: str, data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w", 8) as new:
        for entry in old.namelist():
            new.writestr(entry, data if entry == name else old.read(entry))
    return file.getvalue()


def test_pasted_text_is_split_at_lines_semicolons_commas_and_tabs_and_not_at_blanks():
    text = ' 4500123 \r\nOC 77-A;PO-2026/0815,\t"1001/1"\n\n="000123"\n3526 0312\n'

    assert split_numbers(text) == (
        "4500123",
        "OC 77-A",
        "PO-2026/0815",
        "1001/1",
        "000123",
        "3526 0312",
    )


ROWS = [
    ["Cliente", "Pedido", "Data", "Valor"],
    ["Rua 1, Alfa", "0004500123", "10/03/2026", "1.234,50"],
    ["Beta", "PO-2026/0815", "11/03/2026", "99,00"],
]


@pytest.mark.parametrize("separator", [";", ",", "\t"])
def test_the_column_of_a_csv_with_the_most_numbers_is_taken(separator):
    lines = [separator.join(f'"{cell}"' for cell in row) for row in ROWS]

    assert read_file("\n".join(lines).encode("utf-8-sig")) == NumberList(
        ("0004500123", "PO-2026/0815"), "B", "Pedido"
    )


def test_the_column_of_a_workbook_is_taken_and_numbers_in_it_have_no_decimals():
    rows = [
        ["Data", "Total", "Pedido"],
        [date(2026, 3, 10), 10.5, 4500123],
        [date(2026, 3, 11), 20.25, "0004500987"],
        [date(2026, 3, 12), 30.75, "OC 77-A"],
    ]

    assert read_file(workbook(rows)) == NumberList(
        ("4500123", "0004500987", "OC 77-A"), "C", "Pedido"
    )


def test_a_column_without_a_heading_loses_no_number():
    assert read_file(b"4500123\n4500987\n") == NumberList(("4500123", "4500987"), "A", "")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "file-empty"),
        (b"x" * (MAX_BYTES + 1), "file-too-large"),
        (b"%PDF-1.7 1234567", "file-not-text"),
        (b"\x00\x01\x02", "file-not-text"),
        (b"Nome;Cidade\nAna;Natal\n", "file-without-numbers"),
        (b"PK\x03\x04 and no more", "file-not-read"),
    ],
)
def test_what_is_no_list_of_numbers_is_refused(content, problem):
    with pytest.raises(InvalidInput, match=problem):
        read_file(content)


def test_a_workbook_that_unpacks_to_too_much_is_not_opened():
    bomb = replaced(workbook([["1234"]]), "xl/styles.xml", b" " * 40_000_000)
    assert len(bomb) < 100_000

    with pytest.raises(InvalidInput, match="file-too-large"):
        read_file(bomb)


def test_a_workbook_that_lies_about_its_size_is_not_opened():
    bomb = replaced(workbook([["1234"]]), "xl/styles.xml", b" " * 9_999_999)
    lying = bomb.replace((9_999_999).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert lying != bomb

    with pytest.raises(InvalidInput, match="file-not-read"):
        read_file(lying)


@pytest.mark.parametrize("place", ["XFD1048576", "A1048576", "XFD1"])
def test_two_cells_far_apart_make_no_table_of_gigabytes(place):
    far = f'<row><c r="{place}"><v>1</v></c></row>'
    cells = f'<sheetData><row><c r="A1"><v>1</v></c></row>{far}</sheetData>'
    content = replaced(
        workbook([["1234"]]), "xl/worksheets/sheet1.xml", SHEET.format(cells).encode()
    )

    with pytest.raises(InvalidInput, match="file-too-large"):
        read_file(content)


def test_a_zip_file_that_is_no_workbook_is_refused():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", "1234")

    with pytest.raises(InvalidInput, match="file-not-read"):
        read_file(file.getvalue())
