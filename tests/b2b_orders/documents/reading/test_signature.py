"""Attacks on the signature: nothing may be read that was not signed."""

from __future__ import annotations

import io
import time

import pytest

from b2b_orders.documents.reading.findings import Context
from b2b_orders.documents.reading.inspection import inspect
from tests.fiscal.nfe import RECIPIENT, STRANGER, build_nfe, key_of

OURS = Context(tax_ids=frozenset({RECIPIENT}))
NOTE = build_nfe()


def outcome(content: bytes) -> tuple[str, tuple[str, ...], str]:
    found = inspect(io.BytesIO(content), OURS)
    return found.word.value, found.reasons, found.signature


def changed(before: bytes, after: bytes) -> bytes:
    assert before in NOTE
    return NOTE.replace(before, after, 1)


def part(content: bytes, start: bytes, end: bytes) -> bytes:
    return content[content.index(start) : content.index(end) + len(end)]


def test_a_comment_cannot_split_what_was_signed():
    # Canonical form leaves comments out: the signature holds, so the whole text must be read.
    content = changed(b"<vNF>100.00</vNF>", b"<vNF>100<!-- -->.00</vNF>")

    assert outcome(content) == ("serve", (), "valid")
    assert inspect(io.BytesIO(content), OURS).facts["total"] == "100.00"


def test_a_stretched_text_breaks_the_signature():
    for after in (
        b"<vNF><![CDATA[900.00]]></vNF>",
        b"<vNF> 100.00</vNF>",
        b"<vNF>100.00<a/></vNF>",
    ):
        assert outcome(changed(b"<vNF>100.00</vNF>", after))[0::2] == ("refuse", "invalid")


def test_a_signature_of_another_note_does_not_cover_this_one():
    other = build_nfe(7)
    swapped = NOTE.replace(
        part(NOTE, b"<Signature ", b"</Signature>"), part(other, b"<Signature ", b"</Signature>")
    )

    assert outcome(swapped)[0::2] == ("refuse", "invalid")


def test_a_signed_part_hidden_elsewhere_in_the_file_is_not_what_we_read():
    signed = part(NOTE, b"<infNFe ", b"</infNFe>")
    forged = signed.replace(b"<vNF>100.00", b"<vNF>900.00")
    hidden = NOTE.replace(signed, forged).replace(
        b"</Signature></NFe>", b"<Object>" + signed + b"</Object></Signature></NFe>"
    )

    word, _, signature = outcome(hidden)

    assert (word, signature) == ("refuse", "invalid")


def test_a_signed_part_under_another_id_is_not_what_we_read():
    signed = part(NOTE, b"<infNFe ", b"</infNFe>")
    forged = signed.replace(b"NFe" + key_of().encode(), b"NFe" + key_of(7).encode())
    hidden = NOTE.replace(signed, forged + b"<x>" + signed + b"</x>", 1)

    assert outcome(hidden)[0] == "refuse"


def test_two_signatures_are_none():
    signature = part(NOTE, b"<Signature ", b"</Signature>")

    assert outcome(NOTE.replace(signature, signature * 2))[1:] == (
        ("signature_invalid",),
        "invalid",
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"<DigestValue>", b"<DigestValue>AAAA"),
        (b"<SignatureValue>", b"<SignatureValue>AAAA"),
        (b"<X509Certificate>", b"<X509Certificate>AAAA"),
        (b"xmldsig#rsa-sha1", b"xmldsig#hmac-sha1"),
        (b"xmldsig#rsa-sha1", b"xmldsig#dsa-sha1"),
        (b'URI="#NFe', b'URI="#XXX'),
        (b'<Reference URI="#NFe' + key_of().encode() + b'"', b'<Reference URI=""'),
        (b"<KeyInfo>", b"<KeyInfo><KeyValue/>"),
    ],
)
def test_a_bent_signature_is_refused(before, after):
    word, _, signature = outcome(changed(before, after))

    assert (word, signature) == ("refuse", "invalid")


def test_a_signature_without_a_certificate_is_refused():
    without = NOTE.replace(part(NOTE, b"<KeyInfo>", b"</KeyInfo>"), b"")

    assert outcome(without) == ("refuse", ("signature_invalid",), "invalid")


def test_a_note_signed_anew_after_a_change_is_not_what_was_authorised():
    authorised = part(NOTE, b"<digVal>", b"</digVal>")
    forged = build_nfe(total="9.00")
    sent = forged.replace(part(forged, b"<digVal>", b"</digVal>"), authorised)

    assert outcome(sent) == ("refuse", ("protocol_digest_mismatch",), "valid")


def test_a_certificate_that_was_not_valid_when_it_signed_is_refused():
    content = build_nfe(issued_at="2029-03-10T10:22:31-03:00")

    assert outcome(content) == ("refuse", ("signature_certificate_invalid",), "invalid")


def test_an_old_note_stays_valid_when_its_certificate_has_expired():
    assert outcome(build_nfe(issued_at="2021-03-10T10:22:31-03:00")) == ("serve", (), "valid")


def test_declarations_of_the_file_around_a_note_do_not_break_it():
    content = NOTE.replace(b"<nfeProc ", b'<nfeProc xmlns:xsi="http://www.w3.org/2001/x" ', 1)

    assert outcome(content) == ("serve", (), "valid")


def test_instructions_before_the_note_do_not_matter():
    content = NOTE.replace(b"<nfeProc ", b'<?xml-stylesheet href="x.xsl"?><nfeProc ', 1)

    assert outcome(content) == ("serve", (), "valid")


def test_what_is_not_signed_proves_nothing():
    content = build_nfe(recipient=STRANGER, signed=False)

    assert outcome(content) == ("refuse", ("recipient_mismatch",), "absent")


@pytest.mark.parametrize(
    "bloat",
    [
        b"<a " + b" ".join(b"a%d='1'" % number for number in range(80_000)) + b"/>",
        b"".join(b"<x%d:a xmlns:x%d='u%d'/>" % (n, n, n) for n in range(60_000)),
        b"<a " + b" ".join(b"xmlns:a%d='u'" % number for number in range(20_000)) + b"/>",
    ],
)
def test_what_would_take_minutes_to_write_for_its_signature_is_not_written(bloat):
    content = build_nfe().replace(b"</infNFe>", bloat + b"</infNFe>")
    before = time.process_time()

    assert outcome(content)[:2] == ("refuse", ("too_large",))
    assert time.process_time() - before < 2
