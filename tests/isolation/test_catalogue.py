"""What the database itself promises, asked of its catalogue and tried as each role."""

from __future__ import annotations

import uuid

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction

from b2b_orders.audit.models import Action, AuditEvent
from b2b_orders.audit.services import record, report_incident
from b2b_orders.common import tenancy
from b2b_orders.companies.access import Actor
from b2b_orders.companies.models import Acting, IdentityProvider, PeopleImport
from b2b_orders.documents.models import CalendarFeed, ListExport, Pack
from b2b_orders.ingest.models import Connection, Lookup, Stream
from b2b_orders.notifications.models import Follow, Notice
from b2b_orders.orders.models import (
    AddedNumber,
    Decision,
    FirstSeen,
    LearnedLink,
    ListPreference,
    MatchKey,
    OrderAlias,
    PromisedDate,
    SavedView,
    Supplement,
)
from erp_bridge.records import NumberKind
from tests.factories import NOW, make_document, make_order

pytestmark = pytest.mark.django_db
ROLES = [tenancy.OWNER, tenancy.WORKER, tenancy.WEB, tenancy.STAFF]


def ask(sql: str, *params: object) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def tables_of_companies() -> list[str]:
    with_company = (
        model._meta.db_table
        for model in apps.get_models()
        if any(field.column == "company_id" for field in model._meta.concrete_fields)
    )
    return ["companies_company", *sorted(with_company)]


@pytest.fixture
def filled(cast):
    """At least one row of Alfa in every table that has a company."""
    order = make_order(cast.alfa, [(NumberKind.ERP, "111")])
    record_ = order.records.get()
    OrderAlias.objects.create(public_id=uuid.uuid4(), order=order, company=cast.alfa)
    MatchKey.objects.create(company=cast.alfa, value="web:1", record=record_)
    LearnedLink.objects.create(
        company=cast.alfa, connection="erp", external_id="1", web_number="2", learned_at=NOW
    )
    Decision.objects.create(
        kind="join", company=cast.alfa, external_a="1", external_b="2", reason="x", at=NOW
    )
    order.lines.create(company=cast.alfa, position=1)
    order.invoices.create(company=cast.alfa, number="1")
    order.titles.create(company=cast.alfa, key="1", state="open")
    order.events.create(company=cast.alfa, at=NOW, connection="erp", code="x")
    order.divergences.create(company=cast.alfa, field="total", values=[], since=NOW)
    FirstSeen.objects.create(order=order, company=cast.alfa, at=NOW)
    document = make_document(order)
    of_ana = {"company": cast.alfa, "person": cast.ana}
    Supplement.objects.create(
        company=cast.alfa, connection="erp", external_id="1", key="x", facts={}, learned_at=NOW
    )
    document.watches.create(**of_ana, asked_at=NOW)
    document.renderings.create(company=cast.alfa, key="x", asked_at=NOW)
    document.mailings.create(**of_ana, recipient="a@b.example", is_known=False, asked_at=NOW)
    document.shares.create(**of_ana, token_hash="a", created_at=NOW, expires_at=NOW)
    CalendarFeed.objects.create(**of_ana, token_hash="b", created_at=NOW)
    ListExport.objects.create(**of_ana, language="en", format="csv", asked_at=NOW)
    PromisedDate.objects.create(
        company=cast.alfa, connection="erp", external_id="1", first_seen_at=NOW
    )
    of_list = of_ana | {"changed_at": NOW}
    SavedView.objects.create(**of_list, name="x", created_at=NOW)
    ListPreference.objects.create(**of_list)
    follow = Follow.objects.create(**of_ana, order=order, created_at=NOW, checked_at=NOW)
    follow.known.create(company=cast.alfa, order=order, is_in=True)
    Notice.objects.create(
        **of_ana, follow=follow, order=order, kind="status", key="x", happened_at=NOW
    )
    pack = Pack.objects.create(**of_ana, language="en", asked_at=NOW)
    pack.parts.create(company=cast.alfa, number=1, name="x", size=1, count=1, made_at=NOW)
    source = Connection.objects.create(
        name="erp", kind="b2b_orders_v1", secret=b"", created_at=NOW, changed_at=NOW
    )
    Stream.objects.create(connection=source, kind="period", company=cast.alfa, updated_at=NOW)
    Lookup.objects.create(company=cast.alfa, value="1", asked_at=NOW)
    Acting.objects.create(
        person=cast.suzana, company=cast.alfa, session_key="x", started_at=NOW, seen_at=NOW
    )
    cast.alfa.invitations.create(
        email="x@a.example", token_hash="c", asked_at=NOW, expires_at=NOW, role="viewer"
    )
    cast.alfa.join_requests.create(email="y@a.example", token_hash="d", asked_at=NOW)
    PeopleImport.objects.create(**of_ana, given_at=NOW)
    provider = IdentityProvider.objects.create(
        slug="alfa", kind="oidc", label="Alfa", company=cast.alfa, created_at=NOW, changed_at=NOW
    )
    cast.alfa.domains.create(domain="alfa.example", provider=provider)
    question = order.questions.create(**of_ana, text="x", asked_at=NOW)
    question.answers.create(company=cast.alfa, person=cast.suzana, text="y", at=NOW)
    AddedNumber.objects.create(
        **of_ana, connection="erp", external_id="1", written="OC 1", added_at=NOW
    )
    record(Action.SEARCHED, actor=Actor(cast.ana.pk), company_id=cast.alfa.pk, now=NOW)
    report_incident("damaged", company_id=cast.alfa.pk, now=NOW)
    return order


def test_every_table_with_a_company_is_behind_the_wall():
    rows = ask(
        "SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity,"
        " (SELECT count(*) FROM pg_policies p WHERE p.tablename = c.relname"
        "  AND 'b2b_web' = ANY(p.roles))"
        " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace"
        " AND a.attname = 'company_id' AND NOT a.attisdropped"
    )

    tables = {row[0] for row in rows}
    assert tables == set(tables_of_companies()) - {"companies_company"}
    assert len(tables) >= 20
    for table, enabled, forced, policies in rows:
        assert (table, enabled, forced) == (table, True, True)
        assert policies >= 1, table


def test_nothing_but_tables_could_show_rows_around_the_wall():
    views = ask(
        "SELECT relname FROM pg_class WHERE relkind IN ('v', 'm')"
        " AND relnamespace = 'public'::regnamespace"
    )
    definers = ask(
        "SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace"
    )

    # Two narrow doors for retention; neither shows a row. See tests/b2b_orders/audit.
    assert (views, sorted(definers)) == ([], [("audit_cut_addresses",), ("audit_forget",)])


def test_no_role_at_run_time_can_step_over_the_wall():
    rows = ask(
        "SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = ANY(%s)", ROLES
    )

    assert sorted(rows) == sorted((role, False, False) for role in ROLES)


def test_the_web_role_owns_nothing():
    owned = ask(
        "SELECT count(*) FROM pg_class WHERE relowner IN"
        " (SELECT oid FROM pg_roles WHERE rolname IN ('b2b_web', 'b2b_staff', 'b2b_worker'))"
    )

    assert owned == [(0,)]


def count_as_web(table: str, company_id: int | None) -> int | None:
    """Count as the web role; None when it may not read the table at all."""
    with tenancy.scope(role=tenancy.WEB, company_id=company_id):
        if not ask("SELECT has_table_privilege(%s, 'SELECT')", table)[0][0]:
            return None
        return ask(f"SELECT count(*) FROM {table}")[0][0]


def test_the_web_role_without_a_company_sees_no_row_of_any_table(filled):
    for table in tables_of_companies():
        assert ask(f"SELECT count(*) FROM {table}")[0][0] > 0, f"{table} proves nothing"
        assert count_as_web(table, None) in {0, None}, table


def test_the_web_role_sees_rows_of_its_one_company_only(filled, cast):
    for table in tables_of_companies():
        column = "id" if table == "companies_company" else "company_id"
        seen_by_alfa = count_as_web(table, cast.alfa.pk)
        if seen_by_alfa is None:
            continue
        expected = ask(f"SELECT count(*) FROM {table} WHERE {column} = %s", cast.alfa.pk)[0][0]
        assert seen_by_alfa == expected, table
        of_beta = ask(f"SELECT count(*) FROM {table} WHERE {column} = %s", cast.beta.pk)[0][0]
        assert count_as_web(table, cast.beta.pk) == of_beta, table


def test_the_web_role_reads_none_of_what_only_ingest_needs(filled, cast):
    unreadable = {
        table for table in tables_of_companies() if count_as_web(table, cast.alfa.pk) is None
    }

    assert unreadable == {
        "audit_incident",
        "ingest_stream",
        "orders_matchkey",
    }


def test_the_web_role_cannot_write_for_another_company(filled, cast):
    attempts = [
        lambda: FirstSeen.objects.filter(order=filled).delete(),
        lambda: FirstSeen.objects.create(order=filled, company=cast.alfa, at=NOW),
        lambda: Lookup.objects.create(company=cast.alfa, value="9", asked_at=NOW),
        lambda: Acting.objects.create(
            person=cast.suzana, company=cast.alfa, session_key="", started_at=NOW, seen_at=NOW
        ),
        lambda: filled.lines.create(company=cast.beta, position=9),
        lambda: type(filled).objects.create(
            company=cast.beta, title="x", sorted_at=NOW, created_at=NOW, changed_at=NOW
        ),
    ]
    for attempt in attempts:
        with (
            pytest.raises(DatabaseError),
            tenancy.scope(role=tenancy.WEB, company_id=cast.beta.pk, person_id=cast.beto.pk),
        ):
            attempt()


def test_a_person_is_offered_names_of_their_own_companies_only(filled, cast):
    with tenancy.scope(role=tenancy.WEB, person_id=cast.davi.pk):
        names = ask("SELECT name FROM companies_company ORDER BY name")
        tax_ids = ask("SELECT DISTINCT company_id FROM companies_establishment")
    with tenancy.scope(role=tenancy.WEB, person_id=cast.olga.pk):
        nothing = ask("SELECT name FROM companies_company")

    assert names == [("Alfa Distribuidora",), ("Beta Comércio",), ("Gama",)]
    assert {row[0] for row in tax_ids} == {cast.alfa.pk, cast.beta.pk, cast.gama.pk}
    assert nothing == []


def test_a_scope_ends_with_its_block(filled, cast):
    with tenancy.scope(role=tenancy.WEB, company_id=cast.alfa.pk, person_id=cast.ana.pk):
        pass

    settings = ask(
        "SELECT current_setting('role'), current_setting('app.company', true),"
        " current_setting('app.person', true)"
    )
    assert settings in ([("none", "", "")], [("none", None, None)])


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit_auditevent SET reason = 'x'",
        "DELETE FROM audit_auditevent",
        "TRUNCATE audit_auditevent",
        "DELETE FROM audit_auditevent WHERE false",
    ],
)
def test_no_role_can_change_the_audit_record(filled, role, sql):
    run_as(tenancy.OWNER, "SET CONSTRAINTS ALL IMMEDIATE")
    # Off in tests, so that those that commit can empty their database.
    run_as(tenancy.OWNER, "ALTER TABLE audit_auditevent ENABLE TRIGGER append_only_whole")

    with pytest.raises(DatabaseError, match=r"append-only|permission denied"):
        run_as(role, sql)

    assert AuditEvent.objects.get().reason == ""


def run_as(role: str, sql: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('role', %s, true)", [role])
        cursor.execute(sql)


def test_staff_search_reads_only_the_columns_granted_to_it(filled):
    readable = ask(
        "SELECT table_name, array_agg(column_name::text ORDER BY column_name::text)"
        " FROM information_schema.column_privileges"
        " WHERE grantee = 'b2b_staff' AND privilege_type = 'SELECT'"
        " AND table_name LIKE 'orders_%%' GROUP BY table_name ORDER BY table_name"
    )

    assert dict(readable) == {
        "orders_decision": [
            "act",
            "at",
            "company_id",
            "connection_a",
            "connection_b",
            "external_a",
            "external_b",
            "id",
            "kind",
            "person_id",
            "reason",
            "undone_at",
            "undone_by_id",
        ],
        # Not its values, which may be amounts.
        "orders_divergence": ["company_id", "field", "id", "order_id", "since"],
        "orders_firstseen": ["at", "company_id", "order_id"],
        "orders_order": [
            "company_id",
            "establishment_id",
            "fulfilment",
            "id",
            "origins",
            "placed_by_code",
            "placed_by_name",
            "placed_on",
            "promised_on",
            "public_id",
            "sorted_at",
            "status_raw",
            "title",
        ],
        # Not what is asked: that is read while acting.
        "orders_question": [
            "answered_at",
            "asked_at",
            "company_id",
            "document",
            "id",
            "order_id",
            "public_id",
        ],
        "orders_ordernumber": [
            "company_id",
            "establishment_id",
            "id",
            "kind",
            "order_id",
            "value",
            "written",
        ],
        # Of records that belong to no company, see the policy below.
        "orders_sourcerecord": [
            "company_id",
            "connection",
            "external_id",
            "first_seen_at",
            "id",
            "order_id",
            "owner_name",
            "owner_tax_id",
        ],
        "orders_statusrule": [
            "billing",
            "changed_at",
            "connection",
            "fulfilment",
            "id",
            "key",
            "payment",
            "person_id",
            "raw",
        ],
        "orders_unmappedstatus": [
            "connection",
            "external_id",
            "first_at",
            "id",
            "key",
            "last_at",
            "raw",
        ],
    }


def test_staff_read_no_record_that_belongs_to_a_company(filled, cast):
    waiting = make_order(cast.alfa, [(NumberKind.WEB, "222")]).records.get()
    type(waiting).objects.filter(pk=waiting.pk).update(company=None)

    with tenancy.scope(role=tenancy.STAFF):
        found = ask("SELECT id, company_id FROM orders_sourcerecord")

    assert found == [(waiting.pk, None)]
