"""The freshness line: how old each source's data is, always in the same words and place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.utils.translation import gettext as _

from b2b_orders.ingest.queries import SourceState
from b2b_orders.orders.queries import SourceAsOf
from b2b_orders.portal import formats, words


@dataclass(frozen=True, slots=True)
class SourceLine:
    """One source: its name, a sentence, and the moment behind it for machines and hover."""

    name: str
    text: str
    state: str
    icon: str
    iso: str = ""
    title: str = ""


def source_lines(states: Iterable[SourceState], *, now: datetime) -> tuple[SourceLine, ...]:
    """Word the state of every source."""
    known = sorted(states, key=lambda state: (state.system != "vtex", state.label))
    counts = Counter(state.system for state in known)
    return tuple(_line(state, now, alone=counts[state.system] == 1) for state in known)


def order_states(
    sources: Iterable[SourceAsOf], states: Iterable[SourceState]
) -> tuple[SourceState, ...]:
    """Keep the sources that know one order, each as of when it last told us of it."""
    as_of = {source.connection: source.as_of for source in sources}
    return tuple(
        replace(state, as_of=as_of[state.connection])
        for state in states
        if state.connection in as_of
    )


def down_sources(states: Iterable[SourceState]) -> tuple[SourceState, ...]:
    """Pick the sources that do not answer."""
    return tuple(state for state in states if state.state == "down")


def is_old(states: Iterable[SourceState], *, now: datetime) -> bool:
    """Say whether a source that answers was last asked so long ago that it is asked again."""
    fresh_for = timedelta(seconds=settings.PORTAL_FRESH_SECONDS)
    return any(
        state.state == "ok" and state.as_of is not None and now - state.as_of > fresh_for
        for state in states
    )


def source_name(state: SourceState, *, alone: bool = True) -> str:
    """Name a source: "Website" and "ERP" where there is one of each, else its label."""
    if alone or not state.label:
        return words.text(words.SYSTEM, state.system)
    return state.label


def source_names(states: Iterable[SourceState]) -> dict[str, str]:
    """Name sources by their connections, each as the freshness line calls it."""
    known = tuple(states)
    counts = Counter(state.system for state in known)
    return {
        state.connection: source_name(state, alone=counts[state.system] == 1) for state in known
    }


def stale_sentence(state: SourceState, now: datetime, *, alone: bool = True) -> str:
    """Say that a source does not answer, since when, and how old the data is."""
    name = source_name(state, alone=alone)
    since = formats.moment(state.down_since, now)
    if state.as_of is None:
        return _("%(source)s not answering since %(since)s.") % {"source": name, "since": since}
    return _("%(source)s not answering since %(since)s. Showing data as of %(as_of)s.") % {
        "source": name,
        "since": since,
        "as_of": formats.moment(state.as_of, now),
    }


def _line(state: SourceState, now: datetime, *, alone: bool) -> SourceLine:
    name = source_name(state, alone=alone)
    if state.state == "down":
        name, text, icon = "", stale_sentence(state, now, alone=alone), "alert"
    elif state.as_of is None:
        text, icon = _("not read yet"), "dots"
    else:
        text, icon = formats.moment(state.as_of, now), "check"
    return SourceLine(
        name=name,
        text=text,
        state=state.state,
        icon=icon,
        iso=formats.iso(state.as_of),
        title=formats.full_moment(state.as_of),
    )
