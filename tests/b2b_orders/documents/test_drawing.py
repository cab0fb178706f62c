"""Drawing pages in a child process: what comes out, and what a hostile XML cannot do."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest
from pypdf import PdfReader

from b2b_orders.documents import drawing, renderer
from b2b_orders.documents.drawing import NotDrawn, draw
from tests.fiscal.nfe import Item, build_cte, build_event, build_nfe, key_of

SCRIPT = Path(renderer.__file__)


def text_of(page: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(page)).pages)


def danfe(xml: bytes, *, is_cancelled: bool = False) -> bytes:
    return draw("danfe", xml, is_cancelled=is_cancelled)


def printable_cte(**given: object) -> bytes:
    """Make a CT-e with the taxes without which none is authorised."""
    tax = (
        b"<imp><ICMS><ICMS00><CST>00</CST><vBC>248.90</vBC><pICMS>12.00</pICMS>"
        b"<vICMS>29.87</vICMS></ICMS00></ICMS></imp>"
    )
    return build_cte(**given).replace(b"<infCTeNorm>", tax + b"<infCTeNorm>")


def reason_of(xml: bytes, kind: str = "danfe", seconds: float = 60) -> str:
    with pytest.raises(NotDrawn) as caught:
        draw(kind, xml, is_cancelled=False, seconds=seconds)
    return caught.value.reason


# --- pages ---------------------------------------------------------------------------------


def test_a_danfe_says_what_the_note_says_with_the_customers_number_and_who_made_it():
    key = key_of(1001)
    items = (Item("A-10", "Parafuso sextavado", customer_po="PO-2026-0815", customer_po_item="10"),)

    said = text_of(
        danfe(build_nfe(1001, items=items, installments=[("001", "2026-04-10", "100.00")]))
    )

    for part in ("DANFE", "VENDEDORA EXEMPLO LTDA", "Parafuso sextavado", "PO-2026-0815", "100,00"):
        assert part in said
    assert " ".join(key[at : at + 4] for at in range(0, 44, 4)) in said
    assert "Gerado a partir do XML pelo portal de pedidos" in said
    assert "SEM VALOR FISCAL" not in said
    assert "CANCELADA" not in said


def test_a_cancelled_note_and_one_without_value_are_marked():
    assert "CANCELADA" in text_of(danfe(build_nfe(), is_cancelled=True))
    assert "SEM VALOR FISCAL" in text_of(danfe(build_nfe(environment="2")))
    assert "SEM VALOR FISCAL" in text_of(danfe(build_nfe(root="NFe")))


def test_the_layout_is_the_one_in_force_when_the_note_was_issued():
    before = text_of(danfe(build_nfe(issued_at="2026-11-30T23:59:59-03:00")))
    after = text_of(danfe(build_nfe(issued_at="2026-12-01T00:00:00-03:00")))

    assert "TOTAL DO IBS / CBS / IS" not in before
    assert "TOTAL DO IBS / CBS / IS" in after


def test_every_item_of_a_long_note_is_printed_once():
    items = [Item(f"C{n:03d}", f"Produto {n}") for n in range(1, 121)]

    said = text_of(danfe(build_nfe(items=items)))

    assert [said.count(f"C{n:03d}") for n in range(1, 121)] == [1] * 120


@pytest.mark.parametrize("given", [{"encoding": "ISO-8859-1"}, {"bom": True, "declared": False}])
def test_encodings_that_sources_use_are_read(given):
    said = text_of(danfe(build_nfe(emitter_name="AÇÚCAR UNIÃO LTDA", **given)))

    assert "AÇÚCAR UNIÃO LTDA" in said


def test_a_dacte_and_a_letter_of_correction_are_drawn():
    note = key_of(1001)

    dacte = text_of(draw("dacte", printable_cte(invoice_keys=[note]), is_cancelled=False))
    letter = build_event(note, event_type="110110", correction="Onde se lê A, leia-se B.")
    cce = text_of(draw("cce", letter, is_cancelled=False, issuer="VENDEDORA LTDA"))

    assert "DACTE" in dacte
    assert note in dacte
    assert "CANCELADA" in text_of(draw("dacte", printable_cte(), is_cancelled=True))
    assert "Onde se lê A, leia-se B." in cce
    assert "VENDEDORA LTDA" in cce


def test_the_same_xml_gives_the_same_bytes_at_any_time():
    xml = build_nfe(items=[Item(f"C{n}") for n in range(12)])
    first = danfe(xml)
    # The library would write the second of making into the file.
    time.sleep(1.1)

    assert danfe(xml) == first
    assert danfe(xml, is_cancelled=True) != first


# --- what cannot be drawn -----------------------------------------------------------------------


def test_what_cannot_be_drawn_says_why():
    ampersand_only = b"<nfeProc>&nbsp;</nfeProc>"
    greek = build_nfe(emitter_name="ΑΒΓ ΕΠΕ")
    older = b"<nfeProc xmlns='http://www.portalfiscal.inf.br/nfe'><NFe/></nfeProc>"
    bomb = b"<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'>" + b"".join(
        b"<!ENTITY a%d '%s'>" % (n, b"&a%s;" % (b"" if n == 0 else b"%d" % (n - 1)) * 10)
        for n in range(9)
    )
    bomb += b"]><nfeProc>&a8;</nfeProc>"

    assert reason_of(b"") == "render-unreadable"
    assert reason_of(ampersand_only) == "render-unreadable"
    assert reason_of(greek) == "render-characters"
    assert reason_of(older) == "render-layout"
    assert reason_of(bomb) in {"render-unreadable", "render-layout"}
    assert reason_of(build_nfe(), kind="dacte") == "render-layout"
    assert reason_of(b" " * (drawing.MAX_XML_BYTES + 1)) == "render-too-large"


def test_a_file_outside_is_not_read_into_the_page(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("TOP-SECRET")
    xml = build_nfe(
        emitter_name="MARKER", doctype=f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{secret}">]>'
    ).replace(b"MARKER", b"&e;")

    assert reason_of(xml) == "render-unreadable"


def test_a_child_that_takes_too_long_is_killed_for_good():
    xml = build_nfe(items=[Item(f"C{n}", "produto " * 12) for n in range(400)])
    began = time.monotonic()

    assert reason_of(xml, seconds=1.5) == "render-time"

    assert time.monotonic() - began < 3
    assert not [line for line in _processes() if str(SCRIPT) in line]


def test_another_attempt_is_made_only_where_it_may_help():
    assert [NotDrawn(r).is_passing for r in ("render-time", "render-memory", "render-crashed")] == [
        True
    ] * 3
    assert [NotDrawn(r).is_passing for r in ("render-layout", "render-characters")] == [False] * 2


def _processes() -> list[str]:
    """List the command lines of our children: other tests draw at the same time."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if int(parent) == os.getpid():
                found.append(command)
    return found


# --- confinement ----------------------------------------------------------------------------------


def confined(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process that has confined itself as the child does."""
    lines = f"""
import runpy, socket, sys
child = runpy.run_path({str(SCRIPT)!r}, run_name="child")
child["confine"]()
{code}
print("did it")
"""
    return subprocess.run(
        [sys.executable, "-I", "-c", lines], capture_output=True, text=True, check=False, env={}
    )


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("socket.create_connection(('127.0.0.1', 9))", "PermissionError"),
        ("socket.getaddrinfo('example.com', 80)", "PermissionError"),
        ("import subprocess; subprocess.run(['/bin/true'])", "PermissionError"),
        ("import os; os.system('true')", "PermissionError"),
        ("import os; os.fork()", "PermissionError"),
        ("open('/tmp/made-by-a-page', 'w')", "PermissionError"),
        ("import os; os.remove('/tmp/nothing')", "PermissionError"),
        ("x = bytearray(2_000_000_000)", "MemoryError"),
    ],
)
def test_the_child_can_reach_nothing_and_write_nothing(code, error):
    done = confined(code)

    assert "did it" not in done.stdout
    assert error in done.stderr


def test_the_child_has_none_of_our_environment(monkeypatch):
    monkeypatch.setenv("PORTAL_SECRET_KEY", "secret")
    seen = []
    real = subprocess.run

    def watched(*args, **kwargs):
        seen.append(kwargs["env"])
        return real(*args, **kwargs)

    monkeypatch.setattr(drawing.subprocess, "run", watched)
    danfe(build_nfe())

    # The one that draws, and the one that looks at what was drawn.
    assert seen == [{}, {}]


def test_amounts_are_printed_to_the_cent():
    items = (Item("A", "Produto", Decimal("3.0000"), Decimal("1234.5600")),)

    assert "3.703,68" in text_of(danfe(build_nfe(items=items)))
