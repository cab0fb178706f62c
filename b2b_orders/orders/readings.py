"""What a source record is after any number of readings, in whatever order they came.

A record keeps the newest full reading and, while it is newer than that, the newest row
of a list. Newer is by the source's own version, then by the moment of reading, then by
content: a total order, so repeated, late and shuffled readings end in the same record.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from b2b_orders.orders.records_json import Json, digest, from_json, to_json
from erp_bridge.records import (
    Billing,
    Detail,
    Fulfilment,
    InvoiceRecord,
    OrderRecord,
    Payment,
    Reading,
)

Outcome = Literal["new", "changed", "unchanged", "stale", "refused"]
_NEVER = datetime.min.replace(tzinfo=UTC)
_STATUS = ("fulfilment", "status_raw", "cancel_requested")
# What the same word says besides; a list's row need not repeat it.
_STATES: dict[str, object] = {"invoicing": Billing.UNKNOWN, "payment": Payment.UNKNOWN}
_UNITED = ("web_numbers", "erp_numbers", "customer_numbers", "events")


@dataclass(frozen=True, slots=True)
class Part:
    """One reading as a record keeps it; `payload` is empty for what is stored already."""

    version: datetime | None
    read_at: datetime
    digest: str
    facts: Json
    payload: bytes = b""

    @classmethod
    def of(cls, reading: Reading) -> Part:
        """Build the part a reading makes. The list of documents is kept elsewhere."""
        record = dataclasses.replace(reading.record, documents=None)
        facts = to_json(record)
        return cls(record.version, reading.read_at, digest(facts), facts, reading.payload)

    @property
    def moment(self) -> tuple[datetime, datetime]:
        """Say how new it is: by the source's version first."""
        return self.version or _NEVER, self.read_at

    @property
    def rank(self) -> tuple[tuple[datetime, datetime], str]:
        """Say how new it is, with the content as the last word between equals."""
        return self.moment, self.digest


@dataclass(frozen=True, slots=True)
class Known:
    """All that is kept of one order at one connection."""

    full: Part | None = None
    summary: Part | None = None

    def take(self, detail: Detail, part: Part) -> tuple[Known, Outcome]:
        """Add a reading; nothing older ever replaces anything newer."""
        if self.newest is None:
            return self._with(detail, part), "new"
        mine = self.full if detail is Detail.FULL else self.summary
        is_older = bool(mine and part.rank <= mine.rank)
        if detail is Detail.SUMMARY and self.full and part.moment <= self.full.moment:
            is_older = True
        if is_older:
            return self, "unchanged" if mine and part.digest == mine.digest else "stale"
        after = self._with(detail, part)
        return after, "unchanged" if after.facts() == self.facts() else "changed"

    def _with(self, detail: Detail, part: Part) -> Known:
        if detail is Detail.SUMMARY:
            return Known(self.full, part)
        keeps = self.summary and self.summary.moment > part.moment
        return Known(part, self.summary if keeps else None)

    @property
    def newest(self) -> Part | None:
        """Return the reading that the record's version and moment come from."""
        return self.summary or self.full

    @property
    def payload(self) -> bytes:
        """Return the source's answer worth keeping: the fullest; empty if stored already."""
        best = self.full or self.summary
        return best.payload if best else b""

    @property
    def owner_tax_id(self) -> str:
        """Return the tax id of whom the order is for."""
        customer: Json = self.facts().get("customer", {})
        tax_id: str = customer.get("tax_id", "")
        return tax_id[:20]

    @property
    def detail(self) -> Detail:
        """Say whether the details are in hand, and no list's row tells that they are old."""
        if self.full is None or (self.summary and self.facts() != self.full.facts):
            return Detail.SUMMARY
        return Detail.FULL

    def facts(self) -> Json:
        """Combine what is kept into the JSON of one record."""
        if self.full and self.summary:
            if self.summary.digest == self.full.digest:
                return self.full.facts
            return to_json(overlay(from_json(self.full.facts), from_json(self.summary.facts)))
        best = self.full or self.summary
        return best.facts if best else {}


def overlay(full: OrderRecord, summary: OrderRecord) -> OrderRecord:
    """Bring a record up to date with a newer row of a list, losing no detail.

    The row rules the state, adds numbers, invoices and events, and fills what is
    empty. It does not rule amounts: lists of the old contract leave parts of them out.
    """
    changes: dict[str, Any] = {
        name: tuple(dict.fromkeys((*getattr(full, name), *getattr(summary, name))))
        for name in _UNITED
    }
    if summary.status_raw or summary.fulfilment is not Fulfilment.UNMAPPED:
        changes |= {name: getattr(summary, name) for name in _STATUS}
        changes |= {
            name: getattr(summary, name)
            for name, unknown in _STATES.items()
            if getattr(summary, name) is not unknown or summary.status_raw != full.status_raw
        }
    changes["invoices"] = (*full.invoices, *_unknown(full.invoices, summary.invoices))
    changes["version"] = summary.version or full.version
    for name in _fillable():
        if getattr(full, name) in _EMPTY and getattr(summary, name) not in _EMPTY:
            changes[name] = getattr(summary, name)
    return dataclasses.replace(full, **changes)


_EMPTY: tuple[object, ...] = (None, "", ())


def _fillable() -> tuple[str, ...]:
    own = {"system", "external_id", "detail", "version", "documents", "invoices", "currency"}
    own |= {*_STATUS, *_STATES, *_UNITED}
    return tuple(f.name for f in dataclasses.fields(OrderRecord) if f.name not in own)


def _unknown(
    known: tuple[InvoiceRecord, ...], found: tuple[InvoiceRecord, ...]
) -> tuple[InvoiceRecord, ...]:
    numbers = {invoice.number for invoice in known}
    return tuple(invoice for invoice in found if invoice.number not in numbers)


# --- as columns of a row -----------------------------------------------------------------


def to_parts(known: Known) -> Json:
    """Write what a row needs beside its facts; nothing while there is one reading."""
    if not (known.full and known.summary):
        return {}
    full, summary = known.full, known.summary
    return {
        "full": {
            "version": full.version.isoformat() if full.version else None,
            "read_at": full.read_at.isoformat(),
            "facts": full.facts,
        },
        "summary": summary.facts,
    }


def from_row(
    *, version: datetime | None, read_at: datetime, content_hash: str, facts: Json, parts: Json
) -> Known:
    """Read back what `to_parts` and a row's columns say."""
    if parts:
        full = parts["full"]
        return Known(
            Part(
                datetime.fromisoformat(full["version"]) if full["version"] else None,
                datetime.fromisoformat(full["read_at"]),
                digest(full["facts"]),
                full["facts"],
            ),
            Part(version, read_at, digest(parts["summary"]), parts["summary"]),
        )
    part = Part(version, read_at, content_hash, facts)
    if facts.get("detail") == Detail.SUMMARY:
        return Known(summary=part)
    return Known(full=part)
