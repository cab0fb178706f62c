"""The script of a run: what happens to the orders of the site and of the ERP, from a seed.

Two runs of one script end with the same sources. It has two acts. In the first, orders are
placed, paid, edited and cancelled, and some enter the ERP; in the second come the ERP's
statuses, invoices and cancellations, and whatever else the site has to say. In between the
product must have tied web orders to the ERP's. How an order was tied depends on what was
there when somebody looked: an invoice that both sides state ties them as well as the answer
to a web number does, and then nobody asks for the number any more.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from erp_bridge.simulators.cast import cast_companies
from erp_bridge.simulators.generator import invented_companies
from erp_bridge.simulators.model import BRASILIA, Company

COMPANIES = 12
FIRST_WEB, FIRST_ERP, FIRST_INVOICE = 1_190_000_000_001, 9_000_001, 800_001
# Share of web orders that enter the ERP, and orders that only the ERP knows, per web order.
ENTERS, TELESALES = 0.15, 0.05
# An order that enters the ERP is young, so that every pass looks for it; the others are older
# than the ERP is asked for.
YOUNG_HOURS, OLD_DAYS, ASKED_DAYS = (2, 40), (12, 60), 7
STEPS = (
    "payment-pending",
    "payment-approved",
    "window-to-cancel",
    "ready-for-handling",
    "handling",
)
EDITABLE = frozenset(STEPS[:3])
ERP_STEPS = (1, 2, 3, 4, 5)
CANCELLED = -1

Told = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One control call: of which source, and what it is told."""

    source: str
    told: Told


@dataclass(slots=True)
class Script:
    """All that happens, and how it must end."""

    acts: tuple[list[Change], list[Change]]
    # Web order -> its last change; ERP order -> its last status; web order -> its ERP order.
    web: dict[str, datetime] = field(default_factory=dict)
    erp: dict[str, int] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    @property
    def events(self) -> int:
        """How many events the feed will tell."""
        return sum(change.source == "vtex" for act in self.acts for change in act)


def write_script(*, seed: int, events: int, orders: int, started_at: datetime) -> Script:
    """Write a script of so many events of so many web orders, and of the ERP's orders."""
    if events < 2 * orders:
        raise ValueError("every order needs two events at least")
    dice = random.Random(f"script {seed}")
    companies = (cast_companies() + tuple(invented_companies(COMPANIES)))[:COMPANIES]
    companies = tuple(company for company in companies if company.is_active)
    shares = Counter(dice.choices(range(orders), k=events - 2 * orders))
    lives: list[_Life] = []
    for index in range(orders):
        enters = dice.random() < ENTERS
        lives.append(_WebLife(index, dice, companies, started_at, 2 + shares[index], enters))
    lives += [
        _ErpLife(index, dice, companies, started_at) for index in range(int(orders * TELESALES))
    ]
    script = Script((_mix(dice, lives, 0), _mix(dice, lives, 1)))
    for life in lives:
        life.tell_end(script)
    return script


def _mix(dice: random.Random, lives: Sequence[_Life], act: int) -> list[Change]:
    """Shuffle the changes of all orders, each order's in their own order."""
    order = [life for life in lives for _ in life.acts[act]]
    dice.shuffle(order)
    rest = {id(life): iter(life.acts[act]) for life in lives}
    return [next(rest[id(life)]) for life in order]


class _Life:
    """The changes of one order, by acts."""

    def __init__(self, dice: random.Random, companies: Sequence[Company]) -> None:
        self.dice = dice
        self.company = dice.choice(companies)
        self.branch = dice.randrange(len(self.company.establishments))
        self.acts: tuple[list[Change], list[Change]] = ([], [])
        self.erp_status = 0

    def tell_end(self, script: Script) -> None:
        raise NotImplementedError

    def items(self) -> list[Told]:
        products = sorted(self.dice.sample(range(1, 30), self.dice.randint(1, 5)))
        return [{"product": number, "quantity": self.dice.randint(1, 24)} for number in products]

    def in_the_erp(self, number: str, placed_at: datetime, invoice: int) -> Iterator[Change]:
        """Make the second act in the ERP: statuses one after the other, or a cancellation."""
        last = self.dice.choice(ERP_STEPS)
        is_cancelled = self.dice.random() < 0.1
        for status in ERP_STEPS:
            if status > last:
                break
            told: Told = {"erp_number": number, "status": status}
            if status == 4:
                told |= {"invoice": invoice, "invoiced_on": _day(placed_at)}
            self.erp_status = status
            yield Change("erp", told)
        if is_cancelled and last < 4:
            self.erp_status = CANCELLED
            yield Change("erp", {"erp_number": number, "status": CANCELLED})


class _ErpLife(_Life):
    """An order by telephone, which the site never sees."""

    def __init__(
        self,
        index: int,
        dice: random.Random,
        companies: Sequence[Company],
        started_at: datetime,
    ) -> None:
        super().__init__(dice, companies)
        self.number = f"{FIRST_ERP + 500_000 + index:010d}"
        placed_at = _before(dice, started_at, YOUNG_HOURS)
        self.acts[0].append(
            Change(
                "erp",
                {
                    "erp_number": self.number,
                    "company": self.company.key,
                    "branch": self.branch,
                    "placed_at": placed_at.isoformat(),
                    "customer_number": f"TEL {index}" if index % 2 else "",
                    "seller_code": "TEO01",
                    "seller_name": "Téo Martins",
                    "items": self.items(),
                },
            )
        )
        self.acts[1].extend(
            self.in_the_erp(self.number, placed_at, FIRST_INVOICE + 100_000 + index)
        )

    def tell_end(self, script: Script) -> None:
        script.erp[self.number] = self.erp_status


class _WebLife(_Life):
    """An order of the site, which may enter the ERP."""

    def __init__(
        self,
        index: int,
        dice: random.Random,
        companies: Sequence[Company],
        started_at: datetime,
        events: int,
        enters: bool,
    ) -> None:
        super().__init__(dice, companies)
        self.order_id = f"{FIRST_WEB + index}-01"
        self.erp_number = f"{FIRST_ERP + index:010d}" if enters else ""
        self.placed_at = (
            _before(dice, started_at, YOUNG_HOURS)
            if enters
            else _before(dice, started_at, tuple(24 * days for days in OLD_DAYS))
        )
        # What was told last.
        self.changed_at, self.status = self.placed_at, STEPS[0]
        early = dice.randint(1, events - 1)
        self._place()
        for _ in range(early - 1):
            self._go_on(0)
        if enters:
            self._enter()
        invoice = FIRST_INVOICE + index
        of_erp = list(self.in_the_erp(self.erp_number, self.placed_at, invoice)) if enters else []
        self._second_act(events - early, of_erp)

    def tell_end(self, script: Script) -> None:
        script.web[self.order_id] = self.changed_at
        if self.erp_number:
            script.erp[self.erp_number] = self.erp_status
            script.links[self.order_id] = self.erp_number

    def _place(self) -> None:
        self._tell(
            0,
            company=self.company.key,
            branch=self.branch,
            placed_at=self.placed_at.isoformat(),
            customer_number=f"OC {self.order_id[-7:-3]}" if self.dice.random() < 0.5 else "",
            items=self.items(),
        )

    def _enter(self) -> None:
        entered = self.placed_at + timedelta(minutes=25)
        self.acts[0].append(
            Change(
                "erp",
                {
                    "erp_number": self.erp_number,
                    "web_number": self.order_id,
                    "placed_at": entered.isoformat(),
                },
            )
        )

    def _second_act(self, events: int, of_erp: list[Change]) -> None:
        """Let both sides go on; what the ERP invoiced, the site says last of all."""
        is_told = self.erp_status >= 4
        before = len(self.acts[1])
        for _ in range(events - is_told):
            self._go_on(1)
        of_site = self.acts[1][before:]
        turns = [of_site] * len(of_site) + [of_erp] * len(of_erp)
        self.dice.shuffle(turns)
        self.acts[1][before:] = [turn.pop(0) for turn in turns]
        if is_told:
            self._tell(1, status="canceled" if self.status == "canceled" else "invoiced")

    def _go_on(self, act: int) -> None:
        """Take the next step, an edit, a cancellation, or tell the same again."""
        cast = self.dice.random()
        if self.status in EDITABLE and cast < 0.25:
            edit: Told = {"customer_number": f"OC {self.dice.randint(1, 99_999)}"}
            if act == 0 and cast < 0.15:
                edit["items"] = self.items()
            self._tell(act, **edit)
        elif self.status in STEPS and cast > 0.96:
            self._tell(act, status="canceled")
        elif self.status in STEPS[:-1]:
            self._tell(act, status=STEPS[STEPS.index(self.status) + 1])
        else:
            self._tell(act, status=self.status)

    def _tell(self, act: int, **told: Any) -> None:
        self.status = told.get("status", self.status)
        # Later by some seconds than what was before, however long the run takes.
        self.changed_at += timedelta(seconds=self.dice.randint(1, 60))
        stated = {"status": self.status, "changed_at": self.changed_at.isoformat()}
        self.acts[act].append(Change("vtex", {"order_id": self.order_id, **stated, **told}))


def _before(dice: random.Random, moment: datetime, hours: tuple[int, ...]) -> datetime:
    seconds = dice.randrange(hours[0] * 3600, hours[1] * 3600)
    return (moment - timedelta(seconds=seconds)).replace(microsecond=0)


def _day(moment: datetime) -> str:
    return moment.astimezone(BRASILIA).date().isoformat()
