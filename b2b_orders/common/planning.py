"""How PostgreSQL plans: once for whatever comes, or for the very values that came."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def planned_for_values() -> Iterator[None]:
    """Have the statements of a block planned for the values that they bring. No SQL of its own.

    Statements that come again are planned once per connection (see the settings). A plan for
    any amount, day or branch takes what it keeps for little: of a large company it then reads
    and sorts half of all orders, where those of one page lie next to each other in an index.
    """
    connection.ensure_connection()
    driver = connection.connection
    before, driver.prepare_threshold = driver.prepare_threshold, None
    try:
        yield
    finally:
        driver.prepare_threshold = before
