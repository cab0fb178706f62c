"""No bytes crash the reader, and nothing that was changed is served as signed."""

from __future__ import annotations

import base64
import io
import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from b2b_orders.documents.checks import Whose, check
from b2b_orders.documents.reading.findings import Context, Word
from b2b_orders.documents.reading.inspection import inspect
from erp_bridge.records import DocumentKind
from tests.fiscal.nfe import NFE, RECIPIENT, build_cte, build_event, build_nfe
from tests.fiscal.pdf import build_boleto, build_pdf

OURS = Context(tax_ids=frozenset({RECIPIENT}))
NOTE = build_nfe(
    installments=[("001", "2026-04-09", "100.00")],
    extra_info="Observação <especial> & final",
    customer_po="PO-1",
)
SIGNED = NOTE[NOTE.index(b"<infNFe") : NOTE.index(b"</infNFe>")]
SEEDS = (
    NOTE,
    build_event(),
    build_cte(),
    build_boleto(),
    build_pdf(attachment=True),
    base64.b64encode(build_pdf()),
    b"PK\x03\x04" + b"\x00" * 30,
    b"a;b\n1;2\n",
)
many = settings(
    max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None
)


def judged(content: bytes) -> None:
    """Read it every way there is: it must end in a verdict that can be stored."""
    found = inspect(io.BytesIO(content), OURS)
    stored = json.dumps(dict(found.facts), ensure_ascii=False)
    assert "\\u0000" not in stored
    stored.encode()
    for kind in (DocumentKind.OTHER, DocumentKind.BOLETO, DocumentKind.NFE_XML):
        check(kind, io.BytesIO(content), Whose(frozenset({RECIPIENT})))


@many
@given(st.binary(max_size=3000))
def test_no_bytes_crash_the_reader(content):
    judged(content)


@many
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 20_000), st.binary(max_size=4)), min_size=1, max_size=6),
)
def test_no_bent_file_crashes_the_reader(seed, changes):
    content = bytearray(seed)
    for place, what in changes:
        at = place % len(content)
        content[at : at + max(1, len(what) // 2)] = what or b"\x00"
    judged(bytes(content) or b"x")


@many
@given(st.sampled_from(SEEDS), st.integers(0, 20_000))
def test_no_cut_file_crashes_the_reader(seed, place):
    judged(seed[: place % len(seed)])


def canonical(content: bytes) -> bytes:
    parser = etree.XMLParser(remove_comments=True)
    root = etree.fromstring(content, parser)
    return etree.tostring(root.find(f".//{{{NFE}}}infNFe"), method="c14n")


@many
@given(st.integers(0, len(SIGNED) - 1), st.binary(min_size=1, max_size=3))
def test_a_change_in_what_is_signed_is_never_served_as_signed(place, what):
    start = NOTE.index(SIGNED) + place
    content = NOTE[:start] + what + NOTE[start + len(what) :]

    found = inspect(io.BytesIO(content), OURS)

    if found.word is Word.SERVE and found.signature == "valid":
        # Only another way of writing the very same: quotes, blanks between attributes.
        assert canonical(content) == canonical(NOTE)


@many
@given(st.integers(0, len(NOTE) - 1), st.binary(min_size=1, max_size=3))
def test_no_change_anywhere_makes_a_served_note_say_something_else(place, what):
    content = NOTE[:place] + what + NOTE[place + len(what) :]
    before = dict(inspect(io.BytesIO(NOTE), OURS).facts)

    found = inspect(io.BytesIO(content), OURS)

    if found.word is Word.SERVE and found.signature == "valid":
        after = dict(found.facts)
        # The authority's answer is not signed; authorised is authorised.
        assert after.pop("protocol")["status"] in {"100", "150"}
        before.pop("protocol")
        assert after == before


def test_a_name_that_ascii_cannot_write_crashes_nothing():
    changed = NOTE.replace(SIGNED, SIGNED.replace(b" ", ' Ω="" '.encode(), 1), 1)

    found = inspect(io.BytesIO(changed), OURS)

    assert (found.word, found.signature) == (Word.REFUSE, "invalid")
