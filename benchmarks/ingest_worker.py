"""What `benchmarks.ingest` measures, in a process with the settings and rights of a worker."""

from __future__ import annotations

import argparse
import dataclasses
import gc
import json
import os
import re
import statistics
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "b2b_orders.settings.base")

import django

django.setup()

from django.core.management import call_command
from django.db import connection, transaction

from b2b_orders.ingest import inbox, sync
from b2b_orders.ingest.lanes import LaneName
from b2b_orders.ingest.models import Connection, InboxItem, Origin
from b2b_orders.ingest.passes import Pass
from b2b_orders.ingest.sources import vtex_for
from b2b_orders.ingest.storing import store
from b2b_orders.ingest.vtex_pass import HISTORY
from erp_bridge.connector import Call
from erp_bridge.records import Reading

BATCH = 50
TABLES = (
    *("orders_order", "orders_sourcerecord", "orders_matchkey", "orders_ordernumber"),
    *("orders_line", "orders_invoice", "orders_title", "orders_event", "orders_divergence"),
)


def batches(items: Sequence[Any], size: int = BATCH) -> Iterator[Sequence[Any]]:
    """Cut a list into transactions."""
    return (items[at : at + size] for at in range(0, len(items), size))


def empty() -> None:
    """Go back to before anything was taken in, as the owner of the tables may."""

    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute(f"TRUNCATE {', '.join(TABLES)}, ingest_inboxitem CASCADE")
        cursor.execute("SET ROLE b2b_worker")


def run_inbox(orders: Sequence[str]) -> float:
    """Have one worker read and store the orders; seconds."""

    shop = Connection.objects.get(name="vtex")
    now = datetime.now(UTC)
    inbox.put(connection_id=shop.pk, external_ids=orders, origin=Origin.FEED, now=now)
    started = time.perf_counter()
    while not sync.work(Pass(shop, "bench"), LaneName.INBOX):
        pass
    seconds = time.perf_counter() - started
    assert not InboxItem.objects.exists(), "orders were left in the inbox"
    return seconds


def run_store(readings: Sequence[Reading]) -> tuple[float, float]:
    """Store what was read before; seconds in all, and those of its SQL."""
    sql = 0.0

    def timed(execute: Any, *statement: Any) -> Any:
        nonlocal sql
        began = time.perf_counter()
        try:
            return execute(*statement)
        finally:
            sql += time.perf_counter() - began

    started = time.perf_counter()
    with connection.execute_wrapper(timed):
        for batch in batches(readings):
            store(connection="vtex", readings=batch, now=datetime.now(UTC))
    return time.perf_counter() - started, sql


def written_rows(count: int) -> list[dict[str, str]]:
    """Take down what the product wrote: for each fifty orders, each table's rows as JSON."""

    found: list[dict[str, str]] = [{} for _ in range(-(-count // BATCH))]
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM orders_order ORDER BY id")
        place = {pk: at // BATCH for at, (pk,) in enumerate(cursor.fetchall())}
        cursor.execute("SELECT id, order_id FROM orders_sourcerecord")
        of_record = dict(cursor.fetchall())
        for table in TABLES:
            cursor.execute(f"SELECT to_jsonb(t)::text FROM {table} AS t")
            rows: list[list[str]] = [[] for _ in found]
            for (text,) in cursor.fetchall():
                row = json.loads(text)
                order = row["id"] if table == "orders_order" else row.get("order_id")
                order = of_record[row["record_id"]] if table == "orders_matchkey" else order
                rows[place[order]].append(text)
            for at, texts in enumerate(rows):
                found[at][table] = f"[{','.join(texts)}]"
    return found


def insert_statements() -> dict[str, str]:
    """Build the floor's statement for each table; generated columns are the database's."""

    statements = {}
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(
                "SELECT column_name FROM information_schema.columns"
                " WHERE table_name = %s AND is_generated = 'NEVER'",
                [table],
            )
            names = ", ".join(f'"{name}"' for (name,) in cursor.fetchall())
            statements[table] = (
                f"INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE SELECT {names}"
                f" FROM jsonb_populate_recordset(NULL::{table}, %s::jsonb)"
            )
    return statements


def run_floor(rows: Iterable[dict[str, str]], statements: dict[str, str]) -> float:
    """Write the same rows with one INSERT a table; seconds."""

    started = time.perf_counter()
    for batch in rows:
        with transaction.atomic(), connection.cursor() as cursor:
            for table, statement in statements.items():
                cursor.execute(statement, [batch[table]])
    return time.perf_counter() - started


def resident_megabytes() -> float:
    """Read how much memory this process holds."""
    gc.collect()
    text = Path("/proc/self/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", text)
    assert found, "no memory figure"
    return int(found[1]) / 1024


def watch_memory(readings: Sequence[Reading], count: int) -> list[tuple[int, float]]:
    """Store `count` different orders in this process; its memory on the way."""

    seen = []
    for at in range(0, count, BATCH):
        batch = [
            _renumbered(readings[number % len(readings)], number)
            for number in range(at, at + BATCH)
        ]
        store(connection="vtex", readings=batch, now=datetime.now(UTC))
        if (at + BATCH) % 5000 == 0:
            seen.append((at + BATCH, resident_megabytes()))
    return seen


def _renumbered(reading: Reading, number: int) -> Reading:
    record = dataclasses.replace(
        reading.record,
        external_id=f"9{number:012d}-01",
        web_numbers=(f"9{number:012d}-01",),
        invoices=(),
    )
    return dataclasses.replace(reading, record=record)


def prepare(options: argparse.Namespace, vtex_url: str, erp_url: str) -> list[str]:
    """Make companies and connections, and list the web orders there are."""
    call_command("migrate", verbosity=0)
    call_command("load_demo", "--vtex-url", vtex_url, "--erp-url", erp_url, stdout=sys.stderr)
    # No pace: what is measured is how fast one worker could be.
    shop = Connection.objects.get(name="vtex")
    shop.settings["reading"] = {"requests_per_second": 100_000}
    shop.save()
    ids: list[str] = []
    now = datetime.now(UTC)
    with vtex_for(shop) as client:
        for page in range(1, 31):
            listed = client.list_orders(now - HISTORY, now, page, Call.within(30))
            ids += listed.order_ids
            if page >= listed.pages or len(ids) >= options.orders:
                break
    return ids[: options.orders]


def read_all(orders: Sequence[str]) -> list[Reading]:
    """Read the orders once, for what is timed without HTTP."""

    with vtex_for(Connection.objects.get(name="vtex")) as client:
        return [client.order(order_id, Call.within(30)) for order_id in orders]


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--vtex-url", required=True)
    parser.add_argument("--erp-url", required=True)
    parser.add_argument("--orders", type=int, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--memory-orders", type=int, required=True)
    options = parser.parse_args()
    orders = prepare(options, options.vtex_url, options.erp_url)
    readings = read_all(orders)
    empty()
    whole = [run_inbox(orders)]
    rows = written_rows(len(orders))
    statements = insert_statements()
    product, floor = [], []
    for turn in range(options.rounds):
        for contestant in ("product", "floor") if turn % 2 else ("floor", "product"):
            empty()
            if contestant == "product":
                product.append(run_store(readings))
            else:
                floor.append(run_floor(rows, statements))
        empty()
        whole.append(run_inbox(orders))
    bare = statistics.median(floor)
    print(f"\n{len(orders):,} orders, {options.rounds} rounds, transactions of {BATCH} orders\n")
    print("| | orders/s | ms an order | ratio |\n| --- | --- | --- | --- |")
    for name, seconds in (
        ("bare SQL, the same rows", bare),
        ("the product's SQL", statistics.median(sql for _, sql in product)),
        ("match, merge and write", statistics.median(whole for whole, _ in product)),
        ("event to visible order, over HTTP", statistics.median(whole)),
    ):
        each = seconds / len(orders)
        print(f"| {name} | {1 / each:.0f} | {each * 1000:.2f} | {seconds / bare:.2f} |")
    empty()
    print("\n| orders stored by one process | resident MB |\n| --- | --- |")
    for count, megabytes in watch_memory(readings, options.memory_orders):
        print(f"| {count:,} | {megabytes:.1f} |")


if __name__ == "__main__":
    main()
