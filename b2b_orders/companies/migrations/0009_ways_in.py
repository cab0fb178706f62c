"""What an administrator asks of one membership alone, and how often somebody was invited."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("companies", "0008_support")]
    operations: ClassVar = [
        migrations.AddField(
            "membership", "sign_in_again_after", models.DateTimeField(null=True)
        ),
        migrations.AddField(
            "invitation",
            "times_asked",
            models.PositiveSmallIntegerField(default=1, db_default=1),
        ),
        migrations.AddField("invitation", "day_began_at", models.DateTimeField(null=True)),
    ]
