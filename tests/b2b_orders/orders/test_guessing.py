"""What a typed number looks like."""

from __future__ import annotations

import pytest

from b2b_orders.orders.guessing import Guess, guess
from b2b_orders.orders.numbers import near_values

KEY = "35260312345678000195550010000010011123456784"
LINE = "34191790010104351004791020150008691070000100000"


@pytest.mark.parametrize(
    ("typed", "kind", "is_right"),
    [
        (KEY, "nfe", True),
        (" ".join(KEY[at : at + 4] for at in range(0, 44, 4)), "nfe", True),
        (KEY[:-1] + "5", "nfe", False),
        (KEY[:20] + "57" + KEY[22:], "cte", False),
        (LINE, "boleto", True),
        ("34191.79001 01043.510047 91020.150008 6 91070000100000", "boleto", True),
        (LINE[:-1] + "1", "boleto", False),
        ("836200000005667800481000180975657313001589636081", "slip", True),
        ("12.345.678/0001-95", "cnpj", True),
        ("12abc34501de35", "cnpj", True),
        ("12.345.678/0001-96", "cnpj", False),
        ("111.444.777-35", "cpf", True),
        ("NF 1001", "invoice", None),
        ("1001/1", "invoice", None),
        ("1172452900788-01", "web", None),
        ("#1172452900788-01", "web", None),
        ("1172452900788", "web", None),
        ("v502556llux-01", "seller", None),
        ("AA123456785BR", "tracking", True),
        ("AA123456789BR", "tracking", False),
        ("0004500123", "erp", None),
        ("PO-2026/0815", "customer", None),
        ("502556", "any", None),
    ],
)
def test_each_kind_of_number_is_recognised_with_its_check_digits(typed, kind, is_right):
    seen = guess(typed)

    assert seen is not None
    assert (seen.kind, seen.is_right) == (kind, is_right)


def test_a_key_names_its_invoice():
    seen = guess(KEY)

    assert seen == Guess("nfe", True, {"number": "1001", "series": "1"})


@pytest.mark.parametrize("typed", ["", "  ", "12", "pedido", "9" * 300, "' OR --", "🙂"])
def test_nothing_is_said_of_what_nobody_knows(typed):
    assert guess(typed) is None


def test_a_key_that_is_not_complete_yet_is_counted():
    assert guess(KEY[:-1]) == Guess("incomplete", None, {"length": "43"})
    assert guess("9" * 20) == Guess("any")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("0004500124", "4500123"),
        ("4501023", "4500123"),  # 1 and 0 swapped: 4500123 → 4501023
        ("PO-2026/815", "PO20260815"),
        ("OC 0077-A", "OC77A"),
        ("1172452900788-1", "117245290078801"),
    ],
)
def test_one_slip_leads_to_the_number_that_was_meant(typed, meant):
    assert meant in near_values(typed)


def test_the_number_itself_is_not_near_and_slips_are_few():
    assert "PO20260815" not in near_values("PO-2026/0815")
    assert len(near_values("A-1/2/3/4/5/6/7/8/9/1")) < 250
