"""What can go wrong between us and a source, as one tree.

    BridgeError
    ├── TransientError          worth another try
    │   ├── Unreachable         no connection, DNS, TLS, or the deadline passed
    │   ├── Throttled           429, or 503 with a hint; `retry_after` in seconds
    │   └── SourceFailing       5xx
    └── TerminalError           the same call would fail again
        ├── CredentialsRejected 401, and 403 of a whole connection
        ├── NotFound            the source says so, or the order is another company's
        ├── BadRequest          the source refuses what we asked
        ├── Unsupported         the connector does not claim this ability
        ├── Refused             we refuse: address not allowed, too large, wrong kind of file
        ├── ContractViolation   the answer is not what the contract says
        └── WrongOwner          the answer belongs to another company

Callers branch on the class, never on the text. Messages name the source, the
operation and the place in the answer; never a payload, a secret or a full URL.
"""

from __future__ import annotations

from typing import ClassVar


class BridgeError(Exception):
    """Anything a source did, or failed to do.

    `code` is stable and is what pages and operators' lists word;
    `counts_for_breaker` says whether repeated failures mean that the source is down;
    `is_of_source` is set when the source as a whole is at fault, or was left alone for that,
    so that the failure says nothing of the thing that was wanted; `payload` is the answer that
    could not be used, without what must never be stored, where there is one.
    """

    code: ClassVar[str] = "bridge"
    retryable: ClassVar[bool] = False
    counts_for_breaker: ClassVar[bool] = False
    is_of_source: bool = False
    payload: bytes = b""

    def __init__(
        self,
        message: str,
        *,
        source: str = "",
        operation: str = "",
        status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.source = source
        self.operation = operation
        self.status = status

    def __str__(self) -> str:
        where = " ".join(part for part in (self.source, self.operation) if part)
        status = f" (HTTP {self.status})" if self.status else ""
        return f"{where}: {self.message}{status}" if where else f"{self.message}{status}"


class TransientError(BridgeError):
    """Worth another try, later."""

    code = "transient"
    retryable = True
    counts_for_breaker = True


class Unreachable(TransientError):
    """No connection, or no answer before the deadline."""

    code = "unreachable"


class Throttled(TransientError):
    """The source asks us to slow down; `retry_after` is in seconds, None when it gave no hint."""

    code = "throttled"
    counts_for_breaker = False

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        source: str = "",
        operation: str = "",
        status: int | None = None,
    ) -> None:
        super().__init__(message, source=source, operation=operation, status=status)
        self.retry_after = retry_after


class SourceFailing(TransientError):
    """The source answered that it failed (5xx)."""

    code = "source-failing"


class TerminalError(BridgeError):
    """The same call would fail again."""

    code = "terminal"


class CredentialsRejected(TerminalError):
    """The key, token or address of ours is refused: somebody must change the connection."""

    code = "credentials-rejected"
    counts_for_breaker = True


class NotFound(TerminalError):
    """The source does not have it, or has it for another company: the same answer."""

    code = "not-found"


class BadRequest(TerminalError):
    """The source refuses what we asked."""

    code = "bad-request"


class Unsupported(TerminalError):
    """The connector does not claim this ability."""

    code = "unsupported"


class Refused(TerminalError):
    """We refuse: an address that is not allowed, a body that is too large, a wrong kind of file."""

    code = "refused"


class ContractViolation(TerminalError):
    """The answer is not what the contract says; `path` names the place (`items[3].price`)."""

    code = "contract-violation"
    counts_for_breaker = True

    def __init__(
        self,
        message: str,
        *,
        path: str = "",
        source: str = "",
        operation: str = "",
        status: int | None = None,
    ) -> None:
        super().__init__(
            f"{message} at {path}" if path else message,
            source=source,
            operation=operation,
            status=status,
        )
        self.path = path


class WrongOwner(TerminalError):
    """The answer belongs to another company: refuse it and alarm."""

    code = "wrong-owner"


class ConfigError(ValueError):
    """A setting of a connection cannot be used; `field` says which, `message` what to do."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message
