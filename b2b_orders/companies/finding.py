"""Whose a tax id is, for staff whom a caller reads it out to: whole ones only, never a list."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from b2b_orders.common import tenancy
from b2b_orders.companies.access import StaffViewer
from b2b_orders.companies.models import Establishment
from b2b_orders.companies.tax_ids import TaxId, read_tax_id_as_typed
from b2b_orders.companies.viewers import tax_id_ending


@dataclass(frozen=True, slots=True)
class CompanyHit:
    """A company by one of its tax ids: its name and the end of that id, as a hit of an order."""

    public_id: uuid.UUID
    name: str
    tax_id_ending: str


@dataclass(frozen=True, slots=True)
class OfTaxId:
    """What a tax id leads to: a company that one serves, or the team that serves it."""

    company: CompanyHit | None = None
    other_team: str = ""


def find_by_tax_id(*, viewer: StaffViewer, text: str) -> OfTaxId:
    """Find the active company that has a whole tax id, or name the other team whose it is.

    A beginning finds nothing: staff hear the id from who calls, and list no companies by it.
    """
    wanted = read_tax_id_as_typed(text)
    if wanted is None:
        return OfTaxId()
    with tenancy.scope(role=tenancy.STAFF):
        row = _row(wanted)
    if row is None:
        return OfTaxId()
    company_id, public_id, name, team_id, team, tax_id = row
    if viewer.company_ids is not None:
        serves = company_id in viewer.company_ids
    else:
        serves = viewer.serves(team_id)
    if serves:
        return OfTaxId(CompanyHit(public_id, name, tax_id_ending(tax_id)))
    return OfTaxId(other_team=team or "" if viewer.company_ids is None else "")


def _row(wanted: TaxId) -> tuple[int, uuid.UUID, str, int | None, str | None, str] | None:
    found = Establishment.objects.filter(tax_id=wanted.value, company__is_active=True)
    if wanted.country:
        found = found.filter(country=wanted.country)
    return found.values_list(
        "company_id",
        "company__public_id",
        "company__name",
        "company__team_id",
        "company__team__name",
        "tax_id",
    ).first()
