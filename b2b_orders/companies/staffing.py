"""The seller's staff and teams: read by operations, changed by workers."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.db.models import Count, Exists, OuterRef

from b2b_orders.accounts.models import Person
from b2b_orders.common import tenancy
from b2b_orders.common.errors import Conflict, NotAllowed, NotVisible
from b2b_orders.companies.access import StaffViewer
from b2b_orders.companies.models import (
    Acting,
    Company,
    Establishment,
    Portfolio,
    StaffProfile,
    StaffRole,
    Team,
)
from b2b_orders.companies.viewers import tax_id_ending

RIGHTS = ("can_see_prices", "can_see_finance", "can_see_as_company")


@dataclass(frozen=True, slots=True)
class StaffRow:
    """One of staff, as operations see them. `team` is "" for who serves every company."""

    public_id: uuid.UUID
    name: str
    email: str
    is_active: bool
    last_login: datetime | None
    role: StaffRole
    team: str
    seller_code: str
    rights: frozenset[str]
    portfolio_count: int
    has_second_factor: bool


@dataclass(frozen=True, slots=True)
class TeamRow:
    """A team, and how many people and companies are its."""

    id: int
    name: str
    staff_count: int
    company_count: int


@dataclass(frozen=True, slots=True)
class ServedCompany:
    """A company of a portfolio or of a team."""

    public_id: uuid.UUID
    name: str
    tax_id_ending: str


def list_staff(*, viewer: StaffViewer) -> tuple[StaffRow, ...]:
    """List all of staff by name; operations only."""
    with _as_operations(viewer):
        return tuple(_row(values) for values in _staff().values(*_FIELDS))


def get_staff(*, viewer: StaffViewer, public_id: uuid.UUID) -> StaffRow:
    """Return one of staff; `NotVisible` when there is none; operations only."""
    with _as_operations(viewer):
        values = _staff().filter(person__public_id=public_id).values(*_FIELDS).first()
    if values is None:
        raise NotVisible
    return _row(values)


def list_portfolio(*, viewer: StaffViewer, public_id: uuid.UUID) -> tuple[ServedCompany, ...]:
    """List the customers of a salesperson by name; operations only."""
    with _as_operations(viewer):
        companies = Company.objects.filter(
            pk__in=Portfolio.objects.filter(staff__person__public_id=public_id).values("company_id")
        )
        return _served(list(companies.order_by("name").values_list("pk", "public_id", "name")))


def list_team_companies(
    *, viewer: StaffViewer, team_id: int, limit: int = 200
) -> tuple[ServedCompany, ...]:
    """List the companies of a team by name; operations only."""
    with _as_operations(viewer):
        companies = Company.objects.filter(team_id=team_id).order_by("name")
        return _served(list(companies.values_list("pk", "public_id", "name")[:limit]))


def list_teams(*, viewer: StaffViewer) -> tuple[TeamRow, ...]:
    """List the teams by name; operations only."""
    with _as_operations(viewer):
        staff = dict(
            StaffProfile.objects.filter(team__isnull=False)
            .values("team_id")
            .annotate(n=Count("pk"))
            .values_list("team_id", "n")
        )
        companies = dict(
            Company.objects.filter(team__isnull=False)
            .values("team_id")
            .annotate(n=Count("pk"))
            .values_list("team_id", "n")
        )
        return tuple(
            TeamRow(pk, name, staff.get(pk, 0), companies.get(pk, 0))
            for pk, name in Team.objects.order_by("name").values_list("pk", "name")
        )


@contextmanager
def _as_operations(viewer: StaffViewer) -> Iterator[None]:
    if not viewer.can_operate:
        raise NotAllowed
    with tenancy.scope(role=tenancy.STAFF, person_id=viewer.person_id):
        yield


_FIELDS = (
    *("person__public_id", "person__name", "person__email", "person__is_active"),
    *("person__last_login", "role", "team__name", "seller_code", *RIGHTS, "served", "factor"),
)


def _staff() -> Any:
    factors = Authenticator.objects.filter(
        user_id=OuterRef("person_id"), type__in=("totp", "webauthn")
    )
    return StaffProfile.objects.annotate(
        served=Count("portfolio"), factor=Exists(factors)
    ).order_by("person__name", "pk")


def _row(values: dict[str, Any]) -> StaffRow:
    return StaffRow(
        public_id=values["person__public_id"],
        name=values["person__name"],
        email=values["person__email"],
        is_active=values["person__is_active"],
        last_login=values["person__last_login"],
        role=StaffRole(values["role"]),
        team=values["team__name"] or "",
        seller_code=values["seller_code"],
        rights=frozenset(name for name in RIGHTS if values[name]),
        portfolio_count=values["served"],
        has_second_factor=values["factor"],
    )


def _served(rows: list[tuple[int, uuid.UUID, str]]) -> tuple[ServedCompany, ...]:
    tax_ids = dict(
        Establishment.objects.filter(company_id__in=[row[0] for row in rows])
        .order_by("-pk")
        .values_list("company_id", "tax_id")
    )
    return tuple(
        ServedCompany(public_id, name, tax_id_ending(tax_ids.get(pk, "")))
        for pk, public_id, name in rows
    )


# --- the worker's side ----------------------------------------------------------------------


@transaction.atomic
def save_staff(
    *,
    person_public_id: uuid.UUID,
    role: StaffRole,
    team: str,
    seller_code: str,
    rights: frozenset[str],
    now: datetime,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Make a person one of staff, or change what they are; return what was and what is.

    Who changes their role stops acting at once, and finds nothing to go on with when they are
    of support again. `NotVisible` for a person or a team that is gone.
    """
    person = Person.objects.filter(public_id=person_public_id).first()
    found = Team.objects.filter(name=team).first() if team else None
    if person is None or (team and found is None):
        raise NotVisible
    known = StaffProfile.objects.filter(person=person).select_related("team").first()
    before = described(known) if known else {}
    values = {name: name in rights for name in RIGHTS}
    saved, _ = StaffProfile.objects.update_or_create(
        person=person,
        defaults={"role": role, "team": found, "seller_code": seller_code, **values},
    )
    if role is not StaffRole.SUPPORT:
        _stop_acting(person.pk, now)
    return before, described(saved)


def _stop_acting(person_id: int, now: datetime) -> None:
    Acting.objects.filter(person_id=person_id, ended_at=None).update(ended_at=now)


@transaction.atomic
def end_staff(*, person_public_id: uuid.UUID, now: datetime) -> dict[str, Any]:
    """Make a person no longer one of staff; return what they were. Acting ends with it."""
    known = (
        StaffProfile.objects.filter(person__public_id=person_public_id)
        .select_related("team")
        .first()
    )
    if known is None:
        return {}
    before = described(known)
    _stop_acting(known.person_id, now)
    known.delete()
    return before


def described(staff: StaffProfile) -> dict[str, Any]:
    """Say what one of staff is, for the record."""
    return {
        "role": str(staff.role),
        "team": staff.team.name if staff.team else "",
        "seller_code": staff.seller_code,
        "rights": sorted(name for name in RIGHTS if getattr(staff, name)),
    }


@transaction.atomic
def move_customer(
    *,
    company_public_id: uuid.UUID,
    from_public_id: uuid.UUID | None,
    to_public_id: uuid.UUID | None,
) -> Company:
    """Take a customer out of one portfolio and put it into another, or one of both."""
    company = Company.objects.filter(public_id=company_public_id).first()
    if company is None:
        raise NotVisible
    if to_public_id is not None:
        staff = StaffProfile.objects.filter(person__public_id=to_public_id).first()
        if staff is None:
            raise NotVisible
        Portfolio.objects.get_or_create(staff=staff, company=company)
    if from_public_id is not None:
        Portfolio.objects.filter(staff__person__public_id=from_public_id, company=company).delete()
    return company


@transaction.atomic
def save_team(*, team_id: int | None, name: str) -> Team:
    """Make a team, or give one another name; `Conflict` when another one has it."""
    other = Team.objects.filter(name__iexact=name).exclude(pk=team_id or 0).first()
    if other is not None and team_id is None:
        # Made before, by a worker that was killed after it.
        return other
    if other is not None:
        raise Conflict(f"there is a team called {other.name}")
    if team_id is None:
        return Team.objects.create(name=name)
    if not Team.objects.filter(pk=team_id).update(name=name):
        raise NotVisible
    return Team.objects.get(pk=team_id)


@transaction.atomic
def drop_team(*, team_id: int) -> str:
    """Drop a team that has nobody and no company: else those would be everybody's at once."""
    team = Team.objects.filter(pk=team_id).first()
    if team is None:
        return ""
    if (
        StaffProfile.objects.filter(team=team).exists()
        or Company.objects.filter(team=team).exists()
    ):
        raise Conflict(f"{team.name} still has people or companies")
    team.delete()
    return team.name


@transaction.atomic
def put_company_team(*, company_public_id: uuid.UUID, team: str) -> tuple[Company, str]:
    """Say which team serves a company, "" for all; return the company and its former team."""
    company = Company.objects.select_related("team").filter(public_id=company_public_id).first()
    found = Team.objects.filter(name=team).first() if team else None
    if company is None or (team and found is None):
        raise NotVisible
    before = company.team.name if company.team else ""
    Company.objects.filter(pk=company.pk).update(team=found)
    return company, before
