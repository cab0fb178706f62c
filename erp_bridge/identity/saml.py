"""SAML 2.0 from the side of a service provider: we ask, the identity provider answers.

Only answers to a question of ours are taken. The assertion itself must be signed, by RSA or ECDSA
with SHA-256 or better; that python3-saml does, with its checks of audience, recipient, times and
wrapped signatures. What it leaves open is closed here: that the *signed* part names our question.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import xmlsec
from cryptography import x509
from lxml.etree import LxmlError, _Element
from onelogin.saml2.auth import OneLogin_Saml2_Auth
from onelogin.saml2.constants import OneLogin_Saml2_Constants as Constants
from onelogin.saml2.errors import OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError
from onelogin.saml2.settings import OneLogin_Saml2_Settings
from onelogin.saml2.xml_utils import OneLogin_Saml2_XML

from erp_bridge.errors import ConfigError, ContractViolation

MOST_BYTES = 400_000
_UNREADABLE = (
    *(OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError, LxmlError, xmlsec.Error),
    *(ValueError, KeyError, TypeError, AttributeError, binascii.Error),
)


@dataclass(frozen=True, slots=True)
class SamlConfig:
    """Which provider, and under which addresses we are known to it.

    `certificates` are those that it may sign with: two while it changes from one to the other.
    """

    entity_id: str
    sso_url: str
    certificates: tuple[str, ...]
    own_entity_id: str
    acs_url: str

    def __post_init__(self) -> None:
        if not self.entity_id:
            raise ConfigError("entity_id", "is missing")
        if not self.certificates:
            raise ConfigError("x509cert", "is missing")

    def settings(self) -> dict[str, Any]:
        """Write the configuration down as python3-saml reads it."""
        return {
            "strict": True,
            "sp": {
                "entityId": self.own_entity_id,
                "assertionConsumerService": {
                    "url": self.acs_url,
                    "binding": Constants.BINDING_HTTP_POST,
                },
                "NameIDFormat": Constants.NAMEID_UNSPECIFIED,
            },
            "idp": {
                "entityId": self.entity_id,
                "singleSignOnService": {
                    "url": self.sso_url,
                    "binding": Constants.BINDING_HTTP_REDIRECT,
                },
                "x509certMulti": {"signing": list(self.certificates)},
            },
            "security": {
                "wantAssertionsSigned": True,
                "wantNameId": True,
                "wantAttributeStatement": False,
                "rejectDeprecatedAlgorithm": True,
                "rejectUnsolicitedResponsesWithInResponseTo": True,
                "requestedAuthnContext": False,
                "allowSingleLabelDomains": True,
                "allowRepeatAttributeName": True,
            },
        }


@dataclass(frozen=True, slots=True)
class Question:
    """Where a person is sent, and by which id the answer must name the question."""

    url: str = field(repr=False)
    request_id: str


@dataclass(frozen=True, slots=True)
class Assertion:
    """What the provider says of a person, once its signature is proved."""

    id: str
    name_id: str
    name_id_format: str
    attributes: Mapping[str, Sequence[str]]
    valid_until: datetime


def read_certificate(text: str) -> tuple[str, datetime]:
    """Return a certificate as bare Base64, and when it ends; `ConfigError` if it is none."""
    bare = re.sub(r"-----[A-Z ]+-----|\s", "", text)
    try:
        found = x509.load_der_x509_certificate(base64.b64decode(bare, validate=True))
    except ValueError as error:
        raise ConfigError("x509cert", "is not a certificate") from error
    return bare, found.not_valid_after_utc


def ask(config: SamlConfig) -> Question:
    """Build the question that a person carries to the provider."""
    auth = _auth(config, {})
    url = auth.login(return_to="")
    return Question(str(url), str(auth.get_last_request_id()))


def metadata(config: SamlConfig) -> bytes:
    """Write down who we are, for the provider's administrator to read in."""
    settings = OneLogin_Saml2_Settings(settings=config.settings(), sp_validation_only=True)
    text = settings.get_sp_metadata()
    return text if isinstance(text, bytes) else str(text).encode()


def question_of(response: str) -> str:
    """Return which question an answer says that it answers; "" for none. Nothing is proved."""
    try:
        root = OneLogin_Saml2_XML.to_etree(_decoded(response))
    except _UNREADABLE:
        return ""
    return str(root.get("InResponseTo") or "")


def read_answer(config: SamlConfig, *, response: str, request_id: str) -> Assertion:
    """Return what the provider says of a person; `ContractViolation` when it cannot be believed."""
    problem = "the answer cannot be read"
    try:
        _decoded(response)
        auth = _auth(config, {"SAMLResponse": response})
        auth.process_response(request_id=request_id)
        if not auth.get_errors() and auth.is_authenticated():
            return _assertion(
                auth, request_id, acs_url=config.acs_url, own_entity_id=config.own_entity_id
            )
        problem = str(auth.get_last_error_reason() or problem)[:200]
    except _UNREADABLE:
        pass
    raise _wrong(problem)


def _assertion(
    auth: OneLogin_Saml2_Auth, request_id: str, *, acs_url: str, own_entity_id: str
) -> Assertion:
    document = auth.get_last_response_xml()
    root = OneLogin_Saml2_XML.to_etree(document)
    # There is one assertion, and it is signed: both were checked. What stands around it is not.
    confirmed = OneLogin_Saml2_XML.query(
        root,
        "//saml:Assertion/saml:Subject/saml:SubjectConfirmation/saml:SubjectConfirmationData",
    )
    if not confirmed or not all(_answers(each, request_id) for each in confirmed):
        raise _wrong("the assertion does not answer our question")
    # python3-saml lets an assertion pass that names no service, and one that only mentions us.
    if any(each.get("Recipient") != acs_url for each in confirmed):
        raise _wrong("the assertion is for another address")
    restrictions = OneLogin_Saml2_XML.query(
        root, "//saml:Assertion/saml:Conditions/saml:AudienceRestriction"
    )
    if not restrictions or not all(_names(each, own_entity_id) for each in restrictions):
        raise _wrong("the assertion is for another service")
    until = auth.get_last_assertion_not_on_or_after()
    if not until:
        raise _wrong("it does not end")
    attributes = {
        str(name): tuple(str(value) for value in values if isinstance(value, str))
        for name, values in auth.get_attributes().items()
    }
    return Assertion(
        id=str(auth.get_last_assertion_id()),
        name_id=str(auth.get_nameid() or ""),
        name_id_format=str(auth.get_nameid_format() or ""),
        attributes=attributes,
        valid_until=datetime.fromtimestamp(float(until), UTC),
    )


def _answers(confirmation: _Element, request_id: str) -> bool:
    named = str(confirmation.get("InResponseTo") or "")
    return hmac.compare_digest(named.encode(), request_id.encode())


def _names(restriction: _Element, own_entity_id: str) -> bool:
    audiences = OneLogin_Saml2_XML.query(restriction, "./saml:Audience")
    return own_entity_id in {str(each.text or "").strip() for each in audiences}


def _wrong(problem: str) -> ContractViolation:
    return ContractViolation(problem, source="saml", operation="answer")


def _decoded(response: str) -> bytes:
    if len(response) > MOST_BYTES:
        raise ValueError
    return base64.b64decode(response, validate=False)


def _auth(config: SamlConfig, posted: Mapping[str, str]) -> OneLogin_Saml2_Auth:
    acs = urlsplit(config.acs_url)
    request = {
        "https": "on" if acs.scheme == "https" else "off",
        "http_host": acs.netloc,
        "script_name": acs.path,
        "path_info": "",
        "get_data": {},
        "post_data": dict(posted),
    }
    return OneLogin_Saml2_Auth(request, config.settings())
