"""Errands about the data of people, at their wish: taking it out, and taking them out.

See `errand_kinds` for the rules that all kinds keep.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from b2b_orders.accounts.models import Person
from b2b_orders.audit.models import PersonExport
from b2b_orders.common.errors import InvalidInput, NotVisible
from b2b_orders.companies.access import Actor
from b2b_orders.companies.models import StaffRole
from b2b_orders.ingest.anonymising import Refused, anonymise
from b2b_orders.ingest.errand_types import Outcome, Params, Task
from b2b_orders.ingest.person_export import build_export

_READ = ("id", "public_id", "email", "anonymised_at")


def known_person(params: Params) -> dict[str, Any]:
    """Take a person who is named by their id; only the id is kept."""
    return {"person": str(_find(params)["public_id"])}


def confirmed_person(params: Params) -> dict[str, Any]:
    """Take a person whose address was typed once more: it cannot be undone."""
    found = _find(params)
    if str(params.get("confirm", "")).strip().lower() != found["email"].lower():
        raise InvalidInput("confirm", "confirm-wrong")
    return {"person": str(found["public_id"])}


def _find(params: Params) -> dict[str, Any]:
    try:
        rows = Person.objects.filter(public_id=UUID(str(params.get("person", ""))))
    except ValueError as error:
        raise NotVisible from error
    found = rows.values(*_READ).first()
    if found is None:
        raise NotVisible
    if found["anonymised_at"] is not None:
        raise InvalidInput("person", "person-anonymised")
    return dict(found)


def export_person(task: Task) -> Outcome:
    """Put a person's data together for whoever answers them. Twice is once."""
    person = _person(task)
    export, _is_new = PersonExport.objects.get_or_create(
        person=person,
        asked_by_id=task.person_id,
        asked_at=task.asked_at,
        defaults={"reason": task.reason},
    )
    now = task.clock()
    build_export(export_id=export.pk, now=now)
    return _of(person, "person-exported", export=str(export.public_id))


def anonymise_person(task: Task) -> Outcome:
    """Take a person out for good, unless something stands against it."""
    person, now = _person(task), task.clock()
    try:
        done = anonymise(person_id=person.pk, actor=_actor(task), now=now)
    except Refused as error:
        return _of(person, error.reason, is_done=False, company=error.company)
    return _of(person, "person-anonymised" if done else "person-anonymised-before")


def _person(task: Task) -> Person:
    found = Person.objects.filter(public_id=UUID(task.params["person"])).first()
    if found is None:
        raise NotVisible
    return found


def _actor(task: Task) -> Actor:
    return Actor(person_id=task.person_id, staff_role=StaffRole.OPERATIONS, reason=task.reason)


def _of(person: Person, code: str, *, is_done: bool = True, **figures: Any) -> Outcome:
    return Outcome(
        code,
        is_done=is_done,
        figures=figures,
        object_kind="person",
        object_id=str(person.public_id),
    )
