"""How allauth behaves here."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, ClassVar, Final

from allauth.account.adapter import DefaultAccountAdapter
from django.core.cache import cache
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _

from b2b_orders.accounts import sessions
from b2b_orders.common import clock
from b2b_orders.common.mail import absolute
from b2b_orders.common.requests import client_address, network_of

# Wrong passwords for one address, from wherever they come: more is a guess from many networks.
_GUESSES_AN_HOUR: Final = 100
_HOUR: Final = 3600


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc] # allauth has no types
    """People are made by administrators: nobody signs up."""

    error_messages: ClassVar[dict[str, Any]] = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": _("The e-mail or the password is not right. Check both."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002 theirs
        """Say no: an account without a company would see nothing anyway."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Limit attempts by the network of the address; `::` when there is none.

        The list of log-ins, which takes it from here too, is put right by `sessions.note_place`.
        """
        return network_of(client_address(request)) or "::"

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Count guesses by the address that is guessed at, and the network that they come from.

        Not by host and port, which are the guesser's to write; and not by the address alone, or
        anybody could keep its owner out.
        """
        return f"{_folded(credentials)}|{self.get_client_ip(request)}"

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Refuse also when guesses come from many networks at once."""
        if cache.get(_of_all_networks(credentials), 0) >= _GUESSES_AN_HOUR:
            raise self.validation_error("too_many_login_attempts")
        super().pre_authenticate(request, **credentials)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Count a guess."""
        key = _of_all_networks(credentials)
        if not cache.add(key, 1, _HOUR):
            # When its hour ended just now, one guess less is counted.
            with suppress(ValueError):
                cache.incr(key)
        super().authentication_failed(request, **credentials)

    def add_message(self, *_args: Any, **_kwargs: Any) -> None:
        """Say nothing: the page names who is logged in, and a note would outlive the log-in."""

    def send_notification_mail(self, *_args: Any, **_kwargs: Any) -> None:
        """Send nothing: the pages that change something leave word of it themselves."""

    def is_safe_url(self, url: str) -> bool:
        """Lead to pages of ours only, and never by a whole address."""
        return url_has_allowed_host_and_scheme(url, allowed_hosts=None) and url.startswith("/")

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Build the link on the portal's own address, whatever host the request named."""
        parts = {"uidb36": "UID", "key": "KEY"}
        page = reverse("account_reset_password_from_key", kwargs=parts)
        return absolute(page.replace("UID-KEY", key))

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:  # noqa: ARG002 theirs
        """Come back to the page of the account."""
        return reverse("portal:account")

    def is_reauthentication_required(self, *, app: str, **_kwargs: Any) -> bool:  # noqa: ARG002 theirs
        """Ask for the password again unless it, or another way, was used a moment ago."""
        return not sessions.is_fresh(self.request, now=clock.now())


def _folded(credentials: Mapping[str, Any]) -> str:
    """Return an address in the letters that the database takes for the same."""
    typed = str(credentials.get("email") or "")
    return unicodedata.normalize("NFKC", typed).strip().casefold()


def _of_all_networks(credentials: Mapping[str, Any]) -> str:
    # What is typed may hold what no key of the cache may.
    digest = hashlib.sha256(_folded(credentials).encode()).hexdigest()
    return f"guesses-of-all:{digest}"
