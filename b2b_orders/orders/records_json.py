"""`OrderRecord` as JSON and back: what a source record's facts are stored as.

Defaults are left out, amounts are plain decimal text and moments are UTC, so that equal
records give equal text and that text can be hashed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import types
import typing
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any

from erp_bridge.records import OrderRecord

Json = dict[str, Any]
Convert = Callable[[Any], Any]


def to_json(record: OrderRecord) -> Json:
    """Write a record as JSON values, without what PostgreSQL cannot hold in text."""
    value = _encode(record)
    return value if is_storable(value) else _storable(value)


def from_json(value: Json) -> OrderRecord:
    """Read a record back; what is missing takes its default, what is unknown is ignored."""
    record: OrderRecord = _decode(OrderRecord, value)
    return record


def is_storable(value: Json) -> bool:
    """Say whether PostgreSQL can hold every text in it: no NUL, no half characters."""
    text = dumps(value)
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return "\\u0000" not in text


def dumps(value: Json) -> str:
    """Write JSON values in their one canonical form."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def digest(value: Json) -> str:
    """Compute the SHA-256 of JSON values in their canonical form."""
    return hashlib.sha256(dumps(value).encode()).hexdigest()


def decimal_text(value: Decimal) -> str:
    """Write a decimal without exponent or zeros at its end, so that equal ones look equal."""
    return format(value.normalize(), "f") if value else "0"


def _encode(instance: Any) -> Json:
    encoded = {}
    kind: Any = type(instance)
    for name, default, encode, _ in _fields(kind):
        value = getattr(instance, name)
        if value != default:
            encoded[name] = encode(value) if value is not None else None
    return encoded


def _decode(kind: Any, value: Json) -> Any:
    known = {
        name: decode(value[name]) if value[name] is not None else None
        for name, _, _, decode in _fields(kind)
        if name in value
    }
    return kind(**known)


@cache
def _fields(kind: Any) -> tuple[tuple[str, Any, Convert, Convert], ...]:
    hints = typing.get_type_hints(kind)
    return tuple(
        (field.name, _default(field), *_converters(hints[field.name]))
        for field in dataclasses.fields(kind)
    )


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _same(value: Any) -> Any:
    return value


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat()


_SCALARS: dict[type[Any], tuple[Convert, Convert]] = {
    str: (_same, _same),
    int: (_same, _same),
    bool: (_same, _same),
    Decimal: (decimal_text, Decimal),
    date: (date.isoformat, date.fromisoformat),
    datetime: (_moment, datetime.fromisoformat),
}


def _converters(hint: Any) -> tuple[Convert, Convert]:
    """Find how values of a type hint are written and read; None never gets here."""
    if isinstance(hint, types.UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not types.NoneType)
    if typing.get_origin(hint) is tuple:
        encode, decode = _converters(typing.get_args(hint)[0])
        return (
            lambda values: [encode(value) for value in values],
            lambda values: tuple(decode(value) for value in values),
        )
    if dataclasses.is_dataclass(hint):
        return _encode, lambda value: _decode(typing.cast("type[Any]", hint), value)
    if issubclass(hint, StrEnum):
        return str, hint
    return _SCALARS[hint]


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "").encode(errors="replace").decode()
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {key: _storable(item) for key, item in value.items()}
    return value
