from __future__ import annotations

import pytest

from b2b_orders.documents.models import Document
from b2b_orders.documents.names import build_filename, title_of
from tests.b2b_orders.documents.files import make_key


def name(kind: str, **given: str) -> str:
    empty = dict.fromkeys(
        ("title", "number", "series", "instalment", "access_key", "content_type"), ""
    )
    return build_filename(kind=kind, **(empty | given))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"kind": "nfe_xml", "access_key": make_key()}, f"NFe-{make_key()}.xml"),
        ({"kind": "nfe_xml", "number": "1001", "series": "1"}, "NFe-1001-1.xml"),
        ({"kind": "danfe", "number": "1001", "series": "1"}, "DANFE-1001-1.pdf"),
        ({"kind": "boleto", "number": "1001", "instalment": "1/3"}, "Boleto-1001-1-3.pdf"),
        ({"kind": "boleto", "title": "Boleto"}, "Boleto-Boleto.pdf"),
        ({"kind": "gnre", "title": ""}, "GNRE.pdf"),
        ({"kind": "serials", "number": "9", "content_type": "text/plain"},
         "Numeros-de-serie-9.csv"),
        ({"kind": "transfer", "number": "9", "content_type": "image/png"}, "Transferencia-9.png"),
        ({"kind": "other", "title": "Carta de correção nº 1", "content_type": "application/xml"},
         "Documento-Carta-de-correcao-no-1.xml"),
        ({"kind": "other", "title": "../../etc/passwd\r\nX: y"}, "Documento-etc-passwd-X-y.pdf"),
        ({"kind": "other", "title": "発注"}, "Documento.pdf"),
        ({"kind": "unheard-of", "title": "x", "content_type": "x/y"}, "Documento-x.bin"),
    ],
)  # fmt: skip
def test_names_are_built_by_us_in_ascii(given, expected):
    assert name(**given) == expected


def test_a_name_is_never_too_long():
    assert len(name("other", title="x" * 1000)) <= 125


@pytest.mark.parametrize(
    ("title", "without_amounts"),
    [
        ("DANFE NF 1001/1 R$ 4.512,31", "DANFE NF 1001/1"),
        ("Comprovante R$1000 - frete", "Comprovante - frete"),
        ("Boleto 1/3 - R$ 1.000,87", "Boleto 1/3"),
        ("Frete 4512.31", "Frete"),
        ("Frete 4,512.31 pago", "Frete pago"),
        ("Frete BRL 4512", "Frete"),
        ("Nota 12.03.2026 de 1001", "Nota 12.03.2026 de 1001"),
        ("Recibo 1000,87 de 15/03/2026", "Recibo de 15/03/2026"),
        ("NF 1.001 venc. 15.03.2026", "NF 1.001 venc. 15.03.2026"),
        ("Séries", "Séries"),
    ],
)
def test_a_title_is_shown_without_amounts_to_who_may_not_see_them(title, without_amounts):
    document = Document(title=title)

    assert title_of(document, shows_prices=False) == without_amounts
    assert title_of(document, shows_prices=True) == title
