"""Put added numbers and questions behind the wall; an awaited number is its person's own."""

from typing import ClassVar

from django.db import migrations

from b2b_orders.common.tenancy import (
    OWNER,
    PERSON_IS_SET,
    STAFF,
    WEB,
    WORKER,
    isolate,
    show_to_staff,
)


class Migration(migrations.Migration):
    dependencies: ClassVar = [("orders", "0008_people"), ("companies", "0005_people_grants")]
    operations: ClassVar = [
        isolate("orders_addednumber", web="SELECT, INSERT, UPDATE"),
        isolate("orders_question", web="SELECT, INSERT, UPDATE"),
        isolate("orders_answer", web="SELECT, INSERT"),
        # Whose open questions wait, not what they say: that is read while acting.
        show_to_staff(
            "orders_question",
            "id, public_id, company_id, order_id, document, asked_at, answered_at",
        ),
        migrations.RunSQL(
            f"""
            ALTER TABLE orders_awaitednumber ENABLE ROW LEVEL SECURITY;
            ALTER TABLE orders_awaitednumber FORCE ROW LEVEL SECURITY;
            CREATE POLICY own ON orders_awaitednumber TO {WEB}, {STAFF}
                USING ({PERSON_IS_SET}) WITH CHECK ({PERSON_IS_SET});
            CREATE POLICY everything ON orders_awaitednumber TO {OWNER}, {WORKER}
                USING (true) WITH CHECK (true);
            GRANT SELECT, INSERT, DELETE ON orders_awaitednumber TO {WEB};
            GRANT SELECT, INSERT, UPDATE, DELETE ON orders_awaitednumber TO {WORKER};
            """,
            f"""
            REVOKE ALL ON orders_awaitednumber FROM {WEB}, {WORKER};
            DROP POLICY own ON orders_awaitednumber;
            DROP POLICY everything ON orders_awaitednumber;
            ALTER TABLE orders_awaitednumber NO FORCE ROW LEVEL SECURITY;
            ALTER TABLE orders_awaitednumber DISABLE ROW LEVEL SECURITY;
            """,
        ),
    ]
