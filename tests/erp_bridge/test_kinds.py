"""Numbers as every kind they can be: valid or why not, and what they say."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erp_bridge import identifiers
from erp_bridge.identifiers.kinds import is_near, readings

TODAY = date(2026, 11, 21)
KEY = "35210320695448000184550010000035891981839923"
LINE = "00190000090312855700000012345179416560000378196"
SLIP = "858200000120503702202025611301234560789012345608"


def read(text: str, group: str, reference: date = TODAY) -> dict:
    return next(r.as_json() for r in readings(text, reference) if r.group == group)


@pytest.mark.parametrize(
    ("text", "group", "reason"),
    [
        ("16.727.230/0001-98", "cnpj", "check_digit"),
        ("12ABC34501DE53", "cnpj", "check_digit"),
        ("12ABC34501DE3A", "cnpj", "check_digits_must_be_numeric"),
        ("191", "cnpj", "length"),
        ("00000000000000", "cnpj", "all_zero"),
        ("11111111111111", "cnpj", "check_digit"),
        ("12.ABC.345/01DE-355", "cnpj", "length"),
        ("12ABC34501DÉ35", "cnpj", "character"),
        ("１６７２７２３００００１９７", "cnpj", "character"),  # noqa: RUF001
        ("16727230000\u0131197", "cnpj", "character"),
        ("", "cnpj", "empty"),
        ("111.111.111-11", "cpf", "repeated_digits"),
        ("529.982.247-26", "cpf", "check_digit"),
        ("5299822472", "cpf", "length"),
        ("٥٢٩٩٨٢٢٤٧٢٥", "cpf", "character"),
        ("", "cpf", "empty"),
        (KEY[:-1] + "4", "access_key", "check_digit"),
        (KEY[:-1], "access_key", "length"),
        ("352103ABCDEFGHIJKLMN55001000003589198183992A", "access_key", "characters"),
        ("", "access_key", "empty"),
        ("1" * 49, "access_key_nfse", "length"),
        ("1" * 49 + "A", "access_key_nfse", "characters"),
        ("00100" + LINE[5:], "boleto", "field1_check_digit"),
        (LINE[:15] + "6" + LINE[16:], "boleto", "field2_check_digit"),
        (LINE[:25] + "9" + LINE[26:], "boleto", "field3_check_digit"),
        (LINE[:38] + "1" + LINE[39:], "boleto", "general_check_digit"),
        ("0" * 47, "boleto", "general_check_digit"),
        (LINE[:46], "boleto", "length"),
        ("A" * 47, "boleto", "characters"),
        ("8" + "0" * 43, "boleto", "slip_barcode"),
        ("836200000005667800481800180975657313001589636081", "arrecadacao", "block_check_digit"),
        ("816400000000011000000477261620340777561600000001", "arrecadacao", "check_digit"),
        ("1" + SLIP[1:], "arrecadacao", "first_digit"),
        ("851" + SLIP[3:], "arrecadacao", "value_kind"),
        (SLIP[:47], "arrecadacao", "length"),
        ("", "pix", "empty"),
        ("hello", "pix", "start"),
        ("000201" + "9" * 1000, "pix", "length"),
    ],
)
def test_what_is_wrong_is_named(text, group, reason):
    answer = read(text, group)

    assert (answer["valid"], answer["reason"]) == (False, reason)


def test_a_key_is_taken_apart():
    answer = read("NFe" + KEY, "access_key")

    assert answer["formatted"] == "3521 0320 6954 4800 0184 5500 1000 0035 8919 8183 9923"
    assert answer["decoded"] == {
        "uf_code": "35",
        "year_month": "2021-03",
        "emitter": "20695448000184",
        "model": "55",
        "series": 1,
        "number": 3589,
        "emission_type": "1",
        "random_code": "98183992",
        "check_digit": "3",
    }


def test_a_person_who_emits_has_a_cpf_in_the_key():
    first = "311612" + "000" + "52998224725" + "55" + "920" + "000000033" + "1" + "00000017"
    key = identifiers.read_access_key(first + identifiers.check_digit_mod11(first))

    assert key.emitter_tax_id == "52998224725"
    assert identifiers.read_access_key(KEY).emitter_tax_id == "20695448000184"


def test_the_key_of_an_nfse_is_taken_apart_but_not_judged():
    key = "4204608" + "22" + "11222333000181" + "0" * 10 + "999" + "2602" + "9" * 10

    answer = read("NFS" + key, "access_key_nfse")

    assert answer["valid"] is None
    assert answer["decoded"] == {
        "city": "4204608",
        "environment": "2",
        "document_kind": "2",
        "document": "11222333000181",
        "number": 999,
        "year_month": "2026-02",
        "random_code": "999999999",
        "check_digit": "9",
    }


def test_a_bank_slips_line_is_decoded():
    assert read("00190.00009 03128.557000 00012.345179 4 16560000378196", "boleto") == {
        "group": "boleto",
        "kind": "line47",
        "valid": True,
        "normalized": LINE,
        "formatted": "00190.00009 03128.557000 00012.345179 4 16560000378196",
        "line": LINE,
        "barcode": "00194165600003781960000003128557000001234517",
        "bank": "001",
        "currency": "9",
        "factor": "1656",
        "amount": "3781.96",
        "free_field": "0000003128557000001234517",
        "due_date": "2026-12-10",
    }


def test_a_bank_slips_bar_code_is_decoded():
    answer = read("00193373700000001000500940144816060680935031", "boleto")

    assert (answer["kind"], answer["amount"], answer["factor"]) == ("barcode44", "1.00", "3737")
    assert answer["line"] == "00190500954014481606906809350314337370000000100"


@pytest.mark.parametrize(
    ("reference", "due_date"), [(date(2018, 5, 1), "2018-06-11"), (TODAY, None)]
)
def test_a_due_date_depends_on_the_day_it_is_read(reference, due_date):
    line = "23793381286000782713695000063305975520000370000"

    assert read(line, "boleto", reference)["due_date"] == due_date


def test_a_slip_takes_its_amount_from_the_bar_code():
    answer = read("83620000000-5 66780048100-0 18097565731-3 00158963608-1", "arrecadacao")

    assert answer == {
        "group": "arrecadacao",
        "kind": "line48",
        "valid": True,
        "normalized": "836200000005667800481000180975657313001589636081",
        "formatted": "83620000000-5 66780048100-0 18097565731-3 00158963608-1",
        "line": "836200000005667800481000180975657313001589636081",
        "barcode": "83620000000667800481001809756573100158963608",
        "segment": "3",
        "value_type": "amount_brl",
        "check": "mod10",
        "amount": "66.78",
        "company": "0048",
        "company_kind": "febraban_code",
        "free_field": "1001809756573100158963608",
    }


def test_slips_of_segment_six_name_a_company_by_its_root():
    answer = read("866300000001450099901008120270110006000000004200", "arrecadacao")

    assert (answer["company"], answer["company_kind"]) == ("99901001", "cnpj_root")
    assert answer["free_field"] == "202701100000000000420"


def test_a_slip_of_a_reference_quantity_has_no_amount():
    first, rest = "857", "00000012345" + "0064" + "1" * 25
    general = identifiers.check_digit_mod10(first + rest)
    slip = identifiers.read_slip(first + general + rest)

    assert (slip.amount, slip.value_type) == (None, "reference_quantity")
    assert identifiers.read_slip(slip.line) == slip


def pix(account: str, rest: str = "5204000053039865802BR5904Loja6009SAO PAULO62070503***") -> str:
    code = f"00020126{len(account):02d}{account}{rest}6304"
    return code + identifiers.crc16(code.encode())


def test_a_pix_code_is_taken_apart():
    code = pix("0014br.gov.bcb.pix0111529982247250205Rua A", "52040000530398654041.505802BR5904"
               "Loja6009SAO PAULO62080504NF12")  # fmt: skip

    answer = read(code, "pix")

    assert (answer["valid"], answer["normalized"]) == (True, code)
    assert answer["decoded"] == {
        "point_of_initiation": None,
        "kind": "static",
        "gui": "br.gov.bcb.pix",
        "key": "52998224725",
        "info": "Rua A",
        "url": None,
        "currency": "986",
        "amount": "1.50",
        "country": "BR",
        "merchant_name": "Loja",
        "merchant_city": "SAO PAULO",
        "txid": "NF12",
        "crc": code[-4:],
    }
    assert identifiers.read_pix(code).amount == Decimal("1.50")


def test_a_dynamic_pix_code_has_an_address():
    decoded = read(pix("0014br.gov.bcb.pix2513pix.example/a"), "pix")["decoded"]

    assert (decoded["kind"], decoded["url"], decoded["key"]) == ("dynamic", "pix.example/a", None)


STATIC = pix("0014br.gov.bcb.pix0111" + "52998224725")


@pytest.mark.parametrize(
    ("code", "valid", "reason"),
    [
        (STATIC[:-1] + ("0" if STATIC[-1] != "0" else "1"), False, "crc"),
        (STATIC.replace("Loja", "Lojo"), False, "crc"),
        (STATIC.lower(), False, "crc"),
        (STATIC[:40], False, "truncated"),
        (STATIC[:-8], False, "truncated"),
        (STATIC + "x", False, "truncated"),
        ("00020A" + STATIC[6:], False, "start"),
        ("000201X" + STATIC[7:], False, "structure"),
        (pix("0014br.gov.bcb.nop0111" + "52998224725"), False, "not_pix"),
        (pix("0014br.gov.bcb.pix0101a", "5401x5802BR5904Loja6001A"), False, "amount"),
        ("\ud800" + STATIC, False, "start"),
    ],
)
def test_a_bent_pix_code_is_not_valid(code, valid, reason):
    answer = read(code, "pix")

    assert (answer["valid"], answer["reason"]) == (valid, reason)
    assert not identifiers.valid_pix(code)


def test_a_crc_in_lower_case_is_for_lenient_readers():
    codes = (pix(f"0014br.gov.bcb.pix0104{number:04d}") for number in range(100))
    code = next(code for code in codes if not code[-4:].isdigit())

    answer = read(code[:-4] + code[-4:].lower(), "pix")

    assert (answer["valid"], answer["reason"]) == (None, "crc_in_lower_case")
    assert identifiers.valid_pix(code)
    assert not identifiers.valid_pix(code[:-4] + code[-4:].lower())


@pytest.mark.parametrize("text", ["110.042.490.114", "ISENTO", "110.042.490.115", "P-0110.1"])
def test_a_state_registration_is_text_and_never_an_error(text):
    answer = read(text, "inscricao_estadual")

    assert answer["valid"] is None


def test_dates_and_factors_are_turned_into_each_other():
    assert read("2026-12-31", "due_factor")["factor"] == "1677"
    assert read("1637", "factor_to_date")["date"] == "2026-11-21"
    assert read("7552", "factor_to_date")["date"] is None
    assert all(r.group != "due_factor" for r in readings("1998-01-01", TODAY))


def test_what_a_text_can_be_comes_first():
    order = [r.group for r in readings(KEY, TODAY)]

    assert order[0] == "access_key"
    assert [r.group for r in readings("00.000.000/0001-91", TODAY) if is_near(r)] == ["cnpj"]


@given(st.text(max_size=60) | st.text("0123456789. -/ABCDEF", max_size=60))
def test_no_text_crashes_a_reader(text):
    for reading in readings(text, TODAY):
        assert reading.valid in {True, False, None}
        assert reading.valid is not False or reading.reason


@given(
    st.dates(date(2025, 2, 22), date(2049, 10, 13)),
    st.integers(1, 9_999_999_999),
    st.text("0123456789", min_size=25, max_size=25),
)
def test_a_made_line_says_what_it_was_made_of(due_on, cents, free_field):
    amount = Decimal(cents).scaleb(-2)
    line = identifiers.make_boleto_line(
        bank="341", due_on=due_on, amount=amount, free_field=free_field
    )

    boleto = identifiers.read_boleto(line)

    assert (boleto.amount, boleto.due_on(due_on)) == (amount, due_on)
    assert identifiers.read_boleto(boleto.barcode) == boleto


@given(st.integers(0, 46), st.sampled_from("123456789"))
def test_one_wrong_digit_of_a_line_is_always_found(place, step):
    digit = str((int(LINE[place]) + int(step)) % 10)

    assert not identifiers.valid_boleto_line(LINE[:place] + digit + LINE[place + 1 :])
