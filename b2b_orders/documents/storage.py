"""Files that we hold, by the SHA-256 of their bytes, in `STORAGES["documents"]`."""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import IO, cast

from django.core.files import File
from django.core.files.storage import Storage, storages

from b2b_orders.documents.models import StoredFile
from erp_bridge.connector import DocumentStream
from erp_bridge.errors import Refused, Unreachable

# Up to this size a file being fetched stays in memory, beyond it goes to disk.
_IN_MEMORY = 1_000_000


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
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
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


def unpacked(spooled: Spooled, decoded: bytes | None) -> Spooled:
    """Take what a file turned out to hold in its place; the file itself with None."""
    if decoded is None:
        return spooled
    return Spooled(io.BytesIO(decoded), hashlib.sha256(decoded).hexdigest(), len(decoded))


def keep(spooled: Spooled, *, content_type: str, now: datetime) -> StoredFile:
    """Put a checked file into the store, once for the same bytes, and return its row."""
    storage, name = _storage(), _name(spooled.sha256)
    if not _is_whole(storage, name, spooled.size):
        # What is there under this name broke off when a process died.
        storage.delete(name)
        spooled.file.seek(0)
        saved = storage.save(name, File(spooled.file))
        if saved != name:
            # Another process stored the same bytes between our look and our save.
            storage.delete(saved)
    row = StoredFile(
        sha256=spooled.sha256, size=spooled.size, content_type=content_type, stored_at=now
    )
    StoredFile.objects.bulk_create([row], ignore_conflicts=True)
    return StoredFile.objects.get(pk=spooled.sha256)


def is_held(stored: StoredFile | None) -> bool:
    """Say whether the bytes of a row are really there, whole."""
    return stored is not None and _is_whole(_storage(), _name(stored.sha256), stored.size)


def open_stored(stored: StoredFile) -> IO[bytes]:
    """Open the bytes of a stored file; the caller closes it."""
    opened: IO[bytes] = cast("IO[bytes]", _storage().open(_name(stored.sha256), "rb"))
    return opened


def _storage() -> Storage:
    return storages["documents"]


def _name(sha256: str) -> str:
    return f"{sha256[:2]}/{sha256}"


def _is_whole(storage: Storage, name: str, size: int) -> bool:
    return storage.exists(name) and storage.size(name) == size
