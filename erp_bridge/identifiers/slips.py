"""Slips of taxes and utilities (arrecadação): 48 digits to type, 44 in the bar code.

GNRE, GARE and DARE are of segment 5. There is no due date in the digits, and the amount is
read off the bar code: in the line a block's check digit sits inside it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from erp_bridge.identifiers.digits import InvalidNumber, check_digit_slip, clean, clean_strictly

_DIGITS = re.compile(r"[0-9]+")
_VALUE_TYPES = {
    "6": ("amount_brl", "mod10"),
    "7": ("reference_quantity", "mod10"),
    "8": ("amount_brl", "mod11"),
    "9": ("reference_quantity", "mod11"),
}


@dataclass(frozen=True, slots=True)
class Slip:
    """What a slip's digits say. `amount` is None where they hold a reference quantity."""

    line: str
    barcode: str
    segment: str
    value_type: str
    check: str
    amount: Decimal | None
    company: str
    company_kind: str
    free_field: str


def read_slip(text: str) -> Slip:
    """Read a slip's line (48 digits) or bar code (44); raises `InvalidNumber`.

    A line of which no block is right is not called mistyped in a block: its reason is
    `check_digit`, as when only the digit over all of it is wrong.
    """
    digits = clean_strictly(text)
    if not digits:
        raise InvalidNumber("empty")
    if not _DIGITS.fullmatch(digits):
        raise InvalidNumber("characters")
    if len(digits) not in (44, 48):
        raise InvalidNumber("length")
    if digits[0] != "8":
        raise InvalidNumber("first_digit")
    if digits[2] not in _VALUE_TYPES:
        raise InvalidNumber("value_kind")
    is_mod10 = digits[2] in "67"
    barcode = digits
    if len(digits) == 48:
        blocks = [digits[at : at + 12] for at in range(0, 48, 12)]
        wrong = [b for b in blocks if check_digit_slip(b[:11], is_mod10=is_mod10) != b[11]]
        if wrong:
            raise InvalidNumber("check_digit" if len(wrong) == 4 else "block_check_digit")
        barcode = "".join(block[:11] for block in blocks)
    if check_digit_slip(barcode[:3] + barcode[4:], is_mod10=is_mod10) != barcode[3]:
        raise InvalidNumber("check_digit")
    return _split(barcode)


def _split(barcode: str) -> Slip:
    value_type, check = _VALUE_TYPES[barcode[2]]
    # Companies of segment 6 are named by the root of their CNPJ.
    named_by_root = barcode[1] == "6"
    end = 23 if named_by_root else 19
    amount = Decimal(int(barcode[4:15])).scaleb(-2) if value_type == "amount_brl" else None
    return Slip(
        line=slip_line(barcode),
        barcode=barcode,
        segment=barcode[1],
        value_type=value_type,
        check=check,
        amount=amount,
        company=barcode[15:end],
        company_kind="cnpj_root" if named_by_root else "febraban_code",
        free_field=barcode[end:],
    )


def slip_line(barcode: str) -> str:
    """Write the 48 digits people type from a slip's 44-digit bar code."""
    is_mod10 = barcode[2] in "67"
    blocks = [barcode[at : at + 11] for at in range(0, 44, 11)]
    return "".join(block + check_digit_slip(block, is_mod10=is_mod10) for block in blocks)


def format_slip_line(line: str) -> str:
    """Write a slip's 48 digits as it prints them: four blocks with their digits."""
    return " ".join(f"{line[at : at + 11]}-{line[at + 11]}" for at in range(0, 48, 12))


def valid_slip_line(text: str) -> bool:
    """Say whether a text is the 48 digits of a tax or utility slip (GNRE, GARE, DARE)."""
    line = clean(text)
    try:
        read_slip(line)
    except InvalidNumber:
        return False
    return len(line) == 48
