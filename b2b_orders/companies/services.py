"""Making companies, letting people into them, and acting for them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from b2b_orders.common import tenancy
from b2b_orders.common.errors import Conflict, InvalidInput, NotAllowed, NotVisible
from b2b_orders.common.requests import without_nul
from b2b_orders.companies.access import StaffViewer
from b2b_orders.companies.models import (
    Acting,
    Company,
    CustomerId,
    Establishment,
    Membership,
    MembershipScope,
    Portfolio,
    Role,
    StaffProfile,
    StaffRole,
)
from b2b_orders.companies.tax_ids import read_tax_id

REASON_MIN_LENGTH = 5


def check_tax_id(text: str) -> str:
    """Return a tax id as it is stored: `[0-9A-Z]` only. See `tax_ids` for how it is written.

    Raises `InvalidInput` naming what is wrong with it.
    """
    return read_tax_id(text).value


@transaction.atomic
def create_company(
    *,
    name: str,
    tax_ids: Iterable[str] = (),
    customer_ids: Iterable[tuple[str, str]] = (),
    is_active: bool = True,
    customer_type: str = "",
) -> Company:
    """Make a company with its CNPJs and its (connection, id) pairs in ERPs."""
    if not name.strip():
        raise InvalidInput("name", "a company needs a name")
    company = Company.objects.create(
        name=name.strip(), is_active=is_active, customer_type=customer_type
    )
    extend_company(company_id=company.pk, tax_ids=tax_ids, customer_ids=customer_ids)
    return company


def put_customer_type(*, company_id: int, customer_type: str) -> None:
    """Say by which of the seller's words a company is known to rules; "" for none."""
    Company.objects.filter(pk=company_id).update(customer_type=customer_type)


def get_company_named(name: str) -> Company | None:
    """Find a company by its name without case, or by its public id; for commands only.

    Raises `Conflict` when several have that name.
    """
    try:
        wanted = Q(public_id=uuid.UUID(name))
    except ValueError:
        wanted = Q(name__iexact=name.strip())
    found = Company.objects.filter(wanted)[:2]
    if len(found) > 1:
        raise Conflict(f"several companies are called {name!r}: name one by its id")
    return found[0] if found else None


@transaction.atomic
def extend_company(
    *,
    company_id: int,
    tax_ids: Iterable[str] = (),
    customer_ids: Iterable[tuple[str, str]] = (),
) -> None:
    """Add CNPJs and ids to a company; what it has already stays as it is."""
    for tax_id in tax_ids:
        add_establishment(company_id=company_id, tax_id=tax_id)
    for connection, value in customer_ids:
        add_customer_id(company_id=company_id, connection=connection, value=value)


def add_establishment(*, company_id: int, tax_id: str, name: str = "") -> Establishment:
    """Give a company a CNPJ, CPF or foreign tax id; `Conflict` when another company has it."""
    read = read_tax_id(tax_id)
    establishment, _ = Establishment.objects.get_or_create(
        tax_id=read.value,
        defaults={"company_id": company_id, "name": name, "country": read.country},
    )
    if establishment.company_id != company_id:
        raise Conflict(f"{establishment.tax_id} belongs to {establishment.company.name}")
    return establishment


def add_customer_id(*, company_id: int, connection: str, value: str) -> CustomerId:
    """Tell by which id a connection's ERP knows a company; `Conflict` when it is another's."""
    if not connection or not value:
        raise InvalidInput("customer_id", "write it as CONNECTION=VALUE")
    if value.isascii() and value.isdigit():
        # An ERP takes 055 for 55: two companies would be handed the same orders.
        alike = CustomerId.objects.filter(
            connection=connection, value__regex=rf"^0*{value.lstrip('0') or '0'}$"
        ).exclude(company_id=company_id)
        if other := alike.select_related("company").first():
            raise Conflict(f"{connection}={other.value} belongs to {other.company.name}")
    customer_id, _ = CustomerId.objects.get_or_create(
        connection=connection, value=value, defaults={"company_id": company_id}
    )
    if customer_id.company_id != company_id:
        raise Conflict(f"{connection}={value} belongs to {customer_id.company.name}")
    return customer_id


@transaction.atomic
def put_member(
    *, person_id: int, company_id: int, role: Role, tax_ids: Sequence[str] = ()
) -> Membership:
    """Let a person into a company with a role, limited to some of its CNPJs when given."""
    membership, _ = Membership.objects.update_or_create(
        person_id=person_id,
        company_id=company_id,
        defaults={
            "role": role,
            "is_scoped": bool(tax_ids),
            "is_active": True,
            "removed_at": None,
        },
    )
    membership.scopes.all().delete()
    wanted = {check_tax_id(tax_id) for tax_id in tax_ids}
    found = Establishment.objects.filter(company_id=company_id, tax_id__in=wanted)
    missing = wanted - {establishment.tax_id for establishment in found}
    if missing:
        raise InvalidInput("establishment", f"the company has no {', '.join(sorted(missing))}")
    MembershipScope.objects.bulk_create(
        MembershipScope(
            membership=membership,
            establishment=establishment,
            company_id=company_id,
            person_id=person_id,
        )
        for establishment in found
    )
    return membership


@transaction.atomic
def put_staff(
    *,
    person_id: int,
    role: StaffRole,
    seller_code: str = "",
    company_ids: Iterable[int] = (),
    can_see_prices: bool = False,
    can_see_finance: bool = False,
) -> StaffProfile:
    """Make a person one of the seller's staff, with the companies of their portfolio."""
    staff, _ = StaffProfile.objects.update_or_create(
        person_id=person_id,
        defaults={
            "role": role,
            "seller_code": seller_code,
            "can_see_prices": can_see_prices,
            "can_see_finance": can_see_finance,
        },
    )
    staff.portfolio.all().delete()
    Portfolio.objects.bulk_create(
        Portfolio(staff=staff, company_id=company_id) for company_id in set(company_ids)
    )
    return staff


@transaction.atomic
def start_acting(
    *,
    viewer: StaffViewer,
    company_public_id: uuid.UUID,
    reason: str,
    session_key: str,
    now: datetime,
) -> Acting:
    """Let support act for a company, in this log-in, until idle for too long.

    Pages call `audit.acting.start`, which also records it. Raises `NotAllowed` for a
    role that may not act, `InvalidInput` for a short reason, `NotVisible` for a company
    that does not exist, is inactive or is another team's.
    """
    if not viewer.can_act:
        raise NotAllowed
    reason = clean_reason(reason)
    with tenancy.scope(role=tenancy.STAFF):
        company_id, team_id = (
            Company.objects.filter(public_id=company_public_id, is_active=True)
            .values_list("pk", "team_id")
            .first()
        ) or (None, None)
    if company_id is None or not viewer.serves(team_id):
        raise NotVisible
    _of_session(viewer.person_id, session_key).filter(company_id=company_id).update(ended_at=now)
    return Acting.objects.create(
        person_id=viewer.person_id,
        company_id=company_id,
        reason=reason,
        session_key=session_key,
        started_at=now,
        seen_at=now,
    )


def clean_reason(text: str) -> str:
    """Return a reason as it is kept; `InvalidInput` for one that says too little."""
    reason = " ".join(without_nul(text).split())
    if len(reason) < REASON_MIN_LENGTH:
        raise InvalidInput("reason", "reason-too-short")
    return reason[:200]


def touch_acting(*, acting_id: int, now: datetime) -> None:
    """Put the idle timer back to its full time."""
    Acting.objects.filter(pk=acting_id, ended_at=None).update(seen_at=now)


def end_acting(
    *, person_id: int, session_key: str, now: datetime, company_public_id: uuid.UUID | None = None
) -> tuple[Acting, ...]:
    """End acting for one company, or for all of this log-in; return what was ended.

    Pages call `audit.acting.end`, which also records it.
    """
    acting = _of_session(person_id, session_key)
    if company_public_id is not None:
        acting = acting.filter(company__public_id=company_public_id)
    ended = tuple(acting)
    Acting.objects.filter(pk__in=[each.pk for each in ended]).update(ended_at=now)
    return ended


def end_idle_acting(*, person_id: int, now: datetime) -> tuple[Acting, ...]:
    """End what a person left idle for too long, in any log-in; return what was ended."""
    idle = timedelta(minutes=settings.PORTAL_ACTING_MINUTES)
    ended = tuple(
        Acting.objects.filter(person_id=person_id, ended_at=None, seen_at__lte=now - idle)
    )
    for acting in ended:
        acting.ended_at = acting.seen_at + idle
    Acting.objects.bulk_update(ended, ["ended_at"])
    return ended


def _of_session(person_id: int, session_key: str) -> QuerySet[Acting]:
    return Acting.objects.filter(person_id=person_id, session_key=session_key, ended_at=None)
