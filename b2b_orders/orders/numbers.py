"""What a number is: one way to normalise it, index it, and recognise what was typed.

The index and the search share these functions, so a number is found however it is
written: case, blanks, `#`, dots, dashes, slashes and zeros in front do not matter. Letters are
never dropped: a CNPJ, and so an access key, may hold them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from b2b_orders.common.errors import InvalidInput
from b2b_orders.companies.tax_ids import read_tax_id
from erp_bridge import identifiers
from erp_bridge.records import NumberKind

MAX_TYPED = 200  # longer texts are no number; nothing is looked up
NEAR_LENGTHS = (4, 20)  # shorter ones are near to everything
MAX_VALUE = 80  # the index column; longer numbers are found by their beginning

# Pure digits of these lengths are keys and lines, where zeros in front count.
_FIXED_LENGTHS = frozenset({44, 47, 48})
_DIGITS = "0123456789"
_ASCII_DIGITS = re.compile(r"[0-9]+")
_GROUP = re.compile(r"[0-9]{1,12}")
_WEB_SUFFIX = re.compile(r"^(.+?)-[0-9]{2}$")
# VTEX puts `00-` before a seller's copy, and an affiliate's three letters before its orders.
_WEB_PREFIX = re.compile(r"^(?:00|[A-Z]{3})-(.+-[0-9]{2})$")
_INVOICE_WORDS = re.compile(
    r"^(?:NOTA\s+FISCAL|NOTA|NFS?-?E|NF|FATURA|FACTURA|INVOICE)\b[\s.:#]*(?:N[O.]{0,2}\s*)?"
)
_OTHER_WORDS = re.compile(
    r"^(?:PEDIDO|PED|ORDER|ORDEM|ORDEN|NUMERO|NUMBER|NO|N|CHAVE(?:\s+DE\s+ACESSO)?|BOLETO)"
    r"(?:[\s.:#]+(?=\S)|(?=[0-9]))"
)
_INVOICE_AND_SERIES = re.compile(r"^#?\s*([0-9][0-9.]*)\s*(?:/|-?\s*S[EÉ]RIE:?)\s*([0-9A-Z]{1,3})$")
_CNPJ_MASK = re.compile(r"^[0-9A-Z]{2}\.[0-9A-Z]{3}\.[0-9A-Z]{3}/[0-9A-Z]{4}-[0-9]{2}$")

Shape = Literal["access_key", "boleto_line", "cnpj", "invoice", "free", "empty", "too_long"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A normalised value to look for, in some kinds of number or (None) in all."""

    value: str
    kinds: frozenset[NumberKind] | None = None


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a typed text may mean: candidates in the order to try them.

    `problem` names what is wrong with a text of a known shape; `near` are then the valid
    values one slip of the finger away. `tax_id` is set for the shape `cnpj`, and for a free
    text that may also be a CPF or, with its country before it, another country's tax id.
    """

    text: str
    candidates: tuple[Candidate, ...] = ()
    shape: Shape = "free"
    problem: Literal["", "check-digit"] = ""
    near: tuple[str, ...] = ()
    tax_id: str = ""


def normalise(text: str) -> str:
    """Write a number as the index holds it: upper case, letters and digits alone."""
    value = "".join(filter(str.isalnum, _upper(text)))
    if _ASCII_DIGITS.fullmatch(value) and len(value) not in _FIXED_LENGTHS:
        value = value.lstrip("0") or "0"
    return value[:MAX_VALUE]


def index_values(kind: NumberKind, written: str, series: str = "") -> tuple[str, ...]:
    """List every value under which a number is found, the number itself first.

    A site's order is also found without `-01` and without a seller's prefix; an invoice
    also with its series, `1001/1`: the only value that keeps a slash.
    """
    if kind is NumberKind.ACCESS_KEY:
        values = [identifiers.normalise_access_key(written)[:MAX_VALUE]]
    elif kind is NumberKind.BOLETO_LINE:
        values = [identifiers.clean(written)[:MAX_VALUE]]
    else:
        values = [normalise(written)]
    if kind is NumberKind.WEB:
        values += (normalise(variant) for variant in _web_variants(written))
    if kind is NumberKind.INVOICE and series.strip():
        values.append(f"{values[0]}/{normalise(series)}"[:MAX_VALUE])
    return tuple(dict.fromkeys(value for value in values if value))


def _web_variants(written: str) -> Iterator[str]:
    text = _upper(written).strip()
    if prefixed := _WEB_PREFIX.match(text):
        text = prefixed[1]
        yield text
    if suffixed := _WEB_SUFFIX.match(text):
        yield suffixed[1]


def recognise(text: str) -> Recognised:
    """Say what a typed text may be, most certain first."""
    if len(text) > MAX_TYPED:
        return Recognised(text, shape="too_long")
    typed = " ".join(_upper(text).split())
    if not normalise(typed):
        return Recognised(text, shape="empty")
    bare = _OTHER_WORDS.sub("", typed, count=1)
    for reading in (_as_access_key, _as_boleto_line, _as_cnpj, _as_invoice):
        if found := reading(text, bare):
            return found
    return Recognised(text, _candidates(*_free(typed)), tax_id=_free_tax_id(bare))


def _free_tax_id(bare: str) -> str:
    """Read what may be a CPF or, with its country, another country's tax id; "" for neither."""
    try:
        return read_tax_id(bare).value
    except InvalidInput:
        return ""


def near_values(text: str) -> tuple[str, ...]:
    """List the values of a number that was misheard or mistyped, the number itself left out.

    One digit off, two neighbours swapped, or zeros lost in front of a group of digits.
    Only of what looks like a number: 4 to 20 characters, with digits. A key or a line has
    check digits, which find the slip by themselves.
    """
    recognised = recognise(text)
    if recognised.shape not in ("free", "invoice") or not recognised.candidates:
        return ()
    value = recognised.candidates[0].value
    if not NEAR_LENGTHS[0] <= len(value) <= NEAR_LENGTHS[1] or not any(map(str.isdigit, value)):
        return ()
    near = [normalise(slip) if "/" not in slip else slip for slip in _digit_slips(value)]
    near += map(normalise, _zero_slips(text))
    return tuple(dict.fromkeys(each for each in near if each != value))


def _digit_slips(value: str) -> Iterator[str]:
    for at, old in enumerate(value):
        before, after = value[:at], value[at + 1 :]
        if old in _DIGITS:
            yield from (before + new + after for new in _DIGITS if new != old)
        if after and after[0] != old and "/" not in (old, after[0]):
            yield before + after[0] + old + after[1:]


def _zero_slips(text: str) -> Iterator[str]:
    """Yield a text with up to three zeros more, or none, in front of a group of digits.

    Zeros in front of the whole never count, so the first group of a plain number is left.
    """
    written = _upper(text).strip("# ")
    for group in _GROUP.finditer(written):
        before, after = written[: group.start()], written[group.end() :]
        if before:
            digits = group[0].lstrip("0") or "0"
            yield from (f"{before}{'0' * zeros}{digits}{after}" for zeros in range(4))


def _upper(text: str) -> str:
    # Upper-casing can undo the composition that came first (a sharp s, some ligatures).
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).upper())


def _free(typed: str) -> Iterator[Candidate]:
    yield Candidate(normalise(typed))
    bare = _OTHER_WORDS.sub("", typed, count=1)
    if bare != typed:
        yield Candidate(normalise(bare))
    if prefixed := _WEB_PREFIX.match(bare.lstrip("# ")):
        yield Candidate(normalise(prefixed[1]), frozenset({NumberKind.WEB}))


def _candidates(*found: Candidate) -> tuple[Candidate, ...]:
    return tuple(dict.fromkeys(c for c in found if c.value))


def _as_access_key(text: str, bare: str) -> Recognised | None:
    key = identifiers.normalise_access_key(bare)
    if not identifiers.looks_like_access_key(key):
        return None
    if not identifiers.valid_access_key(key) and identifiers.valid_barcode(key):
        return None
    candidates = (Candidate(key, frozenset({NumberKind.ACCESS_KEY})),)
    if identifiers.valid_access_key(key):
        return Recognised(text, candidates, shape="access_key")
    near = tuple(k for k in _slips(key) if identifiers.valid_access_key(k))
    return Recognised(text, candidates, "access_key", "check-digit", near)


def _as_boleto_line(text: str, bare: str) -> Recognised | None:
    digits = identifiers.clean(bare)
    if not _ASCII_DIGITS.fullmatch(digits):
        return None
    if identifiers.valid_barcode(digits):
        digits = identifiers.boleto_line(digits)
    if identifiers.valid_boleto_line("0" + digits):  # a spreadsheet ate the bank's first zero
        digits = "0" + digits
    if len(digits) not in (47, 48):
        return None
    candidates = (Candidate(digits, frozenset({NumberKind.BOLETO_LINE})),)
    if _valid_line(digits):
        return Recognised(text, candidates, shape="boleto_line")
    near = tuple(line for line in _slips(digits) if _valid_line(line))
    return Recognised(text, candidates, "boleto_line", "check-digit", near)


def _valid_line(digits: str) -> bool:
    return identifiers.valid_boleto_line(digits) or identifiers.valid_slip_line(digits)


def _as_cnpj(text: str, bare: str) -> Recognised | None:
    tax_id = identifiers.clean(bare)
    candidates = _candidates(Candidate(normalise(bare)))
    if identifiers.valid_cnpj(tax_id):
        return Recognised(text, candidates, shape="cnpj", tax_id=tax_id)
    if _CNPJ_MASK.match(bare):
        return Recognised(text, candidates, "cnpj", "check-digit", tax_id=tax_id)
    return None


def _as_invoice(text: str, bare: str) -> Recognised | None:
    named = _INVOICE_WORDS.sub("", bare, count=1)
    with_series = _INVOICE_AND_SERIES.match(named)
    if named == bare and not with_series:
        return None
    if with_series:
        value = index_values(NumberKind.INVOICE, with_series[1], with_series[2])[-1]
    else:
        value = normalise(named)
    if not value:
        return None
    invoice = Candidate(value, frozenset({NumberKind.INVOICE}))
    # "NF 1001" can also be what the customer calls the order.
    return Recognised(text, _candidates(invoice, Candidate(normalise(text))), shape="invoice")


def _slips(text: str) -> Iterator[str]:
    """Yield the texts one changed character, or two neighbours swapped, away."""
    for at, old in enumerate(text):
        before, after = text[:at], text[at + 1 :]
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if len(text) == 44 and 6 <= at < 18 else ""
        yield from (before + new + after for new in "0123456789" + letters if new != old)
        if after and after[0] != old:
            yield before + after[0] + old + after[1:]
