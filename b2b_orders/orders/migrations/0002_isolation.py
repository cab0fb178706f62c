"""Put orders behind row-level security; staff may read what number-first search shows."""

from typing import ClassVar

from django.db import migrations

from b2b_orders.common.tenancy import isolate, show_to_staff


class Migration(migrations.Migration):
    dependencies: ClassVar = [("orders", "0001_initial"), ("companies", "0002_isolation")]
    operations: ClassVar = [
        isolate("orders_order"),
        isolate("orders_orderalias"),
        isolate("orders_sourcerecord"),
        isolate("orders_matchkey", web=""),
        isolate("orders_learnedlink", web=""),
        isolate("orders_ordernumber"),
        isolate("orders_line"),
        isolate("orders_invoice"),
        isolate("orders_title"),
        isolate("orders_event"),
        isolate("orders_divergence"),
        isolate("orders_firstseen", web="SELECT, INSERT"),
        # No amounts: they are seen only while acting for the company.
        show_to_staff(
            "orders_order",
            "id, public_id, company_id, establishment_id, title, origins, fulfilment,"
            " status_raw, placed_on, sorted_at, placed_by_code, placed_by_name",
        ),
        show_to_staff(
            "orders_ordernumber",
            "id, company_id, value, kind, order_id, written, establishment_id",
        ),
        show_to_staff("orders_firstseen", "order_id, company_id, at"),
    ]
