"""The help page: built from the very tables whose words the other pages show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils.translation import gettext as _

from b2b_orders.ingest.queries import SourceState
from b2b_orders.portal import formats, words, words_help
from b2b_orders.portal.presenters.sources import source_name, stale_sentence


@dataclass(frozen=True, slots=True)
class StateItem:
    """A state with its chip, and what it means."""

    chip: words.Chip
    meaning: str


@dataclass(frozen=True, slots=True)
class NumberItem:
    """A kind of number, what it is, and how it looks."""

    name: str
    meaning: str
    example: str


@dataclass(frozen=True, slots=True)
class TermItem:
    """A term of the glossary, or a kind of document."""

    slug: str
    name: str
    meaning: str


@dataclass(frozen=True, slots=True)
class SourceItem:
    """How a source does now."""

    name: str
    chip: words.Chip
    text: str
    iso: str
    title: str


@dataclass(frozen=True, slots=True)
class HelpPage:
    """All that the help page explains."""

    numbers: tuple[NumberItem, ...]
    statuses: tuple[StateItem, ...]
    documents: tuple[StateItem, ...]
    kinds: tuple[TermItem, ...]
    terms: tuple[TermItem, ...]
    sources: tuple[SourceItem, ...]
    support: str


def help_page(states: Iterable[SourceState], *, now: datetime) -> HelpPage:
    """Present the help page; `states` are the sources', the same for everybody."""
    known = tuple(sorted(states, key=lambda state: (state.system != "vtex", state.label)))
    return HelpPage(
        numbers=tuple(
            NumberItem(str(name), str(told.meaning), told.example)
            for kind, name in words.NUMBER_KIND.items()
            if (told := words_help.NUMBER_HELP.get(kind))
        ),
        statuses=(
            *_states(words.FULFILMENT, words_help.STATUS_MEANING),
            StateItem(
                words.Chip(_("(word of the source) (unmapped)"), "plain", "question"),
                str(words_help.UNMAPPED_MEANING),
            ),
        ),
        documents=_states(words.DOCUMENT_STATE, words_help.DOCUMENT_STATE_MEANING),
        kinds=tuple(
            TermItem(code, str(kind.name), str(kind.meaning))
            for code, kind in words.DOCUMENT_KIND.items()
            if kind.meaning
        ),
        terms=tuple(
            sorted(
                (
                    TermItem(term.slug, str(term.name), str(term.meaning))
                    for term in words_help.TERMS
                ),
                key=lambda term: term.name.casefold(),
            )
        ),
        sources=tuple(_source(state, known, now) for state in known),
        support=settings.PORTAL_SUPPORT_EMAIL,
    )


def _states(table: dict[str, words.Word], meanings: dict[str, words.Text]) -> tuple[StateItem, ...]:
    return tuple(
        StateItem(words.chip(table, code), str(meanings[code]))
        for code in table
        if code in meanings
    )


def _source(state: SourceState, known: tuple[SourceState, ...], now: datetime) -> SourceItem:
    alone = sum(other.system == state.system for other in known) == 1
    if state.state == "down":
        text = stale_sentence(state, now, alone=alone)
    elif state.as_of is None:
        text = _("Nothing was read from it yet.")
    else:
        text = _("Data as of %(when)s.") % {"when": formats.moment(state.as_of, now)}
    return SourceItem(
        name=source_name(state, alone=alone),
        chip=words.chip(words.SOURCE_STATE, state.state),
        text=text,
        iso=formats.iso(state.as_of),
        title=formats.full_moment(state.as_of),
    )
