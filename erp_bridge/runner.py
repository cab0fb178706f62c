"""What protects every call to a source, written once: breaker, waits, retries, and a last look.

A source that is down costs nothing: after some failures in a row its breaker opens and calls
end at once, until one probe finds it well again. A source that asks for rest gets it, whoever
calls. The state is shared through a small store, so that all processes see the same.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import ClassVar, Protocol, TypeVar

from erp_bridge.connector import (
    INTERFACE,
    Call,
    CompanyRef,
    Connector,
    Declares,
    DocumentStream,
    Health,
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
from erp_bridge.records import DocumentRecord, NumberKind, OrderRecord, Reading

T = TypeVar("T")
MAX_ID_LENGTH = 80


@dataclass(frozen=True, slots=True)
class BreakerState:
    """How a source does: failures in a row, since when it is down, until when to leave it alone.

    `reason` is the code of the last error, "" where a store does not keep it.
    """

    failures: int = 0
    down_since: datetime | None = None
    retry_at: datetime | None = None
    reason: str = ""


class BreakerStore(Protocol):
    """Where the state of sources is kept, seen by all processes."""

    def read(self, source: str) -> BreakerState:
        """Give the state of a source; a fresh one when it is not known."""
        ...

    def succeeded(self, source: str) -> None:
        """Note that the source answered: no failures, not down, no rest."""
        ...

    def failed(self, source: str, error: BridgeError, retry_at: datetime | None) -> None:
        """Note a failure; with `retry_at`, nobody should ask before then.

        Only an error with `counts_for_breaker` adds to the failures in a row and begins
        `down_since`; a throttle only asks for rest.
        """
        ...


class MemoryBreakerStore:
    """A store inside one process, for tests and tools."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._states: dict[str, BreakerState] = {}
        self._lock = threading.Lock()

    def read(self, source: str) -> BreakerState:
        """Give the state of a source; a fresh one when it is not known."""
        return self._states.get(source, BreakerState())

    def succeeded(self, source: str) -> None:
        """Forget all failures."""
        with self._lock:
            self._states[source] = BreakerState()

    def failed(self, source: str, error: BridgeError, retry_at: datetime | None) -> None:
        """Count a failure and keep until when to rest."""
        with self._lock:
            state = self.read(source)
            if error.counts_for_breaker:
                since = state.down_since or self._clock()
                state = replace(state, failures=state.failures + 1, down_since=since)
            self._states[source] = replace(state, retry_at=retry_at, reason=error.code)


@dataclass(frozen=True, slots=True)
class GuardPolicy:
    """The numbers of a guard. Tries count the first; `per_second` None sets no pace."""

    open_after: int = 5
    open_seconds: float = 30.0
    open_max_seconds: float = 600.0
    credentials_seconds: float = 900.0
    throttle_seconds: float = 60.0
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
    # How long one process may believe what it last read from the store.
    state_seconds: float = 1.0
    # How often a source that does well is noted as such.
    note_seconds: float = 15.0


class Guard:
    """Protects the calls to one source. Safe to share between threads."""

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
        self._lock = threading.Lock()
        self._probe = threading.Lock()
        self._state = BreakerState()
        self._read_at: datetime | None = None
        self._noted_at: datetime | None = None
        self._next_turn: datetime | None = None

    def run(self, operation: str, call: Call, fn: Callable[[], T], *, tries: int = 0) -> T:
        """Do a read of the source: gate, try, retry what is worth it, and note how it went.

        `tries` 0 takes the policy's number for the purpose of the call.
        """
        left = tries or self.policy.tries[call.purpose]
        wait = self.policy.first_wait_seconds
        while True:
            left -= 1
            try:
                with self._passage(operation, call):
                    return fn()
            except TransientError as error:
                pause = self._pause(error, wait, call)
                if self._must_rest(error):
                    error.is_of_source = True
                if left <= 0 or pause is None or error.is_of_source:
                    raise
            self._sleep(pause)
            wait *= 2

    # --- the gate ------------------------------------------------------------------

    @contextmanager
    def _passage(self, operation: str, call: Call) -> Iterator[None]:
        """Let one try through, as the only one when the source may still be down."""
        state = self._current()
        wait = self._seconds_until(state.retry_at)
        if wait > 0 and state.reason == Throttled.code and self._may_wait(wait, call):
            self._sleep(wait)
            wait = 0.0
        if wait > 0:
            raise self._resting(state, wait, operation)
        is_probe = state.failures >= self.policy.open_after or (
            state.retry_at is not None and state.reason == CredentialsRejected.code
        )
        if is_probe and not self._probe.acquire(blocking=False):
            raise self._resting(state, 0.0, operation)
        try:
            self._take_turn(call)
            yield
        except BridgeError as error:
            self._note(error, state)
            raise
        else:
            self._note(None, state)
        finally:
            if is_probe:
                self._probe.release()

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
        if state.reason == Throttled.code:
            error = Throttled(
                "it asked us to wait", retry_after=wait, source=self.source, operation=operation
            )
        else:
            error = Unreachable(
                "it failed lately and is left alone", source=self.source, operation=operation
            )
        error.is_of_source = True
        return error

    def _take_turn(self, call: Call) -> None:
        """Keep the pace; what a person waits for goes first but counts."""
        if self.policy.per_second is None:
            return
        with self._lock:
            now = self._clock()
            turn = max(self._next_turn or now, now)
            self._next_turn = turn + _seconds(1 / self.policy.per_second)
        wait = (turn - now).total_seconds()
        if wait > 0 and call.purpose is not Purpose.INTERACTIVE:
            self._sleep(min(wait, call.seconds_left))

    # --- what came of it -----------------------------------------------------------

    def _note(self, error: BridgeError | None, before: BreakerState) -> None:
        now = self._clock()
        if error is None or not _is_failure(error):
            # An answer such as "not found" shows that the source works; our own refusal does not.
            if not isinstance(error, Refused | Unsupported):
                self._note_success(now, before)
            return
        self._store.failed(self.source, error, self._rest_until(error, now))
        self._read_at = None

    def _note_success(self, now: datetime, before: BreakerState) -> None:
        due = self._noted_at is None or now - self._noted_at >= _seconds(self.policy.note_seconds)
        if due or before.failures or before.retry_at or self._state.failures:
            self._store.succeeded(self.source)
            self._noted_at, self._read_at = now, None

    def _rest_until(self, error: BridgeError, now: datetime) -> datetime | None:
        if isinstance(error, Throttled):
            hint = error.retry_after
            return now + _seconds(self.policy.throttle_seconds if hint is None else hint)
        if isinstance(error, CredentialsRejected):
            return now + _seconds(self.policy.credentials_seconds)
        # Read afresh: other processes and threads count too.
        beyond = self._store.read(self.source).failures + 1 - self.policy.open_after
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

    def close(self) -> None:
        """Give back sockets."""
        self._connector.close()

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
