"""What a typed number looks like, said before anything is looked for.

A guess for people to compare with the paper in their hand: the search itself never goes by it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from b2b_orders.orders.numbers import recognise
from erp_bridge import identifiers

# The document models of an access key that we have a name for.
MODELS: Final = {"55": "nfe", "57": "cte", "65": "nfce", "67": "cte_os", "58": "mdfe"}
_WEB = re.compile(r"#?\s*(?:[A-Z]{3}-|00-)?[0-9]{13}-[0-9]{2}")
_SELLER = re.compile(r"(?:SLR-|V)[0-9]{4,}[A-Z][A-Z0-9]*(?:-[0-9]{2})?")
_TRACKING = re.compile(r"[A-Z]{2}[0-9]{9}[A-Z]{2}")
_ZEROS_FIRST = re.compile(r"0[0-9]{5,11}")
_DIGITS = re.compile(r"[0-9]+")
_LETTERS_AND_DIGITS = re.compile(r"(?=.*[A-Z])(?=.*[0-9]).+")
# How far a row of digits may be from a key's 44 to be one that is not complete yet.
_INCOMPLETE: Final = range(21, 50)
_TRACKING_WEIGHTS: Final = (8, 6, 4, 2, 3, 5, 9, 7)


@dataclass(frozen=True, slots=True)
class Guess:
    """What a text looks like: a code, and the parts that its words name.

    `is_right` says whether its check digits are; None for what has none.
    """

    kind: str
    is_right: bool | None = None
    parts: dict[str, str] = field(default_factory=dict)


def guess(text: str) -> Guess | None:
    """Say what a text looks like; None while nothing can be said."""
    recognised = recognise(text)
    if recognised.shape == "access_key":
        return _access_key(recognised.candidates[0].value, is_right=not recognised.problem)
    if recognised.shape == "boleto_line":
        digits = recognised.candidates[0].value
        kind = "boleto" if len(digits) == 47 else "slip"
        parts = {"length": str(len(digits)), "bank": digits[:3] if len(digits) == 47 else ""}
        return Guess(kind, not recognised.problem, parts)
    if recognised.shape == "cnpj":
        return Guess("cnpj", not recognised.problem)
    if recognised.shape == "invoice":
        return Guess("invoice")
    if recognised.shape != "free":
        return None
    return _free(text)


def _access_key(key: str, *, is_right: bool) -> Guess:
    parts = identifiers.split_access_key(key)
    named = {"number": parts.number, "series": parts.series}
    return Guess(MODELS.get(parts.model, "access_key"), is_right, named)


def _free(text: str) -> Guess | None:
    written = text.strip().upper()
    packed = identifiers.clean(written)
    if _TRACKING.fullmatch(packed):
        return Guess("tracking", _right_tracking(packed))
    if _WEB.fullmatch(written):
        return Guess("web")
    if _SELLER.fullmatch(written):
        return Guess("seller")
    if identifiers.valid_cpf(packed):
        return Guess("cpf", is_right=True)
    if _DIGITS.fullmatch(packed):
        return _plain_digits(packed)
    return Guess("customer") if _LETTERS_AND_DIGITS.fullmatch(packed) else None


def _plain_digits(digits: str) -> Guess | None:
    if len(digits) in _INCOMPLETE:
        return Guess("incomplete", parts={"length": str(len(digits))})
    if len(digits) == 13:
        return Guess("web")
    if _ZEROS_FIRST.fullmatch(digits):
        return Guess("erp")
    return Guess("any") if len(digits) >= 3 else None


def _right_tracking(code: str) -> bool:
    """Check a postal code of UPU standard S10: nine digits, the last of them a check digit."""
    total = sum(
        int(sign) * weight for sign, weight in zip(code[2:10], _TRACKING_WEIGHTS, strict=True)
    )
    digit = {10: 0, 11: 5}.get(11 - total % 11, 11 - total % 11)
    return str(digit) == code[10]
