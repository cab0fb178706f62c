"""Which kinds of number a text can be: each valid or why not, normalised and taken apart."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final

from erp_bridge.identifiers.access_keys import (
    NFSE_LAYOUT,
    format_access_key,
    read_access_key,
    read_nfse_key,
)
from erp_bridge.identifiers.boletos import (
    due_factor,
    factor_due_on,
    format_boleto_line,
    read_boleto,
)
from erp_bridge.identifiers.digits import InvalidNumber, clean_strictly
from erp_bridge.identifiers.pix import read_pix
from erp_bridge.identifiers.slips import format_slip_line, read_slip
from erp_bridge.identifiers.tax_ids import format_cnpj, format_cpf, read_cnpj, read_cpf


@dataclass(frozen=True, slots=True)
class Reading:
    """A text read as one kind of number. `valid` is None where nobody can say.

    `group` is the family ("boleto"), `kind` its form ("line47", "barcode44").
    """

    group: str
    kind: str
    valid: bool | None
    reason: str = ""
    normalized: str = ""
    formatted: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Write it as one flat object; what is empty is left out."""
        told: dict[str, Any] = {"group": self.group, "kind": self.kind, "valid": self.valid}
        for name in ("reason", "normalized", "formatted"):
            if value := getattr(self, name):
                told[name] = value
        return told | dict(self.details)


def readings(text: str, reference: date) -> tuple[Reading, ...]:
    """Read a text as every kind of number there is; what it can be comes first.

    `reference` is the day from which a due factor is read.
    """
    found = [read(text, reference) for read in _READERS]
    return tuple(sorted((one for one in found if one is not None), key=_rank))


_WAYS_OFF: Final = {"length": 4, "empty": 4, "start": 4, "first_digit": 3, "slip_barcode": 3}


def _rank(reading: Reading) -> int:
    if reading.valid:
        return 0
    if reading.valid is None:
        # A state's registration is only text: what has a shape says more.
        return 5 if reading.group == "inscricao_estadual" else 1
    return _WAYS_OFF.get(reading.reason, 2)


def is_near(reading: Reading) -> bool:
    """Say whether a text has the shape of the kind, be it valid or not."""
    return _rank(reading) <= 2


def _tried(
    group: str, kind: str, read: Callable[[], tuple[str, str, dict[str, Any]]], text: str = ""
) -> Reading:
    try:
        normalized, formatted, details = read()
    except InvalidNumber as error:
        return Reading(group, kind, valid=False, reason=error.reason, normalized=text)
    return Reading(
        group, kind, valid=True, normalized=normalized, formatted=formatted, details=details
    )


def _cnpj(text: str, _: date) -> Reading:
    def read() -> tuple[str, str, dict[str, Any]]:
        value = read_cnpj(text)
        return value, format_cnpj(value), {}

    return _tried("cnpj", "cnpj", read)


def _cpf(text: str, _: date) -> Reading:
    def read() -> tuple[str, str, dict[str, Any]]:
        value = read_cpf(text)
        return value, format_cpf(value), {}

    return _tried("cpf", "cpf", read)


def _access_key(text: str, _: date) -> Reading:
    def read() -> tuple[str, str, dict[str, Any]]:
        parts = read_access_key(text)
        decoded = {
            "uf_code": parts.state_code,
            "year_month": parts.year_month,
            "emitter": parts.emitter,
            "model": parts.model,
            "series": int(parts.series),
            "number": int(parts.number),
            "emission_type": parts.emission_type,
            "random_code": parts.random_code,
            "check_digit": parts.check_digit,
        }
        return parts.key, format_access_key(parts.key), {"decoded": decoded}

    key = clean_strictly(text)
    return _tried("access_key", "access_key", read, key if len(key) == 44 else "")


def _nfse_key(text: str, _: date) -> Reading:
    group = "access_key_nfse"
    try:
        parts = read_nfse_key(text)
    except InvalidNumber as error:
        return Reading(group, group, valid=False, reason=error.reason)
    decoded = {
        "city": parts.city,
        "environment": parts.environment,
        "document_kind": parts.document_kind,
        "document": parts.document,
        "number": int(parts.number),
        "year_month": parts.year_month,
        "random_code": parts.random_code,
        "check_digit": parts.check_digit,
    }
    formatted = format_access_key(parts.key)
    return Reading(group, group, None, NFSE_LAYOUT, parts.key, formatted, {"decoded": decoded})


_LINE_KINDS: Final = {44: "barcode44", 47: "line47", 48: "line48"}


def _boleto(text: str, reference: date) -> Reading:
    def read() -> tuple[str, str, dict[str, Any]]:
        boleto = read_boleto(text)
        due_on = boleto.due_on(reference)
        return (
            digits,
            format_boleto_line(boleto.line),
            {
                "line": boleto.line,
                "barcode": boleto.barcode,
                "bank": boleto.bank,
                "currency": boleto.currency,
                "factor": boleto.factor,
                "amount": _amount(boleto.amount),
                "free_field": boleto.free_field,
                "due_date": due_on.isoformat() if due_on else None,
            },
        )

    digits = clean_strictly(text)
    kind = "unknown" if len(digits) == 48 else _LINE_KINDS.get(len(digits), "unknown")
    return _tried("boleto", kind, read)


def _slip(text: str, _: date) -> Reading:
    def read() -> tuple[str, str, dict[str, Any]]:
        slip = read_slip(text)
        return (
            digits,
            format_slip_line(slip.line),
            {
                "line": slip.line,
                "barcode": slip.barcode,
                "segment": slip.segment,
                "value_type": slip.value_type,
                "check": slip.check,
                "amount": _amount(slip.amount),
                "company": slip.company,
                "company_kind": slip.company_kind,
                "free_field": slip.free_field,
            },
        )

    digits = clean_strictly(text)
    kind = "unknown" if len(digits) == 47 else _LINE_KINDS.get(len(digits), "unknown")
    return _tried("arrecadacao", kind, read)


def _pix(text: str, _: date) -> Reading:
    try:
        pix = read_pix(text)
    except InvalidNumber as error:
        return Reading("pix", "pix", valid=False, reason=error.reason)
    decoded = {
        "point_of_initiation": pix.point_of_initiation,
        "kind": pix.kind,
        "gui": pix.gui,
        "key": pix.key,
        "info": pix.info,
        "url": pix.url,
        "currency": pix.currency,
        "amount": _amount(pix.amount),
        "country": pix.country,
        "merchant_name": pix.merchant_name,
        "merchant_city": pix.merchant_city,
        "txid": pix.txid,
        "crc": pix.crc,
    }
    valid, reason = (None, "crc_in_lower_case") if pix.is_lenient else (True, "")
    return Reading("pix", "pix", valid, reason, pix.payload, pix.payload, {"decoded": decoded})


_STATE_REGISTRATION = re.compile(r"[0-9A-Z][0-9A-Z./ \-]{1,18}", re.ASCII | re.IGNORECASE)


def _state_registration(text: str, _: date) -> Reading | None:
    """Take any short text as a state's registration: 27 rules, and the word ISENTO."""
    bare = text.strip()
    if not _STATE_REGISTRATION.fullmatch(bare):
        return None
    group = "inscricao_estadual"
    reason = "treated as text, never as an error"
    return Reading(group, group, None, reason, clean_strictly(bare), bare)


def _factor_to_date(text: str, reference: date) -> Reading | None:
    bare = text.strip()
    if not re.fullmatch(r"[0-9]{4}", bare):
        return None
    due_on = factor_due_on(bare, reference)
    details = {"factor": bare, "date": due_on.isoformat() if due_on else None}
    return Reading("factor_to_date", "factor_to_date", valid=True, normalized=bare, details=details)


def _due_factor(text: str, _: date) -> Reading | None:
    bare = text.strip()
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", bare):
        return None
    try:
        factor = due_factor(date.fromisoformat(bare))
    except ValueError:
        return None
    # Before July 2000 there were no factors.
    if not re.fullmatch(r"[1-9][0-9]{3}", factor):
        return None
    details = {"date": bare, "factor": factor}
    return Reading("due_factor", "due_factor", valid=True, normalized=bare, details=details)


def _amount(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


_READERS: Final[tuple[Callable[[str, date], Reading | None], ...]] = (
    _cnpj,
    _cpf,
    _access_key,
    _nfse_key,
    _boleto,
    _slip,
    _pix,
    _due_factor,
    _factor_to_date,
    _state_registration,
)
