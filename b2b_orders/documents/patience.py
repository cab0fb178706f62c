"""How long the sources are waited for when many files are taken at once."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from b2b_orders.companies.access import Viewer
from b2b_orders.documents.services import PaidForSource
from erp_bridge.connector import Call, DocumentStream, Purpose
from erp_bridge.errors import Unreachable
from erp_bridge.records import DocumentRecord


@dataclass(frozen=True, slots=True)
class PatientSource:
    """Asks another source until a moment, and no more than so long for one file.

    Without patience left it says at once what a source says that does not answer: what we
    hold is still handed out, marked as not checked.
    """

    source: PaidForSource
    seconds_each: float
    purpose: Purpose = Purpose.INTERACTIVE
    until: float = field(default=float("inf"))

    @classmethod
    def within(cls, source: PaidForSource, *, seconds: float, each: float) -> PatientSource:
        """Build one whose patience ends so many seconds from now."""
        return cls(source, each, until=time.monotonic() + seconds)

    @property
    def is_over(self) -> bool:
        """Say whether no source will be asked any more."""
        return time.monotonic() >= self.until

    @contextmanager
    def open(
        self, connection: str, company_id: int, external_id: str, document_key: str, call: Call
    ) -> Iterator[DocumentStream]:
        """Open one file, within what is left."""
        now = time.monotonic()
        if now >= self.until:
            raise Unreachable("there is no time left", source=connection, operation="file")
        deadline = min(call.deadline, self.until, now + self.seconds_each)
        shortened = replace(call, deadline=deadline, purpose=self.purpose)
        with self.source.open(
            connection, company_id, external_id, document_key, shortened
        ) as stream:
            yield stream

    def accepts_branches(self, connection: str) -> bool:
        """Say what the other source says of branches: that is our own setting."""
        return self.source.accepts_branches(connection)

    def listed(
        self, connection: str, company_id: int, external_id: str, call: Call
    ) -> list[DocumentRecord]:
        """List the files of one order, within what is left."""
        now = time.monotonic()
        if now >= self.until:
            raise Unreachable("there is no time left", source=connection, operation="documents")
        deadline = min(call.deadline, self.until, now + self.seconds_each)
        shortened = replace(call, deadline=deadline, purpose=self.purpose)
        return self.source.listed(connection, company_id, external_id, shortened)

    def note_change(self, viewer: Viewer, order_public_id: uuid.UUID, now: datetime) -> None:
        """Pass on that the order is to be read again."""
        self.source.note_change(viewer, order_public_id, now)
