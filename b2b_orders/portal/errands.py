"""From a form of operations to an errand, and from an errand back to the page that asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from b2b_orders.common import clock
from b2b_orders.common.errors import InvalidInput, NotVisible
from b2b_orders.ingest.errands import ErrandView, Kind, get_errand, request_errand
from b2b_orders.portal import words
from b2b_orders.portal.presenters.errands import notice
from b2b_orders.portal.requests import StaffRequest
from b2b_orders.portal.words_operations import SLIP


@dataclass(frozen=True, slots=True)
class Slip:
    """What is wrong with a form: which one, at which field, and what was typed into it."""

    form: str
    field: str
    text: str
    typed: Mapping[str, str]


def asked_kind(request: StaffRequest, kinds: Iterable[Kind]) -> Kind:
    """Return which errand a posted form of the page asks for."""
    wanted = request.POST.get("errand", "")
    for kind in kinds:
        if kind == wanted:
            return kind
    raise NotVisible


def ask(request: StaffRequest, kind: Kind, params: Mapping[str, Any]) -> HttpResponse | Slip:
    """Have an errand done and go back to the page, or say what is wrong with the form."""
    try:
        public_id = request_errand(
            viewer=request.staff,
            actor=request.actor,
            kind=kind,
            params=params,
            reason=request.POST.get("reason", ""),
            now=clock.now(),
        )
    except InvalidInput as error:
        return slip(request, error)
    return redirect(_with_errand(request.path, request.GET, public_id))


def slip(request: StaffRequest, error: InvalidInput) -> Slip:
    """Word what is wrong with the posted form, and keep what was typed."""
    code = "tax-id-wrong" if error.field == "tax_id" else error.message
    typed = {name: value for name, value in request.POST.items() if isinstance(value, str)}
    typed.pop("csrfmiddlewaretoken", None)
    return Slip(typed.get("form", ""), error.field, words.text(SLIP, code), typed)


def errand_context(request: StaffRequest) -> dict[str, object]:
    """Give a page what it says of the errand that its address names, if any."""
    try:
        public_id = UUID(request.GET.get("errand", ""))
        errand = get_errand(viewer=request.staff, public_id=public_id)
    except (ValueError, NotVisible):
        return {}
    return notice_context(errand, _with_errand(request.path, request.GET, public_id))


def notice_context(errand: ErrandView, back: str) -> dict[str, object]:
    """Build what the notice of an errand shows; while it waits it asks again by itself."""
    here = reverse("portal:operations-errand", kwargs={"public_id": errand.public_id})
    return {
        "errand": notice(errand, now=clock.now()),
        "errand_url": f"{here}?{urlencode({'back': back})}",
        "errand_back": back,
    }


def way_back(request: StaffRequest, public_id: UUID) -> str:
    """Return the page that asked for an errand: one of operations' own, and no other site."""
    wanted = request.GET.get("back", "")
    home = reverse("portal:operations")
    is_ours = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    if is_ours and (wanted == home or wanted.startswith((f"{home}/", f"{home}?"))):
        return wanted
    return f"{home}?{urlencode({'errand': str(public_id)})}"


def _with_errand(path: str, given: QueryDict, public_id: UUID) -> str:
    query = given.copy()
    query["errand"] = str(public_id)
    return f"{path}?{query.urlencode()}"
