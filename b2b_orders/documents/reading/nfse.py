"""Reads the main facts of a national NFS-e, an invoice for services."""

from __future__ import annotations

from typing import Any

from lxml import etree

from b2b_orders.documents.reading.nfe import environment_of
from b2b_orders.documents.reading.xml import (
    NFSE,
    Unreadable,
    amount_of,
    count_of,
    tax_id_of,
    text_of,
)


def read_nfse(root: etree._Element) -> dict[str, Any]:
    """Read the facts of an `NFSe`; raises `Unreadable`."""
    found = root.findall(f"{NFSE}infNFSe")
    if len(found) != 1:
        raise Unreadable("unknown_root")
    note = found[0]
    declared = note.find(f"{NFSE}DPS/{NFSE}infDPS")
    recipient = None if declared is None else declared.find(f"{NFSE}toma")
    emitter = tax_id_of(note.find(f"{NFSE}emit"), NFSE)
    number, kind = tax_id_of(recipient, NFSE) or (None, None)
    return {
        "root": etree.QName(root).localname,
        "access_key": (note.get("Id") or "").removeprefix("NFS"),
        "number": count_of(note, f"{NFSE}nNFSe"),
        "issued_at": text_of(declared, f"{NFSE}dhEmi") or text_of(note, f"{NFSE}dhProc"),
        "environment": environment_of(declared, NFSE),
        "emitter": {
            "document": emitter[0] if emitter else None,
            "name": text_of(note, f"{NFSE}emit/{NFSE}xNome"),
        },
        "recipient": {
            "document": number,
            "kind": kind,
            "name": text_of(recipient, f"{NFSE}xNome"),
        },
        "service_total": amount_of(declared, f"{NFSE}valores/{NFSE}vServPrest/{NFSE}vServ"),
        "total": amount_of(note, f"{NFSE}valores/{NFSE}vLiq"),
    }
