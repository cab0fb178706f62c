from __future__ import annotations

import base64
import io

import pytest

from b2b_orders.documents.checks import Format, Verdict, Whose, check, sniff
from erp_bridge.records import DocumentKind
from tests.b2b_orders.documents.files import (
    ALFA,
    ALFA_BRANCH,
    EMITTER,
    HTML,
    action,
    attachment,
    make_key,
    make_locked_pdf,
    make_nfe,
    make_pdf,
    make_zip,
)

WHOSE = Whose(frozenset({ALFA, ALFA_BRANCH}))
PDF = make_pdf()
CTE = b'<cteProc xmlns="http://www.portalfiscal.inf.br/cte"/>'
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><g/></svg>'


def problem(kind: DocumentKind, content: bytes, whose: Whose = WHOSE) -> str:
    return check(kind, io.BytesIO(content), whose).problem


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", Format.EMPTY),
        (b" \r\n\t", Format.EMPTY),
        (b"\xef\xbb\xbf", Format.EMPTY),
        (PDF, Format.PDF),
        (b"\n" * 500 + PDF, Format.PDF),
        (b"junk " * 30 + PDF, Format.PDF),
        (b"x" * 1100 + PDF, Format.UNKNOWN),
        (HTML, Format.HTML),
        (b"  <html lang=pt>", Format.HTML),
        (b"<!-- x --><HTML>", Format.HTML),
        (b"<script>1</script>", Format.HTML),
        (b"\xef\xbb\xbf<?xml version='1.0'?><a/>", Format.XML),
        (b'{"error": 1}', Format.JSON),
        (b'[{"error": 1}]', Format.JSON),
        (b"\x89PNG\r\n\x1a\n....", Format.PNG),
        (b"\xff\xd8\xff\xe0....", Format.JPEG),
        (make_zip("a.txt"), Format.ZIP),
        (make_zip("[Content_Types].xml", "xl/workbook.xml"), Format.XLSX),
        (make_zip("[Content_Types].xml", "xl/workbook.xml", "xl/vbaProject.bin"), Format.UNKNOWN),
        (make_zip("[Content_Types].xml", "word/document.xml"), Format.UNKNOWN),
        (b"PK\x03\x04broken", Format.UNKNOWN),
        (b"serie;item\r\n1;2\r\n", Format.TEXT),
        ("série;1".encode("cp1252"), Format.TEXT),
        (base64.b64encode(PDF), Format.TEXT),
        (b"MZ\x90\x00", Format.UNKNOWN),
        (b"#!/bin/sh\n", Format.UNKNOWN),
        (b"a\x00b", Format.UNKNOWN),
    ],
)  # fmt: skip
def test_content_tells_what_a_file_is(content, expected):
    assert sniff(io.BytesIO(content)) is expected


@pytest.mark.parametrize(
    ("kind", "content", "expected"),
    [
        (DocumentKind.DANFE, HTML, "html-instead-of-pdf"),
        (DocumentKind.NFE_XML, HTML, "html-instead-of-xml"),
        (DocumentKind.OTHER, HTML, "html-instead-of-file"),
        (DocumentKind.BOLETO, b'{"message": "expired"}', "json-instead-of-pdf"),
        (DocumentKind.BOLETO, b"", "empty"),
        (DocumentKind.BOLETO, base64.b64encode(PDF), "wrong-kind"),
        (DocumentKind.BOLETO, b"\x89PNG\r\n\x1a\n", "wrong-kind"),
        (DocumentKind.NFE_XML, PDF, "wrong-kind"),
        (DocumentKind.DANFE, make_nfe(), "wrong-kind"),
        (DocumentKind.OTHER, b"MZ\x90\x00", "wrong-kind"),
        (DocumentKind.OTHER, SVG, "wrong-root"),
        (DocumentKind.TRANSFER, b"\xff\xd8\xff\xe0", ""),
        (DocumentKind.SERIALS, b"a;b\n", ""),
        (DocumentKind.SERIALS, make_zip("a"), ""),
        (DocumentKind.OTHER, CTE, ""),
        (DocumentKind.OTHER, PDF, ""),
    ],
)
def test_a_file_must_be_of_its_kind(kind, content, expected):
    assert problem(kind, content) == expected


@pytest.mark.parametrize("kind", [DocumentKind.BOLETO, DocumentKind.GNRE, DocumentKind.GARE])
def test_a_sound_pdf_passes(kind):
    assert check(kind, io.BytesIO(PDF), WHOSE) == Verdict(Format.PDF)
    assert Verdict(Format.PDF).content_type == "application/pdf"


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_cut_pdf_is_damaged(share):
    assert problem(DocumentKind.DANFE, PDF[: int(len(PDF) * share)]) == "damaged-pdf"


def test_a_pdf_in_name_only_is_damaged():
    assert problem(DocumentKind.DANFE, b"%PDF-1.4\nnothing") == "damaged-pdf"


@pytest.mark.parametrize(
    "content",
    [
        make_pdf(OpenAction=action("JavaScript")),
        make_pdf(OpenAction=action("Launch")),
        make_pdf(AA=lambda pdf: {"/O": pdf.make_indirect(action("SubmitForm")(pdf))}),
        make_pdf(Names=attachment),
        make_pdf(AcroForm=lambda pdf: {"/XFA": pdf.make_stream(b"x")}),
    ],
    ids=["javascript", "launch", "submit-form", "attachment", "xfa"],
)
def test_a_pdf_that_acts_is_refused(content):
    assert problem(DocumentKind.BOLETO, content) == "active-content"


def test_a_pdf_with_a_password_is_handed_out_as_issued():
    assert problem(DocumentKind.BOLETO, make_locked_pdf()) == ""


# --- XML -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        make_nfe(),
        make_nfe(root="NFe"),
        make_nfe(recipient=ALFA_BRANCH),
        make_nfe(protocol_key=""),
        make_nfe(prolog=""),
        b"\xef\xbb\xbf" + make_nfe(prolog=""),
        make_nfe(prolog='<?xml version="1.0" encoding="ISO-8859-1"?>')
        .decode()
        .encode("iso-8859-1"),
    ],
    ids=["authorised", "bare", "branch", "no-protocol", "no-prolog", "bom", "latin-1"],
)
def test_a_note_of_the_company_passes_with_its_key(content):
    assert check(DocumentKind.NFE_XML, io.BytesIO(content), WHOSE) == Verdict(
        Format.XML, access_key=make_key()
    )


def test_keys_and_recipients_may_hold_letters():
    emitter, recipient = "12ABC34501DE35", "AB12CD34000184"
    content = make_nfe(recipient=recipient, key=make_key(emitter=emitter), emitter=emitter)

    assert problem(DocumentKind.NFE_XML, content, Whose(frozenset({recipient}))) == ""


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (make_nfe()[:-20], "malformed-xml"),
        (make_nfe() + b"<x/>", "malformed-xml"),
        (make_nfe(prolog='<!DOCTYPE nfeProc [<!ENTITY a "b">]>'), "unsafe-xml"),
        (make_nfe(prolog='<!DOCTYPE nfeProc SYSTEM "file:///etc/passwd">'), "unsafe-xml"),
        (make_nfe(root="enviNFe"), "wrong-root"),
        (CTE, "wrong-root"),
        (b'<nfeProc xmlns="http://www.portalfiscal.inf.br/nfe"/>', "wrong-root"),
        (b"<nfeProc/>", "wrong-root"),
        (make_nfe(key=make_key()[:-1] + "x"), "bad-access-key"),
        (make_nfe(key=make_key()[:-1] + str((int(make_key()[-1]) + 1) % 10)), "bad-access-key"),
        (make_nfe(emitter="99901001000174"), "bad-access-key"),
        (make_nfe(protocol_key=make_key(7)), "bad-access-key"),
        (make_nfe(recipient="99902002000133"), "document-of-another-company"),
        (make_nfe(recipient="48054657028"), "document-of-another-company"),
        (make_nfe(recipient=""), "document-of-another-company"),
        (b"<a>" * 300 + b"</a>" * 300, "malformed-xml"),
        (b"<a>" + b"x" * 5_000_000 + b"</a>", "too-large"),
    ],
)  # fmt: skip
def test_a_note_that_cannot_be_trusted_is_refused(content, expected):
    assert problem(DocumentKind.NFE_XML, content) == expected


def test_entities_are_never_expanded():
    bomb = (
        b'<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx"><!ENTITY y "&x;&x;&x;&x;&x;&x;&x;&x;">]><a>&y;</a>'
    )

    assert problem(DocumentKind.NFE_XML, bomb) in {"unsafe-xml", "malformed-xml"}


@pytest.mark.parametrize(
    ("invoices", "expected"),
    [
        ((), ""),
        ((("1001", "1", ""),), ""),
        ((("555", "1", ""),), ""),
        ((("1001", "1", make_key()),), ""),
        ((("1002", "1", make_key(1002)), ("1001", "1", make_key())), ""),
        ((("1002", "1", make_key(1002)), ("1001", "", "")), ""),
        ((("1002", "1", make_key(1002)),), "document-of-another-order"),
        ((("1001", "2", make_key(1001, 2)),), "document-of-another-order"),
    ],
)
def test_a_note_must_be_of_the_order_when_its_keys_are_known(invoices, expected):
    whose = Whose(frozenset({ALFA}), invoices)

    assert problem(DocumentKind.NFE_XML, make_nfe(), whose) == expected


def test_another_companys_note_is_refused_under_any_kind():
    content = make_nfe(recipient="99902002000133")

    assert problem(DocumentKind.OTHER, content) == "document-of-another-company"


def test_the_key_must_be_the_emitters():
    assert make_key()[6:20] == EMITTER
