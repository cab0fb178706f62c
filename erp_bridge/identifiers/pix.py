"""Pix copy-and-paste codes (BR Code): nested tag, length, value; and a CRC over all of it.

A code is shown and copied exactly as it came: its case and its blanks are part of it. Its
address is never followed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from erp_bridge.identifiers.digits import InvalidNumber

_GUI = "br.gov.bcb.pix"
_AMOUNT = re.compile(r"[0-9]{1,10}(\.[0-9]{1,2})?")
_MAX_LENGTH = 1000


@dataclass(frozen=True, slots=True)
class Pix:
    """What a code says. `is_lenient`: its CRC is in lower case, which strict readers refuse."""

    payload: str
    point_of_initiation: str | None
    kind: str
    gui: str
    key: str | None
    info: str | None
    url: str | None
    currency: str | None
    amount: Decimal | None
    country: str | None
    merchant_name: str | None
    merchant_city: str | None
    txid: str | None
    crc: str
    is_lenient: bool = False


def crc16(content: bytes) -> str:
    """Compute CRC16-CCITT-FALSE as four upper-case hexadecimal digits."""
    crc = 0xFFFF
    for byte in content:
        crc ^= byte << 8
        for _ in range(8):
            crc = ((crc << 1) ^ 0x1021) & 0xFFFF if crc & 0x8000 else (crc << 1) & 0xFFFF
    return f"{crc:04X}"


def read_pix(text: str) -> Pix:
    """Take a code apart; raises `InvalidNumber`."""
    payload = text.strip("\r\n\t ")
    if not payload:
        raise InvalidNumber("empty")
    if not payload.startswith("0002"):
        raise InvalidNumber("start")
    if len(payload) > _MAX_LENGTH:
        raise InvalidNumber("length")
    fields = dict(_fields(payload))
    crc = fields.get("63")
    if crc is None or len(crc) != 4 or payload[-8:-4] != "6304":
        raise InvalidNumber("truncated")
    if crc16(payload[:-4].encode()) != crc.upper():
        raise InvalidNumber("crc")
    account = _account(fields)
    if account is None:
        raise InvalidNumber("not_pix")
    amount = fields.get("54")
    if amount is not None and not _AMOUNT.fullmatch(amount):
        raise InvalidNumber("amount")
    return Pix(
        payload=payload,
        point_of_initiation=fields.get("01"),
        kind="dynamic" if account.get("25") else "static",
        gui=account["00"],
        key=account.get("01"),
        info=account.get("02"),
        url=account.get("25"),
        currency=fields.get("53"),
        amount=None if amount is None else Decimal(amount),
        country=fields.get("58"),
        merchant_name=fields.get("59"),
        merchant_city=fields.get("60"),
        txid=_inner(fields.get("62", "")).get("05"),
        crc=crc,
        is_lenient=crc != crc.upper(),
    )


def valid_pix(text: str) -> bool:
    """Say whether a text is a Pix code that every reader takes."""
    try:
        return not read_pix(text).is_lenient
    except InvalidNumber:
        return False


def _fields(payload: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(payload):
        head = payload[at : at + 4]
        if len(head) < 4 or not (head.isascii() and head.isdigit()):
            raise InvalidNumber("truncated" if len(head) < 4 else "structure")
        length = int(head[2:])
        value = payload[at + 4 : at + 4 + length]
        if len(value) < length:
            raise InvalidNumber("truncated")
        yield head[:2], value
        at += 4 + length


def _inner(value: str) -> dict[str, str]:
    try:
        return dict(_fields(value))
    except InvalidNumber:
        return {}


def _account(fields: dict[str, str]) -> dict[str, str] | None:
    for tag in range(26, 52):
        account = _inner(fields.get(str(tag), ""))
        if account.get("00", "").lower() == _GUI:
            return account
    return None
