"""Check digits and parts of Brazilian identifiers."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from erp_bridge import identifiers

KEY = "35210320695448000184550010000035891981839923"
LINE = "00190000090312855700000012345179416560000378196"


@pytest.mark.parametrize(
    "text",
    [
        "16.727.230/0001-97",
        "12.ABC.345/01DE-35",
        "12abc34501de35",
        " 12ABC34501DE35\n",
        "00000000000191",
        "0X.0J9.2JY/0001-96",
    ],
)
def test_a_right_cnpj_is_valid_however_it_is_written(text):
    assert identifiers.valid_cnpj(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "191",
        "16.727.230/0001-98",
        "12ABC34501DE53",
        "12ABC34501DE3A",
        "12.ABC.345/01DE-355",
        "12ABC34501DÉ35",
        "00000000000000",
        "11111111111111",
    ],
)
def test_a_wrong_cnpj_is_refused(text):
    assert not identifiers.valid_cnpj(text)


def test_cnpj_digits_are_computed_for_letters():
    assert identifiers.cnpj_with_digits("12ABC34501DE") == "12ABC34501DE35"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("529.982.247-25", True),
        ("00000000191", True),
        ("529.982.247-26", False),
        ("111.111.111-11", False),
        ("5299822472", False),
    ],
)
def test_cpf_check_digits(text, expected):
    assert identifiers.valid_cpf(text) is expected


def test_tax_id_is_written_without_punctuation():
    assert identifiers.normalise_tax_id(" 12.abc.345/01de-35 ") == "12ABC34501DE35"


def test_access_key_is_taken_apart():
    parts = identifiers.access_key_parts("4117 0706 1174 7300 0150 5500 1000 0463 2026 1275 6525")

    assert parts == identifiers.AccessKey(
        key="41170706117473000150550010000463202612756525",
        state_code="41",
        year_month="2017-07",
        emitter="06117473000150",
        model="55",
        series="1",
        number="46320",
        emission_type="2",
        random_code="61275652",
        check_digit="5",
    )


@pytest.mark.parametrize(
    "text",
    [KEY, f"NFe{KEY}", f"CFe{KEY}", "3526050x0j92jy000196570010000006041448679011"],
)
def test_a_right_access_key_is_valid(text):
    assert identifiers.valid_access_key(text)


@pytest.mark.parametrize(
    "text",
    [KEY[:-1], KEY[:-1] + "4", "352103ABCDEFGHIJKLMN55001000003589198183992A", "", "NFe"],
)
def test_a_wrong_access_key_has_no_parts(text):
    assert identifiers.access_key_parts(text) is None


@pytest.mark.parametrize(
    "line",
    [
        "23793.38128 60007.827136 95000.063305 9 75520000370000",
        "34191091233456780005671234570001299990000015000",
        LINE,
    ],
)
def test_a_right_boleto_line_is_valid_and_comes_back_from_its_bar_code(line):
    assert identifiers.valid_boleto_line(line)
    assert identifiers.boleto_line(identifiers.boleto_barcode(line)) == identifiers.clean(line)


@pytest.mark.parametrize(
    "line",
    [
        "00100000090312855700000012345179416560000378196",
        "00190000090312865700000012345179416560000378196",
        "00190000090312855700000012345179416560001378196",
        "0" * 47,
        LINE[1:],
        "A" * 47,
    ],
)
def test_a_wrong_boleto_line_is_refused_and_tells_nothing(line):
    assert not identifiers.valid_boleto_line(line)
    assert identifiers.boleto_due_on(line, date(2026, 11, 1)) is None
    assert identifiers.boleto_amount(line) is None


def test_due_date_and_amount_are_read_off_the_line():
    assert identifiers.boleto_due_on(LINE, date(2026, 11, 21)) == date(2026, 12, 10)
    assert identifiers.boleto_amount(LINE) == Decimal("3781.96")


def test_a_line_without_amount_and_due_date_tells_neither():
    line = "03399123475670000001323456701012400000000000000"

    assert identifiers.boleto_due_on(line, date(2026, 11, 21)) is None
    assert identifiers.boleto_amount(line) is None


def test_a_made_line_is_valid_and_says_what_it_was_made_of():
    line = identifiers.make_boleto_line(
        bank="237", due_on=date(2026, 3, 15), amount=Decimal("1000.50"), free_field="1" * 25
    )

    assert identifiers.valid_boleto_line(line)
    assert identifiers.boleto_due_on(line, date(2026, 3, 1)) == date(2026, 3, 15)
    assert identifiers.boleto_amount(line) == Decimal("1000.50")


@pytest.mark.parametrize(
    ("due_on", "factor"),
    [
        (date(2000, 7, 3), "1000"),
        (date(2025, 2, 21), "9999"),
        (date(2025, 2, 22), "1000"),
        (date(2049, 10, 13), "9999"),
    ],
)
def test_due_factor_starts_again_after_9999(due_on, factor):
    assert identifiers.due_factor(due_on) == factor


@pytest.mark.parametrize(
    ("factor", "reference", "due_on"),
    [
        ("1000", date(2000, 8, 1), date(2000, 7, 3)),
        ("9999", date(2026, 11, 21), date(2025, 2, 21)),
        ("1001", date(2024, 12, 1), date(2025, 2, 23)),
        ("7552", date(2026, 11, 21), None),
        ("7552", date(2018, 5, 1), date(2018, 6, 11)),
        ("0000", date(2026, 11, 21), None),
    ],
)
def test_a_factor_is_read_near_its_document(factor, reference, due_on):
    assert identifiers.factor_due_on(factor, reference) == due_on


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("836200000005667800481000180975657313001589636081", True),
        ("85890000460-9 52460179160-5 60759305086-5 83148300001-0", True),
        ("866300000001450099901008120270110006000000004200", True),
        ("836200000005667800481800180975657313001589636081", False),
        ("858900004619524601791605607593050865831483000010", False),
        ("816400000000011000000477261620340777561600000001", False),
        ("83620000000566780048100018097565731300158963608", False),
    ],
)
def test_slip_line_check_digits(line, expected):
    assert identifiers.valid_slip_line(line) is expected
