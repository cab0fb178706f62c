"""Operations find what anybody did, by any of what a line says, and that is a line too."""

from __future__ import annotations

import csv
import io
import re

import pytest
from django.db import DatabaseError, connection

from b2b_orders.audit.models import Action, AuditEvent
from b2b_orders.audit.search import AuditFilter, search_audit
from b2b_orders.audit.services import record
from b2b_orders.common import tenancy
from b2b_orders.common.errors import NotAllowed
from b2b_orders.companies.access import Actor, StaffViewer
from b2b_orders.companies.models import StaffRole
from erp_bridge.records import NumberKind
from tests.b2b_orders.portal.test_access_record import do, english, rows  # noqa: F401 a fixture
from tests.factories import NOW, make_order

URL = "/operacao/auditoria"
pytestmark = pytest.mark.usefixtures("english")


@pytest.fixture
def lines(cast):
    """Something of everybody, the newest last."""
    order = make_order(cast.alfa, [(NumberKind.ERP, "0004500123")])
    do(cast.ana, Action.ORDER_VIEWED, cast.alfa, order, address="203.0.113.7")
    do(cast.beto, Action.SEARCHED, cast.beta, address="2001:db8::1", detail={"text": "secret"})
    do(
        cast.suzana,
        Action.ACTING_STARTED,
        cast.beta,
        role=StaffRole.SUPPORT,
        reason="call 8812",
        address="203.0.113.9",
    )
    return order


def found(client, query: str = "") -> list[str]:
    """Name who is in the lines that a search finds, its own line apart."""
    names = [row[1].split()[0] for row in rows(client.get(f"{URL}?{query}"))]
    return [name for name in names if name != "Olga"]


def test_every_line_of_every_company_is_found(cast, client_for, lines):
    response = client_for(cast.olga).get(URL)

    assert rows(response) == [
        [
            "10:00",
            "Suzana Support suzana@example.com",
            "Beta Comércio",
            "Began to act for the company",
            "",
            "call 8812",
            "203.0.113.9",
        ],
        ["10:00", "Beto beto@example.com", "Beta Comércio", "Searched", "", "", "2001:db8::1"],
        [
            "10:00",
            "Ana ana@example.com",
            "Alfa Distribuidora",
            "Opened the order",
            f"Order {lines.public_id}",
            "",
            "203.0.113.7",
        ],
    ]
    assert "secret" not in response.content.decode()


def test_the_number_of_a_row_is_left_out(cast, client_for):
    record(
        Action.ACTING_STARTED,
        actor=Actor(cast.suzana.pk, StaffRole.SUPPORT, "203.0.113.9", "r" * 16, "call 8812"),
        company_id=cast.beta.pk,
        object_kind="acting",
        object_id="1",
        now=NOW,
    )

    (row,) = rows(client_for(cast.olga).get(f"{URL}?equipe=1&acao=acting_started"))

    assert row[4] == "Acting"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("pessoa=ANA@example.com", ["Ana"]),
        ("pessoa=beT", ["Beto"]),
        ("pessoa=nobody", []),
        ("empresa=12ABC34501DE35", ["Suzana", "Beto"]),
        ("empresa=12.ABC.345/01DE-35", ["Suzana", "Beto"]),
        ("empresa=alfa", ["Ana"]),
        ("empresa=nobody", []),
        ("equipe=1", ["Suzana"]),
        ("acao=searched", ["Beto"]),
        ("objeto=0004500123", ["Ana"]),
        ("objeto=4711", []),
        ("endereco=203.0.113.7", ["Ana"]),
        ("endereco=2001:0db8::0001", ["Beto"]),
        ("endereco=somewhere", []),
        ("de=2026-03-10&ate=2026-03-10", ["Suzana", "Beto", "Ana"]),
        ("de=2026-03-11", []),
        ("ate=2026-03-09", []),
        ("de=tomorrow", []),
        ("empresa=beta&equipe=1", ["Suzana"]),
        ("after=nonsense", ["Suzana", "Beto", "Ana"]),
        ("pessoa=%00", ["Suzana", "Beto", "Ana"]),
        ("pessoa=99999999999999999999", []),
    ],
)
def test_lines_are_found_by(cast, client_for, lines, query, expected):
    assert found(client_for(cast.olga), query) == expected


def test_a_line_is_found_by_the_id_of_its_order_and_of_its_company(cast, client_for, lines):
    client = client_for(cast.olga)

    assert found(client, f"objeto={lines.public_id}") == ["Ana"]
    assert found(client, f"empresa={cast.beta.public_id}") == ["Suzana", "Beto"]
    assert found(client, f"pessoa=%23{cast.beto.pk}") == ["Beto"]


@pytest.mark.parametrize("who", ["ana", "rita", "suzana", "teo"])
@pytest.mark.parametrize("path", [URL, f"{URL}/exportar"])
def test_it_does_not_exist_for_anybody_else(cast, client_for, who, path):
    assert client_for(getattr(cast, who)).get(path).status_code == 404


def test_other_staff_are_refused_by_the_search_itself(cast):
    with pytest.raises(NotAllowed):
        search_audit(viewer=StaffViewer(cast.suzana.pk, StaffRole.SUPPORT), wanted=AuditFilter())


def test_the_database_keeps_what_was_typed_from_the_search(cast, lines):
    with (
        pytest.raises(DatabaseError, match="permission denied"),
        tenancy.scope(role=tenancy.STAFF),
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT detail FROM audit_auditevent")


def test_searching_and_exporting_leave_lines(cast, client_for, lines):
    client = client_for(cast.olga)
    client.get(f"{URL}?pessoa=ana")
    b"".join(client.get(f"{URL}/exportar?equipe=1").streaming_content)

    events = AuditEvent.objects.filter(person=cast.olga).order_by("pk")
    assert [(event.action, event.detail, event.staff_role) for event in events] == [
        (Action.AUDIT_SEARCHED, {"filter": {"pessoa": "ana"}}, "operations"),
        (Action.AUDIT_EXPORTED, {"filter": {"equipe": "1"}}, "operations"),
    ]


def test_the_export_holds_what_is_filtered_and_ends_when_it_is_too_long(
    cast, client_for, lines, monkeypatch
):
    views = "b2b_orders.portal.views.audit_search"
    monkeypatch.setattr(f"{views}.EXPORT_PAGE", 1)
    cast.beto.name = "@SUM(1)"
    cast.beto.save()
    client = client_for(cast.olga)

    def export(query: str) -> list[list[str]]:
        body = b"".join(client.get(f"{URL}/exportar?{query}").streaming_content)
        return list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))

    whole = export("empresa=beta")
    assert len(whole) == 3
    assert whole[2][:3] == ["2026-03-10T13:00:00+00:00", "'@SUM(1)", "beto@example.com"]
    monkeypatch.setattr(f"{views}.EXPORT_MOST", 1)
    assert [row[0] for row in export("empresa=beta")][2:] == [
        "There are more lines. Choose fewer days."
    ]


def test_pages_follow_each_other_without_a_gap(cast, client_for, lines, monkeypatch):
    monkeypatch.setattr("b2b_orders.portal.views.audit_search.PAGE", 1)
    client, url, seen = client_for(cast.olga), f"{URL}?ate=2026-03-10&acao=", []
    while url and len(seen) < 10:
        response = client.get(url)
        seen += [row[1].split()[0] for row in rows(response)]
        older = re.search(r'href="([^"]+)" rel="next"', response.content.decode())
        url = older[1].replace("&amp;", "&") if older else ""

    assert seen == ["Suzana", "Beto", "Ana"]


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (AuditFilter(person="ana@example.com"), "person"),
        (AuditFilter(company="Alfa"), "company"),
        (AuditFilter(object_ids=("x",)), "audit_of_object"),
        (AuditFilter(actions=(Action.LOGIN_FAILED,)), "audit_of_action"),
        (AuditFilter(address="10.1.2.3"), "audit_of_address"),
        (AuditFilter(), "audit_auditevent_at"),
    ],
)
def test_each_way_of_searching_has_its_index(cast, monkeypatch, wanted, index):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_auditevent (at, action, person_id, staff_role, company_id,"
            " object_kind, object_id, reason, request_id, detail, address)"
            " SELECT now() - n * interval '1 minute', 'action' || n %% 50, %s, '', %s, 'order',"
            " n::text, '', '', '{}', ('10.0.' || n %% 200 || '.1')::inet"
            " FROM generate_series(1, 3000) AS n",
            [cast.bruno.pk, cast.beta.pk],
        )
        cursor.execute("ANALYZE audit_auditevent")
    asked: list[str] = []

    def explain(execute, sql, params, many, context):
        if "audit_auditevent" in sql and not sql.startswith("EXPLAIN"):
            execute(f"EXPLAIN {sql}", params, many, context)
            asked.extend(row[0] for row in context["cursor"].fetchall())
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        search_audit(viewer=StaffViewer(cast.olga.pk, StaffRole.OPERATIONS), wanted=wanted)

    plan = "\n".join(asked)
    assert re.search(rf"(Index|Bitmap).* (on|using) \w*{index}", plan), plan
    assert "Seq Scan on audit_auditevent" not in plan
