"""Index the documents that orders lack."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("documents", "0014_portal_walls"), ("orders", "0014_lists")]
    operations: ClassVar = [
        migrations.AddIndex(
            model_name="document",
            index=models.Index(
                fields=["company", "record"],
                name="document_missing",
                condition=models.Q(state__in=("expected", "failed", "damaged")),
            ),
        ),
    ]
