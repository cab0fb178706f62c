"""Put documents behind row-level security."""

from typing import ClassVar

from django.db import migrations

from b2b_orders.common.tenancy import isolate, share


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("documents", "0001_initial"),
        ("companies", "0002_isolation"),
        ("orders", "0002_isolation"),
    ]
    operations: ClassVar = [
        isolate("documents_document", web="SELECT, UPDATE"),
        # Bytes by their hash belong to no company; only a document leads to them.
        share("documents_storedfile", web="SELECT, INSERT"),
        # Files go with their order, whoever gives it to which company.
        migrations.RunSQL(
            """
            CREATE FUNCTION documents_follow_record() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                UPDATE documents_document SET company_id = NEW.company_id
                WHERE record_id = NEW.id AND company_id IS DISTINCT FROM NEW.company_id;
                RETURN NULL;
            END $$;
            CREATE TRIGGER documents_follow AFTER UPDATE OF company_id ON orders_sourcerecord
                FOR EACH ROW WHEN (OLD.company_id IS DISTINCT FROM NEW.company_id)
                EXECUTE FUNCTION documents_follow_record();
            """,
            """
            DROP TRIGGER documents_follow ON orders_sourcerecord;
            DROP FUNCTION documents_follow_record();
            """,
        ),
    ]
