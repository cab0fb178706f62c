"""`manage.py log_out`: for a device or an account that somebody else may have in their hands."""

from __future__ import annotations

from typing import Any

from django.core.management.base import (
    BaseCommand,
    CommandError,
    CommandParser,
    no_translations,
)
from django.db import transaction

from b2b_orders.accounts import sessions
from b2b_orders.accounts.models import Person
from b2b_orders.audit.services import Action, record
from b2b_orders.common import clock
from b2b_orders.companies.access import Actor

_SHORTEST = 5
_SAID = {"": "", "lock": ", locked", "unlock": ", unlocked"}


class Command(BaseCommand):
    help = (
        "Log a person out on every device. With --lock nobody logs in as them any more, in"
        " whatever way, and their links and calendars open nothing, until --unlock."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="with which the person logs in")
        parser.add_argument("--reason", required=True, help="for the audit record: who asked, why")
        account = parser.add_mutually_exclusive_group()
        account.add_argument("--lock", action="store_true", help="close the account as well")
        account.add_argument("--unlock", action="store_true", help="open it again")

    @no_translations
    def handle(self, *_: Any, **options: Any) -> None:
        reason = " ".join(options["reason"].split())
        if len(reason) < _SHORTEST:
            raise CommandError(f"--reason: at least {_SHORTEST} characters")
        email = options["email"].strip().lower()
        account = next((name for name in ("lock", "unlock") if options[name]), "")
        person = Person.objects.filter(email=email).first()
        if person is None:
            raise CommandError(f"Nobody logs in with {email}")
        if account == "unlock" and person.anonymised_at is not None:
            raise CommandError("Who was anonymised does not come back")
        with transaction.atomic():
            if account:
                Person.objects.filter(pk=person.pk).update(is_active=account == "unlock")
            ended = sessions.end_sessions(person.pk)
            record(
                Action.SESSION_ENDED,
                # Of whom: nobody is logged in at a terminal.
                actor=Actor(),
                object_kind="person",
                object_id=str(person.public_id),
                reason=reason,
                detail={"how": "command", "sessions": ended, "account": account},
                now=clock.now(),
            )
        self.stdout.write(f"{email}: {ended} devices logged out{_SAID[account]}.")
