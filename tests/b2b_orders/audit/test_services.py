"""Adding to the record, as the process that faces the internet."""

from __future__ import annotations

import pytest

from b2b_orders.audit import queries
from b2b_orders.audit.models import Action, AuditEvent, Incident
from b2b_orders.audit.services import record, report_incident
from b2b_orders.common import tenancy
from b2b_orders.common.errors import NotAllowed
from b2b_orders.companies.access import Actor, StaffViewer
from b2b_orders.companies.models import StaffRole
from tests.factories import NOW


def test_the_web_process_adds_lines_that_it_may_not_read_back(cast, django_assert_num_queries):
    actor = Actor(cast.suzana.pk, StaffRole.SUPPORT, "10.0.0.1", "a" * 16, "call 4711")
    with tenancy.scope(role=tenancy.WEB, person_id=cast.suzana.pk), django_assert_num_queries(1):
        record(
            Action.ORDER_VIEWED,
            actor=actor,
            company_id=cast.beta.pk,
            object_kind="order",
            object_id="x" * 100,
            detail={"n": 1},
            now=NOW,
        )

    event = AuditEvent.objects.get()
    assert (event.at, event.person_id, event.staff_role, event.company_id) == (
        NOW,
        cast.suzana.pk,
        "support",
        cast.beta.pk,
    )
    assert (event.address, event.request_id, event.reason) == ("10.0.0.1", "a" * 16, "call 4711")
    assert (event.object_id, event.detail) == ("x" * 40, {"n": 1})


def test_a_company_reads_its_own_lines_only(cast):
    for company in (cast.alfa, cast.beta):
        record(Action.ORDER_VIEWED, actor=Actor(), company_id=company.pk, now=NOW)

    with tenancy.scope(role=tenancy.WEB, company_id=cast.alfa.pk):
        seen = list(AuditEvent.objects.values_list("company_id", flat=True))

    assert seen == [cast.alfa.pk]


def test_incidents_are_read_by_operations_alone(cast):
    with tenancy.scope(role=tenancy.WEB, company_id=cast.alfa.pk):
        report_incident(
            "damaged-document",
            connection="erp",
            company_id=cast.alfa.pk,
            object_kind="document",
            object_id="d1",
            now=NOW,
        )
    operations = StaffViewer(cast.olga.pk, StaffRole.OPERATIONS)

    with tenancy.scope(role=tenancy.WEB, person_id=cast.olga.pk):
        rows = queries.list_incidents(viewer=operations).rows
    with pytest.raises(NotAllowed):
        queries.list_incidents(viewer=StaffViewer(cast.suzana.pk, StaffRole.SUPPORT))

    assert [(row.code, row.connection, row.object_id) for row in rows] == [
        ("damaged-document", "erp", "d1")
    ]
    assert Incident.objects.count() == 1
