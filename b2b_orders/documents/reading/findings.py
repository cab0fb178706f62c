"""What reading a file found: its facts, the verdict on it, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

from b2b_orders.documents.reading.formats import Format

ActiveContent = Literal["refuse", "warn"]


class Word(StrEnum):
    """A verdict. What is done with a file follows from it and from settings."""

    SERVE = "serve"
    WARN = "warn"
    REFUSE = "refuse"
    # Another branch of the same company: a setting of the connection decides.
    POLICY = "policy"
    EVENT_CANCELS = "event_cancels"
    EVENT_INFO = "event_info"
    # A PDF that acts: a setting decides.
    REFUSE_OR_SANITISE = "refuse_or_sanitise"
    SERVE_AFTER_DECODING = "serve_after_decoding_or_refuse"


@dataclass(frozen=True, slots=True)
class Instalment:
    """What an invoice announced to be paid: what its bank slip is compared with."""

    number: str
    due_on: date | None
    amount: Decimal | None
    invoice_number: str = ""


@dataclass(frozen=True, slots=True)
class Context:
    """What a file is judged against. With None as `tax_ids` nobody asks whose it is."""

    tax_ids: frozenset[str] | None = None
    # Keys of notes that an event which we hold has cancelled.
    cancelled_keys: frozenset[str] = frozenset()
    instalments: tuple[Instalment, ...] = ()
    # The day from which a due factor is read, where the paper states no date itself.
    reference: date | None = None
    # What its kind makes one expect; "" for anything.
    expected: Literal["", "pdf", "xml"] = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a file is and says, the verdict, and the reasons as codes.

    `signature` is "" for what cannot be signed. `decoded` is the file itself when it came as
    base64 text. `remark` says the reason in words where a code is not enough.
    """

    format: Format
    word: Word
    reasons: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    signature: str = ""
    key_ok: bool | None = None
    emitter_matches_key: bool | None = None
    remark: str = ""
    decoded: bytes | None = None


def action_of(
    word: Word,
    *,
    has_reasons: bool = False,
    same_root_allowed: bool = False,
    active_content: ActiveContent = "refuse",
) -> str:
    """Say what is done with a file of a verdict: serve, serve_with_warning or refuse."""
    match word:
        case Word.REFUSE:
            return "refuse"
        case Word.POLICY:
            if not same_root_allowed:
                return "refuse"
        case Word.REFUSE_OR_SANITISE:
            if active_content == "refuse":
                return "refuse"
        case Word.WARN:
            pass
        case _:
            return "serve_with_warning" if has_reasons and word is Word.SERVE else "serve"
    return "serve_with_warning"
