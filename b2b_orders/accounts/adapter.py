"""How allauth behaves here."""

from __future__ import annotations

import unicodedata
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from b2b_orders.accounts import sessions
from b2b_orders.common import clock
from b2b_orders.common.mail import absolute
from b2b_orders.common.requests import client_address, network_of


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc] # allauth has no types
    """People are made by administrators: nobody signs up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002 theirs
        """Say no: an account without a company would see nothing anyway."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Limit attempts by the network of the address; `::` when there is none.

        The list of log-ins, which takes it from here too, is put right by `sessions.note_place`.
        """
        return network_of(client_address(request)) or "::"

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:  # noqa: ARG002 theirs
        """Count guesses by the address alone: host and port are the guesser's to write.

        Letters that the database takes for the same are the same address here, too.
        """
        typed = str(credentials.get("email") or "")
        return unicodedata.normalize("NFKC", typed).strip().casefold()

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

    def is_reauthentication_required(self, *, app: str, **_kwargs: Any) -> bool:  # noqa: ARG002
        """Ask for the password again unless it, or another way, was used a moment ago."""
        return not sessions.is_fresh(self.request, now=clock.now())
