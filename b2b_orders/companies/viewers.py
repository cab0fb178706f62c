"""Building the viewer of a request: the only place that decides who looks at what."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from b2b_orders.accounts.models import Person
from b2b_orders.common import tenancy
from b2b_orders.companies.access import (
    RIGHT_OF_FIELD,
    RIGHTS_ACTING,
    Right,
    StaffViewer,
    Viewer,
    rights_of,
)
from b2b_orders.companies.models import Acting, Membership, Role, StaffRole

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
    # The member whose eyes are borrowed; "" sees as the company.
    seen_as: str = ""
    # The branches to which those eyes are limited, by their CNPJ; None is the whole company.
    seen_as_branches: tuple[str, ...] | None = None
    seen_as_language: str = ""
    # Whose eyes are borrowed is still to be said: until then there is nothing to see.
    must_choose: bool = False
    seconds_left: int = 0


@dataclass(frozen=True, slots=True)
class _Member:
    company: CompanyChoice
    role: Role
    rights: frozenset[Right]
    establishment_ids: frozenset[int] | None
    requires_second_factor: bool
    sign_in_again_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class _SeenAs:
    id: int
    name: str
    rights: frozenset[Right]
    establishment_ids: frozenset[int] | None
    branches: tuple[str, ...] | None = None
    language: str = ""


@dataclass(frozen=True, slots=True)
class _ActingRow:
    id: int
    company: CompanyChoice
    reason: str
    session_key: str
    seen_at: datetime
    seen_as: _SeenAs | None
    team_id: int | None = None


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
    def requires_second_factor(self) -> bool:
        """Say whether a company of the person's, or being of staff, asks for a second factor."""
        return self.asks_second_factor(vouched_for=None)

    def asks_second_factor(self, *, vouched_for: int | None) -> bool:
        """Say the same, but for the company whose own provider vouched for one."""
        of_staff = settings.PORTAL_STAFF_SECOND_FACTOR and self.staff is not None
        return of_staff or any(
            member.requires_second_factor and member.company.id != vouched_for
            for member in self.members
        )

    def sign_in_again_after(self, company_id: int) -> datetime | None:
        """Return since when a company of the person's asks them to prove anew who they are."""
        members = (m for m in self.members if m.company.id == company_id)
        return next((m.sign_in_again_after for m in members), None)

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
            return _acting_viewer(self.staff, row)
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

    def role_in(self, company_id: int) -> Role | None:
        """Return what the person is in a company of their own; None in any other one."""
        return next((m.role for m in self.members if m.company.id == company_id), None)

    def live_acting(self, session_key: str, now: datetime) -> tuple[_ActingRow, ...]:
        """Return what this very log-in acts for and has not left idle for too long.

        A company that went to another team meanwhile is left at once.
        """
        staff = self.staff
        return tuple(
            row
            for row in self.acting
            if row.session_key == session_key
            and now < row.seen_at + _idle_time()
            and staff is not None
            and staff.serves(row.team_id)
        )

    def has_idle_acting(self, now: datetime) -> bool:
        """Say whether something was left idle for too long and is to be ended."""
        return any(now >= row.seen_at + _idle_time() for row in self.acting)


def viewer_of_asker(
    *, person_id: int, company_id: int, is_staff: bool, acting_id: int | None = None
) -> Viewer | None:
    """Build the viewer of somebody who is not here, as what they are now; None is "no more".

    For what a person asked for and a worker does later, and for what opens by a link of
    theirs. Acting may have ended since it was asked for; the right to act must not.
    """
    standing = read_standing(person_id)
    if not Person.objects.filter(pk=person_id, is_active=True).exists():
        return None
    if not is_staff:
        viewer = standing.viewer_of_member(company_id)
    elif acting_id is not None:
        viewer = _viewer_who_acted(standing, acting_id)
    else:
        of_portfolio = standing.portfolio_viewers
        viewer = next((each for each in of_portfolio if each.company_id == company_id), None)
    return viewer if viewer is not None and viewer.company_id == company_id else None


def still(viewer: Viewer) -> Viewer | None:
    """Build anew the viewer to whom something is handed out bit by bit; None is "no more".

    Who reads an answer slowly is not to see for an hour what was taken from them in a minute.
    """
    return viewer_of_asker(
        person_id=viewer.person_id,
        company_id=viewer.company_id,
        is_staff=viewer.is_staff,
        acting_id=viewer.acting_id,
    )


@contextmanager
def reading_on(viewer: Viewer, right: Right) -> Iterator[Viewer | None]:
    """Open a scope for the next piece of what is streamed; None once its reader lost the right.

    The scope of the request has ended by then.
    """
    with tenancy.scope(role=tenancy.WEB, company_id=viewer.company_id, person_id=viewer.person_id):
        reader = still(viewer)
        yield reader if reader is not None and reader.can(right) else None


def still_staff(viewer: StaffViewer) -> StaffViewer | None:
    """Build anew one of staff to whom something is handed out bit by bit."""
    with tenancy.scope(role=tenancy.WEB, person_id=viewer.person_id):
        is_active = Person.objects.filter(pk=viewer.person_id, is_active=True).exists()
        staff = read_standing(viewer.person_id).staff
    return staff if is_active and staff is not None and staff.role is viewer.role else None


def _viewer_who_acted(standing: Standing, acting_id: int) -> Viewer | None:
    acting = (
        Acting.objects.filter(pk=acting_id, person_id=standing.person_id, company__is_active=True)
        .select_related("company", "seen_as__person")
        .first()
    )
    if acting is None or standing.staff is None or not standing.staff.can_act:
        return None
    if not standing.staff.serves(acting.company.team_id):
        return None
    return _acting_viewer(
        standing.staff,
        _ActingRow(
            id=acting.pk,
            company=CompanyChoice(
                acting.company_id, acting.company.public_id, acting.company.name, ""
            ),
            reason=acting.reason,
            session_key=acting.session_key,
            seen_at=acting.seen_at,
            seen_as=_eyes_of(acting.seen_as) if acting.seen_as else None,
        ),
    )


def _eyes_of(member: Membership) -> _SeenAs:
    """Read what a member sees now; nothing once they were removed."""
    name = member.person.name
    if not (member.is_active and member.person.is_active):
        return _SeenAs(member.pk, name, frozenset(), frozenset())
    own = {field: getattr(member, field) for field in RIGHT_OF_FIELD}
    rights = rights_of(Role(member.role), own)
    scopes = member.scopes.values_list("establishment_id", flat=True)
    return _SeenAs(member.pk, name, rights, frozenset(scopes) if member.is_scoped else None)


def tax_id_ending(tax_id: str) -> str:
    """Return the last six characters as people read them out: `0001-95`."""
    return f"{tax_id[-6:-2]}-{tax_id[-2:]}" if tax_id else ""


def acting_view(
    row: _ActingRow, now: datetime, *, touched: bool, as_company: bool = True
) -> ActingView:
    """Say what a page shows of acting; `touched` when this request put the timer back.

    `as_company` says whether the person may see as the whole company.
    """
    left = _idle_time() if touched else row.seen_at + _idle_time() - now
    seen_as = row.seen_as
    return ActingView(
        id=row.id,
        company_public_id=row.company.public_id,
        company_name=row.company.name,
        tax_id_ending=row.company.tax_id_ending,
        reason=row.reason,
        minutes_left=math.ceil(left / timedelta(minutes=1)),
        seen_as=seen_as.name if seen_as else "",
        seen_as_branches=seen_as.branches if seen_as else None,
        seen_as_language=seen_as.language if seen_as else "",
        must_choose=seen_as is None and not as_company,
        seconds_left=max(0, int(left.total_seconds())),
    )


def _idle_time() -> timedelta:
    return timedelta(minutes=settings.PORTAL_ACTING_MINUTES)


def _member_viewer(person_id: int, member: _Member) -> Viewer:
    return Viewer(
        person_id=person_id,
        company_id=member.company.id,
        rights=member.rights,
        establishment_ids=member.establishment_ids,
    )


def _acting_viewer(staff: StaffViewer, row: _ActingRow) -> Viewer:
    """Build the viewer of support: what the member sees whose eyes are borrowed, no more.

    Rights over people and the access record are never borrowed. Who may not see as the company
    sees nothing until it is said as whom.
    """
    seen_as = row.seen_as
    rights, establishment_ids = RIGHTS_ACTING, None
    if seen_as is not None:
        rights, establishment_ids = RIGHTS_ACTING & seen_as.rights, seen_as.establishment_ids
    elif not staff.can_see_as_company:
        rights, establishment_ids = frozenset(), frozenset()
    return Viewer(
        person_id=staff.person_id,
        company_id=row.company.id,
        rights=rights,
        establishment_ids=establishment_ids,
        staff_role=staff.role,
        acting_id=row.id,
        reason=row.reason,
        seen_as_id=seen_as.id if seen_as else None,
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
             WHERE s.membership_id = m.id),
            m.sees_prices, m.sees_finance, m.manages_people, m.sees_access_record,
            c.requires_second_factor, m.sign_in_again_after) ORDER BY m.id)
     FROM companies_membership m
     JOIN companies_company c ON c.id = m.company_id AND c.is_active
     LEFT JOIN LATERAL (SELECT tax_id FROM companies_establishment
         WHERE company_id = c.id ORDER BY id LIMIT 1) e ON true
     WHERE m.person_id = %(person)s AND m.is_active),
    (SELECT json_build_array(s.role, s.seller_code, s.can_see_prices, s.can_see_finance,
            s.can_see_as_company, s.team_id,
            (SELECT json_agg(json_build_array(c.id, c.public_id, c.name, e.tax_id) ORDER BY c.name)
             FROM companies_portfolio p
             JOIN companies_company c ON c.id = p.company_id AND c.is_active
             LEFT JOIN LATERAL (SELECT tax_id FROM companies_establishment
                 WHERE company_id = c.id ORDER BY id LIMIT 1) e ON true
             WHERE p.staff_id = s.id))
     FROM companies_staffprofile s WHERE s.person_id = %(person)s),
    (SELECT json_agg(json_build_array(c.id, c.public_id, c.name, e.tax_id, a.id, a.reason,
            a.session_key, a.seen_at, a.seen_as_id, p.name, m.role, m.is_scoped,
            (SELECT json_agg(s.establishment_id) FROM companies_membershipscope s
             WHERE s.membership_id = m.id),
            m.sees_prices, m.sees_finance, m.manages_people, m.sees_access_record,
            m.is_active AND p.is_active, p.language, c.team_id,
            (SELECT json_agg(e.tax_id ORDER BY e.tax_id) FROM companies_membershipscope s
             JOIN companies_establishment e ON e.id = s.establishment_id
             WHERE s.membership_id = m.id)) ORDER BY a.id)
     FROM companies_acting a
     JOIN companies_company c ON c.id = a.company_id AND c.is_active
     LEFT JOIN LATERAL (SELECT tax_id FROM companies_establishment
         WHERE company_id = c.id ORDER BY id LIMIT 1) e ON true
     LEFT JOIN companies_membership m ON m.id = a.seen_as_id
     LEFT JOIN accounts_person p ON p.id = m.person_id
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
        portfolio=tuple(_choice(row) for row in _portfolio(staff)) if staff else (),
        acting=tuple(_acting(row) for row in acting or ()),
    )


def _choice(row: Sequence[Any]) -> CompanyChoice:
    company_id, public_id, name, tax_id = row[:4]
    return CompanyChoice(company_id, uuid.UUID(public_id), name, tax_id_ending(tax_id or ""))


def _member(row: Sequence[Any]) -> _Member:
    rights, establishment_ids = _rights_and_scope(row[4:11])
    after = datetime.fromisoformat(row[12]) if row[12] else None
    return _Member(_choice(row), Role(row[4]), rights, establishment_ids, row[11], after)


def _rights_and_scope(row: Sequence[Any]) -> tuple[frozenset[Right], frozenset[int] | None]:
    """Read what a membership may see from its columns, as the statement lists them."""
    role, is_scoped, establishment_ids, *own = row
    rights = rights_of(Role(role), dict(zip(RIGHT_OF_FIELD, own, strict=True)))
    return rights, frozenset(establishment_ids or ()) if is_scoped else None


def _acting(row: Sequence[Any]) -> _ActingRow:
    acting_id, reason, session_key, seen_at, seen_as_id, name = row[4:10]
    seen_as = None
    if seen_as_id is not None:
        # Of somebody who was removed meanwhile there is nothing to borrow.
        nothing: tuple[frozenset[Right], frozenset[int]] = (frozenset(), frozenset())
        rights, scope = _rights_and_scope(row[10:17]) if row[17] else nothing
        branches = tuple(row[20] or ()) if scope is not None else None
        seen_as = _SeenAs(seen_as_id, name or "", rights, scope, branches, row[18] or "")
    return _ActingRow(
        *(acting_id, _choice(row), reason, session_key, datetime.fromisoformat(seen_at)),
        seen_as,
        row[19],
    )


def _portfolio(row: Sequence[Any]) -> Sequence[Any]:
    """Read a portfolio: what is left of one opens nothing to who does not sell any more."""
    return (row[6] or ()) if row[0] == StaffRole.TELESALES else ()


def _staff(person_id: int, row: Sequence[Any]) -> StaffViewer:
    role, seller_code, can_see_prices, can_see_finance, can_see_as_company, team_id = row[:6]
    company_ids = frozenset(company[0] for company in _portfolio(row))
    return StaffViewer(
        person_id=person_id,
        role=StaffRole(role),
        company_ids=None if role == StaffRole.SUPPORT else company_ids,
        seller_code=seller_code,
        can_see_prices=can_see_prices,
        can_see_finance=can_see_finance,
        can_see_as_company=can_see_as_company,
        team_id=team_id,
    )
