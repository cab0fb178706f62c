"""The one door out: every call to a source leaves through here, and nothing else imports requests.

A call goes to an address that was checked after DNS and is connected to as checked, so that a
name cannot answer differently the second time. It ends at its deadline however slowly the other
side talks, reads no more than its limit of decoded bytes, follows no redirect to another host,
keeps no cookies, knows no proxies, and turns every status and exception into one class of
`erp_bridge.errors` by the tables below. What it raises, logs or shows never holds a secret, a
header, a body or a whole URL.
"""

from __future__ import annotations

import email.utils
import http.client
import io
import json
import logging
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NoReturn
from urllib.parse import SplitResult, quote, urlencode, urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from erp_bridge.addresses import AddressRefused, NotResolved, Policy, Resolver, address_problem
from erp_bridge.connector import Call, DocumentStream
from erp_bridge.errors import (
    BadRequest,
    BridgeError,
    ContractViolation,
    CredentialsRejected,
    NotFound,
    Refused,
    SourceFailing,
    Throttled,
    Unreachable,
)

logger = logging.getLogger(__name__)

__all__ = ["OK", "Answer", "Door", "Form", "Policy", "address_problem", "retry_after_seconds"]

USER_AGENT = "b2b-orders"
OK = frozenset(range(200, 300))
MAX_REDIRECTS = 2
MAX_RETRY_AFTER_SECONDS = 3600.0
_CHUNK = 65536
_ERROR_BODY_BYTES = 65536
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_DEFAULT_PORTS = {"https": 443, "http": 80}

Json = Any  # what JSON can say; mappings narrow it at once


# --- the tables ---------------------------------------------------------------

STATUSES: Mapping[int, type[BridgeError]] = MappingProxyType(
    {
        401: CredentialsRejected,
        403: CredentialsRejected,
        404: NotFound,
        408: Unreachable,
        410: NotFound,
        425: Throttled,
        429: Throttled,
    }
)
# For what has no row of its own, by the hundreds of its status.
STATUS_GROUPS: Mapping[int, type[BridgeError]] = MappingProxyType(
    {1: ContractViolation, 2: ContractViolation, 3: ContractViolation, 4: BadRequest}
    | {5: SourceFailing}
)
STATUS_WORDS: Mapping[type[BridgeError], str] = MappingProxyType(
    {
        CredentialsRejected: "the credentials are refused",
        NotFound: "not found",
        Unreachable: "no answer in time",
        Throttled: "asks us to slow down",
        ContractViolation: "an answer the contract does not know",
        BadRequest: "the request is refused",
        SourceFailing: "the source failed",
        Refused: "refused by us",
    }
)


class _TooSlow(TimeoutError):
    """The deadline passed while we were reading."""


# The first row that fits wins.
EXCEPTIONS: Sequence[tuple[tuple[type[Exception], ...], type[BridgeError], str]] = (
    ((AddressRefused,), Refused, "the address is not allowed"),
    ((NotResolved,), Unreachable, "its name leads nowhere"),
    ((requests.exceptions.SSLError, ssl.SSLError), Unreachable, "no secure connection"),
    (
        (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError),
        Unreachable,
        "no answer in time",
    ),
    (
        (requests.exceptions.ContentDecodingError, urllib3.exceptions.DecodeError),
        ContractViolation,
        "the body is not encoded as announced",
    ),
    (
        (
            requests.ConnectionError,
            requests.exceptions.ChunkedEncodingError,
            urllib3.exceptions.HTTPError,
            http.client.HTTPException,
        ),
        Unreachable,
        "no connection, or it broke",
    ),
    ((requests.RequestException, UnicodeError, ValueError), BadRequest, "cannot be asked"),
    ((OSError,), Unreachable, "no connection, or it broke"),
)
_CAUGHT = tuple(kind for kinds, _, _ in EXCEPTIONS for kind in kinds)


# --- the deadline, down to every byte -------------------------------------------


class _Frame(threading.local):
    deadline: float = 0.0
    silence: float = 30.0


_frame = _Frame()


class _DeadlineReader(io.RawIOBase):
    """A socket's bytes until a deadline: a byte a second does not buy more time."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw = raw
        self._sock = sock
        self._deadline = _frame.deadline
        self._silence = _frame.silence

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise _TooSlow
        self._sock.settimeout(min(left, self._silence))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _DeadlineResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        raw = self.fp.detach()  # nothing is buffered yet
        self.fp = io.BufferedReader(_DeadlineReader(raw, sock), _CHUNK)


class _PlainConnection(HTTPConnection):
    response_class = _DeadlineResponse


class _SecureConnection(HTTPSConnection):
    response_class = _DeadlineResponse


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Adapter(HTTPAdapter):
    """Pooled connections to addresses that were checked, and to no others."""

    def __init__(self, policy: Policy) -> None:
        self.resolver = Resolver(policy.private_hosts)
        self._connect_seconds = policy.connect_seconds
        super().__init__(pool_connections=8, pool_maxsize=policy.pool_size)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}

    def build_connection_pool_key_attributes(
        self,
        request: requests.PreparedRequest,
        verify: bool | str,  # noqa: FBT001  # the signature is requests' own
        cert: Any = None,
    ) -> Any:
        host_params, pool_kwargs = super().build_connection_pool_key_attributes(
            request, verify, cert
        )
        name, port = host_params["host"], host_params["port"]
        scheme = host_params["scheme"]
        seconds = min(self._connect_seconds, max(0.0, _frame.deadline - time.monotonic()))
        address = self.resolver.address(name, port or _DEFAULT_PORTS[scheme], seconds)
        host_params["host"] = f"[{address}]" if ":" in address else address
        if scheme == "https":
            # The certificate is the name's, not the address's.
            pool_kwargs["assert_hostname"] = name  # type: ignore[typeddict-unknown-key]
            pool_kwargs["server_hostname"] = name  # type: ignore[typeddict-unknown-key]
        return host_params, pool_kwargs


class _NoRequestLines(logging.Filter):
    """urllib3 writes whole request lines at DEBUG: links that are themselves secrets."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.DEBUG


logging.getLogger("urllib3.connectionpool").addFilter(_NoRequestLines())


@dataclass(frozen=True, slots=True)
class Form:
    """What is posted to a source that takes no JSON."""

    media_type: str
    content: bytes = field(repr=False)

    @classmethod
    def of(cls, fields: Mapping[str, str]) -> Form:
        """Write fields down as a browser's form does."""
        return cls("application/x-www-form-urlencoded", urlencode(fields).encode())


# --- the answer -----------------------------------------------------------------


def _refuse_constant(_text: str) -> NoReturn:
    raise ValueError


@dataclass(frozen=True, slots=True)
class Answer:
    """What a source answered. Header names are lower case; nothing of it is in its `repr`."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    url: str = field(repr=False)
    source: str = ""
    operation: str = ""

    @property
    def content_type(self) -> str:
        """The media type without parameters, lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def date(self) -> datetime | None:
        """The moment by the clock of whoever answered, None when it does not say."""
        try:
            moment = email.utils.parsedate_to_datetime(self.headers.get("date", ""))
        except (ValueError, OverflowError):
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def json(self) -> Json:
        """Parse the body, decimals as `Decimal`; `ContractViolation` for anything else."""
        head = self.content[:200].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        if self.content_type == "text/html" or head.startswith((b"<!doctype", b"<html", b"<?xml")):
            raise self._violation("a page of HTML instead of JSON")
        if not head:
            raise self._violation("an empty body instead of JSON")
        problem = "JSON that breaks off or is malformed"
        try:
            return json.loads(self._text(), parse_float=Decimal, parse_constant=_refuse_constant)
        except RecursionError:
            problem = "JSON that is nested too deeply"
        except (ValueError, ArithmeticError):  # also a number beyond all exponents
            pass
        # Outside the handler: the parser's own error carries the whole body.
        raise self._violation(problem)

    def _text(self) -> str:
        announced = self.headers.get("content-type", "").lower()
        latin = "charset=iso-8859-1" in announced or "charset=latin1" in announced
        try:
            return self.content.decode("utf-8-sig")
        except UnicodeDecodeError:
            if not latin:
                raise
            return self.content.decode("iso-8859-1")

    def _violation(self, message: str) -> ContractViolation:
        return ContractViolation(
            message, source=self.source, operation=self.operation, status=self.status
        )


def retry_after_seconds(value: str | None, now: datetime | None = None) -> float | None:
    """Read `Retry-After`, seconds or an HTTP date; None when absent or not understood."""
    text = (value or "").strip()
    if not text:
        return None
    if re.fullmatch(r"\d{1,9}(\.\d+)?", text):
        return min(float(text), MAX_RETRY_AFTER_SECONDS)
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    wait = (moment - (now or datetime.now(UTC))).total_seconds()
    return min(max(0.0, wait), MAX_RETRY_AFTER_SECONDS)


# --- the door -------------------------------------------------------------------


class Door:
    """The way to one source: its base address, its credentials and what it may reach.

    Safe to share between threads. `headers` go only to the base address's own host; `secrets`
    are what `redact` takes out of a source's words; nothing raised here quotes any. `rows`
    replace rows of the status table; `throttle_seconds` is the hint assumed when a source
    throttles without one.
    """

    def __init__(
        self,
        source: str,
        base_url: str,
        policy: Policy,
        headers: Mapping[str, str] | None = None,
        secrets: Sequence[str] = (),
        *,
        rows: Mapping[int, type[BridgeError]] | None = None,
        throttle_seconds: float | None = None,
    ) -> None:
        problem = address_problem(base_url, policy)
        if problem:
            raise Refused(f"the address cannot be used: {problem}", source=source)
        self.source = source
        self._base_url = base_url
        self._base = urlsplit(base_url)
        self._policy = policy
        self._headers = _checked_headers(headers or {}, source)
        self._secrets = tuple(secret for secret in secrets if secret)
        self._rows = dict(rows or {})
        self._throttle_seconds = throttle_seconds
        self._adapter = _Adapter(policy)
        self._process = os.getpid()

    def __repr__(self) -> str:
        return f"Door({self.source!r}, {self._base.hostname!r})"

    def send(
        self,
        method: str,
        path: str,
        *,
        call: Call,
        operation: str,
        params: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
        body: Json = None,
        form: Form | None = None,
        headers: Mapping[str, str] | None = None,
        accept_status: frozenset[int] = OK,
        max_bytes: int = 10_000_000,
        rows: Mapping[int, type[BridgeError]] | None = None,
    ) -> Answer:
        """Ask once and read the whole answer, or raise one of `erp_bridge.errors`.

        `path` is appended to the base address as text. A GET follows a redirect that stays on
        the same scheme, host and port. `form` is sent in place of a JSON `body`; `headers` are
        this call's alone.
        """
        url = self._base_url + path
        if params:
            url += ("&" if "?" in path else "?") + urlencode(params, quote_via=quote)
        sent = form
        if body is not None:
            text = json.dumps(body, separators=(",", ":"))
            sent = Form("application/json", text.encode())
        own = _checked_headers(headers or {}, self.source)
        for _ in range(MAX_REDIRECTS + 1):
            answer = self._once(
                method, url, sent, own, call, operation, accept_status, max_bytes, rows
            )
            if isinstance(answer, Answer):
                return answer
            if method != "GET" or not self._is_home(urlsplit(answer)):
                break
            url = answer
        raise ContractViolation(
            "it redirects elsewhere", source=self.source, operation=operation, status=302
        )

    @contextmanager
    def stream(
        self,
        url_or_path: str,
        *,
        call: Call,
        operation: str,
        with_credentials: bool,
        max_bytes: int,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[DocumentStream]:
        """Open a file at an allowed address and hand out its bytes as they come.

        Credentials go only to the base address's own host, and only when asked for. Each
        redirect is checked like the first address.
        """
        url = urljoin(self._base_url, url_or_path.strip())
        # A link that refuses has expired; the connection's own credentials are not in question.
        rows = {} if with_credentials else {401: NotFound, 403: NotFound}
        for _ in range(MAX_REDIRECTS + 1):
            self._check_target(url, operation)
            sent = {"Accept": "*/*"} | dict(headers or {})
            if with_credentials and self._is_home(urlsplit(url)):
                sent |= self._headers
            response = self._exchange("GET", url, None, sent, call, operation)
            location = _location(response, url)
            if location is None:
                break
            response.close()
            url = location
        else:
            raise Refused("too many redirects", source=self.source, operation=operation)
        try:
            if response.status_code not in OK:
                raise self._error(response, operation, rows)
            yield DocumentStream(
                chunks=self._chunks(response, operation, max_bytes),
                content_type=response.headers.get("Content-Type", ""),
                size=_announced(response),
            )
        finally:
            response.close()

    def redact(self, words: str) -> str:
        """Take our secrets out of words of the source's, before they are shown or kept."""
        for secret in self._secrets:
            words = words.replace(secret, "[secret]")
        return words

    def close(self) -> None:
        """Give back sockets."""
        self._adapter.close()

    # --- steps of one exchange ---------------------------------------------------

    def _once(
        self,
        method: str,
        url: str,
        sent: Form | None,
        own: Mapping[str, str],
        call: Call,
        operation: str,
        accept_status: frozenset[int],
        max_bytes: int,
        rows: Mapping[int, type[BridgeError]] | None,
    ) -> Answer | str:
        """Ask once: the answer, or the address it redirects to."""
        started = time.monotonic()
        headers = {"Accept": "application/json"} | self._headers | dict(own)
        if sent is not None:
            headers["Content-Type"] = sent.media_type
        data = sent.content if sent else None
        response = self._exchange(method, url, data, headers, call, operation)
        status = response.status_code
        is_done = False
        try:
            if status in accept_status:
                content = b"".join(self._chunks(response, operation, max_bytes))
            else:
                self._drain(response)
                location = _location(response, url)
                if location is not None:
                    return location
                raise self._error(response, operation, rows or {})
            is_done = True
        finally:
            if not is_done:
                response.close()
            logger.debug(
                "source asked",
                extra={
                    "source": self.source,
                    "operation": operation,
                    "status": status,
                    "seconds": round(time.monotonic() - started, 4),
                },
            )
        headers_read = {name.lower(): value for name, value in response.headers.items()}
        return Answer(status, headers_read, content, url, self.source, operation)

    def _exchange(
        self,
        method: str,
        url: str,
        data: bytes | None,
        headers: Mapping[str, str],
        call: Call,
        operation: str,
    ) -> requests.Response:
        left = call.seconds_left
        if left <= 0:
            raise Unreachable(
                "the deadline passed before the call", source=self.source, operation=operation
            )
        if self._process != os.getpid():  # sockets do not survive a fork
            self._adapter, self._process = _Adapter(self._policy), os.getpid()
        _frame.deadline, _frame.silence = call.deadline, self._policy.silence_seconds
        timeout = (min(self._policy.connect_seconds, left), min(left, _frame.silence))
        try:
            request = _prepare(method, url, data, headers)
            return self._adapter.send(
                request, stream=True, timeout=timeout, verify=self._policy.ca_file or True
            )
        except _CAUGHT as problem:
            failed = self._translated(problem, operation)
        # Outside the handler: libraries put whole URLs into their errors.
        self._adapter.resolver.forget()
        raise failed

    def _chunks(
        self, response: requests.Response, operation: str, max_bytes: int
    ) -> Iterator[bytes]:
        size = _announced(response)
        if size is not None and size > max_bytes:
            raise self._too_large(operation)
        total = 0
        failed: BridgeError | None = None
        while failed is None:
            try:
                chunk = response.raw.read1(_CHUNK, decode_content=True)
            except _CAUGHT as problem:
                chunk, failed = b"", self._translated(problem, operation)
            if not chunk:
                break
            total += len(chunk)
            if total > max_bytes:
                failed = self._too_large(operation)
            else:
                yield chunk
        if failed is not None:
            response.close()
            raise failed
        response.raw.release_conn()

    def _drain(self, response: requests.Response) -> None:
        """Read a short refusal to its end, so that the connection can be used again."""
        try:
            for _ in self._chunks(response, "", _ERROR_BODY_BYTES):
                pass
        except BridgeError:
            response.close()

    def _too_large(self, operation: str) -> BridgeError:
        return Refused("the answer is too large", source=self.source, operation=operation)

    def _translated(self, problem: Exception, operation: str) -> BridgeError:
        inner: BaseException | None = problem
        # requests wraps a refusal of ours that is raised inside urllib3.
        while inner is not None and not isinstance(inner, AddressRefused):
            inner = inner.__context__
        found = inner if isinstance(inner, Exception) else problem
        kind, words = next((row[1], row[2]) for row in EXCEPTIONS if isinstance(found, row[0]))
        return kind(words, source=self.source, operation=operation)

    def _error(
        self,
        response: requests.Response,
        operation: str,
        rows: Mapping[int, type[BridgeError]],
    ) -> BridgeError:
        status = response.status_code
        hint = retry_after_seconds(response.headers.get("Retry-After"))
        kind = rows.get(status) or self._rows.get(status) or STATUSES.get(status)
        if kind is None:
            kind = STATUS_GROUPS.get(status // 100, ContractViolation)
            if status == http.HTTPStatus.SERVICE_UNAVAILABLE and hint is not None:
                kind = Throttled
        words = STATUS_WORDS.get(kind, "the call failed")
        if issubclass(kind, Throttled):
            hint = self._throttle_seconds if hint is None else hint
            return kind(
                words, retry_after=hint, source=self.source, operation=operation, status=status
            )
        return kind(words, source=self.source, operation=operation, status=status)

    # --- addresses ---------------------------------------------------------------

    def _is_home(self, parts: SplitResult) -> bool:
        return _origin(parts) == _origin(self._base)

    def _check_target(self, url: str, operation: str) -> None:
        problem = address_problem(url, self._policy)
        if not problem:
            parts = urlsplit(url)
            host, port = parts.hostname or "", _port(parts)
            usual = port == _DEFAULT_PORTS[parts.scheme]
            allowed = {name.lower() for name in self._policy.allowed_hosts}
            known = host == self._base.hostname or host in allowed
            if not (self._is_home(parts) or (known and usual) or f"{host}:{port}" in allowed):
                problem = "its host is not allowed"
        if problem:
            raise Refused(
                f"the address is refused: {problem}", source=self.source, operation=operation
            )


def _checked_headers(headers: Mapping[str, str], source: str) -> dict[str, str]:
    for name, value in headers.items():
        if not re.fullmatch(r"[!-9;-~]+", name) or not re.fullmatch(r"[\x20-\x7e]*", value):
            raise BadRequest(
                f"the header {name} holds characters that cannot be sent", source=source
            )
    return dict(headers)


def _port(parts: SplitResult) -> int:
    return parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)


def _origin(parts: SplitResult) -> tuple[str, str | None, int]:
    return parts.scheme, parts.hostname, _port(parts)


def _prepare(
    method: str, url: str, data: bytes | None, headers: Mapping[str, str]
) -> requests.PreparedRequest:
    request = requests.PreparedRequest()
    request.prepare_method(method)
    request.prepare_url(url, None)
    parts = urlsplit(request.url or "")
    request.headers = CaseInsensitiveDict(
        {"User-Agent": USER_AGENT, "Accept-Encoding": "gzip"}
        | dict(headers)
        | {"Host": parts.netloc}
    )
    request.body = data
    if data is not None:
        request.headers["Content-Length"] = str(len(data))
    return request


def _location(response: requests.Response, url: str) -> str | None:
    target = response.headers.get("Location")
    if response.status_code not in _REDIRECTS or not target:
        return None
    return urljoin(url, target)


def _announced(response: requests.Response) -> int | None:
    text = response.headers.get("Content-Length", "")
    if response.headers.get("Content-Encoding") or not text.isdecimal():
        return None
    return int(text)
