"""How allauth's second factors behave here."""

from __future__ import annotations

import hashlib
import struct
from typing import Any, Final

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.adapter import get_adapter as get_mfa_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from b2b_orders.common import secrets

# An app's code is good in its own half minute and in the one before and after it.
_GOOD_FOR: Final = 90


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc] # allauth has no types
    """Secrets are encrypted at rest, and named after the seller."""

    def encrypt(self, text: str) -> str:
        """Encrypt what codes are made from, with the keys that sources' secrets have."""
        return secrets.encrypt(text).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Read it back."""
        return secrets.decrypt(encrypted_text.encode())

    def get_totp_issuer(self) -> str:
        """Name the portal in the app as the seller's."""
        return settings.PORTAL_SELLER_NAME

    def _get_site_name(self) -> str:
        return settings.PORTAL_SELLER_NAME

    def generate_authenticator_name(self, user: AbstractBaseUser, type: str) -> str:  # noqa: A002 theirs
        """Give a passkey a number for a name, where its person gives it none."""
        count = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return _("Passkey %(number)s") % {"number": count + 1}


def _take(user: AbstractBaseUser, code: str) -> None:
    """Let a code work once: whoever read it over a shoulder comes too late."""
    plain = "".join(character for character in code if character.isalnum())
    key = hashlib.sha256(f"{user.pk}:{plain}".encode()).hexdigest()
    if not cache.add(f"second-factor-used:{key}", 1, timeout=_GOOD_FOR):
        raise get_mfa_adapter().validation_error("incorrect_code")


class _Recording:
    """Has a wrong code stand in the audit record, as a wrong password does."""

    user: AbstractBaseUser

    def clean_code(self) -> str:
        adapter = get_account_adapter()
        try:
            code: str = super().clean_code()  # type: ignore[misc] # of the form it is mixed into
            _take(self.user, code)
        except ValidationError:
            adapter.second_factor_failed(self.user)
            raise
        return code


class CodeForm(_Recording, AuthenticateForm):  # type: ignore[misc] # allauth has no types
    """A code of the app, or a recovery code, after the password."""


class CodeAgainForm(_Recording, ReauthenticateForm):  # type: ignore[misc] # allauth has no types
    """The same, of somebody who is logged in."""


class ActivateAppForm(ActivateTOTPForm):  # type: ignore[misc] # allauth has no types
    """The first code of an app that is being set up; it cannot log in afterwards."""

    def clean_code(self) -> str:
        """Check the code, and let it work once."""
        code: str = super().clean_code()
        _take(self.user, code)
        return code


# What reading a made-up answer of a device fails with, beside "wrong".
_MADE_UP: Final = (KeyError, AttributeError, IndexError, TypeError, ValueError, struct.error)


class _Guarded:
    """Refuses an answer that no device would give, as it refuses a wrong one."""

    user: AbstractBaseUser | None

    def clean_credential(self) -> Authenticator:
        adapter = get_account_adapter()
        try:
            found: Authenticator = super().clean_credential()  # type: ignore[misc] # of the form
        except ValidationError:
            if self.user:
                adapter.second_factor_failed(self.user)
            raise
        except _MADE_UP as error:
            raise get_mfa_adapter().validation_error("incorrect_code") from error
        return found


class PasskeyLoginForm(_Guarded, LoginWebAuthnForm):  # type: ignore[misc] # allauth has no types
    """A passkey alone."""


class PasskeyForm(_Guarded, AuthenticateWebAuthnForm):  # type: ignore[misc] # allauth has no types
    """A passkey after the password."""


class PasskeyAgainForm(_Guarded, ReauthenticateWebAuthnForm):  # type: ignore[misc] # allauth has no types
    """A passkey of somebody who is logged in."""


class AddPasskeyForm(AddWebAuthnForm):  # type: ignore[misc] # allauth has no types
    """A key that asks for finger, face or PIN; others are refused."""

    def clean(self) -> dict[str, Any]:
        """Ask for proof that the device itself asked for its owner."""
        self.cleaned_data["passwordless"] = True
        try:
            checked: dict[str, Any] = super().clean()
        except _MADE_UP as error:
            raise get_mfa_adapter().validation_error("incorrect_code") from error
        return checked
