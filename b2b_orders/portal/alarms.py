"""The mail that tells operations of an alarm."""

from __future__ import annotations

import logging
from datetime import datetime

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from b2b_orders.audit import alarms
from b2b_orders.audit.alarms import AlarmMail
from b2b_orders.common.mail import MailFailed, absolute, send_mail
from b2b_orders.portal import formats, words

logger = logging.getLogger(__name__)


def tell_alarms(*, now: datetime) -> int:
    """Mail alarms that were not told yet; say how many mails went out."""
    return alarms.tell_alarms(now=now, send=send_alarm)


def send_alarm(mail: AlarmMail) -> None:
    """Mail what happened, who did it and where it is listed, in the portal's language."""
    with translation.override(settings.LANGUAGE_CODE):
        what = words.incident(mail.code)
        facts = (
            (_("First at"), formats.full_moment(mail.first_at)),
            (_("Last at"), formats.full_moment(mail.last_at)),
            (_("How often"), formats.count(mail.count)),
            (_("Person"), f"{mail.person_name} {mail.person_email}".strip()),
            (_("Company"), mail.company_name),
            (_("Network address"), mail.address),
            (_("Connection"), mail.connection),
        )
        subject = _("Alarm: %(what)s") % {"what": what}
    page = f"{reverse('portal:operations-incidents')}?kind=security"
    context = {
        "what": what,
        "facts": [(label, text) for label, text in facts if text],
        "url": absolute(page),
    }
    for recipient in mail.recipients:
        try:
            send_mail(to=recipient, subject=subject, template="alarm", context=context, language="")
        except MailFailed as error:
            # One address that does not work must not keep it from the others.
            if not error.is_final:
                raise
            logger.warning("an alarm was refused", extra={"reason": error.reason})
