"""What protects every call to a source, written once: breaker, pace, retries, and a last look.

A source that is down costs nothing: after some failures in a row its breaker opens and calls
end at once, until one probe finds it well again. A source that asks for rest gets it, whoever
calls, and none is asked faster than its pace. The state is shared through a small store, so
that all processes see the same.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import ClassVar, TypeVar, cast

from erp_bridge.breaker import REHEARSED, BreakerState, BreakerStore, Counts
from erp_bridge.connector import (
    INTERFACE,
    Call,
    CompanyRef,
    Connector,
    Declares,
    DocumentStream,
    Health,
    KnownCompany,
    ListsCompanies,
    Page,
    Purpose,
)
from erp_bridge.errors import (
    BridgeError,
    ContractViolation,
    CredentialsRejected,
    Refused,
    Throttled,
    TransientError,
    Unreachable,
    Unsupported,
    WrongOwner,
)
from erp_bridge.pace import Bucket, Lots, Turns
from erp_bridge.records import DocumentRecord, NumberKind, OrderRecord, Reading

T = TypeVar("T")
MAX_ID_LENGTH = 80


@dataclass(frozen=True, slots=True)
class GuardPolicy:
    """The numbers of a guard. Tries count the first; `per_second` None sets no pace.

    What a person waits for counts and never waits. A regular pass may use all of the pace,
    history its share of it.
    """

    open_after: int = 5
    open_seconds: float = 30.0
    open_max_seconds: float = 600.0
    credentials_seconds: float = 900.0
    throttle_seconds: float = 60.0
    # A probe that has not ended by then is taken for dead.
    probe_seconds: float = 30.0
    tries: Mapping[Purpose, int] = field(
        default_factory=lambda: MappingProxyType(
            {Purpose.INTERACTIVE: 3, Purpose.SYNC: 6, Purpose.BACKFILL: 6}
        )
    )
    first_wait_seconds: float = 0.2
    max_wait_seconds: Mapping[Purpose, float] = field(
        default_factory=lambda: MappingProxyType(
            {Purpose.INTERACTIVE: 5.0, Purpose.SYNC: 60.0, Purpose.BACKFILL: 60.0}
        )
    )
    # A retry with less time than this is not begun.
    least_seconds: float = 0.05
    per_second: float | None = None
    # After a rest, the calls of so much time may come at once.
    burst_seconds: float = 1.0
    backfill_share: float = 0.5
    # How long one process may believe what it last read from the store.
    state_seconds: float = 1.0
    # How often a source that does well is noted as such.
    note_seconds: float = 15.0
    # How often what was asked is counted in the store.
    count_seconds: float = 5.0

    def turns(self, bucket: Bucket, patience: float) -> Turns | None:
        """Say what to wish for in a bucket; None when there is no pace."""
        if self.per_second is None:
            return None
        share = self.backfill_share if bucket is Bucket.BACKFILL else 1.0
        pace = self.per_second * share
        return Turns(bucket, pace, max(1, int(pace * self.burst_seconds)), 1, patience)


class _Held(Throttled):
    """Our own gate says wait: nothing was asked, and trying again would not help."""


class Guard:
    """Protects the calls to one source. Safe to share between threads; `close` it at the end."""

    def __init__(
        self,
        source: str,
        store: BreakerStore,
        policy: GuardPolicy | None = None,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.source = source
        self.policy = policy or GuardPolicy()
        self._store = store
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._state = BreakerState()
        self._read_at: datetime | None = None
        self._noted_at: datetime | None = None
        self._lots = {bucket: Lots(clock) for bucket in Bucket}
        # Failures are noted one after the other, so that one burst opens the breaker once.
        self._noting = threading.Lock()
        self._counting = threading.Lock()
        self._counts: dict[datetime, Counts] = {}
        self._counted_at = clock()

    def run(self, operation: str, call: Call, fn: Callable[[], T], *, tries: int = 0) -> T:
        """Do a read of the source: gate, try, retry what is worth it, and note how it went.

        `tries` 0 takes the policy's number for the purpose of the call.
        """
        left = tries or self.policy.tries[call.purpose]
        wait = self.policy.first_wait_seconds
        is_retry = False
        while True:
            left -= 1
            try:
                with self._passage(operation, call, is_retry=is_retry):
                    return fn()
            except _Held:
                raise
            except TransientError as error:
                pause = self._pause(error, wait, call)
                must_rest = self._must_rest(error)
                error.is_of_source = error.is_of_source or must_rest
                if left <= 0 or pause is None or must_rest:
                    raise
            self._sleep(pause)
            wait *= 2
            is_retry = True

    def rest(self, operation: str, call: Call) -> None:
        """Wait for the rest that the source asked for; raise when it is left alone for longer."""
        self._rested(operation, call)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count what the block asks as one call, and how it ended."""
        began = self._clock()
        failures = throttled = 0
        try:
            yield
        except BridgeError as error:
            failures, throttled = int(error.counts_for_breaker), int(isinstance(error, Throttled))
            raise
        finally:
            seconds = max(0.0, (self._clock() - began).total_seconds())
            self._count(Counts(1, failures, throttled, seconds))

    def close(self) -> None:
        """Hand over what was counted and not yet kept."""
        self._keep_counts()

    # --- the gate ------------------------------------------------------------------

    @contextmanager
    def _passage(self, operation: str, call: Call, *, is_retry: bool) -> Iterator[None]:
        """Let one try through, as the only one when the source may still be down."""
        state = self._rested(operation, call)
        if self._take_turn(operation, call):
            # Much can happen while one waits.
            state = self._rested(operation, call)
        is_probe = state.failures >= self.policy.open_after or (
            state.retry_at is not None and state.reason == CredentialsRejected.code
        )
        if is_probe:
            self._begin_probe(state, operation, call)
        is_noted = False
        try:
            with self.counted():
                yield
        except BridgeError as error:
            # One thing that fails however often it is tried is no sign of a source that is down.
            if not is_retry or not error.counts_for_breaker or is_probe:
                is_noted = self._note(error, state)
            raise
        else:
            is_noted = self._note(None, state)
        finally:
            if is_probe and not is_noted:
                self._store.end_probe(self.source)

    def _rested(self, operation: str, call: Call) -> BreakerState:
        """Give the state of a source that may be asked, waiting for the rest it asked for."""
        while True:
            state = self._current()
            wait = self._seconds_until(state.retry_at)
            if wait <= 0:
                return state
            if state.reason != Throttled.code or not self._may_wait(wait, call):
                raise self._resting(state, wait, operation)
            self._sleep(wait)
            self._read_at = None

    def _begin_probe(self, state: BreakerState, operation: str, call: Call) -> None:
        seconds = min(self.policy.probe_seconds, call.seconds_left)
        if not self._store.try_probe(self.source, seconds):
            # What it finds out is to be seen at once.
            self._read_at = None
            raise self._resting(state, 0.0, operation)

    def _current(self) -> BreakerState:
        now = self._clock()
        if self._read_at is None or now - self._read_at >= _seconds(self.policy.state_seconds):
            self._state, self._read_at = self._store.read(self.source), now
        return self._state

    def _seconds_until(self, moment: datetime | None) -> float:
        return (moment - self._clock()).total_seconds() if moment else 0.0

    def _may_wait(self, seconds: float, call: Call) -> bool:
        is_waited_for = call.purpose is Purpose.INTERACTIVE
        return not is_waited_for and seconds + self.policy.least_seconds < call.seconds_left

    def _resting(self, state: BreakerState, wait: float, operation: str) -> BridgeError:
        error: BridgeError
        if state.reason == Throttled.code and wait > 0:
            error = _Held(
                "it asked us to wait", retry_after=wait, source=self.source, operation=operation
            )
        else:
            message = "it failed lately and is left alone"
            if state.reason == REHEARSED:
                message = "its outage is rehearsed"
            error = Unreachable(message, source=self.source, operation=operation)
        error.is_of_source = True
        return error

    def _take_turn(self, operation: str, call: Call) -> bool:
        """Keep the pace; say whether that took a wait. What a person waits for goes at once."""
        waited = 0.0
        if call.purpose is Purpose.BACKFILL:
            waited += self._await(Bucket.BACKFILL, operation, call)
        waited += self._await(Bucket.ALL, operation, call)
        return waited > 0

    def _await(self, bucket: Bucket, operation: str, call: Call) -> float:
        is_urgent = call.purpose is Purpose.INTERACTIVE
        left = max(0.0, call.seconds_left - self.policy.least_seconds)
        patience = math.inf if is_urgent else left
        wish = self.policy.turns(bucket, patience)
        if wish is None:
            return 0.0
        wait = self._lots[bucket].turn(
            wish, lambda count: self._store.take_turns(self.source, replace(wish, count=count))
        )
        if is_urgent or wait <= 0:
            return 0.0
        if wait > patience:
            raise _Held(
                "our own pace leaves no time for it",
                retry_after=wait,
                source=self.source,
                operation=operation,
            )
        self._sleep(wait)
        return wait

    # --- what came of it -----------------------------------------------------------

    def _note(self, error: BridgeError | None, before: BreakerState) -> bool:
        """Note how a call ended; say whether that tells anything of the source."""
        if error is not None and _is_failure(error):
            with self._noting:
                self._note_failure(error)
        elif isinstance(error, Refused | Unsupported):
            # An answer such as "not found" shows that the source works; our own refusal does not.
            return False
        else:
            self._note_success(self._clock(), before)
        return True

    def _note_failure(self, error: BridgeError) -> None:
        now = self._clock()
        # Read afresh: other processes and threads count too.
        state = self._store.read(self.source)
        is_open = (
            state.failures >= self.policy.open_after and self._seconds_until(state.retry_at) > 0
        )
        # A call that began before the breaker opened says nothing new: it must not rest longer.
        if not is_open or isinstance(error, Throttled | CredentialsRejected):
            self._store.failed(self.source, error, self._rest_until(error, state, now))
        self._read_at = None

    def _note_success(self, now: datetime, before: BreakerState) -> None:
        due = self._noted_at is None or now - self._noted_at >= _seconds(self.policy.note_seconds)
        if due or before.failures or before.retry_at or self._state.failures:
            self._store.succeeded(self.source)
            self._noted_at, self._read_at = now, None

    def _rest_until(
        self, error: BridgeError, state: BreakerState, now: datetime
    ) -> datetime | None:
        if isinstance(error, Throttled):
            hint = error.retry_after
            return now + _seconds(self.policy.throttle_seconds if hint is None else hint)
        if isinstance(error, CredentialsRejected):
            return now + _seconds(self.policy.credentials_seconds)
        beyond = state.failures + 1 - self.policy.open_after
        if beyond < 0:
            return None
        seconds = self.policy.open_seconds * 2.0 ** min(beyond, 20)
        return now + _seconds(min(seconds, self.policy.open_max_seconds))

    def _must_rest(self, error: BridgeError) -> bool:
        """Whether the failure just noted opened the breaker, so that another try is pointless."""
        return (
            not isinstance(error, Throttled) and self._seconds_until(self._current().retry_at) > 0
        )

    def _pause(self, error: TransientError, wait: float, call: Call) -> float | None:
        """Give the seconds before another try; None when it could not end in time."""
        pause = min(wait, self.policy.max_wait_seconds[call.purpose]) * (0.5 + self._jitter() / 2)
        if isinstance(error, Throttled):
            hint = error.retry_after
            pause = max(pause, self.policy.throttle_seconds if hint is None else hint)
        return pause if pause + self.policy.least_seconds < call.seconds_left else None

    # --- counts --------------------------------------------------------------------

    def _count(self, more: Counts) -> None:
        now = self._clock()
        minute = now.replace(second=0, microsecond=0)
        with self._counting:
            self._counts[minute] = self._counts.get(minute, Counts()) + more
            is_due = now - self._counted_at >= _seconds(self.policy.count_seconds)
            if is_due:
                self._counted_at = now
        if is_due:
            self._keep_counts()

    def _keep_counts(self) -> None:
        with self._counting:
            counts, self._counts = self._counts, {}
        if not counts:
            return
        is_kept = False
        try:
            self._store.add_counts(self.source, counts)
            is_kept = True
        finally:
            if not is_kept:
                # The next time, with those that come.
                with self._counting:
                    for minute, more in self._counts.items():
                        counts[minute] = counts.get(minute, Counts()) + more
                    self._counts = counts


def _seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


def _is_failure(error: BridgeError) -> bool:
    return error.counts_for_breaker or isinstance(error, Throttled)


# --- the guarded connector ------------------------------------------------------------


class GuardedConnector:
    """A connector whose every call is guarded and whose every answer gets a last look."""

    name: ClassVar[str] = "guarded"
    interface: ClassVar[int] = INTERFACE

    def __init__(self, connector: Connector, guard: Guard) -> None:
        self._connector = connector
        self._guard = guard

    def declares(self) -> Declares:
        """Say what this connection can do, without asking the source."""
        return self._connector.declares()

    def health(self, call: Call) -> Health:
        """Reach the source, also while its breaker is open: somebody wants to know now."""
        return self._connector.health(call)

    def find(self, company: CompanyRef, kind: NumberKind, value: str, call: Call) -> list[Reading]:
        """Find the company's orders by a number; empty when there is none."""
        return self._run(
            "find",
            call,
            lambda: self._checked(self._connector.find(company, kind, value, call), company),
        )

    def period(self, company: CompanyRef, first: date, last: date, call: Call) -> Iterator[Page]:
        """List the company's orders placed from `first` to `last`, both included."""
        return self._pages(
            "period", company, call, lambda: self._connector.period(company, first, last, call)
        )

    def changed(
        self, company: CompanyRef | None, cursor: str, since: datetime, call: Call
    ) -> Iterator[Page]:
        """List what changed since a moment, from a cursor on."""
        return self._pages(
            "changed", company, call, lambda: self._connector.changed(company, cursor, since, call)
        )

    def order(self, company: CompanyRef, external_id: str, call: Call) -> Reading:
        """Read one order whole, with its list of documents."""
        return self._run(
            "order",
            call,
            lambda: self._checked([self._connector.order(company, external_id, call)], company)[0],
        )

    def documents(self, company: CompanyRef, external_id: str, call: Call) -> list[DocumentRecord]:
        """List the files of one order; empty when the source has none."""

        def ask() -> list[DocumentRecord]:
            found = self._connector.documents(company, external_id, call)
            self._check_documents(found, "documents")
            return found

        return self._run("documents", call, ask)

    @contextmanager
    def open_document(
        self, company: CompanyRef, external_id: str, document_key: str, call: Call
    ) -> Iterator[DocumentStream]:
        """Open one file of one order, looked up afresh so that an expired link is renewed."""
        with ExitStack() as stack:

            def enter() -> DocumentStream:
                opened: AbstractContextManager[DocumentStream] = self._connector.open_document(
                    company, external_id, document_key, call
                )
                return stack.enter_context(opened)

            yield self._run("open_document", call, enter)

    def companies(self, call: Call) -> Iterator[tuple[KnownCompany, ...]]:
        """List the companies that buy; `Unsupported` when the connector cannot."""
        if not self._connector.declares().companies:
            raise Unsupported("it lists no companies", source=self._guard.source)
        pages = cast("ListsCompanies", self._connector).companies(call)
        while (
            page := self._run("companies", call, lambda: next(pages, None), tries=1)
        ) is not None:
            yield page

    def close(self) -> None:
        """Give back sockets, and keep what was counted."""
        try:
            self._connector.close()
        finally:
            self._guard.close()

    # --- how ------------------------------------------------------------------------

    def _run(self, operation: str, call: Call, fn: Callable[[], T], *, tries: int = 0) -> T:
        return self._guard.run(operation, call, fn, tries=tries)

    def _pages(
        self,
        operation: str,
        company: CompanyRef | None,
        call: Call,
        begin: Callable[[], Iterator[Page]],
    ) -> Iterator[Page]:
        pages: Iterator[Page] = iter(())

        def first() -> Page | None:
            nonlocal pages
            pages = begin()
            return following()

        def following() -> Page | None:
            page = next(pages, None)
            if page is not None:
                self._checked(page.readings, company)
            return page

        page = self._run(operation, call, first)
        while page is not None:
            yield page
            # A generator that failed is finished: another try would look like its end.
            page = self._run(operation, call, following, tries=1)

    def _checked(self, readings: Sequence[Reading], company: CompanyRef | None) -> list[Reading]:
        for index, reading in enumerate(readings):
            self._check_shape(reading.record, f"[{index}]")
            if company is not None:
                self._check_owner(reading.record, company)
        return list(readings)

    def _check_owner(self, record: OrderRecord, company: CompanyRef) -> None:
        if not record.customer_id:
            return
        if company.customer_ids:
            is_theirs = record.customer_id in company.customer_ids
        else:
            is_theirs = record.customer.tax_id in company.tax_ids
        if not is_theirs:
            raise WrongOwner("the answer is another company's order", source=self._guard.source)

    def _check_shape(self, record: OrderRecord, path: str) -> None:
        problem = ""
        if not record.external_id or len(record.external_id) > MAX_ID_LENGTH:
            problem = "external_id"
        elif record.version is not None and record.version.tzinfo is None:
            problem = "version"
        elif record.placed_at is not None and record.placed_at.tzinfo is None:
            problem = "placed_at"
        if problem:
            raise self._violation(f"{path}.{problem}")
        self._check_documents(record.documents or (), f"{path}.documents")

    def _check_documents(self, documents: Sequence[DocumentRecord], path: str) -> None:
        keys = [document.key for document in documents]
        if not all(keys) or len(set(keys)) != len(keys):
            raise self._violation(f"{path}.key")

    def _violation(self, path: str) -> ContractViolation:
        return ContractViolation("a value that cannot be", path=path, source=self._guard.source)
