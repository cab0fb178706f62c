"""Judges fiscal XML by the list of checks in `docs/what-is-checked.md`, in its order.

The first check that refuses gives the only reason; doubts that let a file pass are all named.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from lxml import etree

from b2b_orders.documents.reading import events
from b2b_orders.documents.reading.cte import read_cte, transport_of
from b2b_orders.documents.reading.events import event_of, read_event
from b2b_orders.documents.reading.findings import Context, Finding, Word
from b2b_orders.documents.reading.formats import Format
from b2b_orders.documents.reading.nfe import invoice_of, read_nfe
from b2b_orders.documents.reading.nfse import read_nfse
from b2b_orders.documents.reading.signature import Integrity, SignatureCheck, check_signature
from b2b_orders.documents.reading.xml import (
    CTE,
    NFE,
    NFSE,
    Unreadable,
    parse,
    text_of,
)
from erp_bridge.identifiers import (
    AccessKey,
    looks_like_access_key,
    split_access_key,
    valid_access_key,
)

_AUTHORISED: Final = frozenset({"100", "150"})
_ROOT_LENGTH: Final = 8


@dataclass(slots=True)
class _Doubts:
    """Collects what the checks say, in their order."""

    refusals: list[str] = field(default_factory=list)
    policies: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def conclude(self) -> tuple[Word, tuple[str, ...]]:
        if self.refusals:
            return Word.REFUSE, (self.refusals[0],)
        if self.policies:
            return Word.POLICY, (*self.policies, *self.warnings)
        return (Word.WARN if self.warnings else Word.SERVE), tuple(self.warnings)


def judge_xml(content: bytes, context: Context) -> Finding:
    """Read an XML and say what it is worth; never raises, whatever the bytes."""
    try:
        root = parse(content)
        return _JUDGES.get(str(root.tag), _refuse_root)(root, context)
    except Unreadable as error:
        return Finding(Format.XML, Word.REFUSE, (error.reason,), {"root": None})


def _refuse_root(_root: etree._Element, _context: Context) -> Finding:
    raise Unreadable("unknown_root")


# --- NF-e -----------------------------------------------------------------------------------


def _judge_nfe(root: etree._Element, context: Context) -> Finding:
    facts = read_nfe(root)
    invoice, note = invoice_of(root)
    signature = check_signature(invoice, note, facts["issued_at"])
    doubts = _Doubts()
    _check_key(facts, invoice.find(f"{NFE}ide"), f"{NFE}cUF", doubts)
    _check_protocol(facts, doubts)
    _check_signature(signature, facts, doubts)
    recipient = facts["recipient"] or {}
    _check_recipient(recipient.get("document"), context, doubts)
    if facts["environment"] == "homologation":
        doubts.warnings.append("homologation")
    key = facts["access_key"]
    if key in context.cancelled_keys or events.cancels_inside(root, key):
        doubts.warnings.append("cancelled")
    _check_digest(root, NFE, "NFe", signature, doubts)
    return _concluded(facts, doubts, signature)


def _concluded(facts: dict[str, Any], doubts: _Doubts, signature: SignatureCheck) -> Finding:
    word, reasons = doubts.conclude()
    key = facts["access_key"]
    return Finding(
        Format.XML,
        word,
        reasons,
        facts,
        signature=signature.integrity.value,
        key_ok=valid_access_key(key),
        emitter_matches_key=_emitter_matches(facts),
    )


def _emitter_matches(facts: dict[str, Any]) -> bool:
    """Compare the emitter with the key, in which a person's CPF stands behind three zeros."""
    key, emitter = facts["access_key"], facts["emitter"] or {}
    stated = emitter.get("document") or ""
    return looks_like_access_key(key) and stated.rjust(14, "0") == key[6:20]


def _check_key(
    facts: dict[str, Any], ide: etree._Element | None, state_path: str, doubts: _Doubts
) -> None:
    key = facts["access_key"]
    if not looks_like_access_key(key):
        doubts.refusals.append("access_key_format")
        return
    if not valid_access_key(key):
        doubts.refusals.append("access_key_check_digit")
    if not _emitter_matches(facts):
        doubts.refusals.append("access_key_emitter_mismatch")
    if not _fields_match(facts, split_access_key(key), text_of(ide, state_path)):
        doubts.refusals.append("access_key_fields_mismatch")


def _fields_match(facts: dict[str, Any], parts: AccessKey, state: str | None) -> bool:
    """Compare what the note states with its key; what it does not state contradicts nothing."""
    issued = (facts["issued_at"] or "")[:7] or None
    pairs = (
        (facts["model"], parts.model),
        (facts["series"], int(parts.series)),
        (facts["number"], int(parts.number)),
        (issued, parts.year_month),
        (state, parts.state_code),
    )
    return all(stated is None or stated == meant for stated, meant in pairs)


def _check_protocol(facts: dict[str, Any], doubts: _Doubts) -> None:
    protocol = facts["protocol"]
    if protocol is None:
        doubts.warnings.append("no_protocol")
    elif not protocol["key_matches"]:
        doubts.refusals.append("protocol_key_mismatch")
    elif protocol["status"] not in _AUTHORISED:
        doubts.refusals.append("protocol_not_authorised")


def _check_signature(signature: SignatureCheck, facts: dict[str, Any], doubts: _Doubts) -> None:
    match signature.integrity:
        case Integrity.INVALID:
            doubts.refusals.append(signature.reason)
        case Integrity.ABSENT:
            doubts.warnings.append("signature_absent")
        case Integrity.REFORMATTED:
            doubts.warnings.append("signature_broken_by_reformatting")
    emitter = (facts.get("emitter") or {}).get("document") or facts.get("author") or ""
    if signature.signer and signature.signer[:_ROOT_LENGTH] != emitter[:_ROOT_LENGTH]:
        # Not refused: an authority may sign for small emitters with its own certificate.
        doubts.warnings.append("signed_by_another")


def _check_recipient(recipient: str | None, context: Context, doubts: _Doubts) -> None:
    if context.tax_ids is None or recipient in context.tax_ids:
        return
    if is_same_root(recipient, context.tax_ids):
        doubts.policies.append("same_root_other_branch")
    else:
        doubts.refusals.append("recipient_mismatch")


def is_same_root(tax_id: str | None, tax_ids: frozenset[str]) -> bool:
    """Say whether a CNPJ is of the same legal entity as one of the others."""
    return (
        tax_id is not None
        and len(tax_id) == 14
        and any(len(own) == 14 and own[:_ROOT_LENGTH] == tax_id[:_ROOT_LENGTH] for own in tax_ids)
    )


def _check_digest(
    root: etree._Element, namespace: str, kind: str, signature: SignatureCheck, doubts: _Doubts
) -> None:
    """Compare what was authorised with what is signed: the proof that it is the same note."""
    stated = text_of(root, f"{namespace}prot{kind}/{namespace}infProt/{namespace}digVal")
    if stated and signature.digest and "".join(stated.split()) != signature.digest:
        doubts.refusals.append("protocol_digest_mismatch")


# --- CT-e -----------------------------------------------------------------------------------


def _judge_cte(root: etree._Element, context: Context) -> Finding:
    facts = read_cte(root)
    transport, note = transport_of(root)
    signature = check_signature(transport, note, facts["issued_at"])
    doubts = _Doubts()
    _check_key(facts, transport.find(f"{CTE}ide"), f"{CTE}cUF", doubts)
    _check_protocol(facts, doubts)
    _check_signature(signature, facts, doubts)
    parties = {facts["payer"]} | {
        party["document"] for party in (facts["recipient"], facts["receiver"]) if party
    }
    if context.tax_ids is not None and not parties & context.tax_ids:
        recipient = (facts["recipient"] or {}).get("document")
        _check_recipient(recipient, context, doubts)
    if facts["environment"] == "homologation":
        doubts.warnings.append("homologation")
    if facts["access_key"] in context.cancelled_keys:
        doubts.warnings.append("cancelled")
    _check_digest(root, CTE, "CTe", signature, doubts)
    return _concluded(facts, doubts, signature)


# --- NFS-e ----------------------------------------------------------------------------------


def _judge_nfse(root: etree._Element, context: Context) -> Finding:
    """Judge an invoice for services: whose it is; its key's digit has no public rule."""
    facts = read_nfse(root)
    signature = check_signature(root.findall(f"{NFSE}infNFSe")[0], root, facts["issued_at"])
    doubts = _Doubts()
    key = facts["access_key"]
    if len(key) != 50 or not (key.isascii() and key.isdigit()):
        doubts.refusals.append("access_key_format")
    _check_signature(signature, facts, doubts)
    _check_recipient(facts["recipient"]["document"], context, doubts)
    if facts["environment"] == "homologation":
        doubts.warnings.append("homologation")
    word, reasons = doubts.conclude()
    return Finding(Format.XML, word, reasons, facts, signature=signature.integrity.value)


# --- events ---------------------------------------------------------------------------------


def _judge_event(root: etree._Element, _: Context) -> Finding:
    facts = read_event(root)
    event, container, _namespace = event_of(root)
    signature = check_signature(event, container, facts["event_at"])
    doubts = _Doubts()
    doubts.refusals.extend(_event_refusals(facts, event.get("Id") or ""))
    _check_signature(signature, facts, doubts)
    cancels = events.is_cancellation(facts, facts["access_key"])
    word, reasons = doubts.conclude()
    if word is not Word.REFUSE:
        word = Word.EVENT_CANCELS if cancels else Word.EVENT_INFO
        reasons = (*_event_reasons(facts, cancels=cancels), *reasons)
    told = {k: v for k, v in facts.items() if k not in {"answer_key", "answer_type"}}
    return Finding(
        Format.XML,
        word,
        reasons,
        told,
        signature=signature.integrity.value,
        key_ok=valid_access_key(facts["access_key"]),
    )


def _event_refusals(facts: dict[str, Any], own_id: str) -> Iterator[str]:
    key = facts["access_key"]
    if not looks_like_access_key(key):
        yield "access_key_format"
    elif not valid_access_key(key):
        yield "access_key_check_digit"
    if not own_id.startswith(f"ID{facts['event_type']}{key}"):
        yield "event_id_mismatch"
    if facts["answer_key"] not in {None, key}:
        yield "protocol_key_mismatch"
    # What the emitter alone may say: cancellation, correction, proof of delivery.
    if (facts["event_type"] or "").startswith("1101") and not _is_of_emitter(facts):
        yield "event_author_mismatch"


def _is_of_emitter(facts: dict[str, Any]) -> bool:
    author = (facts["author"] or "").rjust(14, "0")
    return bool(author[:_ROOT_LENGTH] == facts["access_key"][6 : 6 + _ROOT_LENGTH])


def _event_reasons(facts: dict[str, Any], *, cancels: bool) -> Iterator[str]:
    kind = events.kind_of(facts["event_type"])
    if kind != "cancelled" or cancels:
        yield kind
    else:
        # A cancellation that was asked for and does not count.
        yield "cancellation_without_effect"
    if facts["status"] not in events.REGISTERED:
        yield "event_not_registered"
    if facts["environment"] == "homologation":
        yield "homologation"


_JUDGES: Final = {
    f"{NFE}nfeProc": _judge_nfe,
    f"{NFE}NFe": _judge_nfe,
    f"{CTE}cteProc": _judge_cte,
    f"{CTE}CTe": _judge_cte,
    f"{NFE}procEventoNFe": _judge_event,
    f"{CTE}procEventoCTe": _judge_event,
    f"{NFSE}NFSe": _judge_nfse,
}

NFE_ROOTS: Final = frozenset({"nfeProc", "NFe"})
CTE_ROOTS: Final = frozenset({"cteProc", "CTe"})
EVENT_ROOTS: Final = frozenset({"procEventoNFe", "procEventoCTe"})
