"""Let lines be sealed, and let them go by retention alone, through two narrow doors.

No line may be changed or deleted, by any role, but for two things that the law asks for, and
only of lines that were sealed longer ago than `FLOOR`: a whole seal's lines are deleted, or the
addresses in them are. Triggers check each row, so that even the owner must switch them off to
do more, which `verify_audit` then finds. The functions run as the owner, for workers alone; how
long lines are kept is a setting, and cannot be less than the floor.
"""

from typing import ClassVar

from django.db import migrations
from django.db.migrations.operations.special import RunSQL

from b2b_orders.common.tenancy import STAFF, WEB, WORKER

# Six months: for so long the Marco Civil da Internet (article 15) has a record of accesses kept.
FLOOR = "interval '183 days'"
# All but the id and the transaction, which nobody may choose.
WRITTEN = (
    "at, action, person_id, staff_role, company_id, object_kind, object_id, reason, address,"
    " request_id, detail"
)
# Not `detail`: what people typed, and to whom they mailed, stays out of the search.
SEARCHED = f"id, {WRITTEN.removesuffix(', detail')}"
OLD_SEAL = "NULLIF(current_setting('app.audit_seal', true), '')"


def door(name: str, marker: str, on_lines: str, on_seal: str) -> str:
    """Write a function that does one thing to the oldest whole seal that is old enough."""
    return f"""
    CREATE FUNCTION {name}(keep_days integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    DECLARE seal public.audit_auditseal%ROWTYPE; done bigint;
    BEGIN
        IF keep_days IS NULL OR keep_days * interval '1 day' < {FLOOR} THEN
            RAISE EXCEPTION 'the audit record is kept for six months at least'
                USING ERRCODE = 'insufficient_privilege';
        END IF;
        SELECT * INTO seal FROM public.audit_auditseal
            WHERE {marker} IS NULL AND sealed_at < now() - keep_days * interval '1 day'
            ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED;
        IF NOT FOUND THEN RETURN NULL; END IF;
        PERFORM set_config('app.audit_seal', seal.number::text, true);
        {on_lines}
        GET DIAGNOSTICS done = ROW_COUNT;
        UPDATE public.audit_auditseal SET {on_seal} WHERE number = seal.number;
        PERFORM set_config('app.audit_seal', '', true);
        RETURN done;
    END $$;
    REVOKE ALL ON FUNCTION {name}(integer) FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION {name}(integer) TO {WORKER};
    """


_OF_SEAL = (
    "e.id >= seal.first_id AND e.id <= seal.last_id AND e.id <@ seal.ids::int8multirange"
)


class Migration(migrations.Migration):
    dependencies: ClassVar = [("audit", "0009_audit")]
    operations: ClassVar = [
        RunSQL(
            f"""
            -- Lines that were there before get this very transaction.
            ALTER TABLE audit_auditevent
                ADD COLUMN xact xid8 NOT NULL DEFAULT pg_current_xact_id();
            CREATE INDEX audit_in_order ON audit_auditevent (xact, id);
            REVOKE INSERT ON audit_auditevent FROM {WEB}, {WORKER}, {STAFF};
            GRANT INSERT ({WRITTEN}) ON audit_auditevent TO {WEB}, {WORKER}, {STAFF};

            CREATE OR REPLACE FUNCTION audit_refuse_change() RETURNS trigger
            LANGUAGE plpgsql AS $$
            BEGIN
                IF TG_OP = 'TRUNCATE' OR {OLD_SEAL} IS NULL THEN
                    RAISE EXCEPTION 'the audit record is append-only'
                        USING ERRCODE = 'insufficient_privilege';
                END IF;
                RETURN NULL;
            END $$;

            CREATE FUNCTION audit_check_line() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF TG_OP = 'UPDATE' AND NEW.address IS NULL THEN
                    NEW.address := OLD.address;
                    IF NEW IS DISTINCT FROM OLD THEN
                        RAISE EXCEPTION 'the audit record is append-only'
                            USING ERRCODE = 'insufficient_privilege';
                    END IF;
                    NEW.address := NULL;
                ELSIF TG_OP = 'UPDATE' THEN
                    RAISE EXCEPTION 'the audit record is append-only'
                        USING ERRCODE = 'insufficient_privilege';
                END IF;
                IF NOT EXISTS (
                    SELECT 1 FROM audit_auditseal
                    WHERE number = {OLD_SEAL}::bigint AND sealed_at < now() - {FLOOR}
                      AND OLD.id <@ ids::int8multirange
                ) THEN
                    RAISE EXCEPTION 'the audit record is append-only'
                        USING ERRCODE = 'insufficient_privilege';
                END IF;
                IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER append_only_line BEFORE UPDATE OR DELETE
                ON audit_auditevent FOR EACH ROW EXECUTE FUNCTION audit_check_line();

            CREATE FUNCTION audit_check_seal() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF TG_OP = 'INSERT' THEN
                    IF abs(extract(epoch FROM NEW.sealed_at - clock_timestamp())) > 300 THEN
                        RAISE EXCEPTION 'a seal has the time at which it is made'
                            USING ERRCODE = 'insufficient_privilege';
                    END IF;
                    RETURN NEW;
                END IF;
                IF TG_OP = 'DELETE' OR OLD.sealed_at >= now() - {FLOOR}
                    OR OLD.number <> {OLD_SEAL}::bigint
                    OR (to_jsonb(NEW) - '{{marks,nonce,forgotten_at,addresses_cut_at}}'::text[])
                       <> (to_jsonb(OLD) - '{{marks,nonce,forgotten_at,addresses_cut_at}}'::text[])
                THEN
                    RAISE EXCEPTION 'the audit record is append-only'
                        USING ERRCODE = 'insufficient_privilege';
                END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER append_only BEFORE UPDATE OR DELETE
                ON audit_auditseal FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
            CREATE TRIGGER append_only_line BEFORE INSERT OR UPDATE OR DELETE
                ON audit_auditseal FOR EACH ROW EXECUTE FUNCTION audit_check_seal();
            CREATE TRIGGER append_only_whole BEFORE TRUNCATE
                ON audit_auditseal FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
            GRANT SELECT, INSERT ON audit_auditseal TO {WORKER};
            GRANT SELECT (number, sealed_at, count, hash, first_id, last_id, after_xact, after_id)
                ON audit_auditseal TO {STAFF};
            GRANT SELECT, INSERT ON audit_auditanchor TO {WORKER};
            GRANT UPDATE (mailed_at) ON audit_auditanchor TO {WORKER};

            {door(
                "audit_forget",
                "forgotten_at",
                f"DELETE FROM public.audit_auditevent AS e WHERE {_OF_SEAL};",
                "forgotten_at = now(), marks = '', nonce = '',"
                " addresses_cut_at = coalesce(addresses_cut_at, now())",
            )}
            {door(
                "audit_cut_addresses",
                "addresses_cut_at",
                "UPDATE public.audit_auditevent AS e SET address = NULL WHERE"
                f" {_OF_SEAL} AND e.address IS NOT NULL;",
                "addresses_cut_at = now(), nonce = ''",
            )}

            GRANT DELETE ON audit_incident TO {WORKER};

            GRANT SELECT ({SEARCHED}, xact) ON audit_auditevent TO {STAFF};
            CREATE POLICY staff_looks ON audit_auditevent FOR SELECT TO {STAFF} USING (true);
            GRANT SELECT (id, public_id, name, email, anonymised_at) ON accounts_person TO {STAFF};
            """,
            f"""
            REVOKE SELECT (id, public_id, name, email, anonymised_at) ON accounts_person
                FROM {STAFF};
            DROP POLICY staff_looks ON audit_auditevent;
            REVOKE DELETE ON audit_incident FROM {WORKER};
            REVOKE SELECT ({SEARCHED}, xact) ON audit_auditevent FROM {STAFF};
            DROP FUNCTION audit_forget(integer);
            DROP FUNCTION audit_cut_addresses(integer);
            DROP TRIGGER append_only_line ON audit_auditevent;
            DROP TRIGGER append_only ON audit_auditseal;
            DROP TRIGGER append_only_line ON audit_auditseal;
            DROP TRIGGER append_only_whole ON audit_auditseal;
            DROP FUNCTION audit_check_line();
            DROP FUNCTION audit_check_seal();
            CREATE OR REPLACE FUNCTION audit_refuse_change() RETURNS trigger
            LANGUAGE plpgsql AS $$
            BEGIN
                RAISE EXCEPTION 'the audit record is append-only'
                    USING ERRCODE = 'insufficient_privilege';
            END $$;
            REVOKE ALL ON audit_auditseal, audit_auditanchor FROM {WORKER}, {STAFF};
            REVOKE INSERT ({WRITTEN}) ON audit_auditevent FROM {WEB}, {WORKER}, {STAFF};
            GRANT INSERT ON audit_auditevent TO {WEB}, {WORKER}, {STAFF};
            ALTER TABLE audit_auditevent DROP COLUMN xact;
            """,
        ),
    ]
