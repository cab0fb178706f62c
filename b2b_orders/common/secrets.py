"""Secrets of connections: encrypted at rest with keys from the environment, never printed."""

from __future__ import annotations

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class SecretUnreadable(Exception):
    """The stored secret was written with a key that is no longer configured."""


def _fernet() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.PORTAL_ENCRYPTION_KEYS])


def encrypt(plain: str) -> bytes:
    """Encrypt with the newest key."""
    return _fernet().encrypt(plain.encode())


def decrypt(token: bytes) -> str:
    """Decrypt with whichever key wrote it; `SecretUnreadable` when none did."""
    try:
        return _fernet().decrypt(bytes(token)).decode()
    except InvalidToken as error:
        raise SecretUnreadable from error
