"""Mails about signing in: the web process leaves them, workers send them."""

from typing import ClassVar

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from b2b_orders.common.tenancy import share


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accounts", "0004_sign_in_grants")]
    operations: ClassVar = [
        migrations.CreateModel(
            name="SignInMail",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("code", "Code"), ("reset", "Reset"), ("notice", "Notice")],
                        max_length=10,
                    ),
                ),
                ("payload", models.BinaryField()),
                ("language", models.CharField(blank=True, max_length=10)),
                ("asked_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
                ("outcome", models.CharField(blank=True, max_length=60)),
                (
                    "person",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("finished_at", None)),
                        fields=["asked_at"],
                        name="sign_in_mail_waits",
                    )
                ],
            },
        ),
        # The web process cannot read back what it left: only the number, to wake a worker with.
        share("accounts_signinmail", web="INSERT, SELECT (id)"),
    ]
