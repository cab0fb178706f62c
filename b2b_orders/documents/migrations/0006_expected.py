"""What expected documents need: rules to begin with, and checks that orders learn from.

A file that was checked for one company is not right for another: when an order moves, its
checks are forgotten, and so are the bytes of XML, which are asked for and checked anew.
"""

from datetime import UTC, datetime
from typing import Any, ClassVar

from django.db import migrations, models

from b2b_orders.common.tenancy import STAFF

FOLLOW = """
    CREATE OR REPLACE FUNCTION documents_follow_record() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE documents_document SET company_id = NEW.company_id {forget}
        WHERE record_id = NEW.id AND company_id IS DISTINCT FROM NEW.company_id;
        RETURN NULL;
    END $$;
"""
FORGET = """,
    verdict = '', findings = '[]', facts = '{}', signature = '', access_key = '',
    checked_at = NULL, learned_at = NULL,
    file_id = CASE WHEN kind LIKE '%xml' THEN NULL ELSE file_id END
"""
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
        ("documents", "0005_finance"),
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
        migrations.RunSQL(
            FOLLOW.format(forget=FORGET), FOLLOW.format(forget="")
        ),
        # Operations' page lists which customers have a type.
        migrations.RunSQL(
            f"GRANT SELECT (customer_type) ON companies_company TO {STAFF};",
            f"REVOKE SELECT (customer_type) ON companies_company FROM {STAFF};",
        ),
        migrations.RunPython(seed, migrations.RunPython.noop),
    ]
