"""What a line, a bar code and a PIX code say, and what must not be paid."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2b_orders.documents.payments import (
    Finding,
    Paper,
    decode_pix,
    is_receiver,
    line_groups,
    payee_changed,
    read_payment,
)
from erp_bridge.identifiers import boleto_barcode, boleto_line, check_digit_barcode
from erp_bridge.identifiers.pix import crc16
from tests.b2b_orders.documents.payment_codes import (
    AMOUNT,
    DUE,
    PAYEE,
    PAYEE_TAX_ID,
    make_line,
    make_pix,
    make_slip_line,
)

LINE = make_line()
PIX = make_pix()
# Published by the central bank in its manual of BR codes.
MANUAL = (
    "00020126580014br.gov.bcb.pix0136123e4567-e12b-12d1-a456-4266554400005204000053039865802BR"
    "5913Fulano de Tal6008BRASILIA62070503***63041D3D"
)


def paper(**given: object) -> Paper:
    values: dict[str, object] = {
        "is_slip": False,
        "typeable_line": LINE,
        "pix": PIX,
        "amount": AMOUNT,
        "due_on": DUE,
        "reference": date(2026, 3, 10),
        "payee_name": PAYEE,
        "payee_tax_id": PAYEE_TAX_ID,
    }
    return Paper(**(values | given))


# --- what fits ------------------------------------------------------------------------------


def test_a_boleto_that_adds_up_is_shown_whole():
    payment = read_payment(paper())

    assert (payment.line, payment.barcode, payment.bank) == (LINE, boleto_barcode(LINE), "341")
    assert (payment.amount, payment.due_on) == (AMOUNT, DUE)
    assert (payment.pix.payload, payment.pix.receiver) == (PIX, "FORNECEDOR EXEMPLO LTDA")
    assert payment.findings == ()
    assert payment.is_refused is False


def test_a_line_is_taken_with_its_dots_and_copied_without_them():
    dotted = f"{LINE[:5]}.{LINE[5:10]} {LINE[10:15]}.{LINE[15:21]} {LINE[21:26]}.{LINE[26:32]} "
    dotted += f"{LINE[32]} {LINE[33:]}"

    assert read_payment(paper(typeable_line=dotted)).line == LINE


def test_a_bar_code_given_for_the_line_becomes_the_line():
    assert read_payment(paper(typeable_line=boleto_barcode(LINE))).line == LINE


def test_lines_are_grouped_as_banks_print_them():
    line = "00190000090312855700000012345179515990000378196"
    assert " ".join(line_groups(line)) == "00190.00009 03128.557000 00012.345179 5 15990000378196"
    slip = "858300000009874002202020610090001201114821309761"
    assert " ".join(line_groups(slip)) == (
        "85830000000-9 87400220202-0 61009000120-1 11482130976-1"
    )


@given(
    bank=st.integers(1, 999).map(lambda number: f"{number:03d}").filter(lambda b: b[0] != "8"),
    days=st.integers(0, 5000),
    cents=st.integers(1, 9_999_999_999),
    free=st.text("0123456789", min_size=25, max_size=25),
)
def test_what_is_written_into_a_line_is_read_off_it(bank, days, cents, free):
    issued = date(2026, 3, 10)
    due_on, amount = issued + timedelta(days=days), Decimal(cents).scaleb(-2)
    line = make_line(bank=bank, due_on=due_on, amount=amount, free=free)

    payment = read_payment(
        paper(typeable_line=line, pix="", amount=amount, due_on=due_on, reference=issued)
    )

    assert (payment.line, payment.amount, payment.due_on, payment.bank) == (
        line,
        amount,
        due_on,
        bank,
    )
    assert payment.findings == ()
    assert boleto_line(payment.barcode) == line


@given(at=st.integers(0, 46), digit=st.integers(1, 9))
def test_any_one_digit_that_was_changed_takes_the_line_away(at, digit):
    changed = LINE[:at] + str((int(LINE[at]) + digit) % 10) + LINE[at + 1 :]

    payment = read_payment(paper(typeable_line=changed, pix=""))

    assert (payment.line, payment.barcode) == ("", "")
    assert [finding.severity for finding in payment.findings] == ["refuse"]
    assert payment.is_refused is True


@pytest.mark.parametrize(
    ("issued", "due_on"),
    [
        (date(2025, 1, 10), date(2025, 2, 21)),
        (date(2025, 1, 10), date(2025, 2, 22)),
        (date(2018, 5, 1), date(2018, 6, 11)),
        (date(2026, 11, 1), date(2026, 12, 31)),
    ],
)
def test_due_factors_are_read_from_the_day_of_the_paper(issued, due_on):
    line = make_line(due_on=due_on)

    payment = read_payment(paper(typeable_line=line, due_on=due_on, reference=issued))

    assert (payment.due_on, payment.findings) == (due_on, ())


# --- what does not fit ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"typeable_line": LINE[1:]}, "line-digits"),
        ({"typeable_line": "0" * 47}, "line-digits"),
        ({"typeable_line": "javascript:alert(1)"}, "line-digits"),
        ({"typeable_line": make_slip_line()}, "line-of-slip"),
        ({"is_slip": True}, "line-of-boleto"),
        ({"typeable_line": make_line(bank="000")}, "line-bank"),
    ],
)
def test_a_line_that_is_not_this_paper_s_is_not_shown(given, code):
    payment = read_payment(paper(pix="", **given))

    assert (payment.line, payment.groups, payment.barcode) == ("", (), "")
    assert payment.findings == (Finding(code),)
    assert payment.is_refused is True


@pytest.mark.parametrize(
    ("given", "finding"),
    [
        ({"amount": Decimal("1021.40"), "pix": ""}, Finding("amount-differs", amount=AMOUNT)),
        ({"due_on": date(2026, 3, 25)}, Finding("due-differs", day=DUE)),
        (
            {"pix": make_pix(amount="1021.40")},
            Finding("pix-amount-differs", amount=Decimal("1021.40")),
        ),
        (
            {"pix": make_pix(receiver="JOSE LARANJA")},
            Finding("pix-receiver-differs", text="JOSE LARANJA"),
        ),
        ({"file_line": make_line(bank="001")}, Finding("line-differs-from-file")),
    ],
)
def test_what_differs_is_said_and_does_not_hide_the_line(given, finding):
    payment = read_payment(paper(**given))

    assert payment.findings == (finding,)
    assert payment.line == LINE
    assert payment.is_refused is False


def test_a_paper_of_another_payer_shows_nothing_at_all():
    payment = read_payment(
        paper(payer_tax_id="99902002000133", payers=frozenset({"12345678000195"}))
    )

    assert (payment.line, payment.pix, payment.barcode) == ("", None, "")
    assert payment.findings == (Finding("payer-differs"),)
    assert payment.is_refused is True
    ours = read_payment(paper(payer_tax_id="12345678000195", payers=frozenset({"12345678000195"})))
    assert ours.findings == ()


def test_a_broken_pix_leaves_the_right_line():
    payment = read_payment(paper(pix=PIX[:-1] + ("0" if PIX[-1] != "0" else "1")))

    assert (payment.line, payment.pix) == (LINE, None)
    assert payment.findings == (Finding("pix-broken"),)
    assert payment.is_refused is False


def test_a_line_without_amount_or_date_contradicts_nothing():
    line = make_line(due_on=None, amount=Decimal(0))

    payment = read_payment(paper(typeable_line=line))

    assert (payment.amount, payment.due_on, payment.findings) == (None, None, ())


def test_an_amount_above_what_ten_digits_hold_takes_the_place_of_the_date():
    amount = Decimal("123456789.01")
    free, bank = "1" * 25, "341"
    value = f"{int(amount * 100):014d}"
    line = boleto_line(f"{bank}9{check_digit_barcode(bank + '9' + value + free)}{value}{free}")

    payment = read_payment(paper(typeable_line=line, pix="", amount=amount))

    assert (payment.amount, payment.due_on, payment.findings) == (amount, None, ())


def test_a_slip_says_its_amount_by_its_bar_code():
    line = make_slip_line(Decimal("87.40"))

    payment = read_payment(
        paper(is_slip=True, typeable_line=line, pix="", amount=Decimal("87.40"), due_on=None)
    )

    assert (payment.line, payment.barcode, payment.amount) == (line, "", Decimal("87.40"))
    assert payment.findings == ()
    # Kind 9 holds a quantity of something where kind 8 has reais.
    quantity = make_slip_line(Decimal("87.40"), kind="9")
    assert read_payment(paper(is_slip=True, typeable_line=quantity, pix="")).amount is None


# --- PIX ------------------------------------------------------------------------------------


def test_the_code_of_the_central_banks_manual_is_read():
    pix = decode_pix(MANUAL)

    assert (pix.receiver, pix.city, pix.amount) == ("Fulano de Tal", "BRASILIA", None)
    assert pix.key == "123e4567-e12b-12d1-a456-426655440000"
    assert pix.payload == MANUAL


def test_the_crc_counts_bytes_not_letters():
    assert crc16(b"123456789") == "29B1"
    assert decode_pix(make_pix(receiver="AÇÚCAR UNIÃO")).receiver == "AÇÚCAR UNIÃO"


@pytest.mark.parametrize(
    "payload",
    [
        MANUAL.lower(),
        MANUAL[:-1] + "E",
        MANUAL.replace("Fulano", "Sicano"),
        MANUAL[:60],
        MANUAL + "00",
        make_pix(currency="840"),
        make_pix(amount="1.000,00"),
        "00020163041D3D",
        "x",
        "٠٠٠٢" + MANUAL[4:],
    ],
)
def test_a_code_with_anything_wrong_in_it_is_no_code(payload):
    assert decode_pix(payload) is None


def test_a_tag_given_twice_is_refused_because_it_can_be_read_in_two_ways():
    text = PIX[:-8].replace("5802BR", "5802BR5912JOSE LARANJA") + "6304"

    assert decode_pix(text + crc16(text.encode())) is None


@given(st.text(max_size=120))
def test_no_text_breaks_the_reader(text):
    pix = decode_pix(text)

    assert pix is None or pix.payload == text


@pytest.mark.parametrize(
    ("receiver", "name", "same"),
    [
        ("FORNECEDOR EXEMPLO LTDA", "Fornecedor Exemplo Ltda", True),
        ("FORNECEDOR EXEMPLO", "Fornecedor Exemplo S/A", True),
        ("INDUSTRIA E COMERCIO DE P", "Indústria e Comércio de Parafusos Ltda.", True),
        ("JOSE LARANJA", "Fornecedor Exemplo Ltda", False),
        ("F", "Fornecedor Exemplo Ltda", False),
        ("FORNECEDOR MODELO", "Fornecedor Exemplo Ltda", False),
        ("JOSE LARANJA", "", True),
    ],
)
def test_receivers_are_compared_as_banks_shorten_them(receiver, name, same):
    assert is_receiver(decode_pix(make_pix(receiver=receiver)), name, "") is same


def test_a_key_that_is_a_tax_id_decides():
    pix = decode_pix(make_pix(key="99901001000174"))

    assert is_receiver(pix, PAYEE, "99.901.001/0001-74") is True
    assert is_receiver(pix, PAYEE, PAYEE_TAX_ID) is False


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ((PAYEE, PAYEE_TAX_ID), (PAYEE, PAYEE_TAX_ID), False),
        ((PAYEE, PAYEE_TAX_ID), ("FORNECEDOR EXEMPLO LTDA.", "11.222.333/0001-81"), False),
        ((PAYEE, PAYEE_TAX_ID), (PAYEE, "99901001000174"), True),
        ((PAYEE, ""), ("José Laranja", ""), True),
        ((PAYEE, ""), ("José Laranja", PAYEE_TAX_ID), True),
        (("", ""), (PAYEE, PAYEE_TAX_ID), False),
        ((PAYEE, PAYEE_TAX_ID), ("", ""), False),
    ],
)
def test_another_payee_is_told_from_another_spelling(before, after, changed):
    assert payee_changed(before, after) is changed
