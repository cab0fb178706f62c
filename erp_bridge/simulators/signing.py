"""Signatures of fiscal documents: enveloped, RSA-SHA1, canonical XML 1.0, as the authority's.

The certificates are made up, once a process and only when something is signed: they belong to
nobody and say so. Like real ones they name the CNPJ behind the colon of their common name.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import threading
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from lxml import etree

_NAMESPACE = "http://www.w3.org/2000/09/xmldsig#"
_CANONICAL = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
# Invoices of seven years ago are signed by it too; a real one lives for a year.
_VALID_FROM = datetime(2015, 1, 1, tzinfo=UTC)
_VALID_UNTIL = datetime(2045, 1, 1, tzinfo=UTC)
_making = threading.Lock()


def sign(element: str, reference: str, *, holder: str, tax_id: str) -> tuple[str, str]:
    """Sign an element that declares its namespace; give the signature and the digest."""
    digest = base64.b64encode(hashlib.sha1(_canonical(element)).digest()).decode()  # noqa: S324
    info = (
        f'<SignedInfo xmlns="{_NAMESPACE}"><CanonicalizationMethod Algorithm="{_CANONICAL}"/>'
        f'<SignatureMethod Algorithm="{_NAMESPACE}rsa-sha1"/><Reference URI="#{reference}">'
        f'<Transforms><Transform Algorithm="{_NAMESPACE}enveloped-signature"/>'
        f'<Transform Algorithm="{_CANONICAL}"/></Transforms>'
        f'<DigestMethod Algorithm="{_NAMESPACE}sha1"/><DigestValue>{digest}</DigestValue>'
        "</Reference></SignedInfo>"
    )
    value = _value(info)
    # Inside the signature it inherits the namespace, which its canonical form declares.
    inner = info.replace(f' xmlns="{_NAMESPACE}"', "", 1)
    return (
        f'<Signature xmlns="{_NAMESPACE}">{inner}<SignatureValue>{value}</SignatureValue>'
        f"<KeyInfo><X509Data><X509Certificate>{_certificate(holder, tax_id)}</X509Certificate>"
        "</X509Data></KeyInfo></Signature>"
    ), digest


def _canonical(element: str) -> bytes:
    root = etree.fromstring(element.encode())
    return etree.tostring(root, method="c14n")


@functools.lru_cache(maxsize=1_000)
def _value(info: str) -> str:
    signed = _key().sign(_canonical(info), padding.PKCS1v15(), hashes.SHA1())  # noqa: S303
    return base64.b64encode(signed).decode()


def _key() -> rsa.RSAPrivateKey:
    with _making:  # two requests at once would make two keys
        return _make_key()


@functools.cache
def _make_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2048)


@functools.cache
def _certificate(holder: str, tax_id: str) -> str:
    key = _key()
    name = x509.Name(
        (
            x509.NameAttribute(NameOID.COUNTRY_NAME, "BR"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "CERTIFICADO DE TESTE SEM VALIDADE"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{holder[:49]}:{tax_id}"),
        )
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(int.from_bytes(hashlib.sha256(tax_id.encode()).digest()[:16]))
        .not_valid_before(_VALID_FROM)
        .not_valid_after(_VALID_UNTIL)
        .sign(key, hashes.SHA256())
    )
    return base64.b64encode(made.public_bytes(serialization.Encoding.DER)).decode()
