"""What somebody signs in with beside a password: authenticator app, passkeys, recovery codes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from allauth.account.authentication import (
    AUTHENTICATION_METHODS_SESSION_KEY,
    get_authentication_records,
)
from allauth.mfa.models import Authenticator
from django.http import HttpRequest

DONE: Final = "second_factor"
# Whose, and for which company alone: its own provider vouched for it.
_VOUCHED: Final = "second_factor_vouched"
TOTP, PASSKEY, CODES = (
    Authenticator.Type.TOTP,
    Authenticator.Type.WEBAUTHN,
    Authenticator.Type.RECOVERY_CODES,
)


@dataclass(frozen=True, slots=True)
class Passkey:
    """A key kept by a device, opened by finger, face or PIN."""

    id: int
    name: str
    added_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Factors:
    """What a person has. `codes_left` is None when there are no recovery codes."""

    app_since: datetime | None
    passkeys: tuple[Passkey, ...]
    codes_left: int | None

    @property
    def has_one(self) -> bool:
        """Say whether there is a second factor."""
        return self.app_since is not None or bool(self.passkeys)


def read_factors(*, person_id: int) -> Factors:
    """Read what a person has set up."""
    rows = list(Authenticator.objects.filter(user_id=person_id).order_by("created_at", "pk"))
    app = next((row for row in rows if row.type == TOTP), None)
    codes = next((row for row in rows if row.type == CODES), None)
    return Factors(
        app_since=app.created_at if app else None,
        passkeys=tuple(
            Passkey(row.pk, row.wrap().name, row.created_at, row.last_used_at)
            for row in rows
            if row.type == PASSKEY
        ),
        codes_left=len(codes.wrap().get_unused_codes()) if codes else None,
    )


def second_factor_done(request: HttpRequest) -> bool:
    """Say whether this log-in was made with two factors, or a passkey, which counts as two.

    Whoever signs people in by another way that vouches for two calls `note_second_factor`, or
    `note_vouched_factor` when its word counts for one company.
    """
    if request.session.get(DONE) == request.user.pk:
        return True
    records = get_authentication_records(request, request.user)
    return any(each.get("method") == "mfa" for each in records)


def note_second_factor(request: HttpRequest, *, person_id: int) -> None:
    """Note that this log-in has its second factor: just set up here, or vouched for."""
    request.session[DONE] = person_id


def note_vouched_factor(request: HttpRequest, *, person_id: int, company_id: int) -> None:
    """Note that a company's own provider vouches for two factors: for itself, not for others."""
    request.session[_VOUCHED] = [person_id, company_id]


def vouched_company(request: HttpRequest) -> int | None:
    """Return the company whose provider vouched for the second factor of this log-in."""
    person_id, company_id = request.session.get(_VOUCHED) or (None, None)
    return company_id if person_id == request.user.pk else None


def forget_second_factor(request: HttpRequest) -> None:
    """Have this log-in count as made with one factor, now that the last second one is gone."""
    request.session.pop(DONE, None)
    records = get_authentication_records(request, request.user)
    kept = [each for each in records if each.get("method") != "mfa"]
    request.session[AUTHENTICATION_METHODS_SESSION_KEY] = kept


def remove_factors(*, person_id: int) -> int:
    """Remove all that a person has beside the password; return how many of them."""
    count: int = Authenticator.objects.filter(user_id=person_id).delete()[0]
    return count


def methods_of(request: HttpRequest) -> list[str]:
    """List how this log-in was made, for the record: `password`, `mfa:totp`, ..."""
    return [
        ":".join(str(each[key]) for key in ("method", "type", "provider") if each.get(key))
        for each in get_authentication_records(request, request.user)
    ]
