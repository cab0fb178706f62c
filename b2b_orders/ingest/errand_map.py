"""Errands about the map of companies: making and changing them, and what needs four eyes.

See `errand_kinds` for the rules that all kinds keep, and `map_changes` for what moves orders.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from b2b_orders.audit.services import Action
from b2b_orders.common.errors import Conflict, InvalidInput, NotVisible
from b2b_orders.companies.mapping import Pieces
from b2b_orders.companies.models import (
    Company,
    CustomerId,
    DefaultScope,
    Establishment,
    MapChange,
    MapConflict,
    MapState,
    Team,
)
from b2b_orders.companies.services import add_customer_id, add_establishment, create_company
from b2b_orders.companies.tax_ids import read_tax_id
from b2b_orders.ingest import map_changes, map_conflicts
from b2b_orders.ingest.errand_orders import MAX_NAME, TURN_SECONDS, find_company
from b2b_orders.ingest.errand_types import Job, Kind, Outcome, Params, Task
from b2b_orders.ingest.map_changes import MERGE, MOVE, SPLIT, Wish
from b2b_orders.ingest.models import Connection
from b2b_orders.ingest.sources import system_of
from b2b_orders.orders.services import attach_waiting
from erp_bridge.records import System

# How an id of a shop is written: what it is an id of, then the id.
VTEX_ID = re.compile(r"(organization|cost_center|company_id|contract):[A-Za-z0-9._-]{1,45}")
_MAX_PIECES = 500

# --- reading forms ------------------------------------------------------------------------------


def _company(params: Params, field: str = "company") -> str:
    """Take the id of a company that there is."""
    try:
        public_id = UUID(str(params.get(field, "")))
    except ValueError as error:
        raise NotVisible from error
    if not Company.objects.filter(public_id=public_id).values("pk").exists():
        raise NotVisible
    return str(public_id)


def _name(params: Params, field: str = "name", *, but: str = "") -> str:
    name = " ".join(str(params.get(field, "")).split())
    if not name:
        raise InvalidInput(field, "company-name-missing")
    if len(name) > MAX_NAME:
        raise InvalidInput(field, "name-too-long")
    taken = Company.objects.filter(name__iexact=name)
    if but:
        taken = taken.exclude(public_id=but)
    if taken.values("pk").exists():
        raise InvalidInput(field, "name-taken")
    return name


def _row(task: Task, field: str = "company") -> Company:
    company = Company.objects.filter(public_id=task.params[field]).first()
    if company is None:
        raise NotVisible
    return company


def _of(company: Company, code: str, **about: Any) -> Outcome:
    return Outcome(
        code,
        figures={"company": company.name, "public_id": str(company.public_id)},
        company_id=company.pk,
        object_kind="company",
        object_id=str(company.public_id),
        about=about,
    )


# --- what needs one pair of eyes ------------------------------------------------------------------


def known_new(params: Params) -> dict[str, Any]:
    """Take a name that no company has, and a tax id that may be left out."""
    text = str(params.get("tax_id", ""))
    if text:
        read_tax_id(text)
    return {"name": _name(params), "tax_id": text}


def make_company(task: Task) -> Outcome:
    """Make a company, and hand over the orders that waited for its tax id."""
    name, tax_id = task.params["name"], task.params["tax_id"]
    with transaction.atomic():
        # One that is there was made by a worker that was killed after it.
        company = Company.objects.filter(name=name, created_at__gte=task.asked_at).first()
        if company is None:
            company = create_company(name=name)
            if tax_id:
                _add(task, company, lambda: add_establishment(company_id=company.pk, tax_id=tax_id))
    attach_waiting(company_id=company.pk, now=task.clock())
    return _of(company, "company-made", name=name, tax_id=tax_id)


def known_company_change(params: Params) -> dict[str, Any]:
    """Take what a company is to be."""
    company = _company(params)
    team = str(params.get("team", ""))
    if team and not (team.isascii() and team.isdigit() and len(team) < 10):
        raise InvalidInput("team", "team-wrong")
    if team and not Team.objects.filter(pk=int(team)).exists():
        raise InvalidInput("team", "team-wrong")
    scope = str(params.get("default_scope", ""))
    if scope not in set(DefaultScope.values):
        raise InvalidInput("default_scope", "scope-wrong")
    return {
        "company": company,
        "name": _name(params, but=company),
        "team": int(team) if team else None,
        "default_scope": scope,
        "is_active": params.get("is_active") == "yes",
        "requires_second_factor": params.get("requires_second_factor") == "yes",
    }


_SETTINGS = ("name", "team_id", "default_scope", "is_active", "requires_second_factor")


def change_company(task: Task) -> Outcome:
    """Rename a company, switch it on or off, and change its settings."""
    company = _row(task)
    if company.merged_into_id is not None and task.params["is_active"]:
        raise Conflict("it was merged into another company: undo that instead")
    wanted = dict(task.params) | {"team_id": task.params["team"]}
    before = {name: getattr(company, name) for name in _SETTINGS}
    for name in _SETTINGS:
        setattr(company, name, wanted[name])
    company.save(update_fields=["name", "team", *_SETTINGS[2:]])
    now = {name: wanted[name] for name in _SETTINGS}
    return _of(company, "company-changed", before=before, now=now)


def known_addition(params: Params) -> dict[str, Any]:
    """Take a tax id, or a connection and the id that it knows the company by."""
    company = _company(params)
    tax_id, connection = str(params.get("tax_id", "")), str(params.get("connection", ""))
    value = str(params.get("value", ""))
    name = " ".join(str(params.get("name", "")).split())[:MAX_NAME]
    if tax_id:
        read_tax_id(tax_id)
        return {"company": company, "tax_id": tax_id, "name": name}
    return {"company": company, **known_id(connection, value)}


def known_id(connection: str, value: str) -> dict[str, str]:
    """Take an id of a company at a connection, as that kind of connection writes it."""
    found = Connection.objects.filter(name=connection).only("name", "kind").first()
    check_id(system_of(found) if found else None, value)
    return {"connection": connection, "value": value}


def check_id(system: System | None, value: str) -> None:
    """Raise `InvalidInput` unless a source of that system could know a company by that id."""
    if system is None:
        raise InvalidInput("connection", "connection-missing")
    if not value or len(value) > 60 or not value.isprintable():
        raise InvalidInput("value", "id-missing")
    if system is System.VTEX and not VTEX_ID.fullmatch(value):
        raise InvalidInput("value", "vtex-id-wrong")


def add_to_company(task: Task) -> Outcome:
    """Give a company an establishment or an id; what is another company's becomes a conflict."""
    company, params = _row(task), task.params
    if company.merged_into_id is not None:
        raise Conflict("it was merged into another company")
    if tax_id := params.get("tax_id", ""):
        name = params["name"]
        _add(
            task,
            company,
            lambda: add_establishment(company_id=company.pk, tax_id=tax_id, name=name),
        )
    else:
        _add(
            task,
            company,
            lambda: add_customer_id(
                company_id=company.pk, connection=params["connection"], value=params["value"]
            ),
        )
    attach_waiting(company_id=company.pk, now=task.clock())
    about = {name: value for name, value in params.items() if name != "company" and value}
    return _of(company, "company-extended", **about)


def _add(task: Task, company: Company, add: Callable[[], object]) -> None:
    """Add something, or list that two companies claim it and say so."""
    try:
        with transaction.atomic():
            add()
    except Conflict:
        params = task.params
        claim = map_conflicts.Claim(
            "operations", str(company.public_id), company.name, task.clock()
        )
        if tax_id := params.get("tax_id", ""):
            map_conflicts.note_claim(
                tax_id=read_tax_id(tax_id).value, other=claim, now=task.clock()
            )
        else:
            pair = (params["connection"], params["value"])
            map_conflicts.note_claim(customer_id=pair, other=claim, now=task.clock())
        raise


# --- what moves orders: four eyes -----------------------------------------------------------------


def _pieces(params: Params, company: str) -> dict[str, Any]:
    """Take establishments and ids of a company."""
    picked = {}
    for field, model in (("establishments", Establishment), ("customer_ids", CustomerId)):
        try:
            ids = sorted({int(each) for each in params.get(field, ())})
        except (TypeError, ValueError) as error:
            raise NotVisible from error
        if len(ids) > _MAX_PIECES or any(not 0 < each < 2**63 for each in ids):
            raise NotVisible
        if model.objects.filter(pk__in=ids, company__public_id=company).count() != len(ids):
            raise NotVisible
        picked[field] = ids
    if not any(picked.values()):
        raise InvalidInput("pieces", "pieces-missing")
    return picked


def known_move(params: Params) -> dict[str, Any]:
    """Take some of a company's pieces, and the company that shall have them."""
    company = _company(params)
    picked = _pieces(params, company)
    to = _other(params, company)
    return {"company": company, "to": to, **picked}


def _other(params: Params, company: str) -> str:
    named = str(params.get("to", ""))
    if not named:
        raise InvalidInput("to", "company-missing")
    try:
        to = str(find_company(named))
    except InvalidInput as error:
        raise InvalidInput("to", error.message) from error
    if to == company:
        raise InvalidInput("to", "same-company")
    return to


def known_split(params: Params) -> dict[str, Any]:
    """Take some of a company's pieces, and the name of the company that they shall be."""
    company = _company(params)
    return {"company": company, "new_name": _name(params, "new_name"), **_pieces(params, company)}


def known_merge(params: Params) -> dict[str, Any]:
    """Take the company that goes and the one that stays."""
    company = _company(params)
    return {"company": company, "to": _other(params, company)}


def ask_move(task: Task) -> Outcome:
    """Ask for pieces to go to another company."""
    return _ask(task, MOVE)


def ask_split(task: Task) -> Outcome:
    """Ask for pieces to become a company of their own."""
    return _ask(task, SPLIT)


def ask_merge(task: Task) -> Outcome:
    """Ask for a company to become part of another."""
    return _ask(task, MERGE)


def _ask(task: Task, kind: str) -> Outcome:
    company, params = _row(task), task.params
    to = _row(task, "to").pk if "to" in params else None
    if kind == MERGE:
        pieces = Pieces.of(company.pk)
    else:
        pieces = Pieces(tuple(params["establishments"]), tuple(params["customer_ids"]))
    wish = Wish(kind, company.pk, to, pieces, params.get("new_name", ""))
    asked = map_changes.ask(
        wish=wish,
        person_id=_person(task),
        reason=task.reason,
        asked_at=task.asked_at,
        now=task.clock(),
    )
    if not asked.is_waiting:
        for company_id in (asked.change.before.get("from"), asked.change.before.get("to")):
            if company_id:
                attach_waiting(company_id=company_id, now=task.clock())
        map_conflicts.settle_answered(now=task.clock(), person_id=task.person_id)
    return _change("change-waits" if asked.is_waiting else "change-done", asked.change)


def _person(task: Task) -> int:
    if task.person_id is None:
        raise NotVisible
    return task.person_id


def _change(code: str, change: MapChange, *, is_done: bool = True) -> Outcome:
    """Tell what came of a change. Both companies' records have lines of their own."""
    return Outcome(
        code,
        is_done=is_done,
        figures={"count": change.orders_expected, "change": str(change.public_id)},
        object_kind="map-change",
        object_id=str(change.public_id),
        about={"kind": change.kind, "companies": [change.payload["from"], change.payload["to"]]},
    )


def _known_change(params: Params, *states: MapState) -> dict[str, Any]:
    try:
        public_id = UUID(str(params.get("change", "")))
    except ValueError as error:
        raise NotVisible from error
    if not MapChange.objects.filter(public_id=public_id, state__in=states).exists():
        raise NotVisible
    return {"change": str(public_id)}


def known_waiting(params: Params) -> dict[str, Any]:
    """Take a change that waits, or that is being done and needs a worker again."""
    known = _known_change(params, MapState.WAITING, MapState.DOING)
    return known | {"whole_company": params.get("whole_company") == "yes"}


def known_undecided(params: Params) -> dict[str, Any]:
    """Take a change that waits."""
    return _known_change(params, MapState.WAITING)


def known_done(params: Params) -> dict[str, Any]:
    """Take a change that is done."""
    return _known_change(params, MapState.DONE)


def approve_change(task: Task) -> Outcome:
    """Start somebody else's change and move orders, in as many turns as it takes."""
    until = time.monotonic() + TURN_SECONDS
    public_id = UUID(task.params["change"])
    if not task.so_far:
        change = map_changes.approve(
            public_id=public_id,
            person_id=_person(task),
            whole_company=task.params["whole_company"],
            now=task.clock(),
        )
        if change.state == MapState.WAITING:
            return _change("change-shown-again", change, is_done=False)
    is_done = map_changes.go_on(
        public_id=public_id, clock=task.clock, is_over=lambda: time.monotonic() >= until
    )
    change = MapChange.objects.get(public_id=public_id)
    if not is_done:
        return Outcome("going-on", figures={"count": change.orders_moved}, goes_on=True)
    map_conflicts.settle_answered(now=task.clock(), person_id=task.person_id)
    return _change("change-done", change)


def reject_change(task: Task) -> Outcome:
    """Say no to a change, or take one's own back."""
    change = map_changes.reject(
        public_id=UUID(task.params["change"]),
        person_id=_person(task),
        reason=task.reason,
        now=task.clock(),
    )
    return _change("change-rejected", change)


def undo_change(task: Task) -> Outcome:
    """Ask for a change to be put back."""
    asked = map_changes.ask_undo(
        public_id=UUID(task.params["change"]),
        person_id=_person(task),
        reason=task.reason,
        asked_at=task.asked_at,
    )
    return _change("change-waits", asked.change)


# --- conflicts ------------------------------------------------------------------------------------


def known_conflict(params: Params) -> dict[str, Any]:
    """Take a conflict that is open."""
    try:
        public_id = UUID(str(params.get("conflict", "")))
    except ValueError as error:
        raise NotVisible from error
    if not MapConflict.objects.filter(public_id=public_id, settled_at=None).exists():
        raise NotVisible
    return {"conflict": str(public_id)}


def settle_conflict(task: Task) -> Outcome:
    """Note that a person looked at a conflict, and why nothing is changed."""
    public_id = UUID(task.params["conflict"])
    map_conflicts.settle_conflict(
        public_id=public_id, person_id=task.person_id, reason=task.reason, now=task.clock()
    )
    return Outcome("conflict-settled", object_kind="map-conflict", object_id=str(public_id))


JOBS: Mapping[Kind, Job] = {
    Kind.MAKE_COMPANY: Job(Action.COMPANY_MADE, known_new, make_company),
    Kind.CHANGE_COMPANY: Job(
        Action.COMPANY_CHANGED, known_company_change, change_company, needs_reason=True
    ),
    Kind.ADD_TO_COMPANY: Job(Action.COMPANY_CHANGED, known_addition, add_to_company),
    Kind.MOVE_PIECES: Job(Action.MAP_CHANGE_ASKED, known_move, ask_move, needs_reason=True),
    Kind.SPLIT_COMPANY: Job(Action.MAP_CHANGE_ASKED, known_split, ask_split, needs_reason=True),
    Kind.MERGE_COMPANIES: Job(Action.MAP_CHANGE_ASKED, known_merge, ask_merge, needs_reason=True),
    Kind.APPROVE_CHANGE: Job(Action.MAP_CHANGE_DECIDED, known_waiting, approve_change),
    Kind.REJECT_CHANGE: Job(
        Action.MAP_CHANGE_DECIDED, known_undecided, reject_change, needs_reason=True
    ),
    Kind.UNDO_CHANGE: Job(Action.MAP_CHANGE_ASKED, known_done, undo_change, needs_reason=True),
    Kind.SETTLE_CONFLICT: Job(
        Action.CONFLICT_SETTLED, known_conflict, settle_conflict, needs_reason=True
    ),
}
