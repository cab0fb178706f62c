"""Operations' page of signing in: identity providers, and the e-mail domains they answer for."""

from __future__ import annotations

from django.http import HttpResponse
from django.http.response import HttpResponseBase

from b2b_orders.common import clock
from b2b_orders.companies.provider_setup import list_domains, list_providers
from b2b_orders.ingest.errands import Kind
from b2b_orders.portal.errands import Slip, ask, asked_kind
from b2b_orders.portal.presenters.operations_sign_in import (
    domain_items,
    new_provider_forms,
    provider_choices,
    provider_items,
)
from b2b_orders.portal.views.operations import (
    OperationsRequest,
    operations_page,
    show,
    shows_and_asks,
)

FIELDS: dict[Kind, tuple[str, ...]] = {
    Kind.SIGN_IN_PROVIDER: (
        *("change", "is_new", "slug", "kind", "label", "company", "secret", "is_active", "email"),
        *("server_url", "client_id", "issuer", "entity_id", "sso_url", "x509cert"),
        *("x509cert_next", "is_required", "lets_in", "role", "groups"),
        *("vouches_email", "vouches_second_factor"),
        *("claim_email", "claim_name", "claim_groups", "claim_uid"),
    ),
    Kind.EMAIL_DOMAIN: ("change", "domain", "provider", "company", "may_join"),
}


@operations_page
@shows_and_asks
def page(request: OperationsRequest) -> HttpResponseBase:
    """Show who signs in whom, and have it changed or checked by a worker."""
    slip: Slip | None = None
    if request.method == "POST":
        kind = asked_kind(request, FIELDS)
        answer = ask(request, kind, {name: request.POST.get(name, "") for name in FIELDS[kind]})
        if isinstance(answer, HttpResponse):
            return answer
        slip = answer
    # What was typed into it is not sent back, not even to who typed it.
    typed = {name: text for name, text in slip.typed.items() if name != "secret"} if slip else {}
    now = clock.now()
    providers = list_providers(viewer=request.staff)
    context = {
        "items": provider_items(providers, typed, now=now),
        "forms": new_provider_forms(typed),
        "domains": domain_items(list_domains(viewer=request.staff), now=now),
        "choices": provider_choices(providers, typed),
        "typed": typed,
    }
    return show(request, "sign_in", context, slip)
