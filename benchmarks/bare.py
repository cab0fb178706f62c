"""The floor of a search: one Django view that runs the one SQL statement, and nothing else."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.bare_settings")

from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpRequest, JsonResponse
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


urlpatterns = [path("search", search)]
application = get_wsgi_application()
