"""Signatures of fiscal documents: enveloped, RSA-SHA1, canonical XML 1.0, as the authority's.

Key and certificates are made up when something is signed for the first time: they belong to
nobody and say so. The key follows from a seed, so that every process signs alike and a restart
does not change a file. Like real ones the certificates name the CNPJ behind the colon of their
common name.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import math
import random
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
_EXPONENT = 65_537
_SMALL_PRIMES = math.prod(
    n for n in range(3, 2_000, 2) if all(n % d for d in range(3, math.isqrt(n) + 1, 2))
)
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
    dice = random.Random("a key that protects nothing")  # noqa: S311 - anybody may know it
    first, second = (_prime(dice) for _ in range(2))
    private = pow(_EXPONENT, -1, math.lcm(first - 1, second - 1))
    return rsa.RSAPrivateNumbers(
        p=first,
        q=second,
        d=private,
        dmp1=private % (first - 1),
        dmq1=private % (second - 1),
        iqmp=pow(second, -1, first),
        public_numbers=rsa.RSAPublicNumbers(_EXPONENT, first * second),
    ).private_key()


def _prime(dice: random.Random) -> int:
    """Find a prime of 1024 bits whose two first bits are set."""
    while True:
        number = dice.getrandbits(1024) | 3 << 1022 | 1
        if _is_prime(number, dice) and math.gcd(number - 1, _EXPONENT) == 1:
            return number


def _is_prime(number: int, dice: random.Random) -> bool:
    if math.gcd(number, _SMALL_PRIMES) != 1:
        return False
    return all(_passes(number, dice.randrange(2, number - 1)) for _ in range(20))


def _passes(number: int, witness: int) -> bool:
    """Try a number for primality once, after Miller and Rabin."""
    twos = ((number - 1) & (1 - number)).bit_length() - 1
    power = pow(witness, (number - 1) >> twos, number)
    if power in {1, number - 1}:
        return True
    return any((power := power * power % number) == number - 1 for _ in range(twos - 1))


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
