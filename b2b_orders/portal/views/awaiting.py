"""Staff have a number kept that is not there, and are told when it comes."""

from __future__ import annotations

from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from b2b_orders.common import clock
from b2b_orders.common.errors import Conflict, InvalidInput, NotVisible
from b2b_orders.orders.awaiting import await_number, forget_number
from b2b_orders.portal.requests import StaffRequest, home_of, staff_page, typed_text


@staff_page(lambda staff: not staff.can_operate)
@require_POST
def keep(request: StaffRequest) -> HttpResponseBase:
    """Tell this person when a number comes."""
    typed = typed_text(request.POST)
    try:
        await_number(viewer=request.staff, actor=request.actor, text=typed, now=clock.now())
    except InvalidInput as error:
        raise NotVisible from error
    except Conflict:
        messages.warning(
            request, _("You wait for as many numbers as one person may: forget one first.")
        )
    else:
        messages.success(
            request, _('You are told when "%(number)s" comes.') % {"number": typed[:80]}
        )
    return redirect(home_of(request))


@staff_page(lambda staff: not staff.can_operate)
@require_POST
def forget(request: StaffRequest) -> HttpResponseBase:
    """Wait for a number no longer."""
    text = request.POST.get("awaited", "")
    if not text.isascii() or not text.isdigit() or int(text[:19]) >= 2**63:
        raise NotVisible
    forget_number(
        viewer=request.staff, actor=request.actor, awaited_id=int(text[:19]), now=clock.now()
    )
    return redirect(home_of(request))
