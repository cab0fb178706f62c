"""Keep a foreign tax id's country, hold changes to four eyes, show operations the map."""

from typing import ClassVar

from django.db import migrations, models

from b2b_orders.common.tenancy import STAFF

_COMPANY = "default_scope, requires_second_factor, created_at"


class Migration(migrations.Migration):
    dependencies: ClassVar = [("companies", "0006_people_told")]
    operations: ClassVar = [
        migrations.AddField(
            "establishment",
            "country",
            models.CharField(blank=True, db_default="", max_length=2),
        ),
        migrations.AddConstraint(
            "mapchange",
            models.CheckConstraint(
                condition=models.Q(state__in=("waiting", "rejected"))
                | models.Q(decided_by__isnull=True)
                | ~models.Q(decided_by=models.F("asked_by")),
                name="map_change_four_eyes",
            ),
        ),
        migrations.RunSQL(
            f"""
            GRANT SELECT ({_COMPANY}) ON companies_company TO {STAFF};
            GRANT SELECT (country) ON companies_establishment TO {STAFF};
            -- How many people a company has, not who.
            GRANT SELECT (id, company_id, is_active) ON companies_membership TO {STAFF};
            CREATE POLICY map_counts ON companies_membership FOR SELECT TO {STAFF} USING (true);
            """,
            f"""
            DROP POLICY map_counts ON companies_membership;
            REVOKE SELECT (id, company_id, is_active) ON companies_membership FROM {STAFF};
            REVOKE SELECT (country) ON companies_establishment FROM {STAFF};
            REVOKE SELECT ({_COMPANY}) ON companies_company FROM {STAFF};
            """,
        ),
    ]
