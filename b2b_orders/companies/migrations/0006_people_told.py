"""Remember who was told of a wish to join, and let administrators say who may wish."""

from typing import ClassVar

from django.db import migrations, models

from b2b_orders.common.tenancy import WEB

ENTERED = "id = NULLIF(current_setting('app.company', true), '')::bigint"


class Migration(migrations.Migration):
    dependencies: ClassVar = [("companies", "0005_people_grants")]
    operations: ClassVar = [
        migrations.AddField("joinrequest", "told_at", models.DateTimeField(null=True)),
        # Which domain is whose stays with operations; this alone is the company's to say.
        migrations.RunSQL(
            f"GRANT UPDATE (may_join) ON companies_emaildomain TO {WEB};",
            f"REVOKE UPDATE (may_join) ON companies_emaildomain FROM {WEB};",
        ),
        # A person is offered the names of all their companies, and sets things for the one
        # that is entered.
        migrations.RunSQL(
            f"CREATE POLICY only_entered ON companies_company AS RESTRICTIVE FOR UPDATE TO {WEB}"
            f" USING ({ENTERED}) WITH CHECK ({ENTERED});",
            "DROP POLICY only_entered ON companies_company;",
        ),
    ]
