"""Put views, preferences and promised days behind the wall."""

from typing import ClassVar

from django.db import migrations

from b2b_orders.common.tenancy import isolate

ALL = "SELECT, INSERT, UPDATE, DELETE"


class Migration(migrations.Migration):
    dependencies: ClassVar = [("orders", "0012_portal")]
    operations: ClassVar = [
        isolate("orders_savedview", web=ALL),
        isolate("orders_listpreference", web=ALL),
        isolate("orders_promiseddate"),
    ]
