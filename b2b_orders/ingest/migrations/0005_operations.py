"""Let operations see how far readings are, and for how many companies an ERP has to be read."""

from typing import ClassVar

from django.db import migrations
from django.db.migrations.operations.special import RunSQL

from b2b_orders.common.tenancy import STAFF, show_to_staff


class Migration(migrations.Migration):
    dependencies: ClassVar = [("ingest", "0004_grants"), ("companies", "0002_isolation")]
    operations: ClassVar = [
        show_to_staff("companies_customerid", "id, company_id, connection"),
        # A cursor is days or the end, and tells of no order.
        RunSQL(
            f"GRANT SELECT (cursor) ON ingest_stream TO {STAFF};",
            f"REVOKE SELECT (cursor) ON ingest_stream FROM {STAFF};",
        ),
    ]
