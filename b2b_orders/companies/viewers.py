"""Building the viewer of a request: the only place that decides who looks at what."""

from __future__ import annotations

import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from b2b_orders.companies.access import (
    RIGHTS_ACTING,
    RIGHTS_OF_ROLE,
    Right,
    StaffViewer,
    Viewer,
)
from b2b_orders.companies.models import Role, StaffRole

SESSION_KEY = "company"


@dataclass(frozen=True, slots=True)
class CompanyChoice:
    """A company that a person may look at."""

    id: int
    public_id: uuid.UUID
    name: str
    tax_id_ending: str


@dataclass(frozen=True, slots=True)
class ActingView:
    """A company that a support agent acts for now, and for how long without a request."""

    id: int
    company_public_id: uuid.UUID
    company_name: str
    tax_id_ending: str
    reason: str
    minutes_left: int


@dataclass(frozen=True, slots=True)
class _Member:
    company: CompanyChoice
    role: Role
    establishment_ids: frozenset[int] | None


@dataclass(frozen=True, slots=True)
class _ActingRow:
    id: int
    company: CompanyChoice
    reason: str
    session_key: str
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """What a person is, read anew at every request: memberships, staff role, acting."""

    person_id: int
    members: tuple[_Member, ...] = ()
    staff: StaffViewer | None = None
    portfolio: tuple[CompanyChoice, ...] = ()
    acting: tuple[_ActingRow, ...] = ()

    @property
    def companies(self) -> tuple[CompanyChoice, ...]:
        """Return the companies that the person belongs to."""
        return tuple(member.company for member in self.members)

    @property
    def portfolio_viewers(self) -> tuple[Viewer, ...]:
        """Return the viewers of the companies that a salesperson looks after, by name."""
        if self.staff is None:
            return ()
        return tuple(_portfolio_viewer(self.staff, choice.id) for choice in self.portfolio)

    def viewer_of_member(self, company_id: int | None) -> Viewer | None:
        """Build the viewer of the person's company with this id, else of their first one."""
        member = next((m for m in self.members if m.company.id == company_id), None)
        if member is None:
            member = next(iter(self.members), None)
        return _member_viewer(self.person_id, member) if member else None

    def viewer_of_address(
        self, company: uuid.UUID, *, session_key: str, now: datetime
    ) -> Viewer | None:
        """Build the viewer of staff for a company named in an address; None is "not found"."""
        if self.staff is None:
            return None
        acting = self.live_acting(session_key, now)
        row = next((a for a in acting if a.company.public_id == company), None)
        if row is not None and self.staff.can_act:
            return Viewer(
                person_id=self.person_id,
                company_id=row.company.id,
                rights=RIGHTS_ACTING,
                staff_role=self.staff.role,
                acting_id=row.id,
                reason=row.reason,
            )
        choice = next((c for c in self.portfolio if c.public_id == company), None)
        return _portfolio_viewer(self.staff, choice.id) if choice else None

    def viewer_of_own(self, company: uuid.UUID) -> Viewer | None:
        """Build the viewer of one of the person's own companies named in an address."""
        member = next((m for m in self.members if m.company.public_id == company), None)
        return _member_viewer(self.person_id, member) if member else None

    def viewer_of_company(self, company_id: int) -> Viewer | None:
        """Build the viewer of exactly this company of the person's own; None when it is not."""
        member = next((m for m in self.members if m.company.id == company_id), None)
        return _member_viewer(self.person_id, member) if member else None

    def live_acting(self, session_key: str, now: datetime) -> tuple[_ActingRow, ...]:
        """Return what this very log-in acts for and has not left idle for too long."""
        return tuple(
            row
            for row in self.acting
            if row.session_key == session_key and now < row.seen_at + _idle_time()
        )

    def has_idle_acting(self, now: datetime) -> bool:
        """Say whether something was left idle for too long and is to be ended."""
        return any(now >= row.seen_at + _idle_time() for row in self.acting)


def tax_id_ending(tax_id: str) -> str:
    """Return the last six characters as people read them out: `0001-95`."""
    return f"{tax_id[-6:-2]}-{tax_id[-2:]}" if tax_id else ""


def acting_view(row: _ActingRow, now: datetime, *, touched: bool) -> ActingView:
    """Say what a page shows of acting; `touched` when this request put the timer back."""
    left = _idle_time() if touched else row.seen_at + _idle_time() - now
    return ActingView(
        id=row.id,
        company_public_id=row.company.public_id,
        company_name=row.company.name,
        tax_id_ending=row.company.tax_id_ending,
        reason=row.reason,
        minutes_left=math.ceil(left / timedelta(minutes=1)),
    )


def _idle_time() -> timedelta:
    return timedelta(minutes=settings.PORTAL_ACTING_MINUTES)


def _member_viewer(person_id: int, member: _Member) -> Viewer:
    return Viewer(
        person_id=person_id,
        company_id=member.company.id,
        rights=RIGHTS_OF_ROLE[member.role],
        establishment_ids=member.establishment_ids,
    )


def _portfolio_viewer(staff: StaffViewer, company_id: int) -> Viewer:
    rights = {Right.DOCUMENTS}
    if staff.can_see_prices:
        rights.add(Right.PRICES)
    if staff.can_see_finance:
        rights.add(Right.FINANCE)
    return Viewer(
        person_id=staff.person_id,
        company_id=company_id,
        rights=frozenset(rights),
        staff_role=staff.role,
    )


# One statement for everything, because it runs at every request. It narrows by person
# explicitly; the policies of these tables do so once more.
_STANDING = """
SELECT
    (SELECT json_agg(json_build_array(c.id, c.public_id, c.name, e.tax_id, m.role, m.is_scoped,
            (SELECT json_agg(s.establishment_id) FROM companies_membershipscope s
             WHERE s.membership_id = m.id)) ORDER BY m.id)
     FROM companies_membership m
     JOIN companies_company c ON c.id = m.company_id AND c.is_active
     LEFT JOIN LATERAL (SELECT tax_id FROM companies_establishment
         WHERE company_id = c.id ORDER BY id LIMIT 1) e ON true
     WHERE m.person_id = %(person)s AND m.is_active),
    (SELECT json_build_array(s.role, s.seller_code, s.can_see_prices, s.can_see_finance,
            (SELECT json_agg(json_build_array(c.id, c.public_id, c.name, e.tax_id) ORDER BY c.name)
             FROM companies_portfolio p
             JOIN companies_company c ON c.id = p.company_id AND c.is_active
             LEFT JOIN LATERAL (SELECT tax_id FROM companies_establishment
                 WHERE company_id = c.id ORDER BY id LIMIT 1) e ON true
             WHERE p.staff_id = s.id))
     FROM companies_staffprofile s WHERE s.person_id = %(person)s),
    (SELECT json_agg(json_build_array(c.id, c.public_id, c.name, e.tax_id, a.id, a.reason,
            a.session_key, a.seen_at) ORDER BY a.id)
     FROM companies_acting a
     JOIN companies_company c ON c.id = a.company_id AND c.is_active
     LEFT JOIN LATERAL (SELECT tax_id FROM companies_establishment
         WHERE company_id = c.id ORDER BY id LIMIT 1) e ON true
     WHERE a.person_id = %(person)s AND a.ended_at IS NULL)
"""


def read_standing(person_id: int) -> Standing:
    """Read what a person is now. One SQL statement."""
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, {"person": person_id})
        members, staff, acting = cursor.fetchone()
    return Standing(
        person_id=person_id,
        members=tuple(_member(row) for row in members or ()),
        staff=_staff(person_id, staff) if staff else None,
        portfolio=tuple(_choice(row) for row in staff[4] or ()) if staff else (),
        acting=tuple(_acting(row) for row in acting or ()),
    )


def _choice(row: Sequence[Any]) -> CompanyChoice:
    company_id, public_id, name, tax_id = row[:4]
    return CompanyChoice(company_id, uuid.UUID(public_id), name, tax_id_ending(tax_id or ""))


def _member(row: Sequence[Any]) -> _Member:
    role, is_scoped, establishment_ids = row[4:]
    scope = frozenset(establishment_ids or ()) if is_scoped else None
    return _Member(_choice(row), Role(role), scope)


def _acting(row: Sequence[Any]) -> _ActingRow:
    acting_id, reason, session_key, seen_at = row[4:]
    return _ActingRow(acting_id, _choice(row), reason, session_key, datetime.fromisoformat(seen_at))


def _staff(person_id: int, row: Sequence[Any]) -> StaffViewer:
    role, seller_code, can_see_prices, can_see_finance, portfolio = row
    company_ids = frozenset(company[0] for company in portfolio or ())
    return StaffViewer(
        person_id=person_id,
        role=StaffRole(role),
        company_ids=None if role == StaffRole.SUPPORT else company_ids,
        seller_code=seller_code,
        can_see_prices=can_see_prices,
        can_see_finance=can_see_finance,
    )
