"""CSV that a spreadsheet opens as it is meant, and runs nothing of."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal

import pytest
from django.utils import translation

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
