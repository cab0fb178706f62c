"""Put decisions behind the wall; let operations read what they need of rules and of waiting orders.

What the staff role may read of records is a policy over rows that belong to no company, and
a list of columns without amounts: no view, whose owner would see everything.
"""

from typing import ClassVar

from django.db import migrations

from b2b_orders.common.tenancy import STAFF, WEB, isolate, share, show_to_staff

# What the columns hold for records stored before there were any.
_FILL = """
    UPDATE orders_sourcerecord SET
        status_key = left(lower(regexp_replace(
            btrim(coalesce(facts->>'status_raw', '')), '\\s+', ' ', 'g')), 100),
        owner_name = left(coalesce(facts->'customer'->>'name', ''), 150)
    WHERE facts ? 'status_raw' OR facts ? 'customer'
"""
_WAITING = (
    "id, connection, external_id, company_id, order_id, owner_tax_id, owner_name, first_seen_at"
)


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("orders", "0003_axes_rules_decisions"),
        ("accounts", "0002_grants"),
    ]
    operations: ClassVar = [
        migrations.RunSQL(_FILL, migrations.RunSQL.noop),
        isolate("orders_decision"),
        show_to_staff(
            "orders_decision",
            "id, act, kind, company_id, connection_a, external_a, connection_b, external_b,"
            " person_id, reason, at, undone_at, undone_by_id",
        ),
        share("orders_statusrule"),
        share("orders_unmappedstatus", web=""),
        # By what records were joined is told to support while it acts for the company.
        migrations.RunSQL(
            f"""
            GRANT SELECT ON orders_learnedlink TO {WEB};
            GRANT SELECT ON orders_statusrule, orders_unmappedstatus TO {STAFF};
            GRANT SELECT ({_WAITING}) ON orders_sourcerecord TO {STAFF};
            CREATE POLICY staff_looks_at_waiting ON orders_sourcerecord
                FOR SELECT TO {STAFF} USING (company_id IS NULL);
            """,
            f"""
            DROP POLICY staff_looks_at_waiting ON orders_sourcerecord;
            REVOKE SELECT ({_WAITING}) ON orders_sourcerecord FROM {STAFF};
            REVOKE SELECT ON orders_statusrule, orders_unmappedstatus FROM {STAFF};
            REVOKE SELECT ON orders_learnedlink FROM {WEB};
            """,
        ),
        show_to_staff("orders_divergence", "id, order_id, company_id, field, since"),
    ]
