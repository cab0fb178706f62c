"""What the page says while a number is looked up at the sources, and afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from django.conf import settings
from django.utils.translation import gettext as _

from b2b_orders.ingest.queries import SourceState
from b2b_orders.portal import formats, words
from b2b_orders.portal.presenters.sources import source_names


class Asked(Protocol):
    """A look-up for one company, or several seen as one."""

    @property
    def state(self) -> str: ...
    @property
    def answers(self) -> Mapping[str, str]: ...
    @property
    def asked_at(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class LookupPage:
    """A look-up in words: waiting, or what each source answered."""

    is_waiting: bool
    is_failure: bool
    heading: str
    sentence: str
    answers: tuple[str, ...]
    again: str


def lookup_page(
    view: Asked, typed: str, states: tuple[SourceState, ...], *, now: datetime
) -> LookupPage:
    """Word a look-up that has not found an order (yet)."""
    number = {"number": typed}
    # A found one waits too: the page that shows the order is on its way.
    waiting = view.state in {"waiting", "found"}
    failed = view.state == "failed"
    if waiting:
        heading = _("Looking in the ERP…")
        sentence = _("Up to 8 s. You can go on using the page.")
    elif failed:
        heading = _('We could not look for "%(number)s" just now') % number
        sentence = _("A source did not answer: the order may exist and not have reached us yet.")
    else:
        heading = _('No source has "%(number)s"') % number
        sentence = _("We asked just now and every source that answered says it has no such order.")
    return LookupPage(
        is_waiting=waiting,
        is_failure=failed,
        heading=heading,
        sentence=sentence,
        answers=() if waiting else _answers(view, states),
        again="" if waiting else _again(view.asked_at, now),
    )


def _answers(view: Asked, states: tuple[SourceState, ...]) -> tuple[str, ...]:
    names = source_names(states)
    return tuple(
        f"{names.get(connection, connection)}: {words.text(words.ANSWER, answer)}"
        for connection, answer in sorted(view.answers.items())
    )


def _again(asked_at: datetime, now: datetime) -> str:
    """Say when the same number can be looked up again; nothing when it can be now."""
    free_at = asked_at + timedelta(seconds=settings.PORTAL_LOOKUP_SECONDS)
    if free_at <= now:
        return ""
    seconds = max(1, round((free_at - now).total_seconds()))
    return _("Asked at %(time)s. You can ask again in %(seconds)s s.") % {
        "time": formats.clock(asked_at),
        "seconds": seconds,
    }
