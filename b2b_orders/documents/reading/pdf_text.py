"""Takes the text out of a PDF in bounded time and memory."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import IO, Final

import pypdf

MAX_BYTES: Final = 5_000_000
MAX_PAGES: Final = 3
MAX_SECONDS: Final = 2.0
MAX_CHARACTERS: Final = 60_000

_LIMITS: Final = pypdf.Configuration().with_overwrites(
    zlib_maximum_output_length=2_000_000,
    lzw_maximum_output_length=2_000_000,
    run_length_maximum_output_length=2_000_000,
    array_based_stream_maximum_output_length=2_000_000,
    stream_decoding_work_maximum_length=8_000_000,
    stream_parsing_work_maximum_count=150_000,
    xform_maximum_invocations_per_extraction=100,
)

# It logs what is odd about a file; what matters of that is found by `pdf.look_into`.
logging.getLogger("pypdf").setLevel(logging.CRITICAL)


class _TooSlow(Exception):
    """The time for one file is over."""


def text_in(file: IO[bytes]) -> str:
    """Read the first pages' text; "" for scans, and for what takes too long or is too much.

    The clock is looked at before each drawing operation, and what one stream may unpack to
    is limited: a page of two megabytes of operators is no paper to pay.
    """
    file.seek(0, 2)
    if file.tell() > MAX_BYTES:
        return ""
    file.seek(0)
    deadline = time.monotonic() + MAX_SECONDS

    def look_at_clock(*_: object) -> None:
        if time.monotonic() > deadline:
            raise _TooSlow

    try:
        with pypdf.apply_configuration(_LIMITS):
            return _text_in(file, look_at_clock)
    except _TooSlow:
        return ""
    except Exception:  # noqa: BLE001 - it raises anything at all for broken files
        return ""


def _text_in(file: IO[bytes], look_at_clock: Callable[..., None]) -> str:
    reader = pypdf.PdfReader(file)
    # With only the owner's password it opens without one.
    if reader.is_encrypted and not reader.decrypt(""):
        return ""
    parts = []
    for number in range(min(MAX_PAGES, len(reader.pages))):
        look_at_clock()
        page = reader.pages[number]
        parts.append(page.extract_text(visitor_operand_before=look_at_clock))
    # Fonts can be made to say anything: no half characters, and no NUL, which no row can hold.
    text = "\n".join(parts)[:MAX_CHARACTERS].replace("\x00", "")
    return text.encode("utf-8", "replace").decode("utf-8")
