"""Staff and teams, as operations see and change them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _

from b2b_orders.companies.staffing import RIGHTS, ServedCompany, StaffRow, TeamRow
from b2b_orders.portal import formats, words
from b2b_orders.portal import words_operations as operations
from b2b_orders.portal.presenters.operations import Moment, moment


@dataclass(frozen=True, slots=True)
class Option:
    """Something to choose."""

    value: str
    text: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class StaffFields:
    """The fields of the form that changes one of staff."""

    roles: tuple[Option, ...]
    teams: tuple[Option, ...]
    rights: tuple[Option, ...]
    seller_code: str


@dataclass(frozen=True, slots=True)
class StaffItem:
    """One of staff."""

    public_id: str
    name: str
    email: str
    role: str
    team: str
    seller_code: str
    rights: tuple[str, ...]
    portfolio: str
    last_login: Moment
    factor: words.Chip
    is_active: bool
    is_oneself: bool
    url: str


@dataclass(frozen=True, slots=True)
class TeamItem:
    """A team."""

    id: str
    form: str
    name: str
    staff: str
    companies: str
    can_drop: bool


@dataclass(frozen=True, slots=True)
class CustomerItem:
    """A customer of a portfolio."""

    public_id: str
    form: str
    name: str
    ending: str


def staff_items(
    rows: Iterable[StaffRow], *, own_email: str, now: datetime
) -> tuple[StaffItem, ...]:
    """Present all of staff."""
    return tuple(staff_item(row, own_email=own_email, now=now) for row in rows)


def staff_item(row: StaffRow, *, own_email: str, now: datetime) -> StaffItem:
    """Present one of staff."""
    return StaffItem(
        public_id=str(row.public_id),
        name=row.name,
        email=row.email,
        role=words.text(operations.STAFF_ROLE, row.role),
        team=row.team or _("all companies"),
        seller_code=row.seller_code,
        rights=tuple(
            words.text(operations.STAFF_RIGHT, name)
            for name in RIGHTS
            # A right that its role never uses says nothing.
            if name in row.rights and row.role == operations.ROLE_OF_RIGHT[name]
        ),
        portfolio=formats.count(row.portfolio_count),
        last_login=moment(row.last_login, now),
        factor=words.Chip(_("set up"), "good", "check")
        if row.has_second_factor
        else words.Chip(_("missing"), "warn", "alert"),
        is_active=row.is_active,
        is_oneself=row.email == own_email,
        url=reverse("portal:operations-staff-person", kwargs={"public_id": row.public_id}),
    )


def staff_fields(
    row: StaffRow | None, teams: Iterable[TeamRow], typed: Mapping[str, str]
) -> StaffFields:
    """Fill the form with what was typed, else with what the person is."""
    role = typed.get("role", row.role if row else "support")
    team = typed.get("team", row.team if row else "")
    had = row.rights if row else frozenset({"can_see_as_company"})
    rights = {name for name in RIGHTS if typed.get(name) == "yes"} if typed else had
    return StaffFields(
        roles=tuple(
            Option(code, str(text), code == role) for code, text in operations.STAFF_ROLE.items()
        ),
        teams=(
            Option("", _("all companies"), not team),
            *(Option(each.name, each.name, each.name == team) for each in teams),
        ),
        rights=tuple(
            Option(code, str(text), code in rights) for code, text in operations.STAFF_RIGHT.items()
        ),
        seller_code=typed.get("seller_code", row.seller_code if row else ""),
    )


def team_items(rows: Iterable[TeamRow]) -> tuple[TeamItem, ...]:
    """Present the teams."""
    return tuple(
        TeamItem(
            id=str(row.id),
            form=f"team-{row.id}",
            name=row.name,
            staff=formats.count(row.staff_count),
            companies=formats.count(row.company_count),
            can_drop=not row.staff_count and not row.company_count,
        )
        for row in rows
    )


def customer_items(rows: Iterable[ServedCompany]) -> tuple[CustomerItem, ...]:
    """Present the customers of a portfolio."""
    return tuple(
        CustomerItem(
            public_id=str(row.public_id),
            form=f"move-{row.public_id}",
            name=row.name,
            ending=f"…{row.tax_id_ending}" if row.tax_id_ending else "",
        )
        for row in rows
    )


def seller_options(rows: Iterable[StaffRow], *, without: str) -> tuple[Option, ...]:
    """List to whom a customer may go."""
    return tuple(
        Option(str(row.public_id), row.name, is_chosen=False)
        for row in rows
        if row.role == "telesales" and str(row.public_id) != without
    )
