"""Brazilian identifiers and their check digits: CNPJ, CPF, NF-e access key, boleto line.

Pure arithmetic on text. Everything is kept as text: leading zeros count, and since
July 2026 a CNPJ, and so an access key, may hold letters (RFB IN 2.229/2024). Cleaning
removes separators only; "digits only" would destroy those letters silently.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

_SEPARATORS = re.compile(r"[\s./\-]+")
_CNPJ = re.compile(r"[0-9A-Z]{12}[0-9]{2}")
_CPF = re.compile(r"[0-9]{11}")
_ACCESS_KEY = re.compile(r"[0-9]{6}[0-9A-Z]{12}[0-9]{26}")
_KEY_PREFIX = re.compile(r"(?:NFCE|NFE|CFE|CTE)(?=[0-9]{6})")
_DIGITS = re.compile(r"[0-9]+")

# Boleto due dates count days from here; the factor went round from 9999 to 1000.
_FACTOR_EPOCH = date(1997, 10, 7)
_FACTOR_CYCLE = 9000
# How far from the processing date banks still read a factor.
_FACTOR_PAST = timedelta(days=3000)
_FACTOR_AHEAD = timedelta(days=5500)


def clean(text: str) -> str:
    """Drop the separators people write (blanks, dots, dashes, slashes) and upper-case."""
    return _SEPARATORS.sub("", unicodedata.normalize("NFKC", text)).upper()


# --- check digits -------------------------------------------------------------


def _mod11_rest(text: str) -> int:
    """Sum the characters' values with weights 2 to 9 from the right, modulo 11."""
    total, weight = 0, 2
    for character in reversed(text):
        total += (ord(character) - 48) * weight
        weight = 2 if weight == 9 else weight + 1
    return total % 11


def check_digit_mod11(text: str) -> str:
    """Compute the digit of a CNPJ or of an access key from what stands before it."""
    rest = _mod11_rest(text)
    return "0" if rest < 2 else str(11 - rest)


def check_digit_mod10(digits: str) -> str:
    """Compute the digit of one field of a boleto's line."""
    total, weight = 0, 2
    for character in reversed(digits):
        product = int(character) * weight
        total += product // 10 + product % 10
        weight = 3 - weight
    return str((10 - total % 10) % 10)


def check_digit_barcode(digits: str) -> str:
    """Compute the general digit of a boleto's bar code from its 43 other digits."""
    digit = 11 - _mod11_rest(digits)
    return "1" if digit in (0, 10, 11) else str(digit)


def _check_digit_slip(digits: str, *, is_mod10: bool) -> str:
    """Compute a digit of a tax or utility slip; its modulo 11 differs from the boleto's."""
    if is_mod10:
        return check_digit_mod10(digits)
    rest = _mod11_rest(digits)
    return "0" if rest < 2 else "1" if rest == 10 else str(11 - rest)


# --- CNPJ and CPF -----------------------------------------------------------------


def cnpj_with_digits(first_twelve: str) -> str:
    """Append both check digits to the first twelve characters of a CNPJ."""
    first = check_digit_mod11(first_twelve)
    return first_twelve + first + check_digit_mod11(first_twelve + first)


def valid_cnpj(text: str) -> bool:
    """Say whether a text is a CNPJ with right check digits, however it is punctuated."""
    value = clean(text)
    if not _CNPJ.fullmatch(value) or value == "0" * 14:
        return False
    return cnpj_with_digits(value[:12]) == value


def valid_cpf(text: str) -> bool:
    """Say whether a text is a CPF with right check digits, however it is punctuated."""
    value = clean(text)
    if not _CPF.fullmatch(value) or len(set(value)) == 1:
        return False
    for length in (9, 10):
        total = sum(int(d) * w for d, w in zip(value, range(length + 1, 1, -1), strict=False))
        rest = total % 11
        if value[length] != ("0" if rest < 2 else str(11 - rest)):
            return False
    return True


def normalise_tax_id(text: str) -> str:
    """Write a CNPJ, CPF or foreign tax id as `[0-9A-Z]`, without judging it."""
    return re.sub(r"[^0-9A-Z]", "", clean(text))


# --- access key ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AccessKey:
    """The parts of an NF-e access key; number and series as shown, without zeros in front."""

    key: str
    state_code: str
    year_month: str
    emitter: str
    model: str
    series: str
    number: str


def normalise_access_key(text: str) -> str:
    """Drop separators and the prefix (`NFe`, `CFe`, `CTe`) that XML ids and VTEX carry."""
    return _KEY_PREFIX.sub("", clean(text), count=1)


def looks_like_access_key(text: str) -> bool:
    """Say whether a normalised text has the shape of a key, its check digit aside."""
    return _ACCESS_KEY.fullmatch(text) is not None


def valid_access_key(text: str) -> bool:
    """Say whether a text is an access key whose check digit is right."""
    key = normalise_access_key(text)
    return looks_like_access_key(key) and check_digit_mod11(key[:43]) == key[43]


def access_key_parts(text: str) -> AccessKey | None:
    """Take a valid access key apart; None for anything else."""
    if not valid_access_key(text):
        return None
    key = normalise_access_key(text)
    return AccessKey(
        key=key,
        state_code=key[0:2],
        year_month=f"20{key[2:4]}-{key[4:6]}",
        emitter=key[6:20],
        model=key[20:22],
        series=key[22:25].lstrip("0") or "0",
        number=key[25:34].lstrip("0") or "0",
    )


# --- boleto and slips ------------------------------------------------------------------


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


def valid_slip_line(text: str) -> bool:
    """Say whether a text is the 48 digits of a tax or utility slip (GNRE, GARE, DARE)."""
    line = clean(text)
    if len(line) != 48 or not _DIGITS.fullmatch(line) or line[0] != "8" or line[2] not in "6789":
        return False
    is_mod10 = line[2] in "67"
    blocks = [line[at : at + 12] for at in range(0, 48, 12)]
    if any(_check_digit_slip(b[:11], is_mod10=is_mod10) != b[11] for b in blocks):
        return False
    barcode = "".join(block[:11] for block in blocks)
    return _check_digit_slip(barcode[:3] + barcode[4:], is_mod10=is_mod10) == barcode[3]


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
        if reference - _FACTOR_PAST <= due_on <= reference + _FACTOR_AHEAD:
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
