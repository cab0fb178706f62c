"""What merging works on: records with where they come from, and what two sides disagree on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Literal

from erp_bridge.records import Fulfilment, OrderRecord, System


@dataclass(frozen=True, slots=True)
class MergeInput:
    """A record, the connection it came from, and when that last confirmed it."""

    connection: str
    system: System
    record: OrderRecord
    read_at: datetime


@dataclass(frozen=True, slots=True)
class Rule:
    """Which kind of source rules some fields that belong together, and why."""

    fields: tuple[str, ...]
    ruler: Literal["erp", "vtex", "both"]
    reason: str


@dataclass(frozen=True, slots=True)
class Side:
    """What one connection says of a field on which sources disagree."""

    connection: str
    system: System
    value: str
    as_of: datetime
    rules: bool


@dataclass(frozen=True, slots=True)
class Divergence:
    """A field on which sources disagree, with each one's word."""

    field: str
    values: tuple[Side, ...]


ENDED = frozenset({Fulfilment.CANCELLED, Fulfilment.REPLACED})
# How far the goods are, for "least advanced" and "further". What is not here is no stage.
_STAGES = (
    Fulfilment.PLACED,
    Fulfilment.CANCEL_REQUESTED,
    Fulfilment.AWAITING_APPROVAL,
    Fulfilment.AWAITING_PAYMENT,
    Fulfilment.AWAITING_ERP,
    Fulfilment.COMMERCIAL_REVIEW,
    Fulfilment.CREDIT_REVIEW,
    Fulfilment.PICKING,
    Fulfilment.PARTLY_INVOICED,
    Fulfilment.INVOICED,
    Fulfilment.SHIPPED,
    Fulfilment.DELIVERED,
)
STAGE = MappingProxyType({stage: at for at, stage in enumerate(_STAGES)})


def active(inputs: Sequence[MergeInput]) -> list[MergeInput]:
    """Leave out what was cancelled or replaced, unless all of it was."""
    return [i for i in inputs if i.record.fulfilment not in ENDED] or list(inputs)


def side(connection: str, inputs: Sequence[MergeInput], value: str, *, rules: bool) -> Side:
    """Build one side of a divergence, as old as the oldest record it rests on."""
    own = [i for i in inputs if i.connection == connection]
    as_of = min(i.read_at for i in own)
    return Side(connection, own[0].system, str(value), as_of, rules)
