"""Documents change while the ERP runs: paid, issued anew, there at last, cancelled, misshapen."""

from __future__ import annotations

import base64
import http.client
import io
from datetime import date, timedelta
from urllib.parse import urlsplit

import pikepdf
import pypdf
import pytest

from erp_bridge.identifiers import valid_boleto_line, valid_slip_line
from erp_bridge.simulators.cast import O6
from erp_bridge.simulators.control import State
from erp_bridge.simulators.erp import ErpSimulator
from erp_bridge.simulators.numbers import pix_code
from erp_bridge.simulators.pdfs import print_tax_id
from erp_bridge.simulators.world import (
    ALFA_TAX_ID,
    BOLETOS,
    O1,
    REVOKED,
    SELLER,
    Facts,
    World,
    small_world,
)
from tests.erp_bridge.simulators.conftest import STARTED_AT, TODAY, Got, ask
from tests.erp_bridge.simulators.test_files import (
    BOLETO,
    DANFE,
    GARE,
    GNRE,
    OTHER,
    SERIALS,
    XML,
    entries,
    of_kind,
    open_file,
)

BOLETO_FILE, NFE_FILE = "file/boleto", "file/nfe"


def change(erp: ErpSimulator, facts: Facts, **told: object) -> Got:
    told = {"erp_number": facts.erp_number, **told}
    return ask(erp, "/_control/orders", method="POST", send=told)


def fault(erp: ErpSimulator, route: str, mode: str, **more: object) -> None:
    got = ask(erp, "/_control/faults", method="POST", send={"route": route, "mode": mode, **more})
    assert got.status == 200


def boletos(erp: ErpSimulator, facts: Facts = O1) -> list[dict[str, object]]:
    return of_kind(entries(erp, facts), BOLETO)


def text_of(body: bytes) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(body)).pages)


def crc16(data: bytes) -> str:
    """The checksum of a BR Code, written apart from the simulator's."""
    rest = 0xFFFF
    for byte in data:
        rest ^= byte << 8
        for _ in range(8):
            rest = (rest << 1 ^ 0x1021 if rest & 0x8000 else rest << 1) & 0xFFFF
    return f"{rest:04X}"


class TestWhatABoletoStates:
    def test_payee_pix_and_line_stand_in_list_and_paper(self, erp):
        for entry in boletos(erp):
            text = text_of(open_file(erp, entry).body)
            code, line = str(entry["pixCopiaECola"]), str(entry["linhaDigitavel"])
            assert valid_boleto_line(line)
            assert crc16(code[:-4].encode()) == code[-4:]
            amount = f"{entry['valor']:.2f}"
            assert f"54{len(amount):02d}{amount}5802BR" in code
            assert f"59{len(SELLER.name[:25]):02d}{SELLER.name[:25]}6009SAO PAULO" in code
            assert entry["beneficiarioNome"] == SELLER.name
            assert entry["beneficiarioCnpj"] == print_tax_id(SELLER.tax_id)
            for said in (SELLER.name, print_tax_id(SELLER.tax_id), print_tax_id(ALFA_TAX_ID)):
                assert said in text
            assert code in text.replace("\n", "")
            assert line in "".join(filter(str.isdigit, text))

    def test_the_checksum_is_the_one_of_the_central_banks_example(self):
        example = (
            "00020126580014br.gov.bcb.pix0136123e4567-e12b-12d1-a456-4266554400005204000053039865802BR"
            "5913Fulano de Tal6008BRASILIA62070503***6304"
        )

        assert crc16(example.encode()) == "1D3D"

    def test_long_names_are_cut_to_what_a_code_may_hold(self):
        code = pix_code(address="pix.example/1", name="N" * 40, city="C" * 40, cents=1)

        assert "5925" + "N" * 25 + "6015" + "C" * 15 in code
        assert crc16(code[:-4].encode()) == code[-4:]

    def test_tax_slips_have_lines_that_their_papers_print(self, erp):
        for kind, words in ((GNRE, "GNRE"), (GARE, "DARE-SP")):
            (entry,) = of_kind(entries(erp, O1), kind)
            text = text_of(open_file(erp, entry).body)
            assert valid_slip_line(str(entry["linhaDigitavel"]))
            assert words in text
            assert str(entry["linhaDigitavel"]) in "".join(filter(str.isdigit, text))


class TestTheOrderOfOddBoletos:
    def test_each_comes_in_its_form(self, erp, world: World):
        listed = boletos(erp, BOLETOS)
        replaced, new = listed[1:3]

        assert [entry["parcela"] for entry in listed] == ["1/5", "2/5", "2/5", "3/5", "4/5", "5/5"]
        assert replaced["situacao"] == "substituido"
        assert replaced["substituidoPor"] == new["nossoNumero"]
        assert new["situacao"] == "aberto"
        assert new["dataVencimento"] == str(TODAY + timedelta(days=20))
        assert len({str(entry["linhaDigitavel"]) for entry in listed}) == 6
        assert listed[3]["url"] is None
        with pytest.raises(pikepdf.PasswordError):
            pikepdf.open(io.BytesIO(open_file(erp, listed[4]).body))
        with pikepdf.open(
            io.BytesIO(open_file(erp, listed[4]).body), password=ALFA_TAX_ID[:6]
        ) as document:
            assert len(document.pages) == 1
        with pikepdf.open(io.BytesIO(open_file(erp, listed[5]).body)) as document:
            assert document.Root.OpenAction.S == "/JavaScript"
        assert sum(t.amount for t in world.titles(world.cast["BOLETOS"].erp[0])) == (
            world.cast["BOLETOS"].erp[0].total
        )

    def test_a_danfe_is_base64_and_a_table_stands_in_the_list(self, erp):
        listed = entries(erp, BOLETOS)
        (danfe,), (serials,) = of_kind(listed, DANFE), of_kind(listed, SERIALS)

        assert base64.b64decode(open_file(erp, danfe).body).startswith(b"%PDF-")
        assert "url" not in serials
        assert base64.b64decode(str(serials["conteudo"])).startswith(b"produto;")

    def test_the_older_generation_knows_addresses_only(self, erp):
        (serials,) = of_kind(entries(erp, BOLETOS, "/guide"), SERIALS)

        assert set(serials) == {"tipoArquivo", "descricao", "url"}
        assert open_file(erp, serials).body.startswith(b"produto;")

    def test_locked_bytes_are_the_same_each_time(self, erp):
        locked = boletos(erp, BOLETOS)[4]

        assert open_file(erp, locked).body == open_file(erp, locked).body


def test_a_revoked_invoices_boletos_are_cancelled_with_it(erp):
    listed = entries(erp, REVOKED)

    assert [entry["situacao"] for entry in of_kind(listed, BOLETO)] == ["cancelado"] * 2
    assert {entry["dataBaixa"] for entry in of_kind(listed, BOLETO)} == {"2026-11-14"}
    assert [entry["descricao"] for entry in of_kind(listed, OTHER)] == ["Cancelamento NF 1973/1"]


class TestControl:
    def test_a_boleto_is_paid_on_a_day(self, erp, world: World):
        before = world.cast["O1"].erp[0].changed_at
        assert change(erp, O1, paid={"3": "2026-11-19"}).status == 200

        third = boletos(erp)[2]
        assert (third["situacao"], third["dataBaixa"]) == ("pago", "2026-11-19")
        assert world.cast["O1"].erp[0].changed_at > before

    def test_a_list_pays_on_the_worlds_day_and_can_be_taken_back(self, erp):
        assert change(erp, O1, paid=[2]).json()["paid"] == {"2": str(TODAY)}
        assert boletos(erp)[1]["dataBaixa"] == str(TODAY)

        change(erp, O1, unpaid=[2])
        assert boletos(erp)[1]["situacao"] == "aberto"
        assert "dataBaixa" not in boletos(erp)[1]

    def test_a_boleto_is_issued_anew_again_and_again(self, erp):
        for due in ("2026-12-01", "2026-12-20"):
            assert change(erp, O1, reissued={"2": due}).status == 200

        second = [entry for entry in boletos(erp) if entry["parcela"] == "2/3"]
        assert [entry["situacao"] for entry in second] == ["substituido", "substituido", "aberto"]
        assert [entry["dataVencimento"] for entry in second] == [
            "2026-11-15",
            "2026-12-01",
            "2026-12-20",
        ]
        assert [entry.get("substituidoPor") for entry in second] == [
            second[1]["nossoNumero"],
            second[2]["nossoNumero"],
            None,
        ]
        assert len({open_file(erp, entry).body for entry in second}) == 3

    def test_the_invoices_xml_keeps_what_it_announced(self, erp):
        (xml,) = of_kind(entries(erp, O1), XML)
        before = open_file(erp, xml).body

        change(erp, O1, reissued={"2": "2026-12-20"}, paid=["3"])

        assert open_file(erp, xml).body == before

    def test_a_pending_file_appears_and_goes_again(self, erp):
        change(erp, O1, published=["nfe-1002-1.xml"])
        second = of_kind(entries(erp, O1), XML)[1]
        assert open_file(erp, second).status == 200

        change(erp, O1, withheld=["nfe-1002-1.xml", "danfe-1001-1.pdf"])
        assert len(of_kind(entries(erp, O1), XML)) == 1
        assert open_file(erp, second).status == 404

        change(erp, O1, published="*")
        assert len(of_kind(entries(erp, O1), XML)) == 2
        assert len(of_kind(entries(erp, O1), DANFE)) == 2

    def test_the_only_pending_file_of_an_order_appears(self, erp):
        change(erp, O6, withheld=["nfe-1601-1.xml"])
        assert of_kind(entries(erp, O6), XML) == []

        change(erp, O6, published=["nfe-1601-1.xml"])
        assert len(of_kind(entries(erp, O6), XML)) == 1

    def test_an_invoice_is_cancelled_with_its_open_boletos(self, erp):
        change(erp, O1, cancelled={"1002/1": "2026-11-19"})

        assert [entry["situacao"] for entry in boletos(erp)] == ["pago", "aberto", "cancelado"]
        cancellation = of_kind(entries(erp, O1), OTHER)[-1]
        assert cancellation["descricao"] == "Cancelamento NF 1002/1"
        assert b"<tpEvento>110111</tpEvento>" in open_file(erp, cancellation).body

    def test_a_correction_is_issued(self, erp):
        change(erp, O1, corrected={"1002/1": "Onde se lê A, leia-se B."})

        correction = of_kind(entries(erp, O1), OTHER)[-1]
        assert "leia-se B." in open_file(erp, correction).body.decode()

    @pytest.mark.parametrize(
        ("form", "begins"),
        [("html", b"<!DOCTYPE html>"), ("base64", b"JVBERi0"), ("cut", b"%PDF-"), (None, b"%PDF-")],
    )
    def test_a_file_takes_another_form(self, erp, form, begins):
        change(erp, O1, forms={"danfe-1001-1.pdf": form})

        body = open_file(erp, of_kind(entries(erp, O1), DANFE)[0]).body
        assert body.startswith(begins)
        assert body.rstrip().endswith(b"%%EOF") is (form is None)

    @pytest.mark.parametrize(
        "told",
        [
            {"paid": {"4": "2026-11-19"}},
            {"paid": {"3": "tomorrow"}},
            {"paid": [0]},
            {"paid": "3"},
            {"unpaid": {"3": 1}},
            {"reissued": {"9": "2026-12-01"}},
            {"published": ["danfe-1001-1.pdf"]},
            {"withheld": ["nothing.pdf"]},
            {"cancelled": {"1003/1": "2026-12-01"}},
            {"corrected": ["1001/1"]},
            {"forms": {"danfe-1001-1.pdf": "sideways"}},
            {"forms": {"nothing.pdf": "html"}},
        ],
    )
    def test_what_is_not_there_cannot_be_changed(self, erp, told):
        before = entries(erp, O1)

        # What is right in the same call is not done either.
        assert change(erp, O1, **{"paid": {"3": "2026-11-19"}} | told).status == 400
        assert entries(erp, O1) == before

    def test_changes_are_remembered_with_their_days(self, tmp_path):
        state = State(tmp_path)
        state.seed(TODAY, STARTED_AT)
        with ErpSimulator(small_world(seed_date=TODAY, started_at=STARTED_AT)) as erp:
            erp.on_control.append(state.keeper("erp"))
            change(erp, O1, paid=[3], reissued={"2": "2026-12-20"}, published="*")
            before = [entry | {"url": ""} for entry in entries(erp, O1)]

        world = small_world(seed_date=TODAY, started_at=STARTED_AT)
        assert State(tmp_path).replay(world) == 1
        with ErpSimulator(world) as erp:
            assert [entry | {"url": ""} for entry in entries(erp, O1)] == before
        assert world.cast["O1"].erp[0].paid[3] == date(2026, 11, 20)


class TestFaultsOfFiles:
    def test_one_kind_of_file_fails_alone(self, erp):
        fault(erp, BOLETO_FILE, "error", status=503)

        listed = entries(erp, O1)
        assert open_file(erp, of_kind(listed, BOLETO)[0]).status == 503
        assert open_file(erp, of_kind(listed, DANFE)[0]).status == 200

    def test_the_narrower_fault_goes_before_the_wider(self, erp):
        fault(erp, "file", "error", status=500)
        fault(erp, NFE_FILE, "error", status=503)

        listed = entries(erp, O1)
        assert open_file(erp, of_kind(listed, XML)[0]).status == 503
        assert open_file(erp, of_kind(listed, DANFE)[0]).status == 500

    def test_a_redirect_leads_to_an_internal_address_unless_told(self, erp):
        (xml,) = of_kind(entries(erp, O1), XML)
        fault(erp, NFE_FILE, "redirect")
        got = open_file(erp, xml)
        assert (got.status, got.headers["location"]) == (
            302,
            "http://169.254.169.254/latest/meta-data/",
        )

        fault(erp, NFE_FILE, "redirect", location="http://[::1]/x", status=307)
        got = open_file(erp, xml)
        assert (got.status, got.headers["location"]) == (307, "http://[::1]/x")

    def test_an_endless_file_begins_rightly_and_never_ends(self, erp):
        (xml,) = of_kind(entries(erp, O1), XML)
        whole = open_file(erp, xml).body
        fault(erp, NFE_FILE, "endless")
        parts = urlsplit(str(xml["url"]))
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=5)
        connection.request("GET", parts.path)
        answer = connection.getresponse()

        assert answer.getheader("content-length") is None
        assert answer.read(len(whole)) == whole
        assert len(answer.read(50_000_000)) == 50_000_000
        connection.close()

    def test_an_endless_file_ends_with_its_fault(self, erp):
        (xml,) = of_kind(entries(erp, O1), XML)
        fault(erp, NFE_FILE, "endless")
        parts = urlsplit(str(xml["url"]))
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=5)
        connection.request("GET", parts.path)
        answer = connection.getresponse()
        answer.read(100)

        fault(erp, NFE_FILE, "none")

        assert answer.read()
        connection.close()
