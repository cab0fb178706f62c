"""What a source's word for a status means when records are merged.

The connector's own map comes with the record; operations' rules, read once a batch, stand
above it. A word that neither knows goes on a list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from b2b_orders.orders.models import StatusRule, UnmappedStatus
from erp_bridge.records import Billing, Fulfilment, OrderRecord, Payment

_MAX_WORD = 100
# A word on the list learns that it is still in use no more often than this.
_REFRESH = timedelta(hours=1)


def key_of(raw: str) -> str:
    """Write a status as it is compared: without case, and blanks at its ends or doubled."""
    return " ".join(raw.split()).lower()[:_MAX_WORD]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a rule says a word means; None leaves it to the connector."""

    fulfilment: Fulfilment | None = None
    billing: Billing | None = None
    payment: Payment | None = None

    def applied_to(self, record: OrderRecord) -> OrderRecord:
        """Give a record the states that its status means."""
        return replace(
            record,
            fulfilment=self.fulfilment or record.fulfilment,
            invoicing=self.billing or record.invoicing,
            payment=self.payment or record.payment,
        )


@dataclass(frozen=True, slots=True)
class Word:
    """A status of a connection as written, with an order that carries it."""

    connection: str
    raw: str
    external_id: str

    @property
    def name(self) -> tuple[str, str]:
        """Say by what it is known."""
        return self.connection, key_of(self.raw)


class Rules:
    """The rules of some connections."""

    def __init__(self, meanings: Mapping[tuple[str, str], Meaning]) -> None:
        self._meanings = meanings

    @classmethod
    def load(cls, connections: Iterable[str]) -> Rules:
        """Read the rules of some connections. One SQL statement."""
        rows = StatusRule.objects.filter(connection__in=sorted(set(connections)))
        return cls(
            {
                (connection, key): Meaning(
                    Fulfilment(fulfilment) if fulfilment else None,
                    Billing(billing) if billing else None,
                    Payment(payment) if payment else None,
                )
                for connection, key, fulfilment, billing, payment in rows.values_list(
                    "connection", "key", "fulfilment", "billing", "payment"
                )
            }
        )

    def find(self, connection: str, raw: str) -> Meaning | None:
        """Find the rule for a word."""
        return self._meanings.get((connection, key_of(raw))) if self._meanings and raw else None

    def read(self, connection: str, record: OrderRecord) -> OrderRecord:
        """Return a record as the rules read it."""
        meaning = self.find(connection, record.status_raw)
        return meaning.applied_to(record) if meaning else record


def note_unmapped(words: Iterable[Word], now: datetime) -> None:
    """Put words that nobody knows on the list.

    Costs nothing where all is known; one SQL statement where the words are listed already.
    No row is locked for a word that was noted lately, so workers do not wait for each other.
    """
    wanted = {word.name: word for word in words if key_of(word.raw)}
    if not wanted:
        return
    known = {
        (connection, key): (pk, last_at)
        for pk, connection, key, last_at in UnmappedStatus.objects.filter(
            connection__in={connection for connection, _ in wanted},
            key__in={key for _, key in wanted},
        ).values_list("id", "connection", "key", "last_at")
    }
    UnmappedStatus.objects.bulk_create(
        [
            UnmappedStatus(
                connection=word.connection,
                raw=" ".join(word.raw.split())[:_MAX_WORD],
                key=name[1],
                external_id=word.external_id,
                first_at=now,
                last_at=now,
            )
            for name, word in sorted(wanted.items())
            if name not in known
        ],
        ignore_conflicts=True,
    )
    for name in sorted(known.keys() & wanted.keys()):
        pk, last_at = known[name]
        if last_at < now - _REFRESH:
            _refresh(pk, wanted[name], now)


def _refresh(pk: int, word: Word, now: datetime) -> None:
    stale = UnmappedStatus.objects.select_for_update(skip_locked=True).filter(pk=pk)
    for row in stale:
        row.last_at, row.external_id = now, word.external_id
        row.save(update_fields=("last_at", "external_id"))
