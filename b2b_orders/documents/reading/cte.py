"""Reads what a CT-e says: who carries what for whom, and which invoices travel in it."""

from __future__ import annotations

from typing import Any, Final

from lxml import etree

from b2b_orders.documents.reading.nfe import environment_of, protocol_of
from b2b_orders.documents.reading.xml import (
    CTE,
    Unreadable,
    amount_of,
    count_of,
    tax_id_of,
    text_of,
)

# Who pays, by the number that `toma` states.
_PAYERS: Final = {"0": "rem", "1": "exped", "2": "receb", "3": "dest"}


def transport_of(root: etree._Element) -> tuple[etree._Element, etree._Element]:
    """Find the signed part and the note around it; raises `Unreadable` unless there is one."""
    notes = [root] if root.tag == f"{CTE}CTe" else root.findall(f"{CTE}CTe")
    found = [(inner, note) for note in notes for inner in note.findall(f"{CTE}infCte")]
    if len(found) != 1 or len(notes) != 1:
        raise Unreadable("unknown_root")
    return found[0]


def read_cte(root: etree._Element) -> dict[str, Any]:
    """Read all facts of a `cteProc` or `CTe`; raises `Unreadable`."""
    transport, _ = transport_of(root)
    key = (transport.get("Id") or "").removeprefix("CTe")
    ide = transport.find(f"{CTE}ide")
    return {
        "root": etree.QName(root).localname,
        "access_key": key,
        "model": text_of(ide, f"{CTE}mod"),
        "series": count_of(ide, f"{CTE}serie"),
        "number": count_of(ide, f"{CTE}nCT"),
        "issued_at": text_of(ide, f"{CTE}dhEmi"),
        "environment": environment_of(ide, CTE),
        "emitter": _party(transport, "emit"),
        "sender": _party(transport, "rem"),
        "receiver": _party(transport, "receb", with_kind=True),
        "recipient": _party(transport, "dest", with_kind=True),
        "payer": _payer(transport, ide),
        "service_total": amount_of(transport, f"{CTE}vPrest/{CTE}vTPrest"),
        "cargo_value": amount_of(transport, f"{CTE}infCTeNorm/{CTE}infCarga/{CTE}vCarga"),
        "invoice_keys": [
            found.text.strip()
            for found in transport.iterfind(f"{CTE}infCTeNorm/{CTE}infDoc/{CTE}infNFe/{CTE}chave")
            if found.text
        ],
        "protocol": protocol_of(root, CTE, "CTe", key),
    }


def _party(
    transport: etree._Element, name: str, *, with_kind: bool = False
) -> dict[str, Any] | None:
    party = transport.find(f"{CTE}{name}")
    if party is None:
        return None
    number, kind = tax_id_of(party, CTE) or (None, None)
    told: dict[str, Any] = {"document": number}
    if with_kind:
        told["kind"] = kind
    return told | {"name": text_of(party, f"{CTE}xNome")}


def _payer(transport: etree._Element, ide: etree._Element | None) -> str | None:
    """Read who pays the carrier: one of the parties, or another that is named for it."""
    if ide is None:
        return None
    other = tax_id_of(ide.find(f"{CTE}toma4"), CTE)
    if other:
        return other[0]
    stated = text_of(ide, f"{CTE}toma3/{CTE}toma")
    party = transport.find(f"{CTE}{_PAYERS.get(stated or '', 'nobody')}")
    found = tax_id_of(party, CTE)
    return found[0] if found else None
