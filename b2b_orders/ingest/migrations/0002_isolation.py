"""Grant what ingest and the web process need of connections, and isolate look-ups."""

from typing import ClassVar

from django.db import migrations
from django.db.migrations.operations.special import RunSQL

from b2b_orders.common.tenancy import STAFF, isolate, share


class Migration(migrations.Migration):
    dependencies: ClassVar = [("ingest", "0001_initial"), ("companies", "0002_isolation")]
    operations: ClassVar = [
        # The web process reads connections to fetch documents and to show each source's state.
        share("ingest_connection"),
        share("ingest_run", web=""),
        share("ingest_inboxitem", web=""),
        share("ingest_parked", web=""),
        isolate("ingest_stream", web=""),
        isolate("ingest_lookup", web="SELECT, INSERT"),
        RunSQL(
            f"GRANT SELECT ON ingest_connection, ingest_run, ingest_parked, ingest_inboxitem"
            f" TO {STAFF};",
            f"REVOKE ALL ON ingest_connection, ingest_run, ingest_parked, ingest_inboxitem"
            f" FROM {STAFF};",
        ),
    ]
