"""Which company has what: the rows that a change of the map rewrites, and how they were before.

All of it runs in a worker, in a transaction of the caller's. What orders follow is not this
layer's: see `ingest.map_changes`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from b2b_orders.common.errors import Conflict
from b2b_orders.companies.access import RIGHT_OF_FIELD, rights_of
from b2b_orders.companies.models import (
    Acting,
    Company,
    CustomerId,
    Establishment,
    Invitation,
    Membership,
    MembershipScope,
    Role,
)

Before = dict[str, Any]
_OWN = (*RIGHT_OF_FIELD, "role", "is_scoped", "is_active")


@dataclass(frozen=True, slots=True)
class Pieces:
    """Establishments and customer ids, by their rows' ids."""

    establishments: tuple[int, ...] = ()
    customer_ids: tuple[int, ...] = ()

    @classmethod
    def of(cls, company_id: int) -> Pieces:
        """Return all that a company has."""
        return cls(
            tuple(_ids(Establishment.objects.filter(company_id=company_id))),
            tuple(_ids(CustomerId.objects.filter(company_id=company_id))),
        )

    def __bool__(self) -> bool:
        return bool(self.establishments or self.customer_ids)


def _ids(rows: Any) -> list[int]:
    return list(rows.order_by("id").values_list("id", flat=True))


def tax_ids_of(pieces: Pieces) -> frozenset[str]:
    """Return the tax ids of some establishments."""
    rows = Establishment.objects.filter(pk__in=pieces.establishments)
    return frozenset(rows.values_list("tax_id", flat=True))


def customer_ids_of(pieces: Pieces) -> frozenset[tuple[str, str]]:
    """Return connection and id of some customer ids."""
    rows = CustomerId.objects.filter(pk__in=pieces.customer_ids)
    return frozenset(rows.values_list("connection", "value"))


def check_pieces(*, pieces: Pieces, company_id: int) -> None:
    """Raise `Conflict` unless all of it is the company's now."""
    for model, wanted in (
        (Establishment, pieces.establishments),
        (CustomerId, pieces.customer_ids),
    ):
        found = model.objects.filter(pk__in=wanted, company_id=company_id).count()
        if found != len(set(wanted)):
            raise Conflict("some of it belongs to another company by now")


def move_pieces(*, pieces: Pieces, to_company: int) -> Before:
    """Give a company establishments and customer ids; nobody keeps a scope over what left.

    Returns what `put_back_scopes` needs.
    """
    scopes = MembershipScope.objects.filter(establishment_id__in=pieces.establishments).exclude(
        membership__company_id=to_company
    )
    before = [list(row) for row in scopes.values_list("membership_id", "establishment_id")]
    scopes.delete()
    Establishment.objects.filter(pk__in=pieces.establishments).update(company_id=to_company)
    CustomerId.objects.filter(pk__in=pieces.customer_ids).update(company_id=to_company)
    return {"scopes": before}


def put_back_scopes(*, before: Mapping[str, Any], company_id: int) -> None:
    """Give members back the scope over establishments that are their company's again."""
    pairs = [(int(member), int(house)) for member, house in before.get("scopes", ())]
    members = Membership.objects.filter(company_id=company_id, is_scoped=True).in_bulk(
        [member for member, _ in pairs]
    )
    houses = set(
        Establishment.objects.filter(
            company_id=company_id, pk__in=[house for _, house in pairs]
        ).values_list("pk", flat=True)
    )
    _add_scopes([(members[m], house) for m, house in pairs if m in members and house in houses])


def _add_scopes(pairs: Iterable[tuple[Membership, int]]) -> None:
    MembershipScope.objects.bulk_create(
        [
            MembershipScope(
                membership=member,
                establishment_id=house,
                company_id=member.company_id,
                person_id=member.person_id,
            )
            for member, house in pairs
        ],
        ignore_conflicts=True,
    )


# --- merging two companies -------------------------------------------------------------------


def close_merged(*, company_id: int, into: int, now: datetime) -> Before:
    """End a company that was merged: its invitations and who acts for it end with it."""
    open_ones = Invitation.objects.filter(company_id=company_id, accepted_at=None, revoked_at=None)
    invitations = _ids(open_ones)
    open_ones.update(revoked_at=now)
    Acting.objects.filter(company_id=company_id, ended_at=None).update(ended_at=now)
    company = Company.objects.get(pk=company_id)
    was_active = company.is_active
    Company.objects.filter(pk=company_id).update(is_active=False, merged_into_id=into)
    return {"invitations": invitations, "was_active": was_active}


def reopen_merged(*, company_id: int, before: Mapping[str, Any]) -> None:
    """Put a merged company back as it was."""
    Company.objects.filter(pk=company_id).update(
        is_active=bool(before.get("was_active", True)), merged_into=None
    )
    Invitation.objects.filter(pk__in=before.get("invitations", ()), company_id=company_id).update(
        revoked_at=None
    )


def move_members(
    *, from_company: int, into: int, houses: Sequence[int], whole_company: bool
) -> list[dict[str, Any]]:
    """Move a merged company's people along, so that nobody sees more than before.

    `houses` are the establishments that came along. Who saw the whole merged company sees
    these, and not the rest of the other one, unless `whole_company` says otherwise. Who
    belongs to both keeps what they have, and gains the houses that they saw before only
    where their rights in the other company go no further than they did here. Call it before
    the scopes are taken away by `move_pieces`. Returns what puts it back.
    """
    Membership.objects.select_for_update().filter(company_id__in=(from_company, into)).count()
    there = {member.person_id: member for member in Membership.objects.filter(company_id=into)}
    before = []
    members = Membership.objects.filter(company_id=from_company).order_by("id")
    for member in members.prefetch_related("scopes"):
        scopes = [scope.establishment_id for scope in member.scopes.all()]
        seen = [house for house in scopes if house in houses] if member.is_scoped else list(houses)
        other = there.get(member.person_id)
        entry: dict[str, Any] = {"member": member.pk, "is_scoped": member.is_scoped}
        entry |= {"scopes": scopes, "gained": []}
        if other is None:
            _take_along(member, into, seen, whole_company=whole_company and not member.is_scoped)
        elif member.is_active:
            entry |= {"other": other.pk, "was": {name: getattr(other, name) for name in _OWN}}
            entry["other_scopes"] = list(other.scopes.values_list("establishment_id", flat=True))
            _join(member, other, seen)
        before.append(entry)
    return before


def _take_along(member: Membership, into: int, seen: Sequence[int], *, whole_company: bool) -> None:
    member.scopes.all().delete()
    member.company_id = into
    member.is_scoped = not whole_company
    member.save(update_fields=["company", "is_scoped"])
    if member.is_scoped:
        _add_scopes((member, house) for house in seen)


def _join(member: Membership, other: Membership, seen: Sequence[int]) -> None:
    """Let somebody of both companies see in one what they saw in two, with no further right."""
    if not other.is_active:
        for name in _OWN:
            setattr(other, name, getattr(member, name))
        other.is_scoped = True
        other.save(update_fields=list(_OWN))
        other.scopes.all().delete()
        _add_scopes((other, house) for house in seen)
    elif other.is_scoped and _rights(other) <= _rights(member):
        _add_scopes((other, house) for house in seen)


def _rights(member: Membership) -> frozenset[str]:
    own = {field: getattr(member, field) for field in RIGHT_OF_FIELD}
    return frozenset(rights_of(Role(member.role), own))


def return_members(
    *,
    company_id: int,
    into: int,
    before: Sequence[Mapping[str, Any]],
    houses: Sequence[int],
    held: Iterable[Sequence[int]],
) -> None:
    """Put a merged company's people back; what was taken from them meanwhile stays taken.

    `houses` are the establishments that the merge moved, `held` which member had which of them
    in their scope until now.
    """
    kept: dict[int, set[int]] = {}
    for pk, house in held:
        kept.setdefault(pk, set()).add(house)
    for entry in before:
        member = Membership.objects.filter(pk=entry["member"]).first()
        if member is None:
            continue
        if "other" not in entry and member.company_id == into:
            had = set(entry["scopes"] if entry["is_scoped"] else houses)
            has = kept.get(member.pk, set())
            is_narrowed = member.is_scoped and not had <= has
            member.scopes.all().delete()
            member.company_id = company_id
            member.is_scoped = entry["is_scoped"] or is_narrowed
            member.save(update_fields=["company", "is_scoped"])
            back = (had & has if is_narrowed else had) if member.is_scoped else set()
            _add_scopes((member, house) for house in _still(sorted(back), company_id))
        elif "other" in entry:
            _keep_out(member, entry, into)
            _add_scopes(
                (member, house)
                for house in _still(entry["scopes"], company_id)
                if member.is_scoped and member.company_id == company_id
            )
            _part(entry, into)


def _keep_out(member: Membership, entry: Mapping[str, Any], into: int) -> None:
    """Remove who was of both companies, and was removed from the one that they became."""
    other = Membership.objects.filter(pk=entry["other"], company_id=into).first()
    if other is not None and not other.is_active:
        member.is_active, member.removed_at = False, other.removed_at
        member.save(update_fields=["is_active", "removed_at"])


def _part(entry: Mapping[str, Any], into: int) -> None:
    other = Membership.objects.filter(pk=entry["other"], company_id=into).first()
    if other is None or entry["was"]["is_active"]:
        return
    for name, value in entry["was"].items():
        setattr(other, name, value)
    other.save(update_fields=list(_OWN))
    other.scopes.all().delete()
    _add_scopes((other, house) for house in _still(entry["other_scopes"], into))


def _still(houses: Sequence[int], company_id: int) -> list[int]:
    return _ids(Establishment.objects.filter(pk__in=houses, company_id=company_id))


# --- who sees what ---------------------------------------------------------------------------


def who_sees(*, company_id: int, establishment_ids: Sequence[int] | None) -> list[str]:
    """Name a company's people who see orders of some establishments, None being any of them."""
    members = Membership.objects.filter(company_id=company_id, is_active=True)
    if establishment_ids is not None:
        members = members.filter(
            Q(is_scoped=False) | Q(scopes__establishment_id__in=establishment_ids)
        )
    names = members.order_by("person__name").values_list("person__name", "person__email")
    return [f"{name} <{email}>" for name, email in names.distinct()]
