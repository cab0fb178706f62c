"""Put exports of lists behind the wall."""

from typing import ClassVar

from django.db import migrations

from b2b_orders.common.tenancy import isolate


class Migration(migrations.Migration):
    dependencies: ClassVar = [("documents", "0013_portal")]
    operations: ClassVar = [isolate("documents_listexport", web="SELECT, INSERT, UPDATE")]
