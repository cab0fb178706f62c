"""Mail to people: a text and an HTML part of one template each, from the seller, in a language.

Workers send; no page waits for a mail server.
"""

from __future__ import annotations

import logging
import smtplib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formataddr, parseaddr
from typing import Any, ClassVar, TypeVar

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import translation

from b2b_orders.common.branding import brand, mail_shades
from b2b_orders.common.errors import ProductError

_PERMANENT = 500
logger = logging.getLogger(__name__)
Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file to go with a mail."""

    filename: str
    content: bytes
    content_type: str


class MailFailed(ProductError):
    """A mail could not be handed over. `is_final`: trying again would not help."""

    code: ClassVar[str] = "mail-failed"

    def __init__(self, reason: str, *, is_final: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_final = is_final


def send_each(what: str, waiting: Iterable[Key], send_one: Callable[[Key], bool]) -> int:
    """Mail what waits, one after the other, and say how many mails went out.

    A mail server that is away ends it: what is left waits for the next call.
    """
    sent = 0
    for key in waiting:
        try:
            sent += send_one(key)
        except MailFailed as error:
            logger.warning("a mail was not sent", extra={what: key, "reason": error.reason})
            break
    return sent


@contextmanager
def refusal_ends_it(what: str, key: object) -> Iterator[None]:
    """Take a mail that no server will ever take for done; one to be tried again still raises."""
    try:
        yield
    except MailFailed as error:
        if not error.is_final:
            raise
        logger.warning("a mail was refused", extra={what: key, "reason": error.reason})


def send_mail(
    *,
    to: str,
    subject: object,
    template: str,
    context: Mapping[str, Any],
    language: str,
    attachments: Sequence[Attachment] = (),
    headers: Mapping[str, str] | None = None,
) -> None:
    """Send `mail/<template>.txt` and `.html` to one address; `MailFailed` when it cannot be.

    A lazy `subject` and lazy texts in `context` are worded in `language`, which may be ""
    for the portal's own.
    """
    by_day, by_night = mail_shades(brand().colour)
    with translation.override(language or settings.LANGUAGE_CODE):
        # One line: what a source wrote must not become a header of its own.
        line = " ".join(str(subject).split())
        whole = {
            **context,
            "language": translation.get_language(),
            "seller": settings.PORTAL_SELLER_NAME,
            "portal_url": settings.PORTAL_URL,
            "support": settings.PORTAL_SUPPORT_EMAIL,
            "subject": line,
            "by_day": by_day,
            "by_night": by_night,
        }
        mail = EmailMultiAlternatives(
            subject=line,
            body=render_to_string(f"mail/{template}.txt", whole),
            from_email=sender(),
            to=[to],
            # Nobody's out-of-office notice answers us.
            headers={"Auto-Submitted": "auto-generated", **(headers or {})},
        )
        mail.attach_alternative(render_to_string(f"mail/{template}.html", whole), "text/html")
    for each in attachments:
        mail.attach(each.filename, each.content, each.content_type)
    try:
        mail.send()
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _text in error.recipients.values()]
        raise MailFailed(
            "recipient-refused", is_final=all(code >= _PERMANENT for code in codes)
        ) from error
    except smtplib.SMTPResponseException as error:
        # A refused log-in or sender is the server's settings: it helps to mend them.
        is_final = isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= _PERMANENT
        raise MailFailed("refused", is_final=is_final) from error
    except (smtplib.SMTPException, OSError) as error:
        raise MailFailed("no-mail-server", is_final=False) from error
    except ValueError as error:
        # An address or a subject that no header can hold.
        raise MailFailed("bad-address", is_final=True) from error


def sender() -> str:
    """Return whom mail is from: the seller's name at the portal's address."""
    name, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    return formataddr((name or settings.PORTAL_SELLER_NAME, address))


def absolute(path: str) -> str:
    """Build the whole address of a page for a mail."""
    return f"{settings.PORTAL_URL.rstrip('/')}{path}"
