"""Companies and people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from allauth.usersessions.models import UserSession
from django.test import Client

from b2b_orders.accounts import sessions
from b2b_orders.accounts.models import Person
from b2b_orders.common import clock
from b2b_orders.companies import services
from b2b_orders.companies.models import Company, Membership, Role, StaffProfile, StaffRole

NOW = datetime(2026, 3, 10, 13, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"
CONNECTION_VTEX = "loja"
CONNECTION_ERP = "erp"


def make_company(
    name: str = "Alfa Distribuidora",
    tax_ids: Iterable[str] = ("12345678000195",),
    *,
    customer_ids: Mapping[str, str] | None = None,
    is_active: bool = True,
) -> Company:
    """Make a company; `customer_ids` maps a connection to the company's id there."""
    return services.create_company(
        name=name,
        tax_ids=tax_ids,
        customer_ids=(customer_ids or {}).items(),
        is_active=is_active,
    )


def make_person(name: str, email: str = "") -> Person:
    """Make somebody who signs in with PASSWORD, and who knows the portal already."""
    address = email or f"{name.split(maxsplit=1)[0].lower()}@example.com"
    return Person.objects.create_user(address, PASSWORD, name=name, welcomed_at=NOW)


def make_member(
    person: Person, company: Company, role: Role = Role.BUYER, *, tax_ids: Sequence[str] = ()
) -> Membership:
    """Let a person into a company, limited to some of its CNPJs when given."""
    return services.put_member(
        person_id=person.pk, company_id=company.pk, role=role, tax_ids=tax_ids
    )


def make_staff(
    person: Person,
    role: StaffRole,
    *,
    seller_code: str = "",
    portfolio: Iterable[Company] = (),
    can_see_prices: bool = False,
    can_see_finance: bool = False,
) -> StaffProfile:
    """Make a person one of the seller's staff."""
    return services.put_staff(
        person_id=person.pk,
        role=role,
        seller_code=seller_code,
        company_ids=[company.pk for company in portfolio],
        can_see_prices=can_see_prices,
        can_see_finance=can_see_finance,
    )


def sign_in(client: Client, person: Person) -> Client:
    """Sign a client in as the log-in page would have, without going through it."""
    client.force_login(person, "allauth.account.auth_backends.AuthenticationBackend")
    now = clock.now()
    session = client.session
    session[sessions.SIGNED_IN] = session[sessions.SEEN] = now.timestamp()
    # Later than whatever asked for it at this very moment.
    session[sessions.FRESH] = now.timestamp() + 0.001
    session.save()
    UserSession.objects.create(
        user=person,
        session_key=session.session_key,
        ip="127.0.0.1",
        user_agent="",
        created_at=now,
        last_seen_at=now,
    )
    return client
