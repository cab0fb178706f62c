"""Access keys: the 44 characters of NF-e, NFC-e, CT-e, MDF-e; the 50 digits of a national NFS-e."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from erp_bridge.identifiers.digits import (
    InvalidNumber,
    check_digit_mod11,
    clean,
    clean_strictly,
)

_ACCESS_KEY = re.compile(r"[0-9]{6}[0-9A-Z]{12}[0-9]{26}")
_KEY_PREFIX = re.compile(r"(?:NFCE|NFE|CFE|CTE)(?=[0-9]{6})")
_NFSE_KEY = re.compile(r"[0-9]{50}")


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
    emission_type: str
    random_code: str
    check_digit: str

    @property
    def emitter_tax_id(self) -> str:
        """The CNPJ; or the CPF of a person, who issues in the series 920 to 969."""
        is_person = self.emitter.startswith("000") and self.series.isdigit()
        return self.emitter[3:] if is_person and 920 <= int(self.series) <= 969 else self.emitter


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
    return split_access_key(normalise_access_key(text)) if valid_access_key(text) else None


def read_access_key(text: str) -> AccessKey:
    """Take an access key apart; raises `InvalidNumber`."""
    key = _KEY_PREFIX.sub("", clean_strictly(text), count=1)
    if not key:
        raise InvalidNumber("empty")
    if len(key) != 44:
        raise InvalidNumber("length")
    if not looks_like_access_key(key):
        raise InvalidNumber("characters")
    if check_digit_mod11(key[:43]) != key[43]:
        raise InvalidNumber("check_digit")
    return split_access_key(key)


def split_access_key(key: str) -> AccessKey:
    """Take 44 characters apart, be their check digit right or not."""
    return AccessKey(
        key=key,
        state_code=key[0:2],
        year_month=f"20{key[2:4]}-{key[4:6]}",
        emitter=key[6:20],
        model=key[20:22],
        series=key[22:25].lstrip("0") or "0",
        number=key[25:34].lstrip("0") or "0",
        emission_type=key[34],
        random_code=key[35:43],
        check_digit=key[43],
    )


def format_access_key(key: str) -> str:
    """Write a key in groups of four, as a DANFE prints it."""
    return " ".join(key[at : at + 4] for at in range(0, len(key), 4))


# --- NFS-e --------------------------------------------------------------------------------

# No public text states how its check digit is computed, so it is never called right or wrong.
NFSE_LAYOUT: Final = (
    "NFS-e national key has 50 digits: city 7, environment 1, kind of document 1, document 14, "
    "number 13, year-month 4, random 9, check digit 1"
)


@dataclass(frozen=True, slots=True)
class NfseKey:
    """The parts of a national NFS-e's key."""

    key: str
    city: str
    environment: str
    document_kind: str
    document: str
    number: str
    year_month: str
    random_code: str
    check_digit: str


def read_nfse_key(text: str) -> NfseKey:
    """Take an NFS-e's key apart; its check digit is not judged. Raises `InvalidNumber`."""
    key = clean_strictly(text).removeprefix("NFS")
    if not key:
        raise InvalidNumber("empty")
    if len(key) != 50:
        raise InvalidNumber("length")
    if not _NFSE_KEY.fullmatch(key):
        raise InvalidNumber("characters")
    return NfseKey(
        key=key,
        city=key[0:7],
        environment=key[7],
        document_kind=key[8],
        document=key[9:23],
        number=key[23:36].lstrip("0") or "0",
        year_month=f"20{key[36:38]}-{key[38:40]}",
        random_code=key[40:49],
        check_digit=key[49],
    )
