"""Index orders by each thing that a list is sorted by or narrowed to."""

from typing import ClassVar

from django.db import migrations, models
from django.db.models import ExpressionWrapper
from django.db.models.functions import Cast


def _by(name: str, *fields: str, **more: object) -> migrations.AddIndex:
    index = models.Index(fields=("company", *fields, "id"), name=name, **more)
    return migrations.AddIndex(model_name="order", index=index)


class Migration(migrations.Migration):
    dependencies: ClassVar = [("orders", "0013_portal_walls")]
    operations: ClassVar = [
        migrations.AddField(
            model_name="order",
            name="total_cents",
            field=models.GeneratedField(
                db_persist=True,
                expression=Cast(
                    ExpressionWrapper(models.F("total") * 100, output_field=models.DecimalField()),
                    models.BigIntegerField(),
                ),
                output_field=models.BigIntegerField(null=True),
            ),
        ),
        _by("order_total", "total_cents"),
        _by("order_promised", "promised_on"),
        _by("order_by_change", "changed_at"),
        _by(
            "order_by_status",
            "fulfilment",
            "sorted_at",
            include=("promised_on", "establishment"),
        ),
        _by("order_by_origin", "origins", "sorted_at"),
        _by("order_by_branch", "establishment", "sorted_at"),
        _by("order_by_person", "placed_by_name", "sorted_at"),
        _by("order_differs", "sorted_at", condition=models.Q(divergence_count__gt=0)),
    ]
