"""Where a source may be: which addresses a connection may name and which a name may lead to."""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from requests_hardened.ip_filter import EXTRA_BLOCKED_NET_RANGES
from urllib3.util.connection import allowed_gai_family

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
_ADDRESS_SECONDS = 60.0


class AddressRefused(Exception):
    """The name resolves to an address that is not allowed."""


class NotResolved(Exception):
    """The name leads nowhere, or its servers did not say in time."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Where a door may lead, how long one step of a call may take, and how large a file may be.

    `allowed_hosts` are names ("files.erp.example" for the usual ports, or
    "files.erp.example:8443") beside the base address's own host. `private_hosts` are those that
    may resolve to loopback or private addresses, or be written as an address; link-local
    addresses, where clouds keep their secrets, stay forbidden.
    """

    allowed_hosts: frozenset[str] = frozenset()
    private_hosts: frozenset[str] = frozenset()
    allow_plain_http: bool = False
    connect_seconds: float = 3.0
    silence_seconds: float = 30.0
    # More than a pass ever asks at once, so that no connection is thrown away after one use.
    pool_size: int = 40
    ca_file: str = ""
    max_file_bytes: int = 100_000_000


def address_problem(url: str, policy: Policy) -> str:
    """Say why a base address cannot be used at all; empty when it can."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "it is not an address"
    schemes = {"https", "http"} if policy.allow_plain_http else {"https"}
    if parts.scheme not in schemes:
        return "it must start with https://"
    if parts.username is not None or parts.password is not None:
        return "it must not carry a user name or password"
    if not parts.hostname or any(c.isspace() or not c.isprintable() for c in url) or port == 0:
        return "it is not an address"
    if _is_literal(parts.hostname) and parts.hostname not in policy.private_hosts:
        return "it must name a host, not a number"
    return ""


def _is_literal(host: str) -> bool:
    """Whether a host is an address in any spelling that a resolver would take for one."""
    last = host.rstrip(".").rpartition(".")[2]
    return ":" in host or bool(re.fullmatch(r"[0-9]+|0[xX][0-9a-fA-F]*", last))


_WITH_IPV4 = tuple(
    ipaddress.ip_network(text) for text in ("64:ff9b::/96", "::ffff:0:0:0/96", "::/96")
)


def _embedded(ip: IPAddress) -> IPAddress:
    """Take the IPv4 address out of the IPv6 forms that lead to one."""
    if not isinstance(ip, ipaddress.IPv6Address):
        return ip
    # The form without a prefix is old; `::` and `::1` are not of it.
    if any(ip in network for network in _WITH_IPV4) and int(ip) > 1:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip


_NEVER = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "169.254.0.0/16",
        "100.100.100.200/32",
        "168.63.129.16/32",
        "fd00:ec2::254/128",
    )
)


def is_forbidden(ip: IPAddress, *, may_be_private: bool) -> bool:
    """Whether no connection may go to an address; link-local ones never may."""
    target = _embedded(ip)
    if target.is_link_local or target.is_multicast or target.is_unspecified:
        return True
    if any(target in network for network in _NEVER):
        return True
    if may_be_private:
        return False
    if target.version == 6 and target.is_site_local:
        return True
    return not target.is_global or any(ip in network for network in EXTRA_BLOCKED_NET_RANGES)


def _look_up(host: str, port: int) -> list[str]:
    family = allowed_gai_family()
    found = socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class Resolver:
    """Names to checked addresses, remembered for a minute, within the caller's time."""

    def __init__(self, private_hosts: frozenset[str]) -> None:
        self._private_hosts = private_hosts
        self._known: dict[tuple[str, int], tuple[float, str]] = {}

    def address(self, host: str, port: int, seconds: float) -> str:
        """Give an address of a host that was checked, waiting so many seconds at most."""
        known = self._known.get((host, port))
        if known is not None and known[0] > time.monotonic():
            return known[1]
        addresses = self._resolve(host, port, seconds)
        private = host in self._private_hosts
        for text in addresses:
            ip = ipaddress.ip_address(text.partition("%")[0])
            if is_forbidden(ip, may_be_private=private):
                raise AddressRefused
        self._known[host, port] = (time.monotonic() + _ADDRESS_SECONDS, addresses[0])
        return addresses[0]

    def forget(self) -> None:
        """Resolve afresh next time, as when a connection failed."""
        self._known.clear()

    def _resolve(self, host: str, port: int, seconds: float) -> list[str]:
        # getaddrinfo takes no time limit, so a name server that does not answer is waited for
        # in a thread that we may leave behind.
        outcome: list[list[str]] = []

        def work() -> None:
            try:
                outcome.append(_look_up(host, port))
            except (OSError, UnicodeError):
                outcome.append([])

        thread = threading.Thread(target=work, name="resolve", daemon=True)
        thread.start()
        thread.join(seconds)
        if not outcome or not outcome[0]:
            raise NotResolved
        return outcome[0]
