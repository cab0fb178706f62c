"""Index a company's latest documents."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("documents", "0011_addresses")]
    operations: ClassVar = [
        migrations.AddIndex(
            model_name="document",
            index=models.Index(
                fields=["company", "-state_since", "-id"],
                name="document_latest",
                condition=models.Q(state="available"),
            ),
        ),
    ]
