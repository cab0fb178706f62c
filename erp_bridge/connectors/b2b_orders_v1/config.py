"""Settings of one connection to an ERP that serves the old app's contract.

Three are the old app's own: endpoint, login, token. The rest have defaults that do
what the old client did.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Literal, cast
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from erp_bridge import readers
from erp_bridge.errors import ConfigError
from erp_bridge.http import Policy, address_problem
from erp_bridge.identifiers import normalise_tax_id, valid_cnpj

ErpIdIs = Literal["erp", "web"]
PeriodEnd = Literal["inclusive", "exclusive"]

_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?", re.ASCII)
# Header values: a line break or a space inside a token is a slip of copy and paste.
_TOKEN = re.compile(r"[!-~]{1,4000}", re.ASCII)


@dataclass(frozen=True, slots=True)
class B2BOrdersV1Config:
    """One ERP of one seller. `token` never prints."""

    endpoint: str
    token: str = field(repr=False)
    policy: Policy
    # Kept because sellers have it written down; the old client never sent it, nor do we.
    login: str = ""
    time_zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("America/Sao_Paulo"))
    currency: str = "BRL"
    # Which number sits in `pedidoErpId`: the ERP's, or the web order's (it differs per seller).
    erp_id_is: ErpIdIs = "erp"
    # Whether `dataFim` belongs to the period; the old client sent it as if it did.
    period_end: PeriodEnd = "inclusive"
    # Exactly what the old client sent; `client.py` knows the documented spellings.
    search_path: str = "/api/v1/pedido/pesquisa"
    order_path: str = "/api/v1/pedido/"
    documents_path: str = "/api/v1/ArquivosPedido/"
    # Longest period asked for at once, and how far back a number is looked for by period.
    window_days: int = 31
    scan_days: int = 90
    concurrency: int = 2
    # Whether the gateway has the search for what changed. The old app had none: it is never
    # sent unasked.
    changed_since: bool = False
    # Further hosts that document links may point to; the endpoint's own always may.
    document_hosts: tuple[str, ...] = ()
    # Send the token when a document's link is on the endpoint's own host.
    token_for_documents: bool = False
    # The one CNPJ that emits every invoice of this ERP. Known, it ties an order to its web
    # order by invoice number and series alone; empty when there are several.
    emitter: str = ""
    # A customer id to try a connection with; without one the check asks for customer 0.
    probe_customer_id: str = ""

    def __post_init__(self) -> None:
        _check_endpoint(self.endpoint, self.policy)
        if not self.token:
            raise ConfigError("token", "is missing")
        if not _TOKEN.fullmatch(self.token):
            raise ConfigError("token", "holds characters that a header cannot carry")
        for name in ("search_path", "order_path", "documents_path"):
            if not re.fullmatch(r"/[A-Za-z0-9._~/-]*", getattr(self, name)):
                raise ConfigError(name, "must be a path that begins with /, without ? or #")
        for host in self.document_hosts:
            if not _HOST.fullmatch(host):
                raise ConfigError("document_hosts", f"{host!r} is not a host name")
        _check_range("window_days", self.window_days, 1, 366)
        _check_range("scan_days", self.scan_days, 1, 3660)
        _check_range("concurrency", self.concurrency, 1, 16)

    @classmethod
    def build(
        cls, settings: Mapping[str, object], secret: str, policy: Policy
    ) -> B2BOrdersV1Config:
        """Read the settings of a connection; `ConfigError` names the first that is wrong."""
        known = {f.name for f in fields(cls)} - {"token", "policy"}
        for name in settings:
            if name not in known:
                raise ConfigError(name, "is not a setting of this kind of connection")
        read = {name: _READERS[name](name, value) for name, value in settings.items()}
        read.setdefault("endpoint", "")
        # Each value was read by the reader of its own field.
        return cls(token=secret.strip(), policy=policy, **cast("dict[str, str]", read))  # type: ignore[arg-type]


def _check_endpoint(url: str, policy: Policy) -> None:
    if not url:
        raise ConfigError("endpoint", "is missing")
    if problem := address_problem(url, policy):
        raise ConfigError("endpoint", problem)
    # The paths are joined to it as text.
    if "?" in url or "#" in url:
        raise ConfigError("endpoint", "must not carry ? or #")
    if not _HOST.fullmatch(urlsplit(url).hostname or ""):
        raise ConfigError("endpoint", "its host is not a host name")


def _check_range(name: str, number: int, low: int, high: int) -> None:
    if not low <= number <= high:
        raise ConfigError(name, f"must be from {low} to {high}")


def _hosts(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise ConfigError(name, "must be a list of host names")
    return tuple(readers.text(name, host).lower() for host in value)


def _currency(name: str, value: object) -> str:
    if not re.fullmatch(r"[A-Z]{3}", readers.text(name, value), re.ASCII):
        raise ConfigError(name, "must be three letters, as BRL is")
    return readers.text(name, value)


def _cnpj(name: str, value: object) -> str:
    written = normalise_tax_id(readers.text(name, value))
    if written and not valid_cnpj(written):
        raise ConfigError(name, "is not a valid CNPJ")
    return written


def _choice(*allowed: str) -> Callable[[str, object], str]:
    def read(name: str, value: object) -> str:
        if value not in allowed:
            raise ConfigError(name, f"must be one of {', '.join(allowed)}")
        return str(value)

    return read


_READERS: dict[str, Callable[[str, object], object]] = {
    "endpoint": readers.base_address,
    "login": readers.text,
    "time_zone": readers.zone,
    "currency": _currency,
    "erp_id_is": _choice("erp", "web"),
    "period_end": _choice("inclusive", "exclusive"),
    "search_path": readers.text,
    "order_path": readers.text,
    "documents_path": readers.text,
    "window_days": readers.whole_number,
    "scan_days": readers.whole_number,
    "concurrency": readers.whole_number,
    "changed_since": readers.flag,
    "document_hosts": _hosts,
    "token_for_documents": readers.flag,
    "emitter": _cnpj,
    "probe_customer_id": readers.text,
}
