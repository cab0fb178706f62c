"""CSV that a spreadsheet opens as it is meant, and runs nothing of."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.utils import translation
from python_calamine import CalamineWorkbook

from b2b_orders.portal import spreadsheets


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\n=1", "=cmd|' /C calc'!A0", "\uff1d1+1"],
)
def test_what_begins_a_formula_is_made_text(text):
    assert spreadsheets.plain(text) == f"'{text}"
    assert spreadsheets.number(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "PO-2026/0815", "OC 77-A", "a=b", "1001", "NF 1"])
def test_other_texts_stay_as_they_are(text):
    assert spreadsheets.plain(text) == text
    assert spreadsheets.number(text) == text


@pytest.mark.parametrize("text", ["0004500123", "12345678000195", "1/3", "10-12", "01.02.2026"])
def test_numbers_that_a_spreadsheet_would_change_stay_text(text):
    assert spreadsheets.number(text) == f'="{text}"'


@pytest.mark.parametrize("text", ['="0";1', '0"', "0001)+1", "0 1", "\u0660\u0660\u0661"])
def test_the_form_for_numbers_holds_no_sign_that_ends_it(text):
    assert not spreadsheets.number(text).startswith('="')


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("pt-br", "\ufeffa;10/03/2026;-1234,50\r\n"),
        ("es", "\ufeffa;10/03/2026;-1234,50\r\n"),
        ("en", "\ufeffa,2026-03-10,-1234.50\r\n"),
    ],
)
def test_separator_dates_and_amounts_are_the_languages(language, line):
    with translation.override(language):
        row = ["a", spreadsheets.day(date(2026, 3, 10)), spreadsheets.amount(Decimal("-1234.5"))]
        written = b"".join(spreadsheets.csv_lines([row])).decode()

    assert written == line


def test_what_is_not_known_is_an_empty_cell():
    assert (spreadsheets.day(None), spreadsheets.amount(None)) == ("", "")


def test_separators_quotes_and_line_ends_stay_inside_their_cell():
    row = ['a;b"c\r\nd', "e"]

    with translation.override("es"):
        text = b"".join(spreadsheets.csv_lines([row], begins=False)).decode()

    assert list(csv.reader(io.StringIO(text, newline=""), delimiter=";")) == [row]


HOSTILE = [
    "=1+1",
    "=cmd|' /C calc'!A0",
    "@SUM(A1)",
    "http://evil.example/",
    "<script>alert(1)</script>",
    "a\x00\x01\x0b\ud800b",
]


def workbook(rows, language="pt-br"):
    file = io.BytesIO()
    with translation.override(language):
        spreadsheets.write_xlsx(file, rows, title="Pedidos: 2026/03")
    return CalamineWorkbook.from_filelike(io.BytesIO(file.getvalue())), file.getvalue()


def test_a_workbook_holds_texts_as_texts_and_amounts_and_days_as_such():
    moment = datetime(2026, 3, 10, 12, 5, tzinfo=UTC)
    rows = [
        ["Pedido", "Data", "Alterado", "Total", "Docs"],
        [spreadsheets.Number("0004500123"), date(2026, 3, 10), moment, Decimal("-1234.50"), 8],
        [spreadsheets.Number("1/3"), None, None, None, ""],
    ]

    book, _content = workbook(rows)

    assert book.get_sheet_by_index(0).to_python() == [
        ["Pedido", "Data", "Alterado", "Total", "Docs"],
        ["0004500123", date(2026, 3, 10), datetime(2026, 3, 10, 9, 5), -1234.5, 8.0],  # noqa: DTZ001 as a cell has it
        ["1/3", "", "", "", ""],
    ]


def test_nothing_in_a_workbook_runs_or_leads_anywhere():
    book, content = workbook([["x"], *([text] for text in HOSTILE)])

    cells = [row[0] for row in book.get_sheet_by_index(0).to_python()][1:]
    assert cells == [*HOSTILE[:-1], "ab"]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"]
    assert b"<f>" not in sheet
    assert b"hyperlink" not in sheet
    assert not [name for name in parts if "rels" in name and b"evil" in parts[name]]


def test_a_text_too_long_for_a_cell_is_cut_and_the_row_is_kept():
    book, _content = workbook([["x", "y"], ["a" * 40_000, "end"]])

    assert [len(cell) for cell in book.get_sheet_by_index(0).to_python()[1]] == [32_767, 3]


def test_both_forms_write_the_same_cells_of_a_language():
    row = [spreadsheets.Number("007"), "=1", date(2026, 3, 10), Decimal("1.5"), 3, None]

    with translation.override("pt-br"):
        assert spreadsheets.csv_cells(row) == ['="007"', "'=1", "10/03/2026", "1,50", "3", ""]
    with translation.override("en"):
        assert spreadsheets.csv_cells(row) == ['="007"', "'=1", "2026-03-10", "1.50", "3", ""]
