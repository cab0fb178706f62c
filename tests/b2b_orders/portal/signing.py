"""What tests of logging in share: mail that was left, codes of an app, the record."""

from __future__ import annotations

import json
import time
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.test import Client

from b2b_orders.accounts.models import Person, SignInMail
from b2b_orders.audit.models import Action, AuditEvent
from b2b_orders.common.secrets import decrypt
from tests.factories import PASSWORD

LOGIN = "/accounts/login/"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def log_in(client: Client, email: str, password: str = PASSWORD, **more: str) -> Any:
    return client.post(LOGIN, {"login": email, "password": password, **more})


def left_mail() -> tuple[SignInMail, dict[str, Any]]:
    """Return the newest mail that waits, and what is in it."""
    row = SignInMail.objects.latest("pk")
    return row, json.loads(decrypt(bytes(row.payload)))


def give_app(person: Person) -> Authenticator:
    """Give a person an authenticator app with SECRET."""
    return TOTP.activate(person, SECRET).instance


def code_of_app(*, later: int = 0, secret: str = SECRET) -> str:
    """Return what the app shows now, or some half minutes later."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + later))


def recorded(action: Action) -> list[tuple[int | None, dict[str, Any]]]:
    """List the lines of the record for an action: whose, and their detail."""
    lines = AuditEvent.objects.filter(action=action).order_by("pk")
    return list(lines.values_list("person_id", "detail"))
