"""Random companies, people and orders, and a plain model of who may see which of them.

The model repeats the rules in words of its own, from the design and not from the code, so
that the two can disagree.
"""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from django.utils import timezone
from stdnum.br import cnpj

from b2b_orders.accounts.models import Person
from b2b_orders.companies.models import Company, Establishment, Membership, Role, StaffRole
from b2b_orders.documents.models import Document
from b2b_orders.orders.models import Order
from erp_bridge.records import DocumentKind, NumberKind
from tests.factories import (
    NOW,
    make_company,
    make_document,
    make_member,
    make_order,
    make_person,
    make_staff,
    make_title,
)

# Numbers that several companies use for orders of their own.
SHARED = ("PO-7/A", "OC 77", "815")
RIGHT_FIELDS = ("sees_prices", "sees_finance", "manages_people", "sees_access_record")
ROLES = {
    Role.BUYER: {"sees_prices", "sees_finance"},
    Role.FINANCE: {"sees_prices", "sees_finance"},
    Role.VIEWER: set(),
    Role.ADMIN: set(RIGHT_FIELDS),
}


@dataclass(frozen=True)
class Placed:
    """An order with a DANFE and, mostly, a boleto with its title."""

    order: Order
    company: Company
    establishment: Establishment | None
    texts: frozenset[str]
    amount: Decimal
    danfe: Document
    boleto: Document | None

    @property
    def id(self) -> str:
        return str(self.order.public_id)


@dataclass(frozen=True)
class Eyes:
    """What somebody may see, in the model's words. No branches listed is the whole company."""

    person: Person
    company: Company
    prices: bool
    finance: bool
    branches: frozenset[int] | None = None
    # Under which their pages are, and what the API is asked with.
    base: str = ""
    name: str = ""

    def sees(self, placed: Placed) -> bool:
        if placed.company != self.company:
            return False
        if self.branches is None:
            return True
        return placed.establishment is not None and placed.establishment.pk in self.branches

    def takes(self, placed: Placed, document: Document) -> bool:
        return self.sees(placed) and (self.finance or document != placed.boleto)


@dataclass
class World:
    """Everything that one seed makes."""

    companies: list[Company] = field(default_factory=list)
    orders: list[Placed] = field(default_factory=list)
    members: list[Eyes] = field(default_factory=list)
    outsiders: list[Person] = field(default_factory=list)
    memberships: list[Membership] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        return sorted({text for placed in self.orders for text in placed.texts})


def tax_id(chance: random.Random) -> str:
    """Make up a CNPJ, of digits or with letters."""
    letters = "0123456789" + ("ABCDEFGHJ" if chance.random() < 0.3 else "")
    base = "".join(chance.choice(letters) for _ in range(8)) + f"{chance.randint(1, 99):04}"
    return base + str(cnpj.calc_check_digits(base))


def make_world(seed: int) -> World:
    """Make a world of its own for each seed."""
    chance = random.Random(seed)
    world = World()
    for place in range(3):
        world.companies.append(
            make_company(
                f"Company {place}",
                [tax_id(chance) for _ in range(chance.randint(1, 3))],
                is_active=place < 2 or chance.random() < 0.5,
            )
        )
    for place in range(chance.randint(9, 14)):
        world.orders.append(_order(chance, world, place))
    for place in range(4):
        _person(chance, world, place)
    return world


def _order(chance: random.Random, world: World, place: int) -> Placed:
    company = chance.choice(world.companies)
    branches: list[Establishment] = list(company.establishments.all())
    establishment = chance.choice(branches)
    texts = {f"45{chance.randint(10**6, 10**7)}{place:02}"}
    if chance.random() < 0.6:
        texts.add(chance.choice(SHARED))
    kinds = {text: NumberKind.CUSTOMER if text in SHARED else NumberKind.ERP for text in texts}
    amount = Decimal(f"{chance.randint(1000, 9000)}.{place:02}")
    order = make_order(
        company,
        sorted(((kind, text) for text, kind in kinds.items()), reverse=True),
        establishment=establishment,
        placed_at=NOW - timedelta(days=place),
        total=amount,
    )
    if chance.random() < 0.15:
        # Its branch is not known: it is the whole company's and no branch's.
        Order.objects.filter(pk=order.pk).update(establishment=None)
        order.numbers.update(establishment_id=None)
        establishment = None
    danfe = make_document(order, DocumentKind.DANFE, "danfe", invoice_number=f"{place}")
    boleto = None
    if chance.random() < 0.8:
        due_on = timezone.localdate() + timedelta(days=9)
        boleto = make_document(
            *(order, DocumentKind.BOLETO, "boleto"),
            due_on=due_on,
            amount=amount,
            title_state="open",
            invoice_number=f"{place}",
        )
        make_title(order, "boleto", amount=amount, due_on=due_on, invoice_number=f"{place}")
    return Placed(order, company, establishment, frozenset(texts), amount, danfe, boleto)


def _person(chance: random.Random, world: World, place: int) -> None:
    person = make_person(f"Person {place}", f"p{place}@example.com")
    mine = chance.sample(world.companies, chance.choice((0, 1, 1, 2, 3)))
    seen = []
    for company in mine:
        branches: list[Establishment] = list(company.establishments.all())
        wanted = chance.sample(branches, chance.randint(1, len(branches)))
        is_scoped = chance.random() < 0.5
        role = chance.choice(list(Role))
        member = make_member(
            person, company, role, tax_ids=[b.tax_id for b in wanted] if is_scoped else ()
        )
        own = {name: chance.choice((None, None, True, False)) for name in RIGHT_FIELDS}
        is_active = chance.random() < 0.85
        Membership.objects.filter(pk=member.pk).update(**own, is_active=is_active)
        world.memberships.append(member)
        if not (is_active and company.is_active):
            continue
        rights = {n for n in RIGHT_FIELDS if (n in ROLES[role] if own[n] is None else own[n])}
        seen.append(
            Eyes(
                person,
                company,
                prices="sees_prices" in rights,
                finance="sees_finance" in rights,
                branches=frozenset(b.pk for b in wanted) if is_scoped else None,
                name=str(company.public_id),
            )
        )
    world.members += seen
    if not seen:
        world.outsiders.append(person)


def make_support(name: str = "Sue") -> Person:
    """Make an agent who may act for every company."""
    person = make_person(name)
    make_staff(person, StaffRole.SUPPORT)
    return person


def staff_base(company: Company) -> str:
    """Say under which address staff see a company."""
    return f"/c/{company.public_id}"


def unknown() -> str:
    """Make up an id that nothing has."""
    return str(uuid.uuid4())
