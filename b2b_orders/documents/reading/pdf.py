"""Looks into a PDF: whether it is whole, asks for a password, or would do something by itself.

A file of some kilobytes can be made to take gigabytes or minutes once it is parsed, and the
library cannot be stopped meanwhile. So what is not tiny is looked into by a child process that
has so much memory and time and no more; a file that needs more is no paper of an order.
"""

from __future__ import annotations

import io
import json
import resource
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, BinaryIO, Final, cast

import pikepdf
import pikepdf.settings

# Beyond the first a paper is unusual, beyond the second it is an attack or a book.
MANY_PAGES: Final = 200
MAX_PDF_PAGES: Final = 2000
MAX_PDF_OBJECTS: Final = 200_000
MAX_PDF_DEPTH: Final = 50
# A file of this size cannot be packed so that it takes much, see the limits below.
TINY: Final = 4096
MEMORY: Final = 768 * 1024 * 1024
PROCESSOR_SECONDS: Final = 5
SECONDS: Final = 15.0

# For the whole process, so set where it is imported: only objects packed into streams are
# unpacked to be walked, and those of an honest file are small. Pictures stay packed. Packed
# twice, a few bytes would become millions.
pikepdf.settings.set_qpdf_limits(
    parser_max_container_size=200_000,
    flate_max_memory=64_000_000,
    run_length_max_memory=64_000_000,
    png_max_memory=64_000_000,
    tiff_max_memory=64_000_000,
    doc_max_warnings=100,
    max_stream_filters=1,
)

# What a page may do behind a reader's back. A plain link (/URI) is not among them.
_ACTIVE: Final = {
    "/Launch": "active_launch",
    "/EmbeddedFile": "active_embedded_file",
    "/EmbeddedFiles": "active_embedded_file",
    "/JavaScript": "active_javascript",
    "/JS": "active_javascript",
    "/RichMedia": "active_rich_media",
    "/XFA": "active_form",
    "/SubmitForm": "active_form",
    "/ImportData": "active_form",
}
_NAMES: Final = frozenset(_ACTIVE)
_ORDER: Final = tuple(dict.fromkeys(_ACTIVE.values()))


@dataclass(frozen=True, slots=True)
class PdfLook:
    """What a PDF is. `damage` is "" for a whole one; `active` names what it would do."""

    damage: str = ""
    active: tuple[str, ...] = ()
    pages: int = 0
    is_locked: bool = False
    # The script runs when the file is opened.
    opens_script: bool = False
    has_junk_before: bool = False


def look_into(file: IO[bytes]) -> PdfLook:
    """Look into a PDF, positioned anywhere; never raises for its bytes."""
    size = file.seek(0, io.SEEK_END)
    return look_here(file) if size <= TINY else _look_aside(file)


def _look_aside(file: IO[bytes]) -> PdfLook:
    file.seek(0)
    command = [sys.executable, "-I", str(Path(__file__))]
    try:
        done = subprocess.run(  # noqa: S603 our own script; what comes from outside is data
            command,
            input=file.read(),
            capture_output=True,
            timeout=SECONDS,
            env={},
            cwd="/",
            check=True,
        )
    except subprocess.SubprocessError:
        return PdfLook(damage="damaged")
    found = json.loads(done.stdout)
    return PdfLook(**found | {"active": tuple(found["active"])})


def main() -> None:
    """Look into the PDF on standard input, as the child does, and write what it is."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS, PROCESSOR_SECONDS))
    # Whoever started us may be killed and then cannot end us.
    signal.alarm(int(2 * SECONDS))
    look = look_here(io.BytesIO(sys.stdin.buffer.read()))
    sys.stdout.write(json.dumps(asdict(look)))


def look_here(file: IO[bytes]) -> PdfLook:
    """Look into a PDF in this very process."""
    file.seek(0)
    has_junk = not file.read(1029).startswith(b"%PDF-")
    file.seek(0)
    try:
        # What needs mending is refused, and mending rubbish takes minutes.
        with pikepdf.open(cast("BinaryIO", file), attempt_recovery=False) as pdf:
            return _look(pdf, file, has_junk=has_junk)
    except pikepdf.PasswordError:
        # Banks protect bank slips so; nobody but the reader can look into it.
        return PdfLook(is_locked=True, has_junk_before=has_junk)
    except (pikepdf.PdfError, RuntimeError, ValueError, TypeError, OSError):
        return PdfLook(damage=_damage(file), has_junk_before=has_junk)


def _look(pdf: pikepdf.Pdf, file: IO[bytes], *, has_junk: bool) -> PdfLook:
    if pdf.get_warnings():
        # The library repairs what it can: a cut file would pass.
        return PdfLook(damage=_damage(file), has_junk_before=has_junk)
    pages = len(pdf.pages)
    if not 0 < pages <= MAX_PDF_PAGES:
        damage = "too_many_pages" if pages else "damaged"
        return PdfLook(damage=damage, pages=pages, has_junk_before=has_junk)
    active = _active_in(pdf)
    if pdf.get_warnings():
        return PdfLook(damage=_damage(file), pages=pages, has_junk_before=has_junk)
    return PdfLook(
        active=active,
        pages=pages,
        opens_script="active_javascript" in active and "/OpenAction" in pdf.Root,
        has_junk_before=has_junk,
    )


def _damage(file: IO[bytes]) -> str:
    """Tell a file that was cut off from one that is broken otherwise."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - 1024))
    return "damaged" if b"%%EOF" in file.read() else "truncated"


def _active_in(pdf: pikepdf.Pdf) -> tuple[str, ...]:
    found: set[str] = set()
    for count, thing in enumerate(pdf.objects):
        if count > MAX_PDF_OBJECTS:
            found.add("active_hidden")
            break
        _collect(thing, 0, found)
    return tuple(sorted(found, key=lambda code: _ORDER.index(code) if code in _ORDER else 99))


def _collect(thing: object, depth: int, found: set[str]) -> None:
    """Walk what an object holds directly; what it refers to is walked in its own turn."""
    if isinstance(thing, pikepdf.Stream):
        thing = thing.stream_dict
    inner: list[object] = []
    if isinstance(thing, pikepdf.Dictionary):
        named = {str(thing.get(key, "")) for key in ("/S", "/Type", "/Subtype")}
        found.update(_ACTIVE[name] for name in _NAMES & (named | set(thing.keys())))
        inner = [value for _, value in thing.items()]
    elif isinstance(thing, pikepdf.Array):
        inner = list(thing)
    if depth > MAX_PDF_DEPTH:
        # Nothing honest is nested so deeply.
        found.add("active_hidden")
        return
    for value in inner:
        if isinstance(value, pikepdf.Dictionary | pikepdf.Array) and not value.is_indirect:
            _collect(value, depth + 1, found)


if __name__ == "__main__":
    main()
