"""CNPJ and CPF. A CNPJ may hold letters since July 2026 (RFB IN 2.229/2024)."""

from __future__ import annotations

import re

from erp_bridge.identifiers.digits import (
    InvalidNumber,
    check_digit_mod11,
    clean,
    clean_strictly,
)

_CNPJ = re.compile(r"[0-9A-Z]{12}[0-9]{2}")
_CPF = re.compile(r"[0-9]{11}")


def cnpj_with_digits(first_twelve: str) -> str:
    """Append both check digits to the first twelve characters of a CNPJ."""
    first = check_digit_mod11(first_twelve)
    return first_twelve + first + check_digit_mod11(first_twelve + first)


def read_cnpj(text: str) -> str:
    """Normalise a CNPJ; raises `InvalidNumber`. A short one is never padded."""
    value = clean_strictly(text)
    if not value:
        raise InvalidNumber("empty")
    if re.search(r"[^0-9A-Z]", value):
        raise InvalidNumber("character")
    if len(value) != 14:
        raise InvalidNumber("length")
    if not _CNPJ.fullmatch(value):
        raise InvalidNumber("check_digits_must_be_numeric")
    if value == "0" * 14:
        raise InvalidNumber("all_zero")
    if cnpj_with_digits(value[:12]) != value:
        raise InvalidNumber("check_digit")
    return value


def valid_cnpj(text: str) -> bool:
    """Say whether a text is a CNPJ with right check digits, however it is punctuated."""
    try:
        read_cnpj(clean(text))
    except InvalidNumber:
        return False
    return True


def format_cnpj(value: str) -> str:
    """Write a normalised CNPJ with its dots, slash and dash."""
    return f"{value[:2]}.{value[2:5]}.{value[5:8]}/{value[8:12]}-{value[12:]}"


def read_cpf(text: str) -> str:
    """Normalise a CPF; raises `InvalidNumber`. Eleven equal digits are none, though they add up."""
    value = clean_strictly(text)
    if not value:
        raise InvalidNumber("empty")
    if re.search(r"[^0-9]", value):
        raise InvalidNumber("character")
    if not _CPF.fullmatch(value):
        raise InvalidNumber("length")
    if len(set(value)) == 1:
        raise InvalidNumber("repeated_digits")
    for length in (9, 10):
        total = sum(int(d) * w for d, w in zip(value, range(length + 1, 1, -1), strict=False))
        rest = total % 11
        if value[length] != ("0" if rest < 2 else str(11 - rest)):
            raise InvalidNumber("check_digit")
    return value


def valid_cpf(text: str) -> bool:
    """Say whether a text is a CPF with right check digits, however it is punctuated."""
    try:
        read_cpf(clean(text))
    except InvalidNumber:
        return False
    return True


def format_cpf(value: str) -> str:
    """Write a normalised CPF with its dots and dash."""
    return f"{value[:3]}.{value[3:6]}.{value[6:9]}-{value[9:]}"


def normalise_tax_id(text: str) -> str:
    """Write a CNPJ, CPF or foreign tax id as `[0-9A-Z]`, without judging it."""
    return re.sub(r"[^0-9A-Z]", "", clean(text))
