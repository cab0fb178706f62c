"""Keyset paging: a page starts after a row, never at an offset."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar

from b2b_orders.common.errors import InvalidInput

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of the page before: its moment and its id."""

    at: datetime
    pk: int

    def encode(self) -> str:
        """Write it for an address."""
        raw = f"{self.at.isoformat()}|{self.pk}".encode()
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> Cursor:
        """Read it back; `InvalidInput` when it is not one of ours."""
        try:
            raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
            at, pk = raw.split("|")
            moment = datetime.fromisoformat(at)
            # At the ends of the calendar another time zone may have no such moment.
            cursor = cls(moment.astimezone(UTC), int(pk))
        except (ValueError, OverflowError, binascii.Error) as error:
            raise InvalidInput("after", "not a page") from error
        if moment.tzinfo is None:
            raise InvalidInput("after", "not a page")
        return cursor


@dataclass(frozen=True, slots=True)
class PageOf(Generic[Row]):
    """Some rows, and the cursors of the next page and of the one before, or None."""

    rows: tuple[Row, ...]
    next: str | None = None
    previous: str | None = None
