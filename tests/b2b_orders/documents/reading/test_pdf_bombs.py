"""PDFs that are small until somebody opens them: they cost a child process, and nobody else."""

from __future__ import annotations

import io
import resource
import struct
import zlib

import pytest

from b2b_orders.documents.reading import pdf
from b2b_orders.documents.reading.pdf import TINY, PdfLook, look_into

OBJECTS = (
    b"<</Type/Catalog/Pages 2 0 R>>",
    b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
    b"<</Type/Page/Parent 2 0 R/Resources<<>>/MediaBox[0 0 9 9]>>",
)


def make_pdf(*more: bytes) -> bytes:
    out, offsets = io.BytesIO(), []
    out.write(b"%PDF-1.5\n")
    for number, body in enumerate((*OBJECTS, *more), start=1):
        offsets.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(offsets) + 1))
    out.writelines(b"%010d 00000 n \n" % offset for offset in offsets)
    ending = b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
    out.write(ending % (len(offsets) + 1, start))
    return out.getvalue()


def make_packed_pdf(inside: bytes, filters: bytes = b"/FlateDecode") -> bytes:
    """Put one object into an object stream, as PDF 1.5 allows."""
    packed = zlib.compress(b"5 0 " + inside, 9)
    for _ in range(filters.count(b"/") - 1):
        packed = zlib.compress(packed, 9)
    out, offsets = io.BytesIO(), []
    out.write(b"%PDF-1.5\n")
    for number, body in enumerate(OBJECTS, start=1):
        offsets.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    packed_at = out.tell()
    head = b"4 0 obj\n<</Type/ObjStm/N 1/First 4/Filter%s/Length %d>>stream\n"
    out.write(head % (filters, len(packed)) + packed + b"\nendstream\nendobj\n")
    start = out.tell()
    entries = [(0, 0, 255), *((1, at, 0) for at in offsets), (1, packed_at, 0), (2, 4, 0)]
    table = b"".join(struct.pack(">BIB", *entry) for entry in [*entries, (1, start, 0)])
    head = b"6 0 obj\n<</Type/XRef/Size 7/W[1 4 1]/Root 1 0 R/Length %d>>stream\n"
    out.write(head % len(table) + table + b"\nendstream\nendobj\n")
    out.write(b"startxref\n%d\n%%%%EOF\n" % start)
    return out.getvalue()


def memory() -> int:
    """Return how much this process ever took, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def look(content: bytes) -> PdfLook:
    return look_into(io.BytesIO(content))


def test_sixty_kilobytes_that_unpack_to_millions_of_values_take_nothing_of_ours():
    bomb = make_packed_pdf(b"[" + b"0 " * 30_000_000 + b"]")
    before = memory()

    assert len(bomb) < 64_000
    assert look(bomb).damage == "damaged"
    assert memory() - before < 32_000_000


def test_what_is_packed_twice_is_not_unpacked():
    bomb = make_packed_pdf(b"[" + b"0 " * 3_000_000 + b"]", b"[/FlateDecode/FlateDecode]")
    before = memory()

    assert len(bomb) < TINY
    assert look(bomb).damage == "damaged"
    assert memory() - before < 32_000_000


def test_an_array_as_large_as_the_file_is_stopped_in_time(monkeypatch):
    monkeypatch.setattr(pdf, "SECONDS", 1.0)

    assert look(make_pdf(b"[" + b"0 " * 8_000_000 + b"]")).damage == "damaged"


def test_rubbish_is_not_searched_for_something_to_mend():
    rubbish = b"%PDF-1.4\n" + b"1 0 obj\n" * 2_500_000 + b"%%EOF"
    spent = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime

    assert look(rubbish).damage == "damaged"
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - spent < 3


@pytest.mark.parametrize("size", [10, 100_000])
def test_an_honest_file_is_looked_into_alike_here_and_aside(size):
    content = make_pdf(b"[" + b"0 " * size + b"]")
    script = make_pdf(b"[" + b"0 " * size + b"]", b"<</S/JavaScript/JS(app.alert\\(1\\))>>")

    assert (len(content) > TINY) is (size > 10)
    assert look(content) == PdfLook(pages=1)
    assert look(script) == PdfLook(active=("active_javascript",), pages=1)


@pytest.mark.parametrize("content", [b"%PDF-1.4\n", b"", b"%PDF-1.4\n" + b"x" * TINY])
def test_no_file_at_all_is_no_error(content):
    assert look(content) == PdfLook(
        damage="truncated", has_junk_before=not content.startswith(b"%PDF-")
    )
