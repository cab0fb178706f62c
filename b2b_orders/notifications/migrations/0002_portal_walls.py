"""Put follows and notices behind the wall; when to be told is its person's own."""

from typing import ClassVar

from django.db import migrations

from b2b_orders.common.tenancy import OWNER, PERSON_IS_SET, WEB, WORKER, isolate

ALL = "SELECT, INSERT, UPDATE, DELETE"
TABLE = "notifications_notificationchoice"


class Migration(migrations.Migration):
    dependencies: ClassVar = [("notifications", "0001_initial")]
    operations: ClassVar = [
        isolate("notifications_follow", web=ALL),
        isolate("notifications_notice"),
        migrations.RunSQL(
            f"""
            ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY;
            ALTER TABLE {TABLE} FORCE ROW LEVEL SECURITY;
            CREATE POLICY own ON {TABLE} TO {WEB} USING ({PERSON_IS_SET})
                WITH CHECK ({PERSON_IS_SET});
            CREATE POLICY everything ON {TABLE} TO {OWNER}, {WORKER}
                USING (true) WITH CHECK (true);
            GRANT SELECT, INSERT, UPDATE ON {TABLE} TO {WEB};
            GRANT {ALL} ON {TABLE} TO {WORKER};
            """,
            f"""
            REVOKE ALL ON {TABLE} FROM {WEB}, {WORKER};
            DROP POLICY own ON {TABLE};
            DROP POLICY everything ON {TABLE};
            ALTER TABLE {TABLE} NO FORCE ROW LEVEL SECURITY;
            ALTER TABLE {TABLE} DISABLE ROW LEVEL SECURITY;
            """,
        ),
    ]
