"""The ERP's documents open without complaint and say what they should."""

from __future__ import annotations

import io
import re
from urllib.parse import urlsplit

import pikepdf
import pytest
from lxml import etree

from erp_bridge.simulators.erp import ErpSimulator
from erp_bridge.simulators.numbers import print_boleto_line
from erp_bridge.simulators.pdfs import pdf, print_key
from erp_bridge.simulators.world import (
    ALFA_CUSTOMER_ID,
    ALFA_TAX_ID,
    DAMAGED,
    HOSTILE,
    O1,
    O2,
    O8,
    SELLER,
    Facts,
    World,
)
from tests.erp_bridge.simulators import shapes
from tests.erp_bridge.simulators.conftest import Got, ask

BOLETO, XML, DANFE, SERIALS, GARE, GNRE, OTHER = 0, 2, 3, 4, 5, 6, 7
NFE = {"n": "http://www.portalfiscal.inf.br/nfe"}


def entries(erp: ErpSimulator, facts: Facts, base: str = "") -> list[dict[str, object]]:
    params = {"pedidoErpId": facts.erp_number, "revendaId": ALFA_CUSTOMER_ID}
    return ask(erp, f"{base}/api/v1/ArquivosPedido/", params).json()["itens"]


def open_file(erp: ErpSimulator, entry: dict[str, object]) -> Got:
    parts = urlsplit(str(entry["url"]))
    assert f"{parts.scheme}://{parts.netloc}" == erp.url
    return ask(erp, parts.path, headers={})


def of_kind(listed: list[dict[str, object]], kind: int) -> list[dict[str, object]]:
    return [entry for entry in listed if entry["tipoArquivo"] == kind]


def text_of(document: pikepdf.Pdf) -> str:
    drawn = b"".join(page.Contents.read_bytes() for page in document.pages)
    pieces = re.findall(rb"\(((?:\\.|[^\\)])*)\) Tj", drawn)
    return "\n".join(re.sub(rb"\\(.)", rb"\1", piece).decode("cp1252") for piece in pieces)


class TestListing:
    def test_order_1_has_all_its_documents(self, erp):
        listed = entries(erp, O1)

        assert [entry["tipoArquivo"] for entry in listed] == [
            *(XML, DANFE, SERIALS, OTHER, OTHER),
            *(DANFE, GNRE, GARE),
            *(BOLETO, BOLETO, BOLETO),
        ]
        boletos = of_kind(listed, BOLETO)
        assert [entry["situacao"] for entry in boletos] == ["pago", "aberto", "aberto"]
        assert [entry["parcela"] for entry in boletos] == ["1/3", "2/3", "3/3"]
        assert [entry["dataVencimento"] for entry in boletos] == [
            "2026-10-31",
            "2026-11-15",
            "2026-11-23",
        ]

    def test_guide_has_the_contracts_three_fields_and_tells_in_words(self, erp):
        listed = entries(erp, O1, "/guide")

        assert {frozenset(entry) for entry in listed} == {shapes.DOCUMENT}
        assert of_kind(listed, BOLETO)[0]["descricao"] == (
            "Boleto 1/3 - NF 1001/1 - venc. 31/10/2026 - R$ 1.390,00 - pago em 31/10/2026"
        )

    def test_order_without_invoice_has_no_documents(self, erp):
        assert entries(erp, O2) == []

    def test_links_may_change_at_each_listing_and_stay_good(self, world: World):
        with ErpSimulator(world, fresh_links=True) as erp:
            first, second = entries(erp, O1)[0], entries(erp, O1)[0]
            assert first["url"] != second["url"]
            assert open_file(erp, first).body == open_file(erp, second).body

    @pytest.mark.parametrize("at", [2, 3, 4])
    def test_address_with_any_part_guessed_is_404(self, erp, at):
        own = urlsplit(str(entries(erp, O1)[0]["url"])).path.split("/")
        other = urlsplit(str(entries(erp, O8)[0]["url"])).path.split("/")
        guessed = "/".join([*own[:at], other[at], *own[at + 1 :]])

        assert ask(erp, guessed, headers={}).status == 404


class TestPdf:
    def test_every_pdf_of_order_1_opens_without_a_warning(self, erp):
        for entry in entries(erp, O1):
            if entry["tipoArquivo"] in {XML, SERIALS, OTHER}:
                continue
            got = open_file(erp, entry)
            assert (got.status, got.headers["content-type"]) == (200, "application/pdf")
            with pikepdf.open(io.BytesIO(got.body)) as document:
                assert document.check_pdf_syntax() == []
                assert document.get_warnings() == []

    def test_danfe_shows_key_number_and_total(self, erp, world: World):
        got = open_file(erp, of_kind(entries(erp, O1), DANFE)[0])

        with pikepdf.open(io.BytesIO(got.body)) as document:
            text = text_of(document)
        assert print_key(world.access_keys(O1)["1001/1"]) in text
        assert "Número 000001001" in text
        assert "Valor total da nota: R$ 2.780,00" in text
        assert "12.345.678/0001-95" in text

    def test_boleto_shows_line_due_date_and_amount(self, erp, world: World):
        got = open_file(erp, of_kind(entries(erp, O1), BOLETO)[2])

        with pikepdf.open(io.BytesIO(got.body)) as document:
            text = text_of(document)
        assert print_boleto_line(world.boleto_lines(O1)[2]) in text
        assert "Vencimento\n23/11/2026\n" in text
        assert "Valor do documento\nR$ 3.220,00\n" in text

    def test_danfe_of_600_items_has_several_pages(self, erp):
        got = open_file(erp, of_kind(entries(erp, O8), DANFE)[0])

        with pikepdf.open(io.BytesIO(got.body)) as document:
            assert len(document.pages) == 11

    def test_brackets_and_backslashes_are_text(self):
        with pikepdf.open(io.BytesIO(pdf("T", ["a (b) \\ c"]))) as document:
            assert "a (b) \\ c" in text_of(document)

    def test_damaged_danfe_is_a_web_page_that_calls_itself_a_pdf(self, erp):
        got = open_file(erp, of_kind(entries(erp, DAMAGED), DANFE)[0])

        assert (got.status, got.headers["content-type"]) == (200, "application/pdf")
        assert got.body.startswith(b"<!DOCTYPE html>")

    def test_bytes_are_the_same_each_time(self, erp):
        for entry in entries(erp, O1):
            assert open_file(erp, entry).body == open_file(erp, entry).body


class TestXml:
    def read(self, erp: ErpSimulator, facts: Facts, at: int = 0) -> etree._Element:
        got = open_file(erp, of_kind(entries(erp, facts), XML)[at])
        assert (got.status, got.headers["content-type"]) == (200, "application/xml")
        return etree.fromstring(got.body)

    def value(self, root: etree._Element, path: str) -> str:
        return root.xpath(f"string({path})", namespaces=NFE)

    def test_key_recipient_and_totals_are_right(self, erp, world: World):
        root = self.read(erp, O1)

        key = world.access_keys(O1)["1001/1"]
        assert root.tag == "{http://www.portalfiscal.inf.br/nfe}nfeProc"
        assert self.value(root, "n:NFe/n:infNFe/@Id") == f"NFe{key}"
        assert self.value(root, "n:protNFe/n:infProt/n:chNFe") == key
        assert self.value(root, "n:protNFe/n:infProt/n:cStat") == "100"
        assert self.value(root, "//n:emit/n:CNPJ") == SELLER.tax_id
        assert self.value(root, "//n:dest/n:CNPJ") == ALFA_TAX_ID
        assert self.value(root, "//n:ICMSTot/n:vNF") == "2780.00"
        assert self.value(root, "//n:ICMSTot/n:vProd") == "2600.00"
        assert self.value(root, "//n:compra/n:xPed") == "PO-2026/0815"

    def test_duplicatas_are_the_titles_of_the_invoice(self, erp):
        root = self.read(erp, O1)

        assert [
            (one.findtext("n:dVenc", None, NFE), one.findtext("n:vDup", None, NFE))
            for one in root.iterfind(".//n:dup", NFE)
        ] == [("2026-10-31", "1390.00"), ("2026-11-15", "1390.00")]

    def test_hostile_names_are_escaped(self, erp):
        root = self.read(erp, HOSTILE)

        assert self.value(root, "//n:det[1]/n:prod/n:xProd") == "<script>alert(1)</script>"
        assert self.value(root, "//n:compra/n:xPed") == "<b>OC</b> & 'filhos'"


def test_serial_numbers_are_a_table_of_pieces_in_the_encoding_of_windows(erp):
    got = open_file(erp, of_kind(entries(erp, O8), SERIALS)[0])

    lines = got.body.decode("cp1252").splitlines()
    assert got.headers["content-type"] == "text/csv"
    assert lines[0] == "produto;número de série;descrição"
    assert len(set(lines)) == len(lines)
