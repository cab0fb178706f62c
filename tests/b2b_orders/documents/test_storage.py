"""Where fetched files are kept: a directory, or a bucket of the S3 protocol."""

from __future__ import annotations

import hashlib
import io
import socket
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from django.core.files import File
from django.core.files.storage import storages
from django.utils import timezone
from moto.server import ThreadedMotoServer

from b2b_orders.documents import keeping, storage
from b2b_orders.documents.models import StoredFile
from b2b_orders.documents.services import open_download
from erp_bridge.connector import DocumentStream
from erp_bridge.errors import Refused, Unreachable
from tests.b2b_orders.documents.conftest import as_web
from tests.b2b_orders.documents.files import make_pdf
from tests.erp_bridge.loopback import Asked, loopback
from tests.factories import NOW, make_document, make_order

pytestmark = pytest.mark.django_db

BUCKET, PREFIX = "documents", "portal/files"
CREDENTIALS = {"access_key": "AKIDEXAMPLE", "secret_key": "example-of-a-secret"}
LARGE = bytes(range(256)) * 20_000


def kept(content: bytes, content_type: str = "application/pdf") -> StoredFile:
    return storage.keep(storage.spooled_bytes(content), content_type=content_type, now=NOW)


def name_of(content: bytes) -> str:
    sha256 = hashlib.sha256(content).hexdigest()
    return f"{sha256[:2]}/{sha256}"


def read(stored: StoredFile) -> bytes:
    held = storage.look(stored)
    assert held is not None
    with held.open() as file:
        return file.read()


class Breaking(io.BytesIO):
    """A file that cannot be read to its end."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() > len(self.getvalue()) // 3:
            raise OSError("the disk is gone")
        return super().read(size)


# --- taking in -------------------------------------------------------------------------------


def test_a_file_announced_too_large_is_not_read():
    asked: list[int] = []

    def chunks() -> Iterator[bytes]:
        asked.append(1)
        yield b"x"

    with (
        pytest.raises(Refused),
        storage.spool(DocumentStream(chunks(), "", 1_000_001), max_bytes=1_000_000),
    ):
        pass
    assert asked == []


@pytest.mark.parametrize("announced", [3, 5])
def test_a_file_of_another_length_than_announced_is_not_taken_in(announced):
    with (
        pytest.raises(Unreachable),
        storage.spool(DocumentStream(iter([b"ab", b"cd"]), "", announced), max_bytes=100),
    ):
        pass


# --- a directory -----------------------------------------------------------------------------


@pytest.fixture
def directory(settings, tmp_path) -> Path:
    settings.STORAGES = settings.STORAGES | {
        "documents": {
            "BACKEND": "b2b_orders.documents.backends.DocumentDirectory",
            "OPTIONS": {"location": str(tmp_path / "kept"), "base_url": None},
        }
    }
    return tmp_path / "kept"


def files_in(directory: Path) -> list[str]:
    return sorted(str(p.relative_to(directory)) for p in directory.rglob("*") if p.is_file())


@pytest.mark.parametrize("content", [b"small", LARGE], ids=["small", "large"])
def test_a_file_is_kept_under_its_hash_and_comes_back(directory, content):
    stored = kept(content)

    assert (stored.sha256, stored.size) == (hashlib.sha256(content).hexdigest(), len(content))
    assert files_in(directory) == [name_of(content)]
    assert read(stored) == content
    assert kept(content).pk == stored.pk


def test_a_file_that_cannot_be_written_whole_leaves_nothing(directory):
    spooled = storage.Spooled(Breaking(LARGE), hashlib.sha256(LARGE).hexdigest(), len(LARGE))

    with pytest.raises(OSError, match="the disk is gone"):
        storage.keep(spooled, content_type="application/pdf", now=NOW)

    assert (files_in(directory), StoredFile.objects.count()) == ([], 0)


def test_what_a_killed_process_left_half_written_is_swept_up_after_a_day(directory):
    kept(b"x")
    (directory / ".incoming" / "tmpabc").write_bytes(b"half")
    now = timezone.now()

    assert storage.sweep_incoming(now=now, age=timedelta(days=1)) == 0
    assert storage.sweep_incoming(now=now + timedelta(days=2), age=timedelta(days=1)) == 1
    assert files_in(directory) == [name_of(b"x")]


def test_nobody_else_on_the_machine_reads_the_files(directory):
    kept(b"x")

    assert (directory / name_of(b"x")).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("size", [1, 7, 4096, 65_536, 1_000_000, -1])
def test_a_large_file_is_read_in_any_pieces(directory, size):
    held = storage.look(kept(LARGE))
    assert held is not None
    assert held.content is None

    with held.open() as file:
        got = file.read(10_000) if size == 1 else b"".join(iter(lambda: file.read(size), b""))

    assert got == (LARGE[: len(got)] if size == 1 else LARGE)


@pytest.mark.parametrize("change", [b"", b"x", LARGE[:-1] + b"?", LARGE + b"?"])
def test_a_large_file_that_is_another_one_does_not_come_to_an_end(directory, change):
    stored = kept(LARGE)
    (directory / name_of(LARGE)).write_bytes(change)
    told: list[int] = []

    with (
        storage.open_stored(stored, lambda: told.append(1)) as file,
        pytest.raises(storage.CorruptFile),
    ):
        list(iter(lambda: file.read(5000), b""))

    assert told == [1]


# --- a bucket --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@pytest.fixture
def bucket(settings, s3_url) -> Iterator[Any]:
    resource_ = boto3.resource(
        "s3",
        endpoint_url=s3_url,
        region_name="us-east-1",
        aws_access_key_id=CREDENTIALS["access_key"],
        aws_secret_access_key=CREDENTIALS["secret_key"],
    )
    made = resource_.create_bucket(Bucket=BUCKET)
    settings.STORAGES = settings.STORAGES | {
        "documents": {
            "BACKEND": "b2b_orders.documents.backends.DocumentBucket",
            "OPTIONS": {
                "bucket": BUCKET,
                "prefix": PREFIX,
                "endpoint": s3_url,
                "region": "us-east-1",
                "encryption": "AES256",
                **CREDENTIALS,
            },
        }
    }
    yield made
    for upload in made.multipart_uploads.all():
        upload.abort()
    made.objects.all().delete()
    made.delete()


def keys_of(bucket: Any) -> list[str]:
    return sorted(entry.key for entry in bucket.objects.all())


@pytest.mark.parametrize("content", [b"small", LARGE], ids=["small", "large"])
def test_a_bucket_keeps_a_file_under_its_hash_private_and_encrypted(bucket, content):
    stored = kept(content)

    assert keys_of(bucket) == [f"{PREFIX}/{name_of(content)}"]
    made = bucket.Object(f"{PREFIX}/{name_of(content)}")
    assert made.server_side_encryption == "AES256"
    grants = made.Acl().grants
    assert [grant["Grantee"]["Type"] for grant in grants] == ["CanonicalUser"]
    assert read(stored) == content
    assert storage.is_held(stored)


def test_what_is_not_in_the_bucket_is_not_held(bucket):
    stored = kept(b"small")
    large = kept(LARGE)
    storage.discard(stored.sha256)
    storage.discard(large.sha256)

    assert (storage.look(stored), storage.look(large)) == (None, None)
    assert (storage.is_held(stored), storage.hash_of(stored)) == (False, "")


def test_an_upload_that_breaks_off_leaves_nothing_in_the_bucket(bucket):
    # Large enough to go up in parts.
    content = LARGE * 4
    spooled = storage.Spooled(Breaking(content), hashlib.sha256(content).hexdigest(), len(content))

    with pytest.raises(OSError, match="the disk is gone"):
        storage.keep(spooled, content_type="application/pdf", now=NOW)

    assert (keys_of(bucket), StoredFile.objects.count()) == ([], 0)
    assert list(bucket.multipart_uploads.all()) == []


def test_a_file_that_changed_in_the_bucket_is_not_handed_out(bucket):
    stored = kept(b"small")
    bucket.put_object(Key=f"{PREFIX}/{name_of(b'small')}", Body=b"smalx")

    with pytest.raises(storage.CorruptFile):
        storage.look(stored)


def test_a_bucket_s_file_is_streamed_and_not_taken_in_whole(settings):
    sent: list[int] = []

    def endless(_asked: Asked, socket_: socket.socket) -> None:
        socket_.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        for _ in range(1000):
            socket_.sendall(bytes(1_000_000))
            sent.append(1_000_000)

    with loopback(endless) as server:
        options = {"bucket": BUCKET, "endpoint": server.url, "region": "us-east-1", **CREDENTIALS}
        settings.STORAGES = settings.STORAGES | {
            "documents": {
                "BACKEND": "b2b_orders.documents.backends.DocumentBucket",
                "OPTIONS": options,
            }
        }
        stored = StoredFile(sha256="0" * 64, size=1_000_000_000)
        with storage.open_stored(stored) as file:
            tracemalloc.start()
            try:
                got = sum(len(file.read(65_536)) for _ in range(320))
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()

    assert got == 320 * 65_536
    assert [asked.method for asked in server.asked] == ["GET"]
    # What is between us on the way is in the sockets.
    assert sum(sent) < got + 20_000_000
    assert peak < 5_000_000


def test_a_bucket_gives_no_file_an_address(bucket):
    kept(b"small")

    with pytest.raises(NotImplementedError):
        storages["documents"].url(name_of(b"small"))


def test_bytes_of_nobody_are_found_in_a_bucket_once_they_are_a_day_old(bucket):
    content = b"orphan"
    storages["documents"].save(name_of(content), File(io.BytesIO(content)))
    # Not one of ours, and so none of our business.
    storages["documents"].save("packs/part-1.zip", File(io.BytesIO(b"zip")))
    part = name_of(content)[:2]
    now = timezone.now()

    assert list(keeping.orphans(part, now=now)) == []
    found = list(keeping.orphans(part, now=now + timedelta(days=2)))

    assert found == [hashlib.sha256(content).hexdigest()]


def test_a_document_is_handed_out_from_a_bucket(bucket, cast, bruno, actor, source):
    document = make_document(make_order(cast.alfa, establishment=cast.alfa_main))
    source.files["danfe-1"] = pdf = make_pdf()
    got = []

    for _ in range(2):
        with as_web(bruno):
            download = open_download(
                viewer=bruno, actor=actor, public_id=document.public_id, source=source, now=NOW
            )
        with download.open() as file:
            got.append(file.read())

    assert got == [pdf, pdf]
    assert len(source.asked) == 1


def test_no_secret_of_the_bucket_is_in_an_error(bucket, settings):
    options = settings.STORAGES["documents"]["OPTIONS"] | {"bucket": "another"}
    settings.STORAGES = settings.STORAGES | {
        "documents": settings.STORAGES["documents"] | {"OPTIONS": options}
    }

    with pytest.raises(Exception, match="NoSuchBucket") as caught:
        kept(LARGE)

    assert CREDENTIALS["secret_key"] not in str(caught.value)
    assert StoredFile.objects.count() == 0
