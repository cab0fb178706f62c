"""The log-in page: first the address, then the way that people of its domain sign in by."""

from __future__ import annotations

from typing import Any

from allauth.account.views import LoginView, logout
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from b2b_orders.audit.single_sign_on import to_provider
from b2b_orders.common.requests import without_nul
from b2b_orders.companies.providers import provider_of_email
from b2b_orders.ingest.vtex_sign_in import shop_of_codes


class LogInView(LoginView):  # type: ignore[misc] # allauth has no types
    """Ask for the address; its domain alone decides what comes next, whoever has it."""

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Ask for the address."""
        answer: HttpResponseBase = super().get(request, *args, **kwargs)
        if getattr(answer, "context_data", None) is not None:
            answer.context_data["is_first_step"] = True  # type: ignore[attr-defined] # a TemplateResponse
        return answer

    def post(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Lead to the provider of the address, or go on with the password."""
        email = without_nul(request.POST.get("login", "")).strip()[:254]
        is_first_step = "password" not in request.POST
        provider = provider_of_email(email)
        # Another way was chosen on the page of a provider that is not the only one.
        chose_other = request.POST.get("way") == "password"
        if provider and (provider.is_required or (is_first_step and not chose_other)):
            context = to_provider(provider, wanted=self.get_next_url() or "")
            return render(request, "account/to_provider.html", context | {"email": email})
        if is_first_step:
            return self._second_step(email)
        answer: HttpResponseBase = super().post(request, *args, **kwargs)
        return answer

    def _second_step(self, email: str) -> HttpResponse:
        form = self.get_form_class()(request=self.request, initial={"login": email})
        answer: HttpResponse = self.render_to_response(
            self.get_context_data(form=form, is_first_step="@" not in email, shop=shop_of_codes())
        )
        return answer


log_in = LogInView.as_view()


def log_out(request: Any) -> HttpResponseBase:
    """Log out, and have the browser forget whatever it keeps of these pages."""
    answer: HttpResponseBase = logout(request)
    if request.method == "POST":
        answer["Clear-Site-Data"] = '"storage"'
    return answer
