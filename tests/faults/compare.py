"""What a database knows of orders, and where two of them disagree.

Ids are replaced by what they stand for, so that rows of two databases can be compared;
moments of our own doing, such as when something was read, are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Row = dict[str, Any]
Rows = dict[str, list[Row]]


class Cursor(Protocol):
    """A database cursor, Django's or psycopg's."""

    def execute(self, query: Any, /) -> Any: ...

    def fetchall(self) -> list[Any]: ...


@dataclass(frozen=True, slots=True)
class Table:
    """A table that says what is known: what tells its rows apart, and what is not compared."""

    identity: tuple[str, ...]
    ignored: tuple[str, ...] = ()


TABLES = {
    # `parts` and the hash tell how a record was read, not what it says.
    "orders_sourcerecord": Table(
        ("connection", "external_id"),
        ("read_at", "first_seen_at", "changed_at", "payload", "parts", "content_hash"),
    ),
    "orders_matchkey": Table(("record_id", "value")),
    "orders_learnedlink": Table(("connection", "external_id", "web_number"), ("learned_at",)),
    "orders_order": Table(("id",), ("public_id", "created_at", "changed_at", "total_cents")),
    "orders_ordernumber": Table(("order_id", "kind", "value"), ("reversed",)),
    "orders_line": Table(("order_id", "position")),
    "orders_invoice": Table(("order_id", "number", "series", "is_return", "access_key")),
    "orders_title": Table(("order_id", "key")),
    "orders_event": Table(("order_id", "at", "connection", "code", "text")),
    "orders_divergence": Table(("order_id", "field"), ("since",)),
    "documents_document": Table(
        ("record_id", "key"),
        (
            *("public_id", "state_since", "listed_at", "fetched_at", "checked_at", "checked_for"),
            *("tries", "failures", "tried_at", "problem", "due_at"),
            # Whether a lesson was given yet, and a rule's row: what they lead to is compared.
            *("learned_at", "rule_id"),
        ),
    ),
    # What could not be used: a fault of the way must leave nothing here.
    "ingest_parked": Table(
        ("connection", "external_id", "reason"),
        ("message", "payload", "attempts", "first_at", "last_at"),
    ),
}
# An order is known by the records it is made of, a company or branch by its tax id.
_KEYS = """
WITH order_key AS (
    SELECT order_id AS id, string_agg(connection || ':' || external_id, ' '
        ORDER BY connection, external_id) AS key
    FROM orders_sourcerecord WHERE order_id IS NOT NULL GROUP BY order_id
), record_key AS (
    SELECT id, connection || ':' || external_id AS key FROM orders_sourcerecord
), establishment_key AS (
    SELECT id, tax_id AS key FROM companies_establishment
), company_key AS (
    SELECT company_id AS id, min(tax_id) AS key FROM companies_establishment GROUP BY company_id
)
"""
_REFERENCES = ("order", "record", "establishment", "company")


def read_rows(cursor: Cursor) -> Rows:
    """Read all that is known, each table in the order of its rows' identities."""
    found: Rows = {}
    for name, table in TABLES.items():
        cursor.execute(
            f"SELECT column_name FROM information_schema.columns WHERE table_name = '{name}'"
        )
        columns = {row[0] for row in cursor.fetchall()}
        cursor.execute(_select(name, table, columns))
        rows = [_plain(name, row[0]) for row in cursor.fetchall()]
        found[name] = sorted(rows, key=lambda row: (_identity(name, row), json.dumps(row)))
    return found


def _select(name: str, table: Table, columns: set[str]) -> str:
    keyed = {f"{reference}_id": f"{reference}_key" for reference in _REFERENCES}
    keyed = {column: cte for column, cte in keyed.items() if column in columns}
    if name == "orders_order":
        keyed["id"] = "order_key"
    left_out = sorted({"id", *table.ignored} - keyed.keys())
    joins = " ".join(f"LEFT JOIN {cte} ON {cte}.id = t.{column}" for column, cte in keyed.items())
    keys = ", ".join(f"'{column}', {cte}.key" for column, cte in keyed.items())
    minus = " ".join(f"- '{column}'" for column in left_out)
    return (
        f"{_KEYS} SELECT (to_jsonb(t) {minus} || jsonb_build_object({keys}))::text"
        f" FROM {name} t {joins}"
    )


def _plain(name: str, text: str) -> Row:
    row: Row = json.loads(text)
    if name == "orders_divergence":
        row["values"] = [
            {field: value for field, value in each.items() if field != "as_of"}
            for each in row["values"]
        ]
    return row


def _identity(name: str, row: Row) -> str:
    return " ".join(str(row.get(column)) for column in TABLES[name].identity)


# --- comparing -------------------------------------------------------------------------------


def count_rows(rows: Rows) -> dict[str, int]:
    """Count the rows of each table."""
    return {name: len(its_rows) for name, its_rows in rows.items()}


def differences(calm: Rows, storm: Rows) -> list[str]:
    """Name each field that differs, and each row that only one of the two has."""
    return [line for name in TABLES for line in _differences(name, calm[name], storm[name])]


def _differences(name: str, calm: Sequence[Row], storm: Sequence[Row]) -> Iterator[str]:
    ours, theirs = _by_identity(name, calm), _by_identity(name, storm)
    for key in sorted(ours.keys() | theirs.keys()):
        mine, other = ours.get(key, []), theirs.get(key, [])
        if len(mine) == len(other) == 1:
            yield from _fields(f"{name} {key}", mine[0], other[0])
        elif len(mine) != len(other):
            yield f"{name} {key}: {len(mine)} rows in the calm run, {len(other)} in the storm"
        elif mine != other:
            yield f"{name} {key}: rows of one identity differ: {mine} and {other}"


def _by_identity(name: str, rows: Sequence[Row]) -> Mapping[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(_identity(name, row), []).append(row)
    return found


def _fields(what: str, calm: Row, storm: Row) -> Iterator[str]:
    for field in sorted(calm.keys() | storm.keys()):
        if calm.get(field) != storm.get(field):
            yield (
                f"{what}: {field} is {json.dumps(calm.get(field), ensure_ascii=False)} in the calm"
                f" run, {json.dumps(storm.get(field), ensure_ascii=False)} in the storm"
            )


def verdict(calm: Rows, storm: Rows, *, most: int = 20) -> tuple[bool, list[str]]:
    """Say whether two databases know the same, in lines for a person."""
    found = differences(calm, storm)
    if found:
        lines = [
            f"rows equal: no ({len(found)} differences)",
            *(f"  {each}" for each in found[:most]),
        ]
        if len(found) > most:
            lines.append(f"  ... and {len(found) - most} more")
        return False, lines
    counts = count_rows(storm)
    return True, [
        f"rows equal: yes ({sum(counts.values())} rows)",
        *(f"  {name:<22} {count:>7}" for name, count in counts.items()),
    ]
