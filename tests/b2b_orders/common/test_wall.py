"""A web process that could see every company's rows does not serve."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection

from b2b_orders.common import tenancy
from b2b_orders.common.wall import Guarded, faults, faults_of
from b2b_orders.embedded.postgres import SUPERUSER


def served(_environ, start_response):
    start_response("200 OK", [])
    return [b"page"]


def call(application) -> tuple[str, bytes]:
    said: list[str] = []
    body = b"".join(application({}, lambda status, _headers: said.append(status)))
    return said[0], body


@contextmanager
def as_superuser() -> Iterator[psycopg.Cursor[Any]]:
    """Do what only a superuser may, of a server that the tests started; all is undone."""
    named = connection.settings_dict
    if not str(named["HOST"]).startswith("/"):
        pytest.skip("the server is somebody else's")
    address = {"host": named["HOST"], "dbname": named["NAME"], "user": SUPERUSER}
    with closing(psycopg.connect(**address)) as other, other.cursor() as cursor:
        yield cursor
        other.rollback()


class Looks:
    """What looking at the wall finds, one look after the other; None is no database."""

    def __init__(self, *found: list[str] | None) -> None:
        self.found = list(found)
        self.count = 0

    def __call__(self) -> list[str]:
        self.count += 1
        found = self.found.pop(0) if self.found else []
        if found is None:
            raise OperationalError("away")
        return found


@pytest.mark.django_db
def test_the_web_role_stands_behind_the_wall():
    with tenancy.scope(role=tenancy.WEB):
        assert faults() == []


@pytest.mark.django_db
def test_the_owner_does_not():
    found = faults()

    assert "the database role b2b_owner owns tables; connect as b2b_web" in found


@pytest.mark.django_db
def test_a_worker_is_not_to_serve_pages():
    with tenancy.scope(role=tenancy.WORKER):
        assert faults() == [
            "the database role b2b_worker may become b2b_worker; connect as b2b_web"
        ]


@pytest.mark.django_db
def test_a_table_whose_policies_are_not_forced_is_named():
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE orders_question NO FORCE ROW LEVEL SECURITY")
        cursor.execute("ALTER TABLE orders_title DISABLE ROW LEVEL SECURITY")

    with tenancy.scope(role=tenancy.WEB):
        found = faults()

    assert found == [
        "row-level security is not forced on orders_question, orders_title; run migrations"
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("might", ["BYPASSRLS", "SUPERUSER", "CREATEROLE"])
def test_a_role_that_may_become_a_mighty_one_is_mighty(might):
    with as_superuser() as cursor:
        cursor.execute(f"CREATE ROLE b2b_test_mighty NOLOGIN {might}")
        cursor.execute("GRANT b2b_test_mighty TO b2b_web")
        cursor.execute("SET LOCAL ROLE b2b_web")
        found = faults_of(cursor)

    assert found == ["the database role b2b_web may become b2b_test_mighty; connect as b2b_web"]


@pytest.mark.django_db
@pytest.mark.parametrize("to", ["PUBLIC", "b2b_web"])
def test_a_policy_that_shows_everything_is_named(to):
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE POLICY handy ON orders_question FOR SELECT TO {to} USING (true)")

    with tenancy.scope(role=tenancy.WEB):
        found = faults()

    assert found == ["a policy shows b2b_web all rows of orders_question; drop it"]


@pytest.mark.django_db
def test_a_weak_key_is_a_fault(settings):
    settings.SECRET_KEY = "short"

    with tenancy.scope(role=tenancy.WEB):
        assert faults() == ["PORTAL_SECRET_KEY is short or guessable"]


def test_a_fault_at_the_start_stops_the_process():
    with pytest.raises(ImproperlyConfigured, match="does not start: it is a superuser"):
        Guarded(served, Looks(["it is a superuser"]))


def test_out_of_service_is_kept_by_nobody_and_runs_nothing():
    headers: dict[str, str] = {}
    application = Guarded(served, Looks(None, ["bypasses"]))

    application({}, lambda _status, given: headers.update(given))

    assert headers == {
        "Content-Type": "text/plain",
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
    }


def test_a_sound_wall_is_looked_at_once():
    looks = Looks([])
    application = Guarded(served, looks)

    assert [call(application) for _ in range(3)] == [("200 OK", b"page")] * 3
    assert looks.count == 1


def test_a_database_that_comes_later_is_looked_at_then():
    looks = Looks(None, None, [])
    application = Guarded(served, looks)

    assert [call(application)[0] for _ in range(3)] == ["200 OK"] * 3
    assert looks.count == 3


def test_a_fault_that_shows_later_shuts_every_page():
    application = Guarded(served, Looks(None, ["bypasses"], ["bypasses"]))

    assert [call(application) for _ in range(2)] == [
        ("503 Service Unavailable", b"Out of service\n")
    ] * 2
