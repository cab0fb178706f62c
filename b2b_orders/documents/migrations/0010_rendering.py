"""Count how often a page was begun, and find quickly what is to be made and of what."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("documents", "0009_taking")]
    operations: ClassVar = [
        migrations.AddField(
            "rendering", "is_urgent", models.BooleanField(db_default=False, default=False)
        ),
        migrations.AddField(
            "rendering", "tries", models.SmallIntegerField(db_default=0, default=0)
        ),
        migrations.AddIndex(
            "document", models.Index(fields=["state_since"], name="document_state_since")
        ),
        migrations.AddIndex(
            "document",
            models.Index(
                fields=["checked_at"],
                condition=models.Q(checked_at__isnull=False),
                name="document_checked",
            ),
        ),
        migrations.AddIndex(
            "document",
            models.Index(
                fields=["company", "access_key"],
                condition=~models.Q(access_key=""),
                name="document_by_key",
            ),
        ),
        migrations.AddIndex(
            "rendering",
            models.Index(
                fields=["asked_at"],
                condition=models.Q(state__in=("waiting", "running")),
                name="rendering_to_do",
            ),
        ),
        migrations.AddIndex(
            "rendering", models.Index(fields=["company", "key"], name="rendering_same")
        ),
        # A document that goes to another company leaves nothing made for the first behind.
        migrations.RunSQL(
            """
            CREATE FUNCTION documents_forget_renderings() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                DELETE FROM documents_rendering WHERE document_id = NEW.id;
                RETURN NULL;
            END $$;
            CREATE TRIGGER renderings_forget AFTER UPDATE OF company_id ON documents_document
                FOR EACH ROW WHEN (OLD.company_id IS DISTINCT FROM NEW.company_id)
                EXECUTE FUNCTION documents_forget_renderings();
            """,
            """
            DROP TRIGGER renderings_forget ON documents_document;
            DROP FUNCTION documents_forget_renderings();
            """,
        ),
    ]
