"""Put people's administration behind the wall, and grant it as it is used.

An administrator's changes are made by the web process, in the one company that is entered.
What a person has elsewhere they may read, and not change. Three secrets open one row each
before anybody is signed in: an invitation's, a join request's, and the name of an e-mail
domain or an identity provider. The map of companies is changed by workers alone.
"""

from typing import ClassVar

from django.db import migrations

from b2b_orders.common.tenancy import (
    ADDRESS_IS_KNOWN,
    COMPANY_IS_SET,
    PERSON_IS_SET,
    SIGN_IN_SETTING,
    STAFF,
    WEB,
    isolate,
    share,
    show_to_staff,
)

OWN_OR_COMPANY = f"({COMPANY_IS_SET} OR {PERSON_IS_SET})"
DOMAIN_IS_KNOWN = f"domain = {SIGN_IN_SETTING}"
PROVIDER_IS_KNOWN = (
    f"slug = {SIGN_IN_SETTING} OR id IN"
    f" (SELECT provider_id FROM companies_emaildomain WHERE {DOMAIN_IS_KNOWN})"
)
# By which column each table names a membership.
CHANGED_BY_WEB = {"companies_membership": "id", "companies_membershipscope": "membership_id"}
# Of the member whose eyes somebody borrows who acts for a company.
BORROWED = (
    f"IN (SELECT seen_as_id FROM companies_acting WHERE ended_at IS NULL AND {PERSON_IS_SET})"
)


def read_by(table: str, condition: str) -> migrations.RunSQL:
    """Let the web process read, not write, rows of a table by a further condition."""
    return migrations.RunSQL(
        f"CREATE POLICY by_name ON {table} FOR SELECT TO {WEB} USING ({condition});",
        f"DROP POLICY by_name ON {table};",
    )


def read_by_staff(table: str, rights: str = "SELECT") -> migrations.RunSQL:
    """Let pages of operations read a table without companies, and little else."""
    return migrations.RunSQL(
        f"GRANT {rights} ON {table} TO {STAFF};", f"REVOKE ALL ON {table} FROM {STAFF};"
    )


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("companies", "0004_people"),
        ("accounts", "0004_sign_in_grants"),
    ]
    operations: ClassVar = [
        *(
            migrations.RunSQL(
                f"""
                ALTER POLICY company_only ON {table}
                    USING ({COMPANY_IS_SET}) WITH CHECK ({COMPANY_IS_SET});
                CREATE POLICY own ON {table} FOR SELECT TO {WEB} USING ({PERSON_IS_SET});
                CREATE POLICY borrowed ON {table} FOR SELECT TO {WEB} USING ({column} {BORROWED});
                GRANT INSERT, UPDATE, DELETE ON {table} TO {WEB};
                """,
                f"""
                REVOKE INSERT, UPDATE, DELETE ON {table} FROM {WEB};
                DROP POLICY own ON {table};
                DROP POLICY borrowed ON {table};
                ALTER POLICY company_only ON {table}
                    USING {OWN_OR_COMPANY} WITH CHECK {OWN_OR_COMPANY};
                """,
            )
            for table, column in CHANGED_BY_WEB.items()
        ),
        # What a company's administrator sets for it, and nothing else of it.
        migrations.RunSQL(
            f"GRANT UPDATE (default_scope, requires_second_factor) ON companies_company TO {WEB};",
            f"REVOKE UPDATE (default_scope, requires_second_factor) ON companies_company"
            f" FROM {WEB};",
        ),
        isolate("companies_invitation", web="SELECT, INSERT, UPDATE"),
        read_by("companies_invitation", ADDRESS_IS_KNOWN),
        isolate("companies_joinrequest", web="SELECT, INSERT, UPDATE"),
        read_by("companies_joinrequest", ADDRESS_IS_KNOWN),
        isolate("companies_peopleimport", web="SELECT, INSERT, UPDATE, DELETE"),
        isolate("companies_emaildomain"),
        read_by("companies_emaildomain", DOMAIN_IS_KNOWN),
        isolate("companies_identityprovider"),
        read_by("companies_identityprovider", PROVIDER_IS_KNOWN),
        migrations.RunSQL(
            "GRANT SELECT (team_id, merged_into_id, customer_type) ON companies_company"
            f" TO {STAFF};",
            "REVOKE SELECT (team_id, merged_into_id, customer_type) ON companies_company"
            f" FROM {STAFF};",
        ),
        # The policy that shows its rows is ingest's.
        migrations.RunSQL(
            f"GRANT SELECT (value) ON companies_customerid TO {STAFF};",
            f"REVOKE SELECT (value) ON companies_customerid FROM {STAFF};",
        ),
        show_to_staff(
            "companies_identityprovider",
            "id, slug, kind, label, company_id, settings, is_active, is_required, lets_in, role,"
            " created_at, changed_at",
        ),
        show_to_staff(
            "companies_emaildomain",
            "id, domain, company_id, provider_id, may_join, verified_at, verified_by_id",
        ),
        share("companies_team"),
        share("companies_mapchange", web=""),
        share("companies_mapconflict", web=""),
        share("companies_companyimport", web=""),
        share("companies_importline", web=""),
        read_by_staff("companies_team"),
        read_by_staff("companies_mapchange"),
        read_by_staff("companies_mapconflict"),
        read_by_staff("companies_companyimport", "SELECT, INSERT"),
        read_by_staff("companies_importline"),
        migrations.RunSQL(
            "GRANT USAGE ON SEQUENCE companies_companyimport_id_seq"
            f" TO {STAFF};",
            "REVOKE USAGE ON SEQUENCE companies_companyimport_id_seq"
            f" FROM {STAFF};",
        ),
    ]
