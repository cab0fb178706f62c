"""What makes the pages of a company's administrators alive: more people, who asks, who was asked.

None of them signs in; who does is listed in `world_people`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from b2b_orders.accounts.services import put_person
from b2b_orders.audit import invitations, joining
from b2b_orders.companies import services as companies
from b2b_orders.companies.models import Company, EmailDomain, Invitation, JoinRequest, Role
from erp_bridge.simulators import cast

DOMAIN = "alfa.example"
COLLEAGUES = (
    ("edu@alfa.example", "Edu Martins", Role.VIEWER, ()),
    ("fabia@alfa.example", "Fábia Costa", Role.FINANCE, ()),
    ("gil@alfa.example", "Gil Peixoto", Role.BUYER, (cast.ALFA_BRANCH_TAX_ID,)),
    ("helga@alfa.example", "Helga Wolf", Role.ADMIN, (cast.ALFA_BRANCH_TAX_ID,)),
)
INVITED = ("iara@alfa.example", "Iara Melo")
ASKS = ("joel@alfa.example", "Joel Santos", "Sou novo no fiscal, ramal 214.")


def put_administration(rows: Mapping[str, Company], *, now: datetime) -> None:
    """Make what is missing of Alfa's colleagues, its domain, an invitation and a request."""
    alfa = rows["alfa"]
    EmailDomain.objects.get_or_create(
        domain=DOMAIN, company=alfa, defaults={"may_join": True, "verified_at": now}
    )
    for email, name, role, tax_ids in COLLEAGUES:
        person, is_new = put_person(email=email, name=name)
        if is_new:
            companies.put_member(
                person_id=person.pk, company_id=alfa.pk, role=role, tax_ids=tax_ids
            )
    if not Invitation.objects.filter(company=alfa).exists():
        _invite(alfa, now)
    if not JoinRequest.objects.filter(company=alfa).exists():
        _ask(alfa, now)


def _invite(alfa: Company, now: datetime) -> None:
    email, name = INVITED
    invitation = Invitation(
        company=alfa,
        email=email,
        name=name,
        role=Role.VIEWER,
        invited_by=alfa.memberships.filter(role=Role.ADMIN).order_by("pk")[0].person,
        asked_at=now,
        expires_at=now + timedelta(days=7),
        sent_at=now,
    )
    invitation.token_hash = invitations.hash_of(invitations.secret_of(invitation))
    invitation.save()


def _ask(alfa: Company, now: datetime) -> None:
    email, name, message = ASKS
    wish = JoinRequest(
        company=alfa,
        email=email,
        name=name,
        message=message,
        asked_at=now,
        sent_at=now,
        proved_at=now,
        told_at=now,
    )
    wish.token_hash = invitations.hash_of(joining.secret_of(wish))
    wish.save()
