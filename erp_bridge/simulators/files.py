"""The bytes of the ERP's documents, and in which form they come.

The same document gives the same bytes for as long as the process lives.
"""

from __future__ import annotations

import base64
from datetime import date

from erp_bridge.simulators.cast import STRANGER
from erp_bridge.simulators.catalogue import PRODUCTS
from erp_bridge.simulators.documents import Document, FileKind
from erp_bridge.simulators.fiscal_events import cancellation_xml, correction_xml, cte_xml
from erp_bridge.simulators.model import ErpOrder, Invoice, Order
from erp_bridge.simulators.nfe import nfe_xml
from erp_bridge.simulators.pdfs import (
    boleto_lines,
    danfe_lines,
    locked,
    pdf,
    slip_lines,
    transfer_lines,
)
from erp_bridge.simulators.server import HTML_PAGE

# As a system of its time answers: the table in the encoding of Windows, which it does not name.
PDF_TYPE, XML_TYPE, CSV_TYPE = "application/pdf", "application/xml", "text/csv"
SCRIPT = "app.alert('demo');"


def content(order: Order, erp: ErpOrder, document: Document, today: date) -> tuple[bytes, str]:
    """Make a document's bytes, in the form they come in, and say their type."""
    if document.form == "html":
        # What some ERPs do: a web page with an error where a PDF should be.
        return HTML_PAGE, PDF_TYPE
    body, kind = _plain(order, erp, document, today)
    match document.form:
        case "base64":
            return base64.encodebytes(body), "text/plain"
        case "locked":
            return locked(body, order.establishment.tax_id[:6]), kind
        case "cut":
            return body[: len(body) * 2 // 3], kind
    return body, kind


def _plain(order: Order, erp: ErpOrder, document: Document, today: date) -> tuple[bytes, str]:
    match document.kind:
        case FileKind.XML:
            recipient = STRANGER if document.form == "foreign" else None
            return nfe_xml(order, erp, document.invoice, today, recipient=recipient), XML_TYPE
        case FileKind.SERIALS:
            return serials_csv(order, erp, document.invoice), CSV_TYPE
        case FileKind.OTHER:
            return _other(order, erp, document), XML_TYPE
    return _page(order, erp, document), PDF_TYPE


def _other(order: Order, erp: ErpOrder, document: Document) -> bytes:
    invoice = document.invoice
    if document.name.startswith("cte-"):
        return cte_xml(order, invoice)
    if document.name.startswith("cce-") and erp.papers:
        return correction_xml(invoice, erp.papers.corrections[invoice.label])
    return cancellation_xml(invoice, invoice.cancelled or invoice.issued)


def _page(order: Order, erp: ErpOrder, document: Document) -> bytes:
    script = SCRIPT if document.form == "script" else ""
    match document.kind:
        case FileKind.DANFE:
            return pdf("DANFE", danfe_lines(order, document.invoice), script=script)
        case FileKind.BOLETO if document.title:
            return pdf("BOLETO", boleto_lines(order, erp, document.title), script=script)
        case FileKind.TRANSFER:
            return pdf("TRANSFERÊNCIA", transfer_lines(order, document.invoice), script=script)
    return pdf("GUIA DE RECOLHIMENTO", slip_lines(order, document), script=script)


def serials_csv(order: Order, erp: ErpOrder, invoice: Invoice) -> bytes:
    """List a serial number for each piece that carries one."""
    rows = ["produto;número de série;descrição"]
    is_every = erp.papers is not None and invoice.label in erp.papers.serials
    for part in invoice.parts:
        product = PRODUCTS[order.items[part.position].product]
        if product.has_serial or is_every:
            rows += [
                f"{product.reference};SN{invoice.number:07d}{part.position:03d}{piece:03d};"
                f"{product.name}"
                for piece in range(part.quantity)
            ]
    return ("\r\n".join(rows) + "\r\n").encode("cp1252", "replace")
