"""What expected documents need: rules to begin with, and checks that orders learn from."""

from datetime import UTC, datetime
from typing import Any, ClassVar

from django.db import migrations, models

from b2b_orders.common.tenancy import STAFF

# As they were first written, and whether they are switched on; operations may have changed
# them since. A GNRE goes with goods that cross a border only where tax is collected ahead
# (ICMS-ST, DIFAL) and the seller is not registered there, which no source tells: expected of
# every such invoice, it would be "late" for ever on most. Who always pays one switches it on.
RULES = (
    ("nfe_xml", "expect", {}, True),
    ("danfe", "expect", {}, True),
    ("boleto", "expect", {"has_titles": True}, True),
    ("gnre", "expect", {"crosses_state": True}, False),
    ("gnre", "not_applicable", {"crosses_state": False}, True),
    ("gare", "not_applicable", {"crosses_state": False}, True),
)


def seed(apps: Any, _editor: Any) -> None:
    rules = apps.get_model("documents", "DocumentRule")
    if rules.objects.exists():
        return
    now = datetime.now(UTC)
    for position, (kind, effect, conditions, is_enabled) in enumerate(RULES, start=1):
        rules.objects.create(
            kind=kind,
            effect=effect,
            conditions=conditions,
            is_enabled=is_enabled,
            position=position,
            changed_at=now,
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
