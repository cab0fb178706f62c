"""Sending one document: by e-mail, or as a link that opens without logging in."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from b2b_orders.common import clock
from b2b_orders.common.errors import Conflict, InvalidInput, NotAllowed, NotVisible
from b2b_orders.documents.mailing import list_contacts, list_mailings, request_mailing
from b2b_orders.documents.queries import describe_document
from b2b_orders.documents.sharing import USUAL, list_shares, revoke_share, share_document
from b2b_orders.ingest import mail_work
from b2b_orders.portal import formats
from b2b_orders.portal.addresses import addresses
from b2b_orders.portal.presenters.documents import document_name
from b2b_orders.portal.presenters.sending import mailing_items, problem_words, share_items
from b2b_orders.portal.requests import CompanyRequest, company_page

INVALID = 400


@require_safe
@company_page
def send(request: CompanyRequest, order: UUID, public_id: UUID) -> HttpResponseBase:
    """Show to whom a document can be sent, and to whom it was."""
    return _page(request, order, public_id, {})


def _page(
    request: CompanyRequest,
    order: UUID,
    public_id: UUID,
    more: dict[str, object],
    status: int = 200,
) -> HttpResponse:
    viewer, now, to = request.viewer, clock.now(), addresses(request)
    shares = list_shares(viewer=viewer, now=now, document_id=public_id)
    document = describe_document(viewer=viewer, public_id=public_id)
    context: dict[str, object] = {
        "document": document,
        "heading": _("Send %(document)s") % {"document": document_name(document)},
        "back": to.to("order", public_id=order) + f"#doc-{public_id}",
        "mail_url": to.to("mail-document", order=order, public_id=public_id),
        "share_url": to.to("share-document", order=order, public_id=public_id),
        "contacts": list_contacts(viewer=viewer, public_id=public_id),
        "mailings": mailing_items(list_mailings(viewer=viewer, public_id=public_id), now=now),
        "shares": share_items(shares, to=to, now=now, is_of_one=True),
        "may_share": not viewer.is_staff,
        "days": str(USUAL),
        "given": {},
    }
    response = render(request, "portal/documents/send.html", context | more, status=status)
    # A new link's address stands on this very page, once.
    # (No stricter referrer policy: without one, browsers send forms as if from nowhere.)
    response["Cache-Control"] = "private, no-store"
    return response


@require_POST
@company_page
def mail(request: CompanyRequest, order: UUID, public_id: UUID) -> HttpResponseBase:
    """Have a document e-mailed."""
    given = {name: request.POST.get(name, "") for name in ("contact", "address", "reason")}
    try:
        mailing = request_mailing(
            viewer=request.viewer,
            actor=request.actor,
            public_id=public_id,
            contact=_uuid(given["contact"]),
            address=given["address"],
            reason=given["reason"],
            language=formats.language(),
            now=clock.now(),
        )
    except (InvalidInput, Conflict) as error:
        more = {"mail_error": _words(error), "mail_field": getattr(error, "field", "contact")}
        return _page(request, order, public_id, more | {"given": given}, status=INVALID)
    transaction.on_commit(lambda: mail_work.wake_aside(mailing))
    messages.success(request, _("It is being sent. What becomes of it shows here."))
    to = addresses(request)
    return redirect(to.to("send-document", order=order, public_id=public_id))


@require_POST
@company_page
def share(request: CompanyRequest, order: UUID, public_id: UUID) -> HttpResponseBase:
    """Make a link to a document, and show its address once."""
    given = {name: request.POST.get(name, "") for name in ("days", "label")}
    try:
        secret = share_document(
            viewer=request.viewer,
            actor=request.actor,
            public_id=public_id,
            days=int(given["days"]) if given["days"].isascii() and given["days"].isdigit() else 0,
            label=given["label"],
            now=clock.now(),
        )
    except NotAllowed as error:
        # The page does not offer it to staff.
        raise NotVisible from error
    except InvalidInput as error:
        more: dict[str, object] = {
            "share_error": _words(error),
            "days": given["days"],
            "given": given,
        }
        return _page(request, order, public_id, more, status=INVALID)
    link = f"{settings.PORTAL_URL.rstrip('/')}/d/{secret}"
    return _page(request, order, public_id, {"new_link": link})


@require_POST
@company_page
def revoke(request: CompanyRequest, public_id: UUID) -> HttpResponseBase:
    """End a link."""
    revoke_share(viewer=request.viewer, actor=request.actor, public_id=public_id, now=clock.now())
    messages.success(request, _("The link does not work any more."))
    return redirect(addresses(request).to("packs") + "#links")


def _words(error: InvalidInput | Conflict) -> str:
    return problem_words(error.message if isinstance(error, InvalidInput) else str(error))


def _uuid(text: str) -> UUID | None:
    """Read whom of the company the mail is for; nothing chosen is none, nonsense is nobody."""
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)
