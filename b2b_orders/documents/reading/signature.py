"""Checks the signature of an NF-e, CT-e or event: whether it is intact, not whom to trust.

The ICP-Brasil chain is not checked: what the authority authorised is proven by the digest in
its protocol (see `inspection`).
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import NameOID
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import InvalidCertificate, InvalidDigest
from signxml.verifier import SignatureConfiguration, XMLVerifier

from b2b_orders.documents.reading.xml import DSIG, parser, text_of


class Integrity(StrEnum):
    """How a signature stands."""

    VALID = "valid"
    INVALID = "invalid"
    ABSENT = "absent"
    # Somebody indented the file: its content is as signed, its bytes are not.
    REFORMATTED = "valid_only_after_blank_text_removed"


@dataclass(frozen=True, slots=True)
class SignatureCheck:
    """What a signature is. `digest` is what it states of the content; `signer` the CNPJ in it."""

    integrity: Integrity
    # Why it is invalid: a code, else "".
    reason: str = ""
    digest: str = ""
    signer: str = ""


class _Verifier(XMLVerifier):
    # lxml writes xmlns="" when it canonicalises an inner element.
    excise_empty_xmlns_declarations = True


_METHODS: Final = frozenset({SignatureMethod.RSA_SHA1, SignatureMethod.RSA_SHA256})
_DIGESTS: Final = frozenset({DigestAlgorithm.SHA1, DigestAlgorithm.SHA256})
_CNPJ_IN_NAME = re.compile(r":([0-9A-Z]{12}[0-9]{2})\s*$")


def check_signature(
    signed: etree._Element, container: etree._Element, issued_at: str | None
) -> SignatureCheck:
    """Check that the element read is the one signed, with the settings that NF-e need.

    Certificates live for a year, so the moment that counts is the document's own.
    """
    signatures = container.findall(f"{DSIG}Signature")
    if not signatures:
        return SignatureCheck(Integrity.ABSENT)
    digest = text_of(signatures[0], f"{DSIG}SignedInfo/{DSIG}Reference/{DSIG}DigestValue") or ""
    check = SignatureCheck(Integrity.INVALID, "signature_invalid", digest="".join(digest.split()))
    certificate = _certificate_in(signatures[0])
    if certificate is None or len(signatures) > 1:
        return check
    integrity, reason = _integrity(
        etree.tostring(container, encoding="utf-8", with_tail=False),
        signed.get("Id") or "",
        certificate,
        _moment(issued_at),
    )
    return SignatureCheck(integrity, reason, check.digest, _signer(certificate))


def _integrity(
    content: bytes, own_id: str, certificate: x509.Certificate, moment: datetime
) -> tuple[Integrity, str]:
    reason = _why_invalid(content, own_id, certificate, moment)
    if not reason:
        return Integrity.VALID, ""
    for variant in _variants(content):
        if not _why_invalid(variant, own_id, certificate, moment):
            return Integrity.VALID, ""
    if not _why_invalid(content, own_id, certificate, moment, remove_blank_text=True):
        return Integrity.REFORMATTED, ""
    return Integrity.INVALID, reason


def _variants(content: bytes) -> list[bytes]:
    """Write the note as it stood alone: without what the file around it only declares."""
    alone = etree.fromstring(content, parser())
    if not any(prefix for prefix in alone.nsmap):
        return []
    etree.cleanup_namespaces(alone)
    return [etree.tostring(alone, encoding="utf-8")]


def _why_invalid(
    content: bytes,
    own_id: str,
    certificate: x509.Certificate,
    moment: datetime,
    *,
    remove_blank_text: bool = False,
) -> str:
    """Say why a signature does not hold; "" when it does."""
    config = SignatureConfiguration(
        require_x509=True,
        signature_methods=_METHODS,
        digest_algorithms=_DIGESTS,
        verification_time=moment,
    )
    try:
        document = etree.fromstring(content, parser(remove_blank_text=remove_blank_text))
        result = _Verifier().verify(
            document, x509_cert=certificate, expect_config=config, id_attribute="Id"
        )
        found = result if not isinstance(result, list) else result[0]
        if found.signed_xml is None or not own_id or found.signed_xml.get("Id") != own_id:
            return "signature_of_another_part"
        if not _is_what_we_read(document, found.signed_xml):
            return "signature_of_another_part"
    except InvalidDigest:
        return "signature_digest_mismatch"
    except InvalidCertificate:
        return "signature_certificate_invalid"
    except Exception:  # noqa: BLE001 - a hostile file finds what a library did not expect
        return "signature_invalid"
    return ""


def _is_what_we_read(document: etree._Element, signed: etree._Element) -> bool:
    """Compare what was signed with what stands where we read it, character by character."""
    read = document.find(signed.tag)
    if read is None:
        return False
    alone = etree.fromstring(etree.tostring(read, encoding="utf-8", with_tail=False), parser())
    return _canonical(alone) == _canonical(signed)


def _canonical(element: etree._Element) -> bytes:
    return etree.tostring(element, method="c14n")


def _certificate_in(signature: etree._Element) -> x509.Certificate | None:
    written = text_of(signature, f"{DSIG}KeyInfo/{DSIG}X509Data/{DSIG}X509Certificate") or ""
    try:
        return x509.load_der_x509_certificate(base64.b64decode("".join(written.split())))
    except (ValueError, UnsupportedAlgorithm):
        return None


def _signer(certificate: x509.Certificate) -> str:
    """Read the CNPJ that an e-CNPJ carries behind its holder's name."""
    try:
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except ValueError:
        return ""
    found = _CNPJ_IN_NAME.search(str(names[0].value)) if names else None
    return found[1] if found else ""


def _moment(issued_at: str | None) -> datetime:
    try:
        moment = datetime.fromisoformat(issued_at or "")
    except ValueError:
        return datetime.now(UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
