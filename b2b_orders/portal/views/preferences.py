"""What a person chooses of how the portal speaks and looks, and the end of the first steps."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from b2b_orders.accounts.services import Preferences, choose_preferences, note_welcomed
from b2b_orders.common import clock
from b2b_orders.portal.presenters.preferences import THEMES, may_choose_zone, may_lead
from b2b_orders.portal.requests import PersonRequest, person_page
from b2b_orders.portal.views.company import keep_language, safe_next


@require_POST
@person_page
def save(request: PersonRequest) -> HttpResponseBase:
    """Keep what was chosen; what is none of the choices stays as it was."""
    person, given = request.user, request.POST

    def chosen(name: str, *, is_one: bool) -> str:
        return given[name] if name in given and is_one else getattr(person, name)

    language = given.get("language", "")
    preferences = Preferences(
        language=chosen("language", is_one=language in dict(settings.LANGUAGES)),
        time_zone=chosen("time_zone", is_one=may_choose_zone(given.get("time_zone", ""))),
        leading_number=chosen("leading_number", is_one=may_lead(given.get("leading_number", ""))),
        theme=chosen("theme", is_one=given.get("theme", "") in THEMES),
    )
    choose_preferences(person_id=person.pk, chosen=preferences)
    response = redirect("portal:account")
    with translation.override(preferences.language or translation.get_language()):
        messages.success(request, _("Your preferences were saved."))
    if preferences.language:
        keep_language(response, preferences.language)
    return response


@require_POST
@person_page
def welcomed(request: PersonRequest) -> HttpResponseBase:
    """Show the first steps no more, or once again; then go on where the person was."""
    is_over = "again" not in request.POST
    note_welcomed(person_id=request.user.pk, now=clock.now() if is_over else None)
    return redirect(safe_next(request))
