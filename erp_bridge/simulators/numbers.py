"""Makes fictional numbers with correct check digits: CPF, access key, boleto, tax slip."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from erp_bridge.identifiers import (
    check_digit_mod11,
    cnpj_with_digits,
    make_boleto_line,
)

__all__ = (
    "access_key",
    "boleto_line",
    "cnpj_with_digits",
    "cpf",
    "pix_code",
    "print_boleto_line",
    "print_slip_line",
    "slip_line",
)

# No bank has this number, so nobody can pay what it stands on.
NO_BANK = "999"


def cpf(first_nine: str) -> str:
    """Complete a CPF."""
    text = first_nine
    for _ in range(2):
        weights = range(len(text) + 1, 1, -1)
        total = sum(int(digit) * weight for digit, weight in zip(text, weights, strict=True))
        text += str(0 if total % 11 < 2 else 11 - total % 11)
    return text


def access_key(
    *, state: str, issued: date, emitter: str, series: int, number: int, model: int = 55
) -> str:
    """Build the 44 characters of an NF-e (55) or CT-e (57); their random part is the number's."""
    code = (number * 7_919_113 + series * 104_729) % 100_000_000
    head = f"{state}{issued:%y%m}{emitter}{model}{series:03d}{number:09d}1{code:08d}"
    return head + check_digit_mod11(head)


def boleto_line(*, due: date, cents: int, free: str) -> str:
    """Build the 47 digits of a boleto from its 25 digits of the bank's own."""
    amount = Decimal(cents).scaleb(-2)
    return make_boleto_line(bank=NO_BANK, due_on=due, amount=amount, free_field=free)


def print_boleto_line(line: str) -> str:
    """Write a boleto line with the dots and blanks that are printed."""
    return (
        f"{line[:5]}.{line[5:10]} {line[10:15]}.{line[15:21]} "
        f"{line[21:26]}.{line[26:32]} {line[32]} {line[33:]}"
    )


def slip_line(*, cents: int, number: int, due: date) -> str:
    """Build the 48 digits of a state's tax slip (GNRE, DARE)."""
    body = f"{cents:011d}9999{due:%Y%m%d}{number:017d}"
    barcode = "858" + check_digit_mod11("858" + body) + body
    blocks = [barcode[start : start + 11] for start in range(0, 44, 11)]
    return "".join(block + check_digit_mod11(block) for block in blocks)


def print_slip_line(line: str) -> str:
    """Write a tax slip's line in the four blocks that are printed, each with its digit."""
    return " ".join(f"{line[at : at + 11]}-{line[at + 11]}" for at in range(0, 48, 12))


def pix_code(*, address: str, name: str, city: str, cents: int) -> str:
    """Build a PIX code to copy and paste: dynamic, so its account is an address at the bank."""
    account = _field(0, "br.gov.bcb.pix") + _field(25, address)
    code = _field(0, "01") + _field(1, "12") + _field(26, account) + _field(52, "0000")
    code += _field(53, "986") + _field(54, f"{Decimal(cents).scaleb(-2):.2f}") + _field(58, "BR")
    code += _field(59, name[:25].strip()) + _field(60, city[:15].strip())
    code += _field(62, _field(5, "***")) + "6304"
    return code + _crc16(code.encode())


def _field(number: int, text: str) -> str:
    return f"{number:02d}{len(text):02d}{text}"


def _crc16(data: bytes) -> str:
    """Compute CRC-16/CCITT-FALSE, as the central bank's manual of the BR Code asks for."""
    rest = 0xFFFF
    for byte in data:
        rest ^= byte << 8
        for _ in range(8):
            rest = (rest << 1 ^ 0x1021 if rest & 0x8000 else rest << 1) & 0xFFFF
    return f"{rest:04X}"
