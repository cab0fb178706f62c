"""Where documents get their bytes from: the connection that listed them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from b2b_orders.common import tenancy
from b2b_orders.ingest.models import Connection
from b2b_orders.ingest.options import Options
from b2b_orders.ingest.payables import ConnectionPayables
from b2b_orders.ingest.sources import company_refs, connector_for, system_of
from erp_bridge.connector import Call, DocumentStream
from erp_bridge.errors import ConfigError, CredentialsRejected, NotFound
from erp_bridge.records import System


class ConnectionDocuments(ConnectionPayables):
    """Opens files at the sources; runs in the web process, in the scope of one company."""

    @contextmanager
    def open(
        self, connection: str, company_id: int, external_id: str, document_key: str, call: Call
    ) -> Iterator[DocumentStream]:
        """Open one file of one order of a company; `BridgeError` says why it cannot be had."""
        row = Connection.objects.filter(name=connection, is_enabled=True).first()
        if row is None:
            raise NotFound("its connection is not in use", source=connection, operation="file")
        try:
            if system_of(row) is not System.ERP:
                raise NotFound("hands out no files", source=connection, operation="file")
            company = company_refs(row, [company_id]).get(company_id)
            if company is None:
                raise NotFound("does not know the company", source=connection, operation="file")
            # A source may trickle for as long as a person waits: no transaction of ours does.
            with (
                tenancy.leave(),
                connector_for(row, read_only=True) as connector,
                connector.open_document(company, external_id, document_key, call) as stream,
            ):
                yield stream
        except ConfigError as error:
            raise CredentialsRejected(
                f"its settings are not usable: {error}", source=connection
            ) from error

    def accepts_branches(self, connection: str) -> bool:
        """Say whether an invoice to a branch that we do not know is the company's all the same."""
        return accepts_branches(connection)


def accepts_branches(connection: str) -> bool:
    """Say what operations decided for a connection; no, where they did not."""
    row = Connection.objects.filter(name=connection).first()
    return row is not None and bool(Options.of(row.settings).accept_branches)
