"""Index the newest order of one branch: the branch board asks for it."""

from typing import ClassVar

from django.db import migrations, models
from django.db.models import F


class Migration(migrations.Migration):
    dependencies: ClassVar = [("orders", "0013_portal_walls")]
    operations: ClassVar = [
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                F("establishment"),
                models.OrderBy(F("sorted_at"), descending=True),
                models.OrderBy(F("id"), descending=True),
                name="order_of_branch",
            ),
        ),
    ]
