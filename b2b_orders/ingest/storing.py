"""The one way in: readings become rows, and their files become listed, in one transaction."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from django.db import DataError, IntegrityError, transaction
from django.db.models import F

from b2b_orders.audit.services import report_incident
from b2b_orders.documents.expecting import refresh_expected
from b2b_orders.documents.listing import Listing, record_listings
from b2b_orders.documents.models import Document
from b2b_orders.ingest.models import Parked, Subject
from b2b_orders.orders.models import SourceRecord
from b2b_orders.orders.services import Link, Stored, store_readings, withdraw
from erp_bridge.records import Detail, Reading, System

# What the database or the merge may say of a reading that no rule of ours foresaw.
UNSTORABLE = (DataError, IntegrityError, ValueError, ArithmeticError)
# So much of a payload is kept to be looked at.
MAX_PAYLOAD = 1_000_000


def store(
    *,
    connection: str,
    readings: Sequence[Reading],
    now: datetime,
    company_id: int | None = None,
    links: Mapping[str, Link] | None = None,
) -> list[Stored]:
    """Store what a source told us, with the list of each order's files."""
    with transaction.atomic():
        stored = store_readings(
            connection=connection,
            readings=_with_own_numbers(connection, readings),
            now=now,
            company_id=company_id,
            links=links or {},
        )
        documents = {
            reading.record.external_id: reading.record.documents
            for reading in readings
            if reading.record.documents is not None
        }
        listings = [
            Listing(record_id=row.record_id, company_id=row.company_id, documents=files)
            for row in {row.record_id: row for row in stored}.values()
            if row.record_id is not None and (files := documents.get(row.external_id)) is not None
        ]
        news = record_listings(listings=listings, now=now) if listings else frozenset()
        _expect(stored, news, {each.record_id for each in listings}, now)
        for row in stored:
            if row.outcome == "refused":
                refuse(
                    connection=connection,
                    external_id=row.external_id,
                    company_id=company_id,
                    operation="store",
                    now=now,
                )
    return stored


def _expect(
    stored: Sequence[Stored], news: frozenset[int], listed: set[int], now: datetime
) -> None:
    """Work out again which files are missing, for orders whose invoices or files changed.

    Orders of sources that never list a file are left out: nobody could ever hand one out.
    """
    changed = {
        row.record_id
        for row in stored
        if row.record_id is not None and row.outcome in {"new", "changed"}
    }
    unlisted = changed - listed
    if unlisted:
        rows = Document.objects.filter(record_id__in=unlisted)
        unlisted &= set(rows.values_list("record_id", flat=True))
    if wanted := news | (changed & listed) | unlisted:
        refresh_expected(record_ids=wanted, now=now)


def _with_own_numbers(connection: str, readings: Sequence[Reading]) -> list[Reading]:
    """Give whole orders the customer's own number that only their row in a list states.

    The old contract's details leave it out, and people search by it. One query.
    """
    without = {
        reading.record.external_id
        for reading in readings
        if reading.record.system is System.ERP
        and reading.record.detail is Detail.FULL
        and not reading.record.customer_numbers
    }
    if not without:
        return list(readings)
    known = dict(
        SourceRecord.objects.filter(
            connection=connection, external_id__in=without, facts__has_key="customer_numbers"
        ).values_list("external_id", "facts__customer_numbers")
    )
    return [
        replace(reading, record=replace(reading.record, customer_numbers=tuple(numbers)))
        if reading.record.external_id in without
        and (numbers := known.get(reading.record.external_id))
        else reading
        for reading in readings
    ]


def refuse(
    *, connection: str, external_id: str, company_id: int | None, operation: str, now: datetime
) -> None:
    """Alarm about an answer that is another company's; nothing of it is stored, or stays."""
    if company_id is not None:
        withdraw(
            connection=connection, external_id=external_id[:80], company_id=company_id, now=now
        )
    report_incident(
        "wrong-company",
        connection=connection,
        company_id=company_id,
        object_kind="order",
        object_id=external_id[:80],
        detail={"operation": operation},
        now=now,
    )


def park(
    *,
    connection: str,
    external_id: str,
    reason: str,
    message: str,
    now: datetime,
    payload: bytes = b"",
    subject: Subject = Subject.ORDER,
) -> None:
    """Set something aside that could not be used, for operations; once for each reason.

    What was discarded stays so until something else is wrong with it.
    """
    values = {
        "subject": subject,
        "message": message[:300],
        "payload": zlib.compress(payload[:MAX_PAYLOAD]) if payload else b"",
        "last_at": now,
    }
    key = {"connection": connection, "external_id": external_id[:80], "reason": reason[:60]}
    with transaction.atomic():
        mine = Parked.objects.filter(**key)
        mine.exclude(message=values["message"]).update(discarded_at=None)
        if not mine.update(attempts=F("attempts") + 1, **values):
            Parked.objects.create(**key, **values, first_at=now)


def unpark(*, connection: str, external_ids: Sequence[str]) -> None:
    """Forget what was set aside about orders that could be read after all."""
    Parked.objects.filter(connection=connection, external_id__in=external_ids).delete()
