"""Reading an ERP: what changed or periods of each company, web orders it may know, whole orders."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q

from b2b_orders.documents.expecting import expected_since
from b2b_orders.ingest import inbox
from b2b_orders.ingest.changes import Changes
from b2b_orders.ingest.inbox import Due
from b2b_orders.ingest.models import Origin, Parked, Stream, Subject
from b2b_orders.ingest.passes import (
    BATCH,
    Mark,
    Pass,
    ends_the_pass,
    fetch_in_order,
    set_streams,
    threads,
)
from b2b_orders.ingest.refreshing import FINAL, again_after
from b2b_orders.ingest.slices import Covered, Looked, Window, cut, plan
from b2b_orders.orders.models import SourceRecord
from b2b_orders.orders.numbers import normalise
from b2b_orders.orders.services import Link
from erp_bridge.connector import Call, CompanyRef, Connector, Purpose
from erp_bridge.errors import (
    BadRequest,
    BridgeError,
    NotFound,
    TransientError,
    Unsupported,
    WrongOwner,
)
from erp_bridge.records import Detail, NumberKind, Reading, System

CALL_SECONDS = 60.0
# Rows of a company that are stored at once.
ROWS = 200
# Orders that are taken from the inbox at once.
INBOX_LOT = 500
# What tied a web order to an ERP's: it was the one answer, or parts that its invoices name.
ONE_ANSWER, PARTS_BY_INVOICE = "one-answer", "parts-by-invoice"
# A cursor moves at least this often; a connector cuts it into what its ERP can answer.
LEAST_WINDOW_DAYS = 90
# What could not be read whole is left alone for so long.
PARKED_FOR = timedelta(hours=24)
Job = TypeVar("Job", bound="_Job")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class _Job:
    """Something to ask the ERP for a company."""

    company_id: int


@dataclass(frozen=True, slots=True)
class _WindowJob(_Job):
    window: Window
    mark: Mark | None


@dataclass(frozen=True, slots=True)
class _Rows:
    readings: tuple[Reading, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _LinkJob(_Job):
    numbers: tuple[str, ...]
    # Invoices that the site states for this order.
    invoices: frozenset[str]
    mark: Mark | None


@dataclass(frozen=True, slots=True)
class _Linked:
    """The one order, or the parts of it, that an ERP answered a web number with."""

    number: str
    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class _OrderJob(_Job):
    external_id: str
    # The row of the inbox that asks for it.
    item: Due | None = None


class ErpPass:
    """The parts of one pass over one ERP connection."""

    def __init__(
        self, run: Pass, connector: Connector, companies: Mapping[int, CompanyRef]
    ) -> None:
        self.run = run
        self.connector = connector
        self.companies = companies
        self.declares = connector.declares()
        self.at_once = run.options.requests_at_once or self.declares.concurrency
        # Companies whose answers were refused or unusable: left alone for this pass.
        self._left_alone: set[int] = set()
        self._are_changes_told = self.declares.changed != "none"

    def notice_new_ids(self) -> None:
        """Read the whole history of a company again when it is known by other ids than before."""
        ids = {
            company_id: hashlib.sha256("\n".join(company.customer_ids).encode()).hexdigest()
            for company_id, company in self.companies.items()
        }
        known = dict(
            self.run.connection.streams.filter(kind="customers").values_list("company_id", "cursor")
        )
        new = {key: digest for key, digest in ids.items() if known.get(key) != digest}
        with transaction.atomic():
            self.run.connection.streams.filter(
                kind__in=("period", "links"), company_id__in=new.keys() & known.keys()
            ).delete()
            marks = [Mark("customers", digest, company_id) for company_id, digest in new.items()]
            set_streams(self.run.connection, marks, now=self.run.clock())

    # --- what changed ---------------------------------------------------------------

    def changed(self) -> None:
        """Read what an ERP says has changed since the last time, in all companies at once.

        Where it cannot say so after all, periods take its place for this pass.
        """
        if self.declares.changed == "none":
            return
        self.run.progress.stage("orders that changed")
        changes = Changes(self.run, self.connector, self.companies)
        try:
            changes.read()
        except BridgeError as error:
            if ends_the_pass(error):
                raise
            changes.give_up(error)
            self._are_changes_told = False

    # --- periods ------------------------------------------------------------------

    def periods(self, *, since: date | None = None, until: date | None = None) -> None:
        """List each company's orders by date, newest first, going on where it was stopped."""
        if not self.declares.period:
            return
        streams = self._streams("period")
        jobs = [
            job
            for company_id, stream in streams.items()
            for job in (
                self._asked_windows(company_id, since, until)
                if since or until
                else self._windows(company_id, stream)
            )
        ]
        self.run.progress.stage("periods of companies", len(jobs))
        waiting = _Waiting(self.run)
        for job, answer in self._ask(jobs, self._period):
            self.run.progress.step()
            if isinstance(answer, BridgeError):
                waiting.flush()
                self._give_up(job, self._period_name(job), answer)
                continue
            for problem in answer.problems:
                self.run.park(self._period_name(job), "row", problem, subject=Subject.PART)
            if not answer.problems:
                self.run.heal(self._period_name(job))
            self.run.where = f"at company {job.company_id}, before {job.window.first}"
            waiting.add(job.company_id, answer.readings, job.mark)
        waiting.flush()

    def _windows(self, company_id: int, stream: Stream | None) -> Iterator[_WindowJob]:
        today = self.today
        windows = plan(
            Covered.parse(stream.cursor) if stream else None,
            today=today,
            floor=years_before(today, self.run.options.backfill_years),
            overlap_days=max(self.run.options.overlap_days, 1),
            window_days=self._window_days,
            is_newer_wanted=self._needs_net(stream),
        )
        for window in windows:
            mark = Mark("period", window.covers.cursor, company_id) if window.covers else None
            yield _WindowJob(company_id, window, mark)

    def _needs_net(self, stream: Stream | None) -> bool:
        """Say whether the newest days are listed: always, or once a day where changes are told."""
        if not self._are_changes_told or stream is None:
            return True
        covered = Covered.parse(stream.cursor)
        return covered is None or covered.until < self.today

    def _asked_windows(
        self, company_id: int, since: date | None, until: date | None
    ) -> Iterator[_WindowJob]:
        today = self.today
        first = since or years_before(today, self.run.options.backfill_years)
        for start, end in cut(first, until or today, self._window_days):
            yield _WindowJob(company_id, Window(start, end), None)

    @property
    def _window_days(self) -> int:
        return max(LEAST_WINDOW_DAYS, self.declares.max_window_days or 366)

    def _period(self, job: _WindowJob) -> _Rows:
        call = Call.within(CALL_SECONDS, Purpose.BACKFILL)
        company = self.companies[job.company_id]
        pages = list(self.connector.period(company, job.window.first, job.window.last, call))
        return _Rows(
            tuple(reading for page in pages for reading in page.readings),
            tuple(problem for page in pages for problem in page.problems),
        )

    def _period_name(self, job: _WindowJob) -> str:
        key = self.companies[job.company_id].key
        return f"{key} period {job.window.first}..{job.window.last}"

    # --- links ----------------------------------------------------------------------

    def links(self) -> None:
        """Ask the ERP for web orders that it has not shown yet; its answer ties the two."""
        if NumberKind.WEB not in self.declares.find:
            return
        streams = self._streams("links")
        by_company = {
            company_id: list(self._web_orders(company_id, stream))
            for company_id, stream in streams.items()
        }
        jobs = [job for company_jobs in by_company.values() for job in company_jobs]
        self.run.progress.stage("web orders looked for in the ERP", len(jobs))
        waiting = _Waiting(self.run, size=BATCH)
        for job, answer in self._ask(jobs, self._link):
            self.run.progress.step()
            if isinstance(answer, BridgeError):
                waiting.flush()
                if isinstance(answer, Unsupported):
                    return
                self._give_up(job, self._links_name(job), answer)
                continue
            self.run.heal(self._links_name(job))
            self.run.where = f"at company {job.company_id}, web order {job.numbers[0]}"
            if answer is None:
                waiting.add(job.company_id, (), job.mark)
            else:
                evidence = ONE_ANSWER if len(answer.readings) == 1 else PARTS_BY_INVOICE
                link = {r.record.external_id: (answer.number, evidence) for r in answer.readings}
                waiting.add(job.company_id, answer.readings, job.mark, link)
        waiting.flush()
        idle = [company_id for company_id, its_jobs in by_company.items() if not its_jobs]
        now = self.run.clock()
        set_streams(
            self.run.connection,
            [Mark("links", "", company_id, high_water=now) for company_id in idle],
            now=now,
        )

    def _web_orders(self, company_id: int, stream: Stream | None) -> list[_LinkJob]:
        """List web orders without an ERP record: at first all young enough, then new ones."""
        now = self.run.clock()
        options = self.run.options
        rows = SourceRecord.objects.filter(
            company_id=company_id,
            system=System.VTEX,
            order__origins="vtex",
            order__sorted_at__gte=now - timedelta(days=options.link_days),
        )
        looked = Looked.parse(stream.cursor) if stream else None
        if looked:
            rows = rows.filter(
                Q(order__sorted_at__lt=looked.at)
                | Q(order__sorted_at=looked.at, order_id__lt=looked.order_id)
            )
        elif stream and stream.high_water:
            fresh = now - timedelta(days=options.link_fresh_days)
            rows = rows.filter(
                Q(order__created_at__gte=stream.high_water) | Q(order__sorted_at__gte=fresh)
            )
        began = looked.began if looked else now
        is_first = looked is not None or stream is None or stream.high_water is None
        jobs = [
            _LinkJob(
                company_id,
                numbers=_web_numbers(external_id, numbers),
                invoices=_invoice_numbers(invoices),
                mark=Mark("links", Looked(began, at, order_id or 0).cursor, company_id)
                if is_first
                else None,
            )
            for external_id, numbers, invoices, at, order_id in rows.order_by(
                "-order__sorted_at", "-order_id"
            ).values_list(
                "external_id",
                "facts__web_numbers",
                "facts__invoices",
                "order__sorted_at",
                "order_id",
            )
        ]
        if jobs:
            jobs[-1] = replace(jobs[-1], mark=Mark("links", "", company_id, high_water=began))
        return jobs

    def _links_name(self, job: _LinkJob) -> str:
        return f"{self.companies[job.company_id].key} web"

    def _link(self, job: _LinkJob) -> _Linked | None:
        company = self.companies[job.company_id]
        for number in job.numbers:
            call = Call.within(CALL_SECONDS, Purpose.BACKFILL)
            try:
                found = self.connector.find(company, NumberKind.WEB, number, call)
            except (NotFound, BadRequest):
                continue
            if found:
                return _Linked(number, tuple(found)) if is_answer(found, job) else None
        return None

    # --- whole orders -----------------------------------------------------------------

    def details(self, *, limit: int | None = None) -> None:
        """Read whole what is only known as a row: what is young or open, or the newest."""
        self._read_whole(list(self._rows_only(limit)))

    def drain_inbox(self) -> bool:
        """Read whole the orders whose turn it is again; say whether none is left."""
        due = inbox.due(connection=self.run.connection, now=self.run.clock(), limit=INBOX_LOT)
        owners = dict(
            SourceRecord.objects.filter(
                connection=self.run.connection.name,
                external_id__in=[item.external_id for item in due],
            ).values_list("external_id", "company_id")
        )
        known = [item for item in due if owners.get(item.external_id) in self.companies]
        # An order that was withdrawn, or of a company that is gone: nobody to ask for.
        lost = [item for item in due if item not in known]
        inbox.done(connection=self.run.connection, items=lost, now=self.run.clock())
        self._read_whole(
            [_OrderJob(owners[item.external_id] or 0, item.external_id, item) for item in known]
        )
        return len(due) < INBOX_LOT and not self.run.is_over

    def _read_whole(self, jobs: list[_OrderJob]) -> None:
        jobs.sort(key=lambda job: job.company_id)
        self.run.progress.stage("whole orders", len(jobs))
        waiting = _Waiting(self.run, size=BATCH, after=self._plan_again)
        for job, answer in self._ask(jobs, self._order):
            self.run.progress.step()
            self.run.where = f"at order {job.external_id} of company {job.company_id}"
            if isinstance(answer, BridgeError):
                self._set_aside(job, answer, waiting)
            else:
                waiting.add(job.company_id, (answer,), None, done=job.item)
        waiting.flush()

    def _rows_only(self, limit: int | None) -> Iterator[_OrderJob]:
        name = self.run.connection.name
        rows = SourceRecord.objects.filter(
            connection=name, company_id__in=list(self.companies), detail=Detail.SUMMARY
        ).exclude(
            external_id__in=Parked.objects.filter(
                connection=name, last_at__gte=self.run.clock() - PARKED_FOR
            ).values("external_id")
        )
        if limit is None:
            young = self.run.clock() - timedelta(days=self.run.options.detail_days)
            rows = rows.filter(Q(order__sorted_at__gte=young) | ~Q(order__fulfilment__in=FINAL))
        found = rows.order_by("-order__sorted_at").values_list("company_id", "external_id")
        for company_id, external_id in found[:limit] if limit is not None else found:
            # Rows of this query have a company: it is one of ours.
            yield _OrderJob(company_id or 0, external_id)

    def _order(self, job: _OrderJob) -> Reading:
        purpose = Purpose.SYNC if job.item else Purpose.BACKFILL
        call = Call.within(CALL_SECONDS, purpose)
        return self.connector.order(self.companies[job.company_id], job.external_id, call)

    def _set_aside(self, job: _OrderJob, error: BridgeError, waiting: _Waiting) -> None:
        if ends_the_pass(error):
            waiting.flush()
            raise error
        if isinstance(error, WrongOwner):
            self.run.refuse(job.external_id, job.company_id, error)
        elif isinstance(error, NotFound):
            self.run.park(job.external_id, error.code, error.message)
        else:
            self.run.put_off(job.external_id, error, job.item)
            return
        if job.item:
            now = self.run.clock()
            inbox.done(connection=self.run.connection, items=[job.item], now=now)

    def _plan_again(self, readings: Iterable[Reading]) -> None:
        """Note when orders whose files and titles may still change are to be read again."""
        now, readings = self.run.clock(), list(readings)
        due = {}
        waiting = expected_since(
            connection=self.run.connection.name,
            external_ids=[reading.record.external_id for reading in readings],
        )
        for reading in readings:
            since = waiting.get(reading.record.external_id)
            if (after := again_after(reading.record, now, waits_since=since)) is not None:
                # Spread out, so that what was read in one go is not asked for in one go.
                spread = random.uniform(0.5, 1.0)  # noqa: S311 guards nothing
                due[reading.record.external_id] = now + after * spread
        inbox.put(
            connection_id=self.run.connection.pk, external_ids=due, origin=Origin.AGAIN, now=now
        )

    # --- which companies, in which order ------------------------------------------------

    def _streams(self, kind: str) -> dict[int, Stream | None]:
        """Return how far each company is, the one that waited longest first.

        A pass that ends early has then not read the same ones as the pass before it.
        """
        found = {
            stream.company_id: stream
            for stream in self.run.connection.streams.filter(
                kind=kind, company_id__in=self.companies
            )
        }
        never = datetime.min.replace(tzinfo=UTC)
        waited = {key: found[key].updated_at if key in found else never for key in self.companies}
        return {key: found.get(key) for key in sorted(waited, key=lambda key: (waited[key], key))}

    # --- asking -----------------------------------------------------------------------

    def _ask(
        self, jobs: list[Job], fetch: Callable[[Job], Answer]
    ) -> Iterator[tuple[Job, Answer | BridgeError]]:
        """Ask in threads; companies that answered wrongly are not asked further."""
        with threads(self.run.connection, self.at_once) as pool:
            for job, answer in fetch_in_order(pool, self._wanted(jobs), fetch):
                if job.company_id not in self._left_alone:
                    yield job, answer
                if self.run.is_over:
                    return

    def _wanted(self, jobs: list[Job]) -> Iterator[Job]:
        for job in jobs:
            if job.company_id not in self._left_alone:
                yield job

    def _give_up(self, job: _Job, asked: str, error: BridgeError) -> None:
        """Leave a company alone for this pass, or end it when the source is at fault."""
        if ends_the_pass(error):
            raise error
        self._left_alone.add(job.company_id)
        if isinstance(error, WrongOwner):
            self.run.refuse(asked, job.company_id, error)
        elif isinstance(error, TransientError):
            self.run.fail(asked, error.message)
        else:
            self.run.park(asked, error.code, error.message, error.payload, subject=Subject.PART)

    @property
    def today(self) -> date:
        """The day it is where the ERP is."""
        return self.run.clock().astimezone(ZoneInfo(self.declares.time_zone)).date()


class _Waiting:
    """Readings of one company that wait to be stored together, with the cursor after them."""

    def __init__(
        self,
        run: Pass,
        *,
        size: int = ROWS,
        after: Callable[[Iterable[Reading]], None] | None = None,
    ) -> None:
        self._run = run
        self._size = size
        self._after = after
        self._company_id: int | None = None
        self._readings: list[Reading] = []
        self._done: list[Due] = []
        self._links: dict[str, Link] = {}
        self._mark: Mark | None = None

    def add(
        self,
        company_id: int,
        readings: tuple[Reading, ...],
        mark: Mark | None,
        links: Mapping[str, Link] | None = None,
        done: Due | None = None,
    ) -> None:
        """Take a company's readings; a mark stands only once all before it are stored."""
        if company_id != self._company_id:
            self.flush()
            self._company_id = company_id
        self._readings += readings
        self._links |= links or {}
        self._mark = mark or self._mark
        self._done += [done] if done else []
        if len(self._readings) >= self._size:
            self.flush()

    def flush(self) -> None:
        """Store what waits."""
        readings = self._readings
        if readings or self._mark:
            self._run.store(
                readings,
                company_id=self._company_id,
                links=self._links,
                mark=self._mark,
                done=self._done,
            )
            if self._after:
                self._after(readings)
        self._readings, self._links, self._mark, self._done = [], {}, None, []


def is_answer(found: Sequence[Reading], job: _LinkJob) -> bool:
    """Say whether an ERP's answer to a web number ties its orders to the web order.

    Exactly one order does. Several do when the ERP split the order, which the site shows:
    each then has an invoice that the site states for this very order.
    """
    if any(names_itself(reading, number) for reading in found for number in job.numbers):
        return False
    if len(found) == 1:
        return True
    return all(
        any(normalise(invoice.number) in job.invoices for invoice in reading.record.invoices)
        for reading in found
    )


def names_itself(reading: Reading, number: str) -> bool:
    """Say whether an answer carries the asked number as its own ERP number.

    Gateways that take any number for an ERP number prove nothing about a web order.
    """
    own = {reading.record.external_id, *reading.record.erp_numbers}
    return normalise(number) in {normalise(value) for value in own}


def _web_numbers(external_id: str, numbers: object) -> tuple[str, ...]:
    """Order a web order's numbers as an ERP may know them: its id, then its sequence."""
    known = numbers if isinstance(numbers, list) else []
    sequences = [number for number in known if isinstance(number, str) and number.isdigit()]
    return tuple(dict.fromkeys([external_id, *sequences]))


def _invoice_numbers(invoices: object) -> frozenset[str]:
    stated = invoices if isinstance(invoices, list) else []
    return frozenset(normalise(str(invoice.get("number", ""))) for invoice in stated)


def years_before(day: date, years: int) -> date:
    """Return the same day so many years before; 28 February where there is no 29."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)
