"""Many rows in one statement: what storing a batch of readings rests on.

Rows travel as one JSON text that PostgreSQL spreads into a table. That is several times
cheaper than an INSERT built by the ORM, and it lets one statement compare: a row equal to
the stored one is not written, so what refers to it and the table's size stay as they are.
All names come from the models; values are parameters.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from django.db import connection, models

Row = Mapping[str, Any]
Convert = Callable[[Any], Any]


def encode(model: type[models.Model], row: Row) -> dict[str, Any]:
    """Write a row's values as JSON, cut to what the columns hold.

    A source's text too long for a column loses its end; an amount too large for one is
    unknown. Neither may stop the rest of a batch.
    """
    converters = _converters(model)
    return {
        name: converters[name](value) if value is not None else None for name, value in row.items()
    }


def insert(
    model: type[models.Model], rows: Sequence[Row], *, returning: Sequence[str] = ()
) -> list[tuple[Any, ...]]:
    """Insert encoded rows; give back some columns of what was written."""
    if not rows:
        return []
    names = list(rows[0])
    return _run(
        f"INSERT INTO {_table(model)} ({_list(names)}) SELECT {_list(names)}"  # noqa: S608 names of ours
        f" FROM {_spread(model, names)}{_returning(returning)}",
        json.dumps(rows),
    )


def upsert(
    model: type[models.Model],
    rows: Sequence[Row],
    *,
    key: Sequence[str],
    keep: Sequence[str] = (),
    returning: Sequence[str] = (),
) -> list[tuple[Any, ...]]:
    """Insert encoded rows or bring those with the same key up to date, but for `keep`."""
    if not rows:
        return []
    names = list(rows[0])
    changing = [name for name in names if name not in key and name not in keep]
    return _run(
        f"INSERT INTO {_table(model)} AS t ({_list(names)}) SELECT {_list(names)}"  # noqa: S608 names of ours
        f" FROM {_spread(model, names)} {_on_conflict(key, changing)}{_returning(returning)}",
        json.dumps(rows),
    )


def update(model: type[models.Model], rows: Sequence[Row], *, only_differing: bool = False) -> None:
    """Bring encoded rows up to date by their `id`; all of them, or those that differ."""
    if not rows:
        return
    names = [name for name in rows[0] if name != "id"]
    changes = ", ".join(f'"{name}" = x."{name}"' for name in names)
    old, new = (", ".join(f'{of}."{name}"' for name in names) for of in ("t", "x"))
    _run(
        f"UPDATE {_table(model)} AS t SET {changes}"  # noqa: S608 names of ours
        f" FROM {_spread(model, list(rows[0]))} WHERE t.id = x.id"
        + (f" AND ({old}) IS DISTINCT FROM ({new})" if only_differing else ""),
        json.dumps(rows),
    )


def sync(
    model: type[models.Model],
    rows: Sequence[Row],
    *,
    key: Sequence[str],
    within: str,
    ids: Sequence[int],
    keep: Sequence[str] = (),
) -> None:
    """Make these encoded rows all the rows of some parents, writing only what differs.

    `within` is the column that names the parent and `ids` are the parents that may have
    rows already; rows of other parents are plain new ones.
    """
    if not rows:
        if ids:
            _run(f'DELETE FROM {_table(model)} WHERE "{within}" = ANY(%s)', list(ids))  # noqa: S608 names of ours
        return
    names = list(rows[0])
    changing = [name for name in names if name not in key and name not in keep]
    same = " AND ".join(f'x."{name}" = t."{name}"' for name in key)
    gone = (
        f' , gone AS (DELETE FROM {_table(model)} AS t WHERE t."{within}" = ANY(%s)'  # noqa: S608 names of ours
        f" AND NOT EXISTS (SELECT 1 FROM x WHERE {same}))"
        if ids
        else ""
    )
    _run(
        f"WITH x AS MATERIALIZED (SELECT * FROM {_spread(model, names)}){gone}"  # noqa: S608 names of ours
        f" INSERT INTO {_table(model)} AS t ({_list(names)}) SELECT {_list(names)} FROM x"
        f" {_on_conflict(key, changing)}",
        json.dumps(rows),
        *([list(ids)] if ids else []),
    )


def lock(keys: Sequence[int], *, shared: int) -> None:
    """Take transaction-long locks, in ascending order so that two takers never cross.

    The shared one comes first, in the same statement: who waits for it holds none yet.
    """
    _run(
        "SELECT count(pg_advisory_xact_lock(k)) FROM"
        " (SELECT pg_advisory_xact_lock_shared(%s) OFFSET 0) AS s, unnest(%s::bigint[]) AS k",
        shared,
        sorted(keys),
    )


def lock_alone(key: int) -> None:
    """Take one transaction-long lock, once those who share it are done."""
    _run("SELECT pg_advisory_xact_lock(%s)", key)


def meeting(keys: Sequence[tuple[int, str]]) -> list[int]:
    """List the ids of records that carry any of some (company, indexed key) pairs."""
    found = _run(
        "SELECT DISTINCT k.record_id FROM unnest(%s::bigint[], %s::text[]) AS f(company, value)"
        " JOIN orders_matchkey AS k ON k.company_id = f.company AND k.value = f.value",
        [company for company, _ in keys],
        [value for _, value in keys],
    )
    return [pk for (pk,) in found]


def named(names: Sequence[tuple[str, str]]) -> list[int]:
    """List the ids of the records that some (connection, external id) pairs name."""
    found = _run(
        "SELECT r.id FROM unnest(%s::text[], %s::text[]) AS f(connection, external_id)"
        " JOIN orders_sourcerecord AS r"
        " ON r.connection = f.connection AND r.external_id = f.external_id",
        [connection for connection, _ in names],
        [external_id for _, external_id in names],
    )
    return [pk for (pk,) in found]


def _run(sql: str, *params: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall() if cursor.description else []


def _table(model: type[models.Model]) -> str:
    return f'"{model._meta.db_table}"'  # noqa: SLF001 Django's documented API


def _list(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _returning(names: Sequence[str]) -> str:
    return f" RETURNING {_list(names)}" if names else ""


def _spread(model: type[models.Model], names: Sequence[str]) -> str:
    types = _types(model)
    columns = ", ".join(f'"{name}" {types[name]}' for name in names)
    return f"json_to_recordset(%s::json) AS x({columns})"


def _on_conflict(key: Sequence[str], changing: Sequence[str]) -> str:
    if not changing:
        return f"ON CONFLICT ({_list(key)}) DO NOTHING"
    changes = ", ".join(f'"{name}" = EXCLUDED."{name}"' for name in changing)
    old = ", ".join(f't."{name}"' for name in changing)
    new = ", ".join(f'EXCLUDED."{name}"' for name in changing)
    return (
        f"ON CONFLICT ({_list(key)}) DO UPDATE SET {changes} WHERE ({old}) IS DISTINCT FROM ({new})"
    )


# --- columns -----------------------------------------------------------------------------


@cache
def _types(model: type[models.Model]) -> dict[str, str]:
    """Map a model's columns to their types, texts without their limit: `encode` cuts them."""
    return {
        str(field.column): "text"
        if isinstance(field, models.CharField)
        else (field.rel_db_type(connection) if field.primary_key else field.db_type(connection))
        or ""
        for field in model._meta.concrete_fields  # noqa: SLF001 Django's documented API
    }


@cache
def _converters(model: type[models.Model]) -> dict[str, Convert]:
    return {
        str(field.column): _converter(field)
        for field in model._meta.concrete_fields  # noqa: SLF001 Django's documented API
    }


def _converter(field: Any) -> Convert:
    if isinstance(field, models.CharField):
        return _cutter(field.max_length or 0)
    if isinstance(field, models.DecimalField):
        return _decimal_converter(field.max_digits or 0, field.decimal_places or 0)
    for kind, convert in _SIMPLE:
        if isinstance(field, kind):
            return convert
    return _same


def _same(value: Any) -> Any:
    return value


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat()


def _cutter(length: int) -> Convert:
    def cut(value: str) -> str:
        return value[:length]

    return cut


def _decimal_converter(digits: int, places: int) -> Convert:
    limit = Decimal(10) ** (digits - places)
    unit = Decimal(1).scaleb(-places)

    def convert(value: Decimal) -> str | None:
        if not value.is_finite() or abs(value) >= limit - unit:
            return None
        return format(value.quantize(unit), "f")

    return convert


def _bytes(value: bytes) -> str:
    return "\\x" + bytes(value).hex()


# A moment's field is a date's field too, so it comes first.
_SIMPLE: tuple[tuple[type[Any], Convert], ...] = (
    (models.BinaryField, _bytes),
    (models.UUIDField, str),
    (models.DateTimeField, _moment),
    (models.DateField, date.isoformat),
)
