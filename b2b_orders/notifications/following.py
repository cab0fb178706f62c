"""Following an order, or the orders that a filter finds, and ending that.

Only people of a company follow: the seller's people are not written to in their stead. What a
follow knows of its orders is noted in the same transaction, so that the first change after it
is told.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet

from b2b_orders.audit.services import Action, record
from b2b_orders.common import tenancy
from b2b_orders.common.errors import Conflict, InvalidInput, NotAllowed, NotVisible
from b2b_orders.common.requests import without_nul
from b2b_orders.companies.access import Actor, Right, Viewer
from b2b_orders.notifications.models import Follow, FollowedOrder
from b2b_orders.notifications.models import Kind as Kind  # noqa: PLC0414 what pages word
from b2b_orders.orders.filtering import OrderFilter
from b2b_orders.orders.following import FollowState, follow_states, open_states
from b2b_orders.orders.models import Order
from b2b_orders.orders.queries import get_order

# So much does one person follow in one company.
MOST_ORDERS: Final = 500
MOST_LISTS: Final = 20
_NAME: Final = 80
_QUERY: Final = 2000
_RIGHT_OF: Final = {
    Kind.DOCUMENT: Right.DOCUMENTS,
    Kind.BOLETO: Right.FINANCE,
    Kind.DUE: Right.FINANCE,
    Kind.OVERDUE: Right.FINANCE,
}


@dataclass(frozen=True, slots=True)
class FollowView:
    """Something that a person follows. Without kinds: all that they may be told of."""

    public_id: uuid.UUID
    company_id: int
    order: uuid.UUID | None
    order_title: str
    query: str
    name: str
    kinds: tuple[str, ...]
    created_at: datetime


def kinds_for(*, viewer: Viewer) -> tuple[Kind, ...]:
    """Return of what a viewer may be told."""
    return tuple(kind for kind in Kind if kind not in _RIGHT_OF or viewer.can(_RIGHT_OF[kind]))


def get_order_follow(*, viewer: Viewer, order_id: int) -> FollowView | None:
    """Return how the viewer follows an order, if they do. Two SQL statements."""
    return next(iter(_views(viewer, _mine(viewer).filter(order_id=order_id))), None)


def get_list_follow(*, viewer: Viewer, query: str) -> FollowView | None:
    """Return how the viewer follows a list, if they do. One SQL statement."""
    return next(iter(_views(viewer, _mine(viewer).filter(order=None, query=query))), None)


def list_follows(*, viewer: Viewer) -> tuple[FollowView, ...]:
    """List what the viewer follows in the company, lists first, then the newest."""
    rows = _views(viewer, _mine(viewer).order_by("-created_at", "-pk"))
    return tuple(sorted(rows, key=lambda each: each.order is not None))


def follow_order(
    *,
    viewer: Viewer,
    actor: Actor,
    public_id: uuid.UUID,
    kinds: Iterable[str] = (),
    now: datetime,
) -> None:
    """Tell the viewer of what happens to an order; again changes the kinds.

    `NotVisible` for what is not theirs; `NotAllowed` for the seller's people.
    """
    order = get_order(viewer=viewer, public_id=public_id, line_limit=0).row
    _must_be_member(viewer)
    wanted = _read_kinds(kinds)
    with transaction.atomic():
        known = _mine(viewer).filter(order_id=order.id).first()
        if known is None:
            if _mine(viewer).filter(order__isnull=False).count() >= MOST_ORDERS:
                raise Conflict("too much is followed")
            # Two clicks at once make one.
            [made] = Follow.objects.bulk_create(
                [_new(viewer, now, order_id=order.id, order_key=order.public_id, kinds=wanted)],
                ignore_conflicts=True,
            )
            follow = _mine(viewer).filter(order_id=order.id).first()
            if follow is None or follow.public_id != made.public_id:
                return
            learn(follow, follow_states(viewer=viewer, order_ids=[order.id], now=now))
        else:
            _mine(viewer).filter(pk=known.pk).update(kinds=wanted)
        _audit(Action.FOLLOWED, viewer, actor, now, "order", order.public_id, kinds=wanted)


def follow_list(
    *,
    viewer: Viewer,
    actor: Actor,
    wanted: OrderFilter,
    name: str,
    kinds: Iterable[str] = (),
    now: datetime,
) -> uuid.UUID:
    """Tell the viewer of the orders that a filter finds; again changes its name and kinds."""
    _must_be_member(viewer)
    wanted = wanted.allowed_to(viewer).unsorted()
    if not wanted.is_narrowed:
        raise InvalidInput("filter", "filter-missing")
    query, chosen = wanted.to_query(), _read_kinds(kinds)
    clean = " ".join(without_nul(name).split())[:_NAME]
    if not clean:
        raise InvalidInput("name", "name-missing")
    if len(query) > _QUERY:
        raise InvalidInput("filter", "filter-too-long")
    with transaction.atomic():
        known = _mine(viewer).filter(order=None, query=query).first()
        if known is not None:
            _mine(viewer).filter(pk=known.pk).update(name=clean, kinds=chosen)
        else:
            if _mine(viewer).filter(order=None).count() >= MOST_LISTS:
                raise Conflict("too much is followed")
            known = _new(viewer, now, query=query, name=clean, kinds=chosen)
            known.save(force_insert=True)
            learn(known, open_states(viewer=viewer, wanted=wanted, now=now))
        _audit(Action.FOLLOWED, viewer, actor, now, "follow", known.public_id, kinds=chosen)
    made: uuid.UUID = known.public_id
    return made


def change_kinds(
    *,
    viewer: Viewer,
    actor: Actor,
    public_id: uuid.UUID,
    kinds: Iterable[str],
    now: datetime,
) -> None:
    """Change of what of a follow the viewer is told."""
    chosen = _read_kinds(kinds)
    if not _mine(viewer).filter(public_id=public_id).update(kinds=chosen):
        raise NotVisible
    _audit(Action.FOLLOWED, viewer, actor, now, "follow", public_id, kinds=chosen)


def unfollow_order(*, viewer: Viewer, actor: Actor, public_id: uuid.UUID, now: datetime) -> None:
    """Tell the viewer of an order no longer; `NotVisible` when it is not theirs."""
    order = get_order(viewer=viewer, public_id=public_id, line_limit=0).row
    if _mine(viewer).filter(order_id=order.id).delete()[0]:
        _audit(Action.UNFOLLOWED, viewer, actor, now, "order", order.public_id)


def unfollow(*, viewer: Viewer, actor: Actor, public_id: uuid.UUID, now: datetime) -> None:
    """End a follow of the viewer's; `NotVisible` when it is not theirs."""
    if not _mine(viewer).filter(public_id=public_id).delete()[0]:
        raise NotVisible
    _audit(Action.UNFOLLOWED, viewer, actor, now, "follow", public_id)


def end_by_link(
    *, company_id: int, person_id: int, public_id: uuid.UUID, actor: Actor, now: datetime
) -> None:
    """End a follow for whoever has its signed link; nothing when it has ended already."""
    with tenancy.scope(role=tenancy.WEB, company_id=company_id, person_id=person_id):
        rows = Follow.objects.filter(
            company_id=company_id, person_id=person_id, public_id=public_id
        )
        if rows.delete()[0]:
            record(
                Action.UNFOLLOWED,
                actor=actor,
                company_id=company_id,
                object_kind="follow",
                object_id=str(public_id),
                detail={"how": "link"},
                now=now,
            )


def learn(follow: Follow, states: Sequence[FollowState]) -> None:
    """Note what a follow knows of orders from now on."""
    FollowedOrder.objects.bulk_create(
        [
            FollowedOrder(
                follow=follow,
                company_id=follow.company_id,
                order_id=state.id,
                is_in=state.is_in,
                state=known_of(state),
            )
            for state in states
        ],
        batch_size=1000,
        ignore_conflicts=True,
    )


def known_of(state: FollowState) -> dict[str, Any]:
    """Write what is compared of an order as it is kept."""
    return {
        "fulfilment": state.fulfilment,
        "origins": state.origins,
        "promised_on": state.promised_on.isoformat() if state.promised_on else "",
        "invoices": list(state.invoices),
    }


def _new(viewer: Viewer, now: datetime, **values: Any) -> Follow:
    return Follow(
        company_id=viewer.company_id,
        person_id=viewer.person_id,
        created_at=now,
        checked_at=now,
        **values,
    )


def _must_be_member(viewer: Viewer) -> None:
    if viewer.is_staff:
        raise NotAllowed


def _mine(viewer: Viewer) -> QuerySet[Follow]:
    return Follow.objects.filter(company_id=viewer.company_id, person_id=viewer.person_id)


def _views(viewer: Viewer, rows: QuerySet[Follow]) -> list[FollowView]:
    """Describe follows; of an order that is not the viewer's any more there is none."""
    known = list(rows)
    orders = {row.order_id for row in known if row.order_id is not None}
    own = Order.objects.visible_to(viewer).filter(pk__in=orders) if orders else Order.objects.none()
    titles = dict(own.values_list("pk", "title"))
    return [
        FollowView(
            public_id=row.public_id,
            company_id=row.company_id,
            order=row.order_key,
            order_title=titles.get(row.order_id or 0, ""),
            query=row.query,
            name=row.name,
            kinds=tuple(row.kinds),
            created_at=row.created_at,
        )
        for row in known
        if row.order_id is None or row.order_id in titles
    ]


def _read_kinds(given: Iterable[str]) -> list[str]:
    """Keep the kinds that there are; all of them are kept as none."""
    chosen = set(given)
    known = [kind.value for kind in Kind if kind.value in chosen]
    return [] if len(known) == len(Kind) else known


def _audit(
    action: Action,
    viewer: Viewer,
    actor: Actor,
    now: datetime,
    kind: str,
    public_id: uuid.UUID,
    **detail: Any,
) -> None:
    record(
        action,
        actor=actor,
        company_id=viewer.company_id,
        object_kind=kind,
        object_id=str(public_id),
        detail=detail,
        now=now,
    )
