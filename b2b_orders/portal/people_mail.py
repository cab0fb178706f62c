"""The mails by which people come into a company."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext_lazy as lazy

from b2b_orders.audit import invitations, joining, people_import
from b2b_orders.audit.invitations import InvitationMail
from b2b_orders.audit.joining import ProofMail, WaitingMail
from b2b_orders.common.mail import absolute, send_mail
from b2b_orders.common.requests import INVITATION_PATH, PROOF_PATH
from b2b_orders.portal import formats


def send_waiting(*, now: datetime) -> int:
    """Send every mail about people that waits; say how many were sent."""
    sent = invitations.send_invitations(now=now, send=send_invitation)
    sent += joining.send_proofs(now=now, send=send_proof)
    return sent + joining.tell_administrators(now=now, send=send_waiting_wish)


def tidy(*, now: datetime) -> None:
    """Forget wishes that nobody proved, and lists that were looked at."""
    joining.forget_unproved(now=now)
    people_import.forget_lists(now=now)


def send_invitation(mail: InvitationMail) -> None:
    """Mail the link that lets somebody into a company."""
    with translation.override(mail.language or settings.LANGUAGE_CODE):
        expires = formats.full_moment(mail.expires_at)
    send_mail(
        to=mail.email,
        subject=lazy("Invitation to %(company)s") % {"company": mail.company},
        template="invitation",
        context={
            "invitation": mail,
            "expires": expires,
            "url": absolute(f"{INVITATION_PATH}/{mail.secret}"),
        },
        language=mail.language,
    )


def send_proof(mail: ProofMail) -> None:
    """Mail the link that proves an address; it names no company."""
    send_mail(
        to=mail.email,
        subject=lazy("Confirm your e-mail address"),
        template="join_proof",
        context={"proof": mail, "url": absolute(f"{PROOF_PATH}/{mail.secret}")},
        language=mail.language,
    )


def send_waiting_wish(mail: WaitingMail) -> None:
    """Tell an administrator that somebody asks to be let in."""
    page = reverse("portal:wishes", kwargs={"company": mail.company_public_id})
    send_mail(
        to=mail.email,
        subject=lazy("%(name)s asks to join %(company)s")
        % {"name": mail.name, "company": mail.company},
        template="join_waiting",
        context={"wish": mail, "url": absolute(page)},
        language=mail.language,
    )
