"""What a paper to pay says of itself, and whether that fits what its source says: pure.

The line, its bar code and the PIX code each carry an amount, a date or a receiver. A digit
that is wrong makes one of them not payable; what differs is said, and the bank's screen
decides. Nothing is repaired: a line with a digit missing is a wrong line.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, Literal

from erp_bridge.identifiers import (
    InvalidNumber,
    boleto_barcode,
    boleto_line,
    clean,
    factor_due_on,
    normalise_tax_id,
    read_pix,
    valid_barcode,
    valid_boleto_line,
    valid_cnpj,
    valid_slip_line,
)

Severity = Literal["refuse", "alarm", "warn"]

# What each finding means: `refuse` takes the means of payment away and is reported, `alarm`
# is shown and reported, `warn` is shown.
SEVERITY: Final[dict[str, Severity]] = {
    "line-digits": "refuse",
    "line-of-slip": "refuse",
    "line-of-boleto": "refuse",
    "line-bank": "refuse",
    "pix-broken": "refuse",
    "payer-differs": "refuse",
    "line-differs-from-file": "alarm",
    "pix-receiver-differs": "alarm",
    "payee-changed": "alarm",
    "amount-differs": "warn",
    "pix-amount-differs": "warn",
    "due-differs": "warn",
}
# A bar code has ten digits for the amount; above, the due factor's four are taken for it.
_MOST: Final = Decimal("99999999.99")
_REAL: Final = "9"
# Codes cut their receiver's name at 25 characters; fewer letters than this are no name.
_LEAST_NAME: Final = 6
_FORMS: Final = frozenset({"ltda", "sa", "me", "epp", "eireli", "cia"})
_LINE_GROUPS: Final = ((0, 5), (5, 10), (10, 15), (15, 21), (21, 26), (26, 32), (32, 33), (33, 47))


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper to pay as its source states it. `is_slip`: of taxes, not of a bank.

    `reference` is the day it was issued on, or the invoice was: due factors are read from
    there. `file_line` and `payer_tax_id` are what the file itself says, "" while unread.
    """

    is_slip: bool
    typeable_line: str
    pix: str
    amount: Decimal | None
    due_on: date | None
    reference: date
    payee_name: str = ""
    payee_tax_id: str = ""
    file_line: str = ""
    payer_tax_id: str = ""
    payers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Pix:
    """A PIX copy-and-paste code whose check digits are right; the receiver as it names itself."""

    payload: str
    receiver: str
    city: str
    key: str
    amount: Decimal | None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong or differs; the values that differ, where there are any."""

    code: str
    amount: Decimal | None = None
    day: date | None = None
    text: str = ""

    @property
    def severity(self) -> Severity:
        """Say how bad it is."""
        return SEVERITY[self.code]


@dataclass(frozen=True, slots=True)
class Payment:
    """What may be shown to pay with. `line` are bare digits, "" for none that is right."""

    line: str
    groups: tuple[str, ...]
    barcode: str
    bank: str
    amount: Decimal | None
    due_on: date | None
    pix: Pix | None
    findings: tuple[Finding, ...]

    @property
    def is_refused(self) -> bool:
        """Say whether something was found for which nothing of it may be paid."""
        refused = any(finding.severity == "refuse" for finding in self.findings)
        return refused and not (self.line or self.pix)


def read_payment(paper: Paper) -> Payment:
    """Check and decode a paper to pay."""
    if paper.payer_tax_id and paper.payers and paper.payer_tax_id not in paper.payers:
        return Payment("", (), "", "", None, None, None, (Finding("payer-differs"),))
    line, wrong = _line(paper)
    pix, broken = _pix(paper.pix)
    amount, due_on = _said(line, paper) if line else (None, None)
    findings = (*wrong, *broken, *_differences(paper, line, amount, due_on, pix))
    return Payment(
        line=line,
        groups=line_groups(line),
        barcode=boleto_barcode(line) if len(line) == 47 else "",
        bank=line[:3] if len(line) == 47 else "",
        amount=amount,
        due_on=due_on,
        pix=pix,
        findings=findings,
    )


# --- the line ----------------------------------------------------------------------------


def line_groups(line: str) -> tuple[str, ...]:
    """Split a line's digits as people read and type them; a slip's are four times twelve."""
    if len(line) == 48:
        return tuple(f"{line[at : at + 11]}-{line[at + 11]}" for at in range(0, 48, 12))
    if len(line) != 47:
        return (line,) if line else ()
    parts = [line[first:last] for first, last in _LINE_GROUPS]
    return (
        f"{parts[0]}.{parts[1]}",
        f"{parts[2]}.{parts[3]}",
        f"{parts[4]}.{parts[5]}",
        *parts[6:],
    )


def _line(paper: Paper) -> tuple[str, tuple[Finding, ...]]:
    """Return the right digits of a line, or "" and what is wrong with it."""
    written = clean(paper.typeable_line)
    if not written:
        return "", ()
    if valid_barcode(written):
        written = boleto_line(written)
    is_boleto, is_slip = valid_boleto_line(written), valid_slip_line(written)
    if not is_boleto and not is_slip:
        return "", (Finding("line-digits"),)
    if is_slip != paper.is_slip:
        return "", (Finding("line-of-slip" if is_slip else "line-of-boleto"),)
    if is_boleto and (written[:3] == "000" or written[3] != _REAL):
        return "", (Finding("line-bank"),)
    return written, ()


def _said(line: str, paper: Paper) -> tuple[Decimal | None, date | None]:
    """Read the amount and the due date off a valid line; None for what it does not say."""
    if len(line) == 48:
        return _slip_amount(line), None
    if paper.amount is not None and paper.amount > _MOST:
        return Decimal(int(line[33:47])).scaleb(-2), None
    cents = int(line[37:47])
    amount = Decimal(cents).scaleb(-2) if cents else None
    return amount, factor_due_on(line[33:37], paper.reference)


def _slip_amount(line: str) -> Decimal | None:
    """Read a slip's amount off its bar code; kinds 7 and 9 hold a quantity there instead."""
    barcode = "".join(line[at : at + 11] for at in range(0, 48, 12))
    cents = int(barcode[4:15])
    return Decimal(cents).scaleb(-2) if barcode[2] in "68" and cents else None


# --- what differs ------------------------------------------------------------------------


def _differences(
    paper: Paper, line: str, amount: Decimal | None, due_on: date | None, pix: Pix | None
) -> Iterator[Finding]:
    if paper.file_line and line and clean(paper.file_line) != line:
        yield Finding("line-differs-from-file")
    if paper.amount is not None and amount is not None and amount != paper.amount:
        yield Finding("amount-differs", amount=amount)
    if paper.due_on is not None and due_on is not None and due_on != paper.due_on:
        yield Finding("due-differs", day=due_on)
    if pix is None:
        return
    expected = paper.amount if paper.amount is not None else amount
    if pix.amount is not None and expected is not None and pix.amount != expected:
        yield Finding("pix-amount-differs", amount=pix.amount)
    if not is_receiver(pix, paper.payee_name, paper.payee_tax_id):
        yield Finding("pix-receiver-differs", text=pix.receiver)


def is_receiver(pix: Pix, payee_name: str, payee_tax_id: str) -> bool:
    """Say whether a PIX code may go to this payee, as far as both are known.

    A code names its receiver in 25 characters, mostly capitals without accents; a key that
    is a CNPJ says it better.
    """
    if payee_tax_id and valid_cnpj(pix.key):
        return normalise_tax_id(pix.key) == normalise_tax_id(payee_tax_id)
    there, here = _name(pix.receiver), _name(payee_name)
    if not there or not here:
        return True
    shorter, longer = sorted((there, here), key=len)
    return there == here or (len(shorter) >= _LEAST_NAME and longer.startswith(shorter))


def payee_changed(before: tuple[str, str], now: tuple[str, str]) -> bool:
    """Say whether two readings name different payees, each as name and tax id.

    Tax ids decide where both readings have one; a name is compared by its letters.
    """
    if before[1] and now[1]:
        return normalise_tax_id(before[1]) != normalise_tax_id(now[1])
    names = _letters(before[0]), _letters(now[0])
    return all(names) and names[0] != names[1]


def _name(text: str) -> str:
    """Return the letters of a name without what says of which form the company is."""
    words = [word for word in re.split(r"[^\w/.&]+", text.casefold()) if word]
    while len(words) > 1 and _letters(words[-1]) in _FORMS:
        words.pop()
    return _letters(" ".join(words))


def _letters(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(sign for sign in plain if sign.isalnum())


# --- PIX ---------------------------------------------------------------------------------


def _pix(payload: str) -> tuple[Pix | None, tuple[Finding, ...]]:
    # Blanks around it are of the transport; inside every character counts.
    payload = payload.strip()
    if not payload:
        return None, ()
    found = decode_pix(payload)
    return found, (() if found else (Finding("pix-broken"),))


def decode_pix(payload: str) -> Pix | None:
    """Read a PIX copy-and-paste code; None unless every bank reads the same in it."""
    try:
        found = read_pix(payload)
    except InvalidNumber:
        return None
    if (
        found.payload != payload
        or found.is_lenient
        or (found.currency, found.country) != ("986", "BR")
        or not (found.key or found.url)
        or _has_a_tag_twice(payload)
    ):
        return None
    return Pix(
        payload=payload,
        receiver=found.merchant_name or "",
        city=found.merchant_city or "",
        key=found.key or "",
        # Nothing is what a payer may choose.
        amount=found.amount or None,
    )


def _has_a_tag_twice(payload: str) -> bool:
    """Say whether a well-formed code gives a field twice: it could be read in two ways."""
    tags: set[str] = set()
    at = 0
    while at < len(payload):
        tag = payload[at : at + 2]
        if tag in tags:
            return True
        tags.add(tag)
        at += 4 + int(payload[at + 2 : at + 4])
    return False
