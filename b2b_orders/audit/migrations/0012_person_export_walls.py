"""Let people ask for their own data and take it, and operations for anybody's."""

from typing import ClassVar

from django.db import migrations
from django.db.migrations.operations.special import RunSQL

from b2b_orders.common.tenancy import OWNER, PERSON_IS_SET, STAFF, WEB, WORKER

TABLE = "audit_personexport"


class Migration(migrations.Migration):
    dependencies: ClassVar = [("audit", "0011_person_export")]
    operations: ClassVar = [
        RunSQL(
            f"""
            ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY;
            ALTER TABLE {TABLE} FORCE ROW LEVEL SECURITY;
            CREATE POLICY own ON {TABLE} TO {WEB} USING ({PERSON_IS_SET})
                WITH CHECK ({PERSON_IS_SET});
            CREATE POLICY staff_looks ON {TABLE} FOR SELECT TO {STAFF} USING (true);
            CREATE POLICY everything ON {TABLE} TO {OWNER}, {WORKER}
                USING (true) WITH CHECK (true);
            GRANT SELECT, INSERT ON {TABLE} TO {WEB};
            GRANT SELECT ON {TABLE} TO {STAFF};
            GRANT SELECT, INSERT, UPDATE, DELETE ON {TABLE} TO {WORKER};
            """,
            f"""
            REVOKE ALL ON {TABLE} FROM {WEB}, {WORKER}, {STAFF};
            DROP POLICY own ON {TABLE};
            DROP POLICY staff_looks ON {TABLE};
            DROP POLICY everything ON {TABLE};
            ALTER TABLE {TABLE} NO FORCE ROW LEVEL SECURITY;
            ALTER TABLE {TABLE} DISABLE ROW LEVEL SECURITY;
            """,
        )
    ]
