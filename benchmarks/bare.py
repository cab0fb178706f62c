"""The floors: Django views that run the one SQL statement each, and nothing else."""

from __future__ import annotations

import json
import os
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.bare_settings")

from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import FileResponse, HttpRequest, JsonResponse
from django.urls import path

STATEMENT = """
    SELECT o.id, o.public_id, o.title, o.fulfilment, o.placed_on, o.total, o.currency
    FROM orders_ordernumber n JOIN orders_order o ON o.id = n.order_id
    WHERE n.company_id = %s AND n.value = %s
    ORDER BY o.sorted_at DESC, o.id DESC LIMIT 25
"""


def search(request: HttpRequest) -> JsonResponse:
    """Answer the rows of one number of one company."""
    with connection.cursor() as cursor:
        cursor.execute(STATEMENT, [request.GET["company"], request.GET["number"]])
        columns = [column.name for column in cursor.description]
        rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
    return JsonResponse({"results": rows})


PUT = """
    INSERT INTO ingest_inboxitem AS t
        (connection_id, external_id, origin, events, received_at, due_at, attempts, last_error)
    VALUES (%s, %s, 'hook', 1, now(), now(), 0, '')
    ON CONFLICT (connection_id, external_id) DO UPDATE
        SET events = t.events + 1, due_at = LEAST(t.due_at, EXCLUDED.due_at)
"""


def hook(request: HttpRequest) -> JsonResponse:
    """Put the order that a body names into the inbox of a connection."""
    with connection.cursor() as cursor:
        cursor.execute(PUT, [request.GET["connection"], json.loads(request.body)["OrderId"]])
    return JsonResponse({})


def held(request: HttpRequest) -> FileResponse:
    """Hand out a file of a directory, as Django does it by itself."""
    file = Path(os.environ["PORTAL_DOCUMENTS_DIR"]) / request.GET["name"]
    return FileResponse(file.open("rb"), content_type="text/plain")


urlpatterns = [path("search", search), path("hook", hook), path("held", held)]
application = get_wsgi_application()
