"""How far and how often a connection is read: the part of its settings that is ingest's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from erp_bridge.errors import ConfigError

# Under this key they sit in `Connection.settings`, beside what the kind's Config takes.
KEY = "reading"


@dataclass(frozen=True, slots=True)
class Options:
    """What an operator may change with `add_connection --setting name=value`."""

    # How many years of an ERP's history are listed; VTEX keeps two.
    backfill_years: int = 7
    # Days of an ERP's periods that later passes read again.
    overlap_days: int = 7
    # How old a web order may be to be looked for in the ERP, at first and in every pass.
    link_days: int = 730
    link_fresh_days: int = 3
    # Orders placed within so many days, or still open, are read whole in the first pass.
    detail_days: int = 120
    # How many older ones each regular pass reads whole until none is left.
    details_per_pass: int = 300
    # Requests at once; 0 is what the connector declares.
    requests_at_once: int = 0
    # How many requests a second we allow ourselves in all; 0 is what the kind recommends.
    requests_per_second: int = 0
    # How much of that the reading of history may use.
    backfill_percent: int = 50
    # How many days of a VTEX account's lists are compared with our rows every night.
    reconcile_days: int = 90
    # 1 lets a VTEX account call us at every change, beside its feed.
    hook: int = 0
    # 1 lets people prove their address by a code that VTEX ID mails, as at the shop.
    sign_in: int = 0
    # 1 takes an invoice to a branch that we do not know for the company's, by the CNPJ's root.
    accept_branches: int = 0
    # Files of orders placed within so many days are read by a worker before anybody asks for
    # them, where they say something of the order; 0 reads none.
    read_ahead_days: int = 90

    @classmethod
    def of(cls, settings: Mapping[str, object]) -> Options:
        """Read them from a connection's settings."""
        stored = settings.get(KEY, {})
        return cls(**stored) if isinstance(stored, dict) else cls()


_LIMITS = {
    "backfill_years": (0, 30),
    "overlap_days": (1, 90),
    "link_days": (1, 3660),
    "link_fresh_days": (1, 90),
    "detail_days": (1, 3660),
    "details_per_pass": (0, 100_000),
    "requests_at_once": (0, 16),
    "requests_per_second": (0, 100_000),
    "backfill_percent": (1, 100),
    "reconcile_days": (0, 730),
    "hook": (0, 1),
    "sign_in": (0, 1),
    "accept_branches": (0, 1),
    "read_ahead_days": (0, 3660),
}
NAMES = frozenset(field.name for field in fields(Options))


def split(settings: Mapping[str, object]) -> tuple[dict[str, object], dict[str, int]]:
    """Part the kind's own settings from ours, checked; `ConfigError` names the wrong one."""
    own: dict[str, object] = {}
    ours: dict[str, int] = {}
    for name, value in settings.items():
        if name == KEY:
            continue
        if name in NAMES:
            ours[name] = _number(name, value)
        else:
            own[name] = value
    return own, ours


def _number(name: str, value: object) -> int:
    low, high = _LIMITS[name]
    text = str(value).strip()
    if isinstance(value, bool) or not text.isascii() or not text.isdigit():
        raise ConfigError(name, "must be a whole number")
    if not low <= (number := int(text)) <= high:
        raise ConfigError(name, f"must be from {low} to {high}")
    return number
