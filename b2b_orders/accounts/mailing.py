"""Mail about signing in: left as rows by pages, sent by workers."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from b2b_orders.accounts.models import MailKind, Person, SignInMail
from b2b_orders.common import waking
from b2b_orders.common.mail import MailFailed, absolute, send_mail
from b2b_orders.common.secrets import SecretUnreadable, decrypt, encrypt

logger = logging.getLogger(__name__)
# A message that no worker took up by then was lost.
_LOST: Final = timedelta(seconds=5)
_KEEP: Final = timedelta(days=7)
# What comes later is of no use: the code or the link is no longer good.
USEFUL: Final = {
    MailKind.CODE: timedelta(minutes=10),
    MailKind.RESET: timedelta(hours=1),
    MailKind.NOTICE: timedelta(days=1),
}
_SUBJECTS: Final = {
    MailKind.CODE: _("Your code to log in"),
    MailKind.RESET: _("Choose a new password"),
    MailKind.NOTICE: _("A change to your account"),
}
NOTICES: Final[Mapping[str, object]] = {
    "password": _("Your password was changed."),
    "app-added": _("An authenticator app was added as second factor."),
    "app-removed": _("The authenticator app was removed as second factor."),
    "passkey-added": _("A passkey was added to your account."),
    "passkey-removed": _("A passkey was removed from your account."),
    "codes-made": _("New recovery codes were made. The former ones no longer work."),
    "factor-reset": _("Your second factor was removed by the operations of the portal."),
}


def leave(
    *, person_id: int | None, kind: MailKind, payload: Mapping[str, Any], now: datetime
) -> None:
    """Leave a mail for a worker, in the caller's transaction; to nobody it is not sent."""
    mail = SignInMail.objects.create(
        person_id=person_id,
        kind=kind,
        payload=encrypt(json.dumps(payload)),
        language=get_language() or "",
        asked_at=now,
    )
    transaction.on_commit(lambda: waking.aside(lambda: _wake(mail.pk)))


def _wake(mail_id: int) -> None:
    waking.send("accounts.send_mail", expires=60, mail_id=mail_id)


def leave_notice(
    *, person_id: int, what: str, device: str = "", address: str = "", now: datetime
) -> None:
    """Leave word of a change to somebody's account, with where it was made."""
    payload = {"what": what, "device": device, "address": address}
    leave(person_id=person_id, kind=MailKind.NOTICE, payload=payload, now=now)


def run(*, mail_id: int, now: datetime) -> bool:
    """Send a mail that waits and forget what was in it; say whether it was sent.

    The row is locked meanwhile, so that two workers do not send it twice. One that is killed
    leaves it waiting: a code that comes twice does no harm.
    """
    with transaction.atomic():
        waiting = SignInMail.objects.select_for_update(skip_locked=True, of=("self",))
        mail = waiting.filter(pk=mail_id, finished_at=None).select_related("person").first()
        if mail is None:
            return False
        outcome = _outcome(mail, now)
        if outcome is None:
            return False
        SignInMail.objects.filter(pk=mail.pk).update(finished_at=now, outcome=outcome, payload=b"")
    return outcome == ""


def _outcome(mail: SignInMail, now: datetime) -> str | None:
    """Send, and say why it could not be; None is "try again"."""
    if mail.person is None or not mail.person.is_active:
        return "nobody"
    kind = MailKind(mail.kind)
    if now - mail.asked_at > USEFUL[kind]:
        return "too-late"
    try:
        _send(mail, mail.person, kind)
    except SecretUnreadable:
        return "unreadable"
    except MailFailed as error:
        logger.warning("a mail failed", extra={"mail": mail.pk, "error": error.reason})
        return error.reason if error.is_final else None
    return ""


def _send(mail: SignInMail, person: Person, kind: MailKind) -> None:
    given: dict[str, Any] = json.loads(decrypt(bytes(mail.payload)))
    context = {
        **given,
        "name": person.name,
        "minutes": int(USEFUL[kind].total_seconds() // 60),
        "what": NOTICES.get(given.get("what", ""), ""),
        "link": absolute(given.get("path", "/conta")),
    }
    send_mail(
        to=person.email,
        subject=_SUBJECTS[kind],
        template=f"sign_in_{kind.value}",
        context=context,
        language=mail.language or person.language,
    )


def waiting(*, now: datetime) -> list[int]:
    """Return mails that nobody sent: their message was lost, or the mail server was away."""
    late = SignInMail.objects.filter(finished_at=None, asked_at__lte=now - _LOST)
    return list(late.order_by("asked_at").values_list("pk", flat=True)[:50])


def forget_old(*, now: datetime) -> int:
    """Delete mails of long ago; return how many."""
    return SignInMail.objects.filter(asked_at__lt=now - _KEEP).delete()[0]
