"""Answering a look-up: every source is asked at once, and what it says is stored as always."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from django.db.models import Q

from b2b_orders.ingest.erp_pass import names_itself
from b2b_orders.ingest.models import Connection, Lookup, LookupState
from b2b_orders.ingest.sources import (
    company_refs,
    connector_for,
    enabled_connections,
    system_of,
    vtex_for,
)
from b2b_orders.ingest.storing import UNSTORABLE, park, refuse, store
from b2b_orders.orders.models import SourceRecord
from b2b_orders.orders.numbers import normalise, recognise
from erp_bridge.connector import Call, CompanyRef, Connector, Purpose
from erp_bridge.errors import BridgeError, ConfigError, NotFound, WrongOwner
from erp_bridge.identifiers import access_key_parts
from erp_bridge.records import Detail, NumberKind, Reading, System
from erp_bridge.vtex.client import VtexClient

logger = logging.getLogger(__name__)

# What a person waits for in all.
SECONDS = 8.0
# A worker that has not answered by then is taken for dead.
STARTED_TOO_LONG_AGO = timedelta(seconds=30)
NOBODY_WAITS_AFTER = timedelta(minutes=10)
AT_ONCE = 8
# More orders than these under one number are found by the next pass.
MOST_WHOLE = 3
KINDS = (NumberKind.ERP, NumberKind.WEB, NumberKind.CUSTOMER, NumberKind.INVOICE)
# What ties a web order to an ERP's that was found because somebody asked.
LIVE = "live"
_WITH_SUFFIX = re.compile(r".+-\d{2}", re.ASCII)
_SEQUENCE = re.compile(r"\d{4,12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one question brought: readings, or what went wrong.

    `link` is the web number that an ERP answered with exactly one order.
    """

    readings: tuple[Reading, ...] = ()
    link: str = ""
    error: BridgeError | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """Something to ask one connection."""

    connection: str
    ask: Callable[[], Answer]


@dataclass(slots=True)
class _Outcome:
    """What all questions together came to."""

    answers: dict[str, str] = field(default_factory=dict)
    found: list[int] = field(default_factory=list)

    def note(self, connection: str, answer: str) -> None:
        """Keep the weightiest answer of a connection: found, what failed, not found."""
        before = self.answers.get(connection)
        if before is None or _weight(answer) > _weight(before):
            self.answers[connection] = answer

    @property
    def state(self) -> LookupState:
        """Say whether it was found, is surely not there, or is not known."""
        if self.found:
            return LookupState.FOUND
        if set(self.answers.values()) <= {"not-found", "unsupported"}:
            return LookupState.NOT_FOUND
        return LookupState.FAILED


def _weight(answer: str) -> int:
    return {"unsupported": 0, "not-found": 1, "found": 3}.get(answer, 2)


def run_lookup(*, lookup_id: int, clock: Callable[[], datetime]) -> LookupState | None:
    """Ask the sources for a look-up and note what came; None when it is not ours to run."""
    lookup = _claim(lookup_id, clock())
    if lookup is None:
        return None
    outcome = _Outcome()
    with ExitStack() as stack:
        questions = list(_questions(lookup, stack, outcome))
        for question, answer in _ask(questions):
            _take(lookup, question, answer, outcome, clock())
            if outcome.found and lookup.found_order_id is None:
                # The page opens at once; what is slower is still stored.
                _write(lookup, outcome, clock())
    return _write(lookup, outcome, clock())


def _write(lookup: Lookup, outcome: _Outcome, now: datetime) -> LookupState:
    lookup.state = outcome.state
    lookup.answers = outcome.answers
    lookup.found_order_id = outcome.found[0] if outcome.found else None
    lookup.finished_at = now
    lookup.save(update_fields=["state", "answers", "found_order_id", "finished_at"])
    return outcome.state


def waiting_lookups(*, now: datetime) -> list[int]:
    """Return look-ups that no worker has taken up, or whose worker went silent."""
    rows = Lookup.objects.filter(state=LookupState.WAITING).filter(
        Q(started_at=None, asked_at__lt=now - timedelta(seconds=2))
        | Q(started_at__lt=now - STARTED_TOO_LONG_AGO)
    )
    return list(rows.order_by("asked_at").values_list("pk", flat=True)[:100])


def give_up(*, now: datetime) -> None:
    """End look-ups that nobody could run for so long that nobody waits for them any more."""
    Lookup.objects.filter(state=LookupState.WAITING, asked_at__lt=now - NOBODY_WAITS_AFTER).update(
        state=LookupState.FAILED, finished_at=now
    )


def _claim(lookup_id: int, now: datetime) -> Lookup | None:
    mine = Lookup.objects.filter(pk=lookup_id, state=LookupState.WAITING).filter(
        Q(started_at=None) | Q(started_at__lt=now - STARTED_TOO_LONG_AGO)
    )
    if not mine.update(started_at=now):
        return None
    return Lookup.objects.get(pk=lookup_id)


def _ask(questions: Sequence[Question]) -> Iterator[tuple[Question, Answer]]:
    """Ask all at once; the calls themselves end at their deadline."""
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="lookup") as pool:
        futures: dict[Future[Answer], Question] = {pool.submit(_answer, q): q for q in questions}
        for future in as_completed(futures):
            yield futures[future], future.result()


def _answer(question: Question) -> Answer:
    try:
        return question.ask()
    except BridgeError as error:
        return Answer(error=error)


def _take(
    lookup: Lookup, question: Question, answer: Answer, outcome: _Outcome, now: datetime
) -> None:
    if isinstance(answer.error, WrongOwner):
        refuse(
            connection=question.connection,
            external_id=lookup.written,
            company_id=lookup.company_id,
            operation=answer.error.operation,
            now=now,
        )
    if answer.error is not None:
        missing = isinstance(answer.error, NotFound | WrongOwner)
        outcome.note(question.connection, "not-found" if missing else answer.error.code)
        return
    try:
        found = _store(lookup, question.connection, answer, now)
    except UNSTORABLE as error:
        logger.warning("an answer could not be stored", exc_info=True)
        park(
            connection=question.connection,
            external_id=answer.readings[0].record.external_id,
            reason="cannot-store",
            message=type(error).__name__,
            now=now,
            payload=answer.readings[0].payload,
        )
        outcome.note(question.connection, "cannot-store")
        return
    outcome.found += found
    outcome.note(question.connection, "found" if found else "not-found")


def _store(lookup: Lookup, connection: str, answer: Answer, now: datetime) -> list[int]:
    """Store what was answered; return the orders that are the asking company's."""
    if not answer.readings:
        return []
    is_erp = answer.readings[0].record.system is System.ERP
    stored = store(
        connection=connection,
        readings=answer.readings,
        now=now,
        # An ERP was asked for this company; a web order says itself whose it is.
        company_id=lookup.company_id if is_erp else None,
        links={r.record.external_id: (answer.link, LIVE) for r in answer.readings if answer.link},
    )
    return [
        row.order_id
        for row in stored
        if row.company_id == lookup.company_id and row.order_id is not None
    ]


# --- what to ask -------------------------------------------------------------------------


def _questions(lookup: Lookup, stack: ExitStack, outcome: _Outcome) -> Iterator[Question]:
    call = Call.within(SECONDS, Purpose.INTERACTIVE, correlation=str(lookup.public_id))
    records = _records(lookup)
    for connection in enabled_connections():
        company = company_refs(connection, [lookup.company_id]).get(lookup.company_id)
        if company is None:
            continue
        try:
            if system_of(connection) is System.VTEX:
                client = stack.enter_context(vtex_for(connection))
                asked = _ask_vtex(lookup, client, records.get(connection.name, ()), call)
            else:
                connector = stack.enter_context(connector_for(connection))
                asked = _ask_erp(lookup, connection, connector, company, records, call)
        except (BridgeError, ConfigError) as error:
            outcome.note(connection.name, getattr(error, "code", "bad-settings"))
            continue
        outcome.note(connection.name, "unsupported")
        for ask in asked:
            yield Question(connection.name, ask)


def _records(lookup: Lookup) -> dict[str, list[str]]:
    """Return the source records of the order that is to be read again, by connection."""
    found: dict[str, list[str]] = {}
    if lookup.order_id is not None:
        rows = SourceRecord.objects.filter(
            order_id=lookup.order_id, company_id=lookup.company_id
        ).order_by("id")
        for row in rows:
            found.setdefault(row.connection, []).append(row.external_id)
    return found


def _ask_vtex(
    lookup: Lookup, client: VtexClient, known: Iterable[str], call: Call
) -> list[Callable[[], Answer]]:
    ids = list(known) if lookup.order_id is not None else vtex_ids(lookup.written)
    return [partial(_web_order, client, order_id, call) for order_id in ids]


def _web_order(client: VtexClient, order_id: str, call: Call) -> Answer:
    return Answer((client.order(order_id, call),))


def _ask_erp(
    lookup: Lookup,
    connection: Connection,
    connector: Connector,
    company: CompanyRef,
    records: Mapping[str, list[str]],
    call: Call,
) -> list[Callable[[], Answer]]:
    if lookup.order_id is None:
        can = connector.declares().find
        wanted = [(kind, value) for kind, value in erp_numbers(lookup.written) if kind in can]
    elif known := records.get(connection.name):
        return [partial(_order, connector, company, external_id, call) for external_id in known]
    else:
        # A web order that this ERP has not shown yet: it may know it by now.
        wanted = [(NumberKind.WEB, web) for ids in records.values() for web in ids]
    return [partial(_find, connector, company, kind, value, call) for kind, value in wanted]


def _order(connector: Connector, company: CompanyRef, external_id: str, call: Call) -> Answer:
    return Answer((connector.order(company, external_id, call),))


def _find(
    connector: Connector, company: CompanyRef, kind: NumberKind, value: str, call: Call
) -> Answer:
    found = connector.find(company, kind, value, call)
    # A row does not say whose it is. An ERP that finds what it then does not show to this
    # company has found another company's order.
    whole = [
        read
        for reading in found[:MOST_WHOLE]
        if (read := _whole(connector, company, reading, call)) is not None
    ]
    is_link = (
        kind is NumberKind.WEB
        and len(found) == len(whole) == 1
        and not names_itself(whole[0], value)
    )
    return Answer(tuple(whole), link=value if is_link else "")


def _whole(
    connector: Connector, company: CompanyRef, reading: Reading, call: Call
) -> Reading | None:
    """Read a found row whole; while the source fails, the row alone is an answer too.

    Rows of the old contract do not say whose they are. One that the source does not own
    up to when asked for whole is not taken for the company's.
    """
    if reading.record.detail is Detail.FULL and reading.record.documents is not None:
        return reading
    try:
        return connector.order(company, reading.record.external_id, call)
    except WrongOwner:
        raise
    except NotFound:
        return None
    except BridgeError:
        return reading


def vtex_ids(written: str) -> list[str]:
    """List by which ids VTEX may know what a person typed: whole, without its end, a sequence."""
    recognised = recognise(written)
    if recognised.shape != "free":
        return []
    text = "".join(written.split()).lstrip("#")
    ids = []
    if _SEQUENCE.fullmatch(text):
        ids.append(f"seq{text}")
    ids += [
        spelling if _WITH_SUFFIX.fullmatch(spelling) else f"{spelling}-01"
        for spelling in dict.fromkeys((text, text.lower()))
    ]
    return ids


def erp_numbers(written: str) -> list[tuple[NumberKind, str]]:
    """List what to ask an ERP for what a person typed: kinds of number, as written if possible."""
    recognised = recognise(written)
    if parts := access_key_parts(written):
        return [(NumberKind.INVOICE, f"{parts.number}/{parts.series}")]
    if recognised.shape in {"access_key", "boleto_line"}:
        return []
    asked = [
        # Sources compare more strictly than we do: zeros in front and dashes as typed.
        (kind, written if normalise(written) == candidate.value else candidate.value)
        for candidate in recognised.candidates
        for kind in KINDS
        if candidate.kinds is None or kind in candidate.kinds
    ]
    return list(dict.fromkeys(asked))
