"""Put companies, memberships and acting behind row-level security."""

from typing import ClassVar

from django.db import migrations
from django.db.migrations.operations.special import RunSQL

from b2b_orders.common.tenancy import (
    OWNER,
    PERSON_IS_SET,
    STAFF,
    WEB,
    WORKER,
    isolate,
    share,
    show_to_staff,
)

OWN_PORTFOLIO = (
    "staff_id IN (SELECT id FROM companies_staffprofile WHERE " + PERSON_IS_SET + ")"
)
# A person is offered the names and CNPJs of the companies that they may enter.
OFFERED = (
    "IN (SELECT company_id FROM companies_membership"
    f" WHERE is_active AND {PERSON_IS_SET}"
    " UNION ALL SELECT company_id FROM companies_acting"
    f" WHERE ended_at IS NULL AND {PERSON_IS_SET}"
    f" UNION ALL SELECT company_id FROM companies_portfolio WHERE {OWN_PORTFOLIO})"
)
OWN_COMPANIES = f"id = NULLIF(current_setting('app.company', true), '')::bigint OR id {OFFERED}"


class Migration(migrations.Migration):
    dependencies: ClassVar = [("companies", "0001_initial"), ("accounts", "0002_grants")]
    operations: ClassVar = [
        isolate("companies_customerid"),
        isolate("companies_membership", extra=PERSON_IS_SET),
        isolate("companies_membershipscope", extra=PERSON_IS_SET),
        share("companies_staffprofile"),
        isolate("companies_portfolio", extra=OWN_PORTFOLIO),
        isolate("companies_acting", web="SELECT, INSERT, UPDATE", extra=PERSON_IS_SET),
        isolate("companies_establishment", extra=f"company_id {OFFERED}"),
        # A company is its own tenant: its id stands where others have company_id.
        RunSQL(
            f"""
            ALTER TABLE companies_company ENABLE ROW LEVEL SECURITY;
            ALTER TABLE companies_company FORCE ROW LEVEL SECURITY;
            CREATE POLICY company_only ON companies_company TO {WEB} USING ({OWN_COMPANIES});
            CREATE POLICY everything ON companies_company TO {OWNER}, {WORKER}
                USING (true) WITH CHECK (true);
            GRANT SELECT ON companies_company TO {WEB};
            GRANT SELECT, INSERT, UPDATE, DELETE ON companies_company TO {WORKER};
            """,
            f"""
            DROP POLICY company_only ON companies_company;
            DROP POLICY everything ON companies_company;
            ALTER TABLE companies_company NO FORCE ROW LEVEL SECURITY;
            ALTER TABLE companies_company DISABLE ROW LEVEL SECURITY;
            REVOKE ALL ON companies_company FROM {WEB}, {WORKER}, {STAFF};
            """,
        ),
        show_to_staff("companies_company", "id, public_id, name, is_active"),
        show_to_staff("companies_establishment", "id, company_id, tax_id, name"),
    ]
