"""What we hold of one person, part by part, as the LGPD's article 18 lets them have it.

Secrets are left out: hashes of passwords and links, keys of second factors. Of what other
people wrote, only what was said to this person is in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.db.models import F, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as lazy

from b2b_orders.accounts.models import Person, SignInMail
from b2b_orders.audit.models import AuditEvent, Incident, PersonExport
from b2b_orders.companies.models import (
    Acting,
    Invitation,
    JoinRequest,
    Membership,
    MembershipScope,
    PeopleImport,
    StaffProfile,
)
from b2b_orders.companies.viewers import read_standing
from b2b_orders.documents.models import CalendarFeed, ListExport, Mailing, Pack, ShareLink, Watch
from b2b_orders.ingest.models import Errand, Lookup
from b2b_orders.notifications.models import Follow, Notice, NotificationChoice
from b2b_orders.orders.models import (
    AddedNumber,
    Answer,
    AwaitedNumber,
    ListPreference,
    Order,
    Question,
    SavedView,
)

Text = str | Promise
Row = dict[str, Any]
_CHUNK: Final = 500


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the data: its name for machines, its heading, and how its rows are read."""

    name: str
    heading: Text
    rows: Callable[[Person], Iterator[Row]]


def _listed(*columns: str, **renamed: str) -> Callable[[QuerySet[Any]], Iterator[Row]]:
    """Read columns of rows; `renamed` gives a path another name."""

    def read(rows: QuerySet[Any]) -> Iterator[Row]:
        named = {name: F(path) for name, path in renamed.items()}
        yield from rows.values(*columns, **named).iterator(chunk_size=_CHUNK)

    return read


def _account(person: Person) -> Iterator[Row]:
    yield {
        "id": str(person.public_id),
        "name": person.name,
        "email": person.email,
        "language": person.language,
        "time_zone": person.time_zone,
        "theme": person.theme,
        "leading_number": person.leading_number,
        "shortcuts": person.shortcuts,
        "welcomed_at": person.welcomed_at,
        "is_active": person.is_active,
        "created_at": person.created_at,
        "last_login": person.last_login,
    }


def _memberships(person: Person) -> Iterator[Row]:
    rows = Membership.objects.filter(person=person).select_related("company").order_by("pk")
    for row in rows:
        scopes = MembershipScope.objects.filter(membership=row).order_by("pk")
        yield {
            "company": row.company.name,
            "role": row.role,
            "is_active": row.is_active,
            "scope": list(scopes.values_list("establishment__tax_id", flat=True))
            if row.is_scoped
            else None,
            "sees_prices": row.sees_prices,
            "sees_finance": row.sees_finance,
            "manages_people": row.manages_people,
            "sees_access_record": row.sees_access_record,
            "created_at": row.created_at,
            "removed_at": row.removed_at,
        }


def _orders(person: Person) -> Iterator[Row]:
    """List orders that name the person as who placed them, of those that they may see now.

    People write their own names: who takes a colleague's would have that one's orders, too.
    """
    read = _listed("title", "placed_on", "placed_by_name", company_name="company__name")
    standing = read_standing(person.pk)
    for choice in standing.companies:
        if viewer := standing.viewer_of_company(choice.id):
            rows = Order.objects.visible_to(viewer).filter(placed_by_name__iexact=person.name)
            yield from read(rows.order_by("pk"))


def _invitations(person: Person) -> Iterator[Row]:
    rows = Invitation.objects.filter(Q(email__iexact=person.email) | Q(person=person))
    yield from _listed(
        *("email", "name", "role", "asked_at", "expires_at", "accepted_at", "revoked_at"),
        company_name="company__name",
    )(rows.order_by("pk"))


def _questions(person: Person) -> Iterator[Row]:
    for row in Question.objects.filter(person=person).select_related("order").order_by("pk"):
        answers = row.answers.order_by("pk").values_list("text", flat=True)
        yield {
            "order": row.order.title,
            "text": row.text,
            "asked_at": row.asked_at,
            "answers": list(answers),
        }


def _of(
    model: Any, *columns: str, by: str = "person", **renamed: str
) -> Callable[[Person], Iterator[Row]]:
    """Read rows of a model that name the person."""
    read = _listed(*columns, **renamed)

    def rows(person: Person) -> Iterator[Row]:
        yield from read(model.objects.filter(**{by: person}).order_by("pk"))

    return rows


_OF_COMPANY: Final = {"company_name": "company__name"}
SECTIONS: Final = (
    Section("account", lazy("Account"), _account),
    Section(
        "email_addresses",
        lazy("E-mail addresses"),
        _of(EmailAddress, "email", "verified", "primary", by="user"),
    ),
    Section(
        "second_factors",
        lazy("Second factors"),
        _of(Authenticator, "type", "created_at", "last_used_at", by="user"),
    ),
    Section(
        "other_log_ins",
        lazy("Log-ins elsewhere"),
        _of(SocialAccount, "provider", "uid", "extra_data", "last_login", by="user"),
    ),
    Section(
        "sessions",
        lazy("Sessions"),
        _of(UserSession, "ip", "user_agent", "created_at", "last_seen_at", by="user"),
    ),
    Section(
        "log_in_mails",
        lazy("Mails about logging in"),
        _of(SignInMail, "kind", "asked_at", "finished_at"),
    ),
    Section(
        "alarms",
        lazy("What operations were told of"),
        _of(Incident, "at", "address", kind="code", **_OF_COMPANY),
    ),
    Section("memberships", lazy("Companies"), _memberships),
    Section("staff", lazy("Staff"), _of(StaffProfile, "role", "seller_code")),
    Section("invitations", lazy("Invitations received"), _invitations),
    Section(
        "invitations_sent",
        lazy("Invitations sent"),
        _of(Invitation, "email", "role", "asked_at", by="invited_by", **_OF_COMPANY),
    ),
    Section(
        "lists_of_people",
        lazy("Lists of people given"),
        _of(PeopleImport, "filename", "given_at", "applied_at", **_OF_COMPANY),
    ),
    Section(
        "copies",
        lazy("Copies of this data"),
        _of(PersonExport, "asked_at", "finished_at", "expires_at"),
    ),
    Section(
        "join_requests",
        lazy("Requests to join"),
        # Of which company is not told to who asks, here neither.
        lambda person: _listed("email", "name", "message", "asked_at", "state")(
            JoinRequest.objects.filter(email__iexact=person.email).order_by("pk")
        ),
    ),
    Section("orders", lazy("Orders that name you as who placed them"), _orders),
    Section("questions", lazy("Questions"), _questions),
    Section("answers", lazy("Answers"), _of(Answer, "text", "at", **_OF_COMPANY)),
    Section(
        "numbers_added",
        lazy("Numbers added"),
        _of(AddedNumber, "written", "added_at", "removed_at", **_OF_COMPANY),
    ),
    Section("numbers_awaited", lazy("Numbers awaited"), _of(AwaitedNumber, "written", "kept_at")),
    Section(
        "numbers_looked_up",
        lazy("Numbers looked up"),
        _of(Lookup, "written", "asked_at", "state", **_OF_COMPANY),
    ),
    Section(
        "documents_watched",
        lazy("Documents awaited"),
        _of(Watch, "asked_at", "told_at", title="document__title", **_OF_COMPANY),
    ),
    Section(
        "links",
        lazy("Links to documents"),
        _of(
            ShareLink,
            *("label", "created_at", "expires_at", "revoked_at", "openings"),
            title="document__title",
            **_OF_COMPANY,
        ),
    ),
    Section(
        "mailings",
        lazy("Documents sent by e-mail"),
        _of(Mailing, "recipient", "reason", "asked_at", title="document__title", **_OF_COMPANY),
    ),
    Section(
        "mailings_received",
        lazy("Documents received by e-mail"),
        lambda person: _listed("asked_at", title="document__title", **_OF_COMPANY)(
            Mailing.objects.filter(recipient__iexact=person.email).order_by("pk")
        ),
    ),
    Section(
        "packs",
        lazy("Documents prepared"),
        _of(Pack, "asked_at", "finished_at", "total", "filter", **_OF_COMPANY),
    ),
    Section(
        "calendars",
        lazy("Calendar addresses"),
        _of(CalendarFeed, "created_at", "read_at", "times_read", **_OF_COMPANY),
    ),
    Section(
        "exports",
        lazy("Lists exported"),
        _of(ListExport, "asked_at", "finished_at", "total", filter="query", **_OF_COMPANY),
    ),
    Section(
        "views",
        lazy("Saved views"),
        _of(SavedView, "name", "columns", "is_shared", "created_at", filter="query", **_OF_COMPANY),
    ),
    Section(
        "list_preferences",
        lazy("Columns of lists"),
        _of(ListPreference, "columns", "page_size", **_OF_COMPANY),
    ),
    Section(
        "follows",
        lazy("What you follow"),
        _of(Follow, "name", "created_at", title="order__title", filter="query", **_OF_COMPANY),
    ),
    Section(
        "notices",
        lazy("What you were told of"),
        _of(Notice, "kind", "happened_at", "told_at", title="order__title", **_OF_COMPANY),
    ),
    Section(
        "notifications",
        lazy("When you want to be told"),
        _of(
            NotificationChoice,
            *("rhythm", "daily_at", "quiet_from", "quiet_until", "due_days", "without"),
        ),
    ),
    Section(
        "acting",
        lazy("Acting for companies"),
        _of(Acting, "reason", "started_at", "ended_at", **_OF_COMPANY),
    ),
    Section(
        "errands", lazy("Tasks"), _of(Errand, "kind", "reason", "asked_at", "finished_at", "state")
    ),
    Section(
        "record",
        lazy("What you did, as the audit record has it"),
        _of(
            AuditEvent,
            *("at", "action", "staff_role", "object_kind", "object_id", "reason"),
            *("address", "detail"),
            **_OF_COMPANY,
        ),
    ),
)
# Headings of columns, for people.
COLUMN: Final[dict[str, Text]] = {
    "action": lazy("What"),
    "added_at": lazy("Added"),
    "address": lazy("Address"),
    "answers": lazy("Answers"),
    "asked_at": lazy("Asked"),
    "accepted_at": lazy("Accepted"),
    "applied_at": lazy("Taken over"),
    "at": lazy("When"),
    "columns": lazy("Columns"),
    "company": lazy("Company"),
    "company_name": lazy("Company"),
    "created_at": lazy("Since"),
    "daily_at": lazy("Hour of the daily mail"),
    "detail": lazy("Details"),
    "due_days": lazy("Days before a boleto is due"),
    "email": lazy("E-mail"),
    "ended_at": lazy("Ended"),
    "expires_at": lazy("Until"),
    "extra_data": lazy("Details"),
    "filename": lazy("File"),
    "filter": lazy("Filter"),
    "finished_at": lazy("Finished"),
    "given_at": lazy("Given"),
    "happened_at": lazy("When"),
    "id": lazy("Id"),
    "ip": lazy("IP address"),
    "is_active": lazy("Active"),
    "is_shared": lazy("Shared"),
    "kept_at": lazy("Asked"),
    "kind": lazy("Kind"),
    "label": lazy("Name"),
    "language": lazy("Language"),
    "last_login": lazy("Last log-in"),
    "last_seen_at": lazy("Last seen"),
    "last_used_at": lazy("Last used"),
    "leading_number": lazy("Number that stands first"),
    "manages_people": lazy("Manages people"),
    "message": lazy("Message"),
    "name": lazy("Name"),
    "object_id": lazy("Id"),
    "object_kind": lazy("Subject"),
    "openings": lazy("Openings"),
    "order": lazy("Order"),
    "page_size": lazy("Rows a page"),
    "placed_by_name": lazy("Placed by"),
    "placed_on": lazy("Placed on"),
    "primary": lazy("Main"),
    "provider": lazy("Provider"),
    "quiet_from": lazy("Quiet from"),
    "quiet_until": lazy("Quiet until"),
    "read_at": lazy("Last read"),
    "reason": lazy("Reason"),
    "recipient": lazy("To"),
    "removed_at": lazy("Removed"),
    "revoked_at": lazy("Revoked"),
    "rhythm": lazy("How often"),
    "role": lazy("Role"),
    "scope": lazy("Establishments"),
    "sees_access_record": lazy("Reads the access record"),
    "sees_finance": lazy("Sees finance"),
    "sees_prices": lazy("Sees prices"),
    "seller_code": lazy("Seller code"),
    "shortcuts": lazy("Keyboard shortcuts"),
    "staff_role": lazy("Role"),
    "started_at": lazy("Started"),
    "state": lazy("State"),
    "text": lazy("Text"),
    "theme": lazy("Colours"),
    "time_zone": lazy("Time zone"),
    "times_read": lazy("Readings"),
    "title": lazy("Title"),
    "told_at": lazy("Told"),
    "total": lazy("Files"),
    "type": lazy("Kind"),
    "uid": lazy("Id"),
    "user_agent": lazy("Browser"),
    "welcomed_at": lazy("First steps closed"),
    "without": lazy("Not wanted"),
    "verified": lazy("Verified"),
    "written": lazy("Number"),
}
