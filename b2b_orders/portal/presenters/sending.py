"""Links and mails of documents, worded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from b2b_orders.documents.mailing import MailingView
from b2b_orders.documents.sharing import ShareView
from b2b_orders.portal import formats, words
from b2b_orders.portal.addresses import Addresses

_OUTCOME: Final[dict[str, words.Text]] = {
    "unsure": lazy(
        "It may or may not have been sent. Ask whether it arrived before you repeat it."
    ),
    "no-longer-allowed": lazy("Not sent: you may not see this document any more."),
    "recipient-gone": lazy("Not sent: this person may not see the document any more."),
    "unavailable": lazy("Not sent: the source did not hand out the file."),
    "settled": lazy("Not sent: it is paid or no longer due."),
    "unchecked": lazy("Not sent: it could not be checked whether it is still to be paid."),
    "recipient-refused": lazy("Not sent: the address was refused."),
    "refused": lazy("Not sent: the mail server refused it."),
    "bad-address": lazy("Not sent: the address cannot be used."),
    "no-mail-server": lazy("The mail server does not answer. We keep trying."),
}
_PROBLEM: Final[dict[str, words.Text]] = {
    "not-available": lazy("This document cannot be sent: it is not there, or no longer valid."),
    "days-out-of-range": lazy("A link works for 1 to 30 days."),
    "not-a-contact": lazy("This person may not see the document."),
    "no-recipient": lazy("Choose somebody, or write an address."),
    "not-an-address": lazy("This is not an e-mail address."),
    "reason-too-short": lazy("A new address needs a reason of at least 5 characters."),
    "too-many-mails": lazy("You have sent many documents this hour. Try again later."),
}


@dataclass(frozen=True, slots=True)
class ShareItem:
    """A link, worded."""

    heading: str
    detail: str
    openings: str
    state: words.Chip
    revoke_url: str
    document_url: str


@dataclass(frozen=True, slots=True)
class MailingItem:
    """A mail, worded."""

    recipient: str
    detail: str
    state: words.Chip
    mark: str
    why: str


def problem_words(code: str) -> str:
    """Word why a document cannot be shared or sent."""
    return words.text(_PROBLEM, code)


def share_items(
    shares: Iterable[ShareView], *, to: Addresses, now: datetime, is_of_one: bool = False
) -> tuple[ShareItem, ...]:
    """Present links; those of one document, on its page, need not name it."""
    return tuple(_share(share, to, now, is_of_one=is_of_one) for share in shares)


def _share(share: ShareView, to: Addresses, now: datetime, *, is_of_one: bool) -> ShareItem:
    opened = ngettext("opened %(count)s time", "opened %(count)s times", share.openings)
    text = opened % {"count": formats.count(share.openings)}
    if not share.openings:
        text = _("not opened yet")
    if share.opened_at:
        last = _("last at %(time)s") % {"time": formats.moment(share.opened_at, now)}
        text = f"{text}, {last}"
    if share.is_live:
        until = {"time": formats.moment(share.expires_at, now)}
        state = words.Chip(_("Works until %(time)s") % until, "good", "check")
    elif share.revoked_at:
        state = words.Chip(_("Revoked"), "plain", "cross")
    else:
        state = words.Chip(_("Expired"), "plain", "clock")
    made = {"person": share.made_by, "time": formats.moment(share.created_at, now)}
    named = (share.label or _("Link"),) if is_of_one else (share.document, share.label)
    return ShareItem(
        heading=" · ".join(part for part in named if part),
        detail=_("made by %(person)s, %(time)s") % made,
        openings=text,
        state=state,
        revoke_url=to.to("revoke-share", public_id=share.public_id) if share.may_revoke else "",
        document_url=to.to("send-document", order=share.order_id, public_id=share.document_id)
        if share.order_id and not is_of_one
        else "",
    )


def mailing_items(mailings: Iterable[MailingView], *, now: datetime) -> tuple[MailingItem, ...]:
    """Present mails."""
    return tuple(_mailing(mailing, now) for mailing in mailings)


def _mailing(mailing: MailingView, now: datetime) -> MailingItem:
    person = mailing.sent_by
    if mailing.is_of_staff:
        person = _("%(person)s (supplier)") % {"person": person}
    state = {
        "done": words.Chip(_("Sent"), "good", "check"),
        "failed": words.Chip(_("Not sent"), "bad", "alert"),
    }.get(mailing.state, words.Chip(_("Being sent"), "info", "clock"))
    parts = [person, formats.moment(mailing.asked_at, now), mailing.reason]
    return MailingItem(
        recipient=mailing.recipient,
        detail=" · ".join(part for part in parts if part),
        state=state,
        mark="" if mailing.is_known else _("new address"),
        why=words.text(_OUTCOME, mailing.outcome) if mailing.outcome else "",
    )
