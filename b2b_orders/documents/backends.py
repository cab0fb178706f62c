"""The two places where documents are kept: a directory, or a bucket of the S3 protocol."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final

from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError
from django.core.files import File
from django.core.files.storage import FileSystemStorage
from storages.backends.s3 import S3Storage

# Where a directory's files are until they are whole; nobody looks for a document there.
INCOMING: Final = ".incoming"


class DocumentDirectory(FileSystemStorage):
    """Files in a directory that appear whole or not at all, whatever dies meanwhile."""

    def _save(self, name: str, content: Any) -> str:
        target = Path(self.path(name))
        incoming = Path(self.path(INCOMING))
        for directory in (incoming, target.parent):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, written = tempfile.mkstemp(dir=incoming)
        try:
            with os.fdopen(handle, "wb") as file:
                for chunk in content.chunks():
                    file.write(chunk)
                file.flush()
                # A power cut must not leave a name without its bytes.
                os.fsync(file.fileno())
            Path(written).replace(target)
        except BaseException:
            Path(written).unlink(missing_ok=True)
            raise
        return name

    def get_available_name(self, name: str, max_length: int | None = None) -> str:  # noqa: ARG002 Django's
        """Keep the name: it says what the bytes are, and a file of that name is replaced."""
        return name


class DocumentBucket(S3Storage):  # type: ignore[misc] # it brings no types
    """Files in a private bucket: streamed in pieces, never given an address of their own."""

    def __init__(
        self,
        *,
        bucket: str,
        prefix: str = "",
        endpoint: str = "",
        region: str = "",
        access_key: str = "",
        secret_key: str = "",
        encryption: str = "",
        encryption_key: str = "",
    ) -> None:
        written: dict[str, str] = {}
        if encryption:
            written["ServerSideEncryption"] = encryption
        if encryption_key:
            written["SSEKMSKeyId"] = encryption_key
        super().__init__(
            bucket_name=bucket,
            location=prefix,
            endpoint_url=endpoint or None,
            region_name=region or None,
            access_key=access_key or None,
            secret_key=secret_key or None,
            object_parameters=written,
            default_acl=None,
            # Names say what the bytes are: the same name is the same file.
            file_overwrite=True,
            querystring_auth=True,
            client_config=Config(
                signature_version="s3v4",
                # Servers that are not Amazon's know the path style, and not the newest sums.
                s3={"addressing_style": "path" if endpoint else "auto"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                connect_timeout=5,
                read_timeout=20,
                retries={"total_max_attempts": 3, "mode": "standard"},
            ),
            # In the calling thread: eight parts at once would be in memory eight times.
            transfer_config=TransferConfig(use_threads=False),
        )

    def _open(self, name: str, mode: str = "rb") -> File[bytes]:
        """Open an object for reading as it comes; the parent would take it in whole first."""
        if mode != "rb":
            opened: File[bytes] = super()._open(name, mode)
            return opened
        key = self._normalize_name(name)
        try:
            answer: Mapping[str, Any] = self.bucket.Object(key).get()
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                raise FileNotFoundError(name) from error
            raise
        body: IO[bytes] = answer["Body"]
        return File(body, name=name)

    def url(self, name: str, *_args: Any, **_kwargs: Any) -> str:
        """Refuse: whoever may have a document gets it through the portal."""
        raise NotImplementedError("documents have no address of their own")
