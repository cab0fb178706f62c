"""Taking a person out of the portal for good: their name and address go, what they did stays.

Orders and fiscal documents stay as the law has them kept, with the names that they were issued
with: they are the company's books. The audit record keeps the person's number alone; what was
typed into its lines goes with them, by retention. This cannot be undone.
"""

from __future__ import annotations

import re
from datetime import datetime
from importlib import import_module
from typing import Final

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Model, Q
from django.utils import translation
from django.utils.translation import gettext as _

from b2b_orders.accounts.models import Person, SignInMail
from b2b_orders.audit.models import PersonExport
from b2b_orders.audit.services import Action, record
from b2b_orders.common.errors import Conflict
from b2b_orders.companies.access import Actor
from b2b_orders.companies.models import (
    Invitation,
    JoinRequest,
    MapChange,
    Membership,
    PeopleImport,
    Role,
    StaffProfile,
)
from b2b_orders.documents.models import CalendarFeed, ListExport, Mailing, Pack, ShareLink, Watch
from b2b_orders.ingest.models import Lookup
from b2b_orders.notifications.models import Follow, Notice, NotificationChoice
from b2b_orders.orders.models import Answer, AwaitedNumber, ListPreference, Question, SavedView

# Nobody can ever have an address of it: RFC 2606.
DOMAIN: Final = "anonymised.invalid"
# What is a person's own alone, and goes with them.
_GO: Final[tuple[type[Model], ...]] = (
    CalendarFeed,
    Watch,
    AwaitedNumber,
    SavedView,
    ListPreference,
    Notice,
    Follow,
    NotificationChoice,
)


class Refused(Conflict):
    """A person who cannot be taken out yet; the code says what is to be done before."""

    def __init__(self, reason: str, company: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.company = company


def check_person(person: Person) -> None:
    """Refuse staff, and whoever alone administers a company with other people in it."""
    if StaffProfile.objects.filter(person=person).exists():
        raise Refused("is-staff")
    administered = Membership.objects.filter(
        person=person, role=Role.ADMIN, is_active=True, company__is_active=True
    ).select_related("company")
    for membership in administered.order_by("pk"):
        others = Membership.objects.filter(
            company_id=membership.company_id, is_active=True, person__is_active=True
        ).exclude(person=person)
        if others.exists() and not others.filter(role=Role.ADMIN).exists():
            raise Refused("last-admin", membership.company.name)


@transaction.atomic
def anonymise(*, person_id: int, actor: Actor, now: datetime) -> bool:
    """Take a person out; False when they are out already. `Refused` says why not."""
    person = Person.objects.select_for_update().get(pk=person_id)
    if person.anonymised_at is not None:
        return False
    check_person(person)
    email = person.email
    _end_log_ins(person)
    _leave_companies(person, actor, now)
    _forget_address(email, f"{person.pk}@{DOMAIN}", now)
    _end_what_goes_on(person, now)
    with translation.override(settings.LANGUAGE_CODE):
        person.name = _("Former person no. %(number)s") % {"number": person.pk}
    person.email = f"{person.pk}@{DOMAIN}"
    person.language = person.time_zone = person.theme = person.leading_number = ""
    person.shortcuts = {}
    person.is_active = False
    person.last_login = None
    person.anonymised_at = person.sign_in_again_after = now
    person.set_unusable_password()
    person.save()
    return True


def _end_log_ins(person: Person) -> None:
    store = import_module(settings.SESSION_ENGINE).SessionStore
    for key in UserSession.objects.filter(user=person).values_list("session_key", flat=True):
        store(key).delete()
    for model in (UserSession, Authenticator, SocialAccount, EmailAddress):
        model.objects.filter(user=person).delete()
    SignInMail.objects.filter(person=person).delete()


def _leave_companies(person: Person, actor: Actor, now: datetime) -> None:
    for membership in Membership.objects.filter(person=person, is_active=True):
        membership.is_active = False
        membership.removed_at = now
        membership.save(update_fields=["is_active", "removed_at"])
        record(
            Action.MEMBER_REMOVED,
            actor=actor,
            company_id=membership.company_id,
            object_kind="person",
            object_id=str(person.public_id),
            detail={"how": "anonymised"},
            now=now,
        )


def _forget_address(email: str, instead: str, now: datetime) -> None:
    """Take an address out of wherever somebody wrote it about the person."""
    invitations = Invitation.objects.filter(email__iexact=email)
    invitations.filter(accepted_at=None, revoked_at=None).update(revoked_at=now)
    invitations.update(email=instead, name="")
    JoinRequest.objects.filter(email__iexact=email).update(email=instead, name="", message="")
    Mailing.objects.filter(recipient__iexact=email).update(recipient=instead)
    for letters in (Question, Answer):
        for row in letters.objects.filter(text__icontains=email).only("pk", "text"):
            text = _address(email).sub(rf"\g<1>{instead}", row.text)
            letters.objects.filter(pk=row.pk).update(text=text)
    _forget_in_map_changes(email, instead)
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {PeopleImport._meta.db_table}"  # noqa: S608, SLF001 our own name
            " WHERE lower(rows::text) ~ %s",
            [_address(email).pattern],
        )


def _address(email: str) -> re.Pattern[str]:
    """Match the whole address, and none that only ends or begins like it."""
    whole = re.escape(email.lower())
    return re.compile(rf"(^|[^a-z0-9._%+-]){whole}(?![a-z0-9-]|\.[a-z0-9])", re.IGNORECASE)


def _forget_in_map_changes(email: str, instead: str) -> None:
    """Take somebody off the lists of who would see less or more by a change of the map."""
    for change in MapChange.objects.filter(payload__icontains=f"<{email}>"):
        preview = change.payload["preview"]
        for name in ("losing", "gaining"):
            preview[name] = [
                f"<{instead}>" if each.lower().endswith(f"<{email.lower()}>") else each
                for each in preview[name]
            ]
        change.save(update_fields=["payload"])


def _end_what_goes_on(person: Person, now: datetime) -> None:
    """End links, calendars, downloads and waits: nothing of theirs opens or mails any more."""
    ShareLink.objects.filter(person=person).update(label="")
    ShareLink.objects.filter(person=person, revoked_at=None).update(revoked_at=now)
    for model in _GO:
        model._default_manager.filter(person=person).delete()  # noqa: SLF001 Django's own name
    # What nobody has opened yet was asked for in their name.
    Invitation.objects.filter(invited_by=person, accepted_at=None, revoked_at=None).update(
        revoked_at=now
    )
    PeopleImport.objects.filter(person=person).delete()
    Lookup.objects.filter(person=person).update(person=None)
    PersonExport.objects.filter(person=person).delete()
    # Their files are deleted by the sweep that deletes all packs past their time.
    for model in (Pack, ListExport):
        unfinished = Q(expires_at=None) | Q(expires_at__gt=now)
        model.objects.filter(unfinished, person=person).update(expires_at=now)
