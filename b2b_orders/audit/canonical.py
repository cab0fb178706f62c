"""The one way in which lines of the record are written down to be hashed: pure.

A seal covers lines in the order of their ids. Of each line there is a digest of all it says
but the address, because addresses are kept for a shorter time than lines: they are hashed
apart, with a nonce that goes when they go. What is left of them then is a hash that nobody can
try addresses against.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

# What the first seal is said to follow.
NOTHING: Final = "0" * 64
MARK: Final = 16
_HALF: Final = MARK // 2
_RANGE: Final = re.compile(r"\[(\d+),(\d+)\)")

# Moments in microseconds and details as PostgreSQL writes them: nothing to parse, and the same
# on every machine.
COLUMNS: Final = (
    "e.id, (extract(epoch FROM e.at) * 1000000)::bigint, e.action, e.person_id, e.staff_role,"
    " e.company_id, e.object_kind, e.object_id, e.reason, e.request_id, e.detail::text,"
    " host(e.address)"
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it is hashed: its id, its moment in microseconds, and its two parts."""

    id: int
    at: int
    digest: bytes
    address: bytes


def line_of(row: Sequence[object]) -> Line:
    """Read a line from a row of `COLUMNS`."""
    *said, address = row
    written = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    digest = hashlib.sha256(written.encode()).digest()
    return Line(int(str(row[0])), int(str(row[1])), digest, str(address or "").encode())


def mark_of(line: Line, nonce: bytes) -> bytes:
    """Write the mark of a line: half for what it says, half for its address."""
    addressed = hashlib.sha256(nonce + line.digest + line.address).digest()
    return line.digest[:_HALF] + addressed[:_HALF]


def is_marked(line: Line, mark: bytes, nonce: bytes) -> bool:
    """Say whether a line is the one that was marked; without the nonce, but for its address."""
    if not nonce:
        return mark[:_HALF] == line.digest[:_HALF] and not line.address
    return mark == mark_of(line, nonce)


class Batch:
    """The lines of one seal, hashed as they come."""

    def __init__(self, nonce: bytes) -> None:
        self._nonce = nonce
        self._lines = hashlib.sha256()
        self._addresses = hashlib.sha256(nonce)
        self.count = 0
        self.marks = bytearray()

    def add(self, line: Line) -> None:
        """Take in the next line, by id."""
        self._lines.update(line.digest)
        self._addresses.update(hashlib.sha256(self._nonce + line.digest + line.address).digest())
        self.marks += mark_of(line, self._nonce)
        self.count += 1

    @property
    def lines_hash(self) -> str:
        """Return the hash of all that the lines say, but for addresses."""
        return self._lines.hexdigest()

    @property
    def addresses_hash(self) -> str:
        """Return the hash of the addresses."""
        return self._addresses.hexdigest()


def seal_hash(
    *,
    number: int,
    sealed_at: int,
    previous: str,
    ids: str,
    count: int,
    lines_hash: str,
    addresses_hash: str,
) -> str:
    """Hash a seal: it stands for its lines, its time, its place, and all seals before it."""
    said = [number, sealed_at, previous, ids, count, lines_hash, addresses_hash]
    return hashlib.sha256(json.dumps(said, separators=(",", ":")).encode()).hexdigest()


def write_ids(ids: Iterable[int]) -> str:
    """Write rising ids as PostgreSQL writes an int8multirange."""
    parts: list[list[int]] = []
    for each in ids:
        if parts and parts[-1][1] == each:
            parts[-1][1] = each + 1
        else:
            parts.append([each, each + 1])
    return "{" + ",".join(f"[{first},{end})" for first, end in parts) + "}"


def read_ids(text: str) -> Iterator[int]:
    """List the ids of a written multirange."""
    for first, end in _RANGE.findall(text):
        yield from range(int(first), int(end))
