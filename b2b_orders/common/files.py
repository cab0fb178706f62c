"""The answer that hands out a file: nothing in it runs, nobody keeps, guesses at or frames it."""

from __future__ import annotations

from typing import IO, Final

from django.http import FileResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header

# Of Django's 4 KiB a large file takes many.
_PIECE: Final = 64 * 1024


def file_response(
    content: IO[bytes], *, filename: str, content_type: str, size: int, as_attachment: bool = True
) -> FileResponse:
    """Build the answer that hands out an open file, which it closes."""
    response = FileResponse(content, content_type=content_type)
    response.block_size = _PIECE
    response["Content-Length"] = str(size)
    name_file(response, filename, as_attachment=as_attachment)
    seal(response)
    return response


def name_file(response: HttpResponseBase, filename: str, *, as_attachment: bool = True) -> None:
    """Name the file; FileResponse leaves it out for what is shown, and the address would do."""
    response["Content-Disposition"] = (
        content_disposition_header(as_attachment=as_attachment, filename=filename) or ""
    )


def seal(response: HttpResponseBase) -> None:
    """Give an answer the headers that every file of ours has."""
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cache-Control"] = "private, no-store"
    response["Referrer-Policy"] = "no-referrer"
