"""Signing in by a code that VTEX ID mails: it proves an address, and nothing else.

Which company somebody is of is never VTEX's word: memberships are ours. Offered where a VTEX
connection has the setting `sign_in`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from b2b_orders.common import tenancy
from b2b_orders.companies.providers import NotLetIn
from b2b_orders.ingest import options
from b2b_orders.ingest.models import Connection
from b2b_orders.ingest.sources import address_policy
from erp_bridge.connector import Call, Purpose
from erp_bridge.errors import BridgeError, TransientError
from erp_bridge.vtex.config import default_base_url
from erp_bridge.vtex.identity import VtexIdentity

_SECONDS = 12.0


def shop_of_codes() -> str:
    """Name the shop whose codes are taken; "" where none is."""
    found = _connection()
    return found.label or found.name if found else ""


def _connection() -> Connection | None:
    rows = Connection.objects.filter(kind="vtex", is_enabled=True).order_by("name")
    return next((row for row in rows if options.Options.of(row.settings).sign_in == 1), None)


@contextmanager
def _identity(connection: Connection) -> Iterator[VtexIdentity]:
    account = str(connection.settings.get("account", ""))
    address = str(connection.settings.get("base_url") or default_base_url(account))
    client = VtexIdentity(account, address, address_policy(), source=connection.name)
    with closing(client):
        yield client


def send_code(*, email: str) -> str:
    """Have VTEX ID mail a code; return what the log-in is called there. `NotLetIn` if it fails.

    Whether somebody here has the address makes no difference.
    """
    connection = _connection()
    if connection is None:
        raise NotLetIn("provider-down")
    try:
        with tenancy.leave(), _identity(connection) as client:
            return client.send_code(email, Call.within(_SECONDS, Purpose.INTERACTIVE))
    except BridgeError as error:
        raise NotLetIn("provider-down") from error


def check_code(*, token: str, email: str, code: str) -> None:
    """Return when the code proves the address; `NotLetIn` says why not."""
    connection = _connection()
    if connection is None:
        raise NotLetIn("provider-down")
    try:
        with tenancy.leave(), _identity(connection) as client:
            client.check_code(token, email, code, Call.within(_SECONDS, Purpose.INTERACTIVE))
    except BridgeError as error:
        is_down = isinstance(error, TransientError)
        raise NotLetIn("provider-down" if is_down else "code-wrong") from error
