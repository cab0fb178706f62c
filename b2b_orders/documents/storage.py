"""Files that we hold, by the SHA-256 of their bytes, in `STORAGES["documents"]`.

What is handed out is what was once checked: a file of another size, or with another hash, is
none of ours. A small one is read and hashed before anybody gets a byte of it, a large one
while it is streamed, with its end kept back until its hash is known to be right.
"""

from __future__ import annotations

import hashlib
import io
import logging
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO, Final, cast

from django.core.files import File
from django.core.files.storage import FileSystemStorage, Storage, storages

from b2b_orders.common import tenancy
from b2b_orders.documents.backends import INCOMING
from b2b_orders.documents.models import StoredFile
from erp_bridge.connector import DocumentStream
from erp_bridge.errors import Refused, Unreachable

logger = logging.getLogger(__name__)
# Up to this size a file stays in memory, being fetched or being handed out.
IN_MEMORY: Final = 1_000_000
PIECE: Final = 64 * 1024
_NAME = re.compile(r"[0-9a-f]{64}")


class CorruptFile(OSError):
    """What is in the store under a hash has another one: broken off, or changed."""


# --- taking in --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Spooled:
    """A whole file just fetched, open for reading and gone when closed."""

    file: IO[bytes]
    sha256: str
    size: int


@contextmanager
def spool(stream: DocumentStream, *, max_bytes: int) -> Iterator[Spooled]:
    """Take in a stream to its end; `Refused` beyond the limit, `Unreachable` when it breaks off."""
    digest, size = hashlib.sha256(), 0
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as file:
        if stream.size is not None and stream.size > max_bytes:
            raise Refused("the file is too large", operation="file")
        for chunk in stream.chunks:
            size += len(chunk)
            if size > max_bytes:
                raise Refused("the file is too large", operation="file")
            digest.update(chunk)
            file.write(chunk)
        if stream.size is not None and stream.size != size:
            raise Unreachable("the file broke off", operation="file")
        file.seek(0)
        yield Spooled(cast("IO[bytes]", file), digest.hexdigest(), size)


def spooled_bytes(content: bytes) -> Spooled:
    """Make a whole file of bytes that are here already."""
    return Spooled(io.BytesIO(content), hashlib.sha256(content).hexdigest(), len(content))


def keep(spooled: Spooled, *, content_type: str, now: datetime) -> StoredFile:
    """Put a checked file into the store, once for the same bytes, and return its row.

    The bytes come first: a row without them would be found out at each look, bytes without a
    row are swept up after a day.
    """
    with tenancy.leave():
        _put(spooled)
    row = StoredFile(
        sha256=spooled.sha256, size=spooled.size, content_type=content_type, stored_at=now
    )
    StoredFile.objects.bulk_create([row], ignore_conflicts=True)
    return StoredFile.objects.get(pk=spooled.sha256)


def _put(spooled: Spooled) -> None:
    storage, name = _storage(), _name(spooled.sha256)
    if _size(storage, name) == spooled.size:
        return
    # What may be there under this name broke off when a process died.
    storage.delete(name)
    spooled.file.seek(0)
    saved = storage.save(name, File(spooled.file))
    if saved != name:
        # Another process stored the same bytes between our look and our save.
        storage.delete(saved)


# --- handing out ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Held:
    """A file that is there. A small one was read and is right; a large one is whole."""

    stored: StoredFile
    content: bytes | None = None

    def open(self, on_corrupt: Callable[[], None] = lambda: None) -> IO[bytes]:
        """Open the bytes; `CorruptFile` at their end when they are not what was stored."""
        if self.content is not None:
            return io.BytesIO(self.content)
        return open_stored(self.stored, on_corrupt)


def look(stored: StoredFile | None) -> Held | None:
    """Give a file of ours if it is there and whole; `CorruptFile` when it is another one."""
    if stored is None:
        return None
    storage, name = _storage(), _name(stored.sha256)
    if stored.size > IN_MEMORY:
        return Held(stored) if _size(storage, name) == stored.size else None
    try:
        with storage.open(name, "rb") as file:
            content: bytes = file.read(stored.size + 1)
    except FileNotFoundError:
        return None
    if len(content) != stored.size:
        return None
    if hashlib.sha256(content).hexdigest() != stored.sha256:
        raise CorruptFile(f"{stored.sha256} is not what it was")
    return Held(stored, content)


def is_held(stored: StoredFile | None) -> bool:
    """Say whether the bytes of a row are there, of the right size; asks the store."""
    return stored is not None and _size(_storage(), _name(stored.sha256)) == stored.size


def open_stored(stored: StoredFile, on_corrupt: Callable[[], None] = lambda: None) -> IO[bytes]:
    """Open the bytes of a stored file, hashed as they are read; the caller closes it."""
    opened = _storage().open(_name(stored.sha256), "rb")
    return cast("IO[bytes]", VerifiedFile(cast("IO[bytes]", opened), stored, on_corrupt))


class VerifiedFile(io.RawIOBase):
    """Reads a stored file and keeps its last piece back until its hash has proved right.

    Whoever gets less than announced knows that the file is no good: browsers and ZIP writers
    fail, where a wrong file of the right length would pass for the document.
    """

    def __init__(self, file: IO[bytes], stored: StoredFile, on_corrupt: Callable[[], None]) -> None:
        self._file = file
        self._stored = stored
        self._on_corrupt = on_corrupt
        self._digest = hashlib.sha256()
        self._left = stored.size
        self._ready: memoryview = memoryview(b"")

    def readable(self) -> bool:
        """Say that it is for reading."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # typeshed: Buffer
        """Fill a buffer with what comes next; nothing at the end."""
        if not self._ready:
            self._ready = memoryview(self._next_piece())
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def read(self, size: int = -1) -> bytes:
        """Read so many bytes, or all that are left."""
        if size < 0:
            return self.readall()
        # Whole pieces where possible: a WSGI server asks for a few kilobytes at a time.
        if not self._ready:
            piece = self._next_piece()
            if len(piece) <= size:
                return piece
            self._ready = memoryview(piece)
        taken = bytes(self._ready[:size])
        self._ready = self._ready[size:]
        return taken

    def _next_piece(self) -> bytes:
        if self._left <= 0:
            return b""
        piece = self._file.read(min(PIECE, self._left))
        self._left -= len(piece)
        self._digest.update(piece)
        is_broken = not piece
        if is_broken or (self._left == 0 and not self._is_right()):
            self._left = 0
            self._on_corrupt()
            raise CorruptFile(f"{self._stored.sha256} is not what it was")
        return piece

    def _is_right(self) -> bool:
        return self._digest.hexdigest() == self._stored.sha256 and not self._file.read(1)

    def close(self) -> None:
        """Close what it reads."""
        if not self.closed:
            self._file.close()
        super().close()


# --- looking after ------------------------------------------------------------------------


def hash_of(stored: StoredFile) -> str:
    """Hash what is in the store for a row, in pieces; "" when nothing is."""
    digest = hashlib.sha256()
    try:
        with _storage().open(_name(stored.sha256), "rb") as file:
            while piece := file.read(PIECE):
                digest.update(piece)
    except FileNotFoundError:
        return ""
    return digest.hexdigest()


def discard(sha256: str) -> None:
    """Take the bytes of a hash out of the store; nothing happens when none are there."""
    _storage().delete(_name(sha256))


def list_held(first: str) -> Iterator[str]:
    """List the hashes in the store that begin with two hexadecimal digits."""
    storage = _storage()
    try:
        _, files = storage.listdir(first)
    except FileNotFoundError:
        return
    for name in files:
        if _NAME.fullmatch(name) and name.startswith(first):
            yield name


def is_older(sha256: str, than: datetime) -> bool:
    """Say whether bytes were put into the store before a moment."""
    try:
        return _storage().get_modified_time(_name(sha256)) < than
    except FileNotFoundError:
        return False


def sweep_incoming(*, now: datetime, age: timedelta) -> int:
    """Delete what killed processes left of files half written; return how many."""
    storage = _storage()
    if not isinstance(storage, FileSystemStorage) or not storage.exists(INCOMING):
        return 0
    count = 0
    for name in storage.listdir(INCOMING)[1]:
        path = f"{INCOMING}/{name}"
        if storage.get_modified_time(path) < now - age:
            storage.delete(path)
            count += 1
    return count


def _storage() -> Storage:
    return storages["documents"]


def _name(sha256: str) -> str:
    return f"{sha256[:2]}/{sha256}"


def _size(storage: Storage, name: str) -> int | None:
    """Ask the store for a size, in one question; None when there is nothing."""
    try:
        return storage.size(name)
    except FileNotFoundError:
        return None
