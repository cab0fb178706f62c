"""S13: a question from the order's page, its place in the queue, and its answer."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from b2b_orders.companies.models import Membership, Role
from b2b_orders.documents.models import Document
from b2b_orders.orders.models import Order, Question
from b2b_orders.orders.services import store_readings
from b2b_orders.portal.answering import tell_askers
from tests.b2b_orders.portal.conftest import HOSTILE, address, o1_from_erp
from tests.b2b_orders.portal.pages import parse, texts, words
from tests.factories import NOW, make_reading

TEXT = "Onde está o XML da 1002?"


def put(client, order, text=TEXT, **more):
    return client.post(f"{address(order)}/perguntar", {"text": text, **more})


def act(client, link: str):
    """Follow a link of the queue, and give the reason that stands there."""
    form = parse(client.get(link)).xpath("//form[.//input[@name='reason']]")[0]
    fields = {one.get("name"): one.get("value") for one in form.xpath(".//input")}
    del fields["csrfmiddlewaretoken"]
    return fields["reason"], client.post("/atendimento/atuar", fields)


def inside(cast, order) -> str:
    return f"/c/{cast.alfa.public_id}{address(order)}"


def test_the_order_offers_to_ask_about_it(ana, world):
    page = ana.get(address(world.o1))

    [link] = parse(page).xpath("//a[contains(., 'Perguntar sobre este pedido')]/@href")
    form = ana.get(link)
    assert link == f"{address(world.o1)}/perguntar"
    assert form.status_code == 200
    assert "Pedido 1172452900788-01" in words(form)


def test_a_document_that_is_missed_offers_to_ask_about_it(ana, world):
    xml = Document.objects.get(key="x2")
    page = ana.get(address(world.o1))

    [link] = parse(page).xpath(f"//li[@id='doc-{xml.public_id}']//a[. = 'Perguntar']/@href")
    chosen = parse(ana.get(link)).xpath("//option[@selected]/@value")

    assert chosen == [str(xml.public_id)]


def test_a_question_shows_on_the_timeline_at_once(ana, world):
    sent = put(ana, world.o1)

    question = Question.objects.get()
    assert sent["Location"] == f"{address(world.o1)}/historico#question-{question.public_id}"
    page = ana.get(sent["Location"])
    [told] = texts(page, f"//li[@id='question-{question.public_id}']")
    assert told == f"10:00 Ana perguntou: {TEXT}"
    assert "Sua pergunta foi enviada." in words(page)


@pytest.mark.parametrize(
    ("text", "said"),
    [("  ", "Escreva o que quer saber."), ("a" * 1001, "Escreva no máximo 1.000 caracteres.")],
)
def test_a_text_that_cannot_be_taken_is_said_at_the_field_and_kept(ana, world, text, said):
    document = Document.objects.get(key="x2")

    response = put(ana, world.o1, text, document=document.public_id)

    assert response.status_code == 400
    assert said in words(response, "//*[@id='text-error']")
    field = parse(response).xpath("//textarea[@name='text']")[0]
    assert (field.text or "").strip("\n") == text.strip("\n")
    assert field.get("aria-invalid") == "true"
    assert parse(response).xpath("//option[@selected]/@value") == [str(document.public_id)]
    assert not Question.objects.exists()


def test_too_many_questions_are_refused_with_the_text_kept(ana, world, settings):
    settings.PORTAL_QUESTIONS_AN_HOUR = 1
    put(ana, world.o1, "uma")

    response = put(ana, world.o1, "outra")

    assert response.status_code == 400
    assert "São muitas perguntas em uma hora." in words(response)
    assert parse(response).xpath("//textarea")[0].text.strip() == "outra"


def test_what_the_asker_saw_is_kept_within_their_rights(ana, cast, world):
    put(ana, world.o1)
    Membership.objects.filter(person=cast.ana).update(role=Role.VIEWER)
    put(ana, world.o1, "e agora?")

    first, second = Question.objects.order_by("pk")
    assert first.seen["total"] == ["4512.30", "BRL"]
    assert second.seen["total"] is None
    assert {each["system"] for each in first.seen["sources"]} == {"erp", "vtex"}
    kinds = {
        question: set(
            Document.objects.filter(
                public_id__in=[each["id"] for each in question.seen["documents"]]
            ).values_list("kind", flat=True)
        )
        for question in (first, second)
    }
    assert "boleto" in kinds[first]
    assert "boleto" not in kinds[second]


def test_a_document_of_another_order_cannot_be_asked_about(ana, world):
    put(ana, world.o2, document=Document.objects.get(key="x2").public_id)

    assert Question.objects.get().document is None


def test_the_queue_names_company_order_and_age_but_not_the_text(ana, suzana, world, cast):
    put(ana, world.o1)

    page = suzana.get("/atendimento/perguntas")

    [row] = texts(page, "//tbody/tr")
    assert re.match(r"1172452900788-01 Pergunta \d+ Alfa Distribuidora O pedido inteiro", row)
    assert TEXT not in words(page)
    assert suzana.get(inside(cast, world.o1)).status_code == 404


def test_the_way_to_the_queue_is_marked_and_gives_way_to_a_companys_pages(ana, suzana, cast, world):
    current = "//nav[@aria-label='Principal']//a[@aria-current]"
    assert texts(suzana.get("/atendimento/perguntas"), current) == ["Perguntas"]
    assert texts(suzana.get("/atendimento"), current) == ["Atendimento"]
    put(ana, world.o1)
    link = parse(suzana.get("/atendimento/perguntas")).xpath("//tbody//a/@href")[0]
    act(suzana, link)

    inside_nav = texts(suzana.get(inside(cast, world.o1)), "//nav[@aria-label='Principal']//a")

    assert "Perguntas" not in inside_nav
    assert "Atendimento" in inside_nav


def test_support_acts_with_the_question_as_reason_and_sees_what_was_seen(ana, suzana, cast, world):
    put(ana, world.o1, document=Document.objects.get(key="x2").public_id)
    question = Question.objects.get()
    link = parse(suzana.get("/atendimento/perguntas")).xpath("//tbody//a/@href")[0]

    reason, started = act(suzana, link)

    assert reason == f"pergunta {question.pk}"
    page = suzana.get(started["Location"])
    card = words(page, f"//section[@id='answer-{question.public_id}']")
    assert TEXT in card
    assert "Pergunta de Ana, 10:00" in card
    assert "XML da NF-e · NF 1002" in card
    assert "XML da NF-e · NF 1002: Em emissão" in card
    assert "ERP: dados de 10:00" in card
    assert "Total: R$ 4.512,30" in card.replace("\xa0", " ")
    # What was there for the taking is not repeated.
    assert "DANFE" not in card
    # From now on the queue leads straight there.
    again = parse(suzana.get("/atendimento/perguntas")).xpath("//tbody//a/@href")[0]
    assert again == f"{inside(cast, world.o1)}#answer-{question.public_id}"


def answered(ana, suzana, cast, world, text="Chega ao meio-dia."):
    put(ana, world.o1)
    link = parse(suzana.get("/atendimento/perguntas")).xpath("//tbody//a/@href")[0]
    act(suzana, link)
    question = Question.objects.get()
    return suzana.post(f"{inside(cast, world.o1)}/perguntas/{question.public_id}", {"text": text})


def test_the_answer_is_on_the_timeline_of_everybody_of_the_company(
    ana, suzana, cast, world, client_for
):
    sent = answered(ana, suzana, cast, world)

    assert sent.status_code == 302
    for client in (ana, client_for(cast.bruno)):
        page = client.get(address(world.o1))
        assert "Suzana (Atendimento) respondeu: Chega ao meio-dia." in words(
            page, "//section[@id='timeline']"
        )
    assert not texts(suzana.get("/atendimento/perguntas"), "//tbody/tr")


def test_the_answer_goes_to_the_asker_by_mail(ana, suzana, cast, world, mailoutbox):
    cast.ana.language = "es"
    cast.ana.save()
    answered(ana, suzana, cast, world)

    tell_askers(now=NOW)

    [mail] = mailoutbox
    assert mail.to == ["ana@example.com"]
    assert mail.subject == "Respuesta sobre el pedido 1172452900788-01"
    assert TEXT in mail.body
    assert "Suzana (" in mail.body
    assert "Chega ao meio-dia." in mail.body
    assert f"/c/{cast.alfa.public_id}{address(world.o1)}/historico#question-" in mail.body


def test_support_that_acts_answers_and_asks_nothing(ana, suzana, cast, world):
    answered(ana, suzana, cast, world)

    asked = suzana.post(f"{inside(cast, world.o1)}/perguntar", {"text": "E o boleto?"})

    assert asked.status_code == 403
    assert suzana.get(f"{inside(cast, world.o1)}/perguntar").status_code == 404
    assert Question.objects.get().text == TEXT


def test_an_answer_without_text_is_said_at_the_field(ana, suzana, cast, world):
    response = answered(ana, suzana, cast, world, text="  ")

    assert response.status_code == 400
    assert "Escreva uma resposta." in words(response)
    assert "Pedido 1172452900788-01" in words(response)


def test_hostile_text_is_text_everywhere(ana, suzana, cast, world, mailoutbox):
    put(ana, world.o1, HOSTILE)
    link = parse(suzana.get("/atendimento/perguntas")).xpath("//tbody//a/@href")[0]
    act(suzana, link)
    question = Question.objects.get()
    at = inside(cast, world.o1)
    suzana.post(f"{at}/perguntas/{question.public_id}", {"text": HOSTILE})
    tell_askers(now=NOW)

    for page in (ana.get(address(world.o1)), suzana.get(at)):
        assert HOSTILE in words(page)
        assert HOSTILE.encode() not in page.content
    html = mailoutbox[0].alternatives[0][0]
    assert HOSTILE not in html
    assert "&lt;script&gt;" in html


def test_telesales_answer_in_their_portfolio_without_amounts(ana, teo, cast, world):
    put(ana, world.o1)
    link = parse(teo.get("/atendimento/perguntas")).xpath("//tbody//a/@href")[0]

    page = teo.get(link.partition("#")[0])

    card = words(page, "//section[starts-with(@id, 'answer-')]")
    assert TEXT in card
    assert "R$" not in card
    question = Question.objects.get()
    teo.post(f"{inside(cast, world.o1)}/perguntas/{question.public_id}", {"text": "Hoje."})
    assert "Teo (Televendas) respondeu: Hoje." in words(ana.get(address(world.o1)))


def test_an_empty_queue_does_not_say_that_customers_wait(suzana, world):
    page = words(suzana.get("/atendimento/perguntas"))

    assert "Nenhuma pergunta em aberto" in page
    assert "Clientes esperam" not in page


@pytest.mark.parametrize("person", ["ana", "olga"])
def test_others_have_no_queue(client_for, cast, world, person):
    assert client_for(getattr(cast, person)).get("/atendimento/perguntas").status_code == 404


def test_staff_are_not_offered_to_ask(teo, cast, world):
    at = inside(cast, world.o1)

    assert "Perguntar sobre este pedido" not in words(teo.get(at))
    assert teo.get(f"{at}/perguntar").status_code == 404
    assert teo.post(f"{at}/perguntar", {"text": "x"}).status_code == 404


def test_questions_stay_when_orders_become_one(ana, world, cast):
    put(ana, world.o3)
    put(ana, world.o1, "da outra")

    # The ERP says that its order is the other one of the site, too.
    both = replace(o1_from_erp(), web_numbers=("1172452900788-01", "1172452900999-01"))
    reading = make_reading(both, read_at=NOW + timedelta(minutes=1))
    store_readings(
        connection="erp",
        readings=[reading],
        now=NOW + timedelta(minutes=1),
        company_id=cast.alfa.pk,
    )

    remaining = Order.objects.get(pk__in=[world.o1.pk, world.o3.pk])
    page = ana.get(address(remaining))
    assert TEXT in words(page)
    assert "da outra" in words(page)
