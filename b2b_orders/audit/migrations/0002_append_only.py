"""Make the audit record append-only and keep each company to its own part."""

from typing import ClassVar

from django.db import migrations
from django.db.migrations.operations.special import RunSQL

from b2b_orders.common.tenancy import COMPANY_IS_SET, OWNER, STAFF, WEB, WORKER


class Migration(migrations.Migration):
    dependencies: ClassVar = [("audit", "0001_initial"), ("companies", "0002_isolation")]
    operations: ClassVar = [
        RunSQL(
            f"""
            CREATE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                RAISE EXCEPTION 'the audit record is append-only'
                    USING ERRCODE = 'insufficient_privilege';
            END $$;
            CREATE TRIGGER append_only BEFORE UPDATE OR DELETE
                ON audit_auditevent FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
            -- On its own, so that tests can empty their database.
            CREATE TRIGGER append_only_whole BEFORE TRUNCATE
                ON audit_auditevent FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();

            ALTER TABLE audit_auditevent ENABLE ROW LEVEL SECURITY;
            ALTER TABLE audit_auditevent FORCE ROW LEVEL SECURITY;
            CREATE POLICY company_only ON audit_auditevent FOR SELECT TO {WEB}
                USING ({COMPANY_IS_SET});
            CREATE POLICY adds ON audit_auditevent FOR INSERT TO {WEB}, {STAFF} WITH CHECK (true);
            CREATE POLICY everything ON audit_auditevent TO {OWNER}, {WORKER}
                USING (true) WITH CHECK (true);
            GRANT SELECT, INSERT ON audit_auditevent TO {WEB}, {WORKER};
            GRANT INSERT ON audit_auditevent TO {STAFF};

            ALTER TABLE audit_incident ENABLE ROW LEVEL SECURITY;
            ALTER TABLE audit_incident FORCE ROW LEVEL SECURITY;
            CREATE POLICY adds ON audit_incident FOR INSERT TO {WEB} WITH CHECK (true);
            CREATE POLICY staff_looks ON audit_incident FOR SELECT TO {STAFF} USING (true);
            CREATE POLICY everything ON audit_incident TO {OWNER}, {WORKER}
                USING (true) WITH CHECK (true);
            GRANT INSERT ON audit_incident TO {WEB};
            GRANT SELECT ON audit_incident TO {STAFF};
            GRANT SELECT, INSERT ON audit_incident TO {WORKER};
            """,
            f"""
            DROP TRIGGER append_only ON audit_auditevent;
            DROP TRIGGER append_only_whole ON audit_auditevent;
            DROP FUNCTION audit_refuse_change();
            DROP POLICY company_only ON audit_auditevent;
            DROP POLICY adds ON audit_auditevent;
            DROP POLICY everything ON audit_auditevent;
            DROP POLICY adds ON audit_incident;
            DROP POLICY staff_looks ON audit_incident;
            DROP POLICY everything ON audit_incident;
            ALTER TABLE audit_auditevent NO FORCE ROW LEVEL SECURITY;
            ALTER TABLE audit_auditevent DISABLE ROW LEVEL SECURITY;
            ALTER TABLE audit_incident NO FORCE ROW LEVEL SECURITY;
            ALTER TABLE audit_incident DISABLE ROW LEVEL SECURITY;
            REVOKE ALL ON audit_auditevent, audit_incident FROM {WEB}, {WORKER}, {STAFF};
            """,
        ),
    ]
