from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import pytest

from erp_bridge.breaker import REHEARSED, BreakerState, Counts, MemoryBreakerStore
from erp_bridge.connector import (
    INTERFACE,
    Call,
    CompanyRef,
    Declares,
    DocumentStream,
    Health,
    Page,
    Purpose,
)
from erp_bridge.errors import (
    BadRequest,
    BridgeError,
    ContractViolation,
    CredentialsRejected,
    NotFound,
    Refused,
    SourceFailing,
    Throttled,
    Unreachable,
    Unsupported,
    WrongOwner,
)
from erp_bridge.pace import Bucket
from erp_bridge.records import (
    DocumentKind,
    DocumentRecord,
    NumberKind,
    OrderRecord,
    Party,
    Reading,
    System,
)
from erp_bridge.runner import Guard, GuardedConnector, GuardPolicy

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class World:
    """A clock that moves when somebody sleeps, and a guard that lives by it."""

    def __init__(self, **policy) -> None:
        self.now = START
        self.slept: list[float] = []
        self.store = MemoryBreakerStore(self.clock)
        self.policy = GuardPolicy(state_seconds=0.0, **policy)
        self.guard = self.another()
        self.tries = 0

    def another(self) -> Guard:
        return Guard(
            "erp",
            self.store,
            self.policy,
            clock=self.clock,
            sleep=self.sleep,
            jitter=lambda: 1.0,
        )

    def clock(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)

    def run(
        self,
        *outcomes: BridgeError | str,
        within: float = 1000.0,
        purpose: Purpose = Purpose.SYNC,
        tries: int = 0,
    ):
        """Run one operation whose tries end so; the last outcome repeats."""
        self.tries = 0

        def fn() -> str:
            outcome = outcomes[min(self.tries, len(outcomes) - 1)]
            self.tries += 1
            if isinstance(outcome, BridgeError):
                raise outcome
            return outcome

        return self.guard.run("order", Call.within(within, purpose), fn, tries=tries)

    def fail(self, error: BridgeError, times: int = 1) -> None:
        for _ in range(times):
            with pytest.raises(type(error)):
                self.run(error, tries=1)

    @property
    def state(self) -> BreakerState:
        return self.store.read("erp")


DOWN = SourceFailing("the source failed")


def raising(error: Exception) -> Callable[[], None]:
    def fn() -> None:
        raise error

    return fn


# --- retries -------------------------------------------------------------------------


def test_what_works_is_asked_once():
    world = World()

    assert world.run("fine") == "fine"
    assert (world.tries, world.slept) == (1, [])


def test_a_passing_fault_is_tried_again_with_growing_waits():
    world = World()

    assert world.run(DOWN, DOWN, DOWN, "fine") == "fine"
    assert world.slept == pytest.approx([0.2, 0.4, 0.8])


def test_waits_are_shortened_at_random():
    world = World()
    world.guard._jitter = lambda: 0.0

    world.run(DOWN, "fine")

    assert world.slept == [0.1]


@pytest.mark.parametrize(
    ("purpose", "tries"), [(Purpose.INTERACTIVE, 3), (Purpose.SYNC, 6), (Purpose.BACKFILL, 6)]
)
def test_tries_end(purpose, tries):
    world = World(open_after=100)

    with pytest.raises(SourceFailing):
        world.run(DOWN, purpose=purpose)

    assert world.tries == tries


def test_waits_do_not_grow_without_end():
    world = World(open_after=100, first_wait_seconds=4.0)

    with pytest.raises(SourceFailing):
        world.run(DOWN, purpose=Purpose.INTERACTIVE)

    assert world.slept == [4.0, 5.0]


@pytest.mark.parametrize(
    "error",
    [
        NotFound("x"),
        BadRequest("x"),
        Unsupported("x"),
        Refused("x"),
        ContractViolation("x"),
        WrongOwner("x"),
        CredentialsRejected("x"),
    ],
    ids=lambda error: error.code,
)
def test_what_would_fail_again_is_not_tried_again(error):
    world = World()

    with pytest.raises(type(error)):
        world.run(error)

    assert (world.tries, world.slept) == (1, [])


def test_a_retry_that_could_not_end_in_time_is_not_begun():
    world = World()

    with pytest.raises(SourceFailing):
        world.run(DOWN, "fine", within=0.2)

    assert (world.tries, world.slept) == (1, [])


# --- throttles ------------------------------------------------------------------------


def test_a_throttle_is_waited_for_as_long_as_it_says():
    world = World()

    assert world.run(Throttled("x", retry_after=7.0), "fine") == "fine"
    assert world.slept == [7.0]


def test_a_throttle_without_a_hint_is_waited_for_a_minute():
    world = World()

    assert world.run(Throttled("x"), "fine") == "fine"
    assert world.slept == [60.0]


def test_a_throttle_longer_than_the_deadline_is_raised_and_holds_everybody_back():
    world = World()

    with pytest.raises(Throttled):
        world.run(Throttled("x", retry_after=30.0), within=8.0, purpose=Purpose.INTERACTIVE)
    world.guard = world.another()
    with pytest.raises(Throttled) as caught:
        world.run("fine", within=8.0, purpose=Purpose.INTERACTIVE)

    assert world.tries == 0
    assert caught.value.retry_after == 30.0
    assert world.state == BreakerState(0, None, START + timedelta(seconds=30), "throttled")


def test_a_pass_that_has_time_waits_until_the_throttle_ends():
    world = World()
    world.fail(Throttled("x", retry_after=30.0))

    assert world.run("fine") == "fine"
    assert world.slept == [30.0]
    assert world.state == BreakerState()


def test_throttles_never_open_the_breaker():
    world = World()

    for _ in range(10):
        world.fail(Throttled("x", retry_after=0.0))

    assert world.run("fine") == "fine"


def test_a_person_is_told_at_once_how_long_a_throttle_lasts_still():
    world = World()
    world.fail(Throttled("x", retry_after=30.0))
    world.now += timedelta(seconds=28)

    with pytest.raises(Throttled) as caught:
        world.run("fine", within=8.0, purpose=Purpose.INTERACTIVE)

    assert (caught.value.retry_after, world.tries, world.slept) == (2.0, 0, [])


@pytest.mark.parametrize("purpose", [Purpose.SYNC, Purpose.BACKFILL])
def test_a_throttle_that_outlasts_the_deadline_is_not_waited_for(purpose):
    world = World()
    world.fail(Throttled("x", retry_after=30.0))

    with pytest.raises(Throttled) as caught:
        world.run("fine", within=20.0, purpose=purpose)

    assert (caught.value.retry_after, world.tries, world.slept) == (30.0, 0, [])
    assert world.state.retry_at == START + timedelta(seconds=30)


def test_an_answer_to_an_earlier_call_does_not_end_a_throttle():
    world = World()
    other = world.another()

    def meanwhile_throttled() -> str:
        with pytest.raises(Throttled):
            other.run("order", Call.within(5), raising(Throttled("x", retry_after=30.0)), tries=1)
        return "fine"

    world.guard.run("order", Call.within(5), meanwhile_throttled)

    assert world.state == BreakerState(0, None, START + timedelta(seconds=30), "throttled")


@pytest.mark.parametrize(
    ("error", "hint", "failures", "seconds"),
    [
        (DOWN, None, 1, 50),
        (Throttled("x"), 5, 0, 50),
        (Throttled("x"), 70, 0, 70),
    ],
)
def test_a_throttle_is_never_made_shorter_by_an_earlier_call(error, hint, failures, seconds):
    world = World()
    world.fail(Throttled("x", retry_after=50.0))

    world.store.failed("erp", error, START + timedelta(seconds=hint) if hint else None)

    until = START + timedelta(seconds=seconds)
    assert world.state == BreakerState(failures, START if failures else None, until, "throttled")


def test_a_rest_can_be_waited_for_without_a_call():
    world = World()
    world.guard.rest("period", Call.within(5))
    world.fail(Throttled("x", retry_after=30.0))

    world.guard.rest("period", Call.within(60))
    assert world.slept == [30.0]
    world.fail(Throttled("x", retry_after=30.0))
    with pytest.raises(Throttled):
        world.guard.rest("period", Call.within(10))


# --- the breaker ---------------------------------------------------------------------


def test_the_breaker_opens_after_failures_in_a_row_and_calls_end_at_once():
    world = World()
    world.fail(DOWN, 5)

    with pytest.raises(Unreachable):
        world.run("fine")

    assert world.tries == 0
    assert world.state.failures == 5
    assert world.state.down_since == START
    assert world.state.retry_at == START + timedelta(seconds=30)


def test_retries_end_when_the_breaker_opens():
    world = World()
    world.fail(DOWN, 4)
    failing = SourceFailing("the source failed")

    with pytest.raises(SourceFailing):
        world.run(failing)

    assert world.tries == 1
    # Whoever asked knows that it was not about what was asked for.
    assert failing.is_of_source


def test_one_thing_that_fails_at_every_try_does_not_open_the_breaker():
    world = World()
    failing = SourceFailing("the source failed")

    with pytest.raises(SourceFailing):
        world.run(failing)

    assert world.tries == 6
    assert world.store.read("erp").failures == 1
    assert not failing.is_of_source


def test_a_source_that_is_left_alone_is_not_at_fault_for_one_thing():
    world = World()
    world.fail(DOWN, 5)

    with pytest.raises(Unreachable) as caught:
        world.run("fine")

    assert caught.value.is_of_source


def test_an_open_breaker_holds_in_other_processes_too():
    world = World()
    world.fail(DOWN, 5)
    world.guard = world.another()

    with pytest.raises(Unreachable):
        world.run("fine")

    assert world.tries == 0


def test_four_failures_and_a_success_leave_it_closed():
    world = World()
    world.fail(DOWN, 4)
    world.run("fine")
    world.fail(DOWN, 4)

    assert world.run("fine") == "fine"
    assert world.state == BreakerState()


def test_a_probe_that_works_closes_it():
    world = World()
    world.fail(DOWN, 5)
    world.now += timedelta(seconds=31)

    assert world.run("fine") == "fine"
    assert world.state == BreakerState()


def test_a_probe_that_fails_opens_it_for_twice_as_long_up_to_a_limit():
    world = World()
    world.fail(DOWN, 5)
    waits = []
    for _ in range(6):
        world.now = world.state.retry_at
        world.fail(DOWN)
        waits.append((world.state.retry_at - world.now).total_seconds())

    assert waits == [60.0, 120.0, 240.0, 480.0, 600.0, 600.0]
    assert world.state.down_since == START


def test_one_probe_at_a_time_is_let_through():
    world = World()
    world.fail(DOWN, 5)
    world.now += timedelta(seconds=31)
    inside, may_end = threading.Event(), threading.Event()

    def slow() -> str:
        inside.set()
        may_end.wait(5)
        return "fine"

    results: list[str] = []
    probe = threading.Thread(
        target=lambda: results.append(world.guard.run("order", Call.within(9), slow))
    )
    probe.start()
    inside.wait(5)
    with pytest.raises(Unreachable):
        world.run("fine")
    may_end.set()
    probe.join()

    assert results == ["fine"]
    assert world.tries == 0
    assert world.run("fine") == "fine"


def test_one_probe_at_a_time_is_let_through_whichever_process_asks():
    world = World()
    world.fail(DOWN, 5)
    world.now += timedelta(seconds=31)
    other = world.another()
    got: list[str] = []

    def meanwhile() -> str:
        with pytest.raises(Unreachable):
            other.run("order", Call.within(5), lambda: got.append("twice"), tries=1)
        return "fine"

    assert world.guard.run("order", Call.within(5), meanwhile) == "fine"
    other.run("order", Call.within(5), lambda: got.append("after"))
    assert got == ["after"]


def test_a_probe_that_never_ends_holds_others_back_for_its_seconds_only():
    world = World()
    world.fail(DOWN, 5)
    world.now += timedelta(seconds=31)
    assert world.store.try_probe("erp", 4.0)

    with pytest.raises(Unreachable):
        world.run("fine", tries=1)
    world.now += timedelta(seconds=4)

    assert world.run("fine", tries=1) == "fine"


@pytest.mark.parametrize(
    "ending",
    [Refused("x"), ZeroDivisionError(), NotFound("x"), DOWN],
    ids=lambda e: type(e).__name__,
)
def test_a_probe_is_over_however_it_ends(ending):
    world = World()
    world.fail(DOWN, 5)
    world.now += timedelta(seconds=31)

    with pytest.raises(type(ending)):
        world.guard.run("order", Call.within(5), raising(ending), tries=1)

    assert world.store.try_probe("erp", 1.0)


def test_calls_that_began_before_it_opened_do_not_make_it_rest_longer():
    world = World()
    world.fail(DOWN, 4)
    guards = [world.another() for _ in range(8)]

    def all_at_once(left: int) -> None:
        if left:
            with pytest.raises(SourceFailing):
                guards[left - 1].run(
                    "order", Call.within(9), lambda: all_at_once(left - 1), tries=1
                )
        raise DOWN

    with pytest.raises(SourceFailing):
        all_at_once(8)

    assert world.state.failures == 5
    assert world.state.retry_at == START + timedelta(seconds=30)


def test_a_rehearsed_outage_lets_nothing_through_and_notes_nothing():
    class Store(MemoryBreakerStore):
        def read(self, source: str) -> BreakerState:
            return BreakerState(0, START, START + timedelta(minutes=5), REHEARSED)

    world = World()
    world.store = Store(world.clock)
    world.guard = world.another()

    for purpose in Purpose:
        with pytest.raises(Unreachable):
            world.run("fine", purpose=purpose)
    assert (world.tries, world.slept, world.store._states) == (0, [], {})
    world.now += timedelta(minutes=5)
    assert world.run("fine") == "fine"


def test_refused_credentials_open_it_at_once_and_for_long():
    world = World()
    world.fail(CredentialsRejected("x"))

    with pytest.raises(Unreachable):
        world.run("fine")
    world.now += timedelta(minutes=15, seconds=1)

    assert world.run("fine") == "fine"
    assert world.state == BreakerState()


def test_an_answer_of_not_found_shows_that_the_source_works():
    world = World()
    world.fail(DOWN, 4)
    world.fail(NotFound("x"))
    world.fail(DOWN, 4)

    assert world.run("fine") == "fine"


def test_our_own_refusal_says_nothing_of_the_source():
    world = World()
    world.fail(DOWN, 4)
    world.fail(Refused("x"))

    assert world.state.failures == 4


def test_answers_that_break_the_contract_count():
    world = World()
    world.fail(ContractViolation("x"), 5)

    with pytest.raises(Unreachable):
        world.run("fine")


def test_a_source_that_does_well_is_noted_now_and_then_only():
    notes: list[datetime] = []

    class Store(MemoryBreakerStore):
        def succeeded(self, source: str) -> None:
            notes.append(world.now)
            super().succeeded(source)

    world = World()
    world.store = Store(world.clock)
    world.guard = world.another()
    for _ in range(40):
        world.run("fine")
        world.now += timedelta(seconds=1)

    assert [(at - START).total_seconds() for at in notes] == [0.0, 15.0, 30.0]


def test_the_store_is_not_asked_for_every_call():
    reads: list[str] = []

    class Store(MemoryBreakerStore):
        def read(self, source: str) -> BreakerState:
            reads.append(source)
            return super().read(source)

    world = World()
    world.store = Store(world.clock)
    world.policy = GuardPolicy(state_seconds=1.0)
    world.guard = world.another()
    for _ in range(100):
        world.run("fine")

    assert len(reads) == 2


def test_an_error_of_ours_passes_through_and_is_not_the_source_s_fault():
    world = World()

    with pytest.raises(ZeroDivisionError):
        world.guard.run("order", Call.within(5), lambda: 1 / 0)

    assert world.state == BreakerState()


# --- the pace ------------------------------------------------------------------------


def test_a_pace_is_kept_but_a_person_goes_first():
    world = World(per_second=10.0, burst_seconds=0.0)

    for _ in range(4):
        world.run("fine")
    assert world.slept == pytest.approx([0.1, 0.1, 0.1])

    world.run("fine", purpose=Purpose.INTERACTIVE)
    assert len(world.slept) == 3


def test_after_a_rest_a_second_s_worth_of_calls_may_come_at_once():
    world = World(per_second=10.0)

    for _ in range(12):
        world.run("fine")

    assert world.slept == pytest.approx([0.1, 0.1])


def test_without_a_pace_the_store_is_not_asked_for_turns():
    world = World()

    for purpose in Purpose:
        world.run("fine", purpose=purpose)

    assert world.store._given == {}


def test_history_keeps_to_its_share_while_a_pass_may_use_the_rest():
    world = World(per_second=10.0, burst_seconds=0.0, backfill_share=0.2)

    began = world.now
    for _ in range(5):
        world.run("fine", purpose=Purpose.BACKFILL)
    assert world.slept == pytest.approx([0.5] * 4)
    for _ in range(10):
        world.run("fine", purpose=Purpose.SYNC)

    # 2 s of history at its share, then 10 calls at the whole pace.
    assert (world.now - began).total_seconds() == pytest.approx(3.0, abs=0.11)


def test_a_person_is_never_delayed_by_history_and_counts():
    world = World(per_second=10.0, burst_seconds=0.0)
    for _ in range(20):
        world.run("fine", purpose=Purpose.BACKFILL)
    world.slept.clear()
    given = world.store._given["erp", Bucket.ALL]

    for _ in range(30):
        world.run("fine", purpose=Purpose.INTERACTIVE, within=5.0)

    assert world.slept == []
    assert (world.store._given["erp", Bucket.ALL] - given).total_seconds() == pytest.approx(3.0)


def test_a_turn_beyond_the_deadline_is_not_taken_and_not_the_source_s_doing():
    world = World(per_second=0.1)
    world.run("fine")
    given = dict(world.store._given)

    with pytest.raises(Throttled) as caught:
        world.run("fine", within=5.0)

    assert (caught.value.retry_after, world.tries, world.slept) == (10.0, 0, [])
    assert world.store._given == given
    assert world.state == BreakerState()


def test_a_throttle_that_comes_while_one_waits_for_a_turn_is_obeyed():
    world = World(per_second=0.1)
    world.run("fine")
    sleep = world.sleep

    def throttled_meanwhile(seconds: float) -> None:
        sleep(seconds)
        if len(world.slept) == 1:
            world.store.failed("erp", Throttled("x"), world.now + timedelta(seconds=30))

    world.guard._sleep = throttled_meanwhile

    assert world.run("fine") == "fine"
    assert world.slept == [10.0, 30.0]


# --- the counts ----------------------------------------------------------------------


def minute(number: int) -> tuple[str, datetime]:
    return "erp", START + timedelta(minutes=number)


def test_what_is_asked_is_counted_by_the_minute_and_kept_now_and_then():
    world = World()

    def call_of(seconds: float, outcome: BridgeError | None = None) -> None:
        def fn() -> None:
            world.now += timedelta(seconds=seconds)
            if outcome:
                raise outcome

        with suppress(BridgeError):
            world.guard.run("order", Call.within(5), fn, tries=1)

    call_of(1.0)
    call_of(2.0, DOWN)
    assert world.store.counts == {}
    call_of(1.0, Throttled("x", retry_after=0.0))
    call_of(1.0, NotFound("x"))
    assert world.store.counts == {minute(0): Counts(4, 1, 1, 5.0)}
    world.now += timedelta(minutes=1)
    call_of(2.0)

    assert world.store.counts == {minute(0): Counts(4, 1, 1, 5.0), minute(1): Counts(1, 0, 0, 2.0)}


def test_what_was_not_asked_is_not_counted():
    world = World()
    world.fail(DOWN, 5)
    with pytest.raises(Unreachable):
        world.run("fine")
    world.guard.close()

    assert world.store.counts == {minute(0): Counts(5, 5, 0, 0.0)}


def test_counts_are_kept_when_the_connector_is_closed():
    world = World()
    wrapped = GuardedConnector(connector_with(reading()), world.guard)
    wrapped.order(COMPANY, "8801", Call.within(5))

    wrapped.close()
    wrapped.close()

    assert world.store.counts == {minute(0): Counts(1)}


def test_counts_that_could_not_be_kept_are_kept_with_the_next():
    class Store(MemoryBreakerStore):
        is_away = True

        def add_counts(self, source: str, counts: Mapping[datetime, Counts]) -> None:
            if self.is_away:
                raise OSError("away")
            super().add_counts(source, counts)

    world = World()
    world.store = store = Store(world.clock)
    world.guard = world.another()
    world.run("fine")
    with pytest.raises(OSError, match="away"):
        world.guard.close()
    world.run("fine")
    store.is_away = False

    world.guard.close()

    assert store.counts == {minute(0): Counts(2)}


# --- the guarded connector ---------------------------------------------------------------

COMPANY = CompanyRef("alfa", tax_ids=("12345678000195",), customer_ids=("1001", "1002"))
READ_AT = START


def reading(**changes) -> Reading:
    record = OrderRecord(System.ERP, "8801", customer_id="1001")
    return Reading(replace(record, **changes), b"{}", READ_AT)


@dataclass
class FakeConnector:
    """Answers what it is told; an exception in a list of pages is raised at its turn."""

    answers: list[Reading] = field(default_factory=list)
    pages: list[list[Page | BridgeError]] = field(default_factory=list)
    listing: list[DocumentRecord] = field(default_factory=list)
    errors: list[BridgeError] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    is_open: bool = False
    name = "fake"
    interface = INTERFACE

    def _ask(self, operation: str) -> None:
        self.asked.append(operation)
        if self.errors:
            raise self.errors.pop(0)

    def declares(self) -> Declares:
        return Declares(period=True)

    def health(self, call: Call) -> Health:
        self.asked.append("health")
        return Health(ok=True, account="fake")

    def find(self, company, kind, value, call) -> list[Reading]:
        self._ask("find")
        return self.answers

    def period(self, company, first, last, call) -> Iterator[Page]:
        return self._pages()

    def changed(self, company, cursor, since, call) -> Iterator[Page]:
        return self._pages()

    def _pages(self) -> Iterator[Page]:
        self.asked.append("pages")
        for page in self.pages.pop(0):
            if isinstance(page, BridgeError):
                raise page
            yield page

    def order(self, company, external_id, call) -> Reading:
        self._ask("order")
        return self.answers[0]

    def documents(self, company, external_id, call) -> list[DocumentRecord]:
        self._ask("documents")
        return self.listing

    @contextmanager
    def open_document(self, company, external_id, document_key, call) -> Iterator[DocumentStream]:
        self._ask("open")
        self.is_open = True
        try:
            yield DocumentStream(iter([b"%PDF"]), "application/pdf", 4)
        finally:
            self.is_open = False

    def close(self) -> None:
        self.asked.append("close")


def guarded(connector: FakeConnector) -> GuardedConnector:
    return GuardedConnector(connector, World().guard)


def ask_in_each_way(connector: FakeConnector, company: CompanyRef = COMPANY) -> list[Callable]:
    call, wrapped = Call.within(1000), guarded(connector)
    day = date(2026, 1, 1)
    return [
        lambda: wrapped.find(company, NumberKind.ERP, "8801", call),
        lambda: wrapped.order(company, "8801", call),
        lambda: list(wrapped.period(company, day, day, call)),
        lambda: list(wrapped.changed(company, "", START, call)),
    ]


def connector_with(*readings: Reading) -> FakeConnector:
    return FakeConnector(list(readings), [[Page(tuple(readings))] for _ in range(2)])


def test_answers_come_through():
    connector = connector_with(reading())

    got = [ask() for ask in ask_in_each_way(connector)]

    assert got == [[reading()], reading(), [Page((reading(),))], [Page((reading(),))]]


@pytest.mark.parametrize("way", range(4))
def test_another_company_s_order_is_refused_however_it_comes(way):
    connector = connector_with(reading(customer_id="9999"))

    with pytest.raises(WrongOwner):
        ask_in_each_way(connector)[way]()


@pytest.mark.parametrize(
    ("company", "changes", "is_refused"),
    [
        (COMPANY, {"customer_id": "1002"}, False),
        (COMPANY, {"customer_id": ""}, False),
        (COMPANY, {"customer_id": "100"}, True),
        (replace(COMPANY, customer_ids=()), {"customer": Party(tax_id="12345678000195")}, False),
        (replace(COMPANY, customer_ids=()), {"customer": Party(tax_id="98765432000198")}, True),
        (replace(COMPANY, customer_ids=()), {}, True),
    ],
)
def test_whose_order_it_is_goes_by_id_else_by_tax_id(company, changes, is_refused):
    connector = connector_with(reading(**changes))
    find = ask_in_each_way(connector, company)[0]

    if is_refused:
        with pytest.raises(WrongOwner):
            find()
    else:
        assert len(find()) == 1


def test_changes_of_all_companies_have_no_owner_to_check():
    connector = connector_with(reading(customer_id="9999"))

    pages = list(guarded(connector).changed(None, "", START, Call.within(5)))

    assert len(pages) == 1


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"external_id": ""}, "[0].external_id"),
        ({"external_id": "x" * 81}, "[0].external_id"),
        ({"version": datetime(2026, 1, 1)}, "[0].version"),  # noqa: DTZ001
        ({"placed_at": datetime(2026, 1, 1)}, "[0].placed_at"),  # noqa: DTZ001
        ({"documents": (DocumentRecord("", DocumentKind.OTHER),)}, "[0].documents.key"),
        ({"documents": (DocumentRecord("a", DocumentKind.OTHER),) * 2}, "[0].documents.key"),
    ],
)
def test_a_record_of_the_wrong_shape_breaks_the_contract(changes, path):
    connector = connector_with(reading(**changes))

    with pytest.raises(ContractViolation) as caught:
        ask_in_each_way(connector)[1]()

    assert caught.value.path == path


def test_calls_are_tried_again():
    connector = connector_with(reading())
    connector.errors = [DOWN, DOWN]

    assert ask_in_each_way(connector)[1]() == reading()
    assert connector.asked == ["order", "order", "order"]


def test_pages_begin_again_while_none_has_come():
    connector = FakeConnector(pages=[[DOWN], [Page((reading(),)), Page((reading(),))]])

    pages = ask_in_each_way(connector)[2]()

    assert len(pages) == 2


def test_pages_that_break_off_are_an_error_and_never_look_like_the_end():
    connector = FakeConnector(pages=[[Page((reading(),)), DOWN, Page((reading(),))]])
    pages = guarded(connector).period(COMPANY, date.min, date.max, Call.within(1000))

    assert len(next(pages).readings) == 1
    with pytest.raises(SourceFailing):
        next(pages)
    assert connector.asked == ["pages"]


def test_the_list_of_files_is_checked():
    connector = FakeConnector(listing=[DocumentRecord("a", DocumentKind.DANFE)])
    wrapped = guarded(connector)

    assert wrapped.documents(COMPANY, "8801", Call.within(5)) == connector.listing
    connector.listing *= 2
    with pytest.raises(ContractViolation):
        wrapped.documents(COMPANY, "8801", Call.within(5))


def test_a_file_is_opened_under_guard_and_closed_after_use():
    connector = FakeConnector(errors=[DOWN])

    with guarded(connector).open_document(COMPANY, "8801", "a", Call.within(100)) as stream:
        assert connector.is_open
        assert list(stream.chunks) == [b"%PDF"]

    assert not connector.is_open
    assert connector.asked == ["open", "open"]


def test_a_file_is_closed_when_its_reader_fails():
    connector = FakeConnector()

    with (
        pytest.raises(ZeroDivisionError),
        guarded(connector).open_document(COMPANY, "8801", "a", Call.within(100)),
    ):
        raise ZeroDivisionError

    assert not connector.is_open


def test_health_is_asked_also_while_the_breaker_is_open():
    world = World()
    world.fail(DOWN, 5)
    connector = FakeConnector()
    wrapped = GuardedConnector(connector, world.guard)

    assert wrapped.health(Call.within(5)).ok
    assert wrapped.declares() == Declares(period=True)
    wrapped.close()
    assert connector.asked == ["health", "close"]
