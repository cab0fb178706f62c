"""Let a secret of an address show its row, and do nothing else to it.

What is written to a shared document's or a calendar's row is written in its company's scope.
"""

from typing import ClassVar

from django.db import migrations

from b2b_orders.common.tenancy import ADDRESS_IS_KNOWN, COMPANY_IS_SET, WEB

TABLES = ("documents_sharelink", "documents_calendarfeed")
EITHER = f"({COMPANY_IS_SET} OR {ADDRESS_IS_KNOWN})"


class Migration(migrations.Migration):
    dependencies: ClassVar = [("documents", "0010_rendering")]
    operations: ClassVar = [
        migrations.RunSQL(
            f"""
            ALTER POLICY company_only ON {table}
                USING ({COMPANY_IS_SET}) WITH CHECK ({COMPANY_IS_SET});
            CREATE POLICY by_address ON {table} FOR SELECT TO {WEB} USING ({ADDRESS_IS_KNOWN});
            """,
            f"""
            DROP POLICY by_address ON {table};
            ALTER POLICY company_only ON {table} USING {EITHER} WITH CHECK {EITHER};
            """,
        )
        for table in TABLES
    ]
