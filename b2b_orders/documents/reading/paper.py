"""Reads what a paper's text says: bank slips, tax slips (GNRE, GARE, DARE), keys of invoices.

Only what proves itself is taken from anywhere in the text: lines, Pix codes and keys have
check digits. What stands beside a label is a hint, and compared with what proves itself.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any, Final

from erp_bridge.identifiers import (
    InvalidNumber,
    clean_strictly,
    factor_due_on,
    read_access_key,
    read_boleto,
    read_cnpj,
    read_cpf,
    read_pix,
    read_slip,
)

_BOLETO = re.compile(
    r"(?<![0-9])[0-9]{5}[. ]?[0-9]{5}\s*[0-9]{5}[. ]?[0-9]{6}\s*[0-9]{5}[. ]?[0-9]{6}\s*[0-9]\s*"
    r"[0-9]{14}(?![0-9])"
)
_SLIP = re.compile(
    r"(?<![0-9])8[0-9]{10}[-. ]{0,3}[0-9](?:\s*[0-9]{11}[-. ]{0,3}[0-9]){3}(?![0-9])"
)
_KEY = re.compile(r"(?<![0-9A-Z])[0-9]{6}[0-9A-Z]{12}[0-9]{26}(?![0-9A-Z])")
_GROUPED_KEY = re.compile(r"(?<![0-9A-Z])(?:[0-9A-Z]{4} ){10}[0-9]{4}(?![0-9A-Z])")
_DATE = re.compile(r"(?<![0-9])([0-9]{2})/([0-9]{2})/([0-9]{4})(?![0-9])")
_MONEY = re.compile(r"(?<![0-9.,])([0-9]{1,3}(?:\.[0-9]{3})*|[0-9]+),([0-9]{2})(?![0-9])")
_TAX_ID = re.compile(
    r"[0-9A-Z]{2}\.?[0-9A-Z]{3}\.?[0-9A-Z]{3}/?[0-9A-Z]{4}-?[0-9]{2}"
    r"|[0-9]{3}\.?[0-9]{3}\.?[0-9]{3}-?[0-9]{2}"
)
_REVENUE = re.compile(r"[0-9]{3,6}(?:-[0-9])?")
_STATE = re.compile(r"[A-Z]{2}")
_DOCUMENT = re.compile(r"[0-9A-Z][0-9A-Z./ \-]{0,39}", re.ASCII | re.IGNORECASE)
# How many lines a Pix code may be broken into, and where it may begin.
_PIX_LINES: Final = 6
_PIX_STARTS: Final = 5
_KINDS: Final = (
    ("GNRE", re.compile(r"\bgnre\b|guia nacional de recolhimento")),
    ("DARE-SP", re.compile(r"\bdare[- /]?sp\b")),
    ("DARE", re.compile(r"\bdare\b")),
    ("GARE", re.compile(r"\bgare\b")),
    ("DARF", re.compile(r"\bdarf\b")),
    ("DAE", re.compile(r"\bdae\b")),
    ("DUA", re.compile(r"\bdua\b")),
)
_STATE_OF_KIND: Final = {"DARE-SP": "SP"}


def read_paper(text: str, reference: date | None) -> dict[str, Any]:
    """Read the facts of a paper; {} where there is no line to pay by and no key."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    plain = [_plain(line) for line in lines]
    boletos = list(_numbers(_BOLETO, text, read_boleto))
    if boletos:
        return _boleto_facts(boletos, text, lines, plain, reference)
    slips = list(_numbers(_SLIP, text, read_slip))
    if slips:
        return _slip_facts(slips, text, lines, plain)
    keys = list(_keys(text))
    return {"access_keys": keys} if keys else {}


def tax_ids_in(text: str) -> frozenset[str]:
    """Find every CNPJ and CPF with right digits in a text."""
    return frozenset(_tax_ids(text))


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(c for c in decomposed if not unicodedata.combining(c)).lower()


def _numbers(pattern: re.Pattern[str], text: str, read: Any) -> Iterator[Any]:
    seen = set()
    for found in pattern.finditer(text):
        digits = clean_strictly(found[0])
        if digits in seen:
            continue
        seen.add(digits)
        try:
            yield read(digits)
        except InvalidNumber:
            continue


def _keys(text: str) -> Iterator[str]:
    seen = set()
    for pattern in (_KEY, _GROUPED_KEY):
        for found in pattern.finditer(text):
            try:
                key = read_access_key(found[0]).key
            except InvalidNumber:
                continue
            if key not in seen:
                seen.add(key)
                yield key


def _tax_ids(text: str) -> Iterator[str]:
    for found in _TAX_ID.finditer(text):
        for read in (read_cnpj, read_cpf):
            try:
                yield read(found[0])
            except InvalidNumber:
                continue
            break


# --- bank slips -----------------------------------------------------------------------------


def _boleto_facts(
    boletos: list[Any], text: str, lines: list[str], plain: list[str], reference: date | None
) -> dict[str, Any]:
    boleto = boletos[0]
    printed_due = _date_after(lines, plain, ("vencimento",))
    seen_from = printed_due or reference
    coded_due = factor_due_on(boleto.factor, seen_from) if seen_from else None
    due_on = coded_due or printed_due
    printed = _amount_after(lines, plain, ("valor do documento", "valor cobrado"))
    amount = boleto.amount if boleto.amount is not None else printed
    facts: dict[str, Any] = {
        "kind": "boleto",
        "line": boleto.line,
        "barcode": boleto.barcode,
        "bank": boleto.bank,
        "due_date": due_on.isoformat() if due_on else None,
        "amount": None if amount is None else str(amount),
        "document_number": _document_number(lines, plain),
        "payee": _tax_id_after(lines, plain, ("beneficiario", "cedente")),
        "payer": _tax_id_after(lines, plain, ("pagador", "sacado")),
        "pix": _pix_in(text),
        "printed_due_date": printed_due.isoformat() if printed_due else None,
        "is_amount_printed": _is_printed(boleto.amount, text),
    }
    if len(boletos) > 1:
        facts["other_lines"] = [other.line for other in boletos[1:20]]
    return facts


def _is_printed(amount: Decimal | None, text: str) -> bool | None:
    """Say whether the line's amount is printed, too; None when there is nothing to compare."""
    printed = {_money(found) for found in _MONEY.finditer(text)}
    return amount in printed if printed and amount is not None else None


def _document_number(lines: list[str], plain: list[str]) -> str | None:
    labels = ("numero do documento", "n. do documento", "no do documento", "nº do documento")
    for value in _values_after(lines, plain, labels):
        if _DOCUMENT.fullmatch(value) and any(c.isdigit() for c in value):
            return value
    return None


def _pix_in(text: str) -> str | None:
    """Find a Pix code, however its lines are broken: its CRC says which joint is right."""
    starts = [found.start() for found in re.finditer("000201", text)][:_PIX_STARTS]
    for start in starts:
        rows = [row.strip("\r") for row in text[start : start + 1200].split("\n")][:_PIX_LINES]
        for count in range(1, len(rows) + 1):
            for joints in itertools.product(("", " "), repeat=count - 1):
                joined = rows[0] + "".join(a + b for a, b in zip(joints, rows[1:], strict=False))
                if code := _whole_pix(joined):
                    return code
    return None


def _whole_pix(text: str) -> str | None:
    for end in re.finditer(r"6304[0-9A-Fa-f]{4}", text):
        try:
            return read_pix(text[: end.end()]).payload
        except InvalidNumber:
            continue
    return None


# --- tax slips ------------------------------------------------------------------------------


def _slip_facts(slips: list[Any], text: str, lines: list[str], plain: list[str]) -> dict[str, Any]:
    slip = slips[0]
    whole = "\n".join(plain)
    kind = next((name for name, pattern in _KINDS if pattern.search(whole)), None)
    printed = _amount_after(lines, plain, ("total a recolher", "valor total", "valor"))
    amount = slip.amount if slip.amount is not None else printed
    due_on = _date_after(lines, plain, ("data de vencimento", "vencimento"))
    keys = list(_keys(text))
    return {
        "kind": kind or "arrecadacao",
        "line": slip.line,
        "barcode": slip.barcode,
        "amount": None if amount is None else str(amount),
        "due_date": due_on.isoformat() if due_on else None,
        "revenue_code": _revenue_code(lines, plain),
        "origin_key": keys[0] if keys else None,
        "uf": _state(lines, plain) or _STATE_OF_KIND.get(kind or ""),
        "pix": _pix_in(text),
        "is_amount_printed": _is_printed(slip.amount, text),
    }


def _revenue_code(lines: list[str], plain: list[str]) -> str | None:
    for value in _values_after(lines, plain, ("codigo da receita", "cod. receita", "receita")):
        if found := _REVENUE.match(value):
            return found[0]
    return None


def _state(lines: list[str], plain: list[str]) -> str | None:
    for value in _values_after(lines, plain, ("uf favorecida", "uf ")):
        if _STATE.fullmatch(value):
            return value
    return None


# --- labels ---------------------------------------------------------------------------------


def _values_after(lines: list[str], plain: list[str], labels: tuple[str, ...]) -> Iterator[str]:
    """Go through what stands behind a label: on its own line, then on the next two."""
    for label in labels:
        for at, line in enumerate(plain):
            place = line.find(label)
            if place < 0:
                continue
            # Only marks were dropped: places are the same, ligatures aside.
            rest = lines[at][place + len(label) :].strip(" :.-")
            if rest:
                yield rest
            yield from lines[at + 1 : at + 3]


def _date_after(lines: list[str], plain: list[str], labels: tuple[str, ...]) -> date | None:
    for value in _values_after(lines, plain, labels):
        for found in _DATE.finditer(value):
            try:
                return date(int(found[3]), int(found[2]), int(found[1]))
            except ValueError:
                continue
    return None


def _amount_after(lines: list[str], plain: list[str], labels: tuple[str, ...]) -> Decimal | None:
    for value in _values_after(lines, plain, labels):
        if found := _MONEY.search(value):
            return _money(found)
    return None


def _money(found: re.Match[str]) -> Decimal:
    return Decimal(found[1].replace(".", "") + "." + found[2])


def _tax_id_after(lines: list[str], plain: list[str], labels: tuple[str, ...]) -> str | None:
    for value in _values_after(lines, plain, labels):
        for found in _tax_ids(value):
            return found
    return None
