"""What papers say, and what is wrong with PDFs and texts."""

from __future__ import annotations

import base64
import io
import zlib
from datetime import date
from decimal import Decimal

import pikepdf
import pytest

from b2b_orders.documents.reading import pdf_text
from b2b_orders.documents.reading.findings import Context, Instalment
from b2b_orders.documents.reading.inspection import inspect, instalments_of, matching_instalment
from erp_bridge.identifiers import crc16, format_cnpj, make_boleto_line
from tests.fiscal.nfe import (
    EMITTER,
    RECIPIENT,
    SAME_ROOT,
    STRANGER,
    build_nfe,
    key_of,
)
from tests.fiscal.pdf import build_boleto, build_pdf, build_slip

TODAY = date(2026, 3, 15)
OURS = Context(tax_ids=frozenset({RECIPIENT}), reference=TODAY, expected="pdf")
LINE = make_boleto_line(
    bank="237",
    due_on=date(2026, 4, 9),
    amount=Decimal("1000.50"),
    free_field="3381260007827139500006330",
)


def pix_of(name: str = "VENDEDORA EXEMPLO LTDA") -> str:
    url = "pix.bancoexemplo.com.br/qr/v2/cobv/9d36b84fc70b478fb95c12729b90ca25"
    account = f"0014br.gov.bcb.pix25{len(url)}{url}"
    code = (
        f"00020101021226{len(account)}{account}5204000053039865802BR"
        f"59{len(name):02d}{name}6009SAO PAULO62070503***6304"
    )
    return code + crc16(code.encode())


def read(content: bytes, context: Context = OURS):
    return inspect(io.BytesIO(content), context)


def outcome(content: bytes, context: Context = OURS) -> tuple[str, tuple[str, ...], str]:
    found = read(content, context)
    return found.word.value, found.reasons, found.remark


# --- bank slips -----------------------------------------------------------------------------


def test_a_bank_slip_is_read():
    found = read(build_boleto())

    assert (found.word.value, found.reasons) == ("serve", ())
    assert found.facts == {
        "kind": "boleto",
        "line": LINE,
        "barcode": "23796141100001000503381260007827139500006330",
        "bank": "237",
        "due_date": "2026-04-09",
        "amount": "1000.50",
        "document_number": "1001/001",
        "payee": EMITTER,
        "payer": RECIPIENT,
        "pix": None,
        "printed_due_date": "2026-04-09",
        "is_amount_printed": True,
        "pages": 1,
    }


@pytest.mark.parametrize("name", ["VENDEDORA EXEMPLO LTDA", "A B C D E F G H I J K"])
def test_a_pix_code_is_found_however_its_lines_are_broken(name):
    code = pix_of(name)
    at_blank = code.index(" ", 100)

    assert read(build_boleto(pix=code)).facts["pix"] == code
    broken_at_a_blank = build_pdf([LINE, code[:95], code[95:at_blank], code[at_blank + 1 :]])
    assert read(broken_at_a_blank).facts["pix"] == code


def test_a_pix_code_with_a_wrong_crc_is_not_shown():
    assert read(build_boleto(pix=pix_of()[:-4] + "0000")).facts["pix"] is None


def test_a_due_factor_is_read_near_the_printed_date():
    old = build_boleto(due_on=date(2018, 6, 11))

    assert read(old).facts["due_date"] == "2018-06-11"


def test_a_slip_without_amount_and_date_takes_what_is_printed():
    line = make_boleto_line(bank="033", due_on=None, amount=Decimal(0), free_field="9" * 25)
    facts = read(build_boleto(line=line)).facts

    assert (facts["amount"], facts["due_date"]) == ("1000.50", "2026-04-09")


def test_a_line_of_another_amount_than_printed_is_doubted():
    line = make_boleto_line(
        bank="237", due_on=date(2026, 4, 9), amount=Decimal("1000.51"), free_field="1" * 25
    )

    assert outcome(build_boleto(line=line)) == (
        "warn",
        ("line_amount_not_printed",),
        "the line's amount 1000.51 is not printed",
    )


def test_a_line_of_another_due_date_than_printed_is_doubted():
    line = make_boleto_line(
        bank="237", due_on=date(2026, 4, 10), amount=Decimal("1000.50"), free_field="1" * 25
    )

    assert outcome(build_boleto(line=line))[1] == ("line_due_date_differs",)


def test_a_line_that_does_not_add_up_is_no_line():
    bad = LINE[:-1] + "9"

    assert read(build_boleto(line=bad)).facts == {"pages": 1}


@pytest.mark.parametrize(
    ("payer", "expected"),
    [
        (RECIPIENT, ("serve", ())),
        (SAME_ROOT, ("warn", ("same_root_other_branch",))),
        (STRANGER, ("refuse", ("recipient_mismatch",))),
    ],
)
def test_a_bank_slip_must_name_the_company_as_payer(payer, expected):
    content = build_boleto(payer=f"PAGADORA S.A.  CNPJ {format_cnpj(payer)}")

    assert outcome(content)[:2] == expected
    assert outcome(content, Context())[0] == "serve"


def test_a_bank_slip_without_a_payer_passes():
    assert outcome(build_boleto(payer="SEM CNPJ"))[0] == "serve"


ANNOUNCED = (
    Instalment("001", date(2026, 4, 9), Decimal("1000.50"), "1001"),
    Instalment("002", date(2026, 5, 9), Decimal("990.00"), "1001"),
)


@pytest.mark.parametrize(
    ("traits", "expected"),
    [
        ({}, ("serve", (), "")),
        ({"document_number": "ABC"}, ("serve", (), "")),
        (
            {"document_number": "1001/002"},
            (
                "warn",
                ("amount_differs", "due_date_differs"),
                "amount differs from installment 002 of the invoice (990.00)",
            ),
        ),
        (
            {"document_number": "ABC", "amount": Decimal("1.00")},
            (
                "warn",
                ("amount_differs",),
                "amount differs from installment 001 of the invoice (1000.50)",
            ),
        ),
        (
            {"document_number": "ABC", "due_on": date(2026, 6, 1), "amount": Decimal("990.00")},
            (
                "warn",
                ("due_date_differs",),
                "due date differs from installment 002 of the invoice (2026-05-09)",
            ),
        ),
        ({"document_number": "7/1", "amount": Decimal("3.00"), "due_on": date(2026, 6, 1)},
         ("serve", (), "")),
    ],
)  # fmt: skip
def test_a_bank_slip_is_compared_with_its_instalment(traits, expected):
    context = Context(OURS.tax_ids, instalments=ANNOUNCED, reference=TODAY)

    assert outcome(build_boleto(**traits), context) == expected


def test_several_instalments_of_one_day_say_nothing():
    same = (ANNOUNCED[0], Instalment("009", date(2026, 4, 9), Decimal("7.00"), "1001"))
    facts = {"document_number": None, "due_date": "2026-04-09", "amount": "5.00"}

    assert matching_instalment(facts, same) is None


def test_instalments_come_from_the_notes_facts():
    note = build_nfe(installments=[("001", "2026-04-09", "100.00"), ("002", "bad", "1.00")])

    assert instalments_of(read(note).facts) == (
        Instalment("001", date(2026, 4, 9), Decimal("100.00"), "1001"),
        Instalment("002", None, Decimal("1.00"), "1001"),
    )


# --- tax slips and others ---------------------------------------------------------------------


def test_a_gnre_is_read():
    found = read(build_slip(origin_key=key_of()))

    assert (found.word.value, found.reasons) == ("serve", ())
    assert found.facts == {
        "kind": "GNRE",
        "line": "858200000120503702202025611301234560789012345608",
        "barcode": "85820000012503702202026113012345678901234560",
        "amount": "1250.37",
        "due_date": "2026-03-20",
        "revenue_code": "100102",
        "origin_key": key_of(),
        "uf": "RJ",
        "pix": None,
        "is_amount_printed": True,
        "pages": 1,
    }


def test_a_dare_of_sao_paulo_is_told_from_a_gnre():
    facts = read(
        build_slip(
            title="Documento de Arrecadação de Receitas Estaduais - DARE-SP",
            state_label="Secretaria da Fazenda",
            state="SP",
            revenue_code="046-2",
        )
    ).facts

    assert (facts["kind"], facts["revenue_code"], facts["uf"]) == ("DARE-SP", "046-2", "SP")
    assert facts["origin_key"] is None


def test_keys_printed_in_groups_are_found():
    grouped = " ".join(key_of()[at : at + 4] for at in range(0, 44, 4))

    assert read(build_pdf([f"Chave de acesso: {grouped}"])).facts["access_keys"] == [key_of()]


# --- PDFs -------------------------------------------------------------------------------------

LOCKED = "user password needed (banks send boletos like that); serve as download only, no preview"
JUNK = "bytes before %PDF- within the first 1024 are tolerated by readers"
BASE64 = "some ERPs return base64 text with content type application/pdf"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (build_pdf(), ("serve", (), "")),
        (build_pdf(javascript=True),
         ("refuse_or_sanitise", ("active_javascript",), "OpenAction JavaScript")),
        (build_pdf(launch=True), ("refuse_or_sanitise", ("active_launch",), "Launch action")),
        (build_pdf(attachment=True),
         ("refuse_or_sanitise", ("active_embedded_file",), "embedded file")),
        (build_pdf(launch=True, attachment=True, javascript=True),
         ("refuse_or_sanitise", ("active_launch", "active_embedded_file", "active_javascript"),
          "Launch action, embedded file, JavaScript")),
        (build_pdf(user_password="123"), ("warn", ("user_password_needed",), LOCKED)),
        (build_pdf(owner_password="123"), ("serve", (), "")),
        (build_pdf(truncated=0.6), ("refuse", ("truncated",), "truncated")),
        (b"%PDF-1.4\nnothing\n%%EOF", ("refuse", ("damaged",), "damaged")),
        (build_pdf(junk_before=b"\r\n\r\n "), ("serve", (), JUNK)),
        (build_pdf(pages=201), ("warn", ("many_pages",), "201 pages")),
        (b"<html><body>login</body></html>", ("refuse", ("html_instead_of_document",), "HTML")),
        (b'{"erro": 1}', ("refuse", ("not_pdf",), "JSON")),
        (base64.b64encode(build_pdf()), ("serve_after_decoding_or_refuse", (), BASE64)),
        (base64.encodebytes(build_pdf()), ("serve_after_decoding_or_refuse", (), BASE64)),
        (b'"' + base64.b64encode(build_pdf()) + b'"',
         ("serve_after_decoding_or_refuse", (), BASE64)),
        (b"data:application/pdf;base64," + base64.b64encode(build_pdf()),
         ("serve_after_decoding_or_refuse", (), BASE64)),
        (base64.b64encode(build_pdf(launch=True)),
         ("refuse_or_sanitise", ("active_launch",), "Launch action")),
        (base64.b64encode(build_nfe(recipient=STRANGER)), ("refuse", ("recipient_mismatch",), "")),
        (base64.b64encode(base64.b64encode(build_pdf())), ("serve", (), "")),
    ],
)  # fmt: skip
def test_each_pdf_has_its_verdict(content, expected):
    assert outcome(content) == expected


def test_more_pages_than_a_document_has_are_refused(monkeypatch):
    monkeypatch.setattr("b2b_orders.documents.reading.pdf.MAX_PDF_PAGES", 3)

    assert outcome(build_pdf(pages=4))[1] == ("too_many_pages",)


def test_the_text_of_a_slip_that_only_its_owner_may_change_is_read():
    assert read(build_boleto(owner_password="x")).facts["line"] == LINE


def test_a_locked_slip_tells_nothing():
    assert read(build_boleto(user_password="123")).facts == {}


def test_a_decoded_file_is_handed_over():
    content = build_boleto()

    found = read(base64.b64encode(content))

    assert found.decoded == content
    assert found.facts["line"] == LINE


def bomb() -> bytes:
    """Make a small PDF whose page unpacks to 200 MB of drawing."""
    pdf = pikepdf.new()
    page = pdf.add_blank_page()
    packed = zlib.compress(b"0 0 m " * 33_000_000, 9)
    page.Contents = pikepdf.Stream(pdf, packed, Filter=pikepdf.Name.FlateDecode)
    out = io.BytesIO()
    pdf.save(out, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none)
    return out.getvalue()


def test_a_page_that_unpacks_to_a_flood_is_not_read():
    content = bomb()

    assert len(content) < 1_000_000
    assert pdf_text.text_in(io.BytesIO(content)) == ""


def test_reading_stops_when_the_time_is_over(monkeypatch):
    ticks = iter(range(10_000))
    monkeypatch.setattr(pdf_text.time, "monotonic", lambda: next(ticks))

    assert pdf_text.text_in(io.BytesIO(build_boleto())) == ""


def test_large_files_are_not_searched_for_text(monkeypatch):
    monkeypatch.setattr(pdf_text, "MAX_BYTES", 100)

    assert pdf_text.text_in(io.BytesIO(build_boleto())) == ""


# --- tables -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("produto;série\r\nA-10;SN1\r\nA-10;SN2\r\n".encode("cp1252"),
         {"encoding": "cp1252", "rows": 2, "separator": ";", "columns": ["produto", "série"]}),
        ("produto,série\nA,1\n".encode(),
         {"encoding": "utf-8", "rows": 1, "separator": ",", "columns": ["produto", "série"]}),
        ("\ufeffs\u00e9rie\tx\n1\t2".encode(),
         {"encoding": "utf-8-sig", "rows": 1, "separator": "\t", "columns": ["série", "x"]}),
        (b"SN1\nSN2\n\nSN3", {"encoding": "ascii", "rows": 3}),
        (b"one, line", {"encoding": "ascii", "rows": 1}),
        (b"\x81\x9d;1", {"encoding": "latin-1", "rows": 1}),
    ],
)  # fmt: skip
def test_a_list_of_serial_numbers_is_measured(content, expected):
    found = read(content)

    assert (found.word.value, found.facts) == ("serve", expected)
