"""The words of the trade are the same everywhere, in the three languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.utils import translation

from b2b_orders.portal import catalogues, words, words_help
from b2b_orders.portal.presenters.help_page import help_page
from tests.b2b_orders.portal.pages import parse, texts
from tests.b2b_orders.portal.pages import words as spoken
from tests.factories import NOW

# What the source calls it: pt-BR, es, en.
GLOSSARY = {
    "Order": ("Pedido", "Pedido", "Order"),
    "Web order": ("Pedido do site", "Pedido web", "Web order"),
    "ERP order": ("Pedido do ERP", "Pedido ERP", "ERP order"),
    "Your number": ("Seu número", "Su número", "Your number"),
    "Search": ("Buscar", "Buscar", "Search"),
    "Look in the ERP now": (
        "Procurar no ERP agora",
        "Buscar en el ERP ahora",
        "Look in the ERP now",
    ),
    "Status": ("Situação", "Estado", "Status"),
    "Website": ("Site", "Tienda web", "Website"),
    "Telesales": ("Televendas", "Televentas", "Telesales"),
    "Placed by": ("Feito por", "Realizado por", "Placed by"),
    "Company": ("Empresa", "Empresa", "Company"),
    "Branch": ("Filial", "Sucursal", "Branch"),
    "Switch company": ("Trocar de empresa", "Cambiar de empresa", "Switch company"),
    "Refresh": ("Atualizar", "Actualizar", "Refresh"),
    "Disagreement": ("Divergência", "Discrepancia", "Disagreement"),
    "Received": ("Recebido", "Recibido", "Received"),
    "Awaiting your approval": (
        "Aguardando sua aprovação",
        "Pendiente de su aprobación",
        "Awaiting your approval",
    ),
    "Awaiting payment": ("Aguardando pagamento", "Pendiente de pago", "Awaiting payment"),
    "Waiting to enter the ERP": (
        "Aguardando entrada no ERP",
        "Pendiente de ingreso al ERP",
        "Waiting to enter the ERP",
    ),
    "Commercial release": ("Liberação comercial", "Aprobación comercial", "Commercial release"),
    "Credit release": ("Liberação financeira", "Aprobación de crédito", "Credit release"),
    "Being picked": ("Em separação", "En preparación", "Being picked"),
    "Partly invoiced": ("Faturado em parte", "Facturado parcialmente", "Partly invoiced"),
    "Invoiced": ("Faturado", "Facturado", "Invoiced"),
    "Shipped": ("Despachado", "Despachado", "Shipped"),
    "Delivered": ("Entregue", "Entregado", "Delivered"),
    "Cancellation requested": (
        "Cancelamento solicitado",
        "Cancelación solicitada",
        "Cancellation requested",
    ),
    "Cancelled": ("Cancelado", "Cancelado", "Cancelled"),
    "Replaced": ("Substituído", "Reemplazado", "Replaced"),
    "unmapped": ("não mapeado", "sin mapear", "unmapped"),
    "Carrier": ("Transportadora", "Transportista", "Carrier"),
    "Tracking": ("Rastreio", "Seguimiento", "Tracking"),
    "Freight": ("Frete", "Flete", "Freight"),
    "Items": ("Itens", "Artículos", "Items"),
    "Unit price": ("Preço unitário", "Precio unitario", "Unit price"),
    "Discount": ("Desconto", "Descuento", "Discount"),
    "Taxes": ("Impostos", "Impuestos", "Taxes"),
    "Documents": ("Documentos", "Documentos", "Documents"),
    "Invoice (NF)": ("Nota fiscal (NF)", "Factura (NF)", "Invoice (NF)"),
    "Access key": ("Chave de acesso", "Clave de acceso", "Access key"),
    "NF-e XML": ("XML da NF-e", "XML de la NF-e", "NF-e XML"),
    "Correction letter (CC-e)": (
        "Carta de correção (CC-e)",
        "Carta de corrección (CC-e)",
        "Correction letter (CC-e)",
    ),
    "Available": ("Disponível", "Disponible", "Available"),
    "Being issued": ("Em emissão", "En emisión", "Being issued"),
    "Expected, late": ("Esperado, atrasado", "Esperado, con retraso", "Expected, late"),
    "Does not apply": ("Não se aplica", "No corresponde", "Does not apply"),
    "Damaged file": ("Arquivo com defeito", "Archivo dañado", "Damaged file"),
    "Download": ("Baixar", "Descargar", "Download"),
    "Finance": ("Financeiro", "Finanzas", "Finance"),
    "Boleto number line": ("Linha digitável", "Línea numérica del boleto", "Boleto number line"),
    "Bar code": ("Código de barras", "Código de barras", "Bar code"),
    "Not yet due": ("A vencer", "Por vencer", "Not yet due"),
    "Overdue": ("Vencido", "Vencido", "Overdue"),
    "Paid": ("Pago", "Pagado", "Paid"),
    "Company admin": (
        "Administrador da empresa",
        "Administrador de la empresa",
        "Company admin",
    ),
    "Boleto copy": ("2ª via do boleto", "Copia del boleto", "Boleto copy"),
    "Proof of delivery": (
        "Canhoto / comprovante de entrega",
        "Comprobante de entrega",
        "Proof of delivery",
    ),
    "Recipient's statement": (
        "Manifestação do destinatário",
        "Manifestación del destinatario",
        "Recipient's statement",
    ),
    "Purchase order (PO)": ("Ordem de compra (OC)", "Orden de compra (OC)", "Purchase order (PO)"),
    "State registration (IE)": (
        "Inscrição estadual (IE)",
        "Inscripción estatal (IE)",
        "State registration (IE)",
    ),
    "Stop acting": ("Encerrar atendimento", "Finalizar la atención", "Stop acting"),
    "Try again": ("Tentar de novo", "Reintentar", "Try again"),
}
# The rest of the glossary: its source, pt-BR, es.
for _line in Path(__file__).with_name("glossary.txt").read_text().splitlines():
    if _line and not _line.startswith("#"):
        _source, *_words = _line.split(" | ")
        GLOSSARY.setdefault(_source, (*_words[:2], _source))
LANGUAGES = ("pt_BR", "es", "en")
AVOIDED = {
    "pt_BR": (
        r"\bProcessando\b",
        r"\bRevendedor",
        r"registro não encontrado",
    ),
    "es": (r"\bProcesando\b", r"\bRevendedor", r"registro no encontrado"),
    "en": (r"\bProcessing\b", r"\bReseller", r"\brecord not found"),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_term_has_its_one_word(language):
    catalogue = catalogues.read(language)
    place = LANGUAGES.index(language)

    known = {
        term: message.string or term
        for term in GLOSSARY
        if (message := catalogue.get(term)) is not None
    }

    assert known == {term: GLOSSARY[term][place] for term in known}
    assert len(known) >= 90


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_uses_a_word_to_avoid(language):
    found = []
    for message in catalogues.read(language):
        said = message.string if isinstance(message.string, tuple) else (message.string,)
        source = message.id if isinstance(message.id, tuple) else (message.id,)
        for text in (*said, *(source if language == "en" else ())):
            found += [
                text for word in AVOIDED[language] if re.search(word, text or "", re.IGNORECASE)
            ]

    assert found == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_state_of_an_order_is_called_sent(language):
    with translation.override(language.replace("_", "-").lower()):
        states = [
            str(word.text)
            for table in (words.FULFILMENT, words.BILLING, words.PAYMENT)
            for word in table.values()
        ]

    assert len(states) == 26
    assert not {"Enviado", "Sent"} & set(states)


def test_everything_that_pages_say_is_explained():
    assert set(words_help.STATUS_MEANING) == set(words.FULFILMENT)
    assert set(words_help.DOCUMENT_STATE_MEANING) == set(words.DOCUMENT_STATE)
    assert set(words_help.NUMBER_HELP) == set(words.NUMBER_KIND)
    assert len({term.slug for term in words_help.TERMS}) == len(words_help.TERMS)


@pytest.mark.parametrize(
    ("language", "term", "meaning"),
    [
        ("pt-br", "DANFE", "Forma impressa da NF-e, que acompanha a mercadoria."),
        ("es", "DANFE", "Representación impresa de la NF-e, que viaja con la mercadería."),
        ("en", "DANFE", "Printed form of the NF-e, which travels with the goods."),
    ],
)
def test_help_explains_brazilian_names_in_the_persons_language(
    ana, cast, sources, language, term, meaning
):
    cast.ana.language = language
    cast.ana.save()

    page = ana.get("/ajuda")

    assert spoken(page, "//*[dt[@id='term-danfe']]") == f"{term} {meaning}"


def test_help_is_one_page_whose_anchors_all_lead_somewhere(ana, sources):
    page = parse(ana.get("/ajuda"))

    ids = page.xpath("//@id")
    anchors = [link[1:] for link in page.xpath("//a/@href") if link.startswith("#")]

    assert len(ids) == len(set(ids))
    assert set(anchors) <= set(ids)
    assert len(anchors) > 10
    assert [heading.tag for heading in page.xpath("//main//h1 | //main//h2")][:2] == ["h1", "h2"]
    assert len(ana.get("/ajuda").content) < 60_000


def test_help_says_how_the_sources_do_and_names_no_machine(ana, sources, erp_down):
    sources["erp"].settings = {"url": "https://erp.internal.example"}
    sources["erp"].save()

    page = ana.get("/ajuda")

    said = texts(page, "//section[@aria-labelledby='sources']//dl/div")
    assert said == [
        "Site Respondendo Dados de 10:00.",
        "ERP Sem resposta ERP sem resposta desde 09:15. Mostrando dados das 09:14.",
    ]
    assert "internal" not in page.content.decode()


def test_help_without_any_source_says_so(ana):
    assert help_page((), now=NOW).sources == ()
    assert "Nenhuma fonte foi configurada ainda." in spoken(ana.get("/ajuda"))


@pytest.mark.parametrize("name", ["ana", "carla", "rita", "suzana", "teo", "olga"])
def test_help_is_there_for_everybody_who_has_logged_in(cast, client_for, client, name):
    assert client_for(getattr(cast, name)).get("/ajuda").status_code == 200
    assert client.get("/ajuda")["Location"].startswith("/accounts/login/")


def test_help_stays_with_the_company_that_staff_look_at(cast, client_for, world):
    inside = f"/c/{cast.alfa.public_id}"

    page = client_for(cast.teo).get(f"{inside}/ajuda")

    assert f"{inside}/documentos" in parse(page).xpath("//nav//a/@href")
    assert client_for(cast.teo).get(f"/c/{cast.beta.public_id}/ajuda").status_code == 404
