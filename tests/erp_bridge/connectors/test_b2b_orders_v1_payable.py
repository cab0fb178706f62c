"""The old app's contract: the optional fields of what is to be paid, and files in the list."""

from __future__ import annotations

import base64
from datetime import date

import pytest

from erp_bridge.errors import ContractViolation, Refused
from erp_bridge.identifiers import cnpj_with_digits
from erp_bridge.records import Party, TitleState
from tests.erp_bridge.connectors.conformance import soon
from tests.erp_bridge.connectors.gateway import Told
from tests.erp_bridge.connectors.old_gateway import ALFA, PDF

LINE = "23793381286000000000403000040000714170000100050"
OTHER_LINE = "23793.38128 60000.000003 00000.400804 1 84340000100050"
PAYEE = cnpj_with_digits("12ABC34501DE")
# The second blank between the words, and the small letters, are part of the code.
PIX = (
    "00020101021226770014br.gov.bcb.pix2555pix.example/qr/v2/9d36b84fc70b478fb95c12729b90ca25"
    "520400005303986540410.005802BR5910LOJA  ARCO6009Sao Paulo62070503***63041D3D"
)


def boleto(**more: object) -> dict[str, object]:
    return {"tipoArquivo": 0, "descricao": "Boleto 1/3", "url": "x", **more}


@pytest.fixture
def listed(erp, gateway):
    """List the one order's files as a gateway states them."""

    def listing(*items: dict[str, object]):
        gateway.answer = lambda asked: Told({"itens": list(items)})
        return erp.documents(ALFA, "0004500123", soon())

    return listing


def test_pix_and_payee_are_taken_over(listed):
    (file,) = listed(
        boleto(
            pixCopiaECola=f"  {PIX}\n",
            beneficiarioNome="Banco  Arco S.A.",
            beneficiarioCnpj="12.abc.345/01DE-35",
        )
    )

    assert file.pix == PIX
    assert file.payee == Party("Banco Arco S.A.", PAYEE)


@pytest.mark.parametrize(
    "code",
    [
        None,
        7,
        ["000201"],
        {"codigo": PIX},
        "",
        "0002010102",
        PIX[4:],
        PIX.replace("  ", "\n"),
        PIX.replace("***", "*" * 2000),
    ],
)
def test_what_has_not_the_shape_of_a_pix_code_is_none(listed, code):
    (file,) = listed(boleto(pixCopiaECola=code))

    assert file.pix == ""


@pytest.mark.parametrize(
    "code", [PIX[:-1], PIX[:-8], PIX.replace("63041D3D", "6304ZZZZ"), PIX.replace("10.00", "99.00")]
)
def test_a_broken_pix_code_is_passed_on_so_that_it_is_seen_to_be_broken(listed, code):
    (file,) = listed(boleto(pixCopiaECola=code))

    assert file.pix == code


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("23793.38128 60000.000004 03000.040000 7 14170000100050", LINE),
        # A digit changed, lost, doubled, or read as a letter.
        ("23793.38128 60000.000004 03000.040000 7 14170000100051", LINE[:-1] + "1"),
        (LINE[1:], LINE[1:]),
        (LINE + "0", LINE + "0"),
        (LINE.replace("2", "Z", 1), LINE.replace("2", "Z", 1)),
        # The bar code says the same as the line.
        ("23797141700001000503381260000000000300004000", LINE),
        ("0" * 47, ""),
        ("Consulte seu banco", ""),
        ("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTU", ""),
        ("12345", ""),
        ("1" * 90, ""),
        (None, ""),
        (["x"], ""),
    ],
)
def test_a_line_is_passed_on_right_or_wrong_if_it_is_one_at_all(listed, written, line):
    (file,) = listed(boleto(linhaDigitavel=written))

    assert file.typeable_line == line


def test_no_amount_is_read_off_a_wrong_line(listed):
    (file,) = listed(boleto(linhaDigitavel=LINE[:-1] + "1"))

    assert file.amount is None


@pytest.mark.parametrize("tax_id", [None, 12345678000195.5, "12.345.678/0001-00", "x", ["1"], True])
def test_a_payees_tax_id_that_its_digits_do_not_confirm_is_left_out(listed, tax_id):
    (file,) = listed(boleto(beneficiarioNome="N" * 5000, beneficiarioCnpj=tax_id))

    assert file.payee == Party("N" * 150)


@pytest.mark.parametrize(
    ("more", "state", "settled_on"),
    [
        ({"situacao": "pago", "dataBaixa": "2026-03-14"}, TitleState.PAID, date(2026, 3, 14)),
        ({"situacao": "Pago", "dataPagamento": "14/03/2026"}, TitleState.PAID, date(2026, 3, 14)),
        ({"situacao": "pago", "dataBaixa": "0001-01-01"}, TitleState.PAID, None),
        ({"situacao": "pago", "dataBaixa": {"dia": 1}}, TitleState.PAID, None),
        ({"situacao": "cancelado", "dataBaixa": "2026-03-14"}, "cancelled", date(2026, 3, 14)),
        ({"situacao": "aberto", "dataBaixa": "2026-03-14"}, TitleState.OPEN, None),
        ({"dataBaixa": "2026-03-14"}, TitleState.UNKNOWN, None),
        ({"descricao": "Boleto pago em 14/03/2026"}, TitleState.PAID, date(2026, 3, 14)),
        ({"descricao": "Boleto pago em 14/03/2026 (pago)"}, TitleState.PAID, date(2026, 3, 14)),
        ({"descricao": "Boleto cancelado em 14/03/2026"}, "cancelled", date(2026, 3, 14)),
        (
            {"descricao": "Boleto pago em 14/03/2026 pago em 15/03/2026"},
            TitleState.PAID,
            None,
        ),
        ({"descricao": "Boleto não pago em 14/03/2026"}, TitleState.UNKNOWN, None),
        # What the field states stands above the words.
        ({"descricao": "Boleto pago em 14/03/2026", "situacao": "aberto"}, TitleState.OPEN, None),
    ],
)
def test_the_day_of_settlement_belongs_to_what_is_settled(listed, more, state, settled_on):
    (file,) = listed(boleto(**more))

    assert (file.title_state, file.settled_on) == (state, settled_on)


def test_a_title_carries_what_its_boleto_states(erp, gateway):
    usual = gateway.answer
    item = boleto(
        valor=10,
        situacao="pago",
        dataBaixa="2026-03-14",
        pixCopiaECola=PIX,
        beneficiarioNome="Arco",
        beneficiarioCnpj=PAYEE,
    )
    gateway.answer = lambda asked: (
        usual(asked) if "pedido/" in asked.path else Told({"itens": [item]})
    )

    (title,) = erp.order(ALFA, "0004500123", soon()).record.titles

    assert (title.pix, title.payee) == (PIX, Party("Arco", PAYEE))
    assert (title.state, title.settled_on) == ("paid", date(2026, 3, 14))


class TestReplaced:
    @pytest.mark.parametrize("named", ["0000123-4", "123-4", LINE])
    def test_a_replaced_boleto_names_the_one_in_its_place(self, listed, named):
        old, new = listed(
            boleto(nossoNumero="0000123-3", situacao="aberto", substituidoPor=named),
            boleto(nossoNumero="0000123-4", situacao="aberto", linhaDigitavel=LINE),
        )

        assert (old.title_state, old.replaced_by) == ("cancelled", new.key)
        assert (new.title_state, new.replaced_by) == ("open", "")

    def test_bank_numbers_keep_boletos_of_one_description_apart(self, listed):
        items = [boleto(nossoNumero=number) for number in ("1", "2")]

        first, second = listed(*items)
        again_second, again_first = listed(*reversed(items))

        assert first.key != second.key
        assert (again_first.key, again_second.key) == (first.key, second.key)

    @pytest.mark.parametrize("named", ["999", "0000123-3", "nothing listed"])
    def test_one_replaced_by_nothing_that_is_listed_is_not_payable_all_the_same(
        self, listed, named
    ):
        old, _ = listed(
            boleto(nossoNumero="0000123-3", situacao="aberto", substituidoPor=named),
            boleto(nossoNumero="0000123-4"),
        )

        assert (old.title_state, old.replaced_by) == ("cancelled", "")

    def test_of_two_that_fit_none_is_taken(self, listed):
        old, *_ = listed(
            boleto(nossoNumero="1", substituidoPor="2"),
            boleto(nossoNumero="2"),
            boleto(nossoNumero="2", descricao="Boleto 1/3 novo"),
        )

        assert old.replaced_by == ""

    def test_another_kind_never_takes_a_boletos_place(self, listed):
        old, _ = listed(
            boleto(nossoNumero="1", substituidoPor="2"),
            {"tipoArquivo": 3, "descricao": "DANFE", "nossoNumero": "2"},
        )

        assert old.replaced_by == ""

    def test_what_was_paid_before_it_was_replaced_stays_paid(self, listed):
        old, new = listed(
            boleto(nossoNumero="1", situacao="pago", substituidoPor="2"), boleto(nossoNumero="2")
        )

        assert (old.title_state, old.replaced_by) == ("paid", new.key)

    def test_the_word_alone_is_enough(self, listed):
        assert [file.title_state for file in listed(boleto(situacao="Substituído"))] == [
            "cancelled"
        ]


class TestFilesInTheList:
    @pytest.mark.parametrize("name", ["conteudo", "arquivoBase64", "ARQUIVOBASE64"])
    @pytest.mark.parametrize("prefix", ["", "data:application/pdf;base64,", "\r\n "])
    def test_the_bytes_are_handed_out_without_another_request(self, erp, gateway, name, prefix):
        text = base64.encodebytes(PDF).decode()
        item = {"tipoArquivo": 3, "descricao": "DANFE", name: prefix + text}
        gateway.answer = lambda asked: Told({"itens": [item]})

        with erp.open_document(ALFA, "0004500123", "danfe:danfe", soon()) as stream:
            chunks = list(stream.chunks)

        assert b"".join(chunks) == PDF
        assert stream.size == len(PDF)
        assert len(chunks) == 2
        assert len(gateway.log) == 1

    @pytest.mark.parametrize("body", ["%PDF-1.4", "não é base64", "QUJD=QUJD", "QUJ"])
    def test_what_is_not_base64_is_the_sources_fault(self, erp, gateway, body):
        item = {"tipoArquivo": 3, "descricao": "DANFE", "conteudo": body}
        gateway.answer = lambda asked: Told({"itens": [item]})

        with (
            pytest.raises(ContractViolation),
            erp.open_document(ALFA, "0004500123", "danfe:danfe", soon()),
        ):
            pass

    @pytest.mark.parametrize("body", [None, 7, [], "", "  "])
    def test_an_empty_body_leaves_the_address(self, erp, gateway, body):
        usual = gateway.answer
        item = {
            "tipoArquivo": 3,
            "descricao": "DANFE",
            "conteudo": body,
            "url": f"{gateway.url}/files/a.pdf",
        }
        gateway.answer = lambda asked: (
            usual(asked) if "/files/" in asked.path else Told({"itens": [item]})
        )

        with erp.open_document(ALFA, "0004500123", "danfe:danfe", soon()) as stream:
            assert b"".join(stream.chunks) == PDF

    def test_the_bytes_are_not_kept_beside_the_order(self, erp, gateway):
        usual = gateway.answer
        secret = base64.b64encode(PDF).decode()
        items = [
            {"tipoArquivo": 3, "descricao": "DANFE", name: secret}
            for name in ("conteudo", "ArquivoBase64")
        ]
        gateway.answer = lambda asked: (
            usual(asked) if "pedido/" in asked.path else Told({"itens": items})
        )

        reading = erp.order(ALFA, "0004500123", soon())

        assert len(reading.record.documents) == 2
        assert secret[:40].encode() not in reading.payload

    def test_a_list_beyond_its_cap_is_refused(self, erp, gateway):
        item = {"tipoArquivo": 3, "descricao": "DANFE", "conteudo": "A" * 30_000_000}
        gateway.answer = lambda asked: Told({"itens": [item]})

        with pytest.raises(Refused):
            erp.documents(ALFA, "0004500123", soon(20))
