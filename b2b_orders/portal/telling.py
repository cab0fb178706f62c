"""The mails that tell somebody that a document, or a number, is there."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from b2b_orders.common.mail import absolute, send_mail
from b2b_orders.documents import watching
from b2b_orders.documents.watching import Arrival
from b2b_orders.notifications.choices import quiet_people
from b2b_orders.orders import awaiting
from b2b_orders.orders.awaiting import NumberCame
from b2b_orders.portal import words


def tell_watchers(*, now: datetime) -> int:
    """Tell everybody who waits for a document that is there now; say how many were told."""
    return watching.tell_watchers(now=now, send=send_arrival, quiet=quiet_people(now=now))


def send_arrival(arrival: Arrival) -> None:
    """Mail where a document is: a link that asks for a log-in, and nothing to pay with."""
    # With the company: they may look at another one of theirs when they open it.
    page = reverse("portal:order", kwargs={"company": arrival.company, "public_id": arrival.order})
    with translation.override(arrival.language or settings.LANGUAGE_CODE):
        kind = words.DOCUMENT_KIND.get(arrival.kind, words.DOCUMENT_KIND["other"])
        name = str(kind.name)
        if arrival.invoice_number:
            what = _("%(document)s of NF %(number)s") % {
                "document": name,
                "number": arrival.invoice_number,
            }
        else:
            what = name
        subject = _("%(document)s is there") % {"document": what}
    send_mail(
        to=arrival.email,
        subject=subject,
        template="arrival",
        context={
            "arrival": arrival,
            "document": what,
            "url": f"{absolute(page)}#doc-{arrival.document}",
        },
        language=arrival.language,
    )


def tell_arrivals(*, now: datetime) -> int:
    """Tell staff whose awaited number is there now; say how many were told."""
    awaiting.note_arrivals(now=now)
    return awaiting.tell_arrivals(now=now, send=send_number)


def send_number(came: NumberCame) -> None:
    """Mail that a number is there: where to search for it, and nothing of whose it is."""
    page = reverse("portal:support" if came.is_support else "portal:telesales")
    with translation.override(came.language or settings.LANGUAGE_CODE):
        subject = _("The number %(number)s is there") % {"number": came.written}
    send_mail(
        to=came.email,
        subject=subject,
        template="number",
        context={"came": came, "url": f"{absolute(page)}?{urlencode({'q': came.value})}"},
        language=came.language,
    )
