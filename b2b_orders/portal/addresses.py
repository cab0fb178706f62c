"""The addresses of pages: under `/c/<company>/` while staff look at one company."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where pages are for this request; `company` is the one in the path, if any."""

    company: UUID | None = None

    def to(self, name: str, query: dict[str, str] | None = None, **parts: object) -> str:
        """Build the address of a page of the company."""
        kwargs = parts | ({"company": self.company} if self.company else {})
        address = reverse(f"portal:{name}", kwargs=kwargs)
        kept = {key: value for key, value in (query or {}).items() if value}
        return f"{address}?{urlencode(kept)}" if kept else address


def addresses(request: HttpRequest) -> Addresses:
    """Build the addresses for a request from its own."""
    if getattr(request, "linked_company", None) is not None:
        # A link by mail into a company of their own; their pages stand without it.
        return Addresses()
    match = request.resolver_match
    return Addresses(match.kwargs.get("company") if match else None)
