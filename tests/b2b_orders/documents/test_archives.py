"""ZIP files: every name safe, every failure told, and they always arrive."""

from __future__ import annotations

import csv
import hashlib
import io
import tracemalloc
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from b2b_orders.documents.archives import Archive, Heading, Item, safe_name


@dataclass(frozen=True)
class FakeFile:
    content: bytes
    content_type: str = "application/pdf"
    error: Exception | None = None
    promised: bytes | None = None

    @property
    def size(self) -> int:
        return len(self.content if self.promised is None else self.promised)

    @property
    def sha256(self) -> str:
        content = self.content if self.promised is None else self.promised
        return hashlib.sha256(content).hexdigest()

    def open(self):
        if self.error:
            raise self.error
        return io.BytesIO(self.content)


def make_item(filename: str, content: bytes = b"x", **given: object) -> Item:
    values = {"folders": ("NF-1-1",), "order": "O1", "invoice": "NF 1/1", "kind": "DANFE"}
    values |= {"file": FakeFile(content)} | given
    return Item(filename=filename, **values)


def zipped(items: Iterable[Item], language: str = "en") -> zipfile.ZipFile:
    archive = Archive(Heading(("Documents of order O1",)), language)
    return zipfile.ZipFile(io.BytesIO(b"".join(archive.stream(items))))


def index_of(archive: zipfile.ZipFile) -> list[list[str]]:
    return list(
        csv.reader(archive.read("index.csv").decode("utf-8-sig").splitlines(), delimiter=";")
    )


def test_files_are_whole_in_their_folders_and_the_index_lists_them():
    archive = zipped([make_item("a.pdf", b"one"), make_item("b.pdf", b"two", folders=("Other",))])

    assert archive.testzip() is None
    assert archive.namelist() == ["NF-1-1/a.pdf", "Other/b.pdf", "README.txt", "index.csv"]
    assert archive.read("NF-1-1/a.pdf") == b"one"
    assert index_of(archive)[1] == [
        *("O1", "NF 1/1", "DANFE", "NF-1-1/a.pdf", "In this ZIP file", "", "", "3"),
        hashlib.sha256(b"one").hexdigest(),
    ]
    assert "2 files" in archive.read("README.txt").decode()


@pytest.mark.parametrize(
    ("hostile", "safe"),
    [
        ("../../etc/passwd", "etc-passwd"),
        ("/etc/cron.d/x.pdf", "etc-cron-d-x.pdf"),
        ("C:\\Windows\\system32\\cmd.exe", "C-Windows-system32-cmd.exe"),
        ("..", "x"),
        ("", "x"),
        ("CON.pdf", "CON-.pdf"),
        ("nul", "nul-"),
        ("a\x00b\r\nc.pdf", "a-b-c.pdf"),
        ("ção São.xml", "cao-Sao.xml"),
        ("\u202egpj.exe.pdf", "gpj-exe.pdf"),
        ("x" * 500 + ".pdf", "x" * 120 + ".pdf"),
    ],
)
def test_a_hostile_name_becomes_a_plain_one(hostile, safe):
    assert safe_name(hostile) == safe
    names = zipped([make_item(hostile, folders=(hostile, ".."))]).namelist()
    assert names[0].split("/")[1:] == ["x", safe]
    assert not any(part in {"", ".", ".."} for part in names[0].split("/"))


def test_one_name_for_two_files_gets_a_number_whatever_the_capitals():
    archive = zipped([make_item("a.pdf", b"1"), make_item("A.pdf", b"2"), make_item("a.pdf", b"3")])

    assert archive.namelist()[:3] == ["NF-1-1/a.pdf", "NF-1-1/A-2.pdf", "NF-1-1/a-3.pdf"]
    assert archive.read("NF-1-1/a-3.pdf") == b"3"


def test_a_document_called_like_the_index_does_not_take_its_place():
    archive = zipped([make_item("index.csv", b"mine", folders=())])

    assert archive.read("index.csv") == b"mine"
    assert archive.read("index-2.csv").decode("utf-8-sig").startswith("Order;Invoice")


@pytest.mark.parametrize(
    "broken",
    [
        FakeFile(b"x", error=OSError("disk")),
        FakeFile(b"x", error=RuntimeError("bucket")),
        FakeFile(b"cut", promised=b"cut off"),
        FakeFile(b"rotten", promised=b"fresh!"),
    ],
    ids=["unreadable", "any error", "cut", "changed"],
)
def test_a_store_that_fails_breaks_no_zip_file(broken):
    archive = zipped(
        [make_item("a.pdf", b"1"), make_item("b.pdf", file=broken), make_item("c.pdf")]
    )

    assert archive.testzip() is None
    assert archive.namelist()[:2] == ["NF-1-1/a.pdf", "NF-1-1/c.pdf"]
    assert index_of(archive)[2][3:6] == [
        "",
        "Missing",
        "The stored file could not be read. Download it alone.",
    ]
    assert "1 is missing" in archive.read("README.txt").decode()


def test_what_cannot_be_had_is_listed_with_its_reason_in_the_readers_language():
    archive = zipped([make_item("", file=None, problem="Em emissão.")], language="pt-br")

    assert archive.namelist() == ["LEIAME.txt", "index.csv"]
    assert "Em emissão." in archive.read("LEIAME.txt").decode()
    assert index_of(archive)[1][4:6] == ["Ausente", "Em emissão."]


def test_a_text_of_a_source_is_no_formula_in_a_spreadsheet():
    archive = zipped([make_item("a.pdf", order="=cmd|' /C calc'!A0")])

    assert index_of(archive)[1][0] == "'=cmd|' /C calc'!A0"


def test_folders_come_at_once_so_that_the_download_begins():
    def never() -> Iterable[Item]:
        raise AssertionError("was read before its first byte was wanted")
        yield

    archive = Archive(Heading(("x",)), "en", (("NF-1-1",), ("NF-2-1",)))

    assert b"NF-1-1/" in next(iter(archive.stream(never())))


def test_a_zip_file_of_many_takes_no_more_memory_than_one_of_few():
    content = b"\0" * 200_000

    def peak(count: int) -> int:
        archive = Archive(Heading(("x",)), "en")
        items = (make_item(f"{number}.pdf", content) for number in range(count))
        tracemalloc.start()
        total = sum(map(len, archive.stream(items)))
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert total > count * len(content)
        return highest

    assert peak(200) < peak(10) + 1_000_000
