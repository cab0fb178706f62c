"""Operations' rules for documents, and customers' types that rules may name."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from b2b_orders.accounts.models import Person
from b2b_orders.common import tenancy
from b2b_orders.common.errors import NotAllowed, NotVisible
from b2b_orders.companies.access import StaffViewer
from b2b_orders.companies.models import Company
from b2b_orders.documents.models import DocumentRule

_LIST_LIMIT = 200


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule as operations see it; `place` counts from 1, in the order in which rules decide."""

    public_id: uuid.UUID
    place: int
    kind: str
    effect: str
    connection: str
    customer_type: str
    conditions: Mapping[str, Any]
    is_enabled: bool
    person_name: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class TypedCompany:
    """A company with the type that rules know it by."""

    public_id: uuid.UUID
    name: str
    customer_type: str


@contextmanager
def _operations(viewer: StaffViewer) -> Iterator[None]:
    if not viewer.can_operate:
        raise NotAllowed
    with tenancy.scope(role=tenancy.STAFF, person_id=viewer.person_id):
        yield


def list_rules(*, viewer: StaffViewer) -> tuple[RuleRow, ...]:
    """List the rules in the order in which they decide; operations only."""
    with _operations(viewer):
        rows = list(DocumentRule.objects.order_by("position", "pk"))
    names = dict(
        Person.objects.filter(pk__in={row.person_id for row in rows}).values_list("pk", "name")
    )
    return tuple(
        RuleRow(
            public_id=row.public_id,
            place=place,
            kind=row.kind,
            effect=row.effect,
            connection=row.connection,
            customer_type=row.customer_type,
            conditions=row.conditions,
            is_enabled=row.is_enabled,
            person_name=names.get(row.person_id or 0, ""),
            changed_at=row.changed_at,
        )
        for place, row in enumerate(rows, start=1)
    )


def list_typed_companies(*, viewer: StaffViewer) -> tuple[TypedCompany, ...]:
    """List the companies that have a type, by name; operations only."""
    with _operations(viewer):
        rows = Company.objects.exclude(customer_type="").order_by("name", "pk")
        found = rows.values_list("public_id", "name", "customer_type")[:_LIST_LIMIT]
        return tuple(TypedCompany(*row) for row in found)


# --- the worker's side ----------------------------------------------------------------------


def put_rule(
    *, public_id: uuid.UUID, values: Mapping[str, Any], person_id: int | None, now: datetime
) -> None:
    """Write a rule, a new one at the end; twice is the same."""
    with transaction.atomic():
        known = DocumentRule.objects.filter(public_id=public_id)
        stamps = {"person_id": person_id, "changed_at": now}
        if not known.update(**values, **stamps):
            last = len(_in_order())
            DocumentRule.objects.create(public_id=public_id, position=last + 1, **values, **stamps)


def switch_rule(
    *, public_id: uuid.UUID, is_enabled: bool, person_id: int | None, now: datetime
) -> None:
    """Switch a rule on or off; `NotVisible` when it is gone."""
    values = {"is_enabled": is_enabled, "person_id": person_id, "changed_at": now}
    if not DocumentRule.objects.filter(public_id=public_id).update(**values):
        raise NotVisible


def drop_rule(*, public_id: uuid.UUID) -> None:
    """Forget a rule; one that is gone was dropped before."""
    DocumentRule.objects.filter(public_id=public_id).delete()


def place_rule(*, public_id: uuid.UUID, place: int) -> None:
    """Put a rule at a place, counted from 1, and number all of them anew."""
    with transaction.atomic():
        rules = _in_order()
        mine = [rule for rule in rules if rule.public_id == public_id]
        if not mine:
            raise NotVisible
        others = [rule for rule in rules if rule.public_id != public_id]
        ordered = [*others[: place - 1], *mine, *others[place - 1 :]]
        for position, rule in enumerate(ordered, start=1):
            rule.position = position
        DocumentRule.objects.bulk_update(ordered, ["position"])


def _in_order() -> Sequence[DocumentRule]:
    return list(DocumentRule.objects.select_for_update().order_by("position", "pk"))
