"""What attacks on several parts of the portal have in common."""

from __future__ import annotations

import pytest
from django.test import Client


@pytest.fixture
def lenient(client_for):
    """Build clients that answer 500 as the site does, instead of raising."""

    def build(person) -> Client:
        client = client_for(person)
        client.raise_request_exception = False
        return client

    return build
