"""What a page says of an errand: asked, being done, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _

from b2b_orders.ingest.errands import ErrandView
from b2b_orders.portal import formats, words
from b2b_orders.portal import words_operations as operations
from b2b_orders.portal.presenters.operations import Moment, connection_name, moment

# Workers take an errand up within a second; after this somebody should look why not.
_SLOW = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class Notice:
    """An errand in words; a waiting one is asked for again by the page."""

    is_waiting: bool
    tone: str
    icon: str
    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class ErrandItem:
    """An errand as a line of the list of the latest."""

    what: str
    about: str
    reason: str
    at: Moment
    state: words.Chip
    outcome: str


def notice(errand: ErrandView, *, now: datetime) -> Notice:
    """Word an errand for the page that asked for it."""
    heading = words.text(operations.ERRAND, errand.kind)
    if errand.state == "waiting":
        return Notice(
            is_waiting=True, tone="info", icon="clock", heading=heading, text=_waiting(errand, now)
        )
    done = errand.state == "done"
    tone, icon = ("good", "check") if done else ("bad", "alert")
    return Notice(
        is_waiting=False,
        tone=tone,
        icon=icon,
        heading=heading,
        text=outcome_words(errand.outcome, now),
    )


def _waiting(errand: ErrandView, now: datetime) -> str:
    passed = now - errand.asked_at
    ago = formats.duration(passed.total_seconds())
    if errand.outcome:
        return _("Asked %(ago)s ago; orders changed so far: %(count)s.") % {
            "ago": ago,
            "count": formats.count(int(errand.outcome.get("count", 0))),
        }
    if errand.started_at is not None:
        return _("Asked %(ago)s ago; a worker is at it.") % {"ago": ago}
    if passed < _SLOW:
        return _("Asked just now; a worker takes it up.")
    return _("Asked %(ago)s ago; no worker has taken it up. See that workers run.") % {"ago": ago}


def outcome_words(outcome: Mapping[str, Any], now: datetime) -> str:
    """Word what came of an errand."""
    code = str(outcome.get("code", ""))
    pattern = words.text(operations.OUTCOME, code)
    values = {name: _value(value, name, now) for name, value in outcome.items()}
    for name in ("text", "count", "until", "company", "tax_id", "name"):
        values.setdefault(name, "")
    return pattern % values if code in operations.OUTCOME else pattern


def _value(value: Any, name: str, now: datetime) -> str:
    if name == "until":
        return formats.moment(datetime.fromisoformat(str(value)), now)
    if name == "tax_id":
        return formats.tax_id(str(value))
    return formats.count(value) if isinstance(value, int) else str(value)


def errand_items(
    rows: Iterable[ErrandView], labels: Mapping[str, str], *, now: datetime
) -> tuple[ErrandItem, ...]:
    """Present the latest errands."""
    return tuple(
        ErrandItem(
            what=words.text(operations.ERRAND, row.kind),
            about=_about(row.params, labels),
            reason=row.reason,
            at=moment(row.asked_at, now),
            state=_state(row),
            outcome="" if row.state == "waiting" else outcome_words(row.outcome, now),
        )
        for row in rows
    )


def _state(row: ErrandView) -> words.Chip:
    if row.state == "waiting":
        return words.Chip(_("Waiting"), "plain", "clock")
    if row.state == "done":
        return words.Chip(_("Done"), "good", "check")
    return words.Chip(_("Not done"), "bad", "alert")


_ABOUT = (
    *("connection", "subscription", "raw", "name"),
    *("connection_a", "external_a", "connection_b", "external_b"),
)


def _about(params: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """Name what an errand is about by what operations know it by."""
    named = [
        connection_name(str(params.get(name) or ""), labels).whole
        if name.startswith("connection")
        else params.get(name)
        for name in _ABOUT
    ]
    if "tax_id" in params:
        named.append(formats.tax_id(str(params["tax_id"])))
    return " ".join(str(each) for each in named if each)
