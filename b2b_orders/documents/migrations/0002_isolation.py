"""Put documents behind row-level security."""

from typing import ClassVar

from django.db import migrations

from b2b_orders.common.tenancy import isolate, share


class Migration(migrations.Migration):
    dependencies: ClassVar = [("documents", "0001_initial"), ("companies", "0002_isolation")]
    operations: ClassVar = [
        isolate("documents_document", web="SELECT, UPDATE"),
        # Bytes by their hash belong to no company; only a document leads to them.
        share("documents_storedfile", web="SELECT, INSERT"),
    ]
