"""Reads what an NF-e says, under the names that the product and its commands use.

Amounts stay text, as the file writes them: what is signed is not rounded.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from lxml import etree

from b2b_orders.documents.reading.xml import (
    NFE,
    Unreadable,
    amount,
    amount_of,
    count_of,
    fields_of,
    tax_id_of,
    text_of,
    tidy,
    whole,
)

_SUMS: Final = (
    ("total_products", "vProd"),
    ("total_freight", "vFrete"),
    ("total_insurance", "vSeg"),
    ("total_discount", "vDesc"),
    ("total_other", "vOutro"),
    ("total_ipi", "vIPI"),
    ("total_st", "vST"),
    ("total", "vNF"),
)
_ENVIRONMENTS: Final = {"1": "production", "2": "homologation"}
# From this day the printed page (DANFE) has another layout (NT 2026.010).
_NEW_DANFE_FROM: Final = "2026-12-01"


def invoice_of(root: etree._Element) -> tuple[etree._Element, etree._Element]:
    """Find the signed part and the note around it; raises `Unreadable` unless there is one.

    Paths are from the root: an invoice somewhere else in the file is none.
    """
    notes = [root] if root.tag == f"{NFE}NFe" else root.findall(f"{NFE}NFe")
    found = [(inner, note) for note in notes for inner in note.findall(f"{NFE}infNFe")]
    if len(found) != 1 or len(notes) != 1:
        raise Unreadable("unknown_root")
    return found[0]


def read_nfe(root: etree._Element) -> dict[str, Any]:
    """Read all facts of an `nfeProc` or `NFe`; raises `Unreadable`."""
    invoice, _ = invoice_of(root)
    key = (invoice.get("Id") or "").removeprefix("NFe")
    ide = invoice.find(f"{NFE}ide")
    items = [_item(det) for det in invoice.iterfind(f"{NFE}det")]
    issued_at = text_of(ide, f"{NFE}dhEmi") or text_of(ide, f"{NFE}dEmi")
    facts: dict[str, Any] = {
        "root": etree.QName(root).localname,
        "access_key": key,
        "model": text_of(ide, f"{NFE}mod"),
        "series": count_of(ide, f"{NFE}serie"),
        "number": count_of(ide, f"{NFE}nNF"),
        "issued_at": issued_at,
        "operation": text_of(ide, f"{NFE}natOp"),
        "environment": environment_of(ide, NFE),
        "purpose": text_of(ide, f"{NFE}finNFe"),
        "emitter": _party(invoice.find(f"{NFE}emit"), "enderEmit"),
        "recipient": _party(invoice.find(f"{NFE}dest"), "enderDest", with_kind=True),
        **_totals(invoice.find(f"{NFE}total")),
        "installments": _installments(invoice),
        "item_count": len(items),
        "items": items,
        **_orders(invoice, items),
        **_transport(invoice.find(f"{NFE}transp")),
        **_extra(invoice.find(f"{NFE}infAdic")),
        "delivery_document": _delivery(invoice),
        "referenced_keys": [
            ref.text.strip()
            for ref in invoice.iterfind(f"{NFE}ide/{NFE}NFref/{NFE}refNFe")
            if ref.text
        ],
        "protocol": protocol_of(root, NFE, "NFe", key),
        "danfe_layout": "nt_2026_010" if (issued_at or "") >= _NEW_DANFE_FROM else "moc_7_0",
    }
    return facts | _sums(facts)


def environment_of(ide: etree._Element | None, namespace: str) -> str | None:
    """Read whether a document counts or is a test."""
    stated = text_of(ide, f"{namespace}tpAmb")
    return None if stated is None else _ENVIRONMENTS.get(stated, stated)


def protocol_of(root: etree._Element, namespace: str, kind: str, key: str) -> dict[str, Any] | None:
    """Read the authority's answer that stands beside a document; None when there is none."""
    proof = root.find(f"{namespace}prot{kind}/{namespace}infProt")
    if proof is None:
        return None
    return {
        "number": text_of(proof, f"{namespace}nProt"),
        "status": text_of(proof, f"{namespace}cStat"),
        "received_at": text_of(proof, f"{namespace}dhRecbto"),
        "key_matches": text_of(proof, f"{namespace}ch{kind}") == key,
    }


def _party(
    party: etree._Element | None, address: str, *, with_kind: bool = False
) -> dict[str, Any] | None:
    if party is None:
        return None
    number, kind = tax_id_of(party, NFE) or (None, None)
    told: dict[str, Any] = {"document": number}
    if with_kind:
        told["kind"] = kind
    return told | {
        "name": text_of(party, f"{NFE}xNome"),
        "uf": text_of(party, f"{NFE}{address}/{NFE}UF"),
    }


def _totals(total: etree._Element | None) -> dict[str, Any]:
    sums = fields_of(None if total is None else total.find(f"{NFE}ICMSTot"))
    reform = f"{NFE}IBSCBSTot/{NFE}"
    return {
        **{name: amount(sums.get(NFE + tag)) for name, tag in _SUMS},
        "total_with_ibs_cbs": amount_of(total, f"{NFE}vNFTot"),
        "ibs_total": amount_of(total, f"{reform}gIBS/{NFE}vIBS"),
        "cbs_total": amount_of(total, f"{reform}gCBS/{NFE}vCBS"),
    }


def _installments(invoice: etree._Element) -> list[dict[str, Any]]:
    return [
        {
            "number": text_of(dup, f"{NFE}nDup"),
            "due_date": text_of(dup, f"{NFE}dVenc"),
            "amount": amount_of(dup, f"{NFE}vDup"),
        }
        for dup in invoice.iterfind(f"{NFE}cobr/{NFE}dup")
    ]


def _item(det: etree._Element) -> dict[str, Any]:
    product = fields_of(det.find(f"{NFE}prod"))
    return {
        "n": whole(det.get("nItem")),
        "code": tidy(product.get(f"{NFE}cProd")),
        "description": tidy(product.get(f"{NFE}xProd")),
        "quantity": amount(product.get(f"{NFE}qCom")),
        "unit_price": amount(product.get(f"{NFE}vUnCom")),
        "total": amount(product.get(f"{NFE}vProd")),
        "customer_po": tidy(product.get(f"{NFE}xPed")),
        "customer_po_item": tidy(product.get(f"{NFE}nItemPed")),
    }


def _orders(invoice: etree._Element, items: list[dict[str, Any]]) -> dict[str, Any]:
    header = text_of(invoice, f"{NFE}compra/{NFE}xPed")
    found = {item["customer_po"] for item in items} | {header}
    return {"customer_po_header": header, "customer_pos": sorted(po for po in found if po)}


def _transport(transport: etree._Element | None) -> dict[str, Any]:
    boxes = [] if transport is None else transport.findall(f"{NFE}vol")
    counts = (count_of(box, f"{NFE}qVol") for box in boxes)
    return {
        "carrier": text_of(transport, f"{NFE}transporta/{NFE}xNome"),
        "freight_mode": text_of(transport, f"{NFE}modFrete"),
        "volumes": [count for count in counts if count is not None],
        "gross_weights": [w for box in boxes if (w := amount_of(box, f"{NFE}pesoB"))],
    }


def _extra(info: etree._Element | None) -> dict[str, Any]:
    notes = {}
    if info is not None:
        notes = {
            note.get("xCampo") or "": text_of(note, f"{NFE}xTexto")
            for note in info.iterfind(f"{NFE}obsCont")
        }
    return {"extra_info": text_of(info, f"{NFE}infCpl"), "contributor_notes": notes or None}


def _delivery(invoice: etree._Element) -> str | None:
    found = tax_id_of(invoice.find(f"{NFE}entrega"), NFE)
    return found[0] if found else None


def _sums(facts: dict[str, Any]) -> dict[str, Any]:
    """Add the instalments up. They need not make the total: a part may be paid at once."""
    amounts = (Decimal(one["amount"]) for one in facts["installments"] if one["amount"])
    added = sum(amounts, Decimal("0.00"))
    total = facts["total"]
    is_equal = bool(facts["installments"]) and total is not None and Decimal(total) == added
    return {"installments_sum": str(added), "installments_equal_total": is_equal}
