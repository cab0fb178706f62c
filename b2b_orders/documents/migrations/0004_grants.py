"""Put what people ask for around documents behind the wall, and grant it as it is used.

Two addresses work without logging in: a shared document's and a calendar's. Whoever has the
secret of one sees that one row, and enters its company from there.
"""

from typing import ClassVar

from django.db import migrations

from b2b_orders.common.tenancy import STAFF, ADDRESS_IS_KNOWN, isolate, share


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("documents", "0003_documents"),
        ("orders", "0005_documents"),
        ("companies", "0003_documents"),
        ("audit", "0004_documents"),
    ]
    operations: ClassVar = [
        isolate("orders_supplement"),
        isolate("documents_watch", web="SELECT, INSERT, DELETE"),
        isolate("documents_rendering", web="SELECT, INSERT, UPDATE"),
        isolate("documents_pack", web="SELECT, INSERT, UPDATE"),
        isolate("documents_packpart"),
        isolate("documents_sharelink", web="SELECT, INSERT, UPDATE", extra=ADDRESS_IS_KNOWN),
        isolate("documents_mailing", web="SELECT, INSERT"),
        isolate(
            "documents_calendarfeed", web="SELECT, INSERT, UPDATE, DELETE", extra=ADDRESS_IS_KNOWN
        ),
        share("documents_documentrule"),
        migrations.RunSQL(
            f"GRANT SELECT ON documents_documentrule TO {STAFF};",
            f"REVOKE SELECT ON documents_documentrule FROM {STAFF};",
        ),
    ]
