"""Let the web process sign people in by every way that allauth has, and make invited people."""

from typing import ClassVar

from django.db import migrations

from b2b_orders.common.tenancy import share

ALL = "SELECT, INSERT, UPDATE, DELETE"


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("accounts", "0003_people"),
        ("mfa", "0003_authenticator_type_uniq"),
        ("socialaccount", "0006_alter_socialaccount_extra_data"),
        ("usersessions", "0001_initial"),
    ]
    operations: ClassVar = [
        share("accounts_person", web="INSERT", worker=""),
        share("mfa_authenticator", web=ALL),
        share("socialaccount_socialaccount", web=ALL),
        share("socialaccount_socialtoken", web=ALL),
        share("socialaccount_socialapp", web="SELECT"),
        share("usersessions_usersession", web=ALL),
    ]
