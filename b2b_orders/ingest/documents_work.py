"""Fetching what says something of an order before anybody asks for it.

An NF-e's XML tells of the invoice, its titles and its carrier. A worker fetches the XMLs of
new orders, one at a time and at the connection's pace, the youngest order's first; papers to
pay are asked for at the click alone. Rows say what is due, so a killed worker loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings

from b2b_orders.documents.fetching import BUSY, Outcome, fetch_once
from b2b_orders.documents.models import Document
from b2b_orders.ingest import lanes, rendering_work
from b2b_orders.ingest.documents_source import accepts_branches
from b2b_orders.ingest.models import Connection
from b2b_orders.ingest.passes import Pass, ends_the_pass
from b2b_orders.ingest.sources import company_refs, connector_for
from erp_bridge.connector import Call, CompanyRef, Connector, DocumentStream, Purpose
from erp_bridge.errors import BridgeError, NotFound

# So many rows are looked at together; each is fetched by itself.
_BATCH = 50
# After what is not the document's fault it is due again in a moment.
_MOMENT = timedelta(minutes=1)


@dataclass(slots=True)
class _OneConnection:
    """Opens files at one source for as long as a lane runs, and keeps what ends the lane."""

    row: Connection
    connector: Connector
    companies: dict[int, CompanyRef]
    trouble: BridgeError | None = field(default=None)

    @contextmanager
    def open(
        self, connection: str, company_id: int, external_id: str, document_key: str, call: Call
    ) -> Iterator[DocumentStream]:
        """Open one file of one order of a company."""
        company = self.companies.get(company_id)
        if company is None:
            raise NotFound("does not know the company", source=connection, operation="file")
        try:
            with self.connector.open_document(company, external_id, document_key, call) as stream:
                yield stream
        except BridgeError as error:
            if ends_the_pass(error):
                self.trouble = error
            raise

    def accepts_branches(self, connection: str) -> bool:
        """Say what operations decided for the connection."""
        return accepts_branches(connection)


def read_ahead(run: Pass) -> bool:
    """Fetch documents that are due until the pass's time is used up; say whether all are."""
    row = run.connection
    _forget_old(row, run.options.read_ahead_days, run.clock())
    if not _due(row, run.clock()):
        return True
    with connector_for(row) as connector, lanes.slots(row.pk, connector.declares().concurrency):
        source = _OneConnection(row, connector, company_refs(row))
        while due := _due(row, run.clock()):
            for document in due:
                if run.is_over:
                    return False
                _fetch(run, document, source)
        return True


def _fetch(run: Pass, document: Document, source: _OneConnection) -> None:
    """Fetch one document; raises what ends the pass, which says nothing of the document."""
    call = Call.within(settings.PORTAL_DOCUMENT_SECONDS, Purpose.SYNC)
    due_at, failures = document.due_at, document.failures
    outcome = fetch_once(document, document.company_id or 0, source, call, run.clock())
    if source.trouble is not None:
        # Its turn comes again as if it had not been tried.
        Document.objects.filter(pk=document.pk).update(due_at=due_at, failures=failures)
        raise source.trouble
    _count(run, document, outcome)


def _count(run: Pass, document: Document, outcome: Outcome) -> None:
    run.tally.read += 1
    if not outcome.problem:
        run.tally.new += 1
        # What can be made of it is there with it, and not only at the next look.
        rendering_work.after_check(document_id=document.pk, now=run.clock())
        return
    if outcome.problem == BUSY:
        # Somebody is at it; if nothing comes of that, it is due again.
        Document.objects.filter(pk=document.pk, due_at__isnull=False).update(
            due_at=run.clock() + _MOMENT
        )
        return
    run.fail(document.record.external_id, f"{document.key}: {outcome.problem}")


def _due(row: Connection, now: datetime) -> list[Document]:
    """List what is due at a connection, the youngest order's first."""
    return list(
        Document.objects.filter(
            record__connection=row.name,
            company__is_active=True,
            due_at__lte=now,
            fetched_at=None,
        )
        .select_related("record", "file")
        .defer("record__payload", "record__facts")
        .order_by("-record__order__sorted_at", "pk")[:_BATCH]
    )


def _forget_old(row: Connection, days: int, now: datetime) -> None:
    """Leave what nobody is likely to look at until somebody does."""
    due = Document.objects.filter(record__connection=row.name, due_at__lte=now)
    too_old = due.filter(record__order__sorted_at__lt=now - timedelta(days=days))
    (due if days == 0 else too_old).update(due_at=None)
