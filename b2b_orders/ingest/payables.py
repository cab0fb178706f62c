"""Asking a source, now, which files of an order there are and what became of those to pay."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from b2b_orders.common import clock
from b2b_orders.common.errors import NotVisible
from b2b_orders.companies.access import Viewer
from b2b_orders.ingest.breaker import rests_until
from b2b_orders.ingest.lookups import request_refresh
from b2b_orders.ingest.models import Connection
from b2b_orders.ingest.sources import company_refs, connector_for, system_of
from erp_bridge.connector import Call
from erp_bridge.errors import ConfigError, CredentialsRejected, Unreachable, Unsupported
from erp_bridge.records import DocumentRecord, System


class ConnectionPayables:
    """Asks the sources; runs in the web process, in the scope of one company."""

    def listed(
        self, connection: str, company_id: int, external_id: str, call: Call
    ) -> list[DocumentRecord]:
        """List the files of one order of a company; `BridgeError` says why there is no answer.

        A source that is known to be down is not waited for: workers find out when it is back.
        """
        row = Connection.objects.filter(name=connection, is_enabled=True).first()
        if row is None or system_of(row) is not System.ERP:
            raise Unsupported("cannot be asked for files", source=connection, operation="listed")
        if row.down_since is not None or rests_until(row, now=clock.now()) is not None:
            raise Unreachable("it is known to be down", source=connection, operation="listed")
        company = company_refs(row, [company_id]).get(company_id)
        if company is None:
            raise Unsupported("does not know the company", source=connection, operation="listed")
        try:
            with connector_for(row, read_only=True) as connector:
                return connector.documents(company, external_id, call)
        except ConfigError as error:
            raise CredentialsRejected(
                f"its settings are not usable: {error}", source=connection
            ) from error

    def note_change(self, viewer: Viewer, order_public_id: UUID, now: datetime) -> None:
        """Have the order read again by a worker, so that its amounts due follow."""
        try:
            request_refresh(viewer=viewer, order_public_id=order_public_id, now=now)
        except NotVisible:
            # Moved to another order meanwhile; that one is read in its turn.
            return
