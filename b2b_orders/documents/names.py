"""Names of files as people save them: built by us, ASCII, never the source's."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from b2b_orders.documents.models import Document, Origin
from b2b_orders.orders.models import Invoice
from erp_bridge.records import DocumentKind

_PREFIXES: Final[Mapping[str, str]] = MappingProxyType(
    {
        DocumentKind.BOLETO: "Boleto",
        DocumentKind.TRANSFER: "Transferencia",
        DocumentKind.NFE_XML: "NFe",
        DocumentKind.DANFE: "DANFE",
        DocumentKind.SERIALS: "Numeros-de-serie",
        DocumentKind.GARE: "GARE",
        DocumentKind.GNRE: "GNRE",
        DocumentKind.OTHER: "Documento",
        DocumentKind.CTE_XML: "CTe",
        DocumentKind.DACTE: "DACTE",
        DocumentKind.EVENT_XML: "Evento",
        DocumentKind.CCE: "CCe",
    }
)
# Of feminine gender: a nota, a carta.
_MADE: Final[Mapping[str, str]] = MappingProxyType(
    {DocumentKind.DANFE: "gerada-do-XML", DocumentKind.CCE: "gerada-do-XML"}
)
_EXTENSIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "application/pdf": "pdf",
        "application/xml": "xml",
        "image/png": "png",
        "image/jpeg": "jpg",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
        "application/zip": "zip",
        "text/plain": "txt",
    }
)
_XML: Final = frozenset({DocumentKind.NFE_XML, DocumentKind.CTE_XML, DocumentKind.EVENT_XML})
# Named by the access key inside; a CT-e has its own, not that of the goods' invoice.
_OF_KEY: Final = _XML | {DocumentKind.DACTE}
_OWN_KEY: Final = frozenset({DocumentKind.CTE_XML, DocumentKind.DACTE})
_LONGEST: Final = 120
# "R$ 4.512,30", "BRL 1000" and, without the currency, whatever has cents, in either notation.
_AMOUNT: Final = re.compile(
    r"(?:[A-Z]{0,2}\$|\b(?:BRL|USD|EUR)\b)\s*[0-9][0-9.,]*"
    r"|(?<![0-9.,])[0-9]{1,3}(?:\.?[0-9]{3})*,[0-9]{2}(?![0-9])"
    r"|(?<![0-9.,])[0-9]{1,3}(?:,?[0-9]{3})*\.[0-9]{2}(?![0-9.])"
)


def title_of(document: Document, *, shows_prices: bool) -> str:
    """Return the title its source gave it; without amounts for who may not see them."""
    if shows_prices:
        return document.title
    return " ".join(_AMOUNT.sub(" ", document.title).split()).strip(" -·:,")


def filename_of(
    document: Document, invoices: Sequence[Invoice], *, shows_prices: bool = True
) -> str:
    """Name a document's file, with what the order's invoices know of it."""
    return build_filename(
        kind=document.kind,
        title=title_of(document, shows_prices=shows_prices),
        number=document.invoice_number,
        series=document.invoice_series,
        instalment=document.instalment,
        access_key=document.access_key or _key_inside(document, invoices),
        content_type=document.file.content_type if document.file else "",
        is_rendered=document.origin == Origin.RENDERED,
    )


def _key_inside(document: Document, invoices: Sequence[Invoice]) -> str:
    read = document.facts.get("access_key")
    if isinstance(read, str) and read:
        return read
    return "" if document.kind in _OWN_KEY else _key_of(document, invoices)


def _key_of(document: Document, invoices: Sequence[Invoice]) -> str:
    """Find the access key of a document's invoice, when exactly one fits."""
    if not document.invoice_number:
        fits = list(invoices) if len(invoices) == 1 else []
    else:
        fits = [
            invoice
            for invoice in invoices
            if invoice.number == document.invoice_number
            and (not document.invoice_series or invoice.series in {document.invoice_series, ""})
        ]
    return fits[0].access_key if len(fits) == 1 else ""


def build_filename(
    *,
    kind: str,
    title: str,
    number: str,
    series: str,
    instalment: str,
    access_key: str,
    content_type: str,
    is_rendered: bool = False,
) -> str:
    """Name a file: `NFe-<key>.xml`, `DANFE-1001-1.pdf`, `Boleto-1001-1-3.pdf`.

    `content_type` is what was found inside, "" before the file was fetched; what we made
    ourselves says so (`DANFE-1001-1-gerada-do-XML.pdf`).
    """
    prefix = _PREFIXES.get(kind, "Documento")
    if kind in _OF_KEY and access_key:
        parts = [access_key]
    elif kind == DocumentKind.BOLETO:
        parts = [number, instalment]
    elif kind == DocumentKind.OTHER:
        parts = [title]
    else:
        parts = [number, series] if number else []
    if is_rendered:
        content_type = "application/pdf"
        parts = [number, series, instalment, _MADE.get(kind, "gerado-do-XML")]
    words = [word for part in parts if (word := _ascii(part))]
    if not words and title:
        words = [_ascii(title)]
    default = "xml" if kind in _XML else "pdf"
    extension = _EXTENSIONS.get(content_type, default if not content_type else "bin")
    if kind == DocumentKind.SERIALS and extension == "txt":
        extension = "csv"
    stem = "-".join([prefix, *(word for word in words if word)])
    return f"{stem[:_LONGEST].rstrip('-')}.{extension}"


def _ascii(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return "-".join(re.findall(r"[A-Za-z0-9]+", plain))
