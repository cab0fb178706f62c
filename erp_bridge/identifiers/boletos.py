"""Bank slips: the 47 digits that people type, the 44 of the bar code, and the due factor."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from erp_bridge.identifiers.digits import (
    InvalidNumber,
    check_digit_barcode,
    check_digit_mod10,
    clean,
    clean_strictly,
)

_DIGITS = re.compile(r"[0-9]+")

# Boleto due dates count days from here; the factor went round from 9999 to 1000.
_FACTOR_EPOCH = date(1997, 10, 7)
_FACTOR_CYCLE = 9000
# How far from the processing date banks still read a factor.
_FACTOR_PAST = timedelta(days=3000)
_FACTOR_AHEAD = timedelta(days=5500)


@dataclass(frozen=True, slots=True)
class Boleto:
    """What a bank slip's digits say. `amount` is None when they hold none."""

    line: str
    barcode: str
    bank: str
    currency: str
    factor: str
    amount: Decimal | None
    free_field: str

    def due_on(self, reference: date) -> date | None:
        """Read the due date as banks do on a day; None when there is none in it."""
        return factor_due_on(self.factor, reference)


def read_boleto(text: str) -> Boleto:
    """Read a bank slip's line (47 digits) or bar code (44); raises `InvalidNumber`."""
    digits = clean_strictly(text)
    if not digits:
        raise InvalidNumber("empty")
    if not _DIGITS.fullmatch(digits):
        raise InvalidNumber("characters")
    if len(digits) == 47:
        barcode = boleto_barcode(digits)
        for field, (start, end) in enumerate(((0, 9), (10, 20), (21, 31)), 1):
            if check_digit_mod10(digits[start:end]) != digits[end]:
                raise InvalidNumber(f"field{field}_check_digit")
    elif len(digits) == 44:
        barcode = digits
        if barcode[0] == "8":
            raise InvalidNumber("slip_barcode")
    else:
        raise InvalidNumber("length")
    if check_digit_barcode(barcode[:4] + barcode[5:]) != barcode[4]:
        raise InvalidNumber("general_check_digit")
    cents = int(barcode[9:19])
    return Boleto(
        line=boleto_line(barcode),
        barcode=barcode,
        bank=barcode[0:3],
        currency=barcode[3],
        factor=barcode[5:9],
        amount=Decimal(cents).scaleb(-2) if cents else None,
        free_field=barcode[19:44],
    )


def format_boleto_line(line: str) -> str:
    """Write a line's 47 digits as slips print them."""
    fields = f"{line[:5]}.{line[5:10]} {line[10:15]}.{line[15:21]} {line[21:26]}.{line[26:32]}"
    return f"{fields} {line[32]} {line[33:]}"


def boleto_line(barcode: str) -> str:
    """Write the 47 digits people type from a bank slip's 44-digit bar code."""
    bank, general, value, free = barcode[0:4], barcode[4], barcode[5:19], barcode[19:44]
    fields = (bank + free[0:5], free[5:15], free[15:25])
    return "".join(field + check_digit_mod10(field) for field in fields) + general + value


def boleto_barcode(line: str) -> str:
    """Read the 44-digit bar code off a bank slip's 47 digits, in whatever layout."""
    digits = clean(line)
    return digits[0:4] + digits[32] + digits[33:47] + digits[4:9] + digits[10:20] + digits[21:31]


def make_boleto_line(*, bank: str, due_on: date | None, amount: Decimal, free_field: str) -> str:
    """Make a valid line for a bank (3 digits), due date, amount and 25-digit free field."""
    factor = due_factor(due_on) if due_on else "0000"
    value = f"{factor}{int(amount * 100):010d}"
    general = check_digit_barcode(bank + "9" + value + free_field)
    return boleto_line(f"{bank}9{general}{value}{free_field}")


def valid_barcode(digits: str) -> bool:
    """Say whether 44 digits are a bank slip's bar code; slips of taxes begin with 8."""
    return (
        len(digits) == 44
        and _DIGITS.fullmatch(digits) is not None
        and digits[0] != "8"
        and set(digits) != {"0"}
        and check_digit_barcode(digits[:4] + digits[5:]) == digits[4]
    )


def valid_boleto_line(text: str) -> bool:
    """Say whether a text is a bank slip's 47 digits with all four check digits right."""
    line = clean(text)
    if len(line) != 47 or not _DIGITS.fullmatch(line):
        return False
    barcode = boleto_barcode(line)
    return valid_barcode(barcode) and boleto_line(barcode) == line


def due_factor(due_on: date) -> str:
    """Write a due date as the four digits of a bar code."""
    days = (due_on - _FACTOR_EPOCH).days
    while days > 9999:
        days -= _FACTOR_CYCLE
    return f"{days:04d}"


def factor_due_on(factor: str, reference: date) -> date | None:
    """Read a due factor as banks do on a day: 3000 days back to 5500 ahead, else unknown.

    `reference` is the date of the document or invoice where it is known: seen from
    today the factors of older documents mean nothing or another date.
    """
    if factor == "0000":
        return None
    first = _FACTOR_EPOCH + timedelta(days=int(factor))
    for cycle in range(4):
        due_on = first + timedelta(days=cycle * _FACTOR_CYCLE)
        # Written so that no reference overflows the calendar.
        if -_FACTOR_PAST <= due_on - reference <= _FACTOR_AHEAD:
            return due_on
    return None


def boleto_due_on(line: str, reference: date) -> date | None:
    """Read the due date off a valid bank slip's line; None when there is none in it."""
    if not valid_boleto_line(line):
        return None
    return factor_due_on(clean(line)[33:37], reference)


def boleto_amount(line: str) -> Decimal | None:
    """Read the amount off a valid bank slip's line; None when the code holds none."""
    if not valid_boleto_line(line):
        return None
    cents = int(clean(line)[37:47])
    return Decimal(cents).scaleb(-2) if cents else None
