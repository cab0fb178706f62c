"""Normalising, indexing and recognising numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2b_orders.orders.numbers import Candidate, index_values, normalise, recognise
from erp_bridge.records import NumberKind

KEY = "35210320695448000184550010000035891981839923"
LINE = "00190000090312855700000012345179416560000378196"


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("0004500123", "4500123"),
        ("PO-2026/0815", "PO20260815"),
        (" po 2026 0815 ", "PO20260815"),
        ("#1172452900788-01", "117245290078801"),
        ("0007-A", "0007A"),
        ("000", "0"),
        ("--", ""),
        ("\uff11\uff12\uff13", "123"),
        ("x" * 100, "X" * 80),
        (LINE, LINE),
    ],
)
def test_a_number_is_written_one_way(written, value):
    assert normalise(written) == value


@given(st.text(max_size=100))
def test_normalising_twice_changes_nothing(text):
    assert normalise(normalise(text)) == normalise(text)


@pytest.mark.parametrize(
    ("kind", "written", "series", "values"),
    [
        (NumberKind.WEB, "1172452900788-01", "", ("117245290078801", "1172452900788")),
        (
            NumberKind.WEB,
            "00-v502556llux-01",
            "",
            ("00V502556LLUX01", "V502556LLUX01", "V502556LLUX"),
        ),
        (NumberKind.WEB, "502556", "", ("502556",)),
        (NumberKind.ERP, "0004500-12", "", ("450012",)),
        (NumberKind.INVOICE, "001001", "001", ("1001", "1001/1")),
        (NumberKind.INVOICE, "1001", "", ("1001",)),
        (NumberKind.ACCESS_KEY, f"NFe{KEY}", "", (KEY,)),
        (NumberKind.BOLETO_LINE, "00190.00009 03128.557000 00012.345179 4 16560000378196", "",
         (LINE,)),
        (NumberKind.CUSTOMER, " - ", "", ()),
    ],
)  # fmt: skip
def test_a_number_is_indexed_under_every_way_people_know_it(kind, written, series, values):
    assert index_values(kind, written, series) == values


@pytest.mark.parametrize(
    ("typed", "kind", "written", "series"),
    [
        ("502556", NumberKind.WEB, "502556", ""),
        ("v502556llux-01", NumberKind.WEB, "v502556llux-01", ""),
        ("V502556LLUX", NumberKind.WEB, "v502556llux-01", ""),
        ("#1172452900788-01", NumberKind.WEB, "1172452900788-01", ""),
        (" 1172452900788 ", NumberKind.WEB, "1172452900788-01", ""),
        ("00-v502556llux-01", NumberKind.WEB, "v502556llux-01", ""),
        ("0004500123", NumberKind.ERP, "0004500123", ""),
        ("4500123", NumberKind.ERP, "0004500123", ""),
        ("pedido 4500123", NumberKind.ERP, "0004500123", ""),
        ("Nº 4500123", NumberKind.ERP, "0004500123", ""),
        ("PO-2026/0815", NumberKind.CUSTOMER, "PO-2026/0815", ""),
        ("po 2026 0815", NumberKind.CUSTOMER, "PO-2026/0815", ""),
        ("OC 77-A", NumberKind.CUSTOMER, "OC 77-A", ""),
        ("1001/1", NumberKind.INVOICE, "1001", "1"),
        ("001001/001", NumberKind.INVOICE, "1001", "1"),
        ("NF 1001", NumberKind.INVOICE, "1001", "1"),
        ("nf-e 1001/1", NumberKind.INVOICE, "1001", "1"),
        ("nota fiscal nº 1001", NumberKind.INVOICE, "1001", "1"),
        ("NF 1001 série 1", NumberKind.INVOICE, "1001", "1"),
        ("NF 1001", NumberKind.CUSTOMER, "NF-1001", ""),
        (KEY.lower(), NumberKind.ACCESS_KEY, KEY, ""),
        (f"chave de acesso: {KEY}", NumberKind.ACCESS_KEY, KEY, ""),
        (
            "00190.00009 03128.557000 00012.345179 4 16560000378196",
            NumberKind.BOLETO_LINE,
            LINE,
            "",
        ),
        (LINE[1:], NumberKind.BOLETO_LINE, LINE, ""),
        ("00194165600003781960000003128557000001234517", NumberKind.BOLETO_LINE, LINE, ""),
    ],
)
def test_what_people_type_leads_to_the_number_as_stored(typed, kind, written, series):
    values = index_values(kind, written, series)

    found = [
        candidate
        for candidate in recognise(typed).candidates
        if candidate.value in values and (candidate.kinds is None or kind in candidate.kinds)
    ]

    assert found


def test_the_other_shipment_of_a_purchase_is_not_what_was_typed():
    typed = {candidate.value for candidate in recognise("1172452900788-01").candidates}

    assert not typed & set(index_values(NumberKind.WEB, "1172452900788-02"))


def test_an_access_key_with_spaces_is_recognised():
    spaced = " ".join(KEY[at : at + 4] for at in range(0, 44, 4))

    recognised = recognise(spaced)

    assert recognised.shape == "access_key"
    assert recognised.candidates == (Candidate(KEY, frozenset({NumberKind.ACCESS_KEY})),)
    assert (recognised.problem, recognised.near) == ("", ())


def test_a_mistyped_access_key_says_so_and_offers_the_right_one():
    wrong = KEY[:20] + "6" + KEY[21:]

    recognised = recognise(wrong)

    assert (recognised.shape, recognised.problem) == ("access_key", "check-digit")
    assert KEY in recognised.near
    assert wrong not in recognised.near


def test_two_swapped_characters_of_a_key_are_near():
    swapped = KEY[:8] + KEY[9] + KEY[8] + KEY[10:]

    assert KEY in recognise(swapped).near


def test_a_mistyped_boleto_line_offers_the_right_one():
    recognised = recognise("1" + LINE[1:])

    assert (recognised.shape, recognised.problem) == ("boleto_line", "check-digit")
    assert LINE in recognised.near


def test_a_tax_slip_line_is_a_line_too():
    recognised = recognise("836200000005667800481000180975657313001589636081")

    assert (recognised.shape, recognised.problem) == ("boleto_line", "")


def test_an_alphanumeric_cnpj_keeps_its_letters():
    recognised = recognise("12abc34501de35")

    assert (recognised.shape, recognised.tax_id) == ("cnpj", "12ABC34501DE35")
    assert recognised.candidates == (Candidate("12ABC34501DE35"),)


@pytest.mark.parametrize(
    ("typed", "tax_id"),
    [
        ("529.982.247-25", "52998224725"),
        ("uy: 21-123456-0019", "211234560019"),
        ("52998224726", ""),
        ("4500123", ""),
    ],
)
def test_a_cpf_and_a_foreign_tax_id_may_be_meant_beside_a_number(typed, tax_id):
    recognised = recognise(typed)

    assert (recognised.shape, recognised.tax_id) == ("free", tax_id)
    assert recognised.candidates


def test_a_mistyped_cnpj_with_its_dots_says_so():
    recognised = recognise("12.345.678/0001-96")

    assert (recognised.shape, recognised.problem) == ("cnpj", "check-digit")


@pytest.mark.parametrize(
    ("typed", "shape"),
    [("", "empty"), (" - / ", "empty"), ("9" * 5000, "too_long"), ("' OR 1=1 --", "free")],
)
def test_odd_texts_have_a_shape_and_never_fail(typed, shape):
    assert recognise(typed).shape == shape


def test_an_empty_or_too_long_text_looks_for_nothing():
    assert recognise("  ").candidates == recognise("1" * 201).candidates == ()


@given(st.text(max_size=250))
def test_any_text_is_recognised_as_something(text):
    recognised = recognise(text)

    assert all(candidate.value for candidate in recognised.candidates)
    assert bool(recognised.candidates) == (recognised.shape not in ("empty", "too_long"))


@given(st.text(min_size=1, max_size=60), st.sampled_from([NumberKind.ERP, NumberKind.CUSTOMER]))
def test_a_number_typed_as_written_is_among_the_candidates(text, kind):
    recognised = recognise(text)
    if recognised.shape not in ("free", "invoice"):
        return

    values = {candidate.value for candidate in recognised.candidates}

    assert set(index_values(kind, text)) <= values
