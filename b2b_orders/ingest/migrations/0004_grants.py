"""Grant lanes, subscriptions, counts and errands to whoever needs them, and no more.

The hook's endpoint runs as the web role: it may put an order on the inbox and note that
the hook is alive. Operations, as the staff role, read how things are and leave errands.
"""

from typing import ClassVar

from django.db import migrations
from django.db.migrations.operations.special import RunSQL

from b2b_orders.common.tenancy import STAFF, WEB, share, show_to_staff

_SUBSCRIPTION = (
    "id, connection_id, kind, state, own_config, found_config, checked_at, configured_at,"
    " repairs, last_event_at, error, quantity, oldest_seconds"
)


class Migration(migrations.Migration):
    dependencies: ClassVar = [("ingest", "0003_lanes_and_subscriptions")]
    operations: ClassVar = [
        share("ingest_lane", web=""),
        share("ingest_subscription", web=""),
        share("ingest_callcount", web=""),
        share("ingest_pace", web=""),
        share("ingest_errand", web=""),
        show_to_staff(
            "ingest_stream", "id, connection_id, kind, company_id, high_water, updated_at,"
            " began_at, total, done"
        ),
        RunSQL(
            f"""
            GRANT SELECT (id, connection_id, kind, path_digest, secret_digest, last_event_at),
                UPDATE (last_event_at) ON ingest_subscription TO {WEB};
            GRANT SELECT (connection_id, external_id, due_at, events),
                INSERT (connection_id, external_id, origin, events, received_at, due_at,
                        attempts, last_error),
                UPDATE (due_at, events) ON ingest_inboxitem TO {WEB};
            GRANT SELECT ON ingest_lane, ingest_callcount TO {STAFF};
            GRANT SELECT ({_SUBSCRIPTION}) ON ingest_subscription TO {STAFF};
            GRANT SELECT, INSERT ON ingest_errand TO {STAFF};
            """,
            f"""
            REVOKE ALL ON ingest_subscription, ingest_inboxitem FROM {WEB};
            REVOKE ALL ON ingest_lane, ingest_callcount, ingest_subscription, ingest_errand
                FROM {STAFF};
            """,
        ),
    ]
