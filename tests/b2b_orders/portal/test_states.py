"""Every state that a page can be in says these very words, in three languages.

The words are the promise: who changes one changes it here, in all three.
"""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import RequestFactory
from django.utils import translation

from b2b_orders.accounts.models import Person
from b2b_orders.documents.models import Document
from b2b_orders.orders.models import Order
from b2b_orders.portal.views import errors
from tests.b2b_orders.portal.conftest import address
from tests.b2b_orders.portal.pages import parse, words
from tests.factories import NOW

LANGUAGES = ("pt-br", "es", "en")
# State: pt-BR, es, en. What stands for values of the moment is theirs: a company, a time.
STATES = {
    "first visit": (
        (
            "Nenhum pedido da Beta Comércio ainda. Quando a loja ou o ERP registrar um, ele aparece"
            " aqui."
        ),
        (
            "Beta Comércio aún no tiene pedidos. Cuando la tienda o el ERP registre uno, aparecerá"
            " aquí."
        ),
        "Beta Comércio has no orders yet. When the shop or the ERP records one, it shows here.",
    ),
    "not found": (
        (
            'Nada com "999999" nos pedidos da Alfa Distribuidora (todas as filiais, desde 03/2026).'
            " Procuramos em: pedido do site, ERP, seu número, NF, boleto."
        ),
        (
            'Nada con "999999" en los pedidos de Alfa Distribuidora (todas las sucursales, desde'
            " 03/2026). Buscamos en: pedido web, ERP, su número, factura, boleto."
        ),
        (
            'Nothing for "999999" in Alfa Distribuidora\'s orders (all branches, since Mar'
            " 2026). We"
            " looked in: web order, ERP order, your number, invoice, boleto."
        ),
    ),
    "not found, source down": (
        (
            'Não achamos "999999" nos dados que temos (ERP das 09:14). O ERP não responde desde'
            " 09:15: o pedido pode existir e ainda não ter chegado."
        ),
        (
            'No encontramos "999999" en los datos que tenemos (ERP de las 09:14). El ERP no'
            " responde"
            " desde las 09:15: el pedido puede existir y no haber llegado aún."
        ),
        (
            'No "999999" in the data we hold (ERP as of 09:14). The ERP has not answered since'
            " 09:15:"
            " the order may exist and not have reached us yet."
        ),
    ),
    "stale": (
        "ERP sem resposta desde 09:15. Mostrando dados das 09:14.",
        "El ERP no responde desde las 09:15. Mostramos datos de las 09:14.",
        "ERP not answering since 09:15. Showing data as of 09:14.",
    ),
    "look-up running": (
        "Procurando no ERP… pode levar até 8 s. Pode continuar usando a página.",
        "Buscando en el ERP… puede tardar hasta 8 s. Puede seguir usando la página.",
        "Looking in the ERP… up to 8 s. You can go on using the page.",
    ),
    "disagreement": (
        "Site e ERP divergem neste pedido. Vale o ERP. Já avisamos a equipe.",
        "La tienda y el ERP difieren en este pedido. Prevalece el ERP. Ya avisamos al equipo.",
        "Site and ERP differ on this order. The ERP rules. The team has been told.",
    ),
    "document being issued": (
        "Em emissão desde 10:00. Verificamos a cada 10 minutos.",
        "En emisión desde las 10:00. Verificamos cada 10 minutos.",
        "Being issued since 10:00. We check every 10 minutes.",
    ),
    "document damaged": (
        (
            "O sistema do fornecedor enviou um arquivo com defeito. Avisamos a equipe; tente de"
            " novo"
            " mais tarde."
        ),
        "El sistema del proveedor envió un archivo dañado. Avisamos al equipo; intente más tarde.",
        "The supplier's system sent a damaged file. The team has been told; try again later.",
    ),
    "boleto not checked": (
        (
            "Não foi possível conferir no banco agora. Cópia das 09:15: confira valor e"
            " beneficiário"
            " antes de pagar."
        ),
        (
            "No fue posible verificar con el banco. Copia de las 09:15: verifique importe y"
            " beneficiario antes de pagar."
        ),
        (
            "Could not check with the bank just now. Copy of 09:15: check amount and beneficiary"
            " before paying."
        ),
    ),
    "unknown address": (
        (
            "Página não encontrada para a Alfa Distribuidora. O endereço pode ter mudado ou"
            " pertencer"
            " a outra empresa."
        ),
        (
            "Página no encontrada para Alfa Distribuidora. La dirección puede haber cambiado o"
            " pertenecer a otra empresa."
        ),
        (
            "Page not found for Alfa Distribuidora. The address may have changed or belong to"
            " another"
            " company."
        ),
    ),
    "switched company elsewhere": (
        "Você mudou para a Beta Comércio em outra aba. Continuar aqui como Alfa Distribuidora?",
        "Cambió a Beta Comércio en otra pestaña. ¿Continuar aquí como Alfa Distribuidora?",
        "You switched to Beta Comércio in another tab. Go on here as Alfa Distribuidora?",
    ),
    "slowed": (
        "Muitas consultas em pouco tempo. Tente de novo em 60 s.",
        "Demasiadas consultas en poco tiempo. Intente de nuevo en 60 s.",
        "Too many look-ups in a short time. Try again in 60 s.",
    ),
    "offline": (
        "Sem internet. O que você digitou está guardado.",
        "Sin internet. Lo que escribió está guardado.",
        "No connection. What you typed is kept.",
    ),
    "our fault": (
        "Algo falhou do nosso lado (código 7F3A). Seus dados não mudaram.",
        "Algo falló de nuestro lado (código 7F3A). Sus datos no cambiaron.",
        "Something failed on our side (code 7F3A). Your data has not changed.",
    ),
}


class Pages:
    """Bring the portal into a state, and read what Ana's page says then."""

    def __init__(self, cast, client_for, world, erp, settings):
        self.cast, self.client_for, self.world = cast, client_for, world
        self.erp, self.settings = erp, settings
        self.ana = client_for(cast.ana)

    def read(self, state: str) -> str:
        return getattr(self, state.replace(", ", "_").replace(" ", "_").replace("-", "_"))()

    def page(self, path: str, xpath: str = "//main") -> str:
        return words(self.ana.get(path), xpath)

    def order(self) -> str:
        return self.page(address(self.world.o1))

    def fall_silent(self) -> None:
        self.erp.last_success_at = NOW - timedelta(minutes=46)
        self.erp.down_since = NOW - timedelta(minutes=45)
        self.erp.save()

    def first_visit(self) -> str:
        Order.objects.filter(company=self.cast.beta).update(company=None)
        return words(self.client_for(self.cast.beto).get("/pedidos"), "//main")

    def not_found(self) -> str:
        return self.page("/pedidos?q=999999")

    def not_found_source_down(self) -> str:
        self.fall_silent()
        return self.not_found()

    def stale(self) -> str:
        self.fall_silent()
        return self.page("/pedidos", "//*[@id='freshness']")

    def look_up_running(self) -> str:
        asked = self.ana.post("/pedidos/procurar", {"q": "999999"})
        return self.page(asked["Location"], "//*[@id='lookup']")

    def disagreement(self) -> str:
        return self.order()

    def document_being_issued(self) -> str:
        return self.order()

    def document_damaged(self) -> str:
        Document.objects.filter(key="x1").update(state="damaged")
        return self.order()

    def boleto_not_checked(self) -> str:
        self.fall_silent()
        Document.objects.filter(key="b2").update(fetched_at=NOW - timedelta(minutes=45))
        return self.order()

    def unknown_address(self) -> str:
        return self.page("/pedidos/00000000-0000-4000-8000-000000000000")

    def switched_company_elsewhere(self) -> str:
        davi = parse(self.client_for(self.cast.davi).get("/pedidos"))
        guard = davi.xpath("//template[@data-company-guard]")[0]
        guard.xpath(".//*[@data-other]")[0].text = "Beta Comércio"
        return " ".join(part.text_content() for part in guard.xpath(".//h1 | .//p"))

    def slowed(self) -> str:
        self.settings.PORTAL_LIMITS = {**self.settings.PORTAL_LIMITS, "search": 1}
        self.ana.get("/pedidos?q=1")
        return self.page("/pedidos?q=1")

    def offline(self) -> str:
        return self.page("/pedidos", "//*[@data-offline]")

    def our_fault(self) -> str:
        request = RequestFactory().get("/")
        request.request_id = "7f3a0000"
        with translation.override(Person.objects.get(pk=self.cast.ana.pk).language):
            return words(errors.server_error(request), "//main")


@pytest.fixture
def pages(cast, client_for, world, sources, settings) -> Pages:
    return Pages(cast, client_for, world, sources["erp"], settings)


def one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).casefold()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", STATES)
def test_a_state_says_its_very_words(pages, state, language):
    Person.objects.update(language=language)

    said = one_line(pages.read(state))

    words_of_state = one_line(STATES[state][LANGUAGES.index(language)])
    assert re.search(rf"(?<!\w){re.escape(words_of_state)}", said), said


def test_no_state_says_anything_of_another_company(pages):
    for state in sorted(set(STATES) - {"first visit", "switched company elsewhere"}):
        assert "beta" not in one_line(pages.read(state)), state
