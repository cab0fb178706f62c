"""Put what follows know behind the wall, and let people end what they follow."""

from typing import ClassVar

from django.db import migrations

from b2b_orders.common.tenancy import WEB, isolate, share


class Migration(migrations.Migration):
    dependencies: ClassVar = [("notifications", "0003_notify")]
    operations: ClassVar = [
        isolate("notifications_followedorder", web="SELECT, INSERT, DELETE"),
        share("notifications_mark", web=""),
        # Notices of what is followed no longer are loosened from it, and then never told.
        migrations.RunSQL(
            f"GRANT UPDATE (follow_id) ON notifications_notice TO {WEB};",
            f"REVOKE UPDATE (follow_id) ON notifications_notice FROM {WEB};",
        ),
    ]
