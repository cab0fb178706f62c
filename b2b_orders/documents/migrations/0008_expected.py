"""What expected documents need: rules to begin with, and checks that orders learn from."""

from datetime import UTC, datetime
from typing import Any, ClassVar

from django.db import migrations, models

from b2b_orders.common.tenancy import STAFF

# As they were first written; operations may have changed them since.
RULES = (
    ("nfe_xml", "expect", {}),
    ("danfe", "expect", {}),
    ("boleto", "expect", {"has_titles": True}),
    ("gnre", "expect", {"crosses_state": True}),
    ("gnre", "not_applicable", {"crosses_state": False}),
    ("gare", "not_applicable", {"crosses_state": False}),
)


def seed(apps: Any, _editor: Any) -> None:
    rules = apps.get_model("documents", "DocumentRule")
    if rules.objects.exists():
        return
    now = datetime.now(UTC)
    for position, (kind, effect, conditions) in enumerate(RULES, start=1):
        rules.objects.create(
            kind=kind, effect=effect, conditions=conditions, position=position, changed_at=now
        )


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("companies", "0003_documents"),
        ("documents", "0007_finance"),
        ("orders", "0006_expected"),
    ]
    operations: ClassVar = [
        migrations.AddField(
            model_name="document",
            name="learned_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name="document",
            index=models.Index(
                fields=["checked_at"],
                name="document_unlearned",
                condition=models.Q(
                    ("checked_at__isnull", False),
                    models.Q(
                        ("learned_at", None),
                        ("learned_at__lt", models.F("checked_at")),
                        _connector="OR",
                    ),
                ),
            ),
        ),
        # Operations' page lists which customers have a type.
        migrations.RunSQL(
            f"GRANT SELECT (customer_type) ON companies_company TO {STAFF};",
            f"REVOKE SELECT (customer_type) ON companies_company FROM {STAFF};",
        ),
        migrations.RunPython(seed, migrations.RunPython.noop),
    ]
