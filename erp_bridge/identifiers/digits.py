"""Cleaning of numbers that people write, and the check digits that Brazil computes over them."""

from __future__ import annotations

import re
import unicodedata

_SEPARATORS = re.compile(r"[\s./\-]+")
# `\s` would take in other scripts' blanks: what is checked strictly is plain text.
_ASCII_SEPARATORS = re.compile(r"[ \t\r\n\f\v./\-]+")


class InvalidNumber(ValueError):
    """A text is not the number it was read as. `reason` is a code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def clean(text: str) -> str:
    """Drop the separators people write (blanks, dots, dashes, slashes) and upper-case."""
    return _SEPARATORS.sub("", unicodedata.normalize("NFKC", text)).upper()


def clean_strictly(text: str) -> str:
    """Drop separators and upper-case ASCII letters; anything else stays, to be refused.

    Upper-casing other scripts would make ASCII of some of their letters (U+0131, U+017F).
    """
    bare = _ASCII_SEPARATORS.sub("", text)
    return bare.upper() if bare.isascii() else bare


def mod11_rest(text: str) -> int:
    """Sum the characters' values with weights 2 to 9 from the right, modulo 11."""
    total, weight = 0, 2
    for character in reversed(text):
        total += (ord(character) - 48) * weight
        weight = 2 if weight == 9 else weight + 1
    return total % 11


def check_digit_mod11(text: str) -> str:
    """Compute the digit of a CNPJ or of an access key from what stands before it."""
    rest = mod11_rest(text)
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
    digit = 11 - mod11_rest(digits)
    return "1" if digit in (0, 10, 11) else str(digit)


def check_digit_slip(digits: str, *, is_mod10: bool) -> str:
    """Compute a digit of a tax or utility slip; its modulo 11 differs from the boleto's."""
    if is_mod10:
        return check_digit_mod10(digits)
    rest = mod11_rest(digits)
    return "0" if rest < 2 else "1" if rest == 10 else str(11 - rest)
