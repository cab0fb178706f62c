"""The words of the trade are the same everywhere, in each language: one glossary."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils import translation

from b2b_orders.portal import catalogues, words

GLOSSARY = [
    tuple(line.split(" | "))
    for line in Path(__file__).with_name("glossary.txt").read_text().splitlines()
    if not line.startswith("#")
]
STATUSES = {
    "placed": ("Recebido", "Recibido", "Received"),
    "awaiting_approval": (
        "Aguardando sua aprovação",
        "Pendiente de su aprobación",
        "Awaiting your approval",
    ),
    "awaiting_payment": ("Aguardando pagamento", "Pendiente de pago", "Awaiting payment"),
    "awaiting_erp": (
        "Aguardando entrada no ERP",
        "Pendiente de ingreso al ERP",
        "Waiting to enter the ERP",
    ),
    "commercial_review": ("Liberação comercial", "Aprobación comercial", "Commercial release"),
    "credit_review": ("Liberação financeira", "Aprobación de crédito", "Credit release"),
    "picking": ("Em separação", "En preparación", "Being picked"),
    "partly_invoiced": ("Faturado em parte", "Facturado parcialmente", "Partly invoiced"),
    "invoiced": ("Faturado", "Facturado", "Invoiced"),
    "shipped": ("Despachado", "Despachado", "Shipped"),
    "delivered": ("Entregue", "Entregado", "Delivered"),
    "cancel_requested": (
        "Cancelamento solicitado",
        "Cancelación solicitada",
        "Cancellation requested",
    ),
    "cancelled": ("Cancelado", "Cancelado", "Cancelled"),
    "replaced": ("Substituído", "Reemplazado", "Replaced"),
}


@pytest.mark.parametrize("code", STATUSES)
def test_a_status_is_called_by_its_one_name(code):
    said = []
    for language in ("pt-br", "es", "en"):
        with translation.override(language):
            said.append(str(words.FULFILMENT[code].text))

    assert tuple(said) == STATUSES[code]


@pytest.mark.parametrize(("language", "column"), [("pt_BR", 1), ("es", 2)])
def test_each_word_of_the_glossary_is_said_as_there(language, column):
    catalog = {
        message.id: message.string
        for message in catalogues.read(language)
        if isinstance(message.id, str)
    }
    used = [row for row in GLOSSARY if row[0] in catalog]

    assert [(row[0], catalog[row[0]]) for row in used if catalog[row[0]] != row[column]] == []
    assert len(used) >= 70
