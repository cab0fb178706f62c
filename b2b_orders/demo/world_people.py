"""The companies, people and connections of the demo, made by the services production uses.

Orders are not made here: they come from the simulators, as they would from real sources.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from b2b_orders.accounts.services import put_person
from b2b_orders.companies import services as companies
from b2b_orders.companies.models import Company, Establishment, Role, StaffRole
from b2b_orders.demo.world_admin import put_administration
from b2b_orders.ingest.services import save_connection
from b2b_orders.orders.services import attach_waiting
from erp_bridge.simulators import cast, generator
from erp_bridge.simulators.erp import TOKEN as ERP_TOKEN
from erp_bridge.simulators.model import SELLER
from erp_bridge.simulators.model import Company as WorldCompany
from erp_bridge.simulators.vtex import APP_KEY, APP_TOKEN
from erp_bridge.simulators.vtex_lines import ACCOUNT

VTEX, ERP = "vtex", "erp"
COMPANIES = 60
PORTFOLIO_SIZE = 6
# What the seller calls its kinds of customers; rules for documents may depend on it.
CUSTOMER_TYPES = {"alfa": "revenda", "beta": "consumidor"}
# The oldest order that the demo knows by name.
FIRST_YEAR = 2019


@dataclass(frozen=True, slots=True)
class Member:
    """A person of buying companies; `tax_ids` limit them to some branches."""

    email: str
    name: str
    role: Role
    companies: tuple[str, ...]
    password: str
    tax_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Staff:
    """A person of the seller."""

    email: str
    name: str
    role: StaffRole
    password: str
    seller_code: str = ""


@dataclass(frozen=True, slots=True)
class Access:
    """How somebody of the demo signs in."""

    role: str
    company: str
    name: str
    email: str
    password: str


MEMBERS = (
    Member("ana@alfa.example", "Ana Prado", Role.BUYER, ("alfa",), "demo-buyer-2026"),
    Member("bruno@alfa.example", "Bruno Lima", Role.FINANCE, ("alfa",), "demo-finance-2026"),
    Member(
        "carla@alfa.example",
        "Carla Nunes",
        Role.BUYER,
        ("alfa",),
        "demo-branch-2026",
        (cast.ALFA_BRANCH_TAX_ID,),
    ),
    Member("rita@alfa.example", "Rita Campos", Role.ADMIN, ("alfa",), "demo-admin-2026"),
    Member(
        "davi@beta.example",
        "Davi Rocha",
        Role.BUYER,
        ("alfa", "beta", "gama"),
        "demo-two-companies-2026",
    ),
)
STAFF = (
    Staff("suzana@seller.example", "Suzana Reis", StaffRole.SUPPORT, "demo-support-2026"),
    Staff(
        "teo@seller.example",
        cast.TEO_NAME,
        StaffRole.TELESALES,
        "demo-telesales-2026",
        cast.TEO_CODE,
    ),
    Staff("olga@seller.example", "Olga Vidal", StaffRole.OPERATIONS, "demo-operations-2026"),
    # Moving orders between companies needs two: what Olga asks for, Otto decides.
    Staff("otto@seller.example", "Otto Braga", StaffRole.OPERATIONS, "demo-four-eyes-2026"),
)


def world_companies() -> tuple[WorldCompany, ...]:
    """List the companies of the simulated world: the cast, then the invented ones."""
    return cast.cast_companies() + tuple(generator.invented_companies(COMPANIES))


def load(*, vtex_url: str, erp_url: str, now: datetime) -> list[Access]:
    """Make what is missing of connections, companies and people; say how people sign in."""
    known = world_companies()
    with transaction.atomic():
        put_connections(vtex_url=vtex_url, erp_url=erp_url, now=now)
        rows = {company.key: put_company(company, now=now) for company in known}
        people = [*put_members(rows), *put_staff(rows, known)]
        put_administration(rows, now=now)
        return people


def put_connections(*, vtex_url: str, erp_url: str, now: datetime) -> None:
    """Make or change the connections to the two simulators."""
    save_connection(
        kind="vtex",
        name=VTEX,
        label="Site",
        # The simulated account has no other callers to leave room for.
        settings={
            "account": ACCOUNT,
            "base_url": vtex_url,
            "app_key": APP_KEY,
            "requests_per_second": 2000,
            "backfill_percent": 100,
        },
        secret=APP_TOKEN,
        now=now,
    )
    save_connection(
        kind="b2b_orders_v1",
        name=ERP,
        label="ERP",
        settings={
            "endpoint": erp_url,
            "emitter": SELLER.tax_id,
            "probe_customer_id": str(cast.ALFA_CUSTOMER_ID),
            # The simulated ERP answers for a year at once.
            "window_days": 366,
            "backfill_years": now.year - FIRST_YEAR + 1,
        },
        secret=ERP_TOKEN,
        now=now,
    )


def put_company(company: WorldCompany, *, now: datetime) -> Company:
    """Make a company with its branches and its id in the ERP, unless it is there."""
    first = company.establishments[0].tax_id
    found = Establishment.objects.filter(tax_id=first).select_related("company").first()
    if found:
        return found.company
    row = companies.create_company(name=company.trade_name, is_active=company.is_active)
    if customer_type := CUSTOMER_TYPES.get(company.key, ""):
        Company.objects.filter(pk=row.pk).update(customer_type=customer_type)
    for establishment in company.establishments:
        companies.add_establishment(
            company_id=row.pk, tax_id=establishment.tax_id, name=establishment.name
        )
    companies.add_customer_id(company_id=row.pk, connection=ERP, value=str(company.customer_id))
    attach_waiting(company_id=row.pk, now=now)
    return row


def put_members(rows: dict[str, Company]) -> list[Access]:
    """Make the people of the buying companies."""
    made = []
    for member in MEMBERS:
        person, _ = put_person(email=member.email, name=member.name, password=member.password)
        for key in member.companies:
            companies.put_member(
                person_id=person.pk,
                company_id=rows[key].pk,
                role=member.role,
                tax_ids=member.tax_ids,
            )
        named = ", ".join(rows[key].name for key in member.companies if rows[key].is_active)
        made.append(Access(member.role, named, member.name, member.email, member.password))
    return made


def put_staff(rows: dict[str, Company], known: Sequence[WorldCompany]) -> list[Access]:
    """Make the seller's people; telesales with the companies it sells to."""
    made = []
    for staff in STAFF:
        person, _ = put_person(email=staff.email, name=staff.name, password=staff.password)
        sells = staff.role is StaffRole.TELESALES
        portfolio = [
            rows[company.key].pk
            for company in known
            if company.is_active and generator.salesperson_of(company)[0] == staff.seller_code
        ]
        companies.put_staff(
            person_id=person.pk,
            role=staff.role,
            seller_code=staff.seller_code,
            company_ids=portfolio[:PORTFOLIO_SIZE] if sells else (),
            can_see_prices=sells,
        )
        made.append(Access(staff.role, "", staff.name, staff.email, staff.password))
    return made
