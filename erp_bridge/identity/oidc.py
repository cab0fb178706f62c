"""OpenID Connect from the side of a client: the code flow with PKCE, state and nonce.

Nothing that came through a browser is believed: the code is exchanged by us, and the token that
comes back is checked against the provider's own keys, its issuer, our client id, its times and
the nonce of this very log-in.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import jwt

from erp_bridge.connector import Call
from erp_bridge.errors import BridgeError, ContractViolation, CredentialsRejected
from erp_bridge.http import Answer, Door, Form, Policy

_WELL_KNOWN = "/.well-known/openid-configuration"
# Signatures by a key pair only: with a shared secret, or none, anybody who has ours could sign.
ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
_MOST_BYTES = 1_000_000
# Clocks of others.
_LEEWAY_SECONDS = 60
# RFC 6749: a wrong or used code, and a wrong client, are answered so.
_TOKEN_ROWS: Mapping[int, type[BridgeError]] = {
    400: CredentialsRejected,
    401: CredentialsRejected,
}


@dataclass(frozen=True, slots=True)
class OidcConfig:
    """Which provider, and as whom we speak to it. The secret never prints.

    `issuer` is what the provider calls itself; it is where it is found unless told otherwise.
    """

    server_url: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    issuer: str = ""

    @property
    def discovery_url(self) -> str:
        """The address of the provider's description of itself."""
        if "/.well-known/" in self.server_url:
            return self.server_url
        return self.server_url.rstrip("/") + _WELL_KNOWN

    @property
    def expected_issuer(self) -> str:
        """Who must have signed."""
        return self.issuer or self.server_url.partition("/.well-known/")[0].rstrip("/")


@dataclass(frozen=True, slots=True)
class Discovery:
    """Where a provider does what, as it says itself."""

    issuer: str
    authorize_url: str
    token_url: str
    keys_url: str
    userinfo_url: str = ""
    takes_basic: bool = True


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a code was exchanged for."""

    id_token: str = field(repr=False)
    access_token: str = field(repr=False)


def challenge_of(verifier: str) -> str:
    """Return what is shown of a PKCE verifier before the code is exchanged."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class OidcClient:
    """Talks to one provider."""

    def __init__(self, config: OidcConfig, policy: Policy, *, source: str = "oidc") -> None:
        self.config = config
        self.source = source
        self._policy = policy

    def discover(self, call: Call) -> Discovery:
        """Read where the provider does what; `ContractViolation` when it is not who we know."""
        found = self._object(self._ask("GET", self.config.discovery_url, call, "discovery"))
        texts = {name: value for name, value in found.items() if isinstance(value, str)}
        issuer = texts.get("issuer", "")
        if issuer.rstrip("/") != self.config.expected_issuer.rstrip("/"):
            raise self._wrong("it calls itself by another name", "discovery")
        try:
            methods = found.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
            return Discovery(
                issuer=issuer,
                authorize_url=texts["authorization_endpoint"],
                token_url=texts["token_endpoint"],
                keys_url=texts["jwks_uri"],
                userinfo_url=texts.get("userinfo_endpoint", ""),
                takes_basic="client_secret_basic" in methods,
            )
        except (KeyError, TypeError):
            pass
        raise self._wrong("its description lacks an address", "discovery")

    def authorize_url(
        self,
        discovery: Discovery,
        *,
        redirect_uri: str,
        state: str,
        nonce: str,
        verifier: str,
        scope: str,
        hint: str = "",
    ) -> str:
        """Build the address at which a person logs in there."""
        asked = {
            "response_type": "code",
            "client_id": self.config.client_id,
            "redirect_uri": redirect_uri,
            "scope": scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge_of(verifier),
            "code_challenge_method": "S256",
        } | ({"login_hint": hint} if hint else {})
        joint = "&" if urlsplit(discovery.authorize_url).query else "?"
        return f"{discovery.authorize_url}{joint}{urlencode(asked, quote_via=quote)}"

    def exchange(
        self, discovery: Discovery, *, code: str, redirect_uri: str, verifier: str, call: Call
    ) -> Tokens:
        """Exchange a code for tokens; `CredentialsRejected` when the provider will not."""
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        headers = {}
        if discovery.takes_basic and self.config.client_secret:
            pair = f"{quote(self.config.client_id)}:{quote(self.config.client_secret)}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        else:
            fields["client_id"] = self.config.client_id
            if self.config.client_secret:
                fields["client_secret"] = self.config.client_secret
        answer = self._ask("POST", discovery.token_url, call, "token", Form.of(fields), headers)
        found = self._object(answer)
        id_token, access_token = found.get("id_token"), found.get("access_token", "")
        if not isinstance(id_token, str) or not isinstance(access_token, str):
            raise self._wrong("it gave no identity", "token")
        return Tokens(id_token, access_token)

    def claims(
        self, discovery: Discovery, tokens: Tokens, *, nonce: str, call: Call, more: bool
    ) -> dict[str, Any]:
        """Return what the provider says of the person, once all of it is proved to be its own.

        `more` also asks its page of the person, for what the token does not carry.
        """
        keys = self._object(self._ask("GET", discovery.keys_url, call, "keys"))
        found = self._checked(tokens.id_token, keys, discovery)
        if not hmac.compare_digest(str(found.get("nonce", "")).encode(), nonce.encode()):
            raise self._wrong("the token is of another log-in", "identity")
        if "azp" in found and found["azp"] != self.config.client_id:
            raise self._wrong("the token is for somebody else", "identity")
        if more and discovery.userinfo_url and tokens.access_token:
            headers = {"Authorization": f"Bearer {tokens.access_token}"}
            answer = self._ask("GET", discovery.userinfo_url, call, "person", None, headers)
            told = self._object(answer)
            if told.get("sub") != found["sub"]:
                raise self._wrong("it told of another person", "person")
            if "email" in found:
                # What its page says of an address is said of the address that stands there.
                told.pop("email_verified", None)
            found = {**told, **found}
        return found

    def _checked(self, token: str, keys: Mapping[str, Any], discovery: Discovery) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            algorithm = header.get("alg", "")
            if algorithm not in ALGORITHMS:
                raise self._wrong("the token is not signed as it must be", "identity")
            key = self._key(header.get("kid"), keys)
            return dict(
                jwt.decode(
                    token,
                    key=jwt.PyJWK(key, algorithm=algorithm).key,
                    algorithms=[algorithm],
                    audience=self.config.client_id,
                    issuer=discovery.issuer,
                    leeway=_LEEWAY_SECONDS,
                    options={"require": ["exp", "iat", "sub", "iss", "aud"]},
                )
            )
        except (jwt.PyJWTError, TypeError, ValueError, AttributeError):
            pass
        # Outside the handler: the library's errors may quote the token.
        raise self._wrong("the token cannot be believed", "identity")

    def _key(self, kid: object, keys: Mapping[str, Any]) -> dict[str, Any]:
        rows = keys.get("keys")
        known = (
            [row for row in rows if isinstance(row, dict) and row.get("use", "sig") == "sig"]
            if isinstance(rows, list)
            else []
        )
        named = [row for row in known if row.get("kid") == kid] if kid else known
        if len(named) != 1:
            raise self._wrong("no key of its signed the token", "identity")
        return named[0]

    # --- asking -----------------------------------------------------------------------

    def _ask(
        self,
        method: str,
        url: str,
        call: Call,
        operation: str,
        form: Form | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask one of the provider's addresses, which may be on hosts of their own."""
        parts = urlsplit(url)
        door = Door(
            self.source,
            f"{parts.scheme}://{parts.netloc}",
            self._policy,
            secrets=(self.config.client_secret,),
        )
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        try:
            return door.send(
                method,
                path,
                call=call,
                operation=operation,
                form=form,
                headers=headers,
                max_bytes=_MOST_BYTES,
                rows=_TOKEN_ROWS if operation == "token" else None,
            )
        finally:
            door.close()

    def _object(self, answer: Answer) -> dict[str, Any]:
        found = answer.json()
        if not isinstance(found, dict):
            raise self._wrong("an answer that is no object", answer.operation)
        return found

    def _wrong(self, message: str, operation: str) -> ContractViolation:
        return ContractViolation(message, source=self.source, operation=operation)
