"""Note which documents are in each ZIP file: whoever takes it must still see them all."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("documents", "0008_expected")]
    operations: ClassVar = [
        migrations.AddField(
            model_name="packpart",
            name="documents",
            field=models.JSONField(db_default=models.Value([], models.JSONField()), default=list),
        ),
    ]
