"""Let operations count the companies that an ERP has to be read for."""

from typing import ClassVar

from django.db import migrations

from b2b_orders.common.tenancy import show_to_staff


class Migration(migrations.Migration):
    dependencies: ClassVar = [("ingest", "0004_grants"), ("companies", "0002_isolation")]
    operations: ClassVar = [show_to_staff("companies_customerid", "id, company_id, connection")]
