"""Reads events of an NF-e or CT-e: cancellations, letters of correction, and others."""

from __future__ import annotations

from typing import Any, Final

from lxml import etree

from b2b_orders.documents.reading.nfe import environment_of
from b2b_orders.documents.reading.xml import (
    CTE,
    NFE,
    Unreadable,
    count_of,
    tax_id_of,
    text_of,
)

CANCELLATIONS: Final = frozenset({"110111", "110112"})
CORRECTION: Final = "110110"
REGISTERED: Final = frozenset({"135", "136", "155"})
_DELIVERY: Final = frozenset({"110130", "110131", "110192", "110193"})
_OF_RECIPIENT: Final = frozenset({"210200", "210210", "210220", "210240"})


def kind_of(event_type: str | None) -> str:
    """Name a type of event as verdicts do."""
    if event_type in CANCELLATIONS:
        return "cancelled"
    if event_type == CORRECTION:
        return "correction_letter"
    if event_type in _DELIVERY:
        return "proof_of_delivery"
    return "recipient_statement" if event_type in _OF_RECIPIENT else "other_event"


def event_of(root: etree._Element) -> tuple[etree._Element, etree._Element, str]:
    """Find the signed part, the event around it, and the namespace; raises `Unreadable`."""
    namespace = CTE if str(root.tag).startswith(CTE) else NFE
    name = "eventoCTe" if namespace == CTE else "evento"
    events = root.findall(f"{namespace}{name}")
    found = [(inner, event) for event in events for inner in event.findall(f"{namespace}infEvento")]
    if len(found) != 1 or len(events) != 1:
        raise Unreadable("unknown_root")
    return *found[0], namespace


def read_event(root: etree._Element) -> dict[str, Any]:
    """Read all facts of a `procEventoNFe` or `procEventoCTe`; raises `Unreadable`."""
    event, _, namespace = event_of(root)
    note = "CTe" if namespace == CTE else "NFe"
    answer = _answer_of(root, namespace)
    author = tax_id_of(event, namespace)
    detail = event.find(f"{namespace}detEvento")
    facts: dict[str, Any] = {
        "root": etree.QName(root).localname,
        "event_type": text_of(event, f"{namespace}tpEvento"),
        "access_key": text_of(event, f"{namespace}ch{note}") or "",
        "sequence": count_of(event, f"{namespace}nSeqEvento"),
        "environment": environment_of(event, namespace),
        "event_at": text_of(event, f"{namespace}dhEvento"),
        "registered_at": text_of(answer, f"{namespace}dhRegEvento"),
        "status": text_of(answer, f"{namespace}cStat"),
        "protocol": text_of(answer, f"{namespace}nProt"),
        "author": author[0] if author else None,
        "answer_key": text_of(answer, f"{namespace}ch{note}"),
        "answer_type": text_of(answer, f"{namespace}tpEvento"),
    }
    for name, path in (("correction", "xCorrecao"), ("justification", "xJust")):
        if found := text_of(detail, f"{namespace}{path}"):
            facts[name] = found
    return facts


def _answer_of(root: etree._Element, namespace: str) -> etree._Element | None:
    name = "retEventoCTe" if namespace == CTE else "retEvento"
    return root.find(f"{namespace}{name}/{namespace}infEvento")


def cancels_inside(root: etree._Element, key: str) -> bool:
    """Say whether an answer that somebody appended to the note itself says it is cancelled."""
    for answer in root.iterfind(f"{NFE}retEvento/{NFE}infEvento"):
        if (
            text_of(answer, f"{NFE}chNFe") == key
            and text_of(answer, f"{NFE}tpEvento") in CANCELLATIONS
            and text_of(answer, f"{NFE}cStat") in REGISTERED
        ):
            return True
    return any(
        is_cancellation(read_event(wrapped), key)
        for wrapped in root.iterfind(f"{NFE}procEventoNFe")
        if len(wrapped.findall(f"{NFE}evento/{NFE}infEvento")) == 1
    )


def is_cancellation(facts: dict[str, Any], key: str) -> bool:
    """Say whether an event was registered, counts, and cancels the note of a key."""
    return (
        facts["access_key"] == key
        and facts["answer_key"] == key
        and facts["event_type"] in CANCELLATIONS
        and facts["answer_type"] in {None, facts["event_type"]}
        and facts["status"] in REGISTERED
        and facts["environment"] != "homologation"
    )
