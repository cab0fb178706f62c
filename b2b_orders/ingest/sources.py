"""From a connection's row to what talks to the source, guarded."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import date, timedelta

from django.conf import settings
from django.db import Error as DatabaseProblem

from b2b_orders.common import clock, secrets
from b2b_orders.common.errors import InvalidInput
from b2b_orders.companies.models import Company
from b2b_orders.ingest import options
from b2b_orders.ingest.breaker import DbBreakerStore, ReadOnlyBreakerStore
from b2b_orders.ingest.models import Connection
from erp_bridge import registry
from erp_bridge.breaker import REHEARSED, BreakerState
from erp_bridge.connector import Call, CompanyRef, Connector, Health
from erp_bridge.errors import (
    BridgeError,
    ConfigError,
    CredentialsRejected,
    Throttled,
    Unreachable,
)
from erp_bridge.http import Policy
from erp_bridge.records import System
from erp_bridge.runner import Guard, GuardedConnector, GuardPolicy
from erp_bridge.vtex.client import VtexClient
from erp_bridge.vtex.config import VtexConfig
from erp_bridge.vtex.masterdata import MasterData

logger = logging.getLogger(__name__)

# How often a source is tried, and when it is left alone.
GUARD = GuardPolicy(open_seconds=settings.PORTAL_BREAKER_SECONDS)
# VTEX publishes 100 a second for an account and all that reads it; this leaves most to others.
VTEX_PER_SECOND = 10.0
# No customer's id: long for a counter, and still a whole number of 32 bits.
_NOBODY = "2147480001"


def address_policy() -> Policy:
    """Say which addresses this installation may reach, and how large a file it takes in."""
    return Policy(
        private_hosts=frozenset(settings.PORTAL_PRIVATE_HOSTS),
        allow_plain_http=settings.PORTAL_ALLOW_PLAIN_HTTP,
        max_file_bytes=settings.PORTAL_DOCUMENT_MAX_BYTES,
    )


def system_of(connection: Connection) -> System:
    """Say which kind of source a connection leads to."""
    return registry.get_kind(connection.kind).system


def get_connection(name: str) -> Connection:
    """Return a connection by its name; `InvalidInput` lists those there are."""
    found = Connection.objects.filter(name=name).first()
    if found is None:
        names = ", ".join(Connection.objects.order_by("name").values_list("name", flat=True))
        raise InvalidInput("name", f"there is no connection {name!r}; there are: {names or 'none'}")
    return found


def enabled_connections(system: System | None = None) -> list[Connection]:
    """Return the connections in use, of one system or of all."""
    rows = Connection.objects.filter(is_enabled=True, kind__in=registry.KINDS).order_by("name")
    return [row for row in rows if system is None or system_of(row) is system]


# --- the guard ------------------------------------------------------------------------


def policy_for(connection: Connection) -> GuardPolicy:
    """Say how a source is protected: as all are, at the pace that its options or its kind set."""
    chosen = options.Options.of(connection.settings)
    own = VTEX_PER_SECOND if system_of(connection) is System.VTEX else None
    return replace(
        GUARD,
        per_second=float(chosen.requests_per_second) or own,
        backfill_share=chosen.backfill_percent / 100,
    )


@contextmanager
def guard_for(connection: Connection, *, read_only: bool = False) -> Iterator[Guard]:
    """Open what protects a connection's source; at the end, what it counted is kept."""
    policy = policy_for(connection)
    if read_only:
        yield Guard(connection.name, ReadOnlyBreakerStore(connection), policy)
        return
    with closing(DbBreakerStore()) as store:
        guard = Guard(connection.name, store, policy)
        try:
            yield guard
        finally:
            _keep_counts(guard)


def _keep_counts(guard: Guard) -> None:
    try:
        guard.close()
    except DatabaseProblem:
        # What was asked is done and stored: it must not fail for the sake of statistics.
        logger.warning(
            "calls could not be counted", extra={"connection": guard.source}, exc_info=True
        )


# --- ERPs -----------------------------------------------------------------------------


def _connector(connection: Connection) -> Connector:
    """Build the connector of an ERP connection without its guard."""
    own, _ = options.split(connection.settings)
    return registry.connect_erp(
        connection.kind,
        source=connection.name,
        settings=own,
        secret=_secret(connection),
        policy=address_policy(),
        learned=connection.learned,
    )


@contextmanager
def connector_for(connection: Connection, *, read_only: bool = False) -> Iterator[Connector]:
    """Open the guarded connector of an ERP connection, and keep what it learns.

    The web process is `read_only`: it knows how the source does and does not note it.
    """
    plain = _connector(connection)
    try:
        with guard_for(connection, read_only=read_only) as guard:
            yield GuardedConnector(plain, guard)
    finally:
        plain.close()
        learned = getattr(plain, "learned", None)
        if not read_only and isinstance(learned, Mapping) and learned != connection.learned:
            connection.learned = dict(learned)
            connection.save(update_fields=["learned"])


def serves_strangers(connection: Connection, today: date, call: Call) -> bool:
    """Say whether an ERP answers for a customer that nobody is.

    The old contract's rows do not say whose they are, so an ERP that ignores the customer
    would hand every company everybody's orders. An error is no such answer. Asked without
    the breaker: a customer that does not exist may well be refused. A source that is left
    alone is not asked; `BridgeError` says so.
    """
    nobody = CompanyRef(key="nobody", customer_ids=(_NOBODY,))
    with closing(_connector(connection)) as connector, guard_for(connection) as guard:
        guard.rest("period", call)
        days = connector.declares().max_window_days or 31
        first = today - timedelta(days=days - 1)
        try:
            with guard.counted():
                return any(page.readings for page in connector.period(nobody, first, today, call))
        except BridgeError:
            return False


# --- VTEX -----------------------------------------------------------------------------


@contextmanager
def vtex_for(connection: Connection) -> Iterator[VtexClient]:
    """Open the guarded client of a VTEX connection."""
    with guard_for(connection) as guard, closing(_vtex(connection, guard)) as client:
        yield client


@contextmanager
def masterdata_for(connection: Connection) -> Iterator[MasterData]:
    """Open the guarded Master Data of a VTEX connection's account."""
    with guard_for(connection) as guard:
        client = MasterData(_vtex_config(connection), source=connection.name, guard=guard)
        with closing(client):
            yield client


def _vtex(connection: Connection, guard: Guard | None = None) -> VtexClient:
    return VtexClient(_vtex_config(connection), source=connection.name, guard=guard)


def _vtex_config(connection: Connection) -> VtexConfig:
    own, _ = options.split(connection.settings)
    kind = registry.get_kind(connection.kind)
    config = kind.configure(own, _secret(connection), address_policy())
    if not isinstance(config, VtexConfig):
        raise ConfigError("kind", f"{connection.kind!r} is not a VTEX account")
    return config


def _secret(connection: Connection) -> str:
    try:
        return secrets.decrypt(bytes(connection.secret))
    except secrets.SecretUnreadable as error:
        raise CredentialsRejected(
            "its secret was encrypted with a key that is no longer configured; enter it again",
            source=connection.name,
        ) from error


# --- health ---------------------------------------------------------------------------


def probe(connection: Connection, call: Call) -> Health:
    """Reach a source now, whatever its breaker says, and note how it does.

    Nothing is asked or noted while its outage is rehearsed or while it asked for rest.
    """
    name = connection.name
    health: Health | None = None
    with closing(DbBreakerStore()) as store:
        if problem := _no_probe(store.read(name)):
            return Health(ok=False, problem=problem)
        guard = Guard(name, store, policy_for(connection))
        try:
            with closing(_client(connection)) as client, guard.counted():
                health = client.health(call)
                if not health.ok:
                    raise Unreachable(health.problem, source=name)
        except ConfigError as error:
            return Health(ok=False, problem=f"{error.field}: {error.message}")
        except BridgeError as error:
            store.failed(name, error, clock.now() + timedelta(seconds=_rest_after(error)))
            return health or Health(ok=False, problem=str(error))
        finally:
            _keep_counts(guard)
        store.succeeded(name)
    return health


def _client(connection: Connection) -> VtexClient | Connector:
    if system_of(connection) is System.VTEX:
        return _vtex(connection)
    return _connector(connection)


def _no_probe(state: BreakerState) -> str:
    """Say why a source may not even be probed; nothing when it may."""
    if state.retry_at is None or state.retry_at <= clock.now():
        return ""
    if state.reason == REHEARSED:
        return f"its outage is rehearsed until {state.retry_at:%Y-%m-%d %H:%M} UTC"
    if state.reason == Throttled.code:
        return f"it asked us to wait until {state.retry_at:%Y-%m-%d %H:%M:%S} UTC"
    return ""


def _rest_after(error: BridgeError) -> float:
    if isinstance(error, Throttled):
        return GUARD.throttle_seconds if error.retry_after is None else error.retry_after
    if isinstance(error, CredentialsRejected):
        # A wrong token must not be tried until the ERP locks our user out.
        return GUARD.credentials_seconds
    return GUARD.open_seconds


# --- companies ------------------------------------------------------------------------


def company_refs(
    connection: Connection, company_ids: Sequence[int] | None = None
) -> dict[int, CompanyRef]:
    """Return the active companies as a connection's source knows them.

    For an ERP only those with a customer id there. Three queries.
    """
    companies = Company.objects.filter(is_active=True)
    if company_ids is not None:
        companies = companies.filter(id__in=company_ids)
    if system_of(connection) is System.ERP:
        companies = companies.filter(customer_ids__connection=connection.name).distinct()
    refs = {}
    for company in companies.order_by("id").prefetch_related("establishments", "customer_ids"):
        refs[company.id] = CompanyRef(
            key=str(company.public_id),
            tax_ids=tuple(sorted(e.tax_id for e in company.establishments.all())),
            customer_ids=tuple(
                sorted(
                    row.value
                    for row in company.customer_ids.all()
                    if row.connection == connection.name
                )
            ),
        )
    return refs
