"""Errors that a person can act on, each with a stable code. Wording lives in the pages."""

from __future__ import annotations

from typing import ClassVar


class ProductError(Exception):
    """Something anticipated: not a fault of ours, and not logged as one."""

    code: ClassVar[str] = "product"


class NotVisible(ProductError):
    """It does not exist, or is not this viewer's: one answer for both."""

    code = "not-visible"


class NotAllowed(ProductError):
    """The viewer may know of it and may not do this."""

    code = "not-allowed"


class InvalidInput(ProductError):
    """What a person typed cannot be used; `field` says where, `message` what to do."""

    code = "invalid-input"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class Conflict(ProductError):
    """Somebody or something else holds what was asked for."""

    code = "conflict"
