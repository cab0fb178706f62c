"""Who is looking, and what they may do: pure, asked by everything, decided only here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from b2b_orders.companies.models import Role as Role  # noqa: PLC0414 what pages word
from b2b_orders.companies.models import StaffRole


class Right(StrEnum):
    """What a viewer may see or do beyond finding orders."""

    PRICES = "prices"
    FINANCE = "finance"
    DOCUMENTS = "documents"
    PEOPLE = "people"
    ACCESS_RECORD = "access_record"


RIGHTS_OF_ROLE: dict[Role, frozenset[Right]] = {
    Role.BUYER: frozenset({Right.PRICES, Right.FINANCE, Right.DOCUMENTS}),
    Role.FINANCE: frozenset({Right.PRICES, Right.FINANCE, Right.DOCUMENTS}),
    Role.VIEWER: frozenset({Right.DOCUMENTS}),
    Role.ADMIN: frozenset(Right),
}
RIGHTS_ACTING = frozenset({Right.PRICES, Right.FINANCE, Right.DOCUMENTS})
# Rights that a membership may have or lack against its role, by its field.
RIGHT_OF_FIELD: dict[str, Right] = {
    "sees_prices": Right.PRICES,
    "sees_finance": Right.FINANCE,
    "manages_people": Right.PEOPLE,
    "sees_access_record": Right.ACCESS_RECORD,
}


def rights_of(role: Role, own: Mapping[str, bool | None]) -> frozenset[Right]:
    """Return the rights of a member: those of the role, but for what was set by hand."""
    given = {right for name, right in RIGHT_OF_FIELD.items() if own.get(name) is True}
    taken = {right for name, right in RIGHT_OF_FIELD.items() if own.get(name) is False}
    return (RIGHTS_OF_ROLE[role] | given) - taken


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody looking at one company's orders. Every read takes one.

    `establishment_ids` is None for the whole company. `staff_role` is set for the
    seller's people; `acting_id` while support acts for the company. Built only by
    `companies.viewers`.
    """

    person_id: int
    company_id: int
    rights: frozenset[Right]
    establishment_ids: frozenset[int] | None = None
    staff_role: StaffRole | None = None
    acting_id: int | None = None
    reason: str = ""
    # The member whose eyes support borrows; None sees as the company.
    seen_as_id: int | None = None

    def can(self, right: Right) -> bool:
        """Say whether the viewer has a right."""
        return right in self.rights

    @property
    def is_staff(self) -> bool:
        """Say whether the viewer is of the seller's staff."""
        return self.staff_role is not None


@dataclass(frozen=True, slots=True)
class StaffViewer:
    """A person of staff looking across companies: number-first search and portfolio only.

    `company_ids` limits the look to a portfolio; None is every company (support).
    """

    person_id: int
    role: StaffRole
    company_ids: frozenset[int] | None = None
    seller_code: str = ""
    can_see_prices: bool = False
    can_see_finance: bool = False
    can_see_as_company: bool = True
    # The only team whose companies this person sees; None is every company.
    team_id: int | None = None

    def serves(self, team_id: int | None) -> bool:
        """Say whether a company of this team is theirs to serve; one of no team is everybody's."""
        return self.team_id is None or team_id is None or team_id == self.team_id

    @property
    def can_act(self) -> bool:
        """Say whether this person may act for a company."""
        return self.role is StaffRole.SUPPORT

    @property
    def can_operate(self) -> bool:
        """Say whether this person runs the portal."""
        return self.role is StaffRole.OPERATIONS


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did something and from where, for the audit record. Nobody has no `person_id`."""

    person_id: int | None = None
    staff_role: StaffRole | None = None
    address: str | None = None
    request_id: str = ""
    reason: str = ""
