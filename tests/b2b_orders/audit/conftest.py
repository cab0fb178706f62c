"""A way through a provider, without a browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.factories.identity import CLIENT_ID, OidcServer, make_provider, oidc_server


@pytest.fixture
def outside(settings: Any) -> None:
    """Let the portal reach providers on this machine."""
    settings.PORTAL_PRIVATE_HOSTS = ["127.0.0.1"]
    settings.PORTAL_ALLOW_PLAIN_HTTP = True


@pytest.fixture
def oidc(cast: Any, outside: None) -> Iterator[OidcServer]:
    """Run the provider of Alfa, whose people have addresses at example.com."""
    with oidc_server(sub="s-1", email="ana@example.com", email_verified=True) as server:
        make_provider(
            "alfa-id",
            cast.alfa,
            "example.com",
            settings={"server_url": server.url, "client_id": CLIENT_ID},
        )
        yield server
