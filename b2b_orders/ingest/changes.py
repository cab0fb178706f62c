"""Reading what an ERP says has changed, in all companies at once, from where it was left.

Every row names its customer, and is stored for the company that has this customer id at this
connection, or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from b2b_orders.ingest.models import Stream, Subject
from b2b_orders.ingest.passes import Mark, Pass, ends_the_pass, get_stream
from b2b_orders.orders.models import SourceRecord
from erp_bridge.connector import Call, CompanyRef, Connector, Page
from erp_bridge.errors import (
    BadRequest,
    BridgeError,
    ContractViolation,
    TransientError,
    Unsupported,
    WrongOwner,
)
from erp_bridge.records import Reading

CALL_SECONDS = 60.0
# Changes are asked for again from a little before the last time, by the ERP's own fineness.
# It also covers a clock that is behind ours without telling.
OVERLAP = {"day": timedelta(days=1), "second": timedelta(minutes=5)}
# An ERP may still be writing what it has stamped already.
SETTLED_AFTER = timedelta(seconds=30)
# A clock that is further behind ours is not believed.
MAX_SKEW = timedelta(days=1)
_STREAM = "changed"
# Under which names operations see what went wrong: with the search, and with single rows.
_SEARCH, _ROWS = "changes", "changed rows"


class Changes:
    """What changed at one ERP connection since the last time."""

    def __init__(
        self, run: Pass, connector: Connector, companies: Mapping[int, CompanyRef]
    ) -> None:
        self.run = run
        self.connector = connector
        self.companies = companies
        self._owners = owners_of(companies)

    def read(self) -> None:
        """Walk through the changes, on from where the last walk was stopped.

        The next walk begins where this one *began*, by the earlier of both clocks: an order
        that is written meanwhile, or stamped by a clock that is behind ours, is not lost.
        """
        stream = get_stream(self.run.connection, _STREAM)
        now = self.run.clock()
        began = stream.began_at if stream.cursor else None
        since = (stream.high_water or began or now) - OVERLAP[self.connector.declares().changed]
        self.run.where = f"at changes since {since:%Y-%m-%d %H:%M}"
        cursor, is_last = stream.cursor, False
        while not is_last and not self.run.is_over:
            page = self._page(cursor, since)
            began = began or earlier(now, page.as_of)
            is_last, cursor = page.caught_up, page.cursor
            self._store(page)
            self.run.store((), mark=_mark(stream, page, began))
            self.run.heal(_SEARCH)
            self.run.progress.step(len(page.readings))

    def give_up(self, error: BridgeError) -> None:
        """Tell operations that an ERP does not say what changed: once, however often."""
        if isinstance(error, BadRequest | Unsupported):
            # Should it be the cursor that is refused, the next walk begins anew.
            high_water = get_stream(self.run.connection, _STREAM).high_water
            self.run.store((), mark=Mark(_STREAM, "", high_water=high_water))
        if isinstance(error, TransientError):
            self.run.fail(_SEARCH, error.message)
        else:
            self.run.park(_SEARCH, "search", str(error), error.payload, subject=Subject.PART)

    def _page(self, cursor: str, since: datetime) -> Page:
        """Ask for one page: each is a call of its own, with its own time and tries."""
        pages = self.connector.changed(None, cursor, since, Call.within(CALL_SECONDS))
        page = next(iter(pages), None) or Page(())
        if not page.caught_up and page.cursor in ("", cursor):
            raise ContractViolation(
                "does not go on",
                path="cursor",
                source=self.run.connection.name,
                operation="changed",
            )
        return page

    def _store(self, page: Page) -> None:
        for problem in page.problems:
            # Stays until operations discard it: the row is not seen again.
            self.run.park(_ROWS, "row", problem, subject=Subject.PART)
        of_company: dict[int, list[Reading]] = {}
        for reading in page.readings:
            # Customers of the ERP who do not buy here are many, and none of our business.
            if owner := self._owners.get(plain(reading.record.customer_id)):
                company_id, customer_id = owner
                # Written as in rows of periods, or each would undo the other.
                record = replace(reading.record, customer_id=customer_id)
                of_company.setdefault(company_id, []).append(replace(reading, record=record))
        for company_id, readings in of_company.items():
            others = self._of_others(company_id, readings)
            mine = [r for r in readings if r.record.external_id not in others]
            self.run.store(mine, company_id=company_id)
            for external_id in sorted(others):
                self._take_over(company_id, external_id)

    def _of_others(self, company_id: int, readings: Sequence[Reading]) -> set[str]:
        """Say which orders of a company's rows are known as another company's."""
        known = SourceRecord.objects.filter(
            connection=self.run.connection.name,
            external_id__in={reading.record.external_id for reading in readings},
            company__isnull=False,
        )
        rows = known.exclude(company_id=company_id)
        return set(rows.values_list("external_id", flat=True))

    def _take_over(self, company_id: int, external_id: str) -> None:
        """Let an order change its company if the ERP, asked for it alone, says so too.

        A row takes no order from anybody: it is one wrong join away from being wrong.
        """
        call = Call.within(CALL_SECONDS)
        try:
            reading = self.connector.order(self.companies[company_id], external_id, call)
        except BridgeError as error:
            if ends_the_pass(error):
                raise
            if isinstance(error, WrongOwner):
                self.run.refuse(external_id, company_id, error)
            else:
                message = f"it is said to have changed hands: {error.message}"
                self.run.park(external_id, "changed-hands", message)
            return
        self.run.store([reading], company_id=company_id)


def _mark(stream: Stream, page: Page, began: datetime) -> Mark:
    """Say where the walk stands after a page: the end moves only with the last one."""
    if page.caught_up:
        return Mark(_STREAM, "", high_water=began - SETTLED_AFTER)
    return Mark(_STREAM, page.cursor, high_water=stream.high_water, began_at=began)


def owners_of(companies: Mapping[int, CompanyRef]) -> dict[str, tuple[int, str]]:
    """Return the company of each customer id, with the id as it is written there.

    An id that two companies have, written differently, is nobody's.
    """
    found: dict[str, tuple[int, str]] = {}
    shared = {""}
    for company_id, company in companies.items():
        for customer_id in company.customer_ids:
            owner = found.setdefault(plain(customer_id), (company_id, customer_id))
            if owner[0] != company_id:
                shared.add(plain(customer_id))
    return {key: owner for key, owner in found.items() if key not in shared}


def plain(customer_id: str) -> str:
    """Write a customer id as it is compared: a whole number without zeros before it."""
    bare = customer_id.strip()
    return bare.lstrip("0") if bare.isascii() and bare.isdigit() else bare


def earlier(now: datetime, told: datetime | None) -> datetime:
    """Return the earlier of our clock and a source's, unless that is absurd."""
    return min(now, told) if told and now - told < MAX_SKEW else now
