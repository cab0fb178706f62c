"""Let pages of operations read who of staff does what, for whom, and with which safeguards."""

from typing import ClassVar

from django.db import migrations

from b2b_orders.common.tenancy import STAFF, show_to_staff

_PERSON = "id, public_id, name, email, is_active, last_login"
_FACTOR = "id, user_id, type"


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("companies", "0007_companies"),
        ("mfa", "0003_authenticator_type_uniq"),
    ]
    operations: ClassVar = [
        show_to_staff("companies_portfolio", "id, staff_id, company_id"),
        migrations.RunSQL(
            f"""
            GRANT SELECT ON companies_staffprofile TO {STAFF};
            GRANT SELECT ({_PERSON}) ON accounts_person TO {STAFF};
            GRANT SELECT ({_FACTOR}) ON mfa_authenticator TO {STAFF};
            """,
            f"""
            REVOKE ALL ON companies_staffprofile FROM {STAFF};
            REVOKE SELECT ({_PERSON}) ON accounts_person FROM {STAFF};
            REVOKE SELECT ({_FACTOR}) ON mfa_authenticator FROM {STAFF};
            """,
        ),
    ]
