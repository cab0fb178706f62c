from __future__ import annotations

import base64
import io
from datetime import date
from decimal import Decimal

import pytest

from b2b_orders.documents.checks import Format, Verdict, Whose, check, sniff
from b2b_orders.documents.reading.findings import Instalment
from erp_bridge.identifiers import format_cnpj
from erp_bridge.records import DocumentKind
from tests.b2b_orders.documents.files import (
    ALFA,
    ALFA_BRANCH,
    HTML,
    action,
    attachment,
    make_locked_pdf,
    make_pdf,
    make_zip,
)
from tests.fiscal.nfe import (
    EMITTER,
    SAME_ROOT,
    STRANGER,
    build_boleto,
    build_cte,
    build_event,
    build_nfe,
    build_pdf,
    build_slip,
    key_of,
)

WHOSE = Whose(frozenset({ALFA, ALFA_BRANCH}))
PDF = make_pdf()
ANOTHERS = "document-of-another-company"
ANOTHER_ORDERS = "document-of-another-order"
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
        (DocumentKind.BOLETO, base64.b64encode(PDF), ""),
        (DocumentKind.BOLETO, base64.b64encode(base64.b64encode(PDF)), "wrong-kind"),
        (DocumentKind.BOLETO, base64.b64encode(HTML), "wrong-kind"),
        (DocumentKind.BOLETO, base64.b64encode(build_nfe()), "wrong-kind"),
        (DocumentKind.OTHER, base64.b64encode(build_nfe(recipient=STRANGER)), ANOTHERS),
        (DocumentKind.BOLETO, b"\x89PNG\r\n\x1a\n", "wrong-kind"),
        (DocumentKind.NFE_XML, PDF, "wrong-kind"),
        (DocumentKind.DANFE, build_nfe(), "wrong-kind"),
        (DocumentKind.CTE_XML, build_nfe(), "wrong-root"),
        (DocumentKind.NFE_XML, build_cte(), "wrong-root"),
        (DocumentKind.NFE_XML, build_event(), "wrong-root"),
        (DocumentKind.OTHER, b"MZ\x90\x00", "wrong-kind"),
        (DocumentKind.OTHER, SVG, "wrong-root"),
        (DocumentKind.TRANSFER, b"\xff\xd8\xff\xe0", ""),
        (DocumentKind.SERIALS, b"a;b\n", ""),
        (DocumentKind.SERIALS, make_zip("a"), ""),
        (
            DocumentKind.OTHER,
            b'<cteProc xmlns="http://www.portalfiscal.inf.br/cte"/>',
            "wrong-root",
        ),
        (DocumentKind.OTHER, build_cte(), ""),
        (DocumentKind.OTHER, PDF, ""),
    ],
)
def test_a_file_must_be_of_its_kind(kind, content, expected):
    assert problem(kind, content) == expected


@pytest.mark.parametrize("kind", [DocumentKind.BOLETO, DocumentKind.GNRE, DocumentKind.GARE])
def test_a_sound_pdf_passes(kind):
    verdict = check(kind, io.BytesIO(PDF), WHOSE)

    assert verdict == Verdict(Format.PDF, kind=kind, facts={"pages": 1})
    assert verdict.content_type == "application/pdf"


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
    tolerant = check(
        DocumentKind.BOLETO, io.BytesIO(content), Whose(frozenset({ALFA}), active_content="warn")
    )
    assert (tolerant.problem, tolerant.verdict) == ("", "refuse_or_sanitise")
    assert tolerant.reasons


def test_a_pdf_with_a_password_is_handed_out_as_issued():
    verdict = check(DocumentKind.BOLETO, io.BytesIO(make_locked_pdf()), WHOSE)

    assert (verdict.problem, verdict.verdict) == ("", "warn")
    assert verdict.reasons == ("user_password_needed",)


# --- XML -------------------------------------------------------------------------------


def test_a_sound_note_passes_with_its_key_and_facts():
    content = build_nfe(extra_info="Rastreio TE000000001BR")

    verdict = check(DocumentKind.NFE_XML, io.BytesIO(content), WHOSE)

    assert (verdict.problem, verdict.verdict, verdict.reasons) == ("", "serve", ())
    assert (verdict.signature, verdict.access_key) == ("valid", key_of())
    assert verdict.kind is DocumentKind.NFE_XML
    assert (verdict.facts["total"], verdict.facts["item_count"]) == ("100.00", 1)
    assert verdict.facts["extra_info"] == "Rastreio TE000000001BR"
    assert "items" not in verdict.facts
    assert verdict.decoded is None


def test_a_note_with_doubts_passes_and_names_them():
    verdict = check(
        DocumentKind.NFE_XML, io.BytesIO(build_nfe(signed=False, environment="2")), WHOSE
    )

    assert (verdict.problem, verdict.verdict) == ("", "warn")
    assert verdict.reasons == ("signature_absent", "homologation")


def test_a_file_that_came_as_base64_is_handed_over_decoded():
    content = build_nfe()

    verdict = check(DocumentKind.NFE_XML, io.BytesIO(base64.b64encode(content)), WHOSE)

    assert verdict.decoded == content
    assert (verdict.format, verdict.content_type) == (Format.XML, "application/xml")
    assert (verdict.problem, verdict.verdict) == ("", "serve_after_decoding_or_refuse")
    assert verdict.access_key == key_of()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (build_nfe()[:-20], "malformed-xml"),
        (build_nfe() + b"<x/>", "malformed-xml"),
        (build_nfe(doctype='<!DOCTYPE nfeProc [<!ENTITY a "b">]>'), "unsafe-xml"),
        (build_nfe(doctype='<!DOCTYPE nfeProc SYSTEM "file:///etc/passwd">'), "unsafe-xml"),
        (build_nfe(root="enviNFe"), "wrong-root"),
        (b'<nfeProc xmlns="http://www.portalfiscal.inf.br/nfe"/>', "wrong-root"),
        (b"<nfeProc/>", "wrong-root"),
        (build_nfe(key=key_of()[:-1] + "x"), "bad-access-key"),
        (build_nfe(key=key_of()[:-1] + str((int(key_of()[-1]) + 1) % 10)), "bad-access-key"),
        (build_nfe(emitter="99901001000174", key=key_of()), "bad-access-key"),
        (build_nfe(protocol_key=key_of(7)), "bad-access-key"),
        (build_nfe(protocol_status="302"), "not-authorised"),
        (build_nfe(tampered=("<vNF>100.00", "<vNF>900.00")), "bad-signature"),
        (build_nfe(protocol_digest="AAAAAAAAAAAAAAAAAAAAAAAAAAA="), "bad-signature"),
        (build_nfe(recipient=STRANGER), ANOTHERS),
        (build_nfe(recipient="48054657028"), ANOTHERS),
        (build_nfe(recipient=""), ANOTHERS),
        (build_nfe(recipient=STRANGER, delivery=ALFA), ANOTHERS),
        (build_nfe(recipient=SAME_ROOT), "document-of-another-branch"),
        (b"<a>" * 300 + b"</a>" * 300, "malformed-xml"),
        (b"<a>" + b"x" * 5_000_000 + b"</a>", "too-large"),
    ],
)  # fmt: skip
def test_a_note_that_cannot_be_trusted_is_refused(content, expected):
    verdict = check(DocumentKind.NFE_XML, io.BytesIO(content), WHOSE)

    assert verdict.problem == expected
    assert verdict.reasons


def test_a_company_without_tax_ids_gets_no_note_at_all():
    assert problem(DocumentKind.NFE_XML, build_nfe(), Whose(frozenset())) == ANOTHERS
    assert problem(DocumentKind.BOLETO, build_boleto(), Whose(frozenset())) == ANOTHERS


def test_a_branch_passes_where_the_connection_says_so():
    whose = Whose(frozenset({ALFA}), same_root_allowed=True)

    verdict = check(DocumentKind.NFE_XML, io.BytesIO(build_nfe(recipient=SAME_ROOT)), whose)

    assert (verdict.problem, verdict.verdict) == ("", "policy")
    assert verdict.reasons == ("same_root_other_branch",)
    stranger = build_nfe(recipient=STRANGER)
    assert problem(DocumentKind.NFE_XML, stranger, whose) == ANOTHERS


@pytest.mark.parametrize(
    ("invoices", "expected"),
    [
        ((), ""),
        ((("1001", "1", ""),), ""),
        ((("555", "1", ""),), ""),
        ((("1001", "1", key_of()),), ""),
        ((("1002", "1", key_of(1002)), ("1001", "1", key_of())), ""),
        ((("1002", "1", key_of(1002)), ("1001", "", "")), ""),
        ((("1002", "1", key_of(1002)),), ANOTHER_ORDERS),
        ((("1001", "2", key_of(1001, 2)),), ANOTHER_ORDERS),
    ],
)
def test_a_note_must_be_of_the_order_when_its_keys_are_known(invoices, expected):
    whose = Whose(frozenset({ALFA}), invoices)

    assert problem(DocumentKind.NFE_XML, build_nfe(), whose) == expected
    assert problem(DocumentKind.OTHER, build_cte(), whose) == expected


@pytest.mark.parametrize(
    ("invoices", "expected"),
    [
        ((("1001", "1", key_of()),), ""),
        ((("1001", "1", ""),), ""),
        ((("1001", "", ""),), ""),
        ((), ANOTHER_ORDERS),
        ((("1001", "2", ""),), ANOTHER_ORDERS),
        ((("1002", "1", key_of(1002)),), ANOTHER_ORDERS),
    ],
)
def test_an_event_must_prove_which_invoice_it_is_of(invoices, expected):
    whose = Whose(frozenset({ALFA}), invoices)

    verdict = check(DocumentKind.OTHER, io.BytesIO(build_event()), whose)

    assert verdict.problem == expected
    assert verdict.kind is DocumentKind.EVENT_XML
    assert verdict.verdict == ("refuse" if expected else "event_cancels")


@pytest.mark.parametrize(
    ("traits", "expected"),
    [
        ({}, ""),
        ({"recipient": STRANGER}, ANOTHERS),
        ({"recipient": STRANGER, "receiver": ALFA}, ""),
        ({"recipient": STRANGER, "payer": ALFA}, ""),
        ({"recipient": STRANGER, "payer": "3"}, ANOTHERS),
        ({"recipient": STRANGER, "sender": ALFA}, ANOTHERS),
        ({"recipient": STRANGER, "sender": ALFA, "payer": "0"}, ""),
        ({"recipient": SAME_ROOT}, "document-of-another-branch"),
        ({"invoice_keys": [key_of(7)]}, ANOTHER_ORDERS),
        ({"invoice_keys": []}, ANOTHER_ORDERS),
        ({"invoice_keys": [key_of(7), key_of()]}, ""),
    ],
)
def test_a_cte_must_be_the_companys_and_carry_the_orders_goods(traits, expected):
    whose = Whose(frozenset({ALFA}), (("1001", "1", key_of()),))
    traits = {"payer": "1"} | traits

    verdict = check(DocumentKind.OTHER, io.BytesIO(build_cte(**traits)), whose)

    assert verdict.problem == expected
    assert verdict.kind is DocumentKind.CTE_XML


def test_another_companys_note_is_refused_under_any_kind():
    assert problem(DocumentKind.OTHER, build_nfe(recipient=STRANGER)) == ANOTHERS


# --- papers ----------------------------------------------------------------------------


def test_a_bank_slip_of_another_company_is_refused():
    theirs = build_boleto(payer="OUTRA LTDA  CNPJ 99.902.002/0001-33")

    assert problem(DocumentKind.BOLETO, build_boleto()) == ""
    assert problem(DocumentKind.BOLETO, theirs) == ANOTHERS


def test_a_bank_slip_of_a_branch_passes_with_a_doubt():
    branchs = build_boleto(payer=f"FILIAL  CNPJ {format_cnpj(SAME_ROOT)}")
    whose = Whose(frozenset({ALFA}))

    verdict = check(DocumentKind.BOLETO, io.BytesIO(branchs), whose)

    assert (verdict.problem, verdict.reasons) == ("", ("same_root_other_branch",))


def test_a_bank_slip_is_compared_with_what_the_invoice_announced():
    announced = Instalment("001", date(2026, 4, 9), Decimal("990.50"), "1001")
    whose = Whose(frozenset({ALFA}), instalments=(announced,))

    verdict = check(DocumentKind.BOLETO, io.BytesIO(build_boleto()), whose)

    assert (verdict.problem, verdict.verdict) == ("", "warn")
    assert verdict.reasons == ("amount_differs",)
    assert (verdict.facts["amount"], verdict.facts["bank"]) == ("1000.50", "237")


@pytest.mark.parametrize(
    ("kind", "content", "expected"),
    [
        (DocumentKind.GNRE, build_slip(origin_key=key_of()), ""),
        (DocumentKind.GNRE, build_slip(origin_key=key_of(7)), ANOTHER_ORDERS),
        (DocumentKind.GNRE, build_slip(), ""),
        (DocumentKind.DANFE, build_pdf(["CHAVE DE ACESSO", key_of()]), ""),
        (DocumentKind.DANFE, build_pdf(["CHAVE DE ACESSO", key_of(7)]), ANOTHER_ORDERS),
        (DocumentKind.DANFE, build_pdf([key_of(7), key_of(8)]), ""),
        (DocumentKind.OTHER, build_pdf([key_of(7)]), ""),
    ],
)
def test_a_paper_must_not_name_another_orders_invoice(kind, content, expected):
    whose = Whose(frozenset({ALFA}), (("1001", "1", key_of()),))

    assert problem(kind, content, whose) == expected
    assert problem(kind, content, WHOSE) == ""


def test_the_key_must_be_the_emitters():
    assert key_of()[6:20] == EMITTER
