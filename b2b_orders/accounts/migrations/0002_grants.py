"""Check that the roles exist, and let them sign people in."""

from typing import ClassVar

from django.db import migrations
from django.db.migrations.operations.special import RunSQL

from b2b_orders.common.tenancy import STAFF, WEB, WORKER, require_roles, share

ALL = "SELECT, INSERT, UPDATE, DELETE"


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("accounts", "0001_initial"),
        ("account", "0009_emailaddress_unique_primary_email"),
        ("sessions", "0001_initial"),
    ]
    operations: ClassVar = [
        require_roles(),
        RunSQL(
            f"GRANT USAGE ON SCHEMA public TO {WEB}, {WORKER}, {STAFF};",
            f"REVOKE USAGE ON SCHEMA public FROM {WEB}, {WORKER}, {STAFF};",
        ),
        share("accounts_person", web="SELECT, UPDATE"),
        share("account_emailaddress", web=ALL),
        share("account_emailconfirmation", web=ALL),
        share("django_session", web=ALL, worker="SELECT, DELETE"),
        share("django_migrations", worker="SELECT"),
    ]
