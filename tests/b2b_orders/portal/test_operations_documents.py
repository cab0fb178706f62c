"""Operations' rules for documents, through their page; and what a buyer sees of them."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from b2b_orders.audit.models import Action, AuditEvent
from b2b_orders.companies.models import Company
from b2b_orders.documents.models import Document, DocumentRule, Watch
from b2b_orders.ingest import errand_documents, errands
from b2b_orders.ingest.errands import run_errand
from b2b_orders.ingest.models import Errand
from tests.b2b_orders.documents.test_expecting import DANFE, LATER, XML, read
from tests.b2b_orders.portal.pages import words
from tests.factories import NOW

PAGE = "/operacao/documentos"


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errands, "_wake_worker_aside", lambda errand_id: None)
    monkeypatch.setattr(errands, "wake_worker", lambda errand_id: None)


@pytest.fixture
def olga(cast, client_for, sources, document_rules) -> Client:
    return client_for(cast.olga)


def post(client: Client, errand: str = "document-rule", **fields):
    return client.post(PAGE, {"errand": errand, "form": "rule", **fields})


def do() -> Errand:
    errand = Errand.objects.get(state="waiting")
    run_errand(errand_id=errand.pk, clock=lambda: NOW + timedelta(seconds=2))
    errand.refresh_from_db()
    return errand


def kinds() -> list[str]:
    rules = DocumentRule.objects.order_by("position")
    return [f"{rule.kind} {rule.effect}" for rule in rules]


def test_the_rules_of_the_beginning_are_listed_in_their_order(olga):
    page = words(olga.get(PAGE))

    assert "a nota tem títulos em aberto" in page
    assert kinds() == [
        "nfe_xml expect",
        "danfe expect",
        "boleto expect",
        "gnre expect",
        "gnre not_applicable",
        "gare not_applicable",
    ]


def test_a_new_rule_is_made_by_a_worker_recorded_and_applied_to_all_orders(olga, cast):
    record_id = read(cast.alfa, documents=(DANFE,))

    response = post(olga, change="put", kind="serials", effect="expect", has_titles="no")
    assert response.status_code == 302
    assert not DocumentRule.objects.filter(kind="serials").exists()
    errand = do()

    assert errand.outcome == {"code": "rule-changed", "count": 1}
    rule = DocumentRule.objects.get(kind="serials")
    assert (rule.conditions, rule.person, rule.position) == ({"has_titles": False}, cast.olga, 7)
    serials = Document.objects.get(kind="serials")
    assert (serials.record_id, serials.state, serials.rule) == (record_id, "expected", rule)
    event = AuditEvent.objects.get(action=Action.DOCUMENT_RULE_CHANGED)
    assert (event.person, event.object_id) == (cast.olga, str(rule.public_id))
    assert (event.detail["kind"], event.detail["change"]) == ("serials", "put")


def test_what_a_worker_does_twice_is_one_rule(olga):
    post(olga, change="put", kind="serials", effect="expect")
    do()
    Errand.objects.update(state="waiting", outcome={})
    do()

    assert DocumentRule.objects.filter(kind="serials").count() == 1


def test_a_long_run_goes_on_where_it_ended(olga, cast, monkeypatch):
    read(cast.alfa, documents=(DANFE,))
    monkeypatch.setattr(errand_documents, "TURN_SECONDS", 0.0)
    post(olga, change="put", kind="serials", effect="expect")

    assert do().outcome["code"] == "going-on"
    DocumentRule.objects.filter(kind="serials").update(customer_type="changed meanwhile")
    # Its next turn does not write the rule again.
    assert do().outcome["code"] == "rule-changed"
    assert DocumentRule.objects.get(kind="serials").customer_type == "changed meanwhile"


def test_a_rule_is_changed_moved_switched_off_and_deleted(olga):
    rule = DocumentRule.objects.get(kind="gare")
    named = {"rule": str(rule.public_id)}

    post(
        olga,
        change="put",
        **named,
        kind="gare",
        effect="expect",
        to_states="sp, rj",
        connection="erp",
    )
    do()
    rule.refresh_from_db()
    assert (rule.effect, rule.connection, rule.conditions) == (
        "expect",
        "erp",
        {"to_states": ["RJ", "SP"]},
    )
    post(olga, change="move", **named, place="1")
    do()
    assert kinds()[:2] == ["gare expect", "nfe_xml expect"]
    post(olga, change="switch", **named, is_enabled="no")
    do()
    rule.refresh_from_db()
    assert not rule.is_enabled
    assert "desligada" in words(olga.get(PAGE))
    post(olga, change="drop", **named)
    do()
    assert not DocumentRule.objects.filter(kind="gare").exists()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"kind": "poem"}, "Escolha um documento."),
        ({"effect": "burn"}, "Escolha o que a regra diz."),
        ({"to_states": "XX"}, "Escreva os estados com duas letras: SP RJ."),
        ({"connection": "nowhere"}, "Escolha uma conexão."),
        ({"crosses_state": "maybe"}, "Escolha uma das respostas."),
        ({"customer_type": "x" * 41}, "Um tipo de cliente tem no máximo 40 caracteres."),
        (
            {"effect": "hide", "has_titles": "yes"},
            "O que é ocultado só pode depender da conexão e do tipo de cliente.",
        ),
    ],
)
def test_what_is_wrong_is_said_at_the_form_and_nothing_is_done(olga, fields, says):
    response = post(olga, **({"change": "put", "kind": "danfe", "effect": "expect"} | fields))

    assert response.status_code == 400
    assert says in words(response)
    assert not Errand.objects.exists()


@pytest.mark.parametrize("rule", ["nonsense", "00000000-0000-4000-8000-000000000000"])
def test_a_rule_that_does_not_exist_cannot_be_changed(olga, rule):
    assert post(olga, change="drop", rule=rule).status_code == 404
    assert not Errand.objects.exists()


def test_a_company_gets_its_type_and_rules_for_it_hold(olga, cast, client_for):
    read(cast.alfa, documents=(DANFE, XML))
    DocumentRule.objects.create(
        kind="danfe", effect="hide", customer_type="órgão público", changed_at=NOW
    )
    order = Document.objects.first().record.order
    ana = client_for(cast.ana)
    assert "DANFE" in words(ana.get(f"/pedidos/{order.public_id}"))

    post(
        olga,
        "customer-type",
        form="type",
        company="alfa distribuidora",
        customer_type=" Órgão  Público",
    )
    assert do().outcome["code"] == "type-changed"

    assert Company.objects.get(pk=cast.alfa.pk).customer_type == "órgão público"
    assert "DANFE" not in words(ana.get(f"/pedidos/{order.public_id}"))
    assert "órgão público" in words(olga.get(PAGE))
    event = AuditEvent.objects.get(action=Action.CUSTOMER_TYPE_CHANGED)
    assert (event.company, event.detail["before"], event.detail["now"]) == (
        cast.alfa,
        "",
        "órgão público",
    )


# --- the buyer's side -------------------------------------------------------------------------


def test_a_buyer_is_told_since_when_and_may_ask_to_be_told(cast, client_for, document_rules):
    read(cast.alfa, documents=(DANFE,))
    xml = Document.objects.get(kind="nfe_xml")
    order = xml.record.order
    ana = client_for(cast.ana)
    page = f"/pedidos/{order.public_id}"

    shown = words(ana.get(page))
    assert "Em emissão desde 10:00. Verificamos a cada 10 minutos." in shown
    assert "Avise-me" in shown
    assert f'documentos/{xml.public_id}"' not in ana.get(page).content.decode()

    answer = ana.post(f"{page}/documentos/{xml.public_id}/aviso")
    assert (answer.status_code, answer["Location"]) == (302, f"{page}#doc-{xml.public_id}")
    assert "Avisaremos por e-mail quando estiver disponível." in words(ana.get(page))
    ana.post(f"{page}/documentos/{xml.public_id}/aviso", {"undo": "1"})
    assert not Watch.objects.exists()


def test_after_a_day_it_is_late(cast, client_for, document_rules):
    read(cast.alfa, documents=(DANFE,))
    order = Document.objects.first().record.order

    with time_machine.travel(NOW + timedelta(days=1, minutes=1), tick=False):
        shown = words(client_for(cast.ana).get(f"/pedidos/{order.public_id}"))

    assert "Esperado, atrasado" in shown
    assert "a cada 10 minutos" not in shown


def test_staff_are_not_offered_to_be_told(cast, client_for, document_rules):
    read(cast.alfa, documents=(DANFE,))
    order = Document.objects.first().record.order
    teo = client_for(cast.teo)

    shown = words(teo.get(f"/c/{cast.alfa.public_id}/pedidos/{order.public_id}"))

    assert "Em emissão" in shown
    assert "Avise-me" not in shown


def test_the_documents_of_a_cancelled_invoice_say_so(cast, client_for, document_rules):
    read(cast.alfa, documents=(DANFE, XML), at=LATER)
    Document.objects.filter(key="danfe").update(state="cancelled", reason="invoice-cancelled")
    order = Document.objects.first().record.order

    shown = words(client_for(cast.ana).get(f"/pedidos/{order.public_id}"))

    assert "O fornecedor cancelou esta nota fiscal." in shown
