"""Changing what people of a company may see, with a line in the audit record for each change."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db.models import Q

from b2b_orders.accounts.sessions import end_sessions
from b2b_orders.audit.models import Action
from b2b_orders.audit.services import record
from b2b_orders.common import tenancy
from b2b_orders.common.errors import InvalidInput, NotVisible
from b2b_orders.companies.access import RIGHT_OF_FIELD, Actor, Viewer
from b2b_orders.companies.models import (
    Company,
    DefaultScope,
    EmailDomain,
    Invitation,
    Membership,
    MembershipScope,
)
from b2b_orders.companies.people import (
    Grant,
    PersonRow,
    check_grant,
    get_person,
    has_administrator,
    lock_people,
    put_grant,
    require_administrator,
)
from b2b_orders.companies.viewers import read_standing


def change_member(
    *, viewer: Viewer, actor: Actor, public_id: uuid.UUID, grant: Grant, now: datetime
) -> bool:
    """Change what somebody of the company may see; say whether anything was changed.

    Raises `NotVisible` for who is not there to be changed, `InvalidInput` for oneself, for
    the last administrator, and for more than the viewer may hand out.
    """
    row = _to_change(viewer, public_id)
    check_grant(viewer=viewer, grant=grant, had=row.grant.rights)
    if grant == row.grant:
        return False
    if not grant.administrates_all:
        _require_another(row, viewer)
    put_grant(person_id=row.person_id, company_id=viewer.company_id, grant=grant)
    detail: dict[str, object] = {
        "before": grant_words(row.grant),
        "after": grant_words(grant),
    }
    _record(Action.MEMBER_CHANGED, row, viewer, actor, now, detail)
    return True


def remove_member(*, viewer: Viewer, actor: Actor, public_id: uuid.UUID, now: datetime) -> None:
    """Take somebody out of the company at once, and sign out who belongs to no other.

    Which of both it was is not said: where else somebody belongs is not this company's affair.

    Their orders stay the company's. What opens by a link of theirs asks what they may see at
    that moment, and ends with it; so do invitations that nobody accepted yet, theirs to others
    and others' to them.
    """
    row = _to_change(viewer, public_id)
    _require_another(row, viewer)
    Membership.objects.filter(pk=row.membership_id).update(is_active=False, removed_at=now)
    MembershipScope.objects.filter(membership_id=row.membership_id).delete()
    ended = Invitation.objects.filter(
        Q(invited_by_id=row.person_id) | Q(email=row.email),
        company_id=viewer.company_id,
        accepted_at=None,
        revoked_at=None,
    ).update(revoked_at=now)
    if not _belongs_elsewhere(row, viewer):
        end_sessions(row.person_id)
    detail = {"before": grant_words(row.grant), "invitations_ended": ended}
    _record(Action.MEMBER_REMOVED, row, viewer, actor, now, detail)


def _belongs_elsewhere(row: PersonRow, viewer: Viewer) -> bool:
    with tenancy.scope(role=tenancy.WEB, person_id=row.person_id):
        standing = read_standing(row.person_id)
    others = (each for each in standing.companies if each.id != viewer.company_id)
    return standing.staff is not None or any(others)


def end_sessions_of(*, viewer: Viewer, actor: Actor, public_id: uuid.UUID, now: datetime) -> None:
    """Have somebody log in anew to see the company: a lost telephone, a shared machine.

    What they do in another company goes on: its administrators have a say there, not these.
    """
    row = _to_change(viewer, public_id)
    Membership.objects.filter(pk=row.membership_id).update(sign_in_again_after=now)
    if not _belongs_elsewhere(row, viewer):
        end_sessions(row.person_id)
    _record(Action.SESSION_ENDED, row, viewer, actor, now, {})


def change_company(
    *,
    viewer: Viewer,
    actor: Actor,
    default_scope: str,
    requires_second_factor: bool,
    joinable: frozenset[int],
    now: datetime,
) -> None:
    """Set what the company's administrators decide for it; `joinable` are ids of domains."""
    require_administrator(viewer, of_all=True)
    if default_scope not in DefaultScope.values:
        raise InvalidInput("default_scope", "unknown-scope")
    company = Company.objects.get(pk=viewer.company_id)
    domains = EmailDomain.objects.filter(company_id=viewer.company_id).exclude(verified_at=None)
    before = {
        "default_scope": company.default_scope,
        "requires_second_factor": company.requires_second_factor,
        "may_join": sorted(domain.domain for domain in domains if domain.may_join),
    }
    after = {
        "default_scope": default_scope,
        "requires_second_factor": requires_second_factor,
        "may_join": sorted(domain.domain for domain in domains if domain.pk in joinable),
    }
    if before == after:
        return
    Company.objects.filter(pk=viewer.company_id).update(
        default_scope=default_scope, requires_second_factor=requires_second_factor
    )
    domains.filter(pk__in=joinable).update(may_join=True)
    domains.exclude(pk__in=joinable).update(may_join=False)
    record(
        Action.COMPANY_CHANGED,
        actor=actor,
        company_id=viewer.company_id,
        object_kind="company",
        object_id=str(company.public_id),
        detail={"before": before, "after": after},
        now=now,
    )


def grant_words(grant: Grant) -> dict[str, object]:
    """Write a grant as the record keeps it."""
    ids = grant.establishment_ids
    return {
        "role": str(grant.role),
        "establishments": None if ids is None else sorted(ids),
        "rights": {name: grant.own[name] for name in RIGHT_OF_FIELD if name in grant.own},
    }


def _to_change(viewer: Viewer, public_id: uuid.UUID) -> PersonRow:
    """Lock the company's people and read the one that is to be changed, as they are now."""
    require_administrator(viewer)
    lock_people(viewer.company_id)
    row = get_person(viewer=viewer, public_id=public_id)
    if not row.is_active:
        raise NotVisible
    if row.is_self:
        raise InvalidInput("person", "yourself")
    return row


def _require_another(row: PersonRow, viewer: Viewer) -> None:
    if row.grant.administrates_all and not has_administrator(
        viewer.company_id, without=row.membership_id
    ):
        raise InvalidInput("person", "last-administrator")


def _record(
    action: Action,
    row: PersonRow,
    viewer: Viewer,
    actor: Actor,
    now: datetime,
    detail: dict[str, object],
) -> None:
    record(
        action,
        actor=actor,
        company_id=viewer.company_id,
        object_kind="person",
        object_id=str(row.public_id),
        detail=detail,
        now=now,
    )
