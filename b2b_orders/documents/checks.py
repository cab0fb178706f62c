"""The one gate: what a file of an order really is, and whether it may be handed out.

By its content, never by its name. A file that is not what its kind says is never served: a
bank's log-in page called boleto.pdf helps nobody and an XML of another company hurts. What a
file says and how sound it is are found by `documents.reading`; here that is compared with the
order and its company, and put into the codes that pages and incidents word.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import IO, Any, Final

from b2b_orders.documents.reading.findings import (
    ActiveContent,
    Context,
    Finding,
    Instalment,
    Word,
    action_of,
)
from b2b_orders.documents.reading.formats import (
    MAX_BASE64_BYTES,
    Format,
    decode_base64,
    sniff,
)
from b2b_orders.documents.reading.inspection import inspect
from b2b_orders.documents.reading.judge import CTE_ROOTS, EVENT_ROOTS, NFE_ROOTS
from erp_bridge.identifiers import access_key_parts
from erp_bridge.records import DocumentKind

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
_XML_ONLY = frozenset({Format.XML})
_TABLES = frozenset({Format.PDF, Format.TEXT, Format.XLSX, Format.ZIP})
_IMAGES = frozenset({Format.PNG, Format.JPEG})
ACCEPTED: Final[Mapping[DocumentKind, frozenset[Format]]] = MappingProxyType(
    {
        DocumentKind.BOLETO: _PDF_ONLY,
        DocumentKind.TRANSFER: _PDF_ONLY | _IMAGES,
        DocumentKind.NFE_XML: _XML_ONLY,
        DocumentKind.DANFE: _PDF_ONLY,
        DocumentKind.GARE: _PDF_ONLY,
        DocumentKind.GNRE: _PDF_ONLY,
        DocumentKind.SERIALS: _TABLES,
        DocumentKind.OTHER: _TABLES | _IMAGES | _XML_ONLY,
        DocumentKind.CTE_XML: _XML_ONLY,
        DocumentKind.EVENT_XML: _XML_ONLY,
        DocumentKind.DACTE: _PDF_ONLY,
        DocumentKind.CCE: _PDF_ONLY,
    }
)
# Of these the text is read, too: what is to be paid, and of which invoice it is.
_READ_KINDS: Final = frozenset(
    {DocumentKind.BOLETO, DocumentKind.GARE, DocumentKind.GNRE, DocumentKind.DANFE}
)
_ROOTS: Final[Mapping[DocumentKind, frozenset[str]]] = MappingProxyType(
    {
        DocumentKind.NFE_XML: NFE_ROOTS,
        DocumentKind.CTE_XML: CTE_ROOTS,
        DocumentKind.EVENT_XML: EVENT_ROOTS,
    }
)

# Reasons of `documents.reading`, in the codes that `Document.reason` and incidents have.
_PROBLEMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "truncated": "damaged-pdf",
        "damaged": "damaged-pdf",
        "not_well_formed": "malformed-xml",
        "doctype_forbidden": "unsafe-xml",
        "unknown_root": "wrong-root",
        "access_key_format": "bad-access-key",
        "access_key_check_digit": "bad-access-key",
        "access_key_emitter_mismatch": "bad-access-key",
        "access_key_fields_mismatch": "bad-access-key",
        "protocol_key_mismatch": "bad-access-key",
        "event_id_mismatch": "bad-access-key",
        "event_author_mismatch": "bad-access-key",
        "protocol_not_authorised": "not-authorised",
        "protocol_digest_mismatch": "bad-signature",
        "signature_digest_mismatch": "bad-signature",
        "signature_invalid": "bad-signature",
        "signature_certificate_invalid": "bad-signature",
        "signature_of_another_part": "bad-signature",
        "recipient_mismatch": "document-of-another-company",
        "same_root_other_branch": "document-of-another-branch",
    }
)


@dataclass(frozen=True, slots=True)
class Whose:
    """What a file of an order must match: the company's tax ids and the order's invoices.

    `invoices` are (number, series, access key), each part "" where it is not known. The two
    settings belong to the connection: whether a branch that is not listed may be the
    recipient, and what is done with a PDF that acts by itself.
    """

    tax_ids: frozenset[str]
    invoices: tuple[tuple[str, str, str], ...] = ()
    same_root_allowed: bool = False
    active_content: ActiveContent = "refuse"
    # What the order's invoices announced to be paid: a bank slip is compared with it.
    instalments: tuple[Instalment, ...] = ()
    # The day from which a due factor is read, where the slip does not print its date.
    reference: date | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a file is; `problem` is "" when it may be handed out, else a code.

    `verdict` and `reasons` are the words of `documents.reading`; what is handed out may have
    reasons, too: doubts that a page should show. `kind` is what the file turned out to be,
    `facts` what it says (as JSON, without items), `decoded` the file itself when it came as
    base64 text: that is to be stored and served.
    """

    format: Format
    problem: str = ""
    verdict: str = Word.SERVE.value
    reasons: tuple[str, ...] = ()
    signature: str = ""
    access_key: str = ""
    kind: DocumentKind | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    decoded: bytes | None = None

    @property
    def content_type(self) -> str:
        """The type to serve it with: of the content, not of what the source claimed."""
        return CONTENT_TYPES.get(self.format, "application/octet-stream")


def check(kind: DocumentKind, file: IO[bytes], whose: Whose) -> Verdict:
    """Look into a whole file, positioned anywhere, and say whether it may be handed out."""
    file.seek(0)
    found = sniff(file)
    decoded = _decoded(file) if found is Format.TEXT else None
    if decoded is not None:
        file = io.BytesIO(decoded)
        found = sniff(file)
    if found not in ACCEPTED[kind]:
        problem = _mismatch(kind, found)
        reason = problem.replace("-", "_")
        return Verdict(found, problem, Word.REFUSE.value, (reason,), kind=kind)
    context = Context(
        tax_ids=whose.tax_ids, instalments=whose.instalments, reference=whose.reference
    )
    finding = inspect(file, context, reads_text=kind in _READ_KINDS)
    problem = _problem(kind, finding, whose)
    word = Word.SERVE_AFTER_DECODING if decoded and finding.word is Word.SERVE else finding.word
    is_refused = bool(problem) and finding.word is not Word.REFUSE
    return Verdict(
        format=found,
        problem=problem,
        verdict=(Word.REFUSE if is_refused and not _is_setting(finding) else word).value,
        reasons=_reasons(finding, problem),
        signature=finding.signature,
        access_key=_access_key(finding),
        kind=_kind(kind, finding),
        facts={name: value for name, value in finding.facts.items() if name != "items"},
        decoded=decoded,
    )


def _decoded(file: IO[bytes]) -> bytes | None:
    file.seek(0)
    return decode_base64(file.read(MAX_BASE64_BYTES + 1))


def _mismatch(kind: DocumentKind, found: Format) -> str:
    if found is Format.EMPTY:
        return "empty"
    if found in {Format.HTML, Format.JSON}:
        accepted = ACCEPTED[kind]
        wanted = "pdf" if Format.PDF in accepted else "xml"
        return f"{found}-instead-of-{'file' if len(accepted) > 3 else wanted}"
    return "wrong-kind"


def _is_setting(finding: Finding) -> bool:
    return finding.word in {Word.POLICY, Word.REFUSE_OR_SANITISE}


def _reasons(finding: Finding, problem: str) -> tuple[str, ...]:
    """Name what the order refuses, too: the file itself may be sound."""
    if not problem or finding.word is Word.REFUSE or _is_setting(finding):
        return finding.reasons
    return (problem.replace("-", "_"), *finding.reasons)


def _problem(kind: DocumentKind, finding: Finding, whose: Whose) -> str:
    action = action_of(
        finding.word,
        same_root_allowed=whose.same_root_allowed,
        active_content=whose.active_content,
    )
    if action == "refuse":
        first = finding.reasons[0]
        if finding.word is Word.REFUSE_OR_SANITISE:
            return "active-content"
        return _PROBLEMS.get(first, first.replace("_", "-"))
    if finding.format is Format.XML:
        root = finding.facts["root"]
        if root not in _ROOTS.get(kind, frozenset({root})):
            return "wrong-root"
        return "" if _is_of_order(finding, whose.invoices) else "document-of-another-order"
    return "" if _names_no_other(kind, finding, whose.invoices) else "document-of-another-order"


def _kind(kind: DocumentKind, finding: Finding) -> DocumentKind:
    """Say what a file turned out to be; a listed kind is kept where nothing else is found."""
    root = finding.facts.get("root")
    found = next((known for known, roots in _ROOTS.items() if root in roots), None)
    return found or kind


def _access_key(finding: Finding) -> str:
    """Take the key of an XML of 44 characters, once its digit is right."""
    return str(finding.facts.get("access_key") or "") if finding.key_ok else ""


# --- whose order ---------------------------------------------------------------------------


def _is_of_order(finding: Finding, invoices: Collection[tuple[str, str, str]]) -> bool:
    """Say whether an XML may be of one of the order's invoices.

    An order that does not know its invoices' keys says nothing against a note or a CT-e: both
    name the company that they are for. An event does not, so it must prove which note it is of.
    """
    root, facts = finding.facts["root"], finding.facts
    if root in EVENT_ROOTS:
        return _is_invoice_of(facts["access_key"], invoices)
    if not any(known for _, _, known in invoices):
        return True
    if root in NFE_ROOTS:
        return _is_invoice_of(facts["access_key"], invoices)
    if root in CTE_ROOTS:
        return any(_is_invoice_of(key, invoices) for key in facts["invoice_keys"])
    return True


def _is_invoice_of(key: str, invoices: Collection[tuple[str, str, str]]) -> bool:
    """Find a key among invoices: by itself, else by number and series where none is known."""
    parts = access_key_parts(key)
    return parts is not None and any(
        known == key or (not known and own == parts.number and own_series in {parts.series, ""})
        for own, own_series, known in invoices
    )


def _names_no_other(
    kind: DocumentKind, finding: Finding, invoices: Collection[tuple[str, str, str]]
) -> bool:
    """Say whether a printed page may be of the order, by the one invoice key printed on it."""
    if kind not in _READ_KINDS or not any(known for _, _, known in invoices):
        return True
    printed = finding.facts.get("origin_key")
    keys = [printed] if printed else finding.facts.get("access_keys", [])
    # Several keys on a page are references; none tells nothing.
    return len(keys) != 1 or _is_invoice_of(keys[0], invoices)
