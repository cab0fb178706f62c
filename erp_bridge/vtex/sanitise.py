"""What of a VTEX order must never be stored: cards, the seller's costs, and mails."""

from __future__ import annotations

import re
from typing import Any

_NAMES = frozenset(
    {
        # cards and what payment providers say of them
        "cardholder", "cardnumber", "firstdigits", "lastdigits", "cvv", "cvv2", "expiremonth",
        "expireyear", "connectorresponses", "accountid", "parentaccountid", "redemptioncode",
        "giftcards", "giftcardid", "giftcarddata", "koinurl",
        # the seller's own figures
        "costprice", "rewardvalue",
        # mails
        "lastmessage", "lastmessageunread", "conversation", "messages", "cancelledby", "canceledby",
    }
)  # fmt: skip
_PARTS = ("cvv", "cardnumber", "cardholder", "commission", "comiss", "costprice", "email")
_decided: dict[str, bool] = {}


def _is_dropped(name: str) -> bool:
    known = _decided.get(name)
    if known is None:
        plain = re.sub(r"[^a-z0-9]", "", name.lower())
        known = plain in _NAMES or any(part in plain for part in _PARTS)
        if len(_decided) < 10_000:  # names come from outside
            _decided[name] = known
    return known


def sanitise(payload: Any) -> Any:
    """Copy a payload without what must never be stored."""
    if isinstance(payload, dict):
        return {k: sanitise(v) for k, v in payload.items() if not _is_dropped(k)}
    if isinstance(payload, list):
        return [sanitise(value) for value in payload]
    return payload
