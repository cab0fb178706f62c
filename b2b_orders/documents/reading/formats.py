"""What bytes are, by their content: never by a name or a stated content type."""

from __future__ import annotations

import base64
import binascii
import codecs
import io
import re
import struct
import zipfile
from enum import StrEnum
from typing import IO, Final


class Format(StrEnum):
    """What the bytes are."""

    EMPTY = "empty"
    PDF = "pdf"
    HTML = "html"
    XML = "xml"
    JSON = "json"
    PNG = "png"
    JPEG = "jpeg"
    XLSX = "xlsx"
    ZIP = "zip"
    TEXT = "text"
    UNKNOWN = "unknown"


# Larger base64 text is a large text, not a document.
MAX_BASE64_BYTES: Final = 28_000_000
_SIGNATURES: Final = (
    (b"\x89PNG\r\n\x1a\n", Format.PNG),
    (b"\xff\xd8\xff", Format.JPEG),
    (b"PK\x03\x04", Format.ZIP),
    (b"{", Format.JSON),
    (b"[", Format.JSON),
)
_PAGE = re.compile(rb"<(?:!doctype\s+html|html|script|head|body)\b", re.IGNORECASE)
_BASE64 = re.compile(
    rb"(?:data:[a-z/+.\-]{3,60};base64,)?([A-Za-z0-9+/\s]{16,}={0,2}\s*)", re.IGNORECASE
)


def sniff(file: IO[bytes]) -> Format:
    """Say what a file is by its first bytes (and a ZIP's list); leaves the position anywhere."""
    head = file.read(4096)
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if not start:
        return Format.UNKNOWN if len(head) == 4096 else Format.EMPTY
    if start.startswith(b"<"):
        return Format.HTML if _PAGE.search(start) else Format.XML
    found = next((is_ for sign, is_ in _SIGNATURES if start.startswith(sign)), None)
    if found is Format.ZIP:
        return _zip_format(file)
    # Readers take a PDF that begins within the first KiB.
    return found or (Format.PDF if b"%PDF-" in head[:1029] else _text_format(head))


def sniff_bytes(content: bytes) -> Format:
    """Say what bytes are."""
    return sniff(io.BytesIO(content))


def _zip_format(file: IO[bytes]) -> Format:
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error):
        return Format.UNKNOWN
    if "[Content_Types].xml" not in names:
        return Format.ZIP
    # Other Office files, and workbooks with macros, are refused.
    is_workbook = "xl/workbook.xml" in names and not any(
        n.endswith("vbaProject.bin") for n in names
    )
    return Format.XLSX if is_workbook else Format.UNKNOWN


def _text_format(head: bytes) -> Format:
    if head.startswith((b"MZ", b"\x7fELF", b"#!")) or b"\x00" in head:
        return Format.UNKNOWN
    control = sum(byte < 32 and byte not in b"\t\r\n\f" for byte in head)
    return Format.UNKNOWN if control else Format.TEXT


def decode_base64(content: bytes) -> bytes | None:
    """Decode a PDF or an XML that came as base64 text; None for any other text.

    Some ERPs hand files out so. It is done once: base64 inside base64 stays text.
    """
    # JSON strings come with their quotes.
    text = content.removeprefix(codecs.BOM_UTF8).strip().strip(b'"')
    if len(text) > MAX_BASE64_BYTES or not _looks_encoded(text):
        return None
    found = _BASE64.fullmatch(text)
    if found is None:
        return None
    try:
        decoded = base64.b64decode(b"".join(found[1].split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    return decoded if sniff_bytes(decoded) in {Format.PDF, Format.XML} else None


def _looks_encoded(text: bytes) -> bool:
    """Look at the beginning only: most texts are no base64, and some are long."""
    return _BASE64.fullmatch(text[:400].rstrip(b"=").ljust(16, b"A")) is not None
