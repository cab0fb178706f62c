"""Every table that tells of people is decided about: what a person may have, and what goes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.apps import apps
from django.db import models

from b2b_orders.accounts.models import MailKind, Person, SignInMail
from b2b_orders.common import tenancy
from b2b_orders.companies.access import Actor
from b2b_orders.companies.models import (
    CompanyImport,
    Invitation,
    MapChange,
    MapConflict,
    PeopleImport,
    Role,
)
from b2b_orders.ingest.anonymising import anonymise
from b2b_orders.ingest.person_sections import SECTIONS
from b2b_orders.ingest.retention import apply_retention
from b2b_orders.orders.models import Answer, Question
from erp_bridge.records import NumberKind
from tests.factories import NOW, make_order

# What anonymising does with each table about people; "renamed": it names the person by the row
# that is kept under another name. A section of the person's data, or why there is none.
GOES, ADDRESS, ENDS, RENAMED = "deleted", "address taken out", "ended", "renamed"
OF_STAFF = "staff are refused, and what they did is in the section `record`"
DECIDED = {
    "accounts.Person": (RENAMED, "account"),
    "accounts.SignInMail": (GOES, "log_in_mails"),
    "account.EmailAddress": (GOES, "email_addresses"),
    "mfa.Authenticator": (GOES, "second_factors"),
    "socialaccount.SocialAccount": (GOES, "other_log_ins"),
    "usersessions.UserSession": (GOES, "sessions"),
    "companies.Membership": (ENDS, "memberships"),
    "companies.MembershipScope": (RENAMED, "memberships"),
    "companies.StaffProfile": (OF_STAFF, "staff"),
    "companies.Acting": (OF_STAFF, "acting"),
    "companies.Invitation": (ADDRESS, "invitations"),
    "companies.JoinRequest": (ADDRESS, "join_requests"),
    "companies.PeopleImport": (GOES, "lists_of_people"),
    "companies.EmailDomain": (OF_STAFF, "record"),
    "companies.MapChange": (ADDRESS, "record"),
    "companies.MapConflict": (OF_STAFF, "record"),
    "companies.CompanyImport": (OF_STAFF, "record"),
    "audit.AuditEvent": (RENAMED, "record"),
    # No role may change what one says; it goes by retention, like the lines of the record.
    "audit.Incident": (RENAMED, "alarms"),
    "audit.PersonExport": (GOES, "copies"),
    "orders.StatusRule": (OF_STAFF, "record"),
    "orders.Decision": (OF_STAFF, "record"),
    "orders.AddedNumber": (RENAMED, "numbers_added"),
    "orders.AwaitedNumber": (GOES, "numbers_awaited"),
    "orders.Question": (ADDRESS, "questions"),
    "orders.Answer": (ADDRESS, "answers"),
    "documents.DocumentRule": (OF_STAFF, "record"),
    "documents.Watch": (GOES, "documents_watched"),
    "documents.Pack": (ENDS, "packs"),
    "documents.ShareLink": (ENDS, "links"),
    "documents.Mailing": (ADDRESS, "mailings"),
    "documents.CalendarFeed": (GOES, "calendars"),
    "documents.ListExport": (ENDS, "exports"),
    "orders.SavedView": (GOES, "views"),
    "orders.ListPreference": (GOES, "list_preferences"),
    "notifications.Follow": (GOES, "follows"),
    "notifications.Notice": (GOES, "notices"),
    "notifications.NotificationChoice": (GOES, "notifications"),
    "ingest.Parked": (OF_STAFF, "record"),
    "ingest.Errand": (OF_STAFF, "errands"),
    "ingest.Lookup": (ENDS, "numbers_looked_up"),
}


def tells_of_people(model: type[models.Model]) -> bool:
    return any(
        field.concrete and (field.related_model is Person or isinstance(field, models.EmailField))
        for field in model._meta.get_fields()
    )


def test_a_table_about_people_that_nobody_decided_about_is_found():
    found = {each._meta.label for each in apps.get_models() if tells_of_people(each)}

    assert found | {"accounts.Person"} == set(DECIDED)


def test_every_table_about_people_is_in_a_section_of_their_data():
    assert {section for _, section in DECIDED.values()} <= {section.name for section in SECTIONS}


@pytest.fixture
def taken_out(cast):
    """Ana, taken out, who left something in each of the tables that came last."""
    order = make_order(cast.alfa, [(NumberKind.ERP, "4500")])
    own = {"person": cast.ana, "company": cast.alfa}
    SignInMail.objects.create(person=cast.ana, kind=MailKind.CODE, payload=b"x", asked_at=NOW)
    Invitation.objects.create(
        company=cast.alfa,
        email="nova@example.com",
        role=Role.BUYER,
        token_hash="1" * 64,
        invited_by=cast.ana,
        asked_at=NOW,
        expires_at=NOW + timedelta(days=7),
    )
    PeopleImport.objects.create(**own, given_at=NOW, rows=[{"email": "nova@example.com"}])
    question = Question.objects.create(
        **own,
        order=order,
        text="Write to Ana@Example.com, not to mariana@example.com",
        asked_at=NOW,
    )
    Answer.objects.create(
        company=cast.alfa,
        question=question,
        person=cast.suzana,
        staff_role="support",
        text="Sent to ana@example.com.",
        at=NOW,
    )
    MapChange.objects.create(
        kind="move",
        payload={
            "preview": {
                "losing": ["Ana <ana@example.com>", "Bruno <bruno@example.com>"],
                "gaining": [],
            }
        },
        reason="x",
        asked_by=cast.olga,
        asked_at=NOW,
    )
    with tenancy.scope(role=tenancy.WORKER):
        assert anonymise(person_id=cast.ana.pk, actor=Actor(cast.olga.pk), now=NOW)
    return f"{cast.ana.pk}@anonymised.invalid"


def test_what_came_last_is_taken_out_too(cast, taken_out):
    assert not SignInMail.objects.filter(person=cast.ana).exists()
    assert not PeopleImport.objects.filter(person=cast.ana).exists()
    assert Invitation.objects.get(email="nova@example.com").revoked_at == NOW


def test_letters_and_changes_of_the_map_keep_all_but_the_address(taken_out):
    assert Question.objects.get().text == f"Write to {taken_out}, not to mariana@example.com"
    assert Answer.objects.get().text == f"Sent to {taken_out}."
    assert MapChange.objects.get().payload["preview"]["losing"] == [
        f"<{taken_out}>",
        "Bruno <bruno@example.com>",
    ]


def test_lists_of_companies_and_settled_conflicts_go_with_time(cast, settings):
    settings.PORTAL_KEEP_INVITATION_DAYS = settings.PORTAL_KEEP_INCIDENT_DAYS = 90
    for days in (91, 89):
        at = NOW - timedelta(days=days)
        CompanyImport.objects.create(
            source="csv", asked_by=cast.olga, asked_at=at, finished_at=at, content="a;b"
        )
        MapConflict.objects.create(
            kind="tax_id", value=str(days), found_at=at, seen_at=at, settled_at=at
        )
    CompanyImport.objects.create(source="csv", asked_by=cast.olga, asked_at=NOW - timedelta(400))

    with tenancy.scope(role=tenancy.WORKER):
        counts = apply_retention(now=NOW, seconds=9)

    assert (counts["company_imports"], counts["map_conflicts"]) == (1, 1)
    assert CompanyImport.objects.count() == 2
