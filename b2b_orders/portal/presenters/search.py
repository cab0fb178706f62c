"""What the search page says: what was recognised, how many were found, or why nothing was."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import quote

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from b2b_orders.companies.people import Administrator
from b2b_orders.ingest.queries import SourceState
from b2b_orders.orders.numbers import MAX_TYPED, Recognised
from b2b_orders.orders.queries import OrderRow, ScopeFacts, SearchResult
from b2b_orders.portal import formats
from b2b_orders.portal.addresses import Addresses
from b2b_orders.portal.leading import leading_number
from b2b_orders.portal.presenters.lists import count_words
from b2b_orders.portal.presenters.recognition import recognition
from b2b_orders.portal.presenters.sources import down_sources, source_name

# So many branches are named above a list; more are counted.
_NAMED: Final = 2


@dataclass(frozen=True, slots=True)
class Missing:
    """Why nothing was found, and what to do next."""

    sentence: str
    scope: str
    is_outage: bool
    ask_support: str
    # For who sees some branches only, whatever the others have.
    limits: str = ""
    ask_administrator: str = ""
    everywhere: str = ""


@dataclass(frozen=True, slots=True)
class Near:
    """An order that would match if one character of the key differed."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class SearchWords:
    """The words around a list of results."""

    count: str
    recognised: str
    problem: str
    near: Near | None


def search_words(result: SearchResult, *, typed: str, to: Addresses) -> SearchWords:
    """Word what was recognised and how many orders were found."""
    return SearchWords(
        count=count_words(result.count, is_counted=result.is_counted),
        recognised=_recognised(result.recognised),
        problem=_problem(result.recognised),
        near=_near(result.near_order, typed, to),
    )


def too_long_words() -> str:
    """Say that what was typed is longer than any number."""
    return _(
        "This text is longer than any number we know. Nothing was searched and your text is"
        " still in the box: shorten it to one number of at most %(longest)s characters."
    ) % {"longest": MAX_TYPED}


def missing_words(
    typed: str,
    facts: ScopeFacts,
    states: Iterable[SourceState],
    *,
    now: datetime,
    only: str = "",
    everywhere: str = "",
    administrators: Iterable[Administrator] = (),
) -> Missing:
    """Say that nothing was found: where we looked, or that a source is down.

    `only` is the kind of number that the search was kept to, `everywhere` the address of one
    that is not. Who sees some branches is told whom to ask, found or not: that says nothing
    of what the others have.
    """
    down = down_sources(states)
    short = typed if len(typed) <= MAX_TYPED else typed[:MAX_TYPED] + "…"
    sentence = _outage(short, down, now) if down else _not_found(short, facts, only)
    return Missing(
        sentence=sentence,
        scope=_scope(facts) if down else "",
        is_outage=bool(down),
        ask_support=support_link(short, facts.company_name),
        limits="" if facts.is_whole_company else _limits(facts),
        ask_administrator=_administrator_link(short, facts, tuple(administrators)),
        everywhere=everywhere,
    )


def _limits(facts: ScopeFacts) -> str:
    return _(
        "You see %(branches)s of %(company)s. An order of another branch does not show here,"
        " whether it exists or not: the company's administrator can open more to you."
    ) % {"branches": branches_words(facts), "company": facts.company_name}


def _administrator_link(
    typed: str, facts: ScopeFacts, administrators: tuple[Administrator, ...]
) -> str:
    """Build a letter to who manages the company's people; nothing when there is nobody."""
    if not administrators:
        return ""
    to = ",".join(quote(each.email, safe="@") for each in administrators)
    subject = _("Access to more branches of %(company)s") % {"company": facts.company_name}
    body = _(
        "I looked for the number %(number)s in the portal and see only %(branches)s there."
        " Could you check whether it is of another branch, and open that one to me if I need it?"
    ) % {"number": typed, "branches": branches_words(facts)}
    return f"mailto:{to}?subject={quote(subject)}&body={quote(body)}"


def no_orders_words(facts: ScopeFacts) -> str:
    """Say that there are no orders yet in what the person sees, or that they see nothing yet."""
    if facts.is_whole_company:
        return _(
            "%(company)s has no orders yet. When the shop or the ERP records one, it shows here."
        ) % {"company": facts.company_name}
    if not facts.establishments:
        return _(
            "No branch of %(company)s is open to you yet. Whoever manages the company's people"
            " chooses which ones you see; their orders show here from then on."
        ) % {"company": facts.company_name}
    return _(
        "%(company)s has no orders yet in what you see (%(branches)s). When the shop or the ERP"
        " records one, it shows here."
    ) % {"company": facts.company_name, "branches": branches_words(facts)}


def support_link(typed: str, company: str) -> str:
    """Build a letter to support with the number filled in; nothing without an address."""
    address: str = settings.PORTAL_SUPPORT_EMAIL
    if not address:
        return ""
    subject = _("Order %(number)s of %(company)s") % {"number": typed, "company": company}
    body = _("I looked for the number %(number)s in the portal and did not find it.") % {
        "number": typed
    }
    return f"mailto:{quote(address, safe='@')}?subject={quote(subject)}&body={quote(body)}"


def branches_words(facts: ScopeFacts) -> str:
    """Say which branches a search covers."""
    if facts.is_whole_company:
        return _("all branches")
    seen = ", ".join(formats.tax_id_ending(each.tax_id) for each in facts.establishments)
    return _("branch %(branches)s") % {"branches": seen or "-"}


def seen_words(facts: ScopeFacts) -> str:
    """Say which branches a list is of; nothing to who sees the whole company, or nothing yet."""
    if facts.is_whole_company or not facts.establishments:
        return ""
    count = len(facts.establishments)
    several = ngettext("%(count)s branch", "%(count)s branches", count) % {"count": count}
    seen = branches_words(facts) if count <= _NAMED else several
    return _("You see: %(branches)s") % {"branches": seen}


def _scope(facts: ScopeFacts) -> str:
    parts = {"company": facts.company_name, "branches": branches_words(facts)}
    if facts.oldest_on is None:
        return _("We looked in %(company)s's orders (%(branches)s).") % parts
    return _("We looked in %(company)s's orders (%(branches)s, since %(since)s).") % (
        parts | {"since": formats.month(facts.oldest_on)}
    )


def _not_found(typed: str, facts: ScopeFacts, only: str) -> str:
    parts = {
        "number": typed,
        "company": facts.company_name,
        "branches": branches_words(facts),
        "since": formats.month(facts.oldest_on),
    }
    if facts.oldest_on is None:
        first = _('Nothing for "%(number)s" in %(company)s\'s orders (%(branches)s).') % parts
    else:
        first = (
            _('Nothing for "%(number)s" in %(company)s\'s orders (%(branches)s, since %(since)s).')
            % parts
        )
    looked = _("We looked in: web order, ERP order, your number, invoice, boleto.")
    if only:
        looked = _("We looked in: %(kind)s only.") % {"kind": only}
    return f"{first} {looked}"


def _outage(typed: str, down: tuple[SourceState, ...], now: datetime) -> str:
    state = down[0]
    parts = {
        "number": typed,
        "source": source_name(state),
        "since": formats.moment(state.down_since, now),
        "as_of": formats.moment(state.as_of, now),
    }
    if state.as_of is None:
        return (
            _(
                'No "%(number)s" in the data we hold. The %(source)s has not answered since'
                " %(since)s: the order may exist and not have reached us yet."
            )
            % parts
        )
    return (
        _(
            'No "%(number)s" in the data we hold (%(source)s as of %(as_of)s). The %(source)s'
            " has not answered since %(since)s: the order may exist and not have reached us yet."
        )
        % parts
    )


def _recognised(recognised: Recognised) -> str:
    """Say what the text looks like, unless its check digits need a warning of their own."""
    return "" if recognised.problem else recognition(recognised.text)


def _problem(recognised: Recognised) -> str:
    if recognised.problem != "check-digit":
        return ""
    if recognised.shape == "boleto_line":
        return _("The boleto line looks mistyped (check digit).")
    if recognised.shape == "cnpj":
        return _("The CNPJ looks mistyped (check digit).")
    return _("The key looks mistyped (check digit).")


def _near(row: OrderRow | None, typed: str, to: Addresses) -> Near | None:
    if row is None:
        return None
    return Near(
        title=leading_number(row.title, row.numbers),
        url=to.to("order", {"q": typed}, public_id=row.public_id),
    )
