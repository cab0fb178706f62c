"""What load balancers ask: is the process alive, and can it serve."""

from __future__ import annotations

import functools

from django.db import Error, ProgrammingError, connection
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, JsonResponse


def healthz(_request: HttpRequest) -> JsonResponse:
    """Answer while the process lives; asks nothing of anything."""
    return JsonResponse({"status": "ok"})


def readyz(_request: HttpRequest) -> JsonResponse:
    """Answer 200 when the database answers and is migrated, else 503 with the reasons."""
    reasons = _reasons()
    body = {"status": "unavailable" if reasons else "ok", "reasons": reasons}
    return JsonResponse(body, status=503 if reasons else 200)


def _reasons() -> list[str]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT app, name FROM django_migrations")
            applied = set(cursor.fetchall())
    except ProgrammingError:  # it answers, and has no table of migrations yet
        return ["migrations"]
    except Error:
        return ["database"]
    return ["migrations"] if _expected_migrations() - applied else []


@functools.cache
def _expected_migrations() -> frozenset[tuple[str, str]]:
    # Files of a running process do not change.
    return frozenset(MigrationLoader(None).disk_migrations)
