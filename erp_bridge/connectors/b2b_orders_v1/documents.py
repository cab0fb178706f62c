"""The list of an order's files: kinds, stable keys, and what a description says.

The contract gives `tipoArquivo`, `descricao` and `url`, nothing else. The optional
extension fields (docs/erp-contract.md) say the rest; where they are absent, strict
patterns read a description that says it in the usual words. Nothing is guessed: two
different dates after "venc." give none.

What is payable is passed on as it was written, wrong digits and all: whoever shows it checks
it, and says that it is wrong. Only what has not the shape of a line or code is left out.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, tzinfo
from decimal import Decimal
from hashlib import sha256

from erp_bridge.connectors.b2b_orders_v1.payloads import Fields, as_decimal, as_when
from erp_bridge.identifiers import (
    access_key_parts,
    boleto_amount,
    boleto_line,
    clean,
    normalise_access_key,
    normalise_tax_id,
    valid_access_key,
    valid_barcode,
    valid_cnpj,
    valid_cpf,
)
from erp_bridge.records import DocumentKind, DocumentRecord, Party, TitleRecord, TitleState

KINDS = {
    "0": DocumentKind.BOLETO,
    "1": DocumentKind.TRANSFER,
    "2": DocumentKind.NFE_XML,
    "3": DocumentKind.DANFE,
    "4": DocumentKind.SERIALS,
    "5": DocumentKind.GARE,
    "6": DocumentKind.GNRE,
    "7": DocumentKind.OTHER,
}
STATES = {
    "pago": TitleState.PAID,
    "aberto": TitleState.OPEN,
    "cancelado": TitleState.CANCELLED,
    "substituido": TitleState.CANCELLED,
    "substituído": TitleState.CANCELLED,
}
SETTLED = frozenset({TitleState.PAID, TitleState.CANCELLED})
# Names that carry a file itself, in base64: never kept beside the record.
BODIES = ("conteudo", "arquivoBase64")

_DATE = r"(\d{2}/\d{2}/\d{4})"
_INVOICE = re.compile(
    r"\b(?:NF-?e?|nota(?:\s+fiscal)?|DANFE)\s*(?:n[º°o.]{1,2}\s*)?:?\s*(\d{1,9})"
    r"(?:\s*/\s*(\d{1,3}))?(?![\d/.])",
    re.IGNORECASE,
)
_INSTALMENT = re.compile(
    r"\b(?:boleto|parcela|parc\.?|duplicata|dup\.?)\s*(\d{1,2})\s*(?:/|de)\s*(\d{1,2})(?![\d/])",
    re.IGNORECASE,
)
_DUE = re.compile(rf"\bvenc(?:imento|to|e)?\.?(?:\s+em)?\s*:?\s*{_DATE}", re.IGNORECASE)
_ISSUED = re.compile(rf"\bemitid[ao]\s+em\s+{_DATE}", re.IGNORECASE)
_AMOUNT = re.compile(r"R\$\s*(\d{1,3}(?:\.\d{3})+,\d{2}|\d+[.,]\d{2})(?!\d)")
_PAID = re.compile(rf"(?<!não )(?<!nao )\bpago\s+em\s+{_DATE}|\(pago\)", re.IGNORECASE)
_CANCELLED = re.compile(rf"\bcancelad[ao]\s+em\s+{_DATE}|\(cancelad[ao]\)", re.IGNORECASE)
_PAID_ON = re.compile(rf"(?<!não )(?<!nao )\bpago\s+em\s+{_DATE}", re.IGNORECASE)
_CANCELLED_ON = re.compile(rf"\bcancelad[ao]\s+em\s+{_DATE}", re.IGNORECASE)
# What changes in a description while the file stays the same one.
_PASSING = re.compile(
    rf"\b(?:pago|cancelad[ao]|vencid[ao]|atualizad[ao])\s+(?:em|desde)\s+{_DATE}"
    r"|\((?:pago|cancelad[ao]|vencid[ao]|(?:em )?aberto|a vencer)\)",
    re.IGNORECASE,
)
_ACCESS_KEY = re.compile(r"(?<![0-9A-Z])(?:NFE)?[0-9]{6}[0-9A-Z]{12}[0-9]{26}(?![0-9A-Z])")
_KEY_LENGTH = 90
# How a BR Code (PIX to copy and paste) begins; one that is longer is none, and never cut.
_PIX = re.compile(r"000201[\x20-\x7E\u00A0-\uD7FF]{20,1010}")
# A line of 47 or 48 digits, or its bar code of 44, with a few digits too many, too few or
# misread as letters.
_LINE = re.compile(r"[0-9A-Z]{42,52}")
_LEAST_DIGITS = 38
_DATA_URL = re.compile(r"data:[^,]{0,100};base64,", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Entry:
    """A listed file with where it is now; the address is never part of its identity.

    `body` is the file itself, in base64, where the ERP puts it into the list.
    """

    record: DocumentRecord
    url: str
    access_key: str = ""
    body: str = ""


def map_documents(items: Sequence[Fields], zone: tzinfo) -> tuple[Entry, ...]:
    """Map the entries of a documents answer, in their order."""
    seen: Counter[str] = Counter()
    records = []
    for item in items:
        record = _map_document(item, zone)
        seen[record.key] += 1
        if (ordinal := seen[record.key]) > 1:
            record = replace(record, key=f"{record.key}#{ordinal}")
        records.append(record)
    return tuple(
        Entry(
            record=replace(record, replaced_by=_successor(item, record, items, records)),
            url=item.text("url", limit=4000),
            access_key=access_key(item.text("chaveAcesso"), record.title),
            body=_body(item),
        )
        for item, record in zip(items, records, strict=True)
    )


def decode_body(body: str) -> bytes | None:
    """Decode a file that stands in the list itself; None when it is not base64."""
    bare = "".join(_DATA_URL.sub("", body.strip(), count=1).split())
    try:
        return base64.b64decode(bare, validate=True)
    except (binascii.Error, ValueError):
        return None


def map_titles(documents: Sequence[DocumentRecord]) -> tuple[TitleRecord, ...]:
    """Make a title of each boleto whose amount or due date is known."""
    return tuple(
        TitleRecord(
            key=document.key,
            instalment=document.instalment,
            invoice_number=document.invoice_number,
            due_on=document.due_on,
            amount=document.amount,
            state=document.title_state,
            typeable_line=document.typeable_line,
            pix=document.pix,
            settled_on=document.settled_on,
            payee=document.payee,
        )
        for document in documents
        if document.kind is DocumentKind.BOLETO
        and (document.amount is not None or document.due_on is not None)
    )


def access_key(*texts: str) -> str:
    """Return the one valid access key that the texts hold, else ""."""
    found = {
        normalise_access_key(match)
        for text in texts
        for match in _ACCESS_KEY.findall(text.upper())
        if valid_access_key(match)
    }
    return found.pop() if len(found) == 1 else ""


def invoice_number(text: str) -> str:
    """Write an invoice number as people read it: without leading zeros, "" for none."""
    bare = text.strip()
    return bare.lstrip("0") if bare.isdecimal() else bare


def invoice_series(text: str) -> str:
    """Write a series without leading zeros; 0 is a series (the only one)."""
    bare = text.strip()
    return (bare.lstrip("0") or "0") if bare.isdecimal() else bare


def _map_document(item: Fields, zone: tzinfo) -> DocumentRecord:
    kind = KINDS.get(item.text("tipoArquivo"), DocumentKind.OTHER)
    title = item.text("descricao")
    number = invoice_number(item.text("notaFiscal", limit=40))
    series = item.text("serieNotaFiscal", limit=10)
    instalment = item.text("parcela", limit=20)
    bank_number = item.text("nossoNumero", limit=40)
    key = _key(kind, title, (number, series, instalment, bank_number))
    parts = access_key_parts(access_key(item.text("chaveAcesso"), title))
    if parts:
        number, series = number or parts.number, series or parts.series
    if not number:
        number, series = _invoice_in(title)
    is_payable = kind in {
        DocumentKind.BOLETO,
        DocumentKind.TRANSFER,
        DocumentKind.GARE,
        DocumentKind.GNRE,
    }
    state = _state(item, title) if is_payable else TitleState.UNKNOWN
    return DocumentRecord(
        key=key,
        kind=kind,
        title=title,
        invoice_number=number,
        invoice_series=invoice_series(series),
        issued_on=item.when("dataEmissao", zone=zone).on or _date_in(_ISSUED, title, zone),
        due_on=item.when("dataVencimento", zone=zone).on or _date_in(_DUE, title, zone),
        amount=_amount(item, title),
        title_state=state,
        typeable_line=_line(item.text("linhaDigitavel")),
        instalment=instalment or _instalment_in(title),
        pix=_pix(item.raw("pixCopiaECola")),
        settled_on=_settled_on(item, title, state, zone),
        payee=_payee(item),
    )


def _key(kind: DocumentKind, title: str, parts: Sequence[str]) -> str:
    """Build the identity of a file from what it is and says, never from where it is."""
    words = unicodedata.normalize("NFKD", _PASSING.sub(" ", title).casefold())
    slug = "-".join(re.findall(r"[a-z0-9$]+", "".join(c for c in words if not _is_mark(c))))
    said = "/".join(part.casefold() for part in parts if part)
    key = ":".join(part for part in (kind.value, slug, said) if part)
    if len(key) > _KEY_LENGTH:
        key = f"{key[: _KEY_LENGTH - 17]}~{sha256(key.encode()).hexdigest()[:16]}"
    return key


def _is_mark(character: str) -> bool:
    return unicodedata.combining(character) != 0


def _invoice_in(title: str) -> tuple[str, str]:
    found = {(invoice_number(m[1]), m[2] or "") for m in _INVOICE.finditer(title)}
    return found.pop() if len(found) == 1 else ("", "")


def _instalment_in(title: str) -> str:
    found = {(int(m[1]), int(m[2])) for m in _INSTALMENT.finditer(title)}
    if len(found) != 1:
        return ""
    which, of = found.pop()
    return f"{which}/{of}" if 0 < which <= of else ""


def _date_in(pattern: re.Pattern[str], title: str, zone: tzinfo) -> date | None:
    found = {as_when(m[1], zone).on for m in pattern.finditer(title)}
    return found.pop() if len(found) == 1 else None


def _amount(item: Fields, title: str) -> Decimal | None:
    stated = item.decimal("valor")
    if stated is not None:
        return stated
    found = {as_decimal(m[1]) for m in _AMOUNT.finditer(title)}
    if len(found) == 1:
        return found.pop()
    return boleto_amount(item.text("linhaDigitavel")) if not found else None


def _state(item: Fields, title: str) -> TitleState:
    if stated := item.text("situacao"):
        state = STATES.get(stated.casefold(), TitleState.UNKNOWN)
    else:
        state = _state_in(title)
    if item.text("substituidoPor") and state is not TitleState.PAID:
        # Whatever else is said of it: another paper is to be paid in its place.
        return TitleState.CANCELLED
    return state


def _state_in(title: str) -> TitleState:
    is_paid, is_cancelled = _PAID.search(title), _CANCELLED.search(title)
    if is_paid and not is_cancelled:
        return TitleState.PAID
    if is_cancelled and not is_paid:
        return TitleState.CANCELLED
    return TitleState.UNKNOWN


def _settled_on(item: Fields, title: str, state: TitleState, zone: tzinfo) -> date | None:
    """Return the day of the payment or cancellation, of what is paid or cancelled."""
    if state not in SETTLED:
        return None
    stated = item.when("dataBaixa", "dataPagamento", zone=zone).on
    said = _PAID_ON if state is TitleState.PAID else _CANCELLED_ON
    return stated or _date_in(said, title, zone)


def _payee(item: Fields) -> Party:
    """Return who receives the money; a tax id that its digits do not confirm is left out."""
    tax_id = item.text("beneficiarioCnpj", limit=40)
    is_valid = valid_cnpj(tax_id) or valid_cpf(tax_id)
    return Party(
        name=item.text("beneficiarioNome", limit=150),
        tax_id=normalise_tax_id(tax_id) if is_valid else "",
    )


def _pix(value: object) -> str:
    """Keep a PIX code as it was written: blanks and capitals inside are part of it.

    Its checksum may be wrong, or cut off: then it is shown to be.
    """
    code = value.strip() if isinstance(value, str) else ""
    return code if _PIX.fullmatch(code) else ""


def _successor(
    item: Fields,
    record: DocumentRecord,
    items: Sequence[Fields],
    records: Sequence[DocumentRecord],
) -> str:
    """Find the key of the one listed file that took another's place."""
    named = _plain(item.text("substituidoPor", limit=80))
    if not named:
        return ""
    found = {
        other.key
        for listed, other in zip(items, records, strict=True)
        if other.key != record.key
        and other.kind is record.kind
        and named in {_plain(listed.text("nossoNumero", limit=40)), _plain(other.typeable_line)}
    }
    return found.pop() if len(found) == 1 else ""


def _plain(number: str) -> str:
    return clean(number).lstrip("0")


def _body(item: Fields) -> str:
    for name in BODIES:
        if isinstance(value := item.raw(name), str) and value.strip():
            return value
    return ""


def _line(text: str) -> str:
    """Keep the digits of a line, right or wrong; "" for what is none, such as zeros alone."""
    written = clean(text)
    if valid_barcode(written):
        return boleto_line(written)
    digits = sum(sign.isdigit() for sign in written)
    is_one = _LINE.fullmatch(written) and digits >= _LEAST_DIGITS and written.strip("0")
    return written if is_one else ""
