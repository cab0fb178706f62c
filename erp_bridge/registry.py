"""The kinds of connection that can be made: one line each.

`KINDS[name].configure(settings, secret, policy)` raises `ConfigError` with the field that is
wrong and what to do; `connect_erp` and `connect_vtex` build what talks to the source. An
owner of a connection stores its kind's name, never a path to code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from erp_bridge.connector import Connector
from erp_bridge.connectors.b2b_orders_v1 import B2BOrdersV1, B2BOrdersV1Config
from erp_bridge.errors import ConfigError
from erp_bridge.http import Policy
from erp_bridge.records import System
from erp_bridge.vtex.client import VtexClient
from erp_bridge.vtex.config import VtexConfig

Settings = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of connection. `secret` is what its one secret is called to people."""

    label: str
    system: System
    secret: str
    configure: Callable[[Settings, str, Policy], object]


@dataclass(frozen=True, slots=True)
class ErpKind(Kind):
    """A kind that speaks the `Connector` Protocol."""

    connect: Callable[[str, Settings, str, Policy, Mapping[str, object]], Connector]


@dataclass(frozen=True, slots=True)
class VtexKind(Kind):
    """The kind that speaks VTEX's Orders API."""

    connect: Callable[[str, Settings, str, Policy], VtexClient]


def _vtex(source: str, settings: Settings, secret: str, policy: Policy) -> VtexClient:
    return VtexClient(VtexConfig.build(settings, secret, policy), source=source)


def _b2b_orders_v1(
    source: str, settings: Settings, secret: str, policy: Policy, learned: Mapping[str, object]
) -> Connector:
    return B2BOrdersV1(source, B2BOrdersV1Config.build(settings, secret, policy), learned)


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "vtex": VtexKind("VTEX", System.VTEX, "app_token", VtexConfig.build, _vtex),
        "b2b_orders_v1": ErpKind(
            "ERP (B2B Orders v1)", System.ERP, "token", B2BOrdersV1Config.build, _b2b_orders_v1
        ),
    }
)


def get_kind(name: str) -> Kind:
    """Return a kind of connection by its name; `ConfigError` lists the known ones."""
    try:
        return KINDS[name]
    except KeyError:
        known = ", ".join(sorted(KINDS))
        raise ConfigError("kind", f"{name!r} is not known; there are {known}") from None


def connect_erp(
    kind: str,
    *,
    source: str,
    settings: Settings,
    secret: str,
    policy: Policy,
    learned: Mapping[str, object] | None = None,
) -> Connector:
    """Build the connector of an ERP connection; `source` is the connection's name."""
    found = get_kind(kind)
    if not isinstance(found, ErpKind):
        raise ConfigError("kind", f"{kind!r} is not an ERP")
    return found.connect(source, settings, secret, policy, learned or {})


def connect_vtex(
    kind: str, *, source: str, settings: Settings, secret: str, policy: Policy
) -> VtexClient:
    """Build the client of a VTEX connection; `source` is the connection's name."""
    found = get_kind(kind)
    if not isinstance(found, VtexKind):
        raise ConfigError("kind", f"{kind!r} is not VTEX")
    return found.connect(source, settings, secret, policy)
