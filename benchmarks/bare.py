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


# As a list of the product is filtered in `benchmarks.lists`.
LIST = """
    SELECT o.id, o.public_id, o.title, o.fulfilment, o.placed_on, o.total, o.currency
    FROM orders_order o
    WHERE o.company_id = %(company)s AND o.fulfilment = 'invoiced'
        AND o.total_cents BETWEEN 100000 AND 900000 {after}
    ORDER BY o.{column} DESC, o.id DESC LIMIT 51
"""
AFTER = """AND (o.{column}, o.id) < (SELECT l.{column}, l.id FROM orders_order l
    WHERE l.public_id = %(after)s)"""
COLUMNS = {"-data": "sorted_at", "-total": "total_cents"}


def listed(request: HttpRequest) -> JsonResponse:
    """Answer a page of one company's list."""
    column, after = COLUMNS[request.GET["ordem"]], request.GET.get("after", "")
    start = AFTER.format(column=column) if after else ""
    with connection.cursor() as cursor:
        cursor.execute(
            LIST.format(column=column, after=start),
            {"company": request.GET["company"], "after": after or None},
        )
        columns = [each.name for each in cursor.description]
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


urlpatterns = [
    path("search", search),
    path("list", listed),
    path("hook", hook),
    path("held", held),
]
application = get_wsgi_application()
