"""What the database must hold, whatever table comes next."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from b2b_orders.common import tenancy

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.django_db
def test_every_table_with_a_company_stands_behind_the_wall():
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT c.relname FROM pg_class c
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'company_id'
            WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
              AND NOT a.attisdropped
              AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
            """
        )
        unprotected = [name for (name,) in cursor.fetchall()]

    assert unprotected == []


@pytest.mark.django_db
def test_web_role_may_write_no_table_that_says_who_owns_what():
    # It may note there who opened an order first, what people tell of it and ask about it, and
    # whom an administrator lets into the one company that is entered.
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT table_name, privilege_type FROM information_schema.role_table_grants
            WHERE grantee = 'b2b_web' AND privilege_type IN ('INSERT', 'UPDATE', 'DELETE')
              AND table_name ~ '^(orders_|companies_(company|establishment|membership))'
              AND table_name <> ALL(%s)
            """,
            [
                [
                    "orders_firstseen",
                    "orders_addednumber",
                    "orders_question",
                    "orders_answer",
                    "orders_awaitednumber",
                    "orders_savedview",
                    "orders_listpreference",
                    "companies_membership",
                    "companies_membershipscope",
                ]
            ],
        )

        assert cursor.fetchall() == []


@pytest.mark.django_db
def test_every_change_of_a_model_has_its_migration():
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_roles_file_makes_the_roles_that_the_code_takes_on():
    text = (ROOT / "docs" / "roles.sql").read_text()

    made = set(re.findall(r"^CREATE ROLE (\w+)", text, re.MULTILINE))
    assert made == {tenancy.OWNER, tenancy.WORKER, tenancy.WEB, tenancy.STAFF}


def test_no_role_bypasses_the_wall():
    text = (ROOT / "docs" / "roles.sql").read_text()

    for line in re.findall(r"^CREATE ROLE .*", text, re.MULTILINE):
        assert "NOSUPERUSER" in line
        assert "NOBYPASSRLS" in line
