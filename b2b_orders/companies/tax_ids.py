"""What an establishment is known by: a CNPJ, a CPF, or another country's tax id.

All are kept as sources deliver them, `[0-9A-Z]` only. A foreign one is written with its
country before it, `AR:20-12345678-6`, and is never one that could be a CNPJ or a CPF.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from b2b_orders.common.errors import InvalidInput
from erp_bridge.identifiers import normalise_tax_id, valid_cnpj, valid_cpf

HOME = "BR"
_WITH_COUNTRY = re.compile(r"\s*([A-Za-z]{2})\s*:\s*(.+)", re.DOTALL)
_SHORTEST, _LONGEST = 4, 20


@dataclass(frozen=True, slots=True)
class TaxId:
    """A tax id as it is stored, and its country where that is not Brazil."""

    value: str
    country: str = ""


def read_tax_id(text: str) -> TaxId:
    """Read a tax id as people write it; `InvalidInput` names what is wrong with it."""
    found = _WITH_COUNTRY.fullmatch(text)
    if found is None or found[1].upper() == HOME:
        return TaxId(_of_brazil(found[2] if found else text))
    country, value = found[1].upper(), normalise_tax_id(found[2])
    if not _SHORTEST <= len(value) <= _LONGEST:
        raise InvalidInput("tax_id", f"{text[:30]!r} is no tax id: 4 to 20 letters and digits")
    if valid_cnpj(value) or valid_cpf(value):
        raise InvalidInput("tax_id", f"{text[:30]!r} could be a CNPJ or CPF")
    return TaxId(value, country)


def read_tax_id_as_typed(text: str) -> TaxId | None:
    """Read what somebody looks for, who may leave a foreign id's country out; None is no tax id."""
    try:
        return read_tax_id(text)
    except InvalidInput:
        value = normalise_tax_id(text)
    may_be_foreign = _SHORTEST <= len(value) <= _LONGEST and any(map(str.isdigit, value))
    return TaxId(value) if may_be_foreign else None


def _of_brazil(text: str) -> str:
    compact = normalise_tax_id(text)
    is_valid = {14: valid_cnpj, 11: valid_cpf}.get(len(compact))
    if is_valid is None or not text.isascii():
        raise InvalidInput("tax_id", f"{text[:30]!r} is not a CNPJ (14 characters) or CPF (11)")
    if not is_valid(compact):
        raise InvalidInput("tax_id", f"{text[:30]!r} looks mistyped: the check digits do not match")
    return compact
