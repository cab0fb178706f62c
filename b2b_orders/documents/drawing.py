"""Having a page drawn in a child process, which is killed when it takes too long or too much."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar, Final

from b2b_orders.common.errors import ProductError
from b2b_orders.documents.reading.pdf import look_into

MAX_XML_BYTES: Final = 2_000_000
SECONDS: Final = 60.0
# Which pages are the same: those of one library and one way of asking it.
EDITION: Final = f"{version('brazilfiscalreport')}-1"
_SCRIPT: Final = Path(__file__).with_name("renderer.py")
# What the child says of a page that it could not draw, in a word.
FAILURES: Final = frozenset(
    {
        "render-unreadable",
        "render-characters",
        "render-layout",
        "render-memory",
        "render-too-large",
    }
)
# Failures that another attempt may not meet: the machine was busy, or it was killed.
_PASSING: Final = frozenset({"render-time", "render-memory", "render-crashed"})
_KNOWN: Final = FAILURES | _PASSING


class NotDrawn(ProductError):
    """A page could not be drawn; `reason` is a code. Trying again helps only if `is_passing`."""

    code: ClassVar[str] = "not-drawn"

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail

    @property
    def is_passing(self) -> bool:
        """Say whether another attempt may end otherwise."""
        return self.reason in _PASSING


def draw(
    kind: str, xml: bytes, *, is_cancelled: bool, issuer: str = "", seconds: float = SECONDS
) -> bytes:
    """Return the PDF of an XML that passed its check, or raise `NotDrawn`.

    The child has no environment: no secrets, no proxies, no Python settings of ours.
    """
    if len(xml) > MAX_XML_BYTES:
        raise NotDrawn("render-too-large")
    mark = "cancelled" if is_cancelled else "valid"
    command = [sys.executable, "-I", str(_SCRIPT), kind, mark, issuer.replace("\0", "")]
    try:
        done = subprocess.run(  # noqa: S603 our own script; what comes from outside is data
            command, input=xml, capture_output=True, timeout=seconds, env={}, cwd="/", check=False
        )
    except subprocess.TimeoutExpired as error:
        raise NotDrawn("render-time") from error
    if done.returncode:
        reason, _, detail = done.stderr.decode(errors="replace").strip().partition(" ")
        if done.returncode in {-signal.SIGXCPU, -signal.SIGALRM}:
            reason = "render-time"
        raise NotDrawn(reason if reason in _KNOWN else "render-crashed", detail[-200:])
    # What a library makes of a stranger's file is checked like a stranger's file.
    look = look_into(io.BytesIO(done.stdout))
    if look.damage or look.active or look.is_locked:
        raise NotDrawn("render-layout", " ".join((look.damage, *look.active)).strip())
    return done.stdout
