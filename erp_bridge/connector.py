"""What a connector to an ERP is: a small, synchronous, read-only Protocol.

A connector translates. What protects a call (deadline, retries, breaker, ownership
and shape checks) is `erp_bridge.runner`'s, written once. Every method that could
return an order takes the company it is asked for: there is no way to ask for an
order without saying whose.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar, Literal, Protocol

from erp_bridge.records import DocumentKind, DocumentRecord, NumberKind, Reading

INTERFACE = 1  # raised only on an incompatible change


class Purpose(StrEnum):
    """Why a call is made: a person waits, a regular pass, or history."""

    INTERACTIVE = "interactive"
    SYNC = "sync"
    BACKFILL = "backfill"


@dataclass(frozen=True, slots=True)
class Call:
    """The frame of one operation: until when (monotonic seconds) and why."""

    deadline: float
    purpose: Purpose = Purpose.SYNC
    correlation: str = ""

    @classmethod
    def within(cls, seconds: float, purpose: Purpose = Purpose.SYNC, correlation: str = "") -> Call:
        """Build a call that may take so many seconds from now."""
        return cls(time.monotonic() + seconds, purpose, correlation)

    @property
    def seconds_left(self) -> float:
        """Seconds until the deadline, never negative."""
        return max(0.0, self.deadline - time.monotonic())


@dataclass(frozen=True, slots=True)
class CompanyRef:
    """A buying company as a source must know it to answer for it.

    `tax_ids` are normalised; `customer_ids` are the company's ids in this very source.
    """

    key: str
    tax_ids: tuple[str, ...] = ()
    customer_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Declares:
    """What a connection can do; honest, because pages hide what is not claimed."""

    find: frozenset[NumberKind] = frozenset()
    find_scans: frozenset[NumberKind] = frozenset()
    changed: Literal["none", "day", "second"] = "none"
    period: bool = False
    documents: frozenset[DocumentKind] = frozenset()
    max_window_days: int | None = None
    overlap_days: int = 7
    concurrency: int = 2
    time_zone: str = "America/Sao_Paulo"
    notes: tuple[str, ...] = ()
    # It can list the companies that buy, see `ListsCompanies`.
    companies: bool = False


@dataclass(frozen=True, slots=True)
class Health:
    """The answer to "does this connection work": whose account, or what is wrong.

    `clock_ahead` is by how many seconds the source's clock is ahead of ours, negative when
    it is behind, None when it does not tell.
    """

    ok: bool
    account: str = ""
    version: str = ""
    problem: str = ""
    abilities: tuple[str, ...] = ()
    clock_ahead: float | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some readings, and where to go on; `caught_up` when there is nothing after them.

    `as_of` is what the source's own clock said when it answered, where it tells.
    """

    readings: tuple[Reading, ...]
    cursor: str = ""
    caught_up: bool = True
    problems: tuple[str, ...] = field(default_factory=tuple)
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class DocumentStream:
    """The bytes of a document as they come. `size` is what the source announced."""

    chunks: Iterator[bytes]
    content_type: str = ""
    size: int | None = None


@dataclass(frozen=True, slots=True)
class KnownCompany:
    """A buying company as a source lists it: proposed to people, never taken over unseen."""

    name: str
    tax_ids: tuple[str, ...] = ()
    customer_ids: tuple[str, ...] = ()


class ListsCompanies(Protocol):
    """What a connector has beside `Connector` when it declares `companies`."""

    def companies(self, call: Call) -> Iterator[tuple[KnownCompany, ...]]:
        """List the companies that buy, page by page."""
        ...


class Connector(Protocol):
    """A connection to one ERP of one seller."""

    name: ClassVar[str]
    interface: ClassVar[int]

    def declares(self) -> Declares:
        """Say what this connection can do, without asking the source."""
        ...

    def health(self, call: Call) -> Health:
        """Reach the source without side effects and say whose account answered."""
        ...

    def find(self, company: CompanyRef, kind: NumberKind, value: str, call: Call) -> list[Reading]:
        """Find the company's orders by a number; empty when there is none.

        Raises `Unsupported` for a kind that is not declared.
        """
        ...

    def period(self, company: CompanyRef, first: date, last: date, call: Call) -> Iterator[Page]:
        """List the company's orders placed from `first` to `last`, both included."""
        ...

    def changed(
        self, company: CompanyRef | None, cursor: str, since: datetime, call: Call
    ) -> Iterator[Page]:
        """List what changed since a moment, that moment included, oldest change first.

        Each page but the last carries a cursor from which another call, later and by
        another process, goes on; `since` is the same then. An order that changes meanwhile
        comes (again) on a later page. Without a company it is all customers of the account:
        each reading then names its `customer_id`. `Unsupported` if not declared, and when
        the source turns out not to have it.
        """
        ...

    def order(self, company: CompanyRef, external_id: str, call: Call) -> Reading:
        """Read one order whole, with its list of documents.

        Raises `NotFound`, also for another company's order; `WrongOwner` when the
        source hands out another company's order all the same.
        """
        ...

    def documents(self, company: CompanyRef, external_id: str, call: Call) -> list[DocumentRecord]:
        """List the files of one order; empty when the source has none."""
        ...

    def open_document(
        self, company: CompanyRef, external_id: str, document_key: str, call: Call
    ) -> AbstractContextManager[DocumentStream]:
        """Open one file of one order, looked up afresh so that an expired link is renewed."""
        ...

    def close(self) -> None:
        """Give back sockets."""
        ...
