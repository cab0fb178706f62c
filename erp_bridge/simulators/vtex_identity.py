"""VTEX ID in the simulator: codes by mail, tokens, and what a token says of itself.

`POST /_control/identity {"account": "other", "audience": "admin", "token_type": "app",
"user": "x@y", "null": true}` makes tokens be of somebody else; `{}` puts all back.
`GET /_control/identity` tells the codes that were sent.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field

from erp_bridge.simulators.faults import Json
from erp_bridge.simulators.server import Request, Response, json_response

PATHS = {
    "/api/vtexid/pub/authentication/start": "identity_start",
    "/api/vtexid/pub/authentication/accesskey/send": "identity_send",
    "/api/vtexid/pub/authentication/accesskey/validate": "identity_validate",
    "/api/vtexid/credential/validate": "identity_credential",
}
ROUTES = frozenset(PATHS.values())
_FIELD = re.compile(rb'name="(\w+)"\r\n\r\n([^\r]*)\r\n')


@dataclass
class Identity:
    """Who was sent which code, and whose tokens are out."""

    account: str
    lies: Json = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    _begun: set[str] = field(default_factory=set)
    _tokens: dict[str, str] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def answer(self, route: str, request: Request) -> Response:
        """Answer as VTEX ID does; none of it takes a key."""
        if route == "identity_start":
            token = f"vss{next(self._numbers)}"
            self._begun.add(token)
            return json_response(
                {"authenticationToken": token, "showAccessKeyAuthentication": True}
            )
        if route == "identity_credential":
            return self._credential(str(request.json().get("token")))
        begun = request.headers.get("cookie", "").removeprefix("_vss=")
        if begun not in self._begun:
            return json_response({"authStatus": "InvalidToken"}, 400)
        if route == "identity_send":
            number = next(self._numbers)
            self.codes[request.query.get("email", "")] = f"{number * 7919 % 1_000_000:06}"
            return json_response({"authStatus": None})
        fields = dict(_FIELD.findall(request.body))
        email, code = (fields.get(name, b"").decode() for name in (b"login", b"accesskey"))
        if not code or self.codes.get(email) != code:
            return json_response({"authStatus": "WrongCredentials", "authCookie": None})
        del self.codes[email]
        token = f"eyJ.{next(self._numbers)}.x"
        self._tokens[token] = email
        cookie = {"Name": f"VtexIdclientAutCookie_{self.account}", "Value": token}
        return json_response({"authStatus": "Success", "authCookie": cookie, "userId": "u"})

    def _credential(self, token: str) -> Response:
        if self.lies.get("null"):
            return Response(200, b"null")
        if token not in self._tokens:
            return json_response({"authStatus": "WrongCredentials"}, 401)
        return json_response(
            {
                "authStatus": "Success",
                "id": "u",
                "user": self.lies.get("user", self._tokens[token]),
                "account": self.lies.get("account", self.account),
                "audience": self.lies.get("audience", "webstore"),
                "tokenType": self.lies.get("token_type", "user"),
            }
        )
