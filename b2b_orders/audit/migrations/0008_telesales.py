"""Index what passes between a company and the seller, for whoever is about to call."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("audit", "0007_sso")]
    operations: ClassVar = [
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(
                fields=["company", "-at"],
                name="audit_contact",
                condition=models.Q(
                    action__in=[
                        "acting_started",
                        "document_mailed",
                        "number_added",
                        "question_answered",
                        "question_asked",
                    ]
                ),
            ),
        ),
    ]
