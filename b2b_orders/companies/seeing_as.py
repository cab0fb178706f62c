"""Support identifies the caller, and borrows the eyes of one of the company's people."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from b2b_orders.common.errors import NotAllowed, NotVisible
from b2b_orders.companies.access import RIGHT_OF_FIELD, Right, StaffViewer, Viewer, rights_of
from b2b_orders.companies.models import Acting, Membership, Role
from b2b_orders.companies.services import clean_reason


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """Somebody of the company, with what they may be told. `branches` None is all of it.

    No address: who calls says it, and it is not to be read out to them.
    """

    public_id: uuid.UUID
    name: str
    role: Role
    rights: frozenset[Right]
    branches: tuple[str, ...] | None
    is_seen_as: bool


@dataclass(frozen=True, slots=True)
class EyesChanged:
    """Whose eyes were borrowed before and are now; "" is the company's."""

    before: str
    now: str


def list_people(*, viewer: Viewer) -> tuple[KnownPerson, ...]:
    """List who may be told what, by name; for support that acts for the company, else unseen."""
    _require_acting(viewer)
    members = (
        Membership.objects.filter(
            company_id=viewer.company_id, is_active=True, person__is_active=True
        )
        .select_related("person")
        .prefetch_related("scopes__establishment")
        .order_by("person__name", "pk")
    )
    return tuple(_person(member, viewer) for member in members)


def change_eyes(
    *, viewer: Viewer, staff: StaffViewer, person_public_id: uuid.UUID | None
) -> EyesChanged:
    """Borrow a member's eyes from now on, or the company's own for None.

    Pages call `audit.acting.see_as`, which also records it. `NotAllowed` for the company's eyes
    without that right, `NotVisible` for somebody who is not a member of it now.
    """
    acting = _acting_of(viewer)
    before = acting.seen_as.person.name if acting.seen_as else ""
    member = None
    if person_public_id is not None:
        member = (
            Membership.objects.filter(
                company_id=viewer.company_id,
                is_active=True,
                person__is_active=True,
                person__public_id=person_public_id,
            )
            .select_related("person")
            .first()
        )
        if member is None:
            raise NotVisible
    elif not staff.can_see_as_company:
        raise NotAllowed
    Acting.objects.filter(pk=acting.pk).update(seen_as=member)
    return EyesChanged(before, member.person.name if member else "")


def change_reason(*, viewer: Viewer, reason: str) -> tuple[str, str]:
    """Give acting another reason; return the former one and it. `InvalidInput` if too short."""
    cleaned = clean_reason(reason)
    acting = _acting_of(viewer)
    Acting.objects.filter(pk=acting.pk).update(reason=cleaned)
    return acting.reason, cleaned


def _require_acting(viewer: Viewer) -> int:
    if viewer.acting_id is None:
        raise NotVisible
    return viewer.acting_id


def _acting_of(viewer: Viewer) -> Acting:
    acting = (
        Acting.objects.filter(pk=_require_acting(viewer), person_id=viewer.person_id, ended_at=None)
        .select_related("seen_as__person")
        .first()
    )
    if acting is None:
        raise NotVisible
    return acting


def _person(member: Membership, viewer: Viewer) -> KnownPerson:
    own = {field: getattr(member, field) for field in RIGHT_OF_FIELD}
    tax_ids = sorted(scope.establishment.tax_id for scope in member.scopes.all())
    return KnownPerson(
        public_id=member.person.public_id,
        name=member.person.name,
        role=Role(member.role),
        rights=rights_of(Role(member.role), own),
        branches=tuple(tax_ids) if member.is_scoped else None,
        is_seen_as=member.pk == viewer.seen_as_id,
    )
