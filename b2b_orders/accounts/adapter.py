"""How allauth behaves here."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from b2b_orders.common.requests import client_address


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc] # allauth has no types
    """People are made by administrators: nobody signs up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002 theirs
        """Say no: an account without a company would see nothing anyway."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Limit attempts by the address that the audit record names; `::` when there is none."""
        return client_address(request) or "::"

    def add_message(self, *_args: Any, **_kwargs: Any) -> None:
        """Say nothing: the page names who is logged in, and a note would outlive the log-in."""
