"""Read one setting of a connection: its value, or a `ConfigError` that names it."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

from erp_bridge.errors import ConfigError


def text(name: str, value: object) -> str:
    """Read text, without blanks around it."""
    if not isinstance(value, str):
        raise ConfigError(name, "must be text")
    return value.strip()


def base_address(name: str, value: object) -> str:
    """Read an address that paths are joined to as text: each begins with a slash."""
    return text(name, value).rstrip("/")


def flag(name: str, value: object) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise ConfigError(name, "must be true or false")
    return value


def whole_number(name: str, value: object) -> int:
    """Read a number of at most six digits, also where it is written as text."""
    if isinstance(value, bool) or not re.fullmatch(r"\d{1,6}", str(value), re.ASCII):
        raise ConfigError(name, "must be a whole number")
    return int(str(value))


def zone(name: str, value: object) -> ZoneInfo:
    """Read the name of a time zone."""
    try:
        return ZoneInfo(text(name, value))
    except (KeyError, ValueError, OSError) as error:  # unknown name, bad key, a directory
        raise ConfigError(name, "is not a time zone, as America/Sao_Paulo is") from error
