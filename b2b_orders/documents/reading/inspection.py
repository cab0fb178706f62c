"""The way in: reads any file and judges it, without a database and without raising."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import IO, Any, Final

from b2b_orders.documents.reading.findings import Context, Finding, Instalment, Word
from b2b_orders.documents.reading.formats import (
    MAX_BASE64_BYTES,
    Format,
    decode_base64,
    sniff,
)
from b2b_orders.documents.reading.judge import is_same_root, judge_xml
from b2b_orders.documents.reading.paper import read_paper, tax_ids_in
from b2b_orders.documents.reading.pdf import MANY_PAGES, PdfLook, look_into
from b2b_orders.documents.reading.pdf_text import text_in
from b2b_orders.documents.reading.tables import MAX_TABLE_BYTES, read_table
from b2b_orders.documents.reading.xml import MAX_XML_BYTES

_ACTIVE_IN_WORDS: Final = {
    "active_launch": "Launch action",
    "active_embedded_file": "embedded file",
    "active_javascript": "JavaScript",
    "active_rich_media": "rich media",
    "active_form": "form that sends or loads data",
    "active_hidden": "more objects than can be looked into",
}
_REMARKS: Final = {
    "locked": (
        "user password needed (banks send boletos like that); serve as download only, no preview"
    ),
    "junk": "bytes before %PDF- within the first 1024 are tolerated by readers",
    "base64": "some ERPs return base64 text with content type application/pdf",
}
_REFUSED: Final = {
    Format.EMPTY: ("empty", ""),
    Format.HTML: ("html_instead_of_document", "HTML"),
    Format.UNKNOWN: ("unknown_format", ""),
}


def inspect(file: IO[bytes], context: Context, *, reads_text: bool = True) -> Finding:
    """Read a file, positioned anywhere, and judge it.

    `reads_text` also reads what is printed in a PDF, which costs some milliseconds.
    """
    file.seek(0)
    found = sniff(file)
    file.seek(0)
    if found in _REFUSED:
        reason, remark = _REFUSED[found]
        return Finding(found, Word.REFUSE, (reason,), {"root": None}, remark=remark)
    match found:
        case Format.PDF:
            return judge_pdf(file, context, reads_text=reads_text)
        case Format.XML:
            return judge_xml(file.read(MAX_XML_BYTES + 1), context)
        case Format.TEXT:
            return _judge_text(file.read(MAX_BASE64_BYTES + 1), context, reads_text=reads_text)
        case Format.JSON:
            reason = f"not_{context.expected or 'xml'}"
            return Finding(found, Word.REFUSE, (reason,), {"root": None}, remark="JSON")
    return Finding(found, Word.SERVE)


def _judge_text(content: bytes, context: Context, *, reads_text: bool) -> Finding:
    decoded = decode_base64(content)
    if decoded is None:
        facts = read_table(content) if len(content) <= MAX_TABLE_BYTES else {}
        return Finding(Format.TEXT, Word.SERVE, (), facts)
    inner = inspect(io.BytesIO(decoded), context, reads_text=reads_text)
    if inner.word is Word.REFUSE:
        return inner
    word = Word.SERVE_AFTER_DECODING if inner.word is Word.SERVE else inner.word
    remark = inner.remark or _REMARKS["base64"]
    return replace(inner, word=word, remark=remark, decoded=decoded)


# --- PDF -------------------------------------------------------------------------------------


def judge_pdf(file: IO[bytes], context: Context, *, reads_text: bool = True) -> Finding:
    """Judge a PDF: whole, harmless, of the company, and as its invoice announced."""
    look = look_into(file)
    if look.damage:
        return Finding(Format.PDF, Word.REFUSE, (look.damage,), remark=look.damage)
    text = "" if look.is_locked or not reads_text else text_in(file)
    facts = read_paper(text, context.reference) if text else {}
    if look.pages:
        facts["pages"] = look.pages
    if look.active:
        return Finding(
            Format.PDF, Word.REFUSE_OR_SANITISE, look.active, facts, remark=_active_words(look)
        )
    payer = _payer_is(facts, text, context)
    if payer == "another":
        return Finding(Format.PDF, Word.REFUSE, ("recipient_mismatch",), facts)
    doubts = _doubts(look, facts, context)
    if payer == "branch":
        doubts["same_root_other_branch"] = "the payer is a branch that is not listed"
    remark = next(iter(doubts.values()), "")
    if not doubts and look.has_junk_before:
        remark = _REMARKS["junk"]
    word = Word.WARN if doubts else Word.SERVE
    return Finding(Format.PDF, word, tuple(doubts), facts, remark=remark)


def _active_words(look: PdfLook) -> str:
    words = [_ACTIVE_IN_WORDS[code] for code in look.active]
    opens = "OpenAction " if look.opens_script and look.active == ("active_javascript",) else ""
    return opens + ", ".join(words)


def _payer_is(facts: Mapping[str, Any], text: str, context: Context) -> str:
    """Say who is to pay a bank slip: "ours", "branch" (of the same root) or "another".

    Texts of PDFs come in odd orders: one number of ours in it is enough to believe it ours.
    """
    payer = facts.get("payer")
    if context.tax_ids is None or facts.get("kind") != "boleto" or not payer:
        return "ours"
    named = tax_ids_in(text) | {payer}
    if named & context.tax_ids or payer == facts.get("payee"):
        return "ours"
    return "branch" if any(is_same_root(n, context.tax_ids) for n in named) else "another"


def _doubts(look: PdfLook, facts: Mapping[str, Any], context: Context) -> dict[str, str]:
    doubts: dict[str, str] = {}
    if look.is_locked:
        doubts["user_password_needed"] = _REMARKS["locked"]
    if look.pages > MANY_PAGES:
        doubts["many_pages"] = f"{look.pages} pages"
    if facts.get("kind") != "boleto":
        return doubts
    if facts["is_amount_printed"] is False:
        doubts["line_amount_not_printed"] = f"the line's amount {facts['amount']} is not printed"
    printed = facts["printed_due_date"]
    if printed and facts["due_date"] and printed != facts["due_date"]:
        doubts["line_due_date_differs"] = f"the line is due {facts['due_date']}, printed {printed}"
    instalment = matching_instalment(facts, context.instalments)
    if instalment is not None:
        doubts |= _differences(facts, instalment)
    return doubts


# --- bank slip and invoice -------------------------------------------------------------------


def _differences(facts: Mapping[str, Any], instalment: Instalment) -> dict[str, str]:
    of = f"installment {instalment.number} of the invoice"
    doubts = {}
    if (
        facts["amount"] is not None
        and instalment.amount is not None
        and Decimal(facts["amount"]) != instalment.amount
    ):
        doubts["amount_differs"] = f"amount differs from {of} ({instalment.amount})"
    if (
        facts["due_date"]
        and instalment.due_on
        and facts["due_date"] != instalment.due_on.isoformat()
    ):
        doubts["due_date_differs"] = f"due date differs from {of} ({instalment.due_on})"
    return doubts


def matching_instalment(
    facts: Mapping[str, Any], instalments: tuple[Instalment, ...]
) -> Instalment | None:
    """Find the instalment that a bank slip is for.

    By the number on it (`1201/003`), else by its due date, else by its amount; None where
    that says none or several.
    """
    named = _named(facts.get("document_number") or "", instalments)
    if named:
        return named
    for is_it in (
        lambda one: one.due_on and one.due_on.isoformat() == facts.get("due_date"),
        lambda one: one.amount is not None and str(one.amount) == facts.get("amount"),
    ):
        found = [one for one in instalments if is_it(one)]
        if len(found) == 1:
            return found[0]
    return None


def _named(document_number: str, instalments: tuple[Instalment, ...]) -> Instalment | None:
    parts = [part.lstrip("0") for part in re.findall(r"[0-9]+", document_number)]
    found = [
        one
        for one in instalments
        if len(parts) > 1
        and parts[0] == one.invoice_number.lstrip("0")
        and parts[1] == (re.findall(r"[0-9]+", one.number) or [""])[0].lstrip("0")
    ]
    return found[0] if len(found) == 1 else None


def instalments_of(facts: Mapping[str, Any]) -> tuple[Instalment, ...]:
    """Take the instalments from an NF-e's facts."""
    return tuple(
        Instalment(
            number=one["number"] or "",
            due_on=_date(one["due_date"]),
            amount=None if one["amount"] is None else Decimal(one["amount"]),
            invoice_number=str(facts["number"] or ""),
        )
        for one in facts.get("installments", ())
    )


def _date(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None
