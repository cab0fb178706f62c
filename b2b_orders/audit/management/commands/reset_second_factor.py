"""`manage.py reset_second_factor`: for somebody who lost phone and recovery codes."""

from __future__ import annotations

from typing import Any

from django.core.management.base import (
    BaseCommand,
    CommandError,
    CommandParser,
    no_translations,
)
from django.db import transaction

from b2b_orders.accounts import factors, mailing, sessions
from b2b_orders.accounts.models import Person
from b2b_orders.audit.alarms import Alarm, raise_alarm
from b2b_orders.audit.services import Action, record
from b2b_orders.common import clock
from b2b_orders.companies.access import Actor
from b2b_orders.companies.models import StaffProfile

_SHORTEST = 5


class Command(BaseCommand):
    help = (
        "Remove the authenticator app, the passkeys and the recovery codes of a person who can no"
        " longer use them, log them out everywhere and tell them by e-mail. Make sure first that"
        " it is them who ask."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="with which the person logs in")
        parser.add_argument("--reason", required=True, help="for the audit record: who asked, how")

    @no_translations
    def handle(self, *_: Any, **options: Any) -> None:
        reason = " ".join(options["reason"].split())
        if len(reason) < _SHORTEST:
            raise CommandError(f"--reason: at least {_SHORTEST} characters")
        email = options["email"].strip().lower()
        person = Person.objects.filter(email=email).first()
        if person is None:
            raise CommandError(f"Nobody logs in with {email}")
        now = clock.now()
        with transaction.atomic():
            removed = factors.remove_factors(person_id=person.pk)
            if not removed:
                raise CommandError(f"{email} has no second factor")
            ended = sessions.end_sessions(person.pk)
            record(
                Action.FACTOR_REMOVED,
                # Of whom: nobody is logged in at a terminal.
                actor=Actor(),
                object_kind="person",
                object_id=str(person.public_id),
                reason=reason,
                detail={"factor": "all", "count": removed, "sessions": ended},
                now=now,
            )
            if StaffProfile.objects.filter(person=person).exists():
                # Whoever can have this done to somebody of staff sees every customer.
                raise_alarm(
                    Alarm.FACTOR_RESET, person_id=person.pk, detail={"reason": reason}, now=now
                )
            mailing.leave_notice(person_id=person.pk, what="factor-reset", now=now)
        self.stdout.write(f"{email}: {removed} removed, {ended} devices logged out.")
