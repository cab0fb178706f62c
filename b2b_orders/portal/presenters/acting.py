"""What acting for a company says: the bar, the people, and what to read out in an outage."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from b2b_orders.common import clock
from b2b_orders.companies.access import Right
from b2b_orders.companies.seeing_as import KnownPerson
from b2b_orders.companies.viewers import ActingView
from b2b_orders.ingest.queries import SourceState
from b2b_orders.portal import formats, words
from b2b_orders.portal.presenters.sources import source_name, stale_sentence

_CNPJ = 14


@dataclass(frozen=True, slots=True)
class Outage:
    """A source that does not answer: since when, what is still reliable, what to read out."""

    since: str
    reliable: str
    read_out: str
    language: str


@dataclass(frozen=True, slots=True)
class AgentBar:
    """The bar above every page while acting. `left` words a number of minutes, `{n}` in it."""

    company: str
    company_public_id: str
    seen_as: str
    reason: str
    minutes: str
    seconds: int
    left_one: str
    left_many: str
    people_url: str
    go_on_url: str
    time_url: str
    here: str
    outage: Outage | None


@dataclass(frozen=True, slots=True)
class PersonItem:
    """Somebody of the company, and what they may be told."""

    public_id: str
    name: str
    role: str
    branches: str
    rights: tuple[words.Chip, ...]
    is_seen_as: bool


def agent_bar(acting: ActingView, outages: Iterable[SourceState], *, here: str) -> AgentBar:
    """Build the bar from what the middleware found out; reads nothing."""
    place = {"company": acting.company_public_id}
    query = urlencode({"next": here}) if here.startswith("/c/") else ""
    people = reverse("portal:acting-people", kwargs=place)
    time = reverse("portal:acting-time")
    return AgentBar(
        company=acting.company_name,
        company_public_id=str(acting.company_public_id),
        seen_as=seen_as_words(acting),
        reason=acting.reason,
        minutes=minutes_words(acting.minutes_left),
        seconds=acting.seconds_left,
        left_one=minutes_words(1, "{n}"),
        left_many=minutes_words(2, "{n}"),
        people_url=f"{people}?{query}" if query else people,
        go_on_url=reverse("portal:acting-go-on", kwargs=place),
        time_url=f"{time}?{urlencode({'company': str(acting.company_public_id)})}",
        here=here,
        outage=outage_words(
            outages, now=clock.now(), language=acting.seen_as_language or settings.LANGUAGE_CODE
        ),
    )


def minutes_words(count: int, shown: str = "") -> str:
    """Say how long acting goes on; `shown` stands in the place of the number."""
    return ngettext("%(minutes)s min left", "%(minutes)s min left", count) % {
        "minutes": shown or count
    }


def seen_as_words(acting: ActingView) -> str:
    """Say whose eyes are borrowed, and to which branches they are limited."""
    if not acting.seen_as:
        return _("nobody yet") if acting.must_choose else _("the whole company")
    if acting.seen_as_branches is None:
        return acting.seen_as
    return f"{acting.seen_as} ({_branches(acting.seen_as_branches)})"


def _branches(tax_ids: tuple[str, ...]) -> str:
    if not tax_ids:
        return _("no branch")
    named = ", ".join(tax_id[8:12] if len(tax_id) == _CNPJ else tax_id for tax_id in tax_ids)
    if len(tax_ids) == 1:
        return _("branch %(branches)s") % {"branches": named}
    return _("branches %(branches)s") % {"branches": named}


def known_people(people: Iterable[KnownPerson]) -> tuple[PersonItem, ...]:
    """Word who may be told what."""
    return tuple(
        PersonItem(
            public_id=str(person.public_id),
            name=person.name,
            role=words.text(words.ROLE, person.role),
            branches=_("the whole company")
            if person.branches is None
            else _branches(person.branches),
            rights=_may_be_told(person),
            is_seen_as=person.is_seen_as,
        )
        for person in people
    )


def _may_be_told(person: KnownPerson) -> tuple[words.Chip, ...]:
    told = (
        (Right.DOCUMENTS, _("Documents")),
        (Right.PRICES, _("Prices")),
        (Right.FINANCE, _("Finance")),
    )
    return tuple(
        words.Chip(text, "good", "check")
        if right in person.rights
        else words.Chip(_("no %(what)s") % {"what": text.lower()}, "bad", "cross")
        for right, text in told
    )


def outage_words(states: Iterable[SourceState], *, now: datetime, language: str) -> Outage | None:
    """Word an outage for who is on the phone; the sentence to read out in `language`."""
    down = sorted(states, key=lambda state: state.system == "vtex")
    if not down:
        return None
    first = down[0]
    with translation.override(language):
        read_out = _read_out(first, now)
    return Outage(
        since=" ".join(stale_sentence(state, now) for state in down),
        reliable=_reliable(tuple(down), now),
        read_out=read_out,
        language=language,
    )


def _reliable(down: tuple[SourceState, ...], now: datetime) -> str:
    first = down[0]
    as_of = formats.moment(first.as_of, now)
    parts = {"as_of": as_of, "source": source_name(first)}
    if first.as_of is None:
        return _("Nothing of the %(source)s has been read yet.") % parts
    if first.system == "vtex":
        return (
            _(
                "Still reliable: what the ERP says, and orders of the site up to %(as_of)s. What"
                " was ordered on the site since then may be missing."
            )
            % parts
        )
    if len(down) > 1:
        return (
            _(
                "Still reliable: orders, invoices and documents as they were at %(as_of)s. Files"
                " that we hold can be downloaded; have a boleto checked before it is paid."
            )
            % parts
        )
    return (
        _(
            "Still reliable: orders of the site, and invoices and documents as they were at"
            " %(as_of)s. Files that we hold can be downloaded; have a boleto checked before it is"
            " paid."
        )
        % parts
    )


def _read_out(state: SourceState, now: datetime) -> str:
    parts = {
        "since": formats.moment(state.down_since, now),
        "as_of": formats.moment(state.as_of, now),
    }
    if state.as_of is None:
        return (
            _(
                "Our system has not answered since %(since)s, so I cannot see your order yet. As"
                " soon as it is back, I can tell you more."
            )
            % parts
        )
    if state.system == "vtex":
        return (
            _(
                "Our online shop has not answered since %(since)s. I see your orders as they were"
                " at %(as_of)s; what you ordered after that does not show here yet."
            )
            % parts
        )
    return (
        _(
            "Our system has not answered since %(since)s. I see your orders as they were at"
            " %(as_of)s; anything that changed after that does not show here yet."
        )
        % parts
    )
