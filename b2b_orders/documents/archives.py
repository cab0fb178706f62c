"""Many documents as one ZIP file, written while it is read, with an index of what is in it.

Nothing is held in memory but one piece of one file. A file that cannot be read does not
break the ZIP: its bytes are looked at as a whole before its entry begins.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import tempfile
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO, Final, Protocol, cast

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from zipstream import ZipStream

_PIECE: Final = 262_144
# Up to this size a file that is looked at stays in memory, beyond it goes to disk.
_IN_MEMORY: Final = 1_000_000
_LONGEST_NAME: Final = 120
# What is compressed already is stored as it is.
_COMPRESSES: Final = frozenset({"application/xml", "text/plain", "text/csv"})
# Names that Windows keeps for devices, whatever comes after the dot.
_DEVICES: Final = re.compile(r"^(con|prn|aux|nul|com[0-9]|lpt[0-9])$", re.IGNORECASE)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


class Openable(Protocol):
    """A file that we hold: `documents.services.Download`."""

    @property
    def size(self) -> int: ...

    @property
    def sha256(self) -> str: ...

    @property
    def content_type(self) -> str: ...

    def open(self) -> IO[bytes]:
        """Open the bytes; the caller closes it."""
        ...


@dataclass(frozen=True, slots=True)
class Item:
    """A document for a ZIP file: the bytes, or in words why they are not in it.

    `folders` and `filename` may be anything: they are made safe here. `note` says what to
    mind about a file that is there.
    """

    folders: tuple[str, ...]
    filename: str
    order: str
    invoice: str
    kind: str
    file: Openable | None = None
    problem: str = ""
    note: str = ""
    fetched: str = ""


@dataclass(frozen=True, slots=True)
class Heading:
    """What the index says of the whole: lines of text, the first is its title."""

    lines: tuple[str, ...]


@dataclass(slots=True)
class Archive:
    """A ZIP file in the making; `stream` may be used once.

    After that `count`, `missing` and `names` say what came of it.
    """

    heading: Heading
    language: str
    folders: tuple[tuple[str, ...], ...] = ()
    count: int = 0
    missing: int = 0
    _rows: list[tuple[str, ...]] = field(default_factory=list)
    _problems: list[str] = field(default_factory=list)
    _taken: set[str] = field(default_factory=set)

    def stream(self, items: Iterable[Item]) -> Iterator[bytes]:
        """Write the ZIP file piece by piece: folders at once, files as they come, the index last.

        The folders known before are the first bytes, so that a browser shows the download
        while the first file is still being fetched.
        """
        archive = ZipStream(compress_type=zipfile.ZIP_STORED)
        for folders in self.folders:
            archive.mkdir("/".join(safe_name(folder) for folder in folders))
            yield from archive.all_files()
        for item in items:
            yield from self._write(archive, item)
        for name, content in self._indexes():
            archive.add(content, self._unique(name), compress_type=zipfile.ZIP_DEFLATED)
            yield from archive.all_files()
        yield from archive.finalize()

    def _write(self, archive: ZipStream, item: Item) -> Iterator[bytes]:
        looked_at = None if item.file is None else _looked_at(item.file)
        if item.file is None or looked_at is None:
            self._note(item, "")
            return
        name = self._unique("/".join(safe_name(part) for part in (*item.folders, item.filename)))
        compresses = item.file.content_type in _COMPRESSES
        with looked_at:
            archive.add(
                _pieces(looked_at),
                name,
                size=item.file.size,
                compress_type=zipfile.ZIP_DEFLATED if compresses else None,
            )
            yield from archive.all_files()
        self._note(item, name)

    # What is worded stands between two pieces, never across one: whoever reads the stream
    # may speak another language.
    def _note(self, item: Item, name: str) -> None:
        with translation.override(self.language):
            self._note_worded(item, name)

    def _indexes(self) -> tuple[tuple[str, bytes], ...]:
        with translation.override(self.language):
            return ((_("README.txt"), self._readme()), ("index.csv", self._index()))

    def _note_worded(self, item: Item, name: str) -> None:
        size, digest, problem = "", "", ""
        if name and item.file is not None:
            self.count += 1
            size, digest = str(item.file.size), item.file.sha256
        else:
            self.missing += 1
            problem = item.problem or _("The stored file could not be read. Download it alone.")
            about = " · ".join(part for part in (item.order, item.invoice, item.kind) if part)
            self._problems.append(f"- {about}: {problem}")
        if item.note and name:
            self._problems.append(f"- {name}: {item.note}")
        state = _("In this ZIP file") if name else _("Missing")
        row = (item.order, item.invoice, item.kind, name, state, problem or item.note)
        self._rows.append((*row, item.fetched if name else "", size, digest))

    def _readme(self) -> bytes:
        count = ngettext("%(count)s file", "%(count)s files", self.count) % {"count": self.count}
        lines = [*self.heading.lines, "", count]
        if self.missing:
            text = ngettext("%(count)s is missing", "%(count)s are missing", self.missing)
            lines[-1] += ", " + text % {"count": self.missing}
        if self._problems:
            lines += ["", _("Please note:"), *self._problems]
        lines += ["", _("index.csv lists every document with its state.")]
        return ("\ufeff" + "\r\n".join(_line(line) for line in lines) + "\r\n").encode()

    def _index(self) -> bytes:
        # Semicolons and a mark of UTF-8: what spreadsheets of our countries open as a table.
        out = io.StringIO()
        writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
        titles = (_("Order"), _("Invoice"), _("Document"), _("File"), _("State"), _("Reason"))
        writer.writerow((*titles, _("Fetched on"), _("Bytes"), "SHA-256"))
        writer.writerows(tuple(_cell(value) for value in row) for row in self._rows)
        return ("\ufeff" + out.getvalue()).encode()

    def _unique(self, name: str) -> str:
        """Give a taken name a number; file systems may not tell capitals from small letters."""
        stem, dot, extension = name.rpartition(".") if "." in name else (name, "", "")
        number, unique = 1, name
        while unique.casefold() in self._taken:
            number += 1
            unique = f"{stem}-{number}{dot}{extension}"
        self._taken.add(unique.casefold())
        return unique


def safe_name(text: str) -> str:
    """Make one part of a path of any text: ASCII, no separators, no dots that lead upwards."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    stem, dot, extension = plain.rpartition(".")
    if not dot or not re.fullmatch(r"[A-Za-z0-9]{1,5}", extension):
        stem, extension = plain, ""
    stem = "-".join(re.findall(r"[A-Za-z0-9_]+", stem))[:_LONGEST_NAME].strip("-") or "x"
    if _DEVICES.match(stem):
        stem = f"{stem}-"
    return f"{stem}.{extension}" if extension else stem


def _looked_at(file: Openable) -> IO[bytes] | None:
    """Read a whole file aside, if it can be read and is what we once stored; else None."""
    copy = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 closed by the caller
    digest, size = hashlib.sha256(), 0
    try:
        with file.open() as stored:
            while piece := stored.read(_PIECE):
                digest.update(piece)
                size += len(piece)
                copy.write(piece)
    except Exception:  # noqa: BLE001 whatever a store raises, the others still arrive
        copy.close()
        return None
    if (size, digest.hexdigest()) != (file.size, file.sha256):
        copy.close()
        return None
    copy.seek(0)
    return cast("IO[bytes]", copy)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece


def _line(text: str) -> str:
    return " ".join(text.split()) if text.strip() else ""


def _cell(text: str) -> str:
    """Keep a spreadsheet from taking a text of a source for a formula."""
    clean = _line(text)
    return f"'{clean}" if clean.startswith(_FORMULA) else clean
