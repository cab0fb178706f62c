"""What the API tells a person is in their language; what it tells a program never is."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client

from tests.factories import make_order

WORDS = {
    "not-visible": ("Não encontrado.", "No encontrado.", "Not found."),
    "not-signed-in": ("Entre primeiro.", "Inicie sesión primero.", "Log in first."),
    "method_not_allowed": (
        'Método "POST" não é permitido.',
        'Método "POST" no permitido.',
        'Method "POST" not allowed.',
    ),
    "invalid-input": (
        "Confira o que foi enviado.",
        "Verifique lo que se envió.",
        "Check what was sent.",
    ),
}


@pytest.mark.parametrize("code", WORDS)
@pytest.mark.parametrize(("place", "language"), list(enumerate(("pt-BR", "es", "en"))))
def test_an_error_is_told_in_the_language_of_the_request(cast, client_for, code, place, language):
    ana, headers = client_for(cast.ana), {"Accept-Language": language}

    answer = {
        "not-visible": lambda: ana.get(f"/api/v1/orders/{uuid.uuid4()}", headers=headers),
        "not-signed-in": lambda: Client().get("/api/v1/orders", headers=headers),
        "method_not_allowed": lambda: ana.post("/api/v1/orders", headers=headers),
        "invalid-input": lambda: ana.get("/api/v1/orders?limit=0", headers=headers),
    }[code]()

    assert (answer.json()["code"], answer.json()["title"]) == (code, WORDS[code][place])


def test_what_programs_read_is_the_same_in_every_language(cast, client_for):
    make_order(cast.alfa)
    ana = client_for(cast.ana)

    told = [
        ana.get("/api/v1/orders", headers={"Accept-Language": language}).json()
        for language in ("pt-BR", "es", "en")
    ]

    assert told[0] == told[1] == told[2]
    assert told[0]["results"][0]["status"] == "invoiced"
