"""Give the ERPs that are there already the lane that fetches documents, due at once."""

from typing import ClassVar

from django.db import migrations
from django.db.migrations.operations.special import RunSQL

MAKE_LANES = """
    INSERT INTO ingest_lane (connection_id, name, due_at, failures, last_error)
    SELECT id, 'documents', now(), 0, '' FROM ingest_connection WHERE kind <> 'vtex'
    ON CONFLICT DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("ingest", "0006_lanes_of_connections")]
    operations: ClassVar = [RunSQL(MAKE_LANES, RunSQL.noop)]
