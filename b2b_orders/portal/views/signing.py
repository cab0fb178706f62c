"""Pages of logging in and of what one logs in with: allauth's, with our record and notices."""

from __future__ import annotations

from typing import Any

import qrcode
from allauth.account import views as account
from allauth.account.utils import get_next_redirect_url
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from allauth.mfa.webauthn.internal import auth
from allauth.mfa.webauthn.internal import flows as webauthn_flows
from django.http import HttpRequest
from django.http.response import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse, reverse_lazy
from django.utils.http import urlencode

from b2b_orders.accounts import factors, mailing, sessions
from b2b_orders.accounts.devices import device_words
from b2b_orders.audit.failures import record_failed_login
from b2b_orders.audit.services import Action, record
from b2b_orders.common import clock
from b2b_orders.companies.access import Actor
from b2b_orders.portal import entrance
from b2b_orders.portal.gate import must_prove
from b2b_orders.portal.requests import PersonRequest, to_login

# Where somebody goes on who was led to set up a second factor.
AFTER_SET_UP = "after_set_up"


def too_many_attempts(request: HttpRequest) -> HttpResponseBase:
    """Say that one has to wait before trying again."""
    answer = render(request, "account/too_many.html", status=429)
    answer["Retry-After"] = "60"
    return answer


def note_change(
    request: PersonRequest,
    action: Action,
    *,
    what: str = "",
    person_id: int | None = None,
    **detail: str,
) -> None:
    """Record a change to somebody's account, and leave word of it for them if it has a name."""
    now = clock.now()
    whose = person_id or request.user.pk
    actor = Actor(
        person_id=whose,
        staff_role=request.actor.staff_role,
        address=request.actor.address,
        request_id=request.actor.request_id,
    )
    record(action, actor=actor, object_kind="person", detail=detail, now=now)
    if what:
        mailing.leave_notice(
            person_id=whose,
            what=what,
            device=device_words(request.META.get("HTTP_USER_AGENT", "")),
            address=request.actor.address or "",
            now=now,
        )


def _end_others(request: PersonRequest) -> None:
    sessions.end_sessions(request.user.pk, except_key=request.session.session_key)


class _Fresh:
    """A page that changes what one logs in with: who came long ago proves who they are first."""

    def dispatch(self, request: PersonRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return to_login(request)
        if not sessions.is_fresh(request, now=clock.now()):
            return HttpResponseRedirect(
                f"{reverse('portal:sign-in-again')}?{urlencode({'next': request.path})}"
            )
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)  # type: ignore[misc] # allauth's view
        return response


class _Again:
    """A page on which somebody who is logged in proves who they are."""

    request: PersonRequest

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)  # type: ignore[misc] # allauth's view
        # Who must prove it would be led back here by any other page.
        return context | {"may_leave": not must_prove(self.request)}

    def form_valid(self, form: Any) -> HttpResponseBase:
        now = clock.now()
        sessions.refresh(self.request, person=self.request.user, now=now)
        record(Action.SIGNED_IN_AGAIN, actor=self.request.actor, now=now)
        response: HttpResponseBase = super().form_valid(form)  # type: ignore[misc] # allauth's view
        return response


class Reauthenticate(_Again, account.ReauthenticateView):  # type: ignore[misc] # allauth has no types
    """By password."""


class ReauthenticateByCode(_Again, mfa.ReauthenticateView):  # type: ignore[misc] # allauth has no types
    """By a code of the app, or a recovery code."""


class ReauthenticateByPasskey(_Again, webauthn.ReauthenticateWebAuthnView):  # type: ignore[misc] # allauth has no types
    """By a passkey."""

    def form_invalid(self, form: Any) -> HttpResponseBase:  # noqa: ARG002 theirs
        return HttpResponseRedirect(f"{self.request.path}?{_failed(self.request)}")


class RequestCode(account.RequestLoginCodeView):  # type: ignore[misc] # allauth has no types
    """A code by mail. For an unknown address the same is done, and nothing sent."""

    def get_initial(self) -> dict[str, Any]:
        return {"email": entrance.remembered(self.request)}

    def form_valid(self, form: Any) -> HttpResponseBase:
        response: HttpResponseBase = super().form_valid(form)
        if form._user is None:  # noqa: SLF001 there is no other way to ask
            email = form.cleaned_data["email"]
            account.get_adapter().send_mail("account/email/login_code", email, {"code": "-"})
        return response


class RequestReset(account.PasswordResetView):  # type: ignore[misc] # allauth has no types
    """A link to a new password. For an unknown address the same is done, and nothing sent."""

    def get_initial(self) -> dict[str, Any]:
        return {"email": entrance.remembered(self.request)}

    def form_valid(self, form: Any) -> HttpResponseBase:
        response: HttpResponseBase = super().form_valid(form)
        if not form.users:
            email = form.cleaned_data["email"]
            account.get_adapter().send_mail("account/email/password_reset_key", email, {})
        return response


class ConfirmCode(account.ConfirmLoginCodeView):  # type: ignore[misc] # allauth has no types
    """The code that was mailed. Three wrong ones end it."""

    def form_invalid(self, form: Any) -> HttpResponseBase:
        actor = self.request.actor
        person = self.stage.login.user
        record_failed_login(
            actor=Actor(person.pk if person else None, None, actor.address, actor.request_id),
            detail={"at": "code"},
            now=clock.now(),
        )
        if self._process.record_invalid_attempt():
            return super(account.ConfirmLoginCodeView, self).form_invalid(form)  # type: ignore[no-any-return] # allauth has no types
        return HttpResponseRedirect(
            f"{reverse('account_request_login_code')}?{_failed(self.request)}"
        )


class PasskeyLogin(webauthn.LoginWebAuthnView):  # type: ignore[misc] # allauth has no types
    """Log in by a passkey alone, and go on where one was going."""

    def form_valid(self, form: Any) -> HttpResponseBase:
        authenticator = form.cleaned_data["credential"]
        login = webauthn.Login(
            user=authenticator.user, redirect_url=get_next_redirect_url(self.request)
        )
        answer: HttpResponseBase = webauthn_flows.perform_passwordless_login(
            self.request, authenticator, login
        )
        return answer

    def form_invalid(self, form: Any) -> HttpResponseBase:  # noqa: ARG002 theirs
        record_failed_login(actor=self.request.actor, detail={"at": "passkey"}, now=clock.now())
        return HttpResponseRedirect(f"{reverse('account_login')}?{_failed(self.request)}")


def _failed(request: HttpRequest) -> str:
    kept = get_next_redirect_url(request)
    return urlencode({"failed": "1"} | ({"next": kept} if kept else {}))


class ChangePassword(account.PasswordChangeView):  # type: ignore[misc] # allauth has no types
    """A new password for the present one; every other log-in ends."""

    def form_valid(self, form: Any) -> HttpResponseBase:
        response: HttpResponseBase = super().form_valid(form)
        _end_others(self.request)
        note_change(self.request, Action.PASSWORD_CHANGED, what="password", how="changed")
        return response


class SetPassword(_Fresh, account.PasswordSetView):  # type: ignore[misc] # allauth has no types
    """A first password, of somebody who has logged in otherwise so far."""

    def form_valid(self, form: Any) -> HttpResponseBase:
        response: HttpResponseBase = super().form_valid(form)
        _end_others(self.request)
        note_change(self.request, Action.PASSWORD_CHANGED, what="password", how="set")
        return response


class ResetPassword(account.PasswordResetFromKeyView):  # type: ignore[misc] # allauth has no types
    """A new password by a mailed link; every log-in ends, and nobody is logged in by it."""

    def form_valid(self, form: Any) -> HttpResponseBase:
        response: HttpResponseBase = super().form_valid(form)
        whose = self.reset_user.pk
        sessions.end_sessions(whose)
        note_change(
            self.request,
            Action.PASSWORD_CHANGED,
            what="password",
            person_id=whose,
            how="reset",
        )
        return response


def _factor_added(request: PersonRequest, what: str) -> None:
    """Go on with two factors here, and with none of the log-ins from before."""
    factors.note_second_factor(request, person_id=request.user.pk)
    _end_others(request)
    note_change(request, Action.FACTOR_ADDED, what=f"{what}-added", factor=what)


def _factor_removed(request: PersonRequest, what: str) -> None:
    if not factors.read_factors(person_id=request.user.pk).has_one:
        factors.forget_second_factor(request)
    note_change(request, Action.FACTOR_REMOVED, what=f"{what}-removed", factor=what)


class AddApp(_Fresh, totp.ActivateTOTPView):  # type: ignore[misc] # allauth has no types
    """An authenticator app as second factor."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | {"qr": _qr(context["totp_url"])}

    def form_valid(self, form: Any) -> HttpResponseBase:
        response: HttpResponseBase = super().form_valid(form)
        _factor_added(self.request, "app")
        return response


def _qr(text: str) -> dict[str, object]:
    """Draw a QR code as the path of an SVG; our policy lets no image in that is a `data:`."""
    code = qrcode.QRCode(border=3)
    code.add_data(text)
    matrix = code.get_matrix()
    dots = (
        f"M{x} {y}h1v1h-1z" for y, row in enumerate(matrix) for x, dark in enumerate(row) if dark
    )
    return {"size": len(matrix), "path": "".join(dots)}


class RemoveApp(_Fresh, totp.DeactivateTOTPView):  # type: ignore[misc] # allauth has no types
    """Remove the app."""

    def form_valid(self, form: Any) -> HttpResponseBase:
        response: HttpResponseBase = super().form_valid(form)
        _factor_removed(self.request, "app")
        return response


class AddPasskey(_Fresh, webauthn.AddWebAuthnView):  # type: ignore[misc] # allauth has no types
    """A passkey, for logging in with it alone or after a password."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        options = auth.begin_registration(self.request.user, passwordless=True)
        return context | {"js_data": {"creation_options": options}}

    def form_valid(self, form: Any) -> HttpResponseBase:
        response: HttpResponseBase = super().form_valid(form)
        _factor_added(self.request, "passkey")
        return response


class RemovePasskey(_Fresh, webauthn.RemoveWebAuthnView):  # type: ignore[misc] # allauth has no types
    """Remove a passkey of one's own."""

    success_url = reverse_lazy("portal:account")

    def form_valid(self, form: Any) -> HttpResponseBase:
        response: HttpResponseBase = super().form_valid(form)
        _factor_removed(self.request, "passkey")
        return response


class MakeCodes(_Fresh, codes.GenerateRecoveryCodesView):  # type: ignore[misc] # allauth has no types
    """New recovery codes in place of the former ones."""

    def form_valid(self, form: Any) -> HttpResponseBase:
        response: HttpResponseBase = super().form_valid(form)
        note_change(self.request, Action.FACTOR_ADDED, what="codes-made", factor="codes")
        return response


class ShowCodes(_Fresh, codes.ViewRecoveryCodesView):  # type: ignore[misc] # allauth has no types
    """The recovery codes that are not used yet, to keep them somewhere safe."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | {"go_on": self.request.session.get(AFTER_SET_UP)}


class DownloadCodes(_Fresh, codes.DownloadRecoveryCodesView):  # type: ignore[misc] # allauth has no types
    """The same as a text file."""


def reauthentication_methods(request: HttpRequest) -> list[dict[str, Any]]:
    """List by what this person can prove who they are, the usual one first."""
    methods: list[dict[str, Any]] = account.get_adapter().get_reauthentication_methods(request.user)
    return methods
