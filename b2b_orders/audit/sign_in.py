"""Records who signed in and out, and who failed to."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest

from b2b_orders.accounts.adapter import AccountAdapter
from b2b_orders.accounts.models import Person
from b2b_orders.audit import acting
from b2b_orders.audit.alarms import note_failed_login
from b2b_orders.audit.models import Action
from b2b_orders.audit.services import record
from b2b_orders.audit.single_sign_on import SingleSignOnRules
from b2b_orders.common import clock
from b2b_orders.companies.access import Actor


class RecordingAccountAdapter(SingleSignOnRules, AccountAdapter):
    """Write the audit line of each log-in and log-out; a log-out ends acting."""

    def login(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        super().login(request, user)
        record(Action.LOGIN, actor=_actor(request, user.pk), now=clock.now())

    def logout(self, request: HttpRequest) -> None:
        actor, now = _actor(request, request.user.pk), clock.now()
        acting.end(
            actor=actor, session_key=request.session.session_key or "", how="logout", now=now
        )
        record(Action.LOGOUT, actor=actor, now=now)
        # Notes not shown yet sit in a cookie, and would greet whoever comes next.
        list(messages.get_messages(request))
        super().logout(request)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        super().authentication_failed(request, **credentials)
        # The address itself is not kept: people type passwords into that field.
        email = str(credentials.get("email") or "").lower()
        person_id = Person.objects.filter(email=email).values_list("pk", flat=True).first()
        actor, now = _actor(request, person_id), clock.now()
        record(Action.LOGIN_FAILED, actor=actor, now=now)
        note_failed_login(person_id=person_id, address=actor.address, now=now)


def _actor(request: HttpRequest, person_id: int | None) -> Actor:
    around: Actor = getattr(request, "actor", Actor())
    return Actor(
        person_id=person_id,
        staff_role=around.staff_role,
        address=around.address,
        request_id=around.request_id,
    )
