"""/empresa/convites, /empresa/solicitacoes and the import: whom administrators let in."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from b2b_orders.audit import invitations, joining, people_import
from b2b_orders.common import clock
from b2b_orders.common.errors import InvalidInput
from b2b_orders.companies.access import Role, Viewer
from b2b_orders.companies.people import (
    Grant,
    company_of,
    list_branches,
    require_administrator,
)
from b2b_orders.portal import formats
from b2b_orders.portal.addresses import addresses
from b2b_orders.portal.presenters.people import (
    grant_form,
    invitation_item,
    line_item,
)
from b2b_orders.portal.requests import CompanyRequest, typed_text
from b2b_orders.portal.spreadsheets import csv_lines
from b2b_orders.portal.views.people import (
    INVALID,
    frame,
    people_page,
    problem,
    require_role,
    typed_grant,
)

_FORM = ["GET", "HEAD", "POST"]
# Lines of a list that are shown of each sort; the rest is counted.
_SHOWN = 200


@require_safe
@people_page
def listing(request: CompanyRequest) -> HttpResponseBase:
    """List the invitations that nobody accepted yet."""
    viewer, to, now = request.viewer, addresses(request), clock.now()
    typed = typed_text(request.GET)[:150]
    rows = invitations.list_invitations(viewer=viewer, now=now, text=typed)
    branches = list_branches(viewer=viewer)
    context = frame(request) | {
        "items": [invitation_item(row, branches, to, now) for row in rows],
        "typed": typed,
        "here": to.to("invitations"),
        "invite_url": to.to("invite"),
        "import_url": to.to("import-people"),
    }
    return render(request, "portal/people/invitations.html", context)


@require_http_methods(_FORM)
@people_page
def invite(request: CompanyRequest) -> HttpResponseBase:
    """Ask somebody in."""
    require_administrator(request.viewer)
    viewer, to = request.viewer, addresses(request)
    if request.method != "POST":
        given = {name: request.GET.get(name, "")[:254] for name in ("email", "name")}
        return _invite(request, usual_grant(viewer), given)
    given = {name: request.POST.get(name, "") for name in ("email", "name")}
    grant = typed_grant(request)
    try:
        require_role(request)
        invitations.invite(
            viewer=viewer,
            actor=request.actor,
            email=given["email"],
            name=given["name"],
            grant=grant,
            language=formats.language(),
            now=clock.now(),
        )
    except InvalidInput as error:
        return _invite(request, grant, given, error)
    text = _("The invitation is being sent to %(email)s.") % {"email": given["email"]}
    messages.success(request, text)
    return redirect(to.to("invitations"))


def usual_grant(viewer: Viewer) -> Grant:
    """Return what a new person gets unless somebody says otherwise."""
    whole = viewer.establishment_ids is None
    if whole and company_of(viewer=viewer).default_scope == "company":
        return Grant(Role.BUYER)
    return Grant(Role.BUYER, frozenset())


def _invite(
    request: CompanyRequest,
    grant: Grant,
    given: dict[str, str],
    error: InvalidInput | None = None,
) -> HttpResponse:
    viewer, to = request.viewer, addresses(request)
    context = frame(request) | {
        "form": grant_form(viewer, list_branches(viewer=viewer), grant),
        "given": given,
        "error": problem(error) if error else "",
        "error_field": error.field if error else "",
        "here": to.to("invite"),
        "back": to.to("invitations"),
        "import_url": to.to("import-people"),
    }
    status = INVALID if error else 200
    return render(request, "portal/people/invite.html", context, status=status)


@require_POST
@people_page
def again(request: CompanyRequest, public_id: UUID) -> HttpResponseBase:
    """Mail an invitation again."""
    try:
        email = invitations.send_again(
            viewer=request.viewer, actor=request.actor, public_id=public_id, now=clock.now()
        )
    except InvalidInput as error:
        messages.warning(request, problem(error))
    else:
        text = _("The invitation is being sent to %(email)s.") % {"email": email}
        messages.success(request, text)
    return redirect(addresses(request).to("invitations"))


@require_POST
@people_page
def revoke(request: CompanyRequest, public_id: UUID) -> HttpResponseBase:
    """End an invitation."""
    invitations.revoke(
        viewer=request.viewer, actor=request.actor, public_id=public_id, now=clock.now()
    )
    messages.success(request, _("The link of the invitation does not work any more."))
    return redirect(addresses(request).to("invitations"))


# --- who asks to be let in ---------------------------------------------------------------------


@require_safe
@people_page
def wishes(request: CompanyRequest) -> HttpResponseBase:
    """List who asks to be let in."""
    to, now = addresses(request), clock.now()
    rows = joining.list_wishes(viewer=request.viewer)
    context = frame(request) | {
        "items": [
            (row, formats.moment(row.asked_at, now), to.to("wish", public_id=row.public_id))
            for row in rows
        ],
        "settings_url": to.to("company-settings"),
    }
    return render(request, "portal/people/wishes.html", context)


@require_http_methods(_FORM)
@people_page
def wish(request: CompanyRequest, public_id: UUID) -> HttpResponseBase:
    """Decide whether somebody is let in who asks for it."""
    viewer, to, now = request.viewer, addresses(request), clock.now()
    row = joining.get_wish(viewer=viewer, public_id=public_id)
    grant, error = usual_grant(viewer), ""
    if request.method == "POST":
        grant = typed_grant(request)
        try:
            text = _decide(request, public_id, grant)
        except InvalidInput as wrong:
            error = problem(wrong)
        else:
            messages.success(request, text)
            return redirect(to.to("wishes"))
    context = frame(request) | {
        "wish": row,
        "asked": formats.moment(row.asked_at, now),
        "form": grant_form(viewer, list_branches(viewer=viewer), grant),
        "error": error,
        "here": to.to("wish", public_id=public_id),
        "back": to.to("wishes"),
    }
    return render(request, "portal/people/wish.html", context, status=INVALID if error else 200)


def _decide(request: CompanyRequest, public_id: UUID, grant: Grant) -> str:
    viewer, actor, now = request.viewer, request.actor, clock.now()
    if request.POST.get("decision") == "decline":
        joining.decline(viewer=viewer, actor=actor, public_id=public_id, now=now)
        return _("Declined.")
    require_role(request)
    email = joining.approve(viewer=viewer, actor=actor, public_id=public_id, grant=grant, now=now)
    return _("The invitation is being sent to %(email)s.") % {"email": email}


# --- a list ------------------------------------------------------------------------------------


@require_http_methods(_FORM)
@people_page
def upload(request: CompanyRequest) -> HttpResponseBase:
    """Take a list of people and look through it."""
    require_administrator(request.viewer)
    to, error = addresses(request), ""
    if request.method == "POST":
        try:
            kept = _read(request)
        except InvalidInput as wrong:
            error = problem(wrong)
        else:
            return redirect(to.to("import-preview", public_id=kept))
    context = frame(request) | {
        "error": error,
        "here": to.to("import-people"),
        "back": to.to("people"),
        "template_url": to.to("import-template"),
    }
    return render(request, "portal/people/import.html", context, status=INVALID if error else 200)


def _read(request: CompanyRequest) -> UUID:
    """Look through the list that was uploaded."""
    file = request.FILES.get("file")
    if file is None:
        raise InvalidInput("file", "no-file")
    if (file.size or 0) > people_import.MOST_BYTES:
        raise InvalidInput("file", "too-large")
    return people_import.read_list(
        viewer=request.viewer, content=file.read(), filename=file.name or "", now=clock.now()
    )


@require_safe
@people_page
def template(request: CompanyRequest) -> HttpResponseBase:  # noqa: ARG001 every view has one
    """Hand out a list to fill in."""
    rows = [
        [_("name"), _("e-mail"), _("role"), "cnpj"],
        ["Maria Souza", "maria@example.com", _("buyer"), ""],
        ["João Silva", "joao@example.com", _("finance"), '="12345678000195"'],
    ]
    content = b"".join(csv_lines(rows))
    response = HttpResponse(content, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{_("people")}.csv"'
    return response


@require_http_methods(_FORM)
@people_page
def preview(request: CompanyRequest, public_id: UUID) -> HttpResponseBase:
    """Show what a list would do, and do it."""
    viewer, to, now = request.viewer, addresses(request), clock.now()
    error = ""
    if request.method == "POST":
        try:
            count = people_import.apply_list(
                viewer=viewer,
                actor=request.actor,
                public_id=public_id,
                language=formats.language(),
                now=now,
            )
        except InvalidInput as wrong:
            error = problem(wrong)
        else:
            text = ngettext(
                "%(count)s person is being invited.", "%(count)s people are being invited.", count
            ) % {"count": formats.count(count)}
            messages.success(request, text)
            return redirect(to.to("invitations"))
    found = people_import.get_preview(viewer=viewer, public_id=public_id, now=now)
    branches = list_branches(viewer=viewer)
    good, bad = found.good, found.bad
    context = frame(request) | {
        "filename": found.filename,
        "is_applied": found.applied_at is not None,
        "good": [line_item(row, branches) for row in good[:_SHOWN]],
        "bad": [line_item(row, branches) for row in bad[:_SHOWN]],
        "good_count": len(good),
        "bad_count": len(bad),
        "good_more": max(0, len(good) - _SHOWN),
        "bad_more": max(0, len(bad) - _SHOWN),
        "error": error,
        "here": to.to("import-preview", public_id=public_id),
        "back": to.to("import-people"),
    }
    return render(request, "portal/people/preview.html", context, status=INVALID if error else 200)
