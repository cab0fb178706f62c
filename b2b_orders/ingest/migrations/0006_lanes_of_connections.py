"""Give the connections that are there already their lanes, due at once."""

from typing import ClassVar

from django.db import migrations
from django.db.migrations.operations.special import RunSQL

MAKE_LANES = """
    INSERT INTO ingest_lane (connection_id, name, due_at, failures, last_error)
    SELECT c.id, lane.name, now(), 0, ''
    FROM ingest_connection AS c
    CROSS JOIN LATERAL unnest(
        CASE c.kind WHEN 'vtex' THEN ARRAY['feed', 'inbox', 'history', 'upkeep']
                    ELSE ARRAY['poll', 'inbox'] END
    ) AS lane(name)
    ON CONFLICT DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("ingest", "0005_operations")]
    operations: ClassVar = [RunSQL(MAKE_LANES, RunSQL.noop)]
