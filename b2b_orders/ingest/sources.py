"""From a connection's row to what talks to the source, guarded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta

from django.conf import settings

from b2b_orders.common import clock, secrets
from b2b_orders.common.errors import InvalidInput
from b2b_orders.companies.models import Company
from b2b_orders.ingest import options
from b2b_orders.ingest.breaker import DbBreakerStore, ReadOnlyBreakerStore
from b2b_orders.ingest.models import Connection
from erp_bridge import registry
from erp_bridge.connector import Call, CompanyRef, Connector, Health
from erp_bridge.errors import BridgeError, ConfigError, CredentialsRejected, Unreachable
from erp_bridge.http import Policy
from erp_bridge.records import System
from erp_bridge.runner import BreakerStore, Guard, GuardedConnector, GuardPolicy
from erp_bridge.vtex.client import VtexClient
from erp_bridge.vtex.config import VtexConfig

# How often a source is tried, and when it is left alone.
GUARD = GuardPolicy()
# After a failed probe: a wrong token must not be tried until the ERP locks our user out.
_REST = timedelta(seconds=30)
_REST_CREDENTIALS = timedelta(minutes=15)
# No customer's id: long for a counter, and still a whole number of 32 bits.
_NOBODY = "2147480001"


def address_policy() -> Policy:
    """Say which addresses this installation may reach."""
    return Policy(
        private_hosts=frozenset(settings.PORTAL_PRIVATE_HOSTS),
        allow_plain_http=settings.PORTAL_ALLOW_PLAIN_HTTP,
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
    store: BreakerStore = ReadOnlyBreakerStore(connection) if read_only else DbBreakerStore()
    try:
        yield GuardedConnector(plain, Guard(connection.name, store, GUARD))
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
    the guard: a customer that does not exist may well be refused.
    """
    nobody = CompanyRef(key="nobody", customer_ids=(_NOBODY,))
    connector = _connector(connection)
    try:
        days = connector.declares().max_window_days or 31
        first = today - timedelta(days=days - 1)
        return any(page.readings for page in connector.period(nobody, first, today, call))
    except BridgeError:
        return False
    finally:
        connector.close()


# --- VTEX -----------------------------------------------------------------------------


@contextmanager
def vtex_for(connection: Connection) -> Iterator[VtexClient]:
    """Open the guarded client of a VTEX connection."""
    client = _vtex(connection, Guard(connection.name, DbBreakerStore(), GUARD))
    try:
        yield client
    finally:
        client.close()


def _vtex(connection: Connection, guard: Guard | None = None) -> VtexClient:
    own, _ = options.split(connection.settings)
    kind = registry.get_kind(connection.kind)
    config = kind.configure(own, _secret(connection), address_policy())
    if not isinstance(config, VtexConfig):
        raise ConfigError("kind", f"{connection.kind!r} is not a VTEX account")
    return VtexClient(config, source=connection.name, guard=guard)


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
    """Reach a source now, whatever its breaker says, and note how it does."""
    store = DbBreakerStore()
    try:
        client = (
            _vtex(connection) if system_of(connection) is System.VTEX else _connector(connection)
        )
        try:
            health = client.health(call)
        finally:
            client.close()
    except ConfigError as error:
        return Health(ok=False, problem=f"{error.field}: {error.message}")
    except BridgeError as error:
        rest = _REST_CREDENTIALS if isinstance(error, CredentialsRejected) else _REST
        store.failed(connection.name, error, clock.now() + rest)
        return Health(ok=False, problem=str(error))
    if health.ok:
        store.succeeded(connection.name)
    else:
        problem = Unreachable(health.problem, source=connection.name)
        store.failed(connection.name, problem, clock.now() + _REST)
    return health


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
