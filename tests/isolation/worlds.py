"""Random companies, people and orders, and a plain model of who may see which of them.

The model repeats the rules in words of its own, from the design and not from the code, so
that the two can disagree.
"""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal

from django.utils import timezone
from stdnum.br import cnpj

from b2b_orders.accounts.models import Person
from b2b_orders.audit.models import Action
from b2b_orders.audit.services import record
from b2b_orders.companies.access import Actor
from b2b_orders.companies.models import (
    Company,
    Establishment,
    Membership,
    Role,
    StaffProfile,
    StaffRole,
    Team,
)
from b2b_orders.documents.models import Document
from b2b_orders.orders.models import AddedNumber, Order, PromisedDate, Question, SavedView
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
from tests.factories.orders import add_number

# When whatever is to be paid is due: soon, as the chip says it.
DUE_IN = timedelta(days=5)
LEAST = 5000
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
    # Whether its promised day is over, what it is of, and for which days it was promised.
    late: bool = False
    item: str = ""
    days: frozenset[str] = frozenset()
    # What somebody of the company asked about it, and was answered; "" if nobody did.
    question: str = ""
    answer: str = ""
    # A number that somebody added.
    added: str = ""

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
    # Whether they administer people, and read who did what.
    people: bool = False
    record: bool = False
    # Support that acts for the company with nobody's eyes.
    acts: bool = False
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


@dataclass(frozen=True)
class Colleague:
    """Somebody who belongs to a company now. No branches listed is the whole company."""

    company: Company
    email: str
    branches: frozenset[int] | None

    def is_administered_by(self, eyes: Eyes) -> bool:
        """Say whether an administrator has them on their list: wholly within their own reach."""
        if not eyes.people or self.company != eyes.company:
            return False
        if eyes.branches is None:
            return True
        return self.branches is not None and self.branches <= eyes.branches


@dataclass
class World:
    """Everything that one seed makes."""

    companies: list[Company] = field(default_factory=list)
    orders: list[Placed] = field(default_factory=list)
    members: list[Eyes] = field(default_factory=list)
    outsiders: list[Person] = field(default_factory=list)
    memberships: list[Membership] = field(default_factory=list)
    colleagues: list[Colleague] = field(default_factory=list)
    teams: list[Team] = field(default_factory=list)
    # Of each company one that is shared and one that is not, both of somebody who left.
    views: dict[int, tuple[SavedView, SavedView]] = field(default_factory=dict)
    # Who has opened every order, as the record says.
    witness: str = "Wilma Witness"

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
    _teams(chance, world)
    witness = make_person(world.witness)
    for place in range(chance.randint(7, 9)):
        placed = _order(chance, world, place)
        world.orders.append(_talk(chance, placed, witness, place))
        _seen(placed, witness)
    for company in world.companies:
        # Of a company and of no order: for who sees all of it.
        record(Action.SEARCHED, actor=Actor(witness.pk), company_id=company.pk, now=NOW)
        world.views[company.pk] = _views(company, witness)
    for place in range(4):
        _person(chance, world, place)
    return world


def _teams(chance: random.Random, world: World) -> None:
    world.teams = [Team.objects.create(name=name) for name in ("North", "South")]
    for company in world.companies:
        company.team = chance.choice((None, *world.teams))
        company.save()


def _views(company: Company, person: Person) -> tuple[SavedView, SavedView]:
    """Save what nobody without prices may narrow or sort by."""
    shared, own = (
        SavedView.objects.create(
            company=company,
            person=person,
            name=name,
            query=f"minimo={LEAST}&ordem=-total",
            columns=["data", "total", "em_aberto"],
            is_shared=name == "shared",
            created_at=NOW,
            changed_at=NOW,
        )
        for name in ("shared", "own")
    )
    return shared, own


def _talk(chance: random.Random, placed: Placed, witness: Person, place: int) -> Placed:
    """Have a question asked, perhaps answered, and a number added."""
    own = {"company": placed.company, "person": witness}
    question, answer, added = "", "", ""
    if chance.random() < 0.5:
        question = f"asks-{place:02}"
        asked = placed.order.questions.create(**own, text=question, asked_at=NOW)
        if chance.random() < 0.5:
            answer = f"tells-{place:02}"
            asked.answers.create(**own, text=answer, at=NOW)
            Question.objects.filter(pk=asked.pk).update(answered_at=NOW)
    if chance.random() < 0.4:
        # As a worker leaves it that has taken it over. No two are alike but for one digit.
        added = f"OURS-{place:02}{place:02}"
        of_record = placed.order.records.get()
        AddedNumber.objects.create(
            **own,
            connection=of_record.connection,
            external_id=of_record.external_id,
            written=added,
            added_at=NOW,
            taken_at=NOW,
        )
        add_number(placed.order, NumberKind.CUSTOMER, added)
    texts = placed.texts | ({added} if added else set())
    return replace(placed, question=question, answer=answer, added=added, texts=texts)


def _seen(placed: Placed, witness: Person) -> None:
    of_order = {"object_kind": "order", "object_id": placed.id, "company_id": placed.company.pk}
    record(Action.ORDER_VIEWED, actor=Actor(witness.pk), now=NOW, **of_order)


def _order(chance: random.Random, world: World, place: int) -> Placed:
    company = chance.choice(world.companies)
    branches: list[Establishment] = list(company.establishments.all())
    establishment = chance.choice(branches)
    texts = {f"45{chance.randint(10**6, 10**7)}{place:02}"}
    if chance.random() < 0.6:
        texts.add(chance.choice(SHARED))
    kinds = {text: NumberKind.CUSTOMER if text in SHARED else NumberKind.ERP for text in texts}
    amount = Decimal(f"{chance.randint(1000, 9000)}.{place:02}")
    late = chance.random() < 0.4
    order = make_order(
        company,
        sorted(((kind, text) for text, kind in kinds.items()), reverse=True),
        establishment=establishment,
        # Open, as whoever looks after customers understands it.
        placed_at=timezone.now() - timedelta(days=place),
        total=amount,
        fulfilment=chance.choice(("picking", "invoiced")),
        promised_on=timezone.localdate() + timedelta(days=-2 if late else 30),
    )
    order.lines.create(company=company, position=1, name=f"item-{place:02}")
    days = _promised(order, place)
    if chance.random() < 0.15:
        # Its branch is not known: it is the whole company's and no branch's.
        Order.objects.filter(pk=order.pk).update(establishment=None)
        order.numbers.update(establishment_id=None)
        establishment = None
    danfe = make_document(order, DocumentKind.DANFE, "danfe", invoice_number=f"{place}")
    boleto = None
    if chance.random() < 0.8:
        due_on = timezone.localdate() + DUE_IN
        boleto = make_document(
            *(order, DocumentKind.BOLETO, "boleto"),
            due_on=due_on,
            amount=amount,
            title_state="open",
            invoice_number=f"{place}",
        )
        make_title(order, "boleto", amount=amount, due_on=due_on, invoice_number=f"{place}")
    return Placed(
        *(order, company, establishment, frozenset(texts), amount, danfe, boleto),
        late=late,
        item=f"item-{place:02}",
        days=days,
    )


def _promised(order: Order, place: int) -> frozenset[str]:
    """Have its source promise a day and then another, which no other order has."""
    of_record = order.records.get()
    days = [date(year, 1, place + 1) for year in (2041, 2042)]
    for nth, day in enumerate(days):
        PromisedDate.objects.create(
            company=order.company,
            connection=of_record.connection,
            external_id=of_record.external_id,
            promised_on=day,
            first_seen_at=NOW + timedelta(days=nth),
        )
    return frozenset(f"{day:%d/%m/%Y}" for day in days)


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
        scope = frozenset(b.pk for b in wanted) if is_scoped else None
        world.colleagues.append(Colleague(company, person.email, scope))
        rights = {n for n in RIGHT_FIELDS if (n in ROLES[role] if own[n] is None else own[n])}
        seen.append(
            Eyes(
                person,
                company,
                prices="sees_prices" in rights,
                finance="sees_finance" in rights,
                branches=scope,
                people="manages_people" in rights,
                record="sees_access_record" in rights,
                name=str(company.public_id),
            )
        )
    world.members += seen
    if not seen:
        world.outsiders.append(person)


def make_support(name: str = "Sue", team: Team | None = None) -> Person:
    """Make an agent who may act for every company, or for those of a team and of none."""
    person = make_person(name)
    make_staff(person, StaffRole.SUPPORT)
    StaffProfile.objects.filter(person=person).update(team=team)
    return person


def staff_base(company: Company) -> str:
    """Say under which address staff see a company."""
    return f"/c/{company.public_id}"


def unknown() -> str:
    """Make up an id that nothing has."""
    return str(uuid.uuid4())
