"""VTEX ID's e-mailed code, asked from a server: proof that somebody reads an address's mail.

As VTEX's guide for headless shops has it: start, send, validate. Whatever token comes of it is
shown to `credential/validate` before it is believed, because user tokens of VTEX are not of one
account: without the look at account and audience anybody with any shop's account would be let in.
No key of the connection is sent, and tokens are forgotten once they were looked at.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from erp_bridge.connector import Call
from erp_bridge.errors import BadRequest, BridgeError, ContractViolation, CredentialsRejected
from erp_bridge.http import OK, Answer, Door, Form, Policy

_AUTHENTICATION = "/api/vtexid/pub/authentication"
_CREDENTIAL = "/api/vtexid/credential/validate"
_SUCCESS = "Success"
# Every published example of a token says "admin", who is staff of the shop: never a shopper.
_SHOPPER = "webstore"
_PERSON = "user"
_MOST_BYTES = 200_000
_MAY_REFUSE = OK | {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


class VtexIdentity:
    """Asks one account's VTEX ID."""

    def __init__(
        self, account: str, base_url: str, policy: Policy, *, source: str = "vtex"
    ) -> None:
        self.account = account
        self.source = source
        self._door = Door(source, base_url, policy)

    def close(self) -> None:
        """Give back sockets."""
        self._door.close()

    def send_code(self, email: str, call: Call) -> str:
        """Have a code mailed to an address; return what the log-in is called at VTEX."""
        answer = self._door.send(
            "GET",
            f"{_AUTHENTICATION}/start",
            call=call,
            operation="start",
            params={"scope": self.account},
            max_bytes=_MOST_BYTES,
        )
        token = _object(answer).get("authenticationToken")
        if not isinstance(token, str) or not token.isascii() or not token:
            raise self._wrong("no log-in was begun", "start")
        self._door.send(
            "POST",
            f"{_AUTHENTICATION}/accesskey/send",
            call=call,
            operation="send code",
            params={"email": email},
            headers=_cookie(token, self),
            max_bytes=_MOST_BYTES,
        )
        return token

    def check_code(self, token: str, email: str, code: str, call: Call) -> None:
        """Return when the code was right and its person is a shopper of this very account.

        `CredentialsRejected` for a wrong code; `ContractViolation` for a token of another
        account, of its staff, or that VTEX does not know.
        """
        answer = self._door.send(
            "POST",
            f"{_AUTHENTICATION}/accesskey/validate",
            call=call,
            operation="check code",
            # Its description spells `accessKey`, its guide `accesskey`: each reads its own.
            form=_multipart({"login": email, "accesskey": code, "accessKey": code}),
            headers=_cookie(token, self),
            accept_status=_MAY_REFUSE,
            max_bytes=_MOST_BYTES,
        )
        found = _object(answer)
        cookie = found.get("authCookie")
        proof = cookie.get("Value") if isinstance(cookie, Mapping) else None
        if found.get("authStatus") != _SUCCESS or not isinstance(proof, str) or not proof:
            raise CredentialsRejected(
                "the code is wrong", source=self.source, operation="check code"
            )
        self._check_proof(proof, email, call)

    def _check_proof(self, proof: str, email: str, call: Call) -> None:
        answer = self._door.send(
            "POST",
            _CREDENTIAL,
            call=call,
            operation="validate",
            body={"token": proof},
            accept_status=_MAY_REFUSE,
            max_bytes=_MOST_BYTES,
        )
        found = _object(answer)
        wanted = {
            "authStatus": _SUCCESS,
            "account": self.account,
            "audience": _SHOPPER,
            "tokenType": _PERSON,
        }
        for name, value in wanted.items():
            if found.get(name) != value:
                raise self._wrong(f"the token has another {name}", "validate")
        if str(found.get("user") or "").lower() != email.lower():
            raise self._wrong("the token is of another person", "validate")

    def _wrong(self, message: str, operation: str) -> ContractViolation:
        return ContractViolation(message, source=self.source, operation=operation)


def _object(answer: Answer) -> dict[str, Any]:
    """Read an object; `null` with 200 is how VTEX answers for a bad token elsewhere."""
    try:
        found = answer.json()
    except BridgeError:
        if answer.status in OK:
            raise
        found = None
    return found if isinstance(found, dict) else {}


def _cookie(token: str, client: VtexIdentity) -> dict[str, str]:
    if not all(c.isalnum() or c in "-_.=+/" for c in token):
        raise BadRequest("the log-in cannot be named", source=client.source)
    return {"Cookie": f"_vss={token}"}


def _multipart(fields: Mapping[str, str]) -> Form:
    boundary = secrets.token_hex(16)
    parts = []
    for name, value in fields.items():
        if "\r" in value or "\n" in value:
            raise BadRequest("a field holds a line break")
        parts.append(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        )
    body = "".join(parts) + f"--{boundary}--\r\n"
    return Form(f"multipart/form-data; boundary={boundary}", body.encode())
