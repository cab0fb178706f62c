"""The log-in page: first the address, then the way that people of its domain sign in by."""

from __future__ import annotations

from typing import Any

from allauth.account.views import LoginView, logout
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render

from b2b_orders.audit.single_sign_on import to_provider
from b2b_orders.common.requests import without_nul
from b2b_orders.companies.providers import Provider, provider_of_email
from b2b_orders.ingest.vtex_sign_in import shop_of_codes
from b2b_orders.portal import entrance

FOUND = 302


class LogInView(LoginView):  # type: ignore[misc] # allauth has no types
    """Ask for the address; its domain alone decides what comes next, whoever has it."""

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Ask for the address, or go on from the one that was just given."""
        answer: HttpResponseBase = super().get(request, *args, **kwargs)
        if getattr(answer, "context_data", None) is None:
            return answer
        email = entrance.remembered(request) if request.GET.get("etapa") == "senha" else ""
        if "@" in email:
            return self._second_step(email)
        context: dict[str, Any] = answer.context_data  # type: ignore[attr-defined] # a TemplateResponse
        context["is_first_step"] = True
        context["form"].initial["login"] = email
        return answer

    def post(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Go on to the way of the address, or take the password."""
        email = without_nul(request.POST.get("login", "")).strip()[: entrance.LONGEST]
        # Another way was chosen on the page of a provider that is not the only one.
        chose_other = request.POST.get("way") == "password"
        if "password" not in request.POST:
            return self._first_step_done(email, chose_other=chose_other)
        provider = provider_of_email(email)
        if provider and provider.is_required:
            return self._to_provider(provider, email)
        answer: HttpResponseBase = super().post(request, *args, **kwargs)
        if answer.status_code == FOUND:
            entrance.forget(answer)
        return answer

    def _first_step_done(self, email: str, *, chose_other: bool) -> HttpResponseBase:
        """Lead on by an address of its own, so that one can come back to it."""
        wanted = self.get_next_url() or ""
        answer = redirect(entrance.password_step(wanted=wanted, chose_other=chose_other))
        entrance.remember(answer, email)
        return answer

    def _second_step(self, email: str) -> HttpResponseBase:
        provider = provider_of_email(email)
        chose_other = self.request.GET.get("forma") == "senha"
        if provider and (provider.is_required or not chose_other):
            return self._to_provider(provider, email)
        form = self.get_form_class()(request=self.request, initial={"login": email})
        answer: HttpResponse = self.render_to_response(
            self.get_context_data(form=form, is_first_step=False, shop=shop_of_codes())
        )
        return answer

    def _to_provider(self, provider: Provider, email: str) -> HttpResponse:
        context = to_provider(provider, wanted=self.get_next_url() or "")
        return render(self.request, "account/to_provider.html", context | {"email": email})


log_in = LogInView.as_view()


def log_out(request: Any) -> HttpResponseBase:
    """Log out, and have the browser forget whatever it keeps of these pages."""
    answer: HttpResponseBase = logout(request)
    if request.method == "POST":
        answer["Clear-Site-Data"] = '"storage"'
        entrance.forget(answer)
    return answer
