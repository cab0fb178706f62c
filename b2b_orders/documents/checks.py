"""What a file really is, and whether it may be handed out: by its content, never by its name.

Pure functions over bytes and files. A file that is not what its kind says is never served:
a bank's log-in page called boleto.pdf helps nobody and an XML of another company hurts.
"""

from __future__ import annotations

import codecs
import re
import zipfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import IO, Any, BinaryIO, Final, cast

import pikepdf
from lxml import etree

from erp_bridge.identifiers import access_key_parts, normalise_tax_id
from erp_bridge.records import DocumentKind

MAX_XML_BYTES: Final = 5_000_000
MAX_PDF_PAGES: Final = 2000
MAX_PDF_OBJECTS: Final = 200_000
MAX_PDF_DEPTH: Final = 50
NFE: Final = "{http://www.portalfiscal.inf.br/nfe}"


class Format(StrEnum):
    """What the bytes are."""

    EMPTY = "empty"
    PDF = "pdf"
    HTML = "html"
    XML = "xml"
    JSON = "json"
    PNG = "png"
    JPEG = "jpeg"
    XLSX = "xlsx"
    ZIP = "zip"
    TEXT = "text"
    UNKNOWN = "unknown"


CONTENT_TYPES: Final[Mapping[Format, str]] = MappingProxyType(
    {
        Format.PDF: "application/pdf",
        Format.XML: "application/xml",
        Format.PNG: "image/png",
        Format.JPEG: "image/jpeg",
        Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        Format.ZIP: "application/zip",
        Format.TEXT: "text/plain",
    }
)
_PDF_ONLY = frozenset({Format.PDF})
_TABLES = frozenset({Format.PDF, Format.TEXT, Format.XLSX, Format.ZIP})
_IMAGES = frozenset({Format.PNG, Format.JPEG})
ACCEPTED: Final[Mapping[DocumentKind, frozenset[Format]]] = MappingProxyType(
    {
        DocumentKind.BOLETO: _PDF_ONLY,
        DocumentKind.TRANSFER: _PDF_ONLY | _IMAGES,
        DocumentKind.NFE_XML: frozenset({Format.XML}),
        DocumentKind.DANFE: _PDF_ONLY,
        DocumentKind.GARE: _PDF_ONLY,
        DocumentKind.GNRE: _PDF_ONLY,
        DocumentKind.SERIALS: _TABLES,
        DocumentKind.OTHER: _TABLES | _IMAGES | {Format.XML},
    }
)

# What a page may do behind a reader's back. A plain link (/URI) is not among them.
_ACTIVE: Final = frozenset(
    {
        "/JavaScript",
        "/JS",
        "/Launch",
        "/EmbeddedFile",
        "/EmbeddedFiles",
        "/RichMedia",
        "/XFA",
        "/SubmitForm",
        "/ImportData",
    }
)


@dataclass(frozen=True, slots=True)
class Whose:
    """What an XML of an order must match: the company's tax ids and the order's invoices.

    `invoices` are (number, series, access key), each part "" where it is not known.
    """

    tax_ids: frozenset[str]
    invoices: tuple[tuple[str, str, str], ...] = ()
    # A CNPJ with the root of one of theirs counts as theirs too.
    accepts_branches: bool = False

    def owns(self, tax_id: str) -> bool:
        """Say whether a recipient is the company."""
        if tax_id in self.tax_ids:
            return True
        roots = {own[:8] for own in self.tax_ids if len(own) == 14}
        return self.accepts_branches and len(tax_id) == 14 and tax_id[:8] in roots


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a file is; `problem` is "" when it may be served, else a code."""

    format: Format
    problem: str = ""
    access_key: str = ""
    # What to do with it: serve, warn, refuse; and why, as codes.
    verdict: str = "serve"
    reasons: tuple[str, ...] = ()
    signature: str = ""
    # What it turned out to be, where it was listed as something of no kind.
    kind: DocumentKind | None = None
    facts: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    # The file itself, where the source sent it wrapped in base64.
    decoded: bytes | None = None

    @property
    def content_type(self) -> str:
        """The type to serve it with: of the content, not of what the source claimed."""
        return CONTENT_TYPES.get(self.format, "application/octet-stream")


def check(kind: DocumentKind, file: IO[bytes], whose: Whose) -> Verdict:
    """Look into a whole file, positioned anywhere, and say whether it may be served."""
    file.seek(0)
    found = sniff(file)
    if found not in ACCEPTED[kind]:
        return Verdict(found, _mismatch(kind, found))
    file.seek(0)
    if found is Format.PDF:
        return Verdict(found, pdf_problem(file))
    if found is Format.XML:
        return _check_xml(kind, file.read(MAX_XML_BYTES + 1), whose)
    return Verdict(found)


def _mismatch(kind: DocumentKind, found: Format) -> str:
    if found is Format.EMPTY:
        return "empty"
    if found in {Format.HTML, Format.JSON}:
        accepted = ACCEPTED[kind]
        wanted = "pdf" if Format.PDF in accepted else "xml"
        return f"{found}-instead-of-{'file' if len(accepted) > 3 else wanted}"
    return "wrong-kind"


# --- sniffing -------------------------------------------------------------------------


_SIGNATURES: Final = (
    (b"\x89PNG\r\n\x1a\n", Format.PNG),
    (b"\xff\xd8\xff", Format.JPEG),
    (b"PK\x03\x04", Format.ZIP),
    (b"{", Format.JSON),
    (b"[", Format.JSON),
)
_PAGE = re.compile(rb"<(?:!doctype\s+html|html|script|head|body)\b", re.IGNORECASE)


def sniff(file: IO[bytes]) -> Format:
    """Say what a file is by its first bytes (and a ZIP's list); leaves the position anywhere."""
    head = file.read(4096)
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if not start:
        return Format.UNKNOWN if len(head) == 4096 else Format.EMPTY
    if start.startswith(b"<"):
        return Format.HTML if _PAGE.search(start) else Format.XML
    found = next((is_ for sign, is_ in _SIGNATURES if start.startswith(sign)), None)
    if found is Format.ZIP:
        return _zip_format(file)
    # Readers take a PDF that begins within the first KiB.
    return found or (Format.PDF if b"%PDF-" in head[:1029] else _text_format(head))


def _zip_format(file: IO[bytes]) -> Format:
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return Format.UNKNOWN
    if "[Content_Types].xml" not in names:
        return Format.ZIP
    # Other Office files, and workbooks with macros, are refused.
    is_workbook = "xl/workbook.xml" in names and not any(
        n.endswith("vbaProject.bin") for n in names
    )
    return Format.XLSX if is_workbook else Format.UNKNOWN


def _text_format(head: bytes) -> Format:
    if head.startswith((b"MZ", b"\x7fELF", b"#!")) or b"\x00" in head:
        return Format.UNKNOWN
    control = sum(byte < 32 and byte not in b"\t\r\n\f" for byte in head)
    return Format.UNKNOWN if control else Format.TEXT


# --- PDF -----------------------------------------------------------------------------


def pdf_problem(file: IO[bytes]) -> str:
    """Say what is wrong with a PDF; "" when nothing is.

    A PDF that asks for a password cannot be looked into and is handed out as issued:
    banks protect boletos so.
    """
    try:
        with pikepdf.open(cast("BinaryIO", file)) as pdf:
            if pdf.get_warnings():
                # The library repairs what it can: a cut file would pass.
                return "damaged-pdf"
            if not 0 < len(pdf.pages) <= MAX_PDF_PAGES:
                return "damaged-pdf"
            if _is_active(pdf):
                return "active-content"
            return "damaged-pdf" if pdf.get_warnings() else ""
    except pikepdf.PasswordError:
        return ""
    except (pikepdf.PdfError, RuntimeError, ValueError, TypeError, OSError):
        return "damaged-pdf"


def _is_active(pdf: pikepdf.Pdf) -> bool:
    for count, thing in enumerate(pdf.objects):
        if count > MAX_PDF_OBJECTS or _has_active(thing, 0):
            return True
    return False


def _has_active(thing: object, depth: int) -> bool:
    """Walk what an object holds directly; what it refers to is walked in its own turn."""
    if isinstance(thing, pikepdf.Stream):
        thing = thing.stream_dict
    inner: list[object] = []
    if isinstance(thing, pikepdf.Dictionary):
        named = {str(thing.get(key, "")) for key in ("/S", "/Type", "/Subtype")}
        if _ACTIVE.intersection(thing.keys()) or _ACTIVE.intersection(named):
            return True
        inner = [value for _, value in thing.items()]
    elif isinstance(thing, pikepdf.Array):
        inner = list(thing)
    # Nothing honest is nested so deeply.
    return depth > MAX_PDF_DEPTH or any(
        _has_active(value, depth + 1) for value in inner if _is_direct(value)
    )


def _is_direct(value: object) -> bool:
    return isinstance(value, pikepdf.Dictionary | pikepdf.Array) and not value.is_indirect


# --- XML -------------------------------------------------------------------------------


def _check_xml(kind: DocumentKind, content: bytes, whose: Whose) -> Verdict:
    if len(content) > MAX_XML_BYTES:
        return Verdict(Format.XML, "too-large")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError):
        return Verdict(Format.XML, "malformed-xml")
    if b"<!DOCTYPE" in content or root.getroottree().docinfo.internalDTD is not None:
        return Verdict(Format.XML, "unsafe-xml")
    if root.tag in {f"{NFE}nfeProc", f"{NFE}NFe"}:
        return _check_nfe(root, whose)
    if kind is DocumentKind.NFE_XML or not _is_fiscal(root):
        return Verdict(Format.XML, "wrong-root")
    return Verdict(Format.XML)


def _is_fiscal(root: etree._Element) -> bool:
    """Say whether an XML is of the tax authorities' families: events, CT-e, NFS-e."""
    return str(root.tag).startswith(
        ("{http://www.portalfiscal.inf.br/", "{http://www.sped.fazenda.gov.br/nfse")
    )


def _check_nfe(root: etree._Element, whose: Whose) -> Verdict:
    found = root.findall(f"{NFE}infNFe") or root.findall(f"{NFE}NFe/{NFE}infNFe")
    if len(found) != 1:
        return Verdict(Format.XML, "wrong-root")
    invoice = found[0]
    parts = access_key_parts(invoice.get("Id", ""))
    if parts is None or not _is_of_emitter(invoice, parts.emitter):
        return Verdict(Format.XML, "bad-access-key")
    protocol = root.findtext(f"{NFE}protNFe/{NFE}infProt/{NFE}chNFe")
    if protocol is not None and protocol.strip() != parts.key:
        return Verdict(Format.XML, "bad-access-key")
    if not whose.owns(_tax_id(invoice, "dest")):
        return Verdict(Format.XML, "document-of-another-company", parts.key)
    if not _is_of_order(parts.number, parts.series, parts.key, whose.invoices):
        return Verdict(Format.XML, "document-of-another-order", parts.key)
    return Verdict(Format.XML, access_key=parts.key)


def _tax_id(invoice: etree._Element, party: str) -> str:
    for name in ("CNPJ", "CPF"):
        if text := invoice.findtext(f"{NFE}{party}/{NFE}{name}"):
            return normalise_tax_id(text)
    return ""


def _is_of_emitter(invoice: etree._Element, emitter: str) -> bool:
    # A person who issues has a CPF, which the key carries behind three zeros.
    return _tax_id(invoice, "emit").rjust(14, "0") == emitter


def _is_of_order(
    number: str, series: str, key: str, invoices: Collection[tuple[str, str, str]]
) -> bool:
    """Say whether a note may be one of the order's: by its key, else by number and series.

    An order that does not know its invoices' keys says nothing against any.
    """
    if not any(known for _, _, known in invoices):
        return True
    return any(
        known == key or (not known and own == number and own_series in {series, ""})
        for own, own_series, known in invoices
    )
