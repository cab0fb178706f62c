"""Records who signed in and out, and who failed to."""

from __future__ import annotations

from typing import Any, Final, cast

from django.contrib import messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest

from b2b_orders.accounts import factors, mailing, sessions
from b2b_orders.accounts.adapter import AccountAdapter
from b2b_orders.accounts.models import MailKind, Person
from b2b_orders.audit import acting
from b2b_orders.audit.failures import record_failed_login
from b2b_orders.audit.models import Action
from b2b_orders.audit.services import record
from b2b_orders.audit.single_sign_on import SingleSignOnRules
from b2b_orders.common import clock
from b2b_orders.common.mail import absolute
from b2b_orders.companies.access import Actor
from b2b_orders.companies.providers import required_provider

# allauth's names of the mails that it asks for.
_MAILS: Final = {
    "account/email/login_code": (Action.CODE_ASKED, MailKind.CODE),
    "account/email/password_reset_key": (Action.PASSWORD_RESET_ASKED, MailKind.RESET),
}


class RecordingAccountAdapter(SingleSignOnRules, AccountAdapter):
    """Write the audit line of each log-in and log-out; a log-out ends acting."""

    def login(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        now = clock.now()
        super().login(request, user)
        sessions.begin(request, person=cast("Person", user), now=now)
        record(
            Action.LOGIN,
            actor=_actor(request, user.pk),
            detail={"methods": factors.methods_of(request)},
            now=now,
        )

    def post_login(self, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any) -> Any:
        answer = super().post_login(request, user, **kwargs)
        # allauth has just listed the log-in with the network by which attempts are counted.
        sessions.note_place(request, person=cast("Person", user), now=clock.now())
        return answer

    def logout(self, request: HttpRequest) -> None:
        actor, now = _actor(request, request.user.pk), clock.now()
        acting.end(
            actor=actor, session_key=request.session.session_key or "", how="logout", now=now
        )
        record(Action.LOGOUT, actor=actor, now=now)
        # Notes not shown yet sit in a cookie, and would greet whoever comes next.
        list(messages.get_messages(request))
        sessions.forget(request.session.session_key or "")
        super().logout(request)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        super().authentication_failed(request, **credentials)
        # The address itself is not kept: people type passwords into that field.
        email = str(credentials.get("email") or "").lower()
        person_id = Person.objects.filter(email=email).values_list("pk", flat=True).first()
        record_failed_login(actor=_actor(request, person_id), now=clock.now())

    def second_factor_failed(self, user: AbstractBaseUser) -> None:
        """Record a wrong code after a right password, or one tried too often."""
        actor = _actor(self.request, user.pk)
        record_failed_login(actor=actor, detail={"at": "second-factor"}, now=clock.now())

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Leave a mail for a worker and record it, in the same way for an unknown address."""
        action, kind = _MAILS[template_prefix]
        person = Person.objects.filter(email=email.lower(), is_active=True).first()
        # Who never had a password here is signed in by others, or by codes.
        if person and kind is MailKind.RESET and not person.has_usable_password():
            person = None
        # Nor does it help whom a provider alone lets in.
        if required_provider(email) is not None:
            person = None
        now = clock.now()
        path = context.get("password_reset_url", "").removeprefix(absolute(""))
        mailing.leave(
            person_id=person.pk if person else None,
            kind=kind,
            payload={"code": context.get("code", ""), "path": path},
            now=now,
        )
        record(action, actor=_actor(self.request, person.pk if person else None), now=now)


def _actor(request: HttpRequest, person_id: int | None) -> Actor:
    around: Actor = getattr(request, "actor", Actor())
    return Actor(
        person_id=person_id,
        staff_role=around.staff_role,
        address=around.address,
        request_id=around.request_id,
    )
