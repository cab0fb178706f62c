"""Make own numbers unique and their work small; index what is in work; show staff what is late."""

from typing import ClassVar

from django.db import migrations, models

from b2b_orders.common.tenancy import STAFF


class Migration(migrations.Migration):
    dependencies: ClassVar = [("orders", "0010_limits")]
    operations: ClassVar = [
        migrations.AddIndex(
            model_name="addednumber",
            index=models.Index(
                fields=["id"], name="added_number_waiting", condition=models.Q(taken_at=None)
            ),
        ),
        migrations.AddConstraint(
            model_name="addednumber",
            constraint=models.UniqueConstraint(
                fields=("company", "connection", "external_id", "written"),
                condition=models.Q(removed_at=None),
                name="added_number_once",
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                fields=["company", "promised_on", "id"],
                name="order_in_work",
                condition=models.Q(
                    fulfilment__in=(
                        "awaiting_approval",
                        "awaiting_erp",
                        "awaiting_payment",
                        "cancel_requested",
                        "commercial_review",
                        "credit_review",
                        "partly_invoiced",
                        "picking",
                        "placed",
                        "unmapped",
                    )
                ),
            ),
        ),
        # A portfolio counts what is late; it is a date, and no amount.
        migrations.RunSQL(
            f"GRANT SELECT (promised_on) ON orders_order TO {STAFF};",
            f"REVOKE SELECT (promised_on) ON orders_order FROM {STAFF};",
        ),
    ]
