"""Changes of the map of companies that move orders: asked for by one person, decided by another.

A change is a row. Who asks leaves what it would do, with what it costs; who approves starts
it. A worker then rewrites the map in one transaction, with what it was before, and moves the
orders in batches: a worker that is killed between two leaves a change that is being done, and
the errand's next turn goes on from the rows. Undoing is a change of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from b2b_orders.audit.services import Action, record
from b2b_orders.common.errors import Conflict, InvalidInput, NotVisible
from b2b_orders.companies import mapping
from b2b_orders.companies.access import Actor
from b2b_orders.companies.mapping import Pieces
from b2b_orders.companies.models import (
    Company,
    CustomerId,
    MapChange,
    MapState,
    Membership,
    StaffRole,
)
from b2b_orders.documents.models import Document, ShareLink, Watch
from b2b_orders.ingest.map_along import bring_back, take_along
from b2b_orders.orders.moving import (
    Belongings,
    count_left_behind,
    count_orders,
    move_orders,
    settle,
)
from b2b_orders.orders.services import attach_waiting, lock_companies

MOVE, SPLIT, MERGE, UNDO = "move", "split", "merge", "undo"
# A change is done as it was approved: with so many orders more or less, it is shown again.
_TOLERANCE, _TOLERATED = 10, 5
_MOST_LOOSE = 20_000
_MOST_NAMES = 50


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants changed: pieces of one company that another, or a new one, shall have."""

    kind: str
    from_company: int
    to_company: int | None
    pieces: Pieces
    new_name: str = ""
    whole_company: bool = False

    def as_json(self) -> dict[str, Any]:
        """Write it down for the row."""
        return {
            "from": self.from_company,
            "to": self.to_company,
            "establishments": list(self.pieces.establishments),
            "customer_ids": list(self.pieces.customer_ids),
            "new_name": self.new_name,
            "whole_company": self.whole_company,
        }

    @classmethod
    def of(cls, change: MapChange) -> Wish:
        """Read it back."""
        told = change.payload
        return cls(
            change.kind,
            told["from"],
            told["to"],
            Pieces(tuple(told["establishments"]), tuple(told["customer_ids"])),
            told.get("new_name", ""),
            told.get("whole_company", False),
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking: a change that waits for somebody else, or one that was free to do."""

    change: MapChange
    is_waiting: bool


def ask(*, wish: Wish, person_id: int, reason: str, asked_at: datetime, now: datetime) -> Asked:
    """Write a change down, or do it at once when it moves no order and no person.

    `asked_at` tells an errand that is done twice from two: it makes one change.
    """
    with transaction.atomic():
        lock_companies({wish.from_company, wish.to_company or wish.from_company})
        made = MapChange.objects.filter(asked_by_id=person_id, asked_at=asked_at).first()
        if made is not None:
            return Asked(made, made.state == MapState.WAITING)
        _check(wish)
        preview = _preview(wish)
        change = MapChange.objects.create(
            kind=wish.kind,
            payload=wish.as_json() | {"preview": preview},
            reason=reason,
            orders_expected=preview["orders"],
            asked_by_id=person_id,
            asked_at=asked_at,
        )
        is_free = not preview["orders"] and not preview["people"]
        if is_free:
            # Nothing that anybody sees changes: it needs one pair of eyes.
            _begin(change, wish, now)
            change.state, change.finished_at = MapState.DONE, now
            change.save()
        _record(Action.MAP_CHANGE_ASKED, change, person_id, now)
        return Asked(change, not is_free)


def ask_undo(*, public_id: UUID, person_id: int, reason: str, asked_at: datetime) -> Asked:
    """Ask for a change that is done to be undone; it needs four eyes like the change itself."""
    with transaction.atomic():
        done = MapChange.objects.select_for_update().filter(public_id=public_id).first()
        if done is None or done.kind == UNDO:
            raise NotVisible
        made = MapChange.objects.filter(asked_by_id=person_id, asked_at=asked_at).first()
        if made is not None:
            return Asked(made, made.state == MapState.WAITING)
        if done.state != MapState.DONE:
            raise Conflict("only what is done can be undone")
        waiting = MapChange.objects.filter(
            kind=UNDO, payload__change=str(public_id), state__in=(MapState.WAITING, MapState.DOING)
        )
        if waiting.exists():
            raise Conflict("somebody has asked for that already")
        wish = _reverse(done)
        _check(wish)
        preview = _preview(wish, _belongings(wish, done))
        change = MapChange.objects.create(
            kind=UNDO,
            payload=wish.as_json() | {"preview": preview, "change": str(public_id)},
            reason=reason,
            orders_expected=preview["orders"],
            asked_by_id=person_id,
            asked_at=asked_at,
        )
        _record(Action.MAP_CHANGE_ASKED, change, person_id, asked_at)
        return Asked(change, is_waiting=True)


def reject(*, public_id: UUID, person_id: int, reason: str, now: datetime) -> MapChange:
    """Say no to a change; who asked for it takes it back so."""
    with transaction.atomic():
        change = _locked(public_id)
        if change.state == MapState.REJECTED and change.decided_by_id == person_id:
            return change
        if change.state != MapState.WAITING:
            raise Conflict("it was decided already")
        change.state, change.decided_by_id = MapState.REJECTED, person_id
        change.decided_at = change.finished_at = now
        change.outcome = "rejected"
        change.payload["answer"] = reason
        change.save()
        _record(Action.MAP_CHANGE_DECIDED, change, person_id, now)
        return change


def approve(
    *, public_id: UUID, person_id: int, whole_company: bool = False, now: datetime
) -> MapChange:
    """Say yes to somebody else's change: the map is rewritten, and orders begin to move.

    `whole_company` lets people who saw all of a merged company see all of the other one.
    `Conflict` when it is one's own, was decided, or the pieces are not where they were; when
    it would move other figures than were shown, it waits with the new ones.
    """
    with transaction.atomic():
        change = _locked(public_id)
        if change.asked_by_id == person_id:
            raise Conflict("nobody approves what they asked for themselves")
        if change.state in (MapState.DOING, MapState.DONE) and change.decided_by_id == person_id:
            # Approved before, by a worker that was killed after it.
            return change
        if change.state != MapState.WAITING:
            raise Conflict("it was decided already")
        _check_impartial(change, person_id)
        change.payload["whole_company"] = whole_company
        wish, undone = Wish.of(change), _undone_by(change)
        lock_companies({wish.from_company, wish.to_company or wish.from_company})
        _check(wish)
        belongings = _belongings(wish, undone)
        found = count_orders(belongings=belongings, company_id=wish.from_company)
        if _differs(found, change.orders_expected):
            change.payload |= {"preview": _preview(wish, belongings)}
            change.orders_expected = found
            change.outcome = "shown-again"
            change.save()
            return change
        change.state, change.decided_by_id, change.decided_at = MapState.DOING, person_id, now
        change.outcome = ""
        _begin(change, wish, now, undone)
        change.save()
        _record(Action.MAP_CHANGE_DECIDED, change, person_id, now)
        return change


def go_on(*, public_id: UUID, clock: Callable[[], datetime], is_over: Callable[[], bool]) -> bool:
    """Move orders until the turn is over; say whether all have moved. May be killed anywhere."""
    change = MapChange.objects.get(public_id=public_id)
    if change.state != MapState.DOING:
        return True
    told = change.before
    belongings = _read(told["belongings"])
    from_company, to_company = told["from"], told["to"]
    while True:
        moved = move_orders(
            belongings=belongings, from_company=from_company, to_company=to_company, now=clock()
        )
        if not moved:
            break
        if is_over():
            MapChange.objects.filter(pk=change.pk).update(orders_moved=_moved(told))
            return False
    tax_ids = sorted(belongings.tax_ids)
    settle(company_id=from_company, tax_ids=tax_ids, now=clock())
    attach_waiting(company_id=to_company, now=clock())
    _end_watches(from_company)
    return _finish(change, clock())


@transaction.atomic
def _finish(change: MapChange, now: datetime) -> bool:
    done = MapChange.objects.filter(pk=change.pk, state=MapState.DOING).update(
        state=MapState.DONE, finished_at=now, orders_moved=_moved(change.before)
    )
    if done and change.kind == UNDO:
        undone = MapChange.objects.get(public_id=change.payload["change"])
        MapChange.objects.filter(pk=undone.pk).update(state=MapState.UNDONE)
        _record(Action.MAP_CHANGE_UNDONE, undone, change.decided_by_id, now)
    return True


def _moved(told: Mapping[str, Any]) -> int:
    """Count what stands at the other end of what was to go: right however often it is counted."""
    return count_orders(belongings=_read(told["belongings"]), company_id=told["to"])


def _end_watches(company_id: int) -> None:
    """End the waiting of people for documents that are another company's now."""
    Watch.objects.filter(company_id=company_id).exclude(document__company_id=company_id).delete()


# --- what a change does --------------------------------------------------------------------------


def _locked(public_id: UUID) -> MapChange:
    change = MapChange.objects.select_for_update().filter(public_id=public_id).first()
    if change is None:
        raise NotVisible
    return change


def _check_impartial(change: MapChange, person_id: int) -> None:
    """Raise `Conflict` for whoever's own company would get or lose orders."""
    ends = (change.payload["from"], change.payload["to"])
    own = Membership.objects.filter(person_id=person_id, is_active=True, company_id__in=ends)
    if own.exists():
        raise Conflict("nobody decides over a company that they belong to")


def _undone_by(change: MapChange) -> MapChange | None:
    if change.kind != UNDO:
        return None
    undone = MapChange.objects.select_for_update().get(public_id=change.payload["change"])
    if undone.state != MapState.DONE:
        raise Conflict("it was undone already")
    return undone


def _reverse(done: MapChange) -> Wish:
    """Turn a change round. What came to the pieces since goes back with them."""
    wish = Wish.of(done)
    return Wish(UNDO, done.before["to"], wish.from_company, wish.pieces)


def _check(wish: Wish) -> None:
    """Raise `Conflict` when the map is no more as the wish takes it to be."""
    mapping.check_pieces(pieces=wish.pieces, company_id=wish.from_company)
    if wish.kind == SPLIT:
        return
    ends = Company.objects.filter(pk__in=[wish.from_company, wish.to_company or 0])
    rows = {company.pk: company for company in ends}
    to = rows.get(wish.to_company or 0)
    if to is None or len(rows) != 2:
        raise InvalidInput("company", "same-company")
    if wish.kind != UNDO and (to.merged_into_id or rows[wish.from_company].merged_into_id):
        raise Conflict("one of the companies was merged into another")
    if wish.kind != MERGE:
        return
    if not to.is_active:
        raise Conflict(f"{to.name} is not active")
    if wish.pieces != Pieces.of(wish.from_company):
        # What came since would stay behind with a company that is closed.
        raise Conflict("the company has more by now than was asked for: ask again")


def _begin(change: MapChange, wish: Wish, now: datetime, undone: MapChange | None = None) -> None:
    """Rewrite the map in the caller's transaction, and keep what it was."""
    belongings = _belongings(wish, undone)
    to_company = wish.to_company
    if to_company is None:
        old = Company.objects.get(pk=wish.from_company)
        to_company = Company.objects.create(
            name=wish.new_name, customer_type=old.customer_type, team_id=old.team_id
        ).pk
    before: dict[str, Any] = {"from": wish.from_company, "to": to_company}
    before["belongings"] = _as_json(belongings, wish.from_company)
    if wish.kind == MERGE:
        before["members"] = mapping.move_members(
            from_company=wish.from_company,
            into=to_company,
            houses=wish.pieces.establishments,
            whole_company=wish.whole_company,
        )
        before["along"] = take_along(from_company=wish.from_company, to_company=to_company, now=now)
        before |= mapping.close_merged(company_id=wish.from_company, into=to_company, now=now)
    before |= mapping.move_pieces(pieces=wish.pieces, to_company=to_company)
    if undone is not None:
        _put_back(undone, to_company, before["scopes"])
    change.before = before


def _put_back(undone: MapChange, company_id: int, held: Sequence[Sequence[int]]) -> None:
    if undone.kind == MERGE:
        mapping.reopen_merged(company_id=company_id, before=undone.before)
        bring_back(
            along=undone.before.get("along", {}),
            from_company=undone.before["to"],
            to_company=company_id,
        )
        mapping.return_members(
            company_id=company_id,
            into=undone.before["to"],
            before=undone.before["members"],
            houses=undone.payload["establishments"],
            held=held,
        )
    if undone.kind == SPLIT:
        # What was made for it has nothing left, unless it was given something since.
        made = undone.before["to"]
        if not Pieces.of(made):
            Company.objects.filter(pk=made).update(is_active=False, merged_into_id=company_id)
    mapping.put_back_scopes(before=undone.before, company_id=company_id)


def _belongings(wish: Wish, undone: MapChange | None = None) -> Belongings:
    """Say which orders go along with the pieces."""
    loose: frozenset[int] = frozenset()
    if undone is not None:
        loose = frozenset(undone.before["belongings"]["loose"])
    return Belongings(
        tax_ids=mapping.tax_ids_of(wish.pieces),
        customer_ids=mapping.customer_ids_of(wish.pieces),
        loose=loose,
        everything=wish.kind == MERGE,
    )


def _as_json(belongings: Belongings, company_id: int) -> dict[str, Any]:
    loose = belongings.loose_of(company_id, _MOST_LOOSE + 1)
    if len(loose) > _MOST_LOOSE:
        raise Conflict("too many of its orders name neither an establishment nor an id of it")
    return {
        "tax_ids": sorted(belongings.tax_ids),
        "customer_ids": sorted(map(list, belongings.customer_ids)),
        "loose": loose,
    }


def _read(told: Mapping[str, Any]) -> Belongings:
    return Belongings(
        frozenset(told["tax_ids"]),
        frozenset((connection, value) for connection, value in told["customer_ids"]),
        frozenset(told["loose"]),
    )


def _differs(found: int, expected: int) -> bool:
    return abs(found - expected) > max(_TOLERATED, expected // _TOLERANCE)


def _preview(wish: Wish, belongings: Belongings | None = None) -> dict[str, Any]:
    """Work out what it costs: how many orders and papers, who sees them no more and who will."""
    going = belongings or _belongings(wish)
    records = going.of(wish.from_company).values("pk")
    documents = Document.objects.filter(record_id__in=records)
    houses = None if wish.kind == MERGE or wish.pieces.customer_ids else wish.pieces.establishments
    losing = mapping.who_sees(company_id=wish.from_company, establishment_ids=houses)
    gaining = (
        mapping.who_sees(company_id=wish.to_company, establishment_ids=())
        if wish.to_company
        else []
    )
    ids = CustomerId.objects.filter(company_id=wish.from_company)
    staying = ids.exclude(pk__in=wish.pieces.customer_ids)
    return {
        "orders": count_orders(belongings=going, company_id=wish.from_company),
        "documents": documents.count(),
        "shares": ShareLink.objects.filter(
            document__in=documents, revoked_at=None, company_id=wish.from_company
        ).count(),
        "left_behind": count_left_behind(belongings=going, company_id=wish.from_company),
        "left_ids": [str(each) for each in staying[:_MOST_NAMES]],
        "people": len(losing) if wish.kind == MERGE else 0,
        "losing": losing[:_MOST_NAMES],
        "losing_count": len(losing),
        "gaining": gaining[:_MOST_NAMES],
        "gaining_count": len(gaining),
    }


def _record(action: Action, change: MapChange, person_id: int | None, now: datetime) -> None:
    """Say it in the record of both companies, which says nothing of the other one.

    The reason names whom it likes: it stays with the change, and in operations' own line.
    """
    ends = {change.payload["from"], change.payload["to"], change.before.get("to")} - {None}
    for company_id in sorted(ends):
        record(
            action,
            actor=Actor(person_id=person_id, staff_role=StaffRole.OPERATIONS),
            company_id=company_id,
            object_kind="map-change",
            object_id=str(change.public_id),
            detail={
                "kind": change.kind,
                "state": change.state,
                "orders": change.orders_expected,
            },
            now=now,
        )
