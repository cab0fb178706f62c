"""GET /healthz and /readyz."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.utils import OperationalError, ProgrammingError
from django.test import Client

from b2b_orders.common import health


def test_a_live_process_says_so_without_a_database():
    response = Client().get("/healthz")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
def test_a_migrated_database_is_ready(django_assert_num_queries):
    Client().get("/readyz")

    with django_assert_num_queries(1):
        response = Client().get("/readyz")

    assert (response.status_code, response.json()) == (200, {"status": "ok", "reasons": []})


@pytest.mark.django_db
def test_a_missing_migration_is_named():
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'orders' AND name LIKE '0002%%'")

    response = Client().get("/readyz")

    assert response.status_code == 503
    assert response.json() == {"status": "unavailable", "reasons": ["migrations"]}


@pytest.mark.parametrize(
    ("error", "reason"), [(OperationalError, "database"), (ProgrammingError, "migrations")]
)
def test_a_dead_and_a_never_migrated_database_are_told_apart(monkeypatch, error, reason):
    class Broken:
        def cursor(self):
            raise error

    monkeypatch.setattr(health, "connection", Broken())

    response = Client().get("/readyz")

    assert response.status_code == 503
    assert response.json()["reasons"] == [reason]
