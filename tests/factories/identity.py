"""Identity providers of companies, on this machine: one of OpenID Connect, one of SAML.

The first is for tests that need it to lie; journeys use `oidc-provider-mock`. No provider of SAML
that a registry has can run without programs of the system, so this one is made of python3-saml's
own pieces.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from onelogin.saml2.constants import OneLogin_Saml2_Constants as Constants
from onelogin.saml2.utils import OneLogin_Saml2_Utils

from b2b_orders.common import secrets as stored
from b2b_orders.companies.models import Company, EmailDomain, IdentityProvider, ProviderKind, Role
from tests.factories.companies import NOW

CLIENT_ID, CLIENT_SECRET = "portal", "a secret between the two"


def make_provider(
    slug: str,
    company: Company | None,
    *domains: str,
    kind: ProviderKind = ProviderKind.OIDC,
    settings: Mapping[str, Any] | None = None,
    is_required: bool = False,
    lets_in: bool = False,
    is_active: bool = True,
    role: Role = Role.VIEWER,
) -> IdentityProvider:
    """Make a provider with domains that are known to be its company's."""
    provider = IdentityProvider.objects.create(
        slug=slug,
        kind=kind,
        label=slug.capitalize(),
        company=company,
        settings=dict(settings or {}),
        secret=stored.encrypt(CLIENT_SECRET),
        is_required=is_required,
        lets_in=lets_in,
        is_active=is_active,
        role=role,
        created_at=NOW,
        changed_at=NOW,
    )
    for domain in domains:
        EmailDomain.objects.create(
            domain=domain, company=company, provider=provider, verified_at=NOW
        )
    return provider


@cache
def make_key(number: int = 1) -> rsa.RSAPrivateKey:
    """Make a key, the same one each time it is asked for."""
    return rsa.generate_private_key(65537, 2048)


def make_pair(number: int = 1, *, days: int = 365) -> tuple[str, str]:
    """Make a key and its certificate, as text."""
    key = make_key(number)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "idp.example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(number)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    return private.decode(), certificate.public_bytes(serialization.Encoding.PEM).decode()


# --- OpenID Connect --------------------------------------------------------------------------


@dataclass
class OidcServer:
    """A provider that tells of `claims`, and lies as it is told to."""

    url: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    # What the token says in place of what is true; None leaves a claim out.
    lies: dict[str, Any] = field(default_factory=dict)
    person: dict[str, Any] | None = None
    key: int = 1
    algorithm: str = "RS256"
    description: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def log_in(self, authorize_url: str) -> dict[str, str]:
        """Log somebody in who was sent here; return what their browser is sent back with."""
        asked = {
            name: values[0] for name, values in parse_qs(urlsplit(authorize_url).query).items()
        }
        code = secrets.token_urlsafe(12)
        self.codes[code] = asked
        return {"code": code, "state": asked["state"]}

    def answer(self, method: str, path: str, body: str, headers: Any) -> tuple[int, Any]:
        """Answer as a provider does."""
        self.asked.append(path)
        if path == "/.well-known/openid-configuration":
            return 200, self._description()
        if path == "/keys":
            row = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(make_key(1).public_key()))
            return 200, {"keys": [row | {"kid": "1", "use": "sig"}]}
        if path == "/token":
            return self._token(body, headers)
        if path == "/person":
            return 200, self.claims if self.person is None else self.person
        return 404, {}

    def _description(self) -> dict[str, Any]:
        ways = (("authorization", "authorize"), ("token", "token"), ("userinfo", "person"))
        return (
            {f"{name}_endpoint": f"{self.url}/{path}" for name, path in ways}
            | {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
            | self.description
        )

    def _token(self, body: str, headers: Any) -> tuple[int, Any]:
        given = {name: values[0] for name, values in parse_qs(body).items()}
        asked = self.codes.pop(given.get("code", ""), None)
        shown = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(shown).rstrip(b"=").decode()
        pair = base64.b64decode(headers.get("Authorization", "").removeprefix("Basic ")).decode()
        if (
            asked is None
            or asked["code_challenge"] != challenge
            or asked["redirect_uri"] != given["redirect_uri"]
            or pair != f"{CLIENT_ID}:{CLIENT_SECRET.replace(' ', '%20')}"
        ):
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = (
            {"iss": self.url, "aud": CLIENT_ID, "iat": now, "exp": now + 300}
            | {"nonce": asked["nonce"]}
            | self.claims
            | self.lies
        )
        key: Any = make_key(self.key) if self.algorithm == "RS256" else CLIENT_SECRET * 2
        token = jwt.encode(
            {name: value for name, value in claims.items() if value is not None},
            key if self.algorithm != "none" else None,
            algorithm=self.algorithm,
            headers={"kid": "1"},
        )
        return 200, {"access_token": "at", "token_type": "Bearer", "id_token": token}


@contextmanager
def oidc_server(**claims: Any) -> Iterator[OidcServer]:
    """Run a provider of OpenID Connect."""
    provider = OidcServer(claims=claims)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply("")

        def do_POST(self) -> None:
            self._reply(self.rfile.read(int(self.headers["Content-Length"])).decode())

        def _reply(self, body: str) -> None:
            path = urlsplit(self.path).path
            status, told = provider.answer(self.command, path, body, self.headers)
            content = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_args: Any) -> None:
            pass

    with _serving(Handler) as url:
        provider.url = url
        yield provider


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(2)


# --- SAML ------------------------------------------------------------------------------------

IDP_ENTITY = "https://idp.example/metadata"
UNSPECIFIED = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"


@dataclass
class Question:
    """What a service provider asked."""

    id: str
    issuer: str
    acs_url: str


def read_question(url: str) -> Question:
    """Read the question that a browser carries to a provider."""
    given = parse_qs(urlsplit(url).query)["SAMLRequest"][0]
    root = ElementTree.fromstring(zlib.decompress(base64.b64decode(given), -15))
    issuer = root.find("{urn:oasis:names:tc:SAML:2.0:assertion}Issuer")
    assert issuer is not None
    return Question(
        root.attrib["ID"], issuer.text or "", root.attrib["AssertionConsumerServiceURL"]
    )


@dataclass
class SamlAnswer:
    """An answer as a provider builds it; fields are what tests make wrong."""

    question: Question
    uid: str = "u-1"
    email: str = "ana@example.com"
    attributes: Mapping[str, str] = field(default_factory=dict)
    audience: str = ""
    recipient: str = ""
    has_audience: bool = True
    has_recipient: bool = True
    in_response_to: str | None = None
    assertion_in_response_to: str | None = None
    issuer: str = IDP_ENTITY
    minutes: float = 5
    key: int = 1
    is_signed: bool = True
    id: str = ""
    name_format: str = UNSPECIFIED

    def assertion(self) -> str:
        """Build the assertion, signed unless told otherwise."""
        now = datetime.now(UTC)
        since, until = (
            f"{moment:%Y-%m-%dT%H:%M:%SZ}"
            for moment in (now - timedelta(minutes=10), now + timedelta(minutes=self.minutes))
        )
        answered = self.assertion_in_response_to
        answered = self.question.id if answered is None else answered
        named = f' InResponseTo="{answered}"' if answered else ""
        values = {"email": self.email, **self.attributes}
        attributes = "".join(
            f'<saml:Attribute Name="{escape(name)}"><saml:AttributeValue>{escape(value)}'
            "</saml:AttributeValue></saml:Attribute>"
            for name, value in values.items()
        )
        recipient = f' Recipient="{self.recipient or self.question.acs_url}"'
        recipient = recipient if self.has_recipient else ""
        audience = (
            "<saml:AudienceRestriction>"
            f"<saml:Audience>{self.audience or self.question.issuer}</saml:Audience>"
            "</saml:AudienceRestriction>"
        )
        audience = audience if self.has_audience else ""
        text = (
            '<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"'
            f' ID="{self.id or "_" + secrets.token_hex(16)}" Version="2.0" IssueInstant="{since}">'
            f"<saml:Issuer>{self.issuer}</saml:Issuer><saml:Subject>"
            f'<saml:NameID Format="{self.name_format}">{self.uid}</saml:NameID>'
            '<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">'
            f'<saml:SubjectConfirmationData{named} NotOnOrAfter="{until}"'
            f"{recipient}/>"
            "</saml:SubjectConfirmation></saml:Subject>"
            f'<saml:Conditions NotBefore="{since}" NotOnOrAfter="{until}">'
            f"{audience}</saml:Conditions>"
            f'<saml:AuthnStatement AuthnInstant="{since}"><saml:AuthnContext>'
            "<saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password"
            "</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>"
            f"<saml:AttributeStatement>{attributes}</saml:AttributeStatement></saml:Assertion>"
        )
        if not self.is_signed:
            return text
        key, certificate = make_pair(self.key)
        signed = OneLogin_Saml2_Utils.add_sign(
            text, key, certificate, False, Constants.RSA_SHA256, Constants.SHA256
        )
        return signed.decode() if isinstance(signed, bytes) else str(signed)

    def xml(self, assertion: str = "") -> str:
        """Build the whole answer around an assertion."""
        answered = self.in_response_to
        answered = self.question.id if answered is None else answered
        named = f' InResponseTo="{answered}"' if answered else ""
        return (
            '<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"'
            ' xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"'
            f' ID="_{secrets.token_hex(16)}" Version="2.0"'
            f' IssueInstant="{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"'
            f' Destination="{self.question.acs_url}"{named}>'
            f"<saml:Issuer>{self.issuer}</saml:Issuer><samlp:Status>"
            '<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>'
            f"{assertion or self.assertion()}</samlp:Response>"
        )

    def encoded(self, xml: str = "") -> str:
        """Encode the answer as a browser posts it."""
        return base64.b64encode((xml or self.xml()).encode()).decode()


@contextmanager
def saml_server() -> Iterator[str]:
    """Run a provider of SAML with a log-in page; who types an address is that person."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = escape(parse_qs(urlsplit(self.path).query).get("SAMLRequest", [""])[0])
            self._page(
                '<form method="post"><input name="email"><input type="hidden" name="asked"'
                f' value="{asked}"><button>Entrar</button></form>'
            )

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            given = {name: values[0] for name, values in parse_qs(body).items()}
            # The question is in the address that the form was posted to.
            question = read_question(f"http://here/?{urlsplit(self.path).query}")
            answer = SamlAnswer(question, uid=given["email"], email=given["email"])
            self._page(
                f'<form method="post" action="{question.acs_url}"><input type="hidden"'
                f' name="SAMLResponse" value="{answer.encoded()}"><button>Continuar</button></form>'
            )

        def _page(self, form: str) -> None:
            content = f"<!doctype html><title>IdP</title>{form}".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_args: Any) -> None:
            pass

    with _serving(Handler) as url:
        yield f"{url}/sso"
