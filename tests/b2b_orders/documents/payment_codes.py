"""Lines and PIX codes of our own making, right in every digit unless told otherwise."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from erp_bridge.identifiers import make_boleto_line
from erp_bridge.identifiers.pix import crc16

DUE = date(2026, 3, 20)
AMOUNT = Decimal("1000.00")
PAYEE = "Fornecedor Exemplo Ltda"
PAYEE_TAX_ID = "11222333000181"
FREE_FIELD = "1234567890123456789012345"


def make_line(
    *,
    bank: str = "341",
    due_on: date | None = DUE,
    amount: Decimal = AMOUNT,
    free: str = FREE_FIELD,
) -> str:
    return make_boleto_line(bank=bank, due_on=due_on, amount=amount, free_field=free)


def make_slip_line(amount: Decimal = Decimal("87.40"), kind: str = "8") -> str:
    """Make the 48 digits of a tax slip (segment 5), with digits by modulo 11 (kinds 8 and 9)."""
    rest = f"85{kind}", f"{int(amount * 100):011d}0022" + "0" * 19 + "123456"
    barcode = rest[0] + _mod11(rest[0] + rest[1]) + rest[1]
    blocks = [barcode[at : at + 11] for at in range(0, 44, 11)]
    return "".join(block + _mod11(block) for block in blocks)


def _mod11(digits: str) -> str:
    total = sum(int(d) * (2 + at % 8) for at, d in enumerate(reversed(digits)))
    rest = total % 11
    return "0" if rest < 2 else "1" if rest == 10 else str(11 - rest)


def make_pix(
    *,
    receiver: str = "FORNECEDOR EXEMPLO LTDA",
    key: str = "",
    url: str = "pix.example.com/qr/v2/cobv/9d36b84f",
    amount: str = "1000.00",
    currency: str = "986",
) -> str:
    account = _tlv("00", "br.gov.bcb.pix") + (_tlv("01", key) if key else _tlv("25", url))
    text = "".join(
        (
            _tlv("00", "01"),
            _tlv("26", account),
            _tlv("52", "0000"),
            _tlv("53", currency),
            _tlv("54", amount) if amount else "",
            _tlv("58", "BR"),
            _tlv("59", receiver),
            _tlv("60", "SAO PAULO"),
            _tlv("62", _tlv("05", "***")),
            "6304",
        )
    )
    return text + crc16(text.encode())


def _tlv(tag: str, value: str) -> str:
    return f"{tag}{len(value):02d}{value}"
