"""Finding what people are to be told: workers compare what a follow knows with what is now.

Two sweeps find what to look at. One goes along what changed, orders and documents, by a mark
that only moves when all was looked at; the other takes follows in turn, the longest not looked
at first, so that nothing is missed for good and what depends on the day alone is found. Both may
be repeated, interrupted and run twice at once: a look is one transaction, holds the follow's
row, and leaves behind what it knows; what happened has a key, and is noted once.

A look is with the eyes that the person has at that moment. Who may see nothing of it any more
follows no longer.
"""

from __future__ import annotations

import hashlib
import logging
import time
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q
from django.utils import timezone

from b2b_orders.audit.services import Action, record
from b2b_orders.companies.access import Actor, Viewer
from b2b_orders.companies.viewers import viewer_of_asker
from b2b_orders.documents.models import Document, State
from b2b_orders.documents.queries import SUPERSEDED, visible_documents
from b2b_orders.notifications.choices import Choice, read_choice
from b2b_orders.notifications.following import kinds_for, known_of, learn
from b2b_orders.notifications.models import Follow, FollowedOrder, Kind, Mark, Notice, Rhythm
from b2b_orders.orders.filtering import EVERYTHING, OrderFilter
from b2b_orders.orders.following import (
    FollowState,
    changed_orders,
    due_titles,
    follow_states,
    where_it_went,
)
from erp_bridge.records import DocumentKind, Fulfilment

logger = logging.getLogger(__name__)
_BATCH: Final = 500
# What was written by a transaction that ends late is older than it looks when it shows.
_OVERLAP: Final = timedelta(minutes=15)
# A document that came longer ago than this is no news, whatever else happened.
NEWS: Final = timedelta(days=14)
# For so long an order may be on its way from one company to another.
_MOVING: Final = timedelta(hours=1)
# For so many days after it was due a boleto is told of as overdue: workers may have been away.
_OVERDUE_DAYS: Final = timedelta(days=3)
_INVOICED: Final = (Fulfilment.INVOICED.value, Fulfilment.PARTLY_INVOICED.value)


@dataclass(slots=True)
class _Look:
    """One follow, its person's eyes, and what is found."""

    follow: Follow
    viewer: Viewer
    wanted: OrderFilter
    kinds: frozenset[str]
    due_days: int
    now: datetime
    found: list[Notice] = field(default_factory=list)

    def tell(
        self, kind: Kind, order: int, key: uuid.UUID, what: str, at: datetime, **detail: object
    ) -> None:
        """Note something to be told, unless it is not wanted."""
        if kind.value not in self.kinds:
            return
        digest = hashlib.sha256(what.encode()).hexdigest()[:40]
        self.found.append(
            Notice(
                company_id=self.follow.company_id,
                person_id=self.follow.person_id,
                follow=self.follow,
                order_id=order,
                kind=kind,
                key=f"{kind}:{digest}",
                detail={"order": str(key), **detail},
                happened_at=at,
            )
        )


# --- the sweeps -----------------------------------------------------------------------------


def sweep_changes(*, now: datetime, seconds: float = 20.0) -> int:
    """Look at what changed since the last time; say how many orders were looked at."""
    until = time.monotonic() + seconds
    return _sweep_orders(now, until) + _sweep_documents(now, until)


def _sweep_orders(now: datetime, until: float) -> int:
    mark, looked = _mark("orders", now), 0
    while time.monotonic() < until:
        rows = changed_orders(after=(mark.at, mark.last_id), until=now, limit=_BATCH)
        if not rows:
            break
        _look_at([(order, company) for order, company, _at in rows], now)
        looked += len(rows)
        _move(mark, rows[-1][2], rows[-1][0])
    return looked


def _sweep_documents(now: datetime, until: float) -> int:
    mark, looked = _mark("documents", now), 0
    while time.monotonic() < until:
        came = Document.objects.filter(
            Q(state_since__gt=mark.at) | Q(state_since=mark.at, pk__gt=mark.last_id),
            state_since__gte=mark.at,
            state_since__lte=now,
            state=State.AVAILABLE,
        ).order_by("state_since", "pk")
        rows = list(
            came.values_list("pk", "state_since", "record__order_id", "company_id")[:_BATCH]
        )
        if not rows:
            break
        _look_at([(order, company) for _pk, _at, order, company in rows if order and company], now)
        looked += len(rows)
        _move(mark, rows[-1][1], rows[-1][0])
    return looked


def look_back(*, now: datetime) -> int:
    """Look once more at what changed lately, for what showed itself late."""
    place = (now - _OVERLAP, 0)
    looked = 0
    while rows := changed_orders(after=place, until=now, limit=_BATCH):
        _look_at([(order, company) for order, company, _at in rows], now)
        looked += len(rows)
        place = (rows[-1][2], rows[-1][0])
    return looked


def look_in_turn(*, now: datetime, limit: int = 200) -> int:
    """Look at the follows that were not looked at for longest; say how many."""
    pause = timedelta(seconds=min(1800, settings.PORTAL_NOTICE_SECONDS / 2))
    turn = Follow.objects.filter(checked_at__lt=now - pause).order_by("checked_at", "pk")
    keys = list(turn.values_list("pk", flat=True)[:limit])
    for pk in keys:
        if not _look_alone(pk, (), now, in_turn=True):
            # Its turn is over all the same: the others wait behind it.
            Follow.objects.filter(pk=pk).update(checked_at=now)
    return len(keys)


def _look_at(changed: Sequence[tuple[int, int]], now: datetime) -> None:
    """Have every follow that is about one of these orders look at it."""
    of_company: dict[int, set[int]] = defaultdict(set)
    for order, company in changed:
        of_company[company].add(order)
    follows = Follow.objects.filter(
        Q(order_id__in={order for order, _company in changed})
        | Q(order=None, company_id__in=of_company)
    ).values_list("pk", "order_id", "company_id")
    for pk, order, company in follows.order_by("pk"):
        _look_alone(pk, [order] if order else of_company[company], now)


def _look_alone(pk: int, order_ids: Iterable[int], now: datetime, *, in_turn: bool = False) -> bool:
    """Look at one follow; what goes wrong with it stops nobody else's, and is logged.

    It is looked at again in turn. That the database is away or time is over is not its fault.
    """
    try:
        look(follow_id=pk, order_ids=order_ids, now=now, in_turn=in_turn)
    except (OperationalError, InterfaceError, SoftTimeLimitExceeded):
        raise
    except Exception:
        logger.exception("a follow could not be looked at", extra={"follow": pk})
        return False
    return True


def _mark(name: str, now: datetime) -> Mark:
    """Return how far a sweep has come; the first one begins now."""
    mark, _is_new = Mark.objects.get_or_create(name=name, defaults={"at": now - _OVERLAP})
    return mark


def _move(mark: Mark, at: datetime, last_id: int) -> None:
    # Never back: another worker may have been faster.
    ahead = Q(at__lt=at) | Q(at=at, last_id__lt=last_id)
    Mark.objects.filter(ahead, name=mark.name).update(at=at, last_id=last_id)
    mark.at, mark.last_id = at, last_id


# --- one look -------------------------------------------------------------------------------


@transaction.atomic
def look(*, follow_id: int, order_ids: Iterable[int], now: datetime, in_turn: bool = False) -> None:
    """Compare what a follow knows of some orders with what its person may see of them now."""
    follow = Follow.objects.select_for_update().filter(pk=follow_id).first()
    if follow is None:
        return None
    viewer = viewer_of_asker(
        person_id=follow.person_id, company_id=follow.company_id, is_staff=False
    )
    if viewer is None:
        return _end(follow, "no-member", now)
    wanted = OrderFilter.from_query(follow.query) if follow.query else EVERYTHING
    if wanted.allowed_to(viewer) != wanted:
        # Without the right it would find other orders than those that were followed.
        return _end(follow, "right-lost", now)
    if follow.order_id is not None:
        if not _find_order(follow, viewer):
            return _wait_or_end(follow, now)
        if follow.gone_at is not None:
            Follow.objects.filter(pk=follow.pk).update(gone_at=None)
        order_ids = [follow.order_id]
    choice = read_choice(person_id=follow.person_id)
    _look(_begin(follow, viewer, wanted, choice, now), set(order_ids), in_turn=in_turn)
    return None


def _begin(
    follow: Follow, viewer: Viewer, wanted: OrderFilter, choice: Choice, now: datetime
) -> _Look:
    kinds = {kind.value for kind in kinds_for(viewer=viewer)} - set(choice.without)
    if follow.kinds:
        kinds &= set(follow.kinds)
    if choice.rhythm == Rhythm.OFF:
        # What happens meanwhile is not kept for later.
        kinds = set()
    return _Look(follow, viewer, wanted, frozenset(kinds), choice.due_days, now)


def _look(looking: _Look, order_ids: set[int], *, in_turn: bool) -> None:
    follow, now = looking.follow, looking.now
    states = follow_states(
        viewer=looking.viewer, order_ids=order_ids, wanted=looking.wanted, now=now
    )
    known = {row.order_id: row for row in follow.known.filter(order_id__in=order_ids)}
    for state in states:
        _compare(looking, state, known.get(state.id))
    _find_documents(looking, [state for state in states if state.is_in])
    if in_turn:
        _find_due(looking)
    Notice.objects.bulk_create(looking.found, ignore_conflicts=True)
    if in_turn:
        Follow.objects.filter(pk=follow.pk).update(checked_at=now)


def _find_order(follow: Follow, viewer: Viewer) -> bool:
    """Say whether the order may still be seen; one that was joined to another is that one now."""
    assert follow.order_id is not None  # noqa: S101 asked of follows of an order
    if follow_states(viewer=viewer, order_ids=[follow.order_id], now=follow.created_at):
        return True
    went = where_it_went(viewer=viewer, public_id=follow.order_key) if follow.order_key else None
    if went is None or not follow_states(viewer=viewer, order_ids=[went], now=follow.created_at):
        return False
    own = Follow.objects.filter(person_id=follow.person_id, order_id=went)
    if own.exists():
        return False
    follow.known.filter(order_id=follow.order_id).update(order_id=went)
    Follow.objects.filter(pk=follow.pk).update(order_id=went)
    follow.order_id = went
    return True


def _compare(looking: _Look, state: FollowState, known: FollowedOrder | None) -> None:
    follow = looking.follow
    if known is None:
        if state.is_in and follow.order_id is None and state.created_at >= follow.created_at:
            _tell_new(looking, state)
        learn(follow, [state])
        return
    after = known_of(state)
    if state.is_in and not known.is_in:
        _tell_new(looking, state)
    elif state.is_in and known.state != after:
        _tell_changes(looking, state, known.state, after)
    if (known.is_in, known.state) != (state.is_in, after):
        FollowedOrder.objects.filter(pk=known.pk).update(is_in=state.is_in, state=after)


def _tell_new(looking: _Look, state: FollowState) -> None:
    what = f"{looking.follow.pk}:{state.id}"
    looking.tell(Kind.ORDER, state.id, state.public_id, what, state.changed_at)


def _tell_changes(
    looking: _Look, state: FollowState, before: dict[str, Any], after: dict[str, Any]
) -> None:
    at = state.changed_at
    # With the moment: what comes back to an earlier state happened anew.
    place = (state.id, state.public_id, f"{state.id}:{at.isoformat()}", at)
    entered = "erp" in state.origins and "erp" not in before["origins"]
    if before["fulfilment"] != after["fulfilment"] or entered:
        looking.tell(
            Kind.STATUS, *place, before=before["fulfilment"], before_origins=before["origins"]
        )
    more = [each for each in after["invoices"] if each not in before["invoices"]]
    became = after["fulfilment"] in _INVOICED and before["fulfilment"] != after["fulfilment"]
    if more or (became and not before["invoices"]):
        looking.tell(Kind.INVOICED, *place, invoices=more)
    if before["promised_on"] != after["promised_on"]:
        looking.tell(Kind.PROMISE, *place, before=before["promised_on"])


def _find_documents(looking: _Look, states: Sequence[FollowState]) -> None:
    """Find the documents that came since it is followed, and that the person may take."""
    if not states or not {Kind.DOCUMENT.value, Kind.BOLETO.value} & looking.kinds:
        return
    orders = {state.id: state.public_id for state in states}
    since = max(looking.follow.created_at, looking.now - NEWS)
    came = visible_documents(viewer=looking.viewer).filter(
        record__order_id__in=orders, state=State.AVAILABLE, state_since__gt=since
    )
    rows = came.exclude(SUPERSEDED).values_list(
        "pk", "public_id", "kind", "state_since", "record__order_id"
    )
    for pk, public_id, kind, at, order in rows.order_by("pk")[:_BATCH]:
        which = Kind.BOLETO if kind == DocumentKind.BOLETO else Kind.DOCUMENT
        looking.tell(which, order, orders[order], str(pk), at, document=str(public_id))


def _find_due(looking: _Look) -> None:
    """Find what falls due soon, and what did in the last days, as far as is known."""
    if not {Kind.DUE.value, Kind.OVERDUE.value} & looking.kinds:
        return
    # As everywhere in the portal: a due date has no zone, and today is the installation's.
    today = timezone.localdate(looking.now)
    begun = timezone.localdate(looking.follow.created_at)
    titles = due_titles(
        viewer=looking.viewer,
        order_id=looking.follow.order_id,
        wanted=looking.wanted,
        since=today - _OVERDUE_DAYS,
        until=today + timedelta(days=looking.due_days),
        now=looking.now,
    )
    for title in titles:
        kind = Kind.DUE if title.due_on >= today else Kind.OVERDUE
        if kind is Kind.OVERDUE and title.due_on < begun:
            # It was overdue before anybody asked to be told.
            continue
        what = f"{title.line or f'{title.order_id}:{title.key}'}:{title.due_on}"
        day = title.due_on.isoformat()
        looking.tell(
            kind,
            *(title.order_id, title.order_public_id, what, looking.now),
            title=title.key,
            due_on=day,
        )


def _wait_or_end(follow: Follow, now: datetime) -> None:
    """End a follow whose order its person has not seen for a while.

    While companies are merged, or a merge is undone, orders move after their people.
    """
    if follow.gone_at is None:
        Follow.objects.filter(pk=follow.pk).update(gone_at=now, checked_at=now)
    elif follow.gone_at <= now - _MOVING:
        _end(follow, "order-gone", now)
    else:
        Follow.objects.filter(pk=follow.pk).update(checked_at=now)


def _end(follow: Follow, why: str, now: datetime) -> None:
    """End a follow of which nothing can be told any more; the record says why."""
    Notice.objects.filter(follow=follow, told_at=None).delete()
    follow.delete()
    record(
        Action.UNFOLLOWED,
        actor=Actor(),
        company_id=follow.company_id,
        object_kind="follow",
        object_id=str(follow.public_id),
        detail={"how": why, "person": follow.person_id},
        now=now,
    )
