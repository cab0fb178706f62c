"""Note since when a followed order is out of its person's sight."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("notifications", "0004_notify_walls")]
    operations: ClassVar = [
        migrations.AddField(
            model_name="follow", name="gone_at", field=models.DateTimeField(null=True)
        ),
    ]
