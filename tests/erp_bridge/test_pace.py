from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from erp_bridge.breaker import MemoryBreakerStore
from erp_bridge.pace import Bucket, Lots, Turns

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def go_on(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def wish(per_second: float, **more) -> Turns:
    return Turns(Bucket.ALL, per_second, **more)


class Shared:
    """Processes that share one store; what they took, and what it cost."""

    def __init__(self, clock: Clock, per_second: float, burst: int = 1) -> None:
        self.clock = clock
        self.wish = wish(per_second, burst=burst)
        self.store = MemoryBreakerStore(clock)
        self.taken: list[int] = []

    def take(self, count: int) -> float:
        self.taken.append(count)
        whole = Turns(Bucket.ALL, self.wish.per_second, self.wish.burst, count)
        return self.store.take_turns("erp", whole)

    def process(self) -> Lots:
        return Lots(self.clock)

    def turn(self, process: Lots) -> datetime:
        """Give the moment at which the next call may be made."""
        return self.clock.now + timedelta(seconds=process.turn(self.wish, self.take))


def test_turns_follow_one_another_at_the_pace(clock):
    store = MemoryBreakerStore(clock)

    assert [store.take_turns("erp", wish(4.0)) for _ in range(3)] == [0.0, 0.25, 0.5]
    clock.go_on(10.0)
    assert store.take_turns("erp", wish(4.0)) == 0.0
    assert store.take_turns("crm", wish(4.0)) == 0.0


def test_a_burst_comes_at_once_and_only_after_a_rest(clock):
    store = MemoryBreakerStore(clock)
    four = wish(4.0, burst=4)

    assert [store.take_turns("erp", four) for _ in range(6)] == [0, 0, 0, 0, 0.25, 0.5]
    clock.go_on(0.5)
    assert store.take_turns("erp", four) == 0.25


def test_a_turn_too_far_away_is_left_to_others(clock):
    store = MemoryBreakerStore(clock)
    store.take_turns("erp", wish(1.0))

    assert store.take_turns("erp", wish(1.0, patience=0.9)) == 1.0
    assert store.take_turns("erp", wish(1.0, patience=1.0)) == 1.0


def test_a_process_that_asks_slowly_takes_single_turns(clock):
    shared = Shared(clock, per_second=100.0, burst=100)
    process = shared.process()
    for _ in range(20):
        clock.go_on(1.0)
        shared.turn(process)

    assert shared.taken == [1] * 20


def test_a_busy_process_takes_turns_in_lots_of_a_tenth_of_a_second(clock):
    shared = Shared(clock, per_second=200.0)
    process = shared.process()

    moments = [shared.turn(process) for _ in range(200)]

    assert shared.taken == [1, 2, 4, 8, 16, *[20] * 9]
    assert moments == [START + timedelta(milliseconds=5 * n) for n in range(200)]


def test_turns_that_nobody_took_in_time_lapse(clock):
    shared = Shared(clock, per_second=200.0)
    process = shared.process()
    for _ in range(40):
        shared.turn(process)
    clock.go_on(5.0)

    moments = [shared.turn(process) for _ in range(30)]

    # Not one of the turns left over from before comes on top of those of now.
    assert moments == [clock.now + timedelta(milliseconds=5 * n) for n in range(30)]


def test_no_second_sees_more_than_the_pace_whatever_processes_do(clock):
    shared = Shared(clock, per_second=50.0, burst=10)
    processes = [shared.process() for _ in range(7)]
    asked: list[datetime] = []
    for step in range(900):
        # Some ask all the time, some now and then, in turns.
        for number, process in enumerate(processes):
            if step % (number + 1) == 0 and (step // 100 + number) % 3:
                asked.append(shared.turn(process))
        clock.go_on(0.02)
    asked.sort()

    for begin in asked:
        within = sum(begin <= moment < begin + timedelta(seconds=1) for moment in asked)
        # The pace, the burst, and what lots of the moment before may carry over.
        assert within <= 50 + 10 + 50 * 0.2


def test_threads_of_one_process_never_share_a_turn():
    shared = Shared(Clock(), per_second=200.0)
    process = shared.process()
    moments: list[datetime] = []

    def ask() -> None:
        moments.extend(shared.turn(process) for _ in range(100))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(moments) == [START + timedelta(milliseconds=5 * n) for n in range(800)]


def test_turns_of_an_hour_that_the_clock_left_are_forgotten(clock):
    shared = Shared(clock, per_second=200.0)
    process = shared.process()
    for _ in range(3):
        shared.turn(process)
    clock.go_on(-3600.0)
    shared.store = MemoryBreakerStore(clock)

    assert shared.turn(process) == clock.now
